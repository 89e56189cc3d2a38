/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/archive_kind.h"

#include <assert.h>
#include <string.h>

#include "base/attributes.h"
#include "base/reader.h"
#include "scanners/program_end.h"
#include "scanners/zip_directory.h"

enum {
	TAR_HEADER_LEN = 512,    /* one block */
	TAR_CHECKSUM_AT = 148,   /* eight bytes, octal */
	TAR_ZEROS_MAX = 65536,   /* bytes of zero blocks before a tar */
	SKIPPABLE_MAX = 1024,    /* frames before one that holds data */
	CPIO_HEADER_LEN = 26,    /* of the old binary one */
	APPENDED_WINDOW = 65536, /* behind a program: 7-Zip's stub has settings first */
	SEVENZIP_START_LEN = 32, /* the signature header */
	SEVENZIP_HEADER_MAX = 1024, /* bytes of an encoded header that are looked at */
};

static const struct magic {
	uint64_t offset;
	size_t len;
	const char *bytes;
	enum archive_kind kind;
} magics[] = {
	{ 0, 4, "PK\x03\x04", ARCHIVE_ZIP },
	{ 0, 4, "PK\x05\x06", ARCHIVE_ZIP },
	{ 0, 6, "PK\x07\x08PK", ARCHIVE_ZIP },
	{ 0, 6, "PK00PK", ARCHIVE_ZIP },
	{ 0, 6, "7z\xbc\xaf\x27\x1c", ARCHIVE_7Z },
	{ 0, 7, "Rar!\x1a\x07\x00", ARCHIVE_RAR4 },
	{ 0, 8, "Rar!\x1a\x07\x01\x00", ARCHIVE_RAR5 },
	{ 0, 8, "MSCF\0\0\0\0", ARCHIVE_CAB },
	{ 257, 5, "ustar", ARCHIVE_TAR },
	{ 0, 6, "070701", ARCHIVE_CPIO },
	{ 0, 6, "070702", ARCHIVE_CPIO },
	{ 0, 6, "070707", ARCHIVE_CPIO },
	{ 0, 8, "!<arch>\n", ARCHIVE_AR },
	{ 32769, 5, "CD001", ARCHIVE_ISO },
	{ 0, 4, "\xed\xab\xee\xdb", ARCHIVE_RPM },
	{ 0, 6,
	    "\xfd"
	    "7zXZ\x00",
	    ARCHIVE_XZ },
	{ 0, 4, "\x28\xb5\x2f\xfd", ARCHIVE_ZSTD },
	{ 0, 4, "\x04\x22\x4d\x18", ARCHIVE_LZ4 },
	{ 0, 4, "\x02\x21\x4c\x18", ARCHIVE_LZ4 }, /* legacy */
	{ 0, 5, "LZIP\x01", ARCHIVE_LZIP },
};

bool
archive_kind_is_plain(enum archive_kind kind)
{
	return kind == ARCHIVE_TAR || kind == ARCHIVE_CPIO || kind == ARCHIVE_AR ||
	       kind == ARCHIVE_ISO;
}

const char *
archive_kind_name(enum archive_kind kind)
{
	static const char *const names[ARCHIVE_KIND_MAX_] = {
		[ARCHIVE_ZIP] = "ZIP",
		[ARCHIVE_7Z] = "7Z",
		[ARCHIVE_RAR4] = "RAR",
		[ARCHIVE_RAR5] = "RAR",
		[ARCHIVE_CAB] = "CAB",
		[ARCHIVE_TAR] = "TAR",
		[ARCHIVE_CPIO] = "CPIO",
		[ARCHIVE_AR] = "AR",
		[ARCHIVE_ISO] = "ISO",
		[ARCHIVE_RPM] = "RPM",
		[ARCHIVE_GZIP] = "GZIP",
		[ARCHIVE_BZIP2] = "BZIP2",
		[ARCHIVE_XZ] = "XZ",
		[ARCHIVE_ZSTD] = "ZSTD",
		[ARCHIVE_LZ4] = "LZ4",
		[ARCHIVE_LZIP] = "LZIP",
	};

	assert((unsigned)kind < ARCHIVE_KIND_MAX_);
	return names[kind];
}

/* RFC 1952: deflate, and no flag that is reserved. */
static bool
is_gzip(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, 4);

	return p != NULL && memcmp(p, "\x1f\x8b\x08", 3) == 0 && (p[3] & 0xe0) == 0;
}

/* A stream of bzip2 begins with the magic of a block, or of its end when empty. */
static bool
is_bzip2(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, 10);

	return p != NULL && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
	       (memcmp(p + 4, "1AY&SY", 6) == 0 ||
		   memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* A tar of before POSIX has no magic: its header's checksum has to be right. */
static bool
is_old_tar(const struct content *c, uint64_t at)
{
	const uint8_t *p = content_bytes(c, at, TAR_HEADER_LEN);
	uint32_t told = 0;
	uint32_t sum = 0;
	uint32_t signed_sum = 0; /* as some old programs made it; wraps */
	size_t i = TAR_CHECKSUM_AT;

	if (p == NULL || p[0] == 0)
		return false;
	while (i < TAR_CHECKSUM_AT + 8 && p[i] == ' ')
		i++;
	size_t first = i;
	for (; i < TAR_CHECKSUM_AT + 8 && p[i] >= '0' && p[i] <= '7'; i++)
		told = told * 8 + (uint32_t)(p[i] - '0');
	if (i == first || (i < TAR_CHECKSUM_AT + 8 && p[i] != 0 && p[i] != ' '))
		return false;
	for (size_t k = 0; k < TAR_HEADER_LEN; k++) {
		bool is_sum = k >= TAR_CHECKSUM_AT && k < TAR_CHECKSUM_AT + 8;

		sum += is_sum ? ' ' : p[k];
		signed_sum += is_sum ? ' ' : (uint32_t)(int8_t)p[k];
	}
	return sum == told || signed_sum == told;
}

/* The old binary header, of either byte order: its magic is short, so its name counts. */
static bool
is_binary_cpio(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, CPIO_HEADER_LEN);
	bool is_little = p != NULL && memcmp(p, "\xc7\x71", 2) == 0;

	if (p == NULL || (!is_little && memcmp(p, "\x71\xc7", 2) != 0))
		return false;
	size_t n_name =
	    is_little ? (size_t)(p[20] | p[21] << 8) : (size_t)(p[20] << 8 | p[21]);

	p = content_bytes(c, CPIO_HEADER_LEN, n_name);
	return p != NULL && n_name > 1 && p[0] != 0;
}

/* The kind whose magic stands at offset at of c. */
static bool
kind_at(const struct content *c, uint64_t at, enum archive_kind *ret)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(magics); i++) {
		const uint8_t *p = content_bytes(c, at + magics[i].offset, magics[i].len);

		if (p != NULL && memcmp(p, magics[i].bytes, magics[i].len) == 0) {
			*ret = magics[i].kind;
			return true;
		}
	}
	return false;
}

/* Kinds that a magic alone does not tell. */
static bool
kind_of_start(const struct content *c, enum archive_kind *ret)
{
	if (is_gzip(c))
		*ret = ARCHIVE_GZIP;
	else if (is_bzip2(c))
		*ret = ARCHIVE_BZIP2;
	else if (is_old_tar(c, 0))
		*ret = ARCHIVE_TAR;
	else if (is_binary_cpio(c))
		*ret = ARCHIVE_CPIO;
	else
		return false;
	return true;
}

/* RAR 3.93 technote: the archive header's flags. */
static void
look_at_rar4(const struct content *c, struct archive_facts *f)
{
	const uint8_t *p = content_bytes(c, f->offset + 7, 7);

	if (p == NULL || p[2] != 0x73)
		return;
	unsigned flags = p[3] | (unsigned)p[4] << 8;

	f->is_volume = (flags & 0x0001) != 0;
	f->has_encrypted_headers = (flags & 0x0080) != 0;
}

/* A number of RAR 5.0: seven bits in each byte, the lowest first. */
static uint64_t
read_vint(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_u8(r);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	r->failed = true;
	return 0;
}

/* RAR 5.0 technote: the first header is the main one, or tells of encryption. */
static void
look_at_rar5(const struct content *c, struct archive_facts *f)
{
	enum { MAIN = 1, ENCRYPTION = 4, HAS_EXTRA = 1u << 0, IS_VOLUME = 1u << 0 };
	uint64_t at = f->offset + 8;
	uint64_t left = c->file_size > at ? c->file_size - at : 0;
	size_t len = left < 64 ? (size_t)left : 64;
	const uint8_t *p = content_bytes(c, at, len);
	struct reader r;

	if (p == NULL)
		return;
	reader_init(&r, p, len);
	(void)reader_u32(&r); /* CRC */
	(void)read_vint(&r);  /* size */
	uint64_t type = read_vint(&r);
	uint64_t flags = read_vint(&r);

	f->has_encrypted_headers = reader_is_ok(&r) && type == ENCRYPTION;
	if (type != MAIN)
		return;
	if ((flags & HAS_EXTRA) != 0)
		(void)read_vint(&r);
	uint64_t archive_flags = read_vint(&r);

	f->is_volume = reader_is_ok(&r) && (archive_flags & IS_VOLUME) != 0;
}

/*
 * 7zFormat.txt: the start header tells where the header is.  When that is
 * packed (its first byte is 0x17) and one of its coders is AES, names are
 * encrypted.
 */
static void
look_at_7z(const struct content *c, struct archive_facts *f)
{
	static const uint8_t aes[] = { 0x06, 0xf1, 0x07, 0x01 };
	const uint8_t *p = content_bytes(c, f->offset, SEVENZIP_START_LEN);
	struct reader r;

	if (p == NULL)
		return;
	reader_init(&r, p + 12, 16);
	uint64_t at = reader_u64(&r);
	uint64_t len = reader_u64(&r);
	uint64_t room = c->file_size - f->offset - SEVENZIP_START_LEN;

	/* The header stands at the very end: in the last file of a set. */
	if (at > room || len > room - at) {
		f->is_volume = true;
		return;
	}
	if (len > SEVENZIP_HEADER_MAX)
		len = SEVENZIP_HEADER_MAX;
	p = content_bytes(c, f->offset + SEVENZIP_START_LEN + at, (size_t)len);
	f->has_encrypted_headers = p != NULL && len > 0 && p[0] == 0x17 &&
				   memmem(p, (size_t)len, aes, sizeof(aes)) != NULL;
}

/* MS-CAB: the header's flags, cfhdrPREV_CABINET and cfhdrNEXT_CABINET. */
static void
look_at_cab(const struct content *c, struct archive_facts *f)
{
	const uint8_t *p = content_bytes(c, f->offset + 30, 2);

	f->is_volume = p != NULL && (p[0] & 3) != 0;
}

/* APPNOTE 4.4.19: the number of this disk; 8.5.5: the mark of a spanned archive. */
static void
look_at_zip(const struct content *c, struct archive_facts *f)
{
	const uint8_t *end = zip_find_end(c);
	const uint8_t *start = content_bytes(c, f->offset, 4);

	f->is_volume = (start != NULL && memcmp(start, "PK\x07\x08", 4) == 0) ||
		       (end != NULL && (end[4] | end[5] << 8) != 0 &&
			   (end[4] | end[5] << 8) != 0xffff);
}

static void
look_at_headers(const struct content *c, struct archive_facts *f)
{
	if (f->kind == ARCHIVE_RAR4)
		look_at_rar4(c, f);
	else if (f->kind == ARCHIVE_RAR5)
		look_at_rar5(c, f);
	else if (f->kind == ARCHIVE_7Z)
		look_at_7z(c, f);
	else if (f->kind == ARCHIVE_CAB)
		look_at_cab(c, f);
	else if (f->kind == ARCHIVE_ZIP)
		look_at_zip(c, f);
}

/*
 * A packed stream behind frames that its program skips (RFC 8878, 3.1.2): zstd
 * and lz4 share them.  libarchive takes them anywhere but at the start.
 */
static bool
find_behind_skippable(const struct content *c, struct archive_facts *ret)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < SKIPPABLE_MAX; i++) {
		const uint8_t *p = content_bytes(c, at, 8);

		if (p == NULL || (p[0] & 0xf0) != 0x50 ||
		    memcmp(p + 1, "\x2a\x4d\x18", 3) != 0)
			break;
		at += 8 + (p[4] | p[5] << 8 | p[6] << 16 | (uint64_t)p[7] << 24);
	}
	if (at == 0 || at >= c->file_size)
		return false;
	/* What is no frame after all, or one too many, is told as damaged. */
	*ret = (struct archive_facts){ .kind = ARCHIVE_ZSTD, .offset = at };
	(void)kind_at(c, at, &ret->kind);
	return true;
}

/* A tar behind blocks of zeros, which tar(1) skips when it is told to. */
static bool
find_behind_zeros(const struct content *c, struct archive_facts *ret)
{
	static const uint8_t zeros[TAR_HEADER_LEN];

	for (uint64_t at = 0; at <= TAR_ZEROS_MAX; at += TAR_HEADER_LEN) {
		const uint8_t *p = content_bytes(c, at, TAR_HEADER_LEN);
		enum archive_kind kind = ARCHIVE_ZIP;

		if (p == NULL)
			return false;
		if (memcmp(p, zeros, sizeof(zeros)) == 0)
			continue;
		*ret = (struct archive_facts){ .kind = ARCHIVE_TAR, .offset = at };
		return at > 0 && ((kind_at(c, at, &kind) && kind == ARCHIVE_TAR) ||
				     is_old_tar(c, at));
	}
	return false;
}

/* An archive behind the last section of a program. */
static bool
find_appended(const struct content *c, struct archive_facts *ret)
{
	uint64_t end = program_end(c);

	if (end == 0 || end >= c->file_size)
		return false;
	uint64_t left = c->file_size - end;
	size_t len = left < APPENDED_WINDOW ? (size_t)left : APPENDED_WINDOW;
	const uint8_t *p = content_bytes(c, end, len);

	for (size_t i = 0; p != NULL && i < len; i++) {
		enum archive_kind kind = ARCHIVE_ZIP;

		if ((p[i] != '7' && p[i] != 'R' && p[i] != 'M') ||
		    !kind_at(c, end + i, &kind) ||
		    (kind != ARCHIVE_7Z && kind != ARCHIVE_RAR4 && kind != ARCHIVE_RAR5 &&
			kind != ARCHIVE_CAB))
			continue;
		*ret = (struct archive_facts){ .kind = kind, .offset = end + i };
		return true;
	}
	return false;
}

size_t
archive_look(const struct content *c, struct archive_facts *ret)
{
	struct archive_facts f = { .kind = ARCHIVE_ZIP };
	size_t n = 0;
	bool is_first = kind_at(c, 0, &f.kind) || kind_of_start(c, &f.kind);

	if (is_first || find_behind_skippable(c, &f) || find_behind_zeros(c, &f) ||
	    find_appended(c, &f))
		ret[n++] = f;
	if ((n == 0 || f.kind != ARCHIVE_ZIP) && zip_find_end(c) != NULL)
		ret[n++] = (struct archive_facts){ .kind = ARCHIVE_ZIP };
	for (size_t i = 0; i < n; i++)
		look_at_headers(c, &ret[i]);
	return n;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/zip_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scanners/archive_limits.h"

enum {
	ENTRY_LEN = 46, /* of one in the directory, without name, extra and comment */
	LOCAL_LEN = 30, /* of the header before the data, likewise */
	SEARCH_STEP = 64 * 1024,
	/* Bytes packed that may unpack to nothing: jar writes folders so. */
	EMPTY_DEFLATE = 2,
	EXTRA_ZIP64 = 0x0001,
	EXTRA_TYPE = 0x6c78, /* libarchive's own: the type again */
	EXTRA_NAME = 0x7075, /* the name again */
	SYSTEM_DOS = 0,
	SYSTEM_UNIX = 3,
	DOS_FOLDER = 0x10,
	UNIX_TYPE = 0170000,
	UNIX_FILE = 0100000,
};

static uint16_t
get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

static uint64_t
get_u64(const uint8_t *p)
{
	return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

const uint8_t *
zip_find_end(const struct content *c)
{
	const struct content_block *last =
	    c->n_blocks > 0 ? &c->blocks[c->n_blocks - 1] : NULL;

	if (last == NULL || last->len < ZIP_END_LEN ||
	    last->offset + last->len != c->file_size)
		return NULL;
	const uint8_t *end = last->data + last->len;
	const uint8_t *start =
	    last->len > ZIP_END_WINDOW ? end - ZIP_END_WINDOW : last->data;

	for (const uint8_t *stop = end - ZIP_END_LEN + 1; stop > start;) {
		const uint8_t *p = memrchr(start, 'P', (size_t)(stop - start));

		if (p == NULL)
			return NULL;
		if (memcmp(p, "PK\x05\x06", 4) == 0 &&
		    (size_t)(end - p) == ZIP_END_LEN + (size_t)get_u16(p + 20))
			return p;
		stop = p;
	}
	return NULL;
}

/* What the end says: where it stands, and where the directory is said to be. */
struct zip_end {
	uint64_t at, len, offset;
};

/* The end of a large ZIP (4.3.14), for which the locator before end tells the place. */
static void
read_end64(const struct content *c, struct zip_end *ret)
{
	const uint8_t *locator =
	    ret->at >= 20 ? content_bytes(c, ret->at - 20, 20) : NULL;

	if (locator == NULL || memcmp(locator, "PK\x06\x07", 4) != 0)
		return;
	uint64_t at = get_u64(locator + 8);
	const uint8_t *p = content_bytes(c, at, 56);

	if (p == NULL || memcmp(p, "PK\x06\x06", 4) != 0)
		return;
	*ret = (struct zip_end){ at, get_u64(p + 40), get_u64(p + 48) };
}

static bool
read_end(const struct content *c, struct zip_end *ret)
{
	const uint8_t *p = zip_find_end(c);

	if (p == NULL)
		return false;
	const struct content_block *last = &c->blocks[c->n_blocks - 1];

	ret->at = last->offset + (uint64_t)(p - last->data);
	ret->len = get_u32(p + 12);
	ret->offset = get_u32(p + 16);
	read_end64(c, ret);
	return true;
}

bool
zip_lies_in_tail(const struct content *c, uint64_t tail_bytes)
{
	struct zip_end end;

	if (!read_end(c, &end) || end.len > end.at || end.offset > end.at - end.len)
		return false;
	return end.at - end.len - end.offset >= c->file_size - tail_bytes;
}

/* Where the directory really begins, which libarchive searches alike; false: nowhere. */
static bool
find_directory(const struct content *c, const struct zip_end *end, uint64_t *ret)
{
	uint64_t at = end->len <= end->at ? end->at - end->len : end->offset;

	while (at < end->at) {
		uint64_t left = end->at - at;
		size_t len = left < SEARCH_STEP ? (size_t)left : SEARCH_STEP;
		const uint8_t *p = content_bytes(c, at, len);
		const uint8_t *found = p != NULL ? memmem(p, len, "PK\x01\x02", 4) : NULL;

		if (found != NULL) {
			*ret = at + (uint64_t)(found - p);
			return true;
		}
		if (p == NULL || len < SEARCH_STEP)
			return false;
		at += len - 3;
	}
	return false;
}

static void
add(struct zip_patches *p, uint64_t at, const void *bytes, uint32_t len)
{
	enum { STEP = 256 };

	if (p->n >= ZIP_PATCHES_MAX)
		return;
	if (p->n % STEP == 0)
		p->list = xreallocarray(p->list, p->n + STEP, sizeof(*p->list));
	p->list[p->n] = (struct zip_patch){ .at = at, .len = len };
	memcpy(p->list[p->n++].bytes, bytes, len);
}

static bool
ends_as_folder(const uint8_t *p, size_t len)
{
	return len > 0 && (p[len - 1] == '/' || p[len - 1] == '\\');
}

/*
 * Extra fields that say type or name once more are given an id that nobody
 * knows.  *offset, where it is all ones, is taken from that of a large ZIP;
 * skip is the number of its fields before that.  Beyond ZIP_FIELDS_MAX all are
 * made one that nobody knows: so hostile ones cost neither time nor patches.
 */
static void
patch_extra(struct zip_patches *patches, uint64_t at, const uint8_t *p, size_t len,
    unsigned skip, uint64_t *offset)
{
	unsigned n_fields = 0;

	for (size_t i = 0; i + 4 <= len;) {
		uint16_t id = get_u16(p + i);
		size_t n = get_u16(p + i + 2);
		size_t left = len - i - 4;

		if (n_fields++ == ZIP_FIELDS_MAX) {
			uint8_t rest[4] = { 0xff, 0xff, (uint8_t)left,
				(uint8_t)(left >> 8) };

			add(patches, at + i, rest, sizeof(rest));
			return;
		}

		if (n > len - i - 4)
			return;
		if (id == EXTRA_TYPE ||
		    (id == EXTRA_NAME && ends_as_folder(p + i + 4, n)))
			add(patches, at + i, "\xff\xff", 2);
		if (id == EXTRA_ZIP64 && offset != NULL && *offset == UINT32_MAX &&
		    n >= (size_t)(skip + 1) * 8)
			*offset = get_u64(p + i + 4 + (size_t)skip * 8);
		i += 4 + n;
	}
}

static void
patch_local(struct zip_patches *patches, const struct content *c, uint64_t at)
{
	const uint8_t *p = content_bytes(c, at, LOCAL_LEN);

	if (p == NULL || memcmp(p, "PK\x03\x04", 4) != 0)
		return;
	size_t n_name = get_u16(p + 26);
	size_t n_extra = get_u16(p + 28);

	p = content_bytes(c, at + LOCAL_LEN, n_name + n_extra);
	if (p == NULL)
		return;
	if (ends_as_folder(p, n_name))
		add(patches, at + LOCAL_LEN + n_name - 1, "_", 1);
	patch_extra(patches, at + LOCAL_LEN + n_name, p + n_name, n_extra, 0, NULL);
}

static bool
is_no_file(const uint8_t *entry)
{
	uint32_t attributes = get_u32(entry + 38);
	uint32_t type = attributes >> 16 & UNIX_TYPE;

	if (entry[5] == SYSTEM_UNIX)
		return type != 0 && type != UNIX_FILE;
	return entry[5] == SYSTEM_DOS && (attributes & DOS_FOLDER) != 0;
}

/* The entry at that place of the directory; its bytes, 0: it is none. */
static uint64_t
patch_entry(struct zip_patches *patches, const struct content *c, uint64_t at,
    uint64_t base)
{
	const uint8_t *p = content_bytes(c, at, ENTRY_LEN);

	if (p == NULL || memcmp(p, "PK\x01\x02", 4) != 0)
		return 0;
	uint32_t n_packed = get_u32(p + 20);
	uint32_t n_unpacked = get_u32(p + 24);
	uint64_t offset = get_u32(p + 42);
	size_t n_name = get_u16(p + 28);
	size_t n_extra = get_u16(p + 30);
	uint64_t len = ENTRY_LEN + n_name + n_extra + get_u16(p + 32);

	if (n_unpacked == 0 && n_packed <= EMPTY_DEFLATE)
		return len;
	if (is_no_file(p)) {
		add(patches, at + 5, "\0", 1);
		add(patches, at + 38, "\0\0\0", 4);
	}
	p = content_bytes(c, at + ENTRY_LEN + n_name, n_extra);
	if (p != NULL)
		patch_extra(patches, at + ENTRY_LEN + n_name, p, n_extra,
		    (n_unpacked == UINT32_MAX) + (n_packed == UINT32_MAX), &offset);
	patch_local(patches, c, base + offset);
	return len;
}

static int
compare(const void *a, const void *b)
{
	const struct zip_patch *x = a;
	const struct zip_patch *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

void
zip_patches_find(const struct content *c, struct zip_patches *ret)
{
	struct zip_end end = { 0, 0, 0 };
	uint64_t at = 0;

	memset(ret, 0, sizeof(*ret));
	if (!read_end(c, &end) || !find_directory(c, &end, &at))
		return;
	/* What stands before the ZIP is in no offset that it tells; wraps as libarchive's. */
	uint64_t base = at - end.offset;

	for (unsigned i = 0; i < ARCHIVE_ENTRIES_MAX; i++) {
		uint64_t len = patch_entry(ret, c, at, base);

		if (len == 0)
			break;
		at += len;
	}
	if (ret->n > 0)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
}

void
zip_patches_clear(struct zip_patches *p)
{
	free(p->list);
	memset(p, 0, sizeof(*p));
}

/* The first patch that may reach at or beyond; they are at most four bytes long. */
static size_t
first_from(const struct zip_patches *p, uint64_t at)
{
	size_t low = 0;
	size_t high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->list[middle].at + sizeof(p->list[middle].bytes) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
zip_patches_apply(const struct zip_patches *p, uint64_t at, uint8_t *bytes, size_t len)
{
	bool is_any = false;

	for (size_t i = first_from(p, at); i < p->n && p->list[i].at < at + len; i++) {
		const struct zip_patch *patch = &p->list[i];

		for (uint32_t k = 0; k < patch->len; k++) {
			uint64_t to = patch->at + k;

			if (to < at || to - at >= len)
				continue;
			is_any = true;
			if (bytes != NULL)
				bytes[to - at] = patch->bytes[k];
		}
	}
	return is_any;
}

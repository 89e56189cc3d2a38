/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/archive_reader.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attributes.h"

void
archive_reader_warm_up(void)
{
	/* Without it libarchive puts '?' for every letter beyond ASCII. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		(void)setlocale(LC_CTYPE, "en_US.UTF-8");
	/* mktime(3) looks at /etc/localtime again and again; nobody reads these times. */
	(void)setenv("TZ", "UTC0", 1);
	tzset();
}

/* The block that holds offset, or NULL in a gap and behind the end. */
static const struct content_block *
block_at(const struct content *c, uint64_t offset)
{
	for (size_t i = 0; i < c->n_blocks; i++) {
		const struct content_block *b = &c->blocks[i];

		if (offset >= b->offset && offset - b->offset < b->len)
			return b;
	}
	return NULL;
}

static la_ssize_t
on_read(struct archive *a, void *ctx, const void **ret)
{
	struct archive_source *s = ctx;
	uint64_t offset = s->start + s->at;
	const struct content_block *b = block_at(s->content, offset);

	if (!s->on_read(s->ctx)) {
		archive_set_error(a, EINTR, "stopped");
		return -1;
	}
	if (b == NULL) {
		if (offset < s->content->file_size)
			s->hit_gap = true;
		return 0;
	}
	size_t left = b->len - (size_t)(offset - b->offset);
	size_t len = left < ARCHIVE_PIECE ? left : ARCHIVE_PIECE;

	*ret = b->data + (offset - b->offset);
	if (zip_patches_apply(&s->patches, offset, NULL, len)) {
		memcpy(s->piece, *ret, len);
		(void)zip_patches_apply(&s->patches, offset, s->piece, len);
		*ret = s->piece;
	}
	s->at += len;
	return (la_ssize_t)len;
}

static uint64_t
source_size(const struct archive_source *s)
{
	return s->content->file_size - s->start;
}

static la_int64_t
on_skip(struct archive *a, void *ctx, la_int64_t n)
{
	struct archive_source *s = ctx;
	uint64_t left = s->at < source_size(s) ? source_size(s) - s->at : 0;
	uint64_t len = n < 0 ? 0 : (uint64_t)n < left ? (uint64_t)n : left;

	(void)a;
	s->at += len;
	return (la_int64_t)len;
}

static la_int64_t
on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	struct archive_source *s = ctx;
	int64_t size = (int64_t)source_size(s);
	int64_t base = whence == SEEK_CUR   ? (int64_t)s->at
		       : whence == SEEK_END ? size
					    : 0;
	int64_t to = 0;

	if (__builtin_add_overflow(base, offset, &to) || to < 0) {
		archive_set_error(a, EINVAL, "seek out of the archive");
		return ARCHIVE_FATAL;
	}
	s->at = (uint64_t)(to < size ? to : size);
	return (la_int64_t)s->at;
}

/* The filter of a kind that packs one stream; ARCHIVE_FILTER_NONE: no such kind. */
static int
filter_of(enum archive_kind kind)
{
	static const int filters[ARCHIVE_KIND_MAX_] = {
		[ARCHIVE_GZIP] = ARCHIVE_FILTER_GZIP,
		[ARCHIVE_BZIP2] = ARCHIVE_FILTER_BZIP2,
		[ARCHIVE_XZ] = ARCHIVE_FILTER_XZ,
		[ARCHIVE_ZSTD] = ARCHIVE_FILTER_ZSTD,
		[ARCHIVE_LZ4] = ARCHIVE_FILTER_LZ4,
		[ARCHIVE_LZIP] = ARCHIVE_FILTER_LZIP,
	};

	return filters[kind];
}

/* Two blocks of zeros are a tar's end; what follows is read all the same. */
static void
enable_tar(struct archive *a)
{
	(void)archive_read_support_format_tar(a);
	(void)archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
}

/* A package's payload is packed in one of several ways. */
static void
enable_rpm(struct archive *a)
{
	(void)archive_read_support_filter_rpm(a);
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_lzma(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_format_cpio(a);
}

static void
enable_packed(struct archive *a, int filter, bool is_second)
{
	(void)archive_read_append_filter(a, filter);
	(void)archive_read_support_format_empty(a);
	(void)archive_read_support_format_raw(a);
	if (is_second)
		return;
	enable_tar(a);
	(void)archive_read_support_format_cpio(a);
}

static void
enable(struct archive *a, enum archive_kind kind, bool is_second)
{
	switch (kind) {
	case ARCHIVE_ZIP:
		(void)archive_read_support_format_zip_streamable(a);
		if (!is_second)
			(void)archive_read_support_format_zip_seekable(a);
		break;
	case ARCHIVE_7Z:
		(void)archive_read_support_format_7zip(a);
		break;
	case ARCHIVE_RAR4:
		(void)archive_read_support_format_rar(a);
		break;
	case ARCHIVE_RAR5:
		(void)archive_read_support_format_rar5(a);
		break;
	case ARCHIVE_CAB:
		(void)archive_read_support_format_cab(a);
		break;
	case ARCHIVE_TAR:
		enable_tar(a);
		break;
	case ARCHIVE_CPIO:
		(void)archive_read_support_format_cpio(a);
		break;
	case ARCHIVE_AR:
		(void)archive_read_support_format_ar(a);
		break;
	case ARCHIVE_ISO:
		(void)archive_read_support_format_iso9660(a);
		break;
	case ARCHIVE_RPM:
		enable_rpm(a);
		break;
	case ARCHIVE_GZIP:
	case ARCHIVE_BZIP2:
	case ARCHIVE_XZ:
	case ARCHIVE_ZSTD:
	case ARCHIVE_LZ4:
	case ARCHIVE_LZIP:
		enable_packed(a, filter_of(kind), is_second);
		break;
	case ARCHIVE_KIND_MAX_:
		break;
	}
}

/* libarchive has no codes for these, only words; the first that fits. */
static const struct {
	const char *word;
	enum reason reason;
} words[] = {
	{ "ncrypt", REASON_ENCRYPTED },
	{ "assphrase", REASON_ENCRYPTED },
	{ "Crypto codec", REASON_ENCRYPTED },
	{ "llocate", REASON_MEMORY },
	{ "llocation", REASON_MEMORY },
	{ " memory", REASON_MEMORY },
	{ "nsupported", REASON_UNSUPPORTED },
	{ "not supported", REASON_UNSUPPORTED },
	{ "unavailable", REASON_UNSUPPORTED },
	{ "Unexpected codec", REASON_UNSUPPORTED },
	{ "nknown codec", REASON_UNSUPPORTED },
};

enum reason
archive_reader_reason(struct archive *a, const struct archive_source *source)
{
	const char *text = archive_error_string(a);

	if (archive_errno(a) == ENOMEM)
		return REASON_MEMORY;
	for (size_t i = 0; text != NULL && i < MH_ARRAY_LEN(words); i++) {
		if (strstr(text, words[i].word) != NULL)
			return words[i].reason;
	}
	return source->hit_gap ? REASON_TOO_LARGE : REASON_DAMAGED;
}

bool
archive_reader_has_second(enum archive_kind kind)
{
	return kind == ARCHIVE_ZIP || filter_of(kind) != ARCHIVE_FILTER_NONE;
}

struct archive *
archive_reader_new(enum archive_kind kind, bool is_second, struct archive_source *source)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	enable(a, kind, is_second);
	(void)archive_read_set_read_callback(a, on_read);
	(void)archive_read_set_skip_callback(a, on_skip);
	(void)archive_read_set_seek_callback(a, on_seek);
	(void)archive_read_set_callback_data(a, source);
	/* Its error is told again by the first header, unless that sees an empty archive. */
	(void)archive_read_open1(a);
	if (archive_errno(a) != 0 && archive_error_string(a) != NULL) {
		source->at_once = archive_reader_reason(a, source);
		(void)snprintf(source->at_once_text, sizeof(source->at_once_text), "%s",
		    archive_error_string(a));
	}
	return a;
}

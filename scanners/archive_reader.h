/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_READER_H
#define MH_SCANNERS_ARCHIVE_READER_H

#include <archive.h>
#include <stdbool.h>
#include <stdint.h>

#include "records/reason.h"
#include "scanners/archive_kind.h"
#include "scanners/content.h"
#include "scanners/zip_directory.h"

/*
 * Bytes handed out at a time.  Small: a piece of bzip2 of this size can unpack
 * to 300 MB before the next one is asked for, which is when clocks are looked at.
 */
enum { ARCHIVE_PIECE = 16 * 1024 };

/*
 * libarchive over bytes in memory, with exactly the formats and filters that a
 * kind needs.  A packed file is unpacked by one filter and is then a tar, a
 * cpio or one member: what is packed twice is a member to look into, so that
 * its depth counts.  Formats that run programs are never enabled.
 */

/* Called before each piece is read; false ends the reading. */
typedef bool archive_poll_fn(void *ctx);

/* Where libarchive reads.  Borrowed by the reader; it stays in its place. */
struct archive_source {
	const struct content *content;
	uint64_t start;             /* of the archive in the content */
	struct zip_patches patches; /* of a ZIP: what is read in place of bytes there */
	archive_poll_fn *on_read;
	void *ctx;

	uint64_t at;  /* bytes from start */
	bool hit_gap; /* read where the content has no bytes */

	/*
	 * Why nothing at all could be unpacked, with libarchive's words; or NONE.
	 * It forgets that and takes the archive for an empty one.
	 */
	enum reason at_once;
	char at_once_text[128];

	uint8_t piece[ARCHIVE_PIECE]; /* with patches, until the next one is read */
};

/*
 * What libarchive does once for a process, before the sandbox closes: the
 * character set of names (UTF-8, so that bytes stay bytes) and the time zone.
 */
void archive_reader_warm_up(void);

/*
 * A reader of that kind at the first header; freed with archive_read_free().
 * is_second: the first reader showed nothing.  Then a ZIP is read from its
 * start, whatever its directory says, and what is packed is one member: a tar
 * that begins with zeros has none (tar(5)), whatever follows.
 * NULL when memory is out.  Other errors come at the first header.
 */
struct archive *archive_reader_new(enum archive_kind kind, bool is_second,
    struct archive_source *source);
/* Whether a second reader can show what the first one does not. */
bool archive_reader_has_second(enum archive_kind kind);

/* Why libarchive failed last: MEMORY, ENCRYPTED, UNSUPPORTED, TOO_LARGE or DAMAGED. */
enum reason archive_reader_reason(struct archive *a, const struct archive_source *source);

#endif

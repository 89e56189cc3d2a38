/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_CONTENT_H
#define MH_SCANNERS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * The bytes of a file, given its descriptor only, in memory that the file
 * itself backs when it is large: anonymous memory stays small whatever the
 * size.  Files up to CONTENT_READ_MAX are read into one buffer that is used
 * again (faster than mmap(2) there), larger ones are mapped.
 *
 * A file of more bytes than the limit is scanned in part.  Holes are left out
 * (lseek(2), SEEK_DATA); what is left is the first three quarters of the limit
 * and the last quarter, because configurations of implants stand at the end.
 *
 * A mapped file that is truncated raises SIGBUS (mmap(2)).  A handler then
 * puts zeros in place of what is gone, and content_is_truncated() tells.
 *
 * One content at a time in a process: signal handlers know no context.
 */
enum {
	CONTENT_READ_MAX = 1024 * 1024, /* bytes; beyond, mapping is faster */
	CONTENT_BLOCKS_MAX = 1024, /* extents of data of a sparse file that are scanned */
};

/* A run of bytes of the file. */
struct content_block {
	uint64_t offset;     /* in the file, bytes */
	const uint8_t *data; /* borrowed until content_close() */
	size_t len;
};

struct content {
	const struct content_block *blocks; /* in order of offset */
	size_t n_blocks;                    /* 1 for a file that is there in whole */
	uint64_t file_size;                 /* when it was opened */
	uint64_t n_bytes;                   /* in all blocks */
	bool is_whole;                      /* nothing is left out, not even a hole */
};

struct content_reader;

/* Installs the SIGBUS handler. */
struct content_reader *content_reader_new(void);
void content_reader_free(struct content_reader *cr);
MH_DEFINE_CLEANUP(struct content_reader, content_reader_free);

/*
 * Leave the page cache as it was: pages of a file of which nothing was cached
 * before are given back when it is closed (posix_fadvise(2), POSIX_FADV_DONTNEED).
 * Whether something was is asked at three places, by preadv2(2) with RWF_NOWAIT.
 */
void content_reader_spare_cache(struct content_reader *cr);

/*
 * Make the regular file fd, of size bytes when it was opened, readable in ret.
 * fd is borrowed until content_close(), which comes before the next open.
 * keeps_holes: of a file in memory (tmpfs, memfd), where looking into a hole
 * would fill it with a page: holes are left out, and nothing is missed by that.
 * Errors: MH_ERR_SYSTEM (errno).
 */
mh_err content_open(struct content_reader *cr, int fd, uint64_t size, uint64_t max_bytes,
    bool keeps_holes, struct content *ret) MH_CHECKED;
void content_close(struct content_reader *cr);

/* The len bytes at offset of the file, as far as one block holds them; or NULL. */
const uint8_t *content_bytes(const struct content *c, uint64_t offset, size_t len);

/* Whether the file turned out shorter than it was while it was read. */
bool content_is_truncated(const struct content_reader *cr);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_MEMBER_H
#define MH_SCANNERS_ARCHIVE_MEMBER_H

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "records/reason.h"
#include "scanners/archive_limits.h"
#include "scanners/archive_reader.h"

/*
 * Reads the bytes of one member into memory.  What a header says about sizes is
 * not believed: memory grows with what is delivered.
 *
 * Each level has a store of its own, because a member is held while the archive
 * that it is is looked into.  Stores are mappings, which grow without a copy
 * (mremap(2)), are used again, and give out before the memory limit of the
 * process does.
 */
struct member_store {
	uint8_t *at; /* mapped; NULL when cap is 0 */
	size_t len;  /* bytes of the member */
	size_t cap;
};

struct member_stores {
	struct member_store level[ARCHIVE_DEPTH_MAX];
	size_t max_bytes; /* of all together */
};

/* Give back what is over keep_bytes in each store. */
void member_stores_trim(struct member_stores *stores, size_t keep_bytes);
void member_stores_clear(struct member_stores *stores);

/* How the reading of a member ended. */
struct member_end {
	enum reason reason; /* NONE: all is there; else why not */
	bool is_fatal;      /* libarchive cannot go on to the next member */
};

/*
 * Read the data of the entry at which a stands into stores->level[level], at
 * most max_bytes.  on_data(ctx, n) is called when it has become n bytes longer; where it
 * is false, the reading ends with REASON_STOPPED and what is there.
 */
typedef bool member_data_fn(void *ctx, size_t n);

struct member_end member_read(struct archive *a, const struct archive_source *source,
    struct member_stores *stores, unsigned level, uint64_t max_bytes,
    member_data_fn *on_data, void *ctx);

#endif

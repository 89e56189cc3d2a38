/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_TARGET_H
#define MH_RECORDS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"

/*
 * One opened thing to scan: the facts that name it.  Its descriptor travels
 * beside it, in the same message.  Facts are those of fstat(2) on that
 * descriptor right after it was opened.
 */
struct target {
	uint64_t id; /* given by who asks for the scan, unique within it */
	char *path;  /* bytes as the kernel gave them; owned */
	char *owner; /* name of the user, or its number; owned */
	uint64_t dev;
	uint64_t ino;
	uint64_t size; /* bytes */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	int64_t mtime_ns; /* since 1970 */
	int64_t ctime_ns;
};

/* Free what t owns; t itself is the caller's. */
void target_clear(struct target *t);

void target_encode(const struct target *t, struct buf *b);
/* Always leaves a target that can be cleared; check r afterwards. */
void target_decode(struct reader *r, struct target *ret);

/*
 * A path longer than PATH_BYTES_MAX loses its middle: PATH_GAP stands there.
 * Such a text names a file for people; it is no path, and no cursor of a walk.
 */
#define PATH_GAP "/[...]/"
bool path_is_cut(const char *path);

/* Parts of a path, as the externals of rules see them; borrowed from path. */
const char *path_base(const char *path);
/* Extension with its dot (".exe"), "" when there is none. */
const char *path_extension(const char *path);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WALK_ROOTS_H
#define MH_AGENT_WALK_ROOTS_H

#include <stddef.h>

#include "agent/mounts.h"
#include "records/walk.h"

/*
 * The roots of a walk out of patterns (walk_request.are_patterns): each
 * component is a pattern of fnmatch(3), "~" at the beginning is each local home
 * folder (uid 0 or from WALK_HOME_UID_MIN in /etc/passwd, and all in /home), and
 * behind a component of two stars comes the pattern that the end of each file's
 * path has to match, in any case of letters.
 *
 * Links are followed in what stands before the first pattern, and nowhere else.
 * What is excluded, lies on a file system that was not asked for (told by the
 * mount table, without a look at it), or is to be avoided is not touched.
 * Matches of one pattern come in the order of their bytes.  Blocks as long as
 * the file system does: runs in the opener.
 */
enum {
	WALK_MATCHES_MAX = 65536,      /* of all patterns: 400 homes of 150 places */
	WALK_HOMES_MAX = 4096,         /* of a terminal server */
	WALK_HOME_UID_MIN = 1000,      /* login.defs(5): UID_MIN */
	WALK_PASSWD_MAX = 1024 * 1024, /* bytes */
};

/* Of a root that was named without patterns: all of it may be links. */
#define WALK_NAMED_ALL SIZE_MAX

struct walk_root {
	char *path;        /* owned */
	char *tail;        /* FNM_EXTMATCH on paths of files, or NULL; owned */
	size_t named;      /* bytes of path in which links are followed */
	uint64_t dev, ino; /* where it was named without patterns; else 0 */
};

struct walk_roots {
	struct walk_root *items;
	size_t n;
	size_t n_lost; /* beyond WALK_MATCHES_MAX */
	/* Called before each call that may hang; may be NULL. */
	void (*before_open)(void *ctx, const char *path);
	/*
	 * Something below which there may be matches was not looked into: once
	 * for each path.  That a place is not there is no such thing.  What is left
	 * out on purpose is told to a walk from its beginning only.  May be NULL.
	 */
	void (*on_missed)(void *ctx, enum reason reason, const char *path,
	    const char *detail);
	void *ctx;
};

/* Fill roots, of which the callbacks and ctx are set. */
void walk_roots_find(struct walk_roots *roots, const struct walk_request *request,
    const struct mounts *mounts);
void walk_roots_clear(struct walk_roots *roots);

/*
 * open(2) the root with these flags, its links followed as far as it was named.
 * Negative, and errno, on failure.
 */
int walk_root_open(const struct walk_root *root, int flags);

/* Whether path is at or below one that hung before. */
bool walk_is_avoided(const struct walk_request *request, const char *path);
bool walk_is_excluded(const struct walk_request *request, const char *path);
/* Why what lies on that kind of file system is not scanned; REASON_NONE if it is. */
enum reason walk_refusal(const struct walk_request *request, enum file_system_kind kind);
/* Why an open failed, in terms of coverage. */
enum reason walk_reason_of_errno(int error);
/* The device of what is open as fd, asked of the kernel alone; 0 when unknown. */
uint64_t walk_device(int fd);

#endif

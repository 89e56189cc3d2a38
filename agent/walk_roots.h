/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WALK_ROOTS_H
#define MH_AGENT_WALK_ROOTS_H

#include <stddef.h>

#include "records/walk.h"

/*
 * The roots of a walk out of patterns (walk_request.are_patterns): each
 * component is a pattern of fnmatch(3), "~" at the beginning is each local home
 * folder (uid 0 or from WALK_HOME_UID_MIN in /etc/passwd, and all in /home), and
 * behind a component of two stars comes the pattern that the end of each file's
 * path has to match, in any case of letters.
 *
 * Links are followed in what stands before the first pattern, and nowhere else.
 * Matches of one pattern come in the order of their bytes.  Blocks as long as
 * the file system does: runs in the opener.
 */
enum {
	WALK_MATCHES_MAX = 65536,      /* of all patterns: 400 homes of 150 places */
	WALK_HOMES_MAX = 4096,         /* of a terminal server */
	WALK_HOME_UID_MIN = 1000,      /* login.defs(5): UID_MIN */
	WALK_PASSWD_MAX = 1024 * 1024, /* bytes */
};

struct walk_root {
	char *path; /* owned */
	char *tail; /* fnmatch(3) with FNM_EXTMATCH on paths of files, or NULL; owned */
	uint64_t dev, ino; /* where it was named without patterns; else 0 */
};

struct walk_roots {
	struct walk_root *items;
	size_t n;
	size_t n_lost; /* beyond WALK_MATCHES_MAX */
	/* Called before each folder is opened; may be NULL. */
	void (*before_open)(void *ctx, const char *path);
	void *ctx;
};

/* Fill roots, of which before_open and ctx are set. */
void walk_roots_find(struct walk_roots *roots, const struct walk_request *request);
void walk_roots_clear(struct walk_roots *roots);

#endif

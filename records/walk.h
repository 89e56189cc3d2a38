/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_WALK_H
#define MH_RECORDS_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"
#include "records/reason.h"

/*
 * What the agent asks of an opener and what it hears beside targets.
 *
 * A walk visits the names of each folder in the order of their bytes, so that a
 * path is a cursor: a walk can go on behind any path of an earlier one, after a
 * restart of the opener or of the machine.
 */
enum {
	WALK_ROOTS_MAX = 4096,               /* in one message */
	WALK_EXCLUDES_MAX = 256 + 2,         /* patterns: of people; of our databases */
	WALK_EXCLUDES_BYTES_MAX = 16 * 1024, /* of all patterns: leaves room for roots */
	WALK_AVOIDS_MAX = 64,                /* paths that hung */
	WALK_AVOIDS_BYTES_MAX = 3 * 1024,    /* of all of them; PATH_MAX is 4 KiB */
};

struct walk_request {
	uint32_t id;
	bool may_cross;       /* into other file systems */
	bool may_use_network; /* network and FUSE file systems too */
	bool is_count;        /* only count the regular files, open none */
	bool is_careful;      /* say MSG_PULSE before each call that may hang */
	bool wants_names;     /* also of what is not opened: TARGET_NAME */
	bool has_table;       /* a table of clean files comes along: one descriptor */
	char *resume; /* pass over everything up to and with this path; "" for none */
	char **roots; /* paths; owned */
	uint32_t n_roots;
	char **excludes; /* fnmatch(3) patterns on whole paths; owned */
	uint32_t n_excludes;
	/* fnmatch(3) patterns on whole paths and on names, in any case of letters: other
	 * files are passed over; none: all are scanned.  Not for roots that are files. */
	char **only;
	uint32_t n_only;
	/* Paths that hung: neither they nor what is below is touched, or told. */
	char **avoids;
	uint32_t n_avoids;
	bool are_patterns; /* the roots: see agent/walk_roots.h */
	/* Files whose ctime and mtime are before it are passed over; 0: none are. */
	int64_t changed_since_ns;
};

void walk_request_clear(struct walk_request *w);
void walk_request_encode(const struct walk_request *w, struct buf *b);
/* Check r afterwards; always leaves what can be cleared. */
void walk_request_decode(struct reader *r, struct walk_request *ret);

/* What the path of a progress says. */
enum progress_at {
	PROGRESS_AT,     /* the walk is somewhere there */
	PROGRESS_BEFORE, /* careful: it is about to be opened */
	PROGRESS_BEHIND, /* a file that was told: the path is a cursor */
	PROGRESS_AT_MAX_
};

/* How far a walk is (MSG_PULSE), and its end (MSG_WALKED). */
struct walk_progress {
	uint32_t id;
	uint64_t n_files; /* regular files met in this walk */
	uint64_t n_bytes; /* their sizes, where they were opened */
	uint64_t n_folders;
	uint64_t skipped[REASON_MAX_]; /* since the last message, those without a name */
	uint8_t at;                    /* enum progress_at */
	char *path;                    /* where it is; owned */
};

void walk_progress_clear(struct walk_progress *p);
void walk_progress_encode(const struct walk_progress *p, struct buf *b);
void walk_progress_decode(struct reader *r, struct walk_progress *ret);

#endif

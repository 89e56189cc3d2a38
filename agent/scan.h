/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCAN_H
#define MH_AGENT_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/anomaly.h"
#include "agent/process_table.h"
#include "agent/scanner.h"
#include "records/clue.h"
#include "records/coverage.h"
#include "records/note.h"
#include "records/target.h"
#include "records/verdict.h"
#include "records/walk.h"

/*
 * One scan: an opener walks and opens, the workers of a scanner scan, the caller
 * hears verdicts; what was looked at and what was not is its coverage.
 *
 * An opener that says nothing for SCAN_OPEN_MS is killed.  The next one goes on
 * behind the last path, announcing each; the path at which it hangs again, or the
 * second time dies, is passed over and told.
 */
enum {
	SCAN_OPEN_MS = 10000,  /* one system call of the opener */
	SCAN_CANCEL_MS = 1000, /* for targets in flight when the scan is cancelled */
	/* In one walk; then the rest of that root is given up, or with patterns the
	 * folder of what hangs, and later those above it. */
	SCAN_HANGS_MAX = 8,
};

struct scan;

/* Whose targets go first to the workers. */
enum scan_priority {
	SCAN_URGENT, /* what was just written or executed; never rests */
	SCAN_ORDINARY,
	SCAN_PRIORITY_MAX_
};

/* The answer for one target, with all that was found in it.  Borrowed. */
struct scan_answer {
	const struct target *target;
	const struct verdict *verdict;
	struct match *const *matches;
	uint32_t n_matches;
	const struct clue *clues; /* of a process, from its worker */
	uint32_t n_clues;
	const struct process_table *processes; /* NULL where none are scanned */
	const struct process *process;         /* of memory: whose it is, or NULL */
	const struct mapped_entry *mapped;     /* of a mapped file, else NULL */
	void *tag;                             /* scan_add()'s */
};

/* What a scan tells its owner.  ctx is scan_start()'s. */
struct scan_ops {
	/*
	 * Whether t has to be scanned; if not, *ret_reason says why.  NULL: all
	 * have to.
	 */
	bool (*wants)(void *ctx, const struct target *t, enum reason *ret_reason);
	void (*on_answer)(void *ctx, struct scan *scan, const struct scan_answer *answer);
	/* Something about a process that needs no rule; p is in processes.  Borrowed. */
	void (*on_anomaly)(void *ctx, const struct process_table *processes,
	    const struct process *p, const struct anomaly *a);
	/* A target of scan_add() will have no answer: its tag (not NULL) comes back. */
	void (*on_dropped)(void *ctx, void *tag);
	/*
	 * It has ended: everything it met was answered for, or it was cancelled or
	 * suspended.  Called once; the owner frees it, here or later.
	 */
	void (*on_done)(void *ctx, struct scan *scan);
};

/* Which processes to scan.  Empty lists: all.  Borrowed. */
struct process_choice {
	const int32_t *pids;
	uint32_t n_pids; /* <= LIST_PIDS_MAX */
	const uint32_t *uids;
	uint32_t n_uids;          /* <= LIST_NAMES_MAX */
	const char *const *names; /* of programs */
	uint32_t n_names;         /* <= LIST_NAMES_MAX; each <= LIST_NAME_BYTES long */
};

/*
 * How far a scan is: everything up to it was answered for, all behind it was
 * not.  With the coverage of then, a later scan of the same walk goes on there.
 */
struct scan_place {
	bool is_in_files; /* processes are done with */
	size_t root;      /* the first root that is not done with */
	char *cursor;     /* in it and those that follow; "" at its beginning; owned */
};
void scan_place_clear(struct scan_place *p);

/* What to scan.  Borrowed but for what scan_start() copies: all of it. */
struct scan_walk {
	enum scan_priority priority;
	const struct process_choice *processes; /* scanned before all files; NULL: none */
	const char *const *roots;
	size_t n_roots;
	bool are_patterns;       /* the roots: agent/walk_roots.h */
	const char *const *only; /* other files are passed over; none: all are scanned */
	size_t n_only;
	const char *const *excludes;
	size_t n_excludes;
	int64_t changed_since_ns; /* older files are passed over; 0: none are */
	bool has_clean;           /* what the table behind clean_fd knows, too */
	int clean_fd;             /* clean_table_fd() */
	bool may_cross;
	bool may_use_network;
	bool wants_count;                /* count the files meanwhile, for a forecast */
	const struct scan_place *place;  /* to go on from, or NULL */
	const struct coverage *coverage; /* of then, or NULL */
};

/*
 * Begin a scan; after the scanner's on_ready().  A root longer than
 * PATH_BYTES_MAX is told as not scanned.
 * Errors: MH_ERR_TOOBIG (more exclusions, or patterns of only, than
 * WALK_EXCLUDES_MAX, or together longer than WALK_EXCLUDES_BYTES_MAX): no scan was
 * begun.
 */
mh_err scan_start(struct scanner *scanner, const struct scan_walk *walk,
    const struct scan_ops *ops, void *ctx, struct scan **ret) MH_CHECKED;

/*
 * A scan without an opener of its own: its targets come by scan_add(), it is
 * urgent and does not end by itself.
 */
struct scan *scan_start_stream(struct scanner *scanner, const struct scan_ops *ops,
    void *ctx);
/* Whether scan_add() should be called: its queue is short. */
bool scan_has_room(const struct scan *s);
/* t and fds (t->n_fds of them) are taken; tag comes with the answer. */
void scan_add(struct scan *s, struct target *t, const int *fds, void *tag);
/* Add to its coverage what another scan saw. */
void scan_add_coverage(struct scan *s, const struct coverage *more);
/* Move the coverage out, which starts again from zero. */
void scan_take_coverage(struct scan *s, struct coverage *ret);

/* What it still holds is dropped without a word. */
void scan_free(struct scan *s);
MH_DEFINE_CLEANUP(struct scan, scan_free);

/* Whether these exclusions fit into a walk. */
bool scan_takes_excludes(const char *const *list, size_t n);

/*
 * End it early: what was not reached is told as stopped; on_done() follows.
 * What workers hold may be finished for SCAN_CANCEL_MS, then it is stopped, too.
 */
void scan_cancel(struct scan *s);
/* After scan_cancel(): what workers hold is told as stopped at once. */
void scan_abandon(struct scan *s);

/*
 * Stop opening; what workers hold is finished, then its place is known and
 * on_done() follows.  is_suspended in it.
 */
void scan_suspend(struct scan *s);
bool scan_is_suspended(const struct scan *s);
/*
 * Where it is now, exactly, and its coverage up to there.  Only when
 * scan_is_settled(): nothing is under way; what was told beyond its place is in
 * neither.
 */
bool scan_is_settled(const struct scan *s);
void scan_get_place(const struct scan *s, struct scan_place *ret);
/* Do not hand out more, so that it settles; the opener waits.  False: go on. */
void scan_hold(struct scan *s, bool is_held);

/* So far; borrowed.  Includes what was told beyond its place. */
const struct coverage *scan_coverage(const struct scan *s);

/* The processes of that scan; NULL when it is one of files only.  Borrowed. */
const struct process_table *scan_processes(const struct scan *s);

struct scan_progress {
	uint64_t n_files; /* met by the opener */
	uint64_t n_total; /* counted so far, 0 when not counted */
	bool is_total;    /* n_total is final */
	const char *path; /* where the walk is; borrowed until scanner_step() */
};
void scan_get_progress(const struct scan *s, struct scan_progress *ret);

#endif

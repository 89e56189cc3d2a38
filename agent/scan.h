/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCAN_H
#define MH_AGENT_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/anomaly.h"
#include "agent/packs.h"
#include "agent/process_table.h"
#include "records/clue.h"
#include "records/coverage.h"
#include "records/messages.h"
#include "records/note.h"
#include "records/rule_place.h"
#include "records/setup.h"
#include "records/target.h"
#include "records/verdict.h"
#include "records/walk.h"

/*
 * Conducts scans: an opener walks and opens, workers scan, the caller hears
 * verdicts.  Used by the resident agent and by the command line; neither reads
 * a target's content.
 *
 * The rules are loaded once; then walks are done one after the other.  What
 * goes wrong with a helper process costs time, never a target:
 *
 * - Targets in flight in a worker that dies or says nothing for its time limit
 *   and SCAN_GRACE_MS are tried again alone, one at a time, in a worker with
 *   more memory.  One that kills its worker twice alone is poisoned.
 * - An opener that says nothing for SCAN_OPEN_MS is killed.  The next one goes
 *   on behind the last path, announcing each; the path at which it hangs again
 *   is passed over and told.
 * - A rule file at which the compiler dies is left out.
 *
 * Never blocks.  Wait for scan_fd() to become readable or for SCAN_TICK_MS,
 * then call scan_step().
 */
enum {
	SCAN_TICK_MS = 100,   /* call scan_step() at least so often while a scan runs */
	SCAN_GRACE_MS = 5000, /* beyond a target's time limit: reading from a slow disk */
	SCAN_OPEN_MS = 10000, /* one system call of the opener */
	SCAN_COMPILE_MS = 120000, /* one rule file: the slowest public one takes 2 s */
	SCAN_CANCEL_MS = 1000,    /* for targets in flight when the scan is cancelled */
	SCAN_HANGS_MAX = 8, /* in one walk; then the rest of that root is given up */
	SCAN_JOBS_MAX = 64, /* workers */
};

struct scan;

struct scan_options {
	struct scan_setup setup;
	unsigned n_workers; /* 1..SCAN_JOBS_MAX */
	int64_t open_ms;    /* SCAN_OPEN_MS but in tests */
	bool wants_places;  /* on_rule_file() and on_rule_place() are called */
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
};

/* What a scan tells its owner, and what it asks of it.  ctx is scan_new()'s. */
struct scan_ops {
	/*
	 * Start a helper program; answer with scan_on_started(), now or later.
	 * The agent asks the supervisor, the command line forks.
	 */
	mh_err (*start)(void *ctx, enum role role, unsigned instance);
	/* Kill it (SIGKILL); answer with scan_on_exited() when it is gone. */
	void (*stop)(void *ctx, enum role role, unsigned instance);
	/* A rule file was left out; line is 0 where it is not known. */
	void (*on_rule_problem)(void *ctx, const struct pack_file *file, unsigned line,
	    const char *why);
	/*
	 * If options.wants_places: a rule file was compiled, with so many warnings;
	 * then, when all were, where each rule works, its file by index in the packs.
	 * After a death of the compiler files are told again.
	 */
	void (*on_rule_file)(void *ctx, size_t file, unsigned n_warnings);
	void (*on_rule_place)(void *ctx, size_t file, const struct rule_place *place);
	/* Rules are ready; or facts is NULL, no rule could be used, and why says so. */
	void (*on_ready)(void *ctx, const struct ruleset_facts *facts, const char *why);
	/*
	 * Whether t has to be scanned; if not, *ret_reason says why.  NULL: all
	 * have to.
	 */
	bool (*wants)(void *ctx, const struct target *t, enum reason *ret_reason);
	void (*on_answer)(void *ctx, const struct scan_answer *answer);
	/* Something about a process that needs no rule; p is in processes.  Borrowed. */
	void (*on_anomaly)(void *ctx, const struct process_table *processes,
	    const struct process *p, const struct anomaly *a);
	/* A walk has ended: everything it met was answered for, or it was cancelled. */
	void (*on_done)(void *ctx);
};

/* ops is borrowed for good; options are copied; files are copied. */
struct scan *scan_new(const struct scan_options *options, const struct pack_list *packs,
    const struct scan_ops *ops, void *ctx);
void scan_free(struct scan *s);
MH_DEFINE_CLEANUP(struct scan, scan_free);

/* Begin loading the rules, for the first time or after they failed; on_ready() follows. */
mh_err scan_load(struct scan *s) MH_CHECKED;

/*
 * Begin a walk; only between on_ready() and another walk's on_done().  roots
 * and excludes are copied.  resume is a path behind which to go on, or NULL.
 * The coverage starts at zero.
 */
/* Which processes to scan.  Empty lists: all.  Borrowed. */
struct process_choice {
	const int32_t *pids;
	uint32_t n_pids; /* <= LIST_PIDS_MAX */
	const uint32_t *uids;
	uint32_t n_uids;          /* <= LIST_NAMES_MAX */
	const char *const *names; /* of programs */
	uint32_t n_names;         /* <= LIST_NAMES_MAX; each <= LIST_NAME_BYTES long */
};

struct scan_walk {
	const struct process_choice *processes; /* scanned before all files; NULL: none */
	const char *const *roots;
	size_t n_roots;
	const char *const *excludes;
	size_t n_excludes;
	bool may_cross;
	bool may_use_network;
	bool wants_count; /* count the files meanwhile, for a forecast */
	const char *resume;
};
/*
 * Errors: MH_ERR_TOOBIG (more exclusions than WALK_EXCLUDES_MAX, or together longer
 * than WALK_EXCLUDES_BYTES_MAX): no walk was begun.  A root longer than
 * PATH_BYTES_MAX is told as not scanned.
 */
mh_err scan_start(struct scan *s, const struct scan_walk *walk) MH_CHECKED;
/* Whether these exclusions fit into a walk. */
bool scan_takes_excludes(const char *const *list, size_t n);

/*
 * End the walk early: what was not reached is told as stopped; on_done() follows.
 * What workers hold may be finished for SCAN_CANCEL_MS, then it is stopped, too.
 */
void scan_cancel(struct scan *s);
/* After scan_cancel(): what workers hold is told as stopped at once. */
void scan_abandon(struct scan *s);

/* Answers of the owner to start() and stop(); fd is taken. */
void scan_on_started(struct scan *s, enum role role, unsigned instance, int fd);
void scan_on_exited(struct scan *s, enum role role, unsigned instance, int status);

int scan_fd(const struct scan *s);
/* Handle what is there, waiting at most timeout_ms for it. */
void scan_step(struct scan *s, int timeout_ms);

/* Of the walk that runs or ran last; borrowed. */
const struct coverage *scan_coverage(const struct scan *s);

/* The processes of that scan; NULL when it is one of files only.  Borrowed. */
const struct process_table *scan_processes(const struct scan *s);

struct scan_progress {
	uint64_t n_files;   /* met by the opener */
	uint64_t n_total;   /* counted so far, 0 when not counted */
	bool is_total;      /* n_total is final */
	const char *path;   /* where the walk is; borrowed until scan_step() */
	const char *cursor; /* everything up to it was answered for or is in flight */
};
void scan_get_progress(const struct scan *s, struct scan_progress *ret);

#endif

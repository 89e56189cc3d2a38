/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCAN_IMPL_H
#define MH_AGENT_SCAN_IMPL_H

#include <sys/queue.h>

#include "agent/scan.h"

/*
 * Inside of agent/scanner.h (scanner.c, scan_rules.c, scan_workers.c) and
 * agent/scan.h (scan_walk.c, scan_place.c, scan_process.c, scan_process_open.c).
 */

enum { JOB_FDS_MAX = MEMORY_FD_CODES + TARGET_CODE_FILES_MAX };

/* One target on its way. */
struct job {
	TAILQ_ENTRY(job) entry;
	struct scan *scan; /* whose it is */
	struct target target;
	int fds[JOB_FDS_MAX]; /* kept until the verdict: it may have to be tried again */
	struct match **matches; /* that came so far; clues and notes too */
	uint32_t n_matches;
	struct clue *clues;
	uint32_t n_clues;
	struct note_list notes;
	const struct mapped_entry *mapped; /* borrowed from the process table; or NULL */
	void *tag;                         /* scan_add()'s */
	uint64_t family; /* of memory: processes that were forked, not started; else 0 */
	size_t item;     /* of processes, that it was opened for */
	unsigned batch;  /* the message to a worker that it went with */
	unsigned deaths_alone; /* workers it killed when alone */
	bool was_hang;         /* the last of them had to be killed */
	int status;            /* wait(2)'s of the last of them */
};
TAILQ_HEAD(job_list, job);

/* Jobs that wait for a worker. */
struct job_queue {
	struct job_list jobs;
	unsigned n;
};

/* A channel that is waited on. */
struct endpoint {
	struct channel *channel; /* NULL when there is none */
	uint32_t events;         /* epoll's interest */
};

struct worker {
	struct endpoint end;
	uint64_t id;          /* the zygote's name for it; 0: slot is free */
	bool is_alone;        /* tries one target at a time, with more memory */
	bool is_killed;       /* its end was asked for */
	bool is_silent;       /* that was for its silence */
	uint64_t family;      /* of the last memory that it was given */
	struct job_list jobs; /* in flight, in order */
	unsigned n_jobs, n_batches;
	unsigned last_batch;
	int64_t heard_ms;   /* last sign of life while it had work */
	int64_t settled_ms; /* last verdict, or when work was given to an idle one */
	size_t match_bytes; /* of matches whose verdict is not there */
};

/* SLOT_URGENT: when all others are busy with what is not urgent. */
enum { SLOT_ALONE = SCAN_JOBS_MAX, SLOT_URGENT, N_SLOTS };

enum scanner_state {
	SCANNER_IDLE,
	SCANNER_UNPACKING, /* ZIPs of the packs */
	SCANNER_LOADING,
	SCANNER_COMPILING,
	SCANNER_READY,
	SCANNER_BROKEN
};

struct scanner {
	struct scanner_options options;
	const struct scanner_ops *ops;
	void *ctx;
	int epoll;
	int64_t now_ms;
	enum scanner_state state;
	TAILQ_HEAD(scan_list, scan) scans;
	unsigned last_instance; /* of helper programs */
	bool is_resting;

	/* ZIPs of packs (scan_unpack.c). */
	struct unpacking *unpacking; /* NULL when there is none, or all is unpacked */
	int *zip_fds;                /* of the files in them: memfd_create(2) */
	size_t n_zip_fds;
	size_t n_zip_left_out; /* files of ZIPs, and ZIPs, wholly or from some file on */

	/* Rules (scan_rules.c). */
	struct pack_list packs;
	bool *is_bad;          /* by file: left out because the compiler died on it */
	size_t *sent;          /* by place in the zygote's order: index into packs */
	size_t n_sent, n_next; /* n_next: next file of packs to send */
	size_t n_answered;
	char **disabled; /* patterns of rules that are not run; owned */
	size_t n_disabled, n_disabled_sent;
	/* Files of indicators (scan_indicators.c): one at a time. */
	bool *
	    is_bad_indicator; /* by file: left out because the zygote died on it, or unreadable */
	size_t n_next_indicator;
	bool is_table_sent, is_indicator_sent; /* the latter: not answered yet */
	unsigned zygote_instance;
	unsigned n_zygote_deaths;
	int64_t zygote_ms; /* last sign of life while loading */
	bool is_overdue;   /* the zygote is being killed, for it did not end */
	bool was_killed;   /* a zygote that loaded was, by others */
	bool is_compile_sent;
	struct endpoint zygote;
	struct ruleset_facts facts;
	bool was_ready; /* on_ready() was called */

	/* Workers (scan_workers.c). */
	struct worker workers[N_SLOTS];
	uint64_t next_worker;
	uint64_t next_target;
	struct job_queue queues[SCAN_PRIORITY_MAX_];
	struct job_queue alone;   /* to be tried alone */
	unsigned n_fork_failures; /* of workers, since one last answered */
	int64_t fork_ms;          /* when the next worker may be forked */
};

struct scan {
	TAILQ_ENTRY(scan) entry;
	struct scanner *scanner;
	const struct scan_ops *ops;
	void *ctx;
	enum scan_priority priority;
	bool is_stream;
	bool is_done; /* on_done() was called */
	bool is_cancelled, is_suspended, is_held;
	int64_t cancelled_ms;
	unsigned n_jobs, n_waiting; /* all; of these without a worker */
	/* All of it, and of that what was told beyond the cursor. */
	struct coverage coverage, tail;

	struct process_scan *processes; /* scan_process.c; NULL where none are scanned */

	/* Walk (scan_walk.c). */
	struct endpoint opener;
	struct endpoint counter;
	unsigned opener_instance, counter_instance;
	bool is_opener_starting;
	int8_t told_rest; /* whether it was told to rest; -1: nothing yet */
	bool is_careful;
	unsigned n_hangs;          /* in this walk */
	unsigned n_deaths;         /* of openers since one last said something */
	int64_t opener_started_ms; /* 0 before the first */
	char **roots;              /* owned */
	size_t n_roots, next_root;
	size_t chunk_first, chunk_n; /* roots of the request under way; 0: none is */
	char **excludes;
	size_t n_excludes;
	char **only;
	size_t n_only;
	bool are_patterns;
	int64_t changed_since_ns;
	int clean_fd; /* of a table of clean files; -1: none */
	bool may_cross, may_use_network;
	uint32_t walk_id;
	char *cursor;    /* last path met, or "" */
	char *announced; /* careful: what is being opened, or NULL */
	char *suspect;   /* an opener died at it, or NULL */
	char **avoids;   /* of patterns: paths that hung; owned */
	size_t n_avoids;
	int64_t opener_ms;       /* last sign of life while it was listened to */
	uint64_t n_files_before; /* of chunks that are done */
	struct walk_progress progress, counted;
	bool is_counted;
	char *where; /* for people */
};

/* Have e's channel waited on with these interests; call after each change. */
void scanner_watch(struct scanner *s, struct endpoint *e, bool wants_read);
/* Take fd as e's channel. */
void scanner_attach(struct scanner *s, struct endpoint *e, int fd, enum role peer);
void scanner_detach(struct endpoint *e);
/* Have a helper program started; its instance is in *ret_instance. */
mh_err scanner_start_child(struct scanner *s, enum role role, unsigned *ret_instance)
    MH_CHECKED;

void scan_free_strings(char **list, size_t n);

/*
 * ZIPs among the packs (scan_unpack.c).  unpack_begin(): whether there is any to unpack.
 * unpack_on_message(): false when the zygote says what it must not.
 * unpack_on_exited(): whether another zygote is needed for the rest.
 */
bool unpack_begin(struct scanner *s);
/* ZIPs among the packs: no files of rules themselves. */
size_t unpack_n_zips(const struct scanner *s);
void unpack_go_on(struct scanner *s);
bool unpack_on_message(struct scanner *s, const struct message *m);
bool unpack_on_exited(struct scanner *s);
void unpack_clear(struct scanner *s);

void rules_on_started(struct scanner *s, int fd);
void rules_on_exited(struct scanner *s, int status);
void rules_on_event(struct scanner *s);
void rules_tick(struct scanner *s);

/* Forget what was sent to a zygote that is no more. */
void indicators_reset(struct scanner *s);
/* Send what is next; false: the rules can be compiled now. */
bool indicators_send(struct scanner *s);
void indicators_on_message(struct scanner *s, const struct message *m);
/* The zygote died: whether a file of indicators is to blame, which is left out then. */
bool indicators_blame(struct scanner *s, const char *what_happened);

void workers_start(struct scanner *s);
void workers_on_event(struct scanner *s, struct worker *w);
void workers_on_gone(struct scanner *s, uint64_t id, int status);
/* The zygote died and all workers with it. */
void workers_lost(struct scanner *s);
void workers_dispatch(struct scanner *s);
void workers_tick(struct scanner *s);
/* Whether a worker holds jobs of that priority or less. */
bool workers_are_at_rest(const struct scanner *s, enum scan_priority priority);
/* Drop what waits of this scan, telling it as stopped. */
void workers_drop_queue(struct scan *s);
/* The same for what workers hold of it; these are killed. */
void workers_abandon(struct scan *s);
/* Free all jobs of this scan without a word. */
void workers_forget(struct scan *s);
/* Queue a target; all is taken.  The job is borrowed until the next step. */
struct job *workers_add(struct scan *s, struct target *t, const int *fds);
/* Room for more targets: the opener is listened to only then. */
bool workers_have_room(const struct scan *s);

void walk_begin(struct scan *s, const struct scan_walk *walk);
void walk_close_openers(struct scan *s);
void walk_on_started(struct scan *s, int fd);
void walk_on_count_started(struct scan *s, int fd);
void walk_on_exited(struct scan *s, unsigned instance, int status);
void walk_on_event(struct scan *s);
void walk_on_count(struct scan *s);
void walk_tick(struct scan *s);
/* Have the opener do what is next: processes, then the walk. */
void walk_ask(struct scan *s);
/* Hand what a SKIPPED names to take, one by one; false: nonsense. */
typedef void skipped_fn(struct scan *s, enum reason reason, const char *path,
    const char *detail);
bool walk_take_skipped(struct scan *s, const struct message *m, skipped_fn *take);
skipped_fn walk_count_skipped;
bool walk_is_finished(const struct scan *s);
/* All up to path was told. */
void walk_move_cursor(struct scan *s, const char *path);

/* Processes, before the walk; choice may be NULL. */
void processes_begin(struct scan *s, const struct process_choice *choice);
void processes_clear(struct scan *s);
bool processes_are_done(const struct scan *s);
bool processes_are_asked(const struct scan *s); /* a request is under way */
void processes_ask(struct scan *s);
/* While they are not done; false: the opener talks nonsense. */
bool processes_on_message(struct scan *s, struct message *m);
void processes_on_opener_lost(struct scan *s);
/* What is left is told with that reason. */
void processes_give_up(struct scan *s, enum reason reason, const char *detail);
/* Judge what a worker saw of the process whose memory it scanned. */
void processes_on_clues(struct scan *s, const struct scan_answer *answer);
/*
 * The memory of j was scanned, or will not be.  v may be NULL.  True: it is
 * scanned once more, since the process began another program meanwhile.
 */
bool processes_on_memory(struct scan *s, const struct job *j, struct verdict *v);
/* Memories and mapped files: to be opened, and answered for by the opener. */
size_t processes_n_items(const struct scan *s);
size_t processes_n_done(const struct scan *s);

#endif

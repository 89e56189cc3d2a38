/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_WATCH_H
#define MH_RECORDS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"
#include "records/target.h"
#include "records/walk.h"

/*
 * What agent and a watching opener tell each other: MSG_WATCH, MSG_EVENTS,
 * MSG_DUE, MSG_WATCHING, MSG_LOST, and of one that blocks MSG_BLOCK and
 * MSG_BLOCKED.
 */
enum {
	/* Events that wait, each with a descriptor; the agent may ask for fewer. */
	WATCH_PENDING_DEFAULT = 16384,
	WATCH_PENDING_MAX = 1 << 20, /* the kernel's own limit of descriptors (nr_open) */
	WATCH_DEBOUNCE_DEFAULT_MS = 300,
	WATCH_SETTLE_DEFAULT_MS = 2000,
	WATCH_REPEAT_DEFAULT_MS = 60 * 1000,
	WATCH_MEMORY_DEFAULT_MS = 5000,
	WATCH_TIME_MAX_MS = 24 * 3600 * 1000, /* of each of the four */
	/* Ancestors of an actor that are told: deeper ones are rarely telling. */
	ACTOR_PARENTS_MAX = 16,
	ACTOR_NAME_MAX = 1024, /* bytes of a parent's program: 16 of them fit an event */
	DUE_ITEMS_MAX = 1024,  /* in one message */
	/* File systems that go by name in one message; others are counted. */
	WATCH_PLACES_MAX = 128,
	WATCH_PLACE_BYTES_MAX = 256, /* of a mount point, a type, a reason */
	/* Known bad files in one message, and in all. */
	BLOCK_KEYS_MAX = 1024,
	BLOCK_TABLE_MAX = 65536,
};

/* What to watch.  A later request takes the place of the one before. */
struct watch_request {
	uint32_t id;
	bool may_use_network;   /* network and FUSE file systems too */
	uint32_t debounce_ms;   /* a file is told so long after its last write */
	uint32_t settle_max_ms; /* but at the latest so long after the first */
	uint32_t
	    repeat_max_ms; /* growing up to this while it is written again and again */
	uint32_t memory_after_ms; /* memory is due so long after execution began */
	uint32_t pending_max;     /* events that wait */
	char *state;     /* writes of our own processes below it are no events; "" none */
	char **excludes; /* fnmatch(3) patterns on whole paths; owned */
	uint32_t n_excludes;
};

void watch_request_clear(struct watch_request *w);
void watch_request_encode(const struct watch_request *w, struct buf *b);
/* Check r afterwards; always leaves what can be cleared.  So do all below. */
void watch_request_decode(struct reader *r, struct watch_request *ret);

struct actor_parent {
	int32_t pid;
	uint64_t start_ticks;
	char *name; /* path of its program, or how it calls itself */
};

/* Who did it. */
struct actor {
	bool
	    is_gone; /* ended before it could be looked at: what is there is from before */
	int32_t pid;
	uint64_t start_ticks; /* 0 unknown */
	uint32_t uid;
	uint32_t loginuid; /* who logged in, whoever he is now; UINT32_MAX: nobody */
	char *owner;       /* owned, as all texts; never NULL after decoding */
	char *comm;
	char *program;
	char *command;
	char *cgroup;
	char *container;
	struct actor_parent *parents; /* the nearest first; owned */
	uint32_t n_parents;
};

void actor_clear(struct actor *a);
void actor_copy(const struct actor *a, struct actor *ret);
void actor_encode(const struct actor *a, struct buf *b);
void actor_decode(struct reader *r, struct actor *ret);

enum { EVENT_WRITTEN = 1u << 0, EVENT_EXECUTED = 1u << 1 };

/* One file about which something happened; its descriptor travels beside it. */
struct watch_event {
	uint8_t kinds;
	uint32_t n_merged;         /* events of the kernel that it stands for */
	int64_t first_ms, last_ms; /* since 1970 */
	struct target target;      /* a file */
	struct actor actor;        /* of the first execution, else of the first write */
};

void watch_event_clear(struct watch_event *e);
void watch_event_encode(const struct watch_event *e, struct buf *b);
void watch_event_decode(struct reader *r, struct watch_event *ret);

/* Why the memory of a process is due. */
enum due_why {
	DUE_STARTED = 1, /* it has run for memory_after_ms */
	DUE_MEMFD,       /* its program was never a file */
	DUE_DELETED,     /* its program is a file no more */
	DUE_ODD_START,   /* through a dynamic loader, or from where anybody writes */
	DUE_WHY_MAX_
};

struct due_item {
	int32_t pid;
	uint64_t start_ticks;
	enum due_why why;
};

struct due_list {
	struct due_item *items; /* owned */
	uint32_t n;
};

void due_list_clear(struct due_list *d);
void due_list_encode(const struct due_list *d, struct buf *b);
void due_list_decode(struct reader *r, struct due_list *ret);

/*
 * Counters since the start.  What was read became one of the others or waits:
 *
 *	read == merged + sent + clean + excluded + own + gone + not_regular +
 *	    dropped + pending
 */
#define WATCH_COUNTERS(COUNTER)                                      \
	COUNTER(read)     /* events of the kernel about files */     \
	COUNTER(merged)   /* into one that waited */                 \
	COUNTER(sent)     /* in MSG_EVENTS */                        \
	COUNTER(clean)    /* in the table of clean files */          \
	COUNTER(excluded) /* by a pattern */                         \
	COUNTER(own)      /* our own writes below our state */       \
	COUNTER(gone)     /* the kernel could not open the file */   \
	COUNTER(not_regular)                                         \
	COUNTER(dropped)   /* beyond pending_max: told as lost */    \
	COUNTER(pending)   /* now */                                 \
	COUNTER(overflows) /* the kernel's queue was full */         \
	COUNTER(exec)      /* executions that were heard of */       \
	COUNTER(exec_own)                                            \
	COUNTER(exec_gone)   /* ended before it was looked at */     \
	COUNTER(exec_lost)   /* times that executions were missed */ \
	COUNTER(due)         /* told in MSG_DUE */                   \
	COUNTER(due_gone)    /* ended before its memory was due */   \
	COUNTER(due_pending) /* now */                               \
	COUNTER(actor_gone)  /* events whose actor is not known */

struct watch_counters {
#define WATCH_COUNTER_FIELD(name) uint64_t n_##name;
	WATCH_COUNTERS(WATCH_COUNTER_FIELD)
#undef WATCH_COUNTER_FIELD
};

/* A file system, watched or not. */
struct watch_place {
	uint64_t dev;
	char *path; /* a mount point; in another mount namespace as seen there */
	char *type;
	char *trouble; /* why it is not watched; "" when it is */
};

struct watching {
	uint32_t id;             /* of the request in force */
	char *trouble;           /* why no file is watched at all; "" */
	char *processes_trouble; /* why no execution is heard of; "" */
	bool has_pidfd;          /* actors are known for sure */
	bool is_unlimited;       /* the kernel's queue has no limit */
	bool has_errors;         /* the kernel tells of each file that it cannot open */
	struct watch_counters counters;
	struct watch_place *places; /* owned */
	uint32_t n_places;
	uint32_t n_unlisted; /* more places than fit */
};

void watching_clear(struct watching *w);
void watching_encode(const struct watching *w, struct buf *b);
void watching_decode(struct reader *r, struct watching *ret);

/* Where events may be missing. */
struct watch_lost {
	bool is_processes; /* executions too, or only (n_paths 0) */
	int64_t since_ns;  /* since 1970: files changed since then, by ctime */
	char **paths;      /* mount points; owned */
	uint32_t n_paths;
};

void watch_lost_clear(struct watch_lost *l);
void watch_lost_encode(const struct watch_lost *l, struct buf *b);
void watch_lost_decode(struct reader *r, struct watch_lost *ret);

/* A file as it was when it was found bad. */
struct block_key {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

/* The first has is_on; each is a heartbeat; keys are added. */
struct block_request {
	bool is_on;             /* false: stop blocking */
	bool is_anew;           /* forget the keys so far */
	struct block_key *keys; /* owned */
	uint32_t n_keys;
};

void block_request_clear(struct block_request *b);
void block_request_encode(const struct block_request *q, struct buf *b);
void block_request_decode(struct reader *r, struct block_request *ret);

/* Repeated in MSG_BLOCKED. */
struct blocked {
	int64_t time_ms;      /* since 1970 */
	struct target target; /* without its descriptor, n_fds says 1 all the same */
	struct actor actor;
};

void blocked_clear(struct blocked *b);
void blocked_encode(const struct blocked *d, struct buf *b);
void blocked_decode(struct reader *r, struct blocked *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WATCH_MARKS_H
#define MH_AGENT_WATCH_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/watch.h"

/*
 * fanotify(7) marks on whole file systems, in this and other mount namespaces,
 * and reading its events.  Used for notification, and for asking (blocking).
 *
 * A mount point on or below a network or FUSE file system is never touched
 * unless that is asked for: its server may be dead.
 */
enum {
	/* File systems that are known at once; beyond, those are marked and not told. */
	MARKS_PLACES_MAX = 4096,
	/* Mount namespaces that are known; beyond, the oldest is read again when met. */
	MARKS_NAMESPACES_MAX = 256,
	MARKS_NAMESPACE_MS = 1000, /* between two looks at the mounts of one */
	MARKS_READS_MAX = 4096,    /* events taken before others have their turn */
};

enum marks_kind {
	MARKS_NOTIFY, /* tell of FAN_CLOSE_WRITE and FAN_OPEN_EXEC */
	MARKS_ASK,    /* ask before FAN_OPEN_EXEC_PERM */
};

struct marks_event {
	uint64_t mask; /* FAN_... */
	int fd;        /* the callee's; -1: not opened, and error says why */
	int error;     /* errno */
	int32_t pid;
	int pidfd;     /* borrowed; -1: none */
	bool is_ended; /* the process had ended when the event was read */
};

typedef void (*on_event_fn)(void *ctx, struct marks_event *e);

struct watch_marks;

/* Never NULL: see trouble. */
struct watch_marks *watch_marks_new(enum marks_kind kind);
void watch_marks_free(struct watch_marks *m);
MH_DEFINE_CLEANUP(struct watch_marks, watch_marks_free);

int watch_marks_fd(const struct watch_marks *m); /* -1: no fanotify */
const char *watch_marks_trouble(const struct watch_marks *m);
bool watch_marks_has_pidfd(const struct watch_marks *m);
bool watch_marks_is_unlimited(const struct watch_marks *m);
bool watch_marks_has_errors(const struct watch_marks *m);

/* To poll(2) for POLLPRI: mounts came or went; -1 when that is not known. */
int watch_marks_mounts_fd(const struct watch_marks *m);

/* Mark all file systems of this mount namespace, and forget those that went. */
void watch_marks_refresh(struct watch_marks *m, bool may_use_network);

/*
 * A process of mount namespace ns began a program: mark what is mounted there,
 * at once or, when it was looked at a moment ago, with watch_marks_catch_up().
 * dir is its folder in /proc.
 */
void watch_marks_meet(struct watch_marks *m, int dir, int32_t pid, uint64_t ns,
    int64_t now_ms);
/* Look at namespaces that wait; proc is a folder of proc(5).  When to come back. */
int64_t watch_marks_catch_up(struct watch_marks *m, int proc, int64_t now_ms);

/*
 * Take events, at most MARKS_READS_MAX.  MH_OK: there may be more; MH_ERR_AGAIN:
 * the queue was empty; MH_ERR_SYSTEM (errno): an event could not be taken.
 */
mh_err watch_marks_read(struct watch_marks *m, on_event_fn on_event, void *ctx)
    MH_CHECKED;

/* Answer an event of MARKS_ASK. */
void watch_marks_answer(struct watch_marks *m, int fd, bool is_allowed);

/* Tell of executions of this file no more, until it changes or memory is short. */
bool watch_marks_ignore(struct watch_marks *m, int fd);
/* Take back all of them. */
void watch_marks_flush_ignored(struct watch_marks *m);

/* Places, in the order in which they were met; borrowed until the next refresh. */
size_t watch_marks_count(const struct watch_marks *m);
const struct watch_place *watch_marks_place(const struct watch_marks *m, size_t i);
/* The place on that device, or NULL. */
const struct watch_place *watch_marks_find(const struct watch_marks *m, uint64_t dev);
/*
 * Whether a file of that path may lie on or below a network or FUSE file system of
 * this mount namespace.  Mounts of others do not count: anybody can make those, and
 * would hide what programs of that path were told.
 */
bool watch_marks_is_remote(const struct watch_marks *m, const char *path);
/* Whether places changed since the last call. */
bool watch_marks_has_changed(struct watch_marks *m);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WATCH_PROCESSES_H
#define MH_AGENT_WATCH_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/own.h"
#include "base/attributes.h"
#include "base/error.h"
#include "records/watch.h"

/*
 * Hears of executions from the kernel's process connector (linux/cn_proc.h),
 * and knows whose memory is due to be scanned.  It sees what fanotify does
 * not: programs without a file, and those that a dynamic loader was told to
 * load.  Needs CAP_NET_ADMIN in the first network and pid namespaces.
 */
enum {
	/* Processes whose memory is not due yet; beyond, the oldest is due early. */
	WATCH_DUE_MAX = 16384,
	/* Bytes of the socket's buffer: 40,000 executions while we are busy. */
	WATCH_SOCKET_BYTES = 8 * 1024 * 1024,
};

/* An execution, as it was found right after. */
struct exec_look {
	int dir; /* its folder in /proc; the callee's no longer than the call */
	int32_t pid;
	uint64_t start_ticks;
	uint64_t mount_namespace;  /* its inode; 0 unknown */
	const struct actor *actor; /* what could be seen at a glance */
};

typedef void (*on_exec_fn)(void *ctx, const struct exec_look *look);

struct watch_processes;

/* proc, a folder of proc(5), and own are borrowed.  Never NULL: see trouble. */
struct watch_processes *watch_processes_new(int proc, struct own *own);
void watch_processes_free(struct watch_processes *wp);
MH_DEFINE_CLEANUP(struct watch_processes, watch_processes_free);

/* To poll(2) for reading; -1 when nothing is heard. */
int watch_processes_fd(const struct watch_processes *wp);
/* Why nothing is heard, static; "" when all is well. */
const char *watch_processes_trouble(const struct watch_processes *wp);

/*
 * Take what is there; on_exec for each.  True when executions were missed: then
 * /proc was read for processes that began since the last that was heard of.
 */
bool watch_processes_read(struct watch_processes *wp, uint32_t memory_after_ms,
    int64_t now_ms, on_exec_fn on_exec, void *ctx, struct watch_counters *counters);

/* The next processes whose memory is due, at most max; those that ended are counted. */
size_t watch_processes_take(struct watch_processes *wp, int64_t now_ms,
    struct due_item *ret, size_t max, struct watch_counters *counters);
/* When the next is due; INT64_MAX when none is. */
int64_t watch_processes_due(const struct watch_processes *wp);

/*
 * Parse what the socket gave: the pids that executed into ret, at most max.
 * MH_ERR_FORMAT for what is no message of the connector.
 */
mh_err watch_processes_parse(const void *p, size_t len, int32_t *ret, size_t max,
    size_t *ret_n) MH_CHECKED;

/* Why a process with that program and number of links to it is odd, or DUE_STARTED. */
enum due_why watch_processes_why(const char *program, unsigned n_links);

#endif

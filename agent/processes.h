/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROCESSES_H
#define MH_AGENT_PROCESSES_H

#include "base/attributes.h"
#include "base/error.h"
#include "records/process.h"
#include "records/target.h"

/*
 * Lists processes and opens their memory and what they map: proc(5).
 *
 * A process is the same as long as its pid and start time are.  Every look goes
 * through a descriptor of its folder in /proc, which never shows another one.
 * What somebody else would have to answer for (a file on a network or FUSE file
 * system) is known by its device and not touched, unless that is asked for.
 *
 * Blocks where the kernel does, on a lock of the process for instance: runs in
 * the opener.
 */
enum {
	/* Mapped files that are known by type, so that each is looked at once. */
	KNOWN_FILES_MAX = 1 << 18,
	/* Ancestors of a process that are told: deeper is a loop. */
	ANCESTORS_MAX = 64,
};

/* Where a listing hands out what it finds; ctx is processes_list()'s. */
struct process_sink {
	void (*on_process)(void *ctx, const struct process *p);
	/* What the process before maps, at most MAPPED_FILES_MAX at a time. */
	void (*on_mapped)(void *ctx, const struct mapped_list *list);
	/* Something that should have been looked at was not. */
	void (*on_missed)(void *ctx, enum reason reason, const char *what,
	    const char *detail);
	/* Before the calls about a process, which may hang. */
	void (*before)(void *ctx, int32_t pid);
};

struct processes;

/* family: processes that descend from this pid, and itself, are our own. */
struct processes *processes_new(int32_t family);
void processes_free(struct processes *ps);
MH_DEFINE_CLEANUP(struct processes, processes_free);

/* Tell what request asks for, in the order of pids; never fails as a whole. */
void processes_list(struct processes *ps, const struct list_request *request,
    const struct process_sink *sink, void *ctx);

/*
 * Open an item.  ret_fds has room for MEMORY_FD_CODES + TARGET_CODE_FILES_MAX
 * descriptors, the caller's.  *ret is cleared by the caller.
 *
 * Returns REASON_NONE; or why not, and *ret_detail is a sentence (static) or
 * NULL.
 */
enum reason processes_open(struct processes *ps, const struct open_item *item,
    struct target *ret, int *ret_fds, const char **ret_detail);

/* Facts about processes that could not be looked at since the last call. */
uint64_t processes_new_gaps(struct processes *ps);

#endif

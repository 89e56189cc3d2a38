/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WATCH_ACTOR_H
#define MH_AGENT_WATCH_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/own.h"
#include "agent/watch_marks.h"
#include "base/attributes.h"
#include "records/watch.h"

/*
 * Who did it: facts of the process that an event names, from /proc.
 *
 * The descriptor of the process that came with the event, or one of our own,
 * says after the reading whether the process was still there: then its pid was
 * nobody else's meanwhile.  The latest are remembered, so that many events of
 * one process cost one look in a second.
 */
enum {
	ACTORS_CACHED = 1024,
	ACTOR_FRESH_MS = 1000, /* then a process that lives is looked at again */
	ACTOR_PAST_MS = 2000,  /* so long what was known of one that ended is told */
};

struct watch_actors;

/*
 * All are borrowed; proc is a folder of proc(5).  Without own (NULL) nobody is
 * ours; without marks no command line is read, and nothing that may sleep.  With
 * them it is, but of programs on network and FUSE file systems.
 */
struct watch_actors *watch_actors_new(int proc, struct own *own,
    const struct watch_marks *marks);
void watch_actors_free(struct watch_actors *wa);
MH_DEFINE_CLEANUP(struct watch_actors, watch_actors_free);

/*
 * The actor with that pid, borrowed until the next call.  pidfd, -1 for none,
 * came with the event; is_ended says that the kernel had none to give since
 * the process had ended.  *ret_is_own: it is a process of ours.
 */
const struct actor *watch_actors_get(struct watch_actors *wa, int32_t pid, int pidfd,
    bool is_ended, int64_t now_ms, bool *ret_is_own);

/* It executes another program: what is known of it is true no more. */
void watch_actors_forget(struct watch_actors *wa, int32_t pid);

/* What was seen of it when it began a program, for when it ends too soon; a is copied. */
void watch_actors_hint(struct watch_actors *wa, const struct actor *a, int64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_BLOCK_H
#define MH_AGENT_BLOCK_H

#include <stdint.h>
#include <stdnoreturn.h>

#include "base/channel.h"

/*
 * The blocker: what an opener is from its first MSG_BLOCK on, when blocking is
 * asked for.  The kernel asks it before each execution on a local file system
 * (fanotify(7), FAN_OPEN_EXEC_PERM); it denies files that are exactly as they
 * were when they were found bad, and allows all others, and on any doubt.
 *
 * It answers from memory, before it looks at who asked, and that look asks no
 * file system and reads no memory of the process.  Programs of our own are
 * never denied.  An answer that takes longer than BLOCK_ANSWER_MS
 * ends the process, and so does a time of BLOCK_SILENCE_MS without a word from
 * the agent: the kernel then allows all.
 */
enum {
	BLOCK_ANSWER_MS = 200,   /* people notice what is slower */
	BLOCK_SILENCE_MS = 3000, /* an agent that lives says something each second */
	BLOCK_TOLD_MAX = 256,    /* denied ones that wait to be told; beyond, counted */
};

/* Serve first, a MSG_BLOCK, and what follows; does not return. */
noreturn void block_run(struct channel *agent, struct message *first, int32_t family);

#endif

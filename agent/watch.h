/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WATCH_H
#define MH_AGENT_WATCH_H

#include <stdint.h>
#include <stdnoreturn.h>

#include "base/channel.h"

/*
 * The watcher: what an opener is from its first MSG_WATCH on.
 *
 * One loop that reads events of fanotify and of the process connector at once,
 * whatever the agent does, and tells them when it has credit.  It never reads
 * a target's content, and never waits for a file system.
 */
enum {
	/* Descriptors left for everything but events that wait. */
	WATCH_DESCRIPTORS_FREE = 512,
	WATCH_STATE_MS = 5000, /* MSG_WATCHING is sent no later while counters change */
	WATCH_LOST_MS = 1000,  /* MSG_LOST at most so often */
	/* Slack before the time at which events were last known to be all read. */
	WATCH_LOST_SLACK_MS = 2000,
};

/*
 * Serve first, a MSG_WATCH, and what follows, until the agent goes; does not
 * return.  family: our processes descend from this pid.
 */
noreturn void watch_run(struct channel *agent, struct message *first, int32_t family);

#endif

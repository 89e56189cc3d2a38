/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_OPENER_H
#define MH_TESTS_UNIT_MH_OPENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/channel.h"

/*
 * A molehunt-open, driven by the test as its agent.  Its parent is a process
 * between, so that what the test starts is not of its family.
 */
struct mh_opener {
	pid_t between, pid;
	uid_t uid; /* 0, or whom it is to run as; set before the start */
	int to;    /* of the one between: paths that it writes */
	struct channel *channel;
};

/* Fails the test when it cannot be started. */
void mh_opener_start(struct mh_opener *o, const char *program);
/* Accepts one that was never started, or ended. */
void mh_opener_end(struct mh_opener *o);

/* Have the one between, which is of its family, write the file at path. */
void mh_opener_write(struct mh_opener *o, const char *path);

/* The next message, no later than in so many ms: false.  Also false at its end. */
bool mh_opener_receive(struct mh_opener *o, struct message *m, int timeout_ms);

/*
 * A mount namespace of the test's own, with a tmpfs at folder.  False when that
 * is not permitted.
 */
bool mh_private_tmpfs(const char *folder);

#endif

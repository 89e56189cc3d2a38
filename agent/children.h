/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CHILDREN_H
#define MH_AGENT_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "records/messages.h"

/*
 * The role processes that a supervisor started: by role and instance, an
 * arbitrary number of the parent's that tells a successor from its predecessor.
 */
enum { CHILDREN_MAX = 64 };

struct child {
	enum role role; /* 0: free */
	unsigned instance;
	pid_t pid;
};

struct children {
	char *folder; /* of the programs; owned */
	struct child table[CHILDREN_MAX];
};

void children_init(struct children *c);
void children_clear(struct children *c);

/*
 * Start the program of role with these arguments behind its name (NULL: none;
 * NULL-terminated).  *ret_fd is the parent's end of its channel.
 * Errors: MH_ERR_SYSTEM (errno), MH_ERR_FULL.
 */
mh_err children_start(struct children *c, enum role role, unsigned instance,
    char *const args[], int *ret_fd) MH_CHECKED;

/* Send sig; nothing when there is no such child. */
void children_kill(struct children *c, enum role role, unsigned instance, int sig);

/* Kill all and forget them: children_reap() will not tell of their end. */
void children_disown(struct children *c);

/* The next child that has ended, copied to *ret with its wait(2) status; false: none. */
bool children_reap(struct children *c, struct child *ret, int *ret_status);

/* Whether some child has not been reaped. */
bool children_are_left(const struct children *c);

/* The file name of a role's program, or NULL; static. */
const char *children_program(enum role role);

#endif

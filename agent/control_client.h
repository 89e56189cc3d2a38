/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CONTROL_CLIENT_H
#define MH_AGENT_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * Asking the resident agent, from the command line: agent/control.h is the other
 * side.  Blocks for CONTROL_CLIENT_MS at most while the agent says nothing.
 */
enum {
	CONTROL_CLIENT_MS = 15 * 1000,
	CONTROL_LINE_MAX = 4 * 1024 * 1024, /* bytes: SPOOL_JSON_MAX */
};

#define CONTROL_SOCKET_DEFAULT "/run/molehunt/control.sock"

/* One line of the answer, but the last; borrowed. */
typedef void control_line_fn(void *ctx, const json_t *record);

/*
 * Send request, which is taken, to the agent at path, and hand each line of its
 * answer to fn.  *ret_cut: the answer was longer than an answer may be.
 *
 * Errors, with *ret_why a new sentence for people: MH_ERR_NOTFOUND (no agent there),
 * MH_ERR_DENIED (this verb is for root and the group), MH_ERR_INVALID (the agent
 * refused: why), MH_ERR_PROTOCOL, MH_ERR_TIMEOUT, MH_ERR_SYSTEM.  Lines may have been
 * handed over before.
 */
mh_err control_ask(const char *path, json_t *request, control_line_fn *fn, void *ctx,
    bool *ret_cut, char **ret_why) MH_CHECKED;

#endif

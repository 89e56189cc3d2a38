/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CONTROL_H
#define MH_AGENT_CONTROL_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * The control socket of the resident agent, its side: a local stream socket that
 * anyone may open.  A peer sends one request, a line of JSON, and gets lines of
 * JSON until the agent closes: docs/PROTOCOL.md, "Control".  What a peer may ask
 * depends on who it is by the kernel's word (unix(7), SO_PEERCRED and
 * SO_PEERGROUPS), never on what it says.
 *
 * Input: hostile: any local user.
 */
enum {
	CONTROL_PEERS_MAX = 32,     /* connections; one more is closed at once */
	CONTROL_STRANGERS_MAX = 16, /* of these, from users who may only ask how it is */
	CONTROL_UID_MAX = 4,        /* of these, from one user: others may ask, too */
	CONTROL_REQUEST_MAX = 256 * 1024, /* bytes: a policy with its signature fits */
	/* From connecting to the whole request, and then for taking the whole answer:
	 * bytes that drip renew nothing. */
	CONTROL_PEER_MS = 10 * 1000,
	CONTROL_ANSWER_MAX = 16 * 1024 * 1024, /* bytes: then it ends, and says so */
};

struct control;
struct control_answer;

/* is_trusted: root, the agent's own user, or a member of the group. */
typedef void control_fn(void *ctx, bool is_trusted, const json_t *request,
    struct control_answer *answer);

/*
 * Make the socket at path, whose folder is made where it is missing, and listen.
 * A socket that nobody answers at is replaced.
 * Errors: MH_ERR_EXISTS (another agent answers there), MH_ERR_SYSTEM, MH_ERR_TOOBIG (a path
 * longer than an address).
 */
mh_err control_listen(const char *path, int *ret_fd) MH_CHECKED;

/* fd is taken.  gid: members of this group are trusted; (gid_t)-1: of none. */
struct control *control_new(struct event_base *base, int fd, gid_t gid, control_fn *fn,
    void *ctx);
/* Of peers that connect from now on; CONTROL_PEER_MS unless set. */
void control_set_peer_ms(struct control *c, unsigned peer_ms);
void control_free(struct control *c);

/* One line of the answer; record is taken.  False: the answer is full. */
bool control_put(struct control_answer *answer, json_t *record);
/* End the answer with an error: a stable word and a sentence for people. */
void control_refuse(struct control_answer *answer, const char *code,
    const char *sentence);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_SERVER_H
#define MH_TESTS_UNIT_MH_SERVER_H

#include <sys/types.h>

#include "tests/unit/mh_fleet.h"

/*
 * A stand-in for the collector in a process of its own: TLS on loopback,
 * enrolment and reports, with the faults that tests ask for.
 */
enum server_fault {
	SERVER_GOOD,
	SERVER_BUSY_ONCE,  /* the first report gets 503 with Retry-After: 1 */
	SERVER_REFUSES,    /* reports get 409 fork */
	SERVER_HANGS_UP,   /* the first connection is closed after the request */
	SERVER_CHUNKS,     /* reports get a chunked answer, once */
	SERVER_NO_TLS,     /* answers in plain text */
	SERVER_TWO_AGENTS, /* enrols the two keys as two agents */
	SERVER_CLOSES,     /* each answer ends the connection, in good order */
	SERVER_IS_BEHIND,  /* its clock is, by an hour */
	SERVER_REDIRECTS,  /* reports get 302 to another place */
	SERVER_BUSY_DATE,  /* the first report gets 503, Retry-After a date in 2 s */
	/* What a renewal gets: a certificate for another key, agent, use, CA; none; 503
	 * each time; one that the server then does not accept. */
	SERVER_RENEWS_KEY,
	SERVER_RENEWS_AGENT,
	SERVER_RENEWS_USE,
	SERVER_RENEWS_CA,
	SERVER_RENEWS_NOTHING,
	SERVER_RENEWS_LATER,
	SERVER_RENEWS_IN_VAIN,
};

#define SERVER_SECRET "0123456789abcdefghijABCDEFGHIJ-_"

struct server {
	pid_t pid;
	unsigned short port;
};

/* tls is the server's pair, whose chain is sent with the CA.  Aborts on failure. */
struct server server_start(const struct fleet *fleet, const struct fleet_pair *tls,
    enum server_fault fault);
/* The same at that port, which is free; 0: any. */
struct server server_start_at(const struct fleet *fleet, const struct fleet_pair *tls,
    enum server_fault fault, unsigned short port);
void server_stop(struct server *server);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_CONNECTIONS_H
#define MH_COLLECTOR_CONNECTIONS_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "collector/config.h"
#include "collector/metrics.h"
#include "collector/revoked.h"

/*
 * The connections of one event loop with their deadlines.
 *
 * libevent's own timeouts start anew with every byte, so that one byte now and
 * then keeps a connection for ever.  Here each phase of a connection has an
 * absolute end:
 *
 *	HANDSHAKE -> IDLE -> HEADERS -> BODY -> WORK -> REPLY -> IDLE ...
 *
 * and the connection as a whole has one too.  WORK is ours and has none.
 *
 * Handshakes cost most of all, so that only so many are under way at a time;
 * who comes then waits in the kernel's queue, in order.
 */
enum {
	/* So long a handshake may take while others wait for a turn, and so long a
	 * client may say nothing: silent peers must not keep others out. */
	HANDSHAKE_PATIENCE_MS = 3000,
	HANDSHAKE_SILENCE_MS = 1000,
	CONNECTIONS_SWEEP_MS = 250,    /* how exact a deadline is */
	BODY_MAX_STRANGER = 16 * 1024, /* bytes of body without a client certificate: only
					* who is known may make us keep a megabyte */
	HEADERS_MAX = 8 * 1024,        /* bytes of a request's head */
};

struct connections;

/* What all loops share, and what this one may do. */
struct connections_setup {
	const struct config *config;
	struct metrics *metrics;    /* its gauges are the counts of all loops */
	int ssl_index;              /* connections_ssl_index() */
	size_t handshakes_max;      /* of this loop */
	void (*on_room)(void *arg); /* fewer handshakes than that again */
	void *arg;
};

/* The place in an SSL where its connection is kept; once in a process. */
int connections_ssl_index(void);

/* setup is borrowed but for its pointers.  Caller frees with connections_free(). */
struct connections *connections_new(const struct connections_setup *setup);
void connections_free(struct connections *cs);

/* A bufferevent for the next connection that is accepted; NULL when memory is out. */
struct bufferevent *connections_accept(struct connections *cs, struct event_base *base,
    SSL_CTX *ctx, int64_t now_ms);

/* Whether another handshake may begin. */
bool connections_has_room(const struct connections *cs);

/* The request is complete and is being worked on. */
void connections_on_work(struct evhttp_request *req);

/* Its answer is about to be given; adds "Connection: close" to a connection's last. */
void connections_on_reply(struct evhttp_request *req);

/* End what is past its deadline; with only_busy also what is not in a request. */
void connections_sweep(struct connections *cs, int64_t now_ms, bool only_busy);

/* End the connections of these agents, those in a request with its answer. */
void connections_close_revoked(struct connections *cs, const struct revoked *revoked);

/* What the peer's certificate says; it was verified in this or an earlier handshake. */
struct connection_peer {
	bool has_certificate;
	bool is_agent;             /* an agent's for TLS, with its id */
	char agent[UUID_TEXT_LEN]; /* "" unless is_agent */
	int64_t not_before_ms, not_after_ms;
};

/* Of the request's connection; NULL when that is gone. */
const struct connection_peer *connections_peer(struct evhttp_request *req);

size_t connections_count(const struct connections *cs);

/* Whether this request's connection came when there were too many. */
bool connections_is_surplus(struct evhttp_request *req);

#endif

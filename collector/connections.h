/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_CONNECTIONS_H
#define MH_COLLECTOR_CONNECTIONS_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/config.h"

/*
 * The connections of the collector with their deadlines.
 *
 * libevent's own timeouts start anew with every byte, so that one byte now and
 * then keeps a connection for ever.  Here each phase of a connection has an
 * absolute end:
 *
 *	HANDSHAKE -> IDLE -> HEADERS -> BODY -> WORK -> REPLY -> IDLE ...
 *
 * and the connection as a whole has one too.  WORK is ours and has none.
 */
enum {
	CONNECTIONS_SWEEP_MS = 250,    /* how exact a deadline is */
	BODY_MAX_STRANGER = 16 * 1024, /* bytes of body without a client certificate: only
					* who is known may make us keep a megabyte */
	HEADERS_MAX = 8 * 1024,        /* bytes of a request's head */
};

struct connections;

/* config is borrowed.  Caller frees with connections_free(). */
struct connections *connections_new(const struct config *config);
void connections_free(struct connections *cs);

/* A bufferevent for the next connection that is accepted; NULL when memory is out. */
struct bufferevent *connections_accept(struct connections *cs, struct event_base *base,
    SSL_CTX *ctx, int64_t now_ms);

/* The request is complete and is being worked on. */
void connections_on_work(struct evhttp_request *req);

/* Its answer is about to be given; adds "Connection: close" to a connection's last. */
void connections_on_reply(struct evhttp_request *req);

/* End what is past its deadline; with only_busy also what is not in a request. */
void connections_sweep(struct connections *cs, int64_t now_ms, bool only_busy);

/* The peer's certificate, borrowed until the request ends; NULL: it gave none. */
X509 *connections_peer(struct evhttp_request *req);

size_t connections_count(const struct connections *cs);

/* Whether this request's connection came when there were too many. */
bool connections_is_surplus(struct evhttp_request *req);

#endif

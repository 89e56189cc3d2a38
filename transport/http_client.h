/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_HTTP_CLIENT_H
#define MH_TRANSPORT_HTTP_CLIENT_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "transport/http.h"
#include "transport/url.h"

/*
 * One kept HTTPS connection to one collector, on libevent: one request at a
 * time.  Each step has an absolute deadline, so that a peer that trickles gains
 * nothing.  No redirect is followed, no session resumed, no proxy used.
 */
enum {
	HTTP_LOOKUP_MS = 10 * 1000,  /* for the name */
	HTTP_CONNECT_MS = 10 * 1000, /* for each address */
	HTTP_TLS_MS = 10 * 1000,     /* for the handshake */
	HTTP_RESPONSE_MS =
	    60 * 1000, /* from the request's first byte to the answer's last */
};

struct http_client;

/* Called from the loop; they may call the client, but not free it. */
struct http_client_events {
	/* The handshake is done and a request may be sent. */
	void (*on_up)(void *arg);
	/* There is no connection (any more), for that reason: a sentence. */
	void (*on_down)(void *arg, const char *why);
	/* The answer to the request; borrowed during the call.  If it does not
	 * keep the connection alive, the client is down already. */
	void (*on_response)(void *arg, const struct http_response *response);
};

/* events and base are borrowed for the client's life. */
struct http_client *http_client_new(struct event_base *base,
    const struct http_client_events *events, void *arg);
void http_client_free(struct http_client *client);
MH_DEFINE_CLEANUP(struct http_client, http_client_free);

/*
 * Begin to connect; on_up or on_down follows, never before this returns.  The
 * client is down.  url is copied, ctx referenced.
 */
void http_client_connect(struct http_client *client, const struct url *url, SSL_CTX *ctx);

/* No connection and none on the way. */
bool http_client_is_down(const struct http_client *client);
/* Whether http_client_send() may be called. */
bool http_client_is_ready(const struct http_client *client);

/* Send a request, which is copied but for its host, which is the URL's. */
void http_client_send(struct http_client *client, const struct http_request *request);

#endif

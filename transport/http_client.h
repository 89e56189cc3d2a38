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
 * One kept HTTPS connection to one collector, on libevent, direct or through an
 * HTTP proxy: one request at a time.  Each step has an absolute deadline, so that
 * a peer that trickles gains nothing.  No redirect is followed.
 *
 * Of several addresses the next is tried beside the first when that does not
 * answer at once (RFC 8305), so that a dead family costs a moment.
 */
enum {
	HTTP_LOOKUP_MS = 10 * 1000,  /* for the name */
	HTTP_CONNECT_MS = 10 * 1000, /* from the last address that was tried */
	HTTP_ADDRESS_MS = 250,       /* until the next address is tried as well */
	HTTP_ADDRESSES_MAX = 16,     /* of a name; more are not tried */
	HTTP_PROXY_MS = 10 * 1000,   /* for the proxy's answer */
	HTTP_TLS_MS = 10 * 1000,     /* for the handshake */
	HTTP_RESPONSE_MS =
	    60 * 1000, /* from the request's first byte to the answer's last */
};

struct http_client;

/* Why there is no connection any more. */
enum http_fault {
	HTTP_FAULT_NETWORK, /* not reached, or broken off */
	HTTP_FAULT_PROXY,   /* the proxy does not let us through */
	HTTP_FAULT_SERVER,  /* the server is not who it should be */
	HTTP_FAULT_REFUSED, /* the server does not take our certificate */
	HTTP_FAULT_CLOSED,  /* it ended while nothing was asked */
};

/* Called from the loop; they may call the client, but not free it. */
struct http_client_events {
	/* The handshake is done and a request may be sent.  Whether the server takes
	 * our certificate shows with its first answer only (TLS 1.3). */
	void (*on_up)(void *arg, bool is_resumed);
	/* There is no connection (any more), for that reason: a sentence. */
	void (*on_down)(void *arg, enum http_fault fault, const char *why);
	/* The answer to the request; borrowed during the call.  If it does not
	 * keep the connection alive, the client is down already. */
	void (*on_response)(void *arg, const struct http_response *response);
	/* The server gave a session to resume, which is taken. */
	void (*on_session)(void *arg, SSL_SESSION *session);
};

/* events and base are borrowed for the client's life. */
struct http_client *http_client_new(struct event_base *base,
    const struct http_client_events *events, void *arg);
void http_client_free(struct http_client *client);
MH_DEFINE_CLEANUP(struct http_client, http_client_free);

/* Where to, and how. */
struct http_route {
	struct url url;
	SSL_CTX *ctx;                  /* referenced; one for each connection */
	SSL_SESSION *session;          /* to resume; referenced; NULL: none */
	const struct url_proxy *proxy; /* copied; NULL: direct */
};

/*
 * Begin to connect; on_up or on_down follows, never before this returns.  The
 * client is down.
 */
void http_client_connect(struct http_client *client, const struct http_route *route);

/* Close a connection on which nothing is asked, in good order.  No event follows. */
void http_client_close(struct http_client *client);

/* No connection and none on the way. */
bool http_client_is_down(const struct http_client *client);
/* Whether http_client_send() may be called. */
bool http_client_is_ready(const struct http_client *client);

/* Send a request, which is copied but for its host, which is the URL's. */
void http_client_send(struct http_client *client, const struct http_request *request);

#endif

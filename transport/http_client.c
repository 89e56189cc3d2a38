/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: courier.  Input: hostile until TLS is up, then from the collector. */
#include "transport/http_client.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "transport/lookup.h"
#include "transport/tls.h"

enum client_state {
	CLIENT_DOWN,
	CLIENT_LOOKUP,
	CLIENT_CONNECT,
	CLIENT_TLS,
	CLIENT_READY,
	CLIENT_WAIT, /* for the answer */
};

struct http_client {
	struct event_base *base;
	const struct http_client_events *events;
	void *arg;
	enum client_state state;
	struct url url;
	SSL_CTX *ctx;               /* NULL when down */
	struct lookup *lookup;      /* in CLIENT_LOOKUP */
	struct addrinfo *addresses; /* from CLIENT_CONNECT on */
	struct addrinfo *address;   /* the one being tried */
	int fd;                     /* in CLIENT_CONNECT, then bev's; -1 */
	struct event *waiting;      /* for lookup or connect */
	struct event *deadline;
	struct bufferevent *bev; /* from CLIENT_TLS on */
	char why[320];
};

static void
set_deadline(struct http_client *c, int ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(c->deadline, &tv);
}

/* Give up what the connection holds; the client is down then. */
static void
tear_down(struct http_client *c)
{
	if (c->bev != NULL) {
		SSL *ssl = bufferevent_openssl_get_ssl(c->bev);

		if (c->state > CLIENT_TLS)
			(void)SSL_shutdown(ssl);
		bufferevent_free(c->bev);
	}
	if (c->waiting != NULL)
		event_free(c->waiting);
	if (c->fd >= 0)
		(void)close(c->fd);
	lookup_free(c->lookup);
	if (c->addresses != NULL)
		freeaddrinfo(c->addresses);
	SSL_CTX_free(c->ctx);
	(void)event_del(c->deadline);
	c->bev = NULL;
	c->waiting = NULL;
	c->fd = -1;
	c->lookup = NULL;
	c->addresses = NULL;
	c->address = NULL;
	c->ctx = NULL;
	c->state = CLIENT_DOWN;
}

static void
fail(struct http_client *c, const char *why)
{
	char copy[sizeof(c->why)];

	(void)snprintf(copy, sizeof(copy), "%s", why);
	tear_down(c);
	c->events->on_down(c->arg, copy);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	static const char *const too_long[] = {
		[CLIENT_DOWN] = "",
		[CLIENT_LOOKUP] = "looking up the collector's name took too long",
		[CLIENT_CONNECT] = "connecting took too long",
		[CLIENT_TLS] = "the TLS handshake took too long",
		[CLIENT_READY] = "",
		[CLIENT_WAIT] = "the collector's answer took too long",
	};

	(void)fd;
	(void)what;
	fail(c, too_long[c->state]);
}

static void
wait_for(struct http_client *c, int fd, short what, event_callback_fn fn)
{
	if (c->waiting != NULL)
		event_free(c->waiting);
	c->waiting = event_new(c->base, fd, what, fn, c);
	(void)event_add(c->waiting, NULL);
}

/* Take one answer out of the input, if it is all there. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct http_client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	const char *p = (const char *)evbuffer_pullup(in, -1);
	const char *why = "";
	struct http_response response;
	size_t used = 0;
	mh_err err;

	if (c->state != CLIENT_WAIT) {
		fail(c, "the collector sent something that was not asked for");
		return;
	}
	err = http_response_parse(p, len, &response, &used, &why);
	if (err == MH_ERR_AGAIN)
		return;
	if (err != MH_OK || used != len) {
		fail(c, err != MH_OK ? why : "the collector sent more than one answer");
		return;
	}
	MH_CLEANUP(freep) char *body = xcalloc(1, response.body_len + 1);

	if (response.body_len > 0)
		memcpy(body, response.body, response.body_len);
	response.body = body;
	(void)evbuffer_drain(in, used);
	(void)event_del(c->deadline);
	c->state = CLIENT_READY;
	if (!response.keeps_alive)
		tear_down(c);
	c->events->on_response(c->arg, &response);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_client *c = arg;
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	int system_errno = errno;
	char why[200];

	if ((what & BEV_EVENT_CONNECTED) == 0) {
		tls_explain(ssl, bufferevent_get_openssl_error(bev),
		    (what & BEV_EVENT_ERROR) != 0 ? system_errno : 0, why, sizeof(why));
		fail(c, why);
		return;
	}
	if (!tls_peer_is_collector(ssl)) {
		fail(c, "the server's certificate is not a collector's "
			"(urn:molehunt:collector)");
		return;
	}
	(void)event_del(c->deadline);
	c->state = CLIENT_READY;
	c->events->on_up(c->arg);
}

static void
start_tls(struct http_client *c)
{
	SSL *ssl = NULL;

	event_free(c->waiting);
	c->waiting = NULL;
	if (tls_connection_new(c->ctx, &c->url, &ssl) != MH_OK) {
		fail(c, "TLS cannot be set up");
		return;
	}
	c->bev = bufferevent_openssl_socket_new(c->base, c->fd, ssl,
	    BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL) {
		SSL_free(ssl);
		fail(c, "TLS cannot be set up");
		return;
	}
	c->fd = -1;
	c->state = CLIENT_TLS;
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_RESPONSE_MAX);
	(void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	set_deadline(c, HTTP_TLS_MS);
}

static void try_address(struct http_client *c);

/* The socket of the address being tried came to an end with that errno. */
static void
try_next(struct http_client *c, int reason)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->address = c->address->ai_next;
	if (c->address != NULL) {
		try_address(c);
		return;
	}
	(void)snprintf(c->why, sizeof(c->why), "cannot connect to %s port %s: %s",
	    c->url.host, c->url.port, strerror(reason));
	fail(c, c->why);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	int reason = 0;
	socklen_t len = sizeof(reason);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) < 0)
		reason = errno;
	if (reason != 0)
		try_next(c, reason);
	else
		start_tls(c);
}

/* Calls itself through try_next(), at most once per address. */
static void
try_address(struct http_client *c)
{
	const struct addrinfo *a = c->address;
	int one = 1;

	c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0) {
		try_next(c, errno);
		return;
	}
	/* Head and body leave in one write, but TLS may still cut it in two. */
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(c->fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS) {
		try_next(c, errno);
		return;
	}
	set_deadline(c, HTTP_CONNECT_MS);
	wait_for(c, c->fd, EV_WRITE, on_connected);
}

static void
on_lookup(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	const char *why = "";
	mh_err err = lookup_take(c->lookup, &c->addresses, &why);

	(void)fd;
	(void)what;
	if (err != MH_OK) {
		(void)snprintf(c->why, sizeof(c->why), "cannot look up %s: %s",
		    c->url.host, why);
		fail(c, c->why);
		return;
	}
	lookup_free(c->lookup);
	c->lookup = NULL;
	c->state = CLIENT_CONNECT;
	c->address = c->addresses;
	try_address(c);
}

struct http_client *
http_client_new(struct event_base *base, const struct http_client_events *events,
    void *arg)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->events = events;
	c->arg = arg;
	c->fd = -1;
	c->deadline = evtimer_new(base, on_deadline, c);
	return c;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	tear_down(c);
	event_free(c->deadline);
	free(c);
}

void
http_client_connect(struct http_client *c, const struct url *url, SSL_CTX *ctx)
{
	assert(c->state == CLIENT_DOWN);
	c->url = *url;
	(void)SSL_CTX_up_ref(ctx);
	c->ctx = ctx;
	c->state = CLIENT_LOOKUP;
	if (lookup_start(url->host, url->port, &c->lookup) != MH_OK) {
		/* No thread to be had: the deadline ends it, not this call. */
		set_deadline(c, 0);
		return;
	}
	set_deadline(c, HTTP_LOOKUP_MS);
	wait_for(c, lookup_fd(c->lookup), EV_READ, on_lookup);
}

bool
http_client_is_down(const struct http_client *c)
{
	return c->state == CLIENT_DOWN;
}

bool
http_client_is_ready(const struct http_client *c)
{
	return c->state == CLIENT_READY;
}

void
http_client_send(struct http_client *c, const struct http_request *request)
{
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(HTTP_HEAD_MAX + CMS_ENVELOPE_MAX);
	MH_CLEANUP(freep) char *authority = url_authority(&c->url);
	struct http_request q = *request;

	assert(c->state == CLIENT_READY);
	q.host = authority;
	http_request_put(&q, out);
	assert(buf_error(out) == MH_OK);
	c->state = CLIENT_WAIT;
	set_deadline(c, HTTP_RESPONSE_MS);
	(void)bufferevent_write(c->bev, buf_data(out), buf_len(out));
}

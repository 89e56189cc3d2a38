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

#include "base/clock.h"
#include "base/memory.h"
#include "transport/lookup.h"
#include "transport/tls.h"

enum client_state {
	CLIENT_DOWN,
	CLIENT_LOOKUP,
	CLIENT_CONNECT,
	CLIENT_PROXY, /* CONNECT was sent, or is being sent */
	CLIENT_TLS,
	CLIENT_READY,
	CLIENT_WAIT, /* for the answer */
};

/* One address that is being connected to. */
struct attempt {
	struct http_client *client;
	int fd; /* -1: none */
	struct event *event;
};

struct http_client {
	struct event_base *base;
	const struct http_client_events *events;
	void *arg;
	enum client_state state;
	struct url url;
	bool has_proxy;
	struct url_proxy proxy;
	SSL_CTX *ctx;               /* NULL when down */
	SSL_SESSION *session;       /* to resume; NULL */
	struct lookup *lookup;      /* in CLIENT_LOOKUP */
	struct addrinfo *addresses; /* in CLIENT_CONNECT */
	const struct addrinfo *order[HTTP_ADDRESSES_MAX];
	size_t n_order, n_tried;
	struct attempt attempts[HTTP_ADDRESSES_MAX];
	int reason;            /* errno of the last that failed */
	struct event *next;    /* until the next address */
	int fd;                /* in CLIENT_PROXY; -1 */
	struct event *waiting; /* for lookup or proxy */
	struct buf *talk;      /* with the proxy: what is to be sent, then its answer */
	size_t said;           /* bytes of the request that were sent */
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

/* Give up all addresses but the one whose descriptor was taken. */
static void
end_attempts(struct http_client *c)
{
	(void)event_del(c->next);
	for (size_t i = 0; i < c->n_tried; i++) {
		if (c->attempts[i].event != NULL)
			event_free(c->attempts[i].event);
		if (c->attempts[i].fd >= 0)
			(void)close(c->attempts[i].fd);
		c->attempts[i] = (struct attempt){ .fd = -1 };
	}
	if (c->addresses != NULL)
		freeaddrinfo(c->addresses);
	c->addresses = NULL;
	c->n_order = c->n_tried = 0;
}

/* It holds a password. */
static void
forget_talk(struct http_client *c)
{
	if (c->talk != NULL)
		explicit_bzero((void *)(uintptr_t)buf_data(c->talk), buf_len(c->talk));
	buf_free(c->talk);
	c->talk = NULL;
	c->said = 0;
}

/* Give up what the connection holds; the client is down then. */
static void
tear_down(struct http_client *c)
{
	if (c->bev != NULL) {
		SSL *ssl = bufferevent_openssl_get_ssl(c->bev);

		/* Without it OpenSSL would take its session for a bad one. */
		if (c->state > CLIENT_TLS)
			(void)SSL_shutdown(ssl);
		bufferevent_free(c->bev);
	}
	if (c->waiting != NULL)
		event_free(c->waiting);
	if (c->fd >= 0)
		(void)close(c->fd);
	lookup_free(c->lookup);
	end_attempts(c);
	forget_talk(c);
	if (c->ctx != NULL)
		(void)SSL_CTX_set_app_data(c->ctx, NULL);
	SSL_CTX_free(c->ctx);
	SSL_SESSION_free(c->session);
	explicit_bzero(&c->proxy, sizeof(c->proxy));
	(void)event_del(c->deadline);
	c->bev = NULL;
	c->waiting = NULL;
	c->fd = -1;
	c->lookup = NULL;
	c->ctx = NULL;
	c->session = NULL;
	c->state = CLIENT_DOWN;
}

static void
fail(struct http_client *c, enum http_fault fault, const char *why)
{
	char copy[sizeof(c->why)];

	(void)snprintf(copy, sizeof(copy), "%s", why);
	tear_down(c);
	c->events->on_down(c->arg, fault, copy);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	static const char *const too_long[] = {
		[CLIENT_DOWN] = "",
		[CLIENT_LOOKUP] = "looking up the name took too long",
		[CLIENT_CONNECT] =
		    "connecting took too long: nothing answers there, or a "
		    "firewall drops it",
		[CLIENT_PROXY] = "the proxy's answer took too long",
		[CLIENT_TLS] = "the TLS handshake took too long",
		[CLIENT_READY] = "",
		[CLIENT_WAIT] = "the collector's answer took too long",
	};

	(void)fd;
	(void)what;
	fail(c, HTTP_FAULT_NETWORK, too_long[c->state]);
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
		fail(c, HTTP_FAULT_SERVER,
		    "the collector sent something that was not asked for");
		return;
	}
	err = http_response_parse(p, len, &response, &used, &why);
	if (err == MH_ERR_AGAIN)
		return;
	if (err != MH_OK || used != len) {
		fail(c, HTTP_FAULT_SERVER,
		    err != MH_OK ? why : "the collector sent more than one answer");
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

/* What an end of the connection means. */
static enum http_fault
fault_of(const struct http_client *c, SSL *ssl)
{
	if (tls_peer_refused_us(ssl))
		return HTTP_FAULT_REFUSED;
	if (SSL_get_verify_result(ssl) != X509_V_OK)
		return HTTP_FAULT_SERVER;
	/* Also by a reset, as of a firewall that forgot it. */
	if (c->state == CLIENT_READY)
		return HTTP_FAULT_CLOSED;
	return HTTP_FAULT_NETWORK;
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
		fail(c, fault_of(c, ssl), why);
		return;
	}
	if (!tls_peer_is_collector(ssl)) {
		fail(c, HTTP_FAULT_SERVER,
		    "the server's certificate is not a collector's "
		    "(urn:molehunt:collector)");
		return;
	}
	if (!tls_peer_is_valid_at(ssl, clock_real_ms())) {
		fail(c, HTTP_FAULT_SERVER,
		    "the server's certificate is not valid now: check both clocks");
		return;
	}
	(void)event_del(c->deadline);
	c->state = CLIENT_READY;
	c->events->on_up(c->arg, SSL_session_reused(ssl) == 1);
}

/* OpenSSL: a session came; 1 when it is taken. */
static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct http_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (c == NULL || c->state <= CLIENT_TLS || SSL_SESSION_is_resumable(session) != 1)
		return 0;
	c->events->on_session(c->arg, session);
	return 1;
}

static void
start_tls(struct http_client *c)
{
	SSL *ssl = NULL;

	if (tls_connection_new(c->ctx, &c->url, &ssl) != MH_OK) {
		fail(c, HTTP_FAULT_NETWORK, "TLS cannot be set up");
		return;
	}
	/* One that the server does not know costs nothing: it greets in full then. */
	if (c->session != NULL)
		(void)SSL_set_session(ssl, c->session);
	c->bev = bufferevent_openssl_socket_new(c->base, c->fd, ssl,
	    BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL) {
		SSL_free(ssl);
		fail(c, HTTP_FAULT_NETWORK, "TLS cannot be set up");
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

/* The proxy's answer, as far as it is there. */
static void
read_proxy(struct http_client *c)
{
	uint8_t part[1024];
	ssize_t n = recv(c->fd, part, sizeof(part), 0);
	unsigned status = 0;
	size_t used = 0;
	const char *why = "";
	mh_err err;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(c, HTTP_FAULT_PROXY,
		    n == 0 ? "the proxy closed the connection" : strerror(errno));
		return;
	}
	buf_put(c->talk, part, (size_t)n);
	err =
	    http_proxy_parse(buf_string(c->talk), buf_len(c->talk), &status, &used, &why);
	if (err == MH_ERR_AGAIN)
		return;
	/* The server speaks when it was spoken to. */
	if (err == MH_OK && status < 300 && used != buf_len(c->talk)) {
		err = MH_ERR_PROTOCOL;
		why = "the proxy sent more than its answer";
	}
	if (err == MH_OK && status >= 300) {
		(void)snprintf(c->why, sizeof(c->why), "proxy %s port %s: %s (%u)",
		    c->proxy.at.host, c->proxy.at.port, http_proxy_meaning(status),
		    status);
		err = MH_ERR_DENIED;
		why = c->why;
	}
	if (err != MH_OK) {
		fail(c, HTTP_FAULT_PROXY, why);
		return;
	}
	event_free(c->waiting);
	c->waiting = NULL;
	forget_talk(c);
	start_tls(c);
}

static void
on_proxy(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	size_t len = buf_len(c->talk);
	ssize_t n;

	if ((what & EV_READ) != 0) {
		read_proxy(c);
		return;
	}
	n = send(fd, buf_data(c->talk) + c->said, len - c->said, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail(c, HTTP_FAULT_PROXY, strerror(errno));
		return;
	}
	c->said += n > 0 ? (size_t)n : 0;
	if (c->said < len) {
		wait_for(c, c->fd, EV_WRITE, on_proxy);
		return;
	}
	forget_talk(c);
	c->talk = buf_new(HTTP_HEAD_MAX + 1024);
	wait_for(c, c->fd, EV_READ | EV_PERSIST, on_proxy);
}

static void
ask_proxy(struct http_client *c)
{
	MH_CLEANUP(freep) char *authority = url_authority(&c->url);
	char credentials[(URL_USER_MAX + URL_PASSWORD_MAX) * 3 / 2];

	c->state = CLIENT_PROXY;
	c->talk = buf_new(HTTP_HEAD_MAX);
	http_basic(c->proxy.user, c->proxy.password, credentials, sizeof(credentials));
	http_connect_put(authority, c->proxy.user[0] != 0 ? credentials : NULL, c->talk);
	explicit_bzero(credentials, sizeof(credentials));
	set_deadline(c, HTTP_PROXY_MS);
	wait_for(c, c->fd, EV_WRITE, on_proxy);
}

static const struct url *
first_hop(const struct http_client *c)
{
	return c->has_proxy ? &c->proxy.at : &c->url;
}

static bool
is_trying(const struct http_client *c)
{
	for (size_t i = 0; i < c->n_tried; i++)
		if (c->attempts[i].fd >= 0)
			return true;
	return false;
}

static void try_next(struct http_client *c);

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	struct http_client *c = a->client;
	int reason = 0;
	socklen_t len = sizeof(reason);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) < 0)
		reason = errno;
	event_free(a->event);
	a->event = NULL;
	if (reason != 0) {
		c->reason = reason;
		(void)close(a->fd);
		a->fd = -1;
		try_next(c);
		return;
	}
	c->fd = a->fd;
	a->fd = -1;
	end_attempts(c);
	if (c->has_proxy)
		ask_proxy(c);
	else
		start_tls(c);
}

/* Begin to connect to one address; false: it cannot be. */
static bool
start_attempt(struct http_client *c, const struct addrinfo *to)
{
	struct attempt *a = &c->attempts[c->n_tried++];
	int one = 1;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*a = (struct attempt){ .client = c, .fd = -1 };
	if (fd < 0) {
		c->reason = errno;
		return false;
	}
	/* Head and body leave in one write, but TLS may still cut it in two. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS) {
		c->reason = errno;
		(void)close(fd);
		return false;
	}
	a->fd = fd;
	a->event = event_new(c->base, fd, EV_WRITE, on_connected, a);
	(void)event_add(a->event, NULL);
	return true;
}

/* Try one more address; when none is left and none is tried, it failed. */
static void
try_next(struct http_client *c)
{
	const struct timeval delay = { 0, HTTP_ADDRESS_MS * 1000 };

	while (c->n_tried < c->n_order) {
		if (!start_attempt(c, c->order[c->n_tried]))
			continue;
		set_deadline(c, HTTP_CONNECT_MS);
		if (c->n_tried < c->n_order)
			(void)event_add(c->next, &delay);
		return;
	}
	if (is_trying(c))
		return;
	(void)snprintf(c->why, sizeof(c->why), "cannot connect to %s%s port %s: %s",
	    c->has_proxy ? "the proxy " : "", first_hop(c)->host, first_hop(c)->port,
	    strerror(c->reason));
	fail(c, c->has_proxy ? HTTP_FAULT_PROXY : HTTP_FAULT_NETWORK, c->why);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_next(arg);
}

/* The resolver's order, but the families in turn (RFC 8305 section 4). */
static void
order_addresses(struct http_client *c)
{
	const struct addrinfo *own = c->addresses;
	const struct addrinfo *other = c->addresses;
	int family = c->addresses->ai_family;

	while (c->n_order < HTTP_ADDRESSES_MAX && (own != NULL || other != NULL)) {
		while (own != NULL && own->ai_family != family)
			own = own->ai_next;
		if (own != NULL) {
			c->order[c->n_order++] = own;
			own = own->ai_next;
		}
		while (other != NULL && other->ai_family == family)
			other = other->ai_next;
		if (other != NULL && c->n_order < HTTP_ADDRESSES_MAX) {
			c->order[c->n_order++] = other;
			other = other->ai_next;
		}
	}
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
		(void)snprintf(c->why, sizeof(c->why), "cannot look up %s%s: %s",
		    c->has_proxy ? "the proxy " : "", first_hop(c)->host, why);
		fail(c, c->has_proxy ? HTTP_FAULT_PROXY : HTTP_FAULT_NETWORK, c->why);
		return;
	}
	lookup_free(c->lookup);
	c->lookup = NULL;
	event_free(c->waiting);
	c->waiting = NULL;
	c->state = CLIENT_CONNECT;
	order_addresses(c);
	try_next(c);
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
	c->next = evtimer_new(base, on_next, c);
	return c;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	tear_down(c);
	event_free(c->deadline);
	event_free(c->next);
	free(c);
}

/* Sessions are kept by whoever listens, not by OpenSSL. */
static void
hear_of_sessions(struct http_client *c)
{
	(void)SSL_CTX_set_session_cache_mode(c->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	(void)SSL_CTX_set_app_data(c->ctx, c);
	SSL_CTX_sess_set_new_cb(c->ctx, on_new_session);
}

void
http_client_connect(struct http_client *c, const struct http_route *route)
{
	const struct url *hop;

	assert(c->state == CLIENT_DOWN);
	c->url = route->url;
	c->has_proxy = route->proxy != NULL;
	if (c->has_proxy)
		c->proxy = *route->proxy;
	(void)SSL_CTX_up_ref(route->ctx);
	c->ctx = route->ctx;
	if (route->session != NULL && SSL_SESSION_up_ref(route->session) == 1)
		c->session = route->session;
	hear_of_sessions(c);
	c->state = CLIENT_LOOKUP;
	hop = first_hop(c);
	if (lookup_start(hop->host, hop->port, &c->lookup) != MH_OK) {
		/* No thread to be had: the deadline ends it, not this call. */
		set_deadline(c, 0);
		return;
	}
	set_deadline(c, HTTP_LOOKUP_MS);
	wait_for(c, lookup_fd(c->lookup), EV_READ, on_lookup);
}

void
http_client_close(struct http_client *c)
{
	assert(c->state == CLIENT_DOWN || c->state == CLIENT_READY);
	tear_down(c);
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

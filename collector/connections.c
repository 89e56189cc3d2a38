/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile (when bytes come, not what they say). */
#include "collector/connections.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

enum phase {
	PHASE_HANDSHAKE,
	PHASE_IDLE,
	PHASE_HEADERS,
	PHASE_BODY,
	PHASE_WORK,
	PHASE_REPLY
};

/* One connection; it lives exactly as long as its SSL. */
struct connection {
	TAILQ_ENTRY(connection) link;
	struct connections *all;
	struct bufferevent *bev; /* borrowed: it owns the SSL that owns this */
	enum phase phase;
	bool is_surplus;
	bool line_is_empty;   /* in a head: so far */
	size_t n_body;        /* bytes of the body that came */
	int64_t phase_end_ms; /* monotonic */
	int64_t end_ms;
};

struct connections {
	TAILQ_HEAD(, connection) list;
	const struct config *config;
	size_t n;
	int ssl_index; /* of SSL's extra data where a connection is kept */
};

static void
enter(struct connection *c, enum phase phase, int64_t now_ms)
{
	const struct config *config = c->all->config;
	uint64_t ms = 0;

	switch (phase) {
	case PHASE_HANDSHAKE:
		ms = config->handshake_ms;
		break;
	case PHASE_IDLE:
		ms = config->idle_ms;
		break;
	case PHASE_HEADERS:
		ms = config->headers_ms;
		break;
	case PHASE_BODY:
		ms = config->body_ms;
		break;
	case PHASE_REPLY:
		ms = config->reply_ms;
		break;
	case PHASE_WORK:
		ms = INT64_MAX / 4;
		break;
	}
	c->phase = phase;
	c->phase_end_ms = now_ms + (int64_t)ms;
}

/* The SSL is freed, and with it the connection: whatever the reason. */
static void
on_ssl_free(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long argl,
    void *argp)
{
	struct connection *c = data;

	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (c == NULL)
		return;
	TAILQ_REMOVE(&c->all->list, c, link);
	c->all->n--;
	free(c);
}

struct connections *
connections_new(const struct config *config)
{
	struct connections *cs = xcalloc(1, sizeof(*cs));

	TAILQ_INIT(&cs->list);
	cs->config = config;
	cs->ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
	if (cs->ssl_index < 0)
		abort(); /* out of memory */
	return cs;
}

void
connections_free(struct connections *cs)
{
	if (cs == NULL)
		return;
	assert(cs->n == 0);
	(void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, cs->ssl_index);
	free(cs);
}

static struct connection *
connection_of(struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct bufferevent *bev =
	    evcon != NULL ? evhttp_connection_get_bufferevent(evcon) : NULL;
	struct connection *c = NULL;

	if (bev != NULL && bufferevent_openssl_get_ssl(bev) != NULL)
		c = SSL_get_app_data(bufferevent_openssl_get_ssl(bev));
	return c;
}

/* The handshake is complete: the first request may take its time to come. */
static void
on_ssl_info(const SSL *ssl, int where, int ret)
{
	struct connection *c = SSL_get_app_data(ssl);

	(void)ret;
	if ((where & SSL_CB_HANDSHAKE_DONE) != 0 && c != NULL &&
	    c->phase == PHASE_HANDSHAKE)
		enter(c, PHASE_IDLE, clock_monotonic_ms());
}

/*
 * Follow the bytes of a head to the empty line that ends it, so that the body
 * gets a deadline of its own.  (libevent 2.1 tells a server of a request only
 * when it is complete.)  Returns how many bytes belong to the head.
 */
static size_t
follow_head(struct connection *c, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\n' && c->line_is_empty) {
			enter(c, PHASE_BODY, clock_monotonic_ms());
			c->n_body = 0;
			return i + 1;
		}
		if (p[i] != '\r')
			c->line_is_empty = p[i] == '\n';
	}
	return len;
}

/* Look at the last len bytes of the input. */
static void
follow(struct connection *c, struct evbuffer *in, size_t len)
{
	struct evbuffer_iovec pieces[8];
	struct evbuffer_ptr at;
	int n = 0;

	if (evbuffer_ptr_set(in, &at, evbuffer_get_length(in) - len, EVBUFFER_PTR_SET) <
	    0)
		return;
	n = evbuffer_peek(in, (ev_ssize_t)len, &at, pieces, MH_ARRAY_LEN(pieces));
	for (int i = 0; i < n && i < (int)MH_ARRAY_LEN(pieces); i++) {
		size_t skip = 0;

		if (c->phase == PHASE_HEADERS)
			skip = follow_head(c, pieces[i].iov_base, pieces[i].iov_len);
		if (c->phase == PHASE_BODY)
			c->n_body += pieces[i].iov_len - skip;
	}
}

static bool
is_stranger(const struct connection *c)
{
	return SSL_get0_peer_certificate(bufferevent_openssl_get_ssl(c->bev)) == NULL;
}

/* Bytes have come. */
static void
on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;

	if (info->n_added == 0)
		return;
	if (c->phase == PHASE_IDLE || c->phase == PHASE_HANDSHAKE) {
		enter(c, PHASE_HEADERS, clock_monotonic_ms());
		c->line_is_empty = false;
	}
	follow(c, in, info->n_added);
	if (c->phase == PHASE_BODY && c->n_body > BODY_MAX_STRANGER && is_stranger(c))
		(void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

struct bufferevent *
connections_accept(struct connections *cs, struct event_base *base, SSL_CTX *ctx,
    int64_t now_ms)
{
	SSL *ssl = SSL_new(ctx);
	struct connection *c = NULL;

	if (ssl == NULL)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->all = cs;
	c->is_surplus = cs->n >= cs->config->connections_max;
	c->end_ms = now_ms + (int64_t)cs->config->lifetime_ms;
	enter(c, PHASE_HANDSHAKE, now_ms);
	TAILQ_INSERT_TAIL(&cs->list, c, link);
	cs->n++;
	(void)SSL_set_ex_data(ssl, cs->ssl_index, c); /* owns it */
	(void)SSL_set_app_data(ssl, c); /* for callbacks that know the SSL only */
	SSL_set_info_callback(ssl, on_ssl_info);
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	(void)evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	return c->bev;
}

/* The answer has left; the next request may have begun. */
static void
on_complete(struct evhttp_request *req, void *arg)
{
	struct connection *c = connection_of(req);
	size_t len = 0;

	(void)arg;
	if (c == NULL)
		return;
	len = evbuffer_get_length(bufferevent_get_input(c->bev));
	enter(c, len > 0 ? PHASE_HEADERS : PHASE_IDLE, clock_monotonic_ms());
	c->line_is_empty = false;
	if (len > 0)
		follow(c, bufferevent_get_input(c->bev), len);
}

void
connections_on_work(struct evhttp_request *req)
{
	struct connection *c = connection_of(req);

	if (c != NULL)
		enter(c, PHASE_WORK, clock_monotonic_ms());
	evhttp_request_set_on_complete_cb(req, on_complete, NULL);
}

void
connections_on_reply(struct evhttp_request *req)
{
	struct connection *c = connection_of(req);
	int64_t now_ms = clock_monotonic_ms();

	if (c == NULL)
		return;
	enter(c, PHASE_REPLY, now_ms);
	if (now_ms >= c->end_ms || c->is_surplus)
		(void)evhttp_add_header(evhttp_request_get_output_headers(req),
		    "Connection", "close");
}

void
connections_sweep(struct connections *cs, int64_t now_ms, bool only_busy)
{
	struct connection *c = NULL;

	for (c = TAILQ_FIRST(&cs->list); c != NULL; c = TAILQ_NEXT(c, link)) {
		bool idle = c->phase == PHASE_IDLE || c->phase == PHASE_HANDSHAKE;
		bool late = now_ms >= c->phase_end_ms || (now_ms >= c->end_ms && idle);

		if (c->phase == PHASE_WORK || (!late && !(only_busy && idle)))
			continue;
		/*
		 * Not freed here: libevent sees the end of the stream and frees
		 * all in its own order, with whatever callbacks are pending.
		 */
		(void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	}
}

X509 *
connections_peer(struct evhttp_request *req)
{
	struct connection *c = connection_of(req);
	SSL *ssl = c != NULL ? bufferevent_openssl_get_ssl(c->bev) : NULL;

	return ssl != NULL ? SSL_get0_peer_certificate(ssl) : NULL;
}

size_t
connections_count(const struct connections *cs)
{
	return cs->n;
}

bool
connections_is_surplus(struct evhttp_request *req)
{
	const struct connection *c = connection_of(req);

	return c != NULL && c->is_surplus;
}

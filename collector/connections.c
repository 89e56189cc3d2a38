/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile (when bytes come, not what they say). */
#include "collector/connections.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "transport/certificate.h"

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
	bool is_last;       /* it ends with the answer that is due */
	bool line_is_empty; /* in a head: so far */
	size_t n_body;      /* bytes of the body that came */
	int64_t start_ms;   /* monotonic, as all here */
	int64_t phase_end_ms;
	int64_t end_ms;
	struct connection_peer peer;
};

struct connections {
	TAILQ_HEAD(, connection) list;
	struct connections_setup setup;
	const struct config *config;
	struct metrics *metrics;
	size_t n;
	size_t n_handshakes;
};

/* A handshake has ended, one way or the other. */
static void
leave_handshake(struct connections *cs)
{
	bool was_full = !connections_has_room(cs);

	cs->n_handshakes--;
	metrics_move(cs->metrics, GAUGE_HANDSHAKES, -1);
	if (was_full && cs->setup.on_room != NULL)
		cs->setup.on_room(cs->setup.arg);
}

/* What came of a body is with us or gone. */
static void
forget_body(struct connection *c)
{
	metrics_move(c->all->metrics, GAUGE_UPLOAD_BYTES, -(int64_t)c->n_body);
	c->n_body = 0;
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
	if (c->phase == PHASE_HANDSHAKE) {
		metrics_add(c->all->metrics, METRIC_HANDSHAKES_FAILED, 1);
		leave_handshake(c->all);
	}
	forget_body(c);
	TAILQ_REMOVE(&c->all->list, c, link);
	c->all->n--;
	metrics_move(c->all->metrics, GAUGE_CONNECTIONS, -1);
	free(c);
}

int
connections_ssl_index(void)
{
	int index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);

	if (index < 0)
		abort(); /* out of memory */
	return index;
}

static void
enter(struct connection *c, enum phase phase, int64_t now_ms)
{
	const struct config *config = c->all->config;
	uint64_t ms = 0;

	if (c->phase == PHASE_HANDSHAKE && phase != PHASE_HANDSHAKE)
		leave_handshake(c->all);

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

struct connections *
connections_new(const struct connections_setup *setup)
{
	struct connections *cs = xcalloc(1, sizeof(*cs));

	TAILQ_INIT(&cs->list);
	cs->setup = *setup;
	cs->config = setup->config;
	cs->metrics = setup->metrics;
	return cs;
}

void
connections_free(struct connections *cs)
{
	if (cs == NULL)
		return;
	assert(cs->n == 0);
	free(cs);
}

bool
connections_has_room(const struct connections *cs)
{
	return cs->n_handshakes < cs->setup.handshakes_max;
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

/* Once for each connection: reading a certificate's names costs as much as a request. */
static void
read_peer(struct connection *c, X509 *cert)
{
	struct certificate_facts facts;

	c->peer.has_certificate = cert != NULL;
	if (cert == NULL || certificate_read(cert, &facts) != MH_OK)
		return;
	c->peer.not_before_ms = facts.not_before_ms;
	c->peer.not_after_ms = facts.not_after_ms;
	c->peer.is_agent = (facts.uses & CERTIFICATE_TLS) != 0 && facts.agent[0] != 0;
	if (c->peer.is_agent)
		memcpy(c->peer.agent, facts.agent, UUID_TEXT_LEN);
}

/* The handshake is complete: the first request may take its time to come. */
static void
on_ssl_info(const SSL *ssl, int where, int ret)
{
	struct connection *c = SSL_get_app_data(ssl);

	(void)ret;
	if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || c == NULL ||
	    c->phase != PHASE_HANDSHAKE)
		return;
	read_peer(c, SSL_get0_peer_certificate(ssl));
	metrics_add(c->all->metrics,
	    SSL_session_reused(ssl) == 1 ? METRIC_HANDSHAKES_RESUMED
					 : METRIC_HANDSHAKES_FULL,
	    1);
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
			forget_body(c);
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
		if (c->phase == PHASE_BODY) {
			c->n_body += pieces[i].iov_len - skip;
			metrics_move(c->all->metrics, GAUGE_UPLOAD_BYTES,
			    (int64_t)(pieces[i].iov_len - skip));
		}
	}
}

/* More than a stranger may send, or than all together may have under way. */
static bool
body_is_too_much(const struct connection *c)
{
	if (c->phase != PHASE_BODY)
		return false;
	if (c->n_body > BODY_MAX_STRANGER && !c->peer.has_certificate)
		return true;
	/* Small ones are let through, so that the others' memory comes free. */
	if (c->n_body <= BODY_MAX_STRANGER ||
	    metrics_gauge(c->all->metrics, GAUGE_UPLOAD_BYTES) <=
		(int64_t)c->all->config->uploads_bytes)
		return false;
	metrics_add(c->all->metrics, METRIC_CONNECTIONS_UPLOAD, 1);
	return true;
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
	if (body_is_too_much(c))
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
	c->is_surplus = metrics_gauge(cs->metrics, GAUGE_CONNECTIONS) >=
			(int64_t)cs->config->connections_max;
	metrics_add(cs->metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
	metrics_add(cs->metrics, METRIC_CONNECTIONS_SURPLUS, c->is_surplus);
	metrics_move(cs->metrics, GAUGE_CONNECTIONS, 1);
	metrics_move(cs->metrics, GAUGE_HANDSHAKES, 1);
	cs->n_handshakes++;
	c->start_ms = now_ms;
	c->end_ms = now_ms + (int64_t)cs->config->lifetime_ms;
	enter(c, PHASE_HANDSHAKE, now_ms);
	TAILQ_INSERT_TAIL(&cs->list, c, link);
	cs->n++;
	(void)SSL_set_ex_data(ssl, cs->setup.ssl_index, c); /* owns it */
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

	if (c != NULL) {
		enter(c, PHASE_WORK, clock_monotonic_ms());
		forget_body(c);
	}
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
	if (now_ms >= c->end_ms || c->is_surplus || c->is_last)
		(void)evhttp_add_header(evhttp_request_get_output_headers(req),
		    "Connection", "close");
}

/*
 * Not freed here: libevent sees the end of the stream and frees all in its own
 * order, with whatever callbacks are pending.
 */
static void
end_connection(const struct connection *c)
{
	(void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

/* How long its handshake may keep others waiting. */
static int64_t
patience_ms(const struct connection *c)
{
	return SSL_in_before(bufferevent_openssl_get_ssl(c->bev)) == 1
		   ? HANDSHAKE_SILENCE_MS
		   : HANDSHAKE_PATIENCE_MS;
}

/* Whether the connection is past one of its deadlines. */
static bool
is_late(const struct connection *c, int64_t now_ms)
{
	bool idle = c->phase == PHASE_IDLE || c->phase == PHASE_HANDSHAKE;

	if (c->phase == PHASE_HANDSHAKE && !connections_has_room(c->all) &&
	    now_ms - c->start_ms >= patience_ms(c))
		return true;
	return now_ms >= c->phase_end_ms || (now_ms >= c->end_ms && idle);
}

void
connections_sweep(struct connections *cs, int64_t now_ms, bool only_busy)
{
	struct connection *c = NULL;

	TAILQ_FOREACH(c, &cs->list, link)
	{
		bool idle = c->phase == PHASE_IDLE || c->phase == PHASE_HANDSHAKE;

		if (c->phase == PHASE_WORK)
			continue;
		if (is_late(c, now_ms))
			metrics_add(cs->metrics, METRIC_CONNECTIONS_LATE, 1);
		else if (!only_busy || !idle)
			continue;
		end_connection(c);
	}
}

void
connections_close_revoked(struct connections *cs, const struct revoked *revoked)
{
	struct connection *c = NULL;

	TAILQ_FOREACH(c, &cs->list, link)
	{
		if (c->peer.agent[0] == 0 || !revoked_has(revoked, c->peer.agent))
			continue;
		metrics_add(cs->metrics, METRIC_CONNECTIONS_REVOKED, 1);
		c->is_last = true;
		if (c->phase != PHASE_WORK && c->phase != PHASE_REPLY)
			end_connection(c);
	}
}

const struct connection_peer *
connections_peer(struct evhttp_request *req)
{
	const struct connection *c = connection_of(req);

	return c != NULL ? &c->peer : NULL;
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

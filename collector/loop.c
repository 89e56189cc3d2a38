/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve, one thread for each loop.
 * Input: hostile (requests from anybody who reaches the port).
 */
#include "collector/loop.h"

#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "collector/connections.h"
#include "collector/reply.h"

enum { ACCEPT_LOG_MS = 10 * 1000 }; /* between two complaints about accept(2) */

struct loop {
	struct loop_setup setup;
	struct event_base *base;
	struct evhttp *http;
	struct mailbox *mailbox;
	struct connections *connections;
	struct evconnlistener *listeners[LISTEN_MAX];
	size_t n_listeners;
	struct event *sweep;
	SSL_CTX *tls;
	struct revoked *revoked;
	unsigned n_under_way; /* requests whose answer comes by mail */
	bool is_paused;       /* accepting */
	bool is_stopping;
	pthread_t thread;
	bool is_running;
};

static bool
may_accept(const struct loop *l)
{
	int64_t max = (int64_t)l->setup.config->connections_max;

	/* Above the limit they get a 503; well above it they wait in the kernel. */
	return !l->is_stopping && connections_has_room(l->connections) &&
	       metrics_gauge(l->setup.metrics, GAUGE_CONNECTIONS) <= max + max / 8 + 8;
}

static void
pause_accepting(struct loop *l)
{
	l->is_paused = true;
	for (size_t i = 0; i < l->n_listeners; i++)
		(void)evconnlistener_disable(l->listeners[i]);
}

/* Let those in who wait, if there is room. */
static void
resume_accepting(void *arg)
{
	struct loop *l = arg;

	if (!l->is_paused || !may_accept(l))
		return;
	l->is_paused = false;
	for (size_t i = 0; i < l->n_listeners; i++)
		(void)evconnlistener_enable(l->listeners[i]);
}

static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct loop *l = arg;
	struct bufferevent *bev =
	    connections_accept(l->connections, base, l->tls, clock_monotonic_ms());

	/* libevent would go on without TLS if it got none. */
	if (bev == NULL)
		abort(); /* out of memory */
	if (!may_accept(l)) {
		metrics_add(l->setup.metrics, METRIC_ACCEPT_PAUSES, 1);
		pause_accepting(l);
	}
	return bev;
}

/*
 * No descriptor, no memory: accept(2) would fail at once again and again, so
 * that listener rests until the next sweep.  arg is libevent's evhttp, which
 * has made itself the listener's user, not our loop.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static _Atomic int64_t logged_ms = -ACCEPT_LOG_MS;
	int error = EVUTIL_SOCKET_ERROR();
	int64_t now_ms = clock_monotonic_ms();
	int64_t before_ms = atomic_load(&logged_ms);

	(void)arg;
	(void)evconnlistener_disable(listener);
	/* Of all loops only one says it. */
	if (now_ms - before_ms >= ACCEPT_LOG_MS &&
	    atomic_compare_exchange_strong(&logged_ms, &before_ms, now_ms))
		log_warn("server", "accept: %s; pausing", strerror(error));
}

static void
refuse(struct evhttp_request *req, int status, const char *code, const char *detail)
{
	connections_on_reply(req);
	reply_error(req, status, code, detail);
}

/*
 * The agent behind the connection, "" when it gave no certificate.  False when
 * the request was answered: the certificate is no agent's, or it was revoked.
 */
static bool
identify(struct loop *l, struct evhttp_request *req, const char **ret_agent)
{
	const struct connection_peer *peer = connections_peer(req);
	int64_t now_ms = clock_real_ms();

	*ret_agent = "";
	if (peer == NULL || !peer->has_certificate)
		return true;
	if (!peer->is_agent) {
		refuse(req, 403, "connection",
		    "the connection's certificate is not an agent's");
		return false;
	}
	/* A connection or a ticket may be older than its certificate's end. */
	if (now_ms < peer->not_before_ms || now_ms >= peer->not_after_ms + 1000) {
		refuse(req, 403, "connection",
		    "the connection's certificate has expired");
		return false;
	}
	if (revoked_has(l->revoked, peer->agent)) {
		metrics_add(l->setup.metrics, METRIC_REVOKED_REFUSED, 1);
		refuse(req, 403, "revoked", "this agent was revoked");
		return false;
	}
	*ret_agent = peer->agent;
	return true;
}

static void
route(struct loop *l, struct evhttp_request *req, const char *path)
{
	bool is_post = evhttp_request_get_command(req) == EVHTTP_REQ_POST;
	const char *length =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Length");
	const char *agent = NULL;

	if (is_post && length == NULL)
		refuse(req, 411, "length", "Content-Length is missing");
	else if (!identify(l, req, &agent))
		return;
	else if (enrol_has_path(path))
		enrol_on_request(l->setup.enrol, req, path, agent, l->mailbox,
		    &l->n_under_way);
	else if (agent[0] == 0)
		refuse(req, 403, "connection", "a certificate of this fleet is needed");
	else if (strcmp(path, "/v1/reports") != 0)
		refuse(req, 404, "not-found", "there is nothing at this path");
	else if (!is_post)
		refuse(req, 405, "method", "reports are sent with POST");
	else
		ingest_on_report(l->setup.ingest, req, agent, l->mailbox,
		    &l->n_under_way);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct loop *l = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	const char *why = NULL;

	connections_on_work(req);
	if (!head_is_sound(req, &why)) {
		connections_on_reply(req);
		reply_error_and_close(req, 400, "head", why);
	} else if (connections_is_surplus(req)) {
		refuse(req, 503, "busy", "there are too many connections");
	} else {
		route(l, req, path != NULL ? path : "/");
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	connections_sweep(l->connections, clock_monotonic_ms(), l->is_stopping);
	/* Also those that rest after an error. */
	l->is_paused = true;
	resume_accepting(l);
	if (l->is_stopping && l->n_under_way == 0 &&
	    connections_count(l->connections) == 0)
		(void)event_base_loopbreak(l->base);
}

/* What the main thread has to say. */
struct order {
	struct mail mail; /* the first member */
	struct loop *loop;
	enum { ORDER_TLS, ORDER_REVOKED, ORDER_STOP, ORDER_BREAK } what;
	SSL_CTX *tls;            /* owned */
	struct revoked *revoked; /* owned */
};

static void
stop(struct loop *l)
{
	l->is_stopping = true;
	pause_accepting(l);
	connections_sweep(l->connections, clock_monotonic_ms(), true);
}

static void
on_order(struct mail *mail)
{
	struct order *o = (struct order *)(void *)mail;
	struct loop *l = o->loop;

	switch (o->what) {
	case ORDER_TLS:
		SSL_CTX_free(l->tls); /* connections hold their own reference */
		l->tls = o->tls;
		break;
	case ORDER_REVOKED:
		revoked_release(l->revoked);
		l->revoked = o->revoked;
		connections_close_revoked(l->connections, l->revoked);
		break;
	case ORDER_STOP:
		stop(l);
		break;
	case ORDER_BREAK:
		(void)event_base_loopbreak(l->base);
		break;
	}
	free(o);
}

static void
post(const struct order *order)
{
	struct order *o = xmemdup(order, sizeof(*order));

	o->mail.deliver = on_order;
	mailbox_post(o->loop->mailbox, &o->mail);
}

void
loop_set_tls(struct loop *l, SSL_CTX *ctx)
{
	(void)SSL_CTX_up_ref(ctx);
	post(&(struct order){ .loop = l, .what = ORDER_TLS, .tls = ctx });
}

void
loop_set_revoked(struct loop *l, struct revoked *revoked)
{
	post(&(struct order){ .loop = l,
	    .what = ORDER_REVOKED,
	    .revoked = revoked_hold(revoked) });
}

void
loop_stop(struct loop *l)
{
	post(&(struct order){ .loop = l, .what = ORDER_STOP });
}

void
loop_break(struct loop *l)
{
	post(&(struct order){ .loop = l, .what = ORDER_BREAK });
}

/* Watch the sockets that all loops share. */
static void
listen_all(struct loop *l)
{
	for (size_t i = 0; i < l->setup.n_sockets; i++) {
		int fd = fcntl(l->setup.sockets[i], F_DUPFD_CLOEXEC, 0);
		struct evconnlistener *listener = NULL;

		if (fd >= 0)
			listener = evconnlistener_new(l->base, NULL, NULL,
			    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
		if (listener == NULL || evhttp_bind_listener(l->http, listener) == NULL)
			abort(); /* out of memory or descriptors at the start */
		evconnlistener_set_error_cb(listener, on_accept_error);
		l->listeners[l->n_listeners++] = listener;
	}
}

static void
set_up_http(struct loop *l)
{
	const struct config *config = l->setup.config;

	l->http = evhttp_new(l->base);
	if (l->http == NULL)
		abort(); /* out of memory */
	evhttp_set_bevcb(l->http, on_accept, l);
	evhttp_set_gencb(l->http, on_request, l);
	evhttp_set_allowed_methods(l->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(l->http, HEADERS_MAX);
	evhttp_set_max_body_size(l->http, CMS_ENVELOPE_MAX);
	/* Ours come first; this is for what no deadline covers, a reply half sent. */
	evhttp_set_timeout(l->http, (int)(config->lifetime_ms / 1000) + 60);
}

struct loop *
loop_new(const struct loop_setup *setup, SSL_CTX *ctx, struct revoked *revoked)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct timeval sweep = { 0, CONNECTIONS_SWEEP_MS * 1000 };
	struct connections_setup connections = {
		.config = setup->config,
		.metrics = setup->metrics,
		.ssl_index = setup->ssl_index,
		.handshakes_max = (size_t)setup->config->handshakes_max / setup->n_loops,
		.on_room = resume_accepting,
		.arg = l,
	};

	if (connections.handshakes_max == 0)
		connections.handshakes_max = 1;
	l->setup = *setup;
	(void)SSL_CTX_up_ref(ctx);
	l->tls = ctx;
	l->revoked = revoked_hold(revoked);
	l->base = event_base_new();
	if (l->base == NULL)
		abort(); /* out of memory or descriptors at the start */
	l->mailbox = mailbox_new(l->base);
	l->connections = connections_new(&connections);
	l->sweep = event_new(l->base, -1, EV_PERSIST, on_sweep, l);
	(void)event_add(l->sweep, &sweep);
	set_up_http(l);
	listen_all(l);
	return l;
}

static void *
run(void *arg)
{
	struct loop *l = arg;

	if (event_base_dispatch(l->base) < 0)
		log_err("server", "an event loop failed");
	l->setup.on_end(l->setup.arg);
	OPENSSL_thread_stop();
	return NULL;
}

mh_err
loop_start(struct loop *l)
{
	l->is_running = pthread_create(&l->thread, NULL, run, l) == 0;
	if (l->is_running)
		(void)pthread_setname_np(l->thread, "loop");
	return l->is_running ? MH_OK : MH_ERR_SYSTEM;
}

void
loop_join(struct loop *l)
{
	if (!l->is_running)
		return;
	(void)pthread_join(l->thread, NULL);
	l->is_running = false;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	l->is_stopping = true;
	mailbox_drain(l->mailbox);
	/* What was just answered goes out as far as the sockets take it. */
	(void)event_base_loop(l->base, EVLOOP_NONBLOCK);
	evhttp_free(l->http); /* and listeners, connections */
	event_free(l->sweep);
	mailbox_free(l->mailbox);
	/* Bufferevents are freed by events of their own. */
	(void)event_base_loop(l->base, EVLOOP_NONBLOCK);
	if (connections_count(l->connections) == 0)
		connections_free(l->connections);
	SSL_CTX_free(l->tls);
	revoked_release(l->revoked);
	event_base_free(l->base);
	free(l);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The courier's listener for metrics, on loopback only: it asks the agent for the
 * text and hands it on, so that nothing is done while nobody asks.
 *
 * Runs in: courier.
 * Input: anybody on this machine.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "transport/courier_link.h"

#define AREA "metrics"

/* One who asks. */
struct asker {
	struct courier *co; /* NULL: a free slot */
	struct bufferevent *bev;
	struct event *deadline; /* for the whole of it */
	bool is_waiting;        /* its request was read */
};

struct metrics {
	struct evconnlistener *listener;
	char listen[DELIVERY_LISTEN_MAX + 1];
	struct asker askers[METRICS_ASKERS_MAX];
	bool is_asked; /* the agent was, and has not answered */
	bool must_ask;
	struct buf *text; /* the agent's last answer; NULL: none */
	int64_t text_ms;  /* monotonic: when it came */
};

static void
end(struct asker *k)
{
	bufferevent_free(k->bev);
	event_free(k->deadline);
	*k = (struct asker){ .co = NULL };
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	end(arg);
}

/* All was sent: the answer ends with the connection. */
static void
on_sent(struct bufferevent *bev, void *arg)
{
	(void)bev;
	end(arg);
}

static void
reply(struct asker *k, const char *status, const char *type, const void *body, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(k->bev);

	k->is_waiting = false;
	(void)bufferevent_disable(k->bev, EV_READ);
	bufferevent_setcb(k->bev, NULL, on_sent, on_event, k);
	(void)evbuffer_add_printf(out,
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status, type, len);
	(void)evbuffer_add(out, body, len);
}

static void
reply_text(struct asker *k)
{
	const struct buf *text = k->co->metrics->text;

	reply(k, "200 OK", "text/plain; version=0.0.4; charset=utf-8", buf_data(text),
	    buf_len(text));
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct asker *k = arg;
	struct metrics *m = k->co->metrics;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	mh_err err =
	    http_get_parse((const char *)evbuffer_pullup(in, -1), len, "/metrics");

	if (err == MH_ERR_AGAIN || k->is_waiting)
		return;
	if (err != MH_OK) {
		reply(k, err == MH_ERR_NOTFOUND ? "404 Not Found" : "400 Bad Request",
		    "text/plain", "GET /metrics\n", 13);
		return;
	}
	if (m->text != NULL && clock_monotonic_ms() - m->text_ms < METRICS_FRESH_MS) {
		reply_text(k);
		return;
	}
	k->is_waiting = true;
	m->must_ask = true;
	courier_pump(k->co);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
    int len, void *arg)
{
	struct courier *co = arg;
	struct asker *k = co->metrics->askers;
	const struct timeval patience = { METRICS_MS / 1000, 0 };

	(void)listener;
	(void)from;
	(void)len;
	while (k < co->metrics->askers + METRICS_ASKERS_MAX && k->co != NULL)
		k++;
	if (k == co->metrics->askers + METRICS_ASKERS_MAX) {
		(void)evutil_closesocket(fd);
		return;
	}
	*k = (struct asker){ .co = co,
		.bev = bufferevent_socket_new(co->base, fd, BEV_OPT_CLOSE_ON_FREE),
		.deadline = evtimer_new(co->base, on_deadline, k) };
	if (k->bev == NULL || k->deadline == NULL)
		abort(); /* out of memory */
	bufferevent_setcb(k->bev, on_read, NULL, on_event, k);
	bufferevent_setwatermark(k->bev, EV_READ, 0, HTTP_HEAD_MAX + 4);
	(void)bufferevent_enable(k->bev, EV_READ | EV_WRITE);
	(void)event_add(k->deadline, &patience);
}

/* No descriptor: those who ask wait in the kernel until the next settings. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	log_warn(AREA, "accept: %s; nobody is answered until the next reload",
	    strerror(EVUTIL_SOCKET_ERROR()));
	(void)evconnlistener_disable(listener);
}

static void
stop(struct metrics *m)
{
	if (m->listener != NULL)
		evconnlistener_free(m->listener);
	m->listener = NULL;
	for (size_t i = 0; i < METRICS_ASKERS_MAX; i++)
		if (m->askers[i].co != NULL)
			end(&m->askers[i]);
}

void
courier_metrics_reload(struct courier *co)
{
	const char *text = co->settings.metrics_listen;
	struct sockaddr_storage at;
	int len = sizeof(at);
	struct metrics *m = co->metrics;

	if (m == NULL)
		m = co->metrics = xcalloc(1, sizeof(*m));
	if (strcmp(m->listen, text) == 0 && (m->listener != NULL || text[0] == 0)) {
		if (m->listener != NULL)
			(void)evconnlistener_enable(m->listener);
		return;
	}
	stop(m);
	memcpy(m->listen, text, strlen(text) + 1);
	if (text[0] == 0)
		return;
	if (!url_is_loopback(text) ||
	    evutil_parse_sockaddr_port(text, (struct sockaddr *)&at, &len) < 0) {
		log_err(AREA, "%s is not ADDRESS:PORT of loopback", text);
		return;
	}
	m->listener = evconnlistener_new_bind(co->base, on_accept, co,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
	    METRICS_ASKERS_MAX, (struct sockaddr *)&at, len);
	if (m->listener == NULL) {
		log_err(AREA, "listen on %s: %s", text, strerror(errno));
		return;
	}
	evconnlistener_set_error_cb(m->listener, on_accept_error);
	log_info(AREA, "at http://%s/metrics", text);
}

bool
courier_metrics_wants(struct courier *co)
{
	struct metrics *m = co->metrics;

	if (m == NULL || !m->must_ask || m->is_asked)
		return false;
	m->must_ask = false;
	m->is_asked = true;
	return true;
}

void
courier_metrics_on_text(struct courier *co, const void *text, size_t len)
{
	struct metrics *m = co->metrics;

	if (m == NULL)
		return;
	m->is_asked = false;
	if (m->text == NULL)
		m->text = buf_new(message_table[MSG_METRICS].max_bytes);
	buf_reset(m->text);
	buf_put(m->text, text, len);
	m->text_ms = clock_monotonic_ms();
	for (size_t i = 0; i < METRICS_ASKERS_MAX; i++)
		if (m->askers[i].co != NULL && m->askers[i].is_waiting)
			reply_text(&m->askers[i]);
}

void
courier_metrics_clear(struct courier *co)
{
	if (co->metrics == NULL)
		return;
	stop(co->metrics);
	buf_free(co->metrics->text);
	free(co->metrics);
	co->metrics = NULL;
}

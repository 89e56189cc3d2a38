/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile (any user of this machine may ask). */
#include "collector/metrics_server.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "collector/listen.h"

struct metrics_server {
	struct evhttp *http;
	struct metrics *metrics;
	metrics_now_fn *now;
	void *arg;
};

static void
on_metrics(struct evhttp_request *req, void *arg)
{
	struct metrics_server *s = arg;
	struct metrics_now now = { .version = "" };
	struct evbuffer *body = evbuffer_new();
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(METRICS_TEXT_MAX);

	if (body == NULL)
		abort(); /* out of memory */
	s->now(&now, s->arg);
	metrics_put(s->metrics, &now, text);
	(void)evbuffer_add(body, buf_data(text), buf_len(text));
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
	    "text/plain; version=0.0.4; charset=utf-8");
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Connection",
	    "close");
	evhttp_send_reply(req, 200, "OK", body);
	evbuffer_free(body);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Connection",
	    "close");
	evhttp_send_reply(req, 404, "Not Found", NULL);
}

static mh_err
listen_on(struct metrics_server *s, struct event_base *base, const char *text,
    bool only_loopback)
{
	struct evconnlistener *listener = NULL;
	int fd = -1;
	mh_err err = listen_open(text, METRICS_BACKLOG, only_loopback, &fd);

	if (err != MH_OK)
		return err;
	listener = evconnlistener_new(base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (listener == NULL || evhttp_bind_listener(s->http, listener) == NULL)
		abort(); /* out of memory */
	listen_print("metrics", fd);
	return MH_OK;
}

mh_err
metrics_server_new(struct event_base *base, const struct config *config,
    struct metrics *metrics, metrics_now_fn *now, void *arg, struct metrics_server **ret)
{
	struct metrics_server *s = NULL;
	mh_err err = MH_OK;

	*ret = NULL;
	if (config->metrics_listen.n == 0)
		return MH_OK;
	s = xcalloc(1, sizeof(*s));
	s->metrics = metrics;
	s->now = now;
	s->arg = arg;
	s->http = evhttp_new(base);
	if (s->http == NULL)
		abort(); /* out of memory */
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(s->http, 8 * 1024);
	evhttp_set_max_body_size(s->http, 0);
	evhttp_set_timeout(s->http, METRICS_TIMEOUT_S);
	(void)evhttp_set_cb(s->http, "/metrics", on_metrics, s);
	evhttp_set_gencb(s->http, on_other, s);
	for (size_t i = 0; i < config->metrics_listen.n && err == MH_OK; i++)
		err = listen_on(s, base, config->metrics_listen.items[i],
		    !config->metrics_remote);
	if (err == MH_OK)
		*ret = s;
	else
		metrics_server_free(s);
	return err;
}

void
metrics_server_free(struct metrics_server *s)
{
	if (s == NULL)
		return;
	evhttp_free(s->http);
	free(s);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve.
 * Input: hostile (requests from anybody who reaches the port).
 */
#include "collector/server.h"

#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/authority_link.h"
#include "collector/connections.h"
#include "collector/enrol.h"
#include "collector/ingest.h"
#include "base/notify.h"
#include "collector/reply.h"
#include "collector/server_tls.h"
#include "collector/upkeep.h"
#include "transport/certificate.h"

enum {
	BACKLOG = 1024,     /* connections that the kernel holds for us */
	LISTENERS_MAX = 16, /* of the configuration */
	SPARE_FDS = 64,     /* database, authority, listeners, log */
};

struct server {
	const struct config *config;
	struct config limits; /* config with what the process is allowed */
	struct store *st;
	struct event_base *base;
	struct evhttp *http;
	SSL_CTX *tls;
	X509 *ca, *receipt_cert;
	X509_STORE *anchors;
	EVP_PKEY *receipt_key;
	struct connections *connections;
	struct ingest *ingest;
	struct authority_link *authority;
	struct enrol *enrol;
	struct upkeep upkeep;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct event *sweep, *reload;
	struct event *signals[3];
	struct setting_strings revoked; /* sorted */
	uint64_t store_version;
	int64_t stop_ms; /* when stopping ends, 0: not stopping */
};

static size_t
most_connections(const struct server *s)
{
	size_t max = s->limits.connections_max;

	/* Above the limit they get a 503; well above it they wait in the kernel. */
	return max + max / 8 + 8;
}

/*
 * No descriptor, no memory: accept(2) would fail at once again and again, so
 * that listener rests until the next sweep.  arg is libevent's evhttp, which
 * has made itself the listener's user, not our server.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static struct log_limit limit = { .burst = 1, .period_ms = 10000 };
	int error = EVUTIL_SOCKET_ERROR();

	(void)arg;
	(void)evconnlistener_disable(listener);
	if (log_limit_pass(&limit, clock_monotonic_ms()))
		log_warn("server", "accept: %s; pausing", strerror(error));
}

/* Let those in who wait, if there is room. */
static void
resume_accepting(struct server *s)
{
	if (s->stop_ms != 0 || connections_count(s->connections) > most_connections(s))
		return;
	for (size_t i = 0; i < s->n_listeners; i++)
		(void)evconnlistener_enable(s->listeners[i]);
}

static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct server *s = arg;

	if (connections_count(s->connections) > most_connections(s)) {
		for (size_t i = 0; i < s->n_listeners; i++)
			(void)evconnlistener_disable(s->listeners[i]);
	}

	struct bufferevent *bev =
	    connections_accept(s->connections, base, s->tls, clock_monotonic_ms());

	/* libevent would go on without TLS if it got none. */
	if (bev == NULL)
		abort(); /* out of memory */
	return bev;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_revoked(const struct server *s, const char *agent)
{
	return s->revoked.n > 0 && bsearch(&agent, s->revoked.items, s->revoked.n,
				       sizeof(char *), compare_texts) != NULL;
}

static void
clear_revoked(struct server *s)
{
	for (size_t i = 0; i < s->revoked.n; i++)
		free(s->revoked.items[i]);
	free(s->revoked.items);
	s->revoked = (struct setting_strings){ .items = NULL };
}

static void
add_revoked(const char *agent, void *arg)
{
	struct setting_strings *list = arg;

	list->items = xreallocarray(list->items, list->n + 1, sizeof(char *));
	list->items[list->n++] = xstrdup(agent);
}

static mh_err
load_revoked(struct server *s)
{
	struct setting_strings before = s->revoked;
	mh_err err = MH_OK;

	s->revoked = (struct setting_strings){ .items = NULL };
	err = store_revoked_each(s->st, add_revoked, &s->revoked);
	if (err != MH_OK) {
		clear_revoked(s);
		s->revoked = before; /* better an old list than none */
		log_err_r(err, "server", "list of revoked agents (%s)", store_why(s->st));
		return err;
	}
	struct setting_strings now = s->revoked;

	s->revoked = before;
	clear_revoked(s);
	s->revoked = now;
	return MH_OK;
}

/* What another program has committed may be a revocation. */
static void
on_reload(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	uint64_t version = 0;

	(void)fd;
	(void)what;
	ingest_flush(s->ingest);
	upkeep_step(&s->upkeep, clock_monotonic_ms());
	version = store_version_of_others(s->st);
	if (version != s->store_version && load_revoked(s) == MH_OK)
		s->store_version = version;
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
identify(struct server *s, struct evhttp_request *req, char ret_agent[UUID_TEXT_LEN])
{
	X509 *peer = connections_peer(req);
	struct certificate_facts facts;

	ret_agent[0] = 0;
	if (peer == NULL)
		return true;
	if (certificate_read(peer, &facts) != MH_OK ||
	    (facts.uses & CERTIFICATE_TLS) == 0 || facts.agent[0] == 0) {
		refuse(req, 403, "certificate",
		    "the connection's certificate is not an agent's");
		return false;
	}
	/* A connection may be older than its certificate's end. */
	if (!certificate_is_valid_at(&facts, clock_real_ms())) {
		refuse(req, 403, "certificate",
		    "the connection's certificate has expired");
		return false;
	}
	if (is_revoked(s, facts.agent)) {
		refuse(req, 403, "revoked", "this agent was revoked");
		return false;
	}
	memcpy(ret_agent, facts.agent, UUID_TEXT_LEN);
	return true;
}

static void
route(struct server *s, struct evhttp_request *req, const char *path)
{
	bool is_post = evhttp_request_get_command(req) == EVHTTP_REQ_POST;
	const char *length =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Length");
	char agent[UUID_TEXT_LEN];

	if (is_post && length == NULL)
		refuse(req, 411, "length", "Content-Length is missing");
	else if (!identify(s, req, agent))
		return;
	else if (enrol_has_path(path))
		enrol_on_request(s->enrol, req, path, agent[0] != 0 ? agent : NULL);
	else if (agent[0] == 0)
		refuse(req, 403, "certificate", "a certificate of this fleet is needed");
	else if (strcmp(path, "/v1/reports") != 0)
		refuse(req, 404, "not-found", "there is nothing at this path");
	else if (!is_post)
		refuse(req, 405, "method", "reports are sent with POST");
	else
		ingest_on_report(s->ingest, req, agent);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct server *s = arg;
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
		route(s, req, path != NULL ? path : "/");
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int64_t now_ms = clock_monotonic_ms();
	bool stopping = s->stop_ms != 0;

	(void)fd;
	(void)what;
	connections_sweep(s->connections, now_ms, stopping);
	resume_accepting(s);
	if (stopping && (connections_count(s->connections) == 0 || now_ms >= s->stop_ms))
		(void)event_base_loopbreak(s->base);
}

static void
reload_tls(struct server *s)
{
	SSL_CTX *ctx = NULL;
	const char *file = NULL;
	mh_err err = server_tls_new(s->config, &ctx, &file);

	if (err != MH_OK) {
		log_err_r(err, "server",
		    "%s/%s; going on with the certificates from before", s->config->state,
		    file);
		return;
	}
	SSL_CTX_free(s->tls); /* connections hold their own reference */
	s->tls = ctx;
	log_notice("server", "certificates were read again");
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	if (number == SIGHUP) {
		reload_tls(s);
		return;
	}
	if (s->stop_ms != 0)
		return;
	log_notice("server", "stopping");
	notify_supervisor("STOPPING=1");
	s->stop_ms = clock_monotonic_ms() + SERVER_STOP_MS;
	for (size_t i = 0; i < s->n_listeners; i++)
		(void)evconnlistener_disable(s->listeners[i]);
	ingest_flush(s->ingest);
}

static mh_err
load_keys(struct server *s)
{
	MH_CLEANUP(freep) char *ca = config_path(s->config, FILE_CA);
	MH_CLEANUP(freep) char *cert = config_path(s->config, FILE_RECEIPT_CERT);
	MH_CLEANUP(freep) char *key = config_path(s->config, FILE_RECEIPT_KEY);
	const char *file = ca;
	mh_err err = certificate_load(ca, &s->ca);

	if (err == MH_OK) {
		file = cert;
		err = certificate_load(cert, &s->receipt_cert);
	}
	if (err == MH_OK) {
		file = key;
		err = key_load(key, &s->receipt_key);
	}
	if (err == MH_OK && !certificate_has_key(s->receipt_cert, s->receipt_key))
		err = MH_ERR_CERTIFICATE;
	if (err != MH_OK)
		log_err_r(err, "server", "%s", file);
	else
		s->anchors = certificate_store_new(s->ca);
	return err;
}

static void
print_listening(struct evconnlistener *listener)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char address[INET6_ADDRSTRLEN] = "";
	bool is_v6 = false;
	in_port_t port = 0;

	if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&ss, &len) <
	    0)
		return;
	is_v6 = ss.ss_family == AF_INET6;
	if (is_v6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;

		(void)inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof(address));
		port = in6->sin6_port;
	} else {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)&ss;

		(void)inet_ntop(AF_INET, &in4->sin_addr, address, sizeof(address));
		port = in4->sin_port;
	}
	(void)printf("listening on %s%s%s:%u\n", is_v6 ? "[" : "", address,
	    is_v6 ? "]" : "", ntohs(port));
	(void)fflush(stdout);
}

/* ADDRESS:PORT or [ADDRESS]:PORT; libevent's own parser does not know port 0. */
static bool
parse_address(const char *text, struct sockaddr_storage *ret, int *ret_len)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;

	if (colon == NULL || parse_u64(colon + 1, 0, UINT16_MAX, &port) != MH_OK)
		return false;
	MH_CLEANUP(freep) char *host = xstrndup(text, (size_t)(colon - text));

	memset(ret, 0, sizeof(*ret));
	if (evutil_parse_sockaddr_port(host, (struct sockaddr *)ret, ret_len) < 0)
		return false;
	if (ret->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ret)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)ret)->sin_port = htons((uint16_t)port);
	return true;
}

static mh_err
listen_on(struct server *s, const char *text)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	int on = 1;
	struct evconnlistener *l = NULL;

	if (!parse_address(text, &ss, &len)) {
		log_err("server", "listen: \"%s\" is not ADDRESS:PORT or [ADDRESS]:PORT",
		    text);
		return MH_ERR_INVALID;
	}
	l = evconnlistener_new_bind(s->base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	    (struct sockaddr *)&ss, len);
	if (l == NULL) {
		log_err("server", "listen on %s: %s", text, strerror(errno));
		return MH_ERR_SYSTEM;
	}
	/* Inherited by connections: with Nagle a keep-alive client gets 23 answers a second. */
	(void)setsockopt(evconnlistener_get_fd(l), IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on));
	if (evhttp_bind_listener(s->http, l) == NULL) {
		evconnlistener_free(l);
		return MH_ERR_SYSTEM;
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	s->listeners[s->n_listeners++] = l;
	return MH_OK;
}

static mh_err
listen_all(struct server *s)
{
	for (size_t i = 0; i < s->config->listen.n; i++) {
		mh_err err = listen_on(s, s->config->listen.items[i]);

		if (err != MH_OK)
			return err;
	}
	for (size_t i = 0; i < s->n_listeners; i++)
		print_listening(s->listeners[i]);
	return MH_OK;
}

/* Raise the limit of descriptors, and accept no more than it allows. */
static void
fit_descriptors(struct server *s)
{
	struct rlimit limit;

	s->limits = *s->config;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);

	uint64_t possible =
	    limit.rlim_cur > 2 * SPARE_FDS ? limit.rlim_cur - SPARE_FDS : SPARE_FDS;

	if (s->limits.connections_max <= possible)
		return;
	log_warn("server", "limits.connections is %llu, but only %llu fit RLIMIT_NOFILE",
	    (unsigned long long)s->limits.connections_max, (unsigned long long)possible);
	s->limits.connections_max = possible;
}

static void
set_up_http(struct server *s)
{
	s->http = evhttp_new(s->base);
	if (s->http == NULL)
		abort(); /* out of memory */
	evhttp_set_bevcb(s->http, on_accept, s);
	evhttp_set_gencb(s->http, on_request, s);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, CMS_ENVELOPE_MAX);
	/* Ours come first; this is for what no deadline covers, a reply half sent. */
	evhttp_set_timeout(s->http, (int)(s->config->lifetime_ms / 1000) + 60);
}

static void
set_up_events(struct server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct timeval sweep = { 0, CONNECTIONS_SWEEP_MS * 1000 };
	struct timeval reload = { SERVER_RELOAD_MS / 1000, 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	s->sweep = event_new(s->base, -1, EV_PERSIST, on_sweep, s);
	s->reload = event_new(s->base, -1, EV_PERSIST, on_reload, s);
	(void)event_add(s->sweep, &sweep);
	(void)event_add(s->reload, &reload);
	for (size_t i = 0; i < MH_ARRAY_LEN(numbers); i++) {
		s->signals[i] = evsignal_new(s->base, numbers[i], on_signal, s);
		(void)event_add(s->signals[i], NULL);
	}
}

static mh_err
set_up(struct server *s)
{
	MH_CLEANUP(freep) char *authority = config_path(s->config, FOLDER_AUTHORITY);
	const char *file = NULL;
	mh_err err = load_keys(s);

	if (err != MH_OK)
		return err;
	err = server_tls_new(s->config, &s->tls, &file);
	if (err != MH_OK) {
		log_err_r(err, "server", "%s/%s", s->config->state, file);
		return err;
	}
	err = authority_link_new(s->base, authority, s->config->agent_life_ms,
	    &s->authority);
	if (err == MH_OK)
		err = load_revoked(s);
	if (err == MH_OK)
		err = upkeep_init(&s->upkeep, s->config, s->st);
	if (err != MH_OK)
		return err;

	struct ingest_keys keys = { s->anchors, s->receipt_key, s->receipt_cert };

	s->store_version = store_version_of_others(s->st);
	s->connections = connections_new(&s->limits);
	s->ingest = ingest_new(s->base, s->config, s->st, &keys);
	s->enrol = enrol_new(s->config, s->st, s->ingest, s->authority, s->ca);
	set_up_events(s);
	set_up_http(s);
	return listen_all(s);
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

/* What waits is answered first, then connections go, then what they used. */
static void
tear_down(struct server *s)
{
	if (s->ingest != NULL)
		ingest_flush(s->ingest);
	authority_link_free(s->authority);
	if (s->http != NULL)
		evhttp_free(s->http);
	ingest_free(s->ingest);
	enrol_free(s->enrol);
	free_event(s->sweep);
	free_event(s->reload);
	for (size_t i = 0; i < MH_ARRAY_LEN(s->signals); i++)
		free_event(s->signals[i]);
	/* Bufferevents are freed by events of their own. */
	(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
	if (s->connections != NULL && connections_count(s->connections) == 0)
		connections_free(s->connections);
	SSL_CTX_free(s->tls);
	X509_STORE_free(s->anchors);
	X509_free(s->ca);
	X509_free(s->receipt_cert);
	EVP_PKEY_free(s->receipt_key);
	clear_revoked(s);
	event_base_free(s->base);
}

static void
on_libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_ERR)
		log_err("libevent", "%s", text);
	else
		log_debug("libevent", "%s", text);
}

mh_err
server_run(const struct config *config, struct store *st)
{
	struct server s = { .config = config, .st = st };
	mh_err err = MH_OK;

	event_set_log_callback(on_libevent_log);
	s.base = event_base_new();
	if (s.base == NULL)
		return MH_ERR_MEMORY;
	fit_descriptors(&s);
	err = set_up(&s);
	if (err == MH_OK) {
		notify_supervisor("READY=1");
		if (event_base_dispatch(s.base) < 0)
			err = MH_ERR_SYSTEM;
	}
	tear_down(&s);
	return err;
}

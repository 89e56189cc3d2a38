/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve, the main thread.
 * Input: trusted (configuration, signals), and what the other threads report.
 */
#include "collector/server.h"

#include <event2/event.h>
#include <event2/http.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"
#include "build_info.h"
#include "collector/authority_link.h"
#include "collector/connections.h"
#include "collector/listen.h"
#include "collector/loop.h"
#include "collector/metrics_server.h"
#include "collector/server_tls.h"
#include "collector/upkeep.h"
#include "transport/certificate.h"

enum {
	LOOPS_MAX = 64,      /* of the configuration */
	LOOPS_USUAL_MAX = 8, /* unless the configuration says more */
	SPARE_FDS = 64,      /* database, authority, listeners, log */
	FDS_PER_LOOP = 8,    /* epoll, mailbox, listeners */
	HOUSEKEEPING_MS = 10 * 1000,
	TRIM_REPORTS = 100, /* since memory was given back; fewer leave little */
};

struct server;

/* A look at the store for revocations, by the writer; one at a time. */
struct check {
	struct work work; /* the first member */
	struct server *server;
	bool is_under_way;
	uint64_t version;        /* of the store as it was read last */
	struct revoked *revoked; /* owned; NULL: nothing new */
};

struct server {
	const struct config *config;
	struct config limits; /* config with what the process is allowed */
	struct store *st;     /* the writer's while that runs */
	struct event_base *base;
	struct mailbox *mailbox;
	struct metrics metrics;
	int64_t start_ms; /* real time */
	SSL_CTX *tls;
	struct ticket_keys *tickets;
	struct ingest_keys keys;
	struct authority_link *authority;
	struct rate *rate;
	struct writer *writer;
	struct ingest *ingest;
	struct enrol *enrol;
	struct metrics_server *metrics_server;
	struct loop *loops[LOOPS_MAX];
	size_t n_loops, n_ended;
	int sockets[LISTEN_MAX];
	size_t n_sockets;
	struct event *reload, *housekeeping, *last_call;
	struct event *signals[3];
	struct revoked *revoked;
	struct upkeep upkeep; /* the writer's while that runs */
	struct check check;
	uint64_t n_trimmed; /* reports that were stored when memory was given back */
	bool is_stopping;
};

/* In the writer: what another program has committed may be a revocation. */
static void
run_check(struct work *work, struct store *st)
{
	struct check *c = (struct check *)(void *)work;
	uint64_t version = store_version_of_others(st);
	mh_err err = MH_OK;

	upkeep_step(&c->server->upkeep, clock_monotonic_ms());
	if (version == c->version)
		return;
	err = revoked_read(st, &c->revoked);
	if (err == MH_OK)
		c->version = version;
	else /* better an old list than none */
		log_err_r(err, "server", "list of revoked agents (%s)", store_why(st));
}

static void
on_checked(struct mail *mail)
{
	struct check *c = (struct check *)(void *)mail;
	struct server *s = c->server;

	c->is_under_way = false;
	if (c->revoked == NULL)
		return;
	revoked_release(s->revoked);
	s->revoked = c->revoked;
	c->revoked = NULL;
	for (size_t i = 0; i < s->n_loops; i++)
		loop_set_revoked(s->loops[i], s->revoked);
}

static void
on_reload(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (s->check.is_under_way)
		return;
	s->check.is_under_way = true;
	writer_call(s->writer, &s->check.work);
}

/*
 * After a time with much to do, what lay in the queues is free within the
 * process but still the process's own: a tenth of all with many connections.
 */
static void
give_back_memory(struct server *s)
{
	size_t verify, commit, bytes;
	uint64_t n = atomic_load_explicit(&s->metrics.counters[METRIC_REPORTS_STORED],
	    memory_order_relaxed);

	ingest_depth(s->ingest, &verify, &bytes);
	writer_depth(s->writer, &commit, &bytes);
	if (n - s->n_trimmed < TRIM_REPORTS || verify + commit > 0)
		return;
	(void)malloc_trim(0);
	s->n_trimmed = n;
}

static void
on_housekeeping(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	ticket_keys_rotate(s->tickets, clock_monotonic_ms());
	rate_sweep(s->rate, clock_monotonic_ms());
	give_back_memory(s);
}

static uint64_t
file_size(const struct server *s, const char *name)
{
	MH_CLEANUP(freep) char *path = config_path(s->config, name);
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void
look_up_metrics(struct metrics_now *ret, void *arg)
{
	struct server *s = arg;

	ingest_depth(s->ingest, &ret->verify_reports, &ret->verify_bytes);
	writer_depth(s->writer, &ret->commit_reports, &ret->commit_bytes);
	ret->store_bytes = file_size(s, FILE_STORE) + file_size(s, FILE_STORE "-wal");
	ret->revoked = revoked_count(s->revoked);
	ret->start_ms = s->start_ms;
	ret->version = MH_VERSION;
}

static void
reload_tls(struct server *s)
{
	SSL_CTX *ctx = NULL;
	const char *file = NULL;
	mh_err err = MH_OK;

	notify_supervisor("RELOADING=1");
	err = server_tls_new(s->config, s->tickets, &ctx, &file);
	if (err == MH_OK) {
		SSL_CTX_free(s->tls); /* loops and connections hold their own reference */
		s->tls = ctx;
		for (size_t i = 0; i < s->n_loops; i++)
			loop_set_tls(s->loops[i], s->tls);
		log_notice("server", "certificates were read again");
	} else {
		log_err_r(err, "server",
		    "%s/%s; going on with the certificates from before", s->config->state,
		    file);
	}
	notify_supervisor("READY=1");
}

static void
stop(struct server *s)
{
	struct timeval most = { SERVER_STOP_MS / 1000, 0 };

	if (s->is_stopping)
		return;
	s->is_stopping = true;
	log_notice("server", "stopping");
	notify_supervisor("STOPPING=1");
	(void)event_add(s->last_call, &most);
	for (size_t i = 0; i < s->n_loops; i++)
		loop_stop(s->loops[i]);
}

/* What is under way has had its time. */
static void
on_last_call(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	ingest_hurry(s->ingest);
	for (size_t i = 0; i < s->n_loops; i++)
		loop_break(s->loops[i]);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	if (number == SIGHUP)
		reload_tls(s);
	else
		stop(s);
}

struct ending {
	struct mail mail; /* the first member */
	struct server *server;
};

static void
on_ended(struct mail *mail)
{
	struct ending *e = (struct ending *)(void *)mail;
	struct server *s = e->server;

	free(e);
	stop(s); /* does nothing, unless the loop failed */
	if (++s->n_ended == s->n_loops)
		(void)event_base_loopbreak(s->base);
}

/* In the thread of a loop, at its end. */
static void
on_loop_end(void *arg)
{
	struct server *s = arg;
	struct ending *e = xcalloc(1, sizeof(*e));

	e->mail.deliver = on_ended;
	e->server = s;
	mailbox_post(s->mailbox, &e->mail);
}

static mh_err
load_keys(struct server *s)
{
	MH_CLEANUP(freep) char *ca = config_path(s->config, FILE_CA);
	MH_CLEANUP(freep) char *cert = config_path(s->config, FILE_RECEIPT_CERT);
	MH_CLEANUP(freep) char *key = config_path(s->config, FILE_RECEIPT_KEY);
	const char *file = ca;
	mh_err err = certificate_load(ca, &s->keys.ca);

	if (err == MH_OK) {
		file = cert;
		err = certificate_load(cert, &s->keys.receipt_cert);
	}
	if (err == MH_OK) {
		file = key;
		err = key_load(key, &s->keys.receipt_key);
	}
	if (err == MH_OK &&
	    !certificate_has_key(s->keys.receipt_cert, s->keys.receipt_key))
		err = MH_ERR_CERTIFICATE;
	if (err != MH_OK)
		log_err_r(err, "server", "%s", file);
	else
		s->keys.anchors = certificate_store_new(s->keys.ca);
	return err;
}

static mh_err
load(struct server *s)
{
	MH_CLEANUP(freep) char *authority = config_path(s->config, FOLDER_AUTHORITY);
	const char *file = NULL;
	mh_err err = load_keys(s);

	if (err != MH_OK)
		return err;
	s->tickets = ticket_keys_new(clock_monotonic_ms());
	err = server_tls_new(s->config, s->tickets, &s->tls, &file);
	if (err != MH_OK) {
		log_err_r(err, "server", "%s/%s", s->config->state, file);
		return err;
	}
	err = authority_link_new(s->base, authority, s->config->agent_life_ms,
	    &s->authority);
	if (err == MH_OK)
		err = upkeep_init(&s->upkeep, s->config, s->st);
	if (err == MH_OK)
		err = revoked_read(s->st, &s->revoked);
	if (err != MH_OK)
		log_err_r(err, "server", "start (%s)", store_why(s->st));
	return err;
}

/* Raise the limit of descriptors, and accept no more than it allows. */
static void
fit_descriptors(struct server *s)
{
	struct rlimit limit;
	rlim_t spare = SPARE_FDS + (rlim_t)s->n_loops * FDS_PER_LOOP;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);

	uint64_t possible = limit.rlim_cur > 2 * spare ? limit.rlim_cur - spare : spare;

	if (s->limits.connections_max <= possible)
		return;
	log_warn("server", "limits.connections is %llu, but only %llu fit RLIMIT_NOFILE",
	    (unsigned long long)s->limits.connections_max, (unsigned long long)possible);
	s->limits.connections_max = possible;
}

static size_t
count_threads(uint64_t wanted, size_t usual_max)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	size_t processors = n > 0 ? (size_t)n : 1;

	if (wanted > 0)
		return (size_t)wanted;
	return processors < usual_max ? processors : usual_max;
}

static mh_err
listen_all(struct server *s)
{
	mh_err err = MH_OK;

	for (size_t i = 0; i < s->config->listen.n && err == MH_OK; i++) {
		err = listen_open(s->config->listen.items[i], LISTEN_BACKLOG, false,
		    &s->sockets[i]);
		s->n_sockets += err == MH_OK;
	}
	return err;
}

static void
set_up_events(struct server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct timeval reload = { SERVER_RELOAD_MS / 1000, 0 };
	struct timeval housekeeping = { HOUSEKEEPING_MS / 1000, 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	s->reload = event_new(s->base, -1, EV_PERSIST, on_reload, s);
	s->housekeeping = event_new(s->base, -1, EV_PERSIST, on_housekeeping, s);
	s->last_call = evtimer_new(s->base, on_last_call, s);
	(void)event_add(s->reload, &reload);
	(void)event_add(s->housekeeping, &housekeeping);
	for (size_t i = 0; i < MH_ARRAY_LEN(numbers); i++) {
		s->signals[i] = evsignal_new(s->base, numbers[i], on_signal, s);
		(void)event_add(s->signals[i], NULL);
	}
}

static void
make_parts(struct server *s)
{
	s->rate = rate_new(s->config->agent_reports, s->config->agent_bytes);
	s->writer = writer_new(&s->limits, s->st, &s->metrics);
	s->ingest = ingest_new(&s->limits, &s->keys, s->writer, s->rate, &s->metrics);
	s->enrol = enrol_new(&(struct enrol_setup){
	    .config = &s->limits,
	    .metrics = &s->metrics,
	    .writer = s->writer,
	    .main = s->mailbox,
	    .link = s->authority,
	    .ca = s->keys.ca,
	});
	/* Who was revoked since the list was read, while all this was made: look anew. */
	s->check = (struct check){ .server = s,
		.version = UINT64_MAX,
		.work = { .mail = { .deliver = on_checked },
		    .home = s->mailbox,
		    .run = run_check } };
}

static void
make_loops(struct server *s)
{
	struct loop_setup setup = {
		.config = &s->limits,
		.metrics = &s->metrics,
		.ingest = s->ingest,
		.enrol = s->enrol,
		.ssl_index = connections_ssl_index(),
		.n_loops = s->n_loops,
		.sockets = s->sockets,
		.n_sockets = s->n_sockets,
		.on_end = on_loop_end,
		.arg = s,
	};

	for (size_t i = 0; i < s->n_loops; i++)
		s->loops[i] = loop_new(&setup, s->tls, s->revoked);
}

/* Signals are for the main thread: the others inherit a mask without them. */
static mh_err
start_threads(struct server *s)
{
	sigset_t all;
	sigset_t before;
	mh_err err = MH_OK;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	err = writer_start(s->writer);
	if (err == MH_OK)
		err = ingest_start(s->ingest,
		    count_threads(s->config->verifiers, LOOPS_MAX));
	for (size_t i = 0; i < s->n_loops && err == MH_OK; i++)
		err = loop_start(s->loops[i]);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != MH_OK)
		log_err_r(err, "server", "threads");
	return err;
}

static mh_err
set_up(struct server *s)
{
	mh_err err = load(s);

	if (err == MH_OK)
		err = listen_all(s);
	if (err != MH_OK)
		return err;
	make_parts(s);
	set_up_events(s);
	err = metrics_server_new(s->base, s->config, &s->metrics, look_up_metrics, s,
	    &s->metrics_server);
	if (err != MH_OK)
		return err;
	make_loops(s);
	err = start_threads(s);
	for (size_t i = 0; i < s->n_sockets && err == MH_OK; i++)
		listen_print("listening", s->sockets[i]);
	return err;
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

/*
 * What waits is verified, made durable and answered, then connections go, then
 * what they used.
 */
static void
stop_threads(struct server *s)
{
	for (size_t i = 0; i < s->n_loops && s->loops[i] != NULL; i++) {
		loop_break(s->loops[i]);
		loop_join(s->loops[i]);
	}
	ingest_stop(s->ingest);
	writer_stop(s->writer);
	mailbox_drain(s->mailbox);
	authority_link_free(s->authority);
	for (size_t i = 0; i < s->n_loops; i++)
		loop_free(s->loops[i]);
}

static void
tear_down(struct server *s)
{
	stop_threads(s);
	metrics_server_free(s->metrics_server);
	for (size_t i = 0; i < s->n_sockets; i++)
		(void)close(s->sockets[i]);
	enrol_free(s->enrol);
	ingest_free(s->ingest);
	writer_free(s->writer);
	rate_free(s->rate);
	free_event(s->reload);
	free_event(s->housekeeping);
	free_event(s->last_call);
	for (size_t i = 0; i < MH_ARRAY_LEN(s->signals); i++)
		free_event(s->signals[i]);
	revoked_release(s->check.revoked);
	revoked_release(s->revoked);
	SSL_CTX_free(s->tls);
	ticket_keys_free(s->tickets);
	X509_STORE_free(s->keys.anchors);
	X509_free(s->keys.ca);
	X509_free(s->keys.receipt_cert);
	EVP_PKEY_free(s->keys.receipt_key);
	mailbox_free(s->mailbox);
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
	struct server s = { .config = config, .limits = *config, .st = st };
	mh_err err = MH_OK;

	event_set_log_callback(on_libevent_log);
	s.start_ms = clock_real_ms();
	s.base = event_base_new();
	if (s.base == NULL)
		return MH_ERR_MEMORY;
	s.mailbox = mailbox_new(s.base);
	s.n_loops = count_threads(config->loops, LOOPS_USUAL_MAX);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fleet in one process with the product's own spools and couriers, for the test
 * that the collector loses nothing and stores nothing twice while it is killed and
 * restarted (tests/integration/test_fleet.py, which does that).
 *
 *	delivery_fleet --collector DIR --port N --folder DIR --journal FILE
 *		[--agents N] [--seconds N] [--interval MS] [--findings N] [--drain N]
 *
 * The agents' identities are issued with the key of the collector's authority, into
 * --folder, which should lie in memory: it holds many small files, synced one by one.
 * "ready" is printed when the fleet begins, one line of JSON at its end: after --seconds
 * no report is sealed any more, and the fleet ends when each has its receipt, or
 * --drain seconds later.
 */
#include <event2/event.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "tests/delivery/fleet_agent.h"
#include "tests/delivery/load_options.h"

enum { LOOK_MS = 100, PROGRESS_S = 30, LARGE_BYTES = 64 * 1024 };

struct options {
	const char *collector, *folder, *journal;
	unsigned port, agents, seconds, interval_ms, findings, drain_s;
};

struct run {
	struct options o;
	struct fleet fleet;
	struct fleet_agent *agents;
	int64_t start_ms, progress_ms;
};

static void
take(int letter, const char *value, struct options *o)
{
	switch (letter) {
	case 'd':
		o->collector = value;
		break;
	case 'f':
		o->folder = value;
		break;
	case 'j':
		o->journal = value;
		break;
	case 'p':
		o->port = load_number(value);
		break;
	case 'a':
		o->agents = load_number(value);
		break;
	case 's':
		o->seconds = load_number(value);
		break;
	case 'i':
		o->interval_ms = load_number(value);
		break;
	case 'n':
		o->findings = load_number(value);
		break;
	case 'D':
		o->drain_s = load_number(value);
		break;
	default:
		exit(2);
	}
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "collector", required_argument, NULL, 'd' },
		{ "folder", required_argument, NULL, 'f' },
		{ "journal", required_argument, NULL, 'j' },
		{ "port", required_argument, NULL, 'p' },
		{ "agents", required_argument, NULL, 'a' },
		{ "seconds", required_argument, NULL, 's' },
		{ "interval", required_argument, NULL, 'i' },
		{ "findings", required_argument, NULL, 'n' },
		{ "drain", required_argument, NULL, 'D' },
		{ NULL, 0, NULL, 0 },
	};
	int letter = 0;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(letter, optarg, o);
	if (optind != argc || o->collector == NULL || o->folder == NULL ||
	    o->journal == NULL || o->port == 0)
		load_die("usage: delivery_fleet --collector DIR --port N --folder DIR "
			 "--journal FILE ...");
	if (o->findings == 0 || 2 * o->findings - 1 > FLEET_FINDINGS_MAX)
		load_die("--findings is 1 to 8");
}

/* As many descriptors as may be: a connection and a report of each agent. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
prepare(struct run *r)
{
	struct fleet *f = &r->fleet;

	load_fleet_open(r->o.collector, &f->authority);
	f->base = event_base_new();
	f->journal = fopen(r->o.journal, "we");
	if (f->base == NULL || f->journal == NULL)
		load_die("no event loop, or no journal");
	fleet_init(f);
	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u", r->o.port);
	f->findings = r->o.findings;
	f->interval_ms = r->o.interval_ms;
	/* Spools in memory have no file, but the name of one here. */
	if (chdir(r->o.folder) < 0)
		load_die(r->o.folder);
	r->agents = xcalloc(r->o.agents, sizeof(*r->agents));
	for (unsigned i = 0; i < r->o.agents; i++) {
		MH_CLEANUP(freep) char *folder = xasprintf("%s/%u", r->o.folder, i);

		fleet_agent_init(&r->agents[i], f, folder);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	struct fleet *f = &r->fleet;
	int64_t now_ms = clock_monotonic_ms();
	int64_t end_ms = r->start_ms + (int64_t)r->o.seconds * 1000;

	(void)fd;
	(void)what;
	f->is_over = now_ms >= end_ms;
	if (now_ms - r->progress_ms >= PROGRESS_S * 1000) {
		r->progress_ms = now_ms;
		(void)fprintf(stderr,
		    "%" PRId64 " s: %" PRIu64 " reports sealed, %" PRIu64 " receipted\n",
		    (now_ms - r->start_ms) / 1000, f->n_reports, f->n_receipts);
	}
	if (f->is_over && (f->n_receipts == f->n_reports ||
			      now_ms >= end_ms + (int64_t)r->o.drain_s * 1000))
		(void)event_base_loopbreak(f->base);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t
percentile(const struct fleet *f, unsigned percent)
{
	return f->n_receipts == 0 ? 0
				  : f->latencies_ms[(f->n_receipts - 1) * percent / 100];
}

static void
print_result(struct run *r)
{
	struct fleet *f = &r->fleet;
	uint64_t n_connections = 0;
	uint64_t n_resumed = 0;
	uint64_t n_failures = 0;
	struct rusage use;

	for (unsigned i = 0; i < r->o.agents; i++) {
		n_connections += r->agents[i].courier.link.n_connections;
		n_resumed += r->agents[i].courier.link.n_resumed;
		n_failures += r->agents[i].courier.link.n_failures;
	}
	(void)getrusage(RUSAGE_SELF, &use);
	if (f->n_receipts > 0)
		qsort(f->latencies_ms, f->n_receipts, sizeof(*f->latencies_ms), compare);
	(void)printf("{\"agents\":%u,\"reports\":%" PRIu64 ",\"findings\":%" PRIu64
		     ",\"receipts\":%" PRIu64 ",\"refused\":%" PRIu64
		     ",\"bad_receipts\":%" PRIu64 ",\"busy\":%" PRIu64
		     ",\"connections\":%" PRIu64 ",\"resumed\":%" PRIu64
		     ",\"failures\":%" PRIu64 ",\"p50_ms\":%" PRId64
		     ",\"p99_ms\":%" PRId64 ",\"max_ms\":%" PRId64
		     ",\"seconds\":%.3f,\"resident_kb\":%ld,"
		     "\"cpu_s\":%.1f}\n",
	    r->o.agents, f->n_reports, f->n_findings, f->n_receipts, f->n_refused,
	    f->n_bad, f->n_busy, n_connections, n_resumed, n_failures, percentile(f, 50),
	    percentile(f, 99), percentile(f, 100),
	    (double)(clock_monotonic_ms() - r->start_ms) / 1000, use.ru_maxrss,
	    (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec));
}

int
main(int argc, char **argv)
{
	struct run r = { .o = { .agents = 300,
			     .seconds = 15,
			     .interval_ms = 60 * 1000,
			     .findings = 3,
			     .drain_s = 300 } };
	const struct timeval look = { 0, LOOK_MS * 1000 };
	struct event *on_time = NULL;

	parse_options(argc, argv, &r.o);
	/* What couriers say of a collector that is gone is not news here. */
	log_init("delivery_fleet", LOG_LEVEL_ERR);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_limit();
	/* Large buffers come and go for each report; between 10,000 spools they would
	 * leave the heap in pieces that each allocation has to look through. */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	/* SQLite's 48 KB for each connection in advance are much for 10,000. */
	(void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	prepare(&r);
	r.start_ms = r.progress_ms = clock_monotonic_ms();
	(void)printf("ready\n");
	(void)fflush(stdout);
	for (unsigned i = 0; i < r.o.agents; i++)
		fleet_agent_start(&r.agents[i]);
	on_time = event_new(r.fleet.base, -1, EV_PERSIST, on_look, &r);
	(void)event_add(on_time, &look);
	(void)event_base_dispatch(r.fleet.base);
	print_result(&r);
	event_free(on_time);
	for (unsigned i = 0; i < r.o.agents; i++)
		fleet_agent_clear(&r.agents[i]);
	event_free(r.fleet.on_turn);
	event_base_free(r.fleet.base);
	(void)fclose(r.fleet.journal);
	load_fleet_close(&r.fleet.authority);
	free(r.fleet.latencies_ms);
	free(r.agents);
	return r.fleet.n_receipts == r.fleet.n_reports ? 0 : 1;
}

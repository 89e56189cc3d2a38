/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_METRICS_H
#define MH_COLLECTOR_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * What the collector counts, and its text for Prometheus (text format 0.0.4).
 * Counters are raised from any thread without a lock.  No series has an agent's
 * name: their number must not grow with the fleet.
 */
enum metric { /* counters */
	METRIC_REPORTS_STORED,
	METRIC_REPORTS_DUPLICATE,
	METRIC_REPORTS_FORK,
	METRIC_REPORTS_REFUSED, /* what was sent is no good report of this agent */
	METRIC_REPORTS_RATE_LIMITED,
	METRIC_REPORTS_QUEUE_FULL,
	METRIC_REPORTS_NOT_STORED, /* the store could not */
	METRIC_FINDINGS,
	METRIC_COVERAGE,
	METRIC_REPORT_BYTES,
	METRIC_COMMITS,
	METRIC_CERTIFICATES,
	METRIC_ENROLMENTS_REFUSED,
	METRIC_REVOKED_REFUSED,
	METRIC_CONNECTIONS_ACCEPTED,
	METRIC_CONNECTIONS_SURPLUS,
	METRIC_CONNECTIONS_LATE,    /* closed at a deadline */
	METRIC_CONNECTIONS_REVOKED, /* closed because the agent was revoked */
	METRIC_CONNECTIONS_UPLOAD,  /* closed because too much was being sent at once */
	METRIC_HANDSHAKES_FULL,
	METRIC_HANDSHAKES_RESUMED,
	METRIC_HANDSHAKES_FAILED,
	METRIC_ACCEPT_PAUSES, /* the bound on handshakes was reached */
	METRIC_MAX_
};

enum metric_gauge {
	GAUGE_CONNECTIONS,
	GAUGE_HANDSHAKES, /* in progress */
	GAUGE_UPLOAD_BYTES,
	GAUGE_MAX_
};

enum metric_times { TIMES_VERIFY, TIMES_COMMIT, TIMES_ANSWER, TIMES_MAX_ };
enum { TIMES_BUCKETS = 13 }; /* from 100 us on, each about twice the one before */

struct metrics {
	_Atomic uint64_t counters[METRIC_MAX_];
	_Atomic int64_t gauges[GAUGE_MAX_];
	struct {
		_Atomic uint64_t buckets[TIMES_BUCKETS + 1]; /* the last: above all */
		_Atomic uint64_t sum_us;
	} times[TIMES_MAX_];
};

/* What is looked up when somebody asks. */
struct metrics_now {
	size_t verify_reports, verify_bytes; /* that wait for verification */
	size_t commit_reports, commit_bytes; /* that wait for the store */
	uint64_t store_bytes;
	uint64_t revoked;
	int64_t start_ms; /* real time */
	const char *version;
};

static inline void
metrics_add(struct metrics *m, enum metric what, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&m->counters[what], n, memory_order_relaxed);
}

static inline void
metrics_move(struct metrics *m, enum metric_gauge what, int64_t by)
{
	(void)atomic_fetch_add_explicit(&m->gauges[what], by, memory_order_relaxed);
}

static inline int64_t
metrics_gauge(struct metrics *m, enum metric_gauge what)
{
	return atomic_load_explicit(&m->gauges[what], memory_order_relaxed);
}

/* Note that something took so long. */
void metrics_time(struct metrics *m, enum metric_times what, int64_t us);

/* Append the whole text to out. */
void metrics_put(struct metrics *m, const struct metrics_now *now, struct buf *out);

/* A label's value with backslash, quote and newline escaped, appended to out. */
void metrics_put_label(struct buf *out, const char *value);

/* Monotonic microseconds, for metrics_time(). */
int64_t metrics_clock_us(void);

#endif

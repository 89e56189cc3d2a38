/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/metrics.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/attributes.h"

#define P "molehunt_collector_"

/* One series of a counter or gauge; those of one name stand together. */
struct series {
	const char *name, *type, *help;
	const char *label, *value; /* NULL: none */
};

static const char reports_help[] = "Reports that came, by what became of them.";
static const char connections_help[] = "Connections closed by the collector, by reason.";
static const char handshakes_help[] = "TLS handshakes that ended, by how.";

static const struct series counters[METRIC_MAX_] = {
#define REPORTS(v)                                                       \
	{                                                                \
		P "reports_total", "counter", reports_help, "outcome", v \
	}
	[METRIC_REPORTS_STORED] = REPORTS("stored"),
	[METRIC_REPORTS_DUPLICATE] = REPORTS("duplicate"),
	[METRIC_REPORTS_FORK] = REPORTS("fork"),
	[METRIC_REPORTS_REFUSED] = REPORTS("refused"),
	[METRIC_REPORTS_RATE_LIMITED] = REPORTS("rate_limited"),
	[METRIC_REPORTS_QUEUE_FULL] = REPORTS("queue_full"),
	[METRIC_REPORTS_NOT_STORED] = REPORTS("not_stored"),
	[METRIC_FINDINGS] = { P "findings_total", "counter",
	    "Findings in reports that were stored.", NULL, NULL },
	[METRIC_COVERAGE] = { P "coverage_lines_total", "counter",
	    "Lines of coverage in reports that were stored.", NULL, NULL },
	[METRIC_REPORT_BYTES] = { P "report_bytes_total", "counter",
	    "Signed bytes of reports that were stored.", NULL, NULL },
	[METRIC_COMMITS] = { P "commits_total", "counter",
	    "Transactions with reports that became durable.", NULL, NULL },
	[METRIC_CERTIFICATES] = { P "certificates_issued_total", "counter",
	    "Agents' certificates issued.", NULL, NULL },
	[METRIC_ENROLMENTS_REFUSED] = { P "enrolments_refused_total", "counter",
	    "Requests for a certificate that were refused.", NULL, NULL },
	[METRIC_REVOKED_REFUSED] = { P "revoked_requests_total", "counter",
	    "Requests of revoked agents.", NULL, NULL },
	[METRIC_CONNECTIONS_ACCEPTED] = { P "connections_accepted_total", "counter",
	    "Connections accepted.", NULL, NULL },
#define CLOSED(v)                                                                      \
	{                                                                              \
		P "connections_closed_total", "counter", connections_help, "reason", v \
	}
	[METRIC_CONNECTIONS_SURPLUS] = CLOSED("surplus"),
	[METRIC_CONNECTIONS_LATE] = CLOSED("deadline"),
	[METRIC_CONNECTIONS_REVOKED] = CLOSED("revoked"),
	[METRIC_CONNECTIONS_UPLOAD] = CLOSED("upload"),
#define HANDSHAKES(v)                                                       \
	{                                                                   \
		P "handshakes_total", "counter", handshakes_help, "kind", v \
	}
	[METRIC_HANDSHAKES_FULL] = HANDSHAKES("full"),
	[METRIC_HANDSHAKES_RESUMED] = HANDSHAKES("resumed"),
	[METRIC_HANDSHAKES_FAILED] = HANDSHAKES("failed"),
	[METRIC_ACCEPT_PAUSES] = { P "accept_pauses_total", "counter",
	    "How often a loop stopped accepting because of handshakes under way.", NULL,
	    NULL },
};

static const struct series gauges[GAUGE_MAX_] = {
	[GAUGE_CONNECTIONS] = { P "connections", "gauge", "Open connections.", NULL,
	    NULL },
	[GAUGE_HANDSHAKES] = { P "handshakes_in_progress", "gauge",
	    "Connections whose TLS handshake is under way.", NULL, NULL },
	[GAUGE_UPLOAD_BYTES] = { P "upload_bytes", "gauge",
	    "Bytes of requests that are not complete yet.", NULL, NULL },
};

static const struct {
	const char *name, *help;
} times[TIMES_MAX_] = {
	[TIMES_VERIFY] = { P "verify_seconds",
	    "Time to verify one report: signature, unpacking, form." },
	[TIMES_COMMIT] = { P "commit_seconds",
	    "Time to make one batch of reports durable." },
	[TIMES_ANSWER] = { P "answer_seconds",
	    "Time from a report's last byte to its receipt." },
};

static const int64_t bounds_us[TIMES_BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 250000, 1000000, 5000000 };
static const char *const bounds_text[TIMES_BUCKETS] = { "0.0001", "0.00025", "0.0005",
	"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "1", "5" };

int64_t
metrics_clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
metrics_time(struct metrics *m, enum metric_times what, int64_t us)
{
	size_t i = 0;

	while (i < TIMES_BUCKETS && us > bounds_us[i])
		i++;
	(void)atomic_fetch_add_explicit(&m->times[what].buckets[i], 1,
	    memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&m->times[what].sum_us, us > 0 ? (uint64_t)us : 0,
	    memory_order_relaxed);
}

void
metrics_put_label(struct buf *out, const char *value)
{
	for (; *value != 0; value++) {
		if (*value == '\n')
			buf_add(out, "\\n");
		else if (*value == '\\' || *value == '"')
			buf_addf(out, "\\%c", *value);
		else
			buf_put(out, value, 1);
	}
}

static void
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* before is the series above it, NULL for the first. */
static void
put_series(struct buf *out, const struct series *s, const struct series *before,
    int64_t value)
{
	if (before == NULL || strcmp(before->name, s->name) != 0)
		put_head(out, s->name, s->type, s->help);
	buf_add(out, s->name);
	if (s->label != NULL) {
		buf_addf(out, "{%s=\"", s->label);
		metrics_put_label(out, s->value);
		buf_add(out, "\"}");
	}
	buf_addf(out, " %" PRId64 "\n", value);
}

static void
put_times(struct metrics *m, enum metric_times what, struct buf *out)
{
	const char *name = times[what].name;
	uint64_t total = 0;

	put_head(out, name, "histogram", times[what].help);
	for (size_t i = 0; i <= TIMES_BUCKETS; i++) {
		total += atomic_load_explicit(&m->times[what].buckets[i],
		    memory_order_relaxed);
		buf_addf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		    i < TIMES_BUCKETS ? bounds_text[i] : "+Inf", total);
	}

	uint64_t sum_us =
	    atomic_load_explicit(&m->times[what].sum_us, memory_order_relaxed);

	buf_addf(out, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", name, sum_us / 1000000,
	    sum_us % 1000000);
	buf_addf(out, "%s_count %" PRIu64 "\n", name, total);
}

static void
put_now(const struct metrics_now *now, struct buf *out)
{
	const struct {
		struct series series;
		uint64_t value;
	} rows[] = {
		{ { P "queue_reports", "gauge", "Reports that wait, by for what.",
		      "stage", "verify" },
		    now->verify_reports },
		{ { P "queue_reports", "gauge", "", "stage", "commit" },
		    now->commit_reports },
		{ { P "queue_bytes", "gauge", "Bytes that wait, by for what.", "stage",
		      "verify" },
		    now->verify_bytes },
		{ { P "queue_bytes", "gauge", "", "stage", "commit" },
		    now->commit_bytes },
		{ { P "store_bytes", "gauge", "Size of the database with its log.", NULL,
		      NULL },
		    now->store_bytes },
		{ { P "revoked_agents", "gauge", "Agents that were revoked.", NULL,
		      NULL },
		    now->revoked },
		{ { P "start_time_seconds", "gauge",
		      "When the collector started, since 1970.", NULL, NULL },
		    (uint64_t)(now->start_ms / 1000) },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++)
		put_series(out, &rows[i].series, i > 0 ? &rows[i - 1].series : NULL,
		    (int64_t)rows[i].value);
	put_head(out, P "build_info", "gauge", "Always 1; the label says which version.");
	buf_add(out, P "build_info{version=\"");
	metrics_put_label(out, now->version);
	buf_add(out, "\"} 1\n");
}

void
metrics_put(struct metrics *m, const struct metrics_now *now, struct buf *out)
{
	for (size_t i = 0; i < METRIC_MAX_; i++)
		put_series(out, &counters[i], i > 0 ? &counters[i - 1] : NULL,
		    (int64_t)atomic_load_explicit(&m->counters[i], memory_order_relaxed));
	for (size_t i = 0; i < GAUGE_MAX_; i++)
		put_series(out, &gauges[i], i > 0 ? &gauges[i - 1] : NULL,
		    metrics_gauge(m, (enum metric_gauge)i));
	for (size_t i = 0; i < TIMES_MAX_; i++)
		put_times(m, (enum metric_times)i, out);
	put_now(now, out);
}

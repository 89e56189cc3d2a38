/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent's numbers as Prometheus text (exposition format 0.0.4), which the
 * courier hands to whoever asks at metrics.listen.
 *
 * Runs in: agent.
 */
#include <inttypes.h>
#include <string.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "records/reason.h"

#define P "molehunt_agent_"

static void
describe(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP " P "%s %s\n# TYPE " P "%s %s\n", name, help, name, type);
}

static void
put(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
	describe(b, name, type, help);
	buf_addf(b, P "%s %" PRIu64 "\n", name, v);
}

/* A time of ms since 1970 as seconds; 0 stays 0: it has not been. */
static void
put_time(struct buf *b, const char *name, const char *help, int64_t ms)
{
	describe(b, name, "gauge", help);
	buf_addf(b, P "%s %" PRId64 ".%03d\n", name, ms / 1000, (int)(ms % 1000));
}

/* Of scans that ended; the one that runs is not in it. */
static void
put_scans(const struct agent *a, struct buf *b)
{
	const struct scan_totals *t = &a->totals;

	put(b, "findings_total", "counter", "Findings of scans that ended.", t->findings);
	put(b, "targets_scanned_total", "counter",
	    "Files and memories that were scanned, wholly or in part.", t->scanned);
	put(b, "bytes_scanned_total", "counter", "Bytes of them.", t->bytes);
	describe(b, "targets_missed_total", "counter",
	    "What should have been scanned and was not, by reason.");
	for (int i = 0; i < REASON_MAX_; i++)
		if (reason_is_missed((enum reason)i))
			buf_addf(b, P "targets_missed_total{reason=\"%s\"} %" PRIu64 "\n",
			    reason_name((enum reason)i), t->missed[i]);
}

static void
put_spool(struct agent *a, struct buf *b)
{
	int64_t now_ms = clock_monotonic_ms();
	struct spool_statistics st;

	/* Counting a full spool takes long, and anybody may ask. */
	if (a->counted_ms == 0 || now_ms - a->counted_ms >= METRICS_COUNT_MS) {
		if (spool_statistics(a->spool, &a->counted) != MH_OK)
			return;
		a->counted_ms = now_ms;
	}
	st = a->counted;
	put(b, "spool_pending_lines", "gauge", "Lines that are in no report yet.",
	    st.n_pending);
	put(b, "spool_pending_bytes", "gauge", "Bytes of them.", st.pending_bytes);
	put(b, "spool_sealed_reports", "gauge", "Reports without a receipt.",
	    st.n_sealed);
	put(b, "spool_sealed_bytes", "gauge", "Bytes of them.", st.sealed_bytes);
	put(b, "spool_aside", "gauge", "What was set aside, because no report takes it.",
	    st.n_aside);
	put(b, "spool_blocked", "gauge", "1 while the spool takes nothing.",
	    store_is_blocked(a->store));
}

static void
put_delivery(const struct agent *a, struct buf *b)
{
	static const char *const states[] = { [LINK_DOWN] = "down",
		[LINK_UP] = "up",
		[LINK_BUSY] = "busy",
		[LINK_IDLE] = "idle" };

	put(b, "reports_sealed_total", "counter", "Reports that were sealed.",
	    a->n_sealed);
	put(b, "receipts_total", "counter", "Receipts that were good.", a->n_receipts);
	put(b, "refusals_total", "counter", "Reports that were refused.", a->n_refused);
	put_time(b, "last_receipt_seconds", "When the last receipt came.", a->receipt_ms);
	describe(b, "link", "gauge", "1 for the state of the connection.");
	for (int i = LINK_DOWN; i <= LINK_IDLE; i++)
		buf_addf(b, P "link{state=\"%s\"} %d\n", states[i],
		    a->knows_link && a->link.state == (enum delivery_link_state)i);
	put(b, "connections_total", "counter", "Connections to collectors.",
	    a->link.n_connections);
	put(b, "connections_resumed_total", "counter", "Of these with a resumed session.",
	    a->link.n_resumed);
	put(b, "connection_failures_total", "counter", "Connections that failed.",
	    a->link.n_failures);
	if (a->identity == NULL)
		return;
	put_time(b, "signing_certificate_end_seconds", "When it ends.",
	    identity_pair_at(a->identity, clock_real_ms()).facts->not_after_ms);
	put_time(b, "tls_certificate_end_seconds", "When it ends.", a->link.not_after_ms);
	put(b, "renewals_failed", "gauge",
	    "Attempts to renew the signing certificate that failed, in a row.",
	    a->signing.n_failed);
}

static void
put_watch(const struct agent *a, struct buf *b)
{
	const struct watching *w = agent_watch_state(a);

	put(b, "watching", "gauge", "1 while files are watched.",
	    w != NULL && w->trouble[0] == 0 && agent_watch_silence(a) == NULL);
	if (w == NULL)
		return;
	describe(b, "watch", "gauge",
	    "Counters of the watcher, and what waits (pending, due_pending).");
#define PUT_COUNTER(name) \
	buf_addf(b, P "watch{counter=\"" #name "\"} %" PRIu64 "\n", w->counters.n_##name);
	WATCH_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
}

static void
put_governor(const struct agent *a, struct buf *b)
{
	const struct governor *g = agent_scan_governor(a);

	describe(b, "rested_seconds_total", "counter",
	    "Time that scans gave up, by to whom.");
	for (int i = GOVERNOR_NOBODY + 1; i < GOVERNOR_REASON_MAX_; i++) {
		int64_t ms = governor_given_up_ms(g, (enum governor_reason)i);

		buf_addf(b, P "rested_seconds_total{to=\"%s\"} %" PRId64 ".%03d\n",
		    governor_reason_text((enum governor_reason)i), ms / 1000,
		    (int)(ms % 1000));
	}
}

void
agent_metrics_put(struct agent *a, struct buf *b)
{
	put_time(b, "start_seconds", "When this agent started.", a->started_ms);
	put_scans(a, b);
	put_spool(a, b);
	put_delivery(a, b);
	put_watch(a, b);
	put_governor(a, b);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/delivery/fleet_agent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/delivery/load_options.h"
#include "transport/receipt.h"
#include "transport/report.h"

static void
must(mh_err err, const char *what)
{
	if (err == MH_OK)
		return;
	(void)fprintf(stderr, "%s: %s\n", what, mh_strerror(err));
	load_die(what);
}

/* These two and courier_pump() are the seam: courier.c has them in the product. */
void
courier_drop_oldest(struct courier *co)
{
	(void)close(co->queue[0].fd);
	co->n_queue--;
	memmove(&co->queue[0], &co->queue[1], co->n_queue * sizeof(co->queue[0]));
}

void
courier_refuse_oldest(struct courier *co, unsigned status, const char *code,
    const char *detail)
{
	struct delivery_refused m = { .key = co->queue[0].report.key,
		.status = (uint16_t)status };

	delivery_text_copy(m.code, sizeof(m.code), code);
	delivery_text_copy(m.detail, sizeof(m.detail), detail);
	buf_reset(co->answer);
	delivery_refused_put(&m, co->answer);
	co->answer_type = MSG_REFUSED;
	courier_drop_oldest(co);
}

static void
note_receipt(struct fleet_agent *a, const struct receipt *receipt)
{
	struct fleet *f = a->fleet;
	MH_CLEANUP(freep) char *hex = text_hex(receipt->digest, DIGEST_BYTES);

	if (f->n_receipts % 4096 == 0)
		f->latencies_ms = xreallocarray(f->latencies_ms, f->n_receipts + 4096,
		    sizeof(*f->latencies_ms));
	f->latencies_ms[f->n_receipts++] =
	    clock_monotonic_ms() - a->sealed_ms[receipt->sequence - 1];
	(void)fprintf(f->journal, "receipted %s\n", hex);
}

/* As the agent does (agent_delivery.c): what is not its own receipt removes nothing. */
static void
take_receipt(struct fleet_agent *a)
{
	struct delivery_receipt note;
	struct receipt receipt;
	const char *why = "not a message of this kind";
	mh_err err = delivery_receipt_parse(buf_data(a->courier.answer),
	    buf_len(a->courier.answer), &note);

	if (err == MH_OK)
		err = receipt_open(note.der, note.len, a->fleet->authority.anchors,
		    clock_real_ms(), &receipt, &why);
	if (err == MH_OK && strcmp(receipt.agent, a->who.id) != 0) {
		err = MH_ERR_SIGNATURE;
		why = "it is another agent's";
	}
	if (err == MH_OK) {
		why = "it is for other bytes";
		err = spool_receipt(a->spool, &receipt, note.der, note.len);
	}
	if (err == MH_OK) {
		note_receipt(a, &receipt);
		return;
	}
	(void)fprintf(stderr, "agent %s: a receipt is refused: %s\n", a->who.id, why);
	a->fleet->n_bad++;
	a->is_stuck = true;
}

static void
take_refusal(struct fleet_agent *a)
{
	struct delivery_refused note;

	must(delivery_refused_parse(buf_data(a->courier.answer),
		 buf_len(a->courier.answer), &note),
	    "a refusal");
	(void)fprintf(stderr, "agent %s: report %" PRIu64 " is refused: %u %s: %s\n",
	    a->who.id, note.key.sequence, note.status, note.code, note.detail);
	a->fleet->n_refused++;
	a->is_stuck = true;
}

static void
take_answer(struct fleet_agent *a)
{
	struct courier *co = &a->courier;

	if (buf_len(co->answer) > 0 && co->answer_type == MSG_RECEIPT)
		take_receipt(a);
	else if (buf_len(co->answer) > 0)
		take_refusal(a);
	buf_reset(co->answer);
	if (co->link_changed && co->link.state == LINK_BUSY)
		a->fleet->n_busy++;
	co->link_changed = false;
}

/*
 * Give the courier the oldest report.  One at a time, as a descriptor goes with each:
 * on the wire it is the same, for the courier asks for one at a time.
 */
static void
hand_over(struct fleet_agent *a)
{
	struct courier *co = &a->courier;
	struct carried c = { .fd = -1 };
	struct spool_report report;
	mh_err err;

	if (co->n_queue > 0 || a->is_stuck)
		return;
	err = spool_next_report(a->spool, 0, clock_real_ms(), &report);
	if (err == MH_ERR_NOTFOUND)
		return;
	must(err, "the next report of a spool");
	must(fd_from_bytes("report", report.der, report.len, &c.fd), "a memfd");
	memcpy(c.report.key.epoch, report.epoch, UUID_TEXT_LEN);
	c.report.key.sequence = report.sequence;
	memcpy(c.report.digest, report.digest, DIGEST_BYTES);
	co->queue[co->n_queue++] = c;
	spool_report_clear(&report);
}

/* Whether the agent may connect now, or is; if not, it is called when it may. */
static bool
has_turn(struct fleet_agent *a)
{
	struct fleet *f = a->fleet;

	if (!http_client_is_down(a->courier.client) ||
	    f->n_connecting < FLEET_CONNECTING_MAX)
		return true;
	if (a->is_waiting)
		return false;
	a->is_waiting = true;
	a->next_waiting = NULL;
	if (f->first_waiting == NULL)
		f->first_waiting = a;
	else
		f->last_waiting->next_waiting = a;
	f->last_waiting = a;
	return false;
}

/* What the courier did last may have begun to connect, or have ended that. */
static void
count_turn(struct fleet_agent *a)
{
	struct fleet *f = a->fleet;
	bool is_connecting = !http_client_is_down(a->courier.client) &&
			     !http_client_is_ready(a->courier.client) &&
			     a->courier.errand == ERRAND_NONE;

	if (is_connecting && !a->is_connecting)
		f->n_connecting++;
	if (!is_connecting && a->is_connecting) {
		f->n_connecting--;
		event_active(f->on_turn, EV_TIMEOUT, 0);
	}
	a->is_connecting = is_connecting;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	(void)fd;
	(void)what;
	while (f->first_waiting != NULL && f->n_connecting < FLEET_CONNECTING_MAX) {
		struct fleet_agent *a = f->first_waiting;

		f->first_waiting = a->next_waiting;
		a->is_waiting = false;
		courier_pump(&a->courier);
	}
}

void
fleet_init(struct fleet *f)
{
	f->on_turn = event_new(f->base, -1, 0, on_turn, f);
	if (f->on_turn == NULL)
		load_die("no memory for an event");
}

void
courier_pump(struct courier *co)
{
	struct fleet_agent *a = (struct fleet_agent *)co;

	do {
		take_answer(a);
		count_turn(a);
		if (co->is_stopping || co->is_held_back || !has_turn(a))
			return;
		hand_over(a);
		courier_link_step(co);
		count_turn(a);
	} while (buf_len(co->answer) > 0);
}

/* Findings become pending lines, one after the other, as a scan stores them. */
static void
store_findings(struct fleet_agent *a, unsigned n, char uids[][LOAD_UID_LEN])
{
	MH_CLEANUP(buf_freep) struct buf *line = buf_new(REPORT_LINE_MAX);

	for (unsigned i = 0; i < n; i++) {
		buf_reset(line);
		load_finding_put(line, a->fleet->n_findings++, uids[i]);
		const struct spool_finding finding = { .uid = uids[i],
			.rule = "Linux_Backdoor_Test_Nov26_1",
			.pack = "molehunt",
			.severity = 4,
			.path = "/srv/www/uploads/x.bin",
			.path_len = strlen("/srv/www/uploads/x.bin"),
			.seen_ms = clock_real_ms(),
			.json = buf_string(line),
			.json_len = buf_len(line) };
		const struct spool_batch batch = { .findings = &finding,
			.n_findings = 1,
			.now_ms = finding.seen_ms };

		must(spool_store(a->spool, &batch), "a finding into a spool");
	}
}

static void
note_sealed(struct fleet_agent *a, const uint8_t *der, size_t len, unsigned n,
    char uids[][LOAD_UID_LEN])
{
	uint8_t digest[DIGEST_BYTES];

	digest_sha256(der, len, digest);
	MH_CLEANUP(freep) char *hex = text_hex(digest, DIGEST_BYTES);

	(void)fprintf(a->fleet->journal, "sealed %s", hex);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(a->fleet->journal, " %s", uids[i]);
	(void)fputc('\n', a->fleet->journal);
	a->sealed_ms =
	    xreallocarray(a->sealed_ms, a->n_sealed + 1, sizeof(*a->sealed_ms));
	a->sealed_ms[a->n_sealed++] = clock_monotonic_ms();
	a->fleet->n_reports++;
}

static void
seal_report(struct fleet_agent *a)
{
	unsigned n = 1 + (unsigned)courier_chance(2 * (int64_t)(a->fleet->findings - 1));
	char uids[FLEET_FINDINGS_MAX][LOAD_UID_LEN];
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct report_header header;
	size_t taken = 0;
	size_t len = 0;

	store_findings(a, n, uids);
	load_header_fill(&a->who, &header);
	must(spool_pending_read(a->spool, true, &lines), "the lines of a spool");
	must(spool_next_header(a->spool, &header), "the place in the chain");
	must(report_seal(a->who.key, a->who.signing, &header, lines->lines, lines->n,
		 &taken, &der, &len),
	    "a report");
	must(spool_seal(a->spool, lines, taken, &header, der, len), "a sealed report");
	if (taken != n || header.sequence != a->n_sealed + 1)
		load_die("a report is not what its agent found since the one before");
	note_sealed(a, der, len, n, uids);
}

/* Full jitter: between nothing and twice the interval. */
static void
wait_for_next(struct fleet_agent *a, int64_t most_ms)
{
	int64_t ms = courier_chance(most_ms);
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(a->due, &tv);
}

/* The agent starts, or it is time for the next report. */
static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_agent *a = arg;

	(void)fd;
	(void)what;
	if (a->fleet->is_over)
		return;
	if (!a->is_started) {
		a->is_started = true;
		a->courier.has_settings = true;
		courier_link_reload(&a->courier);
	}
	seal_report(a);
	wait_for_next(a, 2 * a->fleet->interval_ms);
	courier_pump(&a->courier);
}

static void
make_identity(struct fleet_agent *a)
{
	struct load_fleet *authority = &a->fleet->authority;
	struct identity id = { .key = NULL };

	load_agent_issue(authority, &a->who);
	memcpy(id.agent, a->who.id, UUID_TEXT_LEN);
	(void)snprintf(id.collector, sizeof(id.collector), "%s", a->fleet->url);
	id.key = a->who.key;
	id.cert = a->who.tls;
	id.ca = authority->ca;
	must(folder_make(a->folder, 0700), a->folder);
	must(identity_store(a->folder, IDENTITY_COURIER, &id, (uid_t)-1, (gid_t)-1),
	    a->folder);
}

static void
start_courier(struct fleet_agent *a)
{
	struct courier *co = &a->courier;

	co->folder = a->folder;
	co->link.state = LINK_DOWN;
	co->base = a->fleet->base;
	co->settings.replay_rate = FLEET_REPLAY_RATE;
	if (!courier_link_init(co) || !courier_renewal_init(co))
		load_die("no memory for a courier");
	co->answer = buf_new(message_table[MSG_RECEIPT].max_bytes);
}

void
fleet_agent_init(struct fleet_agent *a, struct fleet *fleet, const char *folder)
{
	const struct spool_options options = { .max_bytes = 0 };
	struct spool_opening opening = { .damaged = NULL };

	a->fleet = fleet;
	a->folder = xstrdup(folder);
	make_identity(a);
	must(spool_open(":memory:", &options, clock_real_ms(), &a->spool, &opening),
	    "a spool in memory");
	start_courier(a);
	a->due = evtimer_new(fleet->base, on_due, a);
	if (a->due == NULL)
		load_die("no memory for a timer");
}

void
fleet_agent_start(struct fleet_agent *a)
{
	wait_for_next(a, a->fleet->interval_ms);
}

void
fleet_agent_clear(struct fleet_agent *a)
{
	struct courier *co = &a->courier;

	co->is_stopping = true;
	while (co->n_queue > 0)
		courier_drop_oldest(co);
	courier_link_clear(co);
	courier_renewal_clear(co);
	buf_free(co->answer);
	event_free(a->due);
	spool_close(a->spool);
	load_agent_clear(&a->who);
	free(a->sealed_ms);
	free(a->folder);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery by the resident agent: stored findings are sealed into reports, the
 * courier carries them, and a report leaves the spool when its receipt has been
 * verified here.
 *
 * Runs in: agent.
 * Input: from the courier, which may be taken over: receipts and refusals.
 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "records/delivery.h"

static void
load_identity(struct agent *a)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", a->state);
	const char *why = NULL;
	mh_err err = identity_load(folder, IDENTITY_AGENT, &a->identity, &why);

	if (err == MH_ERR_NOTFOUND)
		return; /* not enrolled yet: findings wait */
	if (err != MH_OK) {
		log_err_r(err, "identity", "%s: %s", folder, why);
		return;
	}
	a->ca = X509_STORE_new();
	if (a->ca == NULL || X509_STORE_add_cert(a->ca, a->identity->ca) != 1) {
		log_err("identity", "the CA certificate cannot be used");
		identity_free(a->identity);
		a->identity = NULL;
		return;
	}
	log_notice("identity", "agent %s delivers to %s", a->identity->agent,
	    a->identity->collector);
}

static void
count_pending(struct agent *a, int64_t now_ms)
{
	struct spool_statistics st;

	if (spool_statistics(a->spool, &st) != MH_OK)
		return;
	a->n_pending = st.n_pending;
	a->sealed_bytes = st.sealed_bytes;
	if (st.n_pending == 0)
		a->oldest_pending_ms = 0;
	else if (a->oldest_pending_ms == 0)
		a->oldest_pending_ms = now_ms;
}

void
agent_delivery_on_stored(struct agent *a, size_t n, int64_t now_ms)
{
	if (n == 0)
		return;
	a->n_pending += n;
	if (a->oldest_pending_ms == 0)
		a->oldest_pending_ms = now_ms;
}

static void
copy_text(char *to, size_t size, const char *from)
{
	delivery_text_copy(to, size, from);
}

static void
fill_header(struct agent *a, struct report_header *h)
{
	MH_CLEANUP(freep)
	char *rule_set = text_hex(a->rules->facts.id, sizeof(a->rules->facts.id));

	copy_text(h->agent, sizeof(h->agent), a->identity->agent);
	h->sealed_ms = clock_real_ms();
	copy_text(h->rule_set, sizeof(h->rule_set), rule_set);
	copy_text(h->host.hostname, sizeof(h->host.hostname), a->host.hostname);
	copy_text(h->host.machine_id, sizeof(h->host.machine_id), a->host.machine_id);
	copy_text(h->host.boot_id, sizeof(h->host.boot_id), a->host.boot_id);
	copy_text(h->host.os, sizeof(h->host.os), a->host.os_pretty);
	copy_text(h->host.kernel, sizeof(h->host.kernel), a->host.kernel);
	copy_text(h->product, sizeof(h->product), "molehunt");
	copy_text(h->product_version, sizeof(h->product_version), MH_VERSION);
}

/* Seal one report from the front of what is pending. False: nothing more to do. */
static bool
seal_one(struct agent *a)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct report_header header;
	size_t taken = 0;
	size_t len = 0;

	mh_err err =
	    spool_pending_read(a->spool, a->sealed_bytes < STATUS_SEALED_MAX, &lines);
	if (err != MH_OK || lines->n == 0)
		return false;
	memset(&header, 0, sizeof(header));
	fill_header(a, &header);
	err = spool_next_header(a->spool, &header);
	if (err == MH_OK)
		err = report_seal(a->identity->key, a->identity->cert, &header,
		    lines->lines, lines->n, &taken, &der, &len);
	if (err == MH_ERR_TOOBIG) {
		log_err("report", "a line fits no report and is set aside in the spool");
		return spool_set_aside(a->spool, lines, "larger than a report may be",
			   clock_real_ms()) == MH_OK;
	}
	if (err == MH_OK)
		err = spool_seal(a->spool, lines, taken, &header, der, len);
	if (err != MH_OK) {
		log_err_r(err, "report", "cannot seal");
		return false;
	}
	log_info("report", "sealed %llu with %u findings",
	    (unsigned long long)header.sequence, (unsigned)header.n_findings);
	return true;
}

static void
seal_what_is_due(struct agent *a, int64_t now_ms)
{
	bool is_due =
	    a->n_pending >= SEAL_LINES ||
	    (a->oldest_pending_ms != 0 && (a->is_stopping || agent_scan_run(a) == NULL ||
					      now_ms - a->oldest_pending_ms >=
						  (int64_t)a->config.report_max_age_ms));

	if (a->identity == NULL || !is_due || a->n_pending == 0)
		return;
	if (!certificate_is_valid_at(&a->identity->facts, clock_real_ms())) {
		static struct log_limit limit = { .burst = 1, .period_ms = 3600 * 1000 };

		if (log_limit_pass(&limit, now_ms))
			log_err("identity",
			    "the signing certificate is not valid now: findings "
			    "wait; give this machine a new one: molehunt "
			    "enroll --force URL TOKEN");
		return;
	}
	(void)seal_one(a);
	count_pending(a, now_ms);
}

/* Hand one sealed report to the courier. False: none is there, or it is no use now. */
static bool
send_one(struct agent *a)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	MH_CLEANUP(fd_closep) int fd = -1;
	struct spool_report report;
	struct delivery_report note;

	if (spool_next_report(a->spool, a->last_sent_id, clock_real_ms(), &report) !=
	    MH_OK)
		return false;
	memset(&note, 0, sizeof(note));
	copy_text(note.key.epoch, sizeof(note.key.epoch), report.epoch);
	note.key.sequence = report.sequence;
	memcpy(note.digest, report.digest, sizeof(note.digest));
	delivery_report_put(&note, b);
	mh_err err = fd_from_bytes("report", report.der, report.len, &fd);
	if (err == MH_OK)
		err =
		    channel_send(a->courier, MSG_REPORT, buf_data(b), buf_len(b), &fd, 1);
	if (err == MH_OK) {
		a->last_sent_id = report.id;
		a->n_sent++;
	}
	spool_report_clear(&report);
	return err == MH_OK;
}

/* The courier brought a receipt that is none: its report is sent again, later. */
static void
keep_report(struct agent *a, const struct delivery_receipt *note, const char *why)
{
	mh_ignore(spool_refused(a->spool, note->key.epoch, note->key.sequence, why,
	    clock_real_ms() + RECEIPT_RETRY_MS));
}

static void
on_receipt(struct agent *a, const struct message *m)
{
	struct delivery_receipt note;
	struct receipt receipt;
	const char *why = "not a message of this kind";
	mh_err err = delivery_receipt_parse(m->data, m->len, &note);

	if (err != MH_OK) {
		log_err_r(err, "receipt", "refused, the report is kept: %s", why);
		return;
	}
	err = receipt_open(note.der, note.len, a->ca, clock_real_ms(), &receipt, &why);
	if (err == MH_OK && strcmp(receipt.agent, a->identity->agent) != 0) {
		err = MH_ERR_SIGNATURE;
		why = "it is another agent's";
	}
	if (err != MH_OK) {
		log_err_r(err, "receipt", "refused, the report is kept: %s", why);
		keep_report(a, &note, why);
		return;
	}
	/* Removes the report only if epoch, sequence and hash are all its own. */
	err = spool_receipt(a->spool, &receipt, note.der, note.len);
	if (err == MH_OK)
		log_info("receipt", "report %llu is safe",
		    (unsigned long long)receipt.sequence);
	else if (err == MH_ERR_NOTFOUND)
		keep_report(a, &note,
		    "the receipt is for other bytes"); /* if it is there */
	else
		log_err_r(err, "receipt", "cannot be stored");
}

static void
on_refused(struct agent *a, const struct message *m)
{
	struct delivery_refused note;

	if (delivery_refused_parse(m->data, m->len, &note) != MH_OK)
		return;
	MH_CLEANUP(freep)
	char *why = xasprintf("%u %s: %s", (unsigned)note.status, note.code, note.detail);
	log_warn("delivery", "the collector does not take report %llu: %s; it is kept",
	    (unsigned long long)note.key.sequence, why);
	mh_ignore(spool_refused(a->spool, note.key.epoch, note.key.sequence, why,
	    clock_real_ms() + REFUSED_RETRY_MS));
	a->last_sent_id = 0;
}

static void
on_link(struct agent *a, const struct message *m)
{
	struct delivery_link note;

	if (delivery_link_parse(m->data, m->len, &note) != MH_OK)
		return;
	free(a->link_text);
	a->link_text = xstrdup(note.sentence);
	a->is_link_up = note.state != LINK_DOWN;
	if (note.state == LINK_UP)
		log_notice("delivery", "connected: %s", note.sentence);
	else
		log_warn("delivery", "%s", note.sentence);
}

static void
lose_courier(struct agent *a)
{
	if (a->courier_event != NULL)
		event_free(a->courier_event);
	a->courier_event = NULL;
	channel_free(a->courier);
	a->courier = NULL;
	a->n_sent = 0;
	a->last_sent_id = 0;
	a->courier_retry_ms = clock_monotonic_ms() + COURIER_RESTART_MS;
}

static void
on_courier(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	struct message m;
	mh_err err = MH_OK;

	(void)fd;
	(void)what;
	while ((err = channel_receive(a->courier, &m)) == MH_OK) {
		if (m.type == MSG_LINK) {
			on_link(a, &m);
			continue;
		}
		if (a->n_sent > 0)
			a->n_sent--;
		if (m.type == MSG_RECEIPT)
			on_receipt(a, &m);
		else
			on_refused(a, &m);
	}
	if (err != MH_ERR_AGAIN) {
		mh_ignore(agent_ask(a, MSG_STOP, ROLE_COURIER, a->courier_instance));
		lose_courier(a);
	}
}

void
agent_delivery_on_started(struct agent *a, unsigned instance, int fd)
{
	if (instance != a->courier_instance) {
		(void)close(fd);
		return;
	}
	a->is_courier_starting = false;
	a->courier = message_channel_new(fd, ROLE_AGENT, ROLE_COURIER);
	a->courier_event = event_new(a->base, channel_fd(a->courier),
	    EV_READ | EV_PERSIST, on_courier, a);
	if (a->courier_event == NULL || event_add(a->courier_event, NULL) < 0)
		lose_courier(a);
}

void
agent_delivery_on_exited(struct agent *a, unsigned instance, int status)
{
	if (instance != a->courier_instance)
		return;
	log_warn("delivery", "the courier ended with status 0x%x", (unsigned)status);
	a->is_courier_starting = false;
	lose_courier(a);
}

static void
start_courier(struct agent *a, int64_t now_ms)
{
	if (a->courier != NULL || a->is_courier_starting || now_ms < a->courier_retry_ms)
		return;
	a->courier_instance++;
	a->is_courier_starting =
	    agent_ask(a, MSG_START, ROLE_COURIER, a->courier_instance) == MH_OK;
	a->courier_retry_ms = now_ms + COURIER_RESTART_MS;
}

void
agent_delivery_tick(struct agent *a, int64_t now_ms)
{
	if (a->identity == NULL && now_ms >= a->identity_look_ms) {
		a->identity_look_ms = now_ms + IDENTITY_LOOK_MS;
		load_identity(a);
		if (a->identity != NULL)
			count_pending(a, now_ms);
	}
	if (a->identity == NULL)
		return;
	seal_what_is_due(a, now_ms);
	if (a->is_stopping)
		return;
	start_courier(a, now_ms);
	if (a->courier != NULL)
		mh_ignore(channel_flush(a->courier));
	/* Nothing is on its way: those that were refused may be due again. */
	if (a->n_sent == 0)
		a->last_sent_id = 0;
	while (a->courier != NULL && a->n_sent < SENT_MAX &&
	       channel_can_send(a->courier) && send_one(a))
		;
}

void
agent_delivery_clear(struct agent *a)
{
	lose_courier(a);
	identity_free(a->identity);
	a->identity = NULL;
	X509_STORE_free(a->ca);
	a->ca = NULL;
	free(a->link_text);
	a->link_text = NULL;
}

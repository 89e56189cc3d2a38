/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery by the resident agent: stored findings are sealed into reports, the
 * courier carries them, and a report leaves the spool when its receipt has been
 * verified here.
 *
 * Runs in: agent.
 * Input: from the courier, which may be taken over: receipts and refusals.
 */
#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "records/delivery.h"

/* A damaged page that only delivery reads: agent_store() would never come upon it. */
static mh_err
note_damage(struct agent *a, mh_err err)
{
	a->is_spool_damaged |= err == MH_ERR_CORRUPT;
	return err;
}

/* Not where it was noted, in the middle of whatever uses the spool. */
static void
mend_spool(struct agent *a, int64_t now_ms)
{
	if (!a->is_spool_damaged || now_ms < a->spool_reopen_ms)
		return;
	a->is_spool_damaged = false;
	a->spool_reopen_ms = now_ms + SPOOL_REOPEN_MS;
	agent_spool_reopen(a);
	a->last_sent_id = 0;
	agent_delivery_count(a, now_ms);
}

void
agent_delivery_count(struct agent *a, int64_t now_ms)
{
	struct spool_waiting st;

	if (note_damage(a, spool_waiting(a->spool, &st)) != MH_OK)
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
	struct identity_pair pair = identity_pair_at(a->identity, clock_real_ms());
	struct report_header header;
	size_t taken = 0;
	size_t len = 0;

	mh_err err =
	    spool_pending_read(a->spool, a->sealed_bytes < STATUS_SEALED_MAX, &lines);
	if (note_damage(a, err) != MH_OK || lines->n == 0)
		return false;
	memset(&header, 0, sizeof(header));
	fill_header(a, &header);
	err = spool_next_header(a->spool, &header);
	if (err == MH_OK)
		err = report_seal(pair.key, pair.cert, &header, lines->lines, lines->n,
		    &taken, &der, &len);
	if (err == MH_ERR_TOOBIG) {
		log_err("report", "a line fits no report and is set aside in the spool");
		return spool_set_aside(a->spool, lines, "larger than a report may be",
			   clock_real_ms()) == MH_OK;
	}
	if (err == MH_OK)
		err = spool_seal(a->spool, lines, taken, &header, der, len);
	if (note_damage(a, err) != MH_OK) {
		log_err_r(err, "report", "cannot seal");
		return false;
	}
	a->n_sealed++;
	agent_identity_on_sealed(a, &pair, &header);
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
	int64_t real_ms = clock_real_ms();
	struct identity_pair pair = identity_pair_at(a->identity, real_ms);

	if (!certificate_is_valid_at(pair.facts, real_ms)) {
		static struct log_limit limit = { .burst = 1, .period_ms = 3600 * 1000 };

		/* The key stays: a clock that is set right makes it good again. */
		if (log_limit_pass(&limit, now_ms))
			log_err("identity",
			    "the signing certificate is not valid at %s of this "
			    "machine's clock: findings wait; set the clock, or if it is "
			    "right: molehunt enroll --force URL TOKEN",
			    real_ms < pair.facts->not_before_ms ? "the (early) time"
								: "the (late) time");
		return;
	}
	(void)seal_one(a);
	agent_delivery_count(a, now_ms);
}

/* Hand one sealed report to the courier. False: none is there, or it is no use now. */
static bool
send_one(struct agent *a)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	MH_CLEANUP(fd_closep) int fd = -1;
	struct spool_report report;
	struct delivery_report note;

	mh_err err =
	    spool_next_report(a->spool, a->last_sent_id, clock_real_ms(), &report);
	if (note_damage(a, err) != MH_OK)
		return false;
	memset(&note, 0, sizeof(note));
	copy_text(note.key.epoch, sizeof(note.key.epoch), report.epoch);
	note.key.sequence = report.sequence;
	memcpy(note.digest, report.digest, sizeof(note.digest));
	delivery_report_put(&note, b);
	err = fd_from_bytes("report", report.der, report.len, &fd);
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

/*
 * Also one for who we were when the report went out: to refuse it would have the report
 * refused and its findings sent again.
 */
static bool
is_for_us(const struct agent *a, const struct receipt *receipt)
{
	return strcmp(receipt->agent, a->identity->agent) == 0 ||
	       (a->agent_before[0] != 0 && strcmp(receipt->agent, a->agent_before) == 0);
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
	if (err == MH_OK && !is_for_us(a, &receipt)) {
		err = MH_ERR_SIGNATURE;
		why = "it is another agent's";
	}
	if (err != MH_OK) {
		log_err_r(err, "receipt", "refused, the report is kept: %s", why);
		keep_report(a, &note, why);
		return;
	}
	/* Removes the report only if epoch, sequence and hash are all its own. */
	err = note_damage(a, spool_receipt(a->spool, &receipt, note.der, note.len));
	if (err == MH_OK) {
		log_info("receipt", "report %llu is safe",
		    (unsigned long long)receipt.sequence);
		a->n_receipts++;
		a->receipt_ms = clock_real_ms();
		agent_identity_on_receipt(a, &receipt);
	} else if (err == MH_ERR_NOTFOUND)
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
	a->n_refused++;
	if (agent_refused_mend(a, &note))
		return;
	MH_CLEANUP(freep)
	char *why = xasprintf("%u %s: %s", (unsigned)note.status, note.code, note.detail);
	log_warn("delivery", "the collector does not take report %llu: %s; it is kept",
	    (unsigned long long)note.key.sequence, why);
	mh_ignore(spool_refused(a->spool, note.key.epoch, note.key.sequence, why,
	    clock_real_ms() + REFUSED_RETRY_MS));
}

static bool
is_well(const struct delivery_link *link)
{
	return link->state == LINK_UP || link->state == LINK_IDLE;
}

static void
on_link(struct agent *a, const struct message *m)
{
	struct delivery_link note;
	bool was_well = a->knows_link && is_well(&a->link);

	if (delivery_link_parse(m->data, m->len, &note) != MH_OK)
		return;
	/* Connections that come and go as they should are no news. */
	if (is_well(&note) && !was_well)
		log_notice("delivery", "connected: %s", note.sentence);
	else if (!is_well(&note) && strcmp(note.sentence, a->link.sentence) != 0)
		log_warn("delivery", "%s", note.sentence);
	a->link = note;
	a->knows_link = true;
}

static void
lose_courier(struct agent *a)
{
	if (a->courier_event != NULL)
		event_free(a->courier_event);
	a->courier_event = NULL;
	channel_free(a->courier);
	a->courier = NULL;
	agent_identity_on_courier_lost(a);
	buf_reset(a->settings);
	a->settings_look_ms = 0;
	a->n_sent = 0;
	a->last_sent_id = 0;
	a->courier_retry_ms = clock_monotonic_ms() + COURIER_RESTART_MS;
}

/* Somebody asks for the numbers. */
static void
on_measure(struct agent *a)
{
	MH_CLEANUP(buf_freep)
	struct buf *b = buf_new(message_table[MSG_METRICS].max_bytes);

	agent_metrics_put(a, b);
	if (channel_can_send(a->courier))
		mh_ignore(channel_send(a->courier, MSG_METRICS, buf_data(b), buf_len(b),
		    NULL, 0));
}

/* What is no answer to a report; false: it is one. */
static bool
on_other(struct agent *a, const struct message *m)
{
	if (m->type == MSG_LINK)
		on_link(a, m);
	else if (m->type == MSG_RENEWED)
		agent_identity_on_renewed(a, m);
	else if (m->type == MSG_MEASURE)
		on_measure(a);
	else
		return false;
	return true;
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
		if (on_other(a, &m))
			continue;
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

/* The proxy's password, out of a file that nobody else can read. */
static void
read_password(struct agent *a, struct delivery_settings *m)
{
	const char *path = a->config.delivery_proxy_password_file;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(sizeof(m->proxy_password));
	struct stat st;
	mh_err err;

	free(a->settings_trouble);
	a->settings_trouble = NULL;
	if (path[0] == 0)
		return;
	err = file_read(path, b);
	if (err != MH_OK)
		a->settings_trouble = xasprintf("%s: %s", path,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	else if (stat(path, &st) < 0 || (st.st_mode & 077) != 0)
		a->settings_trouble =
		    xasprintf("%s may be read by others than its owner: chmod 600", path);
	else
		(void)snprintf(m->proxy_password, sizeof(m->proxy_password), "%.*s",
		    (int)strcspn(buf_string(b), "\r\n"), buf_string(b));
	explicit_bzero((void *)(uintptr_t)buf_data(b), buf_len(b));
}

static void
copy_list(const struct setting_strings *list, char *to, size_t each, size_t most,
    size_t *ret_n)
{
	for (*ret_n = 0; *ret_n < list->n && *ret_n < most; (*ret_n)++)
		copy_text(to + *ret_n * each, each, list->items[*ret_n]);
}

/* Tell the courier how to deliver, when it does not know. */
static void
send_settings(struct agent *a, int64_t now_ms)
{
	MH_CLEANUP(freep) struct delivery_settings *m = NULL;
	MH_CLEANUP(buf_freep)
	struct buf *b = NULL;

	if (now_ms < a->settings_look_ms || !channel_can_send(a->courier))
		return;
	a->settings_look_ms = now_ms + SETTINGS_LOOK_MS;
	m = xcalloc(1, sizeof(*m));
	b = buf_new(message_table[MSG_SETTINGS].max_bytes);
	copy_list(&a->config.delivery_collectors, m->collectors[0],
	    sizeof(m->collectors[0]), DELIVERY_COLLECTORS_MAX, &m->n_collectors);
	copy_list(&a->config.delivery_no_proxy, m->no_proxy[0], sizeof(m->no_proxy[0]),
	    DELIVERY_NO_PROXY_MAX, &m->n_no_proxy);
	copy_text(m->proxy, sizeof(m->proxy), a->config.delivery_proxy);
	m->return_ms = (uint32_t)a->config.delivery_return_ms;
	m->replay_rate = (uint32_t)a->config.delivery_replay_rate;
	copy_text(m->metrics_listen, sizeof(m->metrics_listen), a->config.metrics_listen);
	read_password(a, m);
	delivery_settings_put(m, b);
	explicit_bzero(m->proxy_password, sizeof(m->proxy_password));
	if (buf_len(b) == buf_len(a->settings) &&
	    memcmp(buf_data(b), buf_data(a->settings), buf_len(b)) == 0)
		return;
	if (channel_send(a->courier, MSG_SETTINGS, buf_data(b), buf_len(b), NULL, 0) !=
	    MH_OK)
		return;
	buf_reset(a->settings);
	buf_put(a->settings, buf_data(b), buf_len(b));
}

void
agent_delivery_reload(struct agent *a)
{
	buf_reset(a->settings);
	a->settings_look_ms = 0;
}

void
agent_delivery_tick(struct agent *a, int64_t now_ms)
{
	if (a->settings == NULL)
		a->settings = buf_new(message_table[MSG_SETTINGS].max_bytes);
	agent_identity_tick(a, now_ms);
	if (a->identity == NULL)
		return;
	mend_spool(a, now_ms);
	seal_what_is_due(a, now_ms);
	if (a->is_stopping)
		return;
	start_courier(a, now_ms);
	if (a->courier != NULL) {
		mh_ignore(channel_flush(a->courier));
		send_settings(a, now_ms);
	}
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
	if (a->settings == NULL)
		return;
	/* It may hold a proxy's password. */
	explicit_bzero((void *)(uintptr_t)buf_data(a->settings), buf_len(a->settings));
	lose_courier(a);
	buf_free(a->settings);
	free(a->settings_trouble);
	a->settings = NULL;
	a->settings_trouble = NULL;
}

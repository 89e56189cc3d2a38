/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve.
 * Input: hostile (reports, though from a known agent: it may be taken over).
 */
#include "collector/ingest.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "collector/connections.h"
#include "collector/reply.h"
#include "transport/receipt.h"

static const char receipt_type[] = "application/pkcs7-mime; smime-type=signed-data";
static const char busy_detail[] = "the collector cannot store reports at the moment";

/* One request whose reply waits for the commit. */
struct waiting {
	struct evhttp_request *req;
	uint8_t *receipt; /* owned; NULL: the reply is the error below */
	size_t receipt_len;
};

struct ingest {
	struct event_base *base;
	const struct config *config;
	struct store *st;
	struct ingest_keys keys;
	struct event *commit_timer;
	struct waiting *waiting; /* config->commit_reports of them */
	size_t n_waiting;
	struct log_limit trouble_limit;
};

/* Status of a code of docs/PROTOCOL.md; everything else is 400. */
static int
status_of(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} rows[] = {
		{ "certificate", 403 },
		{ "wrong-agent", 403 },
		{ "revoked", 403 },
		{ "fork", 409 },
		{ "too-big", 413 },
		{ "busy", 503 },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].code, code) == 0)
			return rows[i].status;
	}
	return 400;
}

static void
answer_error(struct evhttp_request *req, const char *code, const char *detail)
{
	connections_on_reply(req);
	reply_error(req, status_of(code), code, detail);
}

static void
answer_all(struct ingest *in, bool is_durable)
{
	for (size_t i = 0; i < in->n_waiting; i++) {
		struct waiting *w = &in->waiting[i];

		if (is_durable) {
			connections_on_reply(w->req);
			reply_bytes(w->req, receipt_type, w->receipt, w->receipt_len);
		} else {
			answer_error(w->req, "busy", busy_detail);
		}
		free(w->receipt);
	}
	in->n_waiting = 0;
}

static void
log_trouble(struct ingest *in, mh_err err)
{
	if (log_limit_pass(&in->trouble_limit, clock_monotonic_ms()))
		log_err_r(err, "ingest",
		    "reports are not stored (%s); agents keep them and come back",
		    store_why(in->st));
}

void
ingest_flush(struct ingest *in)
{
	bool was_open = store_is_in_transaction(in->st);
	mh_err err = MH_OK;

	(void)evtimer_del(in->commit_timer);
	if (was_open) {
		err = store_commit(in->st);
		if (err != MH_OK)
			log_trouble(in, err);
	}
	answer_all(in, was_open && err == MH_OK);
}

static void
on_commit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ingest_flush(arg);
}

struct ingest *
ingest_new(struct event_base *base, const struct config *config, struct store *st,
    const struct ingest_keys *keys)
{
	struct ingest *in = xcalloc(1, sizeof(*in));

	in->base = base;
	in->config = config;
	in->st = st;
	in->keys = *keys;
	in->commit_timer = evtimer_new(base, on_commit, in);
	in->waiting = xcalloc((size_t)config->commit_reports, sizeof(*in->waiting));
	in->trouble_limit = (struct log_limit){ .burst = 1, .period_ms = 10000 };
	return in;
}

void
ingest_free(struct ingest *in)
{
	if (in == NULL)
		return;
	ingest_flush(in);
	event_free(in->commit_timer);
	free(in->waiting);
	free(in);
}

/* Open the transaction that the next reports share. */
static mh_err
open_batch(struct ingest *in)
{
	struct timeval delay = { (time_t)(in->config->commit_delay_ms / 1000),
		(suseconds_t)(in->config->commit_delay_ms % 1000 * 1000) };
	mh_err err = MH_OK;

	if (store_is_in_transaction(in->st))
		return MH_OK;
	err = store_begin(in->st);
	if (err == MH_OK)
		(void)evtimer_add(in->commit_timer, &delay);
	return err;
}

/* The reply to req is this receipt, once all of the batch is durable. */
static void
wait_for_commit(struct ingest *in, struct evhttp_request *req, uint8_t *receipt,
    size_t len)
{
	in->waiting[in->n_waiting++] = (struct waiting){ req, receipt, len };
	if (in->n_waiting == in->config->commit_reports)
		ingest_flush(in);
}

static mh_err
seal_receipt(struct ingest *in, const struct report *report, int64_t now_ms,
    uint8_t **ret, size_t *ret_len)
{
	struct receipt receipt = { .sequence = report->header.sequence,
		.received_ms = now_ms };

	memcpy(receipt.agent, report->header.agent, UUID_TEXT_LEN);
	memcpy(receipt.epoch, report->header.epoch, UUID_TEXT_LEN);
	memcpy(receipt.digest, report->digest, DIGEST_BYTES);
	return receipt_seal(in->keys.receipt_key, in->keys.receipt_cert, &receipt, ret,
	    ret_len);
}

/* A report of a key that is new. */
static mh_err
put(struct ingest *in, const struct report *report, const uint8_t *der, size_t len,
    uint8_t **ret, size_t *ret_len)
{
	struct stored_report r = { .report = report,
		.der = der,
		.der_len = len,
		.received_ms = clock_real_ms() };
	MH_CLEANUP(freep) uint8_t *receipt = NULL;
	MH_CLEANUP(report_index_freep) struct report_index *index = NULL;
	mh_err err = seal_receipt(in, report, r.received_ms, &receipt, &r.receipt_len);

	r.receipt = receipt;
	if (err == MH_OK)
		err = report_index_new(report, &index);
	r.index = index;
	if (err == MH_OK)
		err = store_report_put(in->st, &r);
	if (err != MH_OK)
		return err;
	*ret_len = r.receipt_len;
	*ret = MH_TAKE(receipt);
	return MH_OK;
}

/* Store the report or find it stored; *ret_fork: with other bytes. */
static mh_err
store_once(struct ingest *in, const struct report *report, const uint8_t *der, size_t len,
    struct waiting *ret, bool *ret_fork)
{
	struct report_key key = { report->header.agent, report->header.epoch,
		report->header.sequence };
	MH_CLEANUP(buf_freep) struct buf *receipt = buf_new(RECEIPT_MAX);
	uint8_t digest[DIGEST_BYTES];
	bool found = false;
	mh_err err = open_batch(in);

	if (err == MH_OK)
		err = store_report_find(in->st, &key, &found, digest, receipt);
	if (err != MH_OK)
		return err;
	if (!found)
		return put(in, report, der, len, &ret->receipt, &ret->receipt_len);
	*ret_fork = memcmp(digest, report->digest, DIGEST_BYTES) != 0;
	if (*ret_fork)
		return store_report_conflict(in->st, report, clock_real_ms());
	ret->receipt = buf_take(receipt, &ret->receipt_len);
	return MH_OK;
}

static void
accept_report(struct ingest *in, struct evhttp_request *req, const struct report *report,
    const uint8_t *der, size_t len)
{
	struct waiting w = { .req = req };
	bool is_fork = false;
	mh_err err = store_once(in, report, der, len, &w, &is_fork);

	if (err == MH_OK && !is_fork) {
		wait_for_commit(in, req, w.receipt, w.receipt_len);
		return;
	}
	if (is_fork && err == MH_OK) {
		log_warn("ingest",
		    "agent %s: report %llu of epoch %s came with other bytes (fork)",
		    report->header.agent, (unsigned long long)report->header.sequence,
		    report->header.epoch);
		answer_error(req, "fork", "this sequence is stored with other bytes");
		return;
	}
	log_trouble(in, err);
	answer_error(req, "busy", busy_detail);
	/* A full disk may have cost those before it, too: SQLite rolled all back. */
	if (in->n_waiting > 0 && !store_is_in_transaction(in->st))
		ingest_flush(in);
}

void
ingest_on_report(struct ingest *in, struct evhttp_request *req, const char *agent)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	const uint8_t *der = evbuffer_pullup(body, -1);
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal = { .code = "bad-envelope",
		.detail = "the body is empty" };
	mh_err err = MH_ERR_FORMAT;

	if (len > 0 && der != NULL)
		err = report_open(der, len, in->keys.ca, clock_real_ms(), &report,
		    &refusal);
	if (err != MH_OK)
		answer_error(req, refusal.code, refusal.detail);
	else if (strcmp(report->header.agent, agent) != 0)
		answer_error(req, "wrong-agent",
		    "the report is of another agent than the connection");
	else
		accept_report(in, req, report, der, len);
}

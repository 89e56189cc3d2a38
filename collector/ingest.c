/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve, event loops and verifying threads.
 * Input: hostile (reports, though from a known agent: it may be taken over).
 */
#include "collector/ingest.h"

#include <event2/buffer.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "collector/connections.h"
#include "collector/reply.h"
#include "transport/receipt.h"

/* Certificates that are remembered, about 3 KB each: agents are mostly those of before. */
enum { SIGNERS_MAX = 32 * 1024 };

/* Seconds until a queue that was full has surely moved: it holds some seconds of work. */
enum { QUEUE_RETRY_S = 5 };

static const char receipt_type[] = "application/pkcs7-mime; smime-type=signed-data";

struct ingest {
	const struct config *config;
	struct ingest_keys keys;
	struct writer *writer;
	struct rate *rate;
	struct metrics *metrics;
	struct signers *signers;
	struct queue *queue; /* of deliveries that are not verified yet */
	pthread_t *threads;
	size_t n_threads;
	_Atomic bool hurry;
};

struct ingest *
ingest_new(const struct config *config, const struct ingest_keys *keys,
    struct writer *writer, struct rate *rate, struct metrics *metrics)
{
	struct ingest *in = xcalloc(1, sizeof(*in));

	in->config = config;
	in->keys = *keys;
	in->writer = writer;
	in->rate = rate;
	in->metrics = metrics;
	in->signers = signers_new(keys->ca, SIGNERS_MAX);
	in->queue = queue_new((size_t)config->queue_reports, (size_t)config->queue_bytes);
	return in;
}

void
ingest_free(struct ingest *in)
{
	if (in == NULL)
		return;
	queue_free(in->queue);
	signers_free(in->signers);
	free(in->threads);
	free(in);
}

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
delivery_free(struct delivery *d)
{
	report_index_free(d->index);
	report_free(d->report);
	free(d->der);
	free(d->receipt);
	free(d);
}

/* Back in the loop of the request, whose connection may be gone meanwhile. */
static void
on_home(struct mail *mail)
{
	struct delivery *d = (struct delivery *)(void *)mail;

	(*d->n_under_way)--;
	connections_on_reply(d->req);
	if (d->answer.code == NULL) {
		metrics_time(d->metrics, TIMES_ANSWER,
		    metrics_clock_us() - d->arrived_us);
		reply_bytes(d->req, receipt_type, d->receipt, d->receipt_len);
	} else {
		reply_error(d->req, status_of(d->answer.code), d->answer.code,
		    d->answer.detail);
	}
	delivery_free(d);
}

static mh_err
refuse(struct delivery *d, const char *code, const char *detail)
{
	d->answer.code = code;
	(void)snprintf(d->answer.detail, sizeof(d->answer.detail), "%s", detail);
	return MH_ERR_INVALID;
}

static mh_err
open_report(struct ingest *in, struct delivery *d)
{
	struct refusal why = { .code = "bad-envelope", .detail = "" };
	const struct report_trust trust = { in->keys.anchors, in->signers };
	mh_err err = report_open_trusting(d->der, d->len, &trust, clock_real_ms(),
	    &d->report, &why);

	if (err != MH_OK) {
		d->answer = why;
		return err;
	}
	if (strcmp(d->report->header.agent, d->agent) != 0)
		return refuse(d, "wrong-agent",
		    "the report is of another agent than the connection");
	/* Here, so that the one writer parses nothing. */
	err = report_index_new(d->report, &d->index);
	if (err != MH_OK)
		return refuse(d, "bad-content", "the findings cannot be read");
	return MH_OK;
}

static mh_err
seal_receipt(struct ingest *in, struct delivery *d)
{
	const struct report *report = d->report;
	struct receipt receipt = { .sequence = report->header.sequence };

	d->received_ms = clock_real_ms();
	receipt.received_ms = d->received_ms;
	memcpy(receipt.agent, report->header.agent, UUID_TEXT_LEN);
	memcpy(receipt.epoch, report->header.epoch, UUID_TEXT_LEN);
	memcpy(receipt.digest, report->digest, DIGEST_BYTES);
	return receipt_seal(in->keys.receipt_key, in->keys.receipt_cert, &receipt,
	    &d->receipt, &d->receipt_len);
}

static mh_err
verify(struct ingest *in, struct delivery *d)
{
	int64_t start_us = metrics_clock_us();
	mh_err err = open_report(in, d);

	if (err != MH_OK) {
		metrics_add(in->metrics, METRIC_REPORTS_REFUSED, 1);
		return err;
	}
	/* Here, so that the one writer does not sign for all. */
	err = seal_receipt(in, d);
	if (err != MH_OK) {
		log_err_r(err, "ingest", "receipt for agent %s", d->agent);
		metrics_add(in->metrics, METRIC_REPORTS_NOT_STORED, 1);
		return refuse(d, "busy", "the collector cannot sign at the moment");
	}
	metrics_time(in->metrics, TIMES_VERIFY, metrics_clock_us() - start_us);
	return MH_OK;
}

static struct delivery *
delivery_of(struct queue_item *item)
{
	return (struct delivery *)(void *)((char *)item -
					   offsetof(struct delivery, work.item));
}

static void *
run(void *arg)
{
	struct ingest *in = arg;
	struct queue_item *item = NULL;

	while ((item = queue_take(in->queue, QUEUE_FOR_EVER)) != NULL) {
		struct delivery *d = delivery_of(item);
		mh_err err = atomic_load(&in->hurry)
				 ? refuse(d, "busy", "the collector is being stopped")
				 : verify(in, d);

		if (err == MH_OK)
			writer_put(in->writer, d);
		else
			mailbox_post(d->work.home, &d->work.mail);
	}
	OPENSSL_thread_stop();
	return NULL;
}

mh_err
ingest_start(struct ingest *in, size_t n_threads)
{
	in->threads = xcalloc(n_threads, sizeof(pthread_t));
	for (size_t i = 0; i < n_threads; i++) {
		if (pthread_create(&in->threads[i], NULL, run, in) != 0)
			return MH_ERR_SYSTEM;
		(void)pthread_setname_np(in->threads[i], "verifier");
		in->n_threads++;
	}
	return MH_OK;
}

void
ingest_hurry(struct ingest *in)
{
	atomic_store(&in->hurry, true);
}

void
ingest_stop(struct ingest *in)
{
	if (in == NULL)
		return;
	queue_close(in->queue);
	for (size_t i = 0; i < in->n_threads; i++)
		(void)pthread_join(in->threads[i], NULL);
	in->n_threads = 0;
}

static void
refuse_now(struct evhttp_request *req, int status, const char *code, const char *detail)
{
	connections_on_reply(req);
	reply_error(req, status, code, detail);
}

static struct delivery *
delivery_new(struct ingest *in, struct evhttp_request *req, const char *agent,
    struct mailbox *home, unsigned *n_under_way)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	struct delivery *d = xcalloc(1, sizeof(*d));

	d->metrics = in->metrics;
	d->work.mail.deliver = on_home;
	d->work.home = home;
	d->req = req;
	d->n_under_way = n_under_way;
	memcpy(d->agent, agent, UUID_TEXT_LEN);
	d->len = evbuffer_get_length(body);
	d->der = xcalloc(1, d->len);
	(void)evbuffer_remove(body, d->der, d->len);
	d->arrived_us = metrics_clock_us();
	return d;
}

void
ingest_on_report(struct ingest *in, struct evhttp_request *req, const char *agent,
    struct mailbox *home, unsigned *n_under_way)
{
	size_t len = evbuffer_get_length(evhttp_request_get_input_buffer(req));
	struct delivery *d = NULL;
	unsigned wait_s = 0;

	if (len == 0) {
		metrics_add(in->metrics, METRIC_REPORTS_REFUSED, 1);
		refuse_now(req, 400, "bad-envelope", "the body is empty");
		return;
	}
	wait_s = rate_take(in->rate, agent, len, clock_monotonic_ms());
	if (wait_s > 0) {
		metrics_add(in->metrics, METRIC_REPORTS_RATE_LIMITED, 1);
		connections_on_reply(req);
		reply_busy(req, 429, wait_s,
		    "this agent sends more than limits.agent_reports or "
		    "limits.agent_bytes allow");
		return;
	}
	d = delivery_new(in, req, agent, home, n_under_way);
	(*n_under_way)++;
	if (queue_offer(in->queue, &d->work.item, len))
		return;
	(*n_under_way)--;
	delivery_free(d);
	metrics_add(in->metrics, METRIC_REPORTS_QUEUE_FULL, 1);
	connections_on_reply(req);
	reply_busy(req, 429, QUEUE_RETRY_S, "the collector has too much to do");
}

void
ingest_depth(struct ingest *in, size_t *ret_reports, size_t *ret_bytes)
{
	queue_depth(in->queue, ret_reports, ret_bytes);
}

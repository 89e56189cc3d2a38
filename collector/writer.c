/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve, a thread of its own.
 * Input: reports that were verified.
 */
#include "collector/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static const char busy_detail[] = "the collector cannot store reports at the moment";

enum {
	/* What waits verified is unpacked: reports are bounded by their text. */
	WAITING_MAX = 1000,
	WAITING_BYTES_MAX = 64 * 1024 * 1024,
};

struct writer {
	const struct config *config;
	struct store *st;
	struct metrics *metrics;
	struct queue *queue;
	pthread_t thread;
	bool is_running;
	struct delivery **batch; /* config->commit_reports of them: wait for the commit */
	size_t n_batch;
	int64_t commit_us; /* when the open transaction is to be committed */
	struct log_limit trouble_limit;
};

struct writer *
writer_new(const struct config *config, struct store *st, struct metrics *metrics)
{
	struct writer *w = xcalloc(1, sizeof(*w));

	w->config = config;
	w->st = st;
	w->metrics = metrics;
	w->queue = queue_new(WAITING_MAX, WAITING_BYTES_MAX);
	w->batch = xcalloc((size_t)config->commit_reports, sizeof(struct delivery *));
	w->trouble_limit = (struct log_limit){ .burst = 1, .period_ms = 10000 };
	return w;
}

void
writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	queue_free(w->queue);
	free(w->batch);
	free(w);
}

static void
send_home(struct work *work)
{
	mailbox_post(work->home, &work->mail);
}

static void
refuse(struct delivery *d, const char *code, const char *detail)
{
	d->answer.code = code;
	(void)strncpy(d->answer.detail, detail, sizeof(d->answer.detail) - 1);
	send_home(&d->work);
}

static void
log_trouble(struct writer *w, mh_err err)
{
	if (log_limit_pass(&w->trouble_limit, clock_monotonic_ms()))
		log_err_r(err, "ingest",
		    "reports are not stored (%s); agents keep them and come back",
		    store_why(w->st));
}

static void
count_stored(struct writer *w, const struct delivery *d)
{
	if (d->report == NULL)
		return; /* a duplicate */
	metrics_add(w->metrics, METRIC_REPORTS_STORED, 1);
	metrics_add(w->metrics, METRIC_FINDINGS, d->report->header.n_findings);
	metrics_add(w->metrics, METRIC_COVERAGE, d->report->header.n_coverage);
	metrics_add(w->metrics, METRIC_REPORT_BYTES, d->len);
}

static void
answer_batch(struct writer *w, bool is_durable)
{
	for (size_t i = 0; i < w->n_batch; i++) {
		struct delivery *d = w->batch[i];

		if (is_durable) {
			count_stored(w, d);
			send_home(&d->work);
		} else {
			metrics_add(w->metrics, METRIC_REPORTS_NOT_STORED, 1);
			refuse(d, "busy", busy_detail);
		}
	}
	w->n_batch = 0;
}

/* Make the open transaction durable and answer who waits for it. */
static void
flush(struct writer *w)
{
	bool was_open = store_is_in_transaction(w->st);
	int64_t start_us = metrics_clock_us();
	mh_err err = MH_OK;

	if (was_open) {
		err = store_commit(w->st);
		if (err != MH_OK)
			log_trouble(w, err);
	}
	if (was_open && err == MH_OK) {
		metrics_time(w->metrics, TIMES_COMMIT, metrics_clock_us() - start_us);
		metrics_add(w->metrics, METRIC_COMMITS, 1);
	}
	answer_batch(w, was_open && err == MH_OK);
}

/* Open the transaction that the next reports share. */
static mh_err
open_batch(struct writer *w)
{
	mh_err err = MH_OK;

	if (store_is_in_transaction(w->st))
		return MH_OK;
	err = store_begin(w->st);
	if (err == MH_OK)
		w->commit_us =
		    metrics_clock_us() + (int64_t)w->config->commit_delay_ms * 1000;
	return err;
}

/* A report of a key that is new. */
static mh_err
put(struct writer *w, const struct delivery *d)
{
	struct stored_report r = { .report = d->report,
		.index = d->index,
		.der = d->der,
		.der_len = d->len,
		.receipt = d->receipt,
		.receipt_len = d->receipt_len,
		.received_ms = d->received_ms };

	return store_report_put(w->st, &r);
}

/* It is stored already: the answer is the first receipt. */
static void
use_first_receipt(struct delivery *d, struct buf *receipt)
{
	free(d->receipt);
	d->receipt = buf_take(receipt, &d->receipt_len);
	report_index_free(d->index);
	d->index = NULL;
	report_free(d->report);
	d->report = NULL;
}

/* Store the report or find it stored; *ret_fork: with other bytes. */
static mh_err
store_once(struct writer *w, struct delivery *d, bool *ret_fork)
{
	const struct report_header *h = &d->report->header;
	struct report_key key = { h->agent, h->epoch, h->sequence };
	MH_CLEANUP(buf_freep) struct buf *receipt = buf_new(RECEIPT_MAX);
	uint8_t digest[DIGEST_BYTES];
	bool found = false;
	mh_err err = open_batch(w);

	if (err == MH_OK)
		err = store_report_find(w->st, &key, &found, digest, receipt);
	if (err != MH_OK)
		return err;
	if (!found)
		return put(w, d);
	*ret_fork = memcmp(digest, d->report->digest, DIGEST_BYTES) != 0;
	if (*ret_fork)
		return store_report_conflict(w->st, d->report, d->received_ms);
	metrics_add(w->metrics, METRIC_REPORTS_DUPLICATE, 1);
	use_first_receipt(d, receipt);
	return MH_OK;
}

static void
refuse_fork(struct writer *w, struct delivery *d)
{
	const struct report_header *h = &d->report->header;

	metrics_add(w->metrics, METRIC_REPORTS_FORK, 1);
	log_warn("ingest",
	    "agent %s: report %llu of epoch %s came with other bytes (fork)", h->agent,
	    (unsigned long long)h->sequence, h->epoch);
	refuse(d, "fork", "this sequence is stored with other bytes");
}

static void
on_report(struct writer *w, struct delivery *d)
{
	bool is_fork = false;
	mh_err err = store_once(w, d, &is_fork);

	if (err == MH_OK && is_fork) {
		refuse_fork(w, d);
	} else if (err == MH_OK) {
		w->batch[w->n_batch++] = d;
	} else {
		log_trouble(w, err);
		metrics_add(w->metrics, METRIC_REPORTS_NOT_STORED, 1);
		refuse(d, "busy", busy_detail);
	}
	/* A full disk may have cost those before it, too: SQLite rolled all back. */
	if (w->n_batch == w->config->commit_reports ||
	    (w->n_batch > 0 && !store_is_in_transaction(w->st)))
		flush(w);
}

static void
on_work(struct writer *w, struct work *work)
{
	if (work->run == NULL) {
		on_report(w, (struct delivery *)work);
		return;
	}
	/* Its own transaction: what waits in the batch must not undo it. */
	flush(w);
	work->run(work, w->st);
	send_home(work);
}

static struct work *
work_of(struct queue_item *item)
{
	return (struct work *)(void *)((char *)item - offsetof(struct work, item));
}

/*
 * The next item for the open transaction, or NULL when it is to be committed.
 * While there is time, waiting is for many at once: nothing is answered before
 * the commit, so to wake for each would only cost.
 */
static struct queue_item *
take_for_batch(struct writer *w)
{
	struct queue_item *item = queue_take(w->queue, 0);
	int64_t left_us = w->commit_us - metrics_clock_us();

	if (item != NULL || left_us <= 0)
		return item;
	queue_await(w->queue, (size_t)w->config->commit_reports - w->n_batch, left_us);
	return queue_take(w->queue, 0);
}

static void *
run(void *arg)
{
	struct writer *w = arg;
	bool is_over = false;

	while (!is_over) {
		bool is_open = store_is_in_transaction(w->st);
		struct queue_item *item =
		    is_open ? take_for_batch(w) : queue_take(w->queue, QUEUE_FOR_EVER);

		if (item != NULL)
			on_work(w, work_of(item));
		else if (is_open)
			flush(w); /* nobody else came in time */
		else
			is_over = true; /* closed, and all is done */
	}
	return NULL;
}

mh_err
writer_start(struct writer *w)
{
	w->is_running = pthread_create(&w->thread, NULL, run, w) == 0;
	if (w->is_running)
		(void)pthread_setname_np(w->thread, "writer");
	return w->is_running ? MH_OK : MH_ERR_SYSTEM;
}

void
writer_stop(struct writer *w)
{
	if (w == NULL || !w->is_running)
		return;
	queue_close(w->queue);
	(void)pthread_join(w->thread, NULL);
	w->is_running = false;
}

void
writer_put(struct writer *w, struct delivery *d)
{
	queue_put(w->queue, &d->work.item, buf_len(d->report->text) + d->len);
}

void
writer_call(struct writer *w, struct work *call)
{
	queue_push(w->queue, &call->item, 0);
}

void
writer_depth(struct writer *w, size_t *ret_reports, size_t *ret_bytes)
{
	queue_depth(w->queue, ret_reports, ret_bytes);
}

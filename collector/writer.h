/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_WRITER_H
#define MH_COLLECTOR_WRITER_H

#include <event2/http.h>

#include "collector/config.h"
#include "collector/mailbox.h"
#include "collector/metrics.h"
#include "collector/queue.h"
#include "collector/store.h"

/*
 * The thread that owns the store's connection: nothing else in the process
 * reads or writes the database while it runs.
 *
 * Reports share a transaction, and with it one fdatasync(2).  It is committed
 * when it has store.commit_reports, or store.commit_delay after its first
 * report once no more wait.  No receipt leaves before its transaction is
 * durable.  What else is to be done with the store is a call, which is run
 * between two transactions.
 */
struct work {
	struct mail mail; /* to bring the result home; the first member */
	struct queue_item item;
	struct mailbox *home;
	/* A call: do it, in the writer's thread.  NULL: it is a report. */
	void (*run)(struct work *work, struct store *st);
};

/* A report between its request and its answer. */
struct delivery {
	struct work work;           /* the first member */
	struct evhttp_request *req; /* for the thread of its loop only */
	unsigned *n_under_way;      /* of its loop */
	struct metrics *metrics;
	char agent[UUID_TEXT_LEN]; /* the connection's */
	uint8_t *der;              /* owned */
	size_t len;
	struct report *report;      /* owned; NULL until it is verified */
	struct report_index *index; /* owned; of report */
	uint8_t *receipt;           /* owned */
	size_t receipt_len;
	int64_t received_ms;   /* real time, as in the receipt */
	int64_t arrived_us;    /* metrics_clock_us() */
	struct refusal answer; /* code NULL: the receipt is the answer */
};

struct writer;

/* All are borrowed for its life.  writer_stop() comes before writer_free(). */
struct writer *writer_new(const struct config *config, struct store *st,
    struct metrics *metrics);
void writer_free(struct writer *w);

/* Errors: MH_ERR_SYSTEM. */
mh_err writer_start(struct writer *w) MH_CHECKED;

/* Do what waits, make it durable, end the thread. */
void writer_stop(struct writer *w);

/*
 * Store a verified report with its receipt, or find it stored; then the
 * delivery is posted home.  Waits while too much waits already.
 */
void writer_put(struct writer *w, struct delivery *d);

/* Run a call and post it home; never waits. */
void writer_call(struct writer *w, struct work *call);

/* What waits, for metrics. */
void writer_depth(struct writer *w, size_t *ret_reports, size_t *ret_bytes);

#endif

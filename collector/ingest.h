/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_INGEST_H
#define MH_COLLECTOR_INGEST_H

#include <event2/http.h>
#include <openssl/x509.h>

#include "collector/config.h"
#include "collector/metrics.h"
#include "collector/rate.h"
#include "collector/writer.h"

/*
 * POST /v1/reports: verify, store, receipt (docs/PROTOCOL.md, "Delivery").
 *
 * A report goes from its event loop to a thread that verifies it and signs the
 * receipt, from there to the writer, and home to its loop for the answer.  What
 * waits to be verified is bounded by queue.reports and queue.size: beyond that,
 * and beyond its own rate, an agent is told to come back later.
 */
struct ingest;

/* Who signs receipts, and whom to trust; all borrowed for the life of the ingest. */
struct ingest_keys {
	X509 *ca;
	X509_STORE *anchors;
	EVP_PKEY *receipt_key;
	X509 *receipt_cert;
};

/* All are borrowed.  ingest_stop() comes before ingest_free(). */
struct ingest *ingest_new(const struct config *config, const struct ingest_keys *keys,
    struct writer *writer, struct rate *rate, struct metrics *metrics);
void ingest_free(struct ingest *in);

/* Start so many threads.  Errors: MH_ERR_SYSTEM. */
mh_err ingest_start(struct ingest *in, size_t n_threads) MH_CHECKED;

/* From now on answer "busy" to what waits, so that stopping takes bounded time. */
void ingest_hurry(struct ingest *in);

/* Hand what waits to the writer, then end the threads. */
void ingest_stop(struct ingest *in);

/*
 * Answer the request, now or when the report is durable, by mail to home, the
 * mailbox of the calling loop.  agent is the connection's; *n_under_way counts
 * the requests of the loop that wait for such mail.
 */
void ingest_on_report(struct ingest *in, struct evhttp_request *req, const char *agent,
    struct mailbox *home, unsigned *n_under_way);

/* What waits to be verified, for metrics. */
void ingest_depth(struct ingest *in, size_t *ret_reports, size_t *ret_bytes);

#endif

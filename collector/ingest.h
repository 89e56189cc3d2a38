/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_INGEST_H
#define MH_COLLECTOR_INGEST_H

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/x509.h>

#include "collector/config.h"
#include "collector/store.h"

/*
 * POST /v1/reports: verify, store, receipt (docs/PROTOCOL.md, "Delivery").
 *
 * Many requests share one transaction, and with it one fdatasync(2): it is
 * committed store.commit_delay after its first report, or when it has
 * store.commit_reports.  No reply leaves before its transaction is durable.
 */
struct ingest;

/* Who signs receipts, and whom to trust; all borrowed for the life of the ingest. */
struct ingest_keys {
	X509_STORE *ca;
	EVP_PKEY *receipt_key;
	X509 *receipt_cert;
};

/* config and st are borrowed.  Caller frees with ingest_free(), which commits. */
struct ingest *ingest_new(struct event_base *base, const struct config *config,
    struct store *st, const struct ingest_keys *keys);
void ingest_free(struct ingest *in);

/* Answer the request, now or after the commit; agent is the connection's. */
void ingest_on_report(struct ingest *in, struct evhttp_request *req, const char *agent);

/* Make everything so far durable and answer it. */
void ingest_flush(struct ingest *in);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char text[] = "header\n"
			   "{\"class_uid\":2004,\"time\":5000,\"severity_id\":4,"
			   "\"finding_info\":{\"uid\":\"%s\","
			   "\"analytic\":{\"name\":\"Linux_Test\"}},"
			   "\"evidences\":[{\"file\":{\"path\":\"/x\"}}]}\n"
			   "{\"type\":\"coverage\"}\n";

static void
make_report(const struct store_report *r, struct report *ret)
{
	struct report_header *h = &ret->header;

	*ret = (struct report){ .lines_at = 7, .text = buf_new(1000) };
	buf_addf(ret->text, text, r->uid != NULL ? r->uid : "u1");
	memcpy(h->agent, STORE_AGENT, UUID_TEXT_LEN);
	memcpy(h->epoch, r->epoch != NULL ? r->epoch : STORE_EPOCH, UUID_TEXT_LEN);
	if (r->previous != NULL)
		memcpy(h->previous, r->previous, DIGEST_BYTES);
	else if (r->sequence > 1)
		memset(h->previous, r->fill - 1, DIGEST_BYTES);
	memset(ret->digest, r->fill, DIGEST_BYTES);
	h->sequence = r->sequence;
	h->sealed_ms = r->sealed_ms;
	h->n_findings = 1;
	h->n_coverage = 1;
	(void)snprintf(h->host.hostname, sizeof(h->host.hostname), "%s",
	    r->hostname != NULL ? r->hostname : "ws-12");
	(void)snprintf(h->host.machine_id, sizeof(h->host.machine_id), "%s",
	    r->machine_id != NULL ? r->machine_id : "");
	(void)snprintf(h->host.boot_id, sizeof(h->host.boot_id), "%s",
	    r->boot_id != NULL ? r->boot_id : "");
}

mh_err
store_report(struct store *st, const struct store_report *r)
{
	struct report report;
	struct report_index *index = NULL;
	struct stored_report stored = { .report = &report,
		.der = (const uint8_t *)"der",
		.der_len = 3,
		.receipt = (const uint8_t *)"receipt",
		.receipt_len = 7,
		.received_ms = r->received_ms };
	mh_err err;

	make_report(r, &report);
	if (report_index_new(&report, &index) != MH_OK)
		abort();
	stored.index = index;
	err = store_report_put(st, &stored);
	report_index_free(index);
	buf_free(report.text);
	return err;
}

mh_err
store_report_again(struct store *st, const struct store_report *r)
{
	struct report report;
	mh_err err;

	make_report(r, &report);
	err = store_report_conflict(st, &report, r->received_ms);
	buf_free(report.text);
	return err;
}

static sqlite3 *
open_other(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		abort();
	return db;
}

int64_t
store_ask(const char *path, const char *sql)
{
	sqlite3 *db = open_other(path);
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		abort();
	}
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return n;
}

void
store_change(const char *path, const char *sql)
{
	sqlite3 *db = open_other(path);

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		abort();
	}
	(void)sqlite3_close(db);
}

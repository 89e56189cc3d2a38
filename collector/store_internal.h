/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_STORE_INTERNAL_H
#define MH_COLLECTOR_STORE_INTERNAL_H

#include <sqlite3.h>

#include "collector/store.h"

/* Between store*.c only: the statements, prepared on first use. */
enum store_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVE,
	SQL_RELEASE,
	SQL_UNDO,
	SQL_OTHERS,
	SQL_TOKEN_ADD,
	SQL_TOKEN_FIND,
	SQL_TOKEN_BIND,
	SQL_TOKEN_USE,
	SQL_AGENT_ADD,
	SQL_AGENT_SEEN,
	SQL_AGENT_REVOKE,
	SQL_AGENTS,
	SQL_REVOKED,
	SQL_CERTIFICATE_ADD,
	SQL_CERTIFICATES_SINCE,
	SQL_REPORT_FIND,
	SQL_REPORT_ADD,
	SQL_RECEIPT_ADD,
	SQL_FINDING_ADD,
	SQL_COVERAGE_ADD,
	SQL_ALARM_ADD,
	SQL_ALARM_CLOSE,
	SQL_NEIGHBOUR,
	SQL_REPORTS,
	SQL_REPORTS_BYTES,
	SQL_FINDINGS,
	SQL_REPORT_FINDINGS,
	SQL_REPORT_COVERAGE,
	SQL_MAX_
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_MAX_];
};

/* The statement, reset and without values; NULL (store_why()) on error. */
sqlite3_stmt *store_statement(struct store *st, enum store_sql id);

/* Run it to its end, for those that return no rows; then reset it. */
mh_err store_run(struct store *st, sqlite3_stmt *stmt) MH_CHECKED;
mh_err store_exec(struct store *st, enum store_sql id) MH_CHECKED;

/* Translate what SQLite said last. */
mh_err store_err(struct store *st);

/* Several changes as one within a larger transaction, or alone. */
mh_err store_save(struct store *st) MH_CHECKED;
/* Keep them if err is MH_OK, undo them otherwise; returns the first error. */
mh_err store_settle(struct store *st, mh_err err) MH_CHECKED;

void bind_text(sqlite3_stmt *stmt, int i, const char *s);
void bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t len);
void bind_int(sqlite3_stmt *stmt, int i, int64_t v);

/* A column's text; "" for NULL. */
const char *column_text(sqlite3_stmt *stmt, int i);

#endif

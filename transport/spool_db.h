/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_SPOOL_DB_H
#define MH_TRANSPORT_SPOOL_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/spool.h"

/*
 * Inside of the spool only: its statements and how one is run.  Errors are
 * those of spool.h; spool_why() has SQLite's text after each.
 */
enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_META_GET,
	SQL_META_PUT,
	SQL_PENDING_PUT,
	SQL_PENDING_READ,
	SQL_PENDING_DROP,
	SQL_ASIDE_PUT,
	SQL_ASIDE_MOVE,
	SQL_HISTORY_PUT,
	SQL_HISTORY_FIND,
	SQL_HISTORY_EACH,
	SQL_SCANNED_PUT,
	SQL_SCANNED_CHECK,
	SQL_SEALED_PUT,
	SQL_SEALED_NEXT,
	SQL_SEALED_REFUSE,
	SQL_SEALED_DROP,
	SQL_RECEIPT_PUT,
	SQL_USED_BYTES,
	SQL_STATISTICS,
	SQL_HAS_ASIDE,
	SQL_MAX_
};

struct spool {
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_MAX_];
	char *path;
	uint64_t max_bytes;
	uint64_t min_free_bytes;
	uint64_t used_bytes; /* of pending lines and sealed reports */
	char why[256];
};

/* Translate SQLite's code, and keep its text. */
mh_err spool_db_err(struct spool *sp, int rc) MH_CHECKED;

/* Prepare all statements. */
mh_err spool_db_prepare(struct spool *sp) MH_CHECKED;

/* A statement, reset, without bindings. */
sqlite3_stmt *spool_db_statement(struct spool *sp, enum statement which);

/*
 * Bindings are borrowed until the statement's next use, and a failure to bind
 * (memory, a size past SQLite's) shows as a NULL that NOT NULL refuses.
 */
void spool_db_bind_int(sqlite3_stmt *stmt, int at, int64_t v);
void spool_db_bind_text(sqlite3_stmt *stmt, int at, const char *s);
void spool_db_bind_bytes(sqlite3_stmt *stmt, int at, const void *p, size_t len);
/* The first seven parameters of SQL_SCANNED_PUT and SQL_SCANNED_CHECK. */
void spool_db_bind_scanned(sqlite3_stmt *stmt, const struct spool_scanned *t);

/* Run a statement that yields no rows. */
mh_err spool_db_run(struct spool *sp, sqlite3_stmt *stmt) MH_CHECKED;
/* Step to the first row; MH_ERR_NOTFOUND without one.  The caller resets. */
mh_err spool_db_row(struct spool *sp, sqlite3_stmt *stmt) MH_CHECKED;

/* A column's value, new, with a NUL behind it; freed by the caller. */
char *spool_db_text(sqlite3_stmt *stmt, int at, size_t *ret_len);
char *spool_db_bytes(sqlite3_stmt *stmt, int at, size_t *ret_len);

/* Run body in a transaction: all of it is done or nothing. */
typedef mh_err spool_db_fn(struct spool *sp, const void *arg);
mh_err spool_db_transact(struct spool *sp, spool_db_fn *body, const void *arg) MH_CHECKED;

#endif

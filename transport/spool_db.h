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
	SQL_PENDING_FINDINGS,
	SQL_PENDING_DROP,
	SQL_PENDING_COUNT,
	SQL_STATUS_OLDEST,
	SQL_DROPPED_ADD,
	SQL_DROPPED_GET,
	SQL_DROPPED_CLEAR,
	SQL_ASIDE_PUT,
	SQL_ASIDE_MOVE,
	SQL_ASIDE_SEALED,
	SQL_ASIDE_PRUNE,
	SQL_HISTORY_PUT,
	SQL_HISTORY_FIND,
	SQL_HISTORY_EACH,
	SQL_SCANNED_PUT,
	SQL_SCANNED_CHECK,
	SQL_SEALED_PUT,
	SQL_SEALED_NEXT,
	SQL_SEALED_REFUSE,
	SQL_SEALED_DROP,
	SQL_SEALED_FORGET,
	SQL_RECEIPT_PUT,
	SQL_RECEIPTS_PRUNE,
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
	uint64_t max_status_bytes;
	uint64_t min_free_bytes;
	uint64_t used_bytes;   /* of pending lines and sealed reports */
	uint64_t status_bytes; /* of pending coverage, in used_bytes */
	uint64_t sealed_bytes; /* of sealed reports, in used_bytes */
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
/* The checksum that is kept with a line (zlib's crc32). */
int64_t spool_db_crc(const void *p, size_t len);
/* The first seven parameters of SQL_SCANNED_PUT and SQL_SCANNED_CHECK. */
void spool_db_bind_scanned(sqlite3_stmt *stmt, const struct spool_scanned *t);

/* Run a statement that yields no rows. */
mh_err spool_db_run(struct spool *sp, sqlite3_stmt *stmt) MH_CHECKED;
/* Step to the first row; MH_ERR_NOTFOUND without one.  The caller resets. */
mh_err spool_db_row(struct spool *sp, sqlite3_stmt *stmt) MH_CHECKED;

/* A column's value, new, with a NUL behind it; freed by the caller. */
char *spool_db_text(sqlite3_stmt *stmt, int at, size_t *ret_len);
char *spool_db_bytes(sqlite3_stmt *stmt, int at, size_t *ret_len);

/* Append a pending line, or set it aside when no report takes a line of its size. */
struct spool_line {
	enum report_lane lane;
	const char *text;
	size_t len;
	bool is_kept; /* not dropped when the status lane is full */
};
mh_err spool_db_put_line(struct spool *sp, const struct spool_line *line, int64_t now_ms)
    MH_CHECKED;

/* A pending line of status about the spool itself: {"type":TYPE,"version":1,MORE}. */
mh_err spool_db_tell(struct spool *sp, const char *type, const char *more, int64_t now_ms)
    MH_CHECKED;

/* Count anew what the quotas bound. */
mh_err spool_db_count_used(struct spool *sp) MH_CHECKED;

/* Run body in a transaction: all of it is done or nothing. */
typedef mh_err spool_db_fn(struct spool *sp, const void *arg);
mh_err spool_db_transact(struct spool *sp, spool_db_fn *body, const void *arg) MH_CHECKED;

/*
 * As spool_db_transact(), for what takes more out of the spool than it puts in: on a
 * full disk the reserve (SPOOL_RESERVE_BYTES) is given up for it, else a full disk would
 * stay full.
 */
mh_err spool_db_transact_to_free(struct spool *sp, spool_db_fn *body, const void *arg)
    MH_CHECKED;
/* Keep the reserve, while there is plenty of room on the disk. */
void spool_db_keep_reserve(const struct spool *sp);

/* Facts of the spool (table meta); keys are in docs/PROTOCOL.md. */
mh_err spool_db_meta_put(struct spool *sp, const char *key, const char *text) MH_CHECKED;
mh_err spool_db_meta_put_int(struct spool *sp, const char *key, int64_t v) MH_CHECKED;
mh_err spool_db_meta_put_bytes(struct spool *sp, const char *key, const void *p,
    size_t len) MH_CHECKED;

/* Draw a new epoch if the spool is new or lies elsewhere than when it was last opened. */
mh_err spool_db_settle(struct spool *sp, const char *host_id, bool *ret_is_new)
    MH_CHECKED;

/*
 * Read what can be read out of the damaged database at path, which is not changed, into
 * sp, which is new, and put a line of status about it into sp (kept_as: where the
 * damaged one will be kept).  On an error, which is always of sp, sp is of no use: what
 * was not copied would lie in a file that nobody delivers.
 */
mh_err spool_salvage(struct spool *sp, const char *path, const char *kept_as,
    int64_t now_ms, struct spool_salvage *ret) MH_CHECKED;

#endif

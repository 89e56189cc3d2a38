/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/spool_db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "base/memory.h"

static const char *const sql[] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[SQL_META_PUT] = "INSERT INTO meta (key, value) VALUES (?1, ?2)"
			 " ON CONFLICT (key) DO UPDATE SET value = ?2",
	[SQL_PENDING_PUT] =
	    "INSERT INTO pending (lane, stored_ms, bytes, line, crc, is_kept)"
	    " VALUES (?1, ?2, length(?3), ?3, ?4, ?5)",
	[SQL_PENDING_READ] = "SELECT id, lane, line, crc FROM pending ORDER BY id",
	/* lane 0: LANE_FINDING */
	[SQL_PENDING_FINDINGS] =
	    "SELECT id, lane, line, crc FROM pending WHERE lane = 0 ORDER BY id",
	[SQL_PENDING_DROP] = "DELETE FROM pending WHERE id = ?1",
	[SQL_PENDING_COUNT] = "SELECT count(*) FROM pending",
	/* lane 1: LANE_COVERAGE */
	[SQL_STATUS_OLDEST] = "SELECT id, bytes, stored_ms FROM pending"
			      " WHERE lane = 1 AND is_kept = 0 ORDER BY id LIMIT 1",
	[SQL_DROPPED_ADD] =
	    "INSERT INTO dropped (id, lines, bytes, first_ms, last_ms)"
	    " VALUES (1, 1, ?1, ?2, ?2) ON CONFLICT (id) DO UPDATE SET"
	    " lines = lines + 1, bytes = bytes + ?1, first_ms = min(first_ms, ?2),"
	    " last_ms = max(last_ms, ?2)",
	[SQL_DROPPED_GET] = "SELECT lines, bytes, first_ms, last_ms FROM dropped",
	[SQL_DROPPED_CLEAR] = "DELETE FROM dropped",
	[SQL_ASIDE_PUT] = "INSERT INTO aside (lane, stored_ms, why, line)"
			  " VALUES (?1, ?2, ?4, ?3)",
	[SQL_ASIDE_MOVE] = "INSERT INTO aside (lane, stored_ms, why, line)"
			   " SELECT lane, ?3, ?2, line FROM pending WHERE id = ?1",
	[SQL_HISTORY_PUT] = "INSERT INTO history (uid, first_ms, last_ms, count, rule, "
			    "pack, severity, path, json)"
			    " VALUES (?1, ?2, ?2, 1, ?3, ?4, ?5, ?6, ?7)"
			    " ON CONFLICT (uid) DO UPDATE SET last_ms = max(last_ms, "
			    "?2), count = count + 1,"
			    " severity = ?5, json = ?7",
	[SQL_HISTORY_FIND] =
	    "SELECT uid, first_ms, last_ms, count, rule, pack, severity, path,"
	    " json FROM history WHERE uid = ?1",
	[SQL_HISTORY_EACH] =
	    "SELECT uid, first_ms, last_ms, count, rule, pack, severity, path,"
	    " json FROM history WHERE last_ms >= ?1"
	    " ORDER BY last_ms DESC, uid LIMIT ?2",
	[SQL_SCANNED_PUT] = "INSERT INTO scanned (path, dev, ino, size, mtime_ns, "
			    "ctime_ns, rule_set, at_ms)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
			    " ON CONFLICT (path) DO UPDATE SET dev = ?2, ino = ?3, size "
			    "= ?4, mtime_ns = ?5,"
			    " ctime_ns = ?6, rule_set = ?7, at_ms = ?8",
	[SQL_SCANNED_CHECK] =
	    "SELECT 1 FROM scanned WHERE path = ?1 AND dev = ?2 AND ino = ?3"
	    " AND size = ?4 AND mtime_ns = ?5 AND ctime_ns = ?6"
	    " AND rule_set = ?7",
	[SQL_ASIDE_SEALED] = "INSERT INTO aside (lane, stored_ms, why, line, what)"
			     " SELECT 0, ?3, ?4, der, ?5 FROM sealed"
			     " WHERE epoch = ?1 AND sequence = ?2",
	/* All that were taken back but the ?1 newest. */
	[SQL_ASIDE_PRUNE] =
	    "DELETE FROM aside WHERE what = 'returned' AND id <= (SELECT id FROM aside"
	    " WHERE what = 'returned' ORDER BY id DESC LIMIT 1 OFFSET ?1)",
	[SQL_SEALED_PUT] =
	    "INSERT INTO sealed (epoch, sequence, digest, sealed_ms, bytes, der)"
	    " VALUES (?1, ?2, ?3, ?4, length(?5), ?5)",
	[SQL_SEALED_NEXT] =
	    "SELECT id, epoch, sequence, digest, tries, refusal, der FROM sealed"
	    /* SPOOL_RETRY_MAX_MS: what is due later was noted by a clock that was ahead. */
	    " WHERE id > ?1 AND (retry_ms <= ?2 OR retry_ms > ?2 + 3600000)"
	    " ORDER BY id LIMIT 1",
	[SQL_SEALED_REFUSE] =
	    "UPDATE sealed SET tries = tries + 1, refusal = ?3, retry_ms = ?4"
	    " WHERE epoch = ?1 AND sequence = ?2",
	[SQL_SEALED_DROP] =
	    "DELETE FROM sealed WHERE epoch = ?1 AND sequence = ?2 AND digest = ?3"
	    " RETURNING bytes",
	[SQL_SEALED_FORGET] = "DELETE FROM sealed WHERE epoch = ?1 AND sequence = ?2",
	/* One that was read out of a damaged database may be there. */
	[SQL_RECEIPT_PUT] =
	    "INSERT OR REPLACE INTO receipts (epoch, sequence, digest, received_ms, der)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)",
	/* All that is older than the ?1 newest. */
	[SQL_RECEIPTS_PRUNE] =
	    "DELETE FROM receipts WHERE received_ms < (SELECT received_ms FROM receipts"
	    " ORDER BY received_ms DESC LIMIT 1 OFFSET ?1)",
	[SQL_USED_BYTES] =
	    "SELECT (SELECT coalesce(sum(bytes), 0) FROM pending) +"
	    " (SELECT coalesce(sum(bytes), 0) FROM sealed),"
	    " (SELECT coalesce(sum(bytes), 0) FROM pending WHERE lane = 1),"
	    " (SELECT coalesce(sum(bytes), 0) FROM sealed)",
	[SQL_STATISTICS] =
	    "SELECT (SELECT count(*) FROM pending), (SELECT coalesce(sum(bytes), 0) FROM "
	    "pending),"
	    " coalesce((SELECT stored_ms FROM pending ORDER BY id LIMIT 1), 0),"
	    " (SELECT count(*) FROM sealed), (SELECT coalesce(sum(bytes), 0) FROM "
	    "sealed),"
	    " (SELECT count(*) FROM aside), (SELECT count(*) FROM receipts),"
	    " (SELECT count(*) FROM history), (SELECT count(*) FROM scanned),"
	    " (SELECT coalesce(sum(bytes), 0) FROM pending WHERE lane = 1),"
	    " coalesce((SELECT lines FROM dropped), 0),"
	    " coalesce((SELECT bytes FROM dropped), 0)",
	[SQL_HAS_ASIDE] = "SELECT 1 FROM aside LIMIT 1",
};

static_assert(MH_ARRAY_LEN(sql) == SQL_MAX_, "one text per statement");
static_assert(SPOOL_RETRY_MAX_MS == 3600000, "as in SQL_SEALED_NEXT");

mh_err
spool_db_err(struct spool *sp, int rc)
{
	int system_errno = sqlite3_system_errno(sp->db);

	(void)snprintf(sp->why, sizeof(sp->why), "%s", sqlite3_errmsg(sp->db));
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return MH_ERR_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return MH_ERR_CORRUPT;
	case SQLITE_TOOBIG:
		return MH_ERR_TOOBIG;
	case SQLITE_IOERR:
		/* A sync that finds no room comes as an I/O error. */
		if (system_errno == ENOSPC || system_errno == EDQUOT)
			return MH_ERR_FULL;
		return MH_ERR_STORE;
	default:
		return MH_ERR_STORE;
	}
}

const char *
spool_why(const struct spool *sp)
{
	return sp->why;
}

sqlite3_stmt *
spool_db_statement(struct spool *sp, enum statement which)
{
	sqlite3_stmt *stmt = sp->stmt[which];

	assert(stmt != NULL);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return stmt;
}

void
spool_db_bind_int(sqlite3_stmt *stmt, int at, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, at, v);
}

void
spool_db_bind_text(sqlite3_stmt *stmt, int at, const char *s)
{
	(void)sqlite3_bind_text(stmt, at, s, -1, SQLITE_STATIC);
}

int64_t
spool_db_crc(const void *p, size_t len)
{
	return (int64_t)crc32_z(crc32_z(0, NULL, 0), p, len);
}

void
spool_db_bind_bytes(sqlite3_stmt *stmt, int at, const void *p, size_t len)
{
	/* A NULL pointer would bind NULL, and an empty path is not one. */
	(void)sqlite3_bind_blob64(stmt, at, len > 0 ? p : "", len, SQLITE_STATIC);
}

mh_err
spool_db_run(struct spool *sp, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	mh_err err = rc == SQLITE_DONE ? MH_OK : spool_db_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_db_row(struct spool *sp, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return MH_OK;
	mh_err err = rc == SQLITE_DONE ? MH_ERR_NOTFOUND : spool_db_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_db_transact(struct spool *sp, spool_db_fn *body, const void *arg)
{
	mh_err err = spool_db_run(sp, spool_db_statement(sp, SQL_BEGIN));

	if (err != MH_OK)
		return err;
	err = body(sp, arg);
	if (err == MH_OK)
		err = spool_db_run(sp, spool_db_statement(sp, SQL_COMMIT));
	/* SQLite rolls back by itself on some errors, a full disk among them. */
	if (err != MH_OK && !sqlite3_get_autocommit(sp->db))
		mh_ignore(spool_db_run(sp, spool_db_statement(sp, SQL_ROLLBACK)));
	return err;
}

void
spool_db_keep_reserve(const struct spool *sp)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s.reserve", sp->path);
	struct statvfs fs;

	if (access(path, F_OK) == 0 || statvfs(sp->path, &fs) < 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize < UINT64_C(4) * SPOOL_RESERVE_BYTES)
		return;
	MH_CLEANUP(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && posix_fallocate(fd, 0, SPOOL_RESERVE_BYTES) != 0)
		(void)unlink(path);
}

mh_err
spool_db_transact_to_free(struct spool *sp, spool_db_fn *body, const void *arg)
{
	MH_CLEANUP(freep) char *reserve = xasprintf("%s.reserve", sp->path);
	mh_err err = spool_db_transact(sp, body, arg);

	if (err == MH_ERR_FULL && unlink(reserve) == 0) {
		err = spool_db_transact(sp, body, arg);
		/* What was taken out is room only once the journal is worked off. */
		(void)sqlite3_wal_checkpoint_v2(sp->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
		    NULL, NULL);
	} else if (err == MH_OK) {
		spool_db_keep_reserve(sp);
	}
	return err;
}

char *
spool_db_text(sqlite3_stmt *stmt, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);

	if (ret_len != NULL)
		*ret_len = len;
	return xstrndup(p != NULL ? p : "", len);
}

char *
spool_db_bytes(sqlite3_stmt *stmt, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);
	char *copy = xcalloc(len + 1, 1);

	if (len > 0)
		memcpy(copy, p, len);
	*ret_len = len;
	return copy;
}

mh_err
spool_db_put_line(struct spool *sp, const struct spool_line *line, int64_t now_ms)
{
	bool fits = line->len <= REPORT_LINE_MAX;
	sqlite3_stmt *stmt =
	    spool_db_statement(sp, fits ? SQL_PENDING_PUT : SQL_ASIDE_PUT);

	spool_db_bind_int(stmt, 1, line->lane);
	spool_db_bind_int(stmt, 2, now_ms);
	spool_db_bind_bytes(stmt, 3, line->text, line->len);
	if (fits) {
		spool_db_bind_int(stmt, 4, spool_db_crc(line->text, line->len));
		spool_db_bind_int(stmt, 5, line->is_kept);
	} else {
		spool_db_bind_text(stmt, 4,
		    "the line is larger than a line of a report may be");
	}
	return spool_db_run(sp, stmt);
}

mh_err
spool_db_tell(struct spool *sp, const char *type, const char *more, int64_t now_ms)
{
	MH_CLEANUP(freep)
	char *json = xasprintf("{\"type\":\"%s\",\"version\":1,%s}", type, more);
	const struct spool_line line = { LANE_COVERAGE, json, strlen(json), true };

	return spool_db_put_line(sp, &line, now_ms);
}

mh_err
spool_db_count_used(struct spool *sp)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_USED_BYTES);
	mh_err err = spool_db_row(sp, stmt);

	if (err != MH_OK)
		return err;
	sp->used_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	sp->status_bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
	sp->sealed_bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

void
spool_db_bind_scanned(sqlite3_stmt *stmt, const struct spool_scanned *t)
{
	spool_db_bind_bytes(stmt, 1, t->path, t->path_len);
	spool_db_bind_int(stmt, 2, (int64_t)t->dev);
	spool_db_bind_int(stmt, 3, (int64_t)t->ino);
	spool_db_bind_int(stmt, 4, (int64_t)t->size);
	spool_db_bind_int(stmt, 5, t->mtime_ns);
	spool_db_bind_int(stmt, 6, t->ctime_ns);
	spool_db_bind_bytes(stmt, 7, t->rule_set, sizeof(t->rule_set));
}

mh_err
spool_db_prepare(struct spool *sp)
{
	for (int i = 0; i < SQL_MAX_; i++) {
		int rc = sqlite3_prepare_v3(sp->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
		    &sp->stmt[i], NULL);

		if (rc != SQLITE_OK)
			return spool_db_err(sp, rc);
	}
	return MH_OK;
}

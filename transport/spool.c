/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "transport/spool_schema.h"

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
	SQL_MAX_
};

static const char *const sql[] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[SQL_META_PUT] = "INSERT INTO meta (key, value) VALUES (?1, ?2)"
			 " ON CONFLICT (key) DO UPDATE SET value = ?2",
	[SQL_PENDING_PUT] = "INSERT INTO pending (lane, stored_ms, bytes, line)"
			    " VALUES (?1, ?2, length(?3), ?3)",
	[SQL_PENDING_READ] = "SELECT id, lane, line FROM pending ORDER BY id",
	[SQL_PENDING_DROP] = "DELETE FROM pending WHERE id = ?1",
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
	[SQL_SEALED_PUT] =
	    "INSERT INTO sealed (epoch, sequence, digest, sealed_ms, bytes, der)"
	    " VALUES (?1, ?2, ?3, ?4, length(?5), ?5)",
	[SQL_SEALED_NEXT] =
	    "SELECT id, epoch, sequence, digest, tries, refusal, der FROM sealed"
	    " WHERE id > ?1 AND retry_ms <= ?2 ORDER BY id LIMIT 1",
	[SQL_SEALED_REFUSE] =
	    "UPDATE sealed SET tries = tries + 1, refusal = ?3, retry_ms = ?4"
	    " WHERE epoch = ?1 AND sequence = ?2",
	[SQL_SEALED_DROP] =
	    "DELETE FROM sealed WHERE epoch = ?1 AND sequence = ?2 AND digest = ?3",
	[SQL_RECEIPT_PUT] =
	    "INSERT INTO receipts (epoch, sequence, digest, received_ms, der)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_USED_BYTES] = "SELECT (SELECT coalesce(sum(bytes), 0) FROM pending) +"
			   " (SELECT coalesce(sum(bytes), 0) FROM sealed)",
	[SQL_STATISTICS] =
	    "SELECT (SELECT count(*) FROM pending), (SELECT coalesce(sum(bytes), 0) FROM "
	    "pending),"
	    " coalesce((SELECT stored_ms FROM pending ORDER BY id LIMIT 1), 0),"
	    " (SELECT count(*) FROM sealed), (SELECT coalesce(sum(bytes), 0) FROM "
	    "sealed),"
	    " (SELECT count(*) FROM aside), (SELECT count(*) FROM receipts),"
	    " (SELECT count(*) FROM history), (SELECT count(*) FROM scanned)",
};

static_assert(MH_ARRAY_LEN(sql) == SQL_MAX_, "one text per statement");

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
static mh_err
store_err(struct spool *sp, int rc)
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

static sqlite3_stmt *
statement(struct spool *sp, enum statement which)
{
	sqlite3_stmt *stmt = sp->stmt[which];

	assert(stmt != NULL);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return stmt;
}

/*
 * Bindings are borrowed until the statement's next use, and a failure to bind
 * (memory, a size past SQLite's) shows as a NULL that NOT NULL refuses.
 */
static void
bind_int(sqlite3_stmt *stmt, int at, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, at, v);
}

static void
bind_text(sqlite3_stmt *stmt, int at, const char *s)
{
	(void)sqlite3_bind_text(stmt, at, s, -1, SQLITE_STATIC);
}

static void
bind_bytes(sqlite3_stmt *stmt, int at, const void *p, size_t len)
{
	/* A NULL pointer would bind NULL, and an empty path is not one. */
	(void)sqlite3_bind_blob64(stmt, at, len > 0 ? p : "", len, SQLITE_STATIC);
}

/* Run a statement that yields no rows. */
static mh_err
run(struct spool *sp, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

/* Step to the first row; MH_ERR_NOTFOUND without one.  The caller resets. */
static mh_err
run_row(struct spool *sp, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return MH_OK;
	mh_err err = rc == SQLITE_DONE ? MH_ERR_NOTFOUND : store_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

/* Run body in a transaction: all of it is done or nothing. */
typedef mh_err transaction_fn(struct spool *sp, const void *arg);

static mh_err
transact(struct spool *sp, transaction_fn *body, const void *arg)
{
	mh_err err = run(sp, statement(sp, SQL_BEGIN));

	if (err != MH_OK)
		return err;
	err = body(sp, arg);
	if (err == MH_OK)
		err = run(sp, statement(sp, SQL_COMMIT));
	/* SQLite rolls back by itself on some errors, a full disk among them. */
	if (err != MH_OK && !sqlite3_get_autocommit(sp->db))
		mh_ignore(run(sp, statement(sp, SQL_ROLLBACK)));
	return err;
}

/* Keep room on the disk for the day when it is full, while there is plenty. */
static void
keep_reserve(const struct spool *sp)
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

/*
 * As transact(), for what takes more out of the spool than it puts in: on a full
 * disk the reserve is given up for it, else a full disk would stay full.
 */
static mh_err
transact_to_free(struct spool *sp, transaction_fn *body, const void *arg)
{
	MH_CLEANUP(freep) char *reserve = xasprintf("%s.reserve", sp->path);
	mh_err err = transact(sp, body, arg);

	if (err == MH_ERR_FULL && unlink(reserve) == 0) {
		err = transact(sp, body, arg);
		/* What was taken out is room only once the journal is worked off. */
		(void)sqlite3_wal_checkpoint_v2(sp->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
		    NULL, NULL);
	} else if (err == MH_OK) {
		keep_reserve(sp);
	}
	return err;
}

/* Whether so much more may be stored: bytes of lines, and bytes on the disk. */
static mh_err
check_room(struct spool *sp, uint64_t lines, uint64_t disk)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (sp->max_bytes > 0 && lines > 0 && sp->used_bytes + lines > sp->max_bytes) {
		(void)snprintf(sp->why, sizeof(sp->why), "the spool's quota is used up");
		return MH_ERR_FULL;
	}
	if (sp->min_free_bytes == 0 || statvfs(sp->path, &fs) < 0)
		return MH_OK;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* The journal holds it once more before it reaches its place. */
	if (free_bytes >= sp->min_free_bytes + 2 * disk + SPOOL_SEALED_ROOM)
		return MH_OK;
	(void)snprintf(sp->why, sizeof(sp->why),
	    "the file system has too little room left");
	return MH_ERR_FULL;
}

static mh_err
put_line(struct spool *sp, enum report_lane lane, const char *json, size_t len,
    int64_t now_ms)
{
	bool fits = len <= REPORT_LINE_MAX;
	sqlite3_stmt *stmt = statement(sp, fits ? SQL_PENDING_PUT : SQL_ASIDE_PUT);

	bind_int(stmt, 1, lane);
	bind_int(stmt, 2, now_ms);
	bind_bytes(stmt, 3, json, len);
	if (!fits)
		bind_text(stmt, 4, "the line is larger than a line of a report may be");
	return run(sp, stmt);
}

static mh_err
put_finding(struct spool *sp, const struct spool_finding *f, int64_t now_ms)
{
	sqlite3_stmt *stmt = statement(sp, SQL_HISTORY_PUT);
	mh_err err;

	bind_text(stmt, 1, f->uid);
	bind_int(stmt, 2, f->seen_ms);
	bind_text(stmt, 3, f->rule);
	bind_text(stmt, 4, f->pack);
	bind_int(stmt, 5, f->severity);
	bind_bytes(stmt, 6, f->path, f->path_len);
	bind_bytes(stmt, 7, f->json, f->json_len);
	err = run(sp, stmt);
	if (err != MH_OK || f->is_quiet)
		return err;
	return put_line(sp, LANE_FINDING, f->json, f->json_len, now_ms);
}

static void
bind_scanned(sqlite3_stmt *stmt, const struct spool_scanned *t)
{
	bind_bytes(stmt, 1, t->path, t->path_len);
	bind_int(stmt, 2, (int64_t)t->dev);
	bind_int(stmt, 3, (int64_t)t->ino);
	bind_int(stmt, 4, (int64_t)t->size);
	bind_int(stmt, 5, t->mtime_ns);
	bind_int(stmt, 6, t->ctime_ns);
	bind_bytes(stmt, 7, t->rule_set, sizeof(t->rule_set));
}

static mh_err
put_batch(struct spool *sp, const void *arg)
{
	const struct spool_batch *b = arg;
	mh_err err = MH_OK;

	for (size_t i = 0; err == MH_OK && i < b->n_findings; i++)
		err = put_finding(sp, &b->findings[i], b->now_ms);
	for (size_t i = 0; err == MH_OK && i < b->n_coverage; i++)
		err = put_line(sp, LANE_COVERAGE, b->coverage[i].json, b->coverage[i].len,
		    b->now_ms);
	for (size_t i = 0; err == MH_OK && i < b->n_scanned; i++) {
		sqlite3_stmt *stmt = statement(sp, SQL_SCANNED_PUT);

		bind_scanned(stmt, &b->scanned[i]);
		bind_int(stmt, 8, b->now_ms);
		err = run(sp, stmt);
	}
	return err;
}

/* Bytes that the batch adds to the quota and to the disk. */
static mh_err
measure_batch(const struct spool_batch *b, uint64_t *ret_lines, uint64_t *ret_disk)
{
	uint64_t lines = 0;
	uint64_t disk = 0;

	for (size_t i = 0; i < b->n_findings; i++) {
		const struct spool_finding *f = &b->findings[i];

		if (f->json_len > SPOOL_JSON_MAX || f->path_len > SPOOL_PATH_MAX ||
		    strlen(f->uid) > SPOOL_UID_MAX)
			return MH_ERR_TOOBIG;
		if (!f->is_quiet && f->json_len <= REPORT_LINE_MAX)
			lines += f->json_len;
		disk += 2 * f->json_len + f->path_len;
	}
	for (size_t i = 0; i < b->n_coverage; i++) {
		if (b->coverage[i].len > SPOOL_JSON_MAX)
			return MH_ERR_TOOBIG;
		if (b->coverage[i].len <= REPORT_LINE_MAX)
			lines += b->coverage[i].len;
		disk += b->coverage[i].len;
	}
	for (size_t i = 0; i < b->n_scanned; i++) {
		if (b->scanned[i].path_len > SPOOL_PATH_MAX)
			return MH_ERR_TOOBIG;
		disk += b->scanned[i].path_len + 100;
	}
	*ret_lines = lines;
	*ret_disk = disk;
	return MH_OK;
}

mh_err
spool_store(struct spool *sp, const struct spool_batch *batch)
{
	uint64_t lines = 0;
	uint64_t disk = 0;
	mh_err err = measure_batch(batch, &lines, &disk);

	(void)snprintf(sp->why, sizeof(sp->why), "%s", mh_strerror(err));
	if (err == MH_OK)
		err = check_room(sp, lines, disk);
	if (err == MH_OK)
		err = transact(sp, put_batch, batch);
	if (err == MH_OK)
		sp->used_bytes += lines;
	return err;
}

void
spool_history_clear(struct spool_history *h)
{
	free(h->uid);
	free(h->rule);
	free(h->pack);
	free(h->json);
	free(h->path);
	memset(h, 0, sizeof(*h));
}

static char *
column_bytes(sqlite3_stmt *stmt, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);

	if (ret_len != NULL)
		*ret_len = len;
	return xstrndup(p != NULL ? p : "", len);
}

static char *
column_copy(sqlite3_stmt *stmt, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);
	char *copy = xcalloc(len + 1, 1);

	if (len > 0)
		memcpy(copy, p, len);
	*ret_len = len;
	return copy;
}

static void
read_history(sqlite3_stmt *stmt, struct spool_history *ret)
{
	ret->uid = column_bytes(stmt, 0, NULL);
	ret->first_ms = sqlite3_column_int64(stmt, 1);
	ret->last_ms = sqlite3_column_int64(stmt, 2);
	ret->count = (uint64_t)sqlite3_column_int64(stmt, 3);
	ret->rule = column_bytes(stmt, 4, NULL);
	ret->pack = column_bytes(stmt, 5, NULL);
	ret->severity = sqlite3_column_int(stmt, 6);
	ret->path = column_copy(stmt, 7, &ret->path_len);
	ret->json = column_bytes(stmt, 8, NULL);
}

mh_err
spool_history_find(struct spool *sp, const char *uid, struct spool_history *ret)
{
	sqlite3_stmt *stmt = statement(sp, SQL_HISTORY_FIND);
	mh_err err;

	bind_text(stmt, 1, uid);
	err = run_row(sp, stmt);
	if (err != MH_OK)
		return err;
	read_history(stmt, ret);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_history_each(struct spool *sp, int64_t since_ms, uint64_t max, spool_history_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = statement(sp, SQL_HISTORY_EACH);
	bool more = true;
	int rc = SQLITE_DONE;

	bind_int(stmt, 1, since_ms);
	bind_int(stmt, 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
	while (more) {
		struct spool_history h;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		memset(&h, 0, sizeof(h));
		read_history(stmt, &h);
		more = fn(&h, arg);
		spool_history_clear(&h);
	}
	mh_err err = rc == SQLITE_ROW || rc == SQLITE_DONE ? MH_OK : store_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_scanned_check(struct spool *sp, const struct spool_scanned *target)
{
	sqlite3_stmt *stmt = statement(sp, SQL_SCANNED_CHECK);
	mh_err err;

	bind_scanned(stmt, target);
	err = run_row(sp, stmt);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_statistics(struct spool *sp, struct spool_statistics *ret)
{
	sqlite3_stmt *stmt = statement(sp, SQL_STATISTICS);
	mh_err err = run_row(sp, stmt);

	if (err != MH_OK)
		return err;
	*ret = (struct spool_statistics){
		.n_pending = (uint64_t)sqlite3_column_int64(stmt, 0),
		.pending_bytes = (uint64_t)sqlite3_column_int64(stmt, 1),
		.oldest_pending_ms = sqlite3_column_int64(stmt, 2),
		.n_sealed = (uint64_t)sqlite3_column_int64(stmt, 3),
		.sealed_bytes = (uint64_t)sqlite3_column_int64(stmt, 4),
		.n_aside = (uint64_t)sqlite3_column_int64(stmt, 5),
		.n_receipts = (uint64_t)sqlite3_column_int64(stmt, 6),
		.n_history = (uint64_t)sqlite3_column_int64(stmt, 7),
		.n_scanned = (uint64_t)sqlite3_column_int64(stmt, 8),
	};
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

/* Add the row; false when the text is full, so that the row waits for next time. */
static bool
add_line(struct spool_lines *l, sqlite3_stmt *stmt, size_t *cap)
{
	const void *p = sqlite3_column_blob(stmt, 2);
	size_t len = (size_t)sqlite3_column_bytes(stmt, 2);

	if (len > buf_room(l->text))
		return false;
	if (l->n == *cap) {
		*cap = *cap * 2 + 64;
		l->lines = xreallocarray(l->lines, *cap, sizeof(*l->lines));
		l->ids = xreallocarray(l->ids, *cap, sizeof(*l->ids));
	}
	l->ids[l->n] = sqlite3_column_int64(stmt, 0);
	l->lines[l->n].lane =
	    sqlite3_column_int(stmt, 1) == LANE_FINDING ? LANE_FINDING : LANE_COVERAGE;
	l->lines[l->n].len = len;
	l->n++;
	buf_put(l->text, p, len);
	return true;
}

mh_err
spool_pending_read(struct spool *sp, struct spool_lines **ret)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *l = xcalloc(1, sizeof(*l));
	sqlite3_stmt *stmt = statement(sp, SQL_PENDING_READ);
	size_t cap = 0;
	size_t at = 0;
	int rc = SQLITE_DONE;

	l->text = buf_new(SPOOL_READ_MAX);
	while (l->n < REPORT_LINES_MAX) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW || !add_line(l, stmt, &cap))
			break;
	}
	mh_err err = rc == SQLITE_ROW || rc == SQLITE_DONE ? MH_OK : store_err(sp, rc);

	(void)sqlite3_reset(stmt);
	if (err != MH_OK)
		return err;
	for (size_t i = 0; i < l->n; at += l->lines[i].len, i++)
		l->lines[i].text = buf_string(l->text) + at;
	*ret = MH_TAKE(l);
	return MH_OK;
}

void
spool_lines_free(struct spool_lines *l)
{
	if (l == NULL)
		return;
	free(l->lines);
	free(l->ids);
	buf_free(l->text);
	free(l);
}

static mh_err
meta_put(struct spool *sp, const char *key, const char *text)
{
	sqlite3_stmt *stmt = statement(sp, SQL_META_PUT);

	bind_text(stmt, 1, key);
	bind_text(stmt, 2, text);
	return run(sp, stmt);
}

static mh_err
meta_put_int(struct spool *sp, const char *key, int64_t v)
{
	sqlite3_stmt *stmt = statement(sp, SQL_META_PUT);

	bind_text(stmt, 1, key);
	bind_int(stmt, 2, v);
	return run(sp, stmt);
}

static mh_err
meta_put_bytes(struct spool *sp, const char *key, const void *p, size_t len)
{
	sqlite3_stmt *stmt = statement(sp, SQL_META_PUT);

	bind_text(stmt, 1, key);
	bind_bytes(stmt, 2, p, len);
	return run(sp, stmt);
}

/* At most size bytes of the value, zeros behind; *ret_int is it as a number. */
static mh_err
meta_get(struct spool *sp, const char *key, void *ret, size_t size, int64_t *ret_int)
{
	sqlite3_stmt *stmt = statement(sp, SQL_META_GET);
	mh_err err;

	bind_text(stmt, 1, key);
	err = run_row(sp, stmt);
	if (err != MH_OK)
		return err;
	if (ret_int != NULL)
		*ret_int = sqlite3_column_int64(stmt, 0);
	if (ret != NULL) {
		const void *p = sqlite3_column_blob(stmt, 0);
		size_t len = (size_t)sqlite3_column_bytes(stmt, 0);

		memset(ret, 0, size);
		if (len > 0)
			memcpy(ret, p, len < size ? len : size);
	}
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_next_header(struct spool *sp, struct report_header *header)
{
	int64_t last = 0;
	char epoch[UUID_TEXT_LEN];
	uint8_t previous[DIGEST_BYTES];
	mh_err err = meta_get(sp, "epoch", epoch, sizeof(epoch) - 1, NULL);

	epoch[sizeof(epoch) - 1] = 0;
	if (err == MH_OK)
		err = meta_get(sp, "sequence", NULL, 0, &last);
	if (err == MH_OK)
		err = meta_get(sp, "previous", previous, sizeof(previous), NULL);
	if (err != MH_OK)
		return err == MH_ERR_NOTFOUND ? MH_ERR_CORRUPT : err;
	memcpy(header->epoch, epoch, sizeof(epoch));
	memcpy(header->previous, previous, sizeof(previous));
	header->sequence = (uint64_t)last + 1;
	return MH_OK;
}

struct sealing {
	const struct spool_lines *lines;
	size_t n_taken;
	const struct report_header *header;
	const uint8_t *der;
	size_t len;
};

static mh_err
put_sealed(struct spool *sp, const struct sealing *s, const uint8_t digest[DIGEST_BYTES])
{
	sqlite3_stmt *stmt = statement(sp, SQL_SEALED_PUT);

	bind_text(stmt, 1, s->header->epoch);
	bind_int(stmt, 2, (int64_t)s->header->sequence);
	bind_bytes(stmt, 3, digest, DIGEST_BYTES);
	bind_int(stmt, 4, s->header->sealed_ms);
	bind_bytes(stmt, 5, s->der, s->len);
	return run(sp, stmt);
}

static mh_err
seal(struct spool *sp, const void *arg)
{
	const struct sealing *s = arg;
	uint8_t digest[DIGEST_BYTES];
	mh_err err;

	digest_sha256(s->der, s->len, digest);
	err = put_sealed(sp, s, digest);
	for (size_t i = 0; err == MH_OK && i < s->n_taken; i++) {
		sqlite3_stmt *stmt = statement(sp, SQL_PENDING_DROP);

		bind_int(stmt, 1, s->lines->ids[i]);
		err = run(sp, stmt);
	}
	if (err == MH_OK)
		err = meta_put_int(sp, "sequence", (int64_t)s->header->sequence);
	if (err == MH_OK)
		err = meta_put_bytes(sp, "previous", digest, sizeof(digest));
	return err;
}

mh_err
spool_seal(struct spool *sp, const struct spool_lines *lines, size_t n_taken,
    const struct report_header *header, const uint8_t *der, size_t len)
{
	const struct sealing s = { lines, n_taken, header, der, len };
	struct report_header next;
	uint64_t bytes = 0;
	mh_err err = spool_next_header(sp, &next);

	assert(n_taken <= lines->n && len <= CMS_ENVELOPE_MAX);
	if (err != MH_OK)
		return err;
	if (strcmp(next.epoch, header->epoch) != 0 || next.sequence != header->sequence ||
	    memcmp(next.previous, header->previous, DIGEST_BYTES) != 0)
		return MH_ERR_INVALID;
	err = transact_to_free(sp, seal, &s);
	if (err != MH_OK)
		return err;
	for (size_t i = 0; i < n_taken; i++)
		bytes += lines->lines[i].len;
	sp->used_bytes = sp->used_bytes + len - bytes;
	return MH_OK;
}

struct moving {
	int64_t id, now_ms;
	const char *why;
};

static mh_err
move_aside(struct spool *sp, const void *arg)
{
	const struct moving *m = arg;
	sqlite3_stmt *stmt = statement(sp, SQL_ASIDE_MOVE);
	mh_err err;

	bind_int(stmt, 1, m->id);
	bind_text(stmt, 2, m->why);
	bind_int(stmt, 3, m->now_ms);
	err = run(sp, stmt);
	if (err != MH_OK)
		return err;
	stmt = statement(sp, SQL_PENDING_DROP);
	bind_int(stmt, 1, m->id);
	return run(sp, stmt);
}

mh_err
spool_set_aside(struct spool *sp, const struct spool_lines *lines, const char *why,
    int64_t now_ms)
{
	assert(lines->n > 0);

	const struct moving m = { lines->ids[0], now_ms, why };
	mh_err err = transact_to_free(sp, move_aside, &m);

	if (err == MH_OK)
		sp->used_bytes -= lines->lines[0].len;
	return err;
}

void
spool_report_clear(struct spool_report *report)
{
	free(report->der);
	free(report->last_refusal);
	memset(report, 0, sizeof(*report));
}

mh_err
spool_next_report(struct spool *sp, int64_t after_id, int64_t now_ms,
    struct spool_report *ret)
{
	sqlite3_stmt *stmt = statement(sp, SQL_SEALED_NEXT);
	mh_err err;

	bind_int(stmt, 1, after_id);
	bind_int(stmt, 2, now_ms);
	err = run_row(sp, stmt);
	if (err != MH_OK)
		return err;
	memset(ret, 0, sizeof(*ret));
	ret->id = sqlite3_column_int64(stmt, 0);
	if (sqlite3_column_bytes(stmt, 1) == UUID_TEXT_LEN - 1)
		memcpy(ret->epoch, sqlite3_column_text(stmt, 1), UUID_TEXT_LEN - 1);
	ret->sequence = (uint64_t)sqlite3_column_int64(stmt, 2);
	if (sqlite3_column_bytes(stmt, 3) == DIGEST_BYTES)
		memcpy(ret->digest, sqlite3_column_blob(stmt, 3), DIGEST_BYTES);
	ret->tries = (uint64_t)sqlite3_column_int64(stmt, 4);
	if (sqlite3_column_type(stmt, 5) != SQLITE_NULL)
		ret->last_refusal = column_bytes(stmt, 5, NULL);
	ret->der = (uint8_t *)column_copy(stmt, 6, &ret->len);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_refused(struct spool *sp, const char *epoch, uint64_t sequence, const char *why,
    int64_t retry_ms)
{
	sqlite3_stmt *stmt = statement(sp, SQL_SEALED_REFUSE);

	bind_text(stmt, 1, epoch);
	bind_int(stmt, 2, (int64_t)sequence);
	bind_text(stmt, 3, why);
	bind_int(stmt, 4, retry_ms);
	return run(sp, stmt);
}

struct receiving {
	const struct receipt *receipt;
	const uint8_t *der;
	size_t len;
};

static mh_err
receive(struct spool *sp, const void *arg)
{
	const struct receiving *r = arg;
	sqlite3_stmt *stmt = statement(sp, SQL_SEALED_DROP);
	mh_err err;

	bind_text(stmt, 1, r->receipt->epoch);
	bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	err = run(sp, stmt);
	if (err != MH_OK)
		return err;
	if (sqlite3_changes(sp->db) != 1)
		return MH_ERR_NOTFOUND;
	stmt = statement(sp, SQL_RECEIPT_PUT);
	bind_text(stmt, 1, r->receipt->epoch);
	bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	bind_int(stmt, 4, r->receipt->received_ms);
	bind_bytes(stmt, 5, r->der, r->len);
	return run(sp, stmt);
}

/* Count anew what the quota bounds. */
static mh_err
count_used(struct spool *sp)
{
	sqlite3_stmt *stmt = statement(sp, SQL_USED_BYTES);
	mh_err err = run_row(sp, stmt);

	if (err != MH_OK)
		return err;
	sp->used_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_receipt(struct spool *sp, const struct receipt *receipt, const uint8_t *der,
    size_t len)
{
	const struct receiving r = { receipt, der, len };
	mh_err err = transact_to_free(sp, receive, &r);

	if (err == MH_OK)
		mh_ignore(count_used(sp));
	return err;
}

static mh_err
draw_epoch(struct spool *sp)
{
	static const uint8_t zeros[DIGEST_BYTES];
	char epoch[UUID_TEXT_LEN];
	mh_err err;

	uuid_new(epoch);
	err = meta_put(sp, "epoch", epoch);
	if (err == MH_OK)
		err = meta_put_int(sp, "sequence", 0);
	if (err == MH_OK)
		err = meta_put_bytes(sp, "previous", zeros, sizeof(zeros));
	return err;
}

/* Where the file lies: whoever continues an epoch has to be here. */
struct home {
	int64_t inode;
	const char *host_id;
};

static mh_err
move_home(struct spool *sp, const void *arg)
{
	const struct home *home = arg;
	mh_err err = draw_epoch(sp);

	if (err == MH_OK)
		err = meta_put_int(sp, "inode", home->inode);
	if (err == MH_OK)
		err = meta_put(sp, "host_id", home->host_id);
	return err;
}

static mh_err
settle(struct spool *sp, const char *host_id, bool *ret_is_new)
{
	struct stat st;
	char stored_host[128] = "";
	int64_t inode = 0;
	mh_err err;

	if (stat(sp->path, &st) < 0)
		return MH_ERR_SYSTEM;
	const struct home home = { (int64_t)st.st_ino, host_id };

	err = meta_get(sp, "inode", NULL, 0, &inode);
	if (err == MH_OK)
		err = meta_get(sp, "host_id", stored_host, sizeof(stored_host) - 1, NULL);
	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		return err;
	*ret_is_new = err == MH_ERR_NOTFOUND || inode != home.inode ||
		      strncmp(stored_host, host_id, sizeof(stored_host) - 1) != 0;
	return *ret_is_new ? transact(sp, move_home, &home) : MH_OK;
}

static mh_err
prepare_all(struct spool *sp)
{
	for (int i = 0; i < SQL_MAX_; i++) {
		int rc = sqlite3_prepare_v3(sp->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
		    &sp->stmt[i], NULL);

		if (rc != SQLITE_OK)
			return store_err(sp, rc);
	}
	return MH_OK;
}

/* "ok", or the first thing that is wrong. */
static mh_err
check_sound(struct spool *sp)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(sp->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	mh_err err = MH_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		err = store_err(sp, rc);
	else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		err = MH_ERR_CORRUPT;
	(void)sqlite3_finalize(stmt);
	return err;
}

static mh_err
set_up(struct spool *sp)
{
	/* FULL: each commit is on the disk before it is answered.  The journal is
	 * worked off at 1 MiB and cut back, so that little of it is still to come into
	 * the database when the disk is full (SPOOL_RESERVE_BYTES). */
	static const char pragmas[] =
	    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	    "PRAGMA journal_size_limit=8388608; PRAGMA wal_autocheckpoint=256;"
	    "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY";
	int rc;
	mh_err err;

	(void)sqlite3_busy_timeout(sp->db, 2000);
	rc = sqlite3_exec(sp->db, pragmas, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return store_err(sp, rc);
	err = check_sound(sp);
	if (err != MH_OK)
		return err;
	err = spool_schema_migrate(sp->db, &rc);
	if (err == MH_ERR_STORE)
		return store_err(sp, rc);
	return err == MH_OK ? prepare_all(sp) : err;
}

static mh_err
open_database(const char *path, int flags, struct spool **ret)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));
	int rc = sqlite3_open_v2(path, &sp->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	sp->path = xstrdup(path);
	*ret = sp;
	(void)sqlite3_extended_result_codes(sp->db, 1);
	return rc == SQLITE_OK ? MH_OK : store_err(sp, rc);
}

/* Rename the database and its journal; SQLite finds the two together again. */
static mh_err
put_away(const char *path, int64_t now_ms, char **ret_damaged)
{
	static const char *const suffixes[] = { "-wal", "-shm", "" };
	char when[CLOCK_TEXT_LEN];

	clock_format(now_ms, when);
	MH_CLEANUP(freep) char *damaged = xasprintf("%s.damaged-%s", path, when);

	for (size_t i = 0; i < MH_ARRAY_LEN(suffixes); i++) {
		MH_CLEANUP(freep) char *from = xasprintf("%s%s", path, suffixes[i]);
		MH_CLEANUP(freep) char *to = xasprintf("%s%s", damaged, suffixes[i]);

		if (rename(from, to) < 0 && (errno != ENOENT || suffixes[i][0] == 0))
			return MH_ERR_SYSTEM;
	}
	*ret_damaged = MH_TAKE(damaged);
	return MH_OK;
}

/* SQLite makes its files with the mode of the database, which is ours alone. */
static mh_err
make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return MH_ERR_SYSTEM;
	(void)close(fd);
	return MH_OK;
}

static mh_err
open_sound(const char *path, struct spool **ret)
{
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	mh_err err = make_private(path);

	if (err != MH_OK)
		return err;
	err = open_database(path, SQLITE_OPEN_READWRITE, &sp);
	if (err == MH_OK)
		err = set_up(sp);
	if (err == MH_OK)
		err = count_used(sp);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(sp);
	return MH_OK;
}

mh_err
spool_open(const char *path, const struct spool_options *options, int64_t now_ms,
    struct spool **ret, struct spool_opening *ret_opening)
{
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	MH_CLEANUP(freep) char *damaged = NULL;
	bool is_new = false;
	mh_err err = open_sound(path, &sp);

	if (err == MH_ERR_CORRUPT) {
		err = put_away(path, now_ms, &damaged);
		if (err == MH_OK)
			err = open_sound(path, &sp);
	}
	if (err == MH_OK)
		err =
		    settle(sp, options->host_id != NULL ? options->host_id : "", &is_new);
	if (err != MH_OK)
		return err;
	sp->max_bytes = options->max_bytes;
	sp->min_free_bytes = options->min_free_bytes;
	keep_reserve(sp);
	ret_opening->is_new_epoch = is_new;
	ret_opening->damaged = MH_TAKE(damaged);
	*ret = MH_TAKE(sp);
	return MH_OK;
}

mh_err
spool_open_reader(const char *path, struct spool **ret)
{
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	int rc = SQLITE_OK;
	int version;
	mh_err err;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return MH_ERR_NOTFOUND;
	err = open_database(path, SQLITE_OPEN_READWRITE, &sp);
	if (err != MH_OK)
		return err;
	(void)sqlite3_busy_timeout(sp->db, 2000);
	version = spool_schema_version(sp->db, &rc);
	if (version < 0)
		return store_err(sp, rc);
	if (version != SPOOL_SCHEMA_VERSION)
		return MH_ERR_UNSUPPORTED;
	rc = sqlite3_exec(sp->db, "PRAGMA query_only=1", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return store_err(sp, rc);
	err = prepare_all(sp);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(sp);
	return MH_OK;
}

void
spool_close(struct spool *sp)
{
	if (sp == NULL)
		return;
	for (int i = 0; i < SQL_MAX_; i++)
		(void)sqlite3_finalize(sp->stmt[i]);
	(void)sqlite3_close(sp->db);
	free(sp->path);
	free(sp);
}

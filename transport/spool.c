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
#include "transport/spool_db.h"
#include "transport/spool_schema.h"

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
 * As spool_db_transact(), for what takes more out of the spool than it puts in: on a full
 * disk the reserve is given up for it, else a full disk would stay full.
 */
static mh_err
transact_to_free(struct spool *sp, spool_db_fn *body, const void *arg)
{
	MH_CLEANUP(freep) char *reserve = xasprintf("%s.reserve", sp->path);
	mh_err err = spool_db_transact(sp, body, arg);

	if (err == MH_ERR_FULL && unlink(reserve) == 0) {
		err = spool_db_transact(sp, body, arg);
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
	sqlite3_stmt *stmt =
	    spool_db_statement(sp, fits ? SQL_PENDING_PUT : SQL_ASIDE_PUT);

	spool_db_bind_int(stmt, 1, lane);
	spool_db_bind_int(stmt, 2, now_ms);
	spool_db_bind_bytes(stmt, 3, json, len);
	if (!fits)
		spool_db_bind_text(stmt, 4,
		    "the line is larger than a line of a report may be");
	return spool_db_run(sp, stmt);
}

static mh_err
put_finding(struct spool *sp, const struct spool_finding *f, int64_t now_ms)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_HISTORY_PUT);
	mh_err err;

	spool_db_bind_text(stmt, 1, f->uid);
	spool_db_bind_int(stmt, 2, f->seen_ms);
	spool_db_bind_text(stmt, 3, f->rule);
	spool_db_bind_text(stmt, 4, f->pack);
	spool_db_bind_int(stmt, 5, f->severity);
	spool_db_bind_bytes(stmt, 6, f->path, f->path_len);
	spool_db_bind_bytes(stmt, 7, f->json, f->json_len);
	err = spool_db_run(sp, stmt);
	if (err != MH_OK || f->is_quiet)
		return err;
	return put_line(sp, LANE_FINDING, f->json, f->json_len, now_ms);
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
		sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SCANNED_PUT);

		spool_db_bind_scanned(stmt, &b->scanned[i]);
		spool_db_bind_int(stmt, 8, b->now_ms);
		err = spool_db_run(sp, stmt);
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
		err = spool_db_transact(sp, put_batch, batch);
	if (err == MH_OK)
		sp->used_bytes += lines;
	return err;
}

static mh_err
meta_put(struct spool *sp, const char *key, const char *text)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_text(stmt, 2, text);
	return spool_db_run(sp, stmt);
}

static mh_err
meta_put_int(struct spool *sp, const char *key, int64_t v)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_int(stmt, 2, v);
	return spool_db_run(sp, stmt);
}

static mh_err
meta_put_bytes(struct spool *sp, const char *key, const void *p, size_t len)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_PUT);

	spool_db_bind_text(stmt, 1, key);
	spool_db_bind_bytes(stmt, 2, p, len);
	return spool_db_run(sp, stmt);
}

/* At most size bytes of the value, zeros behind; *ret_int is it as a number. */
static mh_err
meta_get(struct spool *sp, const char *key, void *ret, size_t size, int64_t *ret_int)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_META_GET);
	mh_err err;

	spool_db_bind_text(stmt, 1, key);
	err = spool_db_row(sp, stmt);
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
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_PUT);

	spool_db_bind_text(stmt, 1, s->header->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)s->header->sequence);
	spool_db_bind_bytes(stmt, 3, digest, DIGEST_BYTES);
	spool_db_bind_int(stmt, 4, s->header->sealed_ms);
	spool_db_bind_bytes(stmt, 5, s->der, s->len);
	return spool_db_run(sp, stmt);
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
		sqlite3_stmt *stmt = spool_db_statement(sp, SQL_PENDING_DROP);

		spool_db_bind_int(stmt, 1, s->lines->ids[i]);
		err = spool_db_run(sp, stmt);
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
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_ASIDE_MOVE);
	mh_err err;

	spool_db_bind_int(stmt, 1, m->id);
	spool_db_bind_text(stmt, 2, m->why);
	spool_db_bind_int(stmt, 3, m->now_ms);
	err = spool_db_run(sp, stmt);
	if (err != MH_OK)
		return err;
	stmt = spool_db_statement(sp, SQL_PENDING_DROP);
	spool_db_bind_int(stmt, 1, m->id);
	return spool_db_run(sp, stmt);
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

mh_err
spool_refused(struct spool *sp, const char *epoch, uint64_t sequence, const char *why,
    int64_t retry_ms)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_REFUSE);

	spool_db_bind_text(stmt, 1, epoch);
	spool_db_bind_int(stmt, 2, (int64_t)sequence);
	spool_db_bind_text(stmt, 3, why);
	spool_db_bind_int(stmt, 4, retry_ms);
	return spool_db_run(sp, stmt);
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
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_DROP);
	mh_err err;

	spool_db_bind_text(stmt, 1, r->receipt->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	spool_db_bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	err = spool_db_run(sp, stmt);
	if (err != MH_OK)
		return err;
	if (sqlite3_changes(sp->db) != 1)
		return MH_ERR_NOTFOUND;
	stmt = spool_db_statement(sp, SQL_RECEIPT_PUT);
	spool_db_bind_text(stmt, 1, r->receipt->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	spool_db_bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	spool_db_bind_int(stmt, 4, r->receipt->received_ms);
	spool_db_bind_bytes(stmt, 5, r->der, r->len);
	return spool_db_run(sp, stmt);
}

/* Count anew what the quota bounds. */
static mh_err
count_used(struct spool *sp)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_USED_BYTES);
	mh_err err = spool_db_row(sp, stmt);

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
	return *ret_is_new ? spool_db_transact(sp, move_home, &home) : MH_OK;
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
		err = spool_db_err(sp, rc);
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
		return spool_db_err(sp, rc);
	err = check_sound(sp);
	if (err != MH_OK)
		return err;
	err = spool_schema_migrate(sp->db, &rc);
	if (err == MH_ERR_STORE)
		return spool_db_err(sp, rc);
	return err == MH_OK ? spool_db_prepare(sp) : err;
}

static mh_err
open_database(const char *path, int flags, struct spool **ret)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));
	int rc = sqlite3_open_v2(path, &sp->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	sp->path = xstrdup(path);
	*ret = sp;
	(void)sqlite3_extended_result_codes(sp->db, 1);
	return rc == SQLITE_OK ? MH_OK : spool_db_err(sp, rc);
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

void
spool_set_limits(struct spool *sp, uint64_t max_bytes, uint64_t min_free_bytes)
{
	sp->max_bytes = max_bytes;
	sp->min_free_bytes = min_free_bytes;
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
		return spool_db_err(sp, rc);
	if (version != SPOOL_SCHEMA_VERSION)
		return MH_ERR_UNSUPPORTED;
	rc = sqlite3_exec(sp->db, "PRAGMA query_only=1", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return spool_db_err(sp, rc);
	err = spool_db_prepare(sp);
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

/* NEEDSWORK: a stand-in, until the spool has its own table of such reports. */
static mh_err
draw_epoch_now(struct spool *sp, const void *arg)
{
	(void)arg;
	return draw_epoch(sp);
}

mh_err
spool_new_epoch(struct spool *sp)
{
	return spool_db_transact(sp, draw_epoch_now, NULL);
}

struct unsealing {
	const char *epoch;
	uint64_t sequence;
	const struct report_line *lines;
	size_t n;
	const char *why;
	int64_t now_ms;
};

static mh_err
unseal(struct spool *sp, const void *arg)
{
	const struct unsealing *u = arg;
	static const char move[] =
	    "INSERT INTO aside (lane, stored_ms, why, line) SELECT 0, ?3, ?4, der FROM "
	    "sealed WHERE epoch = ?1 AND sequence = ?2";
	static const char drop[] =
	    "DELETE FROM sealed WHERE epoch = ?1 AND sequence = ?2";
	static const char put[] =
	    "INSERT INTO pending (id, lane, stored_ms, bytes, line) VALUES "
	    "((SELECT coalesce(min(id), 1) - 1 FROM pending), ?1, ?2, length(?3), ?3)";
	sqlite3_stmt *stmt = NULL;
	mh_err err = MH_OK;

	(void)sqlite3_prepare_v2(sp->db, move, -1, &stmt, NULL);
	spool_db_bind_text(stmt, 1, u->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)u->sequence);
	spool_db_bind_int(stmt, 3, u->now_ms);
	spool_db_bind_text(stmt, 4, u->why);
	err = spool_db_run(sp, stmt);
	(void)sqlite3_finalize(stmt);
	if (err == MH_OK && sqlite3_changes(sp->db) == 0)
		err = MH_ERR_NOTFOUND;
	if (err != MH_OK)
		return err;
	(void)sqlite3_prepare_v2(sp->db, drop, -1, &stmt, NULL);
	spool_db_bind_text(stmt, 1, u->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)u->sequence);
	err = spool_db_run(sp, stmt);
	(void)sqlite3_finalize(stmt);
	for (size_t i = u->n; err == MH_OK && i > 0; i--) {
		(void)sqlite3_prepare_v2(sp->db, put, -1, &stmt, NULL);
		spool_db_bind_int(stmt, 1, u->lines[i - 1].lane);
		spool_db_bind_int(stmt, 2, u->now_ms);
		spool_db_bind_bytes(stmt, 3, u->lines[i - 1].text, u->lines[i - 1].len);
		err = spool_db_run(sp, stmt);
		(void)sqlite3_finalize(stmt);
	}
	return err;
}

mh_err
spool_unseal(struct spool *sp, const char *epoch, uint64_t sequence,
    const struct report_line *lines, size_t n, const char *why, int64_t now_ms)
{
	const struct unsealing u = { epoch, sequence, lines, n, why, now_ms };

	return spool_db_transact(sp, unseal, &u);
}

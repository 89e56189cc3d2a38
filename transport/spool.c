/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/spool.h"

#include <assert.h>
#include <dirent.h>
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

/* Whether so much more may be stored: bytes of findings, and bytes on the disk. */
static mh_err
check_room(struct spool *sp, uint64_t findings, uint64_t disk)
{
	uint64_t kept = sp->used_bytes - sp->status_bytes;
	struct statvfs fs;
	uint64_t free_bytes;

	/* Coverage gives way to a finding (trim_status()). */
	if (sp->max_bytes > 0 && findings > 0 && kept + findings > sp->max_bytes) {
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

static bool
is_over(const struct spool *sp)
{
	return sp->status_bytes > sp->max_status_bytes ||
	       (sp->max_bytes > 0 && sp->used_bytes > sp->max_bytes);
}

/* Drop the oldest coverage as long as a quota is exceeded, and count what is dropped. */
static mh_err
trim_status(struct spool *sp)
{
	while (is_over(sp)) {
		sqlite3_stmt *stmt = spool_db_statement(sp, SQL_STATUS_OLDEST);
		mh_err err = spool_db_row(sp, stmt);

		if (err != MH_OK)
			return err == MH_ERR_NOTFOUND ? MH_OK : err;

		int64_t id = sqlite3_column_int64(stmt, 0);
		int64_t bytes = sqlite3_column_int64(stmt, 1);
		int64_t stored_ms = sqlite3_column_int64(stmt, 2);

		(void)sqlite3_reset(stmt);
		stmt = spool_db_statement(sp, SQL_PENDING_DROP);
		spool_db_bind_int(stmt, 1, id);
		err = spool_db_run(sp, stmt);
		if (err == MH_OK) {
			stmt = spool_db_statement(sp, SQL_DROPPED_ADD);
			spool_db_bind_int(stmt, 1, bytes);
			spool_db_bind_int(stmt, 2, stored_ms);
			err = spool_db_run(sp, stmt);
		}
		if (err != MH_OK)
			return err;
		sp->used_bytes -= (uint64_t)bytes;
		sp->status_bytes -= (uint64_t)bytes;
	}
	return MH_OK;
}

static mh_err
put_line(struct spool *sp, enum report_lane lane, const char *json, size_t len,
    int64_t now_ms)
{
	const struct spool_line line = { lane, json, len, false };

	return spool_db_put_line(sp, &line, now_ms);
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

/* Bytes that a batch adds. */
struct batch_size {
	uint64_t findings, status; /* to the quotas */
	uint64_t disk;
};

static mh_err
measure_batch(const struct spool_batch *b, struct batch_size *ret)
{
	struct batch_size size = { 0 };

	for (size_t i = 0; i < b->n_findings; i++) {
		const struct spool_finding *f = &b->findings[i];

		if (f->json_len > SPOOL_JSON_MAX || f->path_len > SPOOL_PATH_MAX ||
		    strlen(f->uid) > SPOOL_UID_MAX)
			return MH_ERR_TOOBIG;
		if (!f->is_quiet && f->json_len <= REPORT_LINE_MAX)
			size.findings += f->json_len;
		size.disk += 2 * f->json_len + f->path_len;
	}
	for (size_t i = 0; i < b->n_coverage; i++) {
		if (b->coverage[i].len > SPOOL_JSON_MAX)
			return MH_ERR_TOOBIG;
		if (b->coverage[i].len <= REPORT_LINE_MAX)
			size.status += b->coverage[i].len;
		size.disk += b->coverage[i].len;
	}
	for (size_t i = 0; i < b->n_scanned; i++) {
		if (b->scanned[i].path_len > SPOOL_PATH_MAX)
			return MH_ERR_TOOBIG;
		size.disk += b->scanned[i].path_len + 100;
	}
	*ret = size;
	return MH_OK;
}

/* A batch, and what it adds. */
struct storing {
	const struct spool_batch *batch;
	struct batch_size size;
};

static mh_err
store_and_trim(struct spool *sp, const void *arg)
{
	const struct storing *s = arg;
	mh_err err = put_batch(sp, s->batch);

	if (err != MH_OK)
		return err;
	sp->used_bytes += s->size.findings + s->size.status;
	sp->status_bytes += s->size.status;
	return trim_status(sp);
}

mh_err
spool_store(struct spool *sp, const struct spool_batch *batch)
{
	struct storing s = { .batch = batch };
	uint64_t used = sp->used_bytes;
	uint64_t status = sp->status_bytes;
	mh_err err = measure_batch(batch, &s.size);

	(void)snprintf(sp->why, sizeof(sp->why), "%s", mh_strerror(err));
	if (err == MH_OK)
		err = check_room(sp, s.size.findings, s.size.disk);
	if (err == MH_OK)
		err = spool_db_transact(sp, store_and_trim, &s);
	if (err != MH_OK) {
		sp->used_bytes = used;
		sp->status_bytes = status;
	}
	return err;
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
	/* A damaged one is not touched; see open_sound(). */
	(void)sqlite3_db_config(sp->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return rc == SQLITE_OK ? MH_OK : spool_db_err(sp, rc);
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
		err = spool_db_count_used(sp);
	if (err != MH_OK)
		return err;
	(void)sqlite3_db_config(sp->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	*ret = MH_TAKE(sp);
	return MH_OK;
}

void
spool_set_limits(struct spool *sp, const struct spool_options *options)
{
	sp->max_bytes = options->max_bytes;
	sp->max_status_bytes = options->max_status_bytes > SPOOL_STATUS_MIN
				   ? options->max_status_bytes
				   : SPOOL_STATUS_MIN;
	sp->min_free_bytes = options->min_free_bytes;
}

/* A database has its journal beside it, whose name SQLite makes of the database's. */
static const char *const file_suffixes[] = { "-wal", "-shm", "" };

/* The database last: without it the others are nothing. */
static mh_err
rename_database(const char *from, const char *to)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(file_suffixes); i++) {
		MH_CLEANUP(freep) char *old = xasprintf("%s%s", from, file_suffixes[i]);
		MH_CLEANUP(freep) char *new = xasprintf("%s%s", to, file_suffixes[i]);

		if (rename(old, new) < 0 && (errno != ENOENT || file_suffixes[i][0] == 0))
			return MH_ERR_SYSTEM;
	}
	return MH_OK;
}

static void
unlink_database(const char *path)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(file_suffixes); i++) {
		MH_CLEANUP(freep) char *name = xasprintf("%s%s", path, file_suffixes[i]);

		(void)unlink(name);
	}
}

/* What replace_damaged() makes, and where. */
struct replacing {
	const char *path;
	char *fresh;   /* the new database, before it has the other's name */
	char *damaged; /* where the damaged one goes */
	const char *host_id;
	int64_t now_ms;
	struct spool_salvage salvage;
};

static mh_err
fill_fresh(struct replacing *r)
{
	MH_CLEANUP(freep) char *reserve = xasprintf("%s.reserve", r->path);
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	bool is_new = false;
	mh_err err;

	unlink_database(r->fresh);
	err = open_sound(r->fresh, &sp);
	if (err == MH_OK)
		err = spool_db_settle(sp, r->host_id, &is_new);
	/* It was kept for a day like this. */
	(void)unlink(reserve);
	if (err == MH_OK)
		err = spool_salvage(sp, r->path, r->damaged, r->now_ms, &r->salvage);
	return err;
}

/*
 * Put a damaged database aside and another with what could be read in its place.  The
 * other one is whole before the first name changes: a crash between repeats it, and one
 * within or between the two renames is mended by the next spool_open().
 */
static mh_err
replace_damaged(struct replacing *r)
{
	char when[CLOCK_TEXT_LEN];
	mh_err err;

	clock_format(r->now_ms, when);
	r->damaged = xasprintf("%s.damaged-%s", r->path, when);
	err = fill_fresh(r);
	if (err != MH_OK) {
		unlink_database(r->fresh);
		return err;
	}
	err = rename_database(r->path, r->damaged);
	if (err == MH_OK)
		err = rename_database(r->fresh, r->path);
	return err;
}

/*
 * A crash within the first of them: a journal lies aside and its database does not.
 * Without its journal the database is an older one, and may pass for a sound one: what
 * was stored since would be lost, and sequences would be used twice.
 */
static void
bring_journal_back(const char *path)
{
	MH_CLEANUP(freep) char *folder = xstrdup(path);
	char *base = strrchr(folder, '/');
	MH_CLEANUP(freep) char *start = NULL;
	DIR *dir = NULL;
	const struct dirent *e;

	if (base == NULL)
		return;
	*base = 0;
	start = xasprintf("%s.damaged-", base + 1);
	dir = opendir(folder);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		MH_CLEANUP(freep)
		char *database = xasprintf("%s/%s", folder, e->d_name);
		MH_CLEANUP(freep) char *aside = xstrdup(database);
		MH_CLEANUP(freep) char *journal = xasprintf("%s-wal", path);
		size_t len = strlen(database);

		if (strncmp(e->d_name, start, strlen(start)) != 0 ||
		    strcmp(database + len - 4, "-wal") != 0)
			continue;
		database[len - 4] = 0;
		if (access(database, F_OK) < 0 && access(path, F_OK) == 0)
			(void)rename(aside, journal);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* A crash between the two renames of replace_damaged(). */
static void
finish_replacing(const char *path, const char *fresh)
{
	bring_journal_back(path);
	if (access(path, F_OK) < 0 && errno == ENOENT && access(fresh, F_OK) == 0)
		mh_ignore(rename_database(fresh, path));
}

mh_err
spool_open(const char *path, const struct spool_options *options, int64_t now_ms,
    struct spool **ret, struct spool_opening *ret_opening)
{
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	MH_CLEANUP(freep) char *fresh = xasprintf("%s.new", path);
	MH_CLEANUP(freep) char *damaged = NULL;
	struct replacing r = { .path = path, .fresh = fresh, .now_ms = now_ms };
	bool is_new = false;
	mh_err err;

	r.host_id = options->host_id != NULL ? options->host_id : "";
	finish_replacing(path, fresh);
	err = open_sound(path, &sp);
	if (err == MH_ERR_CORRUPT) {
		err = replace_damaged(&r);
		damaged = r.damaged;
		if (err == MH_OK)
			err = open_sound(path, &sp);
	}
	if (err == MH_OK)
		err = spool_db_settle(sp, r.host_id, &is_new);
	if (err != MH_OK)
		return err;
	spool_set_limits(sp, options);
	spool_db_keep_reserve(sp);
	ret_opening->is_new_epoch = is_new || damaged != NULL;
	ret_opening->damaged = MH_TAKE(damaged);
	ret_opening->salvage = r.salvage;
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

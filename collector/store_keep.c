/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's half about what is kept how long, and copies of all of it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "collector/store_internal.h"

enum {
	BACKUP_PAGES = 128, /* copied at once: 1 MiB */
	BACKUP_PAUSE_MS = 2,
	/*
	 * A copy counts on from so much further: whoever shipped events out of the
	 * original has a cursor behind all that the copy will hold.
	 */
	BACKUP_EVENTS_AHEAD = 1 << 24,
};

/* A report that is old enough. */
struct old_report {
	int64_t id, epoch, agent, received_ms;
	uint64_t sequence, n_findings, n_coverage;
	uint8_t previous[DIGEST_BYTES], digest[DIGEST_BYTES];
	bool is_held;
};

static void
copy_digest(sqlite3_stmt *stmt, int i, uint8_t ret[DIGEST_BYTES])
{
	memset(ret, 0, DIGEST_BYTES);
	if (sqlite3_column_bytes(stmt, i) == DIGEST_BYTES)
		memcpy(ret, sqlite3_column_blob(stmt, i), DIGEST_BYTES);
}

static mh_err
find_old(struct store *st, int64_t before_ms, unsigned max, struct old_report *ret,
    unsigned *ret_n)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_PRUNABLE);
	int rc = SQLITE_ERROR;
	unsigned n = 0;

	bind_int(stmt, 1, before_ms);
	bind_int(stmt, 2, st->pruned_to_ms);
	bind_int(stmt, 3, st->pruned_to_id);
	bind_int(stmt, 4, max);
	while (stmt != NULL && n < max && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct old_report *r = &ret[n++];

		*r = (struct old_report){
			.id = sqlite3_column_int64(stmt, 0),
			.epoch = sqlite3_column_int64(stmt, 1),
			.sequence = (uint64_t)sqlite3_column_int64(stmt, 2),
			.n_findings = (uint64_t)sqlite3_column_int64(stmt, 5),
			.n_coverage = (uint64_t)sqlite3_column_int64(stmt, 6),
			.received_ms = sqlite3_column_int64(stmt, 7),
			.agent = sqlite3_column_int64(stmt, 8),
			.is_held = sqlite3_column_int(stmt, 9) != 0,
		};
		copy_digest(stmt, 3, r->previous);
		copy_digest(stmt, 4, r->digest);
	}
	*ret_n = n;

	mh_err err = rc == SQLITE_DONE || rc == SQLITE_ROW ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

/* Count the report in the stub that ends before it, or begin one. */
static mh_err
keep_stub(struct store *st, const struct old_report *r, int64_t now_ms)
{
	sqlite3_stmt *stmt = NULL;
	mh_err err = MH_OK;

	for (enum store_sql id = SQL_PRUNED_UP;; id = SQL_PRUNED_ADD) {
		stmt = store_statement(st, id);
		bind_int(stmt, 1, r->epoch);
		bind_int(stmt, 2, (int64_t)r->sequence);
		bind_blob(stmt, 3, r->previous, DIGEST_BYTES);
		bind_blob(stmt, 4, r->digest, DIGEST_BYTES);
		bind_int(stmt, 5, (int64_t)r->n_findings);
		bind_int(stmt, 6, (int64_t)r->n_coverage);
		bind_int(stmt, 7, r->received_ms);
		bind_int(stmt, 8, now_ms);
		err = store_run(st, stmt);
		if (err != MH_OK || id == SQL_PRUNED_ADD || sqlite3_changes(st->db) > 0)
			return err;
	}
}

static mh_err
sum_stub(struct store *st, int64_t epoch, uint64_t last, uint8_t ret[DIGEST_BYTES],
    bool *ret_same)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_PRUNED_TEXT);

	bind_int(stmt, 1, epoch);
	bind_int(stmt, 2, (int64_t)last);
	return store_sum(st, stmt, ret, ret_same);
}

static mh_err
seal_stub(struct store *st, const struct old_report *r)
{
	uint8_t sum[DIGEST_BYTES];
	bool same = false;
	mh_err err = sum_stub(st, r->epoch, r->sequence, sum, &same);
	sqlite3_stmt *stmt = store_statement(st, SQL_PRUNED_SUM);

	/* One that came again after it was pruned is in another stub's range. */
	if (err == MH_ERR_STORE)
		return MH_OK;
	if (err != MH_OK || same)
		return err;
	bind_int(stmt, 1, r->epoch);
	bind_int(stmt, 2, (int64_t)r->sequence);
	bind_blob(stmt, 3, sum, DIGEST_BYTES);
	return store_run(st, stmt);
}

static mh_err
prune_report(struct store *st, const struct old_report *r, int64_t now_ms)
{
	sqlite3_stmt *stmt;
	mh_err err = keep_stub(st, r, now_ms);

	if (err == MH_OK)
		err = seal_stub(st, r);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_FINDINGS_DELETE);
	bind_int(stmt, 1, r->id << STORE_LINE_BITS);
	bind_int(stmt, 2, (r->id + 1) << STORE_LINE_BITS);
	err = store_run(st, stmt);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_REPORT_DELETE);
	bind_int(stmt, 1, r->id);
	err = store_run(st, stmt);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_AGENT_PRUNED);
	bind_int(stmt, 1, r->agent);
	bind_int(stmt, 2, 1);
	bind_int(stmt, 3, (int64_t)r->n_findings);
	return store_run(st, stmt);
}

/* What is as old and stands beside reports. */
static mh_err
prune_rest(struct store *st, int64_t before_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARMS_PRUNE);
	int64_t n;
	mh_err err;

	bind_int(stmt, 1, before_ms);
	err = store_run(st, stmt);
	n = sqlite3_changes(st->db);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_NUMBER_ADD);
	bind_text(stmt, 1, "alarms");
	bind_int(stmt, 2, -n);
	err = store_run(st, stmt);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_MACHINES_PRUNE);
	bind_int(stmt, 1, before_ms);
	return store_run(st, stmt);
}

/* Give some free pages back to the file system. */
static mh_err
give_back(struct store *st)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_VACUUM);
	int rc = SQLITE_ERROR;

	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		;

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
prune_some(struct store *st, const struct old_report *rows, unsigned n, int64_t now_ms,
    unsigned *n_gone)
{
	mh_err err = MH_OK;

	for (unsigned i = 0; err == MH_OK && i < n; i++) {
		if (!rows[i].is_held) {
			err = prune_report(st, &rows[i], now_ms);
			(*n_gone)++;
		}
	}
	return err;
}

mh_err
store_prune(struct store *st, uint64_t keep_ms, int64_t now_ms, unsigned max,
    unsigned *ret_n, bool *ret_more)
{
	struct old_report rows[STORE_PRUNE_MAX];
	int64_t before_ms = now_ms - (int64_t)keep_ms;
	unsigned n = 0;
	unsigned n_gone = 0;
	mh_err err = store_save(st);

	assert(max > 0 && max <= STORE_PRUNE_MAX);
	if (err != MH_OK)
		return err;
	err = find_old(st, before_ms, max, rows, &n);
	if (err == MH_OK)
		err = prune_some(st, rows, n, now_ms, &n_gone);
	if (err == MH_OK && n < max)
		err = prune_rest(st, before_ms);
	if (err == MH_OK)
		err = give_back(st);
	err = store_settle(st, err);
	if (err != MH_OK)
		return err;
	/* What is held is passed over until the next round. */
	st->pruned_to_ms = n < max ? 0 : rows[n - 1].received_ms;
	st->pruned_to_id = n < max ? 0 : rows[n - 1].id;
	*ret_n = n_gone;
	*ret_more = n == max;
	return MH_OK;
}

static void
read_pruned(sqlite3_stmt *stmt, struct pruned_row *ret)
{
	*ret = (struct pruned_row){
		.agent = column_text(stmt, 0),
		.epoch = column_text(stmt, 1),
		.first = (uint64_t)sqlite3_column_int64(stmt, 2),
		.last = (uint64_t)sqlite3_column_int64(stmt, 3),
		.previous = sqlite3_column_bytes(stmt, 4) == DIGEST_BYTES
				? sqlite3_column_blob(stmt, 4)
				: NULL,
		.digest = sqlite3_column_bytes(stmt, 5) == DIGEST_BYTES
			      ? sqlite3_column_blob(stmt, 5)
			      : NULL,
		.n_findings = (uint64_t)sqlite3_column_int64(stmt, 6),
		.n_coverage = (uint64_t)sqlite3_column_int64(stmt, 7),
		.first_received_ms = sqlite3_column_int64(stmt, 8),
		.last_received_ms = sqlite3_column_int64(stmt, 9),
		.pruned_ms = sqlite3_column_int64(stmt, 10),
		.epoch_id = sqlite3_column_int64(stmt, 11),
	};
}

static mh_err
each_pruned(struct store *st, sqlite3_stmt *stmt, pruned_row_fn *fn, void *arg)
{
	mh_err err = MH_OK;
	int rc = SQLITE_ERROR;

	while (stmt != NULL && err == MH_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct pruned_row row;

		read_pruned(stmt, &row);
		err = fn(&row, arg);
	}
	if (err == MH_OK && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

bool
store_pruned_is_sound(struct store *st, const struct pruned_row *p)
{
	uint8_t sum[DIGEST_BYTES];
	bool same = false;

	return sum_stub(st, p->epoch_id, p->last, sum, &same) == MH_OK && same;
}

mh_err
store_pruned_each(struct store *st, pruned_row_fn *fn, void *arg)
{
	return each_pruned(st, store_statement(st, SQL_PRUNED_EACH), fn, arg);
}

mh_err
store_pruned_from(struct store *st, int64_t epoch_id, uint64_t first, pruned_row_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_PRUNED_FROM);

	bind_int(stmt, 1, epoch_id);
	bind_int(stmt, 2, (int64_t)first);
	return each_pruned(st, stmt, fn, arg);
}

/* Set one of the numbers. */
static mh_err
set_number(struct store *st, const char *name, int64_t value)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_NUMBER_SET);

	bind_text(stmt, 1, name);
	bind_int(stmt, 2, value);
	return store_run(st, stmt);
}

static mh_err
get_number(struct store *st, const char *name, int64_t *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_NUMBER_GET);

	bind_text(stmt, 1, name);
	return store_number(st, stmt, ret);
}

/* Copy page after page; st holds a read transaction, so that nobody starts it anew. */
static mh_err
copy_pages(struct store *st, sqlite3 *to, backup_fn *fn, void *arg)
{
	const struct timespec pause = { 0, BACKUP_PAUSE_MS * 1000000 };
	sqlite3_backup *copy = sqlite3_backup_init(to, "main", st->db, "main");
	int rc = copy != NULL ? SQLITE_OK : SQLITE_ERROR;

	while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
		rc = sqlite3_backup_step(copy, BACKUP_PAGES);
		if (fn != NULL)
			fn(sqlite3_backup_pagecount(copy) -
				sqlite3_backup_remaining(copy),
			    sqlite3_backup_pagecount(copy), arg);
		if (rc != SQLITE_DONE)
			(void)nanosleep(&pause, NULL);
	}
	(void)sqlite3_backup_finish(copy);
	return rc == SQLITE_DONE                                         ? MH_OK
	       : rc == SQLITE_FULL || sqlite3_system_errno(to) == ENOSPC ? MH_ERR_FULL
	       : rc == SQLITE_CORRUPT                                    ? MH_ERR_CORRUPT
									 : MH_ERR_STORE;
}

static mh_err
copy_to(struct store *st, const char *path, backup_fn *fn, void *arg)
{
	sqlite3 *to = NULL;
	int64_t n = 0;
	mh_err err = store_script(st, "BEGIN");

	if (err != MH_OK)
		return err;
	err = get_number(st, "event", &n); /* the read that fixes what is seen */
	if (err == MH_OK &&
	    sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		err = MH_ERR_STORE;
	if (err == MH_OK)
		err = copy_pages(st, to, fn, arg);
	(void)sqlite3_close(to);
	mh_ignore(store_script(st, "COMMIT")); /* it only read */
	return err;
}

/* Tell the copy that it is one, and make it a single file. */
static mh_err
mark_copy(const char *path, int64_t now_ms)
{
	MH_CLEANUP(store_closep) struct store *copy = NULL;
	sqlite3_stmt *stmt;
	mh_err err = store_open(path, &copy);

	if (err == MH_OK)
		err = set_number(copy, "copied_ms", now_ms);
	if (err != MH_OK)
		return err;
	stmt = store_statement(copy, SQL_NUMBER_ADD);
	bind_text(stmt, 1, "event");
	bind_int(stmt, 2, BACKUP_EVENTS_AHEAD);
	err = store_run(copy, stmt);
	return err == MH_OK ? store_script(copy, "PRAGMA journal_mode = DELETE") : err;
}

/* Make it durable, then give it its name, which nobody else has taken meanwhile. */
static mh_err
put_in_place(const char *part, const char *path)
{
	MH_CLEANUP(freep) char *folder = xstrdup(path);
	MH_CLEANUP(fd_closep) int fd = open(part, O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(fd_closep)
	int dir = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || dir < 0 || fsync(fd) < 0)
		return MH_ERR_SYSTEM;
	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		return errno == EEXIST ? MH_ERR_EXISTS : MH_ERR_SYSTEM;
	return fsync(dir) == 0 ? MH_OK : MH_ERR_SYSTEM;
}

mh_err
store_backup(struct store *st, const char *path, backup_fn *fn, void *arg)
{
	MH_CLEANUP(freep) char *part = xasprintf("%s.part", path);
	mh_err err = MH_OK;
	int fd;

	if (access(path, F_OK) == 0)
		return MH_ERR_EXISTS;
	(void)unlink(part); /* of one that was killed */
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return MH_ERR_SYSTEM;
	(void)close(fd);
	err = copy_to(st, part, fn, arg);
	if (err == MH_OK)
		err = mark_copy(part, clock_real_ms());
	if (err == MH_OK)
		err = put_in_place(part, path);
	if (err != MH_OK) {
		int error = errno;

		(void)unlink(part);
		errno = error;
	}
	return err;
}

mh_err
store_serve(struct store *st, int64_t now_ms, int64_t *ret_copied_ms)
{
	int64_t copied_ms = 0;
	mh_err err = store_save(st);

	if (err != MH_OK)
		return err;
	err = get_number(st, "copied_ms", &copied_ms);
	if (err == MH_OK && copied_ms != 0) {
		err = store_exec(st, SQL_EPOCHS_RESTORED);
		if (err == MH_OK)
			err = set_number(st, "restored_ms", now_ms);
		if (err == MH_OK)
			err = set_number(st, "copied_ms", 0);
	}
	err = store_settle(st, err);
	if (err == MH_OK)
		*ret_copied_ms = copied_ms;
	return err;
}

mh_err
store_newest(struct store *st, int64_t *ret_ms)
{
	return store_number(st, store_statement(st, SQL_NEWEST), ret_ms);
}

mh_err
store_report_count(struct store *st, uint64_t *ret)
{
	int64_t n = 0;
	mh_err err = store_number(st, store_statement(st, SQL_COUNT_REPORTS), &n);

	if (err == MH_OK)
		*ret = (uint64_t)n;
	return err;
}

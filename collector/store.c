/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/store_internal.h"

#include <assert.h>
#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

mh_err
store_err(struct store *st)
{
	int code = sqlite3_errcode(st->db);

	if (code == SQLITE_FULL ||
	    (code == SQLITE_IOERR && sqlite3_system_errno(st->db) == ENOSPC))
		return MH_ERR_FULL;
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return MH_ERR_AGAIN;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return MH_ERR_CORRUPT;
	return MH_ERR_STORE;
}

const char *
store_why(const struct store *st)
{
	return sqlite3_errmsg(st->db);
}

sqlite3_stmt *
store_statement(struct store *st, enum store_sql id)
{
	sqlite3_stmt **stmt = &st->statements[id];

	if (*stmt == NULL && sqlite3_prepare_v3(st->db, store_sql_texts[id], -1,
				 SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
		return NULL;
	(void)sqlite3_reset(*stmt);
	(void)sqlite3_clear_bindings(*stmt);
	return *stmt;
}

mh_err
store_run(struct store *st, sqlite3_stmt *stmt)
{
	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;
	mh_err err = rc == SQLITE_DONE || rc == SQLITE_ROW ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_exec(struct store *st, enum store_sql id)
{
	return store_run(st, store_statement(st, id));
}

mh_err
store_number(struct store *st, sqlite3_stmt *stmt, int64_t *ret)
{
	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;
	mh_err err = rc == SQLITE_ROW    ? MH_OK
		     : rc == SQLITE_DONE ? MH_ERR_CORRUPT
					 : store_err(st);

	if (err == MH_OK)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_sum(struct store *st, sqlite3_stmt *stmt, uint8_t ret[DIGEST_BYTES], bool *ret_same)
{
	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;
	mh_err err = rc == SQLITE_ROW    ? MH_OK
		     : rc == SQLITE_DONE ? MH_ERR_STORE
					 : store_err(st);

	if (err == MH_OK) {
		digest_sha256(column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0),
		    ret);
		*ret_same = sqlite3_column_bytes(stmt, 1) == DIGEST_BYTES &&
			    memcmp(sqlite3_column_blob(stmt, 1), ret, DIGEST_BYTES) == 0;
	}
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_number_next(struct store *st, int64_t *ret)
{
	return store_number(st, store_statement(st, SQL_NUMBER_NEXT), ret);
}

void
bind_text(sqlite3_stmt *stmt, int i, const char *s)
{
	if (s != NULL)
		(void)sqlite3_bind_text(stmt, i, s, -1, SQLITE_TRANSIENT);
}

void
bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t len)
{
	(void)sqlite3_bind_blob64(stmt, i, p, len, SQLITE_TRANSIENT);
}

void
bind_int(sqlite3_stmt *stmt, int i, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, i, v);
}

const char *
column_text(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text != NULL ? text : "";
}

mh_err
store_begin(struct store *st)
{
	assert(!store_is_in_transaction(st));
	return store_exec(st, SQL_BEGIN);
}

mh_err
store_commit(struct store *st)
{
	mh_err err = store_exec(st, SQL_COMMIT);

	if (err != MH_OK)
		store_rollback(st);
	return err;
}

void
store_rollback(struct store *st)
{
	if (store_is_in_transaction(st))
		mh_ignore(store_exec(st, SQL_ROLLBACK));
}

bool
store_is_in_transaction(const struct store *st)
{
	return sqlite3_get_autocommit(st->db) == 0;
}

mh_err
store_save(struct store *st)
{
	assert(!st->is_alone);
	/* Alone, it takes the lock at once: a reader that would write may not wait. */
	st->is_alone = !store_is_in_transaction(st);

	mh_err err = store_exec(st, st->is_alone ? SQL_BEGIN : SQL_SAVE);

	if (err != MH_OK)
		st->is_alone = false;
	return err;
}

mh_err
store_settle(struct store *st, mh_err err)
{
	bool is_alone = st->is_alone;

	st->is_alone = false;
	/* On a full disk SQLite may have rolled back all, savepoint included. */
	if (!store_is_in_transaction(st))
		return err != MH_OK ? err : MH_ERR_STORE;
	if (is_alone && err == MH_OK)
		return store_commit(st);
	if (is_alone) {
		store_rollback(st);
		return err;
	}
	if (err != MH_OK)
		mh_ignore(store_exec(st, SQL_UNDO));

	mh_err released = store_exec(st, SQL_RELEASE);

	if (released != MH_OK)
		store_rollback(st);
	return err != MH_OK ? err : released;
}

uint64_t
store_version_of_others(struct store *st)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_OTHERS);
	uint64_t version = 0;

	if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
		version = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return version;
}

mh_err
store_limit(struct store *st, uint64_t max_bytes)
{
	int64_t page = 0;
	int64_t pages = 0;
	char text[64];
	mh_err err = store_pragma(st, "PRAGMA page_size", &page);

	if (err != MH_OK || max_bytes == 0 || page <= 0)
		return err;
	(void)snprintf(text, sizeof(text), "PRAGMA max_page_count = %lld",
	    (long long)(max_bytes / (uint64_t)page));
	return store_pragma(st, text, &pages);
}

static mh_err
open_database(const char *path, struct store **ret)
{
	MH_CLEANUP(store_closep) struct store *st = xcalloc(1, sizeof(*st));
	mh_err err = MH_OK;

	if (sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return store_err(st);
	(void)sqlite3_busy_timeout(st->db, STORE_BUSY_MS);
	(void)sqlite3_extended_result_codes(st->db, 0);
	(void)sqlite3_db_config(st->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(st->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/*
	 * The first two hold for a file that is new; a page takes some findings.
	 * The cache (KiB) holds what one group of reports changes.
	 */
	err =
	    store_script(st, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;"
			     " PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			     " PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
			     " PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;"
			     " PRAGMA journal_size_limit = 67108864;");
	if (err == MH_OK)
		err = store_migrate(st);
	if (err == MH_OK)
		*ret = MH_TAKE(st);
	return err;
}

mh_err
store_create(const char *path)
{
	MH_CLEANUP(store_closep) struct store *st = NULL;
	MH_CLEANUP(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return errno == EEXIST ? MH_ERR_EXISTS : MH_ERR_SYSTEM;
	return open_database(path, &st);
}

mh_err
store_open(const char *path, struct store **ret)
{
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? MH_ERR_NOTFOUND : MH_ERR_SYSTEM;
	return open_database(path, ret);
}

const char *
store_open_text(mh_err err)
{
	if (err == MH_ERR_UNSUPPORTED)
		return "a newer version of molehunt-collector made it: install that one "
		       "again, or restore a backup from before";
	if (err == MH_ERR_NOTFOUND)
		return "it is not there: restore a backup; `init` makes a new fleet";
	if (err == MH_ERR_CORRUPT)
		return "it is damaged: keep it and restore a backup; `verify` says more";
	if (err == MH_ERR_FULL)
		return "no room left to bring it to this version: that takes its size "
		       "once "
		       "more";
	return err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err);
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	for (size_t i = 0; i < SQL_MAX_; i++)
		(void)sqlite3_finalize(st->statements[i]);
	(void)sqlite3_close(st->db);
	free(st);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: agent. */
#include "agent/state_db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum statement {
	SQL_SECRET_GET,
	SQL_SECRET_PUT,
	SQL_CONTEXT_GET,
	SQL_CONTEXT_PUT,
	SQL_CLEAN_PUT,
	SQL_CLEAN_RENEW,
	SQL_CLEAN_LOAD,
	SQL_CLEAN_EXPIRE,
	SQL_CLEAN_TRIM,
	SQL_CONTEXT_TRIM,
	SQL_CLEAN_COUNT,
	SQL_NUMBER_PUT,
	SQL_NUMBER_GET,
	SQL_NUMBER_DROP,
	SQL_RUNNING_PUT,
	SQL_RUNNING_GET,
	SQL_RUNNING_DROP,
	SQL_FLOOR_GET,
	SQL_FLOOR_PUT,
	SQL_MAX_
};

static const char *const sql[SQL_MAX_] = {
	[SQL_SECRET_GET] = "SELECT secret FROM secret WHERE id = 1",
	[SQL_SECRET_PUT] = "INSERT INTO secret (id, secret) VALUES (1, ?1)",
	[SQL_CONTEXT_GET] = "SELECT id FROM context WHERE context = ?1",
	[SQL_CONTEXT_PUT] = "INSERT INTO context (context) VALUES (?1)",
	[SQL_CLEAN_PUT] = "INSERT OR IGNORE INTO clean (hash, context, day)"
			  " VALUES (?1, ?2, ?3)",
	[SQL_CLEAN_RENEW] = "UPDATE clean SET day = ?3, context = ?2"
			    " WHERE hash = ?1 AND day < ?3",
	[SQL_CLEAN_LOAD] = "SELECT hash FROM clean WHERE context = ?1",
	[SQL_CLEAN_EXPIRE] = "DELETE FROM clean WHERE day < ?1",
	[SQL_CLEAN_TRIM] = "DELETE FROM clean WHERE hash IN"
			   " (SELECT hash FROM clean ORDER BY day LIMIT ?1)",
	[SQL_CONTEXT_TRIM] = "DELETE FROM context WHERE id NOT IN"
			     " (SELECT DISTINCT context FROM clean)",
	[SQL_CLEAN_COUNT] = "SELECT count(*) FROM clean",
	[SQL_NUMBER_PUT] = "INSERT INTO number (name, value) VALUES (?1, ?2)"
			   " ON CONFLICT (name) DO UPDATE SET value = ?2"
			   " WHERE value <> ?2",
	[SQL_NUMBER_GET] = "SELECT value FROM number WHERE name = ?1",
	[SQL_NUMBER_DROP] = "DELETE FROM number WHERE name = ?1",
	[SQL_RUNNING_PUT] =
	    "INSERT OR REPLACE INTO running (id, uid, profile, started_ms, since_ms,"
	    " phase, n_restarts, cursor, coverage)"
	    " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_RUNNING_GET] = "SELECT uid, profile, started_ms, since_ms, phase,"
			    " n_restarts, cursor, coverage FROM running WHERE id = 1",
	[SQL_RUNNING_DROP] = "DELETE FROM running WHERE id = 1",
	[SQL_FLOOR_GET] = "SELECT version FROM floor WHERE key_id = ?1",
	[SQL_FLOOR_PUT] = "INSERT INTO floor (key_id, version) VALUES (?1, ?2)"
			  " ON CONFLICT (key_id) DO UPDATE SET version = ?2"
			  " WHERE version < ?2",
};

/* user_version is the version; a migration that was released is never edited. */
static const char *const migrations[] = {
	/* 0 -> 1 */
	"CREATE TABLE secret (id INTEGER PRIMARY KEY, secret BLOB NOT NULL);"
	"CREATE TABLE context (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" context BLOB NOT NULL UNIQUE);"
	"CREATE TABLE clean (hash INTEGER PRIMARY KEY, context INTEGER NOT NULL,"
	" day INTEGER NOT NULL);"
	"CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE running (id INTEGER PRIMARY KEY, uid TEXT NOT NULL,"
	" profile TEXT NOT NULL, started_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
	" phase INTEGER NOT NULL, n_restarts INTEGER NOT NULL, cursor BLOB NOT NULL,"
	" coverage BLOB NOT NULL);"
	"CREATE TABLE floor (key_id BLOB PRIMARY KEY, version INTEGER NOT NULL)"
	" WITHOUT ROWID;",
};

enum { SCHEMA_VERSION = MH_ARRAY_LEN(migrations) };

struct state_db {
	sqlite3 *sqlite;
	sqlite3_stmt *stmt[SQL_MAX_];
	uint8_t secret[SIPHASH_KEY_BYTES];
	uint64_t n_clean, max_clean;
	char why[256];
};

static mh_err
translate(struct state_db *db, int rc)
{
	int system_errno = sqlite3_system_errno(db->sqlite);

	(void)snprintf(db->why, sizeof(db->why), "%s", sqlite3_errmsg(db->sqlite));
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return MH_ERR_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return MH_ERR_CORRUPT;
	case SQLITE_IOERR:
		/* A sync that finds no room comes as an I/O error. */
		return system_errno == ENOSPC || system_errno == EDQUOT ? MH_ERR_FULL
									: MH_ERR_STORE;
	default:
		return MH_ERR_STORE;
	}
}

const char *
state_db_why(const struct state_db *db)
{
	return db->why;
}

const uint8_t *
state_db_secret(const struct state_db *db)
{
	return db->secret;
}

uint64_t
state_clean_count(const struct state_db *db)
{
	return db->n_clean;
}

static sqlite3_stmt *
statement(struct state_db *db, enum statement which)
{
	(void)sqlite3_reset(db->stmt[which]);
	(void)sqlite3_clear_bindings(db->stmt[which]);
	return db->stmt[which];
}

static void
bind_bytes(sqlite3_stmt *stmt, int at, const void *p, size_t len)
{
	(void)sqlite3_bind_blob64(stmt, at, len > 0 ? p : "", len, SQLITE_STATIC);
}

/* Run what gives no row. */
static mh_err
run(struct state_db *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	mh_err err = rc == SQLITE_DONE ? MH_OK : translate(db, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

/* The first row; the caller resets stmt after it. */
static mh_err
row(struct state_db *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return MH_OK;
	mh_err err = rc == SQLITE_DONE ? MH_ERR_NOTFOUND : translate(db, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
execute(struct state_db *db, const char *text)
{
	int rc = sqlite3_exec(db->sqlite, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? MH_OK : translate(db, rc);
}

/* End a transaction in which err came of the work. */
static mh_err
end(struct state_db *db, mh_err err)
{
	if (err == MH_OK)
		err = execute(db, "COMMIT");
	if (err != MH_OK && !sqlite3_get_autocommit(db->sqlite)) {
		char why[sizeof(db->why)];

		memcpy(why, db->why, sizeof(why));
		mh_ignore(execute(db, "ROLLBACK"));
		memcpy(db->why, why, sizeof(why));
	}
	return err;
}

/* One number or text from a statement that is used once. */
static mh_err
ask(struct state_db *db, const char *text, int64_t *ret, bool *ret_is_ok)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, text, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	mh_err err = rc == SQLITE_ROW ? MH_OK : translate(db, rc);

	if (err == MH_OK) {
		const char *word = (const char *)sqlite3_column_text(stmt, 0);

		*ret = sqlite3_column_int64(stmt, 0);
		*ret_is_ok = word != NULL && strcmp(word, "ok") == 0;
	}
	(void)sqlite3_finalize(stmt);
	return err;
}

static mh_err
migrate(struct state_db *db)
{
	int64_t version = 0;
	bool unused = false;
	mh_err err = ask(db, "PRAGMA user_version", &version, &unused);

	if (err == MH_OK && version > SCHEMA_VERSION)
		return MH_ERR_UNSUPPORTED;
	if (err == MH_OK && version < 0)
		return MH_ERR_CORRUPT;
	for (; err == MH_OK && version < SCHEMA_VERSION; version++) {
		char mark[64];

		(void)snprintf(mark, sizeof(mark), "PRAGMA user_version=%d",
		    (int)version + 1);
		err = execute(db, "BEGIN IMMEDIATE");
		if (err == MH_OK)
			err = execute(db, migrations[version]);
		if (err == MH_OK)
			err = execute(db, mark);
		err = end(db, err);
	}
	return err;
}

static mh_err
check_sound(struct state_db *db)
{
	int64_t unused = 0;
	bool is_ok = false;
	mh_err err = ask(db, "PRAGMA quick_check(1)", &unused, &is_ok);

	return err == MH_OK && !is_ok ? MH_ERR_CORRUPT : err;
}

/* A table that is not as our schema says is as useless as a damaged page. */
static mh_err
prepare(struct state_db *db)
{
	for (int i = 0; i < SQL_MAX_; i++) {
		int rc = sqlite3_prepare_v3(db->sqlite, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL);

		if (rc != SQLITE_OK) {
			mh_err err = translate(db, rc);

			return rc == SQLITE_ERROR ? MH_ERR_CORRUPT : err;
		}
	}
	return MH_OK;
}

static mh_err
settle_secret(struct state_db *db, bool *ret_is_new)
{
	sqlite3_stmt *stmt = statement(db, SQL_SECRET_GET);
	mh_err err = row(db, stmt);

	*ret_is_new = err == MH_ERR_NOTFOUND;
	if (err == MH_OK) {
		if (sqlite3_column_bytes(stmt, 0) == SIPHASH_KEY_BYTES)
			memcpy(db->secret, sqlite3_column_blob(stmt, 0),
			    SIPHASH_KEY_BYTES);
		else
			err = MH_ERR_CORRUPT;
		(void)sqlite3_reset(stmt);
		return err;
	}
	if (err != MH_ERR_NOTFOUND)
		return err;
	if (getrandom(db->secret, sizeof(db->secret), 0) != sizeof(db->secret))
		return MH_ERR_SYSTEM;
	stmt = statement(db, SQL_SECRET_PUT);
	bind_bytes(stmt, 1, db->secret, sizeof(db->secret));
	return run(db, stmt);
}

static mh_err
count_clean(struct state_db *db)
{
	sqlite3_stmt *stmt = statement(db, SQL_CLEAN_COUNT);
	mh_err err = row(db, stmt);

	if (err == MH_OK)
		db->n_clean = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
set_up(struct state_db *db, bool *ret_is_new)
{
	mh_err err = execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
				 "PRAGMA journal_size_limit=8388608;"
				 "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY");

	if (err == MH_OK)
		err = check_sound(db);
	if (err == MH_OK)
		err = migrate(db);
	if (err == MH_OK)
		err = prepare(db);
	if (err == MH_OK)
		err = settle_secret(db, ret_is_new);
	return err == MH_OK ? count_clean(db) : err;
}

static mh_err
open_sound(const char *path, struct state_db **ret, bool *ret_is_new)
{
	MH_CLEANUP(state_db_closep) struct state_db *db = xcalloc(1, sizeof(*db));
	/* SQLite gives its journal the mode of the database. */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return MH_ERR_SYSTEM;
	(void)close(fd);
	int rc = sqlite3_open_v2(path, &db->sqlite,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return translate(db, rc);
	(void)sqlite3_extended_result_codes(db->sqlite, 1);
	(void)sqlite3_busy_timeout(db->sqlite, 2000);
	mh_err err = set_up(db, ret_is_new);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(db);
	return MH_OK;
}

static const char *const suffixes[] = { "-wal", "-shm", "" };

/* Of those with that word, keep the newest, so that with one more there are enough. */
static void
drop_old(const char *path, const char *word)
{
	MH_CLEANUP(freep) char *pattern = xasprintf("%s.%s-*Z", path, word);
	glob_t found;

	/* Names end with their time: the order of names is that of times. */
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i + STATE_ASIDE_MAX <= found.gl_pathc; i++) {
			for (size_t k = 0; k < MH_ARRAY_LEN(suffixes); k++) {
				MH_CLEANUP(freep)
				char *name =
				    xasprintf("%s%s", found.gl_pathv[i], suffixes[k]);

				(void)unlink(name);
			}
		}
	}
	globfree(&found);
}

static mh_err
set_aside(const char *path, const char *word, int64_t now_ms, char **ret)
{
	char when[CLOCK_TEXT_LEN];

	clock_format(now_ms, when);
	drop_old(path, word);
	MH_CLEANUP(freep) char *aside = xasprintf("%s.%s-%s", path, word, when);

	for (size_t i = 0; i < MH_ARRAY_LEN(suffixes); i++) {
		MH_CLEANUP(freep) char *from = xasprintf("%s%s", path, suffixes[i]);
		MH_CLEANUP(freep) char *to = xasprintf("%s%s", aside, suffixes[i]);

		if (rename(from, to) < 0 && (errno != ENOENT || suffixes[i][0] == 0))
			return MH_ERR_SYSTEM;
	}
	*ret = MH_TAKE(aside);
	return MH_OK;
}

mh_err
state_db_open(const char *path, uint64_t max_clean, int64_t now_ms, struct state_db **ret,
    struct state_opening *ret_opening)
{
	struct state_opening opening = { .aside = NULL };
	struct state_db *db = NULL;
	mh_err err = open_sound(path, &db, &opening.is_new);

	if (err == MH_ERR_CORRUPT || err == MH_ERR_UNSUPPORTED) {
		opening.was_later = err == MH_ERR_UNSUPPORTED;
		err = set_aside(path, opening.was_later ? "later" : "damaged", now_ms,
		    &opening.aside);
		if (err == MH_OK)
			err = open_sound(path, &db, &opening.is_new);
	}
	if (err != MH_OK) {
		free(opening.aside);
		return err;
	}
	db->max_clean = max_clean;
	*ret = db;
	*ret_opening = opening;
	return MH_OK;
}

void
state_db_close(struct state_db *db)
{
	if (db == NULL)
		return;
	for (int i = 0; i < SQL_MAX_; i++)
		(void)sqlite3_finalize(db->stmt[i]);
	(void)sqlite3_close(db->sqlite);
	explicit_bzero(db->secret, sizeof(db->secret));
	free(db);
}

static mh_err
context_id(struct state_db *db, const uint8_t *context, int64_t *ret)
{
	sqlite3_stmt *stmt = statement(db, SQL_CONTEXT_GET);

	bind_bytes(stmt, 1, context, CLEAN_CONTEXT_BYTES);
	mh_err err = row(db, stmt);
	if (err == MH_OK)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
make_context(struct state_db *db, const uint8_t *context, int64_t *ret)
{
	mh_err err = context_id(db, context, ret);

	if (err != MH_ERR_NOTFOUND)
		return err;
	sqlite3_stmt *stmt = statement(db, SQL_CONTEXT_PUT);

	bind_bytes(stmt, 1, context, CLEAN_CONTEXT_BYTES);
	err = run(db, stmt);
	if (err == MH_OK)
		*ret = sqlite3_last_insert_rowid(db->sqlite);
	return err;
}

static mh_err
put_hash(struct state_db *db, uint64_t hash, int64_t context, uint32_t day,
    uint64_t *n_clean)
{
	static const enum statement steps[] = { SQL_CLEAN_PUT, SQL_CLEAN_RENEW };

	for (size_t i = 0; i < MH_ARRAY_LEN(steps); i++) {
		sqlite3_stmt *stmt = statement(db, steps[i]);

		(void)sqlite3_bind_int64(stmt, 1, (int64_t)hash);
		(void)sqlite3_bind_int64(stmt, 2, context);
		(void)sqlite3_bind_int64(stmt, 3, day);
		mh_err err = run(db, stmt);
		if (err != MH_OK)
			return err;
		if (i == 0 && sqlite3_changes(db->sqlite) > 0) {
			(*n_clean)++;
			break;
		}
	}
	return MH_OK;
}

/* Some more than the maximum, so that one sort serves many puts. */
static mh_err
trim(struct state_db *db, uint64_t *n_clean)
{
	if (*n_clean <= db->max_clean)
		return MH_OK;
	sqlite3_stmt *stmt = statement(db, SQL_CLEAN_TRIM);

	(void)sqlite3_bind_int64(stmt, 1,
	    (int64_t)(*n_clean - db->max_clean + db->max_clean / 16));
	mh_err err = run(db, stmt);
	if (err == MH_OK)
		*n_clean -= (uint64_t)sqlite3_changes(db->sqlite);
	return err;
}

mh_err
state_clean_put(struct state_db *db, const uint8_t context[CLEAN_CONTEXT_BYTES],
    uint32_t day, const uint64_t *hashes, size_t n)
{
	uint64_t n_clean = db->n_clean;
	int64_t id = 0;
	mh_err err = execute(db, "BEGIN IMMEDIATE");

	if (err != MH_OK)
		return err;
	err = make_context(db, context, &id);
	for (size_t i = 0; i < n && err == MH_OK; i++)
		err = put_hash(db, hashes[i], id, day, &n_clean);
	if (err == MH_OK)
		err = trim(db, &n_clean);
	err = end(db, err);
	if (err == MH_OK)
		db->n_clean = n_clean;
	return err;
}

mh_err
state_clean_load(struct state_db *db, const uint8_t context[CLEAN_CONTEXT_BYTES],
    struct clean_table *t)
{
	int64_t id = 0;
	mh_err err = context_id(db, context, &id);

	if (err != MH_OK)
		return err == MH_ERR_NOTFOUND ? MH_OK : err;
	sqlite3_stmt *stmt = statement(db, SQL_CLEAN_LOAD);

	(void)sqlite3_bind_int64(stmt, 1, id);
	while ((err = row(db, stmt)) == MH_OK) {
		err = clean_table_add(t, (uint64_t)sqlite3_column_int64(stmt, 0));
		if (err != MH_OK)
			break;
	}
	(void)sqlite3_reset(stmt);
	return err == MH_ERR_NOTFOUND ? MH_OK : err;
}

mh_err
state_clean_expire(struct state_db *db, uint32_t day)
{
	sqlite3_stmt *stmt = statement(db, SQL_CLEAN_EXPIRE);

	(void)sqlite3_bind_int64(stmt, 1, day);
	mh_err err = run(db, stmt);
	if (err != MH_OK)
		return err;
	db->n_clean -= (uint64_t)sqlite3_changes(db->sqlite);
	return run(db, statement(db, SQL_CONTEXT_TRIM));
}

mh_err
state_number_put(struct state_db *db, const char *name, int64_t v)
{
	sqlite3_stmt *stmt = statement(db, SQL_NUMBER_PUT);

	if (strlen(name) > STATE_NAME_MAX)
		return MH_ERR_TOOBIG;
	(void)sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, v);
	return run(db, stmt);
}

mh_err
state_number_get(struct state_db *db, const char *name, int64_t *ret)
{
	sqlite3_stmt *stmt = statement(db, SQL_NUMBER_GET);

	(void)sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	mh_err err = row(db, stmt);
	if (err == MH_OK)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
state_number_drop(struct state_db *db, const char *name)
{
	sqlite3_stmt *stmt = statement(db, SQL_NUMBER_DROP);

	(void)sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	return run(db, stmt);
}

mh_err
state_running_put(struct state_db *db, const struct state_running *r)
{
	sqlite3_stmt *stmt = statement(db, SQL_RUNNING_PUT);

	if (buf_len(r->cursor) > STATE_CURSOR_MAX ||
	    buf_len(r->coverage) > STATE_COVERAGE_MAX)
		return MH_ERR_TOOBIG;
	(void)sqlite3_bind_text(stmt, 1, r->uid, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 2, r->profile, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 3, r->started_ms);
	(void)sqlite3_bind_int64(stmt, 4, r->since_ms);
	(void)sqlite3_bind_int64(stmt, 5, r->phase);
	(void)sqlite3_bind_int64(stmt, 6, r->n_restarts);
	bind_bytes(stmt, 7, buf_data(r->cursor), buf_len(r->cursor));
	bind_bytes(stmt, 8, buf_data(r->coverage), buf_len(r->coverage));
	return run(db, stmt);
}

mh_err
state_running_get(struct state_db *db, struct state_running *ret)
{
	sqlite3_stmt *stmt = statement(db, SQL_RUNNING_GET);
	mh_err err = row(db, stmt);

	if (err != MH_OK)
		return err;
	(void)snprintf(ret->uid, sizeof(ret->uid), "%s", sqlite3_column_text(stmt, 0));
	(void)snprintf(ret->profile, sizeof(ret->profile), "%s",
	    sqlite3_column_text(stmt, 1));
	ret->started_ms = sqlite3_column_int64(stmt, 2);
	ret->since_ms = sqlite3_column_int64(stmt, 3);
	ret->phase = (uint32_t)sqlite3_column_int64(stmt, 4);
	ret->n_restarts = (uint32_t)sqlite3_column_int64(stmt, 5);
	buf_put(ret->cursor, sqlite3_column_blob(stmt, 6),
	    (size_t)sqlite3_column_bytes(stmt, 6));
	buf_put(ret->coverage, sqlite3_column_blob(stmt, 7),
	    (size_t)sqlite3_column_bytes(stmt, 7));
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
state_running_drop(struct state_db *db)
{
	return run(db, statement(db, SQL_RUNNING_DROP));
}

mh_err
state_floor_get(struct state_db *db, const uint8_t key_id[STATE_KEY_ID_BYTES],
    uint64_t *ret)
{
	sqlite3_stmt *stmt = statement(db, SQL_FLOOR_GET);

	bind_bytes(stmt, 1, key_id, STATE_KEY_ID_BYTES);
	mh_err err = row(db, stmt);
	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		return err;
	*ret = err == MH_OK ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
state_floor_raise(struct state_db *db, const uint8_t key_id[STATE_KEY_ID_BYTES],
    uint64_t version)
{
	uint64_t floor = 0;
	mh_err err = state_floor_get(db, key_id, &floor);

	if (err != MH_OK)
		return err;
	if (version > INT64_MAX)
		return MH_ERR_TOOBIG;
	if (version < floor)
		return MH_ERR_EXPIRED;
	sqlite3_stmt *stmt = statement(db, SQL_FLOOR_PUT);

	bind_bytes(stmt, 1, key_id, STATE_KEY_ID_BYTES);
	(void)sqlite3_bind_int64(stmt, 2, (int64_t)version);
	return run(db, stmt);
}

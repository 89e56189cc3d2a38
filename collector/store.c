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

/* Scripts that lead from one schema version to the next; version n has run the first n. */
static const char *const migrations[] = {
	"CREATE TABLE agents (agent TEXT PRIMARY KEY, enrolled_ms INTEGER NOT NULL,"
	" seen_ms INTEGER NOT NULL DEFAULT 0, revoked_ms INTEGER NOT NULL DEFAULT 0,"
	" hostname TEXT NOT NULL DEFAULT '', os TEXT NOT NULL DEFAULT '',"
	" version TEXT NOT NULL DEFAULT '') WITHOUT ROWID;"
	/* labels: bit n is set when the certificate of label n was issued. */
	"CREATE TABLE tokens (digest BLOB PRIMARY KEY, note TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, agent TEXT,"
	" used_ms INTEGER NOT NULL DEFAULT 0, labels INTEGER NOT NULL DEFAULT 0)"
	" WITHOUT ROWID;"
	"CREATE TABLE certificates (id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
	" label TEXT NOT NULL, issued_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL,"
	" der BLOB NOT NULL);"
	"CREATE INDEX certificates_agent ON certificates (agent, issued_ms);"
	"CREATE TABLE reports (id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
	" epoch TEXT NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL,"
	" previous BLOB NOT NULL, sealed_ms INTEGER NOT NULL, received_ms INTEGER NOT "
	"NULL,"
	" findings INTEGER NOT NULL, coverage INTEGER NOT NULL, der BLOB NOT NULL,"
	" UNIQUE (agent, epoch, sequence));"
	"CREATE TABLE receipts (report INTEGER PRIMARY KEY REFERENCES reports, der BLOB "
	"NOT NULL);"
	"CREATE TABLE findings (id INTEGER PRIMARY KEY, report INTEGER NOT NULL"
	" REFERENCES reports, uid TEXT NOT NULL, agent TEXT NOT NULL, rule TEXT NOT NULL,"
	" severity INTEGER NOT NULL, path TEXT NOT NULL, time_ms INTEGER NOT NULL,"
	" json TEXT NOT NULL);"
	"CREATE INDEX findings_report ON findings (report);"
	"CREATE INDEX findings_uid ON findings (uid);"
	"CREATE INDEX findings_agent ON findings (agent, time_ms);"
	"CREATE INDEX findings_rule ON findings (rule, time_ms);"
	"CREATE INDEX findings_time ON findings (time_ms);"
	"CREATE TABLE coverage (id INTEGER PRIMARY KEY, report INTEGER NOT NULL"
	" REFERENCES reports, json TEXT NOT NULL);"
	"CREATE INDEX coverage_report ON coverage (report);"
	/* One row for each key and kind, however often it happens. */
	"CREATE TABLE alarms (kind TEXT NOT NULL, agent TEXT NOT NULL, epoch TEXT NOT "
	"NULL,"
	" sequence INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	" count INTEGER NOT NULL DEFAULT 1, digest BLOB, closed_ms INTEGER NOT NULL "
	"DEFAULT 0,"
	" PRIMARY KEY (agent, epoch, sequence, kind)) WITHOUT ROWID;",
};

#define REPORT_COLUMNS                                                                  \
	"SELECT r.id, r.agent, r.epoch, r.sequence, r.digest, r.previous, r.sealed_ms," \
	" r.received_ms, r.findings, r.coverage, EXISTS (SELECT 1 FROM alarms a WHERE"  \
	" a.agent = r.agent AND a.epoch = r.epoch AND a.sequence = r.sequence)"
#define REPORT_ROWS                                                   \
	" WHERE (?1 IS NULL OR r.agent = ?1) AND r.received_ms >= ?2" \
	" ORDER BY r.agent, r.epoch, r.sequence LIMIT ?3"

static const char *const sql[SQL_MAX_] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVE] = "SAVEPOINT one",
	[SQL_RELEASE] = "RELEASE one",
	[SQL_UNDO] = "ROLLBACK TO one",
	[SQL_OTHERS] = "PRAGMA data_version",
	[SQL_TOKEN_ADD] = "INSERT INTO tokens (digest, note, created_ms, expires_ms) "
			  "VALUES (?1, ?2, ?3, ?4)",
	[SQL_TOKEN_FIND] =
	    "SELECT agent, expires_ms, used_ms, labels FROM tokens WHERE digest = ?1",
	[SQL_TOKEN_BIND] =
	    "UPDATE tokens SET agent = ?2 WHERE digest = ?1 AND agent IS NULL",
	[SQL_TOKEN_USE] = "UPDATE tokens SET labels = labels | ?2,"
			  " used_ms = CASE used_ms WHEN 0 THEN ?3 ELSE used_ms END"
			  " WHERE digest = ?1 AND labels & ?2 = 0",
	[SQL_AGENT_ADD] = "INSERT INTO agents (agent, enrolled_ms) VALUES (?1, ?2)"
			  " ON CONFLICT DO NOTHING",
	/* An agent of a store that was restored from an older copy comes back. */
	[SQL_AGENT_SEEN] =
	    "INSERT INTO agents (agent, enrolled_ms, seen_ms, hostname, os, version)"
	    " VALUES (?1, ?2, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
	    " seen_ms = ?2, hostname = ?3, os = ?4, version = ?5",
	[SQL_AGENT_REVOKE] =
	    "UPDATE agents SET revoked_ms = CASE revoked_ms WHEN 0 THEN ?2"
	    " ELSE revoked_ms END WHERE agent = ?1",
	[SQL_AGENTS] =
	    "SELECT agent, enrolled_ms, seen_ms, revoked_ms, hostname, os, version,"
	    " (SELECT count(*) FROM reports r WHERE r.agent = a.agent),"
	    " (SELECT count(*) FROM findings f WHERE f.agent = a.agent),"
	    " (SELECT count(*) FROM alarms x WHERE x.agent = a.agent AND x.closed_ms = 0)"
	    " FROM agents a ORDER BY hostname, agent",
	[SQL_REVOKED] = "SELECT agent FROM agents WHERE revoked_ms != 0 ORDER BY agent",
	[SQL_CERTIFICATE_ADD] =
	    "INSERT INTO certificates (agent, label, issued_ms, not_after_ms,"
	    " der) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_CERTIFICATES_SINCE] =
	    "SELECT count(*) FROM certificates WHERE agent = ?1 AND issued_ms >= ?2",
	[SQL_REPORT_FIND] = "SELECT r.digest, c.der FROM reports r JOIN receipts c ON"
			    " c.report = r.id WHERE r.agent = ?1 AND r.epoch = ?2 AND"
			    " r.sequence = ?3",
	[SQL_REPORT_ADD] =
	    "INSERT INTO reports (agent, epoch, sequence, digest, previous,"
	    " sealed_ms, received_ms, findings, coverage, der)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[SQL_RECEIPT_ADD] = "INSERT INTO receipts (report, der) VALUES (?1, ?2)",
	[SQL_FINDING_ADD] =
	    "INSERT INTO findings (report, uid, agent, rule, severity, path,"
	    " time_ms, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_COVERAGE_ADD] = "INSERT INTO coverage (report, json) VALUES (?1, ?2)",
	[SQL_ALARM_ADD] =
	    "INSERT INTO alarms (kind, agent, epoch, sequence, first_ms, last_ms,"
	    " digest) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT DO UPDATE SET"
	    " count = count + 1, last_ms = ?5, digest = ?6",
	[SQL_ALARM_CLOSE] =
	    "UPDATE alarms SET closed_ms = ?4 WHERE kind = 'gap' AND agent = ?1"
	    " AND epoch = ?2 AND sequence = ?3",
	[SQL_NEIGHBOUR] =
	    "SELECT digest, previous FROM reports WHERE agent = ?1 AND epoch = ?2"
	    " AND sequence = ?3",
	[SQL_REPORTS] = REPORT_COLUMNS ", NULL, NULL FROM reports r" REPORT_ROWS,
	[SQL_REPORTS_BYTES] =
	    REPORT_COLUMNS ", r.der, c.der FROM reports r"
			   " LEFT JOIN receipts c ON c.report = r.id" REPORT_ROWS,
	[SQL_FINDINGS] =
	    "SELECT f.uid, f.agent, a.hostname, f.rule, f.severity, f.path,"
	    " f.time_ms, f.json FROM findings f LEFT JOIN agents a ON a.agent = f.agent"
	    " WHERE (?1 IS NULL OR f.agent = ?1) AND (?2 IS NULL OR f.rule GLOB ?2)"
	    " AND (?3 IS NULL OR f.path GLOB ?3) AND f.time_ms >= ?4"
	    " AND f.severity >= ?5 ORDER BY f.time_ms DESC, f.id DESC LIMIT ?6",
	[SQL_REPORT_FINDINGS] = "SELECT json FROM findings WHERE report = ?1 ORDER BY id",
	[SQL_REPORT_COVERAGE] = "SELECT json FROM coverage WHERE report = ?1 ORDER BY id",
};

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

	if (*stmt == NULL && sqlite3_prepare_v3(st->db, sql[id], -1,
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
	return store_exec(st, SQL_SAVE);
}

mh_err
store_settle(struct store *st, mh_err err)
{
	/* On a full disk SQLite may have rolled back all, savepoint included. */
	if (!store_is_in_transaction(st))
		return err != MH_OK ? err : MH_ERR_STORE;
	if (err != MH_OK)
		mh_ignore(store_exec(st, SQL_UNDO));

	mh_err released = store_exec(st, SQL_RELEASE);

	/* Alone, releasing is committing, and a commit that fails stays open. */
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

static mh_err
pragma_int(struct store *st, const char *text, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	mh_err err = MH_OK;

	if (sqlite3_prepare_v2(st->db, text, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		err = store_err(st);
	else
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return err;
}

mh_err
store_limit(struct store *st, uint64_t max_bytes)
{
	int64_t page = 0;
	int64_t pages = 0;
	char text[64];
	mh_err err = pragma_int(st, "PRAGMA page_size", &page);

	if (err != MH_OK || max_bytes == 0 || page <= 0)
		return err;
	(void)snprintf(text, sizeof(text), "PRAGMA max_page_count = %lld",
	    (long long)(max_bytes / (uint64_t)page));
	return pragma_int(st, text, &pages);
}

static mh_err
execute(struct store *st, const char *text)
{
	return sqlite3_exec(st->db, text, NULL, NULL, NULL) == SQLITE_OK ? MH_OK
									 : store_err(st);
}

static mh_err
migrate(struct store *st)
{
	int64_t version = 0;
	char text[64];
	mh_err err = pragma_int(st, "PRAGMA user_version", &version);

	if (err != MH_OK)
		return err;
	if (version < 0 || (size_t)version > MH_ARRAY_LEN(migrations))
		return MH_ERR_UNSUPPORTED;
	if ((size_t)version == MH_ARRAY_LEN(migrations))
		return MH_OK;
	err = store_begin(st);
	/* Another program may have migrated while we waited for the lock. */
	if (err == MH_OK)
		err = pragma_int(st, "PRAGMA user_version", &version);
	for (size_t i = (size_t)version; err == MH_OK && i < MH_ARRAY_LEN(migrations);
	     i++)
		err = execute(st, migrations[i]);
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %zu",
	    MH_ARRAY_LEN(migrations));
	if (err == MH_OK)
		err = execute(st, text);
	if (err == MH_OK)
		return store_commit(st);
	store_rollback(st);
	return err;
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
	err = execute(st, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  " PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;");
	if (err == MH_OK)
		err = migrate(st);
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

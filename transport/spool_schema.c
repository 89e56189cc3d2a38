/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/spool_schema.h"

#include <assert.h>
#include <stdio.h>

#include "base/attributes.h"

static const char *const migrations[] = {
	/* 0 -> 1 */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	/* AUTOINCREMENT: an id is never used again, so the order is that of storing. */
	"CREATE TABLE pending (id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT "
	"NULL,"
	" stored_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, line BLOB NOT NULL);"
	"CREATE TABLE aside (id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL,"
	" stored_ms INTEGER NOT NULL, why TEXT NOT NULL, line BLOB NOT NULL);"
	"CREATE TABLE history (uid TEXT PRIMARY KEY, first_ms INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL, count INTEGER NOT NULL, rule TEXT NOT NULL,"
	" pack TEXT NOT NULL, severity INTEGER NOT NULL, path BLOB NOT NULL,"
	" json BLOB NOT NULL);"
	"CREATE INDEX history_last ON history (last_ms);"
	"CREATE TABLE scanned (path BLOB PRIMARY KEY, dev INTEGER NOT NULL,"
	" ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	" ctime_ns INTEGER NOT NULL, rule_set BLOB NOT NULL, at_ms INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE sealed (id INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL,"
	" sequence INTEGER NOT NULL, digest BLOB NOT NULL, sealed_ms INTEGER NOT NULL,"
	" tries INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER NOT NULL DEFAULT 0,"
	" refusal TEXT, bytes INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE (epoch, "
	"sequence));"
	"CREATE TABLE receipts (epoch TEXT NOT NULL, sequence INTEGER NOT NULL,"
	" digest BLOB NOT NULL, received_ms INTEGER NOT NULL, der BLOB NOT NULL,"
	" PRIMARY KEY (epoch, sequence)) WITHOUT ROWID;",
	/*
	 * 1 -> 2.  crc: of line (zlib's crc32); NULL in lines from before.  is_kept: never
	 * dropped for the status lane's quota.  what: "line" or "report".
	 */
	"ALTER TABLE pending ADD COLUMN crc INTEGER;"
	"ALTER TABLE pending ADD COLUMN is_kept INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX pending_lane ON pending (lane, id);"
	"ALTER TABLE aside ADD COLUMN what TEXT NOT NULL DEFAULT 'line';"
	"CREATE INDEX receipts_time ON receipts (received_ms);"
	/* Status lines that were dropped and are in no report yet: one row or none. */
	"CREATE TABLE dropped (id INTEGER PRIMARY KEY CHECK (id = 1),"
	" lines INTEGER NOT NULL, bytes INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL);",
};

static_assert(MH_ARRAY_LEN(migrations) == SPOOL_SCHEMA_VERSION,
    "one migration per version");

int
spool_schema_version(sqlite3 *db, int *ret_rc)
{
	sqlite3_stmt *stmt = NULL;
	int version = -1;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	*ret_rc = rc;
	return version;
}

mh_err
spool_schema_migrate(sqlite3 *db, int *ret_rc)
{
	int version = spool_schema_version(db, ret_rc);

	if (version < 0)
		return MH_ERR_STORE;
	if (version > SPOOL_SCHEMA_VERSION)
		return MH_ERR_UNSUPPORTED;
	for (; version < SPOOL_SCHEMA_VERSION; version++) {
		char mark[64];

		(void)snprintf(mark, sizeof(mark), "PRAGMA user_version=%d; COMMIT",
		    version + 1);
		*ret_rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (*ret_rc == SQLITE_OK)
			*ret_rc = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
		if (*ret_rc == SQLITE_OK)
			*ret_rc = sqlite3_exec(db, mark, NULL, NULL, NULL);
		if (*ret_rc == SQLITE_OK)
			continue;
		if (!sqlite3_get_autocommit(db))
			(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return MH_ERR_STORE;
	}
	return MH_OK;
}

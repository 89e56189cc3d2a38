/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of the collector's store and the way to it from older ones
 * (docs/PROTOCOL.md, "Store of a collector").
 */
#include "collector/store_internal.h"

#include <stdio.h>

#include "base/memory.h"

/*
 * Scripts that lead from one schema version to the next; version n has run the
 * first n.  A script that was released is never changed.
 */
static const char *const migrations[] = {
	/* 1 */
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
	/*
	 * 2: findings are kept as what is searched for, their JSON is in the signed
	 * bytes.  A finding's id is its report's id and its line, an alarm's number
	 * comes from the same counter, so that one number says where a reader is.
	 */
	"CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT "
	"ROWID;"
	"ALTER TABLE agents RENAME TO agents_1;"
	"CREATE TABLE agents (id INTEGER PRIMARY KEY, agent TEXT NOT NULL UNIQUE,"
	" enrolled_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL DEFAULT 0,"
	" seen_up_ms INTEGER NOT NULL DEFAULT 0, revoked_ms INTEGER NOT NULL DEFAULT 0,"
	" flags INTEGER NOT NULL DEFAULT 0, reports INTEGER NOT NULL DEFAULT 0,"
	" findings INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
	" epoch_since_ms INTEGER NOT NULL DEFAULT 0, machine INTEGER NOT NULL DEFAULT 0,"
	" machine_since_ms INTEGER NOT NULL DEFAULT 0, hostname TEXT NOT NULL DEFAULT '',"
	" os TEXT NOT NULL DEFAULT '', version TEXT NOT NULL DEFAULT '');"
	"INSERT INTO agents (agent, enrolled_ms, seen_ms, revoked_ms, hostname, os, "
	"version)"
	" SELECT agent, enrolled_ms, seen_ms, revoked_ms, hostname, os, version"
	" FROM agents_1 ORDER BY enrolled_ms;"
	"DROP TABLE agents_1;"
	"CREATE TABLE epochs (id INTEGER PRIMARY KEY, agent INTEGER NOT NULL REFERENCES"
	" agents, epoch TEXT NOT NULL, began_ms INTEGER NOT NULL, last_sequence INTEGER"
	" NOT NULL, last_sealed_ms INTEGER NOT NULL, last_received_ms INTEGER NOT NULL,"
	" last_digest BLOB NOT NULL, steady INTEGER NOT NULL DEFAULT 0,"
	" restored_sequence INTEGER NOT NULL DEFAULT 0, was_current INTEGER NOT NULL"
	" DEFAULT 0, UNIQUE (agent, epoch));"
	"CREATE TABLE machines (id INTEGER PRIMARY KEY, agent INTEGER NOT NULL REFERENCES"
	" agents, instance TEXT NOT NULL, hostname TEXT NOT NULL, began_ms INTEGER NOT "
	"NULL, was_current INTEGER NOT NULL, UNIQUE (agent, instance));"
	"ALTER TABLE reports RENAME TO reports_1;"
	"INSERT INTO epochs (agent, epoch, began_ms, last_sequence, last_sealed_ms,"
	" last_received_ms, last_digest)"
	" SELECT a.id, r.epoch, min(r.sealed_ms), max(r.sequence), 0, 0, x''"
	" FROM reports_1 r JOIN agents a ON a.agent = r.agent GROUP BY a.id, r.epoch"
	" ORDER BY min(r.id);"
	"UPDATE epochs SET (last_sealed_ms, last_received_ms, last_digest) ="
	" (SELECT r.sealed_ms, r.received_ms, r.digest FROM reports_1 r JOIN agents a"
	" ON a.agent = r.agent WHERE a.id = epochs.agent AND r.epoch = epochs.epoch"
	" AND r.sequence = epochs.last_sequence);"
	"UPDATE epochs SET was_current = 1;"
	"UPDATE agents SET (epoch, epoch_since_ms) = (SELECT id, began_ms FROM epochs e"
	" WHERE e.agent = agents.id ORDER BY began_ms DESC, id DESC LIMIT 1)"
	" WHERE EXISTS (SELECT 1 FROM epochs e WHERE e.agent = agents.id);"
	"CREATE TABLE reports (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES"
	" epochs, sequence INTEGER NOT NULL, sealed_ms INTEGER NOT NULL, received_ms"
	" INTEGER NOT NULL, findings INTEGER NOT NULL, coverage INTEGER NOT NULL,"
	" digest BLOB NOT NULL, previous BLOB NOT NULL, receipt BLOB NOT NULL,"
	" der BLOB NOT NULL, UNIQUE (epoch, sequence));"
	"INSERT INTO reports SELECT r.id, e.id, r.sequence, r.sealed_ms, r.received_ms,"
	" r.findings, r.coverage, r.digest, r.previous, ifnull(c.der, x''), r.der"
	" FROM reports_1 r JOIN agents a ON a.agent = r.agent JOIN epochs e"
	" ON e.agent = a.id AND e.epoch = r.epoch LEFT JOIN receipts c ON c.report = r.id"
	" ORDER BY r.id;"
	"CREATE INDEX reports_received ON reports (received_ms);"
	"ALTER TABLE findings RENAME TO findings_1;"
	"CREATE TABLE findings (id INTEGER PRIMARY KEY, severity INTEGER NOT NULL,"
	" time_ms INTEGER NOT NULL, uid TEXT NOT NULL, rule TEXT NOT NULL,"
	" path TEXT NOT NULL);"
	"INSERT INTO findings SELECT (f.report << 20) + row_number() OVER (PARTITION BY"
	" f.report ORDER BY f.id) - 1, f.severity, f.time_ms, f.uid, f.rule, f.path"
	" FROM findings_1 f ORDER BY f.report, f.id;"
	"DROP TABLE findings_1; DROP TABLE coverage; DROP TABLE receipts;"
	"DROP TABLE reports_1;"
	"UPDATE agents SET reports = (SELECT count(*) FROM reports r JOIN epochs e"
	" ON e.id = r.epoch WHERE e.agent = agents.id), findings = (SELECT"
	" total(r.findings) FROM reports r JOIN epochs e ON e.id = r.epoch"
	" WHERE e.agent = agents.id);"
	"ALTER TABLE alarms RENAME TO alarms_1;"
	/* state: enum alarm_state. flags of agents: enum agent_flag. */
	"CREATE TABLE alarms (id INTEGER PRIMARY KEY, number INTEGER NOT NULL,"
	" kind TEXT NOT NULL, agent INTEGER NOT NULL REFERENCES agents,"
	" epoch TEXT NOT NULL, sequence INTEGER NOT NULL, state INTEGER NOT NULL,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, closed_ms INTEGER NOT "
	"NULL,"
	" count INTEGER NOT NULL, digest BLOB, detail TEXT NOT NULL, note TEXT NOT NULL,"
	" sum BLOB NOT NULL DEFAULT x'', UNIQUE (agent, kind, epoch, sequence));"
	"CREATE INDEX alarms_number ON alarms (number);"
	"CREATE INDEX alarms_state ON alarms (state, kind);"
	"INSERT INTO alarms (number, kind, agent, epoch, sequence, state, first_ms, "
	"last_ms,"
	" closed_ms, count, digest, detail, note) SELECT (SELECT ifnull(max(id), 0) FROM"
	" reports) + row_number() OVER (ORDER BY x.first_ms), x.kind, a.id, x.epoch,"
	" x.sequence, CASE x.closed_ms WHEN 0 THEN 1 ELSE 2 END, x.first_ms, x.last_ms,"
	" x.closed_ms, x.count, x.digest, 'kept by an older version', ''"
	" FROM alarms_1 x JOIN agents a ON a.agent = x.agent;"
	"DROP TABLE alarms_1;"
	"CREATE TABLE pruned (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES"
	" epochs, first INTEGER NOT NULL, last INTEGER NOT NULL, previous BLOB NOT NULL,"
	" digest BLOB NOT NULL, findings INTEGER NOT NULL,"
	" coverage INTEGER NOT NULL, first_received_ms INTEGER NOT NULL,"
	" last_received_ms INTEGER NOT NULL, pruned_ms INTEGER NOT NULL,"
	" sum BLOB NOT NULL DEFAULT x'',"
	" UNIQUE (epoch, first));"
	"CREATE UNIQUE INDEX pruned_last ON pruned (epoch, last);"
	"INSERT INTO numbers VALUES ('event', (SELECT max(ifnull((SELECT max(id) FROM"
	" reports), 0), ifnull((SELECT max(number) FROM alarms), 0)))),"
	" ('alarms', (SELECT count(*) FROM alarms)), ('up_ms', 0), ('copied_ms', 0),"
	" ('restored_ms', 0);",

	/* 3: before it no agent suppressed anything. */
	"ALTER TABLE findings ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;",
};

mh_err
store_pragma(struct store *st, const char *text, int64_t *ret)
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
store_script(struct store *st, const char *text)
{
	return sqlite3_exec(st->db, text, NULL, NULL, NULL) == SQLITE_OK ? MH_OK
									 : store_err(st);
}

/* Run what is missing, within a transaction. */
static mh_err
run_migrations(struct store *st, int64_t *version)
{
	char text[64];
	/* Another program may have migrated while we waited for the lock. */
	mh_err err = store_pragma(st, "PRAGMA user_version", version);

	for (size_t i = (size_t)*version; err == MH_OK && i < MH_ARRAY_LEN(migrations);
	     i++)
		err = store_script(st, migrations[i]);
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %zu",
	    MH_ARRAY_LEN(migrations));
	return err == MH_OK ? store_script(st, text) : err;
}

/*
 * A rename must not follow into the other tables (they go, too), and a foreign
 * key is not looked at while its table is replaced.
 */
static const char before[] = "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;";
static const char after[] = "PRAGMA legacy_alter_table = OFF; PRAGMA foreign_keys = ON;";

mh_err
store_migrate(struct store *st)
{
	int64_t version = 0;
	mh_err err = store_pragma(st, "PRAGMA user_version", &version);

	if (err != MH_OK)
		return err;
	if (version < 0 || (size_t)version > MH_ARRAY_LEN(migrations))
		return MH_ERR_UNSUPPORTED;
	if ((size_t)version == MH_ARRAY_LEN(migrations))
		return MH_OK;
	err = store_script(st, before);
	if (err == MH_OK)
		err = store_begin(st);
	if (err == MH_OK)
		err = run_migrations(st, &version);
	if (err == MH_OK)
		err = store_alarms_seal(st);
	if (err == MH_OK)
		err = store_commit(st);
	store_rollback(st);
	if (err == MH_OK)
		err = store_script(st, after);
	/* What the second copy of the findings took is given back, if there is room. */
	if (err == MH_OK && version > 0)
		mh_ignore(store_script(st, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM;"));
	return err;
}

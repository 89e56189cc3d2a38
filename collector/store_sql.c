/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every statement of the store.  A + before a column keeps an index from being
 * used that finds too much.
 */
#include "collector/store_internal.h"

#define REPORT_ROWS(bytes)                                                              \
	"SELECT r.id, a.agent, e.epoch, r.sequence, r.digest, r.previous, r.sealed_ms," \
	" r.received_ms, r.findings, r.coverage, EXISTS (SELECT 1 FROM alarms x WHERE"  \
	" x.agent = a.id AND x.kind IN ('gap', 'chain', 'restored') AND"                \
	" x.epoch = e.epoch AND x.sequence = r.sequence AND (x.kind = 'chain' OR"       \
	" x.state < 2 OR (x.state = 2 AND x.note != 'by itself'))), " bytes             \
	", e.id FROM agents a CROSS JOIN epochs e ON e.agent = a.id"                    \
	" CROSS JOIN reports r ON r.epoch = e.id WHERE (?1 IS NULL OR a.agent = ?1)"    \
	" AND (?4 IS NULL OR e.epoch = ?4) AND (?5 = 0 OR r.sequence = ?5)"             \
	" AND r.received_ms >= ?2 ORDER BY a.agent, e.epoch, r.sequence LIMIT ?3"

#define FINDING_COLUMNS                                                        \
	"SELECT f.id, NULL, a.agent, a.hostname, f.rule, f.severity, f.path, " \
	"f.time_ms,"                                                           \
	" e.epoch, r.sequence, r.received_ms, f.suppressed"
#define FINDING_WHERE                                                            \
	" WHERE (?1 IS NULL OR a.agent = ?1) AND (?2 IS NULL OR f.rule GLOB ?2)" \
	" AND (?3 IS NULL OR f.path GLOB ?3) AND f.time_ms >= ?4 AND f.severity >= ?5"

#define ALARM_COLUMNS                                                                \
	"SELECT x.id, x.number, x.kind, a.agent, a.hostname, x.epoch, x.sequence,"   \
	" x.state, x.first_ms, x.last_ms, x.closed_ms, x.count, x.digest, x.detail," \
	" x.note FROM alarms x JOIN agents a ON a.id = x.agent"

#define PRUNED_ROWS(where)                                                            \
	"SELECT a.agent, e.epoch, p.first, p.last, p.previous, p.digest, p.findings," \
	" p.coverage, p.first_received_ms, p.last_received_ms, p.pruned_ms, e.id"     \
	" FROM agents a JOIN epochs e ON e.agent = a.id JOIN pruned p"                \
	" ON p.epoch = e.id" where " ORDER BY a.agent, e.epoch, p.first"

const char *const store_sql_texts[SQL_MAX_] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVE] = "SAVEPOINT one",
	[SQL_RELEASE] = "RELEASE one",
	[SQL_UNDO] = "ROLLBACK TO one",
	[SQL_OTHERS] = "PRAGMA data_version",
	[SQL_NUMBER_NEXT] = "UPDATE numbers SET value = value + 1 WHERE name = 'event'"
			    " RETURNING value",
	[SQL_NUMBER_GET] = "SELECT value FROM numbers WHERE name = ?1",
	[SQL_NUMBER_SET] = "UPDATE numbers SET value = ?2 WHERE name = ?1",
	[SQL_NUMBER_ADD] = "UPDATE numbers SET value = value + ?2 WHERE name = ?1",
	[SQL_TOKEN_ADD] = "INSERT INTO tokens (digest, note, created_ms, expires_ms) "
			  "VALUES (?1, ?2, ?3, ?4)",
	[SQL_TOKEN_FIND] =
	    "SELECT agent, expires_ms, used_ms, labels FROM tokens WHERE digest = ?1",
	[SQL_TOKEN_BIND] =
	    "UPDATE tokens SET agent = ?2 WHERE digest = ?1 AND agent IS NULL",
	[SQL_TOKEN_USE] = "UPDATE tokens SET labels = labels | ?2,"
			  " used_ms = CASE used_ms WHEN 0 THEN ?3 ELSE used_ms END"
			  " WHERE digest = ?1 AND labels & ?2 = 0",
	/* Also an agent of a store that was restored from an older copy comes back. */
	[SQL_AGENT_ADD] =
	    "INSERT INTO agents (agent, enrolled_ms, seen_up_ms) VALUES (?1, ?2,"
	    " (SELECT value FROM numbers WHERE name = 'up_ms')) ON CONFLICT DO NOTHING",
	[SQL_AGENT_SEEN] =
	    "UPDATE agents SET seen_ms = ?2, seen_up_ms = (SELECT value FROM numbers"
	    " WHERE name = 'up_ms'), flags = ?3, reports = reports + 1,"
	    " findings = findings + ?4, epoch = ?5, epoch_since_ms = ?6, machine = ?7,"
	    " machine_since_ms = ?8, hostname = ?9, os = ?10, version = ?11"
	    " WHERE id = ?1",
	[SQL_AGENT_MACHINE] =
	    "UPDATE agents SET machine = ?2, machine_since_ms = ?3 WHERE id = ?1",
	[SQL_AGENT_FLAGS] = "UPDATE agents SET flags = ?2 WHERE id = ?1",
	[SQL_AGENT_REVOKE] =
	    "UPDATE agents SET revoked_ms = CASE revoked_ms WHEN 0 THEN ?2"
	    " ELSE revoked_ms END WHERE agent = ?1",
	[SQL_AGENT_PRUNED] = "UPDATE agents SET reports = reports - ?2,"
			     " findings = findings - ?3 WHERE id = ?1",
	[SQL_AGENTS] =
	    "SELECT agent, enrolled_ms, seen_ms, revoked_ms, hostname, os, version,"
	    " reports, findings,"
	    " (SELECT count(*) FROM alarms x WHERE x.agent = a.id AND +x.state = 1),"
	    " (SELECT group_concat(DISTINCT kind) FROM alarms x WHERE x.agent = a.id"
	    " AND +x.state = 1)"
	    " FROM agents a ORDER BY hostname, agent",
	[SQL_AGENT_GET] =
	    "SELECT agent, enrolled_ms, seen_ms, revoked_ms, hostname, os, version,"
	    " reports, findings, 0, NULL FROM agents WHERE agent = ?1",
	[SQL_REVOKED] = "SELECT agent FROM agents WHERE revoked_ms != 0 ORDER BY agent",
	[SQL_AGENT_STATE] =
	    "SELECT a.id, a.flags, a.epoch, a.epoch_since_ms, a.machine,"
	    " a.machine_since_ms, c.began_ms, m.instance, m.hostname, e.id, e.began_ms,"
	    " e.last_sequence, e.last_sealed_ms, e.last_received_ms, e.steady,"
	    " e.restored_sequence, e.last_digest, e.was_current FROM agents a"
	    " LEFT JOIN epochs e ON e.agent = a.id AND e.epoch = ?2"
	    " LEFT JOIN epochs c ON c.id = a.epoch"
	    " LEFT JOIN machines m ON m.id = a.machine WHERE a.agent = ?1",
	[SQL_EPOCH_ADD] = "INSERT INTO epochs (agent, epoch, began_ms, last_sequence,"
			  " last_sealed_ms, last_received_ms, last_digest)"
			  " VALUES (?1, ?2, ?3, 0, 0, 0, x'')",
	[SQL_EPOCH_SEEN] =
	    "UPDATE epochs SET began_ms = ?2, last_sequence = ?3, last_sealed_ms = ?4,"
	    " last_received_ms = ?5, last_digest = ?6, steady = ?7,"
	    " restored_sequence = ?8, was_current = ?9 WHERE id = ?1",
	[SQL_EPOCHS_RESTORED] = "UPDATE epochs SET restored_sequence = last_sequence",
	[SQL_MACHINE_FIND] =
	    "SELECT id, was_current FROM machines WHERE agent = ?1 AND instance = ?2",
	[SQL_MACHINE_ADD] =
	    "INSERT INTO machines (agent, instance, hostname, began_ms, was_current)"
	    " VALUES (?1, ?2, ?3, ?4, 0)",
	[SQL_MACHINE_CURRENT] = "UPDATE machines SET was_current = 1 WHERE id = ?1",
	[SQL_MACHINES_PRUNE] = "DELETE FROM machines WHERE began_ms < ?1 AND id NOT IN"
			       " (SELECT machine FROM agents)",
	[SQL_CERTIFICATES] =
	    "SELECT id, agent, label, not_after_ms, der FROM certificates"
	    " ORDER BY id",
	[SQL_CERTIFICATE_ADD] =
	    "INSERT INTO certificates (agent, label, issued_ms, not_after_ms,"
	    " der) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_CERTIFICATES_SINCE] =
	    "SELECT count(*) FROM certificates WHERE agent = ?1 AND issued_ms >= ?2",
	[SQL_REPORT_FIND] =
	    "SELECT r.digest, r.receipt, r.sealed_ms FROM agents a JOIN epochs e ON"
	    " e.agent = a.id AND e.epoch = ?2 JOIN reports r ON r.epoch = e.id AND"
	    " r.sequence = ?3 WHERE a.agent = ?1",
	[SQL_REPORT_ADD] =
	    "INSERT INTO reports (id, epoch, sequence, sealed_ms, received_ms, findings,"
	    " coverage, digest, previous, receipt, der)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[SQL_REPORT_DER] = "SELECT der FROM reports WHERE id = ?1",
	[SQL_REPORT_DELETE] = "DELETE FROM reports WHERE id = ?1",
	[SQL_FINDING_ADD] =
	    "INSERT INTO findings (id, severity, time_ms, uid, rule, path, suppressed)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_FINDINGS_DELETE] = "DELETE FROM findings WHERE id >= ?1 AND id < ?2",
	[SQL_NEIGHBOUR] = "SELECT digest, previous FROM reports WHERE epoch = ?1"
			  " AND sequence = ?2",
	[SQL_BETWEEN] = "SELECT EXISTS (SELECT 1 FROM reports WHERE epoch = ?1 AND"
			" sequence > ?2 AND sequence < ?3)",
	[SQL_PRUNED_AT] =
	    "SELECT id, first, last, previous, digest FROM pruned WHERE epoch = ?1"
	    " AND first <= ?2 AND last >= ?2 ORDER BY first DESC LIMIT 1",
	[SQL_PRUNED_ADD] = "INSERT OR IGNORE INTO pruned (epoch, first, last, previous, "
			   "digest, findings,"
			   " coverage, first_received_ms, last_received_ms, pruned_ms)"
			   " VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
	[SQL_PRUNED_UP] =
	    "UPDATE pruned SET last = ?2, digest = ?4, findings = findings + ?5,"
	    " coverage = coverage + ?6, first_received_ms = min(first_received_ms, ?7),"
	    " last_received_ms = max(last_received_ms, ?7), pruned_ms = ?8"
	    " WHERE epoch = ?1 AND last = ?2 - 1",
	[SQL_PRUNED_EACH] = PRUNED_ROWS(""),
	[SQL_PRUNED_FROM] =
	    PRUNED_ROWS(" WHERE p.epoch = ?1 AND p.first >= ?2") " LIMIT 1",
	[SQL_PRUNED_TEXT] =
	    "SELECT epoch || '|' || first || '|' || last || '|' || hex(previous) || '|' "
	    "||"
	    " hex(digest) || '|' || findings || '|' || coverage || '|' ||"
	    " first_received_ms || '|' || last_received_ms || '|' || pruned_ms, sum"
	    " FROM pruned WHERE epoch = ?1 AND last = ?2",
	[SQL_PRUNED_SUM] = "UPDATE pruned SET sum = ?3 WHERE epoch = ?1 AND last = ?2",
	/* Nothing of an epoch goes while somebody may want it for an open alarm. */
	[SQL_PRUNABLE] =
	    "SELECT r.id, r.epoch, r.sequence, r.previous, r.digest, r.findings,"
	    " r.coverage, r.received_ms, a.id, EXISTS (SELECT 1 FROM alarms x WHERE"
	    " x.agent = a.id AND +x.state IN (0, 1) AND x.kind NOT IN ('silence', "
	    "'clock')"
	    " AND x.epoch IN ('', e.epoch)) FROM reports r JOIN epochs e ON"
	    " e.id = r.epoch JOIN agents a ON a.id = e.agent WHERE r.received_ms < ?1"
	    " AND (r.received_ms, r.id) > (?2, ?3) ORDER BY r.received_ms, r.id LIMIT ?4",
	[SQL_ALARM_ADD] =
	    "INSERT INTO alarms (number, kind, agent, epoch, sequence, state, first_ms,"
	    " last_ms, closed_ms, count, digest, detail, note) VALUES (?1, ?2, ?3, ?4,"
	    " ?5, ?6, ?7, ?7, 0, 1, ?8, ?9, '') ON CONFLICT (agent, kind, epoch, "
	    "sequence)"
	    " DO UPDATE SET number = excluded.number, state = excluded.state,"
	    " last_ms = excluded.last_ms, closed_ms = 0, count = count + 1,"
	    " digest = excluded.digest, detail = excluded.detail RETURNING id, count",
	[SQL_ALARM_FIND] =
	    "SELECT id, state FROM alarms WHERE agent = ?1 AND kind = ?2 AND epoch = ?3"
	    " AND sequence = ?4",
	[SQL_ALARM_STATE] = "UPDATE alarms SET number = ?2, state = ?3, closed_ms = ?4,"
			    " note = ?5 WHERE id = ?1",
	[SQL_ALARM_TEXT] =
	    "SELECT id || '|' || number || '|' || kind || '|' || agent || '|' || epoch ||"
	    " '|' || sequence || '|' || state || '|' || first_ms || '|' || last_ms || '|'"
	    " || closed_ms || '|' || count || '|' || ifnull(hex(digest), '') || '|' ||"
	    " detail || '|' || note, sum FROM alarms WHERE id = ?1",
	[SQL_ALARM_SUM] = "UPDATE alarms SET sum = ?2 WHERE id = ?1",
	[SQL_ALARMS_UNSUMMED] = "SELECT id FROM alarms WHERE sum = x'' LIMIT 1",
	[SQL_ALARMS_WAITING] =
	    "SELECT id FROM alarms WHERE state = 0 AND first_ms <= ?1 LIMIT ?2",
	[SQL_ALARMS] = ALARM_COLUMNS " WHERE (?1 IS NULL OR a.agent = ?1) AND"
				     " (?2 IS NULL OR 'alarm:' || x.kind GLOB ?2) AND"
				     " x.last_ms >= ?3 AND +x.state IN (1, 2)"
				     " ORDER BY x.number DESC LIMIT ?4",
	[SQL_ALARMS_PRUNE] = "DELETE FROM alarms WHERE state IN (2, 3) AND last_ms < ?1"
			     " AND NOT EXISTS (SELECT 1 FROM epochs e JOIN reports r ON"
			     " r.epoch = e.id AND r.sequence = alarms.sequence WHERE"
			     " e.agent = alarms.agent AND e.epoch = alarms.epoch)",
	[SQL_ALARMS_ALL] = ALARM_COLUMNS " ORDER BY x.id",
	[SQL_ALARMS_SINCE] =
	    ALARM_COLUMNS " WHERE x.number > ?1 AND x.number < ?2"
			  " AND +x.state IN (1, 2) ORDER BY x.number LIMIT 1",
	[SQL_ALARM_GET] = ALARM_COLUMNS " WHERE x.id = ?1",
	[SQL_SILENT] =
	    "SELECT id, flags, CASE seen_ms WHEN 0 THEN enrolled_ms ELSE"
	    " seen_ms END FROM agents WHERE seen_up_ms <= ?1 AND revoked_ms = 0"
	    " AND flags & 1 = 0 LIMIT ?2",
	[SQL_REPORTS] = REPORT_ROWS("NULL, NULL"),
	[SQL_REPORTS_BYTES] = REPORT_ROWS("r.der, r.receipt"),
	[SQL_REPORT_SINCE] =
	    "SELECT r.id, a.agent, e.epoch, r.sequence, r.received_ms, r.der, r.findings "
	    "FROM reports"
	    " r JOIN epochs e ON e.id = r.epoch JOIN agents a ON a.id = e.agent"
	    " WHERE r.id >= ?1 ORDER BY r.id LIMIT 1",
	/*
	 * By arrival.  What was found since a time came since then, give or take
	 * what a clock may be ahead: the reports before need no look.
	 */
	[SQL_FINDINGS] = FINDING_COLUMNS
	" FROM findings f CROSS JOIN reports r ON r.id = f.id >> 20"
	" CROSS JOIN epochs e ON e.id = r.epoch"
	" CROSS JOIN agents a ON a.id = e.agent" FINDING_WHERE
	" AND f.id >= (SELECT ifnull(min(id) << 20, 1 << 62) FROM reports"
	" WHERE received_ms >= ?4 - 600000)"
	" ORDER BY f.id DESC LIMIT ?6",
	[SQL_FINDINGS_AGENT] = FINDING_COLUMNS
	" FROM agents a CROSS JOIN epochs e ON e.agent = a.id"
	" CROSS JOIN reports r ON r.epoch = e.id CROSS JOIN findings f"
	" ON f.id >= r.id << 20 AND f.id < (r.id + 1) << 20" FINDING_WHERE
	" AND a.agent = ?1"
	" ORDER BY f.id DESC LIMIT ?6",
	[SQL_REPORT_FINDINGS] =
	    "SELECT id, severity, time_ms, uid, rule, path, suppressed FROM findings"
	    " WHERE id >= ?1 << 20 AND id < (?1 + 1) << 20 ORDER BY id",
	[SQL_COUNT_REPORTS] = "SELECT count(*) FROM reports",
	[SQL_NEWEST] = "SELECT ifnull(max(received_ms), 0) FROM reports",
	[SQL_VACUUM] = "PRAGMA incremental_vacuum(64)",
};

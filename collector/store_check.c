/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tables of the store say of each other, for verify.
 *
 * Input: hostile (the store may have been changed by anybody).
 */
#include <stdio.h>

#include "base/memory.h"
#include "collector/store_internal.h"

/* Each gives agent, epoch, sequence and a sentence for what cannot be true. */
static const char *const queries[] = {
	"SELECT '', '', 0, 'damaged: ' || integrity_check FROM"
	" pragma_integrity_check(20) WHERE integrity_check != 'ok'",
	"SELECT '', '', 0, 'a row of ' || \"table\" || ' without its row of ' || parent"
	" FROM pragma_foreign_key_check LIMIT 20",
	"SELECT ifnull(a.agent, ''), e.epoch, e.last_sequence, 'this report was stored,"
	" the last of its epoch, and is missing' FROM epochs e LEFT JOIN agents a"
	" ON a.id = e.agent WHERE e.last_sequence > 0 AND NOT EXISTS (SELECT 1 FROM"
	" reports r WHERE r.epoch = e.id AND r.sequence = e.last_sequence) AND NOT EXISTS"
	" (SELECT 1 FROM pruned p WHERE p.epoch = e.id AND p.last = e.last_sequence)",
	"SELECT a.agent, e.epoch, r.sequence, 'the epoch knows another last report'"
	" FROM epochs e JOIN agents a ON a.id = e.agent JOIN reports r ON r.epoch = e.id"
	" AND r.sequence = e.last_sequence WHERE r.digest != e.last_digest"
	" OR r.sealed_ms != e.last_sealed_ms OR r.received_ms != e.last_received_ms",
	"SELECT a.agent, e.epoch, r.sequence, 'a report behind the last that the epoch"
	" knows' FROM epochs e JOIN agents a ON a.id = e.agent JOIN reports r ON"
	" r.epoch = e.id AND r.sequence > e.last_sequence",
	"SELECT a.agent, e.epoch, 0, 'the epoch began at another time' FROM epochs e"
	" JOIN agents a ON a.id = e.agent WHERE NOT EXISTS (SELECT 1 FROM pruned p WHERE"
	" p.epoch = e.id) AND e.began_ms != (SELECT min(sealed_ms) FROM reports r"
	" WHERE r.epoch = e.id)",
	"SELECT a.agent, '', 0, 'there are ' || n || ' reports with ' || f || ' findings,"
	" and ' || a.reports || ' with ' || a.findings || ' were counted' FROM (SELECT"
	" a.*, (SELECT count(*) FROM epochs e JOIN reports r ON r.epoch = e.id WHERE"
	" e.agent = a.id) AS n, (SELECT CAST(total(r.findings) AS INTEGER) FROM epochs e"
	" JOIN reports r ON r.epoch = e.id WHERE e.agent = a.id) AS f FROM agents a) a"
	" WHERE n != a.reports OR f != a.findings",
	"SELECT '', '', f.id >> 20, 'a finding without its report' FROM findings f"
	" LEFT JOIN reports r ON r.id = f.id >> 20 WHERE r.id IS NULL",
	"SELECT '', '', 0, 'there are ' || n || ' alarms, and ' || value || ' were"
	" counted' FROM numbers, (SELECT count(*) AS n FROM alarms) WHERE name = 'alarms'"
	" AND n != value",
	"SELECT '', '', 0, 'the counter of events stands behind what is stored' FROM"
	" numbers WHERE name = 'event' AND (value < (SELECT ifnull(max(id), 0) FROM"
	" reports) OR value < (SELECT ifnull(max(number), 0) FROM alarms))",
	"SELECT '', '', 0, 'a counter is missing' WHERE (SELECT count(*) FROM numbers) !="
	" 5",
	"SELECT a.agent, e.epoch, p.first, 'what stands for pruned reports is damaged'"
	" FROM pruned p JOIN epochs e ON e.id = p.epoch JOIN agents a ON a.id = e.agent"
	" WHERE p.first < 1 OR p.last < p.first OR length(p.digest) != 32 OR"
	" length(p.previous) != 32 OR p.last > e.last_sequence",
};

enum { FAULTS_MAX = 100 }; /* of one kind: more say nothing new */

static mh_err
run_query(struct store *st, const char *text, store_fault_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int rc = SQLITE_ERROR;
	mh_err err = MH_OK;

	if (sqlite3_prepare_v2(st->db, text, -1, &stmt, NULL) != SQLITE_OK)
		return store_err(st);
	for (unsigned n = 0; n < FAULTS_MAX && (rc = sqlite3_step(stmt)) == SQLITE_ROW;
	     n++) {
		const struct store_fault f = { column_text(stmt, 0), column_text(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2), column_text(stmt, 3) };

		fn(&f, arg);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_finalize(stmt);
	return err;
}

mh_err
store_check(struct store *st, store_fault_fn *fn, void *arg)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(queries); i++) {
		MH_CLEANUP(freep) char *why = NULL;
		mh_err err = run_query(st, queries[i], fn, arg);

		/* A damaged page stops one question; the others are still asked. */
		if (err == MH_ERR_CORRUPT || err == MH_ERR_STORE) {
			why = xasprintf("cannot be read: %s", store_why(st));
			fn(&(struct store_fault){ "", "", 0, why }, arg);
		} else if (err != MH_OK) {
			return err;
		}
	}
	return MH_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_STORE_INTERNAL_H
#define MH_COLLECTOR_STORE_INTERNAL_H

#include <sqlite3.h>

#include "collector/store.h"

/* Between store*.c only: the statements, prepared on first use. */
enum store_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVE,
	SQL_RELEASE,
	SQL_UNDO,
	SQL_OTHERS,
	SQL_NUMBER_NEXT,
	SQL_NUMBER_GET,
	SQL_NUMBER_SET,
	SQL_NUMBER_ADD,
	SQL_TOKEN_ADD,
	SQL_TOKEN_FIND,
	SQL_TOKEN_BIND,
	SQL_TOKEN_USE,
	SQL_AGENT_ADD,
	SQL_AGENT_SEEN,
	SQL_AGENT_MACHINE,
	SQL_AGENT_FLAGS,
	SQL_AGENT_REVOKE,
	SQL_AGENT_PRUNED,
	SQL_AGENTS,
	SQL_AGENT_GET,
	SQL_REVOKED,
	SQL_AGENT_STATE,
	SQL_EPOCH_ADD,
	SQL_EPOCH_SEEN,
	SQL_EPOCHS_RESTORED,
	SQL_MACHINE_FIND,
	SQL_MACHINE_ADD,
	SQL_MACHINE_CURRENT,
	SQL_MACHINES_PRUNE,
	SQL_CERTIFICATES,
	SQL_CERTIFICATE_ADD,
	SQL_CERTIFICATES_SINCE,
	SQL_REPORT_FIND,
	SQL_REPORT_ADD,
	SQL_REPORT_DER,
	SQL_REPORT_DELETE,
	SQL_FINDING_ADD,
	SQL_FINDINGS_DELETE,
	SQL_NEIGHBOUR,
	SQL_BETWEEN,
	SQL_PRUNED_AT,
	SQL_PRUNED_ADD,
	SQL_PRUNED_UP,
	SQL_PRUNED_EACH,
	SQL_PRUNED_FROM,
	SQL_PRUNED_TEXT,
	SQL_PRUNED_SUM,
	SQL_PRUNABLE,
	SQL_ALARM_ADD,
	SQL_ALARM_FIND,
	SQL_ALARM_STATE,
	SQL_ALARM_TEXT,
	SQL_ALARM_SUM,
	SQL_ALARMS_UNSUMMED,
	SQL_ALARMS_WAITING,
	SQL_ALARMS,
	SQL_ALARMS_PRUNE,
	SQL_ALARMS_ALL,
	SQL_ALARMS_SINCE,
	SQL_ALARM_GET,
	SQL_SILENT,
	SQL_REPORTS,
	SQL_REPORTS_BYTES,
	SQL_REPORT_SINCE,
	SQL_FINDINGS,
	SQL_FINDINGS_AGENT,
	SQL_REPORT_FINDINGS,
	SQL_COUNT_REPORTS,
	SQL_NEWEST,
	SQL_VACUUM,
	SQL_MAX_
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_MAX_];
	bool is_alone;      /* store_save() began the transaction */
	int64_t up_from_ms; /* monotonic time of the last check of silence, 0: none yet */
	int64_t pruned_to_ms; /* where pruning goes on */
	int64_t pruned_to_id;
};

extern const char *const store_sql_texts[SQL_MAX_];

/* The statement, reset and without values; NULL (store_why()) on error. */
sqlite3_stmt *store_statement(struct store *st, enum store_sql id);

/* Run it to its end, for those that return no rows; then reset it. */
mh_err store_run(struct store *st, sqlite3_stmt *stmt) MH_CHECKED;
mh_err store_exec(struct store *st, enum store_sql id) MH_CHECKED;

/* The one number that a statement without values gives; MH_ERR_CORRUPT if none. */
mh_err store_number(struct store *st, sqlite3_stmt *stmt, int64_t *ret) MH_CHECKED;

/*
 * SHA-256 of the text in the first column of a statement's one row; *ret_same:
 * the second column is it.  MH_ERR_STORE: there is no row.
 */
mh_err store_sum(struct store *st, sqlite3_stmt *stmt, uint8_t ret[DIGEST_BYTES],
    bool *ret_same) MH_CHECKED;

/* The next number of the counter that reports and alarms share. */
mh_err store_number_next(struct store *st, int64_t *ret) MH_CHECKED;

/* A PRAGMA that gives a number; statements without values. */
mh_err store_pragma(struct store *st, const char *text, int64_t *ret) MH_CHECKED;
mh_err store_script(struct store *st, const char *text) MH_CHECKED;

/* Bring the schema to this program's version, or MH_ERR_UNSUPPORTED. */
mh_err store_migrate(struct store *st) MH_CHECKED;

/* Translate what SQLite said last. */
mh_err store_err(struct store *st);

/* Several changes as one within a larger transaction, or alone. */
mh_err store_save(struct store *st) MH_CHECKED;
/* Keep them if err is MH_OK, undo them otherwise; returns the first error. */
mh_err store_settle(struct store *st, mh_err err) MH_CHECKED;

/* A finding's id is its report's id and its line. */
enum { STORE_LINE_BITS = 20 };

/* agents.flags: which of the alarms that close themselves are open. */
enum agent_flag {
	AGENT_IS_SILENT = 1u << 0,
	AGENT_HAS_CLOCK_ALARM = 1u << 1,
};

/* What the past of an agent and of one of its epochs says; texts are copies. */
struct agent_past {
	int64_t id;      /* of the agent, 0: unknown */
	unsigned flags;  /* enum agent_flag */
	int64_t current; /* the epoch that grew last, 0: none */
	int64_t current_since_ms;
	int64_t current_began_ms;
	int64_t machine; /* where it ran last, 0: unknown */
	int64_t machine_since_ms;
	char instance[33 + UUID_TEXT_LEN + 1];
	char hostname[REPORT_TEXT_MAX + 1];
	int64_t epoch; /* the report's own, 0: not seen before */
	int64_t began_ms;
	uint64_t last_sequence;
	int64_t last_sealed_ms, last_received_ms;
	int64_t steady; /* reports in a row that came equally late */
	uint64_t restored_sequence;
	bool was_current; /* the epoch: once it was the one that grew */
	uint8_t last_digest[DIGEST_BYTES];
};

/* Read it; an agent or an epoch that is new is not an error. */
mh_err store_past_load(struct store *st, const char *agent, const char *epoch,
    struct agent_past *ret) MH_CHECKED;

/*
 * Judge a report against the past of its agent, raise and close alarms, and
 * bring the past up to date with it.  Not for the report's place in the chain.
 */
mh_err store_judge(struct store *st, const struct report_header *h, int64_t received_ms,
    struct agent_past *past) MH_CHECKED;

/* The half of it that also a report tells that is refused: where the agent runs. */
mh_err store_judge_machine(struct store *st, const struct report_header *h,
    int64_t received_ms, struct agent_past *past) MH_CHECKED;

/* One alarm to raise; texts are borrowed. */
struct alarm_raise {
	enum alarm_kind kind;
	enum alarm_state state; /* ALARM_OPEN or ALARM_WAITS */
	int64_t agent;
	const char *epoch;     /* "" when it is not about one */
	uint64_t sequence;     /* 0 likewise */
	const uint8_t *digest; /* or NULL */
	int64_t now_ms;
	const char *detail;
};
mh_err store_alarm_raise(struct store *st, const struct alarm_raise *a) MH_CHECKED;

/* Close one that has ended by itself, if it is there and not closed. */
mh_err store_alarm_end(struct store *st, enum alarm_kind kind, int64_t agent,
    const char *epoch, uint64_t sequence, int64_t now_ms) MH_CHECKED;

/* At most one told alarm whose number is after one and below another. */
mh_err store_alarm_between(struct store *st, int64_t after, int64_t below,
    alarm_row_fn *fn, void *arg) MH_CHECKED;

/* The alarm as a row of the list of findings; borrows from it. */
void alarm_to_row(const struct alarm_row *a, struct finding_row *ret);

/* Give every alarm without a sum its sum. */
mh_err store_alarms_seal(struct store *st) MH_CHECKED;

void bind_text(sqlite3_stmt *stmt, int i, const char *s);
void bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t len);
void bind_int(sqlite3_stmt *stmt, int i, int64_t v);

/* A column's text; "" for NULL. */
const char *column_text(sqlite3_stmt *stmt, int i);

#endif

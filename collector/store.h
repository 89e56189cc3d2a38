/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_STORE_H
#define MH_COLLECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "collector/report_index.h"
#include "records/certificates.h"
#include "transport/report.h"

/*
 * The collector's durable state: one SQLite database in WAL mode with
 * synchronous=FULL, so that what was committed survives power loss.  Several
 * programs may have it open; one of them writes at a time.
 *
 * Every error but MH_OK leaves the store as it was before the call.  Errors of
 * all functions: MH_ERR_FULL (no room on the disk, or store_limit() reached),
 * MH_ERR_AGAIN (another program held the database for STORE_BUSY_MS),
 * MH_ERR_CORRUPT, MH_ERR_STORE; store_why() is SQLite's own text.
 */
enum {
	STORE_BUSY_MS =
	    5000, /* how long a writer waits for another: a commit takes some ms */
	/* How long after a restore a gap at an epoch's known end is the store's own. */
	STORE_RESTORED_MS = 7 * 24 * 3600 * 1000,
};

struct store;

/* Make a new database at path, 0600.  MH_ERR_EXISTS when something is there. */
mh_err store_create(const char *path) MH_CHECKED;

/*
 * Open the database at path, migrating an older schema.  Also: MH_ERR_NOTFOUND,
 * MH_ERR_UNSUPPORTED (a newer program made it).
 */
mh_err store_open(const char *path, struct store **ret) MH_CHECKED;
void store_close(struct store *st);
MH_DEFINE_CLEANUP(struct store, store_close);

/* Why store_open() failed, for people; static, or errno's text. */
const char *store_open_text(mh_err err);

/* SQLite's words about the last error; never NULL, borrowed until the next call. */
const char *store_why(const struct store *st);

/* Let the database file grow to at most max_bytes; 0: as the disk allows. */
mh_err store_limit(struct store *st, uint64_t max_bytes) MH_CHECKED;

/*
 * One transaction around many calls, so that one fdatasync(2) serves them all.
 * When store_is_in_transaction() turns false between the two by itself, SQLite
 * has rolled back everything since store_begin().
 */
mh_err store_begin(struct store *st) MH_CHECKED;
mh_err store_commit(struct store *st) MH_CHECKED;
void store_rollback(struct store *st);
bool store_is_in_transaction(const struct store *st);

/* A number that changes when another program has committed something. */
uint64_t store_version_of_others(struct store *st);

/* Tokens (docs/PROTOCOL.md, "Enrolment"): only the SHA-256 of a secret is kept. */
enum {
	TOKEN_GRACE_MS = 15 * 60 * 1000, /* a used token gives its second certificate */
};
enum token_state {
	TOKEN_GOOD,
	TOKEN_UNKNOWN,
	TOKEN_USED, /* this label was issued */
	TOKEN_EXPIRED,
};

mh_err store_token_add(struct store *st, const uint8_t digest[DIGEST_BYTES],
    const char *note, int64_t now_ms, int64_t expires_ms) MH_CHECKED;

/*
 * Look a token up and, when it is good for the label, bind it to an agent id if
 * it has none yet.  ret_agent is set when *ret_state is TOKEN_GOOD.
 */
mh_err store_token_check(struct store *st, const uint8_t digest[DIGEST_BYTES],
    enum certificate_label label, int64_t now_ms, enum token_state *ret_state,
    char ret_agent[UUID_TEXT_LEN]) MH_CHECKED;

/* A certificate that was issued. */
struct store_certificate {
	const char *agent;
	enum certificate_label label;
	const uint8_t *der;
	size_t len;
	int64_t issued_ms;
	int64_t not_after_ms;
};

/*
 * Keep an issued certificate and its agent.  With the token's digest (NULL at a
 * renewal) the token's label is used up in the same transaction; MH_ERR_EXISTS
 * when it has been meanwhile.
 */
mh_err store_certificate_add(struct store *st, const struct store_certificate *c,
    const uint8_t *token_digest) MH_CHECKED;

/* How many certificates the agent got since that time. */
mh_err store_certificates_since(struct store *st, const char *agent, int64_t since_ms,
    uint64_t *ret) MH_CHECKED;

/* MH_ERR_NOTFOUND: no such agent. */
mh_err store_agent_revoke(struct store *st, const char *agent, int64_t now_ms) MH_CHECKED;

/* One agent as the store knows it; texts are borrowed during the callback. */
struct store_agent {
	const char *agent, *hostname, *os, *version;
	int64_t enrolled_ms;
	int64_t seen_ms;    /* the last report's `received`, 0: none yet */
	int64_t revoked_ms; /* 0: not revoked */
	uint64_t n_reports, n_findings, n_alarms;
	const char *alarms; /* kinds of those that are open: "fork,gap" */
};
typedef void store_agent_fn(const struct store_agent *a, void *arg);
mh_err store_agents_each(struct store *st, store_agent_fn *fn, void *arg) MH_CHECKED;

/* The same of one agent, without n_alarms; fn is not called when there is none. */
mh_err store_agent_find(struct store *st, const char *agent, store_agent_fn *fn,
    void *arg) MH_CHECKED;

/* Each certificate that was issued; issued_ms is not set. */
typedef void store_certificate_fn(const struct store_certificate *c, void *arg);
mh_err store_certificates_each(struct store *st, store_certificate_fn *fn, void *arg)
    MH_CHECKED;

/* Call fn with each revoked agent's id. */
typedef void store_revoked_fn(const char *agent, void *arg);
mh_err store_revoked_each(struct store *st, store_revoked_fn *fn, void *arg) MH_CHECKED;

/* What names a report. */
struct report_key {
	const char *agent, *epoch;
	uint64_t sequence;
};

/*
 * Look for a stored report.  *ret_found says whether there is one; then
 * ret_digest is its SHA-256 and its receipt (DER) is appended to ret_receipt.
 */
mh_err store_report_find(struct store *st, const struct report_key *key, bool *ret_found,
    uint8_t ret_digest[DIGEST_BYTES], struct buf *ret_receipt) MH_CHECKED;

/* A report as it is kept: the signed bytes exactly as received, and what is in it. */
struct stored_report {
	const struct report *report;
	const struct report_index *index; /* report_index_new() of it */
	const uint8_t *der;
	size_t der_len;
	const uint8_t *receipt;
	size_t receipt_len;
	int64_t received_ms;
};

/*
 * Keep a verified report whose key is not there yet, with what its findings are
 * searched for.  Raises and closes alarms (docs/PROTOCOL.md, "Alarms").
 */
mh_err store_report_put(struct store *st, const struct stored_report *r) MH_CHECKED;

/*
 * Say that a verified report came whose key is stored with other bytes: alarms
 * fork, rollback when it was sealed later, and clone.  Nothing else of it is
 * kept.  MH_ERR_NOTFOUND: it is not stored.
 */
mh_err store_report_conflict(struct store *st, const struct report *report,
    int64_t received_ms) MH_CHECKED;

/* Alarms of the collector's own (docs/PROTOCOL.md, "Alarms"). */
enum alarm_kind {
	ALARM_GAP,
	ALARM_CHAIN,
	ALARM_FORK,
	ALARM_ROLLBACK,
	ALARM_CLONE,
	ALARM_SILENCE,
	ALARM_CLOCK,
	ALARM_RESTORED,
	ALARM_KIND_MAX_
};
enum alarm_state {
	ALARM_WAITS, /* a gap that may close by itself: not told yet */
	ALARM_OPEN,
	ALARM_CLOSED, /* by itself, or by a person; it opens again when it happens again */
	ALARM_NOTHING, /* it waited and closed: never told */
	ALARM_STATE_MAX_
};
enum {
	/* How long a gap may be the order of delivery. */
	ALARM_GAP_GRACE_MS = 5 * 60 * 1000,
	/* How much clocks may differ, in what compares times of two machines. */
	ALARM_MARGIN_MS = 10 * 60 * 1000,
	/* How far a clock may be ahead, or go back, and how close it is right again. */
	ALARM_CLOCK_MS = 2 * 60 * 1000,
	/* Reports in a row, each ALARM_MARGIN_MS or more apart, that came equally late. */
	ALARM_CLOCK_STEADY = 3,
	/* A pause of the collector that is longer is no time in which it listened. */
	ALARM_PAUSE_MS = 5 * 60 * 1000,
};
const char *alarm_kind_name(enum alarm_kind kind);
/* OCSF severity_id. */
int alarm_kind_severity(enum alarm_kind kind);
const char *alarm_state_name(enum alarm_state state);

/* One alarm; texts are borrowed during the callback. */
struct alarm_row {
	int64_t id, number;
	const char *agent, *hostname, *epoch, *detail, *note;
	enum alarm_kind kind;
	enum alarm_state state;
	uint64_t sequence, count;
	int64_t first_ms, last_ms, closed_ms;
	const uint8_t *digest; /* DIGEST_BYTES, or NULL */
	bool is_sound;         /* its check sum is right; only with store_alarms_all() */
};

/*
 * Each minute, by the program that accepts reports, with both its clocks: raise
 * silence for agents that were not heard of for silence_ms (0: never) while the
 * collector listened, and tell gaps that did not close.  *ret_n: how many.
 */
mh_err store_check_silence(struct store *st, uint64_t silence_ms, int64_t now_ms,
    int64_t monotonic_ms, unsigned *ret_n) MH_CHECKED;

/* Close an alarm by hand.  MH_ERR_NOTFOUND; MH_ERR_EXISTS: it is closed. */
mh_err store_alarm_close(struct store *st, int64_t id, const char *note, int64_t now_ms)
    MH_CHECKED;

/* One stored report, as a row; bytes are borrowed during the callback. */
struct report_row {
	int64_t id, epoch_id;
	struct report_key key;
	const uint8_t *digest, *previous; /* DIGEST_BYTES each, or NULL when damaged */
	int64_t sealed_ms, received_ms;
	uint64_t n_findings, n_coverage;
	const uint8_t *der, *receipt; /* NULL in a list without bytes */
	size_t der_len, receipt_len;
	bool has_alarm; /* about its place: of a gap that closed by itself, no more */
};
typedef mh_err report_row_fn(const struct report_row *r, void *arg);

/* Which rows are wanted; NULL or 0 for any. */
struct row_filter {
	const char *agent, *rule, *path; /* rule and path: GLOB patterns */
	int64_t since_ms;
	int severity_min; /* OCSF severity_id */
	uint64_t limit;
	const char *epoch; /* of reports only */
	uint64_t sequence; /* likewise */
};

/*
 * All reports by agent, epoch and sequence, with their bytes when with_bytes;
 * ends early with the error that fn returns.  fn may read the store.
 */
mh_err store_reports_each(struct store *st, const struct row_filter *filter,
    bool with_bytes, report_row_fn *fn, void *arg) MH_CHECKED;

/* One row of the list of findings; texts are borrowed during the callback. */
struct finding_row {
	int64_t id; /* larger than that of everything that was stored before */
	const char *agent, *hostname, *rule, *path, *epoch;
	const char *json; /* the signed line, NULL unless asked for */
	size_t json_len;
	uint64_t sequence;
	int severity;
	bool is_suppressed; /* by an override: known, and no alert */
	int64_t time_ms, received_ms;
	const struct alarm_row *alarm; /* not NULL: an alarm, and no finding */
};
typedef mh_err finding_row_fn(const struct finding_row *f, void *arg);

/*
 * Findings and alarms, what came last first; ends early with fn's error.
 * with_json: each finding's line is read from its signed bytes.
 */
mh_err store_findings_each(struct store *st, const struct row_filter *filter,
    bool with_json, finding_row_fn *fn, void *arg) MH_CHECKED;

/* Alarms that were told, the last changed first; rule globs "alarm:KIND". */
typedef mh_err alarm_row_fn(const struct alarm_row *a, void *arg);
mh_err store_alarms_each(struct store *st, const struct row_filter *filter,
    alarm_row_fn *fn, void *arg) MH_CHECKED;
/* All rows by id, with is_sound. */
mh_err store_alarms_all(struct store *st, alarm_row_fn *fn, void *arg) MH_CHECKED;

/*
 * What came after the cursor, in the order in which it was committed: findings
 * and coverage lines, and each alarm as it is now.  At most max rows, but whole
 * reports, unless fn says MH_ERR_AGAIN: it took that row and wants no more now.
 * *cursor is moved on.  fn must not wait: all is one view of the store, and as
 * long as one is held the write-ahead log grows.  MH_ERR_INVALID: the cursor is ahead
 * of the store.
 */
struct since_row {
	int64_t cursor; /* where a reader stands behind this row */
	enum report_lane lane;
	struct finding_row row;
};
typedef mh_err since_row_fn(const struct since_row *r, void *arg);
mh_err store_since_each(struct store *st, int64_t *cursor, uint64_t max, since_row_fn *fn,
    void *arg) MH_CHECKED;

/*
 * Reports whose time of receipt is more than keep_ms before now_ms go, a few at
 * a call: at most max are looked at.  Their findings go with them; a stub stays
 * (docs/PROTOCOL.md, "Store of a collector").  Not those of an epoch with an
 * alarm that is open, nor of an agent with an open clone.  Alarms that are
 * closed as long go, too, unless the report that they are about stays.  Gives freed pages back.  *ret_n: how many went;
 * *ret_more: call again soon, there is more to look at.
 */
enum {
	STORE_PRUNE_MAX = 100, /* some ms of work, and the writer goes on between */
};
mh_err store_prune(struct store *st, uint64_t keep_ms, int64_t now_ms, unsigned max,
    unsigned *ret_n, bool *ret_more) MH_CHECKED;

/* What stands for reports that were pruned: a range of one epoch. */
struct pruned_row {
	int64_t epoch_id;
	const char *agent, *epoch;
	uint64_t first, last, n_findings, n_coverage;
	const uint8_t *previous, *digest; /* of the first, of the last; or NULL */
	int64_t first_received_ms, last_received_ms, pruned_ms;
};
typedef mh_err pruned_row_fn(const struct pruned_row *p, void *arg);
mh_err store_pruned_each(struct store *st, pruned_row_fn *fn, void *arg) MH_CHECKED;
/* Whether its check sum is right. */
bool store_pruned_is_sound(struct store *st, const struct pruned_row *p);
/* The first stub that begins there or later; fn is not called when there is none. */
mh_err store_pruned_from(struct store *st, int64_t epoch_id, uint64_t first,
    pruned_row_fn *fn, void *arg) MH_CHECKED;

/*
 * Copy the store to a new file at path, 0600, as it is now, while others write.
 * fn is told how far it is, in pages, and may be NULL.  The copy knows that it
 * is one, see store_serve().  It has its name only when it is whole; until then
 * path with ".part" behind it is written.  MH_ERR_EXISTS: something is at path.
 */
typedef void backup_fn(int done, int total, void *arg);
mh_err store_backup(struct store *st, const char *path, backup_fn *fn, void *arg)
    MH_CHECKED;

/*
 * Say that reports are going to be accepted into this store.  A copy made by
 * store_backup() begins its second life here: what agents know and it does not
 * is its own loss, not theirs.  *ret_copied_ms: when the copy was made, or 0.
 */
mh_err store_serve(struct store *st, int64_t now_ms, int64_t *ret_copied_ms) MH_CHECKED;

/*
 * What the tables say of each other and cannot both be true, and what SQLite
 * finds damaged.  Says nothing about signatures.
 */
struct store_fault {
	const char *agent, *epoch; /* "" when it is not about one */
	uint64_t sequence;
	const char *what; /* a sentence without a period */
};
typedef void store_fault_fn(const struct store_fault *f, void *arg);
mh_err store_check(struct store *st, store_fault_fn *fn, void *arg) MH_CHECKED;

/* When the newest report was received; 0: there is none. */
mh_err store_newest(struct store *st, int64_t *ret_ms) MH_CHECKED;

/* How many reports are kept. */
mh_err store_report_count(struct store *st, uint64_t *ret) MH_CHECKED;

/* What is kept of one report's findings, in their order. */
typedef void kept_finding_fn(int64_t id, const struct index_finding *f, void *arg);
mh_err store_kept_each(struct store *st, int64_t report_id, kept_finding_fn *fn,
    void *arg) MH_CHECKED;

#endif

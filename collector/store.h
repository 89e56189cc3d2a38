/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_STORE_H
#define MH_COLLECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
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
};
typedef void store_agent_fn(const struct store_agent *a, void *arg);
mh_err store_agents_each(struct store *st, store_agent_fn *fn, void *arg) MH_CHECKED;

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
	const uint8_t *der;
	size_t der_len;
	const uint8_t *receipt;
	size_t receipt_len;
	int64_t received_ms;
};

/*
 * Keep a verified report whose key is not there yet, with its findings and
 * coverage, and an alarm when its sequence or previous hash does not fit.
 */
mh_err store_report_put(struct store *st, const struct stored_report *r) MH_CHECKED;

/* Count a fork: other bytes for a key that is there. */
mh_err store_fork_alarm(struct store *st, const struct report_key *key,
    const uint8_t digest[DIGEST_BYTES], int64_t now_ms) MH_CHECKED;

/* One stored report, as a row; bytes are borrowed during the callback. */
struct report_row {
	int64_t id;
	struct report_key key;
	const uint8_t *digest, *previous; /* DIGEST_BYTES each, or NULL when damaged */
	int64_t sealed_ms, received_ms;
	uint64_t n_findings, n_coverage;
	const uint8_t *der, *receipt; /* NULL in a list without bytes */
	size_t der_len, receipt_len;
	bool has_alarm;
};
typedef mh_err report_row_fn(const struct report_row *r, void *arg);

/* Which rows are wanted; NULL or 0 for any. */
struct row_filter {
	const char *agent, *rule, *path; /* rule and path: GLOB patterns */
	int64_t since_ms;
	int severity_min; /* OCSF severity_id */
	uint64_t limit;
};

/*
 * All reports by agent, epoch and sequence, with their bytes when with_bytes;
 * ends early with the error that fn returns.  fn may read the store.
 */
mh_err store_reports_each(struct store *st, const struct row_filter *filter,
    bool with_bytes, report_row_fn *fn, void *arg) MH_CHECKED;

/* One stored finding; texts are borrowed during the callback. */
struct finding_row {
	const char *uid, *agent, *hostname, *rule, *path, *json;
	int severity;
	int64_t time_ms;
};
typedef void finding_row_fn(const struct finding_row *f, void *arg);

/* Findings, the newest first. */
mh_err store_findings_each(struct store *st, const struct row_filter *filter,
    finding_row_fn *fn, void *arg) MH_CHECKED;

/*
 * The texts that were kept of one report, findings in their order, then
 * coverage: what verification compares with the signed bytes.
 */
typedef void report_text_fn(enum report_lane lane, const char *text, size_t len,
    void *arg);
mh_err store_report_texts_each(struct store *st, int64_t report_id, report_text_fn *fn,
    void *arg) MH_CHECKED;

#endif

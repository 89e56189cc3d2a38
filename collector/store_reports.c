/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's half about reports and what is in them.
 *
 * Input of store_report_put(): hostile, though signed: an agent may be taken over.
 */
#include <jansson.h>
#include <string.h>

#include "collector/store_internal.h"

mh_err
store_report_find(struct store *st, const struct report_key *key, bool *ret_found,
    uint8_t ret_digest[DIGEST_BYTES], struct buf *ret_receipt)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_REPORT_FIND);
	mh_err err = MH_OK;

	bind_text(stmt, 1, key->agent);
	bind_text(stmt, 2, key->epoch);
	bind_int(stmt, 3, (int64_t)key->sequence);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) != DIGEST_BYTES)
		err = MH_ERR_CORRUPT;
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = store_err(st);
	if (err == MH_OK && rc == SQLITE_ROW) {
		memcpy(ret_digest, sqlite3_column_blob(stmt, 0), DIGEST_BYTES);
		buf_put(ret_receipt, sqlite3_column_blob(stmt, 1),
		    (size_t)sqlite3_column_bytes(stmt, 1));
	}
	if (err == MH_OK)
		*ret_found = rc == SQLITE_ROW;
	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
raise_alarm(struct store *st, const char *kind, const struct report_key *key,
    const uint8_t digest[DIGEST_BYTES], int64_t now_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_ADD);

	bind_text(stmt, 1, kind);
	bind_text(stmt, 2, key->agent);
	bind_text(stmt, 3, key->epoch);
	bind_int(stmt, 4, (int64_t)key->sequence);
	bind_int(stmt, 5, now_ms);
	bind_blob(stmt, 6, digest, DIGEST_BYTES);
	return store_run(st, stmt);
}

mh_err
store_fork_alarm(struct store *st, const struct report_key *key,
    const uint8_t digest[DIGEST_BYTES], int64_t now_ms)
{
	return raise_alarm(st, "fork", key, digest, now_ms);
}

static mh_err
close_gap(struct store *st, const struct report_key *key, int64_t now_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_CLOSE);

	bind_text(stmt, 1, key->agent);
	bind_text(stmt, 2, key->epoch);
	bind_int(stmt, 3, (int64_t)key->sequence);
	bind_int(stmt, 4, now_ms);
	return store_run(st, stmt);
}

/* Digest and previous hash of a stored report; *ret_found says whether there is one. */
static mh_err
find_links(struct store *st, const struct report_key *key, bool *ret_found,
    uint8_t ret[2][DIGEST_BYTES])
{
	sqlite3_stmt *stmt = store_statement(st, SQL_NEIGHBOUR);
	mh_err err = MH_OK;

	bind_text(stmt, 1, key->agent);
	bind_text(stmt, 2, key->epoch);
	bind_int(stmt, 3, (int64_t)key->sequence);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	*ret_found = rc == SQLITE_ROW;
	for (int i = 0; rc == SQLITE_ROW && i < 2; i++) {
		if (sqlite3_column_bytes(stmt, i) == DIGEST_BYTES)
			memcpy(ret[i], sqlite3_column_blob(stmt, i), DIGEST_BYTES);
		else
			err = MH_ERR_CORRUPT;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

/* Does the report fit behind the one before it? */
static mh_err
check_before(struct store *st, const struct report_key *key,
    const struct stored_report *r)
{
	struct report_key before = *key;
	uint8_t links[2][DIGEST_BYTES] = { { 0 } };
	bool found = key->sequence == 1; /* before the first: zeros */
	mh_err err = MH_OK;

	before.sequence--;
	if (!found)
		err = find_links(st, &before, &found, links);
	if (err != MH_OK)
		return err;
	if (!found)
		return raise_alarm(st, "gap", key, r->report->digest, r->received_ms);
	if (memcmp(links[0], r->report->header.previous, DIGEST_BYTES) != 0)
		return raise_alarm(st, "chain", key, r->report->digest, r->received_ms);
	return MH_OK;
}

/* A report that was there before fits behind this one, and its gap is closed. */
static mh_err
check_after(struct store *st, const struct report_key *key, const struct stored_report *r)
{
	struct report_key after = *key;
	uint8_t links[2][DIGEST_BYTES];
	bool found = false;

	after.sequence++;

	mh_err err = find_links(st, &after, &found, links);

	if (err != MH_OK || !found)
		return err;
	err = close_gap(st, &after, r->received_ms);
	if (err == MH_OK && memcmp(links[1], r->report->digest, DIGEST_BYTES) != 0)
		err = raise_alarm(st, "chain", &after, links[0], r->received_ms);
	return err;
}

static const char *
string_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "";
}

/* The path of a finding: that of the file, or of the file behind the process. */
static const char *
path_of(const json_t *finding)
{
	const json_t *evidence = json_array_get(json_object_get(finding, "evidences"), 0);
	const json_t *file = json_object_get(evidence, "file");

	if (file == NULL)
		file = json_object_get(json_object_get(evidence, "process"), "file");
	return string_of(file, "path");
}

static mh_err
add_finding(struct store *st, int64_t id, const char *agent,
    const struct report_line *line)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_FINDING_ADD);
	json_t *finding = json_loadb(line->text, line->len, 0, NULL);
	const json_t *info = json_object_get(finding, "finding_info");

	bind_int(stmt, 1, id);
	bind_text(stmt, 2, string_of(info, "uid"));
	bind_text(stmt, 3, agent);
	bind_text(stmt, 4, string_of(json_object_get(info, "analytic"), "name"));
	bind_int(stmt, 5, json_integer_value(json_object_get(finding, "severity_id")));
	bind_text(stmt, 6, path_of(finding));
	bind_int(stmt, 7, json_integer_value(json_object_get(finding, "time")));
	(void)sqlite3_bind_text64(stmt, 8, line->text, line->len, SQLITE_TRANSIENT,
	    SQLITE_UTF8);
	json_decref(finding);
	return store_run(st, stmt);
}

static mh_err
add_coverage(struct store *st, int64_t id, const struct report_line *line)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_COVERAGE_ADD);

	bind_int(stmt, 1, id);
	(void)sqlite3_bind_text64(stmt, 2, line->text, line->len, SQLITE_TRANSIENT,
	    SQLITE_UTF8);
	return store_run(st, stmt);
}

static mh_err
add_lines(struct store *st, int64_t id, const struct report *report)
{
	struct report_cursor cursor = { 0, 0 };
	struct report_line line;
	mh_err err = MH_OK;

	while (err == MH_OK && report_next_line(report, &cursor, &line)) {
		if (line.lane == LANE_FINDING)
			err = add_finding(st, id, report->header.agent, &line);
		else
			err = add_coverage(st, id, &line);
	}
	return err;
}

static mh_err
add_report(struct store *st, const struct stored_report *r)
{
	const struct report_header *h = &r->report->header;
	sqlite3_stmt *stmt = store_statement(st, SQL_REPORT_ADD);

	bind_text(stmt, 1, h->agent);
	bind_text(stmt, 2, h->epoch);
	bind_int(stmt, 3, (int64_t)h->sequence);
	bind_blob(stmt, 4, r->report->digest, DIGEST_BYTES);
	bind_blob(stmt, 5, h->previous, DIGEST_BYTES);
	bind_int(stmt, 6, h->sealed_ms);
	bind_int(stmt, 7, r->received_ms);
	bind_int(stmt, 8, h->n_findings);
	bind_int(stmt, 9, h->n_coverage);
	bind_blob(stmt, 10, r->der, r->der_len);
	return store_run(st, stmt);
}

static mh_err
add_receipt(struct store *st, int64_t id, const struct stored_report *r)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_RECEIPT_ADD);

	bind_int(stmt, 1, id);
	bind_blob(stmt, 2, r->receipt, r->receipt_len);
	return store_run(st, stmt);
}

static mh_err
mark_seen(struct store *st, const struct stored_report *r)
{
	const struct report_header *h = &r->report->header;
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_SEEN);

	bind_text(stmt, 1, h->agent);
	bind_int(stmt, 2, r->received_ms);
	bind_text(stmt, 3, h->host.hostname);
	bind_text(stmt, 4, h->host.os);
	bind_text(stmt, 5, h->product_version);
	return store_run(st, stmt);
}

mh_err
store_report_put(struct store *st, const struct stored_report *r)
{
	const struct report_header *h = &r->report->header;
	struct report_key key = { h->agent, h->epoch, h->sequence };
	mh_err err = store_save(st);

	if (err != MH_OK)
		return err;
	err = add_report(st, r);

	int64_t id = sqlite3_last_insert_rowid(st->db);

	if (err == MH_OK)
		err = add_receipt(st, id, r);
	if (err == MH_OK)
		err = add_lines(st, id, r->report);
	if (err == MH_OK)
		err = check_before(st, &key, r);
	if (err == MH_OK)
		err = check_after(st, &key, r);
	if (err == MH_OK)
		err = mark_seen(st, r);
	return store_settle(st, err);
}

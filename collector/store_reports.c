/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's half about reports and what is in them.
 *
 * Input of store_report_put(): hostile, though signed: an agent may be taken over.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "collector/store_internal.h"

/* A report that is there: its digest, and when it was sealed. */
struct found_report {
	bool found;
	uint8_t digest[DIGEST_BYTES];
	int64_t sealed_ms;
};

/* ret_receipt may be NULL. */
static mh_err
find_report(struct store *st, const struct report_key *key, struct found_report *ret,
    struct buf *ret_receipt)
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
	if (err == MH_OK) {
		ret->found = rc == SQLITE_ROW;
		ret->sealed_ms = ret->found ? sqlite3_column_int64(stmt, 2) : 0;
	}
	if (err == MH_OK && ret->found)
		memcpy(ret->digest, sqlite3_column_blob(stmt, 0), DIGEST_BYTES);
	if (err == MH_OK && ret->found && ret_receipt != NULL)
		buf_put(ret_receipt, sqlite3_column_blob(stmt, 1),
		    (size_t)sqlite3_column_bytes(stmt, 1));
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_report_find(struct store *st, const struct report_key *key, bool *ret_found,
    uint8_t ret_digest[DIGEST_BYTES], struct buf *ret_receipt)
{
	struct found_report there = { .found = false };
	mh_err err = find_report(st, key, &there, ret_receipt);

	if (err != MH_OK)
		return err;
	if (there.found)
		memcpy(ret_digest, there.digest, DIGEST_BYTES);
	*ret_found = there.found;
	return MH_OK;
}

static mh_err
add_agent(struct store *st, const char *agent, int64_t now_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_ADD);

	bind_text(stmt, 1, agent);
	bind_int(stmt, 2, now_ms);
	return store_run(st, stmt);
}

/* The past, with rows for an agent and an epoch that are new. */
static mh_err
open_past(struct store *st, const struct report_header *h, int64_t received_ms,
    struct agent_past *ret)
{
	sqlite3_stmt *stmt;
	mh_err err = store_past_load(st, h->agent, h->epoch, ret);

	/* An agent of a store that was restored from an older copy comes back. */
	if (err == MH_OK && ret->id == 0) {
		err = add_agent(st, h->agent, received_ms);
		if (err == MH_OK)
			err = store_past_load(st, h->agent, h->epoch, ret);
	}
	if (err != MH_OK || ret->epoch != 0)
		return err;
	stmt = store_statement(st, SQL_EPOCH_ADD);
	bind_int(stmt, 1, ret->id);
	bind_text(stmt, 2, h->epoch);
	bind_int(stmt, 3, h->sealed_ms);
	err = store_run(st, stmt);
	if (err != MH_OK)
		return err;
	ret->epoch = sqlite3_last_insert_rowid(st->db);
	ret->began_ms = h->sealed_ms;
	return MH_OK;
}

/* One report on its way into the store. */
struct putting {
	struct store *st;
	const struct stored_report *r;
	const struct report_header *h;
	struct agent_past past;
};

static mh_err
raise_at(const struct putting *p, enum alarm_kind kind, uint64_t sequence,
    const uint8_t digest[DIGEST_BYTES], const char *detail)
{
	/* What is missing may be on its way. */
	bool waits = kind == ALARM_GAP || kind == ALARM_RESTORED;
	const struct alarm_raise a = { kind, waits ? ALARM_WAITS : ALARM_OPEN, p->past.id,
		p->h->epoch, sequence, digest, p->r->received_ms, detail };

	return store_alarm_raise(p->st, &a);
}

/* A neighbour in the chain: digest and previous hash of a stored report. */
struct links {
	bool found;
	uint8_t digest[DIGEST_BYTES], previous[DIGEST_BYTES];
};

static mh_err
read_links(struct store *st, sqlite3_stmt *stmt, int column, struct links *ret)
{
	if (sqlite3_column_bytes(stmt, column) != DIGEST_BYTES ||
	    sqlite3_column_bytes(stmt, column + 1) != DIGEST_BYTES)
		return MH_ERR_CORRUPT;
	(void)st;
	ret->found = true;
	memcpy(ret->digest, sqlite3_column_blob(stmt, column), DIGEST_BYTES);
	memcpy(ret->previous, sqlite3_column_blob(stmt, column + 1), DIGEST_BYTES);
	return MH_OK;
}

static mh_err
find_links(struct store *st, int64_t epoch, uint64_t sequence, struct links *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_NEIGHBOUR);
	mh_err err = MH_OK;

	bind_int(stmt, 1, epoch);
	bind_int(stmt, 2, (int64_t)sequence);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		err = read_links(st, stmt, 0, ret);
	else if (rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

/*
 * As find_links() among what was pruned; *ret_is_within: the sequence was there
 * and its digest is not known any more.
 */
static mh_err
find_pruned(struct store *st, int64_t epoch, uint64_t sequence, struct links *ret,
    bool *ret_is_within)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_PRUNED_AT);
	mh_err err = MH_OK;

	bind_int(stmt, 1, epoch);
	bind_int(stmt, 2, (int64_t)sequence);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(stmt, 2) != sequence)
		*ret_is_within = true;
	else if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 4) != DIGEST_BYTES)
		err = MH_ERR_CORRUPT;
	else if (rc == SQLITE_ROW) {
		ret->found = true;
		memcpy(ret->digest, sqlite3_column_blob(stmt, 4), DIGEST_BYTES);
	} else if (rc != SQLITE_DONE) {
		err = store_err(st);
	}
	(void)sqlite3_reset(stmt);
	return err;
}

/*
 * Whether reports before this one are missing because the store was restored
 * from a backup: nothing is there between the epoch's end of that time and it.
 */
static mh_err
is_own_loss(struct putting *p, bool *ret)
{
	sqlite3_stmt *stmt = store_statement(p->st, SQL_NUMBER_GET);
	int64_t restored_ms = 0;
	int64_t between = 0;
	mh_err err;

	bind_text(stmt, 1, "restored_ms");
	err = store_number(p->st, stmt, &restored_ms);
	*ret = false;
	if (err != MH_OK || restored_ms == 0 ||
	    p->r->received_ms >= restored_ms + STORE_RESTORED_MS ||
	    p->h->sequence <= p->past.restored_sequence)
		return err;
	stmt = store_statement(p->st, SQL_BETWEEN);
	bind_int(stmt, 1, p->past.epoch);
	bind_int(stmt, 2, (int64_t)p->past.restored_sequence);
	bind_int(stmt, 3, (int64_t)p->h->sequence);
	err = store_number(p->st, stmt, &between);
	*ret = between == 0;
	return err;
}

/* Reports before this one are not there. */
static mh_err
raise_gap(struct putting *p)
{
	uint64_t sequence = p->h->sequence;
	uint64_t last = p->past.last_sequence;
	bool is_ours = false;
	mh_err err = is_own_loss(p, &is_ours);
	uint64_t from = is_ours           ? p->past.restored_sequence + 1
			: sequence > last ? last + 1
					  : sequence - 1;
	MH_CLEANUP(freep)
	char *detail = xasprintf(
	    is_ours ? "reports %llu to %llu came before this store was restored from a "
		      "backup"
		    : "reports %llu to %llu have not come",
	    (unsigned long long)from, (unsigned long long)sequence - 1);

	if (err != MH_OK)
		return err;
	return raise_at(p, is_ours ? ALARM_RESTORED : ALARM_GAP, sequence,
	    p->r->report->digest, detail);
}

static mh_err
check_before(struct putting *p)
{
	const struct agent_past *past = &p->past;
	uint64_t before = p->h->sequence - 1;
	struct links links = { .found = before == 0 }; /* before the first: zeros */
	bool is_within = false;
	mh_err err = MH_OK;

	if (before != 0 && before == past->last_sequence) {
		links.found = true;
		memcpy(links.digest, past->last_digest, DIGEST_BYTES);
	} else if (before != 0 && past->last_sequence != 0) {
		err = find_links(p->st, past->epoch, before, &links);
		if (err == MH_OK && !links.found)
			err = find_pruned(p->st, past->epoch, before, &links, &is_within);
	}
	if (err != MH_OK || is_within)
		return err;
	if (!links.found)
		return raise_gap(p);
	if (memcmp(links.digest, p->h->previous, DIGEST_BYTES) != 0)
		return raise_at(p, ALARM_CHAIN, p->h->sequence, p->r->report->digest,
		    "it does not name the report before it");
	return MH_OK;
}

/* A report that was there before fits behind this one, and its gap is closed. */
static mh_err
check_after(struct putting *p)
{
	uint64_t after = p->h->sequence + 1;
	struct links links = { .found = false };
	mh_err err = MH_OK;

	if (p->h->sequence >= p->past.last_sequence)
		return MH_OK;
	err = find_links(p->st, p->past.epoch, after, &links);
	if (err != MH_OK || !links.found)
		return err;
	err = store_alarm_end(p->st, ALARM_GAP, p->past.id, p->h->epoch, after,
	    p->r->received_ms);
	if (err == MH_OK)
		err = store_alarm_end(p->st, ALARM_RESTORED, p->past.id, p->h->epoch,
		    after, p->r->received_ms);
	if (err == MH_OK &&
	    memcmp(links.previous, p->r->report->digest, DIGEST_BYTES) != 0)
		err = raise_at(p, ALARM_CHAIN, after, links.digest,
		    "it does not name the report before it");
	return err;
}

/* What a lower-case hexadecimal digit says, and 1: 0 for what is none. */
static const uint8_t digits
    [256] = { ['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['a'] = 11, 12, 13, 14, 15, 16 };

/*
 * A uid is a SHA-256 in hexadecimal unless an agent lies: bytes are half as
 * long.  False when it is none.
 */
static bool
pack_uid(const struct index_text *uid, uint8_t ret[DIGEST_BYTES])
{
	const uint8_t *p = (const uint8_t *)uid->p;

	if (uid->len != 2 * DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < DIGEST_BYTES; i++, p += 2) {
		unsigned high = digits[p[0]];
		unsigned low = digits[p[1]];

		if (high == 0 || low == 0)
			return false;
		ret[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return true;
}

static mh_err
add_finding(struct store *st, int64_t id, const struct index_finding *f)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_FINDING_ADD);
	uint8_t uid[DIGEST_BYTES];

	/* The texts live until the row is written: no copies. */
	bind_int(stmt, 1, id);
	bind_int(stmt, 2, f->severity);
	bind_int(stmt, 3, f->time_ms);
	if (pack_uid(&f->uid, uid))
		(void)sqlite3_bind_blob(stmt, 4, uid, sizeof(uid), SQLITE_STATIC);
	else
		(void)sqlite3_bind_text(stmt, 4, f->uid.p, (int)f->uid.len,
		    SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 5, f->rule.p, (int)f->rule.len, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 6, f->path.p, (int)f->path.len, SQLITE_STATIC);
	bind_int(stmt, 7, f->is_suppressed);
	return store_run(st, stmt);
}

static mh_err
add_findings(struct store *st, int64_t id, const struct report_index *index)
{
	mh_err err = MH_OK;

	for (size_t i = 0; err == MH_OK && i < index->n_findings; i++)
		err = add_finding(st, (id << STORE_LINE_BITS) + (int64_t)i,
		    &index->findings[i]);
	return err;
}

static mh_err
add_report(const struct putting *p, int64_t id)
{
	const struct stored_report *r = p->r;
	sqlite3_stmt *stmt = store_statement(p->st, SQL_REPORT_ADD);

	bind_int(stmt, 1, id);
	bind_int(stmt, 2, p->past.epoch);
	bind_int(stmt, 3, (int64_t)p->h->sequence);
	bind_int(stmt, 4, p->h->sealed_ms);
	bind_int(stmt, 5, r->received_ms);
	bind_int(stmt, 6, p->h->n_findings);
	bind_int(stmt, 7, p->h->n_coverage);
	bind_blob(stmt, 8, r->report->digest, DIGEST_BYTES);
	bind_blob(stmt, 9, p->h->previous, DIGEST_BYTES);
	(void)sqlite3_bind_blob64(stmt, 10, r->receipt, r->receipt_len, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(stmt, 11, r->der, r->der_len, SQLITE_STATIC);
	return store_run(p->st, stmt);
}

/* What later reports of the epoch are judged by. */
static mh_err
keep_epoch(const struct putting *p)
{
	const struct agent_past *past = &p->past;
	bool is_last = p->h->sequence > past->last_sequence;
	sqlite3_stmt *stmt = store_statement(p->st, SQL_EPOCH_SEEN);

	bind_int(stmt, 1, past->epoch);
	bind_int(stmt, 2, past->began_ms);
	bind_int(stmt, 3, (int64_t)(is_last ? p->h->sequence : past->last_sequence));
	bind_int(stmt, 4, is_last ? p->h->sealed_ms : past->last_sealed_ms);
	bind_int(stmt, 5, is_last ? p->r->received_ms : past->last_received_ms);
	bind_blob(stmt, 6, is_last ? p->r->report->digest : past->last_digest,
	    DIGEST_BYTES);
	bind_int(stmt, 7, past->steady);
	bind_int(stmt, 8, (int64_t)past->restored_sequence);
	bind_int(stmt, 9, past->was_current);
	return store_run(p->st, stmt);
}

static mh_err
keep_agent(const struct putting *p)
{
	const struct agent_past *past = &p->past;
	sqlite3_stmt *stmt = store_statement(p->st, SQL_AGENT_SEEN);

	bind_int(stmt, 1, past->id);
	bind_int(stmt, 2, p->r->received_ms);
	bind_int(stmt, 3, past->flags);
	bind_int(stmt, 4, p->h->n_findings);
	bind_int(stmt, 5, past->current);
	bind_int(stmt, 6, past->current_since_ms);
	bind_int(stmt, 7, past->machine);
	bind_int(stmt, 8, past->machine_since_ms);
	bind_text(stmt, 9, p->h->host.hostname);
	bind_text(stmt, 10, p->h->host.os);
	bind_text(stmt, 11, p->h->product_version);
	return store_run(p->st, stmt);
}

static mh_err
put(struct putting *p)
{
	int64_t id = 0;
	mh_err err = open_past(p->st, p->h, p->r->received_ms, &p->past);

	if (err == MH_OK)
		err = store_number_next(p->st, &id);
	if (err == MH_OK)
		err = add_report(p, id);
	if (err == MH_OK)
		err = add_findings(p->st, id, p->r->index);
	if (err == MH_OK)
		err = check_before(p);
	if (err == MH_OK)
		err = check_after(p);
	if (err == MH_OK)
		err = store_judge(p->st, p->h, p->r->received_ms, &p->past);
	if (err == MH_OK)
		err = keep_epoch(p);
	return err == MH_OK ? keep_agent(p) : err;
}

mh_err
store_report_put(struct store *st, const struct stored_report *r)
{
	struct putting p = { .st = st, .r = r, .h = &r->report->header };
	mh_err err = store_save(st);

	assert(r->index->n_findings == r->report->header.n_findings);
	return err == MH_OK ? store_settle(st, put(&p)) : err;
}

static mh_err
raise_conflict(struct putting *p, const struct found_report *there)
{
	const struct alarm_raise rollback = { ALARM_ROLLBACK, ALARM_OPEN, p->past.id,
		p->h->epoch, 0, p->r->report->digest, p->r->received_ms,
		"a sequence that is stored came again with other bytes, sealed later: "
		"the "
		"agent's state was put back, or the identity was copied" };
	mh_err err = raise_at(p, ALARM_FORK, p->h->sequence, p->r->report->digest,
	    "it came again with other bytes, which were refused");

	if (err == MH_OK && p->h->sealed_ms > there->sealed_ms)
		err = store_alarm_raise(p->st, &rollback);
	return err;
}

mh_err
store_report_conflict(struct store *st, const struct report *report, int64_t received_ms)
{
	const struct stored_report r = { .report = report, .received_ms = received_ms };
	struct putting p = { .st = st, .r = &r, .h = &report->header };
	const struct report_key key = { p.h->agent, p.h->epoch, p.h->sequence };
	struct found_report there = { .found = false };
	sqlite3_stmt *stmt;
	mh_err err = store_save(st);

	if (err != MH_OK)
		return err;
	err = find_report(st, &key, &there, NULL);
	if (err == MH_OK)
		err = store_past_load(st, p.h->agent, p.h->epoch, &p.past);
	if (err == MH_OK && (!there.found || p.past.epoch == 0))
		err = MH_ERR_NOTFOUND;
	if (err == MH_OK)
		err = raise_conflict(&p, &there);
	if (err == MH_OK)
		err = store_judge_machine(st, p.h, received_ms, &p.past);
	stmt = store_statement(st, SQL_AGENT_MACHINE);
	bind_int(stmt, 1, p.past.id);
	bind_int(stmt, 2, p.past.machine);
	bind_int(stmt, 3, p.past.machine_since_ms);
	return store_settle(st, err == MH_OK ? store_run(st, stmt) : err);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The half of the spool between pending and receipt: sealed reports. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "transport/spool_db.h"

/* What leaves pending is counted out of the quotas. */
static void
count_out(struct spool *sp, const struct spool_lines *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t len = lines->lines[i].len;

		sp->used_bytes -= len;
		if (lines->lines[i].lane == LANE_COVERAGE)
			sp->status_bytes -= len;
	}
}

struct sealing {
	const struct spool_lines *lines;
	size_t n_taken;
	const struct report_header *header;
	const uint8_t *der;
	size_t len;
};

static mh_err
put_sealed(struct spool *sp, const struct sealing *s, const uint8_t digest[DIGEST_BYTES])
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_PUT);

	spool_db_bind_text(stmt, 1, s->header->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)s->header->sequence);
	spool_db_bind_bytes(stmt, 3, digest, DIGEST_BYTES);
	spool_db_bind_int(stmt, 4, s->header->sealed_ms);
	spool_db_bind_bytes(stmt, 5, s->der, s->len);
	return spool_db_run(sp, stmt);
}

static mh_err
seal(struct spool *sp, const void *arg)
{
	const struct sealing *s = arg;
	uint8_t digest[DIGEST_BYTES];
	mh_err err;

	digest_sha256(s->der, s->len, digest);
	err = put_sealed(sp, s, digest);
	for (size_t i = 0; err == MH_OK && i < s->n_taken; i++) {
		sqlite3_stmt *stmt = spool_db_statement(sp, SQL_PENDING_DROP);

		spool_db_bind_int(stmt, 1, s->lines->ids[i]);
		err = spool_db_run(sp, stmt);
	}
	if (err == MH_OK)
		err = spool_db_meta_put_int(sp, "sequence", (int64_t)s->header->sequence);
	if (err == MH_OK)
		err = spool_db_meta_put_bytes(sp, "previous", digest, sizeof(digest));
	return err;
}

mh_err
spool_seal(struct spool *sp, const struct spool_lines *lines, size_t n_taken,
    const struct report_header *header, const uint8_t *der, size_t len)
{
	const struct sealing s = { lines, n_taken, header, der, len };
	struct report_header next;
	mh_err err = spool_next_header(sp, &next);

	assert(n_taken <= lines->n && len <= CMS_ENVELOPE_MAX);
	if (err != MH_OK)
		return err;
	if (strcmp(next.epoch, header->epoch) != 0 || next.sequence != header->sequence ||
	    memcmp(next.previous, header->previous, DIGEST_BYTES) != 0)
		return MH_ERR_INVALID;
	err = spool_db_transact_to_free(sp, seal, &s);
	if (err != MH_OK)
		return err;
	count_out(sp, lines, n_taken);
	sp->used_bytes += len;
	sp->sealed_bytes += len;
	return MH_OK;
}

struct moving {
	int64_t id, now_ms;
	const char *why;
};

static mh_err
move_aside(struct spool *sp, const void *arg)
{
	const struct moving *m = arg;
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_ASIDE_MOVE);
	mh_err err;

	spool_db_bind_int(stmt, 1, m->id);
	spool_db_bind_text(stmt, 2, m->why);
	spool_db_bind_int(stmt, 3, m->now_ms);
	err = spool_db_run(sp, stmt);
	if (err != MH_OK)
		return err;
	stmt = spool_db_statement(sp, SQL_PENDING_DROP);
	spool_db_bind_int(stmt, 1, m->id);
	return spool_db_run(sp, stmt);
}

mh_err
spool_set_aside(struct spool *sp, const struct spool_lines *lines, const char *why,
    int64_t now_ms)
{
	assert(lines->n > 0);

	const struct moving m = { lines->ids[0], now_ms, why };
	mh_err err = spool_db_transact_to_free(sp, move_aside, &m);

	if (err == MH_OK)
		count_out(sp, lines, 1);
	return err;
}

static bool
has_dropped(struct spool *sp)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_DROPPED_GET);
	bool is_there = spool_db_row(sp, stmt) == MH_OK;

	(void)sqlite3_reset(stmt);
	return is_there;
}

/* Coverage that was dropped becomes a line of coverage itself. */
static mh_err
tell_dropped(struct spool *sp, const void *arg)
{
	const int64_t *now_ms = arg;
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_DROPPED_GET);
	char first[CLOCK_TEXT_LEN];
	char last[CLOCK_TEXT_LEN];
	mh_err err = spool_db_row(sp, stmt);

	if (err != MH_OK)
		return err;
	clock_format(sqlite3_column_int64(stmt, 2), first);
	clock_format(sqlite3_column_int64(stmt, 3), last);

	MH_CLEANUP(freep)
	char *more = xasprintf("\"lines\":%lld,\"bytes\":%lld,\"first\":\"%s\","
			       "\"last\":\"%s\"",
	    (long long)sqlite3_column_int64(stmt, 0),
	    (long long)sqlite3_column_int64(stmt, 1), first, last);

	(void)sqlite3_reset(stmt);
	err = spool_db_tell(sp, "dropped", more, *now_ms);
	if (err == MH_OK)
		err = spool_db_run(sp, spool_db_statement(sp, SQL_DROPPED_CLEAR));
	return err;
}

/* Take a pending line out, whole, because its bytes are not those that were stored. */
static mh_err
put_damaged_aside(struct spool *sp, const void *arg)
{
	const int64_t *id = arg;
	const struct moving m = { *id, clock_real_ms(),
		"its bytes are not those that were stored" };
	mh_err err = move_aside(sp, &m);

	if (err == MH_OK)
		err = spool_db_tell(sp, "damaged", "\"what\":\"line\"", m.now_ms);
	return err;
}

struct reading {
	struct spool_lines *lines;
	size_t cap;
	int64_t damaged; /* id of a line whose checksum is wrong; 0: none */
};

static bool
is_as_stored(sqlite3_stmt *row, const void *p, size_t len)
{
	return sqlite3_column_type(row, 3) == SQLITE_NULL ||
	       sqlite3_column_int64(row, 3) == spool_db_crc(p, len);
}

/* Add the row; false when the text is full, so that the row waits for next time. */
static bool
add_line(struct reading *r, sqlite3_stmt *row)
{
	struct spool_lines *l = r->lines;
	const void *p = sqlite3_column_blob(row, 2);
	size_t len = (size_t)sqlite3_column_bytes(row, 2);

	if (!is_as_stored(row, p, len)) {
		r->damaged = sqlite3_column_int64(row, 0);
		return false;
	}
	if (len > buf_room(l->text))
		return false;
	if (l->n == r->cap) {
		r->cap = r->cap * 2 + 64;
		l->lines = xreallocarray(l->lines, r->cap, sizeof(*l->lines));
		l->ids = xreallocarray(l->ids, r->cap, sizeof(*l->ids));
	}
	l->ids[l->n] = sqlite3_column_int64(row, 0);
	l->lines[l->n].lane =
	    sqlite3_column_int(row, 1) == LANE_FINDING ? LANE_FINDING : LANE_COVERAGE;
	l->lines[l->n].len = len;
	l->n++;
	buf_put(l->text, p, len);
	return true;
}

static mh_err
read_lines(struct spool *sp, bool with_coverage, struct reading *r)
{
	sqlite3_stmt *stmt = spool_db_statement(sp,
	    with_coverage ? SQL_PENDING_READ : SQL_PENDING_FINDINGS);
	int rc = SQLITE_DONE;

	while (r->lines->n < REPORT_LINES_MAX) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW || !add_line(r, stmt))
			break;
	}
	mh_err err = rc == SQLITE_ROW || rc == SQLITE_DONE ? MH_OK : spool_db_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_pending_read(struct spool *sp, bool with_coverage, struct spool_lines **ret)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *l = xcalloc(1, sizeof(*l));
	struct reading r = { .lines = l };
	int64_t now_ms = clock_real_ms();
	size_t at = 0;
	bool has_told = false;
	mh_err err = MH_ERR_NOTFOUND;

	if (with_coverage && has_dropped(sp))
		err = spool_db_transact_to_free(sp, tell_dropped, &now_ms);
	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		return err;
	has_told = err == MH_OK;
	l->text = buf_new(SPOOL_READ_MAX);
	do {
		r.damaged = 0;
		l->n = 0;
		buf_reset(l->text);
		err = read_lines(sp, with_coverage, &r);
		if (err == MH_OK && r.damaged != 0) {
			err =
			    spool_db_transact_to_free(sp, put_damaged_aside, &r.damaged);
			has_told = true;
		}
	} while (err == MH_OK && r.damaged != 0);
	if (err == MH_OK && has_told)
		err = spool_db_count_used(sp);
	if (err != MH_OK)
		return err;
	for (size_t i = 0; i < l->n; at += l->lines[i].len, i++)
		l->lines[i].text = buf_string(l->text) + at;
	*ret = MH_TAKE(l);
	return MH_OK;
}

mh_err
spool_refused(struct spool *sp, const char *epoch, uint64_t sequence, const char *why,
    int64_t retry_ms)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_REFUSE);

	spool_db_bind_text(stmt, 1, epoch);
	spool_db_bind_int(stmt, 2, (int64_t)sequence);
	spool_db_bind_text(stmt, 3, why);
	spool_db_bind_int(stmt, 4, retry_ms);
	return spool_db_run(sp, stmt);
}

struct receiving {
	const struct receipt *receipt;
	const uint8_t *der;
	size_t len;
	uint64_t *ret_bytes; /* of the report that it removes */
};

static mh_err
receive(struct spool *sp, const void *arg)
{
	const struct receiving *r = arg;
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_DROP);
	mh_err err;

	spool_db_bind_text(stmt, 1, r->receipt->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	spool_db_bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	err = spool_db_row(sp, stmt);
	if (err != MH_OK)
		return err;
	*r->ret_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	stmt = spool_db_statement(sp, SQL_RECEIPT_PUT);
	spool_db_bind_text(stmt, 1, r->receipt->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)r->receipt->sequence);
	spool_db_bind_bytes(stmt, 3, r->receipt->digest, DIGEST_BYTES);
	spool_db_bind_int(stmt, 4, r->receipt->received_ms);
	spool_db_bind_bytes(stmt, 5, r->der, r->len);
	err = spool_db_run(sp, stmt);
	if (err != MH_OK)
		return err;
	stmt = spool_db_statement(sp, SQL_RECEIPTS_PRUNE);
	spool_db_bind_int(stmt, 1, SPOOL_RECEIPTS_MAX - 1);
	return spool_db_run(sp, stmt);
}

mh_err
spool_receipt(struct spool *sp, const struct receipt *receipt, const uint8_t *der,
    size_t len)
{
	uint64_t bytes = 0;
	const struct receiving r = { receipt, der, len, &bytes };
	mh_err err = spool_db_transact_to_free(sp, receive, &r);

	/* Not counted anew: after a week without a collector there are many. */
	if (err == MH_OK) {
		sp->used_bytes -= bytes;
		sp->sealed_bytes -= bytes;
	}
	return err;
}

/* Which sealed report, and why it leaves. */
struct leaving {
	const char *epoch;
	uint64_t sequence;
	const uint8_t *digest;  /* as it is stored */
	const char *what, *why; /* for the table aside */
	int64_t now_ms;
	const struct report_line *lines; /* that come back into pending */
	size_t n;
};

/* MH_ERR_NOTFOUND when there is none. */
static mh_err
put_report_aside(struct spool *sp, const struct leaving *l)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_ASIDE_SEALED);
	mh_err err;

	spool_db_bind_text(stmt, 1, l->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)l->sequence);
	spool_db_bind_int(stmt, 3, l->now_ms);
	spool_db_bind_text(stmt, 4, l->why);
	spool_db_bind_text(stmt, 5, l->what);
	err = spool_db_run(sp, stmt);
	if (err == MH_OK && sqlite3_changes(sp->db) != 1)
		err = MH_ERR_NOTFOUND;
	if (err != MH_OK)
		return err;
	stmt = spool_db_statement(sp, SQL_SEALED_FORGET);
	spool_db_bind_text(stmt, 1, l->epoch);
	spool_db_bind_int(stmt, 2, (int64_t)l->sequence);
	return spool_db_run(sp, stmt);
}

static mh_err
unseal(struct spool *sp, const void *arg)
{
	const struct leaving *l = arg;
	mh_err err = put_report_aside(sp, l);

	for (size_t i = 0; err == MH_OK && i < l->n; i++) {
		/* It was in a report: it is not dropped now. */
		const struct spool_line line = { l->lines[i].lane, l->lines[i].text,
			l->lines[i].len, true };

		err = spool_db_put_line(sp, &line, l->now_ms);
	}
	if (err != MH_OK)
		return err;

	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_ASIDE_PRUNE);

	spool_db_bind_int(stmt, 1, SPOOL_RETURNED_MAX);
	return spool_db_run(sp, stmt);
}

mh_err
spool_unseal(struct spool *sp, const char *epoch, uint64_t sequence,
    const struct report_line *lines, size_t n, const char *why, int64_t now_ms)
{
	const struct leaving l = { .epoch = epoch,
		.sequence = sequence,
		.what = "returned",
		.why = why,
		.now_ms = now_ms,
		.lines = lines,
		.n = n };
	mh_err err = spool_db_transact_to_free(sp, unseal, &l);

	if (err == MH_OK)
		mh_ignore(spool_db_count_used(sp));
	return err;
}

static mh_err
lose_report(struct spool *sp, const void *arg)
{
	const struct spool_report *report = arg;
	const struct leaving l = { .epoch = report->epoch,
		.sequence = report->sequence,
		.what = "report",
		.why = "its bytes are not those that were sealed",
		.now_ms = clock_real_ms() };
	MH_CLEANUP(freep)
	char *more = xasprintf("\"what\":\"report\",\"epoch\":\"%s\",\"sequence\":%llu",
	    report->epoch, (unsigned long long)report->sequence);
	mh_err err = put_report_aside(sp, &l);

	if (err == MH_OK)
		err = spool_db_tell(sp, "damaged", more, l.now_ms);
	return err;
}

static mh_err
read_report(struct spool *sp, int64_t after_id, int64_t now_ms, struct spool_report *ret)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SEALED_NEXT);
	mh_err err;

	spool_db_bind_int(stmt, 1, after_id);
	spool_db_bind_int(stmt, 2, now_ms);
	err = spool_db_row(sp, stmt);
	if (err != MH_OK)
		return err;
	memset(ret, 0, sizeof(*ret));
	ret->id = sqlite3_column_int64(stmt, 0);
	if (sqlite3_column_bytes(stmt, 1) == UUID_TEXT_LEN - 1)
		memcpy(ret->epoch, sqlite3_column_text(stmt, 1), UUID_TEXT_LEN - 1);
	ret->sequence = (uint64_t)sqlite3_column_int64(stmt, 2);
	if (sqlite3_column_bytes(stmt, 3) == DIGEST_BYTES)
		memcpy(ret->digest, sqlite3_column_blob(stmt, 3), DIGEST_BYTES);
	ret->tries = (uint64_t)sqlite3_column_int64(stmt, 4);
	if (sqlite3_column_type(stmt, 5) != SQLITE_NULL)
		ret->last_refusal = spool_db_text(stmt, 5, NULL);
	ret->der = (uint8_t *)spool_db_bytes(stmt, 6, &ret->len);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_next_report(struct spool *sp, int64_t after_id, int64_t now_ms,
    struct spool_report *ret)
{
	for (;;) {
		struct spool_report report;
		uint8_t digest[DIGEST_BYTES];
		mh_err err = read_report(sp, after_id, now_ms, &report);

		if (err != MH_OK)
			return err;
		digest_sha256(report.der, report.len, digest);
		if (memcmp(digest, report.digest, DIGEST_BYTES) == 0) {
			*ret = report;
			return MH_OK;
		}
		err = spool_db_transact_to_free(sp, lose_report, &report);
		spool_report_clear(&report);
		if (err == MH_OK)
			err = spool_db_count_used(sp);
		if (err != MH_OK)
			return err;
	}
}

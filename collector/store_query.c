/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's half for people who read: lists of reports, findings and alarms. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "collector/signed_text.h"
#include "collector/store_internal.h"
#include "transport/limits.h"

static int64_t
limit_of(const struct row_filter *filter)
{
	return filter->limit == 0 || filter->limit > INT64_MAX ? -1
							       : (int64_t)filter->limit;
}

static const uint8_t *
column_digest(sqlite3_stmt *stmt, int i)
{
	return sqlite3_column_bytes(stmt, i) == DIGEST_BYTES
		   ? sqlite3_column_blob(stmt, i)
		   : NULL;
}

static void
read_report_row(sqlite3_stmt *stmt, struct report_row *ret)
{
	*ret = (struct report_row){
		.id = sqlite3_column_int64(stmt, 0),
		.key = { column_text(stmt, 1), column_text(stmt, 2),
		    (uint64_t)sqlite3_column_int64(stmt, 3) },
		.digest = column_digest(stmt, 4),
		.previous = column_digest(stmt, 5),
		.sealed_ms = sqlite3_column_int64(stmt, 6),
		.received_ms = sqlite3_column_int64(stmt, 7),
		.n_findings = (uint64_t)sqlite3_column_int64(stmt, 8),
		.n_coverage = (uint64_t)sqlite3_column_int64(stmt, 9),
		.has_alarm = sqlite3_column_int(stmt, 10) != 0,
		.der = sqlite3_column_blob(stmt, 11),
		.der_len = (size_t)sqlite3_column_bytes(stmt, 11),
		.receipt = sqlite3_column_blob(stmt, 12),
		.receipt_len = (size_t)sqlite3_column_bytes(stmt, 12),
		.epoch_id = sqlite3_column_int64(stmt, 13),
	};
}

mh_err
store_reports_each(struct store *st, const struct row_filter *filter, bool with_bytes,
    report_row_fn *fn, void *arg)
{
	sqlite3_stmt *stmt =
	    store_statement(st, with_bytes ? SQL_REPORTS_BYTES : SQL_REPORTS);
	mh_err err = MH_OK;
	int rc = SQLITE_ERROR;

	bind_text(stmt, 1, filter->agent);
	bind_int(stmt, 2, filter->since_ms);
	bind_int(stmt, 3, limit_of(filter));
	bind_text(stmt, 4, filter->epoch);
	bind_int(stmt, 5, (int64_t)filter->sequence);
	while (stmt != NULL && err == MH_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct report_row row;

		read_report_row(stmt, &row);
		err = fn(&row, arg);
	}
	if (err == MH_OK && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

/* The text of the report that was read last. */
struct text_cache {
	int64_t report; /* 0: none */
	struct buf *text;
};

static mh_err
load_text(struct store *st, struct text_cache *cache, int64_t report)
{
	sqlite3_stmt *stmt;
	mh_err err = MH_OK;

	if (cache->report == report)
		return MH_OK;
	stmt = store_statement(st, SQL_REPORT_DER);
	bind_int(stmt, 1, report);
	cache->report = 0;
	if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
		err = signed_text_read(sqlite3_column_blob(stmt, 0),
		    (size_t)sqlite3_column_bytes(stmt, 0), cache->text);
	else
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	if (err == MH_OK)
		cache->report = report;
	return err;
}

static void
read_finding_row(sqlite3_stmt *stmt, struct finding_row *ret)
{
	*ret = (struct finding_row){
		.id = sqlite3_column_int64(stmt, 0),
		.agent = column_text(stmt, 2),
		.hostname = column_text(stmt, 3),
		.rule = column_text(stmt, 4),
		.severity = sqlite3_column_int(stmt, 5),
		.is_suppressed = sqlite3_column_int(stmt, 11) != 0,
		.path = column_text(stmt, 6),
		.time_ms = sqlite3_column_int64(stmt, 7),
		.epoch = column_text(stmt, 8),
		.sequence = (uint64_t)sqlite3_column_int64(stmt, 9),
		.received_ms = sqlite3_column_int64(stmt, 10),
	};
}

/* The findings while alarms are put between them. */
struct listing {
	struct store *st;
	const struct row_filter *filter;
	finding_row_fn *fn;
	void *arg;
	sqlite3_stmt *stmt;
	int rc;
	uint64_t n;
	bool with_json;
	struct text_cache cache;
};

static bool
is_full(const struct listing *l)
{
	return l->filter->limit != 0 && l->n >= l->filter->limit;
}

static mh_err
give_finding(struct listing *l)
{
	struct finding_row row;
	mh_err err = MH_OK;

	read_finding_row(l->stmt, &row);
	if (l->with_json) {
		size_t line = (size_t)(row.id & ((1 << STORE_LINE_BITS) - 1)) + 1;

		err = load_text(l->st, &l->cache, row.id >> STORE_LINE_BITS);
		if (err == MH_OK)
			row.json = signed_text_line(l->cache.text, line, &row.json_len);
		if (err == MH_OK && row.json == NULL)
			err = MH_ERR_CORRUPT;
	}
	if (err != MH_OK)
		return err;
	l->n++;
	err = l->fn(&row, l->arg);
	l->rc = sqlite3_step(l->stmt);
	return err;
}

/* All findings that came after that id. */
static mh_err
give_down_to(struct listing *l, int64_t id)
{
	mh_err err = MH_OK;

	while (err == MH_OK && l->rc == SQLITE_ROW && !is_full(l) &&
	       sqlite3_column_int64(l->stmt, 0) > id)
		err = give_finding(l);
	return err;
}

void
alarm_to_row(const struct alarm_row *a, struct finding_row *ret)
{
	*ret = (struct finding_row){
		.id = a->number << STORE_LINE_BITS,
		.agent = a->agent,
		.hostname = a->hostname,
		.rule = alarm_kind_name(a->kind),
		.path = a->detail,
		.epoch = a->epoch,
		.sequence = a->sequence,
		.severity = alarm_kind_severity(a->kind),
		.time_ms = a->last_ms,
		.received_ms = a->last_ms,
		.alarm = a,
	};
}

static mh_err
on_alarm(const struct alarm_row *a, void *arg)
{
	struct listing *l = arg;
	struct finding_row row;
	mh_err err = give_down_to(l, a->number << STORE_LINE_BITS);

	alarm_to_row(a, &row);
	if (err != MH_OK || is_full(l) || row.severity < l->filter->severity_min)
		return err;
	l->n++;
	return l->fn(&row, l->arg);
}

mh_err
store_findings_each(struct store *st, const struct row_filter *filter, bool with_json,
    finding_row_fn *fn, void *arg)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(REPORT_UNPACKED_MAX);
	struct listing l = { .st = st,
		.filter = filter,
		.fn = fn,
		.arg = arg,
		.with_json = with_json,
		.cache = { 0, text } };
	struct row_filter alarms = *filter;
	mh_err err = MH_OK;

	l.stmt = store_statement(st,
	    filter->agent != NULL ? SQL_FINDINGS_AGENT : SQL_FINDINGS);
	bind_text(l.stmt, 1, filter->agent);
	bind_text(l.stmt, 2, filter->rule);
	bind_text(l.stmt, 3, filter->path);
	bind_int(l.stmt, 4, filter->since_ms);
	bind_int(l.stmt, 5, filter->severity_min);
	bind_int(l.stmt, 6, limit_of(filter));
	l.rc = l.stmt != NULL ? sqlite3_step(l.stmt) : SQLITE_ERROR;
	alarms.limit = 0; /* the severity is not asked for in SQL */
	if (filter->path == NULL)
		err = store_alarms_each(st, &alarms, on_alarm, &l);
	if (err == MH_OK)
		err = give_down_to(&l, -1);
	if (err == MH_OK && l.rc != SQLITE_DONE && l.rc != SQLITE_ROW)
		err = store_err(st);
	(void)sqlite3_reset(l.stmt);
	return err;
}

/* The uid of a row as text; new. */
static char *
column_uid(sqlite3_stmt *stmt, int i)
{
	if (sqlite3_column_type(stmt, i) == SQLITE_BLOB)
		return text_hex(sqlite3_column_blob(stmt, i),
		    (size_t)sqlite3_column_bytes(stmt, i));
	return xstrdup(column_text(stmt, i));
}

static void
give_kept(sqlite3_stmt *stmt, kept_finding_fn *fn, void *arg)
{
	MH_CLEANUP(freep) char *uid = column_uid(stmt, 3);
	struct index_finding f = {
		.severity = sqlite3_column_int(stmt, 1),
		.time_ms = sqlite3_column_int64(stmt, 2),
		.uid = { uid, (uint32_t)strlen(uid) },
		.rule = { column_text(stmt, 4), (uint32_t)sqlite3_column_bytes(stmt, 4) },
		.path = { column_text(stmt, 5), (uint32_t)sqlite3_column_bytes(stmt, 5) },
		.is_suppressed = sqlite3_column_int(stmt, 6) != 0,
	};

	fn(sqlite3_column_int64(stmt, 0), &f, arg);
}

mh_err
store_kept_each(struct store *st, int64_t report_id, kept_finding_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_REPORT_FINDINGS);
	int rc = SQLITE_ERROR;

	bind_int(stmt, 1, report_id);
	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		give_kept(stmt, fn, arg);

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

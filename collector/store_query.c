/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's half for people who read: lists of reports and findings. */
#include "collector/store_internal.h"

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

mh_err
store_findings_each(struct store *st, const struct row_filter *filter, finding_row_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_FINDINGS);
	int rc = SQLITE_ERROR;

	bind_text(stmt, 1, filter->agent);
	bind_text(stmt, 2, filter->rule);
	bind_text(stmt, 3, filter->path);
	bind_int(stmt, 4, filter->since_ms);
	bind_int(stmt, 5, filter->severity_min);
	bind_int(stmt, 6, limit_of(filter));
	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct finding_row row = {
			.uid = column_text(stmt, 0),
			.agent = column_text(stmt, 1),
			.hostname = column_text(stmt, 2),
			.rule = column_text(stmt, 3),
			.severity = sqlite3_column_int(stmt, 4),
			.path = column_text(stmt, 5),
			.time_ms = sqlite3_column_int64(stmt, 6),
			.json = column_text(stmt, 7),
		};

		fn(&row, arg);
	}

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
each_text(struct store *st, enum store_sql id, int64_t report_id, enum report_lane lane,
    report_text_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, id);
	int rc = SQLITE_ERROR;

	bind_int(stmt, 1, report_id);
	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		fn(lane, column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0),
		    arg);

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_report_texts_each(struct store *st, int64_t report_id, report_text_fn *fn,
    void *arg)
{
	mh_err err = each_text(st, SQL_REPORT_FINDINGS, report_id, LANE_FINDING, fn, arg);

	if (err != MH_OK)
		return err;
	return each_text(st, SQL_REPORT_COVERAGE, report_id, LANE_COVERAGE, fn, arg);
}

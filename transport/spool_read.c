/* SPDX-License-Identifier: BSD-2-Clause */
/* The half of the spool that only reads. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "transport/spool_db.h"

void
spool_history_clear(struct spool_history *h)
{
	free(h->uid);
	free(h->rule);
	free(h->pack);
	free(h->json);
	free(h->path);
	memset(h, 0, sizeof(*h));
}

static void
read_history(sqlite3_stmt *stmt, struct spool_history *ret)
{
	ret->uid = spool_db_text(stmt, 0, NULL);
	ret->first_ms = sqlite3_column_int64(stmt, 1);
	ret->last_ms = sqlite3_column_int64(stmt, 2);
	ret->count = (uint64_t)sqlite3_column_int64(stmt, 3);
	ret->rule = spool_db_text(stmt, 4, NULL);
	ret->pack = spool_db_text(stmt, 5, NULL);
	ret->severity = sqlite3_column_int(stmt, 6);
	ret->path = spool_db_bytes(stmt, 7, &ret->path_len);
	ret->json = spool_db_text(stmt, 8, NULL);
}

mh_err
spool_history_find(struct spool *sp, const char *uid, struct spool_history *ret)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_HISTORY_FIND);
	mh_err err;

	spool_db_bind_text(stmt, 1, uid);
	err = spool_db_row(sp, stmt);
	if (err != MH_OK)
		return err;
	read_history(stmt, ret);
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_history_each(struct spool *sp, int64_t since_ms, uint64_t max, spool_history_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_HISTORY_EACH);
	bool more = true;
	int rc = SQLITE_DONE;

	spool_db_bind_int(stmt, 1, since_ms);
	spool_db_bind_int(stmt, 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
	while (more) {
		struct spool_history h;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		memset(&h, 0, sizeof(h));
		read_history(stmt, &h);
		more = fn(&h, arg);
		spool_history_clear(&h);
	}
	mh_err err = rc == SQLITE_ROW || rc == SQLITE_DONE ? MH_OK : spool_db_err(sp, rc);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_scanned_check(struct spool *sp, const struct spool_scanned *target)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_SCANNED_CHECK);
	mh_err err;

	spool_db_bind_scanned(stmt, target);
	err = spool_db_row(sp, stmt);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
spool_statistics(struct spool *sp, struct spool_statistics *ret)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_STATISTICS);
	mh_err err = spool_db_row(sp, stmt);

	if (err != MH_OK)
		return err;
	*ret = (struct spool_statistics){
		.n_pending = (uint64_t)sqlite3_column_int64(stmt, 0),
		.pending_bytes = (uint64_t)sqlite3_column_int64(stmt, 1),
		.oldest_pending_ms = sqlite3_column_int64(stmt, 2),
		.n_sealed = (uint64_t)sqlite3_column_int64(stmt, 3),
		.sealed_bytes = (uint64_t)sqlite3_column_int64(stmt, 4),
		.n_aside = (uint64_t)sqlite3_column_int64(stmt, 5),
		.n_receipts = (uint64_t)sqlite3_column_int64(stmt, 6),
		.n_history = (uint64_t)sqlite3_column_int64(stmt, 7),
		.n_scanned = (uint64_t)sqlite3_column_int64(stmt, 8),
		.status_bytes = (uint64_t)sqlite3_column_int64(stmt, 9),
		.n_dropped = (uint64_t)sqlite3_column_int64(stmt, 10),
		.dropped_bytes = (uint64_t)sqlite3_column_int64(stmt, 11),
	};
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

mh_err
spool_waiting(struct spool *sp, struct spool_waiting *ret)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_PENDING_COUNT);
	mh_err err = spool_db_row(sp, stmt);

	if (err != MH_OK)
		return err;
	ret->n_pending = (uint64_t)sqlite3_column_int64(stmt, 0);
	ret->sealed_bytes = sp->sealed_bytes;
	(void)sqlite3_reset(stmt);
	return MH_OK;
}

bool
spool_has_aside(struct spool *sp)
{
	sqlite3_stmt *stmt = spool_db_statement(sp, SQL_HAS_ASIDE);
	bool is_there = spool_db_row(sp, stmt) == MH_OK;

	(void)sqlite3_reset(stmt);
	return is_there;
}

void
spool_lines_free(struct spool_lines *l)
{
	if (l == NULL)
		return;
	free(l->lines);
	free(l->ids);
	buf_free(l->text);
	free(l);
}

void
spool_report_clear(struct spool_report *report)
{
	free(report->der);
	free(report->last_refusal);
	memset(report, 0, sizeof(*report));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can still be read out of a damaged spool.  SQLite reports a damaged page when it
 * comes upon it; rows on both sides of it are read from both ends, and what lies between
 * is asked for by its id.
 *
 * Runs in: agent.
 * Input: a file of our own that is damaged in any way.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "transport/spool_db.h"

enum {
	/* Rows in one transaction: a crash in the middle begins anew anyway. */
	ROWS_AT_ONCE = 1000,
	/* Ids that are asked for one by one; a page holds some hundred rows. */
	IDS_ASKED_MAX = 100 * 1000,
};

/* A table by its rows' numbers. */
struct table {
	const char *name;
	const char *id;      /* the column that numbers its rows */
	const char *columns; /* of schema version 2, id included */
	const char *old;     /* the same of version 1 */
};

static const struct table tables[] = {
	{ "pending", "id", "id, lane, stored_ms, bytes, line, crc, is_kept",
	    "id, lane, stored_ms, bytes, line, NULL, 0" },
	{ "sealed", "id",
	    "id, epoch, sequence, digest, sealed_ms, tries, retry_ms, refusal, bytes, "
	    "der",
	    NULL },
	{ "aside", "id", "id, lane, stored_ms, why, line, what",
	    "id, lane, stored_ms, why, line, 'line'" },
	{ "history", "rowid",
	    "rowid, uid, first_ms, last_ms, count, rule, pack, severity, path, json",
	    NULL },
	/* Its key is two columns: read without asking for single rows. */
	{ "receipts", NULL, "epoch, sequence, digest, received_ms, der", NULL },
};

struct salvaging {
	struct spool *to;
	sqlite3 *from;
	const struct table *table;
	sqlite3_stmt *put;
	uint64_t n_rows, n_lost;
	unsigned n_open; /* rows in the transaction */
	mh_err err;      /* of the new database: it ends all */
};

static sqlite3_stmt *
select_rows(struct salvaging *s, const char *clause)
{
	const struct table *t = s->table;
	sqlite3_stmt *stmt = NULL;
	const char *columns[] = { t->columns, t->old };

	for (size_t i = 0; stmt == NULL && i < 2 && columns[i] != NULL; i++) {
		MH_CLEANUP(freep)
		char *text =
		    xasprintf("SELECT %s FROM %s %s", columns[i], t->name, clause);

		(void)sqlite3_prepare_v2(s->from, text, -1, &stmt, NULL);
	}
	return stmt;
}

static bool
prepare_put(struct salvaging *s)
{
	int n = 1;
	char marks[64] = "?";

	for (const char *c = s->table->columns; *c != 0; c++) {
		if (*c != ',')
			continue;
		(void)snprintf(marks + 2 * n - 1, sizeof(marks) - 2 * (size_t)n, ",?");
		n++;
	}
	MH_CLEANUP(freep)
	char *text = xasprintf("INSERT OR IGNORE INTO %s (%s) VALUES (%s)",
	    s->table->name, s->table->columns, marks);

	return sqlite3_prepare_v2(s->to->db, text, -1, &s->put, NULL) == SQLITE_OK;
}

static mh_err
commit_some(struct salvaging *s, bool is_last)
{
	mh_err err = MH_OK;

	if (s->n_open == ROWS_AT_ONCE || (is_last && s->n_open > 0)) {
		err = spool_db_run(s->to, spool_db_statement(s->to, SQL_COMMIT));
		s->n_open = 0;
	}
	return err;
}

/* Copy the row under the statement's cursor; what the new tables refuse is lost. */
static void
copy_row(struct salvaging *s, sqlite3_stmt *row)
{
	if (s->n_open == 0)
		s->err = spool_db_run(s->to, spool_db_statement(s->to, SQL_BEGIN));
	if (s->err != MH_OK)
		return;
	(void)sqlite3_reset(s->put);
	for (int i = 0; i < sqlite3_column_count(row); i++)
		(void)sqlite3_bind_value(s->put, i + 1, sqlite3_column_value(row, i));
	s->n_open++;

	int rc = sqlite3_step(s->put);

	if (rc == SQLITE_DONE && sqlite3_changes(s->to->db) == 1)
		s->n_rows++;
	else if (rc == SQLITE_DONE || rc == SQLITE_CONSTRAINT)
		s->n_lost +=
		    s->table->id != NULL; /* else it was met from the other end */
	else
		s->err = spool_db_err(s->to, rc);
	(void)sqlite3_reset(s->put);
	if (s->err == MH_OK)
		s->err = commit_some(s, false);
}

/*
 * Copy rows as long as they can be read.  True when all were; *ret_id is the number of
 * the last one.  stop: the number at which another pass has begun.
 */
static bool
copy_rows(struct salvaging *s, const char *clause, int64_t stop, int64_t *ret_id)
{
	sqlite3_stmt *rows = select_rows(s, clause);
	int rc = SQLITE_CORRUPT;

	if (rows == NULL)
		return false;
	while (s->err == MH_OK && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
		int64_t id = s->table->id != NULL ? sqlite3_column_int64(rows, 0) : 0;

		if (s->table->id != NULL && id <= stop) {
			rc = SQLITE_DONE;
			break;
		}
		copy_row(s, rows);
		*ret_id = id;
	}
	(void)sqlite3_finalize(rows);
	return rc == SQLITE_DONE;
}

/* Ask for the rows between two numbers, one by one. */
static void
copy_between(struct salvaging *s, int64_t after, int64_t before)
{
	MH_CLEANUP(freep) char *clause = xasprintf("WHERE %s = ?1", s->table->id);
	sqlite3_stmt *one = select_rows(s, clause);

	for (int64_t id = after + 1; one != NULL && s->err == MH_OK && id < before;
	     id++) {
		if (id - after > IDS_ASKED_MAX) {
			s->n_lost += (uint64_t)(before - id);
			break;
		}
		(void)sqlite3_reset(one);
		(void)sqlite3_bind_int64(one, 1, id);

		int rc = sqlite3_step(one);

		if (rc == SQLITE_ROW)
			copy_row(s, one);
		else if (rc != SQLITE_DONE)
			s->n_lost++;
	}
	(void)sqlite3_finalize(one);
}

static void
copy_table(struct salvaging *s)
{
	MH_CLEANUP(freep) char *up = NULL;
	MH_CLEANUP(freep) char *down = NULL;
	const char *id = s->table->id;
	int64_t low = 0;
	int64_t high = 0;

	if (id == NULL) {
		if (!copy_rows(s, "ORDER BY epoch, sequence", 0, &low))
			(void)copy_rows(s, "ORDER BY epoch DESC, sequence DESC", 0,
			    &high);
		return;
	}
	up = xasprintf("ORDER BY %s", id);
	down = xasprintf("ORDER BY %s DESC", id);
	if (copy_rows(s, up, 0, &low) || s->err != MH_OK)
		return;
	if (!copy_rows(s, down, low, &high) && s->err == MH_OK && high > low)
		copy_between(s, low, high);
}

/* False: not even that can be done with it. */
static bool
open_damaged(const char *path, sqlite3 **ret)
{
	int rc =
	    sqlite3_open_v2(path, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	/* Nothing of it is changed, the journal included. */
	(void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_exec(*ret, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
	    NULL, NULL, NULL);
	return rc == SQLITE_OK;
}

static mh_err
tell(struct spool *sp, const char *path, int64_t now_ms, const struct spool_salvage *v)
{
	const char *name = strrchr(path, '/');
	MH_CLEANUP(freep)
	char *more = xasprintf("\"what\":\"spool\",\"kept_as\":\"%s\",\"pending\":%llu,"
			       "\"sealed\":%llu,\"aside\":%llu,\"history\":%llu,"
			       "\"receipts\":%llu,\"unreadable\":%llu",
	    name != NULL ? name + 1 : path, (unsigned long long)v->n_pending,
	    (unsigned long long)v->n_sealed, (unsigned long long)v->n_aside,
	    (unsigned long long)v->n_history, (unsigned long long)v->n_receipts,
	    (unsigned long long)v->n_lost);

	return spool_db_tell(sp, "damaged", more, now_ms);
}

mh_err
spool_salvage(struct spool *sp, const char *path, const char *kept_as, int64_t now_ms,
    struct spool_salvage *ret)
{
	uint64_t *const counts[] = { &ret->n_pending, &ret->n_sealed, &ret->n_aside,
		&ret->n_history, &ret->n_receipts };
	struct salvaging s = { .to = sp };
	bool is_open = open_damaged(path, &s.from);
	mh_err err = MH_OK;

	static_assert(MH_ARRAY_LEN(counts) == MH_ARRAY_LEN(tables), "one for each");
	for (size_t i = 0; is_open && err == MH_OK && i < MH_ARRAY_LEN(tables); i++) {
		s.table = &tables[i];
		s.n_rows = 0;
		if (prepare_put(&s))
			copy_table(&s);
		else
			s.err = MH_ERR_STORE;
		(void)sqlite3_finalize(s.put);
		s.put = NULL;
		if (s.err == MH_OK)
			s.err = commit_some(&s, true);
		*counts[i] = s.n_rows;
		err = s.err;
	}
	(void)sqlite3_close(s.from);
	/* Some errors roll back by themselves. */
	if (!sqlite3_get_autocommit(sp->db))
		mh_ignore(spool_db_run(sp, spool_db_statement(sp, SQL_ROLLBACK)));
	ret->n_lost = s.n_lost;

	mh_err told = tell(sp, kept_as, now_ms, ret);

	return err != MH_OK ? err : told;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store read forward from a cursor, for those who ship it elsewhere.
 *
 * A cursor is the id of the last row that was taken.  Ids grow in the order of
 * commits, for writers draw them within their transactions and one writes at a
 * time: what is behind a cursor is all there when it is passed.
 */
#include <string.h>

#include "base/memory.h"
#include "collector/signed_text.h"
#include "collector/store_internal.h"
#include "transport/limits.h"

struct reading {
	struct store *st;
	int64_t cursor;
	uint64_t n;
	since_row_fn *fn;
	void *arg;
};

/* One report's head, in texts of its own: fn may read the store. */
struct head {
	bool found;
	int64_t id, received_ms;
	uint64_t sequence, n_findings;
	char agent[UUID_TEXT_LEN], epoch[UUID_TEXT_LEN];
};

static mh_err
load_report(struct store *st, int64_t from, struct head *ret, struct buf *text)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_REPORT_SINCE);
	mh_err err = MH_OK;

	bind_int(stmt, 1, from);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	ret->found = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW) {
		ret->id = sqlite3_column_int64(stmt, 0);
		ret->sequence = (uint64_t)sqlite3_column_int64(stmt, 3);
		ret->received_ms = sqlite3_column_int64(stmt, 4);
		ret->n_findings = (uint64_t)sqlite3_column_int64(stmt, 6);
		if (!uuid_is_valid(column_text(stmt, 1)) ||
		    !uuid_is_valid(column_text(stmt, 2)))
			err = MH_ERR_CORRUPT;
	} else if (rc != SQLITE_DONE) {
		err = store_err(st);
	}
	if (err == MH_OK && ret->found) {
		memcpy(ret->agent, column_text(stmt, 1), UUID_TEXT_LEN);
		memcpy(ret->epoch, column_text(stmt, 2), UUID_TEXT_LEN);
		err = signed_text_read(sqlite3_column_blob(stmt, 5),
		    (size_t)sqlite3_column_bytes(stmt, 5), text);
	}
	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
give_line(struct reading *r, const struct head *head, size_t line, const char *text,
    size_t len)
{
	struct since_row row = { .cursor = (head->id << STORE_LINE_BITS) + (int64_t)line,
		.lane = line < head->n_findings ? LANE_FINDING : LANE_COVERAGE };

	row.row = (struct finding_row){
		.id = row.cursor,
		.agent = head->agent,
		.epoch = head->epoch,
		.sequence = head->sequence,
		.received_ms = head->received_ms,
		.json = text,
		.json_len = len,
	};
	r->n++;
	r->cursor = row.cursor;
	return r->fn(&row, r->arg);
}

/* The lines of one report that the cursor has not passed. */
static mh_err
give_report(struct reading *r, const struct head *head, const struct buf *text)
{
	size_t line = 0;
	size_t len = 0;
	const char *p = signed_text_line(text, 1, &len);
	mh_err err = MH_OK;

	while (err == MH_OK && p != NULL) {
		const char *end = p + len + 1;

		if ((head->id << STORE_LINE_BITS) + (int64_t)line > r->cursor)
			err = give_line(r, head, line, p, len);
		line++;
		p = end < buf_string(text) + buf_len(text) ? end : NULL;
		if (p != NULL) {
			const char *newline = memchr(p, '\n',
			    (size_t)(buf_string(text) + buf_len(text) - p));

			if (newline == NULL)
				return MH_ERR_CORRUPT;
			len = (size_t)(newline - p);
		}
	}
	/* Behind the last line, for a reader that stops there. */
	if (err == MH_OK)
		r->cursor = (head->id << STORE_LINE_BITS) + (1 << STORE_LINE_BITS) - 1;
	return err;
}

static mh_err
give_alarm(const struct alarm_row *a, void *arg)
{
	struct reading *r = arg;
	struct since_row row = { .cursor = a->number << STORE_LINE_BITS };

	alarm_to_row(a, &row.row);
	r->n++;
	r->cursor = row.cursor;
	return r->fn(&row, r->arg);
}

/* Alarms whose numbers lie behind the cursor and before that report. */
static mh_err
give_alarms(struct reading *r, int64_t below)
{
	uint64_t before;
	mh_err err = MH_OK;

	do {
		before = r->n;
		err = store_alarm_between(r->st, r->cursor >> STORE_LINE_BITS, below,
		    give_alarm, r);
	} while (err == MH_OK && r->n > before);
	return err;
}

static mh_err
check_cursor(struct store *st, int64_t cursor)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_NUMBER_GET);
	int64_t last = 0;

	bind_text(stmt, 1, "event");

	mh_err err = store_number(st, stmt, &last);

	if (err == MH_OK && (cursor < 0 || cursor >> STORE_LINE_BITS > last))
		err = MH_ERR_INVALID;
	return err;
}

mh_err
store_since_each(struct store *st, int64_t *cursor, uint64_t max, since_row_fn *fn,
    void *arg)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(REPORT_UNPACKED_MAX);
	struct reading r = { .st = st, .cursor = *cursor, .fn = fn, .arg = arg };
	struct head head = { .found = true };
	/* One view of the store: an alarm may not move between two looks. */
	mh_err err = store_script(st, "BEGIN");

	if (err != MH_OK)
		return err;
	err = check_cursor(st, *cursor);
	while (err == MH_OK && head.found && r.n < max) {
		err = load_report(st, (r.cursor + 1) >> STORE_LINE_BITS, &head, text);
		if (err == MH_OK)
			err = give_alarms(&r, head.found ? head.id : INT64_MAX);
		if (err == MH_OK && head.found)
			err = give_report(&r, &head, text);
	}
	if (err == MH_ERR_AGAIN) /* fn has enough */
		err = MH_OK;
	*cursor = r.cursor;
	mh_ignore(store_script(st, "COMMIT")); /* it only read */
	return err;
}

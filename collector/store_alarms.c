/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's half about alarms: raised, told, closed; silence. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/store_internal.h"

/* So many are told at one check at most, some ms of work; more at the next. */
enum { ALARM_BATCH = 1000 };

static const struct {
	const char *name;
	int severity; /* OCSF severity_id */
} kinds[] = {
	[ALARM_GAP] = { "gap", 3 },
	[ALARM_CHAIN] = { "chain", 4 },
	[ALARM_FORK] = { "fork", 4 },
	[ALARM_ROLLBACK] = { "rollback", 4 },
	[ALARM_CLONE] = { "clone", 4 },
	[ALARM_SILENCE] = { "silence", 3 },
	[ALARM_CLOCK] = { "clock", 2 },
	[ALARM_RESTORED] = { "restored", 2 },
};
static_assert(MH_ARRAY_LEN(kinds) == ALARM_KIND_MAX_, "a row for each kind");

static const char *const states[] = { "waits", "open", "closed", "nothing" };
static_assert(MH_ARRAY_LEN(states) == ALARM_STATE_MAX_, "a word for each state");

const char *
alarm_kind_name(enum alarm_kind kind)
{
	return kinds[kind].name;
}

int
alarm_kind_severity(enum alarm_kind kind)
{
	return kinds[kind].severity;
}

const char *
alarm_state_name(enum alarm_state state)
{
	return states[state];
}

/* The kind of that name; ALARM_KIND_MAX_ in a store that was changed. */
static enum alarm_kind
kind_find(const char *name)
{
	size_t i = 0;

	while (i < ALARM_KIND_MAX_ && strcmp(kinds[i].name, name) != 0)
		i++;
	return (enum alarm_kind)i;
}

static mh_err
sum_alarm(struct store *st, int64_t id, uint8_t ret[DIGEST_BYTES], bool *ret_same)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_TEXT);

	bind_int(stmt, 1, id);
	return store_sum(st, stmt, ret, ret_same);
}

static mh_err
seal_alarm(struct store *st, int64_t id)
{
	uint8_t sum[DIGEST_BYTES];
	bool same = false;
	mh_err err = sum_alarm(st, id, sum, &same);
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_SUM);

	if (err != MH_OK || same)
		return err;
	bind_int(stmt, 1, id);
	bind_blob(stmt, 2, sum, DIGEST_BYTES);
	return store_run(st, stmt);
}

/* The id that a statement gives; 0 when it gives none. */
static mh_err
find_id(struct store *st, sqlite3_stmt *stmt, int64_t *ret)
{
	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;
	mh_err err = rc == SQLITE_ROW || rc == SQLITE_DONE ? MH_OK : store_err(st);

	*ret = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_alarms_seal(struct store *st)
{
	int64_t id = 0;
	mh_err err = MH_OK;

	do {
		err = find_id(st, store_statement(st, SQL_ALARMS_UNSUMMED), &id);
		if (err == MH_OK && id != 0)
			err = seal_alarm(st, id);
	} while (err == MH_OK && id != 0);
	return err;
}

/* Insert or count it; *ret_is_new: there was none of this key. */
static mh_err
add_alarm(struct store *st, const struct alarm_raise *a, int64_t number, int64_t *ret_id,
    bool *ret_is_new)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_ADD);
	mh_err err = MH_OK;

	bind_int(stmt, 1, number);
	bind_text(stmt, 2, kinds[a->kind].name);
	bind_int(stmt, 3, a->agent);
	bind_text(stmt, 4, a->epoch);
	bind_int(stmt, 5, (int64_t)a->sequence);
	bind_int(stmt, 6, a->state);
	bind_int(stmt, 7, a->now_ms);
	if (a->digest != NULL)
		bind_blob(stmt, 8, a->digest, DIGEST_BYTES);
	bind_text(stmt, 9, a->detail);
	if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
		*ret_id = sqlite3_column_int64(stmt, 0);
		*ret_is_new = sqlite3_column_int64(stmt, 1) == 1;
		/* RETURNING has done the work at its first row. */
		if (sqlite3_step(stmt) != SQLITE_DONE)
			err = store_err(st);
	} else {
		err = store_err(st);
	}
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_alarm_raise(struct store *st, const struct alarm_raise *a)
{
	int64_t number = 0;
	int64_t id = 0;
	bool is_new = false;
	mh_err err = store_number_next(st, &number);

	if (err == MH_OK)
		err = add_alarm(st, a, number, &id, &is_new);
	if (err == MH_OK && is_new) {
		sqlite3_stmt *stmt = store_statement(st, SQL_NUMBER_ADD);

		bind_text(stmt, 1, "alarms");
		bind_int(stmt, 2, 1);
		err = store_run(st, stmt);
	}
	return err == MH_OK ? seal_alarm(st, id) : err;
}

static mh_err
set_state(struct store *st, int64_t id, enum alarm_state state, int64_t closed_ms,
    const char *note)
{
	int64_t number = 0;
	mh_err err = store_number_next(st, &number);
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_STATE);

	if (err != MH_OK)
		return err;
	bind_int(stmt, 1, id);
	bind_int(stmt, 2, number);
	bind_int(stmt, 3, state);
	bind_int(stmt, 4, closed_ms);
	bind_text(stmt, 5, note);
	err = store_run(st, stmt);
	return err == MH_OK ? seal_alarm(st, id) : err;
}

mh_err
store_alarm_end(struct store *st, enum alarm_kind kind, int64_t agent, const char *epoch,
    uint64_t sequence, int64_t now_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_FIND);
	enum alarm_state state = ALARM_CLOSED;
	int64_t id = 0;
	mh_err err = MH_OK;

	bind_int(stmt, 1, agent);
	bind_text(stmt, 2, kinds[kind].name);
	bind_text(stmt, 3, epoch);
	bind_int(stmt, 4, (int64_t)sequence);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		id = sqlite3_column_int64(stmt, 0);
		state = (enum alarm_state)sqlite3_column_int(stmt, 1);
	} else if (rc != SQLITE_DONE) {
		err = store_err(st);
	}
	(void)sqlite3_reset(stmt);
	if (err != MH_OK || id == 0 || state == ALARM_CLOSED || state == ALARM_NOTHING)
		return err;
	return set_state(st, id, state == ALARM_WAITS ? ALARM_NOTHING : ALARM_CLOSED,
	    now_ms, "by itself");
}

static mh_err
read_alarm(struct store *st, sqlite3_stmt *stmt, struct alarm_row *ret)
{
	int64_t state = sqlite3_column_int64(stmt, 7);

	*ret = (struct alarm_row){
		.id = sqlite3_column_int64(stmt, 0),
		.number = sqlite3_column_int64(stmt, 1),
		.kind = kind_find(column_text(stmt, 2)),
		.agent = column_text(stmt, 3),
		.hostname = column_text(stmt, 4),
		.epoch = column_text(stmt, 5),
		.sequence = (uint64_t)sqlite3_column_int64(stmt, 6),
		.state = (enum alarm_state)state,
		.first_ms = sqlite3_column_int64(stmt, 8),
		.last_ms = sqlite3_column_int64(stmt, 9),
		.closed_ms = sqlite3_column_int64(stmt, 10),
		.count = (uint64_t)sqlite3_column_int64(stmt, 11),
		.digest = sqlite3_column_bytes(stmt, 12) == DIGEST_BYTES
			      ? sqlite3_column_blob(stmt, 12)
			      : NULL,
		.detail = column_text(stmt, 13),
		.note = column_text(stmt, 14),
	};
	(void)st;
	return ret->kind == ALARM_KIND_MAX_ || state < 0 || state >= ALARM_STATE_MAX_
		   ? MH_ERR_CORRUPT
		   : MH_OK;
}

static mh_err
each_alarm(struct store *st, sqlite3_stmt *stmt, alarm_row_fn *fn, void *arg)
{
	struct alarm_row row;
	mh_err err = MH_OK;
	int rc = SQLITE_ERROR;

	while (stmt != NULL && err == MH_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		err = read_alarm(st, stmt, &row);
		if (err == MH_OK)
			err = fn(&row, arg);
	}
	if (err == MH_OK && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_alarms_each(struct store *st, const struct row_filter *filter, alarm_row_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARMS);

	bind_text(stmt, 1, filter->agent);
	bind_text(stmt, 2, filter->rule);
	bind_int(stmt, 3, filter->since_ms);
	bind_int(stmt, 4,
	    filter->limit > 0 && filter->limit <= INT64_MAX ? (int64_t)filter->limit
							    : -1);
	return each_alarm(st, stmt, fn, arg);
}

mh_err
store_alarms_all(struct store *st, alarm_row_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARMS_ALL);
	mh_err err = MH_OK;
	int rc = SQLITE_ERROR;

	while (stmt != NULL && err == MH_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct alarm_row row;
		uint8_t sum[DIGEST_BYTES];

		/* A kind or a state that there is not: the sum is wrong, too. */
		if (read_alarm(st, stmt, &row) != MH_OK)
			row.kind = ALARM_GAP;
		if (row.state >= ALARM_STATE_MAX_)
			row.state = ALARM_OPEN;
		err = sum_alarm(st, row.id, sum, &row.is_sound);
		if (err == MH_OK)
			err = fn(&row, arg);
	}
	if (err == MH_OK && rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_alarm_between(struct store *st, int64_t after, int64_t below, alarm_row_fn *fn,
    void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARMS_SINCE);

	bind_int(stmt, 1, after);
	bind_int(stmt, 2, below);
	return each_alarm(st, stmt, fn, arg);
}

struct closing {
	bool found, is_closed;
};

static mh_err
look_at_state(const struct alarm_row *a, void *arg)
{
	struct closing *c = arg;

	c->found = true;
	c->is_closed = a->state != ALARM_OPEN && a->state != ALARM_WAITS;
	return MH_OK;
}

mh_err
store_alarm_close(struct store *st, int64_t id, const char *note, int64_t now_ms)
{
	struct closing c = { .found = false };
	mh_err err = store_save(st);
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARM_GET);

	if (err != MH_OK)
		return err;
	bind_int(stmt, 1, id);
	err = each_alarm(st, stmt, look_at_state, &c);
	if (err == MH_OK && !c.found)
		err = MH_ERR_NOTFOUND;
	if (err == MH_OK && c.is_closed)
		err = MH_ERR_EXISTS;
	if (err == MH_OK)
		err = set_state(st, id, ALARM_CLOSED, now_ms, note);
	return store_settle(st, err);
}

/* Rows that a statement gives, so that it has ended before they are changed. */
struct batch {
	size_t n;
	struct {
		int64_t id, flags, since_ms;
	} rows[ALARM_BATCH];
};

/* Columns: id and, for agents, flags and since when nothing was heard. */
static mh_err
read_batch(struct store *st, sqlite3_stmt *stmt, struct batch *ret)
{
	int rc = SQLITE_ERROR;

	ret->n = 0;
	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW &&
	       ret->n < ALARM_BATCH) {
		ret->rows[ret->n].id = sqlite3_column_int64(stmt, 0);
		ret->rows[ret->n].flags = sqlite3_column_int64(stmt, 1);
		ret->rows[ret->n].since_ms = sqlite3_column_int64(stmt, 2);
		ret->n++;
	}

	mh_err err = rc == SQLITE_DONE || rc == SQLITE_ROW ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

/* Tell what was missing and did not come in time. */
static mh_err
tell_gaps(struct store *st, int64_t now_ms, unsigned *n)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_ALARMS_WAITING);
	struct batch b;
	mh_err err;

	bind_int(stmt, 1, now_ms - ALARM_GAP_GRACE_MS);
	bind_int(stmt, 2, ALARM_BATCH);
	err = read_batch(st, stmt, &b);
	for (size_t i = 0; err == MH_OK && i < b.n; i++)
		err = set_state(st, b.rows[i].id, ALARM_OPEN, 0, "");
	*n += (unsigned)b.n;
	return err;
}

/* Count the time in which the collector listened; a pause is none. */
static mh_err
count_up_time(struct store *st, int64_t monotonic_ms, int64_t *ret_up_ms)
{
	int64_t passed = st->up_from_ms != 0 ? monotonic_ms - st->up_from_ms : 0;
	sqlite3_stmt *stmt = store_statement(st, SQL_NUMBER_ADD);
	mh_err err = MH_OK;

	st->up_from_ms = monotonic_ms;
	if (passed < 0 || passed > ALARM_PAUSE_MS)
		passed = 0;
	bind_text(stmt, 1, "up_ms");
	bind_int(stmt, 2, passed);
	err = store_run(st, stmt);
	if (err != MH_OK)
		return err;
	stmt = store_statement(st, SQL_NUMBER_GET);
	bind_text(stmt, 1, "up_ms");
	return store_number(st, stmt, ret_up_ms);
}

static mh_err
tell_silent(struct store *st, int64_t id, int64_t flags, int64_t since_ms, int64_t now_ms)
{
	sqlite3_stmt *stmt;
	char text[CLOCK_TEXT_LEN];

	clock_format(since_ms, text);

	MH_CLEANUP(freep) char *detail = xasprintf("no report since %s", text);
	const struct alarm_raise a = { ALARM_SILENCE, ALARM_OPEN, id, "", 0, NULL, now_ms,
		detail };
	mh_err err = store_alarm_raise(st, &a);

	stmt = store_statement(st, SQL_AGENT_FLAGS);
	bind_int(stmt, 1, id);
	bind_int(stmt, 2, flags | AGENT_IS_SILENT);
	return err == MH_OK ? store_run(st, stmt) : err;
}

/* Agents that are silent, and are not known to be. */
static mh_err
tell_all_silent(struct store *st, int64_t before_up_ms, int64_t now_ms, unsigned *n)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_SILENT);
	struct batch b;
	mh_err err;

	bind_int(stmt, 1, before_up_ms);
	bind_int(stmt, 2, ALARM_BATCH);
	err = read_batch(st, stmt, &b);
	for (size_t i = 0; err == MH_OK && i < b.n; i++)
		err = tell_silent(st, b.rows[i].id, b.rows[i].flags, b.rows[i].since_ms,
		    now_ms);
	*n += (unsigned)b.n;
	return err;
}

mh_err
store_check_silence(struct store *st, uint64_t silence_ms, int64_t now_ms,
    int64_t monotonic_ms, unsigned *ret_n)
{
	int64_t up_ms = 0;
	unsigned n = 0;
	mh_err err = store_save(st);

	if (err != MH_OK)
		return err;
	err = count_up_time(st, monotonic_ms, &up_ms);
	if (err == MH_OK)
		err = tell_gaps(st, now_ms, &n);
	if (err == MH_OK && silence_ms != 0)
		err = tell_all_silent(st, up_ms - (int64_t)silence_ms, now_ms, &n);
	err = store_settle(st, err);
	if (err == MH_OK)
		*ret_n = n;
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "collector/store.h"
#include "tests/unit/mh_store.h"

#define OTHER_EPOCH "22222222-2222-4333-8444-555555555555"
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT1 "10000000-0000-4000-8000-000000000000"
#define BOOT2 "20000000-0000-4000-8000-000000000000"
#define BOOT3 "30000000-0000-4000-8000-000000000000"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };
#define START (INT64_C(1000) * HOUR)

struct ground {
	void *tmpdir;
	char *path;
	struct store *st;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup(&g->tmpdir) != 0)
		return -1;
	g->path = tmpdir_path(&g->tmpdir, "store.db");
	assert_ok(store_create(g->path));
	assert_ok(store_open(g->path, &g->st));
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;
	int result = 0;

	store_close(g->st);
	result = tmpdir_teardown(&g->tmpdir);
	free(g->path);
	free(g);
	return result;
}

/* How many alarms of a kind are in that state. */
static int64_t
count(const struct ground *g, const char *kind, enum alarm_state state)
{
	char *sql = xasprintf("SELECT count(*) FROM alarms WHERE kind = '%s' AND state = "
			      "%d",
	    kind, state);
	int64_t n = store_ask(g->path, sql);

	free(sql);
	return n;
}

static int64_t
count_all(const struct ground *g)
{
	return store_ask(g->path, "SELECT count(*) FROM alarms WHERE state != 3");
}

/* One report of the machine, sealed and received at those hours. */
struct step {
	const char *epoch;
	uint64_t sequence;
	const char *machine_id, *boot_id;
	double sealed_h, received_h;
};

static void
play(struct ground *g, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		const struct store_report r = { .sequence = s->sequence,
			.fill = (uint8_t)s->sequence,
			.epoch = s->epoch,
			.machine_id = s->machine_id,
			.boot_id = s->boot_id,
			.sealed_ms = START + (int64_t)(s->sealed_h * HOUR),
			.received_ms = START + (int64_t)(s->received_h * HOUR) };

		assert_ok(store_report(g->st, &r));
	}
}

static void
a_gap_is_told_when_it_did_not_close_in_time(void **state)
{
	struct ground *g = *state;
	const struct step steps[] = { { NULL, 1, A, BOOT1, 0, 0 },
		{ NULL, 3, A, BOOT1, 0, 0 }, { NULL, 4, A, BOOT1, 0, 0 } };
	const struct step second = { NULL, 2, A, BOOT1, 0, 0.5 };
	unsigned n = 9;

	play(g, steps, 3);
	assert_int_equal(count(g, "gap", ALARM_WAITS), 1);
	assert_ok(store_check_silence(g->st, 0, START + ALARM_GAP_GRACE_MS - 1, 1, &n));
	assert_int_equal(n, 0);
	assert_int_equal(count(g, "gap", ALARM_WAITS), 1);
	assert_ok(store_check_silence(g->st, 0, START + ALARM_GAP_GRACE_MS, 2, &n));
	assert_int_equal(n, 1);
	assert_int_equal(count(g, "gap", ALARM_OPEN), 1);
	play(g, &second, 1);
	assert_int_equal(count(g, "gap", ALARM_CLOSED), 1);
	assert_int_equal(count_all(g), 1);
}

static void
delivery_in_another_order_is_no_alarm(void **state)
{
	struct ground *g = *state;
	const struct step steps[] = { { NULL, 3, A, BOOT1, 3, 4 },
		{ NULL, 1, A, BOOT1, 1, 4 }, { NULL, 2, A, BOOT1, 2, 4 },
		{ NULL, 5, A, BOOT2, 3.2, 4 }, { NULL, 4, A, BOOT1, 3.1, 4 },
		{ NULL, 6, A, BOOT2, 3.3, 4 } };
	unsigned n = 0;

	play(g, steps, MH_ARRAY_LEN(steps));
	assert_ok(store_check_silence(g->st, 0, START + 100 * HOUR, 1, &n));
	assert_int_equal(count_all(g), 0);
	assert_int_equal(count(g, "gap", ALARM_NOTHING), 2);
}

static void
a_fork_is_one_alarm_however_often_it_is_tried(void **state)
{
	struct ground *g = *state;
	struct store_report r = { .sequence = 1,
		.fill = 1,
		.sealed_ms = START,
		.received_ms = START };

	assert_ok(store_report(g->st, &r));
	r.fill = 7;
	assert_ok(store_report_again(g->st, &r));
	r.received_ms = START + 5;
	assert_ok(store_report_again(g->st, &r));
	assert_int_equal(store_ask(g->path, "SELECT count FROM alarms WHERE kind = 'fork'"
					    " AND last_ms - first_ms = 5"),
	    2);
	/* Sealed at the same time: nothing went back. */
	assert_int_equal(count(g, "rollback", ALARM_OPEN), 0);
	r.sealed_ms = START + 1;
	assert_ok(store_report_again(g->st, &r));
	assert_int_equal(count(g, "rollback", ALARM_OPEN), 1);
	r.sequence = 2;
	assert_err(store_report_again(g->st, &r), MH_ERR_NOTFOUND);
	assert_int_equal(count_all(g), 2);
}

static void
a_new_epoch_is_no_alarm_and_an_old_one_that_goes_on_is(void **state)
{
	struct ground *g = *state;
	const struct step good[] = { { NULL, 1, A, BOOT1, 0, 0 },
		{ OTHER_EPOCH, 1, A, BOOT1, 10, 10 },
		/* Sealed before, came late: an outage. */
		{ NULL, 2, A, BOOT1, 9, 11 },
		/* Within what clocks may differ. */
		{ NULL, 3, A, BOOT1, 10.1, 11 } };
	const struct step bad = { NULL, 4, A, BOOT1, 10.5, 12 };
	const struct step again = { OTHER_EPOCH, 2, A, BOOT1, 11, 12 };

	play(g, good, MH_ARRAY_LEN(good));
	assert_int_equal(count_all(g), 0);
	play(g, &bad, 1);
	assert_int_equal(count(g, "rollback", ALARM_OPEN), 1);
	assert_int_equal(count_all(g), 1);
	/* Both grow by turns: two of them live. */
	play(g, &again, 1);
	assert_int_equal(count(g, "clone", ALARM_OPEN), 1);
}

static void
a_new_epoch_on_a_clock_that_was_set_back_is_no_alarm(void **state)
{
	struct ground *g = *state;
	const struct step good[] = { { NULL, 1, A, BOOT1, 10, 10 },
		{ OTHER_EPOCH, 1, A, BOOT1, 9.9, 10.1 },
		{ OTHER_EPOCH, 2, A, BOOT1, 11, 11 },
		{ OTHER_EPOCH, 3, A, BOOT1, 12, 12 } };
	const struct step bad = { NULL, 2, A, BOOT1, 13, 13 };

	play(g, good, MH_ARRAY_LEN(good));
	assert_int_equal(count_all(g), 0);
	play(g, &bad, 1);
	assert_int_equal(count_all(g), 1);
}

static void
reboots_and_moves_are_no_clone_and_turns_are(void **state)
{
	struct ground *g = *state;
	const struct step good[] = { { NULL, 1, A, BOOT1, 0, 0 },
		{ NULL, 2, A, BOOT2, 1, 1 },
		/* Moved to another machine, and a late report of the first one. */
		{ NULL, 4, B, BOOT3, 3, 3 }, { NULL, 3, A, BOOT2, 2, 4 } };
	const struct step back = { NULL, 5, A, BOOT2, 4, 4 };
	int64_t named;

	play(g, good, MH_ARRAY_LEN(good));
	assert_int_equal(count_all(g), 0);
	play(g, &back, 1);
	assert_int_equal(count(g, "clone", ALARM_OPEN), 1);
	named = store_ask(g->path, "SELECT count(*) FROM alarms WHERE detail LIKE '%" A
				   "%" BOOT2 "%' AND detail LIKE '%" B "%" BOOT3 "%'");
	assert_int_equal(named, 1);
}

static void
a_reboot_on_a_clock_that_was_set_back_is_no_clone(void **state)
{
	struct ground *g = *state;
	const struct step good[] = { { NULL, 1, A, BOOT1, 10, 10 },
		{ NULL, 2, A, BOOT2, 9.98, 10.1 }, { NULL, 3, A, BOOT2, 11, 11 } };
	const struct step bad = { NULL, 4, A, BOOT1, 12, 12 };

	play(g, good, MH_ARRAY_LEN(good));
	assert_int_equal(count_all(g), 0);
	play(g, &bad, 1);
	assert_int_equal(count(g, "clone", ALARM_OPEN), 1);
}

static void
a_clone_is_seen_in_refused_reports_too(void **state)
{
	struct ground *g = *state;
	struct store_report r = { .sequence = 1,
		.fill = 1,
		.machine_id = A,
		.boot_id = BOOT1,
		.sealed_ms = START,
		.received_ms = START };
	const struct step second = { NULL, 2, A, BOOT1, 2, 2 };

	assert_ok(store_report(g->st, &r));
	r.fill = 9;
	r.boot_id = BOOT2;
	r.sealed_ms = START + HOUR;
	assert_ok(store_report_again(g->st, &r));
	assert_int_equal(count(g, "clone", ALARM_OPEN), 0);
	play(g, &second, 1);
	assert_int_equal(count(g, "clone", ALARM_OPEN), 1);
}

/* Minutes pass in which the collector listens. */
static unsigned
listen_for(struct ground *g, int64_t *monotonic_ms, unsigned minutes, uint64_t silence_ms)
{
	unsigned n = 0;
	unsigned all = 0;

	for (unsigned i = 0; i < minutes; i++) {
		*monotonic_ms += MINUTE;
		assert_ok(store_check_silence(g->st, silence_ms, START + *monotonic_ms,
		    *monotonic_ms, &n));
		all += n;
	}
	return all;
}

static void
silence_counts_only_while_the_collector_listens(void **state)
{
	struct ground *g = *state;
	const struct step first = { NULL, 1, A, BOOT1, 0, 0 };
	const struct step second = { NULL, 2, A, BOOT1, 5, 5 };
	int64_t now = 7;
	unsigned n = 0;

	assert_ok(store_check_silence(g->st, HOUR, START, now, &n));
	assert_int_equal(listen_for(g, &now, 5, HOUR), 0);
	play(g, &first, 1);
	assert_int_equal(listen_for(g, &now, 59, HOUR), 0);
	/* Suspended for a day, then started anew: neither is silence of agents. */
	now += 24 * (int64_t)HOUR;
	assert_ok(store_check_silence(g->st, HOUR, START, now, &n));
	assert_int_equal(n, 0);
	store_close(g->st);
	assert_ok(store_open(g->path, &g->st));
	assert_ok(store_check_silence(g->st, HOUR, START, now, &n));
	assert_int_equal(n, 0);
	assert_int_equal(listen_for(g, &now, 1, HOUR), 1);
	assert_int_equal(count(g, "silence", ALARM_OPEN), 1);
	assert_int_equal(listen_for(g, &now, 100, HOUR), 0); /* told once */
	play(g, &second, 1);
	assert_int_equal(count(g, "silence", ALARM_CLOSED), 1);
	assert_int_equal(listen_for(g, &now, 60, HOUR), 1);
	assert_int_equal(store_ask(g->path, "SELECT count FROM alarms WHERE state = 1"),
	    2);
	/* Who may not report is not silent. */
	assert_ok(store_agent_revoke(g->st, STORE_AGENT, START));
	assert_int_equal(count(g, "silence", ALARM_CLOSED), 1);
	assert_int_equal(listen_for(g, &now, 100, HOUR), 0);
}

static void
a_clock_that_is_wrong_is_told_and_a_queue_is_not(void **state)
{
	struct ground *g = *state;
	const struct step queue[] = { { NULL, 1, A, BOOT1, 0, 0 },
		/* An outage of three days, then one after the other. */
		{ NULL, 2, A, BOOT1, 1, 72 }, { NULL, 3, A, BOOT1, 10, 72.001 },
		{ NULL, 4, A, BOOT1, 30, 72.2 }, { NULL, 5, A, BOOT1, 60, 72.4 },
		{ NULL, 6, A, BOOT1, 72.5, 72.5 } };
	const struct step behind[] = { { NULL, 7, A, BOOT1, 73, 75 },
		{ NULL, 8, A, BOOT1, 74, 76 }, { NULL, 9, A, BOOT1, 75, 77 },
		{ NULL, 10, A, BOOT1, 76, 78 } };
	const struct step right = { NULL, 11, A, BOOT1, 79, 79 };
	const struct step ahead[] = { { NULL, 12, A, BOOT1, 80.03, 80 },
		{ NULL, 13, A, BOOT1, 80.1, 80.05 } };

	play(g, queue, MH_ARRAY_LEN(queue));
	assert_int_equal(count_all(g), 0);
	play(g, behind, 3);
	assert_int_equal(count_all(g), 0);
	play(g, behind + 3, 1);
	assert_int_equal(count(g, "clock", ALARM_OPEN), 1);
	play(g, &right, 1);
	assert_int_equal(count(g, "clock", ALARM_CLOSED), 1);
	play(g, ahead, 1); /* less than two minutes */
	assert_int_equal(count(g, "clock", ALARM_OPEN), 0);
	play(g, ahead + 1, 1);
	assert_int_equal(count(g, "clock", ALARM_OPEN), 1);
}

static void
an_alarm_that_is_closed_opens_when_it_happens_again(void **state)
{
	struct ground *g = *state;
	struct store_report r = { .sequence = 1,
		.fill = 1,
		.sealed_ms = START,
		.received_ms = START };

	assert_ok(store_report(g->st, &r));
	r.fill = 7;
	assert_ok(store_report_again(g->st, &r));
	assert_err(store_alarm_close(g->st, 77, "", START), MH_ERR_NOTFOUND);
	assert_ok(store_alarm_close(g->st, 1, "known", START));
	assert_err(store_alarm_close(g->st, 1, "known", START), MH_ERR_EXISTS);
	assert_int_equal(count(g, "fork", ALARM_CLOSED), 1);
	assert_ok(store_report_again(g->st, &r));
	assert_int_equal(count(g, "fork", ALARM_OPEN), 1);
}

/* What a reader of events gets. */
struct events {
	unsigned n, n_alarms;
	int64_t last;
};

static mh_err
take_event(const struct since_row *row, void *arg)
{
	struct events *e = arg;

	assert_true(row->cursor > e->last);
	e->last = row->cursor;
	e->n++;
	e->n_alarms += row->row.alarm != NULL;
	return MH_OK;
}

static void
alarms_stand_between_findings_and_are_read_once(void **state)
{
	struct ground *g = *state;
	struct store_report r = { .sequence = 1,
		.fill = 1,
		.sealed_ms = START,
		.received_ms = START };
	struct events e = { 0, 0, -1 };
	int64_t cursor = 0;
	int64_t ahead = INT64_MAX / 2;

	/* Bytes that are no report stop a reader that wants them. */
	assert_ok(store_since_each(g->st, &cursor, 10, take_event, &e));
	assert_int_equal(e.n, 0);
	assert_ok(store_report(g->st, &r));
	assert_err(store_since_each(g->st, &cursor, 10, take_event, &e), MH_ERR_CORRUPT);
	cursor = (int64_t)1 << 20 | 0xfffff;
	r.fill = 7;
	assert_ok(store_report_again(g->st, &r));
	assert_ok(store_since_each(g->st, &cursor, 10, take_event, &e));
	assert_int_equal(e.n_alarms, 1);
	assert_ok(store_since_each(g->st, &cursor, 10, take_event, &e));
	assert_int_equal(e.n_alarms, 1);
	/* It comes again when it changed. */
	assert_ok(store_report_again(g->st, &r));
	assert_ok(store_since_each(g->st, &cursor, 10, take_event, &e));
	assert_int_equal(e.n_alarms, 2);
	assert_err(store_since_each(g->st, &ahead, 10, take_event, &e), MH_ERR_INVALID);
}

static mh_err
count_soundness(const struct alarm_row *a, void *arg)
{
	*(int *)arg += a->is_sound;
	return MH_OK;
}

static void
an_alarm_that_was_changed_is_not_sound(void **state)
{
	static const char *const changes[] = {
		"UPDATE alarms SET kind = 'gap'",
		"UPDATE alarms SET kind = 'nonsense'",
		"UPDATE alarms SET sequence = 2",
		"UPDATE alarms SET state = 2",
		"UPDATE alarms SET state = 7",
		"UPDATE alarms SET count = 2",
		"UPDATE alarms SET first_ms = 2",
		"UPDATE alarms SET digest = zeroblob(32)",
		"UPDATE alarms SET detail = 'x'",
		"UPDATE alarms SET note = 'x'",
		"UPDATE alarms SET sum = zeroblob(32)",
	};
	struct ground *g = *state;
	struct store_report r = { .sequence = 1,
		.fill = 1,
		.sealed_ms = START,
		.received_ms = START };

	assert_ok(store_report(g->st, &r));
	r.fill = 7;
	for (size_t i = 0; i < MH_ARRAY_LEN(changes); i++) {
		int n = 0;

		assert_ok(store_report_again(g->st, &r));
		assert_ok(store_alarms_all(g->st, count_soundness, &n));
		assert_int_equal(n, 1);
		store_change(g->path, changes[i]);
		n = 0;
		assert_ok(store_alarms_all(g->st, count_soundness, &n));
		assert_int_equal(n, 0);
		store_change(g->path, "DELETE FROM alarms");
	}
}

#define with_store(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_gap_is_told_when_it_did_not_close_in_time),
		with_store(delivery_in_another_order_is_no_alarm),
		with_store(a_fork_is_one_alarm_however_often_it_is_tried),
		with_store(a_new_epoch_is_no_alarm_and_an_old_one_that_goes_on_is),
		with_store(a_new_epoch_on_a_clock_that_was_set_back_is_no_alarm),
		with_store(reboots_and_moves_are_no_clone_and_turns_are),
		with_store(a_reboot_on_a_clock_that_was_set_back_is_no_clone),
		with_store(a_clone_is_seen_in_refused_reports_too),
		with_store(silence_counts_only_while_the_collector_listens),
		with_store(a_clock_that_is_wrong_is_told_and_a_queue_is_not),
		with_store(an_alarm_that_is_closed_opens_when_it_happens_again),
		with_store(alarms_stand_between_findings_and_are_read_once),
		with_store(an_alarm_that_was_changed_is_not_sound),
	};

	return cmocka_run_group_tests_name("store_alarms", tests, NULL, NULL);
}

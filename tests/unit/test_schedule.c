/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <time.h>

#include "agent/schedule.h"
#include "base/attributes.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
/* 2026-11-25 00:00 UTC, a Wednesday. */
#define MIDNIGHT (INT64_C(1795564800) * 1000)

static const uint8_t secret[SCHEDULE_SECRET_BYTES] = { 1, 2, 3 };

static int
setup(void **state)
{
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	*state = schedule_new(secret);
	return 0;
}

static int
teardown(void **state)
{
	schedule_free(*state);
	return 0;
}

static void
add(struct schedule *s, const char *profile, const char *at, int64_t spread_ms)
{
	struct calendar c;
	char *why = NULL;

	assert_ok(calendar_parse(at, &c, &why));
	schedule_add(s, profile, at, &c, (uint64_t)spread_ms);
}

static struct schedule_time
at(int64_t real_ms)
{
	return (struct schedule_time){ real_ms, real_ms - MIDNIGHT + 100 * YEAR };
}

/* Step and take; "" for nothing. */
static const char *
poll_at(struct schedule *s, int64_t real_ms)
{
	int64_t due = 0;
	const char *profile = NULL;

	schedule_step(s, at(real_ms), NULL);
	profile = schedule_take(s, at(real_ms), &due);
	return profile != NULL ? profile : "";
}

/* How many scans start when the schedule is looked at each minute of that time. */
static unsigned
count(struct schedule *s, int64_t from_ms, int64_t to_ms)
{
	unsigned n = 0;

	for (int64_t t = from_ms; t < to_ms; t += MINUTE)
		n += poll_at(s, t)[0] != 0;
	return n;
}

static void
each_occurrence_is_due_once(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "daily 12:00", 0);
	schedule_restore(s, "quick daily 12:00", MIDNIGHT - 12 * HOUR);
	assert_int_equal(count(s, MIDNIGHT, MIDNIGHT + 12 * HOUR), 0);
	assert_string_equal(poll_at(s, MIDNIGHT + 12 * HOUR), "quick");
	assert_int_equal(count(s, MIDNIGHT + 12 * HOUR, MIDNIGHT + 36 * HOUR), 0);
	assert_int_equal(count(s, MIDNIGHT + 36 * HOUR, MIDNIGHT + 11 * DAY), 10);
}

static void
the_spread_is_the_machines_own_and_stays(void **state)
{
	struct schedule *s = *state;
	int64_t first = 0;
	unsigned n_equal = 0;
	unsigned late = 0;

	add(s, "full", "daily 02:00", 6 * HOUR);
	first = schedule_get(s, 0, at(MIDNIGHT)).next_start_ms;
	for (unsigned i = 0; i < 100; i++) {
		uint8_t other[SCHEDULE_SECRET_BYTES] = { (uint8_t)i, 9 };
		struct schedule *t = schedule_new(i == 0 ? secret : other);

		add(t, "full", "daily 02:00", 6 * HOUR);
		struct schedule_line line = schedule_get(t, 0, at(MIDNIGHT));

		assert_int_equal(line.next_ms, MIDNIGHT + 2 * HOUR);
		assert_in_range(line.next_start_ms, line.next_ms,
		    line.next_ms + 6 * HOUR - 1);
		n_equal += line.next_start_ms == first;
		late += line.next_start_ms > MIDNIGHT + 5 * HOUR;
		schedule_free(t);
	}
	assert_int_equal(n_equal, 1);
	assert_in_range(late, 30, 70);
	/* It is what happens, too. */
	schedule_restore(s, "full daily 02:00", MIDNIGHT - 22 * HOUR);
	assert_int_equal(count(s, MIDNIGHT, first), 0);
	assert_string_equal(poll_at(s, first), "full");
}

static void
a_spread_ends_before_the_next_occurrence(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 10 * HOUR);
	schedule_restore(s, "quick hourly", MIDNIGHT);
	assert_int_equal(count(s, MIDNIGHT + HOUR, MIDNIGHT + 100 * HOUR), 99);
}

static void
many_missed_ones_are_caught_up_once_and_soon(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", HOUR);
	schedule_restore(s, "quick hourly", MIDNIGHT - 10 * DAY);
	assert_in_range(count(s, MIDNIGHT + 59 * MINUTE, MIDNIGHT + 75 * MINUTE), 1, 2);
	assert_true(
	    schedule_get(s, 0, at(MIDNIGHT + 75 * MINUTE)).handled_ms >= MIDNIGHT);
}

static void
a_machine_that_was_never_scanned_is_scanned_soon(void **state)
{
	struct schedule *s = *state;

	add(s, "full", "weekly Sat 02:00", 6 * HOUR);
	assert_int_equal(count(s, MIDNIGHT, MIDNIGHT + 16 * MINUTE), 1);
	assert_int_equal(count(s, MIDNIGHT + 16 * MINUTE, MIDNIGHT + 2 * DAY), 0);
}

static void
a_clock_a_year_ahead_starts_each_once(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 0);
	add(s, "full", "daily 02:00", 0);
	schedule_restore(s, "quick hourly", MIDNIGHT);
	schedule_restore(s, "full daily 02:00", MIDNIGHT - 22 * HOUR);
	assert_int_equal(count(s, MIDNIGHT + YEAR, MIDNIGHT + YEAR + 30 * MINUTE), 2);
	/* And back: nothing at once, and the hours go on. */
	assert_int_equal(count(s, MIDNIGHT + MINUTE, MIDNIGHT + HOUR), 0);
	assert_int_equal(count(s, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR), 1);
	assert_int_equal(count(s, MIDNIGHT + 2 * HOUR, MIDNIGHT + DAY), 23);
}

static void
a_clock_a_year_back_silences_nothing(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "daily 12:00", 0);
	schedule_restore(s, "quick daily 12:00", MIDNIGHT - 12 * HOUR);
	assert_int_equal(count(s, MIDNIGHT - YEAR, MIDNIGHT - YEAR + 10 * DAY), 10);
}

static void
a_small_step_back_starts_nothing_again(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 0);
	schedule_restore(s, "quick hourly", MIDNIGHT);
	assert_string_equal(poll_at(s, MIDNIGHT + HOUR), "quick");
	assert_string_equal(poll_at(s, MIDNIGHT + HOUR - 2000), "");
	assert_string_equal(poll_at(s, MIDNIGHT + HOUR), "");
	assert_string_equal(poll_at(s, MIDNIGHT + HOUR - SCHEDULE_BACK_MAX_MS), "");
	assert_int_equal(count(s, MIDNIGHT, MIDNIGHT + HOUR + MINUTE), 0);
	/* By more than that, the clock as it is now counts. */
	assert_string_equal(poll_at(s, MIDNIGHT + HOUR - SCHEDULE_BACK_MAX_MS - 1000),
	    "");
	assert_int_equal(count(s, MIDNIGHT - HOUR, MIDNIGHT + MINUTE), 2);
}

static void
what_falls_due_meanwhile_waits_and_quick_comes_first(void **state)
{
	struct schedule *s = *state;
	int64_t due = 0;

	add(s, "full", "daily 01:00", 0);
	add(s, "mine", "daily 01:30", 0);
	add(s, "quick", "daily 02:00", 0);
	for (unsigned i = 0; i < 3; i++)
		schedule_restore(s, schedule_get(s, i, at(MIDNIGHT)).key, MIDNIGHT - 1);
	for (int64_t t = MIDNIGHT; t < MIDNIGHT + 3 * HOUR; t += MINUTE)
		schedule_step(s, at(t), "memory");
	assert_int_equal(schedule_get(s, 0, at(MIDNIGHT)).due_since_ms, MIDNIGHT + HOUR);
	assert_string_equal(schedule_take(s, at(MIDNIGHT + 3 * HOUR), &due), "quick");
	assert_int_equal(due, MIDNIGHT + 2 * HOUR);
	assert_string_equal(poll_at(s, MIDNIGHT + 3 * HOUR), "mine");
	assert_string_equal(poll_at(s, MIDNIGHT + 3 * HOUR), "full");
	assert_string_equal(poll_at(s, MIDNIGHT + 3 * HOUR), "");
}

static void
of_the_running_profile_nothing_is_queued(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 0);
	schedule_restore(s, "quick hourly", MIDNIGHT);
	for (int64_t t = MIDNIGHT; t < MIDNIGHT + 5 * HOUR; t += MINUTE)
		schedule_step(s, at(t), "quick");
	assert_string_equal(poll_at(s, MIDNIGHT + 5 * HOUR - 1), "");
}

static void
a_pause_ends_when_it_says_and_by_hand(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 0);
	schedule_restore(s, "quick hourly", MIDNIGHT);
	schedule_set_pause(s,
	    (struct schedule_pause){ true, MIDNIGHT, MIDNIGHT + 5 * HOUR });
	assert_int_equal(count(s, MIDNIGHT, MIDNIGHT + 5 * HOUR), 0);
	assert_true(schedule_get_pause(s, MIDNIGHT + 5 * HOUR - 1).is_paused);
	assert_string_equal(poll_at(s, MIDNIGHT + 5 * HOUR), "quick");
	schedule_set_pause(s, (struct schedule_pause){ true, MIDNIGHT, 0 });
	assert_int_equal(count(s, MIDNIGHT + 6 * HOUR, MIDNIGHT + 9 * DAY), 0);
	schedule_resume(s);
	assert_string_equal(poll_at(s, MIDNIGHT + 9 * DAY), "quick");
	/* A clock that goes back does not stretch it. */
	schedule_set_pause(s,
	    (struct schedule_pause){ true, MIDNIGHT, MIDNIGHT + 5 * HOUR });
	assert_false(schedule_get_pause(s, MIDNIGHT - YEAR).is_paused);
}

static void
entries_of_one_profile_and_time_are_one(void **state)
{
	struct schedule *s = *state;

	add(s, "quick", "hourly", 0);
	add(s, "quick", "hourly", 0);
	assert_int_equal(schedule_count(s), 1);
	schedule_restore(s, "gone daily 01:00", MIDNIGHT);
	for (unsigned i = 1; i < SCHEDULE_ENTRIES_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%u", i);
		add(s, name, "hourly", 0);
	}
	assert_int_equal(schedule_count(s), SCHEDULE_ENTRIES_MAX);
}

#define with_schedule(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_schedule(each_occurrence_is_due_once),
		with_schedule(the_spread_is_the_machines_own_and_stays),
		with_schedule(a_spread_ends_before_the_next_occurrence),
		with_schedule(many_missed_ones_are_caught_up_once_and_soon),
		with_schedule(a_machine_that_was_never_scanned_is_scanned_soon),
		with_schedule(a_clock_a_year_ahead_starts_each_once),
		with_schedule(a_clock_a_year_back_silences_nothing),
		with_schedule(a_small_step_back_starts_nothing_again),
		with_schedule(what_falls_due_meanwhile_waits_and_quick_comes_first),
		with_schedule(of_the_running_profile_nothing_is_queued),
		with_schedule(a_pause_ends_when_it_says_and_by_hand),
		with_schedule(entries_of_one_profile_and_time_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

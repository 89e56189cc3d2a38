/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "collector/rate.h"
#include "tests/unit/mh_fleet.h"

#define START_MS INT64_C(1000000)

static void
a_minute_s_worth_may_come_at_once_and_no_more(void **state)
{
	struct rate *rate = rate_new(60, 0);

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS), 1);
	/* Another agent has buckets of its own. */
	assert_int_equal(rate_take(rate, FLEET_OTHER_AGENT, 1, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS + 999), 1);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS + 1000), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS + 1000), 1);
	rate_free(rate);
}

static void
bytes_are_counted_too_and_tell_how_long_to_wait(void **state)
{
	struct rate *rate = rate_new(0, 6000);

	(void)state;
	assert_int_equal(rate_take(rate, FLEET_AGENT, 5000, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 3000, START_MS), 20);
	/* Nothing was taken by that. */
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1000, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 3000, START_MS + 30000), 0);
	rate_free(rate);
}

static void
what_is_larger_than_the_bucket_passes_when_it_is_full(void **state)
{
	struct rate *rate = rate_new(0, 6000);

	(void)state;
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1000000, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1000000, START_MS), 60);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1000000, START_MS + 60000), 0);
	rate_free(rate);
}

static void
without_limits_nobody_is_remembered(void **state)
{
	struct rate *rate = rate_new(0, 0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rate_take(rate, FLEET_AGENT, 1000000, START_MS), 0);
	assert_int_equal(rate_count(rate), 0);
	rate_free(rate);
}

static void
who_is_full_again_is_forgotten(void **state)
{
	struct rate *rate = rate_new(60, 0);

	(void)state;
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS), 0);
	rate_sweep(rate, START_MS + 999);
	assert_int_equal(rate_count(rate), 1);
	rate_sweep(rate, START_MS + 1000);
	assert_int_equal(rate_count(rate), 0);
	rate_free(rate);
}

static void
a_clock_that_goes_back_gives_nothing(void **state)
{
	struct rate *rate = rate_new(1, 0);

	(void)state;
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS), 0);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, START_MS - 100000), 60);
	assert_int_equal(rate_take(rate, FLEET_AGENT, 1, INT64_MAX), 0);
	rate_free(rate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_s_worth_may_come_at_once_and_no_more),
		cmocka_unit_test(bytes_are_counted_too_and_tell_how_long_to_wait),
		cmocka_unit_test(what_is_larger_than_the_bucket_passes_when_it_is_full),
		cmocka_unit_test(without_limits_nobody_is_remembered),
		cmocka_unit_test(who_is_full_again_is_forgotten),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

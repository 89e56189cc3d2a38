/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/clock.h"
#include "base/uuid.h"

static void
times_are_written_and_read_back(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} table[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -1000, "1969-12-31T23:59:59.000Z" },
		{ 951782400123, "2000-02-29T00:00:00.123Z" },
		{ 253370764799999, "9998-12-31T23:59:59.999Z" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		char text[CLOCK_TEXT_LEN];
		int64_t back = 7;

		clock_format(table[i].ms, text);
		assert_string_equal(text, table[i].text);
		assert_ok(clock_parse(text, &back));
		assert_true(back == table[i].ms);
	}
}

static void
any_number_makes_a_text_that_fits(void **state)
{
	static const int64_t odd[] = { INT64_MAX, INT64_MIN, 253402300800000,
		-62167219200001, -99999999999999 };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(odd); i++) {
		char text[CLOCK_TEXT_LEN];

		clock_format(odd[i], text);
		assert_true(memchr(text, 0, sizeof(text)) != NULL);
	}
}

static void
the_fraction_may_be_missing_or_of_any_length(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} table[] = {
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01T00:00:01.5Z", 1500 },
		{ "1970-01-01T00:00:01.25Z", 1250 },
		{ "1970-01-01T00:00:01.123456789Z", 1123 },
	};
	int64_t ms = 0;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		assert_ok(clock_parse(table[i].text, &ms));
		assert_true(ms == table[i].ms);
	}
}

static void
what_is_no_utc_time_is_refused(void **state)
{
	static const char *const bad[] = { "", "Z", "2026", "2026-11-23",
		"2026-11-23T16:00:00", "2026-11-23 16:00:00Z", "2026-13-23T16:00:00Z",
		"2026-11-32T16:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T16:00:00z",
		"2026-11-23T16:00:00+01:00", "2026-11-23T16:00:00ZZ",
		"2026-11-23T16:00:00.1", "x2026-11-23T16:00:00Z" };
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++)
		assert_err(clock_parse(bad[i], &ms), MH_ERR_INVALID);
	assert_int_equal(ms, 7);
}

static void
the_monotonic_clock_does_not_go_back(void **state)
{
	int64_t last = clock_monotonic_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_monotonic_ms();

		assert_true(now >= last);
		last = now;
	}
	/* After the year 2020. */
	assert_true(clock_real_ms() > INT64_C(1577836800000));
}

static void
uuids_are_valid_and_differ(void **state)
{
	static const char *const bad[] = { "", "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9",
		"4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d0",
		"4F9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d",
		"4f9c1a52-0d3e-1b7a-9c1d-2e5f6a7b8c9d",
		"4f9c1a52-0d3e-4b7a-7c1d-2e5f6a7b8c9d",
		"4f9c1a52-0d3e-4b7a-cc1d-2e5f6a7b8c9d",
		"4f9c1a52.0d3e-4b7a-9c1d-2e5f6a7b8c9d",
		"4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8cg9" };
	char a[UUID_TEXT_LEN], b[UUID_TEXT_LEN];

	(void)state;
	uuid_new(a);
	uuid_new(b);
	assert_true(uuid_is_valid(a));
	assert_true(uuid_is_valid(b));
	assert_string_not_equal(a, b);
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++)
		assert_false(uuid_is_valid(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_and_read_back),
		cmocka_unit_test(any_number_makes_a_text_that_fits),
		cmocka_unit_test(the_fraction_may_be_missing_or_of_any_length),
		cmocka_unit_test(what_is_no_utc_time_is_refused),
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(uuids_are_valid_and_differ),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}

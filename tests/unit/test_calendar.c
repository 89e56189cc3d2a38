/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <time.h>

#include "agent/calendar.h"
#include "base/attributes.h"

/* Rules of POSIX: these need no data of zones. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define LORD_HOWE "LHST-10:30LHDT-11,M10.1.0,M4.1.0"

static void
zone(const char *tz)
{
	assert_int_equal(setenv("TZ", tz, 1), 0);
	tzset();
}

static struct calendar
parse(const char *text)
{
	struct calendar c;
	char *why = NULL;
	mh_err err = calendar_parse(text, &c, &why);

	if (err != MH_OK)
		fail_msg("%s: %s", text, why);
	return c;
}

/* A time in UTC, "2026-11-25 20:00:00". */
static int64_t
utc(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return (int64_t)timegm(&tm);
}

static void
assert_next(const char *text, const char *from, const char *to)
{
	struct calendar c = parse(text);

	assert_int_equal(calendar_next(&c, utc(from)), utc(to));
}

static void
assert_last(const char *text, const char *from, const char *to)
{
	struct calendar c = parse(text);

	assert_int_equal(calendar_last(&c, utc(from)), utc(to));
}

static void
every_form_is_read(void **state)
{
	(void)state;
	zone("UTC0");
	assert_next("daily 03:00", "2026-11-25 02:59:59", "2026-11-25 03:00:00");
	assert_next("daily 3:00", "2026-11-25 03:00:00", "2026-11-26 03:00:00");
	assert_next("hourly", "2026-11-25 03:00:00", "2026-11-25 04:00:00");
	assert_next("weekly Sun 03:00", "2026-11-25 03:00:00", "2026-11-29 03:00:00");
	assert_next("Mon..Fri 12:30", "2026-11-27 12:30:00", "2026-11-30 12:30:00");
	assert_next(" Mon,Thu  02:15 ", "2026-11-25 00:00:00", "2026-11-26 02:15:00");
	assert_next("fri..mon 02:15", "2026-11-23 02:15:00", "2026-11-27 02:15:00");
	assert_next("monthly 1 04:00", "2026-11-25 00:00:00", "2026-12-01 04:00:00");
	assert_next("every 6h", "2026-11-25 06:00:00", "2026-11-25 12:00:00");
	assert_last("every 6h", "2026-11-25 11:59:59", "2026-11-25 06:00:00");
	assert_last("daily 03:00", "2026-11-25 03:00:00", "2026-11-25 03:00:00");
	assert_last("monthly 1 04:00", "2026-11-25 00:00:00", "2026-11-01 04:00:00");
	assert_last("weekly Sun 03:00", "2026-11-22 02:59:59", "2026-11-15 03:00:00");
}

static void
what_is_wrong_is_said_with_its_column(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "",
		    "a day: Sun, Mon, Tue, Wed, Thu, Fri, Sat is expected at column 1;" },
		{ "sometimes",
		    "a day: Sun, Mon, Tue, Wed, Thu, Fri, Sat is expected at" },
		{ "daily", "a blank is expected at column 6; allowed: hourly" },
		{ "daily 24:00", "an hour from 00 to 23 is expected at column 7" },
		{ "daily 03", "a colon, as in 03:00 is expected at column 9" },
		{ "daily 03:60", "minutes from 00 to 59 is expected at column 10" },
		{ "daily 03:0", "two digits of minutes is expected at column 10" },
		{ "daily 03:000", "two digits of minutes is expected at column 10" },
		{ "daily 03:00 x", "the end is expected at column 13" },
		{ "weekly 03:00", "a day: " },
		{ "Mon..03:00", "a day: " },
		{ "monthly 0 03:00", "a day from 1 to 31 is expected at column 9" },
		{ "monthly 32 03:00", "a day from 1 to 31 is expected at column 9" },
		{ "every 0h", "a duration from 1m to 366d" },
		{ "every 6", "a duration from 1m to 366d" },
		{ "every 367d", "a duration from 1m to 366d" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		struct calendar c = { .hour = 77 };
		char *why = NULL;

		assert_err(calendar_parse(rows[i].text, &c, &why), MH_ERR_INVALID);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("\"%s\": %s", rows[i].text, why);
		assert_int_equal(c.hour, 77);
		free(why);
	}
	(void)parse("every 1m");
	(void)parse("every 366d");
}

static void
a_text_may_have_its_longest_length_and_no_byte_more(void **state)
{
	char text[CALENDAR_TEXT_MAX + 2];
	struct calendar c;
	char *why = NULL;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "hourly", 6);
	text[CALENDAR_TEXT_MAX] = 0;
	assert_ok(calendar_parse(text, &c, &why));
	text[CALENDAR_TEXT_MAX] = ' ';
	text[CALENDAR_TEXT_MAX + 1] = 0;
	assert_err(calendar_parse(text, &c, &why), MH_ERR_INVALID);
	free(why);
}

static void
a_time_that_is_left_out_comes_when_the_clock_changes(void **state)
{
	(void)state;
	zone(BERLIN);
	/* 2026-03-29: 02:00 is followed by 03:00, at 01:00 UTC. */
	assert_next("daily 02:30", "2026-03-28 12:00:00", "2026-03-29 01:00:00");
	assert_next("daily 02:30", "2026-03-29 01:00:00", "2026-03-30 00:30:00");
	assert_last("daily 02:30", "2026-03-29 00:59:59", "2026-03-28 01:30:00");
	assert_last("daily 02:30", "2026-03-29 01:00:00", "2026-03-29 01:00:00");
	zone(LORD_HOWE);
	/* 2026-10-04: 02:00 is followed by 02:30, at 15:30 UTC of the day before. */
	assert_next("daily 02:10", "2026-10-03 12:00:00", "2026-10-03 15:30:00");
	assert_next("daily 02:10", "2026-10-03 15:30:00", "2026-10-04 15:10:00");
	assert_next("daily 02:40", "2026-10-03 12:00:00", "2026-10-03 15:40:00");
}

static void
a_time_that_comes_twice_is_taken_once(void **state)
{
	(void)state;
	zone(BERLIN);
	/* 2026-10-25: 03:00 is followed by 02:00, at 01:00 UTC. */
	assert_next("daily 02:30", "2026-10-24 12:00:00", "2026-10-25 00:30:00");
	assert_next("daily 02:30", "2026-10-25 00:30:00", "2026-10-26 01:30:00");
	assert_last("daily 02:30", "2026-10-25 02:00:00", "2026-10-25 00:30:00");
	zone(LORD_HOWE);
	/* 2026-04-05: 02:00 is followed by 01:30, at 15:00 UTC of the day before. */
	assert_next("daily 01:45", "2026-04-04 12:00:00", "2026-04-04 14:45:00");
	assert_next("daily 01:45", "2026-04-04 14:45:00", "2026-04-05 15:15:00");
}

static void
full_hours_are_found_through_half_an_hour_of_change(void **state)
{
	(void)state;
	zone(LORD_HOWE);
	assert_next("hourly", "2026-10-03 15:00:00", "2026-10-03 16:00:00");
	assert_last("hourly", "2026-10-03 15:45:00", "2026-10-03 14:30:00");
	assert_next("hourly", "2026-04-04 14:00:00", "2026-04-04 15:30:00");
}

static void
short_months_end_with_their_last_day(void **state)
{
	(void)state;
	zone("UTC0");
	assert_next("monthly 31 04:00", "2026-01-31 04:00:00", "2026-02-28 04:00:00");
	assert_next("monthly 29 04:00", "2028-01-29 04:00:00", "2028-02-29 04:00:00");
	assert_next("monthly 30 04:00", "2028-02-29 04:00:00", "2028-03-30 04:00:00");
	assert_next("daily 04:00", "2028-02-28 04:00:00", "2028-02-29 04:00:00");
	assert_last("monthly 31 04:00", "2027-03-31 03:59:59", "2027-02-28 04:00:00");
	assert_next("monthly 31 04:00", "2099-12-31 04:00:00", "2100-01-31 04:00:00");
}

static void
next_and_last_agree_over_two_years(void **state)
{
	static const char *const texts[] = { "daily 02:30", "hourly", "Mon,Thu 01:45",
		"monthly 31 00:00", "every 7h" };
	static const char *const zones[] = { BERLIN, LORD_HOWE, "UTC0",
		"<-10>10<+14>-14,M12.5.5,J1" };

	(void)state;
	for (size_t z = 0; z < MH_ARRAY_LEN(zones); z++) {
		zone(zones[z]);
		for (size_t i = 0; i < MH_ARRAY_LEN(texts); i++) {
			struct calendar c = parse(texts[i]);
			int64_t t = utc("2026-01-01 00:00:00");

			for (unsigned n = 0; n < 800; n++) {
				int64_t next = calendar_next(&c, t);

				assert_true(next > t);
				assert_int_equal(calendar_last(&c, next), next);
				assert_true(calendar_last(&c, next - 1) <= t);
				t = next;
			}
		}
	}
}

static void
times_out_of_range_are_taken_as_the_nearest(void **state)
{
	struct calendar c = parse("daily 03:00");

	(void)state;
	zone("UTC0");
	assert_int_equal(calendar_next(&c, INT64_MIN), 3 * 3600);
	assert_true(calendar_next(&c, INT64_MAX) > utc("9990-01-01 00:00:00"));
	assert_true(calendar_last(&c, INT64_MAX) > utc("9990-01-01 00:00:00"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(what_is_wrong_is_said_with_its_column),
		cmocka_unit_test(a_text_may_have_its_longest_length_and_no_byte_more),
		cmocka_unit_test(a_time_that_is_left_out_comes_when_the_clock_changes),
		cmocka_unit_test(a_time_that_comes_twice_is_taken_once),
		cmocka_unit_test(full_hours_are_found_through_half_an_hour_of_change),
		cmocka_unit_test(short_months_end_with_their_last_day),
		cmocka_unit_test(next_and_last_agree_over_two_years),
		cmocka_unit_test(times_out_of_range_are_taken_as_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

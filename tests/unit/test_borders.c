/* SPDX-License-Identifier: BSD-2-Clause */
/* Where units of memory begin and end: scanners/memory_reader.h. */
#include "tests/unit/mh_test.h"

#include "base/attributes.h"
#include "scanners/memory_reader.h"

static size_t
start_of(const char *text, size_t want)
{
	bool is_forced = false;

	return border_of_start((const uint8_t *)text, want, &is_forced) +
	       (is_forced ? 1000 : 0);
}

static size_t
end_of(const char *text, size_t want)
{
	bool is_forced = false;

	return border_of_end((const uint8_t *)text, want, &is_forced) +
	       (is_forced ? 1000 : 0);
}

static void
borders_lie_between_characters_of_different_kinds(void **state)
{
	static const struct {
		const char *text;
		size_t want, start, end; /* + 1000: forced */
	} rows[] = {
		{ "word word word", 10, 10, 9 },
		{ "word word word", 9, 5, 9 },
		{ "word word word", 7, 5, 4 },
		{ "..............", 10, 10, 10 },
		{ "wwwwwwwwwwwwww", 10, 1010, 1010 },
		{ "w_w_w_w_w_w_ww", 10, 1010, 1010 },
		{ "w.w_w_w_w_w_ww", 10, 2, 1 },
		/* Wide: a letter and its zero are not parted, ... */
		{ "w\0w\0w\0w\0w\0w\0", 10, 1010, 1 },
		{ "..w\0w\0w\0w\0w\0", 10, 2, 3 },
		{ "...w\0.\0w\0w\0w\0", 10, 7, 4 },
		/* ... where it could be one: the end of a text is a good place. */
		{ "word\0word\0word", 11, 10, 9 },
		{ "..............", 2, 2, 2 },
		{ "..............", 1, 1001, 1 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		assert_int_equal(start_of(rows[i].text, rows[i].want), rows[i].start);
		assert_int_equal(end_of(rows[i].text, rows[i].want), rows[i].end);
	}
}

static void
no_place_is_looked_for_farther_than_the_limit(void **state)
{
	static uint8_t text[4 * BORDER_BYTES];
	size_t want = 2 * BORDER_BYTES;
	bool is_forced = false;

	(void)state;
	memset(text, 'w', sizeof(text));
	text[want - BORDER_BYTES - 1] = '.';
	assert_int_equal(border_of_start(text, want, &is_forced), want - BORDER_BYTES);
	assert_false(is_forced);
	assert_int_equal(border_of_end(text, want, &is_forced), want);
	assert_true(is_forced);
	text[want - BORDER_BYTES - 1] = 'w';
	text[want - BORDER_BYTES - 2] = '.';
	assert_int_equal(border_of_start(text, want, &is_forced), want);
	assert_true(is_forced);
	text[want - BORDER_BYTES] = '.';
	assert_int_equal(border_of_end(text, want, &is_forced), want - BORDER_BYTES);
	assert_false(is_forced);
}

static void
windows_go_on_until_there_is_a_place_or_an_end(void **state)
{
	static uint8_t text[8 * BORDER_BYTES];
	size_t len = sizeof(text);

	(void)state;
	memset(text, 'w', len);
	assert_int_equal(border_before(text, len / 2), 0);
	assert_int_equal(border_behind(text, len, len / 2), len);
	text[100] = '.';
	text[len - 100] = '.';
	assert_int_equal(border_before(text, len / 2), 101);
	assert_int_equal(border_behind(text, len, len / 2), len - 100);
	assert_int_equal(border_before(text, 0), 0);
	assert_int_equal(border_before(text, 1), 0);
	assert_int_equal(border_behind(text, len, len), len);
	assert_int_equal(border_behind(text, 0, 0), 0);
	assert_int_equal(border_behind(text, 1, 0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borders_lie_between_characters_of_different_kinds),
		cmocka_unit_test(no_place_is_looked_for_farther_than_the_limit),
		cmocka_unit_test(windows_go_on_until_there_is_a_place_or_an_end),
	};

	return cmocka_run_group_tests_name("borders", tests, NULL, NULL);
}

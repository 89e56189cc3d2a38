/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <stdbool.h>

#include "base/memory.h"
#include "base/text.h"

static void
what_could_drive_a_terminal_is_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "" }, { "plain text ~", "plain text ~" },
		{ "a\nb\tc", "a\\x0ab\\x09c" }, { "\x1b[31mred", "\\x1b[31mred" },
		{ "\x7f", "\\x7f" }, { "back\\slash", "back\\\\slash" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xc2\x9b", "\\xc2\\x9b" }, /* C1 control sequence introducer */
		{ "\xc2\xa0", "\xc2\xa0" },   /* the first behind C1 */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* right-to-left override */
		{ "\xe2\x80\xa9", "\\xe2\\x80\\xa9" }, /* paragraph separator */
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" }, /* left-to-right isolate */
		{ "\xff\xfe", "\\xff\\xfe" }, { "\xc3", "\\xc3" }, { "\xc3(", "\\xc3(" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* a surrogate */
		{ "\xc0\xaf", "\\xc0\\xaf" },          /* an overlong slash */
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		char *escaped = text_escape(table[i].in);

		assert_string_equal(escaped, table[i].out);
		assert_true(text_is_utf8(escaped, strlen(escaped)));
		free(escaped);
	}
	char *bytes = text_escape_bytes("a\0b", 3);

	assert_string_equal(bytes, "a\\x00b");
	free(bytes);
}

static void
utf8_is_what_rfc_3629_says(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool good;
	} table[] = {
		{ "", 0, true },
		{ "abc", 3, true },
		{ "a\0c", 3, false },
		{ "\xc2\x80", 2, true },
		{ "\xc1\xbf", 2, false },
		{ "\xc2", 1, false },
		{ "\x80", 1, false },
		{ "\xe0\xa0\x80", 3, true },
		{ "\xe0\x9f\xbf", 3, false },
		{ "\xed\x9f\xbf", 3, true },
		{ "\xed\xa0\x80", 3, false },
		{ "\xee\x80\x80", 3, true },
		{ "\xf0\x90\x80\x80", 4, true },
		{ "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xf8\x88\x80\x80\x80", 5, false },
		{ "\xf0\x90\x80", 3, false },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		assert_int_equal(text_is_utf8(table[i].bytes, table[i].len),
		    table[i].good);
}

static void
hexadecimal_goes_there_and_back(void **state)
{
	uint8_t bytes[4] = { 9, 9, 9, 9 };
	char *hex = text_hex("\x00\x7f\x80\xff", 4);

	(void)state;
	assert_string_equal(hex, "007f80ff");
	assert_ok(text_unhex(hex, bytes, 4));
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	free(hex);
	assert_ok(text_unhex("ABCDEFab", bytes, 4));
	assert_memory_equal(bytes, "\xab\xcd\xef\xab", 4);
	hex = text_hex("", 0);
	assert_string_equal(hex, "");
	free(hex);
}

static void
what_is_not_hexadecimal_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "0", "012", "01234", "0g", "g0", "0x",
		" 1", "1 " };
	uint8_t bytes[2] = { 1, 2 };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++)
		assert_err(text_unhex(bad[i], bytes, strlen(bad[i]) == 2 ? 1 : 2),
		    MH_ERR_INVALID);
	assert_err(text_unhex("000g", bytes, 2), MH_ERR_INVALID);
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[1], 2);
}

typedef mh_err parse_fn(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

static void
numbers_are_digits_within_their_range(void **state)
{
	static const struct {
		parse_fn *parse;
		const char *text;
		uint64_t min, max;
		bool good;
		uint64_t value;
	} table[] = {
		{ parse_u64, "0", 0, 10, true, 0 },
		{ parse_u64, "10", 0, 10, true, 10 },
		{ parse_u64, "11", 0, 10, false, 0 },
		{ parse_u64, "4", 5, 10, false, 0 },
		{ parse_u64, "5", 5, 10, true, 5 },
		{ parse_u64, "18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX },
		{ parse_u64, "18446744073709551616", 0, UINT64_MAX, false, 0 },
		{ parse_u64, "99999999999999999999999", 0, UINT64_MAX, false, 0 },
		{ parse_u64, "", 0, 10, false, 0 },
		{ parse_u64, "-1", 0, UINT64_MAX, false, 0 },
		{ parse_u64, "+1", 0, 10, false, 0 },
		{ parse_u64, " 1", 0, 10, false, 0 },
		{ parse_u64, "1 ", 0, 10, false, 0 },
		{ parse_u64, "0x1", 0, 10, false, 0 },
		{ parse_u64, "1K", 0, UINT64_MAX, false, 0 },
		{ parse_u64, "007", 0, 10, true, 7 },
		{ parse_size, "12", 0, UINT64_MAX, true, 12 },
		{ parse_size, "1K", 0, UINT64_MAX, true, 1024 },
		{ parse_size, "1KiB", 0, UINT64_MAX, true, 1024 },
		{ parse_size, "3M", 0, UINT64_MAX, true, 3ull << 20 },
		{ parse_size, "2GiB", 0, UINT64_MAX, true, 2ull << 30 },
		{ parse_size, "1T", 0, 1ull << 40, true, 1ull << 40 },
		{ parse_size, "1025G", 0, 1ull << 40, false, 0 },
		{ parse_size, "16777215T", 0, UINT64_MAX, true, 16777215ull << 40 },
		{ parse_size, "16777216T", 0, UINT64_MAX, false, 0 },
		{ parse_size, "1k", 0, UINT64_MAX, false, 0 },
		{ parse_size, "1KB", 0, UINT64_MAX, false, 0 },
		{ parse_size, "1.5M", 0, UINT64_MAX, false, 0 },
		{ parse_size, "M", 0, UINT64_MAX, false, 0 },
		{ parse_duration, "500ms", 0, UINT64_MAX, true, 500 },
		{ parse_duration, "1s", 1000, 2000, true, 1000 },
		{ parse_duration, "2s", 1000, 2000, true, 2000 },
		{ parse_duration, "2001ms", 1000, 2000, false, 0 },
		{ parse_duration, "999ms", 1000, 2000, false, 0 },
		{ parse_duration, "2m", 0, UINT64_MAX, true, 120000 },
		{ parse_duration, "1h", 0, UINT64_MAX, true, 3600000 },
		{ parse_duration, "30d", 0, UINT64_MAX, true, 2592000000 },
		{ parse_duration, "5", 0, UINT64_MAX, false, 0 },
		{ parse_duration, "0", 0, UINT64_MAX, false, 0 },
		{ parse_duration, "1 s", 0, UINT64_MAX, false, 0 },
		{ parse_duration, "18446744073709551615d", 0, UINT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		uint64_t v = 77;
		mh_err err =
		    table[i].parse(table[i].text, table[i].min, table[i].max, &v);

		assert_err(err, table[i].good ? MH_OK : MH_ERR_INVALID);
		assert_true(v == (table[i].good ? table[i].value : 77));
	}
}

static void
sizes_and_times_are_written_for_people(void **state)
{
	static const struct {
		char *(*format)(uint64_t);
		uint64_t value;
		const char *text;
	} table[] = {
		{ text_size, 0, "0 B" },
		{ text_size, 1023, "1023 B" },
		{ text_size, 1024, "1.0 KiB" },
		{ text_size, 1536 * 1024, "1.5 MiB" },
		{ text_size, 20ull << 30, "20 GiB" },
		{ text_size, UINT64_MAX, "16384 PiB" },
		{ text_duration, 0, "0.0 s" },
		{ text_duration, 1400, "1.4 s" },
		{ text_duration, 10000, "10 s" },
		{ text_duration, 119999, "119 s" },
		{ text_duration, 125000, "2 m 05 s" },
		{ text_duration, 7500000, "2 h 05 m" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		char *text = table[i].format(table[i].value);

		assert_string_equal(text, table[i].text);
		free(text);
	}
}

static void
long_texts_are_broken_at_spaces(void **state)
{
	static const struct {
		const char *text;
		const char *lines;
	} cases[] = {
		{ "", "" },
		{ "12345678", "12345678" },
		{ "1234 678", "1234 678" },
		{ "1234 6789", "1234\n  6789" },
		{ "12345678 0", "12345678\n  0" },
		{ "123456789", "123456789" },
		{ "123456789 b c", "123456789\n  b c" },
		{ "a b c d e f g h", "a b c d\n  e f g h" },
		{ "a /a/long/path b", "a\n  /a/long/path\n  b" },
		{ "        x", "       \n  x" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		MH_CLEANUP(freep) char *lines = text_wrap(cases[i].text, 8, 2);

		assert_string_equal(lines, cases[i].lines);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_drive_a_terminal_is_escaped),
		cmocka_unit_test(utf8_is_what_rfc_3629_says),
		cmocka_unit_test(hexadecimal_goes_there_and_back),
		cmocka_unit_test(what_is_not_hexadecimal_changes_nothing),
		cmocka_unit_test(numbers_are_digits_within_their_range),
		cmocka_unit_test(long_texts_are_broken_at_spaces),
		cmocka_unit_test(sizes_and_times_are_written_for_people),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

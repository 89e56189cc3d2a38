/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate loses nothing: random rules over random data, whole and in windows.
 *
 *	test_gate [SEEDS [FIRST]]: that many seeds, from that one on
 */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/unit/mh_gate.h"

enum { RULE_BYTES_MAX = 1 << 20 };

static uint64_t seeds = 500;
static uint64_t first_seed = 1;
static void
windows_have_all_matches_of_the_whole(void **state)
{
	uint8_t *data = xcalloc(GATE_DATA_MAX, 1);
	uint64_t n_hits = 0;
	uint64_t n_given = 0;
	uint64_t n_bytes = 0;

	(void)state;
	for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(RULE_BYTES_MAX);
		struct gate_check check;

		gate_random_seed(seed);
		gate_random_rules(b);
		if (buf_len(b) == 0)
			continue;
		assert_true(gate_check_init(&check, buf_string(b)));
		assert_non_null(check.gate);
		for (unsigned i = 0; i < 4; i++) {
			size_t len = gate_random_data(data);

			if (gate_check_data(&check, data, len))
				continue;
			(void)printf("seed %llu, data %u, %zu bytes, rules:\n%s",
			    (unsigned long long)seed, i, len, buf_string(b));
			fail();
		}
		n_hits += check.n_hits;
		n_given += check.n_given;
		n_bytes += check.n_bytes;
		gate_check_clear(&check);
	}
	free(data);
	(void)printf("%llu matches; %llu of %llu bytes in windows\n",
	    (unsigned long long)n_hits, (unsigned long long)n_given,
	    (unsigned long long)n_bytes);
	/* It proves little if nothing matches, or if all is given. */
	assert_true(n_hits > seeds * 100);
	assert_true(n_given < n_bytes / 4 * 3);
}

static void
check_text(const char *text, const char *data, size_t len, uint64_t n_hits)
{
	struct gate_check check;

	assert_true(gate_check_init(&check, text));
	assert_non_null(check.gate);
	assert_true(gate_check_data(&check, (const uint8_t *)data, len));
	assert_int_equal(check.n_hits, n_hits);
	gate_check_clear(&check);
}

static void
strings_of_one_to_three_bytes_are_found_up_to_the_last_byte(void **state)
{
	static const char data[] = "a..ab.abc....abcaba";

	(void)state;
	check_text("rule r { strings: $_a = \"a\" condition: any of them }", data, 19, 6);
	check_text("rule r { strings: $_a = \"ba\" condition: any of them }", data, 19,
	    1);
	check_text("rule r { strings: $_a = \"abc\" condition: any of them }", data, 19,
	    2);
	check_text("rule r { strings: $_a = \"a\" $_b = \"ab\" $_c = \"aba\" $_d = { 61 "
		   "62 } condition: any of them }",
	    data, 19, 6 + 4 + 1 + 4);
	for (size_t len = 0; len < 19; len++) {
		struct gate_check check;

		assert_true(gate_check_init(&check,
		    "rule r { strings: $_a = \"a\" $_b = \"ba\" $_c = \"abc\" condition: "
		    "any of them }"));
		assert_true(gate_check_data(&check, (const uint8_t *)data, len));
		gate_check_clear(&check);
	}
}

static void
a_string_without_an_atom_has_no_gate(void **state)
{
	static const char text[] = "rule r { strings: $_a = /[a-z]{9}/ $_b = \"abcd\" "
				   "condition: any of them }";
	struct gate_check check;
	static const bool is_out[] = { true, false };

	(void)state;
	assert_true(gate_check_init(&check, text));
	assert_null(check.gate);
	gate_check_clear(&check);
	/* Of a rule that does not take part, it does not matter. */
	assert_true(
	    gate_check_init(&check, "rule one { strings: $a = /[a-z]{9}/ condition: $a }"
				    "rule two { strings: $b = \"abcd\" condition: $b }"));
	assert_null(check.gate);
	check.gate = gate_new(check.rules, is_out);
	assert_non_null(check.gate);
	assert_int_equal(gate_n_atoms(check.gate), 1);
	assert_int_equal(gate_n_short(check.gate), 0);
	gate_check_clear(&check);
}

static void
more_windows_than_fit_are_told_and_nothing_is_written_behind(void **state)
{
	struct unit_window windows[3];
	uint8_t data[400];
	struct gate_check check;

	(void)state;
	memset(data, '.', sizeof(data));
	for (size_t at = 50; at < sizeof(data); at += 100)
		memcpy(data + at, "needle", 6);
	assert_true(gate_check_init(&check,
	    "rule r { strings: $_a = \"needle\" condition: any of them }"));
	windows[2].start = 7;
	assert_int_equal(gate_windows(check.gate, data, 200, windows, 2), 2);
	assert_int_equal(windows[1].start, 150 - GATE_LITERAL_AROUND);
	assert_int_equal(windows[1].end, 150 + 12 + GATE_LITERAL_AROUND);
	assert_int_equal(gate_windows(check.gate, data, 300, windows, 2), 3);
	assert_int_equal(windows[2].start, 7);
	assert_int_equal(gate_windows(check.gate, data, 300, windows, 3), 3);
	gate_check_clear(&check);
}

/* Milliseconds that the gate needs for a megabyte of the first byte of an atom. */
static int64_t
time_of_single(unsigned n_more)
{
	enum { LEN = 1 << 20 };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(RULE_BYTES_MAX);
	MH_CLEANUP(freep) uint8_t *data = xcalloc(LEN, 1);
	struct unit_window windows[1];
	struct gate_check check;

	memset(data, 'A', LEN);
	buf_add(b, "rule r { strings: $s = { 41 ?? ?? 41 ?? ?? 00 } ");
	for (unsigned i = 0; i < n_more; i++)
		buf_addf(b, "$_%u = \"more%u\" ", i, i + 1000);
	buf_addf(b, "condition: $s%s }", n_more > 0 ? " or any of them" : "");
	assert_true(gate_check_init(&check, buf_string(b)));
	int64_t started_ms = clock_monotonic_ms();

	assert_int_equal(gate_windows(check.gate, data, LEN, windows, 1), 0);
	int64_t ms = clock_monotonic_ms() - started_ms;

	gate_check_clear(&check);
	return ms;
}

static void
an_atom_of_one_byte_costs_no_more_in_a_large_rule_set(void **state)
{
	(void)state;
	/* Thousands of times as much, were all atoms looked at for each byte. */
	assert_true(time_of_single(5000) < 50 * (time_of_single(0) + 10));
}

static int
group_setup(void **state)
{
	(void)state;
	return yr_initialize() == ERROR_SUCCESS ? 0 : -1;
}

static int
group_teardown(void **state)
{
	(void)state;
	return yr_finalize() == ERROR_SUCCESS ? 0 : -1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_have_all_matches_of_the_whole),
		cmocka_unit_test(
		    strings_of_one_to_three_bytes_are_found_up_to_the_last_byte),
		cmocka_unit_test(a_string_without_an_atom_has_no_gate),
		cmocka_unit_test(an_atom_of_one_byte_costs_no_more_in_a_large_rule_set),
		cmocka_unit_test(
		    more_windows_than_fit_are_told_and_nothing_is_written_behind),
	};

	if ((argc > 1 && parse_u64(argv[1], 1, UINT64_MAX, &seeds) != MH_OK) ||
	    (argc > 2 && parse_u64(argv[2], 1, UINT64_MAX, &first_seed) != MH_OK))
		return 2;
	return cmocka_run_group_tests_name("gate", tests, group_setup, group_teardown);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "records/coverage.h"

static int
setup(void **state)
{
	*state = xcalloc(1, sizeof(struct coverage));
	return 0;
}

static int
teardown(void **state)
{
	coverage_clear(*state);
	free(*state);
	return 0;
}

static void
what_was_scanned_is_counted(void **state)
{
	struct coverage *c = *state;

	coverage_add_scanned(c, 100, 0);
	coverage_add_scanned(c, 11, 3);
	assert_int_equal(c->n_scanned, 2);
	assert_int_equal(c->bytes, 111);
	assert_int_equal(c->n_found, 1);
	assert_int_equal(c->n_findings, 3);
	assert_int_equal(c->n_missed, 0);
}

static void
what_was_missed_is_kept_by_name(void **state)
{
	struct coverage *c = *state;

	coverage_add_missed(c, REASON_DENIED, false, "/a", "why");
	coverage_add_missed(c, REASON_TOO_LARGE, true, "/b", "");
	assert_int_equal(c->n_missed, 2);
	assert_int_equal(c->n_partly, 1);
	assert_int_equal(c->by_reason[REASON_DENIED], 1);
	assert_int_equal(c->n_paths, 2);
	assert_string_equal(c->paths[0].path, "/a");
	assert_string_equal(c->paths[0].detail, "why");
	assert_false(c->paths[0].partly);
	assert_int_equal(c->paths[1].reason, REASON_TOO_LARGE);
	assert_null(c->paths[1].detail);
	assert_true(c->paths[1].partly);
}

static void
what_was_passed_over_is_only_counted(void **state)
{
	struct coverage *c = *state;

	coverage_add_missed(c, REASON_EXCLUDED, false, "/a", NULL);
	coverage_add_count(c, REASON_FIFO, 7);
	assert_int_equal(c->by_reason[REASON_EXCLUDED], 1);
	assert_int_equal(c->by_reason[REASON_FIFO], 7);
	assert_int_equal(c->n_missed, 0);
	assert_int_equal(c->n_paths, 0);
}

static void
ten_thousand_paths_are_kept_and_the_next_is_counted(void **state)
{
	struct coverage *c = *state;

	for (size_t i = 0; i < COVERAGE_PATHS_MAX; i++)
		coverage_add_missed(c, REASON_DENIED, false, "/p", NULL);
	assert_int_equal(c->n_paths, COVERAGE_PATHS_MAX);
	assert_int_equal(c->n_missed, COVERAGE_PATHS_MAX);
	coverage_add_missed(c, REASON_DENIED, false, "/one more", NULL);
	assert_int_equal(c->n_paths, COVERAGE_PATHS_MAX);
	assert_int_equal(c->n_missed, COVERAGE_PATHS_MAX + 1);
	assert_int_equal(c->by_reason[REASON_DENIED], COVERAGE_PATHS_MAX + 1);
	coverage_clear(c);
	assert_int_equal(c->n_missed, 0);
	assert_null(c->paths);
}

#define with_coverage(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_coverage(what_was_scanned_is_counted),
		with_coverage(what_was_missed_is_kept_by_name),
		with_coverage(what_was_passed_over_is_only_counted),
		with_coverage(ten_thousand_paths_are_kept_and_the_next_is_counted),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}

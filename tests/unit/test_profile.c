/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/profile.h"

static void
built_in_ones_are_there_and_own_ones_come_before(void **state)
{
	struct profile own = { .name = "quick" };
	size_t n = 0;

	(void)state;
	assert_true(profile_builtin("quick")->has_processes);
	assert_int_equal(profile_builtin("memory")->n_paths, 0);
	assert_string_equal(profile_builtin("full")->paths[0], "/");
	assert_false(profile_builtin("full")->may_use_network);
	assert_null(profile_builtin("slow"));
	assert_ptr_equal(profile_find(&own, 1, "quick"), &own);
	assert_ptr_equal(profile_find(&own, 1, "full"), profile_builtin("full"));
	assert_null(profile_find(&own, 1, "slow"));
	assert_non_null(profile_places(&n));
	assert_int_equal(n, profile_builtin("quick")->n_paths);
}

static void
every_place_is_absolute_or_in_a_home_and_there_once(void **state)
{
	size_t n = 0;
	const struct profile_place *p = profile_places(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(p[i].path[0] == '/' || strncmp(p[i].path, "~/", 2) == 0);
		assert_true(strncmp(p[i].technique, "T1", 2) == 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(p[i].path, p[k].path);
	}
}

static void
names_are_words(void **state)
{
	(void)state;
	assert_null(profile_name_problem("a"));
	assert_null(profile_name_problem("abcdefghijklmnopqrstuvwxyz-_0123"));
	assert_non_null(profile_name_problem("abcdefghijklmnopqrstuvwxyz-_01234"));
	assert_non_null(profile_name_problem(""));
	assert_non_null(profile_name_problem("A b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_ones_are_there_and_own_ones_come_before),
		cmocka_unit_test(every_place_is_absolute_or_in_a_home_and_there_once),
		cmocka_unit_test(names_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/checks.h"
#include "agent/score.h"
#include "base/memory.h"

static struct match *m;

static int
teardown(void **state)
{
	(void)state;
	match_free(m);
	m = NULL;
	return 0;
}

static unsigned
score_of(const struct match *one)
{
	struct finding_score score;

	finding_score(NULL, one, "/x", 0, &score);
	return score.score;
}

static void
every_check_has_a_score_a_description_and_a_technique(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CHECK_MAX_; i++) {
		m = check_match_new((enum check)i);
		assert_true(check_complete(m));
		assert_in_range(score_of(m), 40, 60);
		assert_true(strlen(match_meta_text(m, "description")) > 20);
		assert_true(match_meta_text(m, "attack")[0] == 'T');
		match_free(MH_TAKE(m));
	}
}

static void
facts_that_are_true_add_to_the_score(void **state)
{
	(void)state;
	m = check_match_new(CHECK_ENCRYPTED_NAMES);
	check_match_add_text(m, "format", "RAR");
	check_match_add_truth(m, "foreign_extension", true);
	check_match_add_truth(m, "volume", true);
	assert_true(check_complete(m));
	assert_int_equal(score_of(m), 70);
	assert_string_equal(match_meta_text(m, "format"), "RAR");
	match_free(m);
	m = check_match_new(CHECK_ENCRYPTED_NAMES);
	check_match_add_truth(m, "volume", false);
	assert_true(check_complete(m));
	assert_int_equal(score_of(m), 40);
}

static void
a_worker_cannot_tell_what_a_check_weighs(void **state)
{
	(void)state;
	m = check_match_new(CHECK_VOLUME_SET);
	check_match_add_number(m, "score", 100);
	check_match_add_text(m, "description", "nothing to see");
	check_match_add_number(m, "format", 1); /* of another kind than it is */
	assert_true(check_complete(m));
	assert_int_equal(score_of(m), 55);
	assert_int_equal(m->n_metas, 3);
	assert_string_not_equal(match_meta_text(m, "description"), "nothing to see");
}

static void
unknown_checks_and_too_many_facts_are_refused(void **state)
{
	(void)state;
	m = check_match_new(CHECK_VOLUME_SET);
	for (unsigned i = 0; i < 4; i++)
		check_match_add_truth(m, "format", true);
	assert_false(check_complete(m));
	match_free(m);
	m = check_match_new(CHECK_VOLUME_SET);
	m->rule[0] = 'x';
	assert_true(match_is_check(m));
	assert_false(check_complete(m));
	m->rule[0] = 'a';
	m->name_space[0] = 'x';
	assert_false(match_is_check(m));
	assert_false(check_complete(m));
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_check_has_a_score_a_description_and_a_technique),
		T(facts_that_are_true_add_to_the_score),
		T(a_worker_cannot_tell_what_a_check_weighs),
		T(unknown_checks_and_too_many_facts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

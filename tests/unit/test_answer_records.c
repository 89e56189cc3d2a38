/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "records/answer.h"
#include "records/checking.h"
#include "records/limits.h"
#include "records/lint.h"

static struct answer
whole(void)
{
	return (struct answer){ .kind = ANSWER_REMARK,
		.code = LINT_S07,
		.level = LEVEL_WARNING,
		.file = 3,
		.line = 44,
		.a = 5,
		.b = UINT64_MAX,
		.rule = (char *)"r",
		.label = (char *)"l",
		.text = (char *)"t" };
}

static bool
decodes(const struct answer *a, struct answer *ret)
{
	struct buf *b = buf_new(64 * 1024);
	struct reader r;

	answer_encode(a, b);
	reader_init(&r, buf_data(b), buf_len(b));
	answer_decode(&r, ret);
	bool is_done = reader_is_done(&r);

	assert_true(buf_len(b) <= ANSWER_BYTES_MAX);
	buf_free(b);
	return is_done;
}

static void
an_answer_comes_back_as_it_was(void **state)
{
	struct answer a = whole();
	struct answer back;

	(void)state;
	assert_true(decodes(&a, &back));
	assert_int_equal(back.kind, a.kind);
	assert_int_equal(back.code, a.code);
	assert_int_equal(back.level, a.level);
	assert_int_equal(back.file, 3);
	assert_int_equal(back.line, 44);
	assert_true(back.a == 5 && back.b == UINT64_MAX);
	assert_string_equal(back.rule, "r");
	assert_string_equal(back.label, "l");
	assert_string_equal(back.text, "t");
	answer_clear(&back);
}

static void
codes_that_are_none_are_refused(void **state)
{
	struct answer a = whole();
	struct answer back;

	(void)state;
	a.code = LINT_MAX_;
	assert_false(decodes(&a, &back));
	answer_clear(&back);
	a.code = LINT_MAX_ - 1;
	assert_true(decodes(&a, &back));
	answer_clear(&back);
	a.level = LEVEL_MAX_;
	assert_false(decodes(&a, &back));
	answer_clear(&back);
	a = whole();
	a.kind = ANSWER_MAX_;
	assert_false(decodes(&a, &back));
	answer_clear(&back);
	a.kind = ANSWER_LINE;
	a.code = SECTION_MAX_;
	assert_false(decodes(&a, &back));
	answer_clear(&back);
}

/* Limits on both sides: what is too long is cut. */
static void
long_texts_are_cut(void **state)
{
	char *text = xcalloc(ANSWER_TEXT_MAX + 2, 1);
	struct answer a = whole();
	struct answer back;

	(void)state;
	memset(text, 'x', ANSWER_TEXT_MAX + 1);
	a.text = a.label = a.rule = text;
	assert_true(decodes(&a, &back));
	assert_int_equal(strlen(back.text), ANSWER_TEXT_MAX);
	assert_int_equal(strlen(back.label), ANSWER_LABEL_MAX);
	assert_int_equal(strlen(back.rule), RULE_NAME_MAX);
	answer_clear(&back);
	free(text);
}

static void
what_the_checker_is_asked_comes_back(void **state)
{
	struct buf *b = buf_new(64 * 1024);
	struct reader r;
	const struct check_file file = { (char *)"p/a", (char *)"/p/a", true };
	const struct check_beside beside = { BESIDE_SAMPLE, 7, (char *)"/x" };
	const struct check_request request = { CHECK_VERB_TEST, true, false, 9,
		(char *)"2026-11-26", (char *)"n" };
	struct check_file file_back;
	struct check_beside beside_back;
	struct check_request request_back;

	(void)state;
	check_file_encode(&file, b);
	check_beside_encode(&beside, b);
	check_request_encode(&request, b);
	reader_init(&r, buf_data(b), buf_len(b));
	check_file_decode(&r, &file_back);
	check_beside_decode(&r, &beside_back);
	check_request_decode(&r, &request_back);
	assert_true(reader_is_done(&r));
	assert_string_equal(file_back.name_space, "p/a");
	assert_true(file_back.is_own);
	assert_int_equal(beside_back.kind, BESIDE_SAMPLE);
	assert_int_equal(beside_back.file, 7);
	assert_int_equal(request_back.verb, CHECK_VERB_TEST);
	assert_true(request_back.is_strict && !request_back.is_goodware_missing);
	assert_int_equal(request_back.seed, 9);
	check_file_clear(&file_back);
	check_beside_clear(&beside_back);
	check_request_clear(&request_back);
	buf_free(b);
}

static void
every_lint_has_an_id_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINT_MAX_; i++)
		assert_int_equal(lint_find(lint_id((enum lint)i)), i);
	assert_int_equal(lint_find("X99"), LINT_MAX_);
	assert_string_equal(lint_level_name(lint_level(LINT_P01)), "info");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_back_as_it_was),
		cmocka_unit_test(codes_that_are_none_are_refused),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(what_the_checker_is_asked_comes_back),
		cmocka_unit_test(every_lint_has_an_id_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about packages, and the answers. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "records/facts.h"
#include "records/messages.h"

static int
setup(void **state)
{
	*state = buf_new(1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	buf_free(*state);
	return 0;
}

static struct package_facts
make_facts(size_t text_len)
{
	struct package_facts f = { .database = PACKAGE_DB_RPM,
		.name = xcalloc(text_len + 1, 1),
		.version = xcalloc(text_len + 1, 1),
		.architecture = xcalloc(text_len + 1, 1),
		.algorithm = PACKAGE_DIGEST_SHA512,
		.is_config = true };

	memset(f.name, 'n', text_len);
	memset(f.version, 'v', text_len);
	memset(f.architecture, 'a', text_len);
	memset(f.digest, 7, sizeof(f.digest));
	return f;
}

static bool
answer_round_trip(struct buf *b, const struct facts_answer *a, struct facts_answer *ret)
{
	struct reader r;

	buf_reset(b);
	facts_answer_encode(a, b);
	reader_init(&r, buf_data(b), buf_len(b));
	facts_answer_decode(&r, ret);
	return reader_is_done(&r);
}

static bool
request_round_trip(struct buf *b, const struct facts_request *q,
    struct facts_request *ret)
{
	struct reader r;

	buf_reset(b);
	facts_request_encode(q, b);
	reader_init(&r, buf_data(b), buf_len(b));
	facts_request_decode(&r, ret);
	return reader_is_done(&r);
}

static void
answers_go_there_and_back(void **state)
{
	struct package_facts items[] = { make_facts(3),
		{ .unknown = PACKAGE_UNKNOWN_BUSY } };
	struct facts_answer a = { 9, items, 2 };
	struct facts_answer back;

	assert_true(answer_round_trip(*state, &a, &back));
	assert_true(back.id == 9 && back.n == 2);
	assert_string_equal(back.items[0].name, "nnn");
	assert_string_equal(back.items[0].version, "vvv");
	assert_string_equal(back.items[0].architecture, "aaa");
	assert_int_equal(back.items[0].database, PACKAGE_DB_RPM);
	assert_int_equal(back.items[0].algorithm, PACKAGE_DIGEST_SHA512);
	assert_memory_equal(back.items[0].digest, items[0].digest, 64);
	assert_true(back.items[0].is_config);
	assert_int_equal(back.items[1].unknown, PACKAGE_UNKNOWN_BUSY);
	facts_answer_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		struct reader r;

		reader_init(&r, buf_data(*state), len);
		facts_answer_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		facts_answer_clear(&back);
	}
	package_facts_clear(&items[0]);
}

static void
texts_are_cut_at_their_limit_and_the_most_fits_a_message(void **state)
{
	struct package_facts items[FACTS_PATHS_MAX + 1];
	struct facts_answer a = { 9, items, FACTS_PATHS_MAX };
	struct facts_answer back;

	for (size_t i = 0; i < MH_ARRAY_LEN(items); i++)
		items[i] = make_facts(PACKAGE_TEXT_MAX + 1);
	assert_true(answer_round_trip(*state, &a, &back));
	assert_true(buf_len(*state) <= message_table[MSG_FACTS_ARE].max_bytes);
	assert_int_equal(strlen(back.items[0].name), PACKAGE_TEXT_MAX);
	facts_answer_clear(&back);
	a.n++;
	assert_false(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	for (size_t i = 0; i < MH_ARRAY_LEN(items); i++)
		package_facts_clear(&items[i]);
}

static void
answers_that_make_no_sense_fail(void **state)
{
	struct package_facts item = make_facts(1);
	struct facts_answer a = { 9, &item, 1 };
	struct facts_answer back;

	item.database = PACKAGE_DB_NONE;
	assert_false(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	item.database = PACKAGE_DB_MAX_;
	assert_false(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	item.database = PACKAGE_DB_DPKG;
	item.algorithm = (enum package_digest)3;
	assert_false(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	item.algorithm = PACKAGE_DIGEST_NONE;
	assert_true(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	item.unknown = PACKAGE_UNKNOWN_MAX_;
	assert_false(answer_round_trip(*state, &a, &back));
	facts_answer_clear(&back);
	package_facts_clear(&item);
}

static void
questions_go_there_and_back(void **state)
{
	char *paths[FACTS_PATHS_MAX + 1];
	struct facts_request q = { 3, paths, FACTS_PATHS_MAX };
	struct facts_request back;

	for (size_t i = 0; i < MH_ARRAY_LEN(paths); i++)
		paths[i] = (char *)(uintptr_t) "/bin/x";
	assert_true(request_round_trip(*state, &q, &back));
	assert_true(back.id == 3 && back.n == FACTS_PATHS_MAX);
	assert_string_equal(back.paths[63], "/bin/x");
	facts_request_clear(&back);
	q.n++;
	assert_false(request_round_trip(*state, &q, &back));
	facts_request_clear(&back);
	q.n = 1;
	paths[0] = (char *)(uintptr_t) "bin/x";
	assert_false(request_round_trip(*state, &q, &back));
	facts_request_clear(&back);
	paths[0] = xcalloc(PATH_BYTES_MAX + 2, 1);
	memset(paths[0], '/', PATH_BYTES_MAX + 1);
	assert_false(request_round_trip(*state, &q, &back));
	facts_request_clear(&back);
	paths[0][PATH_BYTES_MAX] = 0;
	assert_true(request_round_trip(*state, &q, &back));
	facts_request_clear(&back);
	free(paths[0]);
}

#define with_buf(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_buf(answers_go_there_and_back),
		with_buf(texts_are_cut_at_their_limit_and_the_most_fits_a_message),
		with_buf(answers_that_make_no_sense_fail),
		with_buf(questions_go_there_and_back),
	};

	return cmocka_run_group_tests_name("facts_records", tests, NULL, NULL);
}

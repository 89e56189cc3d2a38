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

static void
a_coverage_comes_back_whole_and_cut_ones_are_refused(void **state)
{
	struct coverage *c = *state, got;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);
	struct reader r;

	coverage_add_scanned(c, 77, 2);
	coverage_add_missed(c, REASON_DENIED, true, "/p\xff", "why");
	coverage_add_missed(c, REASON_TIMEOUT, false, "/q", NULL);
	coverage_add_count(c, REASON_LINK, 5);
	c->n_weak = 1;
	coverage_encode(c, b);
	assert_ok(buf_error(b));
	reader_init(&r, buf_data(b), buf_len(b));
	coverage_decode(&r, &got);
	assert_true(reader_is_done(&r));
	assert_int_equal(got.n_scanned, 1);
	assert_int_equal(got.n_partly, 1);
	assert_int_equal(got.n_found, 1);
	assert_int_equal(got.n_findings, 2);
	assert_int_equal(got.n_weak, 1);
	assert_int_equal(got.bytes, 77);
	assert_int_equal(got.n_missed, 2);
	assert_memory_equal(got.by_reason, c->by_reason, sizeof(got.by_reason));
	assert_int_equal(got.n_paths, 2);
	assert_string_equal(got.paths[0].path, "/p\xff");
	assert_true(got.paths[0].partly);
	assert_string_equal(got.paths[0].detail, "why");
	assert_int_equal(got.paths[1].reason, REASON_TIMEOUT);
	assert_null(got.paths[1].detail);
	coverage_clear(&got);
	for (size_t len = 0; len < buf_len(b); len++) {
		reader_init(&r, buf_data(b), len);
		coverage_decode(&r, &got);
		assert_false(reader_is_done(&r));
		coverage_clear(&got);
	}
}

static void
paths_without_room_are_left_out_and_counts_stay_whole(void **state)
{
	struct coverage *c = *state, got;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(256);
	MH_CLEANUP(buf_freep) struct buf *small = buf_new(16);
	struct reader r;

	for (unsigned i = 0; i < 100; i++)
		coverage_add_missed(c, REASON_DENIED, false, "/some/path", NULL);
	coverage_encode(c, b);
	assert_ok(buf_error(b));
	reader_init(&r, buf_data(b), buf_len(b));
	coverage_decode(&r, &got);
	assert_true(reader_is_done(&r));
	assert_int_equal(got.n_missed, 100);
	assert_in_range(got.n_paths, 1, 10);
	coverage_clear(&got);
	coverage_encode(c, small);
	assert_err(buf_error(small), MH_ERR_TOOBIG);
}

static void
a_coverage_with_a_reason_of_a_later_version_or_too_many_paths_is_refused(void **state)
{
	struct coverage *c = *state, got;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4 * 1024 * 1024);
	struct reader r;

	for (unsigned i = 0; i < COVERAGE_PATHS_MAX; i++)
		coverage_add_missed(c, REASON_DENIED, false, "/p", NULL);
	coverage_encode(c, b);
	reader_init(&r, buf_data(b), buf_len(b));
	coverage_decode(&r, &got);
	assert_true(reader_is_done(&r));
	assert_int_equal(got.n_paths, COVERAGE_PATHS_MAX);
	coverage_clear(&got);
	buf_truncate(b, buf_len(b) - 1);
	buf_put_u8(b, 1);
	buf_put_string(b, "/one more");
	buf_put_string(b, "permission");
	buf_put_u8(b, 0);
	buf_put_string(b, "");
	buf_put_u8(b, 0);
	reader_init(&r, buf_data(b), buf_len(b));
	coverage_decode(&r, &got);
	assert_false(reader_is_ok(&r));
	coverage_clear(&got);
	buf_reset(b);
	for (unsigned i = 0; i < 9; i++)
		buf_put_u64(b, 0);
	buf_put_u32(b, 1);
	buf_put_string(b, "not-yet-known");
	buf_put_u64(b, 1);
	buf_put_u8(b, 0);
	reader_init(&r, buf_data(b), buf_len(b));
	coverage_decode(&r, &got);
	assert_false(reader_is_ok(&r));
	coverage_clear(&got);
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
		with_coverage(a_coverage_comes_back_whole_and_cut_ones_are_refused),
		with_coverage(paths_without_room_are_left_out_and_counts_stay_whole),
		with_coverage(
		    a_coverage_with_a_reason_of_a_later_version_or_too_many_paths_is_refused),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/watch_queue.h"
#include "base/memory.h"

static const struct watch_times times = { 100, 1000, 8000 };

static int
setup(void **state)
{
	*state = watch_queue_new(4, times);
	return 0;
}

static int
teardown(void **state)
{
	watch_queue_free(*state);
	return 0;
}

static struct watch_entry *
make(uint64_t ino, enum watch_rank rank)
{
	struct watch_entry *e = xcalloc(1, sizeof(*e));

	*e = (struct watch_entry){ .dev = 1, .ino = ino, .fd = -1, .rank = rank };
	e->kinds = rank == WATCH_RANK_EXECUTED ? EVENT_EXECUTED : EVENT_WRITTEN;
	return e;
}

static void
put(struct watch_queue *q, uint64_t ino, enum watch_rank rank, int64_t now_ms)
{
	assert_null(watch_queue_add(q, make(ino, rank), now_ms));
}

/* The inode of what is given out, 0 for nothing. */
static uint64_t
next(struct watch_queue *q, int64_t now_ms)
{
	struct watch_entry *e = watch_queue_take(q, now_ms);
	uint64_t ino = e != NULL ? e->ino : 0;

	watch_entry_free(e);
	return ino;
}

static void
a_written_file_waits_until_it_is_still(void **state)
{
	struct watch_queue *q = *state;

	put(q, 1, WATCH_RANK_PLAIN, 0);
	assert_int_equal(watch_queue_due(q), 100);
	watch_queue_merge(q, watch_queue_find(q, 1, 1), EVENT_WRITTEN, 90, 0);
	assert_int_equal(next(q, 100), 0);
	assert_int_equal(watch_queue_due(q), 190);
	assert_int_equal(next(q, 190), 1);
	assert_int_equal(watch_queue_due(q), INT64_MAX);
}

static void
a_file_that_is_never_still_is_told_after_the_longest_time(void **state)
{
	struct watch_queue *q = *state;

	put(q, 1, WATCH_RANK_PLAIN, 0);
	for (int64_t now = 50; now < 1000; now += 50)
		watch_queue_merge(q, watch_queue_find(q, 1, 1), EVENT_WRITTEN, now, 0);
	assert_int_equal(watch_queue_due(q), 1000);
	struct watch_entry *e = watch_queue_take(q, 1000);

	assert_int_equal(e->n_merged, 20);
	watch_entry_free(e);
}

static void
a_file_written_for_ever_is_told_in_growing_intervals(void **state)
{
	struct watch_queue *q = *state;
	int64_t told[16];
	size_t n = 0;

	for (int64_t now = 0; now < 40000; now += 50) {
		struct watch_entry *e = watch_queue_find(q, 1, 1);

		if (e != NULL)
			watch_queue_merge(q, e, EVENT_WRITTEN, now, 0);
		else
			put(q, 1, WATCH_RANK_PLAIN, now);
		if (next(q, now) == 1 && n < 16)
			told[n++] = now;
	}
	assert_true(n >= 6);
	assert_int_equal(told[0], 1000);
	for (size_t i = 1; i + 1 < n; i++)
		assert_true(told[i + 1] - told[i] >= told[i] - told[i - 1]);
	assert_true(told[n - 1] - told[n - 2] >= 8000);
	assert_true(told[n - 1] - told[n - 2] <= 9000);
	/* The last write is told. */
	assert_int_equal(next(q, 60000), 1);
}

static void
what_was_executed_does_not_wait_and_goes_first(void **state)
{
	struct watch_queue *q = *state;

	put(q, 1, WATCH_RANK_PLAIN, 0);
	put(q, 2, WATCH_RANK_ODD, 5);
	put(q, 3, WATCH_RANK_EXECUTED, 10);
	assert_int_equal(watch_queue_due(q), 10);
	assert_int_equal(next(q, 10), 3);
	assert_int_equal(next(q, 10), 0);
	assert_int_equal(next(q, 200), 2);
	assert_int_equal(next(q, 200), 1);
}

static void
a_file_that_is_executed_while_it_waits_is_due_at_once(void **state)
{
	struct watch_queue *q = *state;

	put(q, 1, WATCH_RANK_PLAIN, 0);
	watch_queue_merge(q, watch_queue_find(q, 1, 1), EVENT_EXECUTED, 20, 0);
	struct watch_entry *e = watch_queue_take(q, 20);

	assert_non_null(e);
	assert_int_equal(e->kinds, EVENT_WRITTEN | EVENT_EXECUTED);
	watch_entry_free(e);
	/* And again no more often than a file settles. */
	put(q, 1, WATCH_RANK_EXECUTED, 30);
	assert_int_equal(watch_queue_due(q), 120);
}

static void
beyond_its_limit_the_least_suspicious_goes(void **state)
{
	struct watch_queue *q = *state;

	for (uint64_t ino = 1; ino <= 4; ino++) {
		assert_false(watch_queue_is_full(q));
		put(q, ino, WATCH_RANK_PLAIN, 0);
	}
	assert_true(watch_queue_is_full(q));
	struct watch_entry *fifth = make(5, WATCH_RANK_PLAIN);

	assert_ptr_equal(watch_queue_add(q, fifth, 1), fifth);
	watch_entry_free(fifth);
	struct watch_entry *out = watch_queue_add(q, make(6, WATCH_RANK_EXECUTED), 1);

	assert_non_null(out);
	assert_int_equal(out->rank, WATCH_RANK_PLAIN);
	assert_null(watch_queue_find(q, 1, out->ino));
	watch_entry_free(out);
	assert_int_equal(watch_queue_count(q), 4);
	assert_int_equal(next(q, 1), 6);
}

static void
many_come_out_in_the_order_of_their_times(void **state)
{
	struct watch_queue *q = watch_queue_new(5000, times);
	int64_t last = 0;
	uint64_t seed = 1;

	(void)state;
	for (uint64_t ino = 1; ino <= 5000; ino++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		put(q, ino, WATCH_RANK_PLAIN, (int64_t)(seed >> 50));
	}
	for (uint64_t ino = 1; ino <= 5000; ino += 3)
		watch_queue_merge(q, watch_queue_find(q, 1, ino), EVENT_WRITTEN, 20000,
		    0);
	for (unsigned i = 0; i < 5000; i++) {
		int64_t due = watch_queue_due(q);
		struct watch_entry *e = watch_queue_take(q, due);

		assert_non_null(e);
		assert_true(due >= last);
		last = due;
		watch_entry_free(e);
	}
	assert_int_equal(watch_queue_count(q), 0);
	watch_queue_free(q);
}

static void
suspicion_goes_by_mode_and_place(void **state)
{
	(void)state;
	assert_int_equal(watch_rank_of(EVENT_EXECUTED, 0644, "/a"), WATCH_RANK_EXECUTED);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0755, "/a"), WATCH_RANK_ODD);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, "/tmp/a"), WATCH_RANK_ODD);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, "/dev/shm/a"),
	    WATCH_RANK_ODD);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, "/h/.config/autostart/x"),
	    WATCH_RANK_ODD);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, "/etc/cron.d/x"),
	    WATCH_RANK_ODD);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, "/h/x.c"), WATCH_RANK_PLAIN);
	assert_int_equal(watch_rank_of(EVENT_WRITTEN, 0644, NULL), WATCH_RANK_PLAIN);
}

int
main(void)
{
#define WITH_QUEUE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_QUEUE(a_written_file_waits_until_it_is_still),
		WITH_QUEUE(a_file_that_is_never_still_is_told_after_the_longest_time),
		WITH_QUEUE(a_file_written_for_ever_is_told_in_growing_intervals),
		WITH_QUEUE(what_was_executed_does_not_wait_and_goes_first),
		WITH_QUEUE(a_file_that_is_executed_while_it_waits_is_due_at_once),
		WITH_QUEUE(beyond_its_limit_the_least_suspicious_goes),
		cmocka_unit_test(many_come_out_in_the_order_of_their_times),
		cmocka_unit_test(suspicion_goes_by_mode_and_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <pthread.h>

#include "base/clock.h"
#include "collector/queue.h"

static void
items_come_in_their_order(void **state)
{
	struct queue *q = queue_new(3, 100);
	struct queue_item items[3];
	size_t n, bytes;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(queue_offer(q, &items[i], 10));
	queue_depth(q, &n, &bytes);
	assert_int_equal(n, 3);
	assert_int_equal(bytes, 30);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(queue_take(q, 0), &items[i]);
	assert_null(queue_take(q, 0));
	queue_free(q);
}

static void
what_is_full_refuses_and_changes_nothing(void **state)
{
	struct queue *q = queue_new(2, 100);
	struct queue_item items[4];
	size_t n, bytes;

	(void)state;
	assert_true(queue_offer(q, &items[0], 60));
	assert_false(queue_offer(q, &items[1], 41)); /* bytes */
	assert_true(queue_offer(q, &items[1], 40));
	assert_false(queue_offer(q, &items[2], 0)); /* items */
	queue_depth(q, &n, &bytes);
	assert_int_equal(n, 2);
	assert_int_equal(bytes, 100);
	assert_ptr_equal(queue_take(q, 0), &items[0]);
	assert_true(queue_offer(q, &items[2], 60));
	queue_push(q, &items[3], 1000); /* whatever the bounds say */
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(queue_take(q, 0), &items[i]);
	queue_free(q);
}

static void
one_item_larger_than_all_passes_an_empty_queue(void **state)
{
	struct queue *q = queue_new(2, 100);
	struct queue_item items[2];

	(void)state;
	assert_true(queue_offer(q, &items[0], 1000));
	assert_false(queue_offer(q, &items[1], 1));
	assert_ptr_equal(queue_take(q, QUEUE_FOR_EVER), &items[0]);
	queue_free(q);
}

static void
waiting_ends_when_the_time_is_over_or_the_queue_closed(void **state)
{
	struct queue *q = queue_new(2, 100);
	struct queue_item item;
	int64_t start_ms = clock_monotonic_ms();

	(void)state;
	assert_null(queue_take(q, 50 * 1000));
	assert_true(clock_monotonic_ms() - start_ms >= 49);
	assert_true(queue_offer(q, &item, 1));
	queue_close(q);
	assert_true(queue_is_closed(q));
	assert_false(queue_offer(q, &item, 1));
	assert_ptr_equal(queue_take(q, QUEUE_FOR_EVER), &item);
	assert_null(queue_take(q, QUEUE_FOR_EVER));
	queue_free(q);
}

static void *
put_three(void *arg)
{
	static struct queue_item items[3];

	for (int i = 0; i < 3; i++)
		queue_put(arg, &items[i], 1);
	return NULL;
}

static void
awaiting_ends_with_enough_items_with_the_time_and_before_putters_get_stuck(void **state)
{
	struct queue *q = queue_new(2, 100);
	pthread_t putter;
	size_t n, bytes;
	int64_t start_ms = clock_monotonic_ms();

	(void)state;
	queue_await(q, 5, 30 * 1000);
	assert_true(clock_monotonic_ms() - start_ms >= 29);
	assert_int_equal(pthread_create(&putter, NULL, put_three, q), 0);
	queue_await(q, 5, QUEUE_FOR_EVER); /* it holds two at most */
	queue_depth(q, &n, &bytes);
	assert_in_range(n, 1, 2);
	for (int i = 0; i < 3; i++)
		assert_non_null(queue_take(q, QUEUE_FOR_EVER));
	assert_int_equal(pthread_join(putter, NULL), 0);
	queue_close(q);
	queue_await(q, 1, QUEUE_FOR_EVER);
	queue_free(q);
}

enum { N_MOVED = 20000 };

static void *
take_all(void *arg)
{
	struct queue *q = arg;
	uintptr_t n = 0;

	while (queue_take(q, QUEUE_FOR_EVER) != NULL)
		n++;
	return (void *)n;
}

static void
putting_waits_for_room_and_nothing_is_lost_between_threads(void **state)
{
	static struct queue_item items[N_MOVED];
	struct queue *q = queue_new(7, 50);
	pthread_t takers[2];
	void *counts[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&takers[i], NULL, take_all, q), 0);
	for (size_t i = 0; i < N_MOVED; i++)
		queue_put(q, &items[i], i % 20);
	queue_close(q);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(takers[i], &counts[i]), 0);
	assert_int_equal((uintptr_t)counts[0] + (uintptr_t)counts[1], N_MOVED);
	queue_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_in_their_order),
		cmocka_unit_test(what_is_full_refuses_and_changes_nothing),
		cmocka_unit_test(one_item_larger_than_all_passes_an_empty_queue),
		cmocka_unit_test(waiting_ends_when_the_time_is_over_or_the_queue_closed),
		cmocka_unit_test(
		    awaiting_ends_with_enough_items_with_the_time_and_before_putters_get_stuck),
		cmocka_unit_test(
		    putting_waits_for_room_and_nothing_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

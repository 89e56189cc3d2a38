/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"

enum { US_PER_S = 1000 * 1000, NS_PER_US = 1000 };

struct queue {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t filled, emptied;
	STAILQ_HEAD(, queue_item) items;
	size_t n, bytes;
	size_t max_items, max_bytes;
	size_t n_waiting; /* putters */
	size_t wake_at;   /* items at which takers are woken */
	bool closed;
};

struct queue *
queue_new(size_t max_items, size_t max_bytes)
{
	struct queue *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t attributes;

	STAILQ_INIT(&q->items);
	q->max_items = max_items;
	q->max_bytes = max_bytes;
	q->wake_at = 1;
	/* Of these only memory can be the reason to fail, and Linux needs none. */
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->filled, &attributes);
	(void)pthread_cond_init(&q->emptied, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	assert(q->n == 0);
	(void)pthread_cond_destroy(&q->filled);
	(void)pthread_cond_destroy(&q->emptied);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool
has_room(const struct queue *q, size_t bytes)
{
	if (q->n == 0)
		return true;
	return q->n < q->max_items && bytes <= q->max_bytes &&
	       q->bytes <= q->max_bytes - bytes;
}

static void
append(struct queue *q, struct queue_item *item, size_t bytes)
{
	item->bytes = bytes;
	STAILQ_INSERT_TAIL(&q->items, item, link);
	q->n++;
	q->bytes += bytes;
	if (q->n >= q->wake_at)
		(void)pthread_cond_signal(&q->filled);
}

bool
queue_offer(struct queue *q, struct queue_item *item, size_t bytes)
{
	bool fits = false;

	(void)pthread_mutex_lock(&q->lock);
	fits = !q->closed && has_room(q, bytes);
	if (fits)
		append(q, item, bytes);
	(void)pthread_mutex_unlock(&q->lock);
	return fits;
}

void
queue_put(struct queue *q, struct queue_item *item, size_t bytes)
{
	(void)pthread_mutex_lock(&q->lock);
	while (!has_room(q, bytes)) {
		q->n_waiting++;
		(void)pthread_cond_signal(&q->filled);
		(void)pthread_cond_wait(&q->emptied, &q->lock);
		q->n_waiting--;
	}
	append(q, item, bytes);
	(void)pthread_mutex_unlock(&q->lock);
}

void
queue_push(struct queue *q, struct queue_item *item, size_t bytes)
{
	(void)pthread_mutex_lock(&q->lock);
	append(q, item, bytes);
	(void)pthread_mutex_unlock(&q->lock);
}

/* Wait for an item or the end; false when the time is over. */
static bool
wait_filled(struct queue *q, int64_t timeout_us, const struct timespec *end)
{
	if (timeout_us == 0)
		return false;
	if (timeout_us < 0)
		return pthread_cond_wait(&q->filled, &q->lock) == 0;
	return pthread_cond_timedwait(&q->filled, &q->lock, end) != ETIMEDOUT;
}

/* So many microseconds from now. */
static struct timespec
end_of(int64_t timeout_us)
{
	struct timespec end = { 0, 0 };

	if (timeout_us <= 0)
		return end;
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	timeout_us += end.tv_nsec / NS_PER_US;
	end.tv_sec += (time_t)(timeout_us / US_PER_S);
	end.tv_nsec = (long)(timeout_us % US_PER_S) * NS_PER_US;
	return end;
}

void
queue_await(struct queue *q, size_t n_items, int64_t timeout_us)
{
	struct timespec end = end_of(timeout_us);

	(void)pthread_mutex_lock(&q->lock);
	/* A putter that waits for room must not wait for us. */
	q->wake_at = n_items < q->max_items ? n_items : q->max_items;
	while (q->n < q->wake_at && !q->closed && q->n_waiting == 0 &&
	       wait_filled(q, timeout_us, &end))
		continue;
	q->wake_at = 1;
	(void)pthread_mutex_unlock(&q->lock);
}

struct queue_item *
queue_take(struct queue *q, int64_t timeout_us)
{
	struct queue_item *item = NULL;
	struct timespec end = end_of(timeout_us);

	(void)pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed && wait_filled(q, timeout_us, &end))
		continue;
	item = STAILQ_FIRST(&q->items);
	if (item != NULL) {
		STAILQ_REMOVE_HEAD(&q->items, link);
		q->n--;
		q->bytes -= item->bytes;
		if (q->n_waiting > 0)
			(void)pthread_cond_broadcast(&q->emptied);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return item;
}

void
queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->filled);
	(void)pthread_mutex_unlock(&q->lock);
}

bool
queue_is_closed(struct queue *q)
{
	bool closed = false;

	(void)pthread_mutex_lock(&q->lock);
	closed = q->closed;
	(void)pthread_mutex_unlock(&q->lock);
	return closed;
}

void
queue_depth(struct queue *q, size_t *ret_items, size_t *ret_bytes)
{
	(void)pthread_mutex_lock(&q->lock);
	*ret_items = q->n;
	*ret_bytes = q->bytes;
	(void)pthread_mutex_unlock(&q->lock);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_QUEUE_H
#define MH_COLLECTOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * A queue between threads, bounded in items and in bytes: what is full pushes
 * back instead of growing.  Every function may be called from any thread.
 *
 *	struct job { struct queue_item item; ... };     the first member
 *	if (!queue_offer(q, &job->item, n_bytes))       the caller keeps the job
 *		answer_too_many();
 */
struct queue_item {
	STAILQ_ENTRY(queue_item) link;
	size_t bytes; /* what it counts for; set by the queue */
};

struct queue;

/* At most max_items, and at most max_bytes unless one item alone is larger. */
struct queue *queue_new(size_t max_items, size_t max_bytes);
/* The queue has to be empty and without waiters. */
void queue_free(struct queue *q);

/* Append without waiting; false when it is full or closed: nothing was changed. */
bool queue_offer(struct queue *q, struct queue_item *item, size_t bytes);

/* Append, waiting for room.  What is put into a closed queue is still taken. */
void queue_put(struct queue *q, struct queue_item *item, size_t bytes);

/*
 * Append whatever the bounds say, without waiting: for the few things that must
 * not be turned away and that something else bounds.
 */
void queue_push(struct queue *q, struct queue_item *item, size_t bytes);

enum { QUEUE_FOR_EVER = -1 };

/*
 * The oldest item, waiting for one at most timeout_us (0: not at all,
 * QUEUE_FOR_EVER).  NULL when the time is over, or when the queue is closed and
 * empty.
 */
struct queue_item *queue_take(struct queue *q, int64_t timeout_us);

/*
 * Wait until so many items are there, at most timeout_us or until the queue is
 * closed.  For the only taker of a queue, which is then not woken for each item.
 */
void queue_await(struct queue *q, size_t n_items, int64_t timeout_us);

/* No more is offered; takers get what is there and then NULL at once. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);

/* How much waits now. */
void queue_depth(struct queue *q, size_t *ret_items, size_t *ret_bytes);

#endif

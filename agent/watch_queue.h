/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WATCH_QUEUE_H
#define MH_AGENT_WATCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "records/watch.h"

/*
 * Events about files that wait to be told: merged by device and inode, held
 * until the file has settled, given out by suspicion, bounded.
 *
 * No system calls, no clock: times are parameters, ms of a clock that never
 * goes back.
 */
enum {
	/* Files told lately that are remembered, so that they are told less often. */
	WATCH_TOLD_MAX = 4096,
};

/* By suspicion: what is due of a lower rank is given out first. */
enum watch_rank {
	WATCH_RANK_EXECUTED,
	WATCH_RANK_ODD,
	WATCH_RANK_PLAIN,
	WATCH_RANK_MAX_
};

struct watch_times {
	uint32_t debounce_ms, settle_max_ms, repeat_max_ms; /* struct watch_request */
};

struct watch_entry {
	uint64_t dev, ino;
	int fd; /* keeps the inode from being another file's */
	uint8_t kinds;
	enum watch_rank rank;
	uint32_t n_merged;
	int64_t first_ms, last_ms;           /* of the queue's clock */
	int64_t first_real_ms, last_real_ms; /* since 1970, as handed in */
	int64_t ctime_ns; /* when it came: what is lost is found again by it */
	struct actor actor;
	/* The queue's. */
	int64_t due_ms;
	size_t place;             /* in its rank's heap */
	struct watch_entry *next; /* of its slot */
};

/* Close its descriptor and free it.  NULL is fine. */
void watch_entry_free(struct watch_entry *e);
MH_DEFINE_CLEANUP(struct watch_entry, watch_entry_free);

struct watch_queue;

struct watch_queue *watch_queue_new(size_t max, struct watch_times times);
void watch_queue_free(struct watch_queue *q);
MH_DEFINE_CLEANUP(struct watch_queue, watch_queue_free);

/* Other times and another bound from now on; what is there stays. */
void watch_queue_set(struct watch_queue *q, size_t max, struct watch_times times);

size_t watch_queue_count(const struct watch_queue *q);
bool watch_queue_is_full(const struct watch_queue *q);

/* The entry of that file that waits, borrowed, or NULL. */
struct watch_entry *watch_queue_find(const struct watch_queue *q, uint64_t dev,
    uint64_t ino);

/* Something of these kinds happened again to an entry that waits. */
void watch_queue_merge(struct watch_queue *q, struct watch_entry *e, uint8_t kinds,
    int64_t now_ms, int64_t real_ms);

/*
 * Take in e, of a file that does not wait yet.  When the queue is full, the
 * least suspicious one, which may be e itself, is returned: the caller tells
 * it as lost and frees it.  Else NULL.
 */
struct watch_entry *watch_queue_add(struct watch_queue *q, struct watch_entry *e,
    int64_t now_ms) MH_CHECKED;

/* The most suspicious one that is due, the caller's; NULL when none is. */
struct watch_entry *watch_queue_take(struct watch_queue *q, int64_t now_ms);

/* When the next one is due; INT64_MAX when none waits. */
int64_t watch_queue_due(const struct watch_queue *q);

/*
 * How suspicious a file is by its mode and its path (NULL: not known), unless
 * it was executed: programs, places where everybody writes, hidden folders,
 * places from where things start by themselves.
 */
enum watch_rank watch_rank_of(uint8_t kinds, uint32_t mode, const char *path);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/watch_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/memory.h"

enum { SLOTS_MIN = 1024 };

struct heap {
	struct watch_entry **list; /* the earliest at 0; owned */
	size_t n, room;
};

/* A file that was told, so that one written for ever is told less and less often. */
struct told {
	uint64_t dev, ino;
	int64_t told_ms;
	uint32_t interval_ms;
};

struct watch_queue {
	size_t max, n;
	struct watch_times times;
	struct heap heaps[WATCH_RANK_MAX_];
	struct watch_entry **slots; /* chains by device and inode; owned */
	size_t n_slots;             /* a power of two */
	struct told *told;          /* WATCH_TOLD_MAX, by hash; owned */
};

void
watch_entry_free(struct watch_entry *e)
{
	if (e == NULL)
		return;
	fd_closep(&e->fd);
	actor_clear(&e->actor);
	free(e);
}

static size_t
hash_of(uint64_t dev, uint64_t ino)
{
	uint64_t x = (dev * 0x9e3779b97f4a7c15u) ^ ino;

	x *= 0xff51afd7ed558ccdu;
	return (size_t)(x ^ x >> 33);
}

struct watch_queue *
watch_queue_new(size_t max, struct watch_times times)
{
	struct watch_queue *q = xcalloc(1, sizeof(*q));

	assert(max > 0);
	q->n_slots = SLOTS_MIN;
	while (q->n_slots < max && q->n_slots < WATCH_PENDING_DEFAULT)
		q->n_slots *= 2;
	q->slots = xcalloc(q->n_slots, sizeof(*q->slots));
	q->told = xcalloc(WATCH_TOLD_MAX, sizeof(*q->told));
	watch_queue_set(q, max, times);
	return q;
}

void
watch_queue_free(struct watch_queue *q)
{
	if (q == NULL)
		return;
	for (unsigned rank = 0; rank < WATCH_RANK_MAX_; rank++) {
		for (size_t i = 0; i < q->heaps[rank].n; i++)
			watch_entry_free(q->heaps[rank].list[i]);
		free(q->heaps[rank].list);
	}
	free(q->slots);
	free(q->told);
	free(q);
}

void
watch_queue_set(struct watch_queue *q, size_t max, struct watch_times times)
{
	q->max = max;
	q->times = times;
}

size_t
watch_queue_count(const struct watch_queue *q)
{
	return q->n;
}

bool
watch_queue_is_full(const struct watch_queue *q)
{
	return q->n >= q->max;
}

static void
put_at(struct heap *h, size_t i, struct watch_entry *e)
{
	h->list[i] = e;
	e->place = i;
}

static void
sift_up(struct heap *h, size_t i)
{
	struct watch_entry *e = h->list[i];

	while (i > 0 && h->list[(i - 1) / 2]->due_ms > e->due_ms) {
		put_at(h, i, h->list[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put_at(h, i, e);
}

static void
sift_down(struct heap *h, size_t i)
{
	struct watch_entry *e = h->list[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < h->n &&
		    h->list[child + 1]->due_ms < h->list[child]->due_ms)
			child++;
		if (child >= h->n || h->list[child]->due_ms >= e->due_ms)
			break;
		put_at(h, i, h->list[child]);
		i = child;
	}
	put_at(h, i, e);
}

static void
heap_put(struct watch_queue *q, struct watch_entry *e)
{
	struct heap *h = &q->heaps[e->rank];

	if (h->n == h->room) {
		h->room = h->room == 0 ? 64 : h->room * 2;
		h->list = xreallocarray(h->list, h->room, sizeof(struct watch_entry *));
	}
	put_at(h, h->n, e);
	h->n++;
	sift_up(h, h->n - 1);
}

static void
heap_remove(struct watch_queue *q, struct watch_entry *e)
{
	struct heap *h = &q->heaps[e->rank];
	size_t i = e->place;

	h->n--;
	if (i == h->n)
		return;
	put_at(h, i, h->list[h->n]);
	sift_down(h, i);
	sift_up(h, i);
}

static struct watch_entry **
slot_of(const struct watch_queue *q, uint64_t dev, uint64_t ino)
{
	return &q->slots[hash_of(dev, ino) & (q->n_slots - 1)];
}

struct watch_entry *
watch_queue_find(const struct watch_queue *q, uint64_t dev, uint64_t ino)
{
	for (struct watch_entry *e = *slot_of(q, dev, ino); e != NULL; e = e->next) {
		if (e->dev == dev && e->ino == ino)
			return e;
	}
	return NULL;
}

static struct told *
told_of(const struct watch_queue *q, uint64_t dev, uint64_t ino)
{
	return &q->told[hash_of(dev, ino) % WATCH_TOLD_MAX];
}

static int64_t
at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When e is due, given what was told about its file before. */
static int64_t
due_of(const struct watch_queue *q, const struct watch_entry *e)
{
	const struct told *t = told_of(q, e->dev, e->ino);
	bool is_known = t->interval_ms > 0 && t->dev == e->dev && t->ino == e->ino;
	int64_t settled = e->last_ms + q->times.debounce_ms;
	int64_t latest = e->first_ms + q->times.settle_max_ms;

	/* What runs does not wait; the same file no more often than one that settles. */
	if ((e->kinds & EVENT_EXECUTED) != 0)
		return is_known ? at_least(e->first_ms, t->told_ms + q->times.debounce_ms)
				: e->first_ms;
	if (is_known)
		latest = at_least(latest, t->told_ms + t->interval_ms);
	return settled < latest ? settled : latest;
}

/* The next interval: twice the last while the file keeps being written. */
static void
remember_told(struct watch_queue *q, const struct watch_entry *e, int64_t now_ms)
{
	struct told *t = told_of(q, e->dev, e->ino);
	uint64_t interval = q->times.settle_max_ms;
	bool is_known = t->interval_ms > 0 && t->dev == e->dev && t->ino == e->ino;

	if (is_known && now_ms - t->told_ms <= 2 * (int64_t)t->interval_ms)
		interval = (uint64_t)t->interval_ms * 2;
	if (interval > q->times.repeat_max_ms)
		interval = q->times.repeat_max_ms;
	/* Written, then still: it settled, and begins anew. */
	if (now_ms - e->last_ms >= q->times.debounce_ms)
		interval = q->times.settle_max_ms;
	*t = (struct told){ e->dev, e->ino, now_ms,
		interval > 0 ? (uint32_t)interval : 1 };
}

void
watch_queue_merge(struct watch_queue *q, struct watch_entry *e, uint8_t kinds,
    int64_t now_ms, int64_t real_ms)
{
	heap_remove(q, e);
	e->kinds |= kinds;
	e->last_ms = now_ms;
	e->last_real_ms = real_ms;
	if (e->n_merged < UINT32_MAX)
		e->n_merged++;
	if ((kinds & EVENT_EXECUTED) != 0)
		e->rank = WATCH_RANK_EXECUTED;
	e->due_ms = due_of(q, e);
	heap_put(q, e);
}

static void
unlink_entry(struct watch_queue *q, struct watch_entry *e)
{
	struct watch_entry **at = slot_of(q, e->dev, e->ino);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->next = NULL;
	heap_remove(q, e);
	q->n--;
}

/* The one that goes when there is no room: of the least suspicious, one of the last. */
static struct watch_entry *
least(const struct watch_queue *q)
{
	for (unsigned rank = WATCH_RANK_MAX_; rank > 0; rank--) {
		const struct heap *h = &q->heaps[rank - 1];

		if (h->n > 0)
			return h->list[h->n - 1];
	}
	return NULL;
}

struct watch_entry *
watch_queue_add(struct watch_queue *q, struct watch_entry *e, int64_t now_ms)
{
	struct watch_entry *out = NULL;

	assert(watch_queue_find(q, e->dev, e->ino) == NULL);
	e->first_ms = e->last_ms = now_ms;
	if (e->n_merged == 0)
		e->n_merged = 1;
	if (watch_queue_is_full(q)) {
		out = least(q);
		if (out == NULL || out->rank <= e->rank)
			return e;
		unlink_entry(q, out);
	}
	struct watch_entry **slot = slot_of(q, e->dev, e->ino);

	e->due_ms = due_of(q, e);
	e->next = *slot;
	*slot = e;
	heap_put(q, e);
	q->n++;
	return out;
}

struct watch_entry *
watch_queue_take(struct watch_queue *q, int64_t now_ms)
{
	for (unsigned rank = 0; rank < WATCH_RANK_MAX_; rank++) {
		struct heap *h = &q->heaps[rank];

		if (h->n == 0 || h->list[0]->due_ms > now_ms)
			continue;
		struct watch_entry *e = h->list[0];

		unlink_entry(q, e);
		remember_told(q, e, now_ms);
		return e;
	}
	return NULL;
}

int64_t
watch_queue_due(const struct watch_queue *q)
{
	int64_t due = INT64_MAX;

	for (unsigned rank = 0; rank < WATCH_RANK_MAX_; rank++) {
		if (q->heaps[rank].n > 0 && q->heaps[rank].list[0]->due_ms < due)
			due = q->heaps[rank].list[0]->due_ms;
	}
	return due;
}

static bool
has_prefix(const char *path, const char *prefix)
{
	return strncmp(path, prefix, strlen(prefix)) == 0;
}

enum watch_rank
watch_rank_of(uint8_t kinds, uint32_t mode, const char *path)
{
	static const char *const places[] = { "/tmp/", "/var/tmp/", "/dev/shm/", "/run/",
		"/etc/", "/var/spool/cron/", "/usr/lib/systemd/", "/lib/systemd/",
		"/usr/local/lib/systemd/", "/usr/lib/modules/", "/boot/" };

	if ((kinds & EVENT_EXECUTED) != 0)
		return WATCH_RANK_EXECUTED;
	if ((mode & (S_IXUSR | S_IXGRP | S_IXOTH | S_ISUID | S_ISGID)) != 0)
		return WATCH_RANK_ODD;
	if (path == NULL)
		return WATCH_RANK_PLAIN;
	for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
		if (has_prefix(path, places[i]))
			return WATCH_RANK_ODD;
	}
	/* Hidden files and folders: .ssh, .config/autostart, .bashrc, .git/hooks. */
	return strstr(path, "/.") != NULL ? WATCH_RANK_ODD : WATCH_RANK_PLAIN;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/rate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/memory.h"

enum {
	SLOTS = 4096, /* of the hash table; agents are enrolled, so their ids are ours */
	MINUTE_MS = 60 * 1000,
};

/* What is left of one thing: units times MINUTE_MS, so that nothing is rounded. */
struct bucket {
	uint64_t level;
};

struct account {
	LIST_ENTRY(account) link;
	char agent[UUID_TEXT_LEN];
	int64_t at_ms; /* when the levels were right */
	struct bucket reports, bytes;
};

struct rate {
	pthread_mutex_t lock;    /* guards slots and n */
	uint64_t reports, bytes; /* per minute */
	size_t n;
	LIST_HEAD(, account) slots[SLOTS];
};

struct rate *
rate_new(uint64_t reports_per_minute, uint64_t bytes_per_minute)
{
	struct rate *rate = xcalloc(1, sizeof(*rate));

	(void)pthread_mutex_init(&rate->lock, NULL);
	rate->reports = reports_per_minute;
	rate->bytes = bytes_per_minute;
	return rate;
}

void
rate_free(struct rate *rate)
{
	if (rate == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		struct account *a = NULL;

		while ((a = LIST_FIRST(&rate->slots[i])) != NULL) {
			LIST_REMOVE(a, link);
			free(a);
		}
	}
	(void)pthread_mutex_destroy(&rate->lock);
	free(rate);
}

/* Levels are units times MINUTE_MS, so that each millisecond adds per_minute. */
static void
refill(struct bucket *b, uint64_t per_minute, int64_t passed_ms)
{
	uint64_t full = per_minute * MINUTE_MS;
	uint64_t more = per_minute * (uint64_t)passed_ms;

	b->level = more >= full - b->level ? full : b->level + more;
}

/* Milliseconds until the bucket has so many units; a full one is always enough. */
static uint64_t
wait_ms(const struct bucket *b, uint64_t per_minute, uint64_t units)
{
	uint64_t want = units < per_minute ? units * MINUTE_MS : per_minute * MINUTE_MS;

	if (per_minute == 0 || b->level >= want)
		return 0;
	return (want - b->level + per_minute - 1) / per_minute;
}

static void
take(struct bucket *b, uint64_t units)
{
	uint64_t want = units * MINUTE_MS;

	b->level = b->level > want ? b->level - want : 0;
}

static struct account *
account_of(struct rate *rate, const char *agent, int64_t now_ms)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct account *a = NULL;

	for (size_t i = 0; i < UUID_TEXT_LEN && agent[i] != 0; i++)
		hash = (hash ^ (uint8_t)agent[i]) * UINT64_C(0x100000001b3);

	size_t slot = (size_t)(hash >> 32) % SLOTS;

	LIST_FOREACH(a, &rate->slots[slot], link)
	{
		if (memcmp(a->agent, agent, UUID_TEXT_LEN) == 0)
			return a;
	}
	a = xcalloc(1, sizeof(*a));
	memcpy(a->agent, agent, UUID_TEXT_LEN);
	a->at_ms = now_ms;
	a->reports.level = rate->reports * MINUTE_MS;
	a->bytes.level = rate->bytes * MINUTE_MS;
	LIST_INSERT_HEAD(&rate->slots[slot], a, link);
	rate->n++;
	return a;
}

static void
bring_up_to_date(const struct rate *rate, struct account *a, int64_t now_ms)
{
	int64_t passed_ms = now_ms - a->at_ms;

	if (passed_ms <= 0)
		return;
	if (passed_ms > MINUTE_MS)
		passed_ms = MINUTE_MS;
	refill(&a->reports, rate->reports, passed_ms);
	refill(&a->bytes, rate->bytes, passed_ms);
	a->at_ms = now_ms;
}

unsigned
rate_take(struct rate *rate, const char agent[UUID_TEXT_LEN], size_t bytes,
    int64_t now_ms)
{
	uint64_t ms = 0;

	if (rate->reports == 0 && rate->bytes == 0)
		return 0;
	(void)pthread_mutex_lock(&rate->lock);

	struct account *a = account_of(rate, agent, now_ms);

	bring_up_to_date(rate, a, now_ms);
	ms = wait_ms(&a->reports, rate->reports, 1);
	if (wait_ms(&a->bytes, rate->bytes, bytes) > ms)
		ms = wait_ms(&a->bytes, rate->bytes, bytes);
	if (ms == 0) {
		take(&a->reports, 1);
		take(&a->bytes, bytes);
	}
	(void)pthread_mutex_unlock(&rate->lock);
	return (unsigned)((ms + 999) / 1000);
}

static bool
is_full(const struct rate *rate, const struct account *a)
{
	return a->reports.level >= rate->reports * MINUTE_MS &&
	       a->bytes.level >= rate->bytes * MINUTE_MS;
}

void
rate_sweep(struct rate *rate, int64_t now_ms)
{
	(void)pthread_mutex_lock(&rate->lock);
	for (size_t i = 0; i < SLOTS; i++) {
		struct account *a = LIST_FIRST(&rate->slots[i]);

		while (a != NULL) {
			struct account *next = LIST_NEXT(a, link);

			bring_up_to_date(rate, a, now_ms);
			if (is_full(rate, a)) {
				LIST_REMOVE(a, link);
				free(a);
				rate->n--;
			}
			a = next;
		}
	}
	(void)pthread_mutex_unlock(&rate->lock);
}

size_t
rate_count(struct rate *rate)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&rate->lock);
	n = rate->n;
	(void)pthread_mutex_unlock(&rate->lock);
	return n;
}

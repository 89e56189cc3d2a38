/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: trusted: configuration and our own state. */
#include "agent/schedule.h"

#include <openssl/evp.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct schedule_entry {
	char *key, *profile;
	struct calendar at;
	uint64_t spread_ms;
	int64_t handled_ms;
	int64_t due_ms, due_since_ms; /* 0 unless one waits */
	int64_t missed_ms;            /* the occurrence that is caught up; 0: none */
	int64_t catch_up_mono_ms;     /* when */
};

struct schedule {
	uint8_t secret[SCHEDULE_SECRET_BYTES];
	struct schedule_entry entries[SCHEDULE_ENTRIES_MAX];
	size_t n;
	struct schedule_pause pause;
};

struct schedule *
schedule_new(const uint8_t secret[SCHEDULE_SECRET_BYTES])
{
	struct schedule *s = xcalloc(1, sizeof(*s));

	memcpy(s->secret, secret, SCHEDULE_SECRET_BYTES);
	return s;
}

void
schedule_free(struct schedule *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->entries[i].key);
		free(s->entries[i].profile);
	}
	explicit_bzero(s->secret, sizeof(s->secret));
	free(s);
}

static struct schedule_entry *
entry_find(struct schedule *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->entries[i].key, key) == 0)
			return &s->entries[i];
	}
	return NULL;
}

void
schedule_add(struct schedule *s, const char *profile, const char *at,
    const struct calendar *calendar, uint64_t spread_ms)
{
	MH_CLEANUP(freep) char *key = xasprintf("%s %s", profile, at);

	if (entry_find(s, key) != NULL)
		return;
	assert(s->n < SCHEDULE_ENTRIES_MAX);
	s->entries[s->n++] = (struct schedule_entry){ .key = MH_TAKE(key),
		.profile = xstrdup(profile),
		.at = *calendar,
		.spread_ms = spread_ms };
}

void
schedule_restore(struct schedule *s, const char *key, int64_t handled_ms)
{
	struct schedule_entry *e = entry_find(s, key);

	if (e != NULL && handled_ms > 0)
		e->handled_ms = handled_ms;
}

size_t
schedule_count(const struct schedule *s)
{
	return s->n;
}

/* A number below bound that the occurrence has on this machine for this use. */
static int64_t
draw(const struct schedule *s, const struct schedule_entry *e, int64_t at_ms,
    const char *use, uint64_t bound)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint64_t v = 0;
	bool is_good = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		       EVP_DigestUpdate(md, s->secret, sizeof(s->secret)) == 1 &&
		       EVP_DigestUpdate(md, e->key, strlen(e->key) + 1) == 1 &&
		       EVP_DigestUpdate(md, use, strlen(use) + 1) == 1 &&
		       EVP_DigestUpdate(md, &at_ms, sizeof(at_ms)) == 1 &&
		       EVP_DigestFinal_ex(md, digest, NULL) == 1;

	EVP_MD_CTX_free(md);
	if (!is_good || bound == 0)
		return 0;
	memcpy(&v, digest, sizeof(v));
	return (int64_t)(v % bound);
}

static int64_t
next_ms(const struct schedule_entry *e, int64_t ms)
{
	return calendar_next(&e->at, ms / 1000) * 1000;
}

static int64_t
last_ms(const struct schedule_entry *e, int64_t ms)
{
	return calendar_last(&e->at, ms / 1000) * 1000;
}

/* When that occurrence starts: before the one after it. */
static int64_t
start_ms(const struct schedule *s, const struct schedule_entry *e, int64_t at_ms)
{
	uint64_t gap = (uint64_t)(next_ms(e, at_ms) - at_ms);

	return at_ms +
	       draw(s, e, at_ms, "start", e->spread_ms < gap ? e->spread_ms : gap);
}

static void
set_due(struct schedule_entry *e, int64_t at_ms, int64_t since_ms)
{
	/* What waits already waits since then, and is one scan with it. */
	if (e->due_ms == 0)
		e->due_since_ms = since_ms;
	e->due_ms = at_ms;
	e->missed_ms = 0;
}

static void
set_missed(const struct schedule *s, struct schedule_entry *e, int64_t at_ms,
    struct schedule_time now)
{
	uint64_t most = e->spread_ms < SCHEDULE_CATCH_UP_MAX_MS
			    ? e->spread_ms
			    : SCHEDULE_CATCH_UP_MAX_MS;

	/* One that is already on its way is not put off by another. */
	if (e->missed_ms == 0)
		e->catch_up_mono_ms = now.mono_ms + draw(s, e, at_ms, "catch up", most);
	e->missed_ms = at_ms;
}

static void
step_entry(struct schedule *s, struct schedule_entry *e, struct schedule_time now)
{
	int64_t at = last_ms(e, now.real_ms);

	/* Handled by a clock that was far ahead: go on by this one. */
	if (e->handled_ms > now.real_ms + SCHEDULE_BACK_MAX_MS)
		e->handled_ms = at;
	if (at <= e->handled_ms || at <= e->due_ms)
		return;

	int64_t start = start_ms(s, e, at);

	if (now.real_ms < start) {
		/* Not yet; but the one before may not have had its turn. */
		int64_t before = last_ms(e, at - 1000);

		if (before > e->handled_ms && before > e->due_ms && e->missed_ms == 0)
			set_missed(s, e, before, now);
	} else if (now.real_ms - start <= SCHEDULE_LATE_MS) {
		set_due(e, at, now.real_ms);
	} else if (e->missed_ms != at) {
		set_missed(s, e, at, now);
	}
	if (e->missed_ms != 0 && now.mono_ms >= e->catch_up_mono_ms)
		set_due(e, e->missed_ms, now.real_ms);
}

static void
handle(struct schedule_entry *e)
{
	int64_t at = e->due_ms > e->missed_ms ? e->due_ms : e->missed_ms;

	if (at > e->handled_ms)
		e->handled_ms = at;
	e->due_ms = 0;
	e->due_since_ms = 0;
	e->missed_ms = 0;
}

void
schedule_step(struct schedule *s, struct schedule_time now, const char *running)
{
	for (size_t i = 0; i < s->n; i++) {
		struct schedule_entry *e = &s->entries[i];

		step_entry(s, e, now);
		if (running != NULL && e->due_ms != 0 && strcmp(e->profile, running) == 0)
			handle(e);
	}
}

static int
rank(const char *profile)
{
	return strcmp(profile, "quick") == 0    ? 0
	       : strcmp(profile, "memory") == 0 ? 1
	       : strcmp(profile, "full") == 0   ? 3
						: 2;
}

static bool
comes_before(const struct schedule_entry *a, const struct schedule_entry *b)
{
	int ra = rank(a->profile);
	int rb = rank(b->profile);

	return ra != rb ? ra < rb : a->due_since_ms < b->due_since_ms;
}

const char *
schedule_take(struct schedule *s, struct schedule_time now, int64_t *ret_due_ms)
{
	struct schedule_entry *first = NULL;

	if (schedule_get_pause(s, now.real_ms).is_paused)
		return NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct schedule_entry *e = &s->entries[i];

		if (e->due_ms != 0 && (first == NULL || comes_before(e, first)))
			first = e;
	}
	if (first == NULL)
		return NULL;
	*ret_due_ms = first->due_ms;
	schedule_taken(s, first->profile);
	return first->profile;
}

void
schedule_taken(struct schedule *s, const char *profile)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->entries[i].profile, profile) == 0)
			handle(&s->entries[i]);
	}
}

struct schedule_line
schedule_get(const struct schedule *s, size_t index, struct schedule_time now)
{
	assert(index < s->n);

	const struct schedule_entry *e = &s->entries[index];
	int64_t at = last_ms(e, now.real_ms);
	bool is_ahead = at > e->handled_ms && at > e->due_ms && at > e->missed_ms &&
			start_ms(s, e, at) > now.real_ms;
	struct schedule_line line = { .key = e->key,
		.profile = e->profile,
		.handled_ms = e->handled_ms,
		.next_ms = is_ahead ? at : next_ms(e, now.real_ms),
		.due_ms = e->due_ms,
		.due_since_ms = e->due_since_ms,
		.is_missed = e->missed_ms != 0 };

	line.next_start_ms = start_ms(s, e, line.next_ms);
	return line;
}

void
schedule_set_pause(struct schedule *s, struct schedule_pause pause)
{
	s->pause = pause;
}

void
schedule_resume(struct schedule *s)
{
	s->pause = (struct schedule_pause){ 0 };
}

struct schedule_pause
schedule_get_pause(const struct schedule *s, int64_t real_ms)
{
	const struct schedule_pause *p = &s->pause;
	bool is_over =
	    p->until_ms != 0 &&
	    (real_ms >= p->until_ms || real_ms < p->since_ms - SCHEDULE_BACK_MAX_MS);

	return is_over ? (struct schedule_pause){ 0 } : *p;
}

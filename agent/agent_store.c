/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What scans yield, between verdict and disk: a finding is stored before its
 * target counts as scanned.
 *
 * Runs in: agent.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "agent/ocsf_shorten.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

/* A finding between verdict and disk. */
struct unstored {
	char *uid, *rule, *pack, *path, *json;
	int severity;
	int64_t seen_ms;
};

/* Findings of one uid that are told and not on disk yet. */
struct under_way {
	char *uid; /* owned; first, for compare() */
	int64_t first_ms;
	unsigned n;
};

struct store {
	void *under_way; /* tsearch(3), of struct under_way; owned, as all here */
	struct unstored *findings; /* of these, all but those that wait for facts */
	size_t n_findings, cap_findings;
	char **lines; /* coverage and summaries */
	size_t n_lines;
	struct spool_scanned *poisoned; /* their paths are owned */
	size_t n_poisoned;
	uint64_t *clean; /* hashes */
	size_t n_clean;
	int64_t oldest_ms; /* monotonic; 0 when there is nothing */
	int64_t stored_ms; /* the same: findings, the last time */
	int64_t retry_ms;
	bool is_blocked;
};

struct store *
store_new(void)
{
	struct store *st = xcalloc(1, sizeof(*st));

	st->clean = xcalloc(STORE_TARGETS_ROOM, sizeof(*st->clean));
	return st;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
free_under_way(void *node)
{
	struct under_way *u = node;

	free(u->uid);
	free(u);
}

static void
arrive(struct store *st, const char *uid)
{
	struct under_way **found = tfind(&uid, &st->under_way, compare);
	struct under_way *u = found != NULL ? *found : NULL;

	if (u == NULL || --u->n > 0)
		return;
	(void)tdelete(u, &st->under_way, compare);
	free_under_way(u);
}

static void
forget_all(struct store *st)
{
	for (size_t i = 0; i < st->n_findings; i++) {
		arrive(st, st->findings[i].uid);
		free(st->findings[i].uid);
		free(st->findings[i].rule);
		free(st->findings[i].pack);
		free(st->findings[i].path);
		free(st->findings[i].json);
	}
	for (size_t i = 0; i < st->n_poisoned; i++)
		free((void *)(uintptr_t)st->poisoned[i].path);
	for (size_t i = 0; i < st->n_lines; i++)
		free(st->lines[i]);
	free(st->lines);
	free(st->poisoned);
	st->lines = NULL;
	st->poisoned = NULL;
	st->n_findings = st->n_poisoned = st->n_lines = st->n_clean = 0;
	st->oldest_ms = 0;
}

void
store_free(struct store *st)
{
	if (st == NULL)
		return;
	forget_all(st);
	tdestroy(st->under_way, free_under_way);
	free(st->findings);
	free(st->clean);
	free(st);
}

static void
note_time(struct store *st)
{
	if (st->oldest_ms == 0)
		st->oldest_ms = clock_monotonic_ms();
}

void
store_keep_finding(struct store *st, const struct new_finding *f)
{
	if (st->n_findings == st->cap_findings) {
		st->cap_findings = st->cap_findings > 0 ? st->cap_findings * 2 : 16;
		st->findings =
		    xreallocarray(st->findings, st->cap_findings, sizeof(*st->findings));
	}
	st->findings[st->n_findings++] = (struct unstored){
		.uid = f->uid,
		.rule = xstrdup(f->rule),
		.pack = xstrdup(f->pack),
		.path = xstrdup(f->path),
		.json = finding_to_line(f->json, REPORT_LINE_MAX),
		.severity = f->severity,
		.seen_ms = f->now_ms,
	};
	json_decref(f->json);
	note_time(st);
}

/* Add what is under way, and one more to it. */
static void
count_under_way(struct store *st, const char *uid, int64_t now_ms,
    struct finding_history *known)
{
	struct under_way **found = tfind(&uid, &st->under_way, compare);
	struct under_way *u = found != NULL ? *found : NULL;

	if (u == NULL) {
		u = xcalloc(1, sizeof(*u));
		*u = (struct under_way){ xstrdup(uid), now_ms, 0 };
		if (tsearch(u, &st->under_way, compare) == NULL) {
			free_under_way(u);
			return;
		}
	}
	if (known->count == 0 && u->n > 0)
		known->first_ms = u->first_ms;
	known->count += u->n;
	u->n++;
}

struct finding_history
agent_history(struct agent *a, const char *uid, int64_t now_ms)
{
	struct finding_history known = { 0, 0 };
	struct spool_history h;

	if (spool_history_find(a->spool, uid, &h) == MH_OK) {
		known.first_ms = h.first_ms;
		known.count = h.count;
		spool_history_clear(&h);
	}
	count_under_way(a->store, uid, now_ms, &known);
	return known;
}

static struct spool_scanned
mark_of(const struct target *t, const struct ruleset_facts *facts)
{
	struct spool_scanned s = {
		.path = t->path,
		.path_len = strlen(t->path),
		.dev = t->dev,
		.ino = t->ino,
		.size = t->size,
		.mtime_ns = t->mtime_ns,
		.ctime_ns = t->ctime_ns,
	};

	memcpy(s.rule_set, facts->id, DIGEST_BYTES);
	/* So that it never stands for "scanned". */
	s.rule_set[0] ^= 0xff;
	return s;
}

bool
agent_is_poisoned(struct agent *a, const struct target *t,
    const struct ruleset_facts *facts)
{
	struct spool_scanned mark = mark_of(t, facts);

	return spool_scanned_check(a->spool, &mark) == MH_OK;
}

void
store_keep_poisoned(struct store *st, const struct target *t,
    const struct ruleset_facts *facts)
{
	st->poisoned =
	    xreallocarray(st->poisoned, st->n_poisoned + 1, sizeof(*st->poisoned));
	struct spool_scanned *s = &st->poisoned[st->n_poisoned++];

	*s = mark_of(t, facts);
	s->path = xstrdup(t->path);
	note_time(st);
}

void
store_keep_clean(struct store *st, uint64_t hash)
{
	/* Beyond the room it is read once more, some day. */
	if (st->n_clean < STORE_TARGETS_ROOM)
		st->clean[st->n_clean++] = hash;
	note_time(st);
}

void
store_keep_line(struct store *st, json_t *record)
{
	st->lines = xreallocarray(st->lines, st->n_lines + 1, sizeof(*st->lines));
	st->lines[st->n_lines++] = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	note_time(st);
}

static mh_err
put_in_spool(struct store *st, struct spool *spool)
{
	MH_CLEANUP(freep)
	struct spool_finding *findings = xcalloc(st->n_findings, sizeof(*findings));
	MH_CLEANUP(freep)
	struct spool_text *lines = xcalloc(st->n_lines, sizeof(*lines));
	struct spool_batch batch = {
		.findings = findings,
		.n_findings = st->n_findings,
		.coverage = lines,
		.n_coverage = st->n_lines,
		.scanned = st->poisoned,
		.n_scanned = st->n_poisoned,
		.now_ms = clock_real_ms(),
	};

	for (size_t i = 0; i < st->n_findings; i++) {
		const struct unstored *u = &st->findings[i];

		findings[i] = (struct spool_finding){
			.uid = u->uid,
			.rule = u->rule,
			.pack = u->pack,
			.severity = u->severity,
			.path = u->path,
			.path_len = strlen(u->path),
			.seen_ms = u->seen_ms,
			.json = u->json,
			.json_len = strlen(u->json),
		};
	}
	for (size_t i = 0; i < st->n_lines; i++)
		lines[i] = (struct spool_text){ st->lines[i], strlen(st->lines[i]) };
	return spool_store(spool, &batch);
}

static void
tell_blocked(struct agent *a, mh_err err)
{
	log_err("spool", "%s: %s; scanning waits until it takes findings again", a->state,
	    err == MH_ERR_FULL ? "no room: see spool.max_size and spool.min_free"
			       : spool_why(a->spool));
}

bool
agent_store(struct agent *a)
{
	struct store *st = a->store;
	size_t n_lines = st->n_findings + st->n_lines;
	mh_err err = MH_OK;

	if (st->oldest_ms == 0)
		return true;
	/* Clean files alone are no cause to write to the spool. */
	if (n_lines + st->n_poisoned > 0)
		err = put_in_spool(st, a->spool);
	if (err == MH_ERR_CORRUPT) {
		agent_spool_reopen(a);
		err = put_in_spool(st, a->spool);
	}
	if (err != MH_OK) {
		if (!st->is_blocked)
			tell_blocked(a, err);
		st->is_blocked = true;
		st->retry_ms = clock_monotonic_ms() + STORE_RETRY_MS;
		return false;
	}
	if (st->is_blocked)
		log_notice("spool", "it takes findings again: scanning goes on");
	st->is_blocked = false;
	if (st->n_findings > 0)
		st->stored_ms = clock_monotonic_ms();
	/* Only now: what was found with them is safe. */
	agent_clean_add(a, st->clean, st->n_clean);
	forget_all(st);
	if (n_lines > 0)
		agent_delivery_on_stored(a, n_lines, clock_monotonic_ms());
	return true;
}

bool
store_is_blocked(const struct store *st)
{
	return st->is_blocked;
}

bool
store_is_waiting(const struct store *st)
{
	return st->oldest_ms != 0;
}

static bool
is_due(const struct store *st, int64_t now_ms)
{
	if (st->is_blocked)
		return now_ms >= st->retry_ms;
	/* One that comes alone does not wait; those of a flood share transactions. */
	if (st->n_findings > 0 && now_ms - st->stored_ms >= STORE_MS)
		return true;
	return (st->oldest_ms != 0 && now_ms - st->oldest_ms >= STORE_MS) ||
	       st->n_clean >= STORE_TARGETS_MAX;
}

void
agent_store_retry(struct agent *a)
{
	a->store->retry_ms = 0;
}

void
agent_store_tick(struct agent *a, int64_t now_ms)
{
	if (is_due(a->store, now_ms))
		(void)agent_store(a);
}

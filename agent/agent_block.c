/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking, where it is asked for: files in which something bad was found may not
 * be executed as long as they are unchanged.  A process of its own answers the
 * kernel (agent/block.h); the agent tells it what is bad, and that it lives.
 *
 * Runs in: agent.
 * Input: from the blocker, an opener: what it denied.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "agent/ocsf_enrich.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	BEAT_MS = 1000,   /* BLOCK_SILENCE_MS is 3,000 */
	ANSWER_MS = 5000, /* a blocker that is silent holds up every execution */
	RESTART_MS = 5000,
	BLOCK_SEVERITY = 4, /* OCSF: High */
	RECHECK_FILES_MAX =
	    1024, /* known from the history, looked at again at the start */
};

struct bad {
	struct block_key key;
	char *uid; /* of its finding; owned */
};

struct block_side {
	struct channel *channel; /* NULL while there is none */
	struct event *event;
	unsigned instance;
	bool is_starting;
	int64_t retry_ms, beat_ms, heard_ms; /* monotonic */
	struct bad *bad;                     /* owned */
	size_t n_bad, n_told;
	uint64_t n_denied;
	struct run *recheck; /* of what was bad before the start */
	bool was_rechecked;
};

static void
lose_blocker(struct agent *a)
{
	struct block_side *b = a->block;

	if (b->event != NULL)
		event_free(b->event);
	b->event = NULL;
	channel_free(b->channel);
	b->channel = NULL;
	b->is_starting = false;
	b->n_told = 0;
	b->retry_ms = clock_monotonic_ms() + RESTART_MS;
}

static void
stop_blocker(struct agent *a)
{
	mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, a->block->instance));
	lose_blocker(a);
}

/* A heartbeat, with what is new to it. */
static void
beat(struct agent *a, int64_t now_ms)
{
	struct block_side *b = a->block;
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(CHANNEL_PAYLOAD_MAX);
	size_t n = b->n_bad - b->n_told;
	struct block_request request = { .is_on = true, .is_anew = b->n_told == 0 };

	if (n > BLOCK_KEYS_MAX)
		n = BLOCK_KEYS_MAX;
	MH_CLEANUP(freep) struct block_key *keys = xcalloc(n, sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		keys[i] = b->bad[b->n_told + i].key;
	request.keys = keys;
	request.n_keys = (uint32_t)n;
	block_request_encode(&request, out);
	if (channel_send(b->channel, MSG_BLOCK, buf_data(out), buf_len(out), NULL, 0) !=
	    MH_OK)
		return;
	b->n_told += n;
	b->beat_ms = now_ms;
}

static bool
is_same(const struct block_key *k, const struct target *t)
{
	return k->dev == t->dev && k->ino == t->ino && k->size == t->size &&
	       k->mtime_ns == t->mtime_ns && k->ctime_ns == t->ctime_ns;
}

void
agent_block_note(struct agent *a, const struct target *t, const char *uid, int severity)
{
	struct block_side *b = a->block;

	if (!a->config.watch_block || severity < BLOCK_SEVERITY ||
	    t->kind != TARGET_FILE || b->n_bad == BLOCK_TABLE_MAX)
		return;
	for (size_t i = 0; i < b->n_bad; i++) {
		if (is_same(&b->bad[i].key, t))
			return;
	}
	b->bad = xreallocarray(b->bad, b->n_bad + 1, sizeof(*b->bad));
	b->bad[b->n_bad++] =
	    (struct bad){ { t->dev, t->ino, t->size, t->mtime_ns, t->ctime_ns },
		    xstrdup(uid) };
	b->beat_ms = 0; /* at once */
	agent_hurry(a);
}

/* An execution that was denied: the finding again, with what was done and to whom. */
static void
tell_denied(struct agent *a, const struct blocked *d)
{
	struct block_side *b = a->block;
	struct spool_history h;
	const char *uid = NULL;

	b->n_denied++;
	log_warn("block", "%s: not executed, for %s (process %d)", d->target.path,
	    d->actor.owner, (int)d->actor.pid);
	for (size_t i = 0; i < b->n_bad; i++) {
		if (is_same(&b->bad[i].key, &d->target))
			uid = b->bad[i].uid;
	}
	if (uid == NULL || spool_history_find(a->spool, uid, &h) != MH_OK)
		return;
	json_t *json = json_loads(h.json, 0, NULL);

	if (json != NULL) {
		struct new_finding f = {
			.uid = xstrdup(uid),
			.rule = h.rule,
			.pack = h.pack,
			.path = h.path,
			.severity = h.severity,
			.now_ms = d->time_ms,
			.json = json,
		};

		finding_set_denied(json, d->time_ms, h.count + 1);
		finding_add_actor(json, &d->actor, a->host.boot_id);
		store_keep_finding(a->store, &f);
	}
	spool_history_clear(&h);
}

/* False: the blocker talks nonsense. */
static bool
on_blocked(struct agent *a, const struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint32_t n_untold = reader_u32(&r);

	if (n_untold > 0)
		log_warn("block", "%u more executions were denied", (unsigned)n_untold);
	while (reader_is_ok(&r) && r.left > 0) {
		struct blocked d;

		blocked_decode(&r, &d);
		if (reader_is_ok(&r))
			tell_denied(a, &d);
		blocked_clear(&d);
	}
	return reader_is_done(&r);
}

static void
on_blocker(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	struct block_side *b = a->block;
	struct message m;
	bool is_good = true;
	mh_err err = MH_OK;

	(void)fd;
	(void)what;
	while (is_good && (err = channel_receive(b->channel, &m)) == MH_OK) {
		b->heard_ms = clock_monotonic_ms();
		is_good = m.type == MSG_BLOCKED && on_blocked(a, &m);
		message_close_fds(&m);
	}
	if (!is_good || err != MH_ERR_AGAIN)
		stop_blocker(a);
}

static const struct scan_ops recheck_ops = {
	.wants = run_wants,
	.on_answer = run_on_answer,
	.on_anomaly = run_on_anomaly,
	.on_done = run_on_done,
};

struct path_list {
	const char **items; /* owned, as the texts are */
	size_t n;
};

static bool
take_path(const struct spool_history *h, void *arg)
{
	struct path_list *list = arg;

	if (h->severity >= BLOCK_SEVERITY && h->path[0] == '/')
		list->items[list->n++] = xstrdup(h->path);
	return true;
}

/* What was bad is looked at again: what is bad still is known then. */
static void
recheck(struct agent *a)
{
	struct path_list list = { xcalloc(RECHECK_FILES_MAX, sizeof(char *)), 0 };

	a->block->was_rechecked = true;
	mh_ignore(spool_history_each(a->spool, 0, RECHECK_FILES_MAX, take_path, &list));
	if (list.n > 0) {
		struct run *run = run_new(a, RUN_WATCH, "known bad");
		const struct scan_walk walk = {
			.priority = SCAN_URGENT,
			.roots = list.items,
			.n_roots = list.n,
		};

		if (scan_start(a->rules->scanner, &walk, &recheck_ops, run, &run->scan) ==
		    MH_OK)
			a->block->recheck = run;
		else
			run_free(run);
	}
	for (size_t i = 0; i < list.n; i++)
		free((void *)(uintptr_t)list.items[i]);
	free(list.items);
}

void
agent_block_tick(struct agent *a, int64_t now_ms)
{
	struct block_side *b = a->block;

	if (b->recheck != NULL && b->recheck->is_done) {
		run_free(b->recheck);
		b->recheck = NULL;
	}
	if (!a->config.watch_block || a->is_stopping) {
		if (b->channel != NULL)
			stop_blocker(a);
		return;
	}
	if (!b->was_rechecked && agent_rules_are_ready(a))
		recheck(a);
	if (b->channel == NULL) {
		/* Nobody is asked while nothing is known to be bad. */
		if (b->n_bad == 0 || b->is_starting || now_ms < b->retry_ms)
			return;
		b->instance =
		    INSTANCES_BLOCK | ((b->instance + 1) & (INSTANCES_BLOCK - 1));
		b->is_starting =
		    agent_ask(a, MSG_START, ROLE_OPENER, b->instance) == MH_OK;
		b->retry_ms = now_ms + RESTART_MS;
		return;
	}
	if (now_ms - b->beat_ms >= BEAT_MS || b->n_told < b->n_bad)
		beat(a, now_ms);
	mh_ignore(channel_flush(b->channel));
	if (now_ms - b->heard_ms > ANSWER_MS) {
		log_err("block", "the blocker does not answer: it is ended, and all is "
				 "allowed");
		stop_blocker(a);
	}
}

bool
agent_block_is_on(const struct agent *a)
{
	return a->block->channel != NULL;
}

const char *
agent_block_trouble(const struct agent *a)
{
	const struct block_side *b = a->block;

	return b->n_bad > 0 && b->channel == NULL && !b->is_starting
		   ? "the process that answers the kernel does not stay"
		   : NULL;
}

uint64_t
agent_block_denied(const struct agent *a)
{
	return a->block->n_denied;
}

void
agent_block_on_started(struct agent *a, unsigned instance, int fd)
{
	struct block_side *b = a->block;

	if (instance != b->instance || b->channel != NULL) {
		(void)close(fd);
		return;
	}
	b->is_starting = false;
	b->channel = message_channel_new(fd, ROLE_AGENT, ROLE_OPENER);
	b->event = event_new(a->base, channel_fd(b->channel), EV_READ | EV_PERSIST,
	    on_blocker, a);
	if (b->event == NULL || event_add(b->event, NULL) < 0) {
		stop_blocker(a);
		return;
	}
	b->heard_ms = clock_monotonic_ms();
	beat(a, b->heard_ms);
}

void
agent_block_on_exited(struct agent *a, unsigned instance)
{
	if (instance != a->block->instance || a->block->channel == NULL)
		return;
	log_warn("block", "the blocker ended: all is allowed until it is there again");
	lose_blocker(a);
}

void
agent_block_init(struct agent *a)
{
	a->block = xcalloc(1, sizeof(*a->block));
}

void
agent_block_clear(struct agent *a)
{
	struct block_side *b = a->block;

	if (b == NULL)
		return;
	lose_blocker(a);
	run_free(b->recheck);
	for (size_t i = 0; i < b->n_bad; i++)
		free(b->bad[i].uid);
	free(b->bad);
	free(b);
	a->block = NULL;
}

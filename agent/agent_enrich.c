/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings wait a moment for what an opener knows about their files: which
 * package they came with.  Then, or when it does not answer in time, they are
 * kept for the disk.
 *
 * Runs in: agent.
 * Input: from an opener: package facts.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "agent/ocsf_enrich.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/facts.h"

enum {
	ANSWER_MS = 2000,          /* a finding waits at most so long */
	HELPER_MS = 60000,         /* the opener is kept so long without a question */
	WAITING_MAX = 10000,       /* findings; beyond, they do not wait */
	REQUEST_BYTES = 48 * 1024, /* of paths in one message */
};

struct waiting {
	STAILQ_ENTRY(waiting) entry;
	struct new_finding f;
	char *rule, *pack, *path, *package_path; /* owned: f borrows them */
	uint32_t asked; /* the request that asked for it; 0: none yet */
	int64_t since_ms;
};

struct enrich_side {
	struct channel *channel; /* NULL while there is no opener */
	struct event *event;
	unsigned instance;
	bool is_starting;
	uint32_t request; /* under way; 0: none */
	uint32_t last_request;
	int64_t used_ms;
	STAILQ_HEAD(, waiting) list;
	size_t n;
};

static void
keep(struct agent *a, struct waiting *w)
{
	STAILQ_REMOVE(&a->enrich->list, w, waiting, entry);
	a->enrich->n--;
	store_keep_finding(a->store, &w->f);
	free(w->rule);
	free(w->pack);
	free(w->path);
	free(w->package_path);
	free(w);
}

static void
lose_opener(struct agent *a)
{
	struct enrich_side *e = a->enrich;

	if (e->event != NULL)
		event_free(e->event);
	e->event = NULL;
	channel_free(e->channel);
	e->channel = NULL;
	e->request = 0;
	e->is_starting = false;
}

/* The facts of one answer go to those that were asked for with it, in order. */
static void
take_answer(struct agent *a, const struct facts_answer *answer)
{
	struct enrich_side *e = a->enrich;
	struct waiting *w = STAILQ_FIRST(&e->list);
	uint32_t i = 0;

	while (w != NULL && i < answer->n) {
		struct waiting *next = STAILQ_NEXT(w, entry);

		if (w->asked == answer->id) {
			finding_add_package_facts(w->f.json, &answer->items[i++]);
			keep(a, w);
		}
		w = next;
	}
}

static void
on_opener(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	struct enrich_side *e = a->enrich;
	struct message m;
	mh_err err = MH_OK;

	(void)fd;
	(void)what;
	while ((err = channel_receive(e->channel, &m)) == MH_OK) {
		struct facts_answer answer;
		struct reader r;
		bool is_good = m.type == MSG_PULSE;

		reader_init(&r, m.data, m.len);
		if (m.type == MSG_FACTS_ARE) {
			facts_answer_decode(&r, &answer);
			is_good = reader_is_done(&r) && answer.id == e->request;
			if (is_good)
				take_answer(a, &answer);
			facts_answer_clear(&answer);
			e->request = 0;
		}
		message_close_fds(&m);
		if (!is_good) {
			err = MH_ERR_PROTOCOL;
			break;
		}
	}
	if (err != MH_ERR_AGAIN) {
		mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, e->instance));
		lose_opener(a);
	}
	agent_hurry(a);
}

/* Ask for those that were not asked for, as many as fit. */
static void
ask(struct agent *a)
{
	struct enrich_side *e = a->enrich;
	char *paths[FACTS_PATHS_MAX];
	struct facts_request request = { .id = ++e->last_request, .paths = paths };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct waiting *w = NULL;
	size_t bytes = 0;

	STAILQ_FOREACH(w, &e->list, entry)
	{
		bytes += strlen(w->package_path) + 8;
		if (request.n == FACTS_PATHS_MAX ||
		    (request.n > 0 && bytes > REQUEST_BYTES))
			break;
		w->asked = request.id;
		paths[request.n++] = w->package_path;
	}
	facts_request_encode(&request, b);
	if (request.n == 0 || buf_error(b) != MH_OK)
		return;
	if (channel_send(e->channel, MSG_FACTS, buf_data(b), buf_len(b), NULL, 0) ==
	    MH_OK)
		e->request = request.id;
}

void
agent_enrich_add(struct agent *a, const struct new_finding *f)
{
	struct enrich_side *e = a->enrich;

	if (a->is_stopping || e->n >= WAITING_MAX || f->package_path[0] != '/') {
		store_keep_finding(a->store, f);
		return;
	}
	struct waiting *w = xcalloc(1, sizeof(*w));

	w->f = *f;
	w->f.rule = w->rule = xstrdup(f->rule);
	w->f.pack = w->pack = xstrdup(f->pack);
	w->f.path = w->path = xstrdup(f->path);
	w->f.package_path = w->package_path = xstrdup(f->package_path);
	w->since_ms = clock_monotonic_ms();
	STAILQ_INSERT_TAIL(&e->list, w, entry);
	e->n++;
	agent_hurry(a);
}

void
agent_enrich_flush(struct agent *a)
{
	while (!STAILQ_EMPTY(&a->enrich->list))
		keep(a, STAILQ_FIRST(&a->enrich->list));
}

bool
agent_enrich_is_waiting(const struct agent *a)
{
	return a->enrich->n > 0;
}

void
agent_enrich_tick(struct agent *a, int64_t now_ms)
{
	struct enrich_side *e = a->enrich;
	struct waiting *first = NULL;

	while ((first = STAILQ_FIRST(&e->list)) != NULL &&
	       now_ms - first->since_ms > ANSWER_MS)
		keep(a, first);
	if (e->n > 0)
		e->used_ms = now_ms;
	if (e->n > 0 && e->channel == NULL && !e->is_starting) {
		e->instance =
		    INSTANCES_FACTS | ((e->instance + 1) & (INSTANCES_FACTS - 1));
		e->is_starting =
		    agent_ask(a, MSG_START, ROLE_OPENER, e->instance) == MH_OK;
	} else if (e->n > 0 && e->channel != NULL && e->request == 0) {
		ask(a);
	} else if (e->channel != NULL && now_ms - e->used_ms > HELPER_MS) {
		/* It ends when its channel does. */
		lose_opener(a);
	}
	if (e->channel != NULL)
		mh_ignore(channel_flush(e->channel));
}

void
agent_enrich_on_started(struct agent *a, unsigned instance, int fd)
{
	struct enrich_side *e = a->enrich;
	static const uint8_t pace[PACE_BYTES] = { 1, 0 };

	if (instance != e->instance || e->channel != NULL) {
		(void)close(fd);
		return;
	}
	e->is_starting = false;
	e->channel = message_channel_new(fd, ROLE_AGENT, ROLE_OPENER);
	e->event = event_new(a->base, channel_fd(e->channel), EV_READ | EV_PERSIST,
	    on_opener, a);
	if (e->event == NULL || event_add(e->event, NULL) < 0) {
		lose_opener(a);
		return;
	}
	mh_ignore(channel_send(e->channel, MSG_PACE, pace, sizeof(pace), NULL, 0));
	ask(a);
}

void
agent_enrich_on_exited(struct agent *a, unsigned instance)
{
	if (instance == a->enrich->instance)
		lose_opener(a);
}

void
agent_enrich_init(struct agent *a)
{
	a->enrich = xcalloc(1, sizeof(*a->enrich));
	STAILQ_INIT(&a->enrich->list);
}

void
agent_enrich_clear(struct agent *a)
{
	if (a->enrich == NULL)
		return;
	agent_enrich_flush(a);
	lose_opener(a);
	free(a->enrich);
	a->enrich = NULL;
}

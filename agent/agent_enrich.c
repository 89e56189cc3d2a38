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
#include <unistd.h>

#include "agent/agent_main.h"
#include "agent/enrich.h"
#include "agent/ocsf_enrich.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/facts.h"

enum { HELPER_MS = 60000 }; /* the opener is kept so long without a question */

struct waiting {
	struct new_finding f;
	char *rule, *pack, *path; /* owned: f borrows them */
};

struct enrich_side {
	struct enricher *enricher;
	struct channel *channel; /* NULL while there is no opener */
	struct event *event;
	unsigned instance;
	bool is_starting;
	int64_t used_ms;
};

static void
on_facts(void *ctx, void *tag, const struct package_facts *facts)
{
	struct agent *a = ctx;
	struct waiting *w = tag;

	finding_add_package_facts(w->f.json, facts);
	store_keep_finding(a->store, &w->f);
	free(w->rule);
	free(w->pack);
	free(w->path);
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
	e->is_starting = false;
	enricher_lost(e->enricher);
}

/* Ask, and hear what is known. */
static void
step(struct agent *a)
{
	struct enrich_side *e = a->enrich;
	enum enrich_next next =
	    enricher_step(e->enricher, e->channel, clock_monotonic_ms());

	if (next == ENRICH_OK)
		return;
	log_debug("enrich", "%s",
	    next == ENRICH_HUNG ? "an opener does not answer" : "an opener ended");
	mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, e->instance));
	lose_opener(a);
}

static void
on_opener(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;

	(void)fd;
	(void)what;
	step(a);
	agent_hurry(a);
}

void
agent_enrich_add(struct agent *a, const struct new_finding *f)
{
	if (a->is_stopping) {
		store_keep_finding(a->store, f);
		return;
	}
	struct waiting *w = xcalloc(1, sizeof(*w));

	w->f = *f;
	w->f.rule = w->rule = xstrdup(f->rule);
	w->f.pack = w->pack = xstrdup(f->pack);
	w->f.path = w->path = xstrdup(f->path);
	w->f.package_path = NULL; /* the enricher has it */
	enricher_ask(a->enrich->enricher, f->package_path, w, clock_monotonic_ms());
	agent_hurry(a);
}

void
agent_enrich_flush(struct agent *a)
{
	enricher_flush(a->enrich->enricher);
}

bool
agent_enrich_is_waiting(const struct agent *a)
{
	return enricher_waiting(a->enrich->enricher) > 0;
}

void
agent_enrich_tick(struct agent *a, int64_t now_ms)
{
	struct enrich_side *e = a->enrich;
	bool is_waiting = agent_enrich_is_waiting(a);

	step(a);
	if (is_waiting)
		e->used_ms = now_ms;
	if (is_waiting && e->channel == NULL && !e->is_starting) {
		e->instance =
		    INSTANCES_FACTS | ((e->instance + 1) & (INSTANCES_FACTS - 1));
		e->is_starting =
		    agent_ask(a, MSG_START, ROLE_OPENER, e->instance) == MH_OK;
	} else if (e->channel != NULL && now_ms - e->used_ms > HELPER_MS) {
		/* It ends when its channel does. */
		lose_opener(a);
	}
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
	step(a);
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
	a->enrich->enricher = enricher_new(on_facts, a);
}

void
agent_enrich_clear(struct agent *a)
{
	if (a->enrich == NULL)
		return;
	agent_enrich_flush(a);
	lose_opener(a);
	enricher_free(a->enrich->enricher);
	free(a->enrich);
	a->enrich = NULL;
}

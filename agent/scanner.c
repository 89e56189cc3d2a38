/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: messages from opener, zygote and workers; the workers may be hostile.
 */
#include "agent/scanner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/scan_impl.h"
#include "base/clock.h"
#include "base/memory.h"

enum { EVENTS_MAX = 64 };

/* Those that hold when the rules are loaded; findings are looked at again. */
static void
copy_disabled(struct scanner *s, const struct overrides *list)
{
	size_t n = list != NULL ? list->n : 0;

	s->options.overrides = NULL;
	s->disabled = xcalloc(n, sizeof(*s->disabled));
	for (size_t i = 0; i < n; i++) {
		const struct override *o = &list->items[i];

		if (o->action == OVERRIDE_DISABLE &&
		    override_holds(list, o, clock_real_ms()))
			s->disabled[s->n_disabled++] = xstrdup(o->rule);
	}
}

struct scanner *
scanner_new(const struct scanner_options *options, const struct pack_list *packs,
    const struct scanner_ops *ops, void *ctx, unsigned first_instance)
{
	struct scanner *s = xcalloc(1, sizeof(*s));

	assert(options->n_workers >= 1 && options->n_workers <= SCAN_JOBS_MAX);
	s->options = *options;
	s->ops = ops;
	s->ctx = ctx;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->now_ms = clock_monotonic_ms();
	s->last_instance = first_instance;
	for (size_t i = 0; i < packs->n; i++)
		pack_list_add_file(&s->packs, packs->files[i].name_space,
		    packs->files[i].path)
		    ->is_zip = packs->files[i].is_zip;
	for (size_t i = 0; i < packs->n_licenses; i++)
		pack_list_add_license(&s->packs, packs->licenses[i].pack,
		    packs->licenses[i].text, strlen(packs->licenses[i].text));
	s->packs.n_indicators = packs->n_indicators;
	s->packs.indicators = xcalloc(packs->n_indicators, sizeof(*packs->indicators));
	for (size_t i = 0; i < packs->n_indicators; i++) {
		s->packs.indicators[i] = packs->indicators[i];
		s->packs.indicators[i].name_space =
		    xstrdup(packs->indicators[i].name_space);
		s->packs.indicators[i].path = xstrdup(packs->indicators[i].path);
	}
	s->is_bad = xcalloc(packs->n, sizeof(*s->is_bad));
	s->is_bad_indicator = xcalloc(packs->n_indicators, sizeof(bool));
	s->sent = xcalloc(packs->n, sizeof(*s->sent));
	copy_disabled(s, options->overrides);
	s->next_worker = 1;
	s->next_target = 1;
	TAILQ_INIT(&s->scans);
	TAILQ_INIT(&s->alone.jobs);
	for (unsigned i = 0; i < SCAN_PRIORITY_MAX_; i++)
		TAILQ_INIT(&s->queues[i].jobs);
	for (unsigned i = 0; i < N_SLOTS; i++)
		TAILQ_INIT(&s->workers[i].jobs);
	return s;
}

bool
scanner_is_unpacking(const struct scanner *s)
{
	return s->state == SCANNER_UNPACKING;
}

const struct pack_list *
scanner_packs(const struct scanner *s)
{
	return &s->packs;
}

void
scanner_free(struct scanner *s)
{
	if (s == NULL)
		return;
	assert(TAILQ_EMPTY(&s->scans));
	scanner_detach(&s->zygote);
	workers_lost(s);
	unpack_clear(s);
	pack_list_clear(&s->packs);
	for (size_t i = 0; i < s->n_disabled; i++)
		free(s->disabled[i]);
	free(s->disabled);
	free(s->is_bad);
	free(s->is_bad_indicator);
	free(s->sent);
	ruleset_facts_clear(&s->facts);
	if (s->epoll >= 0)
		(void)close(s->epoll);
	free(s);
}

void
scanner_watch(struct scanner *s, struct endpoint *e, bool wants_read)
{
	struct epoll_event ev = { .data.ptr = e };

	if (e->channel == NULL || channel_fd(e->channel) < 0)
		return;
	ev.events = (wants_read ? EPOLLIN : 0) |
		    (channel_wants_write(e->channel) ? (uint32_t)EPOLLOUT : 0);
	/* Bit 31 tells "registered with no interest" from "not registered". */
	if ((ev.events | 1u << 31) == e->events)
		return;
	(void)epoll_ctl(s->epoll, e->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
	    channel_fd(e->channel), &ev);
	e->events = ev.events | 1u << 31;
}

void
scanner_attach(struct scanner *s, struct endpoint *e, int fd, enum role peer)
{
	scanner_detach(e);
	e->channel = message_channel_new(fd, ROLE_AGENT, peer);
	scanner_watch(s, e, true);
}

void
scanner_detach(struct endpoint *e)
{
	channel_free(e->channel);
	e->channel = NULL;
	e->events = 0;
}

mh_err
scanner_start_child(struct scanner *s, enum role role, unsigned *ret_instance)
{
	/* The answer may come before start() returns. */
	*ret_instance = ++s->last_instance;
	return s->ops->start(s->ctx, role, *ret_instance);
}

bool
scanner_has_scans(const struct scanner *s)
{
	return !TAILQ_EMPTY(&s->scans);
}

bool
scanner_owns(const struct scanner *s, enum role role, unsigned instance)
{
	const struct scan *scan = NULL;

	if (role == ROLE_ZYGOTE)
		return instance == s->zygote_instance;
	TAILQ_FOREACH(scan, &s->scans, entry)
	{
		if (instance == scan->opener_instance ||
		    instance == scan->counter_instance)
			return true;
	}
	return false;
}

void
scanner_stop_children(struct scanner *s)
{
	/* Openers go with their scans, workers with their zygote. */
	if (s->zygote_instance != 0)
		s->ops->stop(s->ctx, ROLE_ZYGOTE, s->zygote_instance);
}

void
scanner_on_started(struct scanner *s, enum role role, unsigned instance, int fd)
{
	struct scan *scan = NULL;

	s->now_ms = clock_monotonic_ms();
	if (role == ROLE_ZYGOTE && instance == s->zygote_instance) {
		rules_on_started(s, fd);
		return;
	}
	TAILQ_FOREACH(scan, &s->scans, entry)
	{
		if (role == ROLE_OPENER && instance == scan->opener_instance) {
			walk_on_started(scan, fd);
			return;
		}
		if (role == ROLE_OPENER && instance == scan->counter_instance) {
			walk_on_count_started(scan, fd);
			return;
		}
	}
	(void)close(fd);
}

void
scanner_on_exited(struct scanner *s, enum role role, unsigned instance, int status)
{
	struct scan *scan = NULL;

	s->now_ms = clock_monotonic_ms();
	if (role == ROLE_ZYGOTE && instance == s->zygote_instance)
		rules_on_exited(s, status);
	TAILQ_FOREACH(scan, &s->scans, entry)
	{
		if (role == ROLE_OPENER)
			walk_on_exited(scan, instance, status);
	}
}

int
scanner_fd(const struct scanner *s)
{
	return s->epoll;
}

static void
handle(struct scanner *s, struct endpoint *e)
{
	struct scan *scan = NULL;

	if (e == &s->zygote) {
		rules_on_event(s);
		return;
	}
	TAILQ_FOREACH(scan, &s->scans, entry)
	{
		if (e == &scan->opener) {
			walk_on_event(scan);
			return;
		}
		if (e == &scan->counter) {
			walk_on_count(scan);
			return;
		}
	}
	for (unsigned i = 0; i < N_SLOTS; i++) {
		if (e == &s->workers[i].end && e->channel != NULL)
			workers_on_event(s, &s->workers[i]);
	}
}

static bool
is_finished(const struct scan *s)
{
	if (s->is_done || s->n_jobs > 0)
		return false;
	return s->is_cancelled || s->is_suspended ||
	       (!s->is_stream && walk_is_finished(s));
}

static void
finish_what_is_done(struct scanner *s)
{
	struct scan *scan = NULL;

	/* on_done() may free its scan, or begin another. */
	do {
		TAILQ_FOREACH(scan, &s->scans, entry)
		{
			if (is_finished(scan))
				break;
		}
		if (scan != NULL) {
			scan->is_done = true;
			scan->ops->on_done(scan->ctx, scan);
		}
	} while (scan != NULL);
}

void
scanner_step(struct scanner *s, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	struct scan *scan = NULL;
	int n = epoll_wait(s->epoll, events, EVENTS_MAX, timeout_ms);

	s->now_ms = clock_monotonic_ms();
	/* An endpoint that an earlier event of this round closed is in no list, or empty. */
	for (int i = 0; i < n; i++)
		handle(s, events[i].data.ptr);
	workers_dispatch(s);
	rules_tick(s);
	workers_tick(s);
	TAILQ_FOREACH(scan, &s->scans, entry)
	walk_tick(scan);
	finish_what_is_done(s);
}

void
scanner_rest(struct scanner *s, bool is_resting)
{
	struct scan *scan = NULL;

	if (s->is_resting == is_resting)
		return;
	s->now_ms = clock_monotonic_ms();
	s->is_resting = is_resting;
	TAILQ_FOREACH(scan, &s->scans, entry)
	walk_tick(scan);
	workers_dispatch(s);
}

bool
scanner_is_at_rest(const struct scanner *s)
{
	return s->is_resting && workers_are_at_rest(s, SCAN_ORDINARY);
}

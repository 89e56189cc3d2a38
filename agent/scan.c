/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: messages from opener, zygote and workers; the workers may be hostile.
 */
#include "agent/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/scan_impl.h"
#include "base/clock.h"
#include "base/memory.h"

enum { EVENTS_MAX = 64 };

struct scan *
scan_new(const struct scan_options *options, const struct pack_list *packs,
    const struct scan_ops *ops, void *ctx)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	assert(options->n_workers >= 1 && options->n_workers <= SCAN_JOBS_MAX);
	s->options = *options;
	s->ops = ops;
	s->ctx = ctx;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->now_ms = clock_monotonic_ms();
	s->packs.n = packs->n;
	s->packs.files = xcalloc(packs->n, sizeof(*packs->files));
	for (size_t i = 0; i < packs->n; i++) {
		s->packs.files[i].name_space = xstrdup(packs->files[i].name_space);
		s->packs.files[i].path = xstrdup(packs->files[i].path);
	}
	s->is_bad = xcalloc(packs->n, sizeof(*s->is_bad));
	s->sent = xcalloc(packs->n, sizeof(*s->sent));
	s->next_worker = 1;
	s->next_target = 1;
	TAILQ_INIT(&s->queue);
	TAILQ_INIT(&s->alone);
	for (unsigned i = 0; i < N_SLOTS; i++)
		TAILQ_INIT(&s->workers[i].jobs);
	s->cursor = xstrdup("");
	s->where = xstrdup("");
	return s;
}

void
scan_free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void
scan_free(struct scan *s)
{
	if (s == NULL)
		return;
	scan_detach(&s->opener);
	scan_detach(&s->counter);
	scan_detach(&s->zygote);
	workers_lost(s);
	workers_drop_queue(s);
	processes_clear(s);
	pack_list_clear(&s->packs);
	free(s->is_bad);
	free(s->sent);
	ruleset_facts_clear(&s->facts);
	scan_free_strings(s->roots, s->n_roots);
	scan_free_strings(s->excludes, s->n_excludes);
	free(s->cursor);
	free(s->announced);
	free(s->where);
	walk_progress_clear(&s->progress);
	walk_progress_clear(&s->counted);
	coverage_clear(&s->coverage);
	if (s->epoll >= 0)
		(void)close(s->epoll);
	free(s);
}

void
scan_watch(struct scan *s, struct endpoint *e, bool wants_read)
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
scan_attach(struct scan *s, struct endpoint *e, int fd, enum role peer)
{
	scan_detach(e);
	e->channel = message_channel_new(fd, ROLE_AGENT, peer);
	scan_watch(s, e, true);
}

void
scan_detach(struct endpoint *e)
{
	channel_free(e->channel);
	e->channel = NULL;
	e->events = 0;
}

void
scan_on_started(struct scan *s, enum role role, unsigned instance, int fd)
{
	s->now_ms = clock_monotonic_ms();
	if (role == ROLE_ZYGOTE && instance == s->zygote_instance)
		rules_on_started(s, fd);
	else if (role == ROLE_OPENER)
		walk_on_started(s, instance, fd);
	else
		(void)close(fd);
}

void
scan_on_exited(struct scan *s, enum role role, unsigned instance, int status)
{
	s->now_ms = clock_monotonic_ms();
	if (role == ROLE_ZYGOTE && instance == s->zygote_instance)
		rules_on_exited(s, status);
	else if (role == ROLE_OPENER)
		walk_on_exited(s, instance, status);
}

int
scan_fd(const struct scan *s)
{
	return s->epoll;
}

static void
handle(struct scan *s, struct endpoint *e)
{
	if (e == &s->zygote) {
		rules_on_event(s);
	} else if (e == &s->opener) {
		walk_on_event(s);
	} else if (e == &s->counter) {
		walk_on_count(s);
	} else {
		/* The endpoint is the first member of its worker. */
		workers_on_event(s, (struct worker *)(void *)e);
	}
}

static void
finish_if_done(struct scan *s)
{
	if (!s->is_walking || !walk_is_finished(s) || !workers_are_idle(s))
		return;
	s->is_walking = false;
	s->ops->on_done(s->ctx);
}

void
scan_step(struct scan *s, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll, events, EVENTS_MAX, timeout_ms);

	s->now_ms = clock_monotonic_ms();
	for (int i = 0; i < n; i++) {
		struct endpoint *e = events[i].data.ptr;

		/* An event for a channel that an earlier one of this round closed. */
		if (e->channel != NULL)
			handle(s, e);
	}
	workers_dispatch(s);
	rules_tick(s);
	workers_tick(s);
	walk_tick(s);
	finish_if_done(s);
}

const struct coverage *
scan_coverage(const struct scan *s)
{
	return &s->coverage;
}

void
scan_get_progress(const struct scan *s, struct scan_progress *ret)
{
	size_t n_items = processes_n_items(s);

	ret->n_files = s->n_files_before + s->progress.n_files + processes_n_done(s);
	ret->n_total = s->counted.n_files + n_items;
	ret->is_total = s->is_counted || (s->n_roots == 0 && n_items > 0);
	ret->path = s->where;
	ret->cursor = s->cursor;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scan's life: beginning, holding, ending, and where it is.
 *
 * Runs in: agent, command line.
 */
#include "agent/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan_impl.h"
#include "base/fd.h"
#include "base/memory.h"

static struct scan *
scan_new(struct scanner *scanner, const struct scan_ops *ops, void *ctx)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	assert(scanner->was_ready);
	scanner->n_zygote_deaths = 0;
	s->scanner = scanner;
	s->ops = ops;
	s->ctx = ctx;
	s->told_rest = -1;
	s->clean_fd = -1;
	s->cursor = xstrdup("");
	s->where = xstrdup("");
	TAILQ_INSERT_TAIL(&scanner->scans, s, entry);
	return s;
}

mh_err
scan_start(struct scanner *scanner, const struct scan_walk *walk,
    const struct scan_ops *ops, void *ctx, struct scan **ret)
{
	if (!scan_takes_excludes(walk->excludes, walk->n_excludes) ||
	    !scan_takes_excludes(walk->only, walk->n_only))
		return MH_ERR_TOOBIG;
	struct scan *s = scan_new(scanner, ops, ctx);

	s->priority = walk->priority;
	if (walk->coverage != NULL)
		coverage_add(&s->coverage, walk->coverage);
	*ret = s;
	walk_begin(s, walk);
	return MH_OK;
}

struct scan *
scan_start_stream(struct scanner *scanner, const struct scan_ops *ops, void *ctx)
{
	struct scan *s = scan_new(scanner, ops, ctx);

	s->priority = SCAN_URGENT;
	s->is_stream = true;
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
	walk_close_openers(s);
	workers_forget(s);
	processes_clear(s);
	TAILQ_REMOVE(&s->scanner->scans, s, entry);
	scan_free_strings(s->roots, s->n_roots);
	scan_free_strings(s->excludes, s->n_excludes);
	scan_free_strings(s->only, s->n_only);
	scan_free_strings(s->avoids, s->n_avoids);
	fd_closep(&s->clean_fd);
	free(s->cursor);
	free(s->announced);
	free(s->suspect);
	free(s->where);
	walk_progress_clear(&s->progress);
	walk_progress_clear(&s->counted);
	coverage_clear(&s->coverage);
	coverage_clear(&s->tail);
	free(s);
}

bool
scan_has_room(const struct scan *s)
{
	return workers_have_room(s);
}

void
scan_add(struct scan *s, struct target *t, const int *fds, void *tag)
{
	workers_add(s, t, fds)->tag = tag;
}

const struct coverage *
scan_coverage(const struct scan *s)
{
	return &s->coverage;
}

void
scan_add_coverage(struct scan *s, const struct coverage *more)
{
	coverage_add(&s->coverage, more);
}

void
scan_take_coverage(struct scan *s, struct coverage *ret)
{
	*ret = s->coverage;
	memset(&s->coverage, 0, sizeof(s->coverage));
}

void
scan_cancel(struct scan *s)
{
	if (s->is_done || s->is_cancelled)
		return;
	s->is_cancelled = true;
	s->cancelled_ms = s->scanner->now_ms;
	workers_drop_queue(s);
	processes_give_up(s, REASON_STOPPED, NULL);
	coverage_merge(&s->coverage, &s->tail);
	if (s->next_root < s->n_roots || s->chunk_n > 0)
		coverage_add_missed(&s->coverage, REASON_STOPPED, false,
		    s->cursor[0] != 0 ? s->cursor : s->roots[0],
		    "what the walk would have met behind this path");
	s->next_root = s->n_roots;
	s->chunk_n = 0;
	/* Its walk goes on inside it: away with it. */
	walk_close_openers(s);
}

void
scan_abandon(struct scan *s)
{
	workers_abandon(s);
	workers_drop_queue(s);
}

void
scan_suspend(struct scan *s)
{
	if (s->is_done || s->is_cancelled || s->is_suspended)
		return;
	s->is_suspended = true;
	walk_close_openers(s);
	/* Those that are to be opened again are, by whoever goes on. */
	workers_dispatch(s->scanner);
}

bool
scan_is_suspended(const struct scan *s)
{
	return s->is_suspended;
}

void
scan_hold(struct scan *s, bool is_held)
{
	s->is_held = is_held;
	walk_tick(s);
}

bool
scan_is_settled(const struct scan *s)
{
	return s->n_jobs == 0;
}

void
scan_get_place(const struct scan *s, struct scan_place *ret)
{
	assert(scan_is_settled(s));
	ret->is_in_files = processes_are_done(s);
	ret->root = s->chunk_n > 0 ? s->chunk_first : s->next_root;
	ret->cursor = xstrdup(s->cursor);
}

void
scan_place_clear(struct scan_place *p)
{
	free(p->cursor);
	memset(p, 0, sizeof(*p));
}

void
scan_get_progress(const struct scan *s, struct scan_progress *ret)
{
	size_t n_items = processes_n_items(s);

	ret->n_files = s->n_files_before + s->progress.n_files + processes_n_done(s);
	ret->n_total = s->counted.n_files + n_items;
	ret->is_total = s->is_counted || (s->n_roots == 0 && n_items > 0);
	ret->path = s->where;
}

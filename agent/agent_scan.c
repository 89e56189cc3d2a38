/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scans of profiles: what is due begins, and ends with one summary.
 *
 * Runs in: agent.
 */
#include <string.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/log.h"

/* Within its scanner's step: the tick does what follows. */
static void
on_done(void *ctx, struct scan *scan)
{
	struct run *run = ctx;

	(void)scan;
	run->is_done = true;
	agent_hurry(run->agent);
}

/* Begin the scan of run, at place where it is not NULL. */
static bool
start_run(struct agent *a, struct run *run, const struct scan_place *place,
    const struct coverage *coverage)
{
	static const struct scan_ops ops = {
		.wants = run_wants,
		.on_answer = run_on_answer,
		.on_anomaly = run_on_anomaly,
		.on_done = on_done,
	};
	struct scan_walk walk = {
		.priority = SCAN_ORDINARY,
		.roots = (const char *const *)a->config.scan_paths.items,
		.n_roots = a->config.scan_paths.n,
		.excludes = (const char *const *)a->config.scan_exclude.items,
		.n_excludes = a->config.scan_exclude.n,
		.may_cross = a->config.scan_cross,
		.may_use_network = a->config.scan_network,
		.place = place,
		.coverage = coverage,
	};

	run->rules = a->rules;
	run->is_done = false;
	if (scan_start(a->rules->scanner, &walk, &ops, run, &run->scan) == MH_OK)
		return true;
	log_err("scan", "the exclusions are too long: nothing is scanned");
	return false;
}

static void
begin_run(struct agent *a, int64_t now_ms)
{
	struct run *run = run_new(a, RUN_PROFILE, "full");

	a->next_scan_ms = now_ms + (int64_t)a->config.scan_interval_ms;
	if (start_run(a, run, NULL, NULL))
		a->run = run;
	else
		run_free(run);
}

/* It has ended, or is ended: what it saw is told. */
static void
finish_run(struct agent *a, bool is_whole)
{
	struct run *run = a->run;

	a->run = NULL;
	run_tell_coverage(run, scan_coverage(run->scan), is_whole);
	(void)agent_store(a);
	run_free(run);
}

/* Its scan was suspended, and is at its place: go on with the rules of now. */
static void
move_run(struct agent *a)
{
	struct run *run = a->run;
	struct scan *before = run->scan;
	struct scan_place place = { 0 };
	struct coverage so_far;

	scan_get_place(before, &place);
	scan_take_coverage(before, &so_far);
	run->scan = NULL;
	if (!start_run(a, run, place.is_in_files ? &place : NULL,
		place.is_in_files ? &so_far : NULL)) {
		a->run = NULL;
		run_free(run);
	}
	scan_free(before);
	coverage_clear(&so_far);
	scan_place_clear(&place);
}

void
agent_scan_on_new_rules(struct agent *a)
{
	if (a->run != NULL)
		scan_suspend(a->run->scan);
}

void
agent_scan_tick(struct agent *a, int64_t now_ms)
{
	if (a->run != NULL && a->run->is_done && !a->is_stopping) {
		if (scan_is_suspended(a->run->scan) && agent_rules_are_ready(a))
			move_run(a);
		else if (!scan_is_suspended(a->run->scan))
			finish_run(a, true);
	}
	if (a->run == NULL && !a->is_stopping && agent_rules_are_ready(a) &&
	    now_ms >= a->next_scan_ms)
		begin_run(a, now_ms);
}

const char *
agent_scan_state(const struct agent *a)
{
	(void)a;
	return "working";
}

bool
agent_scan_stop(struct agent *a)
{
	if (a->run == NULL)
		return true;
	scan_suspend(a->run->scan);
	return a->run->is_done;
}

void
agent_scan_end(struct agent *a)
{
	if (a->run == NULL)
		return;
	scan_cancel(a->run->scan);
	scan_abandon(a->run->scan);
	finish_run(a, false);
}

void
agent_scan_init(struct agent *a)
{
	a->next_scan_ms = clock_monotonic_ms();
	if (!a->config.scan_at_start)
		a->next_scan_ms += (int64_t)a->config.scan_interval_ms;
}

void
agent_scan_clear(struct agent *a)
{
	run_free(a->run);
	a->run = NULL;
}

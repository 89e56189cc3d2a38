/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scans of profiles: what is due begins, makes way for others, goes on after a
 * restart where it was, and ends with one summary that counts the whole.
 *
 * Runs in: agent.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	/* Work that a kill costs; each waits for what is in flight. */
	CHECKPOINT_MS = 60 * 1000,
	SCHEDULE_LOOK_MS = 1000,
};

struct scan_side {
	struct schedule *schedule;
	struct governor *governor;
	enum governor_act act;
	struct run *run; /* NULL while none runs */
	char *asked;     /* a profile to be scanned now, by hand; NULL */
	int64_t look_ms; /* monotonic: at the schedule */
	struct last_run last;
	bool is_drop_due;    /* the run is over, and its place is to be forgotten */
	bool was_looked_for; /* a run of an earlier life */
};

static struct schedule_time
time_now(int64_t now_ms)
{
	return (struct schedule_time){ clock_real_ms(), now_ms };
}

static void
add_text(EVP_MD_CTX *ctx, const char *text)
{
	(void)EVP_DigestUpdate(ctx, text, strlen(text) + 1);
}

static void
add_list(EVP_MD_CTX *ctx, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_text(ctx, list[i]);
	add_text(ctx, "");
}

/* What a profile looks at: a place in another walk means nothing. */
static void
fingerprint_of(const struct agent_config *c, const struct profile *p,
    uint8_t ret[FINGERPRINT_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	MH_CLEANUP(freep)
	char *flags =
	    xasprintf("%d%d%d", p->has_processes, p->may_cross, p->may_use_network);

	memset(ret, 0, FINGERPRINT_BYTES);
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		return;
	}
	add_text(ctx, flags);
	add_list(ctx, p->paths, p->n_paths);
	add_list(ctx, p->only, p->n_only);
	add_list(ctx, p->exclude, p->n_exclude);
	add_list(ctx, (const char *const *)c->scan_exclude.items, c->scan_exclude.n);
	(void)EVP_DigestFinal_ex(ctx, ret, NULL);
	EVP_MD_CTX_free(ctx);
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
		.on_done = run_on_done,
	};
	const struct agent_config *c = &a->config;
	const struct process_choice all = { .n_pids = 0 };
	uint8_t fingerprint[FINGERPRINT_BYTES];
	struct profile p;

	if (!agent_config_profile(c, run->name, &p))
		return false;
	fingerprint_of(c, &p, fingerprint);
	/* Another walk by now: from its beginning, for the same due time. */
	if (place != NULL &&
	    memcmp(fingerprint, run->fingerprint, sizeof(fingerprint)) != 0)
		place = NULL;
	memcpy(run->fingerprint, fingerprint, sizeof(fingerprint));
	MH_CLEANUP(freep)
	const char **of_people =
	    xcalloc(p.n_exclude + c->scan_exclude.n + 1, sizeof(*of_people));
	size_t n_excludes = 0;

	for (size_t i = 0; i < p.n_exclude; i++)
		of_people[n_excludes++] = p.exclude[i];
	for (size_t i = 0; i < c->scan_exclude.n; i++)
		of_people[n_excludes++] = c->scan_exclude.items[i];
	MH_CLEANUP(freep)
	const char **excludes = agent_excludes(a, of_people, n_excludes, &n_excludes);
	struct scan_walk walk = {
		.priority = SCAN_ORDINARY,
		.processes = p.has_processes ? &all : NULL,
		.roots = p.paths,
		.n_roots = p.n_paths,
		.are_patterns = true,
		.only = p.only,
		.n_only = p.n_only,
		.excludes = excludes,
		.n_excludes = n_excludes,
		.may_cross = p.may_cross,
		.may_use_network = p.may_use_network,
		.has_clean = agent_clean_fd(a) >= 0,
		.clean_fd = agent_clean_fd(a),
		.place = place,
		.coverage = place != NULL ? coverage : NULL,
	};

	run->rules = a->rules;
	run->is_done = run->is_held = false;
	run->began_ms = clock_real_ms();
	run->saved_ms = clock_monotonic_ms();
	if (scan_start(a->rules->scanner, &walk, &ops, run, &run->scan) == MH_OK)
		return true;
	log_err("scan", "%s: its exclusions are too long: nothing is scanned", run->name);
	return false;
}

static void
begin_run(struct agent *a, const char *profile, int64_t due_ms)
{
	struct run *run = run_new(a, RUN_PROFILE, profile);

	run->due_ms = due_ms;
	if (!start_run(a, run, NULL, NULL)) {
		run_free(run);
		return;
	}
	a->scans->run = run;
	log_notice("scan", "%s %s begins", run->name, run->uid);
}

static void
save_schedule(struct agent *a)
{
	struct schedule *s = a->scans->schedule;
	struct schedule_time now = time_now(clock_monotonic_ms());

	for (size_t i = 0; i < schedule_count(s); i++) {
		struct schedule_line l = schedule_get(s, i, now);
		MH_CLEANUP(freep) char *name = xasprintf("handled_ms/%s", l.key);

		agent_state_set_number(a, name, l.handled_ms);
	}
	struct schedule_pause pause = schedule_get_pause(s, now.real_ms);

	agent_state_set_number(a, "paused", pause.is_paused);
	agent_state_set_number(a, "paused_since_ms", pause.since_ms);
	agent_state_set_number(a, "paused_until_ms", pause.until_ms);
}

/* The entries of the configuration of now, with what is known of them. */
static void
load_schedule(struct agent *a)
{
	struct scan_side *w = a->scans;
	uint8_t secret[SCHEDULE_SECRET_BYTES];

	schedule_free(w->schedule);
	agent_schedule_secret(a, secret);
	w->schedule = schedule_new(secret);
	agent_config_schedule(&a->config, w->schedule);
	/* Findings may be lost with a spool: then everything counts as missed. */
	for (size_t i = 0; !a->was_spool_damaged && i < schedule_count(w->schedule);
	     i++) {
		struct schedule_line l = schedule_get(w->schedule, i, time_now(0));
		MH_CLEANUP(freep) char *name = xasprintf("handled_ms/%s", l.key);

		schedule_restore(w->schedule, l.key, agent_state_number(a, name));
	}
	if (agent_state_number(a, "paused") != 0)
		schedule_set_pause(w->schedule,
		    (struct schedule_pause){ true,
			agent_state_number(a, "paused_since_ms"),
			agent_state_number(a, "paused_until_ms") });
}

/* It has ended, or is ended: what it saw is told. */
static void
finish_run(struct agent *a, bool is_whole)
{
	struct scan_side *w = a->scans;
	struct run *run = w->run;

	const struct coverage *c = scan_coverage(run->scan);

	w->run = NULL;
	run_tell_coverage(run, c, is_whole);
	free(w->last.profile);
	w->last = (struct last_run){ xstrdup(run->name), run->started_ms, clock_real_ms(),
		c->n_scanned, c->by_reason[REASON_UNCHANGED], c->n_missed,
		c->n_findings };
	run_free(run);
	w->is_drop_due = true;
}

/* The summary is on disk: the place is of no use any more. */
static void
forget_place(struct agent *a)
{
	if (!a->scans->is_drop_due || !agent_store(a))
		return;
	a->scans->is_drop_due = false;
	agent_state_drop_run(a);
}

/* Its scan was suspended, and is at its place: go on with the rules of now. */
static void
move_run(struct agent *a)
{
	struct run *run = a->scans->run;
	struct scan *before = run->scan;
	struct scan_place place = { 0 };
	struct coverage so_far;

	scan_get_place(before, &place);
	scan_take_coverage(before, &so_far);
	run->scan = NULL;
	if (!start_run(a, run, place.is_in_files ? &place : NULL, &so_far)) {
		log_err("scan", "the profile %s is no more: its scan ends", run->name);
		a->scans->run = NULL;
		run_tell_coverage(run, &so_far, false);
		run_free(run);
		a->scans->is_drop_due = true;
	}
	scan_free(before);
	coverage_clear(&so_far);
	scan_place_clear(&place);
}

/* A scan that an earlier life of this agent, or of this machine, did not end. */
static void
resume_run(struct agent *a)
{
	struct scan_side *w = a->scans;
	struct saved_run saved;

	if (w->was_looked_for || !agent_state_load_run(a, &saved)) {
		w->was_looked_for = true;
		return;
	}
	w->was_looked_for = true;
	struct run *run = run_new(a, RUN_PROFILE, saved.profile);

	memcpy(run->uid, saved.uid, sizeof(run->uid));
	memcpy(run->fingerprint, saved.fingerprint, sizeof(run->fingerprint));
	run->started_ms = saved.started_ms;
	run->due_ms = saved.due_ms;
	run->n_resumed = saved.n_resumed + 1;
	if (start_run(a, run, saved.place.is_in_files ? &saved.place : NULL,
		&saved.coverage)) {
		w->run = run;
		log_notice("scan", "%s %s goes on%s%s", run->name, run->uid,
		    saved.place.is_in_files ? " behind " : "",
		    saved.place.is_in_files ? saved.place.cursor : "");
	} else {
		run_tell_coverage(run, &saved.coverage, false);
		run_free(run);
		w->is_drop_due = true;
	}
	saved_run_clear(&saved);
}

/* Keep its place, exactly: all that was found up to it is on disk. */
static void
save_place(struct agent *a)
{
	struct run *run = a->scans->run;
	struct scan_place place = { 0 };
	const struct coverage none = { 0 };

	agent_enrich_flush(a);
	if (!agent_store(a))
		return;
	scan_get_place(run->scan, &place);
	agent_state_save_run(a, run, &place,
	    place.is_in_files ? scan_coverage(run->scan) : &none);
	scan_place_clear(&place);
	run->saved_ms = clock_monotonic_ms();
}

/* Now and then, let all in flight be answered for, and keep the place. */
static void
tick_checkpoint(struct agent *a, int64_t now_ms)
{
	struct run *run = a->scans->run;

	if (run->is_done || scan_is_suspended(run->scan))
		return;
	if (!run->is_held && now_ms - run->saved_ms >= CHECKPOINT_MS) {
		run->is_held = true;
		scan_hold(run->scan, true);
	}
	if (run->is_held && scan_is_settled(run->scan)) {
		save_place(a);
		run->is_held = false;
		run->saved_ms = now_ms;
		scan_hold(run->scan, false);
	}
}

/* Work, or make way for others. */
static void
tick_governor(struct agent *a, int64_t now_ms)
{
	struct scan_side *w = a->scans;
	struct schedule_pause pause = schedule_get_pause(w->schedule, clock_real_ms());
	bool wants_work =
	    (w->run != NULL || agent_watch_wants_work(a)) && agent_rules_are_ready(a);
	const struct governor_input in = {
		.wants_work = wants_work && !pause.is_paused,
		.is_at_rest =
		    agent_rules_are_ready(a) && scanner_is_at_rest(a->rules->scanner),
		.age_ms = w->run != NULL ? clock_real_ms() - w->run->started_ms : 0,
	};
	enum governor_act act = governor_step(w->governor, &in, now_ms, clock_real_ms());

	if (act == GOVERNOR_PAUSE && w->act != GOVERNOR_PAUSE)
		log_info("scan", "pauses for %s",
		    governor_reason_text(governor_reason(w->governor)));
	w->act = act;
	if (agent_rules_are_ready(a))
		scanner_rest(a->rules->scanner,
		    wants_work && (act != GOVERNOR_WORK || pause.is_paused));
}

/* What was asked for by hand is not forgotten when the agent ends before it begins. */
static void
note_asked(struct agent *a, const char *profile, int64_t is_asked)
{
	MH_CLEANUP(freep) char *name = xasprintf("asked/%s", profile);

	agent_state_set_number(a, name, is_asked);
}

static void
restore_asked(struct agent *a, const char *profile)
{
	MH_CLEANUP(freep) char *name = xasprintf("asked/%s", profile);

	if (a->scans->asked == NULL && agent_state_number(a, name) != 0)
		a->scans->asked = xstrdup(profile);
}

static void
tick_schedule(struct agent *a, int64_t now_ms)
{
	struct scan_side *w = a->scans;
	int64_t due_ms = 0;

	if (now_ms - w->look_ms < SCHEDULE_LOOK_MS)
		return;
	w->look_ms = now_ms;
	schedule_step(w->schedule, time_now(now_ms),
	    w->run != NULL ? w->run->name : NULL);
	if (w->run != NULL || w->is_drop_due || !agent_rules_are_ready(a))
		return;
	MH_CLEANUP(freep) char *asked = MH_TAKE(w->asked);
	const char *profile = asked;

	if (profile != NULL)
		schedule_taken(w->schedule, profile);
	else
		profile = schedule_take(w->schedule, time_now(now_ms), &due_ms);
	if (profile == NULL)
		return;
	begin_run(a, profile, due_ms);
	if (asked != NULL)
		note_asked(a, asked, 0);
	/* In this order: a kill between the two scans it twice rather than never. */
	if (w->run != NULL && scan_is_settled(w->run->scan))
		save_place(a);
	save_schedule(a);
}

void
agent_scan_tick(struct agent *a, int64_t now_ms)
{
	struct scan_side *w = a->scans;

	if (a->is_stopping)
		return;
	if (a->must_find_again) {
		a->must_find_again = false;
		save_schedule(a);
		load_schedule(a);
	}
	forget_place(a);
	if (w->run == NULL && !w->is_drop_due && agent_rules_are_ready(a))
		resume_run(a);
	if (w->run != NULL && w->run->is_done) {
		if (!scan_is_suspended(w->run->scan) && run_has_settled(w->run, now_ms))
			finish_run(a, true);
		else if (scan_is_suspended(w->run->scan) && agent_rules_are_ready(a))
			move_run(a);
	}
	if (w->run != NULL)
		tick_checkpoint(a, now_ms);
	tick_schedule(a, now_ms);
	tick_governor(a, now_ms);
}

void
agent_scan_on_new_rules(struct agent *a)
{
	struct governor_settings settings = agent_config_governor(&a->config);

	governor_set(a->scans->governor, &settings);
	save_schedule(a);
	load_schedule(a);
	if (a->scans->run != NULL)
		scan_suspend(a->scans->run->scan);
}

bool
agent_scan_stop(struct agent *a)
{
	struct run *run = a->scans->run;

	if (run == NULL)
		return true;
	scan_suspend(run->scan);
	return run->is_done;
}

void
agent_scan_end(struct agent *a)
{
	struct run *run = a->scans->run;

	forget_place(a);
	save_schedule(a);
	/* What is in flight is left: the last place that was kept holds. */
	if (run == NULL || !run->is_done)
		return;
	if (scan_is_suspended(run->scan))
		save_place(a);
	else
		finish_run(a, true);
	forget_place(a);
}

void
agent_scan_init(struct agent *a)
{
	struct governor_settings settings = agent_config_governor(&a->config);

	tzset();
	a->scans = xcalloc(1, sizeof(*a->scans));
	a->scans->governor = governor_new(&settings, "");
	load_schedule(a);
	for (size_t i = 0; i < a->config.profiles.n; i++)
		restore_asked(a,
		    ((struct config_profile *)a->config.profiles.items)[i].name);
	restore_asked(a, "quick");
	restore_asked(a, "memory");
	restore_asked(a, "full");
}

void
agent_scan_clear(struct agent *a)
{
	if (a->scans == NULL)
		return;
	run_free(a->scans->run);
	schedule_free(a->scans->schedule);
	governor_free(a->scans->governor);
	free(a->scans->asked);
	free(a->scans->last.profile);
	free(a->scans);
	a->scans = NULL;
}

bool
agent_scan_ask(struct agent *a, const char *profile)
{
	struct profile unused;

	if (!agent_config_profile(&a->config, profile, &unused))
		return false;
	free(a->scans->asked);
	a->scans->asked = xstrdup(profile);
	note_asked(a, profile, 1);
	a->scans->look_ms = 0;
	agent_hurry(a);
	return true;
}

void
agent_scan_pause(struct agent *a, int64_t for_ms)
{
	int64_t real_ms = clock_real_ms();

	schedule_set_pause(a->scans->schedule,
	    (struct schedule_pause){ true, real_ms, for_ms > 0 ? real_ms + for_ms : 0 });
	save_schedule(a);
	agent_hurry(a);
}

void
agent_scan_resume(struct agent *a)
{
	schedule_resume(a->scans->schedule);
	save_schedule(a);
	agent_hurry(a);
}

const struct last_run *
agent_scan_last(const struct agent *a)
{
	return &a->scans->last;
}

const struct run *
agent_scan_run(const struct agent *a)
{
	return a->scans->run;
}

const struct schedule *
agent_scan_schedule(const struct agent *a)
{
	return a->scans->schedule;
}

const struct governor *
agent_scan_governor(const struct agent *a)
{
	return a->scans->governor;
}

const char *
agent_scan_state(const struct agent *a)
{
	const struct scan_side *w = a->scans;

	if (schedule_get_pause(w->schedule, clock_real_ms()).is_paused)
		return "paused by hand";
	if (governor_takes_share(w->governor))
		return "taking its least share";
	if (w->act == GOVERNOR_PAUSE)
		return governor_reason_text(governor_reason(w->governor));
	return w->act == GOVERNOR_REST ? "resting, to look at the machine" : "working";
}

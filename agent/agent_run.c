/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the resident agent's scans have in common: verdicts become findings, and
 * the end of a scan its summary.
 *
 * Runs in: agent.
 * Input: from scan workers: matches of any bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "agent/enrich.h"
#include "agent/ocsf_anomaly.h"
#include "agent/ocsf_enrich.h"
#include "agent/ocsf_shorten.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"

struct run *
run_new(struct agent *a, enum run_kind kind, const char *name)
{
	struct run *run = xcalloc(1, sizeof(*run));

	run->agent = a;
	run->rules = a->rules;
	run->kind = kind;
	run->name = xstrdup(name);
	run->started_ms = run->began_ms = clock_real_ms();
	uuid_new(run->uid);
	return run;
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	scan_free(run->scan);
	free(run->name);
	free(run);
}

/* Of the configuration, which a reload or a policy changes. */
static struct overrides
overrides_of(const struct agent *a)
{
	return (struct overrides){ a->config.overrides.items, a->config.overrides.n,
		&a->config.groups };
}

static struct finding_context
context_of(const struct run *run)
{
	const struct agent *a = run->agent;

	return (struct finding_context){
		.host = &a->host,
		.device_uid =
		    a->identity != NULL ? a->identity->agent : a->host.device_uid,
		.scan_uid = run->uid,
		.is_scheduled = run->kind == RUN_PROFILE,
		.rules = &run->rules->facts,
		.packs = scanner_packs(run->rules->scanner),
		.now_ms = clock_real_ms(),
	};
}

/* Whether what was clean need not be read again while it stays as it is. */
static void
keep_if_clean(struct run *run, const struct scan_answer *answer)
{
	struct agent *a = run->agent;
	const struct verdict *v = answer->verdict;
	const struct watch_event *event = answer->tag;
	/* Before the file was opened: watching goes on for weeks. */
	int64_t began_ms = event != NULL ? event->first_ms : run->began_ms;
	uint64_t hash = 0;

	if (answer->target->kind == TARGET_FILE && run->rules == a->rules &&
	    v->reason == REASON_TOO_LARGE && v->partly && v->n_notes == 0 &&
	    answer->n_matches == 0)
		agent_partly_add(a, answer->target, began_ms);
	if (v->reason == REASON_NONE && v->n_notes == 0 && answer->n_matches == 0 &&
	    answer->target->kind == TARGET_FILE && run->rules == a->rules &&
	    agent_clean_hash(a, answer->target, began_ms, &hash))
		store_keep_clean(a->store, hash);
}

static void
keep_match(struct run *run, const struct scan_answer *answer, const struct match *m,
    const struct finding_context *shared)
{
	struct finding_context context = *shared;
	struct finding_score score;
	char *uid = finding_uid(&context, answer, m);
	struct finding_history known = agent_history(run->agent, uid, context.now_ms);
	MH_CLEANUP(freep) char *path = finding_path(answer->target, m);

	finding_score(context.overrides, m, path, context.now_ms, &score);
	if (score.is_disabled) {
		free(uid);
		return;
	}
	struct new_finding f = {
		.uid = uid,
		.rule = m->rule,
		.pack = m->name_space,
		.path = path,
		.severity = severity_id_of(score.score),
		.now_ms = context.now_ms,
		.json = finding_to_ocsf(&context, answer, m, uid, &known),
	};

	const struct watch_event *event = answer->tag;

	if (event != NULL)
		finding_add_actor(f.json, &event->actor, run->agent->host.boot_id);
	if (score.suppressed == NULL)
		agent_block_note(run->agent, answer->target, uid, f.severity);
	/* The path of what is mapped may be another file's here: of a container. */
	if (answer->target->kind != TARGET_FILE) {
		store_keep_finding(run->agent->store, &f);
		return;
	}
	/* Members of an archive have the package of the archive. */
	f.package_path = answer->target->path;
	agent_enrich_add(run->agent, &f);
}

static void
keep_poisoned(struct run *run, const struct scan_answer *answer)
{
	struct finding_context context = context_of(run);
	char *uid = poisoned_uid(&context, answer);
	struct finding_history known = agent_history(run->agent, uid, context.now_ms);
	struct new_finding f = {
		.uid = uid,
		.rule = "poisoned",
		.pack = "molehunt",
		.path = answer->target->path,
		.severity = 3,
		.now_ms = context.now_ms,
		.json = poisoned_to_ocsf(&context, answer, uid, &known),
	};

	store_keep_finding(run->agent->store, &f);
	if (answer->target->kind == TARGET_FILE)
		store_keep_poisoned(run->agent->store, answer->target,
		    &run->rules->facts);
}

void
run_on_answer(void *ctx, struct scan *scan, const struct scan_answer *answer)
{
	struct run *run = ctx;

	struct finding_context context = context_of(run);
	struct overrides overrides = overrides_of(run->agent);
	struct target_score score;

	(void)scan;
	context.overrides = &overrides;
	finding_target_score(&context, answer, &score);
	context.target = &score;
	for (uint32_t i = 0; i < answer->n_matches; i++)
		keep_match(run, answer, answer->matches[i], &context);
	if (answer->verdict->reason == REASON_POISONED)
		keep_poisoned(run, answer);
	keep_if_clean(run, answer);
}

void
run_on_anomaly(void *ctx, const struct process_table *processes, const struct process *p,
    const struct anomaly *found)
{
	struct run *run = ctx;
	struct finding_context context = context_of(run);
	const struct process *ancestors[PROCESS_ANCESTORS_MAX];
	size_t n =
	    process_table_ancestors(processes, p, ancestors, PROCESS_ANCESTORS_MAX);

	/* Weak signs are everywhere: they order the scan, and stay here. */
	if (found->score < ANOMALY_SCORE_ALERT)
		return;
	char *uid = anomaly_uid(&context, p, found);
	struct finding_history known = agent_history(run->agent, uid, context.now_ms);
	MH_CLEANUP(freep)
	char *name = xasprintf("process %d (%s)", (int)p->pid, p->program);
	struct new_finding f = {
		.uid = uid,
		.rule = anomaly_name(found->clue.kind),
		.pack = "molehunt/anomaly",
		.path = name,
		.severity = severity_id_of(found->score),
		.now_ms = context.now_ms,
		.json = anomaly_to_ocsf(&context, p, ancestors, n, found, uid, &known),
	};

	store_keep_finding(run->agent->store, &f);
}

/* Within a scanner's step: the tick does what follows. */
void
run_on_done(void *ctx, struct scan *scan)
{
	struct run *run = ctx;

	(void)scan;
	run->is_done = true;
	run->done_ms = clock_monotonic_ms();
	agent_hurry(run->agent);
}

bool
run_wants(void *ctx, const struct target *t, enum reason *ret_reason)
{
	struct run *run = ctx;

	/* What kills workers is not tried again until it, or the rules, change. */
	if (agent_is_poisoned(run->agent, t, &run->rules->facts)) {
		*ret_reason = REASON_POISONED;
		return false;
	}
	if (run->rules == run->agent->rules && agent_partly_knows(run->agent, t)) {
		*ret_reason = REASON_TOO_LARGE;
		return false;
	}
	return true;
}

bool
run_has_settled(const struct run *run, int64_t now_ms)
{
	/* Those of others wait too, but not longer than its own would. */
	return run->is_done && (!agent_enrich_is_waiting(run->agent) ||
				   now_ms - run->done_ms >= ENRICH_WAIT_MS);
}

static void
add_weaker(void *ctx, const struct agent_check *check)
{
	json_t *list = ctx;
	MH_CLEANUP(freep) char *text = xasprintf("%s: %s", check->name, check->text);
	MH_CLEANUP(freep) char *safe = text_escape(text);

	if (check->level != CHECK_GOOD)
		(void)json_array_append_new(list, json_string(safe));
}

/* What the agent knows of it beside its coverage. */
static json_t *
summary_of(struct run *run, const struct finding_context *context,
    const struct coverage *c, bool is_whole)
{
	json_t *summary = summary_to_json(context, c, run->started_ms, is_whole);
	json_t *weaker = json_array();

	(void)json_object_set_new(summary, "profile", json_string(run->name));
	(void)json_object_set_new(summary, "resumed", json_integer(run->n_resumed));
	agent_check_all(run->agent, add_weaker, weaker);
	(void)json_object_set_new(summary, "weaker", weaker);
	return summary;
}

static void
count_totals(struct scan_totals *t, const struct coverage *c)
{
	t->scanned += c->n_scanned;
	t->bytes += c->bytes;
	t->findings += c->n_findings;
	for (int i = 0; i < REASON_MAX_; i++)
		t->missed[i] += c->by_reason[i];
}

/* Coverage goes on disk like a finding. */
void
run_tell_coverage(struct run *run, const struct coverage *c, bool is_whole)
{
	struct finding_context context = context_of(run);
	struct store *st = run->agent->store;

	/* A summary never counts what is not on disk before it. */
	agent_enrich_flush(run->agent);
	for (size_t first = 0, n = 0; first < c->n_paths; first += n) {
		n = coverage_paths_that_fit(c, first, COVERAGE_PATHS_PER_LINE,
		    REPORT_LINE_MAX);
		store_keep_line(st, coverage_to_json(&context, c, first, n));
	}
	store_keep_line(st, summary_of(run, &context, c, is_whole));
	count_totals(&run->agent->totals, c);
	(void)agent_store(run->agent);
	log_notice("scan",
	    "%s %s: %llu scanned, %llu findings, %llu not scanned, %llu unchanged",
	    run->name, run->uid, (unsigned long long)c->n_scanned,
	    (unsigned long long)c->n_findings, (unsigned long long)c->n_missed,
	    (unsigned long long)c->by_reason[REASON_UNCHANGED]);
}

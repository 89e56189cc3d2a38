/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scans of the resident agent: verdicts become findings, and findings are
 * stored in the transaction that marks their target as scanned.
 *
 * Runs in: agent.
 * Input: from scan workers: matches of any bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "agent/ocsf_anomaly.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/uuid.h"

static struct finding_context
context_of(struct agent *a)
{
	return (struct finding_context){
		.host = &a->host,
		.device_uid =
		    a->identity != NULL ? a->identity->agent : a->host.device_uid,
		.scan_uid = a->scan_uid,
		.is_scheduled = true,
		.rules = &a->facts,
		.now_ms = clock_real_ms(),
	};
}

static void
note_unstored(struct agent *a)
{
	if (a->oldest_unstored_ms == 0)
		a->oldest_unstored_ms = clock_monotonic_ms();
}

/* Keep a finding until the next transaction; json and uid are taken. */
static void
keep_finding(struct agent *a, const char *path, const char *rule, const char *pack,
    int severity, char *uid, json_t *json, int64_t now_ms)
{
	if (a->n_unstored == a->cap_unstored) {
		a->cap_unstored = a->cap_unstored > 0 ? a->cap_unstored * 2 : 16;
		a->unstored =
		    xreallocarray(a->unstored, a->cap_unstored, sizeof(*a->unstored));
	}
	a->unstored[a->n_unstored++] = (struct unstored){
		.uid = uid,
		.rule = xstrdup(rule),
		.pack = xstrdup(pack),
		.path = xstrdup(path),
		.json = json_dumps(json, JSON_COMPACT),
		.severity = severity,
		.seen_ms = now_ms,
	};
	json_decref(json);
	note_unstored(a);
}

/* What the history has of a finding; zeros when it is new. */
static struct finding_history
history_of(struct agent *a, const char *uid)
{
	struct finding_history known = { 0, 0 };
	struct spool_history h;

	if (spool_history_find(a->spool, uid, &h) == MH_OK) {
		known.first_ms = h.first_ms;
		known.count = h.count;
		spool_history_clear(&h);
	}
	return known;
}

/*
 * The mark of a target that is poisoned under this rule set: the same record
 * under a changed id, so that it never stands for "scanned".
 */
static void
mark_rule_set(const struct agent *a, bool is_poisoned, uint8_t ret[DIGEST_BYTES])
{
	memcpy(ret, a->facts.id, DIGEST_BYTES);
	if (is_poisoned)
		ret[0] ^= 0xff;
}

static struct spool_scanned
scanned_of(const struct agent *a, const struct target *t, bool is_poisoned)
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

	mark_rule_set(a, is_poisoned, s.rule_set);
	return s;
}

static void
keep_scanned(struct agent *a, const struct target *t, bool is_poisoned)
{
	struct spool_scanned *s = &a->scanned[a->n_scanned++];

	*s = scanned_of(a, t, is_poisoned);
	s->path = xstrdup(t->path);
	note_unstored(a);
}

static void
on_answer(void *ctx, struct scan *scan, const struct scan_answer *answer)
{
	struct agent *a = ctx;
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;
	struct finding_context context = context_of(a);

	(void)scan;
	for (uint32_t i = 0; i < answer->n_matches; i++) {
		const struct match *m = answer->matches[i];
		char *uid = finding_uid(&context, answer, m);
		struct finding_history known = history_of(a, uid);
		MH_CLEANUP(freep) char *path = finding_path(t, m);

		keep_finding(a, path, m->rule, m->name_space,
		    severity_id_of(match_score(m)), uid,
		    finding_to_ocsf(&context, answer, m, uid, &known), context.now_ms);
	}
	if (v->reason == REASON_POISONED) {
		char *uid = poisoned_uid(&context, answer);
		struct finding_history known = history_of(a, uid);

		keep_finding(a, t->path, "poisoned", "molehunt", 3, uid,
		    poisoned_to_ocsf(&context, answer, uid, &known), context.now_ms);
		if (t->kind == TARGET_FILE)
			keep_scanned(a, t, true);
	} else if (t->kind == TARGET_FILE && v->reason == REASON_NONE &&
		   v->n_notes == 0) {
		keep_scanned(a, t, false);
	}
	/* A batch of verdicts is at most BATCH_TARGETS_MAX more than this. */
	if (a->n_scanned >= STORE_TARGETS_MAX && !a->is_blocked)
		(void)agent_store(a);
}

static void
on_anomaly(void *ctx, const struct process_table *processes, const struct process *p,
    const struct anomaly *found)
{
	struct agent *a = ctx;
	struct finding_context context = context_of(a);
	const struct process *ancestors[PROCESS_ANCESTORS_MAX];
	size_t n =
	    process_table_ancestors(processes, p, ancestors, PROCESS_ANCESTORS_MAX);

	/* Weak signs are everywhere: they order the scan, and stay here. */
	if (found->score < ANOMALY_SCORE_ALERT)
		return;
	char *uid = anomaly_uid(&context, p, found);
	struct finding_history known = history_of(a, uid);
	MH_CLEANUP(freep)
	char *name = xasprintf("process %d (%s)", (int)p->pid, p->program);

	keep_finding(a, name, anomaly_name(found->clue.kind), "molehunt/anomaly",
	    severity_id_of(found->score), uid,
	    anomaly_to_ocsf(&context, p, ancestors, n, found, uid, &known),
	    context.now_ms);
}

static bool
wants(void *ctx, const struct target *t, enum reason *ret_reason)
{
	struct agent *a = ctx;
	struct spool_scanned mark = scanned_of(a, t, true);

	/* What kills workers is not tried again until it, or the rules, change. */
	if (spool_scanned_check(a->spool, &mark) != MH_OK)
		return true;
	*ret_reason = REASON_POISONED;
	return false;
}

static void
free_unstored(struct agent *a)
{
	for (size_t i = 0; i < a->n_unstored; i++) {
		free(a->unstored[i].uid);
		free(a->unstored[i].rule);
		free(a->unstored[i].pack);
		free(a->unstored[i].path);
		free(a->unstored[i].json);
	}
	for (size_t i = 0; i < a->n_scanned; i++)
		free((void *)(uintptr_t)a->scanned[i].path);
	for (size_t i = 0; i < a->n_coverage; i++)
		free(a->coverage[i]);
	free(a->coverage);
	a->coverage = NULL;
	a->n_unstored = a->n_scanned = a->n_coverage = 0;
	a->oldest_unstored_ms = 0;
}

static mh_err
store_batch(struct agent *a)
{
	MH_CLEANUP(freep)
	struct spool_finding *findings = xcalloc(a->n_unstored, sizeof(*findings));
	MH_CLEANUP(freep)
	struct spool_text *coverage = xcalloc(a->n_coverage, sizeof(*coverage));
	struct spool_batch batch = {
		.findings = findings,
		.n_findings = a->n_unstored,
		.coverage = coverage,
		.n_coverage = a->n_coverage,
		.scanned = a->scanned,
		.n_scanned = a->n_scanned,
		.now_ms = clock_real_ms(),
	};

	for (size_t i = 0; i < a->n_unstored; i++) {
		const struct unstored *u = &a->unstored[i];

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
	for (size_t i = 0; i < a->n_coverage; i++)
		coverage[i] =
		    (struct spool_text){ a->coverage[i], strlen(a->coverage[i]) };
	return spool_store(a->spool, &batch);
}

bool
agent_store(struct agent *a)
{
	size_t n_lines = a->n_unstored + a->n_coverage;
	mh_err err = MH_OK;

	if (a->oldest_unstored_ms == 0)
		return true;
	err = store_batch(a);
	if (err != MH_OK) {
		if (!a->is_blocked)
			log_err("spool",
			    "%s: %s; scanning waits until it takes findings again",
			    a->state,
			    err == MH_ERR_FULL ? "no room: see spool.max_size and "
						 "spool.min_free"
					       : spool_why(a->spool));
		a->is_blocked = true;
		a->retry_ms = clock_monotonic_ms() + STORE_RETRY_MS;
		return false;
	}
	if (a->is_blocked)
		log_notice("spool", "it takes findings again: scanning goes on");
	a->is_blocked = false;
	free_unstored(a);
	agent_delivery_on_stored(a, n_lines, clock_monotonic_ms());
	return true;
}

static void
keep_line(struct agent *a, json_t *record)
{
	a->coverage = xreallocarray(a->coverage, a->n_coverage + 1, sizeof(*a->coverage));
	a->coverage[a->n_coverage++] = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	note_unstored(a);
}

/* The scan has ended, or is ended: its coverage goes on disk like a finding. */
static void
end_scan(struct agent *a)
{
	const struct coverage *c = scan_coverage(a->scan);
	struct finding_context context = context_of(a);

	for (size_t first = 0; first < c->n_paths; first += COVERAGE_PATHS_PER_LINE)
		keep_line(a,
		    coverage_to_json(&context, c, first, COVERAGE_PATHS_PER_LINE));
	keep_line(a, summary_to_json(&context, c, a->scan_started_ms, !a->is_stopping));
	log_notice("scan", "%s: %llu files scanned, %llu findings, %llu not scanned",
	    a->scan_uid, (unsigned long long)c->n_scanned,
	    (unsigned long long)c->n_findings, (unsigned long long)c->n_missed);
	scan_free(a->scan);
	a->scan = NULL;
	(void)agent_store(a);
}

static void
on_done(void *ctx, struct scan *scan)
{
	(void)scan;
	end_scan(ctx);
}

void
agent_scan_stop(struct agent *a)
{
	if (a->scan == NULL)
		return;
	scan_cancel(a->scan);
	scan_abandon(a->scan);
	end_scan(a);
}

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	(void)ctx;
	log_warn("rules", "%s:%u: %s; this file is left out", file->path, line, why);
}

static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	struct agent *a = ctx;

	if (facts == NULL) {
		log_err("rules", "nothing can be scanned: %s; tried again in a minute",
		    why);
		a->has_rules = false;
		a->rules_retry_ms = clock_monotonic_ms() + RULES_RETRY_MS;
		return;
	}
	a->facts = *facts;
	a->has_rules = true;
	log_notice("rules", "%u rules of %u files are ready, %u files were left out",
	    (unsigned)facts->n_rules, (unsigned)(facts->n_files - facts->n_left_out),
	    (unsigned)facts->n_left_out);
	if (!facts->has_landlock)
		log_warn("scan",
		    "this kernel has no Landlock: the workers' sandbox is weaker");
}

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	return agent_ask(ctx, MSG_START, role, instance);
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	mh_ignore(agent_ask(ctx, MSG_STOP, role, instance));
}

mh_err
agent_scan_init(struct agent *a)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_ready = on_ready,
	};
	struct scanner_options options = { .n_workers = (unsigned)a->config.scan_jobs,
		.open_ms = SCAN_OPEN_MS };
	struct pack_list packs = { NULL, 0 };

	scan_setup_init(&options.setup);
	options.setup.max_file_bytes = a->config.scan_max_file_bytes;
	options.setup.timeout_ms = (uint32_t)a->config.scan_timeout_ms;
	options.setup.data_mode = (uint8_t)a->config.scan_matched;
	options.setup.archives = a->config.scan_archives;
	for (size_t i = 0; i < a->config.packs.n; i++) {
		MH_CLEANUP(freep) char *why = NULL;

		if (pack_list_add(&packs, a->config.packs.items[i], &why) != MH_OK)
			log_err("rules", "pack %s", why);
	}
	a->scanned = xcalloc(STORE_TARGETS_MAX + SCAN_JOBS_MAX * BATCH_TARGETS_MAX * 2,
	    sizeof(*a->scanned));
	a->scanner = scanner_new(&options, &packs, &ops, a, 0);
	pack_list_clear(&packs);
	a->next_scan_ms = clock_monotonic_ms();
	if (!a->config.scan_at_start)
		a->next_scan_ms += (int64_t)a->config.scan_interval_ms;
	return scanner_load(a->scanner);
}

static void
begin_scan(struct agent *a, int64_t now_ms)
{
	static const struct scan_ops ops = {
		.wants = wants,
		.on_answer = on_answer,
		.on_anomaly = on_anomaly,
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
	};

	uuid_new(a->scan_uid);
	a->scan_started_ms = clock_real_ms();
	a->next_scan_ms = now_ms + (int64_t)a->config.scan_interval_ms;
	if (scan_start(a->scanner, &walk, &ops, a, &a->scan) != MH_OK)
		log_err("scan", "the exclusions are too long: nothing is scanned");
}

void
agent_scan_tick(struct agent *a, int64_t now_ms)
{
	if (a->is_blocked ? now_ms >= a->retry_ms
			  : a->oldest_unstored_ms != 0 &&
				now_ms - a->oldest_unstored_ms >= STORE_MS)
		(void)agent_store(a);
	if (a->is_blocked || a->is_stopping)
		return;
	if (a->rules_retry_ms != 0 && now_ms >= a->rules_retry_ms) {
		a->rules_retry_ms = 0;
		if (scanner_load(a->scanner) != MH_OK)
			a->rules_retry_ms = now_ms + RULES_RETRY_MS;
	}
	if (a->has_rules && a->scan == NULL && now_ms >= a->next_scan_ms)
		begin_scan(a, now_ms);
	scanner_step(a->scanner, 0);
}

void
agent_scan_clear(struct agent *a)
{
	scan_free(a->scan);
	scanner_free(a->scanner);
	free_unstored(a);
	free(a->unstored);
	free(a->scanned);
}

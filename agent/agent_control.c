/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent answers at its control socket: docs/PROTOCOL.md, "Control".
 *
 * Runs in: agent.
 * Input: hostile: requests of local users.
 */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "agent/control.h"
#include "agent/ocsf_indicator.h"
#include "agent/policy.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"

enum {
	FINDINGS_DEFAULT = 100,
	FINDINGS_MAX = 10000, /* in one answer */
};

/* A request, and who asks. */
struct asked {
	struct agent *agent;
	bool is_trusted;
	const json_t *request;
	struct control_answer *answer;
};

static void
set_time(json_t *record, const char *name, int64_t real_ms)
{
	char text[CLOCK_TEXT_LEN];

	if (real_ms <= 0)
		return;
	clock_format(real_ms, text);
	(void)json_object_set_new(record, name, json_string(text));
}

static void
set_int(json_t *record, const char *name, uint64_t value)
{
	(void)json_object_set_new(record, name, json_integer((json_int_t)value));
}

/* Texts from elsewhere may be no UTF-8. */
static void
set_text(json_t *record, const char *name, const char *text)
{
	MH_CLEANUP(freep) char *safe = text_escape(text);

	(void)json_object_set_new(record, name, json_string(safe));
}

struct health {
	json_t *reasons;
	enum check_level worst;
};

static void
note_check(void *ctx, const struct agent_check *check)
{
	struct health *h = ctx;
	MH_CLEANUP(freep) char *text = xasprintf("%s: %s", check->name, check->text);
	MH_CLEANUP(freep) char *safe = text_escape(text);

	if (check->level == CHECK_GOOD)
		return;
	(void)json_array_append_new(h->reasons, json_string(safe));
	if (check->level > h->worst)
		h->worst = check->level;
}

static void
put_health(const struct asked *q)
{
	static const char *const words[] = { "good", "weaker", "failing" };
	struct agent *a = q->agent;
	struct health h = { json_array(), CHECK_GOOD };
	json_t *record = json_pack("{s:s, s:i, s:s, s:i}", "type", "status", "version", 1,
	    "product", MH_VERSION, "pid", (int)getpid());

	agent_check_all(a, note_check, &h);
	set_text(record, "health", words[h.worst]);
	set_time(record, "started", a->started_ms);
	(void)json_object_set_new(record, "reasons", h.reasons);
	(void)control_put(q->answer, record);
}

static void
put_rules(const struct asked *q)
{
	const struct agent *a = q->agent;
	const struct ruleset_facts *f = &a->rules->facts;
	json_t *record = json_pack("{s:s}", "type", "rules");

	set_int(record, "rules",
	    a->rules->is_ready ? f->n_rules - f->n_indicators[INDICATOR_DOMAIN] : 0);
	set_int(record, "files", f->n_files);
	set_int(record, "files_left_out", f->n_left_out);
	set_int(record, "in_memory", f->n_in_memory - f->n_indicators[INDICATOR_DOMAIN]);
	if (a->rules->is_ready)
		(void)json_object_set_new(record, "indicators", indicators_to_json(f));
	(void)json_object_set_new(record, "is_loading",
	    json_boolean(!a->rules->is_ready || a->next_rules != NULL));
	if (a->reload_why != NULL)
		set_text(record, "problem", a->reload_why);
	(void)control_put(q->answer, record);
}

static void
put_scan(const struct asked *q)
{
	const struct run *run = agent_scan_run(q->agent);
	struct scan_progress p;

	if (run == NULL || run->scan == NULL)
		return;
	const struct coverage *c = scan_coverage(run->scan);
	json_t *record = json_pack("{s:s}", "type", "scan");

	scan_get_progress(run->scan, &p);
	set_text(record, "profile", run->name);
	set_text(record, "scan", run->uid);
	set_time(record, "started", run->started_ms);
	set_int(record, "resumed", run->n_resumed);
	set_text(record, "state", agent_scan_state(q->agent));
	set_int(record, "met", p.n_files);
	set_int(record, "scanned", c->n_scanned);
	set_int(record, "bytes", c->bytes);
	set_int(record, "missed", c->n_missed);
	set_int(record, "unchanged", c->by_reason[REASON_UNCHANGED]);
	if (q->is_trusted) {
		set_int(record, "findings", c->n_findings);
		set_text(record, "path", p.path);
	}
	(void)control_put(q->answer, record);
}

/* What is wrong with the identity, or a renewal of it; NULL: nothing. */
static const char *
identity_trouble(const struct agent *a)
{
	if (a->identity == NULL)
		return a->signing.trouble;
	if (agent_identity_is_copy(a))
		return "this machine is a copy of another one: enrol it";
	if (a->signing.why != NULL)
		return a->signing.why;
	return a->link.trouble[0] != 0 ? a->link.trouble : NULL;
}

static void
put_identity(json_t *record, const struct agent *a)
{
	const char *trouble = identity_trouble(a);

	if (trouble != NULL)
		set_text(record, "trouble", trouble);
	if (a->identity == NULL)
		return;
	set_text(record, "agent", a->identity->agent);
	set_text(record, "collector",
	    a->link.collector[0] != 0 ? a->link.collector : a->identity->collector);
	set_time(record, "signing_until",
	    identity_pair_at(a->identity, clock_real_ms()).facts->not_after_ms);
	if (a->link.not_after_ms != 0)
		set_time(record, "tls_until", a->link.not_after_ms);
	set_int(record, "connections", a->link.n_connections);
	set_int(record, "resumed", a->link.n_resumed);
	set_int(record, "failures", a->link.n_failures);
	if (a->link.knows_clock)
		(void)json_object_set_new(record, "clock_ahead_ms",
		    json_integer(a->link.clock_ahead_ms));
}

static void
put_delivery(const struct asked *q)
{
	struct agent *a = q->agent;
	struct spool_statistics st;
	json_t *record = json_pack("{s:s}", "type", "delivery");
	bool is_good = a->identity != NULL &&
		       (!a->knows_link || a->link.state != LINK_DOWN) &&
		       identity_trouble(a) == NULL;

	if (a->identity == NULL)
		set_text(record, "state", "not enrolled");
	else
		set_text(record, "state",
		    a->knows_link ? a->link.sentence : "nothing was delivered yet");
	(void)json_object_set_new(record, "is_good", json_boolean(is_good));
	put_identity(record, a);
	if (q->is_trusted && spool_statistics(a->spool, &st) == MH_OK) {
		set_int(record, "waiting", st.n_pending);
		set_int(record, "sealed", st.n_sealed);
		set_int(record, "receipts", st.n_receipts);
		set_int(record, "set_aside", st.n_aside);
	}
	(void)control_put(q->answer, record);
}

static void
put_paused(const struct asked *q)
{
	struct schedule_pause pause =
	    schedule_get_pause(agent_scan_schedule(q->agent), clock_real_ms());

	if (!pause.is_paused)
		return;
	json_t *record = json_pack("{s:s}", "type", "paused");

	set_time(record, "since", pause.since_ms);
	set_time(record, "until", pause.until_ms);
	(void)control_put(q->answer, record);
}

/* The scan of a profile that ended last, in this life of the agent. */
static void
put_last(const struct asked *q)
{
	const struct last_run *last = agent_scan_last(q->agent);

	if (last->profile == NULL)
		return;
	json_t *record = json_pack("{s:s}", "type", "last");

	set_text(record, "profile", last->profile);
	set_time(record, "started", last->started_ms);
	set_time(record, "ended", last->ended_ms);
	set_int(record, "scanned", last->n_scanned);
	set_int(record, "unchanged", last->n_unchanged);
	set_int(record, "missed", last->n_missed);
	if (q->is_trusted)
		set_int(record, "findings", last->n_findings);
	(void)control_put(q->answer, record);
}

/* What was given up to whom, and what cannot be seen. */
static void
put_resources(const struct asked *q)
{
	const struct governor *g = agent_scan_governor(q->agent);
	json_t *record = json_pack("{s:s}", "type", "resources");
	json_t *given = json_array();
	json_t *blind = json_array();

	for (int i = GOVERNOR_NOBODY + 1; i < GOVERNOR_REASON_MAX_; i++) {
		enum governor_reason reason = (enum governor_reason)i;
		int64_t ms = governor_given_up_ms(g, reason);
		const char *why = governor_blind(g, reason);

		if (ms > 0)
			(void)json_array_append_new(given,
			    json_pack("{s:s, s:I}", "to", governor_reason_text(reason),
				"ms", (json_int_t)ms));
		if (why != NULL)
			(void)json_array_append_new(blind, json_string(why));
	}
	(void)json_object_set_new(record, "given_up", given);
	(void)json_object_set_new(record, "not_seen", blind);
	(void)control_put(q->answer, record);
}

static void
put_places(json_t *record, const struct watching *w)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < w->n_places; i++) {
		const struct watch_place *p = &w->places[i];
		json_t *place = json_object();

		set_text(place, "path", p->path);
		set_text(place, "file_system", p->type);
		if (p->trouble[0] != 0)
			set_text(place, "trouble", p->trouble);
		(void)json_array_append_new(list, place);
	}
	(void)json_object_set_new(record, "places", list);
}

static void
put_watch(const struct asked *q)
{
	const struct watching *w = agent_watch_state(q->agent);
	json_t *record = json_pack("{s:s}", "type", "watch");
	const char *silence = agent_watch_silence(q->agent);
	uint32_t n_not = 0;

	for (uint32_t i = 0; w != NULL && i < w->n_places; i++)
		n_not += w->places[i].trouble[0] != 0;
	(void)json_object_set_new(record, "is_on",
	    json_boolean(w != NULL && w->trouble[0] == 0 && silence == NULL));
	/* Whether something is blocked tells that something was found. */
	if (q->is_trusted) {
		(void)json_object_set_new(record, "is_blocking",
		    json_boolean(agent_block_is_on(q->agent)));
		set_int(record, "denied", agent_block_denied(q->agent));
	}
	set_int(record, "hung", agent_watch_count_hung(q->agent));
	if (silence != NULL)
		set_text(record, "why", silence);
	else if (w == NULL)
		set_text(record, "why",
		    q->agent->config.watch_enabled ? "it begins when the rules are ready"
						   : "by configuration");
	else if (w->trouble[0] != 0)
		set_text(record, "why", w->trouble);
	if (w != NULL) {
		set_int(record, "watched", w->n_places - n_not);
		set_int(record, "unwatched", n_not + w->n_unlisted);
#define PUT_COUNTER(name) set_int(record, #name, w->counters.n_##name);
		WATCH_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
		if (w->processes_trouble[0] != 0)
			set_text(record, "processes_trouble", w->processes_trouble);
	}
	if (w != NULL && q->is_trusted)
		put_places(record, w);
	(void)control_put(q->answer, record);
}

static void
put_cache(const struct asked *q)
{
	const struct agent *a = q->agent;
	json_t *record = json_pack("{s:s}", "type", "cache");

	(void)json_object_set_new(record, "is_on", json_boolean(a->clean != NULL));
	set_int(record, "entries", a->clean != NULL ? clean_table_count(a->clean) : 0);
	(void)control_put(q->answer, record);
}

static void
put_policy(const struct asked *q)
{
	const struct policy_facts *facts = agent_policy_facts(q->agent);
	const char *problem = agent_policy_problem(q->agent);
	json_t *record = json_pack("{s:s}", "type", "policy");

	if (facts != NULL) {
		set_text(record, "id", facts->id);
		set_int(record, "version", facts->version);
		set_time(record, "issued", facts->issued_ms);
		set_time(record, "expires", facts->expires_ms);
	}
	if (problem != NULL)
		set_text(record, "problem", problem);
	(void)control_put(q->answer, record);
}

static void
answer_status(const struct asked *q)
{
	put_health(q);
	put_paused(q);
	put_rules(q);
	put_scan(q);
	put_last(q);
	put_resources(q);
	put_watch(q);
	put_cache(q);
	put_policy(q);
	put_delivery(q);
}

static void
answer_list(const struct asked *q)
{
	const struct schedule *s = agent_scan_schedule(q->agent);
	struct schedule_time now = { clock_real_ms(), clock_monotonic_ms() };

	for (size_t i = 0; i < schedule_count(s); i++) {
		struct schedule_line l = schedule_get(s, i, now);
		json_t *record = json_pack("{s:s}", "type", "schedule");
		const char *at = strchr(l.key, ' ');

		set_text(record, "profile", l.profile);
		set_text(record, "at", at != NULL ? at + 1 : "");
		set_time(record, "next", l.next_start_ms);
		set_time(record, "last", l.handled_ms);
		set_time(record, "due", l.due_ms);
		(void)json_object_set_new(record, "is_missed", json_boolean(l.is_missed));
		(void)control_put(q->answer, record);
	}
	put_paused(q);
}

static void
put_done(const struct asked *q, const char *text)
{
	(void)control_put(q->answer,
	    json_pack("{s:s, s:s}", "type", "done", "text", text));
}

static void
answer_run(const struct asked *q)
{
	const char *profile = json_string_value(json_object_get(q->request, "profile"));

	if (profile == NULL || !agent_scan_ask(q->agent, profile)) {
		control_refuse(q->answer, "profile",
		    "there is no such profile: quick, memory, full, or one of the "
		    "configuration");
		return;
	}
	if (schedule_get_pause(agent_scan_schedule(q->agent), clock_real_ms()).is_paused)
		put_done(q, "Scans are paused: it begins when they are resumed.");
	else
		put_done(q, agent_scan_run(q->agent) != NULL
				? "It begins when the scan that runs now has ended."
				: "It begins.");
}

static void
answer_pause(const struct asked *q)
{
	json_int_t ms = json_integer_value(json_object_get(q->request, "ms"));

	agent_scan_pause(q->agent, ms > 0 ? ms : 0);
	put_done(q, "Scans of profiles pause; watching goes on.");
}

static void
answer_resume(const struct asked *q)
{
	agent_scan_resume(q->agent);
	put_done(q, "Scans of profiles go on.");
}

static void
put_check(void *ctx, const struct agent_check *check)
{
	static const char *const words[] = { "good", "weaker", "error" };
	const struct asked *q = ctx;
	json_t *record = json_pack("{s:s}", "type", "check");

	set_text(record, "name", check->name);
	set_text(record, "level", words[check->level]);
	set_text(record, "text", check->text);
	if (check->advice != NULL)
		set_text(record, "advice", check->advice);
	(void)control_put(q->answer, record);
}

static void
answer_doctor(const struct asked *q)
{
	agent_check_all(q->agent, put_check, (void *)(uintptr_t)q);
}

static void
answer_policy_apply(const struct asked *q)
{
	json_t *text = json_object_get(q->request, "text");
	json_t *signature = json_object_get(q->request, "signature");
	MH_CLEANUP(freep) char *why = NULL;

	if (!json_is_string(text) || !json_is_string(signature)) {
		control_refuse(q->answer, "malformed", "text and signature are needed");
		return;
	}
	const struct policy_file file = {
		.text = (const uint8_t *)json_string_value(text),
		.len = json_string_length(text),
		.signature = (const uint8_t *)json_string_value(signature),
		.signature_len = json_string_length(signature),
	};

	if (agent_policy_apply(q->agent, &file, &why) != MH_OK) {
		MH_CLEANUP(freep) char *safe = text_escape(why);

		control_refuse(q->answer, "policy", safe);
		return;
	}
	(void)control_put(q->answer,
	    json_pack("{s:s, s:s}", "type", "done", "text",
		"The policy is accepted; it is in force when the rules are loaded."));
}

static bool
put_finding(const struct spool_history *h, void *arg)
{
	const struct asked *q = arg;
	json_t *record = json_pack("{s:s}", "type", "finding");
	json_t *finding = json_loads(h->json, 0, NULL);
	MH_CLEANUP(freep) char *path = text_escape_bytes(h->path, h->path_len);

	set_time(record, "first", h->first_ms);
	set_time(record, "last", h->last_ms);
	set_int(record, "count", h->count);
	set_int(record, "severity", (uint64_t)h->severity);
	set_text(record, "rule", h->rule);
	(void)json_object_set_new(record, "path", json_string(path));
	if (finding != NULL)
		(void)json_object_set_new(record, "finding", finding);
	return control_put(q->answer, record);
}

static void
answer_findings(const struct asked *q)
{
	json_int_t since = json_integer_value(json_object_get(q->request, "since_ms"));
	json_int_t limit = json_integer_value(json_object_get(q->request, "limit"));

	if (limit <= 0)
		limit = FINDINGS_DEFAULT;
	if (limit > FINDINGS_MAX)
		limit = FINDINGS_MAX;
	mh_err err = spool_history_each(q->agent->spool, since, (uint64_t)limit,
	    put_finding, (void *)(uintptr_t)q);
	if (err != MH_OK)
		control_refuse(q->answer, "spool", spool_why(q->agent->spool));
}

static const struct {
	const char *name;
	bool is_for_all;
	void (*answer)(const struct asked *q);
} verbs[] = {
	{ "status", true, answer_status },
	{ "doctor", true, answer_doctor },
	{ "findings", false, answer_findings },
	{ "policy-show", true, put_policy },
	{ "policy-apply", false, answer_policy_apply },
	{ "schedule-list", false, answer_list },
	{ "schedule-run", false, answer_run },
	{ "schedule-pause", false, answer_pause },
	{ "schedule-resume", false, answer_resume },
};

static void
on_request(void *ctx, bool is_trusted, const json_t *request,
    struct control_answer *answer)
{
	const struct asked q = { ctx, is_trusted, request, answer };
	const char *verb = json_string_value(json_object_get(request, "verb"));

	for (size_t i = 0; verb != NULL && i < MH_ARRAY_LEN(verbs); i++) {
		if (strcmp(verb, verbs[i].name) != 0)
			continue;
		if (verbs[i].is_for_all || is_trusted)
			verbs[i].answer(&q);
		else
			control_refuse(answer, "denied",
			    "this is for root and the members of the group of "
			    "control.group");
		return;
	}
	control_refuse(answer, "unknown", "no such verb");
}

mh_err
agent_control_listen(struct agent *a)
{
	const char *path = a->config.control_socket;
	const struct group *group =
	    a->config.control_group[0] != 0 ? getgrnam(a->config.control_group) : NULL;
	mh_err err = control_listen(path, &a->control_fd);

	a->control_gid = group != NULL ? group->gr_gid : (gid_t)-1;
	if (err == MH_ERR_EXISTS)
		log_err("control",
		    "%s: another agent answers there; stop it, or change control.socket",
		    path);
	else if (err != MH_OK)
		log_err_r(err, "control", "%s: nobody can ask the agent", path);
	/* Without a socket it scans all the same. */
	if (err != MH_OK)
		a->control_fd = -1;
	return err == MH_ERR_EXISTS ? err : MH_OK;
}

void
agent_control_init(struct agent *a)
{
	if (a->control_fd < 0)
		return;
	a->control = control_new(a->base, a->control_fd, a->control_gid, on_request, a);
	if (a->control == NULL)
		log_err("control", "nobody can ask the agent anything");
}

void
agent_control_clear(struct agent *a)
{
	control_free(a->control);
	a->control = NULL;
}

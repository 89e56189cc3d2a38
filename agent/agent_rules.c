/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule sets of the resident agent.  A new one is loaded beside the one in use,
 * which works until the new one is ready; one that cannot be loaded changes
 * nothing.
 *
 * Runs in: agent.
 * Input: configuration.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "agent/indicator_files.h"
#include "agent/indicator_output.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"

/* Helper programs of one generation of rules get these instances. */
enum { INSTANCES_PER_SET = 1 << 20 };

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	struct rule_set *set = ctx;

	set->n_problems++;
	log_warn("rules", "%s:%u: %s; this file is left out", file->path, line, why);
}

static void
on_indicator_line(void *ctx, const struct indicator_file *file, unsigned line,
    const char *why)
{
	MH_CLEANUP(freep) char *text = indicator_line_text(file, line, why);

	(void)ctx;
	log_warn("indicators", "%s; left out", text);
}

static void
on_indicator_file(void *ctx, const struct indicator_file *file,
    const struct indicator_file_result *result)
{
	struct rule_set *set = ctx;
	MH_CLEANUP(freep) char *what = indicator_result_text(result);

	if (result->why == NULL || result->why[0] == 0) {
		log_info("indicators", "%s: %s", file->path, what);
		return;
	}
	set->n_problems++;
	log_warn("indicators", "%s: %s; this file is left out", file->path, result->why);
}

/* Within its scanner's step: what follows is done by the tick. */
static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	struct rule_set *set = ctx;

	set->is_failed = facts == NULL;
	set->is_ready = facts != NULL;
	set->retry_ms = clock_monotonic_ms() + RULES_RETRY_MS;
	if (facts == NULL) {
		free(set->why);
		set->why = xstrdup(why);
		log_err("rules", "%s: %s",
		    set == set->agent->rules ? "nothing can be scanned, tried again in a "
					       "minute"
					     : "the new rules are not used",
		    why);
		return;
	}
	set->facts = *facts;
	log_notice("rules", "%u rules of %u files are ready, %u files were left out",
	    (unsigned)(facts->n_rules - facts->n_indicators[INDICATOR_DOMAIN]),
	    (unsigned)(facts->n_files - facts->n_left_out), (unsigned)facts->n_left_out);
	MH_CLEANUP(freep) char *indicators = indicator_facts_text(facts);

	if (indicators != NULL)
		log_notice("indicators", "%s are ready", indicators);
	if (!facts->has_landlock)
		log_warn("scan",
		    "this kernel has no Landlock: the workers' sandbox is weaker");
}

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	const struct rule_set *set = ctx;

	return agent_ask(set->agent, MSG_START, role, instance);
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	const struct rule_set *set = ctx;

	mh_ignore(agent_ask(set->agent, MSG_STOP, role, instance));
}

static void
on_event(evutil_socket_t fd, short what, void *ctx)
{
	struct rule_set *set = ctx;
	struct agent *a = set->agent;

	(void)fd;
	(void)what;
	scanner_step(set->scanner, 0);
	agent_hurry(a);
}

/* While the disk is full, workers are not listened to: that holds them back. */
static void
listen_to(struct rule_set *set, bool is_listening)
{
	if (set == NULL || set->event == NULL || is_listening == set->is_listening)
		return;
	set->is_listening = is_listening;
	(void)(is_listening ? event_add(set->event, NULL) : event_del(set->event));
}

/* What is set up for all workers, from the configuration. */
static void
fill_options(const struct agent_config *config, struct scanner_options *ret)
{
	*ret = (struct scanner_options){
		.n_workers = (unsigned)config->scan_jobs,
		.open_ms = SCAN_OPEN_MS,
		.is_background = true,
	};
	scan_setup_init(&ret->setup);
	ret->setup.is_background = true;
	ret->setup.max_file_bytes = config->scan_max_file_bytes;
	ret->setup.timeout_ms = (uint32_t)config->scan_timeout_ms;
	ret->setup.data_mode = (uint8_t)config->scan_matched;
	ret->setup.archives = config->scan_archives;
	/* The one that tries what was too much for others gets what they leave. */
	uint64_t workers = (ret->n_workers + 1) * ret->setup.memory_bytes;

	if (config->limits_memory_bytes - workers < ret->setup.heavy_bytes)
		ret->setup.heavy_bytes = config->limits_memory_bytes - workers;
}

static void
rule_set_free(struct rule_set *set)
{
	if (set == NULL)
		return;
	if (set->event != NULL)
		event_free(set->event);
	if (set->scanner != NULL)
		scanner_stop_children(set->scanner);
	scanner_free(set->scanner);
	if (set->has_config)
		settings_clear(&agent_config_schema, &set->config);
	free(set->why);
	free(set->table_folder);
	free(set);
}

static void
tell_expired(const struct overrides *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct override *o = &list->items[i];

		if (override_is_expired(o, clock_real_ms()))
			log_warn("rules",
			    "the override of %s ended with %s and does nothing: look at "
			    "its reason again, or remove it",
			    o->rule, o->until);
	}
}

/* A set with the packs of config, being loaded. */
static struct rule_set *
rule_set_new(struct agent *a, const struct agent_config *config)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_indicator_line = on_indicator_line,
		.on_indicator_file = on_indicator_file,
		.on_ready = on_ready,
	};
	struct rule_set *set = xcalloc(1, sizeof(*set));
	struct scanner_options options;
	struct pack_list packs = { .files = NULL };

	set->agent = a;
	set->generation = ++a->rules_generation;
	struct overrides overrides = { config->overrides.items, config->overrides.n,
		&config->groups };

	fill_options(config, &options);
	options.overrides = &overrides;
	tell_expired(&overrides);
	set->ends_ms = overrides_next_end(&overrides, clock_real_ms());
	for (size_t i = 0; i < config->packs.n; i++) {
		MH_CLEANUP(freep) char *why = NULL;

		if (pack_list_add(&packs, config->packs.items[i], &why) != MH_OK) {
			log_err("rules", "pack %s", why);
			set->n_problems++;
		}
	}
	for (size_t i = 0; i < config->indicators.n; i++) {
		MH_CLEANUP(freep) char *why = NULL;

		if (indicator_files_add(&packs, config->indicators.items[i], &why) !=
		    MH_OK) {
			log_err("indicators", "%s", why);
			set->n_problems++;
		}
	}
	set->table_folder = xasprintf("%s/agent", a->state);
	options.table_folder = set->table_folder;
	set->scanner = scanner_new(&options, &packs, &ops, set,
	    set->generation % (INSTANCES_RULES / INSTANCES_PER_SET) * INSTANCES_PER_SET);
	pack_list_clear(&packs);
	set->event = event_new(a->base, scanner_fd(set->scanner), EV_READ | EV_PERSIST,
	    on_event, set);
	listen_to(set, true);
	if (scanner_load(set->scanner) != MH_OK) {
		set->is_failed = true;
		set->retry_ms = clock_monotonic_ms() + RULES_RETRY_MS;
	}
	return set;
}

void
agent_rules_init(struct agent *a)
{
	a->rules = rule_set_new(a, &a->config);
}

bool
agent_rules_are_ready(const struct agent *a)
{
	return a->rules != NULL && a->rules->is_ready;
}

static void
note_reload(struct agent *a, char *why)
{
	free(a->reload_why);
	a->reload_why = why;
}

void
agent_reload(struct agent *a)
{
	struct agent_config config;
	char *why = NULL;

	notify_supervisor("RELOADING=1");
	mh_err err = agent_config_load(a->config_path, &config, &why);
	if (err != MH_OK) {
		log_err("config", "%s; the configuration in use stays", why);
		note_reload(a, why);
		notify_supervisor("READY=1");
		return;
	}
	agent_policy_merge(a, &config);
	/* A set that is being loaded has seen less than this one. */
	rule_set_free(a->next_rules);
	a->next_rules = rule_set_new(a, &config);
	a->next_rules->config = config;
	a->next_rules->has_config = true;
	log_notice("config", "%s: good; its rules are being loaded", a->config_path);
}

/* The new set takes over; what the old one has under way ends in it. */
static void
switch_rules(struct agent *a)
{
	struct rule_set *set = a->next_rules;
	struct agent_config before = a->config;
	bool has_other_rules =
	    a->rules == NULL || !a->rules->is_ready ||
	    memcmp(set->facts.id, a->rules->facts.id, sizeof(set->facts.id)) != 0;

	(void)agent_store(a);
	a->old_rules = a->rules;
	a->rules = set;
	a->next_rules = NULL;
	a->config = set->config;
	set->has_config = false;
	log_set_level((enum log_level)a->config.log_level);
	struct spool_options options = agent_spool_options(a);

	spool_set_limits(a->spool, &options);
	agent_store_retry(a);
	set->is_clean_loaded = true;
	agent_clean_load(a);
	agent_scan_on_new_rules(a);
	agent_watch_on_new_rules(a);
	settings_clear(&agent_config_schema, &before);
	note_reload(a, NULL);
	notify_supervisor("READY=1");
	log_notice("config", "the new configuration is in use%s",
	    has_other_rules ? ", with other rules" : "");
}

static void
tick_next(struct agent *a)
{
	struct rule_set *set = a->next_rules;

	if (set == NULL)
		return;
	if (set->is_failed) {
		note_reload(a, xasprintf("rules: %s", set->why != NULL ? set->why : "-"));
		log_err("config", "the rules in use, and their configuration, stay");
		a->next_rules = NULL;
		rule_set_free(set);
		notify_supervisor("READY=1");
	} else if (set->is_ready && a->old_rules == NULL) {
		switch_rules(a);
	}
}

/* A rule that was disabled until yesterday has to run again, and somebody has to know. */
static void
reload_when_an_override_ends(struct agent *a)
{
	struct rule_set *set = a->rules;

	if (set->ends_ms == 0 || a->next_rules != NULL || clock_real_ms() < set->ends_ms)
		return;
	/* Once: when it cannot be loaded, the rules in use stay. */
	set->ends_ms = 0;
	log_notice("rules", "an override has ended: the rules are loaded again");
	agent_reload(a);
}

void
agent_rules_tick(struct agent *a, int64_t now_ms)
{
	struct rule_set *sets[] = { a->rules, a->next_rules, a->old_rules };
	bool is_listening = !store_is_blocked(a->store);

	for (size_t i = 0; i < MH_ARRAY_LEN(sets); i++) {
		/* One that is being loaded finds nothing, and may be what makes room. */
		bool is_heard = is_listening || sets[i] == a->next_rules;

		listen_to(sets[i], is_heard);
		if (sets[i] != NULL && is_heard)
			scanner_step(sets[i]->scanner, 0);
	}
	tick_next(a);
	reload_when_an_override_ends(a);
	if (a->rules->is_ready && !a->rules->is_clean_loaded) {
		a->rules->is_clean_loaded = true;
		agent_clean_load(a);
	}
	if (a->rules->is_failed && now_ms >= a->rules->retry_ms) {
		a->rules->is_failed = false;
		a->rules->retry_ms = now_ms + RULES_RETRY_MS;
		a->rules->is_failed = scanner_load(a->rules->scanner) != MH_OK;
	}
	if (a->old_rules != NULL && !scanner_has_scans(a->old_rules->scanner)) {
		rule_set_free(a->old_rules);
		a->old_rules = NULL;
	}
}

void
agent_rules_on_started(struct agent *a, enum role role, unsigned instance, int fd)
{
	struct rule_set *sets[] = { a->rules, a->next_rules, a->old_rules };

	for (size_t i = 0; i < MH_ARRAY_LEN(sets); i++) {
		if (sets[i] != NULL && scanner_owns(sets[i]->scanner, role, instance)) {
			scanner_on_started(sets[i]->scanner, role, instance, fd);
			return;
		}
	}
	(void)close(fd);
}

void
agent_rules_on_exited(struct agent *a, enum role role, unsigned instance, int status)
{
	struct rule_set *sets[] = { a->rules, a->next_rules, a->old_rules };

	for (size_t i = 0; i < MH_ARRAY_LEN(sets); i++) {
		if (sets[i] != NULL)
			scanner_on_exited(sets[i]->scanner, role, instance, status);
	}
}

void
agent_rules_clear(struct agent *a)
{
	rule_set_free(a->next_rules);
	rule_set_free(a->old_rules);
	rule_set_free(a->rules);
	free(a->reload_why);
}

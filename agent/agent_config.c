/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent_config.h"

#include <assert.h>
#include <string.h>

#include "agent/calendar.h"
#include "agent/clean_table.h"
#include "agent/scan.h"
#include "agent/schedule.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "records/delivery.h"
#include "records/setup.h"
#include "records/watch.h"
#include "transport/url.h"

#define DAY_MS 86400000ull

static const char *const matched_words[] = { "bytes", "hash", "none", NULL };
static const char *const level_words[] = { "error", "warning", "notice", "info", "debug",
	NULL };

static char *
check_profile_name(const char *text)
{
	const char *problem = profile_name_problem(text);

	return problem != NULL ? xstrdup(problem) : NULL;
}

static char *
check_calendar(const char *text)
{
	struct calendar unused;
	char *why = NULL;

	return calendar_parse(text, &unused, &why) == MH_OK ? NULL : why;
}

/* A daemon has no folder that a relative path could begin in. */
static char *
check_absolute(const char *text)
{
	return text[0] == '/' ? NULL : xstrdup("a path has to begin with /");
}

/* The same, with or without a format in front: "loki-hash:/srv/feed.txt". */
static char *
check_indicators(const char *text)
{
	const char *colon = strchr(text, ':');
	MH_CLEANUP(freep)
	char *format = xstrndup(text, colon != NULL ? (size_t)(colon - text) : 0);

	if (text[0] != '/' && colon != NULL &&
	    indicator_format_find(format) != FORMAT_UNKNOWN)
		text = colon + 1;
	return check_absolute(text);
}

static char *
check_pattern_path(const char *text)
{
	return text[0] == '/' || strcmp(text, "~") == 0 || strncmp(text, "~/", 2) == 0
		   ? NULL
		   : xstrdup("a path has to begin with / or ~/");
}

static char *
check_url(const char *text)
{
	struct url unused;
	const char *why = NULL;

	return url_parse(text, &unused, &why) == MH_OK ? NULL : xstrdup(why);
}

static char *
check_proxy(const char *text)
{
	struct url_proxy unused;
	const char *why = NULL;

	return text[0] == 0 || url_proxy_parse(text, &unused, &why) == MH_OK
		   ? NULL
		   : xstrdup(why);
}

static char *
check_file(const char *text)
{
	return text[0] == 0 ? NULL : check_absolute(text);
}

static char *
check_loopback(const char *text)
{
	return text[0] == 0 || url_is_loopback(text)
		   ? NULL
		   : xstrdup("it has to be ADDRESS:PORT of loopback, as 127.0.0.1:9639");
}

static char *
check_host(const char *text)
{
	return strlen(text) <= DELIVERY_HOST_MAX
		   ? NULL
		   : xstrdup("a host's name has at most 253 characters");
}

/* What matches whole paths. */
static char *
check_pattern(const char *text)
{
	return strchr("/*?[", text[0]) != NULL && text[0] != 0
		   ? NULL
		   : xstrdup("it has to match a whole path: begin it with / or *");
}

#define AT(field) offsetof(struct config_profile, field)

static const struct setting profile_rows[] = {
	{ "name", SETTING_STRING, AT(name), .min = 1, .max = PROFILE_NAME_MAX,
	    .required = true, .check = check_profile_name,
	    .help = "Its name; quick, full or memory take the place of those built in." },
	{ "paths", SETTING_STRINGS, AT(paths), .max = PROFILE_LIST_MAX,
	    .check = check_pattern_path,
	    .help = "Files and folders with all below them; patterns (glob), ~ is each "
		    "home." },
	{ "only", SETTING_STRINGS, AT(only), .max = PROFILE_LIST_MAX,
	    .help = "Patterns of the files that are scanned there; none: all of them." },
	{ "exclude", SETTING_STRINGS, AT(exclude), .max = PROFILE_LIST_MAX,
	    .check = check_pattern,
	    .help = "Patterns of paths that are left out, beside scan.exclude." },
	{ "processes", SETTING_BOOL, AT(has_processes), "no",
	    .help =
		"Whether the memory of all processes is scanned, and what they map." },
	{ "cross_file_systems", SETTING_BOOL, AT(may_cross), "no",
	    .help =
		"Whether to enter local file systems other than where a path begins." },
	{ "network_file_systems", SETTING_BOOL, AT(may_use_network), "no",
	    .help = "Whether to scan network and FUSE file systems." },
};
static const struct settings_schema profile_schema = { profile_rows,
	MH_ARRAY_LEN(profile_rows), sizeof(struct config_profile), NULL };

#undef AT
#define AT(field) offsetof(struct config_entry, field)

static const struct setting entry_rows[] = {
	{ "profile", SETTING_STRING, AT(profile), .min = 1, .max = PROFILE_NAME_MAX,
	    .required = true, .help = "What is scanned." },
	{ "at", SETTING_STRING, AT(at), .min = 1, .max = CALENDAR_TEXT_MAX,
	    .required = true, .check = check_calendar,
	    .help =
		"When: hourly, every 6h, daily 03:00, weekly Sun 03:00, Mon..Fri 12:30, "
		"monthly 1 04:00." },
	{ "spread", SETTING_DURATION, AT(spread_ms), "0s", .max = 31 * DAY_MS,
	    .help =
		"It starts up to so long after that, by chance but always the same." },
};
static const struct settings_schema entry_schema = { entry_rows, MH_ARRAY_LEN(entry_rows),
	sizeof(struct config_entry), NULL };

#undef AT
#define AT(field) offsetof(struct agent_config, field)

static const struct setting rows[] = {
	{ "packs", SETTING_STRINGS, AT(packs), MH_PACKDIR "/molehunt", .min = 1,
	    .max = 256, .check = check_absolute,
	    .help = "Folders of rule files, or single ones; each folder is a pack." },
	{ "overrides", SETTING_TABLES, AT(overrides), "[]", .max = OVERRIDES_MAX,
	    .table = &override_schema,
	    .help = "What is said of rules without editing them: disable, re-score, "
		    "suppress." },
	{ "groups", SETTING_STRINGS, AT(groups), NULL, .max = HOST_GROUPS_MAX,
	    .check = host_group_check,
	    .help = "Groups that this machine belongs to, for overrides." },
	{ "indicators", SETTING_STRINGS, AT(indicators), NULL, .max = 256,
	    .check = check_indicators,
	    .help =
		"Files of indicators, or folders of such, beside those of the packs." },
	{ "profiles", SETTING_TABLES, AT(profiles), "[]", .max = PROFILES_MAX,
	    .table = &profile_schema,
	    .help = "What a scan looks at, beside the profiles quick, full and memory." },
	{ "schedule", SETTING_TABLES, AT(schedule),
	    "[{profile: quick, at: daily 12:00, spread: 2h}, "
	    "{profile: full, at: weekly Sat 02:00, spread: 6h}]",
	    .max = SCHEDULE_ENTRIES_MAX, .table = &entry_schema,
	    .help = "Which profile is scanned when; what was missed is caught up." },
	{ "scan.exclude", SETTING_STRINGS, AT(scan_exclude), NULL, .max = 256,
	    .check = check_pattern,
	    .help = "Patterns (glob) of paths that are left out, with all below them." },
	{ "scan.jobs", SETTING_INTEGER, AT(scan_jobs), "1", .min = 1,
	    .max = SCAN_JOBS_MAX, .help = "Scan workers that run at once." },
	{ "scan.max_file_size", SETTING_SIZE, AT(scan_max_file_bytes), "512MiB",
	    .min = SCAN_FILE_BYTES_MIN, .max = SCAN_FILE_BYTES_MAX,
	    .help = "Larger files are scanned in part, and said so." },
	{ "scan.timeout", SETTING_DURATION, AT(scan_timeout_ms), "30s",
	    .min = SCAN_TIMEOUT_MIN_MS, .max = SCAN_TIMEOUT_MAX_MS,
	    .help = "Time that the rules may take on one file." },
	{ "scan.archives", SETTING_BOOL, AT(scan_archives), "yes",
	    .help = "Whether the members of archives are scanned, too." },
	{ "scan.matched", SETTING_ENUM, AT(scan_matched), "bytes",
	    .choices = matched_words,
	    .help = "What is kept of matched strings: bytes, their hash, or none." },
	{ "watch.enabled", SETTING_BOOL, AT(watch_enabled), "yes",
	    .help = "Whether what is written and executed is scanned at once." },
	{ "watch.debounce", SETTING_DURATION, AT(watch_debounce_ms), "300ms", .min = 10,
	    .max = 60000, .help = "A file is scanned so long after its last write." },
	{ "watch.memory_after", SETTING_DURATION, AT(watch_memory_after_ms), "5s",
	    .min = 100, .max = 3600000,
	    .help = "The memory of a process is scanned so long after its start." },
	{ "watch.pending_max", SETTING_INTEGER, AT(watch_pending_max), "16384", .min = 64,
	    .max = WATCH_PENDING_MAX,
	    .help =
		"Files that wait to be scanned; beyond, what changed is looked for." },
	{ "watch.exclude", SETTING_STRINGS, AT(watch_exclude), NULL, .max = 256,
	    .check = check_pattern,
	    .help =
		"Patterns (glob) of paths whose writes and executions are left alone." },
	{ "watch.block", SETTING_BOOL, AT(watch_block), "no",
	    .help = "Whether files with findings of severity High are kept from being "
		    "executed." },
	{ "pause.cpu", SETTING_INTEGER, AT(pause_cpu), "75", .min = 1, .max = 100,
	    .help = "Scans pause when others use more of all processors; 100: never." },
	{ "pause.cpu_wait", SETTING_INTEGER, AT(pause_cpu_wait), "20", .min = 1,
	    .max = 100,
	    .help = "The same, of the time in which others wait for a processor." },
	{ "pause.io", SETTING_INTEGER, AT(pause_io), "20", .min = 1, .max = 100,
	    .help = "The same, of the time in which others wait for disks." },
	{ "pause.memory", SETTING_INTEGER, AT(pause_memory), "5", .min = 1, .max = 100,
	    .help = "The same, of the time in which others wait for memory." },
	{ "pause.on_battery", SETTING_BOOL, AT(pause_on_battery), "yes",
	    .help = "Whether scans pause while the machine runs on its battery." },
	{ "pause.user_active", SETTING_BOOL, AT(pause_user_active), "no",
	    .help = "Whether scans pause while a user is at work." },
	{ "pause.user_idle", SETTING_DURATION, AT(pause_user_idle_ms), "5m", .min = 10000,
	    .max = DAY_MS, .help = "A user counts as at work so long after any input." },
	{ "pause.give_up_after", SETTING_DURATION, AT(pause_give_up_after_ms), "7d",
	    .min = 60000, .max = 365 * DAY_MS,
	    .help = "A scan that is older takes its least share, whoever needs the "
		    "machine." },
	{ "pause.least_share", SETTING_INTEGER, AT(pause_least_share), "5", .min = 1,
	    .max = 100, .help = "Percent of the time that it takes then." },
	{ "cache.enabled", SETTING_BOOL, AT(cache_enabled), "yes",
	    .help = "Whether files that were clean and are unchanged are passed over." },
	{ "cache.max_entries", SETTING_INTEGER, AT(cache_max_entries), "2000000",
	    .min = CLEAN_ENTRIES_MIN, .max = CLEAN_ENTRIES_MAX,
	    .help =
		"Such files that are remembered: 32 bytes of memory each, and of disk." },
	{ "cache.reread_after", SETTING_DURATION, AT(cache_reread_ms), "30d",
	    .min = DAY_MS, .max = CLEAN_REREAD_DAYS_MAX * DAY_MS,
	    .help =
		"Each of them is read again after so long, on a day nobody can know." },
	{ "limits.memory", SETTING_SIZE, AT(limits_memory_bytes), "1536MiB",
	    .min = 512ull << 20, .max = 1ull << 40,
	    .help =
		"Memory of all of Molehunt, beside the rules: bounds its scan workers." },
	{ "report.max_age", SETTING_DURATION, AT(report_max_age_ms), "30s", .min = 100,
	    .max = DAY_MS, .help = "A finding waits at most so long for its report." },
	{ "delivery.collectors", SETTING_STRINGS, AT(delivery_collectors), NULL,
	    .max = DELIVERY_COLLECTORS_MAX, .check = check_url,
	    .help = "Other collectors of the fleet, for when the one of the enrolment is "
		    "away." },
	{ "delivery.return_after", SETTING_DURATION, AT(delivery_return_ms), "10m",
	    .min = 1000, .max = DAY_MS,
	    .help = "After so long on another collector the first is tried again." },
	{ "delivery.proxy", SETTING_STRING, AT(delivery_proxy), "",
	    .max = DELIVERY_URL_MAX, .check = check_proxy,
	    .help = "HTTP proxy to go through: http://[USER@]HOST:PORT; none: direct." },
	{ "delivery.proxy_password_file", SETTING_STRING,
	    AT(delivery_proxy_password_file), "", .max = 4096, .check = check_file,
	    .help = "File with the proxy's password, the agent's own and mode 0600." },
	{ "delivery.no_proxy", SETTING_STRINGS, AT(delivery_no_proxy), NULL,
	    .max = DELIVERY_NO_PROXY_MAX, .check = check_host,
	    .help = "Hosts and domains of collectors that are reached without it." },
	{ "delivery.replay_rate", SETTING_INTEGER, AT(delivery_replay_rate), "5",
	    .min = 1, .max = DELIVERY_RATE_MAX,
	    .help = "Reports in a second after an outage, so that a fleet is no storm." },
	{ "spool.max_size", SETTING_SIZE, AT(spool_max_bytes), "2GiB", .min = 1 << 20,
	    .max = 1ull << 40,
	    .help = "Findings and reports that wait; when it is full, scanning waits." },
	{ "spool.max_status", SETTING_SIZE, AT(spool_max_status_bytes), "64MiB",
	    .min = 1 << 20, .max = 1ull << 40,
	    .help =
		"Coverage that waits; beyond it the oldest is dropped, and counted." },
	{ "spool.min_free", SETTING_SIZE, AT(spool_min_free_bytes), "256MiB",
	    .max = 1ull << 40,
	    .help = "Space that is left free on the disk; below it, scanning waits." },
	{ "metrics.listen", SETTING_STRING, AT(metrics_listen), "",
	    .max = DELIVERY_LISTEN_MAX, .check = check_loopback,
	    .help =
		"ADDRESS:PORT of loopback where Prometheus finds /metrics; none: off." },
	{ "control.socket", SETTING_STRING, AT(control_socket),
	    "/run/molehunt/control.sock", .min = 1, .max = 107, .check = check_absolute,
	    .help = "Where `molehunt status` and its like ask the agent." },
	{ "control.group", SETTING_STRING, AT(control_group), "molehunt", .max = 256,
	    .help = "Its members may see findings and steer scans, as root may." },
	{ "policy.key", SETTING_STRING, AT(policy_key), "", .max = 4096,
	    .help = "File of the operator's public key (minisign); none: no policy." },
	{ "log.level", SETTING_ENUM, AT(log_level), "notice", .choices = level_words,
	    .help = "The finest messages that are logged." },
};

static const struct config_profile *
profile_at(const struct agent_config *c, size_t i)
{
	return (const struct config_profile *)c->profiles.items + i;
}

/* Whether a walk can hold the patterns of both; more may be NULL. */
static bool
fits_together(const struct setting_strings *list, const struct setting_strings *more)
{
	size_t n = list->n + (more != NULL ? more->n : 0);
	MH_CLEANUP(freep) const char **all = xcalloc(n + 1, sizeof(*all));

	for (size_t i = 0; i < n; i++)
		all[i] = i < list->n ? list->items[i] : more->items[i - list->n];
	return scan_takes_excludes(all, n);
}

static void
check_profiles(const struct agent_config *c, struct settings_problem *ret)
{
	for (size_t i = 0; i < c->profiles.n; i++) {
		const struct config_profile *p = profile_at(c, i);

		*ret = (struct settings_problem){ .name = "profiles", .item = i };
		if (p->paths.n == 0 && !p->has_processes) {
			ret->why = xstrdup("this profile looks at nothing: give it paths "
					   "or processes");
			return;
		}
		if (!fits_together(&p->exclude, &c->scan_exclude) ||
		    !fits_together(&p->only, NULL)) {
			ret->why = xasprintf("its exclude (with scan.exclude) or only is "
					     "too long: at most %d "
					     "patterns of together %d bytes",
			    WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX);
			return;
		}
		for (size_t k = 0; k < i; k++) {
			if (strcmp(profile_at(c, k)->name, p->name) != 0)
				continue;
			ret->column = "name";
			ret->why = xasprintf("the profile %s is given twice", p->name);
			return;
		}
	}
}

static void
check_schedule(const struct agent_config *c, struct settings_problem *ret)
{
	const struct config_entry *entries = c->schedule.items;

	for (size_t i = 0; i < c->schedule.n; i++) {
		MH_CLEANUP(freep) char *shown = text_escape(entries[i].profile);
		struct profile unused;

		if (agent_config_profile(c, entries[i].profile, &unused))
			continue;
		*ret = (struct settings_problem){ "schedule", i, "profile",
			xasprintf("there is no profile %s: quick, memory, full, or one "
				  "of profiles",
			    shown) };
		return;
	}
}

/* What the rows cannot say: names that go together, and sizes of all together. */
static void
check_all(const void *values, struct settings_problem *ret)
{
	const struct agent_config *c = values;
	uint64_t least =
	    SCAN_HEAVY_DEFAULT / 4 + (c->scan_jobs + 1) * SCAN_MEMORY_DEFAULT;

	check_profiles(c, ret);
	if (ret->why == NULL)
		check_schedule(c, ret);
	if (ret->why == NULL)
		overrides_check(&c->overrides, "overrides", ret);
	if (ret->why != NULL)
		return;
	if (!scan_takes_excludes((const char *const *)c->scan_exclude.items,
		c->scan_exclude.n))
		*ret = (struct settings_problem){ "scan.exclude", 0, NULL,
			xasprintf("too long: at most %d patterns of together %d bytes",
			    WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX) };
	else if (c->limits_memory_bytes < least)
		*ret = (struct settings_problem){ "limits.memory", 0, NULL,
			xasprintf("too little for scan.jobs: at least %llu MiB",
			    (unsigned long long)(least >> 20)) };
}

const struct settings_schema agent_config_schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct agent_config), check_all };

mh_err
agent_config_load(const char *path, struct agent_config *ret, char **ret_why)
{
	return settings_load(&agent_config_schema, path, ret, ret_why);
}

bool
agent_config_profile(const struct agent_config *c, const char *name, struct profile *ret)
{
	const struct profile *builtin = profile_builtin(name);

	for (size_t i = 0; i < c->profiles.n; i++) {
		const struct config_profile *p = profile_at(c, i);

		if (strcmp(p->name, name) != 0)
			continue;
		*ret = (struct profile){
			.name = p->name,
			.paths = (const char *const *)p->paths.items,
			.n_paths = p->paths.n,
			.only = (const char *const *)p->only.items,
			.n_only = p->only.n,
			.exclude = (const char *const *)p->exclude.items,
			.n_exclude = p->exclude.n,
			.has_processes = p->has_processes,
			.may_cross = p->may_cross,
			.may_use_network = p->may_use_network,
		};
		return true;
	}
	if (builtin != NULL)
		*ret = *builtin;
	return builtin != NULL;
}

void
agent_config_schedule(const struct agent_config *c, struct schedule *s)
{
	const struct config_entry *entries = c->schedule.items;

	for (size_t i = 0; i < c->schedule.n; i++) {
		MH_CLEANUP(freep) char *why = NULL;
		struct calendar at;
		mh_err err = calendar_parse(entries[i].at, &at, &why);

		assert(err == MH_OK); /* the table checked it */
		schedule_add(s, entries[i].profile, entries[i].at, &at,
		    entries[i].spread_ms);
	}
}

struct governor_settings
agent_config_governor(const struct agent_config *c)
{
	return (struct governor_settings){
		.cpu_percent = (unsigned)c->pause_cpu,
		.cpu_wait_percent = (unsigned)c->pause_cpu_wait,
		.io_percent = (unsigned)c->pause_io,
		.memory_percent = (unsigned)c->pause_memory,
		.on_battery = c->pause_on_battery,
		.user_active = c->pause_user_active,
		.user_idle_ms = (int64_t)c->pause_user_idle_ms,
		.give_up_after_ms = (int64_t)c->pause_give_up_after_ms,
		.least_percent = (unsigned)c->pause_least_share,
	};
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent_config.h"

#include <assert.h>
#include <string.h>

#include "agent/calendar.h"
#include "agent/scan.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "records/setup.h"

static const char *const matched_words[] = { "bytes", "hash", "none", NULL };
static const char *const level_words[] = { "error", "warning", "notice", "info", "debug",
	NULL };

static char *
check_path(const char *text)
{
	return text[0] == '/' ? NULL : xstrdup("a path has to begin with /");
}

/* Of a profile: a pattern, maybe in each home. */
static char *
check_place(const char *text)
{
	bool is_home = text[0] == '~' && (text[1] == '/' || text[1] == 0);

	return text[0] == '/' || is_home
		   ? NULL
		   : xstrdup(
			 "a path has to begin with /, or with ~/ for each home folder");
}

static char *
check_name(const char *text)
{
	const char *why = profile_name_problem(text);

	return why != NULL ? xstrdup(why) : NULL;
}

static char *
check_calendar(const char *text)
{
	struct calendar c;
	char *why = NULL;
	mh_err err = calendar_parse(text, &c, &why);

	return err == MH_OK ? NULL : why;
}

#define IN_PROFILE(field) offsetof(struct profile_config, field)

static const struct setting profile_rows[] = {
	{ "name", SETTING_STRING, IN_PROFILE(name), NULL, .required = true,
	    .max = PROFILE_NAME_MAX, .check = check_name,
	    .help = "A word; that of a built-in profile takes its place." },
	{ "paths", SETTING_STRINGS, IN_PROFILE(paths), NULL, .max = PROFILE_LIST_MAX,
	    .check = check_place,
	    .help = "Files and folders; patterns, and ~ for each home folder." },
	{ "only", SETTING_STRINGS, IN_PROFILE(only), NULL, .max = PROFILE_LIST_MAX,
	    .help = "Patterns (glob) of paths or names: other files are passed over." },
	{ "exclude", SETTING_STRINGS, IN_PROFILE(exclude), NULL, .max = PROFILE_LIST_MAX,
	    .help = "Patterns (glob) of paths that are left out." },
	{ "processes", SETTING_BOOL, IN_PROFILE(processes), "no",
	    .help = "Whether memory is scanned, too." },
	{ "cross_file_systems", SETTING_BOOL, IN_PROFILE(cross), "yes",
	    .help = "Whether to enter other local file systems." },
	{ "network_file_systems", SETTING_BOOL, IN_PROFILE(network), "no",
	    .help = "Whether to scan network and FUSE file systems." },
	{ "archives", SETTING_BOOL, IN_PROFILE(archives), "yes",
	    .help = "Whether the members of archives are scanned." },
};

static const struct settings_schema profile_schema = { profile_rows,
	MH_ARRAY_LEN(profile_rows), sizeof(struct profile_config), NULL };

#define IN_ENTRY(field) offsetof(struct schedule_config, field)

static const struct setting schedule_rows[] = {
	{ "profile", SETTING_STRING, IN_ENTRY(profile), NULL, .required = true,
	    .max = PROFILE_NAME_MAX, .help = "What is scanned." },
	{ "at", SETTING_STRING, IN_ENTRY(at), NULL, .required = true,
	    .max = CALENDAR_TEXT_MAX, .check = check_calendar,
	    .help = "When: hourly, every 6h, daily 03:00, weekly Sun 03:00, Mon..Fri "
		    "12:30." },
	{ "spread", SETTING_DURATION, IN_ENTRY(spread_ms), "1h", .max = 7ull * 86400000,
	    .help = "The scan starts at random within so long." },
};

static const struct settings_schema schedule_schema = { schedule_rows,
	MH_ARRAY_LEN(schedule_rows), sizeof(struct schedule_config), NULL };

#define AT(field) offsetof(struct agent_config, field)

static const struct setting rows[] = {
	{ "packs", SETTING_STRINGS, AT(packs), MH_PACKDIR "/molehunt", .min = 1,
	    .max = 256,
	    .help = "Folders of rule files, or single ones; each folder is a pack." },
	{ "scan.paths", SETTING_STRINGS, AT(scan_paths), "/", .min = 1, .max = 1024,
	    .help = "What is scanned: files, and folders with all below them." },
	{ "scan.exclude", SETTING_STRINGS, AT(scan_exclude), NULL, .max = 256,
	    .help = "Patterns (glob) of paths that are left out, with all below them." },
	{ "scan.interval", SETTING_DURATION, AT(scan_interval_ms), "24h", .min = 1000,
	    .max = 365ull * 86400000,
	    .help = "Time from the start of one scan to the start of the next." },
	{ "scan.at_start", SETTING_BOOL, AT(scan_at_start), "yes",
	    .help = "Whether to scan when the agent starts." },
	{ "scan.cross_file_systems", SETTING_BOOL, AT(scan_cross), "no",
	    .help =
		"Whether to enter local file systems other than where a path begins." },
	{ "scan.network_file_systems", SETTING_BOOL, AT(scan_network), "no",
	    .help = "Whether to scan network and FUSE file systems." },
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
	{ "report.max_age", SETTING_DURATION, AT(report_max_age_ms), "30s", .min = 100,
	    .max = 86400000, .help = "A finding waits at most so long for its report." },
	{ "spool.max_size", SETTING_SIZE, AT(spool_max_bytes), "2GiB", .min = 1 << 20,
	    .max = 1ull << 40,
	    .help = "Findings and reports that wait; when it is full, scanning waits." },
	{ "spool.min_free", SETTING_SIZE, AT(spool_min_free_bytes), "256MiB",
	    .max = 1ull << 40,
	    .help = "Space that is left free on the disk; below it, scanning waits." },
	{ "profiles", SETTING_TABLES, AT(profiles), NULL, .max = PROFILES_MAX,
	    .table = &profile_schema,
	    .help = "What a scan looks at, beside the built-in quick, memory and full." },
	{ "schedule", SETTING_TABLES, AT(schedule),
	    "[{profile: quick, at: 'daily 12:00', spread: 2h}, "
	    "{profile: full, at: 'weekly Sat 02:00', spread: 6h}]",
	    .max = SCHEDULE_ENTRIES_MAX, .table = &schedule_schema,
	    .help = "Which profile is scanned when." },
	{ "watch.enabled", SETTING_BOOL, AT(watch_enabled), "yes",
	    .help = "Whether files are scanned when they were written or executed." },
	{ "watch.debounce", SETTING_DURATION, AT(watch_debounce_ms), "300ms", .min = 10,
	    .max = 60000,
	    .help = "Time without another change before a file is scanned." },
	{ "watch.memory_after", SETTING_DURATION, AT(watch_memory_after_ms), "5s",
	    .min = 100, .max = 3600000,
	    .help = "Time from the start of a program to the scan of its memory." },
	{ "watch.pending_max", SETTING_INTEGER, AT(watch_pending_max), "16384",
	    .min = 256, .max = 1 << 20,
	    .help = "Files that may wait; beyond, their folders are scanned anew." },
	{ "watch.block", SETTING_BOOL, AT(watch_block), "no",
	    .help = "Whether programs already known to be bad may not start." },
	{ "watch.exclude", SETTING_STRINGS, AT(watch_exclude), NULL, .max = 256,
	    .help = "Patterns (glob) of paths that are not watched." },
	{ "pause.cpu", SETTING_INTEGER, AT(pause_cpu), "40", .max = 100,
	    .help = "Percent of the time that tasks wait for a CPU at which scans pause; "
		    "0: never." },
	{ "pause.io", SETTING_INTEGER, AT(pause_io), "20", .max = 100,
	    .help = "The same for disks." },
	{ "pause.memory", SETTING_INTEGER, AT(pause_memory), "10", .max = 100,
	    .help = "The same for memory." },
	{ "pause.on_battery", SETTING_BOOL, AT(pause_on_battery), "yes",
	    .help = "Whether scans pause while the machine runs on its battery." },
	{ "pause.user_active", SETTING_BOOL, AT(pause_user_active), "no",
	    .help = "Whether scans pause while somebody types." },
	{ "pause.idle", SETTING_DURATION, AT(pause_idle_ms), "2m", .min = 1000,
	    .max = 86400000, .help = "Without input for so long, nobody is there." },
	{ "pause.give_up_after", SETTING_DURATION, AT(pause_give_up_after_ms), "7d",
	    .min = 3600000, .max = 365ull * 86400000,
	    .help =
		"A scan older than that takes its least share whatever the pressure." },
	{ "pause.least_share", SETTING_INTEGER, AT(pause_least_share), "5", .min = 1,
	    .max = 100, .help = "That share, in percent of the time." },
	{ "cache.enabled", SETTING_BOOL, AT(cache_enabled), "yes",
	    .help = "Whether files that were clean and did not change are passed over." },
	{ "cache.max_entries", SETTING_INTEGER, AT(cache_max_entries), "2000000",
	    .min = 1000, .max = 100000000, .help = "Files that are remembered." },
	{ "cache.reread_days", SETTING_INTEGER, AT(cache_reread_days), "30", .min = 1,
	    .max = 3650,
	    .help = "Within so many days each of them is read again all the same." },
	{ "limits.memory", SETTING_SIZE, AT(limits_memory_bytes), "1536MiB",
	    .min = 256ull << 20, .max = 1ull << 40,
	    .help = "Ceiling for all processes of Molehunt together." },
	{ "control.socket", SETTING_PATH, AT(control_socket),
	    "/run/molehunt/control.sock", .check = check_path,
	    .help = "Where the command line asks the agent." },
	{ "control.group", SETTING_STRING, AT(control_group), "molehunt", .min = 1,
	    .max = 32, .help = "Users of this group may see findings and start scans." },
	{ "policy.key", SETTING_PATH, AT(policy_key), NULL, .check = check_path,
	    .help = "Public key of whoever may set schedule, profiles and limits; "
		    "minisign." },
	{ "status_file", SETTING_PATH, AT(status_file), NULL, .check = check_path,
	    .help = "Where the agent writes its state as JSON." },
	{ "log.level", SETTING_ENUM, AT(log_level), "notice", .choices = level_words,
	    .help = "The finest messages that are logged." },
};

static const struct profile_config *
profile_at(const struct agent_config *c, size_t i)
{
	return (const struct profile_config *)c->profiles.items + i;
}

static const struct schedule_config *
entry_at(const struct agent_config *c, size_t i)
{
	return (const struct schedule_config *)c->schedule.items + i;
}

bool
agent_config_profile(const struct agent_config *c, const char *name, struct profile *ret)
{
	const struct profile *found = profile_builtin(name);

	for (size_t i = 0; i < c->profiles.n; i++) {
		const struct profile_config *p = profile_at(c, i);

		if (strcmp(p->name, name) != 0)
			continue;
		*ret = (struct profile){ .name = p->name,
			.paths = (const char *const *)p->paths.items,
			.n_paths = p->paths.n,
			.only = (const char *const *)p->only.items,
			.n_only = p->only.n,
			.exclude = (const char *const *)p->exclude.items,
			.n_exclude = p->exclude.n,
			.has_processes = p->processes,
			.may_cross = p->cross,
			.may_use_network = p->network,
			.archives = p->archives };
		return true;
	}
	if (found != NULL)
		*ret = *found;
	return found != NULL;
}

void
agent_config_schedule(const struct agent_config *c, struct schedule *s)
{
	for (size_t i = 0; i < c->schedule.n; i++) {
		const struct schedule_config *e = entry_at(c, i);
		MH_CLEANUP(freep) char *why = NULL;
		struct calendar at;
		mh_err err = calendar_parse(e->at, &at, &why);

		assert(err == MH_OK); /* the table's check has read it */
		schedule_add(s, e->profile, e->at, &at, e->spread_ms);
	}
}

struct governor_settings
agent_config_governor(const struct agent_config *c)
{
	return (struct governor_settings){ .cpu = (unsigned)c->pause_cpu,
		.io = (unsigned)c->pause_io,
		.memory = (unsigned)c->pause_memory,
		.on_battery = c->pause_on_battery,
		.user_active = c->pause_user_active,
		.idle_ms = c->pause_idle_ms,
		.give_up_after_ms = c->pause_give_up_after_ms,
		.least_share = (unsigned)c->pause_least_share };
}

static void
check_profiles(const struct agent_config *c, struct settings_problem *ret)
{
	for (size_t i = 0; i < c->profiles.n; i++) {
		const struct profile_config *p = profile_at(c, i);

		*ret = (struct settings_problem){ .name = "profiles", .item = i };
		if (p->paths.n == 0 && !p->processes) {
			ret->why = xstrdup("this profile looks at nothing: give it paths "
					   "or processes");
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
	for (size_t i = 0; i < c->schedule.n; i++) {
		const char *name = entry_at(c, i)->profile;
		MH_CLEANUP(freep) char *shown = text_escape(name);
		struct profile p;

		if (agent_config_profile(c, name, &p))
			continue;
		*ret = (struct settings_problem){ "schedule", i, "profile",
			xasprintf("there is no profile %s: quick, memory, full or one of "
				  "profiles",
			    shown) };
		return;
	}
}

static void
check_config(const void *values, struct settings_problem *ret)
{
	check_profiles(values, ret);
	if (ret->why == NULL)
		check_schedule(values, ret);
}

const struct settings_schema agent_config_schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct agent_config), check_config };

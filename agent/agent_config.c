/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent_config.h"

#include "agent/scan.h"
#include "base/attributes.h"
#include "base/log.h"
#include "base/memory.h"
#include "build_info.h"
#include "records/setup.h"

static const char *const matched_words[] = { "bytes", "hash", "none", NULL };
static const char *const level_words[] = { "error", "warning", "notice", "info", "debug",
	NULL };

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
	{ "control.socket", SETTING_STRING, AT(control_socket),
	    "/run/molehunt/control.sock", .min = 1, .max = 107,
	    .help = "Where `molehunt status` and its like ask the agent." },
	{ "control.group", SETTING_STRING, AT(control_group), "molehunt", .max = 256,
	    .help = "Its members may see findings and steer scans, as root may." },
	{ "log.level", SETTING_ENUM, AT(log_level), "notice", .choices = level_words,
	    .help = "The finest messages that are logged." },
};

const struct settings_schema agent_config_schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct agent_config), NULL };

/* A daemon has no folder that a relative path could begin in. */
static char *
relative_path(const char *file, const char *key, const struct setting_strings *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i][0] != '/')
			return xasprintf(
			    "%s: %s: '%s' is not an absolute path: begin it with /", file,
			    key, list->items[i]);
	}
	return NULL;
}

mh_err
agent_config_load(const char *path, struct agent_config *ret, char **ret_why)
{
	struct agent_config config;
	char *why = NULL;
	mh_err err = settings_load(&agent_config_schema, path, &config, ret_why);

	if (err != MH_OK)
		return err;
	why = relative_path(path, "packs", &config.packs);
	if (why == NULL)
		why = relative_path(path, "scan.paths", &config.scan_paths);
	if (why == NULL &&
	    !scan_takes_excludes((const char *const *)config.scan_exclude.items,
		config.scan_exclude.n))
		why = xasprintf("%s: scan.exclude: too long: at most %d patterns of "
				"together %d bytes",
		    path, WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX);
	if (why != NULL) {
		settings_clear(&agent_config_schema, &config);
		*ret_why = why;
		return MH_ERR_INVALID;
	}
	*ret = config;
	return MH_OK;
}

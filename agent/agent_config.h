/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_AGENT_CONFIG_H
#define MH_AGENT_AGENT_CONFIG_H

#include "settings/settings.h"

/* The resident agent's configuration: molehunt.yaml(5).  The table is in the .c file. */
struct agent_config {
	struct setting_strings packs;
	struct setting_strings scan_paths;
	struct setting_strings scan_exclude;
	uint64_t scan_interval_ms;
	bool scan_at_start;
	bool scan_cross;
	bool scan_network;
	uint64_t scan_jobs;
	uint64_t scan_max_file_bytes;
	uint64_t scan_timeout_ms;
	bool scan_archives;
	int scan_matched; /* enum data_mode */
	uint64_t report_max_age_ms;
	uint64_t spool_max_bytes;
	uint64_t spool_min_free_bytes;
	char *control_socket;
	char *control_group; /* "" for none */
	int log_level;       /* enum log_level */
};

extern const struct settings_schema agent_config_schema;

/*
 * Read and check the file.  *ret is for settings_clear().
 * Errors: those of settings_load(), and MH_ERR_INVALID; *ret_why is a new sentence
 * for people.
 */
mh_err agent_config_load(const char *path, struct agent_config *ret, char **ret_why)
    MH_CHECKED;

#endif

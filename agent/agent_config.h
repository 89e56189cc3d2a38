/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_AGENT_CONFIG_H
#define MH_AGENT_AGENT_CONFIG_H

#include "agent/governor.h"
#include "agent/profile.h"
#include "agent/schedule.h"
#include "settings/settings.h"

/* An item of profiles. */
struct profile_config {
	char *name;
	struct setting_strings paths, only, exclude;
	bool processes, cross, network, archives;
};

/* An item of schedule. */
struct schedule_config {
	char *profile;
	char *at;
	uint64_t spread_ms;
};

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
	int log_level;                  /* enum log_level */
	struct setting_tables profiles; /* struct profile_config */
	struct setting_tables schedule; /* struct schedule_config */
	bool watch_enabled;
	uint64_t watch_debounce_ms;
	uint64_t watch_memory_after_ms;
	uint64_t watch_pending_max;
	bool watch_block;
	struct setting_strings watch_exclude;
	uint64_t pause_cpu, pause_io, pause_memory; /* percent */
	bool pause_on_battery, pause_user_active;
	uint64_t pause_idle_ms;
	uint64_t pause_give_up_after_ms;
	uint64_t pause_least_share; /* percent */
	bool cache_enabled;
	uint64_t cache_max_entries;
	uint64_t cache_reread_days;
	uint64_t limits_memory_bytes;
	char *control_socket;
	char *control_group;
	char *policy_key;  /* NULL: no policy is taken */
	char *status_file; /* NULL: none is written */
};

extern const struct settings_schema agent_config_schema;

/* The profile of that name, of the configuration or built in; borrows from c. */
bool agent_config_profile(const struct agent_config *c, const char *name,
    struct profile *ret);
/* Add all entries of the configuration, which was checked. */
void agent_config_schedule(const struct agent_config *c, struct schedule *s);
struct governor_settings agent_config_governor(const struct agent_config *c);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_AGENT_CONFIG_H
#define MH_AGENT_AGENT_CONFIG_H

#include "agent/governor.h"
#include "agent/profile.h"
#include "agent/schedule.h"
#include "agent/score.h"
#include "settings/settings.h"

/* The resident agent's configuration: molehunt.yaml(5).  The table is in the .c file. */
struct agent_config {
	struct setting_strings packs;
	struct setting_tables overrides;   /* of struct override */
	struct setting_strings groups;     /* of this machine */
	struct setting_strings indicators; /* files, folders; FORMAT:FILE */
	struct setting_tables profiles;    /* of struct config_profile */
	struct setting_tables schedule;    /* of struct config_entry */
	struct setting_strings scan_exclude;
	uint64_t scan_jobs;
	uint64_t scan_max_file_bytes;
	uint64_t scan_timeout_ms;
	bool scan_archives;
	int scan_matched; /* enum data_mode */
	bool watch_enabled;
	uint64_t watch_debounce_ms;
	uint64_t watch_memory_after_ms;
	uint64_t watch_pending_max;
	struct setting_strings watch_exclude;
	bool watch_block;
	uint64_t pause_cpu, pause_cpu_wait, pause_io, pause_memory; /* percent */
	bool pause_on_battery;
	bool pause_user_active;
	uint64_t pause_user_idle_ms;
	uint64_t pause_give_up_after_ms;
	uint64_t pause_least_share; /* percent */
	bool cache_enabled;
	uint64_t cache_max_entries;
	uint64_t cache_reread_ms;
	uint64_t limits_memory_bytes;
	uint64_t report_max_age_ms;
	struct setting_strings delivery_collectors; /* after the enrolment's */
	char *delivery_proxy;                       /* "" for none */
	char *delivery_proxy_password_file;         /* "" for none */
	struct setting_strings delivery_no_proxy;
	uint64_t delivery_return_ms;
	uint64_t delivery_replay_rate; /* reports a second */
	uint64_t spool_max_bytes;
	uint64_t spool_max_status_bytes;
	uint64_t spool_min_free_bytes;
	char *metrics_listen; /* "" for nowhere */
	char *control_socket;
	char *control_group; /* "" for none */
	char *policy_key;    /* "" for none */
	int log_level;       /* enum log_level */
};

struct config_profile {
	char *name;
	struct setting_strings paths, only, exclude;
	bool has_processes;
	bool may_cross;
	bool may_use_network;
};

struct config_entry {
	char *profile;
	char *at; /* calendar.h */
	uint64_t spread_ms;
};

extern const struct settings_schema agent_config_schema;

/*
 * Read and check the file.  *ret is for settings_clear().
 * Errors: those of settings_load(), and MH_ERR_INVALID; *ret_why is a new sentence
 * for people.
 */
mh_err agent_config_load(const char *path, struct agent_config *ret, char **ret_why)
    MH_CHECKED;

/* The profile of that name, built in or of the configuration, which it borrows. */
bool agent_config_profile(const struct agent_config *c, const char *name,
    struct profile *ret);

/* Add all its entries. */
void agent_config_schedule(const struct agent_config *c, struct schedule *s);
/* What of it concerns the governor. */
struct governor_settings agent_config_governor(const struct agent_config *c);

#endif

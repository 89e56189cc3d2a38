/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_CONFIG_H
#define MH_COLLECTOR_CONFIG_H

#include "base/log.h"
#include "settings/settings.h"

/*
 * The collector's configuration, collector.yaml.  The table in config.c gives
 * each key's default, range, unit and help.
 */
struct config {
	char *state; /* folder of certificates, keys and the database */
	struct setting_strings listen;
	struct setting_strings names; /* of this collector, the first one in URLs */
	int log_level;                /* of enum log_level */
	uint64_t store_max_bytes;     /* 0: as the disk allows */
	uint64_t commit_delay_ms;
	uint64_t commit_reports;
	uint64_t loops, verifiers; /* threads; 0: by processors */
	uint64_t queue_reports, queue_bytes;
	uint64_t agent_reports, agent_bytes; /* per minute; 0: without limit */
	uint64_t uploads_bytes;
	uint64_t handshakes_max;
	struct setting_strings metrics_listen;
	bool metrics_remote;
	uint64_t store_keep_ms; /* 0: for good */
	uint64_t silence_ms;    /* 0: no alarm */
	uint64_t connections_max;
	uint64_t failures_per_minute; /* of enrolment, by address */
	uint64_t handshake_ms, headers_ms, body_ms, reply_ms, idle_ms, lifetime_ms;
	uint64_t agent_life_ms;
};

extern const struct settings_schema config_schema;

/*
 * Load the configuration named on a command line: a file, or the folder of a
 * collector, whose collector.yaml is meant.  Says on standard error what is
 * wrong.  Caller frees with config_clear().
 */
mh_err config_load(const char *file_or_folder, struct config *ret) MH_CHECKED;
void config_clear(struct config *config);

/* STATE/NAME.  New, freed by the caller. */
char *config_path(const struct config *config, const char *name);

/* The files in the state folder. */
#define FILE_CONFIG "collector.yaml"
#define FILE_STORE "store.db"
#define FILE_CA "ca.pem"
#define FILE_TLS_KEY "tls.key"
#define FILE_TLS_CERT "tls.pem"
#define FILE_RECEIPT_KEY "receipt.key"
#define FILE_RECEIPT_CERT "receipt.pem"
#define FOLDER_AUTHORITY "authority"
#define FILE_CA_KEY "ca.key" /* in FOLDER_AUTHORITY */

#endif

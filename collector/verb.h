/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_VERB_H
#define MH_COLLECTOR_VERB_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/config.h"
#include "collector/store.h"

/*
 * The verbs of molehunt-collector.  One row of the table in collector.c is one
 * verb; each is a function in verb_NAME.c that gets the options of all verbs in
 * one struct (those that are not its own are refused before).
 */
enum {
	EXIT_GOOD = 0,
	EXIT_TROUBLE = 2, /* an error, or something found wrong by verify */
};

#define OPTION_NONE UINT64_MAX

/* What stood on the command line; texts are borrowed from argv. */
struct options {
	char **args; /* what is not an option, behind the verb */
	int n_args;
	struct setting_strings names; /* --name, split at commas; owned */
	const char *config;           /* --config */
	const char *out;              /* --out */
	const char *export_key;       /* --export */
	const char *note;             /* --name of a token */
	uint64_t ttl_ms;              /* --ttl */
	struct row_filter filter; /* --agent --rule --path --since --severity --limit */
	bool ndjson;              /* --format ndjson */
	bool check_only;          /* -n */
	const char *store;        /* --store */
	bool coverage;            /* --coverage */
	bool ecs;                 /* --format ecs */
	bool follow;              /* --follow */
	const char *cursor_file;  /* --cursor */
	uint64_t since_id;        /* --since-id, or OPTION_NONE */
	bool no_verify;           /* --no-verify */
};

typedef int verb_fn(const struct options *o);

verb_fn verb_init, verb_serve, verb_token, verb_agents, verb_alarms, verb_findings,
    verb_reports, verb_export, verb_verify, verb_backup, verb_doctor;

/* Say "molehunt-collector: ..." on standard error; returns EXIT_TROUBLE. */
int complain(const char *fmt, ...) MH_PRINTF(1, 2);

/* What `verify` does with a store that is open; who says whose complaint it is. */
int verify_and_tell(const char *who, struct store *st, const struct config *config,
    bool ndjson);

/*
 * Load the configuration that a verb's first argument (or --config) names and
 * open its store; complains when that fails.  Either is released by its own
 * function.
 */
mh_err open_collector(const struct options *o, struct config *ret_config,
    struct store **ret_store) MH_CHECKED;

#endif

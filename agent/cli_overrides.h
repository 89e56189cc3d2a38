/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_OVERRIDES_H
#define MH_AGENT_CLI_OVERRIDES_H

#include "agent/scanner.h"
#include "agent/score.h"

/*
 * `molehunt scan --overrides FILE --group NAME`: what is said of rules, for scans by
 * hand.  FILE is YAML with the key overrides of molehunt.yaml(5), and may hold groups.
 */
struct cli_overrides {
	struct setting_tables table; /* of struct override */
	struct setting_strings groups;
	struct overrides view; /* of both */
};

/* -1 when the file cannot be used: that was told. */
int cli_overrides_load(struct cli_overrides *o, const char *path);
void cli_overrides_add_group(struct cli_overrides *o, const char *group);
/* Tell, on standard error, of those that have expired. */
void cli_overrides_tell_expired(const struct cli_overrides *o, int64_t now_ms);
void cli_overrides_clear(struct cli_overrides *o);

#endif

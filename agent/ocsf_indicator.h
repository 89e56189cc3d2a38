/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_INDICATOR_H
#define MH_AGENT_OCSF_INDICATOR_H

#include <jansson.h>

#include "agent/ocsf.h"

/* What a finding of an indicator has of its own (docs/PROTOCOL.md, "Findings"). */

/* A sentence: what was met where; new. */
char *indicator_message(const struct match *m, const char *path);
json_t *indicator_analytic_json(const struct match *m);

/* The process whose program or socket was met. */
void process_to_evidence(const struct finding_context *ctx,
    const struct scan_answer *answer, json_t *evidence, json_t *data);

/* Of a summary: how many indicators are in use, by type. */
json_t *indicators_to_json(const struct ruleset_facts *facts);

#endif

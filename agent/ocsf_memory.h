/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_MEMORY_H
#define MH_AGENT_OCSF_MEMORY_H

#include <jansson.h>

#include "agent/ocsf.h"
#include "agent/scan.h"

/*
 * What a finding in the memory of a process, or in a file that processes map,
 * has to say beside what every finding says (docs/PROTOCOL.md, "Findings").
 */

/*
 * What names the place of a match in memory: the process among all boots, and
 * the first region, or the program image.  New, freed by the caller.
 */
char *memory_place(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m);

/* Put the process, how much of it was scanned, and an image into evidence and data. */
void memory_to_evidence(const struct finding_context *ctx,
    const struct scan_answer *answer, const struct match *m, json_t *evidence,
    json_t *data);

/* What a string in memory has beside id and length: address, region, surroundings. */
void memory_string_to_json(const struct match *m, const struct match_string *s,
    json_t *string);

/* The processes that map the file of answer; a new reference. */
json_t *mappers_to_json(const struct scan_answer *answer);

#endif

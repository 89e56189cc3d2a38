/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_INDICATOR_OUTPUT_H
#define MH_AGENT_INDICATOR_OUTPUT_H

#include <jansson.h>

#include "agent/packs.h"
#include "records/indicator.h"
#include "records/setup.h"

/* What people and programs are told of files of indicators.  All returned is new. */

/* "2 md5, 1 address; 3 left out, 1 expired"; "nothing" where nothing is used. */
char *indicator_result_text(const struct indicator_file_result *r);
/* The same over all files in use; NULL when there are none. */
char *indicator_facts_text(const struct ruleset_facts *facts);

/* Records: "indicator_problem" of a line, "indicator_file" of a file. */
json_t *indicator_line_json(const struct indicator_file *file, unsigned line,
    const char *why);
json_t *indicator_result_json(const struct indicator_file *file,
    const struct indicator_file_result *r);

/* "path:line: why; this line is left out" */
char *indicator_line_text(const struct indicator_file *file, unsigned line,
    const char *why);

#endif

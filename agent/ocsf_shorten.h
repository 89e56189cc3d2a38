/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_SHORTEN_H
#define MH_AGENT_OCSF_SHORTEN_H

#include <jansson.h>
#include <stddef.h>

#include "records/coverage.h"

/*
 * What a line of a report can take.  A finding tells of a process with 32 ancestors, all
 * of whose paths and command lines their owner chooses: without a bound one could be made
 * too large to be sent.  The same goes for the paths of coverage.
 */

/*
 * The finding as a line, new, freed by the caller.  One that has more than max bytes is
 * changed until it has not: texts and lists become shorter, in several steps, those that
 * say which finding it is last or never; unmapped.shortened is the bytes that it had.
 */
char *finding_to_line(json_t *finding, size_t max);

/*
 * How many paths of the coverage, from first on and at most n, make a line of at most max
 * bytes with coverage_to_json(); at least one when there is one.
 */
size_t coverage_paths_that_fit(const struct coverage *c, size_t first, size_t n,
    size_t max);

#endif

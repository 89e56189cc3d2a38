/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_CHILDREN_H
#define MH_AGENT_CLI_CHILDREN_H

#include "agent/children.h"
#include "agent/scanner.h"

/*
 * The command line is its own supervisor: what start() of a scanner's ops does there.
 * What cannot be started is told on standard error, behind "molehunt VERB: ".
 */
mh_err cli_start_child(const char *verb, struct children *children,
    struct scanner *scanner, enum role role, unsigned instance) MH_CHECKED;

/* Tell the scanner which of its helpers have ended. */
void cli_reap_children(struct children *children, struct scanner *scanner);

#endif

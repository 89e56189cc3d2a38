/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_ENROLL_H
#define MH_AGENT_CLI_ENROLL_H

/*
 * `molehunt enroll URL TOKEN [--state DIR] [--force]`: argv[0] is the verb.
 * Returns the exit status: 0 enrolled, 2 not (the reason is on standard error).
 */
int cli_enroll(int argc, char **argv);

#endif

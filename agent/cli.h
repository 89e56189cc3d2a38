/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_H
#define MH_AGENT_CLI_H

/*
 * The verbs of the command line `molehunt`.  Each gets its own name as argv[0],
 * prints its help for --help, and returns the exit status:
 *
 *	0  nothing found and everything scanned (or: done)
 *	1  something found
 *	2  an error that ended it
 *	3  nothing found, but something that should have been scanned was not
 */
enum { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_ERROR = 2, EXIT_INCOMPLETE = 3 };

int cli_scan(int argc, char **argv);
int cli_rules(int argc, char **argv);
int cli_ioc(int argc, char **argv);
int cli_findings(int argc, char **argv);
int cli_enroll(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_schedule(int argc, char **argv);
int cli_policy(int argc, char **argv);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_VERIFY_H
#define MH_AGENT_CLI_VERIFY_H

/*
 * `molehunt verify [--ca FILE] [--at TIME] [--format text|ndjson] REPORT...`:
 * argv[0] is the verb.  --at judges as of that time, for example a receipt's.
 * Returns the exit status: 0 all are good, 2 at least one is not.
 */
int cli_verify(int argc, char **argv);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_UNPACK_H
#define MH_AGENT_CLI_UNPACK_H

#include "agent/packs.h"
#include "base/error.h"

/*
 * The files in packs that are ZIPs, for verbs that look at rules: unpacked as for a
 * scan, by a process without rights (agent/scan_unpack.c), into memory.
 */
struct cli_unpacked {
	struct pack_list files;  /* of all ZIPs; what is left out is there, too */
	char **whys;             /* by file: why it is left out, or NULL; owned */
	struct unpacker *keeper; /* of their bytes */
};

/* Blocks.  Errors: MH_ERR_SYSTEM (the process cannot be started: that was told). */
mh_err cli_unpack(const struct pack_list *packs, struct cli_unpacked *ret) MH_CHECKED;
/* The descriptors of the files are closed. */
void cli_unpacked_clear(struct cli_unpacked *u);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_PROCESS_H
#define MH_AGENT_OCSF_PROCESS_H

#include <jansson.h>
#include <stddef.h>

#include "agent/process_table.h"
#include "records/process.h"

/*
 * A process as evidence: OCSF's object "process", with its ancestors nested as
 * parent_process, the nearest one outside.  What OCSF has no attribute for is
 * in process_facts_to_json(), which goes under evidences[].data.process.
 *
 * ancestors has n of them, the parent first, up to init; at most
 * PROCESS_ANCESTORS_MAX are told.  boot_id is host.boot_id: with it, pid and
 * start name a process among all boots.  New references, the caller's.
 */
json_t *process_to_json(const struct process *p, const char *boot_id,
    const struct process *const *ancestors, size_t n);
json_t *process_facts_to_json(const struct process *p);

/* "BOOT:PID:START", freed by the caller. */
char *process_uid(const struct process *p, const char *boot_id);

#endif

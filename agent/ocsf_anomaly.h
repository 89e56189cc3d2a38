/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_ANOMALY_H
#define MH_AGENT_OCSF_ANOMALY_H

#include "agent/anomaly.h"
#include "agent/ocsf.h"

/*
 * An anomaly as a finding (docs/PROTOCOL.md, Anomalies).
 *
 * Its name is stable over what makes it the same fact: device, boot, process,
 * kind, address, and for kinds without an address what it is about.  A preload
 * file is one fact of a mount namespace, whoever it was seen through.  Freed by
 * the caller.
 */
char *anomaly_uid(const struct finding_context *ctx, const struct process *p,
    const struct anomaly *a);

/* ancestors as in process_to_json().  A new reference. */
json_t *anomaly_to_ocsf(const struct finding_context *ctx, const struct process *p,
    const struct process *const *ancestors, size_t n_ancestors, const struct anomaly *a,
    const char *uid, const struct finding_history *history);

#endif

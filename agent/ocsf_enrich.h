/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_ENRICH_H
#define MH_AGENT_OCSF_ENRICH_H

#include <jansson.h>

#include "records/facts.h"
#include "records/watch.h"

/*
 * What is learned about a finding beside the match: added to a finding that
 * finding_to_ocsf() and its kin have made, before it is stored.  A second call
 * takes the place of the first.
 */

/*
 * Which package the finding's file came with, under evidences[0].data.package,
 * and whether its checksum agrees.  md5 and sha256 are those of the file in
 * lower-case hexadecimal, or NULL when it was not hashed.
 */
void finding_add_package(json_t *finding, const struct package_facts *facts,
    const char *md5, const char *sha256);

/* The same with the hashes that the finding itself has (evidences[0].file). */
void finding_add_package_facts(json_t *finding, const struct package_facts *facts);

/* It was kept from being executed, at that time: an update of the finding. */
void finding_set_denied(json_t *finding, int64_t now_ms, uint64_t count);

/*
 * Who wrote or started it: evidences[0].actor, and what OCSF has no attribute for
 * under evidences[0].data.actor.  boot_id is host.boot_id, as in process_uid().
 */
void finding_add_actor(json_t *finding, const struct actor *actor, const char *boot_id);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_EVENTS_H
#define MH_COLLECTOR_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#include "collector/store.h"

/*
 * Rows of the store as events for other systems.  Objects returned are new, the
 * caller's; never NULL.
 */

/* An alarm as an OCSF 1.8.0 Detection Finding of the collector's own. */
json_t *alarm_to_ocsf(const struct alarm_row *a);

/*
 * An exported event knows where it stands: metadata.sequence, the cursor behind
 * it, is set in event, and metadata.processed_time, when the collector got it.
 */
void event_set_place(json_t *event, int64_t cursor, int64_t received_ms);

/*
 * The Elastic Common Schema 8.11 of an OCSF finding (hostile: an agent's).
 * agent is the id that signed it.
 */
json_t *event_to_ecs(const json_t *ocsf, const char *agent);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_UPKEEP_H
#define MH_COLLECTOR_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "collector/config.h"
#include "collector/store.h"

/*
 * What a serving collector does for its store beside accepting reports: alarms
 * of silence and of gaps that did not close, and pruning.  A step takes at
 * most UPKEEP_PRUNE_BUSY_MS and one transaction.  Called by whoever writes the store, between its transactions.
 */
enum {
	UPKEEP_MS = 1000,             /* how often upkeep_step() wants to be called */
	UPKEEP_ALARMS_MS = 60 * 1000, /* how often alarms are looked for */
	UPKEEP_PRUNE_MS = 60 * 1000,  /* how often pruning begins */
	UPKEEP_PRUNE_BUSY_MS = 50,    /* of each UPKEEP_MS, while there is more */
	/*
	 * By a clock that is a year ahead everything is old, and what is pruned does not
	 * come back.  After a start, and after the clock was set by more than
	 * UPKEEP_CLOCK_SET_MS, nothing is pruned for UPKEEP_CLOCK_MS, unless a report
	 * came by this clock: whoever sends one has a certificate that is valid by it.
	 */
	UPKEEP_CLOCK_SET_MS = 60 * 60 * 1000,
	UPKEEP_CLOCK_MS = 24 * 60 * 60 * 1000,
};

struct upkeep {
	const struct config *config;
	struct store *st;
	int64_t alarms_ms, prune_ms; /* monotonic times of what is due */
	int64_t offset_ms;           /* of the real from the monotonic time */
	int64_t settled_ms;          /* monotonic: from then on the clock is believed */
	struct log_limit trouble_limit;
};

/* Both are borrowed.  The store begins to be served: store_serve(). */
mh_err upkeep_init(struct upkeep *u, const struct config *config, struct store *st)
    MH_CHECKED;

/* Do what is due; logs what it did and what failed. */
void upkeep_step(struct upkeep *u, int64_t monotonic_ms);

#endif

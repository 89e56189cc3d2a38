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
};

struct upkeep {
	const struct config *config;
	struct store *st;
	int64_t alarms_ms, prune_ms; /* monotonic times of what is due */
	struct log_limit trouble_limit;
};

/* Both are borrowed.  The store begins to be served: store_serve(). */
mh_err upkeep_init(struct upkeep *u, const struct config *config, struct store *st)
    MH_CHECKED;

/* Do what is due; logs what it did and what failed. */
void upkeep_step(struct upkeep *u, int64_t monotonic_ms);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_INDICATOR_ZYGOTE_H
#define MH_SCANNERS_INDICATOR_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/channel.h"
#include "records/setup.h"
#include "signatures/indicator_set.h"
#include "signatures/ruleset.h"

/*
 * The zygote's part in indicators: takes the table and the files as the agent hands
 * them over, one at a time, and tells what it read of each.
 */
struct zygote_indicators;

/* Send a message to the agent; ctx is zygote_indicators_new()'s. */
typedef void zygote_tell_fn(void *ctx, unsigned type, const struct buf *b);

struct zygote_indicators *zygote_indicators_new(zygote_tell_fn *tell, void *ctx);

/* MSG_TABLE, MSG_INDICATORS: false when the agent talks nonsense. */
bool zygote_indicators_on_table(struct zygote_indicators *z, struct message *m);
bool zygote_indicators_on_file(struct zygote_indicators *z, struct message *m);

/* Before the rules are compiled: add those that names of hosts make. */
void zygote_indicators_add_rules(struct zygote_indicators *z, struct ruleset *rs);

/*
 * Before the sandbox closes: no more is added.  Fills what facts say of indicators, and
 * mixes what was read into the id of the rule set.
 * Errors: MH_ERR_SYSTEM, MH_ERR_FULL.
 */
mh_err zygote_indicators_seal(struct zygote_indicators *z, struct ruleset_facts *facts)
    MH_CHECKED;

/* The sealed set, borrowed, for workers; NULL when there are no indicators. */
struct indicator_set *zygote_indicators_set(struct zygote_indicators *z);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_RATE_H
#define MH_COLLECTOR_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

/*
 * How much each agent may send: a bucket of reports and one of bytes, both
 * refilled evenly and full after a minute.  So a minute's worth may come at
 * once, which is how an agent comes back from an outage, and then it goes on at
 * the pace of the limit.  Every function may be called from any thread.
 */
struct rate;

/* Reports and bytes per minute and agent; 0: without limit. */
struct rate *rate_new(uint64_t reports_per_minute, uint64_t bytes_per_minute);
void rate_free(struct rate *rate);

/*
 * Take a report of so many bytes from the agent's buckets.  Returns 0 when both
 * had it, else the seconds (1 or more) after which they will; then nothing was
 * taken.  A report larger than the bucket of bytes passes when that is full.
 */
unsigned rate_take(struct rate *rate, const char agent[UUID_TEXT_LEN], size_t bytes,
    int64_t now_ms);

/* Forget the agents whose buckets are full again, which changes nothing for them. */
void rate_sweep(struct rate *rate, int64_t now_ms);

/* How many agents are remembered. */
size_t rate_count(struct rate *rate);

#endif

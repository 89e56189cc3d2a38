/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_METRICS_SERVER_H
#define MH_COLLECTOR_METRICS_SERVER_H

#include <event2/event.h>

#include "collector/config.h"
#include "collector/metrics.h"

/*
 * The listener where Prometheus finds /metrics: plain HTTP, apart from that of
 * the agents, on loopback unless metrics.remote says otherwise.
 */
enum {
	METRICS_BACKLOG = 16,
	METRICS_TIMEOUT_S = 10,
	METRICS_TEXT_MAX = 64 * 1024, /* bytes; it is about 8 KiB */
};

struct metrics_server;

/* Look up what is not counted; called in the loop of base. */
typedef void metrics_now_fn(struct metrics_now *ret, void *arg);

/*
 * Listen where the configuration says; *ret is NULL when it says nowhere.  All
 * are borrowed.  Caller frees with metrics_server_free().  Says in the log what
 * is wrong.
 */
mh_err metrics_server_new(struct event_base *base, const struct config *config,
    struct metrics *metrics, metrics_now_fn *now, void *arg, struct metrics_server **ret)
    MH_CHECKED;
void metrics_server_free(struct metrics_server *s);

#endif

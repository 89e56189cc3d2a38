/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_COURIER_H
#define MH_TESTS_UNIT_MH_COURIER_H

#include "base/channel.h"
#include "records/delivery.h"
#include "records/messages.h"
#include "tests/unit/mh_server.h"
#include "tests/unit/mh_test.h"
#include "transport/enroll.h"

/* The courier's program between a test, which plays the agent, and a stand-in server. */
enum { PATIENCE_MS = 20 * 1000 };

struct ground {
	char *folder; /* STATE */
	struct fleet *fleet;
	struct fleet_pair tls;
	struct server server;
	pid_t courier;
	struct channel *channel;
	struct delivery_settings settings;
	char why[ENROLL_WHY_MAX];
};

int ground_setup(void **state);
int ground_teardown(void **state);
void ground_stop_courier(struct ground *g);
/* The courier's identity: that pair, and the server at that host. */
void ground_write_identity(struct ground *g, const struct fleet_pair *pair,
    const char *host);
/* Start it, and send it the settings. */
void ground_start_courier(struct ground *g);
void ground_send_settings(struct ground *g);
void ground_send_report(struct ground *g, uint64_t sequence, const void *der, size_t len);
/* The next message of that type; others are let pass. */
void ground_await(struct ground *g, unsigned type, struct message *ret);
struct delivery_link ground_await_link(struct ground *g, enum delivery_link_state state);
void ground_await_receipt(struct ground *g, uint64_t sequence, const void *der,
    size_t len);

#endif

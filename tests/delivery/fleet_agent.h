/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_DELIVERY_FLEET_AGENT_H
#define MH_TESTS_DELIVERY_FLEET_AGENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/delivery/load_agents.h"
#include "transport/courier_link.h"
#include "transport/spool.h"

/*
 * The agents of a simulated fleet.  Each has its own identity, epoch, the real
 * spool (transport/spool.h) in SQLite's :memory:, and the real courier
 * (courier_link.c, courier_renewal.c, http_client.c) on the loop that all share.
 * What is left out are the two processes and their channel: what would be
 * messages are calls here, in fleet_agent.c.  All abort when they cannot.
 */
enum {
	FLEET_FINDINGS_MAX = 16, /* of one report */
	FLEET_REPLAY_RATE = 5,   /* molehunt.yaml's own delivery.replay_rate */
	/*
	 * Agents that connect at a time; the others wait for a turn, in order.  Each has a
	 * processor of its own in the world.  Here one thread has thousands of handshakes
	 * to do after a restart: all at once, each would be silent for longer than the
	 * collector waits, and none would end.
	 */
	FLEET_CONNECTING_MAX = 64,
};

/* What the agents share and are counted by. */
struct fleet_agent;

struct fleet {
	struct load_fleet authority;
	struct event_base *base;
	char url[64];        /* of the collector */
	unsigned findings;   /* of a report, on the average */
	int64_t interval_ms; /* between two reports of an agent, on the average */
	bool is_over;        /* nothing more is sealed */
	unsigned n_connecting;
	struct fleet_agent *first_waiting, *last_waiting; /* for a turn */
	struct event *on_turn;
	/* "sealed DIGEST UID..." for a report, before it can be sent, and
	 * "receipted DIGEST" when its receipt was verified. */
	FILE *journal;
	uint64_t n_reports, n_findings, n_receipts;
	uint64_t n_refused;    /* by the collector, for good */
	uint64_t n_bad;        /* receipts that are none, or another's */
	uint64_t n_busy;       /* an agent was asked to come back later */
	int64_t *latencies_ms; /* from sealing to the receipt; n_receipts of them */
};

struct fleet_agent {
	struct courier courier; /* the first member: courier_pump() finds its agent */
	struct fleet *fleet;
	struct load_agent who;
	char *folder; /* of the courier's identity */
	struct spool *spool;
	struct event *due;
	struct fleet_agent *next_waiting;
	bool is_waiting, is_connecting;
	bool is_started, is_stuck; /* refused: it would wait for a person */
	int64_t *sealed_ms;        /* of each report, by sequence; monotonic */
	uint64_t n_sealed;
};

/* What agents share on the loop: base and authority are there. */
void fleet_init(struct fleet *f);

/*
 * An agent with an identity in folder, which is made; *a is all zeros.  The working
 * folder gets what spools have beside their database, once for all.
 */
void fleet_agent_init(struct fleet_agent *a, struct fleet *fleet, const char *folder);
/* It begins at a moment of chance within the fleet's interval. */
void fleet_agent_start(struct fleet_agent *a);
void fleet_agent_clear(struct fleet_agent *a);

#endif

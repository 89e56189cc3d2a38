/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_AGENT_MAIN_H
#define MH_AGENT_AGENT_MAIN_H

#include <event2/event.h>

#include "agent/agent_config.h"
#include "agent/host.h"
#include "agent/ocsf.h"
#include "agent/scan.h"
#include "transport/identity.h"
#include "transport/spool.h"

/*
 * Inside of the resident agent, shared by agent_main.c (process and loop),
 * agent_scan.c (scans become stored findings) and agent_delivery.c (stored
 * findings become reports, reports get receipts).
 */
enum {
	STORE_TARGETS_MAX = 256, /* in one transaction */
	STORE_MS = 500, /* a finding is on disk at the latest so long after its verdict */
	STORE_RETRY_MS = 5000, /* while the disk is full */
	SEAL_LINES = 100,      /* lines that make a report before its age does */
	SENT_MAX = 8,          /* reports that the courier holds */
	COVERAGE_PATHS_PER_LINE = 500,
	REFUSED_RETRY_MS = 60 * 1000,
	RECEIPT_RETRY_MS =
	    2000, /* after a receipt that is not good: the courier may be broken */
	COURIER_RESTART_MS = 5000,
	RULES_RETRY_MS = 60 * 1000, /* after a rule set that could not be loaded */
	IDENTITY_LOOK_MS = 5000,    /* for an enrolment that comes while the agent runs */
};

/* A finding between verdict and disk. */
struct unstored {
	char *uid, *rule, *pack, *path, *json;
	int severity;
	int64_t seen_ms;
};

struct agent {
	struct event_base *base;
	struct event *supervisor_event, *scan_event, *courier_event, *tick;
	struct channel *supervisor;
	struct agent_config config;
	char *state; /* folder */
	struct host host;
	struct spool *spool;
	bool is_stopping;
	int exit_status;

	/* agent_scan.c */
	struct scanner *scanner;
	struct scan *scan;          /* NULL while none runs */
	struct ruleset_facts facts; /* borrowed from scanner */
	bool has_rules;
	int64_t rules_retry_ms; /* monotonic; 0: they are ready or being loaded */
	bool is_blocked; /* the disk takes nothing: nothing is read from the workers */
	int64_t next_scan_ms;    /* monotonic */
	int64_t scan_started_ms; /* real time */
	char scan_uid[64];
	struct unstored *unstored; /* owned */
	size_t n_unstored, cap_unstored;
	struct spool_scanned *scanned; /* their paths are owned */
	size_t n_scanned;
	int64_t oldest_unstored_ms; /* monotonic; 0 when there is none */
	int64_t retry_ms;
	char **coverage; /* lines of a scan that ended; owned */
	size_t n_coverage;

	/* agent_delivery.c */
	struct identity *identity; /* NULL while this machine is not enrolled */
	X509_STORE *ca;
	struct channel *courier;
	unsigned courier_instance;
	bool is_courier_starting;
	int64_t courier_retry_ms, identity_look_ms;
	unsigned n_sent; /* reports that the courier has */
	int64_t last_sent_id;
	int64_t oldest_pending_ms; /* monotonic; 0: nothing waits for a report */
	uint64_t n_pending;
};

/* Ask the supervisor; its answers come to scan and delivery. */
mh_err agent_ask(struct agent *a, enum message_name type, enum role role,
    unsigned instance);

/* Load packs and configuration into a scan. */
mh_err agent_scan_init(struct agent *a);
void agent_scan_tick(struct agent *a, int64_t now_ms);
/* End a scan that runs; what it saw goes on disk. */
void agent_scan_stop(struct agent *a);
/* Put everything that waits on disk. False: it did not go. */
bool agent_store(struct agent *a);
void agent_scan_clear(struct agent *a);

void agent_delivery_tick(struct agent *a, int64_t now_ms);
void agent_delivery_on_started(struct agent *a, unsigned instance, int fd);
void agent_delivery_on_exited(struct agent *a, unsigned instance, int status);
void agent_delivery_clear(struct agent *a);
/* n more lines wait for a report. */
void agent_delivery_on_stored(struct agent *a, size_t n, int64_t now_ms);

#endif

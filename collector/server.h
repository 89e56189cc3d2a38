/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_SERVER_H
#define MH_COLLECTOR_SERVER_H

#include "base/error.h"
#include "collector/config.h"
#include "collector/store.h"

/*
 * The running collector: who may ask for what, and the threads that answer.
 *
 *	loops      accept, TLS, HTTP, answers             loop.h
 *	verifiers  signature, unpacking, form, receipt    ingest.h
 *	writer     the store                              writer.h
 *	main       signals, authority, revocation, metrics: this module
 *
 * Everything but EST needs an agent's certificate; whether the agent was
 * revoked or its certificate has expired is looked up in memory for each
 * request, so that it holds for connections, tickets and certificates that are
 * there already.
 */
enum {
	SERVER_STOP_MS = 10 * 1000, /* how long requests under way may take at the end */
	SERVER_RELOAD_MS = 1000,    /* how soon a revocation by another program is seen */
};

/*
 * Serve until SIGTERM or SIGINT.  config and st are borrowed.  Says what is
 * wrong in the log; returns what ended it, MH_OK for a signal.
 */
mh_err server_run(const struct config *config, struct store *st) MH_CHECKED;

#endif

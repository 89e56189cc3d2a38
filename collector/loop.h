/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_LOOP_H
#define MH_COLLECTOR_LOOP_H

#include <openssl/ssl.h>

#include "collector/enrol.h"
#include "collector/ingest.h"
#include "collector/revoked.h"

/*
 * One of the collector's event loops: a thread with its own libevent base, HTTP
 * server and connections.  Other threads reach it by mail only.
 *
 * All loops watch the same listening sockets: the one that has time accepts,
 * and a loop with too many handshakes under way leaves them to the others, then
 * to the kernel's queue.
 */
enum {
	LISTEN_MAX = 16,       /* addresses, of the configuration */
	LISTEN_BACKLOG = 4096, /* connections that the kernel holds for us, if
				    * net.core.somaxconn allows as many */
};

/* What all loops share; borrowed for their lives. */
struct loop_setup {
	const struct config *config;
	struct metrics *metrics;
	struct ingest *ingest;
	struct enrol *enrol;
	int ssl_index;
	size_t n_loops;
	const int *sockets; /* that listen, n_sockets of them */
	size_t n_sockets;
	/* The loop has stopped by itself; called in its thread, at its end. */
	void (*on_end)(void *arg);
	void *arg;
};

struct loop;

/* ctx and revoked get a reference of the loop's own.  Caller frees with loop_free(). */
struct loop *loop_new(const struct loop_setup *setup, SSL_CTX *ctx,
    struct revoked *revoked);

/* Errors: MH_ERR_SYSTEM. */
mh_err loop_start(struct loop *loop) MH_CHECKED;

/* From other threads: use these for connections and requests from now on. */
void loop_set_tls(struct loop *loop, SSL_CTX *ctx);
void loop_set_revoked(struct loop *loop, struct revoked *revoked);

/* Accept no more, and end when what is under way was answered. */
void loop_stop(struct loop *loop);
/* End now. */
void loop_break(struct loop *loop);

/* Wait for the end of its thread.  What is mailed to it then waits for loop_free(). */
void loop_join(struct loop *loop);

/* Deliver the last mail, close all connections.  Nobody may mail to it any more. */
void loop_free(struct loop *loop);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_ENRICH_H
#define MH_AGENT_ENRICH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/channel.h"
#include "records/facts.h"

/*
 * Asks an opener which packages files came with, for findings that wait for it.
 * The opener is one of its own, for one that walks answers when its walk is done,
 * and may end once nobody asked for a while.
 *
 * Each question has exactly one answer, at the latest ENRICH_WAIT_MS later, be it
 * that nothing is known: no finding is held up or lost by a database, a file
 * system or an opener that hangs.  Never blocks.  All times are monotonic.
 */
enum {
	ENRICH_WAITING_MAX = 10000, /* questions; more are answered at once: not asked */
	ENRICH_WAIT_MS = 2000,      /* from a question to its answer */
	/* Without a sign of life an opener hangs: the index of a slow disk takes less. */
	ENRICH_HUNG_MS = 30 * 1000,
};

struct enricher;

/* facts are borrowed.  May ask again. */
typedef void enrich_fn(void *ctx, void *tag, const struct package_facts *facts);

struct enricher *enricher_new(enrich_fn *on_facts, void *ctx);
/* Answers all that wait: no answer in time. */
void enricher_flush(struct enricher *e);
/* The same, and frees it. */
void enricher_free(struct enricher *e);
MH_DEFINE_CLEANUP(struct enricher, enricher_free);

/*
 * Ask about an absolute path of this machine's own mount namespace; tag comes back
 * with the answer, within this call when it cannot be asked.
 */
void enricher_ask(struct enricher *e, const char *path, void *tag, int64_t now_ms);

/* Questions without an answer: while there are any, an opener is wanted. */
size_t enricher_waiting(const struct enricher *e);

/* What its owner has to do. */
enum enrich_next {
	ENRICH_OK,     /* call again when there is news, or with the next tick */
	ENRICH_HUNG,   /* that opener did not answer in time: end it */
	ENRICH_BROKEN, /* it ended, or talks nonsense: end it */
};

/*
 * Send what waits and take answers, with the opener's channel or NULL while there is
 * none.  After HUNG or BROKEN, and for an opener that ended: enricher_lost().
 */
enum enrich_next enricher_step(struct enricher *e, struct channel *opener,
    int64_t now_ms);

/* That opener is gone: what it was asked is not asked again, it may be why. */
void enricher_lost(struct enricher *e);

#endif

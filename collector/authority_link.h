/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_AUTHORITY_LINK_H
#define MH_COLLECTOR_AUTHORITY_LINK_H

#include <event2/event.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/certificates.h"

/*
 * The collector's end of the channel to its certificate authority: starts the
 * process, starts it again when it ended, and brings answers to who asked.
 */
struct authority_link;

/*
 * Start the authority for the folder (borrowed) of the CA's key; certificates
 * live for life_ms.  Caller frees with authority_link_free(), which ends it.
 */
mh_err authority_link_new(struct event_base *base, const char *folder, uint64_t life_ms,
    struct authority_link **ret) MH_CHECKED;
void authority_link_free(struct authority_link *link);
MH_DEFINE_CLEANUP(struct authority_link, authority_link_free);

/* The answer, borrowed during the call; NULL when the authority is gone. */
typedef void authority_fn(const struct issued *answer, void *arg);

/*
 * Ask for a certificate; ask->id is set here.  fn is called once, later.
 * Errors, without a call of fn: MH_ERR_FULL (too many are under way),
 * MH_ERR_CLOSED (it is being started again).
 */
mh_err authority_ask(struct authority_link *link, struct issue *ask, authority_fn *fn,
    void *arg) MH_CHECKED;

#endif

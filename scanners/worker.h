/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_WORKER_H
#define MH_SCANNERS_WORKER_H

#include "records/setup.h"
#include "signatures/indicator_set.h"
#include "signatures/ruleset.h"

/*
 * A scan worker: targets come over a channel and verdicts go back, until the
 * agent closes it.  Targets of one message are scanned in their order.  Verdicts are sent
 * when the message is done with, when something was found, and at least every
 * WORKER_FLUSH_MS between targets.
 */
enum { WORKER_FLUSH_MS = 200 };

struct worker;

/*
 * Everything that a worker needs, made before its sandbox closes.  fd is the
 * channel's and taken; rs and indicators, which may be NULL, are borrowed for good.
 * NULL when the libraries refuse.
 */
struct worker *worker_new(int fd, struct ruleset *rs, struct indicator_set *indicators,
    const struct scan_setup *setup);

/* The life of the worker, inside the sandbox.  Returns its exit status. */
int worker_run(struct worker *w);

#endif

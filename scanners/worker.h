/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_WORKER_H
#define MH_SCANNERS_WORKER_H

#include "records/setup.h"
#include "signatures/ruleset.h"

/*
 * The life of a scan worker after the sandbox has closed: targets come over
 * the channel fd, which is taken, and verdicts go back, until the agent closes
 * it.  Targets of one message are scanned in their order.  Verdicts are sent
 * when the message is done with, when something was found, and at least every
 * WORKER_FLUSH_MS between targets.  Returns the exit status.
 */
enum { WORKER_FLUSH_MS = 200 };

int worker_run(int fd, struct ruleset *rs, const struct scan_setup *setup);

#endif

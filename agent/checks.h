/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CHECKS_H
#define MH_AGENT_CHECKS_H

#include <stdbool.h>

#include "records/check.h"

/*
 * Score, wording and technique of the checks that need no signature: one table,
 * keyed by kind.  What a scan worker tells are facts; what they weigh is
 * decided here.
 */

/*
 * Complete m, whose namespace is CHECK_NAMESPACE: facts that the check does not
 * know are taken out, score, description and attack are added.  False: there is
 * no such check, and its worker talks nonsense.
 */
bool check_complete(struct match *m);

#endif

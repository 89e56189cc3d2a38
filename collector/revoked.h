/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_REVOKED_H
#define MH_COLLECTOR_REVOKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"
#include "collector/store.h"

/*
 * The agents that were revoked, in memory.  A set does not change once it is
 * read, so that all event loops share one without a lock; each holds a
 * reference.
 */
struct revoked;

/* Read the store's; in the thread that has the store.  Errors: the store's. */
mh_err revoked_read(struct store *st, struct revoked **ret) MH_CHECKED;

/* One reference more, and less; the last one frees it.  NULL does nothing. */
struct revoked *revoked_hold(struct revoked *set);
void revoked_release(struct revoked *set);

bool revoked_has(const struct revoked *set, const char *agent);
size_t revoked_count(const struct revoked *set);

#endif

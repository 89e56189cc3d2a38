/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_COVERAGE_H
#define MH_RECORDS_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"
#include "records/reason.h"

/*
 * What a scan looked at and what it did not, and why.
 *
 * A target that was scanned in part counts as scanned and under its reason.
 * The paths of what should have been scanned and was not are kept by name, the
 * first COVERAGE_PATHS_MAX of them.
 */
struct coverage_path {
	char *path;
	enum reason reason;
	bool partly;
	char *detail; /* or NULL */
};

struct coverage {
	uint64_t n_scanned; /* targets read, wholly or in part */
	uint64_t n_partly;  /* of these, in part */
	uint64_t n_found;   /* targets in which something was found */
	uint64_t n_findings;
	uint64_t n_weak;      /* findings of little weight, not among those */
	uint64_t bytes;       /* scanned */
	uint64_t n_processes; /* of the targets, those that were memory */
	uint64_t n_members;   /* of archives, scanned; these are no targets */
	uint64_t by_reason[REASON_MAX_];
	uint64_t n_missed;           /* wholly or in part, of a reason that is missed */
	struct coverage_path *paths; /* owned */
	size_t n_paths;
	size_t cap_paths;
};

void coverage_clear(struct coverage *c);

/* Count one target that a worker answered for. */
/* Something whose content was not asked for, a name, was found so often. */
void coverage_add_found(struct coverage *c, uint64_t n_findings);
void coverage_add_scanned(struct coverage *c, uint64_t bytes, uint64_t n_findings);
/*
 * Count one target that was not scanned (or, partly, not wholly: then after
 * coverage_add_scanned()).  path and detail are copied; detail may be NULL.
 */
void coverage_add_missed(struct coverage *c, enum reason reason, bool partly,
    const char *path, const char *detail);
/*
 * Count n parts of a scanned target that were not scanned.  path names one
 * part, or the target where n is more.
 */
void coverage_add_parts(struct coverage *c, enum reason reason, uint64_t n,
    const char *path, const char *detail);
/* Count n targets without a name. */
void coverage_add_count(struct coverage *c, enum reason reason, uint64_t n);
/* Add all of more. */
void coverage_add(struct coverage *c, const struct coverage *more);
/* Move all of more, which is zero then. */
void coverage_merge(struct coverage *c, struct coverage *more);

/*
 * For keeping over a restart, of an update of Molehunt too: reasons go by name.
 * Paths for which b has no room are left out; counts are whole, and only if these
 * do not fit has b an error.
 */
void coverage_encode(const struct coverage *c, struct buf *b);
/*
 * Fails on reasons that are not known here.  Check r afterwards; always leaves
 * what can be cleared.
 */
void coverage_decode(struct reader *r, struct coverage *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_H
#define MH_SCANNERS_ARCHIVE_H

#include <stdbool.h>

#include "records/setup.h"
#include "records/target.h"
#include "scanners/archive_limits.h"
#include "scanners/content.h"
#include "scanners/hasher.h"
#include "scanners/indicator_scan.h"
#include "scanners/matcher.h"
#include "signatures/ruleset.h"

/*
 * Scans what is in an archive: each member as a file of its own, and archives
 * among the members likewise, within scanners/archive_limits.h.  A content that
 * is no archive costs a look at a few bytes (scanners/archive_kind.h).
 *
 * Names of members are bytes and only names: nothing is ever written or opened.
 */
struct archive_scanner;

/*
 * rs, h and m are borrowed while it lives; setup is copied.  Its memory_bytes
 * are those of this worker: where they are less than heavy_bytes, another one
 * can be asked for.
 */
struct archive_scanner *archive_scanner_new(struct ruleset *rs, struct hasher *h,
    struct matcher *m, const struct scan_setup *setup, pulse_fn *on_pulse, void *ctx);
void archive_scanner_free(struct archive_scanner *as);
MH_DEFINE_CLEANUP(struct archive_scanner, archive_scanner_free);

/* Compare members with indicators, too; borrowed; NULL: not. */
void archive_scanner_use(struct archive_scanner *as, struct indicator_scanner *is);

/* Other limits than those of the setup: for tests. */
void archive_scanner_limit(struct archive_scanner *as, const struct archive_limits *l);

/*
 * Add to o, the outcome of t whose content is c, what its members yield:
 * matches with PART_MEMBER, n_members, and a note for each part that was not
 * scanned.  False, where may_ask: this needs a worker with more memory, and
 * what was added so far is to be dropped.
 */
bool archive_scan(struct archive_scanner *as, const struct target *t,
    const struct content *c, bool may_ask, struct match_outcome *o) MH_CHECKED;

#endif

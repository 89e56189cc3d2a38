/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_FILE_SCAN_H
#define MH_SCANNERS_FILE_SCAN_H

#include "records/setup.h"
#include "records/target.h"
#include "records/verdict.h"
#include "scanners/hasher.h"
#include "scanners/indicator_scan.h"
#include "scanners/matcher.h"
#include "signatures/ruleset.h"

/*
 * Scans one file, given as a descriptor, and says how much of it was scanned.
 *
 * A file that is not what it was when it was opened (size, mtime, ctime) is
 * scanned once more as it is now; when it changes again, the verdict says so.
 */
struct file_scanner;

/* rs is borrowed while it lives.  NULL when the libraries refuse. */
struct file_scanner *file_scanner_new(struct ruleset *rs, const struct scan_setup *setup,
    pulse_fn *on_pulse, void *ctx);
void file_scanner_free(struct file_scanner *fs);
MH_DEFINE_CLEANUP(struct file_scanner, file_scanner_free);

/* Compare files and members with indicators, too; borrowed; NULL: not. */
void file_scanner_use(struct file_scanner *fs, struct indicator_scanner *is);

/* Its matcher and hasher, borrowed, for what else scans in this process. */
struct matcher *file_scanner_matcher(struct file_scanner *fs);
struct hasher *file_scanner_hasher(struct file_scanner *fs);

/*
 * Scan fd, which is borrowed.  *ret_verdict and *ret_outcome are overwritten
 * and cleared by the caller; the matches are in the outcome.
 */
void file_scan(struct file_scanner *fs, const struct target *t, int fd,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome);

#endif

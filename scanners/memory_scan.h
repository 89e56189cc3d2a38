/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_MEMORY_SCAN_H
#define MH_SCANNERS_MEMORY_SCAN_H

#include "records/setup.h"
#include "records/target.h"
#include "records/verdict.h"
#include "scanners/hasher.h"
#include "scanners/matcher.h"

/*
 * Scans the memory of one process, given the descriptors of its pagemap, maps
 * and mem: its own pages by address, then the programs that lie in memory
 * without a file, rebuilt as files.  The process goes on meanwhile; nothing
 * becomes resident in it, nothing is swapped in, no device is touched.
 *
 * libyara searches only where it could find something (scanners/gate.h), and
 * what processes share because one was forked from another is looked through
 * once (scanners/unit_cache.h).
 */
enum {
	IMAGES_MAX = 64, /* programs without a file that are rebuilt, of a process */
	/* Times the time of a file that the search of one process may take. */
	MEMORY_TIME_FACTOR = 8,
};

struct memory_scanner;

/* All is borrowed while it lives.  Before the sandbox closes. */
struct memory_scanner *memory_scanner_new(struct ruleset *rs, struct matcher *m,
    struct hasher *h, const struct scan_setup *setup);
void memory_scanner_free(struct memory_scanner *ms);
MH_DEFINE_CLEANUP(struct memory_scanner, memory_scanner_free);

/* As file_scan(), for a target of memory and its descriptors. */
void memory_scan(struct memory_scanner *ms, const struct target *t, const int *fds,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome);

#endif

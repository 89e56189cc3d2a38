/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_INDICATOR_SCAN_H
#define MH_SCANNERS_INDICATOR_SCAN_H

#include "records/target.h"
#include "records/verdict.h"
#include "scanners/content.h"
#include "scanners/hasher.h"
#include "scanners/matcher.h"
#include "signatures/indicator_set.h"

/*
 * Compares what is scanned with indicators: hashes and names of files and of members of
 * archives, names of what is not opened, programs and sockets of processes.
 *
 * Content is hashed only with the kinds of hashes that some indicator has.
 */
struct indicator_scanner;

/* set and h are borrowed while it lives. */
struct indicator_scanner *indicator_scanner_new(struct indicator_set *set,
    struct hasher *h);
void indicator_scanner_free(struct indicator_scanner *is);
MH_DEFINE_CLEANUP(struct indicator_scanner, indicator_scanner_free);

/*
 * A file: its name and, where the whole content is there, its hashes, which go into *v,
 * too.  Matches, and a note about what could not be compared, are added to *o.  A scanner
 * that is NULL does nothing, in all of these.
 */
void indicator_scan_file(struct indicator_scanner *is, const struct target *t,
    const struct content *c, struct verdict *v, struct match_outcome *o);
/* A member of an archive, of that path, all of which is in c. */
void indicator_scan_member(struct indicator_scanner *is, const char *path,
    const struct content *c, struct match_outcome *o);
/* A target without content: a name, or the facts of a process.  Both are overwritten. */
void indicator_scan_facts(struct indicator_scanner *is, const struct target *t,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_CHECKS_H
#define MH_SCANNERS_ARCHIVE_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "records/target.h"
#include "scanners/archive_kind.h"
#include "scanners/matcher.h"

/*
 * Signs of a theft that is being prepared, from names and headers alone
 * (docs/RULES.md, "Checks"): data is packed before it is carried off, under a
 * name that hides it, in a folder where nobody looks, with a password, in
 * pieces.  One file, one archive; what several files tell together is not seen.
 */

/* What the names of the members of one archive tell. */
struct archive_listing {
	uint64_t n_design;    /* members that only design programs write */
	uint64_t n_ambiguous; /* others write such names too: .lib, .v */
	char example[128];    /* the first of n_design, or "" */
	bool is_package;      /* a program's or document's own format */
};

enum {
	/* Bytes; smaller ones are too common under any name. */
	CHECK_FOREIGN_BYTES_MIN = 1024 * 1024,
	/* Design files in one archive: less is an attachment. */
	CHECK_DESIGN_FILES_MIN = 10,
};

void archive_listing_add(struct archive_listing *listing, const char *name);

/* Add to o what the checks say of t, whose content is that archive. */
void archive_check(const struct target *t, const struct archive_facts *facts,
    const struct archive_listing *listing, struct match_outcome *o);

#endif

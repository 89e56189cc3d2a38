/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_MEMORY_H
#define MH_TESTS_UNIT_MH_MEMORY_H

#include "scanners/memory_reader.h"
#include "scanners/memory_scan.h"
#include "tests/unit/mh_child.h"

/*
 * A region of the test that begins at a border of units, with holes on either
 * side, and scans of a child that has it.
 */
enum { SIZE = 8 * UNIT_BYTES };

struct memory_ground {
	struct mh_child child;
	uint8_t *p; /* the region */
	size_t size;
	struct ruleset *rs;
	struct hasher *h;
	struct scan_setup setup;
	bool is_slow; /* 2 ms for each window */
	struct matcher *m;
	struct memory_scanner *ms;
	struct verdict v;
	struct match_outcome o;
};

int memory_setup(void **state);
int memory_teardown(void **state);

/* Start the child and scan it with these rules. */
void memory_scan_child(struct memory_ground *g, const char *rules);

/* What that rule found in the whole or in a part; NULL: nothing. */
const struct match *memory_found(const struct memory_ground *g, const char *rule,
    enum match_part part);

/* Text at a place of the region; step 2: wide. */
void memory_put(struct memory_ground *g, size_t at, const char *text, unsigned step);

#endif

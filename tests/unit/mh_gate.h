/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_GATE_H
#define MH_TESTS_UNIT_MH_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yara.h>

#include "base/buf.h"
#include "scanners/gate.h"

/*
 * What libyara finds in the whole of some data, against what it finds in the
 * windows that a gate gives it.  yr_initialize() comes first.
 */
struct gate_check {
	YR_RULES *rules;
	struct gate *gate; /* NULL: some string has no atom */
	uint64_t n_hits;   /* of all comparisons */
	uint64_t n_given;  /* bytes that lay in windows */
	uint64_t n_bytes;  /* bytes of data */
};

/* False when libyara does not take the text. */
bool gate_check_init(struct gate_check *check, const char *text);
void gate_check_clear(struct gate_check *check);

/*
 * Whether string, place and length of all matches are the same.  True, too,
 * where libyara gives the whole data up, as for too many regular expression
 * threads.  Prints the first difference.
 */
bool gate_check_data(struct gate_check *check, const uint8_t *data, size_t len);

/* Random rules that libyara takes, each with an atom (maybe none), and data for them. */
enum { GATE_DATA_MAX = 48 * 1024 };
void gate_random_seed(uint64_t seed);
void gate_random_rules(struct buf *b);
/* Fills at most GATE_DATA_MAX bytes and returns how many. */
size_t gate_random_data(uint8_t *data);

#endif

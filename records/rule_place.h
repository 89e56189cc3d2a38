/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_RULE_PLACE_H
#define MH_RECORDS_RULE_PLACE_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"

/* Where a rule works: bits of a mask. */
enum {
	RULE_IN_FILES = 1,
	RULE_IN_MEMORY = 2,
	/*
	 * Others of its file depend on it: it is global, or they name it.  Where it
	 * does not work it must be evaluated all the same, and not be reported.
	 */
	RULE_NEEDED = 4,
};

/* What the zygote says of one rule when it is asked (MSG_RULE_PLACES). */
struct rule_place {
	uint32_t file; /* in the order of MSG_RULES */
	uint32_t line; /* of its name, from 1; 0 where unknown */
	uint8_t mask;
	char *name;   /* owned */
	char *reason; /* why it does not work in some place, or ""; owned */
};

/* Bytes of an encoded place, at most. */
enum { RULE_PLACE_BYTES_MAX = 9 + 8 + RULE_NAME_MAX + DETAIL_BYTES_MAX };

void rule_place_clear(struct rule_place *p);
/* Name and reason fit, or b fails. */
void rule_place_encode(const struct rule_place *p, struct buf *b);
/* Check r afterwards; clear *ret in any case. */
void rule_place_decode(struct reader *r, struct rule_place *ret);

#endif

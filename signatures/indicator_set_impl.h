/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_SET_IMPL_H
#define MH_SIGNATURES_INDICATOR_SET_IMPL_H

#include "signatures/indicator_set.h"
#include "signatures/indicator_table.h"
#include "signatures/indicator_value.h"

/* Inside of signatures/indicator_set.h: indicator_set.c makes it, indicator_match.c uses it. */

enum { NO_COMBINED = UINT32_MAX };

/* What is known of an indicator that is no plain hash; texts are in the table. */
struct info {
	uint32_t line;
	uint32_t value, details;
	uint32_t combined; /* what else has to hold, or NO_COMBINED */
	uint16_t file;
	uint8_t score;
	uint8_t type;
};

/* One of the things that have to hold at once. */
struct stored_term {
	struct term term; /* text is owned */
	uint8_t digest_type;
	uint8_t digest[DIGEST_BYTES_MAX];
};

struct combined {
	struct stored_term *terms; /* owned */
	size_t n;
};

/* A hash that leads to something combined. */
struct anchor {
	uint8_t type;
	uint8_t digest[DIGEST_BYTES_MAX];
	uint32_t info;
};

struct indicator_set {
	struct indicator_table *table;
	struct empty_digests *empty;
	struct indicator_names *names, *exceptions;
	struct indicator_addresses *addresses;
	struct info *infos;
	size_t n_infos, cap_infos;
	struct combined *combined;
	size_t n_combined;
	struct anchor *anchors; /* sorted when sealed */
	size_t n_anchors;
	uint32_t *domains; /* infos */
	size_t n_domains;
	char **name_spaces;
	uint16_t n_files;
	uint32_t n[INDICATOR_MAX_];
	bool
	    combined_wants[INDICATOR_MAX_]; /* digests that something combined asks for */
	bool excepted[INDICATOR_MAX_];      /* digests that exceptions are named by */
	bool is_sealed;
};

int anchor_compare(const void *a, const void *b);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_TIMING_H
#define MH_SIGNATURES_RULE_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "signatures/rule_text.h"

/*
 * What one rule costs: it is compiled alone and scans samples that are held in
 * memory, as files.  libyara has no profile of rules where it is packaged, and one
 * would not show the atoms, which cost most.
 *
 * Input: hostile.
 */
enum {
	TIMING_ROUNDS = 2,          /* over the samples; the best one counts */
	TIMING_RULE_MS_MAX = 20000, /* of one rule: then it is slow enough to be named */
};

struct timing_sample {
	const uint8_t *data;
	size_t len;
};

struct rule_cost {
	uint64_t ns;      /* CPU time over all samples, of the best round */
	uint64_t n_atoms; /* what libyara looks for at every byte */
	bool is_whole;    /* with the other rules of its file, which it needs */
	bool is_partial;  /* TIMING_RULE_MS_MAX was too short for all samples */
};

/*
 * libyara must be initialised.  Errors: MH_ERR_RULES (neither the rule nor its file
 * compiles), MH_ERR_MEMORY.
 */
mh_err rule_timing(const struct rule_text *text, const struct rule_part *rule,
    const struct timing_sample *samples, size_t n, struct rule_cost *ret) MH_CHECKED;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_TRUTH_H
#define MH_SIGNATURES_RULE_TRUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "signatures/rule_text.h"

/*
 * Whether a condition can be true when certain strings of the rule are there and
 * the others are not.  What is not about strings (sizes, headers, modules, other
 * rules, places) is taken to be as it has to be.
 *
 * A recursive descent as in signatures/condition.h, over the same language.
 * Input: hostile.
 */
enum {
	TRUTH_DEPTH_MAX = 256, /* as CONDITION_DEPTH_MAX; beyond, it is not understood */
	TRUTH_STRINGS_MAX = 1024, /* of a rule that is looked at; ours have some 20 */
};

enum truth {
	TRUTH_NO,      /* it cannot */
	TRUTH_MAYBE,   /* if the rest is as it has to be */
	TRUTH_YES,     /* whatever the rest is */
	TRUTH_UNKNOWN, /* not understood, or too many strings */
};

/* is_there has an entry for each string of the rule. */
enum truth rule_truth(const struct rule_part *rule, const bool *is_there);

#endif

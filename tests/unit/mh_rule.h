/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_RULE_H
#define MH_TESTS_UNIT_MH_RULE_H

#include <stddef.h>

/*
 * A rule of our own with which nothing is wrong, in parts that a test changes, and its
 * manifest.
 */
struct rule_parts {
	const char *imports, *name, *tags;
	const char *id, *description, *dates, *version, *reference, *score, *actor,
	    *attack;
	const char *scope, *container, *category, *status, *more; /* metas */
	const char *strings, *condition;
};
extern const struct rule_parts good_rule;

/* The text; freed by the caller with free(3). */
char *rule_text_of(const struct rule_parts *parts);

/* The manifest of good_rule; static. */
extern const char good_manifest[];

#endif

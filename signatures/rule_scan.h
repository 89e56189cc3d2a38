/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_SCAN_H
#define MH_SIGNATURES_RULE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "signatures/ruleset.h"

/*
 * Scanning of samples in memory with compiled rules: as files, and as the memory of
 * a process (blocks with true addresses, no file size; docs/RULES.md, "Rules in
 * memory").  What rules match is compared with a manifest; nothing is reported.
 */
enum {
	RULE_SCAN_MATCHES_MAX = 64, /* rules of one sample that are kept */
	RULE_SCAN_TIMEOUT_S = 30,   /* one sample */
};

struct rule_scan;

/* rs is borrowed.  NULL when out of memory. */
struct rule_scan *rule_scan_new(struct ruleset *rs);
void rule_scan_free(struct rule_scan *s);
MH_DEFINE_CLEANUP(struct rule_scan, rule_scan_free);

/*
 * Errors: MH_ERR_TIMEOUT, MH_ERR_MEMORY, MH_ERR_RULES (anything else of libyara's).
 * Rules are there for rule_scan_match() until the next scan.  Rules that do not work
 * in a place (ruleset_scope()) do not match there.
 */
mh_err rule_scan_file(struct rule_scan *s, const void *data, size_t len) MH_CHECKED;
mh_err rule_scan_memory(struct rule_scan *s, const void *data, size_t len) MH_CHECKED;

unsigned rule_scan_n(const struct rule_scan *s);
/* The rule at i < rule_scan_n(); borrowed. */
const YR_RULE *rule_scan_match(const struct rule_scan *s, unsigned i);
/* Whether the rule of that name matched. */
bool rule_scan_has(const struct rule_scan *s, const char *name);

/* The text of a rule's meta, NULL where it is none; borrowed. */
const char *rule_meta_text(const YR_RULE *rule, const char *key);

#endif

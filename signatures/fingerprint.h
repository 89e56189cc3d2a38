/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_FINGERPRINT_H
#define MH_SIGNATURES_FINGERPRINT_H

#include "signatures/rule_text.h"

/*
 * What a rule looks for, as one hash: the same however it is laid out, commented
 * and described.  docs/RULES.md, "Fingerprints", defines it.
 */
enum { FINGERPRINT_HEX = 64 }; /* characters of a SHA-256 in lower case */

/* The rule's, NUL-terminated. */
void fingerprint_rule(const struct rule_part *rule, char ret[FINGERPRINT_HEX + 1]);

/* A pack's, from those of its rules, in any order: names and hashes, n of each. */
void fingerprint_pack(const char *const *names, const char *const *fingerprints, size_t n,
    char ret[FINGERPRINT_HEX + 1]);

#endif

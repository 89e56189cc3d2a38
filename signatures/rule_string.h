/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_STRING_H
#define MH_SIGNATURES_RULE_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "signatures/rule_text.h"

/*
 * What one string of a rule looks for, read from its text.
 * Input: hostile.
 */

/* Append the bytes of a text string, escapes resolved; b bounds them. */
void rule_string_decode(const struct rule_word *value, struct buf *b);

/* A hex string. */
struct hex_facts {
	size_t n_fixed;      /* bytes without "?" outside of alternatives */
	size_t longest_run;  /* of such bytes */
	size_t max_jump;     /* bytes; SIZE_MAX: without an end */
	bool begins_loosely; /* with a wildcard or a jump */
	bool is_printable;   /* every byte is fixed and ASCII that prints */
	bool is_uniform;     /* at most two different bytes, all fixed */
};
void rule_string_hex(const struct rule_word *value, struct hex_facts *ret);

/*
 * Whether the bytes are what a hex string without jumps and alternatives says;
 * true of one that has these.
 */
bool rule_string_hex_matches(const struct rule_word *value, const void *bytes,
    size_t len);

/* A regular expression. */
struct regex_facts {
	size_t longest_run; /* characters in a row that every match has */
	bool is_unbounded;  /* ".*", ".+", "{n,}" */
};
void rule_string_regex(const struct rule_word *value, struct regex_facts *ret);

/* Different byte values among the len bytes at p. */
unsigned bytes_distinct(const void *p, size_t len);

#endif

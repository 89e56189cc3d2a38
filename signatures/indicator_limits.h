/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_LIMITS_H
#define MH_SIGNATURES_INDICATOR_LIMITS_H

/* Limits of indicator files, each with its unit and reason, tested on both sides. */
enum {
	/* Bytes of a line: a pattern, a comment and a pattern of exceptions. */
	INDICATOR_LINE_MAX = 16 * 1024,
	/* Bytes of one regular expression. */
	INDICATOR_PATTERN_MAX = 4096,
	/* Bytes of a file of JSON or XML, whose tree is held: MISP's largest feeds have 30 MB. */
	INDICATOR_TREE_BYTES_MAX = 64 * 1024 * 1024,
	/* Levels of elements in XML; OpenIOC's own nest 5. */
	INDICATOR_DEPTH_MAX = 64,
	/* Bytes of one value, and kept of a comment. */
	INDICATOR_VALUE_MAX = 1024,
	INDICATOR_COMMENT_MAX = 512,
	/* Patterns of file names: fifty times the largest public list. */
	INDICATOR_NAMES_MAX = 200 * 1000,
	/* Networks and addresses: the largest public lists of one day. */
	INDICATOR_ADDRESSES_MAX = 500 * 1000,
	/* Names of hosts, each a rule in memory; ten times the largest public list. */
	INDICATOR_DOMAINS_MAX = 20 * 1000,
	/* Indicators that need several things at once. */
	INDICATOR_COMBINED_MAX = 100 * 1000,
	/* Terms of one tree, and ways to make it true that it is taken apart into. */
	INDICATOR_TERMS_MAX = 4096,
	INDICATOR_WAYS_MAX = 1024,
	/* Terms of one way: what has to be true at once. */
	INDICATOR_WAY_TERMS_MAX = 16,
	/* Steps of one regular expression on one path (pcre2api(3), match limit). */
	INDICATOR_MATCH_STEPS_MAX = 100 * 1000,
	/* KiB of heap of the same. */
	INDICATOR_MATCH_HEAP_KIB = 1024,
	/* Characters of a file's name or part of a path that is an indicator by itself. */
	INDICATOR_NAME_MIN = 4,
	/* Bits of the widest network: wider ones name half of the world. */
	INDICATOR_PREFIX_MIN_4 = 8,
	INDICATOR_PREFIX_MIN_6 = 16,
};

/* Bytes of a list of lines: 25 million hashes with comments. */
#define INDICATOR_LIST_BYTES_MAX (2ull << 30)

#endif

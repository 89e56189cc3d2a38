/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_JSON_LINE_H
#define MH_TRANSPORT_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A quick look at one line of a report: is it a JSON object beyond doubt?
 *
 * A tree of each line in memory (jansson) cost half of what the collector did.
 * This reads the same grammar once, without a tree.  It says yes only to what
 * jansson accepts with JSON_REJECT_DUPLICATES; what is rare (escapes in keys,
 * reals with an exponent, deep nesting, large objects) it leaves to jansson by
 * saying no.  tests/fuzz/fuzz_json_line.c holds the two against each other.
 */
enum {
	JSON_LINE_DEPTH = 32, /* levels; a finding has 9 */
	JSON_LINE_KEYS = 256, /* keys of all objects that are open at a time */
};

/* What stood in the outermost object; 0 and NULL for what is missing or of another type. */
struct json_line {
	int64_t class_uid;
	const char *type; /* borrowed from the line, without its quotes */
	size_t type_len;
};

/* False: ask jansson.  Input: hostile. */
bool json_line_read(const char *text, size_t len, struct json_line *ret);

#endif

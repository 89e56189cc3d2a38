/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_TEXT_H
#define MH_SIGNATURES_RULE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/*
 * What stands in a rule file, read from its text with signatures/lexer.h: what
 * libyara forgets when it compiles (conditions, regular expressions, comments,
 * doubled metas, lines).  No grammar: of text that does not compile something is
 * read, too, and never more than there is.
 *
 * Input: hostile.  Every pointer is borrowed from the text.
 */
struct rule_word {
	const char *at;
	size_t len;
	unsigned line; /* from 1 */
};

enum rule_string_kind { RULE_STRING_TEXT, RULE_STRING_HEX, RULE_STRING_REGEX };

enum rule_string_flags {
	RULE_STRING_ASCII = 1u << 0,
	RULE_STRING_WIDE = 1u << 1,
	RULE_STRING_NOCASE = 1u << 2,
	RULE_STRING_FULLWORD = 1u << 3,
	RULE_STRING_PRIVATE = 1u << 4,
	RULE_STRING_XOR = 1u << 5,
	RULE_STRING_XOR_RANGE = 1u << 6, /* xor(1-255) */
	RULE_STRING_BASE64 = 1u << 7,    /* or base64wide */
	RULE_STRING_REASON = 1u << 8,    /* a comment that begins "nocase:" on its line */
};

struct rule_string {
	struct rule_word name;  /* "$a"; "$" where it has none */
	struct rule_word value; /* with its quotes, braces or slashes */
	enum rule_string_kind kind;
	unsigned flags;
};

enum rule_meta_kind { RULE_META_TEXT, RULE_META_NUMBER, RULE_META_WORD };

struct rule_meta {
	struct rule_word key;
	struct rule_word value; /* text: without its quotes, escapes as they stand */
	enum rule_meta_kind kind;
};

struct rule_part {
	struct rule_word name;
	const char *begin, *end; /* of the whole rule, with what stands before "rule" */
	bool is_global, is_private;
	struct rule_word *tags; /* owned by the rule_text, as all arrays here */
	size_t n_tags;
	struct rule_meta *metas;
	size_t n_metas;
	struct rule_string *strings;
	size_t n_strings;
	struct rule_word
	    strings_text; /* of the section; at is NULL where there is none */
	struct rule_word condition;
};

struct rule_text {
	const char *text;
	size_t len;
	struct rule_word *imports; /* without quotes */
	size_t n_imports;
	struct rule_word *includes;
	size_t n_includes;
	struct rule_part *rules;
	size_t n_rules;
};

/* Read the text, which has to outlive the result. */
struct rule_text *rule_text_read(const char *text, size_t len);
void rule_text_free(struct rule_text *t);
MH_DEFINE_CLEANUP(struct rule_text, rule_text_free);

/* The first meta of that key, or NULL. */
const struct rule_meta *rule_meta_find(const struct rule_part *rule, const char *key);
/* The string of that name ("$a"), or NULL. */
const struct rule_string *rule_string_find(const struct rule_part *rule, const char *name,
    size_t len);

bool rule_word_is(const struct rule_word *w, const char *text);

#endif

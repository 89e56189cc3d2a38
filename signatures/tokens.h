/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_TOKENS_H
#define MH_SIGNATURES_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "signatures/lexer.h"

/*
 * The tokens of a YARA source, looked at one ahead: what all who read rules without a
 * grammar of their own have in common.
 */
struct tokens {
	struct lexer lx;       /* lx.token is the one that comes next */
	enum lexer_token kind; /* its kind; LEXER_END: there is none */
	const char *counted;   /* newlines before this are in line */
	unsigned line;         /* of the one that comes next, from 1 */
};

/* Stand before the first token of the len bytes at text, which are borrowed. */
void tokens_begin(struct tokens *t, const char *text, size_t len);
void tokens_advance(struct tokens *t);

/* Whether the next token is that text, or one of these. */
bool tokens_next_is(const struct tokens *t, const char *text);
bool tokens_next_is_of(const struct tokens *t, const char *const *texts, size_t n);
/* Whether the section of a rule of that name begins here: the name and a colon. */
bool tokens_at_section(const struct tokens *t, const char *name);

/* Go behind the next token if it is that text. */
bool tokens_accept(struct tokens *t, const char *text);
/* Go behind what closes the bracket that comes next; false: nothing does, in this rule. */
bool tokens_skip_brackets(struct tokens *t);

/* Whether the len bytes at token are that text. */
bool token_is(const char *token, size_t len, const char *text);

#endif

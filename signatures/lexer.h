/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_LEXER_H
#define MH_SIGNATURES_LEXER_H

#include <stddef.h>

/*
 * A tokenizer for YARA source, for what libyara does not tell: which
 * identifiers a file uses, what its conditions need.  No grammar; comments are
 * skipped.
 */
enum lexer_token {
	LEXER_END,
	LEXER_WORD,     /* identifier or keyword */
	LEXER_STRING,   /* "..." with its quotes */
	LEXER_OTHER,    /* an operator or any other character: ".." "==" "(" */
	LEXER_REGEX,    /* /.../ with its slashes and modifiers */
	LEXER_NUMBER,   /* 10, 0x1F, 4KB, 1.5; also the bytes of a hex string */
	LEXER_VARIABLE, /* $a, #a, @a, !a; without a "*" behind it */
};

struct lexer {
	const char *at;
	const char *end;
	const char *token; /* borrowed from the text */
	size_t len;        /* bytes of token */
	const char *open;  /* a comment that nothing closes: all behind it; or NULL */
	char before;       /* the last character of the token before, 0 at the start */
};

/* Read the len bytes at text, which are borrowed while lx is used. */
void lexer_init(struct lexer *lx, const char *text, size_t len);
enum lexer_token lexer_next(struct lexer *lx);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "signatures/lexer.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

void
lexer_init(struct lexer *lx, const char *text, size_t len)
{
	lx->at = text;
	lx->end = text + len;
	lx->token = text;
	lx->len = 0;
	lx->before = 0;
}

static char
peek(const struct lexer *lx, size_t ahead)
{
	return (size_t)(lx->end - lx->at) > ahead ? lx->at[ahead] : 0;
}

static void
skip_comment(struct lexer *lx, bool is_block)
{
	const char *close = is_block ? "*/" : "\n";
	const char *p =
	    memmem(lx->at + 2, (size_t)(lx->end - lx->at - 2), close, strlen(close));

	lx->at = p != NULL ? p + strlen(close) : lx->end;
}

static void
skip_blank(struct lexer *lx)
{
	while (lx->at < lx->end) {
		if (isspace((unsigned char)*lx->at) || *lx->at == 0)
			lx->at++;
		else if (peek(lx, 0) == '/' && (peek(lx, 1) == '/' || peek(lx, 1) == '*'))
			skip_comment(lx, peek(lx, 1) == '*');
		else
			return;
	}
}

/* Past the closing delimiter, or the end of the line where there is none. */
static void
skip_delimited(struct lexer *lx, char delimiter)
{
	for (lx->at++; lx->at < lx->end && *lx->at != '\n'; lx->at++) {
		if (*lx->at == '\\' && lx->at + 1 < lx->end) {
			lx->at++;
		} else if (*lx->at == delimiter) {
			lx->at++;
			return;
		}
	}
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void
skip_word(struct lexer *lx)
{
	while (lx->at < lx->end && is_word(*lx->at))
		lx->at++;
}

static enum lexer_token
token(struct lexer *lx)
{
	char c = *lx->at;

	if (isalpha((unsigned char)c) || c == '_') {
		skip_word(lx);
		return LEXER_WORD;
	}
	if (c == '"') {
		skip_delimited(lx, '"');
		return LEXER_STRING;
	}
	/* A regular expression follows "=" or "matches"; elsewhere / is \ in YARA. */
	if (c == '/') {
		skip_delimited(lx, '/');
		skip_word(lx);
		return LEXER_OTHER;
	}
	lx->at++;
	if (c == '$' || c == '#' || c == '@' || c == '!' || isdigit((unsigned char)c))
		skip_word(lx);
	return LEXER_OTHER;
}

enum lexer_token
lexer_next(struct lexer *lx)
{
	lx->before = lx->len > 0 ? lx->token[lx->len - 1] : 0;
	skip_blank(lx);
	lx->token = lx->at;
	lx->len = 0;
	if (lx->at == lx->end)
		return LEXER_END;
	enum lexer_token kind = token(lx);

	lx->len = (size_t)(lx->at - lx->token);
	return kind;
}

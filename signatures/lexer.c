/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "signatures/lexer.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/attributes.h"

void
lexer_init(struct lexer *lx, const char *text, size_t len)
{
	lx->at = text;
	lx->end = text + len;
	lx->token = text;
	lx->len = 0;
	lx->open = NULL;
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

	if (is_block && p == NULL)
		lx->open = lx->at;
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

/* "1.5" is one number, "1..5" is not. */
static void
skip_number(struct lexer *lx)
{
	skip_word(lx);
	if (peek(lx, 0) == '.' && isdigit((unsigned char)peek(lx, 1))) {
		lx->at++;
		skip_word(lx);
	}
}

static enum lexer_token
operator(struct lexer *lx) {
	static const char pairs[][3] = { "..", "==", "!=", "<=", ">=", "<<", ">>" };

	for (size_t i = 0; i < MH_ARRAY_LEN(pairs); i++){
	    if (peek(lx, 0) == pairs[i][0] && peek(lx, 1) == pairs[i][1]){
		lx->at += 2; return LEXER_OTHER; }
}
lx->at++;
return LEXER_OTHER;
}

static enum lexer_token
token(struct lexer *lx)
{
	char c = *lx->at;

	if (isalpha((unsigned char)c) || c == '_') {
		skip_word(lx);
		return LEXER_WORD;
	}
	if (isdigit((unsigned char)c)) {
		skip_number(lx);
		return LEXER_NUMBER;
	}
	if (c == '"') {
		skip_delimited(lx, '"');
		return LEXER_STRING;
	}
	/* Division is a backslash in YARA. */
	if (c == '/') {
		skip_delimited(lx, '/');
		skip_word(lx);
		return LEXER_REGEX;
	}
	if (c == '$' || c == '#' || c == '@' || (c == '!' && peek(lx, 1) != '=')) {
		lx->at++;
		skip_word(lx);
		return LEXER_VARIABLE;
	}
	return operator(lx);
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

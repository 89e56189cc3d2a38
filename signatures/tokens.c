/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "signatures/tokens.h"

#include <string.h>

bool
token_is(const char *token, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(token, text, len) == 0;
}

void
tokens_begin(struct tokens *t, const char *text, size_t len)
{
	*t = (struct tokens){ .counted = text, .line = 1 };
	lexer_init(&t->lx, text, len);
	tokens_advance(t);
}

void
tokens_advance(struct tokens *t)
{
	t->kind = lexer_next(&t->lx);
	for (; t->counted < t->lx.token; t->counted++)
		t->line += *t->counted == '\n';
}

bool
tokens_next_is(const struct tokens *t, const char *text)
{
	return t->kind != LEXER_END && token_is(t->lx.token, t->lx.len, text);
}

bool
tokens_next_is_of(const struct tokens *t, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (tokens_next_is(t, texts[i]))
			return true;
	}
	return false;
}

bool
tokens_at_section(const struct tokens *t, const char *name)
{
	struct lexer ahead = t->lx;

	return tokens_next_is(t, name) && lexer_next(&ahead) == LEXER_OTHER &&
	       *ahead.token == ':';
}

bool
tokens_accept(struct tokens *t, const char *text)
{
	if (!tokens_next_is(t, text))
		return false;
	tokens_advance(t);
	return true;
}

bool
tokens_skip_brackets(struct tokens *t)
{
	unsigned depth = 0;

	do {
		if (tokens_next_is(t, "("))
			depth++;
		else if (tokens_next_is(t, ")"))
			depth--;
		if (t->kind == LEXER_END || (depth > 0 && tokens_next_is(t, "}")))
			return false;
		tokens_advance(t);
	} while (depth > 0);
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/rule_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/tokens.h"

static struct rule_word
word(const struct tokens *c)
{
	return (struct rule_word){ c->lx.token, c->lx.len, c->line };
}

bool
rule_word_is(const struct rule_word *w, const char *text)
{
	return token_is(w->at, w->len, text);
}

/* An array that grows by doubling: room for one more of size bytes. */
static void *
grown(void *items, size_t n, size_t size)
{
	/* n is a power of two, or nothing yet: then it is full. */
	if (n != 0 && (n & (n - 1)) != 0)
		return items;
	return xreallocarray(items, n == 0 ? 1 : n * 2, size);
}

static void
add_word(struct rule_word **words, size_t *n, struct rule_word w)
{
	*words = grown(*words, *n, sizeof(**words));
	(*words)[(*n)++] = w;
}

/* Without the quotes. */
static struct rule_word
unquoted(struct rule_word w)
{
	if (w.len >= 2 && w.at[0] == '"') {
		w.at++;
		w.len -= 2;
	}
	return w;
}

static void
read_tags(struct tokens *c, struct rule_part *rule)
{
	while (c->kind != LEXER_END && !tokens_next_is(c, "{")) {
		if (c->kind == LEXER_WORD)
			add_word(&rule->tags, &rule->n_tags, word(c));
		tokens_advance(c);
	}
}

static void
read_meta(struct tokens *c, struct rule_part *rule)
{
	while (c->kind != LEXER_END && !tokens_at_section(c, "strings") &&
	       !tokens_at_section(c, "condition") && !tokens_next_is(c, "}")) {
		struct rule_meta meta = { .key = word(c) };
		bool is_key = c->kind == LEXER_WORD;

		tokens_advance(c);
		if (!is_key || !tokens_next_is(c, "="))
			continue;
		tokens_advance(c);
		if (tokens_next_is(c, "-"))
			tokens_advance(c);
		meta.kind = c->kind == LEXER_STRING   ? RULE_META_TEXT
			    : c->kind == LEXER_NUMBER ? RULE_META_NUMBER
						      : RULE_META_WORD;
		meta.value = unquoted(word(c));
		rule->metas = grown(rule->metas, rule->n_metas, sizeof(*rule->metas));
		rule->metas[rule->n_metas++] = meta;
		tokens_advance(c);
	}
}

/* Past what stands in parentheses, if they come next; whether they did. */
static bool
skip_brackets(struct tokens *c)
{
	if (!tokens_next_is(c, "("))
		return false;
	while (c->kind != LEXER_END && !tokens_next_is(c, ")"))
		tokens_advance(c);
	tokens_advance(c);
	return true;
}

static void
read_modifiers(struct tokens *c, struct rule_string *s)
{
	static const struct {
		const char *name;
		unsigned flag;
	} modifiers[] = {
		{ "ascii", RULE_STRING_ASCII },
		{ "wide", RULE_STRING_WIDE },
		{ "nocase", RULE_STRING_NOCASE },
		{ "fullword", RULE_STRING_FULLWORD },
		{ "private", RULE_STRING_PRIVATE },
		{ "xor", RULE_STRING_XOR },
		{ "base64", RULE_STRING_BASE64 },
		{ "base64wide", RULE_STRING_BASE64 },
	};
	size_t i = 0;

	while (i < MH_ARRAY_LEN(modifiers)) {
		if (!tokens_next_is(c, modifiers[i].name)) {
			i++;
			continue;
		}
		s->flags |= modifiers[i].flag;
		tokens_advance(c);
		if (skip_brackets(c) && modifiers[i].flag == RULE_STRING_XOR)
			s->flags |= RULE_STRING_XOR_RANGE;
		i = 0;
	}
}

/* Whether the rest of the line has a comment that begins with "nocase:". */
static bool
has_reason(const struct tokens *c, const struct rule_string *s)
{
	const char *at = s->value.at + s->value.len;
	const char *end = memchr(at, '\n', (size_t)(c->lx.end - at));

	if (end == NULL)
		end = c->lx.end;
	at = memmem(at, (size_t)(end - at), "//", 2);
	if (at == NULL)
		return false;
	at += 2;
	while (at < end && isspace((unsigned char)*at))
		at++;
	return (size_t)(end - at) > 7 && memcmp(at, "nocase:", 7) == 0;
}

/* "$a = value modifiers": the cursor is behind "=". */
static void
read_string(struct tokens *c, struct rule_part *rule, struct rule_word name)
{
	struct rule_string s = { .name = name, .value = word(c) };

	if (tokens_next_is(c, "{")) {
		s.kind = RULE_STRING_HEX;
		while (c->kind != LEXER_END && !tokens_next_is(c, "}"))
			tokens_advance(c);
		s.value.len = (size_t)(c->lx.token + c->lx.len - s.value.at);
	} else if (c->kind == LEXER_REGEX) {
		s.kind = RULE_STRING_REGEX;
	} else if (c->kind != LEXER_STRING) {
		return;
	}
	tokens_advance(c);
	read_modifiers(c, &s);
	if (has_reason(c, &s))
		s.flags |= RULE_STRING_REASON;
	rule->strings = grown(rule->strings, rule->n_strings, sizeof(*rule->strings));
	rule->strings[rule->n_strings++] = s;
}

static void
read_strings(struct tokens *c, struct rule_part *rule)
{
	rule->strings_text = word(c);
	while (c->kind != LEXER_END && !tokens_at_section(c, "condition")) {
		struct rule_word name = word(c);
		bool is_name = c->kind == LEXER_VARIABLE;

		tokens_advance(c);
		if (!is_name || !tokens_next_is(c, "="))
			continue;
		tokens_advance(c);
		read_string(c, rule, name);
	}
	rule->strings_text.len = (size_t)(c->lx.token - rule->strings_text.at);
}

static void
read_condition(struct tokens *c, struct rule_part *rule)
{
	rule->condition = word(c);
	while (c->kind != LEXER_END && !tokens_next_is(c, "}"))
		tokens_advance(c);
	rule->condition.len = (size_t)(c->lx.token - rule->condition.at);
}

/* From behind "rule" to the closing brace. */
static void
read_rule(struct tokens *c, struct rule_text *t, struct rule_part rule)
{
	if (c->kind != LEXER_WORD)
		return;
	rule.name = word(c);
	tokens_advance(c);
	read_tags(c, &rule);
	tokens_advance(c);
	if (tokens_at_section(c, "meta")) {
		tokens_advance(c);
		tokens_advance(c);
		read_meta(c, &rule);
	}
	if (tokens_at_section(c, "strings")) {
		tokens_advance(c);
		tokens_advance(c);
		read_strings(c, &rule);
	}
	if (tokens_at_section(c, "condition")) {
		tokens_advance(c);
		tokens_advance(c);
		read_condition(c, &rule);
	}
	rule.end = c->lx.token + c->lx.len;
	tokens_advance(c);
	t->rules = grown(t->rules, t->n_rules, sizeof(*t->rules));
	t->rules[t->n_rules++] = rule;
}

struct rule_text *
rule_text_read(const char *text, size_t len)
{
	struct rule_text *t = xcalloc(1, sizeof(*t));
	struct tokens c;
	struct rule_part next = { .begin = NULL };

	t->text = text;
	t->len = len;
	tokens_begin(&c, text, len);
	while (c.kind != LEXER_END) {
		bool is_import = tokens_next_is(&c, "import");
		bool is_include = tokens_next_is(&c, "include");
		bool is_rule = tokens_next_is(&c, "rule");
		bool is_prefix =
		    tokens_next_is(&c, "global") || tokens_next_is(&c, "private");

		next.is_global |= tokens_next_is(&c, "global");
		next.is_private |= tokens_next_is(&c, "private");
		if ((is_rule || is_prefix) && next.begin == NULL)
			next.begin = c.lx.token;
		tokens_advance(&c);
		if (is_import && c.kind == LEXER_STRING)
			add_word(&t->imports, &t->n_imports, unquoted(word(&c)));
		else if (is_include && c.kind == LEXER_STRING)
			add_word(&t->includes, &t->n_includes, unquoted(word(&c)));
		if (is_rule)
			read_rule(&c, t, next);
		if (!is_prefix)
			next = (struct rule_part){ .begin = NULL };
	}
	return t;
}

void
rule_text_free(struct rule_text *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_rules; i++) {
		free(t->rules[i].tags);
		free(t->rules[i].metas);
		free(t->rules[i].strings);
	}
	free(t->rules);
	free(t->imports);
	free(t->includes);
	free(t);
}

const struct rule_meta *
rule_meta_find(const struct rule_part *rule, const char *key)
{
	for (size_t i = 0; i < rule->n_metas; i++) {
		if (rule_word_is(&rule->metas[i].key, key))
			return &rule->metas[i];
	}
	return NULL;
}

const struct rule_string *
rule_string_find(const struct rule_part *rule, const char *name, size_t len)
{
	for (size_t i = 0; i < rule->n_strings; i++) {
		const struct rule_word *w = &rule->strings[i].name;

		if (w->len == len && memcmp(w->at, name, len) == 0)
			return &rule->strings[i];
	}
	return NULL;
}

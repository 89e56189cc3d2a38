/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lints of a rule's condition: D01 to D06.
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "records/rule_place.h"
#include "signatures/lexer.h"
#include "signatures/lint_impl.h"
#include "signatures/rule_string.h"
#include "signatures/rule_truth.h"
#include "signatures/scope.h"

enum {
	SOLE_MIN = 12, /* characters of a string that is enough by itself */
	TOKENS_AHEAD = 5,
};

/* What the tokens of a condition show. */
struct condition_facts {
	bool has_size;   /* filesize below something */
	bool has_header; /* the first bytes, or a module that reads them */
	bool has_them;   /* "any of them" */
	bool has_member; /* "module.field" */
	bool has_string;
	const char *whole_file; /* a loop or hash over all of it: which; NULL */
};

static bool
is_token(const struct lexer *lx, const char *text)
{
	return strlen(text) == lx->len && memcmp(lx->token, text, lx->len) == 0;
}

/* The next n tokens, as copies of the lexer; those behind the end are empty. */
static void
look_ahead(const struct lexer *lx, struct lexer ret[TOKENS_AHEAD])
{
	struct lexer ahead = *lx;

	for (size_t i = 0; i < TOKENS_AHEAD; i++) {
		(void)lexer_next(&ahead);
		ret[i] = ahead;
	}
}

/* "filesize < 4MB", "4MB > filesize". */
static bool
is_bound(const struct lexer *filesize, const struct lexer ahead[TOKENS_AHEAD])
{
	return is_token(&ahead[0], "<") || is_token(&ahead[0], "<=") ||
	       is_token(&ahead[0], "==") || filesize->before == '>';
}

/* "uint16(0)", "uint32be(0)", "$mz at 0". */
static bool
is_header(const struct lexer *lx, enum lexer_token kind,
    const struct lexer ahead[TOKENS_AHEAD])
{
	bool is_read =
	    kind == LEXER_WORD && lx->len > 4 &&
	    (memcmp(lx->token, "uint", 4) == 0 || memcmp(lx->token, "int", 3) == 0);

	if (kind == LEXER_VARIABLE)
		return is_token(&ahead[0], "at") && is_token(&ahead[1], "0");
	return is_read && is_token(&ahead[0], "(") &&
	       (is_token(&ahead[1], "0") || is_token(&ahead[1], "0x0"));
}

/* "hash.md5(0, filesize)", "math.entropy(0, filesize)". */
static bool
is_whole_call(const struct lexer *lx, enum lexer_token kind,
    const struct lexer ahead[TOKENS_AHEAD])
{
	return kind == LEXER_WORD && lx->before == '.' && is_token(&ahead[0], "(") &&
	       is_token(&ahead[1], "0") && is_token(&ahead[2], ",") &&
	       is_token(&ahead[3], "filesize");
}

/* "for ... in (0..filesize) :": filesize before the colon. */
static bool
is_whole_loop(const struct lexer *lx)
{
	struct lexer ahead = *lx;

	while (lexer_next(&ahead) != LEXER_END && !is_token(&ahead, ":")) {
		if (is_token(&ahead, "filesize"))
			return true;
	}
	return false;
}

static struct condition_facts
facts_of(const struct rule_part *rule)
{
	struct condition_facts facts = { .has_size = false };
	enum lexer_token kind = LEXER_END;
	struct lexer lx;

	lexer_init(&lx, rule->condition.at, rule->condition.len);
	while ((kind = lexer_next(&lx)) != LEXER_END) {
		struct lexer ahead[TOKENS_AHEAD];

		look_ahead(&lx, ahead);
		if (is_token(&lx, "filesize"))
			facts.has_size |= is_bound(&lx, ahead);
		facts.has_header |= is_header(&lx, kind, ahead);
		facts.has_member |= kind == LEXER_WORD && lx.before == '.';
		facts.has_header |= kind == LEXER_WORD && lx.before == '.';
		facts.has_string |= kind == LEXER_VARIABLE || is_token(&lx, "them");
		facts.has_them |= is_token(&lx, "any") && is_token(&ahead[0], "of") &&
				  is_token(&ahead[1], "them");
		if (is_whole_call(&lx, kind, ahead))
			facts.whole_file = "a hash or entropy over the whole file";
		if (is_token(&lx, "for") && is_whole_loop(&lx))
			facts.whole_file = "a loop over the whole file";
	}
	return facts;
}

static bool
meta_is(const struct rule_part *rule, const char *key, const char *value)
{
	const struct rule_meta *m = rule_meta_find(rule, key);

	return m != NULL && rule_word_is(&m->value, value);
}

static void
lint_bounds(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct condition_facts *facts)
{
	static const char *const loose[] = { "raw", "script", "html", "archive" };
	bool needs_header = true;

	if (meta_is(rule, "scope", "memory"))
		return;
	for (size_t i = 0; i < MH_ARRAY_LEN(loose); i++)
		needs_header &= !meta_is(rule, "container", loose[i]);
	if (!facts->has_size)
		lint_say(l, f, rule, LINT_D01, rule->condition.line,
		    "nothing bounds the size: filesize < ...");
	if (needs_header && !facts->has_header)
		lint_say(l, f, rule, LINT_D01, rule->condition.line,
		    "nothing tests the first bytes, uint32(0) == ...; without a type of "
		    "file, "
		    "say container = \"raw\"");
}

static void
lint_memory(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	if (!f->source.is_own ||
	    (!meta_is(rule, "scope", "memory") && !meta_is(rule, "scope", "both")))
		return;
	for (size_t i = 0; i < scope_list_n(f->scopes); i++) {
		const struct scope_rule *s = scope_list_get(f->scopes, i);

		if (s->name == rule->name.at && (s->mask & RULE_IN_MEMORY) == 0)
			lint_say(l, f, rule, LINT_D02, rule->condition.line,
			    "its scope holds memory, where it cannot match: %s",
			    s->reason);
	}
}

/* Characters that a match of the string has at least. */
static size_t
strength(const struct rule_string *s)
{
	struct hex_facts hex;
	struct regex_facts regex;
	size_t len = 0;
	MH_CLEANUP(freep) uint8_t *bytes = lint_literal(s, &len);

	switch (s->kind) {
	case RULE_STRING_TEXT:
		return len;
	case RULE_STRING_HEX:
		rule_string_hex(&s->value, &hex);
		return hex.n_fixed;
	case RULE_STRING_REGEX:
		rule_string_regex(&s->value, &regex);
		return regex.longest_run;
	}
	return 0;
}

static bool
can_hold(const struct rule_part *rule, const bool *is_there)
{
	enum truth t = rule_truth(rule, is_there);

	return t == TRUTH_MAYBE || t == TRUTH_YES;
}

/* One string that is enough, or more than there are. */
static void
lint_threshold(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	MH_CLEANUP(freep)
	bool *is_there = xcalloc(rule->n_strings + 1, sizeof(*is_there));
	bool holds_without = can_hold(rule, is_there);
	bool can = holds_without;

	for (size_t i = 0; i < rule->n_strings && !holds_without; i++) {
		const struct rule_string *s = &rule->strings[i];

		is_there[i] = true;
		if (can_hold(rule, is_there) &&
		    (s->name.len < 2 || s->name.at[1] != 'x' || strength(s) < SOLE_MIN))
			lint_say(l, f, rule, LINT_D03, s->name.line,
			    "%.*s alone is enough; only a string of %d characters or "
			    "more, "
			    "called $x..., may be",
			    LINT_SHOWN(s->name), SOLE_MIN);
		is_there[i] = false;
	}
	for (size_t i = 0; i < rule->n_strings; i++)
		is_there[i] = true;
	can |= can_hold(rule, is_there);
	/* All of them may be too many, where some must not be there. */
	for (size_t i = 0; i < rule->n_strings; i++)
		is_there[i] = rule->strings[i].name.len < 3 ||
			      memcmp(rule->strings[i].name.at, "$fp", 3) != 0;
	can |= can_hold(rule, is_there);
	if (!can)
		lint_say(l, f, rule, LINT_D03, rule->condition.line,
		    "with all its strings it is not true: does it ask for more than "
		    "there are?");
}

static size_t
n_called(const struct rule_part *rule, char first)
{
	size_t n = 0;

	for (size_t i = 0; i < rule->n_strings; i++)
		n +=
		    rule->strings[i].name.len > 1 && rule->strings[i].name.at[1] == first;
	return n;
}

static void
lint_strings_needed(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct condition_facts *facts)
{
	MH_CLEANUP(freep)
	bool *is_there = xcalloc(rule->n_strings + 1, sizeof(*is_there));

	if (rule->n_strings > 0 && can_hold(rule, is_there))
		lint_say(l, f, rule, LINT_D06, rule->condition.line,
		    "it can be true when none of its strings is there");
	else if (rule->n_strings == 0 && !facts->has_member)
		lint_say(l, f, rule, LINT_D06, rule->condition.line,
		    "it looks for nothing: no string, and nothing that a module reads");
}

void
lint_condition(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	if (rule->condition.at == NULL)
		return;
	struct condition_facts facts = facts_of(rule);

	if (facts.whole_file != NULL)
		lint_say(l, f, rule, LINT_D04, rule->condition.line, "%s",
		    facts.whole_file);
	if (!f->source.is_own)
		return;
	lint_bounds(l, f, rule, &facts);
	lint_memory(l, f, rule);
	lint_threshold(l, f, rule);
	lint_strings_needed(l, f, rule, &facts);
	if (facts.has_them && n_called(rule, 's') + n_called(rule, 'a') > 1)
		lint_say(l, f, rule, LINT_D05, rule->condition.line,
		    "any of them takes $s and $a strings for enough: ask for several");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/rule_truth.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "signatures/lexer.h"

struct parser {
	struct lexer lx;
	enum lexer_token kind; /* of the token that comes next: lx.token */
	unsigned depth;
	bool is_lost;
	const struct rule_part *rule;
	const bool *is_there;
};

static enum truth parse_or(struct parser *p);
static enum truth parse_sum(struct parser *p);

static void
advance(struct parser *p)
{
	p->kind = lexer_next(&p->lx);
}

static bool
next_is(const struct parser *p, const char *text)
{
	return p->kind != LEXER_END && strlen(text) == p->lx.len &&
	       memcmp(p->lx.token, text, p->lx.len) == 0;
}

static bool
accept(struct parser *p, const char *text)
{
	if (!next_is(p, text))
		return false;
	advance(p);
	return true;
}

static bool
next_is_one_of(const struct parser *p, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (next_is(p, words[i]))
			return true;
	}
	return false;
}

static enum truth
lose(struct parser *p)
{
	p->is_lost = true;
	return TRUTH_MAYBE;
}

static void
expect(struct parser *p, const char *text)
{
	if (!accept(p, text))
		p->is_lost = true;
}

/* Past the closing bracket of the opening one that comes next. */
static void
skip_brackets(struct parser *p)
{
	unsigned depth = 0;

	do {
		if (next_is(p, "("))
			depth++;
		else if (next_is(p, ")"))
			depth--;
		if (p->kind == LEXER_END) {
			p->is_lost = true;
			return;
		}
		advance(p);
	} while (depth > 0);
}

/* Which strings a set names; how many there are and how many are there. */
struct set {
	size_t n, n_there;
};

static void
add_matching(const struct parser *p, struct set *set, const char *name, size_t len,
    bool is_prefix)
{
	for (size_t i = 0; i < p->rule->n_strings; i++) {
		const struct rule_word *w = &p->rule->strings[i].name;

		if ((is_prefix ? w->len < len : w->len != len) ||
		    memcmp(w->at, name, len) != 0)
			continue;
		set->n++;
		set->n_there += p->is_there[i];
	}
}

/* "them", "($a, $b*)"; false: a set of rules. */
static bool
parse_set(struct parser *p, struct set *ret)
{
	*ret = (struct set){ .n = 0 };
	if (accept(p, "them")) {
		add_matching(p, ret, "$", 1, true);
		return true;
	}
	expect(p, "(");
	if (p->kind != LEXER_VARIABLE) {
		while (p->kind != LEXER_END && !next_is(p, ")"))
			advance(p);
		expect(p, ")");
		return false;
	}
	while (!p->is_lost && p->kind == LEXER_VARIABLE) {
		const char *name = p->lx.token;
		size_t len = p->lx.len;

		advance(p);
		add_matching(p, ret, name, len, accept(p, "*"));
		if (!accept(p, ","))
			break;
	}
	expect(p, ")");
	return true;
}

/* What follows a string or set: a place, which may be as it has to be. */
static bool
skip_place(struct parser *p)
{
	if (accept(p, "at")) {
		(void)parse_sum(p);
		return true;
	}
	if (!accept(p, "in"))
		return false;
	skip_brackets(p);
	return true;
}

/* How many of a set there have to be. */
struct quantity {
	enum { AT_LEAST, PERCENT, ALL, NONE, SOME } kind; /* SOME: not a constant */
	uint64_t n;
};

static enum truth
compare(struct quantity q, struct set set, bool has_place)
{
	bool is_enough = false;

	switch (q.kind) {
	case AT_LEAST:
		is_enough = set.n_there >= q.n;
		break;
	case PERCENT:
		is_enough = set.n_there * 100 >= q.n * set.n;
		break;
	case ALL:
		is_enough = set.n_there == set.n;
		break;
	case NONE:
		if (has_place)
			return TRUTH_MAYBE;
		return set.n_there == 0 ? TRUTH_YES : TRUTH_NO;
	case SOME:
		return TRUTH_MAYBE;
	}
	if (!is_enough)
		return TRUTH_NO;
	return has_place ? TRUTH_MAYBE : TRUTH_YES;
}

static enum truth
parse_of(struct parser *p, struct quantity q)
{
	struct set set;

	if (!parse_set(p, &set)) {
		(void)skip_place(p);
		return TRUTH_MAYBE;
	}
	return compare(q, set, skip_place(p));
}

static uint64_t
number_of(const char *s, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len && isdigit((unsigned char)s[i]) && n < UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(s[i] - '0');
	return n;
}

static struct quantity
parse_quantity(struct parser *p)
{
	struct quantity q = { .kind = SOME };

	if (accept(p, "any"))
		q = (struct quantity){ AT_LEAST, 1 };
	else if (accept(p, "all"))
		q.kind = ALL;
	else if (accept(p, "none"))
		q.kind = NONE;
	else if (p->kind == LEXER_NUMBER) {
		q = (struct quantity){ AT_LEAST, number_of(p->lx.token, p->lx.len) };
		advance(p);
	}
	return q;
}

/*
 * "for any of ($a*) : ( ... )" counts its strings, whatever it asks of each; "for
 * all i in (1..3) : ( ... )" may be as it has to be.
 */
static enum truth
parse_for(struct parser *p)
{
	struct quantity q = parse_quantity(p);
	enum truth result = TRUTH_MAYBE;

	if (accept(p, "of")) {
		struct set set;

		if (parse_set(p, &set) && q.kind != NONE &&
		    compare(q, set, true) == TRUTH_NO)
			result = TRUTH_NO;
	}
	while (p->kind != LEXER_END && !next_is(p, ":")) {
		if (next_is(p, "("))
			skip_brackets(p);
		else
			advance(p);
	}
	expect(p, ":");
	if (!next_is(p, "("))
		return lose(p);
	skip_brackets(p);
	return result;
}

/* "$a at 0", "#a > 3", "@a[1]", "!a": a string that is not there has no place. */
static enum truth
parse_variable(struct parser *p)
{
	bool is_bare = *p->lx.token == '$';
	struct set set = { .n = 0 };

	/* "$" alone stands for each string of a loop. */
	if (p->lx.len == 1) {
		advance(p);
		(void)skip_place(p);
		return TRUTH_MAYBE;
	}
	for (size_t i = 0; i < p->rule->n_strings; i++) {
		const struct rule_word *w = &p->rule->strings[i].name;

		if (w->len == p->lx.len &&
		    memcmp(w->at + 1, p->lx.token + 1, w->len - 1) == 0)
			set = (struct set){ 1, p->is_there[i] };
	}
	advance(p);
	if (set.n == 0)
		return lose(p);
	if (accept(p, "[")) {
		(void)parse_sum(p);
		expect(p, "]");
	}
	bool has_place = skip_place(p);

	if (set.n_there == 0)
		return TRUTH_NO;
	return is_bare && !has_place ? TRUTH_YES : TRUTH_MAYBE;
}

static enum truth
parse_word(struct parser *p)
{
	static const char *const quantities[] = { "any", "all", "none" };

	if (accept(p, "true"))
		return TRUTH_YES;
	if (accept(p, "false"))
		return TRUTH_NO;
	if (accept(p, "for"))
		return parse_for(p);
	if (next_is_one_of(p, quantities, sizeof(quantities) / sizeof(*quantities))) {
		struct quantity q = parse_quantity(p);

		expect(p, "of");
		return parse_of(p, q);
	}
	advance(p);
	while (!p->is_lost && (next_is(p, ".") || next_is(p, "[") || next_is(p, "("))) {
		if (next_is(p, "(")) {
			skip_brackets(p);
		} else if (accept(p, "[")) {
			(void)parse_or(p);
			expect(p, "]");
		} else {
			advance(p);
			advance(p);
		}
	}
	return TRUTH_MAYBE;
}

static enum truth
parse_number(struct parser *p)
{
	struct quantity q = parse_quantity(p);
	struct lexer ahead = p->lx;

	if (accept(p, "of"))
		return parse_of(p, q);
	if (next_is(p, "%") && lexer_next(&ahead) == LEXER_WORD && ahead.len == 2 &&
	    memcmp(ahead.token, "of", 2) == 0) {
		advance(p);
		advance(p);
		q.kind = PERCENT;
		return parse_of(p, q);
	}
	return TRUTH_MAYBE;
}

static enum truth
parse_atom(struct parser *p)
{
	enum truth t = TRUTH_MAYBE;

	switch (p->kind) {
	case LEXER_NUMBER:
		return parse_number(p);
	case LEXER_STRING:
	case LEXER_REGEX:
		advance(p);
		return TRUTH_MAYBE;
	case LEXER_VARIABLE:
		return parse_variable(p);
	case LEXER_WORD:
		return parse_word(p);
	case LEXER_OTHER:
		if (!accept(p, "("))
			return lose(p);
		t = parse_or(p);
		expect(p, ")");
		return t;
	case LEXER_END:
		return lose(p);
	}
	return lose(p);
}

/* An atom behind any number of signs.  All recursion comes through here or parse_not(). */
static enum truth
parse_signed(struct parser *p)
{
	bool has_sign = false;

	while (accept(p, "-") || accept(p, "~"))
		has_sign = true;
	if (p->is_lost || ++p->depth > TRUTH_DEPTH_MAX)
		return lose(p);
	enum truth t = parse_atom(p);

	p->depth--;
	return has_sign && t == TRUTH_YES ? TRUTH_MAYBE : t;
}

/* Arithmetic and comparison: with a string that is not there it is not true. */
static enum truth
parse_sum(struct parser *p)
{
	static const char *const operators[] = { "+", "-", "*", "\\", "%", "&", "|", "^",
		"<<", ">>", "==", "!=", "<", "<=", ">", ">=", "contains", "icontains",
		"startswith", "istartswith", "endswith", "iendswith", "iequals",
		"matches" };
	enum truth t = parse_signed(p);

	while (!p->is_lost &&
	       next_is_one_of(p, operators, sizeof(operators) / sizeof(*operators))) {
		advance(p);
		enum truth right = parse_signed(p);

		t = t == TRUTH_NO || right == TRUTH_NO ? TRUTH_NO : TRUTH_MAYBE;
	}
	if (!p->is_lost && accept(p, "of"))
		return parse_of(p, (struct quantity){ .kind = SOME });
	return t;
}

static enum truth
parse_not(struct parser *p)
{
	bool is_not = next_is(p, "not");

	if (!is_not && !next_is(p, "defined"))
		return parse_sum(p);
	advance(p);
	if (++p->depth > TRUTH_DEPTH_MAX)
		return lose(p);
	enum truth t = parse_not(p);

	p->depth--;
	if (!is_not || t == TRUTH_MAYBE)
		return TRUTH_MAYBE;
	return t == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

static enum truth
parse_and(struct parser *p)
{
	enum truth t = parse_not(p);

	while (!p->is_lost && accept(p, "and")) {
		enum truth right = parse_not(p);

		t = right < t ? right : t;
	}
	return t;
}

static enum truth
parse_or(struct parser *p)
{
	enum truth t = parse_and(p);

	while (!p->is_lost && accept(p, "or")) {
		enum truth right = parse_and(p);

		t = right > t ? right : t;
	}
	return t;
}

enum truth
rule_truth(const struct rule_part *rule, const bool *is_there)
{
	struct parser p = { .rule = rule, .is_there = is_there };

	if (rule->condition.at == NULL || rule->n_strings > TRUTH_STRINGS_MAX)
		return TRUTH_UNKNOWN;
	lexer_init(&p.lx, rule->condition.at, rule->condition.len);
	advance(&p);
	enum truth t = parse_or(&p);

	return p.is_lost || p.kind != LEXER_END ? TRUTH_UNKNOWN : t;
}

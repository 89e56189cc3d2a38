/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/rule_truth.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "signatures/tokens.h"

struct parser {
	struct tokens t;
	unsigned depth;
	bool is_lost;
	const struct rule_part *rule;
	const bool *is_there;
};

static enum truth parse_or(struct parser *p);
static enum truth parse_sum(struct parser *p);

static enum truth
lose(struct parser *p)
{
	p->is_lost = true;
	return TRUTH_MAYBE;
}

static void
expect(struct parser *p, const char *text)
{
	if (!tokens_accept(&p->t, text))
		p->is_lost = true;
}

/* Past the closing bracket of the opening one that comes next. */
static void
skip_brackets(struct parser *p)
{
	if (!tokens_skip_brackets(&p->t))
		p->is_lost = true;
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
	if (tokens_accept(&p->t, "them")) {
		add_matching(p, ret, "$", 1, true);
		return true;
	}
	expect(p, "(");
	if (p->t.kind != LEXER_VARIABLE) {
		while (p->t.kind != LEXER_END && !tokens_next_is(&p->t, ")"))
			tokens_advance(&p->t);
		expect(p, ")");
		return false;
	}
	while (!p->is_lost && p->t.kind == LEXER_VARIABLE) {
		const char *name = p->t.lx.token;
		size_t len = p->t.lx.len;

		tokens_advance(&p->t);
		add_matching(p, ret, name, len, tokens_accept(&p->t, "*"));
		if (!tokens_accept(&p->t, ","))
			break;
	}
	expect(p, ")");
	return true;
}

/* What follows a string or set: a place, which may be as it has to be. */
static bool
skip_place(struct parser *p)
{
	if (tokens_accept(&p->t, "at")) {
		(void)parse_sum(p);
		return true;
	}
	if (!tokens_accept(&p->t, "in"))
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

	if (tokens_accept(&p->t, "any"))
		q = (struct quantity){ AT_LEAST, 1 };
	else if (tokens_accept(&p->t, "all"))
		q.kind = ALL;
	else if (tokens_accept(&p->t, "none"))
		q.kind = NONE;
	else if (p->t.kind == LEXER_NUMBER) {
		q = (struct quantity){ AT_LEAST, number_of(p->t.lx.token, p->t.lx.len) };
		tokens_advance(&p->t);
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

	if (tokens_accept(&p->t, "of")) {
		struct set set;

		if (parse_set(p, &set) && q.kind != NONE &&
		    compare(q, set, true) == TRUTH_NO)
			result = TRUTH_NO;
	}
	while (p->t.kind != LEXER_END && !tokens_next_is(&p->t, ":")) {
		if (tokens_next_is(&p->t, "("))
			skip_brackets(p);
		else
			tokens_advance(&p->t);
	}
	expect(p, ":");
	if (!tokens_next_is(&p->t, "("))
		return lose(p);
	skip_brackets(p);
	return result;
}

/* "$a at 0", "#a > 3", "@a[1]", "!a": a string that is not there has no place. */
static enum truth
parse_variable(struct parser *p)
{
	bool is_bare = *p->t.lx.token == '$';
	struct set set = { .n = 0 };

	/* "$" alone stands for each string of a loop. */
	if (p->t.lx.len == 1) {
		tokens_advance(&p->t);
		(void)skip_place(p);
		return TRUTH_MAYBE;
	}
	for (size_t i = 0; i < p->rule->n_strings; i++) {
		const struct rule_word *w = &p->rule->strings[i].name;

		if (w->len == p->t.lx.len &&
		    memcmp(w->at + 1, p->t.lx.token + 1, w->len - 1) == 0)
			set = (struct set){ 1, p->is_there[i] };
	}
	tokens_advance(&p->t);
	if (set.n == 0)
		return lose(p);
	if (tokens_accept(&p->t, "[")) {
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

	if (tokens_accept(&p->t, "true"))
		return TRUTH_YES;
	if (tokens_accept(&p->t, "false"))
		return TRUTH_NO;
	if (tokens_accept(&p->t, "for"))
		return parse_for(p);
	if (tokens_next_is_of(&p->t, quantities,
		sizeof(quantities) / sizeof(*quantities))) {
		struct quantity q = parse_quantity(p);

		expect(p, "of");
		return parse_of(p, q);
	}
	tokens_advance(&p->t);
	while (!p->is_lost && (tokens_next_is(&p->t, ".") || tokens_next_is(&p->t, "[") ||
				  tokens_next_is(&p->t, "("))) {
		if (tokens_next_is(&p->t, "(")) {
			skip_brackets(p);
		} else if (tokens_accept(&p->t, "[")) {
			(void)parse_or(p);
			expect(p, "]");
		} else {
			tokens_advance(&p->t);
			tokens_advance(&p->t);
		}
	}
	return TRUTH_MAYBE;
}

static enum truth
parse_number(struct parser *p)
{
	struct quantity q = parse_quantity(p);
	struct lexer ahead = p->t.lx;

	if (tokens_accept(&p->t, "of"))
		return parse_of(p, q);
	if (tokens_next_is(&p->t, "%") && lexer_next(&ahead) == LEXER_WORD &&
	    ahead.len == 2 && memcmp(ahead.token, "of", 2) == 0) {
		tokens_advance(&p->t);
		tokens_advance(&p->t);
		q.kind = PERCENT;
		return parse_of(p, q);
	}
	return TRUTH_MAYBE;
}

static enum truth
parse_atom(struct parser *p)
{
	enum truth t = TRUTH_MAYBE;

	switch (p->t.kind) {
	case LEXER_NUMBER:
		return parse_number(p);
	case LEXER_STRING:
	case LEXER_REGEX:
		tokens_advance(&p->t);
		return TRUTH_MAYBE;
	case LEXER_VARIABLE:
		return parse_variable(p);
	case LEXER_WORD:
		return parse_word(p);
	case LEXER_OTHER:
		if (!tokens_accept(&p->t, "("))
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

	while (tokens_accept(&p->t, "-") || tokens_accept(&p->t, "~"))
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

	while (!p->is_lost && tokens_next_is_of(&p->t, operators,
				  sizeof(operators) / sizeof(*operators))) {
		tokens_advance(&p->t);
		enum truth right = parse_signed(p);

		t = t == TRUTH_NO || right == TRUTH_NO ? TRUTH_NO : TRUTH_MAYBE;
	}
	if (!p->is_lost && tokens_accept(&p->t, "of"))
		return parse_of(p, (struct quantity){ .kind = SOME });
	return t;
}

static enum truth
parse_not(struct parser *p)
{
	bool is_not = tokens_next_is(&p->t, "not");

	if (!is_not && !tokens_next_is(&p->t, "defined"))
		return parse_sum(p);
	tokens_advance(&p->t);
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

	while (!p->is_lost && tokens_accept(&p->t, "and")) {
		enum truth right = parse_not(p);

		t = right < t ? right : t;
	}
	return t;
}

static enum truth
parse_or(struct parser *p)
{
	enum truth t = parse_and(p);

	while (!p->is_lost && tokens_accept(&p->t, "or")) {
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
	tokens_begin(&p.t, rule->condition.at, rule->condition.len);
	enum truth t = parse_or(&p);

	return p.is_lost || p.t.kind != LEXER_END ? TRUTH_UNKNOWN : t;
}

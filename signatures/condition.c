/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recursive descent over the boolean structure of a YARA condition.  Each
 * function returns what is known of the value of the part it has read.
 *
 * Runs in: the zygote.
 * Input: hostile.
 */
#include "signatures/condition.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "signatures/tokens.h"

/* What is known of a value in memory. */
enum kind {
	ANY,       /* nothing: as a boolean it may be true */
	NUMBER,    /* a constant */
	TEXT,      /* a literal text with at least one character */
	EMPTY,     /* the empty text of an external */
	UNTRUE,    /* false or undefined */
	UNDEFINED, /* undefined, as is what is computed from it */
};

struct value {
	enum kind kind;
	uint64_t number;
	struct condition_reason why; /* of EMPTY, UNTRUE and UNDEFINED */
};

struct parser {
	struct tokens t;
	unsigned depth;
	bool is_lost; /* something was not understood */
	condition_rule_fn *is_impossible;
	void *ctx;
};

static struct value parse_or(struct parser *p);
static struct value parse_sum(struct parser *p);

static const struct value any = { .kind = ANY };

static struct value
lacking(enum kind kind, enum condition_need need, const char *name, size_t len)
{
	return (struct value){ kind, 0, { need, name, len } };
}

static struct value
lose(struct parser *p)
{
	p->is_lost = true;
	return any;
}

static void
expect(struct parser *p, const char *text)
{
	if (!tokens_accept(&p->t, text))
		p->is_lost = true;
}

static bool
can_be_true(struct value v)
{
	return v.kind == ANY || v.kind == NUMBER || v.kind == TEXT;
}

static struct value
untrue(struct value because)
{
	return (struct value){ .kind = UNTRUE, .why = because.why };
}

/* A position below every address. */
static bool
is_low(struct value v)
{
	return v.kind == NUMBER && v.number < CONDITION_LOWEST_ADDRESS;
}

/* Past the closing bracket of the opening one that comes next. */
static void
skip_brackets(struct parser *p)
{
	if (!tokens_skip_brackets(&p->t))
		p->is_lost = true;
}

/* Decimal, hexadecimal or octal, with KB or MB; ANY where it does not fit. */
static struct value
number_of(const char *s, size_t len)
{
	bool is_hex = len > 2 && s[0] == '0' && s[1] == 'x';
	bool is_octal = len > 2 && s[0] == '0' && s[1] == 'o';
	unsigned base = is_hex ? 16 : is_octal ? 8 : 10;
	uint64_t n = 0;
	size_t i = is_hex || is_octal ? 2 : 0;

	for (; i < len && isxdigit((unsigned char)s[i]); i++) {
		char c = (char)tolower((unsigned char)s[i]);
		unsigned digit = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);

		if (digit >= base || n > UINT32_MAX)
			return any;
		n = n * base + digit;
	}
	if (token_is(s + i, len - i, "KB"))
		n <<= 10;
	else if (token_is(s + i, len - i, "MB"))
		n <<= 20;
	else if (i < len)
		return any;
	return (struct value){ .kind = NUMBER, .number = n };
}

static struct value
parse_number(struct parser *p)
{
	struct value v = number_of(p->t.lx.token, p->t.lx.len);

	tokens_advance(&p->t);
	return v;
}

/* "(low..high)"; both values. */
static void
parse_range(struct parser *p, struct value *ret_low, struct value *ret_high)
{
	expect(p, "(");
	*ret_low = parse_sum(p);
	expect(p, "..");
	*ret_high = parse_sum(p);
	expect(p, ")");
}

/*
 * What follows a string or a set of them: "at 0", "in (0..100)", or nothing.
 * ANY: it may lie there.
 */
static struct value
parse_place(struct parser *p)
{
	struct value low = any;
	struct value high = any;

	if (tokens_accept(&p->t, "at"))
		low = high = parse_sum(p);
	else if (tokens_accept(&p->t, "in"))
		parse_range(p, &low, &high);
	if (low.kind == UNDEFINED)
		return untrue(low);
	if (high.kind == UNDEFINED)
		return untrue(high);
	return is_low(high) ? lacking(UNTRUE, NEEDS_PLACE, NULL, 0) : any;
}

/* "$a", "$a at 0", "#a", "#a in (0..9)", "@a[1]", "!a". */
static struct value
parse_variable(struct parser *p)
{
	bool is_string = *p->t.lx.token == '$';

	tokens_advance(&p->t);
	if (is_string)
		return parse_place(p);
	if (tokens_accept(&p->t, "[")) {
		(void)parse_sum(p);
		expect(p, "]");
	} else if (tokens_next_is(&p->t, "in")) {
		(void)parse_place(p);
	}
	return any;
}

/* "of them", "of ($a*)": count of which there have to be, and where. */
static struct value
parse_of(struct parser *p, bool is_at_least_one)
{
	if (tokens_next_is(&p->t, "("))
		skip_brackets(p);
	else
		expect(p, "them");
	struct value place = parse_place(p);

	return is_at_least_one ? place : any;
}

/* "for any of them : ( ... )", "for all i in (1..3) : ( ... )": not looked into. */
static struct value
parse_for(struct parser *p)
{
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
	return any;
}

/* "uint32be(0)". */
static struct value
parse_read(struct parser *p)
{
	expect(p, "(");
	struct value at = parse_sum(p);

	expect(p, ")");
	if (at.kind == UNDEFINED)
		return at;
	return is_low(at) ? lacking(UNDEFINED, NEEDS_BYTES, NULL, 0) : any;
}

/* The arguments of a call; the first undefined one, or ANY. */
static struct value
parse_arguments(struct parser *p)
{
	struct value undefined = any;

	expect(p, "(");
	while (!p->is_lost && !tokens_next_is(&p->t, ")")) {
		struct value v = parse_or(p);

		if (v.kind == UNDEFINED && undefined.kind == ANY)
			undefined = v;
		if (!tokens_accept(&p->t, ",") && !tokens_next_is(&p->t, ")"))
			return lose(p);
	}
	expect(p, ")");
	return undefined;
}

/*
 * A member of a module that sees nothing.  Constants are in upper case and are
 * defined; pe.is_pe is false rather than undefined, and what is called may be.
 */
static struct value
member(struct value whole, const char *last, size_t len, bool is_call)
{
	static const char *const undefined[] = { "imphash", "section_index", "type",
		"mime_type" };
	bool is_constant = true;
	bool may_be_false = is_call || (len > 3 && memcmp(last, "is_", 3) == 0);

	for (size_t i = 0; i < len; i++)
		is_constant = is_constant && !islower((unsigned char)last[i]);
	for (size_t i = 0; is_call && i < MH_ARRAY_LEN(undefined); i++) {
		if (token_is(last, len, undefined[i]))
			may_be_false = false;
	}
	if (is_constant)
		return any;
	return may_be_false ? untrue(whole) : whole;
}

static bool
is_blind_module(const char *name, size_t len)
{
	static const char *const modules[] = { "pe", "elf", "macho", "dotnet", "dex",
		"magic" };

	for (size_t i = 0; i < MH_ARRAY_LEN(modules); i++) {
		if (token_is(name, len, modules[i]))
			return true;
	}
	return false;
}

static struct value
parse_name(const struct parser *p, const char *name, size_t len)
{
	static const char *const empty[] = { "filename", "filepath", "extension",
		"filetype", "md5" };

	for (size_t i = 0; i < MH_ARRAY_LEN(empty); i++) {
		if (token_is(name, len, empty[i]))
			return lacking(EMPTY, NEEDS_EXTERNAL, name, len);
	}
	if (p->is_impossible(p->ctx, name, len))
		return lacking(UNTRUE, NEEDS_RULE, name, len);
	return any;
}

/* "name", "module.field[1].f(x)". */
static struct value
parse_identifier(struct parser *p)
{
	const char *name = p->t.lx.token;
	const char *last = name;
	size_t len = p->t.lx.len;
	size_t last_len = len;
	struct value undefined = any;
	bool is_bare = true;
	bool is_call = false;

	tokens_advance(&p->t);
	while (tokens_next_is(&p->t, ".") || tokens_next_is(&p->t, "[") ||
	       tokens_next_is(&p->t, "(")) {
		struct value v = any;

		is_bare = false;
		if (tokens_next_is(&p->t, "(")) {
			is_call = true;
			v = parse_arguments(p);
		} else if (tokens_accept(&p->t, "[")) {
			v = parse_or(p);
			expect(p, "]");
		} else {
			tokens_advance(&p->t);
			last = p->t.lx.token;
			last_len = p->t.lx.len;
			tokens_advance(&p->t);
		}
		if (v.kind == UNDEFINED)
			undefined = v;
		if (p->is_lost)
			return any;
	}
	if (is_bare)
		return parse_name(p, name, len);
	if (is_blind_module(name, len))
		return member(lacking(UNDEFINED, NEEDS_MODULE, name, len), last, last_len,
		    is_call);
	return undefined;
}

static bool
is_read(const struct parser *p)
{
	static const char *const reads[] = { "int8", "int16", "int32", "uint8", "uint16",
		"uint32", "int8be", "int16be", "int32be", "uint8be", "uint16be",
		"uint32be" };

	return tokens_next_is_of(&p->t, reads, MH_ARRAY_LEN(reads));
}

static struct value
parse_word(struct parser *p)
{
	static const char *const quantities[] = { "any", "all", "none" };

	if (tokens_accept(&p->t, "filesize"))
		return lacking(UNDEFINED, NEEDS_FILE_SIZE, NULL, 0);
	if (tokens_accept(&p->t, "false"))
		return lacking(UNTRUE, NEEDS_LUCK, NULL, 0);
	/* libyara finds an entry point in any block that begins as a program. */
	if (tokens_accept(&p->t, "true") || tokens_accept(&p->t, "entrypoint"))
		return any;
	if (tokens_accept(&p->t, "for"))
		return parse_for(p);
	if (is_read(p)) {
		tokens_advance(&p->t);
		return parse_read(p);
	}
	if (tokens_next_is_of(&p->t, quantities, MH_ARRAY_LEN(quantities))) {
		bool is_none = tokens_next_is(&p->t, "none");

		tokens_advance(&p->t);
		expect(p, "of");
		return parse_of(p, !is_none);
	}
	return parse_identifier(p);
}

static struct value
parse_atom(struct parser *p)
{
	struct value v = any;

	switch (p->t.kind) {
	case LEXER_NUMBER:
		return parse_number(p);
	case LEXER_STRING:
		v.kind = p->t.lx.len > 2 ? TEXT : ANY;
		tokens_advance(&p->t);
		return v;
	case LEXER_REGEX:
		tokens_advance(&p->t);
		return any;
	case LEXER_VARIABLE:
		return parse_variable(p);
	case LEXER_WORD:
		return parse_word(p);
	case LEXER_OTHER:
		if (tokens_accept(&p->t, "(")) {
			v = parse_or(p);
			expect(p, ")");
			return v;
		}
		return lose(p);
	case LEXER_END:
		return lose(p);
	}
	return lose(p);
}

/* An atom behind any number of signs.  All recursion comes through here or parse_not(). */
static struct value
parse_signed(struct parser *p)
{
	bool has_sign = false;

	while (tokens_accept(&p->t, "-") || tokens_accept(&p->t, "~"))
		has_sign = true;
	if (p->is_lost || ++p->depth > CONDITION_DEPTH_MAX)
		return lose(p);
	struct value v = parse_atom(p);

	p->depth--;
	return !has_sign || v.kind == UNDEFINED ? v : any;
}

/*
 * Arithmetic, whose precedence does not matter for what is undefined; "2 of them"
 * and "50% of them".
 */
static struct value
parse_sum(struct parser *p)
{
	static const char *const operators[] = { "+", "-", "*", "\\", "%", "&", "|", "^",
		"<<", ">>" };
	struct value v = parse_signed(p);

	while (
	    !p->is_lost && tokens_next_is_of(&p->t, operators, MH_ARRAY_LEN(operators))) {
		bool is_percent = tokens_next_is(&p->t, "%");

		tokens_advance(&p->t);
		if (is_percent && tokens_accept(&p->t, "of"))
			return parse_of(p, true);
		struct value right = parse_signed(p);

		if (v.kind != UNDEFINED)
			v = right.kind == UNDEFINED ? right : any;
	}
	if (!p->is_lost && tokens_accept(&p->t, "of"))
		return parse_of(p, v.kind == NUMBER && v.number > 0);
	return v;
}

/* An external that is empty, beside a text that is not. */
static bool
fails_when_empty(struct value left, struct value right, const char *op, size_t len)
{
	static const char *const operators[] = { "==", "contains", "icontains",
		"startswith", "istartswith", "endswith", "iendswith", "iequals" };
	bool is_equality = token_is(op, len, "==") || token_is(op, len, "iequals");

	if (left.kind == TEXT && right.kind == EMPTY)
		return is_equality;
	if (left.kind != EMPTY || right.kind != TEXT)
		return false;
	for (size_t i = 0; i < MH_ARRAY_LEN(operators); i++) {
		if (token_is(op, len, operators[i]))
			return true;
	}
	return false;
}

static struct value
parse_comparison(struct parser *p)
{
	static const char *const operators[] = { "==", "!=", "<", "<=", ">",
		">=", "contains", "icontains", "startswith", "istartswith", "endswith",
		"iendswith", "iequals", "matches" };
	struct value left = parse_sum(p);

	while (
	    !p->is_lost && tokens_next_is_of(&p->t, operators, MH_ARRAY_LEN(operators))) {
		const char *op = p->t.lx.token;
		size_t len = p->t.lx.len;

		tokens_advance(&p->t);
		struct value right = parse_sum(p);

		if (left.kind == UNDEFINED)
			continue;
		if (right.kind == UNDEFINED)
			left = right;
		else if (fails_when_empty(left, right, op, len))
			left = untrue(left.kind == EMPTY ? left : right);
		else
			left = any;
	}
	return left;
}

static struct value
parse_not(struct parser *p)
{
	if (!tokens_next_is(&p->t, "not") && !tokens_next_is(&p->t, "defined"))
		return parse_comparison(p);
	tokens_advance(&p->t);
	if (++p->depth > CONDITION_DEPTH_MAX)
		return lose(p);
	(void)parse_not(p);
	p->depth--;
	return any;
}

static struct value
parse_and(struct parser *p)
{
	struct value v = parse_not(p);

	while (!p->is_lost && tokens_accept(&p->t, "and")) {
		struct value right = parse_not(p);

		if (!can_be_true(v))
			v = untrue(v);
		else
			v = can_be_true(right) ? any : untrue(right);
	}
	return v;
}

static struct value
parse_or(struct parser *p)
{
	struct value v = parse_and(p);

	while (!p->is_lost && tokens_accept(&p->t, "or")) {
		struct value right = parse_and(p);

		v = can_be_true(v) || can_be_true(right) ? any : untrue(v);
	}
	return v;
}

struct condition_reason
condition_in_memory(const char *text, size_t len, condition_rule_fn *is_impossible,
    void *ctx)
{
	static const struct condition_reason nothing = { .need = NEEDS_NOTHING };
	struct parser p = { .is_impossible = is_impossible, .ctx = ctx };

	tokens_begin(&p.t, text, len);
	struct value v = parse_or(&p);

	if (p.is_lost || p.t.kind != LEXER_END || can_be_true(v))
		return nothing;
	return v.why;
}

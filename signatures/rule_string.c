/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/rule_string.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
is_hex_escape(const char *p, const char *end)
{
	return end - p >= 4 && p[1] == 'x' && hex_digit(p[2]) >= 0 &&
	       hex_digit(p[3]) >= 0;
}

void
rule_string_decode(const struct rule_word *value, struct buf *b)
{
	const char *p = value->at + 1;
	const char *end = value->at + value->len;

	if (value->len < 2 || end[-1] != '"')
		return;
	for (end--; p < end; p++) {
		char c = *p;

		if (c != '\\' || p + 1 == end) {
			buf_put(b, &c, 1);
		} else if (is_hex_escape(p, end)) {
			buf_put_u8(b, (uint8_t)(hex_digit(p[2]) << 4 | hex_digit(p[3])));
			p += 3;
		} else {
			p++;
			c = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p;
			buf_put(b, &c, 1);
		}
	}
}

unsigned
bytes_distinct(const void *p, size_t len)
{
	const uint8_t *bytes = p;
	bool is_there[UINT8_MAX + 1] = { false };
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		n += !is_there[bytes[i]];
		is_there[bytes[i]] = true;
	}
	return n;
}

/* One element of a hex string. */
enum hex_token { HEX_END, HEX_BYTE, HEX_WILD, HEX_JUMP, HEX_OPEN, HEX_CLOSE, HEX_OR };

struct hex_reader {
	const char *at, *end;
	uint8_t byte, mask; /* of HEX_BYTE; of HEX_WILD: mask says what is fixed */
	size_t jump;        /* of HEX_JUMP: its longest; SIZE_MAX without an end */
};

static void
hex_init(struct hex_reader *r, const struct rule_word *value)
{
	*r = (struct hex_reader){ .at = value->at, .end = value->at + value->len };
}

static void
skip_to(struct hex_reader *r, const char *text)
{
	const char *p = memmem(r->at, (size_t)(r->end - r->at), text, strlen(text));

	r->at = p != NULL ? p + strlen(text) : r->end;
}

/* "[4-6]", "[4]", "[4-]", "[-]". */
static void
read_jump(struct hex_reader *r)
{
	size_t number = SIZE_MAX;

	for (r->at++; r->at < r->end && *r->at != ']'; r->at++) {
		if (*r->at == '-')
			number = SIZE_MAX;
		if (!isdigit((unsigned char)*r->at))
			continue;
		number = number == SIZE_MAX ? 0 : number;
		if (number < SIZE_MAX / 100)
			number = number * 10 + (size_t)(*r->at - '0');
	}
	if (r->at < r->end)
		r->at++;
	r->jump = number;
}

static bool
is_nibble(char c)
{
	return c == '?' || hex_digit(c) >= 0;
}

static enum hex_token
read_byte(struct hex_reader *r)
{
	char high = r->at[0];
	char low = r->at + 1 < r->end ? r->at[1] : '?';

	r->at += r->at + 1 < r->end && is_nibble(low) ? 2 : 1;
	r->mask = (uint8_t)((high != '?' ? 0xf0 : 0) |
			    (is_nibble(low) && low != '?' ? 0x0f : 0));
	r->byte = (uint8_t)((high != '?' ? hex_digit(high) << 4 : 0) |
			    ((r->mask & 0x0f) != 0 ? hex_digit(low) : 0));
	return r->mask == 0xff ? HEX_BYTE : HEX_WILD;
}

static enum hex_token
hex_next(struct hex_reader *r)
{
	for (; r->at < r->end; r->at++) {
		char c = *r->at;

		if (c == '/' && r->at + 1 < r->end) {
			skip_to(r, r->at[1] == '*' ? "*/" : "\n");
			r->at--;
		} else if (c == '[') {
			read_jump(r);
			return HEX_JUMP;
		} else if (is_nibble(c)) {
			return read_byte(r);
		} else if (c == '(' || c == ')' || c == '|') {
			r->at++;
			return c == '(' ? HEX_OPEN : c == ')' ? HEX_CLOSE : HEX_OR;
		}
	}
	return HEX_END;
}

void
rule_string_hex(const struct rule_word *value, struct hex_facts *ret)
{
	struct hex_reader r;
	enum hex_token kind = HEX_END;
	bool is_there[UINT8_MAX + 1] = { false };
	bool is_plain = true;
	unsigned n_distinct = 0;
	size_t depth = 0;
	size_t run = 0;
	size_t n = 0;

	*ret = (struct hex_facts){ .is_printable = true };
	hex_init(&r, value);
	for (; (kind = hex_next(&r)) != HEX_END; n++) {
		depth += kind == HEX_OPEN;
		depth -= kind == HEX_CLOSE && depth > 0;
		if (kind == HEX_JUMP && r.jump > ret->max_jump)
			ret->max_jump = r.jump;
		if (n == 0)
			ret->begins_loosely =
			    kind == HEX_JUMP || (kind == HEX_WILD && r.mask == 0);
		if (kind != HEX_BYTE || depth > 0) {
			is_plain = false;
			run = 0;
			continue;
		}
		ret->n_fixed++;
		n_distinct += !is_there[r.byte];
		is_there[r.byte] = true;
		if (++run > ret->longest_run)
			ret->longest_run = run;
		ret->is_printable &= r.byte >= 0x20 && r.byte < 0x7f;
	}
	ret->is_printable &= is_plain && n > 0;
	ret->is_uniform = is_plain && n > 0 && n_distinct <= 2;
}

bool
rule_string_hex_matches(const struct rule_word *value, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	struct hex_reader r;
	enum hex_token kind = HEX_END;
	size_t n = 0;

	hex_init(&r, value);
	while ((kind = hex_next(&r)) != HEX_END) {
		if (kind != HEX_BYTE && kind != HEX_WILD)
			return true;
		if (n == len || (p[n] & r.mask) != r.byte)
			return false;
		n++;
	}
	return n == len;
}

/* The length of what stands at p and matches one character: "a", "\\x41", "[a-z]", ".". */
static size_t
regex_unit(const char *p, const char *end, bool *ret_is_literal)
{
	size_t i = 1;

	*ret_is_literal = strchr(".()|^$[", *p) == NULL || *p == 0;
	if (*p == '\\' && p + 1 < end) {
		*ret_is_literal = strchr("wWsSdDbB", p[1]) == NULL || p[1] == 0;
		return is_hex_escape(p, end) ? 4 : 2;
	}
	if (*p != '[')
		return 1;
	/* A ] that comes first is one of the class. */
	if (p + i < end && p[i] == '^')
		i++;
	if (p + i < end && p[i] == ']')
		i++;
	while (p + i < end && p[i] != ']')
		i += p[i] == '\\' && p + i + 1 < end ? 2 : 1;
	return p + i < end ? i + 1 : i;
}

/* The length of a quantifier at p; what it does with the unit before it. */
static size_t
regex_quantifier(const char *p, const char *end, bool *ret_is_optional,
    bool *ret_is_endless)
{
	const char *close = NULL;
	size_t len = 0;

	*ret_is_optional = *ret_is_endless = false;
	if (p == end)
		return 0;
	if (*p == '*' || *p == '+' || *p == '?') {
		*ret_is_optional = *p != '+';
		*ret_is_endless = *p != '?';
		len = 1;
	} else if (*p == '{') {
		close = memchr(p, '}', (size_t)(end - p));
		if (close == NULL)
			return 0;
		*ret_is_optional = p[1] == '0' || p[1] == ',';
		*ret_is_endless = close[-1] == ',';
		len = (size_t)(close - p) + 1;
	}
	/* Lazy ones have a question mark behind. */
	if (len > 0 && p + len < end && p[len] == '?')
		len++;
	return len;
}

/* Whether some group has alternatives: then nothing in groups is in every match. */
static bool
has_inner_choice(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		bool is_literal = false;

		depth += *p == '(';
		depth -= *p == ')' && depth > 0;
		if (*p == '|' && depth > 0)
			return true;
		p += regex_unit(p, end, &is_literal);
	}
	return false;
}

void
rule_string_regex(const struct rule_word *value, struct regex_facts *ret)
{
	const char *p = value->at + 1;
	const char *end = memrchr(value->at, '/', value->len);
	size_t shortest = SIZE_MAX; /* of the alternatives, its longest run */
	size_t longest = 0;
	size_t run = 0;
	unsigned depth = 0;

	*ret = (struct regex_facts){ .longest_run = 0 };
	if (end == NULL || end <= value->at)
		return;
	bool counts_groups = !has_inner_choice(p, end);

	while (p < end) {
		bool is_literal = false;
		bool is_optional = false;
		bool is_endless = false;
		char c = *p;
		size_t len = regex_unit(p, end, &is_literal);
		size_t quantifier =
		    regex_quantifier(p + len, end, &is_optional, &is_endless);

		/* Past "{n,}" of anything, or of a dot. */
		if (is_endless && (c == '.' || p[len] == '{'))
			ret->is_unbounded = true;
		if (c == '(' || c == ')' || c == '|' || !is_literal || is_optional ||
		    (depth > 0 && !counts_groups))
			run = 0;
		else
			run++;
		longest = run > longest ? run : longest;
		if (quantifier > 0)
			run = 0;
		depth += c == '(';
		depth -= c == ')' && depth > 0;
		if (c == '|' && depth == 0) {
			shortest = longest < shortest ? longest : shortest;
			longest = 0;
		}
		p += len + quantifier;
	}
	ret->longest_run = longest < shortest ? longest : shortest;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "transport/json_line.h"

#include <string.h>

enum { DIGITS_MAX = 18 }; /* of an integer that surely fits 64 bits */

struct piece {
	const char *p;
	size_t len;
};

struct scan {
	const char *p, *end;
	unsigned depth;
	struct {
		bool is_object;
		unsigned keys_at; /* where its keys begin */
	} frames[JSON_LINE_DEPTH];
	struct piece keys[JSON_LINE_KEYS];
	unsigned n_keys;
	struct json_line *line;
};

static char
peek(struct scan *s)
{
	while (s->p < s->end &&
	       (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
	return s->p < s->end ? *s->p : 0;
}

/* How many bytes the character takes that begins at p and is not ASCII; 0: none. */
static size_t
utf8_len(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t room = (size_t)(end - text);
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || room < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, halves of UTF-16, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* Behind a backslash; \u of the plainest kind only: no NUL, no half of UTF-16. */
static bool
scan_escape(struct scan *s)
{
	char c = s->p < s->end ? *s->p++ : 0;
	unsigned unit = 0;

	if (c != 'u')
		return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
	for (int i = 0; i < 4; i++) {
		char d = s->p < s->end ? *s->p++ : 0;

		if (d >= '0' && d <= '9')
			unit = unit << 4 | (unsigned)(d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			unit = unit << 4 | (unsigned)((d | 0x20) - 'a' + 10);
		else
			return false;
	}
	return unit != 0 && (unit < 0xd800 || unit > 0xdfff);
}

/* Eight bytes that are all plain: ASCII, no control character, quote, backslash. */
static bool
are_plain(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones * 0x80;
	uint64_t v;
	uint64_t quote, backslash;

	memcpy(&v, p, sizeof(v));
	quote = v ^ (ones * '"');
	backslash = v ^ (ones * '\\');
	/* Exact where no byte has its high bit, which is asked for as well. */
	return ((v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & high) ==
	       0;
}

/* Behind the opening quote. */
static bool
scan_string(struct scan *s, struct piece *ret, bool *ret_has_escapes)
{
	*ret_has_escapes = false;
	ret->p = s->p;
	while (s->p < s->end) {
		unsigned char c;
		size_t len = 1;

		while (s->end - s->p >= 8 && are_plain(s->p))
			s->p += 8;
		if (s->p == s->end)
			return false;
		c = (unsigned char)*s->p;
		if (c == '"') {
			ret->len = (size_t)(s->p++ - ret->p);
			return true;
		}
		if (c == '\\') {
			s->p++;
			*ret_has_escapes = true;
			if (!scan_escape(s))
				return false;
			continue;
		}
		if (c >= 0x80)
			len = utf8_len(s->p, s->end);
		if (c < 0x20 || len == 0)
			return false;
		s->p += len;
	}
	return false;
}

static bool
is_digit(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

/* An integer, or a real of digits and a point. */
static bool
scan_number(struct scan *s, bool *ret_is_integer, int64_t *ret)
{
	bool negative = *s->p == '-';
	const char *start;

	s->p += negative;
	start = s->p;
	*ret = 0;
	for (; is_digit(s) && s->p - start < DIGITS_MAX; s->p++)
		*ret = *ret * 10 + (*s->p - '0');
	if (s->p == start || is_digit(s) || (*start == '0' && s->p - start > 1))
		return false;
	if (negative)
		*ret = -*ret;
	*ret_is_integer = s->p == s->end || *s->p != '.';
	if (!*ret_is_integer) {
		start = ++s->p;
		while (is_digit(s))
			s->p++;
		if (s->p == start || s->p - start > DIGITS_MAX)
			return false;
	}
	return s->p == s->end || (*s->p != 'e' && *s->p != 'E');
}

/* A word of letters, as a whole. */
static bool
scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	return s->p == s->end || !((*s->p | 0x20) >= 'a' && (*s->p | 0x20) <= 'z');
}

/* A key with its colon, which the object does not have yet. */
static bool
scan_key(struct scan *s)
{
	struct piece key;
	bool has_escapes = false;

	if (peek(s) != '"')
		return false;
	s->p++;
	if (!scan_string(s, &key, &has_escapes) || has_escapes ||
	    s->n_keys == JSON_LINE_KEYS)
		return false;
	for (unsigned i = s->frames[s->depth - 1].keys_at; i < s->n_keys; i++) {
		if (s->keys[i].len == key.len &&
		    memcmp(s->keys[i].p, key.p, key.len) == 0)
			return false;
	}
	s->keys[s->n_keys++] = key;
	if (peek(s) != ':')
		return false;
	s->p++;
	return true;
}

static bool
push(struct scan *s, bool is_object)
{
	if (s->depth == JSON_LINE_DEPTH)
		return false;
	s->frames[s->depth].is_object = is_object;
	s->frames[s->depth].keys_at = s->n_keys;
	s->depth++;
	return true;
}

static void
pop(struct scan *s)
{
	s->p++;
	s->depth--;
	s->n_keys = s->frames[s->depth].keys_at;
}

/* Whether the value that is read belongs to that key of the outermost object. */
static bool
is_of(const struct scan *s, const char *name)
{
	const struct piece *key = &s->keys[s->n_keys - 1];

	return s->depth == 1 && key->len == strlen(name) &&
	       memcmp(key->p, name, key->len) == 0;
}

static bool
scan_scalar(struct scan *s, char c)
{
	struct piece text;
	bool has_escapes = false;
	bool is_integer = false;
	int64_t number = 0;

	if (c == 't')
		return scan_word(s, "true");
	if (c == 'f')
		return scan_word(s, "false");
	if (c == 'n')
		return scan_word(s, "null");
	if (c == '"') {
		s->p++;
		if (!scan_string(s, &text, &has_escapes))
			return false;
		if (!is_of(s, "type"))
			return true;
		s->line->type = text.p;
		s->line->type_len = text.len;
		return !has_escapes;
	}
	if (c != '-' && (c < '0' || c > '9'))
		return false;
	if (!scan_number(s, &is_integer, &number))
		return false;
	if (is_integer && is_of(s, "class_uid"))
		s->line->class_uid = number;
	return true;
}

/* Behind a value: up to where the next one begins.  *ret_over: there is none. */
static bool
leave(struct scan *s, bool *ret_over)
{
	while (s->depth > 0) {
		bool is_object = s->frames[s->depth - 1].is_object;
		char c = peek(s);

		if (c == ',') {
			s->p++;
			return !is_object || scan_key(s);
		}
		if (c != (is_object ? '}' : ']'))
			return false;
		pop(s);
	}
	(void)peek(s);
	*ret_over = true;
	return s->p == s->end;
}

bool
json_line_read(const char *text, size_t len, struct json_line *ret)
{
	struct scan s = { .p = text, .end = text + len, .line = ret };
	bool over = false;

	*ret = (struct json_line){ .type = NULL };
	if (peek(&s) != '{')
		return false;
	while (!over) {
		char c = peek(&s);
		bool is_object = c == '{';

		if (is_object || c == '[') {
			if (!push(&s, is_object))
				return false;
			s.p++;
			if (peek(&s) != (is_object ? '}' : ']')) {
				if (is_object && !scan_key(&s))
					return false;
				continue;
			}
			/* Empty: leave() takes its end. */
		} else if (!scan_scalar(&s, c)) {
			return false;
		}
		if (!leave(&s, &over))
			return false;
	}
	return true;
}

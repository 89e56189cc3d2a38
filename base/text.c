/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"

/*
 * Length of the well-formed UTF-8 sequence at p (RFC 3629, section 4), 0 when
 * there is none.  *ret_code is its code point.
 */
static size_t
utf8_sequence(const uint8_t *p, size_t left, uint32_t *ret_code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 } };

	for (size_t n = 1; n <= 4; n++) {
		if ((p[0] & forms[n - 1].mask) != forms[n - 1].lead)
			continue;
		uint32_t code = p[0] & (uint8_t)~forms[n - 1].mask;

		if (n > left)
			return 0;
		for (size_t i = 1; i < n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < forms[n - 1].least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return 0;
		*ret_code = code;
		return n;
	}
	return 0;
}

/* What could drive a terminal or reorder what a reader sees. */
static bool
is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == '\\' ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f;
}

char *
text_escape_bytes(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(len * 4);
	size_t ignored;

	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t n = utf8_sequence(p + i, len - i, &code);

		if (n > 0 && code == '\\') {
			buf_add(b, "\\\\");
		} else if (n > 0 && !is_unsafe(code)) {
			buf_put(b, p + i, n);
		} else {
			for (size_t j = 0; j < (n > 0 ? n : 1); j++)
				buf_addf(b, "\\x%02x", p[i + j]);
		}
		i += n > 0 ? n : 1;
	}
	return (char *)buf_take(b, &ignored);
}

char *
text_escape(const char *s)
{
	return text_escape_bytes(s, strlen(s));
}

bool
text_is_utf8(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t n = utf8_sequence(p + i, len - i, &code);

		if (n == 0 || code == 0)
			return false;
		i += n;
	}
	return true;
}

char *
text_hex(const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	char *hex = xcalloc(len * 2 + 1, 1);

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	return hex;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

mh_err
text_unhex(const char *hex, void *ret, size_t len)
{
	MH_CLEANUP(freep) uint8_t *out = xcalloc(len, 1);

	if (strlen(hex) != 2 * len)
		return MH_ERR_INVALID;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]);
		int low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return MH_ERR_INVALID;
		out[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, out, len);
	return MH_OK;
}

/* The digits at s as a number; *ret_rest is what follows them. */
static mh_err
parse_digits(const char *s, uint64_t *ret, const char **ret_rest)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return MH_ERR_INVALID;
	}
	if (p == s)
		return MH_ERR_INVALID;
	*ret = v;
	*ret_rest = p;
	return MH_OK;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static mh_err
parse_with_unit(const char *s, const struct unit *units, size_t n, uint64_t min,
    uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	const char *rest = NULL;
	mh_err err = parse_digits(s, &v, &rest);

	if (err != MH_OK)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v) || v < min || v > max)
			return MH_ERR_INVALID;
		*ret = v;
		return MH_OK;
	}
	return MH_ERR_INVALID;
}

mh_err
parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const struct unit none[] = { { "", 1 } };

	return parse_with_unit(s, none, MH_ARRAY_LEN(none), min, max, ret);
}

mh_err
parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const struct unit units[] = { { "", 1 }, { "K", 1ull << 10 },
		{ "KiB", 1ull << 10 }, { "M", 1ull << 20 }, { "MiB", 1ull << 20 },
		{ "G", 1ull << 30 }, { "GiB", 1ull << 30 }, { "T", 1ull << 40 },
		{ "TiB", 1ull << 40 } };

	return parse_with_unit(s, units, MH_ARRAY_LEN(units), min, max, ret);
}

mh_err
parse_duration(const char *s, uint64_t min_ms, uint64_t max_ms, uint64_t *ret)
{
	static const struct unit units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 } };

	return parse_with_unit(s, units, MH_ARRAY_LEN(units), min_ms, max_ms, ret);
}

char *
text_size(uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i + 1 < MH_ARRAY_LEN(names)) {
		v /= 1024;
		i++;
	}
	if (i == 0)
		return xasprintf("%llu B", (unsigned long long)bytes);
	return xasprintf("%.*f %s", v < 10 ? 1 : 0, v, names[i]);
}

char *
text_duration(uint64_t ms)
{
	unsigned long long s = ms / 1000;

	if (ms < 10000)
		return xasprintf("%.1f s", (double)ms / 1000);
	if (s < 120)
		return xasprintf("%llu s", s);
	if (s < 7200)
		return xasprintf("%llu m %02llu s", s / 60, s % 60);
	return xasprintf("%llu h %02llu m", s / 3600, s / 60 % 60);
}

/* How much of text, of len bytes, is the next line of at most width. */
static size_t
line_end(const char *text, size_t len, size_t width)
{
	size_t n = width;

	if (len <= width)
		return len;
	while (n > 0 && text[n] != ' ')
		n--;
	return n > 0 ? n : strcspn(text, " ");
}

char *
text_wrap(const char *text, size_t width, size_t indent)
{
	size_t len = strlen(text);
	/* Each line but the last takes the place of a space. */
	MH_CLEANUP(buf_freep) struct buf *b = buf_new((len + 1) * (indent + 2) + 1);

	for (;;) {
		size_t n = line_end(text, len, width);

		buf_put(b, text, n);
		if (n == len)
			return xstrdup(buf_string(b));
		buf_put(b, "\n", 1);
		for (size_t i = 0; i < indent; i++)
			buf_put(b, " ", 1);
		text += n + 1;
		len -= n + 1;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector.  Input: hostile, though signed: an agent may be
 * taken over.
 *
 * Reads five fields of a line and passes over the rest, without a tree in
 * memory: a tree of a finding costs ten times as much as storing it.  That the
 * line is well-formed was checked before; what is not is an error here, never
 * a byte read outside of it.
 */
#include "collector/report_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Where the reading stands.  bad is sticky. */
struct scan {
	const char *p, *end;
	bool bad;
	struct buf *texts;
	size_t texts_max; /* bytes that may go there: made room for at once */
};

/* A string as it stands in the line, without its quotes. */
struct raw {
	const char *p;
	size_t len;
	bool has_escapes;
};

static void
skip_space(struct scan *s)
{
	while (s->p < s->end &&
	       (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

/* Whether c comes next; it is passed over then. */
static bool
take(struct scan *s, char c)
{
	skip_space(s);
	if (s->p >= s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void
expect(struct scan *s, char c)
{
	if (!take(s, c))
		s->bad = true;
}

/* The quote that ends a string with escapes; NULL when there is none. */
static const char *
find_end(const struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	return p < s->end ? p : NULL;
}

/* Behind the opening quote: up to and with the closing one. */
static struct raw
read_raw(struct scan *s)
{
	struct raw raw = { .p = s->p };
	const char *end = memchr(s->p, '"', (size_t)(s->end - s->p));

	if (end != NULL)
		raw.has_escapes = memchr(s->p, '\\', (size_t)(end - s->p)) != NULL;
	if (raw.has_escapes)
		end = find_end(s);
	if (end == NULL) {
		s->bad = true;
		s->p = s->end;
		return raw;
	}
	raw.len = (size_t)(end - raw.p);
	s->p = end + 1;
	return raw;
}

/* Pass over one value of any type; nesting costs no stack. */
static void
skip_value(struct scan *s)
{
	size_t depth = 0;

	skip_space(s);
	while (s->p < s->end && !s->bad) {
		char c = *s->p;

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return;
		s->p++;
		if (c == '"')
			(void)read_raw(s);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	}
}

static unsigned
hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
	       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
	       : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
				      : 16;
}

/* The unit of a \uXXXX whose digits begin at i; 0 when it is none. */
static unsigned
utf16_at(const struct raw *raw, size_t i)
{
	unsigned unit = 0;

	if (i + 4 > raw->len)
		return 0;
	for (size_t k = i; k < i + 4; k++) {
		unsigned digit = hex_digit(raw->p[k]);

		if (digit > 15)
			return 0;
		unit = unit << 4 | digit;
	}
	return unit;
}

static void
put_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_put_u8(b, (uint8_t)c);
	} else if (c < 0x800) {
		buf_put_u8(b, (uint8_t)(0xc0 | c >> 6));
		buf_put_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_put_u8(b, (uint8_t)(0xe0 | c >> 12));
		buf_put_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_put_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		buf_put_u8(b, (uint8_t)(0xf0 | c >> 18));
		buf_put_u8(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		buf_put_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_put_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

/* Decode \uXXXX at i (the u), with its second half; returns the digits used. */
static size_t
put_escaped(struct scan *s, const struct raw *raw, size_t i)
{
	unsigned c = utf16_at(raw, i + 1);
	unsigned low = 0;
	bool has_second = c >= 0xd800 && c < 0xdc00 && i + 6 < raw->len &&
			  raw->p[i + 5] == '\\' && raw->p[i + 6] == 'u';

	if (has_second)
		low = utf16_at(raw, i + 7);
	if (has_second && low >= 0xdc00 && low < 0xe000) {
		put_utf8(s->texts, 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00)));
		return 10;
	}
	/* A lone half, no number, or a NUL. */
	s->bad |= c == 0 || (c >= 0xd800 && c < 0xe000);
	put_utf8(s->texts, c);
	return 4;
}

/* Append the string's text to texts. */
static void
put_decoded(struct scan *s, const struct raw *raw)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";

	/* Decoded is never longer, and what was handed out must not move. */
	if (buf_len(s->texts) == 0)
		(void)buf_reserve(s->texts, s->texts_max);
	for (size_t i = 0; i < raw->len && !s->bad; i++) {
		const char *known;

		if (raw->p[i] != '\\') {
			buf_put_u8(s->texts, (uint8_t)raw->p[i]);
			continue;
		}
		i++;
		known = i < raw->len && raw->p[i] != 0 ? strchr(from, raw->p[i]) : NULL;
		if (known != NULL)
			buf_put_u8(s->texts, (uint8_t)to[known - from]);
		else if (i < raw->len && raw->p[i] == 'u')
			i += put_escaped(s, raw, i);
		else
			s->bad = true;
	}
}

static bool
is_key(struct scan *s, const struct raw *key, const char *name)
{
	size_t before = buf_len(s->texts);
	size_t len = strlen(name);
	bool same = key->len == len && memcmp(key->p, name, len) == 0;

	if (!key->has_escapes)
		return same;
	put_decoded(s, key);
	same = buf_len(s->texts) - before == len &&
	       memcmp(buf_data(s->texts) + before, name, len) == 0;
	buf_truncate(s->texts, before);
	return same;
}

/* At most INDEX_TEXT_MAX bytes of it, whole characters. */
static uint32_t
shorten(const char *p, size_t len)
{
	if (len <= INDEX_TEXT_MAX)
		return (uint32_t)len;
	len = INDEX_TEXT_MAX;
	while (len > 0 && ((unsigned char)p[len] & 0xc0) == 0x80)
		len--;
	return (uint32_t)len;
}

static void
read_text(struct scan *s, struct index_text *ret)
{
	struct raw raw;

	if (!take(s, '"')) {
		skip_value(s);
		return;
	}
	raw = read_raw(s);
	if (!raw.has_escapes) {
		*ret = (struct index_text){ raw.p, shorten(raw.p, raw.len) };
		return;
	}

	size_t at = buf_len(s->texts);

	put_decoded(s, &raw);

	const char *p = buf_string(s->texts) + at;

	*ret = (struct index_text){ p, shorten(p, buf_len(s->texts) - at) };
	buf_truncate(s->texts, at + ret->len);
}

/* An integer; 0 for a value of another type. */
static int64_t
read_integer(struct scan *s)
{
	uint64_t v = 0;
	bool negative = false;
	const char *start;

	skip_space(s);
	negative = take(s, '-');
	start = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9' && s->p - start < 19)
		v = v * 10 + (uint64_t)(*s->p++ - '0');

	bool whole = s->p > start && v <= (uint64_t)INT64_MAX + negative &&
		     (s->p == s->end || (*s->p != '.' && *s->p != 'e' && *s->p != 'E' &&
					    (*s->p < '0' || *s->p > '9')));

	skip_value(s);
	if (!whole)
		return 0;
	return (int64_t)(negative ? ~v + 1 : v);
}

/* Enter an object, or pass over what is none. */
static bool
enter(struct scan *s, char open)
{
	if (take(s, open))
		return true;
	skip_value(s);
	return false;
}

/* The next key of an object that was entered; false behind its end. */
static bool
next_key(struct scan *s, bool *first, struct raw *ret)
{
	if (s->bad || take(s, '}'))
		return false;
	if (!*first)
		expect(s, ',');
	*first = false;
	expect(s, '"');
	if (s->bad)
		return false;
	*ret = read_raw(s);
	expect(s, ':');
	return !s->bad;
}

/* The one field of an object that is wanted, a text. */
static void
read_member_text(struct scan *s, const char *name, struct index_text *ret)
{
	struct raw key;
	bool first = true;

	if (!enter(s, '{'))
		return;
	while (next_key(s, &first, &key)) {
		if (is_key(s, &key, name))
			read_text(s, ret);
		else
			skip_value(s);
	}
}

/* One line's finding while it is read. */
struct found {
	struct index_finding *f;
	bool has_file;
};

static void
read_info(struct scan *s, struct index_finding *f)
{
	struct raw key;
	bool first = true;

	if (!enter(s, '{'))
		return;
	while (next_key(s, &first, &key)) {
		if (is_key(s, &key, "uid"))
			read_text(s, &f->uid);
		else if (is_key(s, &key, "analytic"))
			read_member_text(s, "name", &f->rule);
		else
			skip_value(s);
	}
}

static void
read_process(struct scan *s, struct found *found)
{
	struct raw key;
	bool first = true;

	if (!enter(s, '{'))
		return;
	while (next_key(s, &first, &key)) {
		if (is_key(s, &key, "file") && !found->has_file)
			read_member_text(s, "path", &found->f->path);
		else
			skip_value(s);
	}
}

/* The first evidence; the others are passed over. */
static void
read_evidences(struct scan *s, struct index_finding *f)
{
	struct found found = { .f = f };
	struct raw key;
	bool first = true;

	if (!enter(s, '['))
		return;
	if (enter(s, '{')) {
		while (next_key(s, &first, &key)) {
			if (is_key(s, &key, "file")) {
				/* The file itself goes before that of a process. */
				found.has_file = true;
				f->path = (struct index_text){ "", 0 };
				read_member_text(s, "path", &f->path);
			} else if (is_key(s, &key, "process")) {
				read_process(s, &found);
			} else {
				skip_value(s);
			}
		}
	}
	while (!s->bad && take(s, ',')) /* the rest of the list */
		skip_value(s);
	expect(s, ']');
}

static void
read_finding(struct scan *s, struct index_finding *f)
{
	struct raw key;
	bool first = true;
	int64_t severity = 0;

	expect(s, '{');
	while (next_key(s, &first, &key)) {
		if (is_key(s, &key, "finding_info"))
			read_info(s, f);
		else if (is_key(s, &key, "evidences"))
			read_evidences(s, f);
		else if (is_key(s, &key, "severity_id"))
			severity = read_integer(s);
		else if (is_key(s, &key, "status_id"))
			f->is_suppressed = read_integer(s) == STATUS_SUPPRESSED;
		else if (is_key(s, &key, "time"))
			f->time_ms = read_integer(s);
		else
			skip_value(s);
	}
	skip_space(s);
	s->bad |= s->p != s->end;
	f->severity = severity < 0 ? 0 : severity > 99 ? 99 : (int)severity;
}

/* texts_max: bytes of all lines whose texts go into texts, which must not move. */
static mh_err
scan_line(const char *line, size_t len, size_t texts_max, struct buf *texts,
    struct index_finding *ret)
{
	struct scan s = { line, line + len, false, texts, texts_max };
	struct index_finding f = { { "", 0 }, { "", 0 }, { "", 0 }, 0, 0, false };

	read_finding(&s, &f);
	if (s.bad || buf_error(texts) != MH_OK)
		return MH_ERR_FORMAT;
	*ret = f;
	return MH_OK;
}

mh_err
report_index_line(const char *line, size_t len, struct buf *texts,
    struct index_finding *ret)
{
	return scan_line(line, len, len, texts, ret);
}

mh_err
report_index_new(const struct report *report, struct report_index **ret)
{
	MH_CLEANUP(report_index_freep)
	struct report_index *index = xcalloc(1, sizeof(*index));
	size_t n = report->header.n_findings;
	size_t max = buf_len(report->text);
	struct report_cursor cursor = { 0, 0 };
	struct report_line line;
	mh_err err = MH_OK;

	if (n > INDEX_FINDINGS_MAX)
		return MH_ERR_TOOBIG;
	index->texts = buf_new(REPORT_UNPACKED_MAX);
	index->findings = xcalloc(n > 0 ? n : 1, sizeof(*index->findings));
	while (err == MH_OK && index->n_findings < n &&
	       report_next_line(report, &cursor, &line))
		err = scan_line(line.text, line.len, max, index->texts,
		    &index->findings[index->n_findings++]);
	if (err == MH_OK && index->n_findings < n)
		err = MH_ERR_FORMAT;
	if (err == MH_OK)
		*ret = MH_TAKE(index);
	return err;
}

void
report_index_free(struct report_index *index)
{
	if (index == NULL)
		return;
	free(index->findings);
	buf_free(index->texts);
	free(index);
}

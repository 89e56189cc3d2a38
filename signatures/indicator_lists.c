/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of lines: Loki's and THOR's, and plain ones.
 *
 * Runs in: zygote.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_load_impl.h"

enum {
	FIELDS_MAX = 3,
	C2_MIN = 4, /* characters: Loki ignores shorter ones, too */
};

/*
 * Cut text at semicolons into at most max fields; the last has the rest.  An escaped
 * semicolon of an expression is none.
 */
static size_t
split(char *text, char **fields, size_t max)
{
	size_t n = 0;

	fields[n++] = text;
	for (char *p = text; *p != 0 && n < max; p++) {
		if (*p == '\\' && p[1] != 0) {
			p++;
		} else if (*p == ';') {
			*p = 0;
			fields[n++] = p + 1;
		}
	}
	return n;
}

/* HASH;COMMENT or HASH;SCORE;COMMENT. */
static void
read_hash(struct loader *l, struct value *v, char *text)
{
	char *fields[FIELDS_MAX];
	size_t n = split(text, fields, FIELDS_MAX);

	v->text = trim(fields[0]);
	v->score = n == FIELDS_MAX ? score_parse(trim(fields[1])) : -1;
	if (v->score >= 0) {
		v->comment = trim(fields[2]);
	} else if (n > 1) {
		/* A comment with a semicolon in it. */
		if (n == FIELDS_MAX)
			fields[2][-1] = ';';
		v->comment = trim(fields[1]);
	}
	loader_add(l, v);
}

/*
 * REGEX;SCORE or REGEX;SCORE;EXCEPTION.  What the last line of comments says is the
 * description.  An exception is that of its own line: in Loki it stays in force for the
 * lines behind.
 */
static void
read_name(struct loader *l, struct value *v, char *text)
{
	char *fields[FIELDS_MAX];
	size_t n = split(text, fields, FIELDS_MAX);

	v->text = trim(fields[0]);
	if (n > 1) {
		char *score = trim(fields[1]);

		v->score = score_parse(score);
		if (v->score < 0) {
			MH_CLEANUP(freep) char *head = xstrndup(score, 40);

			loader_leave_out(l, v->line,
			    xasprintf("the score \"%s\" is no number from 0 to 100 "
				      "(REGEX;SCORE;EXCEPTION)",
				head));
			return;
		}
	}
	if (n > 2 && trim(fields[2])[0] != 0)
		v->except = trim(fields[2]);
	loader_add(l, v);
}

/* VALUE, VALUE;SCORE or VALUE;COMMENT. */
static void
read_c2(struct loader *l, struct value *v, char *text)
{
	char *fields[FIELDS_MAX];
	size_t n = split(text, fields, FIELDS_MAX);

	v->text = trim(fields[0]);
	if (n > 1)
		v->score = score_parse(trim(fields[1]));
	if (n > 1 && v->score < 0)
		v->comment = trim(fields[1]);
	else if (n > 2)
		v->comment = trim(fields[2]);
	if (strlen(v->text) < C2_MIN && !network_is_meant(v->text))
		loader_leave_out(l, v->line, xstrdup("it is shorter than 4 characters"));
	else
		loader_add(l, v);
}

/* A value by its looks, and behind it, after a blank or a semicolon, a comment. */
static void
read_plain(struct loader *l, struct value *v, char *text)
{
	size_t len = strcspn(text, ";\t ");

	if (text[len] != 0) {
		text[len] = 0;
		v->comment = trim(text + len + 1);
		v->comment += strspn(v->comment, "#; *");
	}
	v->text = text;
	loader_add(l, v);
}

static void
read_line(struct loader *l, enum indicator_format format, struct value *v, char *text)
{
	static const enum value_kind kinds[FORMAT_MAX_] = {
		[FORMAT_LOKI_HASH] = VALUE_HASH,
		[FORMAT_EXCEPT_HASH] = VALUE_EXCEPT_HASH,
		[FORMAT_LOKI_NAME] = VALUE_REGEX,
		[FORMAT_EXCEPT_PATH] = VALUE_EXCEPT_PATH,
		[FORMAT_LOKI_C2] = VALUE_C2,
		[FORMAT_LIST] = VALUE_ANY,
	};

	v->kind = kinds[format];
	switch (v->kind) {
	case VALUE_HASH:
	case VALUE_EXCEPT_HASH:
		read_hash(l, v, text);
		return;
	case VALUE_REGEX:
		read_name(l, v, text);
		return;
	case VALUE_EXCEPT_PATH:
		v->text = text;
		loader_add(l, v);
		return;
	case VALUE_C2:
		read_c2(l, v, text);
		return;
	case VALUE_ANY:
	case VALUE_FILE:
	case VALUE_NO_IP:
		break;
	}
	read_plain(l, v, text);
}

void
read_lists(struct loader *l, struct source *s, enum indicator_format format)
{
	MH_CLEANUP(freep) struct line *line = xcalloc(1, sizeof(*line));
	char description[INDICATOR_COMMENT_MAX + 1] = "";
	const char *why = NULL;

	for (uint32_t number = 1; source_line(s, line, &why); number++) {
		struct value v = { .score = -1, .line = number };
		char *text = line->text;

		if (number == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
			text += 3;
		text = trim(text);
		if (why != NULL) {
			loader_leave_out(l, number, xstrdup(why));
			continue;
		}
		if (text[0] == '#') {
			const char *said = trim(text + strspn(text, "#"));
			size_t len = strnlen(said, INDICATOR_COMMENT_MAX);

			memcpy(description, said, len);
			description[len] = 0;
			continue;
		}
		if (text[0] == 0)
			continue;
		if (format == FORMAT_LOKI_NAME)
			v.comment = description;
		read_line(l, format, &v, text);
	}
}

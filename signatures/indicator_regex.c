/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "signatures/indicator_limits.h"

enum {
	GROWTH = 8,         /* a byte becomes at most so many */
	NESTING_MAX = 64,   /* groups in groups that are looked into */
	LENGTH_ENOUGH = 12, /* bytes: a longer text finds nothing that this does not */
};

#define SEPARATOR "[/\\\\]" /* a slash or a backslash */

/* "(?i)" and the like at p: its length, 0 when it is none. */
static size_t
flags_at(const char *p, uint32_t *options)
{
	size_t n = 2;

	if (p[0] != '(' || p[1] != '?')
		return 0;
	uint32_t found = 0;

	for (; p[n] != 0 && strchr("aiLmsux", p[n]) != NULL; n++) {
		found |= p[n] == 'i'   ? PCRE2_CASELESS
			 : p[n] == 'm' ? PCRE2_MULTILINE
			 : p[n] == 's' ? PCRE2_DOTALL
			 : p[n] == 'x' ? PCRE2_EXTENDED
				       : 0;
	}
	if (n == 2 || p[n] != ')')
		return 0;
	*options |= found;
	return n + 1;
}

/* A drive before an escaped backslash, "C:\\": its length without that. */
static size_t
drive_at(const char *p)
{
	return isalpha((unsigned char)p[0]) && p[1] == ':' && p[2] == '\\' && p[3] == '\\'
		   ? 2
		   : 0;
}

/* What an escape outside of a class becomes; false: it is copied as it is. */
static bool
translate_escape(const char *p, struct buf *b)
{
	if (p[1] == '\\')
		buf_add(b, SEPARATOR);
	else if (p[1] == 'Z')
		buf_add(b, "\\z");
	else
		return false;
	return true;
}

struct translation {
	const char *p;
	bool is_class;
	bool may_be_bracket; /* "]" would be the first of a class */
	bool is_after_word;  /* what stands before is a letter or digit */
	uint32_t options;
	struct buf *out;
};

/* One byte or escape in a class. */
static void
translate_in_class(struct translation *t)
{
	if (t->p[0] == '\\' && t->p[1] == '\\') {
		buf_add(t->out, "/\\\\");
		t->p += 2;
	} else if (t->p[0] == '\\' && t->p[1] != 0) {
		buf_put(t->out, t->p, 2);
		t->p += 2;
	} else {
		if (*t->p == ']' && !t->may_be_bracket)
			t->is_class = false;
		if (*t->p == '[')
			buf_add(t->out, "\\"); /* Python knows no classes in classes */
		buf_put(t->out, t->p++, 1);
	}
	t->may_be_bracket = false;
}

/* NULL, or why it is no expression of Python's. */
static const char *
translate_one(struct translation *t)
{
	const char *p = t->p;
	size_t n = flags_at(p, &t->options);

	if (n > 0) {
		t->p += n;
	} else if (p[0] == '(' && p[1] == '*') {
		return "\"(*\" is no expression: there is nothing to repeat";
	} else if (p[0] == '\\' && p[1] == 0) {
		return "it ends with a backslash";
	} else if (p[0] == '\\') {
		if (!translate_escape(p, t->out))
			buf_put(t->out, p, 2);
		t->p += 2;
	} else if (p[0] == '{' && p[1] == ',' && isdigit((unsigned char)p[2])) {
		buf_add(t->out, "{0");
		t->p++;
	} else if (!t->is_after_word && drive_at(p) > 0) {
		buf_addf(t->out, "(?:%.2s)?", p);
		t->p += drive_at(p);
	} else {
		buf_put(t->out, t->p++, 1);
		if (*p == '[') {
			t->is_class = true;
			if (*t->p == '^')
				buf_put(t->out, t->p++, 1);
			t->may_be_bracket = true;
		}
	}
	t->is_after_word = isalnum((unsigned char)*p) != 0;
	return NULL;
}

bool
regex_translate(const char *text, struct regex *ret, const char **ret_why)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(INDICATOR_PATTERN_MAX * GROWTH);
	struct translation t = { .p = text, .out = b };
	const char *why = NULL;

	if (strlen(text) > INDICATOR_PATTERN_MAX)
		why = "the expression is longer than 4096 bytes";
	while (why == NULL && *t.p != 0) {
		if (t.is_class)
			translate_in_class(&t);
		else
			why = translate_one(&t);
	}
	if (why == NULL && buf_error(b) != MH_OK)
		why = "the expression is too long";
	if (why != NULL) {
		*ret_why = why;
		return false;
	}
	*ret = (struct regex){ xstrdup(buf_string(b)), t.options };
	return true;
}

void
regex_clear(struct regex *r)
{
	free(r->text);
	r->text = NULL;
}

void
literals_clear(struct literals *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->texts[i]);
	l->n = 0;
}

/* How good a set is: the shortest of its texts counts. */
static size_t
worth(const struct literals *l)
{
	size_t shortest = LENGTH_ENOUGH;

	if (l->n == 0)
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		size_t len = strlen(l->texts[i]);

		if (len < shortest)
			shortest = len;
	}
	return shortest * LITERALS_MAX + LITERALS_MAX - l->n;
}

/* Keep the better of the two in best; other is taken. */
static void
keep_better(struct literals *best, struct literals *other)
{
	struct literals loser = worth(other) > worth(best) ? *best : *other;

	if (worth(other) > worth(best))
		*best = *other;
	literals_clear(&loser);
	other->n = 0;
}

struct parser {
	const char *p;
	bool is_lost; /* something that is not understood: nothing is known */
	unsigned depth;
};

/* The plain text that a sequence holds so far. */
struct run {
	char text[LITERAL_MAX + 1];
	size_t len;
};

static void
end_run(struct run *run, struct literals *best)
{
	struct literals one = { { NULL }, 0 };

	if (run->len > 0) {
		run->text[run->len] = 0;
		one.texts[one.n++] = xstrdup(run->text);
		keep_better(best, &one);
	}
	run->len = 0;
}

/* How often at least, from a quantifier that may stand here; 1 without one. */
static unsigned
read_quantifier(struct parser *x, bool *ret_is_there)
{
	unsigned min = 1;

	*ret_is_there = true;
	if (*x->p == '*' || *x->p == '?') {
		min = 0;
		x->p++;
	} else if (*x->p == '+') {
		x->p++;
	} else if (*x->p == '{' && isdigit((unsigned char)x->p[1])) {
		min = x->p[1] != '0' ? 1 : 0;
		const char *end = strchr(x->p, '}');

		/* "{12,}" or no quantifier at all: both are nothing to rely on. */
		x->is_lost = x->is_lost || end == NULL;
		if (x->p[1] == '0' && isdigit((unsigned char)x->p[2]))
			x->is_lost = true;
		x->p = end != NULL ? end + 1 : x->p + strlen(x->p);
	} else {
		*ret_is_there = false;
		x->is_lost = x->is_lost || *x->p == '{';
		return 1;
	}
	if (*x->p == '?' || *x->p == '+')
		x->p++; /* lazy, possessive */
	return min;
}

/*
 * A class, behind its "[": the one byte that all its members are when folded, 0 when
 * they differ or are not understood.
 */
static char
read_class(struct parser *x)
{
	char one = 0;
	bool is_first = true;
	bool is_plain = *x->p != '^';

	if (*x->p == '^')
		x->p++;
	for (; *x->p != 0 && (*x->p != ']' || is_first); is_first = false) {
		char c = *x->p++;

		if (c == '-' || c == '[')
			is_plain = false;
		if (c == '\\') {
			c = *x->p;
			is_plain = is_plain && c != 0 && !isalnum((unsigned char)c);
			if (c != 0)
				x->p++;
		}
		is_plain = is_plain && (one == 0 || one == regex_fold(c));
		one = regex_fold(c);
	}
	if (*x->p == 0)
		x->is_lost = true;
	else
		x->p++;
	return is_plain ? one : 0;
}

static struct literals read_alternatives(struct parser *x);

/* The kind of a group, behind its "(": whether its text has to be there. */
static bool
read_group_head(struct parser *x)
{
	if (*x->p != '?')
		return true;
	x->p++;
	if (strncmp(x->p, "P<", 2) == 0 || *x->p == ':' || *x->p == '>') {
		const char *end = *x->p == 'P' ? strchr(x->p, '>') : x->p;

		x->is_lost = x->is_lost || end == NULL;
		x->p = end != NULL ? end + 1 : x->p + strlen(x->p);
		return true;
	}
	if (*x->p == '=' || *x->p == '!') {
		x->p++;
		return false;
	}
	if (*x->p == '<' && (x->p[1] == '=' || x->p[1] == '!')) {
		x->p += 2;
		return false;
	}
	size_t n = strspn(x->p, "aims-");

	if (n > 0 && x->p[n] == ':') {
		x->p += n + 1;
		return true;
	}
	x->is_lost = true;
	return false;
}

static struct literals
read_group(struct parser *x)
{
	struct literals found = { { NULL }, 0 };

	if (x->depth == NESTING_MAX) {
		x->is_lost = true;
		return found;
	}
	bool counts = read_group_head(x);

	if (x->is_lost)
		return found;
	x->depth++;
	found = read_alternatives(x);
	x->depth--;
	if (*x->p == ')')
		x->p++;
	else
		x->is_lost = true;
	if (!counts)
		literals_clear(&found);
	return found;
}

/* An escape, behind its backslash: the byte that it stands for, 0 for another thing. */
static char
read_escape(struct parser *x)
{
	char c = *x->p;

	if (c == 0) {
		x->is_lost = true;
		return 0;
	}
	x->p++;
	if (!isalnum((unsigned char)c))
		return c;
	/* Those with arguments, and what nobody writes, are not looked into. */
	if (strchr("AbBdDsSwWzZntrfv", c) == NULL)
		x->is_lost = true;
	return 0;
}

/* One atom that is no group: the byte that it has to be, 0 when it may be others. */
static char
read_atom(struct parser *x)
{
	char c = *x->p++;

	switch (c) {
	case '\\':
		return read_escape(x);
	case '[':
		return read_class(x);
	case '.':
	case '^':
	case '$':
		return 0;
	case '*':
	case '+':
	case '?':
	case '{':
		x->is_lost = true; /* a quantifier of a quantifier */
		return 0;
	default:
		return c;
	}
}

static struct literals
read_sequence(struct parser *x)
{
	struct literals best = { { NULL }, 0 };
	struct run run = { .len = 0 };

	while (!x->is_lost && *x->p != 0 && *x->p != '|' && *x->p != ')') {
		struct literals group = { { NULL }, 0 };
		bool is_group = *x->p == '(';
		bool is_quantified = false;
		char c = 0;

		if (is_group) {
			x->p++;
			group = read_group(x);
		} else {
			c = read_atom(x);
		}
		unsigned min = read_quantifier(x, &is_quantified);

		if (c != 0 && min > 0 && run.len < LITERAL_MAX)
			run.text[run.len++] = regex_fold(c);
		if (c == 0 || is_quantified || run.len == LITERAL_MAX)
			end_run(&run, &best);
		if (min == 0)
			literals_clear(&group);
		keep_better(&best, &group);
	}
	end_run(&run, &best);
	return best;
}

/* What one of the alternatives needs, one of them does; NULL set: nothing is known. */
static struct literals
read_alternatives(struct parser *x)
{
	struct literals all = { { NULL }, 0 };
	bool is_known = true;

	for (;;) {
		struct literals one = read_sequence(x);

		is_known = is_known && one.n > 0 && all.n + one.n <= LITERALS_MAX;
		for (size_t i = 0; is_known && i < one.n; i++)
			all.texts[all.n++] = xstrdup(one.texts[i]);
		literals_clear(&one);
		if (x->is_lost || *x->p != '|')
			break;
		x->p++;
	}
	if (!is_known)
		literals_clear(&all);
	return all;
}

void
regex_literals(const struct regex *r, struct literals *ret)
{
	struct parser x = { .p = r->text };

	ret->n = 0;
	if ((r->options & PCRE2_EXTENDED) != 0)
		return;
	*ret = read_alternatives(&x);
	if (x.is_lost || *x.p != 0)
		literals_clear(ret);
}

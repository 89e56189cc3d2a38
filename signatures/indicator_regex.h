/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_REGEX_H
#define MH_SIGNATURES_INDICATOR_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * Regular expressions as Python's re.search() takes them, said in PCRE2's language.
 *
 * What differs: \Z is the very end; {,n} is {0,n}; flags such as (?i) stand for the
 * whole expression wherever they are; verbs of PCRE, "(*", are no Python.  An escaped
 * backslash, which separates folders in the lists of others, is a slash or a
 * backslash, and a drive ("C:") in front of it may be missing.  Expressions work on
 * bytes: \w and (?i) know ASCII.
 *
 * Input is hostile.  Runs in the zygote.
 */
struct regex {
	char *text;       /* PCRE2's; owned */
	uint32_t options; /* of pcre2_compile(3) */
};

/* False with a reason (static) when it is none; *ret is to be cleared when true. */
bool regex_translate(const char *text, struct regex *ret, const char **ret_why);
void regex_clear(struct regex *r);

/*
 * Texts of which at least one is in everything that the expression matches, in lower
 * case and with slashes for backslashes.
 */
enum { LITERALS_MAX = 16, LITERAL_MAX = 128 /* bytes of one */ };

struct literals {
	char *texts[LITERALS_MAX]; /* owned */
	size_t n;                  /* 0: nothing is known */
};

/* text and options are those of a struct regex.  Never wrong, but may know nothing. */
void regex_literals(const struct regex *r, struct literals *ret);
void literals_clear(struct literals *l);

/* A byte as literals have it: in lower case, a slash for a backslash. */
static inline char
regex_fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '\\' ? '/' : c;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile: messages quote rule text.
 */
#include "signatures/rule_hint.h"

#include <string.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/memory.h"
#include "signatures/ruleset.h"

enum { HINT_BYTES_MAX = 2048 };

static const struct {
	const char *begin; /* of the message */
	enum lint lint;
	const char *advice;
} hints[] = {
	{ "includes are disabled", LINT_C01,
	    "a rule file cannot read another: give the other file, too, or put its rules "
	    "into "
	    "this one" },
	{ "unknown module", LINT_C01,
	    "this libyara was built without it: rules that need it cannot be used here; "
	    "take "
	    "the import out where no condition reads it" },
	{ "undefined identifier", LINT_C03, NULL },
	{ "duplicated identifier", LINT_C05,
	    "another rule of this namespace has that name: rename one; two packs whose "
	    "folders "
	    "have the same name share their namespaces: rename a folder" },
	{ "duplicated string identifier", LINT_C01,
	    "give each string a name of its own" },
	{ "too many strings in rule", LINT_C01, "make several rules of it" },
	{ "unreferenced string", LINT_C01,
	    "the condition has to use every string: use it, or take it out" },
	{ "undefined string", LINT_C01, "no string of the rule has that name" },
	{ "invalid field name", LINT_C01,
	    "this version of the module does not have it: see the rule's requirements" },
	{ "wrong usage of identifier", LINT_C01,
	    "is it a function, a list or a field? See the module's manual" },
	{ "syntax error", LINT_C01,
	    "this is no YARA of this version's; look at this line and the one before" },
	{ "unterminated string", LINT_C01, "the line ends before its quote" },
	{ "unterminated regular expression", LINT_C01, "the line ends before its slash" },
	{ "invalid regular expression", LINT_C01,
	    "YARA's are not Perl's: no (?:...), no references back" },
	{ "invalid hex string", LINT_C01,
	    "pairs of digits, ??, [n-m] and (A | B) may stand there" },
	{ "non-ascii character", LINT_C01,
	    "outside of strings and comments all is ASCII: is it a byte order mark, or a "
	    "quote or dash of a word processor?" },
	{ "contains a NUL byte", LINT_C01,
	    "is it UTF-16, or compiled? Rules are read as plain text" },
};

static void
add_externals(struct buf *b)
{
	buf_add(b, "; there is no such rule, module or external: defined are ");
	for (unsigned e = 0; e < EXTERNAL_MAX_; e++)
		buf_addf(b, "%s%s", e > 0 ? ", " : "", external_name((enum external)e));
	buf_add(b, "; a rule of another file is not seen");
}

char *
rule_hint(const char *message, enum lint *ret_lint)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(HINT_BYTES_MAX);
	size_t i = 0;

	while (i < MH_ARRAY_LEN(hints) &&
	       strncmp(message, hints[i].begin, strlen(hints[i].begin)) != 0)
		i++;
	*ret_lint = i < MH_ARRAY_LEN(hints) ? hints[i].lint : LINT_C01;
	buf_addf(b, "%.1024s", message);
	if (i < MH_ARRAY_LEN(hints) && hints[i].advice != NULL)
		buf_addf(b, "; %s", hints[i].advice);
	else if (*ret_lint == LINT_C03)
		add_externals(b);
	return xstrdup(buf_string(b));
}

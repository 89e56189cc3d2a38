/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules check --list-checks, --explain
 *
 * Runs in: the caller's process.
 * Input: arguments.
 */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/cli_rules.h"
#include "agent/lint_advice.h"

enum { LABEL_WIDTH = 6 };

int
rules_list_checks(const struct rules_cli *c)
{
	for (unsigned i = 0; i < LINT_MAX_; i++) {
		enum lint lint = (enum lint)i;
		enum lint_level level = lint_level(lint);

		if (c->format == FORMAT_NDJSON) {
			rules_print_json(json_pack("{s:s, s:i, s:s, s:s, s:b, s:s, s:s}",
			    "type", "rule_check", "version", 1, "check", lint_id(lint),
			    "level", lint_level_name(level), "foreign",
			    lint_is_foreign(lint), "verb", lint_verb(lint), "title",
			    lint_title(lint)));
			continue;
		}
		(void)printf("%s  %s%-7s%s  %-3s  %s%s%s%s\n", lint_id(lint),
		    rules_level_colour(c, level), lint_level_name(level),
		    rules_colour(c, PLAIN), lint_is_foreign(lint) ? "all" : "own",
		    lint_title(lint),
		    strcmp(lint_verb(lint), "check") != 0 ? " (rules " : "",
		    strcmp(lint_verb(lint), "check") != 0 ? lint_verb(lint) : "",
		    strcmp(lint_verb(lint), "check") != 0 ? ")" : "");
	}
	if (c->format == FORMAT_TEXT)
		(void)printf("\nall: also in packs of others, as a warning at most, but "
			     "for what is "
			     "not used at all.\n");
	return EXIT_CLEAN;
}

static void
print_part(const struct rules_cli *c, const char *label, const char *text)
{
	(void)printf("%s%-*s%s", rules_colour(c, BOLD), LABEL_WIDTH, label,
	    rules_colour(c, PLAIN));
	rules_print_wrapped(c, LABEL_WIDTH, LABEL_WIDTH, text);
}

int
rules_explain_check(const struct rules_cli *c, const char *id)
{
	enum lint lint = lint_find(id);

	if (lint == LINT_MAX_) {
		(void)fprintf(stderr,
		    "molehunt rules check: there is no check %s; see --list-checks\n",
		    id);
		return EXIT_ERROR;
	}
	const struct lint_advice *advice = lint_advice_get(lint);

	if (c->format == FORMAT_NDJSON) {
		rules_print_json(json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s}",
		    "type", "rule_check", "version", 1, "check", id, "level",
		    lint_level_name(lint_level(lint)), "title", lint_title(lint), "what",
		    advice->what, "why", advice->why, "mend", advice->mend));
		return EXIT_CLEAN;
	}
	(void)printf("%s%s%s  %s (%s)\n\n", rules_colour(c, BOLD), id,
	    rules_colour(c, PLAIN), lint_title(lint), lint_level_name(lint_level(lint)));
	print_part(c, "What", advice->what);
	print_part(c, "Why", advice->why);
	print_part(c, "Mend", advice->mend);
	return EXIT_CLEAN;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules list, molehunt rules explain
 *
 * Runs in: the caller's process.
 * Input: arguments; answers of the checker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/cli_rules.h"
#include "base/memory.h"
#include "base/text.h"
#include "records/rule_place.h"

enum {
	FAMILY_MIN = 6, /* characters of a column, at least */
	LABEL_WIDTH = 14,
	FACT_INDENT = LABEL_WIDTH + 2,
};

static const char list_help[] =
    "usage: molehunt rules list [--format text|ndjson] [--name PART] [PACK...]\n"
    "\n"
    "Tells for each rule its family, its score, where it works (files, memory, both\n"
    "or nowhere) and its status. What its author does not say is shown as a dash.\n"
    "\n"
    "  --name PART          rules whose name holds PART, in any case of letters\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "Exit status: 0, or 2 after an error. Files that are left out are named on\n"
    "standard error.\n"
    "\n"
    "  molehunt rules list --name lnx\n"
    "  molehunt rules list --format ndjson | jq 'select(.score >= 80).rule'\n";

static const char explain_help[] =
    "usage: molehunt rules explain [--format text|ndjson] NAME [PACK...]\n"
    "\n"
    "Tells what a rule looks for, string by string, where each is documented (V: read\n"
    "in the original report; R: in a public rule or list that cites it), its\n"
    "condition in words, where it works, and why not elsewhere. NAME is a part of its\n"
    "name, in any case of letters. Sources come from the manifest beside the rule, if\n"
    "it has one.\n"
    "\n"
    "Exit status: 0; 1 no rule has such a name; 2 an error.\n"
    "\n"
    "  molehunt rules explain bpfdoor\n"
    "  molehunt rules explain Turla my-rules/\n";

static const char *
place_of(unsigned mask)
{
	static const char *const places[] = { "nowhere", "files", "memory", "both" };

	return places[mask & (RULE_IN_FILES | RULE_IN_MEMORY)];
}

static const char *
place_words(unsigned mask)
{
	static const char *const words[] = { "neither files nor memory", "files",
		"the memory of processes", "files, and the memory of processes" };

	return words[mask & (RULE_IN_FILES | RULE_IN_MEMORY)];
}

/* One line of the list; texts are owned. */
struct row {
	char *name, *family, *score, *status;
	const char *place;
	const struct answer *rule;
};

/* A meta, escaped, or a dash. */
static char *
shown_meta(const struct rules_cli *c, size_t index, const char *key)
{
	const char *value = rules_meta(c, index, key);

	return value != NULL && value[0] != 0 ? text_escape(value) : xstrdup("-");
}

static void
print_row_json(const struct rules_cli *c, size_t index, const struct row *r)
{
	static const char *const keys[] = { "id", "family", "actor", "attack", "scope",
		"status", "category", "description", "author", "reference", "license",
		"date" };
	MH_CLEANUP(freep) char *path = rules_path(c, r->rule->file);
	json_t *record = json_pack("{s:s, s:i, s:s, s:i, s:s, s:s}", "type",
	    "rule_listed", "version", 1, "path", path, "line", (int)r->rule->line, "rule",
	    r->name, "works_in", r->place);
	uint64_t score = 0;

	if (parse_u64(r->score, 0, 100, &score) == MH_OK)
		(void)json_object_set_new(record, "score",
		    json_integer((json_int_t)score));
	for (size_t i = 0; i < MH_ARRAY_LEN(keys); i++) {
		MH_CLEANUP(freep) char *value = shown_meta(c, index, keys[i]);

		if (strcmp(value, "-") != 0)
			(void)json_object_set_new(record, keys[i], json_string(value));
	}
	rules_print_json(record);
}

static size_t
gather(const struct rules_cli *c, struct row *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_RULE)
			continue;
		ret[n++] = (struct row){ .name = text_escape(a->rule),
			.family = shown_meta(c, i, "family"),
			.score = shown_meta(c, i, "score"),
			.status = shown_meta(c, i, "status"),
			.place = place_of(a->code),
			.rule = a };
		if (c->format == FORMAT_NDJSON)
			print_row_json(c, i, &ret[n - 1]);
	}
	return n;
}

static size_t
wider(size_t width, const char *text)
{
	size_t n = rules_width(text);

	return n > width ? n : width;
}

/* Text in a column; what is too long is cut where the column is narrower than asked for. */
static void
print_column(const char *text, size_t width)
{
	size_t n = rules_width(text);
	size_t bytes = 0;

	if (n <= width) {
		(void)printf("%s%*s", text, (int)(width - n), "");
		return;
	}
	for (size_t i = 0; i < width - 1; i++) {
		bytes++;
		while ((text[bytes] & 0xc0) == 0x80)
			bytes++;
	}
	(void)printf("%.*s~", (int)bytes, text);
}

static void
print_rows(const struct rules_cli *c, const struct row *rows, size_t n)
{
	size_t name = strlen("RULE");
	size_t family = strlen("FAMILY");
	size_t status = strlen("STATUS");

	for (size_t i = 0; i < n; i++) {
		name = wider(name, rows[i].name);
		family = wider(family, rows[i].family);
		status = wider(status, rows[i].status);
	}
	/* Score and place have 5 and 7 characters, and there are four gaps of one. */
	size_t others = name + status + 5 + 7 + 4;

	if (c->columns > 0 && others + family > c->columns)
		family =
		    c->columns > others + FAMILY_MIN ? c->columns - others : FAMILY_MIN;
	(void)printf("%s%-*s %-*s SCORE IN      STATUS%s\n", rules_colour(c, BOLD),
	    (int)name, "RULE", (int)family, "FAMILY", rules_colour(c, PLAIN));
	for (size_t i = 0; i < n; i++) {
		print_column(rows[i].name, name);
		(void)printf(" ");
		print_column(rows[i].family, family);
		(void)printf(" %5s %-7s %s\n", rows[i].score, rows[i].place,
		    rows[i].status);
	}
	(void)printf("\n%zu rule%s.\n", n, plural(n));
}

static int
show_list(const struct rules_cli *c)
{
	MH_CLEANUP(freep) struct row *rows = xcalloc(c->answers.n + 1, sizeof(*rows));
	size_t n = gather(c, rows);

	rules_tell_left_out(c);
	if (c->format == FORMAT_TEXT)
		print_rows(c, rows, n);
	for (size_t i = 0; i < n; i++) {
		free(rows[i].name);
		free(rows[i].family);
		free(rows[i].score);
		free(rows[i].status);
	}
	return EXIT_CLEAN;
}

enum option_code { OPTION_FORMAT = 256, OPTION_NAME };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void
set_name(struct rules_cli *c, const char *name)
{
	free(c->job.request.name);
	c->job.request.name = xstrdup(name);
}

/* 0: go on; else the exit status and 1. */
static int
parse(struct rules_cli *c, int argc, char **argv, const char *verb, const char *help)
{
	int code = 0;

	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == 'h') {
			(void)fputs(help, stdout);
			return EXIT_CLEAN + 1;
		}
		if (code == OPTION_NAME)
			set_name(c, optarg);
		else if (code != OPTION_FORMAT || !rules_set_format(c, optarg, false))
			return rules_refuse(verb) + 1;
	}
	return 0;
}

int
rules_list(int argc, char **argv)
{
	static struct rules_cli c;
	int status = EXIT_ERROR;

	rules_init(&c);
	int parsed = parse(&c, argc, argv, "list", list_help);

	if (parsed != 0)
		return rules_end(&c, parsed - 1);
	if (rules_add_packs(&c, argc - optind, argv + optind) &&
	    rules_ask(&c, CHECK_VERB_LIST))
		status = show_list(&c);
	return rules_end(&c, status);
}

static void
print_label(const struct rules_cli *c, const char *label)
{
	size_t n = rules_width(label);

	(void)printf("  %s%s%s%*s", rules_colour(c, BOLD), label, rules_colour(c, PLAIN),
	    (int)(n < LABEL_WIDTH - 2 ? LABEL_WIDTH - 2 - n : 1), "");
}

static unsigned
label_end(const char *label)
{
	size_t n = rules_width(label);

	return (unsigned)(n < LABEL_WIDTH - 2 ? LABEL_WIDTH : n + 3);
}

static void
print_labelled(const struct rules_cli *c, const char *label, const char *text)
{
	print_label(c, label);
	rules_print_wrapped(c, LABEL_WIDTH, label_end(label), text);
}

/* What the author says of the rule. */
static void
explain_about(const struct rules_cli *c, size_t index)
{
	static const char *const keys[] = { "description", "family", "actor", "attack",
		"score", "status", "author", "date", "modified", "version", "reference",
		"license", "id" };

	for (size_t i = 0; i < MH_ARRAY_LEN(keys); i++) {
		const char *value = rules_meta(c, index, keys[i]);
		MH_CLEANUP(freep) char *text = text_escape(value != NULL ? value : "");

		if (text[0] != 0)
			print_labelled(c, keys[i], text);
	}
}

static const char *
heading_of(enum answer_section section)
{
	static const char *const headings[SECTION_MAX_] = { [SECTION_ABOUT] = "",
		[SECTION_STRING] = "It looks for",
		[SECTION_FACT] = "It looks for",
		[SECTION_CONDITION] = "It fires on",
		[SECTION_TEXT] = "Its condition",
		[SECTION_PLACE] = "It works in",
		[SECTION_SOURCE] = "Documented in" };

	return headings[section];
}

static void
print_heading(const struct rules_cli *c, const char *heading)
{
	(void)printf("\n%s%s%s\n", rules_colour(c, BOLD), heading,
	    rules_colour(c, PLAIN));
}

/* Rule text, safe to show, with its own backslashes as they stand there; new. */
static char *
escape_source(const char *text)
{
	char *escaped = text_escape(text);
	size_t to = 0;

	for (size_t from = 0; escaped[from] != 0; from++) {
		if (escaped[from] == '\\' && escaped[from + 1] == '\\')
			from++;
		escaped[to++] = escaped[from];
	}
	escaped[to] = 0;
	return escaped;
}

static void
print_line(const struct rules_cli *c, const struct answer *a)
{
	bool is_source = a->code == SECTION_STRING || a->code == SECTION_TEXT;
	MH_CLEANUP(freep) char *label = text_escape(a->label);
	MH_CLEANUP(freep)
	char *text = is_source ? escape_source(a->text) : text_escape(a->text);

	if (a->code == SECTION_TEXT) {
		(void)printf("  %s\n", text);
	} else if (a->code == SECTION_FACT) {
		(void)printf("%*s%s%s%s  ", LABEL_WIDTH, "", rules_colour(c, DIM), label,
		    rules_colour(c, PLAIN));
		rules_print_wrapped(c, FACT_INDENT + 1, FACT_INDENT + 1, text);
	} else {
		print_labelled(c, label, text);
	}
}

static void
explain_lines(const struct rules_cli *c, const char *rule)
{
	const char *heading = "";

	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_LINE || strcmp(a->rule, rule) != 0)
			continue;
		if (strcmp(heading, heading_of((enum answer_section)a->code)) != 0) {
			heading = heading_of((enum answer_section)a->code);
			print_heading(c, heading);
		}
		print_line(c, a);
	}
}

static void
explain_rule(const struct rules_cli *c, size_t index)
{
	const struct answer *a = &c->answers.items[index];
	MH_CLEANUP(freep) char *path = rules_path(c, a->file);
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *reason = text_escape(a->text);

	(void)printf("%s%s%s\n  %s:%u\n\n", rules_colour(c, BOLD), name,
	    rules_colour(c, PLAIN), path, a->line);
	explain_about(c, index);
	explain_lines(c, a->rule);
	print_heading(c, "It works in");
	(void)printf("  %s\n", place_words(a->code));
	if (reason[0] != 0) {
		(void)printf("  ");
		rules_print_wrapped(c, 2, 2, reason);
	}
}

static json_t *
lines_of(const struct rules_cli *c, const char *rule)
{
	static const char *const sections[SECTION_MAX_] = { "about", "string", "fact",
		"fires_on", "condition", "place", "source" };
	json_t *lines = json_array();

	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_LINE || strcmp(a->rule, rule) != 0)
			continue;
		MH_CLEANUP(freep) char *label = text_escape(a->label);
		MH_CLEANUP(freep) char *text = text_escape(a->text);

		(void)json_array_append_new(lines,
		    json_pack("{s:s, s:s, s:s}", "part", sections[a->code], "label",
			label, "text", text));
	}
	return lines;
}

static void
explain_json(const struct rules_cli *c, size_t index)
{
	const struct answer *a = &c->answers.items[index];
	MH_CLEANUP(freep) char *path = rules_path(c, a->file);
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *reason = text_escape(a->text);
	json_t *metas = json_object();

	for (size_t i = index + 1; i < c->answers.n; i++) {
		const struct answer *meta = &c->answers.items[i];

		if (meta->kind != ANSWER_META)
			break;
		MH_CLEANUP(freep) char *key = text_escape(meta->label);
		MH_CLEANUP(freep) char *value = text_escape(meta->text);

		(void)json_object_set_new(metas, key, json_string(value));
	}
	rules_print_json(json_pack("{s:s, s:i, s:s, s:i, s:s, s:s, s:s, s:o, s:o}",
	    "type", "rule_explained", "version", 1, "path", path, "line", (int)a->line,
	    "rule", name, "works_in", place_of(a->code), "reason", reason, "meta", metas,
	    "lines", lines_of(c, a->rule)));
}

static int
show_explained(const struct rules_cli *c)
{
	size_t n = 0;

	rules_tell_left_out(c);
	for (size_t i = 0; i < c->answers.n; i++) {
		if (c->answers.items[i].kind != ANSWER_RULE)
			continue;
		if (c->format == FORMAT_NDJSON) {
			explain_json(c, i);
		} else {
			(void)printf("%s", n > 0 ? "\n" : "");
			explain_rule(c, i);
		}
		n++;
	}
	if (n > 0)
		return EXIT_CLEAN;
	MH_CLEANUP(freep) char *name = text_escape(c->job.request.name);

	(void)fprintf(stderr,
	    "molehunt rules explain: no rule's name holds \"%s\"; see: molehunt rules "
	    "list\n",
	    name);
	return EXIT_FOUND;
}

int
rules_explain(int argc, char **argv)
{
	static struct rules_cli c;
	int status = EXIT_ERROR;

	rules_init(&c);
	int parsed = parse(&c, argc, argv, "explain", explain_help);

	if (parsed != 0)
		return rules_end(&c, parsed - 1);
	if (optind == argc) {
		(void)fprintf(stderr,
		    "molehunt rules explain: which rule? A part of its name is "
		    "enough\n");
		return rules_end(&c, rules_refuse("explain"));
	}
	set_name(&c, argv[optind++]);
	if (rules_add_packs(&c, argc - optind, argv + optind) &&
	    rules_ask(&c, CHECK_VERB_EXPLAIN))
		status = show_explained(&c);
	return rules_end(&c, status);
}

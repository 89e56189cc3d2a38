/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules check
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

enum { WRAP_INDENT = 4 };

struct check_command {
	struct rules_cli cli;
	enum lint_level level; /* the lowest that is shown */
	size_t n_by_lint[LINT_MAX_];
	enum lint_level worst[LINT_MAX_];
	size_t n_by_level[LEVEL_MAX_];
	size_t n_rules, n_files, n_memory, n_both, n_nowhere; /* rules */
	size_t n_warnings;                                    /* of the compiler */
};

static const char help[] =
    "usage: molehunt rules check [OPTION...] [PACK...]\n"
    "\n"
    "Compiles packs as a scan does and tells what is wrong with them, one line each:\n"
    "\n"
    "  FILE:LINE: error|warning|info: RULE: what and why [ID]\n"
    "\n"
    "A pack with manifests beside its rules is taken for one of our own, which has to\n"
    "pass all checks. Of others it is told what is left out, what is slow, and where\n"
    "rules do not work.\n"
    "\n"
    "  --level LEVEL        show info, warning (default) or error and above\n"
    "  --strict             warnings fail, too\n"
    "  --profile PROFILE    own: all checks; foreign: those for packs of others\n"
    "  --compare FOLDER     rules of others that ours may be too much like (Q05)\n"
    "  --previous FOLDER    an earlier release: versions have to rise (M03)\n"
    "  --format FORMAT      text, ndjson (one JSON object per line), or github\n"
    "                       (annotations of a workflow)\n"
    "  --list-checks        all checks, with id and level\n"
    "  --explain ID         what a check looks at, why, and how to mend it\n"
    "\n"
    "Exit status: 0 nothing to mend; 1 an error, a file that is left out or a rule\n"
    "that works nowhere (with --strict: a warning, too); 2 it could not be checked.\n"
    "\n"
    "  molehunt rules check my-rules/\n"
    "  molehunt rules check --strict --format github signatures/\n"
    "  molehunt rules check --explain S07\n"
    "  molehunt rules check --format ndjson rules/ | jq 'select(.level == \"error\")'\n";

/* The place of a remark as other programs read it: a file as a whole is its first line. */
static unsigned
line_of(const struct answer *a)
{
	return a->line > 0 ? a->line : 1;
}

/* What ::error takes no other way (GitHub, "Workflow commands"). */
static void
print_github_text(const char *text)
{
	for (; *text != 0; text++) {
		if (*text == '%' || *text == '\n' || *text == '\r')
			(void)printf("%%%02X", (unsigned char)*text);
		else
			(void)putchar(*text);
	}
}

static void
print_github(const char *path, const struct answer *a, const char *rule, const char *text)
{
	static const char *const commands[] = { "notice", "warning", "error" };

	(void)printf("::%s file=", commands[a->level]);
	print_github_text(path);
	(void)printf(",line=%u,title=%s::", line_of(a), lint_id((enum lint)a->code));
	print_github_text(rule);
	(void)printf("%s", rule[0] != 0 ? ": " : "");
	print_github_text(text);
	(void)printf("\n");
}

static void
print_remark_json(const char *path, const struct answer *a, const char *rule,
    const char *text)
{
	json_t *record = json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:s}", "type",
	    "rule_remark", "version", 1, "check", lint_id((enum lint)a->code), "level",
	    lint_level_name((enum lint_level)a->level), "path", path, "line",
	    (int)a->line, "message", text);

	if (rule[0] != 0)
		(void)json_object_set_new(record, "rule", json_string(rule));
	rules_print_json(record);
}

static void
print_remark(const struct check_command *k, const struct answer *a)
{
	const struct rules_cli *c = &k->cli;
	enum lint_level level = (enum lint_level)a->level;
	MH_CLEANUP(freep) char *path = rules_path(c, a->file);
	MH_CLEANUP(freep) char *rule = text_escape(a->rule);
	MH_CLEANUP(freep) char *text = text_escape(a->text);

	if (level < k->level)
		return;
	if (c->format == FORMAT_NDJSON) {
		print_remark_json(path, a, rule, text);
		return;
	}
	if (c->format == FORMAT_GITHUB) {
		print_github(path, a, rule, text);
		return;
	}
	(void)printf("%s%s:%u:%s %s%s:%s ", rules_colour(c, BOLD), path, line_of(a),
	    rules_colour(c, PLAIN), rules_level_colour(c, level), lint_level_name(level),
	    rules_colour(c, PLAIN));
	MH_CLEANUP(freep)
	char *message = xasprintf("%s%s%s [%s]", rule, rule[0] != 0 ? ": " : "", text,
	    lint_id((enum lint)a->code));
	MH_CLEANUP(freep)
	char *place = xasprintf("%s:%u: %s: ", path, line_of(a), lint_level_name(level));

	/* One line for programs; on a terminal broken between words. */
	rules_print_wrapped(c, WRAP_INDENT, (unsigned)rules_width(place), message);
}

/* A file is told whether there is something to say or not. */
static void
print_file_json(const struct check_command *k, const struct answer *a,
    const struct answer *remark)
{
	MH_CLEANUP(freep) char *path = rules_path(&k->cli, a->file);
	bool is_bad = a->code == 0;
	json_t *record = json_pack("{s:s, s:i, s:s, s:b, s:i, s:i}", "type", "rule_file",
	    "version", 1, "path", path, "used", !is_bad, "line",
	    is_bad && remark != NULL ? (int)remark->line : 0, "warnings", (int)a->a);

	if (remark != NULL) {
		MH_CLEANUP(freep) char *text = text_escape(remark->text);

		(void)json_object_set_new(record, "check",
		    json_string(lint_id((enum lint)remark->code)));
		(void)json_object_set_new(record, "level",
		    json_string(lint_level_name((enum lint_level)remark->level)));
		(void)json_object_set_new(record, "reason", json_string(text));
	}
	rules_print_json(record);
}

static void
print_rule_json(const struct check_command *k, const struct answer *a)
{
	MH_CLEANUP(freep) char *path = rules_path(&k->cli, a->file);
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *reason = text_escape(a->text);
	MH_CLEANUP(freep) char *check = text_escape(a->label);
	json_t *record = json_pack("{s:s, s:i, s:s, s:i, s:s, s:b, s:b}", "type", "rule",
	    "version", 1, "path", path, "line", (int)a->line, "rule", name, "files",
	    (a->code & RULE_IN_FILES) != 0, "memory", (a->code & RULE_IN_MEMORY) != 0);

	if (check[0] != 0) {
		(void)json_object_set_new(record, "check", json_string(check));
		(void)json_object_set_new(record, "level",
		    json_string(lint_level_name((enum lint_level)a->level)));
		(void)json_object_set_new(record, "reason", json_string(reason));
	}
	rules_print_json(record);
}

/* Where a rule does not work, as a remark. */
static void
count_place(struct check_command *k, const struct answer *a)
{
	unsigned mask = a->code & (RULE_IN_FILES | RULE_IN_MEMORY);

	k->n_rules++;
	k->n_files += (mask & RULE_IN_FILES) != 0;
	k->n_memory += (mask & RULE_IN_MEMORY) != 0;
	k->n_both += mask == (RULE_IN_FILES | RULE_IN_MEMORY);
	k->n_nowhere += mask == 0;
}

static void
count_remark(struct check_command *k, enum lint lint, enum lint_level level)
{
	k->n_by_lint[lint]++;
	k->n_by_level[level]++;
	if (level > k->worst[lint])
		k->worst[lint] = level;
}

static struct answer
place_remark(const struct answer *rule)
{
	struct answer remark = *rule;

	remark.kind = ANSWER_REMARK;
	remark.code = (uint8_t)lint_find(rule->label);
	return remark;
}

/* By file, then line; of one line in the order in which they were said. */
static int
compare_remarks(const void *a, const void *b)
{
	const struct answer *x = a;
	const struct answer *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->a < y->a ? -1 : x->a > y->a;
}

/* All remarks, those about places too, in the order of the files; count of them. */
static size_t
gather(struct check_command *k, struct answer *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < k->cli.answers.n; i++) {
		const struct answer *a = &k->cli.answers.items[i];

		if (a->kind == ANSWER_RULE)
			count_place(k, a);
		if (a->kind == ANSWER_FILE)
			k->n_warnings += (size_t)a->a;
		if (a->kind == ANSWER_REMARK)
			ret[n] = *a;
		else if (a->kind == ANSWER_RULE && lint_find(a->label) < LINT_MAX_)
			ret[n] = place_remark(a);
		else
			continue;
		count_remark(k, (enum lint)ret[n].code, (enum lint_level)ret[n].level);
		ret[n].a = n;
		n++;
	}
	if (n > 0)
		qsort(ret, n, sizeof(*ret), compare_remarks);
	return n;
}

/* The first remark of the compiler about a file among n that are sorted. */
static const struct answer *
compiler_remark(const struct answer *remarks, size_t n, uint32_t file)
{
	for (size_t i = 0; i < n; i++) {
		enum lint lint = (enum lint)remarks[i].code;

		if (remarks[i].file == file && remarks[i].rule[0] == 0 &&
		    (lint == LINT_C01 || lint == LINT_C03 || lint == LINT_C04 ||
			lint == LINT_C05))
			return &remarks[i];
	}
	return NULL;
}

/* By file: the file, its rules, its remarks. */
static void
print_json(const struct check_command *k, const struct answer *remarks, size_t n)
{
	const struct rule_answers *answers = &k->cli.answers;
	MH_CLEANUP(freep)
	const struct answer **files = xcalloc(k->cli.job.packs.n + 1, sizeof(*files));
	size_t next = 0;
	size_t rule = 0;

	for (size_t i = 0; i < answers->n; i++) {
		if (answers->items[i].kind == ANSWER_FILE)
			files[answers->items[i].file] = &answers->items[i];
	}
	for (uint32_t file = 0; file < k->cli.job.packs.n; file++) {
		size_t first = next;

		while (next < n && remarks[next].file == file)
			next++;
		if (files[file] != NULL)
			print_file_json(k, files[file],
			    compiler_remark(remarks + first, next - first, file));
		/* Rules come in the order of the files. */
		for (; rule < answers->n; rule++) {
			if (answers->items[rule].kind != ANSWER_RULE)
				continue;
			if (answers->items[rule].file != file)
				break;
			print_rule_json(k, &answers->items[rule]);
		}
		for (size_t i = first; i < next; i++)
			print_remark(k, &remarks[i]);
	}
}

static void
print_summary_json(const struct check_command *k)
{
	json_t *checks = json_object();

	for (unsigned i = 0; i < LINT_MAX_; i++) {
		if (k->n_by_lint[i] > 0)
			(void)json_object_set_new(checks, lint_id((enum lint)i),
			    json_integer((json_int_t)k->n_by_lint[i]));
	}
	rules_print_json(
	    json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s}",
		"type", "rules_summary", "version", 1, "files",
		(json_int_t)k->cli.job.packs.n, "left_out", (json_int_t)k->cli.n_left_out,
		"warnings", (json_int_t)k->n_warnings, "rules", (json_int_t)k->n_rules,
		"in_files", (json_int_t)k->n_files, "in_memory", (json_int_t)k->n_memory,
		"in_both", (json_int_t)k->n_both, "nowhere", (json_int_t)k->n_nowhere,
		"errors", (json_int_t)k->n_by_level[LEVEL_ERROR], "checks", checks,
		"engine", k->cli.engine));
}

static void
print_by_lint(const struct check_command *k)
{
	const struct rules_cli *c = &k->cli;
	const char *an_id = NULL;

	for (unsigned i = 0; i < LINT_MAX_; i++) {
		enum lint_level level = k->worst[i];

		if (k->n_by_lint[i] == 0 || level < k->level)
			continue;
		(void)printf("  %s  %5zu  %s%-7s%s  %s\n", lint_id((enum lint)i),
		    k->n_by_lint[i], rules_level_colour(c, level), lint_level_name(level),
		    rules_colour(c, PLAIN), lint_title((enum lint)i));
		an_id = lint_id((enum lint)i);
	}
	if (an_id != NULL)
		(void)printf(
		    "\nWhy, and how to mend it: molehunt rules check --explain %s\n",
		    an_id);
}

static void
print_summary(const struct check_command *k, bool is_apart)
{
	const struct rules_cli *c = &k->cli;

	if (is_apart)
		(void)printf("\n");
	print_by_lint(k);
	(void)printf(
	    "%s%zu rule%s of %zu file%s, %s: %zu work in files, %zu in memory, %zu in "
	    "both.\n",
	    is_apart ? "\n" : "", k->n_rules, plural(k->n_rules), c->job.packs.n,
	    plural(c->job.packs.n), c->engine, k->n_files, k->n_memory, k->n_both);
	if (c->n_left_out > 0)
		(void)printf("%s%zu file%s left out.%s\n", rules_colour(c, RED),
		    c->n_left_out, c->n_left_out == 1 ? " is" : "s are",
		    rules_colour(c, PLAIN));
	if (k->n_nowhere > 0)
		(void)printf("%s%zu rule%s nowhere.%s\n", rules_colour(c, RED),
		    k->n_nowhere, k->n_nowhere == 1 ? " works" : "s work",
		    rules_colour(c, PLAIN));
	if (!is_apart && c->n_left_out == 0 && k->n_nowhere == 0)
		(void)printf("%sNothing to mend.%s\n", rules_colour(c, GREEN),
		    rules_colour(c, PLAIN));
}

static int
show(struct check_command *k)
{
	struct rules_cli *c = &k->cli;
	MH_CLEANUP(freep)
	struct answer *remarks = xcalloc(c->answers.n + 1, sizeof(*remarks));
	size_t n = gather(k, remarks);
	bool is_apart = false;

	if (c->format == FORMAT_NDJSON) {
		print_json(k, remarks, n);
		print_summary_json(k);
	} else {
		for (size_t i = 0; i < n; i++) {
			print_remark(k, &remarks[i]);
			is_apart |= remarks[i].level >= k->level;
		}
		if (c->format == FORMAT_TEXT)
			print_summary(k, is_apart);
	}
	bool is_bad = c->n_left_out + k->n_nowhere + k->n_by_level[LEVEL_ERROR] > 0 ||
		      (c->job.request.is_strict && k->n_by_level[LEVEL_WARNING] > 0);

	return is_bad ? EXIT_FOUND : EXIT_CLEAN;
}

enum option_code {
	OPTION_FORMAT = 256,
	OPTION_LEVEL,
	OPTION_STRICT,
	OPTION_PROFILE,
	OPTION_COMPARE,
	OPTION_PREVIOUS,
	OPTION_LIST,
	OPTION_EXPLAIN,
};

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "level", required_argument, NULL, OPTION_LEVEL },
	{ "strict", no_argument, NULL, OPTION_STRICT },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "compare", required_argument, NULL, OPTION_COMPARE },
	{ "previous", required_argument, NULL, OPTION_PREVIOUS },
	{ "list-checks", no_argument, NULL, OPTION_LIST },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
set_level(struct check_command *k, const char *value)
{
	for (unsigned i = 0; i < LEVEL_MAX_; i++) {
		if (strcmp(value, lint_level_name((enum lint_level)i)) != 0)
			continue;
		k->level = (enum lint_level)i;
		return true;
	}
	(void)fprintf(stderr,
	    "molehunt rules check: --level %s: info, warning or error is needed\n",
	    value);
	return false;
}

static bool
set_profile(struct check_command *k, const char *value)
{
	bool is_own = strcmp(value, "own") == 0;

	if (!is_own && strcmp(value, "foreign") != 0) {
		(void)fprintf(stderr,
		    "molehunt rules check: --profile %s: own or foreign is needed\n",
		    value);
		return false;
	}
	k->cli.profile = is_own ? PROFILE_OWN : PROFILE_FOREIGN;
	return true;
}

/* What was asked instead of a check. */
struct other_wish {
	bool wants_help, wants_list;
	const char *explain;
};

static bool
take_option(struct check_command *k, int code, struct other_wish *wish)
{
	switch (code) {
	case OPTION_FORMAT:
		return rules_set_format(&k->cli, optarg, true);
	case OPTION_LEVEL:
		return set_level(k, optarg);
	case OPTION_STRICT:
		k->cli.job.request.is_strict = true;
		return true;
	case OPTION_PROFILE:
		return set_profile(k, optarg);
	case OPTION_COMPARE:
		return rules_add_folder(&k->cli, BESIDE_COMPARE, optarg);
	case OPTION_PREVIOUS:
		return rules_add_folder(&k->cli, BESIDE_PREVIOUS, optarg);
	case OPTION_LIST:
		wish->wants_list = true;
		return true;
	case OPTION_EXPLAIN:
		wish->explain = optarg;
		return true;
	case 'h':
		wish->wants_help = true;
		return true;
	default:
		return false;
	}
}

int
rules_check(int argc, char **argv)
{
	static struct check_command k = { .level = LEVEL_WARNING };
	struct other_wish wish = { .explain = NULL };
	int code = 0;

	rules_init(&k.cli);
	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (!take_option(&k, code, &wish))
			return rules_end(&k.cli, rules_refuse("check"));
	}
	if (wish.wants_help) {
		(void)fputs(help, stdout);
		return rules_end(&k.cli, EXIT_CLEAN);
	}
	if (wish.wants_list)
		return rules_end(&k.cli, rules_list_checks(&k.cli));
	if (wish.explain != NULL)
		return rules_end(&k.cli, rules_explain_check(&k.cli, wish.explain));
	int status = EXIT_ERROR;

	if (rules_add_packs(&k.cli, argc - optind, argv + optind) &&
	    rules_ask(&k.cli, CHECK_VERB_CHECK))
		status = show(&k);
	return rules_end(&k.cli, status);
}

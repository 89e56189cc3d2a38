/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules test
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

static const char help[] =
    "usage: molehunt rules test [OPTION...] [PACK...]\n"
    "\n"
    "Makes inert samples in memory from the manifests of a pack, scans them with its\n"
    "compiled rules, and compares what fires with what the manifests say: every\n"
    "subset of a rule's strings (with more than 12 strings a sample of them), all\n"
    "minimal sets and those with one string less, mutations, positives and negatives,\n"
    "near misses (reports, exports, logs and core files that quote the strings, the\n"
    "rule file, the manifest), and that no rule of another family fires. Nothing is\n"
    "written.\n"
    "\n"
    "  --name PART          rules whose name holds PART, in any case of letters\n"
    "  --seed N             of what is sampled (default 1)\n"
    "  --verbose            the cases of each rule by kind\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "It shows that rules agree with published facts. How many real implants they find\n"
    "it cannot show.\n"
    "\n"
    "Exit status: 0 all is as it should be; 1 a case failed, or a file is left out;\n"
    "2 an error, or no rule has a manifest.\n"
    "\n"
    "  molehunt rules test\n"
    "  molehunt rules test --name bpfdoor --verbose\n"
    "  molehunt rules test --format ndjson my-pack/ | jq 'select(.failed > 0)'\n";

/* What all rules together come to. */
struct totals {
	size_t n_rules, n_failed_rules;
	uint64_t n, n_failed; /* cases */
};

/* The answers about one rule lie together: from first up to the next one's. */
static size_t
end_of_rule(const struct rules_cli *c, size_t first)
{
	size_t i = first;

	while (i < c->answers.n &&
	       (c->answers.items[i].kind == ANSWER_TALLY ||
		   c->answers.items[i].kind == ANSWER_FAILURE) &&
	       strcmp(c->answers.items[i].rule, c->answers.items[first].rule) == 0)
		i++;
	return i;
}

static void
print_failures(const struct rules_cli *c, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_FAILURE)
			continue;
		MH_CLEANUP(freep) char *label = text_escape(a->label);
		MH_CLEANUP(freep) char *text = text_escape(a->text);
		MH_CLEANUP(freep) char *line = xasprintf("%s: %s", label, text);

		(void)printf("    ");
		rules_print_wrapped(c, 6, 4, line);
	}
}

static void
print_kinds(const struct rules_cli *c, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct answer *a = &c->answers.items[i];
		MH_CLEANUP(freep) char *label = text_escape(a->label);

		if (a->kind == ANSWER_TALLY)
			(void)printf("    %-24s %6llu%s%s%s\n", label,
			    (unsigned long long)a->a,
			    a->b > 0 ? rules_colour(c, RED) : "",
			    a->b > 0 ? "  failed" : "",
			    a->b > 0 ? rules_colour(c, PLAIN) : "");
	}
}

static void
print_rule(const struct rules_cli *c, size_t first, size_t end, uint64_t n,
    uint64_t n_failed, bool is_verbose)
{
	MH_CLEANUP(freep) char *name = text_escape(c->answers.items[first].rule);

	(void)printf("%s%-6s%s %s  %llu case%s",
	    rules_colour(c, n_failed > 0 ? RED : GREEN), n_failed > 0 ? "failed" : "ok",
	    rules_colour(c, PLAIN), name, (unsigned long long)n, plural(n));
	if (n_failed > 0)
		(void)printf(", %llu failed", (unsigned long long)n_failed);
	(void)printf("\n");
	if (is_verbose)
		print_kinds(c, first, end);
	print_failures(c, first, end);
}

static void
print_rule_json(const struct rules_cli *c, size_t first, size_t end, uint64_t n,
    uint64_t n_failed)
{
	MH_CLEANUP(freep) char *name = text_escape(c->answers.items[first].rule);
	json_t *kinds = json_object();

	for (size_t i = first; i < end; i++) {
		const struct answer *a = &c->answers.items[i];
		MH_CLEANUP(freep) char *label = text_escape(a->label);
		MH_CLEANUP(freep) char *text = text_escape(a->text);

		if (a->kind == ANSWER_TALLY)
			(void)json_object_set_new(kinds, label,
			    json_integer((json_int_t)a->a));
		else
			rules_print_json(
			    json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "type",
				"rule_failure", "version", 1, "check", lint_id(LINT_Q02),
				"level", lint_level_name(lint_level(LINT_Q02)), "rule",
				name, "case", label, "message", text));
	}
	rules_print_json(json_pack("{s:s, s:i, s:s, s:I, s:I, s:o}", "type", "rule_test",
	    "version", 1, "rule", name, "cases", (json_int_t)n, "failed",
	    (json_int_t)n_failed, "kinds", kinds));
}

static struct totals
print_rules(const struct rules_cli *c, bool is_verbose)
{
	struct totals t = { .n_rules = 0 };

	for (size_t i = 0; i < c->answers.n;) {
		size_t end = end_of_rule(c, i);
		uint64_t n = 0;
		uint64_t n_failed = 0;

		if (end == i) {
			i++;
			continue;
		}
		for (size_t k = i; k < end; k++) {
			n += c->answers.items[k].kind == ANSWER_TALLY
				 ? c->answers.items[k].a
				 : 0;
			n_failed += c->answers.items[k].kind == ANSWER_TALLY
					? c->answers.items[k].b
					: 0;
		}
		if (c->format == FORMAT_NDJSON)
			print_rule_json(c, i, end, n, n_failed);
		else
			print_rule(c, i, end, n, n_failed, is_verbose);
		t.n_rules++;
		t.n_failed_rules += n_failed > 0;
		t.n += n;
		t.n_failed += n_failed;
		i = end;
	}
	return t;
}

/* Files whose rules no manifest describes are not tested: told, so that nobody takes them for good. */
static size_t
n_without_manifest(const struct rules_cli *c)
{
	size_t n = c->job.packs.n;

	for (size_t i = 0; i < c->job.n_beside; i++)
		n -= c->job.beside[i].kind == BESIDE_MANIFEST;
	return n;
}

static void
print_totals(const struct rules_cli *c, const struct totals *t)
{
	size_t n_untested = n_without_manifest(c);

	if (c->format == FORMAT_NDJSON) {
		rules_print_json(
		    json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "type",
			"rules_test_summary", "version", 1, "rules",
			(json_int_t)t->n_rules, "failed_rules",
			(json_int_t)t->n_failed_rules, "cases", (json_int_t)t->n,
			"failed", (json_int_t)t->n_failed, "left_out",
			(json_int_t)c->n_left_out, "untested_files",
			(json_int_t)n_untested, "seed", (json_int_t)c->job.request.seed));
		return;
	}
	(void)printf("\n%zu rule%s, %llu case%s: ", t->n_rules, plural(t->n_rules),
	    (unsigned long long)t->n, plural(t->n));
	if (t->n_failed > 0)
		(void)printf("%s%llu failed, in %zu rule%s.%s\n", rules_colour(c, RED),
		    (unsigned long long)t->n_failed, t->n_failed_rules,
		    plural(t->n_failed_rules), rules_colour(c, PLAIN));
	else
		(void)printf("%sall as their manifests say.%s\n", rules_colour(c, GREEN),
		    rules_colour(c, PLAIN));
	if (n_untested > 0)
		(void)printf("%zu file%s without a manifest: not tested.\n", n_untested,
		    n_untested == 1 ? " is" : "s are");
}

static int
show(const struct rules_cli *c, bool is_verbose)
{
	rules_tell_left_out(c);
	struct totals t = print_rules(c, is_verbose);

	if (t.n_rules == 0 && c->n_left_out == 0) {
		(void)fprintf(stderr, "molehunt rules test: no rule of that name has a "
				      "manifest: NAME.yaml beside "
				      "NAME.yar\n");
		return EXIT_ERROR;
	}
	print_totals(c, &t);
	return t.n_failed > 0 || c->n_left_out > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

enum option_code { OPTION_FORMAT = 256, OPTION_NAME, OPTION_SEED, OPTION_VERBOSE };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
take_option(struct rules_cli *c, int code, bool *is_verbose)
{
	if (code == OPTION_FORMAT)
		return rules_set_format(c, optarg, false);
	if (code == OPTION_VERBOSE) {
		*is_verbose = true;
		return true;
	}
	if (code == OPTION_NAME) {
		free(c->job.request.name);
		c->job.request.name = xstrdup(optarg);
		return true;
	}
	if (code != OPTION_SEED)
		return false;
	if (parse_u64(optarg, 0, INT64_MAX, &c->job.request.seed) == MH_OK)
		return true;
	(void)fprintf(stderr, "molehunt rules test: --seed %s: a number is needed\n",
	    optarg);
	return false;
}

int
rules_test(int argc, char **argv)
{
	static struct rules_cli c;
	bool is_verbose = false;
	int status = EXIT_ERROR;
	int code = 0;

	rules_init(&c);
	c.job.request.seed = 1;
	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == 'h') {
			(void)fputs(help, stdout);
			return rules_end(&c, EXIT_CLEAN);
		}
		if (!take_option(&c, code, &is_verbose))
			return rules_end(&c, rules_refuse("test"));
	}
	if (rules_add_packs(&c, argc - optind, argv + optind) &&
	    rules_ask(&c, CHECK_VERB_TEST))
		status = show(&c, is_verbose);
	return rules_end(&c, status);
}

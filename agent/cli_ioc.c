/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt ioc: what is in files of indicators, and what of it is used.
 *
 * Such files are hostile: they are read in the zygote, as for a scan, and only what
 * that says is shown here.
 *
 * Runs in: the caller's process.
 * Input: arguments; messages from the zygote.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/cli_children.h"
#include "agent/indicator_files.h"
#include "agent/indicator_output.h"
#include "agent/scanner.h"
#include "agent/scan.h"
#include "base/memory.h"
#include "base/text.h"

struct ioc_command {
	bool is_ndjson;
	struct children children;
	struct pack_list packs;
	struct scanner *scanner;
	uint32_t n_files, n_files_left_out, n_left_out;
	uint32_t n_exceptions;
	uint32_t n[INDICATOR_MAX_];
	bool is_done, is_failed;
};

static const char help[] =
    "usage: molehunt ioc check [--format text|ndjson] FILE|DIR...\n"
    "\n"
    "Reads files of indicators as a scan does, and tells what it found in each: the\n"
    "format, how many indicators of which type, and what was left out, with line and\n"
    "reason. Known are Loki's and THOR's lists, MISP (CSV and JSON), STIX 2.1,\n"
    "OpenIOC 1.0 and 1.1, plain lists and CSV. FORMAT:FILE says what a file is, where\n"
    "neither its content nor its name does; the formats are\n"
    "\n"
    "  loki-hash loki-filename loki-c2 except-hash except-path list csv misp-csv\n"
    "  misp-json stix openioc\n"
    "\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "Exit status: 0 all is used, 1 something was left out, 2 an error.\n"
    "\n"
    "  molehunt ioc check iocs/\n"
    "  molehunt ioc check loki-hash:feed.txt\n";

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	struct ioc_command *c = ctx;

	return cli_start_child("ioc", &c->children, c->scanner, role, instance);
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	struct ioc_command *c = ctx;

	children_kill(&c->children, role, instance, SIGKILL);
}

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	(void)ctx;
	(void)file;
	(void)line;
	(void)why;
}

/* Takes record. */
static void
print_json(json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);

	if (line != NULL)
		(void)printf("%s\n", line);
	free(line);
	json_decref(record);
}

static void
on_line(void *ctx, const struct indicator_file *file, unsigned line, const char *why)
{
	struct ioc_command *c = ctx;
	MH_CLEANUP(freep) char *text = indicator_line_text(file, line, why);

	if (c->is_ndjson)
		print_json(indicator_line_json(file, line, why));
	else
		(void)printf("%s\n", text);
}

static void
on_file(void *ctx, const struct indicator_file *file,
    const struct indicator_file_result *r)
{
	struct ioc_command *c = ctx;
	bool is_used = r->why == NULL || r->why[0] == 0;
	MH_CLEANUP(freep) char *path = text_escape(file->path);
	MH_CLEANUP(freep) char *what = indicator_result_text(r);
	MH_CLEANUP(freep) char *why = text_escape(is_used ? "" : r->why);

	c->n_files += is_used;
	c->n_files_left_out += !is_used;
	c->n_left_out += r->n_left_out;
	c->n_exceptions += r->n_exceptions;
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		c->n[i] += r->n[i];
	if (c->is_ndjson)
		print_json(indicator_result_json(file, r));
	else if (is_used)
		(void)printf("%s: %s: %s\n", path,
		    indicator_format_name((enum indicator_format)r->format), what);
	else
		(void)printf("%s: the file is left out: %s\n", path, why);
}

/* That there are no rules is no error here; that a file was not looked at is one. */
static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	struct ioc_command *c = ctx;

	c->is_done = true;
	c->is_failed =
	    facts == NULL && c->n_files + c->n_files_left_out < c->packs.n_indicators;
	if (c->is_failed)
		(void)fprintf(stderr, "molehunt ioc: %s\n", why);
}

static void
print_totals(const struct ioc_command *c)
{
	struct ruleset_facts facts = { .n_indicator_files = c->n_files,
		.n_exceptions = c->n_exceptions };

	memcpy(facts.n_indicators, c->n, sizeof(c->n));
	MH_CLEANUP(freep) char *what = indicator_facts_text(&facts);

	if (c->is_ndjson) {
		json_t *record =
		    json_pack("{s:s, s:i, s:i, s:i, s:i}", "type", "indicator_summary",
			"version", 1, "files", (int)c->n_files, "files_left_out",
			(int)c->n_files_left_out, "left_out", (int)c->n_left_out);

		for (unsigned i = 1; i < INDICATOR_MAX_; i++)
			(void)json_object_set_new(record,
			    indicator_type_name((enum indicator_type)i),
			    json_integer(c->n[i]));
		print_json(record);
		return;
	}
	(void)printf("\n%s.\n", what != NULL ? what : "No file could be read");
	if (c->n_left_out > 0)
		(void)printf("%u line%s or indicator%s left out.\n", c->n_left_out,
		    c->n_left_out == 1 ? "" : "s", c->n_left_out == 1 ? " is" : "s are");
	if (c->n_files_left_out > 0)
		(void)printf("%u file%s left out.\n", c->n_files_left_out,
		    c->n_files_left_out == 1 ? " is" : "s are");
}

static int
load_and_print(struct ioc_command *c)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_indicator_line = on_line,
		.on_indicator_file = on_file,
		.on_ready = on_ready,
	};
	struct scanner_options options = { .n_workers = 1, .open_ms = SCAN_OPEN_MS };

	scan_setup_init(&options.setup);
	children_init(&c->children);
	c->scanner = scanner_new(&options, &c->packs, &ops, c, 0);
	if (scanner_load(c->scanner) != MH_OK)
		return EXIT_ERROR;
	while (!c->is_done) {
		scanner_step(c->scanner, SCAN_TICK_MS);
		cli_reap_children(&c->children, c->scanner);
	}
	if (c->is_failed)
		return EXIT_ERROR;
	print_totals(c);
	return c->n_left_out + c->n_files_left_out > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

/* 0: go on; 1: help was asked for; -1: an error was told. */
static int
parse_arguments(struct ioc_command *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int code = 0;

	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == 'h') {
			(void)fputs(help, stdout);
			return 1;
		}
		if (code == 'f' &&
		    (strcmp(optarg, "text") == 0 || strcmp(optarg, "ndjson") == 0)) {
			c->is_ndjson = optarg[0] == 'n';
			continue;
		}
		if (code == 'f')
			(void)fprintf(stderr,
			    "molehunt ioc: --format %s: text or ndjson is needed\n",
			    optarg);
		(void)fputs("molehunt ioc --help tells what there is\n", stderr);
		return -1;
	}
	if (optind == argc || strcmp(argv[optind], "check") != 0 || ++optind == argc) {
		(void)
		    fputs("molehunt ioc: which FILE? As in:  molehunt ioc check iocs/\n",
			stderr);
		return -1;
	}
	return 0;
}

static int
add_files(struct ioc_command *c, int n, char **what)
{
	for (int i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *why = NULL;

		if (indicator_files_add(&c->packs, what[i], &why) != MH_OK) {
			(void)fprintf(stderr, "molehunt ioc: %s\n", why);
			return -1;
		}
	}
	return 0;
}

int
cli_ioc(int argc, char **argv)
{
	static struct ioc_command c;
	int status = EXIT_ERROR;
	int parsed = parse_arguments(&c, argc, argv);

	if (parsed != 0)
		return parsed > 0 ? EXIT_CLEAN : EXIT_ERROR;
	if (add_files(&c, argc - optind, argv + optind) == 0)
		status = load_and_print(&c);
	scanner_free(c.scanner);
	children_clear(&c.children);
	pack_list_clear(&c.packs);
	/* Output that did not arrive is not output. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "molehunt ioc: standard output: %s\n",
		    strerror(errno));
		return EXIT_ERROR;
	}
	return status;
}

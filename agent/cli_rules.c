/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules: what is in packs, and what is wrong with them.
 *
 * Rule text is hostile: it is compiled in the sandboxed zygote, as for a scan,
 * and only what that says is shown here.
 *
 * Runs in: the caller's process.
 * Input: arguments; messages from the zygote.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/children.h"
#include "agent/cli.h"
#include "agent/packs.h"
#include "agent/scan.h"
#include "base/memory.h"
#include "base/text.h"

enum { COLUMN_MAX = 56 }; /* characters up to which columns are aligned */

#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

enum level { LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

/* What is checked.  Each row is one answer that a check may give. */
enum check {
	CHECK_LEFT_OUT,
	CHECK_WARNINGS,
	CHECK_FILES_ONLY,
	CHECK_MEMORY_ONLY,
	CHECK_NOWHERE,
	CHECK_MAX_
};

static const struct {
	const char *id;
	enum level level;
	const char *text;
} checks[CHECK_MAX_] = {
	[CHECK_LEFT_OUT] = { "C01", LEVEL_ERROR, "the file is left out" },
	[CHECK_WARNINGS] = { "C04", LEVEL_WARNING, "it compiles with warnings" },
	[CHECK_FILES_ONLY] = { "P01", LEVEL_INFO, "the rule works in files only" },
	[CHECK_MEMORY_ONLY] = { "P02", LEVEL_INFO, "the rule works in memory only" },
	[CHECK_NOWHERE] = { "P03", LEVEL_ERROR, "the rule works nowhere" },
};

static const char *const level_names[] = { "info", "warning", "error" };

struct checked_file {
	bool is_left_out;
	unsigned line;
	char *why; /* owned */
	unsigned n_warnings;
};

struct checked_rule {
	size_t file;
	struct rule_place place;
	char *where; /* "path:line" */
};

struct rules_command {
	bool is_ndjson, has_colour;
	struct children children;
	struct pack_list packs;
	struct scanner *scanner;
	struct checked_file *files; /* one for each of packs */
	struct checked_rule *rules;
	size_t n_rules, n_allocated;
	bool is_done, is_ready;
	char *why; /* not ready */
	char *engine;
};

/* What the last lines count. */
struct totals {
	size_t n_left_out, n_warnings;
	size_t n_files, n_memory, n_both, n_nowhere;
};

static const char help[] =
    "usage: molehunt rules check [--format text|ndjson] [PACK...]\n"
    "\n"
    "Compiles packs as a scan does, and tells what is wrong with them: files that are\n"
    "left out, with line and reason, and for each rule where it works: in files, in\n"
    "the memory of processes, or in both, and why not. A PACK is a folder of .yar and\n"
    ".yara files, or one file; without one, our own pack is checked.\n"
    "\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "A rule that needs filesize, uint16(0) or a file's first bytes cannot match in\n"
    "memory: nothing there has a size, or lies at offset 0. To let it run there too,\n"
    "give it a way without:   (uint16(0) == 0x5a4d and filesize < 1MB and $a) or\n"
    "all of ($m*)   or say   scope = \"file\"   in its meta, if that is meant.\n"
    "\n"
    "Exit status: 0 all is used, 1 something was left out, 2 an error.\n"
    "\n"
    "  molehunt rules check my-rules/\n"
    "  molehunt rules check --format ndjson my-rules/ | jq 'select(.level == "
    "\"error\")'\n";

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	struct rules_command *c = ctx;
	int fd = -1;
	mh_err err = children_start(&c->children, role, instance, NULL, &fd);

	if (err == MH_OK)
		scanner_on_started(c->scanner, role, instance, fd);
	else
		(void)fprintf(stderr, "molehunt rules: %s/%s: %s\n", c->children.folder,
		    children_program(role),
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	return err;
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	struct rules_command *c = ctx;

	children_kill(&c->children, role, instance, SIGKILL);
}

/* One more file, out of a ZIP. */
static void
on_pack_file(void *ctx, const struct pack_file *file)
{
	struct rules_command *c = ctx;

	(void)pack_list_add_file(&c->packs, file->name_space, file->path);
	c->files = xreallocarray(c->files, c->packs.n, sizeof(*c->files));
	c->files[c->packs.n - 1] = (struct checked_file){ .is_left_out = false };
}

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	struct rules_command *c = ctx;

	for (size_t i = 0; i < c->packs.n; i++) {
		struct checked_file *f = &c->files[i];

		if (f->is_left_out || strcmp(c->packs.files[i].path, file->path) != 0)
			continue;
		f->is_left_out = true;
		f->line = line;
		f->why = xstrdup(why);
		return;
	}
}

static void
on_rule_file(void *ctx, size_t file, unsigned n_warnings)
{
	struct rules_command *c = ctx;

	assert(file < c->packs.n);
	c->files[file].n_warnings = n_warnings;
}

static void
on_rule_place(void *ctx, size_t file, const struct rule_place *place)
{
	struct rules_command *c = ctx;

	if (c->n_rules == c->n_allocated) {
		c->n_allocated = c->n_allocated * 2 + 64;
		c->rules = xreallocarray(c->rules, c->n_allocated, sizeof(*c->rules));
	}
	struct checked_rule *r = &c->rules[c->n_rules++];
	MH_CLEANUP(freep) char *path = text_escape(c->packs.files[file].path);

	r->file = file;
	r->place = *place;
	r->place.name = text_escape(place->name);
	r->place.reason = text_escape(place->reason);
	r->where = xasprintf("%s:%u", path, place->line);
}

static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	struct rules_command *c = ctx;

	c->is_done = true;
	c->is_ready = facts != NULL;
	if (facts != NULL)
		c->engine = xstrdup(facts->engine);
	else
		c->why = xstrdup(why);
}

static const char *
colour(const struct rules_command *c, const char *code)
{
	return c->has_colour ? code : "";
}

static const char *
colour_of(const struct rules_command *c, enum level level)
{
	return colour(c, level == LEVEL_ERROR     ? RED
			 : level == LEVEL_WARNING ? YELLOW
						  : PLAIN);
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
put_check(json_t *record, enum check check, const char *reason)
{
	(void)json_object_set_new(record, "check", json_string(checks[check].id));
	(void)json_object_set_new(record, "level",
	    json_string(level_names[checks[check].level]));
	(void)json_object_set_new(record, "reason", json_string(reason));
}

/* The answer for a file, CHECK_MAX_ when there is nothing to say. */
static enum check
check_file(const struct checked_file *f)
{
	if (f->is_left_out)
		return CHECK_LEFT_OUT;
	return f->n_warnings > 0 ? CHECK_WARNINGS : CHECK_MAX_;
}

static enum check
check_rule(const struct rule_place *place)
{
	switch (place->mask & (RULE_IN_FILES | RULE_IN_MEMORY)) {
	case RULE_IN_FILES:
		return CHECK_FILES_ONLY;
	case RULE_IN_MEMORY:
		return CHECK_MEMORY_ONLY;
	case 0:
		return CHECK_NOWHERE;
	default:
		return CHECK_MAX_;
	}
}

static void
print_file(const struct rules_command *c, size_t index)
{
	const struct checked_file *f = &c->files[index];
	enum check check = check_file(f);
	MH_CLEANUP(freep) char *path = text_escape(c->packs.files[index].path);
	MH_CLEANUP(freep)
	char *why = f->why != NULL ? text_escape(f->why)
				   : xasprintf("%u warning%s of the compiler",
					 f->n_warnings, f->n_warnings == 1 ? "" : "s");

	if (c->is_ndjson) {
		json_t *record = json_pack("{s:s, s:i, s:s, s:b, s:i, s:i}", "type",
		    "rule_file", "version", 1, "path", path, "used", !f->is_left_out,
		    "line", (int)f->line, "warnings", (int)f->n_warnings);

		if (check < CHECK_MAX_)
			put_check(record, check, why);
		print_json(record);
		return;
	}
	if (check == CHECK_MAX_)
		return;
	MH_CLEANUP(freep)
	char *line = f->line > 0 ? xasprintf("%u:", f->line) : xstrdup("");

	(void)printf("%s:%s %s%s %s%s: %s: %s\n", path, line,
	    colour_of(c, checks[check].level), level_names[checks[check].level],
	    checks[check].id, colour(c, PLAIN), checks[check].text, why);
}

static void
print_rule_json(const struct rules_command *c, const struct checked_rule *r)
{
	MH_CLEANUP(freep) char *path = text_escape(c->packs.files[r->file].path);
	enum check check = check_rule(&r->place);
	json_t *record = json_pack("{s:s, s:i, s:s, s:i, s:s, s:b, s:b}", "type", "rule",
	    "version", 1, "path", path, "line", (int)r->place.line, "rule", r->place.name,
	    "files", (r->place.mask & RULE_IN_FILES) != 0, "memory",
	    (r->place.mask & RULE_IN_MEMORY) != 0);

	if (check < CHECK_MAX_)
		put_check(record, check, r->place.reason);
	print_json(record);
}

static void
print_rule(const struct rules_command *c, const struct checked_rule *r, int where_width,
    int name_width)
{
	static const char *const places[] = { "nowhere", "files  ", "memory ", "both" };
	static const char *const colours[] = { RED, YELLOW, YELLOW, GREEN };
	unsigned mask = r->place.mask & (RULE_IN_FILES | RULE_IN_MEMORY);

	(void)printf("%-*s  %-*s  %s%s%s%s%s\n", where_width, r->where, name_width,
	    r->place.name, colour(c, colours[mask]), places[mask], colour(c, PLAIN),
	    r->place.reason[0] != 0 ? "  " : "", r->place.reason);
}

static size_t
widest(size_t width, const char *text)
{
	size_t n = strlen(text);

	return n > width && n <= COLUMN_MAX ? n : width;
}

static void
print_rules(const struct rules_command *c)
{
	size_t where_width = 0;
	size_t name_width = 0;
	size_t next = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		where_width = widest(where_width, c->rules[i].where);
		name_width = widest(name_width, c->rules[i].place.name);
	}
	for (size_t i = 0; i < c->packs.n; i++) {
		print_file(c, i);
		for (; next < c->n_rules && c->rules[next].file == i; next++) {
			if (c->is_ndjson)
				print_rule_json(c, &c->rules[next]);
			else
				print_rule(c, &c->rules[next], (int)where_width,
				    (int)name_width);
		}
	}
}

static struct totals
count(const struct rules_command *c)
{
	struct totals t = { .n_left_out = 0 };

	for (size_t i = 0; i < c->packs.n; i++) {
		t.n_left_out += c->files[i].is_left_out;
		t.n_warnings += c->files[i].n_warnings;
	}
	for (size_t i = 0; i < c->n_rules; i++) {
		unsigned mask = c->rules[i].place.mask & (RULE_IN_FILES | RULE_IN_MEMORY);

		t.n_files += (mask & RULE_IN_FILES) != 0;
		t.n_memory += (mask & RULE_IN_MEMORY) != 0;
		t.n_both += mask == (RULE_IN_FILES | RULE_IN_MEMORY);
		t.n_nowhere += mask == 0;
	}
	return t;
}

static void
print_totals(const struct rules_command *c, const struct totals *t)
{
	const char *engine = c->engine != NULL ? c->engine : "no rule set";

	if (c->is_ndjson) {
		print_json(
		    json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
			"type", "rules_summary", "version", 1, "files",
			(json_int_t)c->packs.n, "left_out", (json_int_t)t->n_left_out,
			"warnings", (json_int_t)t->n_warnings, "rules",
			(json_int_t)c->n_rules, "in_files", (json_int_t)t->n_files,
			"in_memory", (json_int_t)t->n_memory, "in_both",
			(json_int_t)t->n_both, "nowhere", (json_int_t)t->n_nowhere,
			"engine", engine));
		return;
	}
	(void)printf("\n%zu rule%s of %zu file%s, %s: %zu work in files, %zu in memory, "
		     "%zu in both.\n",
	    c->n_rules, c->n_rules == 1 ? "" : "s", c->packs.n,
	    c->packs.n == 1 ? "" : "s", engine, t->n_files, t->n_memory, t->n_both);
	if (t->n_warnings > 0)
		(void)printf("%zu warnings of the compiler.\n", t->n_warnings);
	if (t->n_left_out > 0)
		(void)printf("%s%zu file%s left out.%s\n", colour(c, RED), t->n_left_out,
		    t->n_left_out == 1 ? " is" : "s are", colour(c, PLAIN));
	if (t->n_nowhere > 0)
		(void)printf("%s%zu rule%s nowhere.%s\n", colour(c, RED), t->n_nowhere,
		    t->n_nowhere == 1 ? " works" : "s work", colour(c, PLAIN));
}

static int
load_and_print(struct rules_command *c)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_pack_file = on_pack_file,
		.on_rule_file = on_rule_file,
		.on_rule_place = on_rule_place,
		.on_ready = on_ready,
	};
	struct scanner_options options = { .n_workers = 1,
		.open_ms = SCAN_OPEN_MS,
		.wants_places = true };

	scan_setup_init(&options.setup);
	children_init(&c->children);
	c->files = xcalloc(c->packs.n, sizeof(*c->files));
	c->scanner = scanner_new(&options, &c->packs, &ops, c, 0);
	if (scanner_load(c->scanner) != MH_OK)
		return EXIT_ERROR;
	while (!c->is_done) {
		struct child gone;
		int status = 0;

		scanner_step(c->scanner, SCAN_TICK_MS);
		while (children_reap(&c->children, &gone, &status))
			scanner_on_exited(c->scanner, gone.role, gone.instance, status);
	}
	struct totals t = count(c);

	/* That no rule is left is an answer, where files were left out. */
	if (!c->is_ready && t.n_left_out == 0) {
		(void)fprintf(stderr, "molehunt rules: %s\n", c->why);
		return EXIT_ERROR;
	}
	print_rules(c);
	print_totals(c, &t);
	return t.n_left_out + t.n_nowhere > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

static void
rules_command_clear(struct rules_command *c)
{
	scanner_free(c->scanner);
	children_clear(&c->children);
	for (size_t i = 0; c->files != NULL && i < c->packs.n; i++)
		free(c->files[i].why);
	for (size_t i = 0; i < c->n_rules; i++) {
		rule_place_clear(&c->rules[i].place);
		free(c->rules[i].where);
	}
	free(c->files);
	free(c->rules);
	free(c->why);
	free(c->engine);
	pack_list_clear(&c->packs);
}

static int
add_packs(struct rules_command *c, int n, char **paths)
{
	MH_CLEANUP(freep) char *own = packs_default();
	MH_CLEANUP(freep) char *why = NULL;

	for (int i = 0; i < n || (n == 0 && i == 0); i++) {
		if (pack_list_add(&c->packs, n == 0 ? own : paths[i], &why) != MH_OK) {
			(void)fprintf(stderr, "molehunt rules: %s\n", why);
			return -1;
		}
	}
	return 0;
}

/* 0: go on; 1: help was asked for; -1: an error was told. */
static int
parse_arguments(struct rules_command *c, int argc, char **argv)
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
			    "molehunt rules: --format %s: text or ndjson is needed\n",
			    optarg);
		(void)fputs("molehunt rules --help tells what there is\n", stderr);
		return -1;
	}
	if (optind == argc || strcmp(argv[optind], "check") != 0) {
		(void)fprintf(stderr,
		    "molehunt rules: %s%s; see: molehunt rules --help\n",
		    optind == argc ? "what is to be done? There is: check"
				   : "there is no ",
		    optind == argc ? "" : argv[optind]);
		return -1;
	}
	optind++;
	return 0;
}

int
cli_rules(int argc, char **argv)
{
	static struct rules_command c;
	int status = EXIT_ERROR;
	int parsed = parse_arguments(&c, argc, argv);

	if (parsed != 0)
		return parsed > 0 ? EXIT_CLEAN : EXIT_ERROR;
	c.has_colour =
	    !c.is_ndjson && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	if (add_packs(&c, argc - optind, argv + optind) == 0)
		status = load_and_print(&c);
	rules_command_clear(&c);
	/* Output that did not arrive is not output. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "molehunt rules: standard output: %s\n",
		    strerror(errno));
		return EXIT_ERROR;
	}
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules profile
 *
 * Runs in: the caller's process.
 * Input: arguments; a tree of files, of which only names are looked at here; answers
 * of the checker.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/cli_rules.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	PROFILE_PATHS_MAX = 200000, /* files of which the sample is chosen */
	PROFILE_FOLDERS_OPEN = 16,  /* descriptors of a walk */
	SLOW_FACTOR = 3,            /* times the median: Q04 */
	TENTHS = 10,
	SHOWN_MAX = 20, /* rules, unless --all */
};
#define PROFILE_SAMPLE_DEFAULT (32ull << 20)
#define PROFILE_SAMPLE_MIN (64ull << 10)
#define PROFILE_FILE_MAX (8ull << 20) /* bytes of one file of the sample */

static const char help[] =
    "usage: molehunt rules profile --on PATH [OPTION...] [PACK...]\n"
    "\n"
    "Compiles each rule by itself and measures the CPU time that it takes to scan the\n"
    "same files of yours, held in memory: the slowest first, with their ratio to the\n"
    "pack's median. Those above 3 times the median are marked (Q04).\n"
    "\n"
    "  --on PATH            a file or a folder to measure with; may be given again\n"
    "  --sample SIZE        bytes of files that are taken, evenly from all (32M)\n"
    "  --name PART          rules whose name holds PART, in any case of letters\n"
    "  --all                every rule, not only the slowest 20\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "A rule alone costs at least a look at every byte; in a pack rules share that.\n"
    "\n"
    "Exit status: 0 no rule is above 3 times the median; 1 some is; 2 an error.\n"
    "\n"
    "  molehunt rules profile --on /usr/bin my-rules/\n"
    "  molehunt rules profile --on ~/projects --sample 128M --name lnx\n";

/* A file of the tree. */
struct candidate {
	char *path;
	uint64_t bytes;
};

/* nftw(3) has no argument for its caller. */
static struct candidates {
	struct candidate *items;
	size_t n;
	uint64_t bytes;
} candidates;

static int
on_path(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0 ||
	    (uint64_t)st->st_size > PROFILE_FILE_MAX)
		return 0;
	if (candidates.n == PROFILE_PATHS_MAX)
		return 1;
	candidates.items =
	    xreallocarray(candidates.items, candidates.n + 1, sizeof(*candidates.items));
	candidates.items[candidates.n++] =
	    (struct candidate){ xstrdup(path), (uint64_t)st->st_size };
	candidates.bytes += (uint64_t)st->st_size;
	return 0;
}

static int
compare_candidates(const void *a, const void *b)
{
	return strcmp(((const struct candidate *)a)->path,
	    ((const struct candidate *)b)->path);
}

/* Of all files evenly as many as the sample has room for; bytes that were taken. */
static uint64_t
choose(struct rules_cli *c, uint64_t sample)
{
	uint64_t seen = 0;
	uint64_t taken = 0;

	if (candidates.n > 0)
		qsort(candidates.items, candidates.n, sizeof(*candidates.items),
		    compare_candidates);
	for (size_t i = 0; i < candidates.n; i++) {
		const struct candidate *f = &candidates.items[i];
		/* Taken so far is to seen so far as the sample to all. */
		bool is_due =
		    candidates.bytes <= sample ||
		    (long double)taken * candidates.bytes <= (long double)seen * sample;

		seen += f->bytes;
		if (!is_due || taken + f->bytes > sample)
			continue;
		taken += f->bytes;
		rule_job_add_beside(&c->job, BESIDE_SAMPLE, 0, f->path);
	}
	return taken;
}

static void
forget_candidates(void)
{
	for (size_t i = 0; i < candidates.n; i++)
		free(candidates.items[i].path);
	free(candidates.items);
	candidates = (struct candidates){ .n = 0 };
}

static int
compare_times(const void *a, const void *b)
{
	const struct answer *x = *(const struct answer *const *)a;
	const struct answer *y = *(const struct answer *const *)b;

	if (x->a != y->a)
		return x->a > y->a ? -1 : 1;
	return strcmp(x->rule, y->rule);
}

/* What was measured, the slowest first. */
struct result {
	const struct answer **times;
	size_t n;
	uint64_t median; /* ns */
	uint64_t bytes;  /* of the sample */
};

static void
tell_unmeasured(const struct answer *a)
{
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *text = text_escape(a->text);

	(void)fprintf(stderr, "molehunt rules profile: %s: %s\n", name, text);
}

static struct result
gather(const struct rules_cli *c)
{
	struct result r = { .n = 0 };

	r.times = xcalloc(c->answers.n + 1, sizeof(*r.times));
	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind == ANSWER_TIME && a->code != 0)
			r.times[r.n++] = a;
		else if (a->kind == ANSWER_TIME)
			tell_unmeasured(a);
	}
	if (r.n > 0)
		qsort(r.times, r.n, sizeof(*r.times), compare_times);
	r.median = r.n > 0 ? r.times[r.n / 2]->a : 0;
	return r;
}

static bool
is_slow(const struct result *r, const struct answer *a)
{
	return a->a > r->median * SLOW_FACTOR;
}

static void
print_time(const struct rules_cli *c, const struct result *r, const struct answer *a)
{
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *text = text_escape(a->text);
	uint64_t ratio = r->median > 0 ? a->a * TENTHS / r->median : TENTHS;
	bool slow = is_slow(r, a);

	(void)printf("%s%7.1f %4llu.%llu %6llu%s  %s%s%s%s%s\n",
	    slow ? rules_colour(c, RED) : "", (double)a->a / 1e6,
	    (unsigned long long)(ratio / TENTHS), (unsigned long long)(ratio % TENTHS),
	    (unsigned long long)a->b, slow ? rules_colour(c, PLAIN) : "", name,
	    slow ? "  [Q04]" : "", text[0] != 0 ? " (" : "", text,
	    text[0] != 0 ? ")" : "");
}

static void
print_time_json(const struct rules_cli *c, const struct result *r, const struct answer *a)
{
	MH_CLEANUP(freep) char *path = rules_path(c, a->file);
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *text = text_escape(a->text);
	json_t *record = json_pack("{s:s, s:i, s:s, s:i, s:s, s:I, s:f, s:I}", "type",
	    "rule_time", "version", 1, "path", path, "line", (int)a->line, "rule", name,
	    "ns", (json_int_t)a->a, "ratio",
	    r->median > 0 ? (double)a->a / (double)r->median : 1.0, "atoms",
	    (json_int_t)a->b);

	if (text[0] != 0)
		(void)json_object_set_new(record, "note", json_string(text));
	if (is_slow(r, a)) {
		(void)json_object_set_new(record, "check",
		    json_string(lint_id(LINT_Q04)));
		(void)json_object_set_new(record, "level",
		    json_string(lint_level_name(lint_level(LINT_Q04))));
	}
	rules_print_json(record);
}

static void
print_summary(const struct rules_cli *c, const struct result *r, size_t n_slow)
{
	MH_CLEANUP(freep) char *size = text_size(r->bytes);

	if (c->format == FORMAT_NDJSON) {
		rules_print_json(json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I}", "type",
		    "rules_profile_summary", "version", 1, "rules", (json_int_t)r->n,
		    "median_ns", (json_int_t)r->median, "slow", (json_int_t)n_slow,
		    "sample_bytes", (json_int_t)r->bytes, "sample_files",
		    (json_int_t)c->job.n_beside));
		return;
	}
	(void)printf("\n%zu rule%s over %s: median %.1f ms", r->n, plural(r->n), size,
	    (double)r->median / 1e6);
	if (n_slow > 0)
		(void)printf("; %s%zu above %d times of it.%s\n", rules_colour(c, RED),
		    n_slow, SLOW_FACTOR, rules_colour(c, PLAIN));
	else
		(void)printf("; none above %d times of it.\n", SLOW_FACTOR);
}

static int
show(const struct rules_cli *c, uint64_t bytes, bool wants_all)
{
	struct result r = gather(c);
	size_t n_slow = 0;

	rules_tell_left_out(c);
	r.bytes = bytes;
	for (size_t i = 0; i < r.n; i++)
		n_slow += is_slow(&r, r.times[i]);
	if (c->format == FORMAT_TEXT && r.n > 0)
		(void)printf("%s     ms  ratio  atoms  RULE%s\n", rules_colour(c, BOLD),
		    rules_colour(c, PLAIN));
	for (size_t i = 0; i < r.n; i++) {
		if (c->format == FORMAT_NDJSON)
			print_time_json(c, &r, r.times[i]);
		else if (wants_all || i < SHOWN_MAX || is_slow(&r, r.times[i]))
			print_time(c, &r, r.times[i]);
	}
	print_summary(c, &r, n_slow);
	free(r.times);
	return n_slow > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

enum option_code {
	OPTION_FORMAT = 256,
	OPTION_ON,
	OPTION_SAMPLE,
	OPTION_NAME,
	OPTION_ALL,
};

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "on", required_argument, NULL, OPTION_ON },
	{ "sample", required_argument, NULL, OPTION_SAMPLE },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct profile_wish {
	uint64_t sample; /* bytes */
	bool wants_all;
};

static bool
take_option(struct rules_cli *c, int code, struct profile_wish *wish)
{
	switch (code) {
	case OPTION_FORMAT:
		return rules_set_format(c, optarg, false);
	case OPTION_ON:
		if (nftw(optarg, on_path, PROFILE_FOLDERS_OPEN, FTW_PHYS) >= 0)
			return true;
		(void)fprintf(stderr, "molehunt rules profile: --on %s: %s\n", optarg,
		    strerror(errno));
		return false;
	case OPTION_SAMPLE:
		if (parse_size(optarg, PROFILE_SAMPLE_MIN, CHECK_SAMPLES_BYTES_MAX,
			&wish->sample) == MH_OK)
			return true;
		(void)fprintf(stderr,
		    "molehunt rules profile: --sample %s: 64K to 256M is needed\n",
		    optarg);
		return false;
	case OPTION_NAME:
		free(c->job.request.name);
		c->job.request.name = xstrdup(optarg);
		return true;
	case OPTION_ALL:
		wish->wants_all = true;
		return true;
	default:
		return false;
	}
}

static int
profile(struct rules_cli *c, const struct profile_wish *wish, int n, char **packs)
{
	uint64_t bytes = choose(c, wish->sample);

	if (bytes == 0) {
		(void)fprintf(stderr, "molehunt rules profile: no file to measure with; "
				      "--on PATH names some of 1 "
				      "byte to 8 MiB\n");
		return EXIT_ERROR;
	}
	if (!rules_add_packs(c, n, packs) || !rules_ask(c, CHECK_VERB_PROFILE))
		return EXIT_ERROR;
	return show(c, bytes, wish->wants_all);
}

int
rules_profile_verb(int argc, char **argv)
{
	static struct rules_cli c;
	struct profile_wish wish = { .sample = PROFILE_SAMPLE_DEFAULT };
	int code = 0;

	rules_init(&c);
	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == 'h') {
			(void)fputs(help, stdout);
			return rules_end(&c, EXIT_CLEAN);
		}
		if (!take_option(&c, code, &wish)) {
			forget_candidates();
			return rules_end(&c, rules_refuse("profile"));
		}
	}
	int status = profile(&c, &wish, argc - optind, argv + optind);

	forget_candidates();
	return rules_end(&c, status);
}

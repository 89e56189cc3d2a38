/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules: what is in packs, what is wrong with them, whether they do what
 * they say.  Which verbs there are, and what they share.
 *
 * Runs in: the caller's process.
 * Input: arguments; answers of the checker.
 */
#include "agent/cli_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli.h"
#include "base/memory.h"
#include "base/text.h"

enum { COLUMNS_MIN = 40 };

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "check", rules_check,
	    "what is wrong with packs, and what is left out of them" },
	{ "list", rules_list,
	    "which rules there are, of which family, with which score" },
	{ "explain", rules_explain,
	    "what a rule looks for, and where that is documented" },
	{ "test", rules_test, "whether rules do what their manifests say" },
	{ "profile", rules_profile_verb, "how long each rule takes over files of yours" },
	{ "fingerprint", rules_fingerprint, "the hash of what a rule looks for" },
};

static const char help[] =
    "\n"
    "A PACK is a folder of .yar and .yara files, or one file; without one it is our\n"
    "own pack.  Rules are read by a process without rights, files and network.\n"
    "\n"
    "molehunt rules VERB --help tells more.  For a start:\n"
    "\n"
    "  molehunt rules check my-rules/        before you use or publish them\n"
    "  molehunt rules explain bpfdoor        what our rule looks for, and why\n";

static void
print_help(FILE *out)
{
	(void)fprintf(out, "usage: molehunt rules VERB [OPTION...] [PACK...]\n\n");
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++)
		(void)fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	(void)fputs(help, out);
}

int
cli_rules(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 ||
	    strcmp(verb, "help") == 0) {
		print_help(stdout);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++) {
		if (strcmp(verb, verbs[i].name) != 0)
			continue;
		/* getopt(3) puts this in front of what it complains of. */
		MH_CLEANUP(freep) char *name = xasprintf("molehunt rules %s", verb);

		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	(void)fprintf(stderr, "molehunt rules: %s%s; see: molehunt rules --help\n",
	    argc > 1 ? "there is no verb " : "what is to be done? For a start: check",
	    verb);
	return EXIT_ERROR;
}

int
rules_refuse(const char *verb)
{
	(void)fprintf(stderr, "molehunt rules %s --help tells what there is\n", verb);
	return EXIT_ERROR;
}

static char *
today(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[CHECK_DATE_MAX + 1] = "1970-01-01";

	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return xstrdup(text);
}

void
rules_init(struct rules_cli *c)
{
	struct winsize size;
	bool is_terminal = isatty(STDOUT_FILENO) != 0;

	memset(c, 0, sizeof(*c));
	c->has_colour = is_terminal && getenv("NO_COLOR") == NULL;
	c->has_progress = isatty(STDERR_FILENO) != 0;
	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= COLUMNS_MIN)
		c->columns = size.ws_col;
	c->job.request.today = today();
	c->job.request.name = xstrdup("");
}

int
rules_end(struct rules_cli *c, int status)
{
	free(c->engine);
	rule_answers_clear(&c->answers);
	rule_job_clear(&c->job);
	for (size_t i = 0; i < c->n_unpacked; i++)
		cli_unpacked_clear(&c->unpacked[i]);
	free(c->unpacked);
	/* Output that did not arrive is not output. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "molehunt rules: standard output: %s\n",
		    strerror(errno));
		return EXIT_ERROR;
	}
	return status;
}

bool
rules_set_format(struct rules_cli *c, const char *value, bool may_be_github)
{
	static const char *const names[] = { "text", "ndjson", "github" };
	size_t n = may_be_github ? 3 : 2;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		c->format = (enum rules_format)i;
		if (c->format != FORMAT_TEXT) {
			c->has_colour = c->has_progress = false;
			c->columns = 0;
		}
		return true;
	}
	(void)fprintf(stderr, "molehunt rules: --format %s: text%s ndjson%s is needed\n",
	    value, may_be_github ? "," : " or", may_be_github ? " or github" : "");
	return false;
}

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The manifest of a file of rules: the same name, .yaml; new, or NULL. */
static char *
find_manifest(const char *path)
{
	const char *dot = strrchr(path, '.');
	const char *slash = strrchr(path, '/');
	char *manifest = NULL;

	if (dot == NULL || (slash != NULL && dot < slash))
		return NULL;
	manifest = xasprintf("%.*s.yaml", (int)(dot - path), path);
	if (!is_file(manifest)) {
		free(manifest);
		manifest = NULL;
	}
	return manifest;
}

/* Files first and behind of the pack: their manifests; whether there is any. */
static bool
add_manifests(struct rules_cli *c, size_t first)
{
	bool has_any = false;

	for (size_t i = first; i < c->job.packs.n; i++) {
		MH_CLEANUP(freep)
		char *manifest = find_manifest(c->job.packs.files[i].path);

		if (manifest == NULL)
			continue;
		has_any = true;
		rule_job_add_beside(&c->job, BESIDE_MANIFEST, i, manifest);
	}
	return has_any;
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return xstrdup(path);
	return slash != NULL ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
}

/* What lies beside the rules of a pack of our own. */
static void
add_records(struct rules_cli *c, const char *path)
{
	MH_CLEANUP(freep) char *folder = folder_of(path);
	MH_CLEANUP(freep) char *retired = xasprintf("%s/retired.txt", folder);
	MH_CLEANUP(freep) char *goodware = xasprintf("%s/goodware.json", folder);
	bool has_goodware = is_file(goodware);

	if (is_file(retired))
		rule_job_add_beside(&c->job, BESIDE_RETIRED, 0, retired);
	if (has_goodware)
		rule_job_add_beside(&c->job, BESIDE_GOODWARE, 0, goodware);
	c->job.request.is_goodware_missing |= !has_goodware;
}

/* Room for what is said of each file, from first on. */
static void
set_files(struct rule_job *job, size_t first, bool is_own)
{
	job->is_own = xreallocarray(job->is_own, job->packs.n, sizeof(*job->is_own));
	job->whys = xreallocarray(job->whys, job->packs.n, sizeof(*job->whys));
	for (size_t i = first; i < job->packs.n; i++) {
		job->is_own[i] = is_own;
		job->whys[i] = NULL;
	}
}

/* Put the files of the ZIP, the last one of the packs, in its place. */
static bool
unpack_last(struct rules_cli *c)
{
	struct rule_job *job = &c->job;
	size_t first = job->packs.n - 1;
	struct pack_list zip = { .files = &job->packs.files[first], .n = 1 };
	struct cli_unpacked *u = NULL;

	c->unpacked = xreallocarray(c->unpacked, c->n_unpacked + 1, sizeof(*c->unpacked));
	u = &c->unpacked[c->n_unpacked++];
	if (cli_unpack(&zip, u) != MH_OK)
		return false;
	free(job->packs.files[first].name_space);
	free(job->packs.files[first].path);
	job->packs.n--;
	for (size_t i = 0; i < u->files.n; i++) {
		const struct pack_file *from = &u->files.files[i];
		struct pack_file *to =
		    pack_list_add_file(&job->packs, from->name_space, from->path);

		to->fd = from->fd;
		to->offset = from->offset;
		to->len = from->len;
	}
	set_files(job, first, c->profile == PROFILE_OWN);
	for (size_t i = 0; i < u->files.n; i++)
		job->whys[first + i] = u->whys[i];
	return true;
}

static bool
add_pack(struct rules_cli *c, const char *path)
{
	MH_CLEANUP(freep) char *why = NULL;
	size_t first = c->job.packs.n;

	if (pack_list_add(&c->job.packs, path, &why) != MH_OK) {
		(void)fprintf(stderr, "molehunt rules: %s\n", why);
		return false;
	}
	if (c->job.packs.files[first].is_zip)
		return unpack_last(c);
	bool has_manifests = add_manifests(c, first);
	bool is_own =
	    c->profile == PROFILE_OWN || (c->profile == PROFILE_AUTO && has_manifests);

	set_files(&c->job, first, is_own);
	if (is_own)
		add_records(c, path);
	return true;
}

bool
rules_add_packs(struct rules_cli *c, int n, char **paths)
{
	MH_CLEANUP(freep) char *own = packs_default();

	if (n == 0)
		return add_pack(c, own);
	for (int i = 0; i < n; i++) {
		if (!add_pack(c, paths[i]))
			return false;
	}
	return true;
}

bool
rules_add_folder(struct rules_cli *c, enum beside_kind kind, const char *path)
{
	MH_CLEANUP(freep) char *why = NULL;
	struct pack_list list = { .n = 0 };
	bool is_good = pack_list_add(&list, path, &why) == MH_OK;

	if (!is_good)
		(void)fprintf(stderr, "molehunt rules: %s\n", why);
	for (size_t i = 0; i < list.n; i++)
		rule_job_add_beside(&c->job, kind, 0, list.files[i].path);
	pack_list_clear(&list);
	return is_good;
}

static void
on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct rules_cli *c = ctx;

	if (c->has_progress && total > 0)
		(void)fprintf(stderr, "\r%3llu %%  %llu of %llu",
		    (unsigned long long)(done * 100 / total), (unsigned long long)done,
		    (unsigned long long)total);
}

bool
rules_ask(struct rules_cli *c, enum check_verb verb)
{
	MH_CLEANUP(freep) char *why = NULL;

	c->job.request.verb = (uint8_t)verb;
	c->job.on_progress = on_progress;
	c->job.ctx = c;
	mh_err err = rule_checker_run(&c->job, &c->answers, &why);

	if (c->has_progress)
		(void)fprintf(stderr, "\r\033[K");
	if (err != MH_OK) {
		(void)fprintf(stderr, "molehunt rules: %s\n", why);
		return false;
	}
	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind == ANSWER_DONE)
			c->done = a;
		c->n_left_out += a->kind == ANSWER_FILE && a->code == 0;
	}
	c->engine = text_escape(c->done != NULL ? c->done->text : "");
	/* That no rule is left is an answer, where files were left out. */
	if (c->done == NULL || (c->done->a == 0 && c->n_left_out == 0)) {
		(void)fprintf(stderr, "molehunt rules: no rule is in %s\n",
		    c->job.packs.n == 1 ? "that file" : "those files");
		return false;
	}
	return true;
}

void
rules_tell_left_out(const struct rules_cli *c)
{
	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];
		bool is_reason =
		    a->code == LINT_C01 || a->code == LINT_C03 || a->code == LINT_C05;

		if (a->kind != ANSWER_REMARK || !is_reason || a->rule[0] != 0)
			continue;
		MH_CLEANUP(freep) char *path = rules_path(c, a->file);
		MH_CLEANUP(freep) char *text = text_escape(a->text);

		(void)fprintf(stderr, "%s:%u: left out: %s\n", path, a->line, text);
	}
}

char *
rules_path(const struct rules_cli *c, size_t file)
{
	return text_escape(file < c->job.packs.n ? c->job.packs.files[file].path : "");
}

const char *
rules_colour(const struct rules_cli *c, const char *code)
{
	return c->has_colour ? code : "";
}

const char *
rules_level_colour(const struct rules_cli *c, enum lint_level level)
{
	return rules_colour(c, level == LEVEL_ERROR     ? RED
			       : level == LEVEL_WARNING ? YELLOW
							: PLAIN);
}

void
rules_print_json(json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);

	if (line != NULL)
		(void)printf("%s\n", line);
	free(line);
	json_decref(record);
}

size_t
rules_width(const char *text)
{
	size_t n = 0;

	/* Bytes that continue a character are 10xxxxxx. */
	for (; *text != 0; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void
rules_print_wrapped(const struct rules_cli *c, unsigned indent, unsigned used,
    const char *text)
{
	unsigned column = used;
	bool is_first = true;

	while (*text != 0) {
		size_t len = strcspn(text, " ");
		MH_CLEANUP(freep) char *word = xstrndup(text, len);
		unsigned width = (unsigned)rules_width(word);

		if (!is_first && c->columns > 0 && column + 1 + width > c->columns) {
			(void)printf("\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		(void)printf("%s%s", is_first ? "" : " ", word);
		column += width + !is_first;
		is_first = false;
		text += len;
		text += *text == ' ';
	}
	(void)printf("\n");
}

const char *
rules_meta(const struct rules_cli *c, size_t index, const char *key)
{
	for (size_t i = index + 1; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_META)
			return NULL;
		if (strcmp(a->label, key) == 0)
			return a->text;
	}
	return NULL;
}

const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

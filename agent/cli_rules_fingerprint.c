/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt rules fingerprint
 *
 * Runs in: the caller's process.
 * Input: arguments; answers of the checker; with --write the caller's own rule files,
 * of which the checker says where to cut.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/cli.h"
#include "agent/cli_rules.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	SHA256_HEX = 64,
	FILE_BYTES_MAX = 64 * 1024 * 1024,
	OLD_BYTES_MAX = 256, /* of what a fingerprint takes the place of */
};

static const char help[] =
    "usage: molehunt rules fingerprint [--write] [--format text|ndjson] [PACK...]\n"
    "\n"
    "Prints the fingerprint of each rule: the SHA-256 of its strings and condition,\n"
    "however they are laid out and commented; and, last, that of the pack.\n"
    "\n"
    "  --write              put it into the rules: meta fingerprint = \"...\"\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "\n"
    "Exit status: 0; 1 a rule has no place for it (no meta); 2 an error.\n"
    "\n"
    "  molehunt rules fingerprint my-rules/\n"
    "  molehunt rules fingerprint --write my-rules/new.yar\n";

/* A hostile checker's word is not written into files: it has to be a hash. */
static bool
is_fingerprint(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return n == SHA256_HEX && text[n] == 0;
}

/* The blanks that begin the line in which at lies: new. */
static char *
indent_of(const char *text, size_t at)
{
	size_t begin = at;
	size_t end = 0;

	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	end = begin;
	while (end < at && isblank((unsigned char)text[end]))
		end++;
	return xstrndup(text + begin, end - begin);
}

/* Only what stands between two quotes may go, or nothing. */
static bool
is_cut(const struct answer *a, const char *text, size_t len)
{
	if (a->a > a->b || a->b > len || a->b - a->a > OLD_BYTES_MAX)
		return false;
	if (strcmp(a->label, "insert") == 0)
		return a->a == a->b;
	return a->a > 0 && a->b < len && text[a->a - 1] == '"' && text[a->b] == '"' &&
	       memchr(text + a->a, '\n', (size_t)(a->b - a->a)) == NULL;
}

/* The file's text with the fingerprint in its place; from the last one to the first. */
static mh_err
splice(struct buf *text, const struct answer *a, size_t first_cut)
{
	size_t len = buf_len(text);
	MH_CLEANUP(freep) char *old = xmemdup(buf_data(text), len + 1);

	if (!is_cut(a, old, len) || a->b > first_cut || !is_fingerprint(a->text))
		return MH_ERR_INVALID;
	buf_truncate(text, (size_t)a->a);
	if (strcmp(a->label, "insert") == 0) {
		MH_CLEANUP(freep) char *indent = indent_of(old, (size_t)a->a);

		buf_addf(text, "\n%sfingerprint = \"%s\"", indent, a->text);
	} else {
		buf_add(text, a->text);
	}
	buf_put(text, old + a->b, len - (size_t)a->b);
	return buf_error(text);
}

/* Of one file the answers from first up to end. */
static mh_err
write_file(const struct rules_cli *c, size_t first, size_t end)
{
	const char *path = c->job.packs.files[c->answers.items[first].file].path;
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(FILE_BYTES_MAX);
	size_t cut = SIZE_MAX;
	bool is_changed = false;
	struct stat st;
	mh_err err = stat(path, &st) == 0 ? file_read(path, text) : MH_ERR_SYSTEM;

	/* Backwards: then the places before stay where they are. */
	for (size_t i = end; err == MH_OK && i > first; i--) {
		const struct answer *a = &c->answers.items[i - 1];

		if (a->kind != ANSWER_FINGERPRINT || a->code == 1 || a->label[0] == 0)
			continue;
		err = splice(text, a, cut);
		cut = (size_t)a->a;
		is_changed = true;
	}
	if (err == MH_OK && is_changed)
		err = file_write_durably(path, buf_data(text), buf_len(text),
		    st.st_mode & 07777);
	if (err != MH_OK)
		(void)fprintf(stderr, "molehunt rules fingerprint: %s: %s\n", path,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	return err;
}

static mh_err
write_all(const struct rules_cli *c)
{
	mh_err result = MH_OK;

	for (size_t i = 0; i < c->answers.n;) {
		const struct answer *a = &c->answers.items[i];
		size_t end = i + 1;

		if (a->kind != ANSWER_FINGERPRINT || a->file == UINT32_MAX) {
			i++;
			continue;
		}
		while (end < c->answers.n &&
		       c->answers.items[end].kind == ANSWER_FINGERPRINT &&
		       c->answers.items[end].file == a->file)
			end++;
		mh_err err = write_file(c, i, end);

		result = err != MH_OK ? err : result;
		i = end;
	}
	return result;
}

static void
print_one(const struct rules_cli *c, const struct answer *a)
{
	bool is_pack = a->file == UINT32_MAX;
	MH_CLEANUP(freep) char *path = rules_path(c, a->file);
	MH_CLEANUP(freep) char *name = text_escape(a->rule);
	MH_CLEANUP(freep) char *text = text_escape(a->text);

	if (c->format == FORMAT_TEXT) {
		(void)printf("%s  %s\n", text, is_pack ? "the pack" : name);
		return;
	}
	if (is_pack) {
		rules_print_json(json_pack("{s:s, s:i, s:s}", "type", "pack_fingerprint",
		    "version", 1, "fingerprint", text));
		return;
	}
	rules_print_json(json_pack("{s:s, s:i, s:s, s:s, s:s, s:b}", "type",
	    "rule_fingerprint", "version", 1, "path", path, "rule", name, "fingerprint",
	    text, "stored", a->code == 1));
}

static int
show(const struct rules_cli *c, bool wants_write)
{
	bool is_homeless = false;

	rules_tell_left_out(c);
	for (size_t i = 0; i < c->answers.n; i++) {
		const struct answer *a = &c->answers.items[i];

		if (a->kind != ANSWER_FINGERPRINT)
			continue;
		print_one(c, a);
		if (!wants_write || a->label[0] != 0 || a->file == UINT32_MAX)
			continue;
		MH_CLEANUP(freep) char *name = text_escape(a->rule);

		(void)fprintf(stderr,
		    "molehunt rules fingerprint: %s: it has no meta to put it behind\n",
		    name);
		is_homeless = true;
	}
	if (wants_write && write_all(c) != MH_OK)
		return EXIT_ERROR;
	return is_homeless ? EXIT_FOUND : EXIT_CLEAN;
}

enum option_code { OPTION_FORMAT = 256, OPTION_WRITE };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "write", no_argument, NULL, OPTION_WRITE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
rules_fingerprint(int argc, char **argv)
{
	static struct rules_cli c;
	bool wants_write = false;
	int status = EXIT_ERROR;
	int code = 0;

	rules_init(&c);
	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == 'h') {
			(void)fputs(help, stdout);
			return rules_end(&c, EXIT_CLEAN);
		}
		if (code == OPTION_WRITE)
			wants_write = true;
		else if (code != OPTION_FORMAT || !rules_set_format(&c, optarg, false))
			return rules_end(&c, rules_refuse("fingerprint"));
	}
	if (rules_add_packs(&c, argc - optind, argv + optind) &&
	    rules_ask(&c, CHECK_VERB_FINGERPRINT))
		status = show(&c, wants_write);
	return rules_end(&c, status);
}

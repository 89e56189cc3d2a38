/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLI_RULES_H
#define MH_AGENT_CLI_RULES_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "agent/cli_unpack.h"
#include "agent/rule_checker.h"
#include "records/lint.h"

/*
 * `molehunt rules VERB`: what its verbs share.  Rule text and manifests are hostile:
 * they are read by the checker (agent/rule_checker.h), and what it says is shown.
 */
enum rules_format { FORMAT_TEXT, FORMAT_NDJSON, FORMAT_GITHUB };
/* Whether a pack is held to all lints: by itself when it has manifests. */
enum rules_profile { PROFILE_AUTO, PROFILE_OWN, PROFILE_FOREIGN };

#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

struct rules_cli {
	enum rules_format format;
	enum rules_profile profile;
	bool has_colour, has_progress;
	unsigned columns;              /* of the terminal; 0: as wide as it gets */
	struct cli_unpacked *unpacked; /* packs that are ZIPs */
	size_t n_unpacked;
	struct rule_job job;
	struct rule_answers answers;
	const struct answer *done; /* of answers */
	char *engine;              /* "libyara 4.2.3", escaped; owned */
	size_t n_left_out;         /* files */
};

/* The verbs: argv[0] is the verb.  Each returns the exit status. */
int rules_check(int argc, char **argv);
int rules_list(int argc, char **argv);
int rules_explain(int argc, char **argv);
int rules_test(int argc, char **argv);
int rules_profile_verb(int argc, char **argv);
int rules_fingerprint(int argc, char **argv);

/* All checks, and one of them: what it looks at, why, how to mend it. */
int rules_list_checks(const struct rules_cli *c);
int rules_explain_check(const struct rules_cli *c, const char *id);

void rules_init(struct rules_cli *c);
/*
 * Free it all.  Returns status, or EXIT_ERROR when standard output did not take what
 * was written.
 */
int rules_end(struct rules_cli *c, int status);

/* The value of --format; false: told that it is none. */
bool rules_set_format(struct rules_cli *c, const char *value, bool may_be_github);
/* What getopt(3) did not take, or an option without sense: says where help is; EXIT_ERROR. */
int rules_refuse(const char *verb);

/*
 * The packs at these paths, or our own pack where there is none, with their manifests
 * and what else lies beside them.  false: told what is wrong.
 */
bool rules_add_packs(struct rules_cli *c, int n, char **paths);
/* All files of a pack as what is beside; false: told. */
bool rules_add_folder(struct rules_cli *c, enum beside_kind kind, const char *path);
/* Ask the checker; false: told what is wrong. */
bool rules_ask(struct rules_cli *c, enum check_verb verb);
/* Tell, on standard error, which files are left out: for verbs that go on without. */
void rules_tell_left_out(const struct rules_cli *c);

/* Text for a terminal and JSON; new. */
char *rules_path(const struct rules_cli *c, size_t file);
const char *rules_colour(const struct rules_cli *c, const char *code);
const char *rules_level_colour(const struct rules_cli *c, enum lint_level level);
/* Takes record. */
void rules_print_json(json_t *record);
/*
 * Print text behind indent blanks, broken between words at the terminal's width; the
 * first line goes on where used characters stand already.
 */
void rules_print_wrapped(const struct rules_cli *c, unsigned indent, unsigned used,
    const char *text);
/* Characters of UTF-8 text on a terminal, each one wide. */
size_t rules_width(const char *text);
/* The value of a rule's meta behind its RULE answer at index; NULL: none. */
const char *rules_meta(const struct rules_cli *c, size_t index, const char *key);
/* "s" unless n is 1. */
const char *plural(size_t n);

#endif

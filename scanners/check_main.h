/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_CHECK_MAIN_H
#define MH_SCANNERS_CHECK_MAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/channel.h"
#include "records/answer.h"
#include "records/checking.h"
#include "signatures/manifest.h"
#include "signatures/rule_text.h"
#include "signatures/rule_timing.h"
#include "signatures/ruleset.h"

/*
 * The checker's state, between its role file (check_main.c: what it is given) and
 * its verbs (check_verbs.c, check_lint.c, check_explain.c: what it says).  Rules and
 * manifests are hostile; by then nothing is left that they could reach.
 */

/* A text that was read whole. */
struct checked_text {
	char *path;
	char *text; /* NUL-terminated */
	size_t len;
};

struct checked_rules {
	struct checked_text file;
	char *name_space;
	bool is_own;
	bool is_used;                 /* known once compiled */
	mh_err fate;                  /* why it could not be read or added; MH_OK */
	struct checked_text manifest; /* path NULL: there is none */
	struct rule_text *text;
	struct manifest *read; /* NULL: none, or manifest_why */
	char *manifest_why;
};

struct checker {
	struct channel *agent;
	struct buf *answers; /* not sent yet */
	struct checked_rules *files;
	size_t n_files;
	struct checked_text retired, goodware;
	struct checked_text *compare;
	size_t n_compare;
	struct checked_text *previous;
	size_t n_previous;
	struct timing_sample *samples;
	size_t n_samples;
	size_t sample_bytes;
	struct check_request request;
	struct ruleset *rules; /* compiled before any verb */
};

/* Say it: sent when a message is full, or by checker_flush(). */
void checker_say(struct checker *c, const struct answer *answer);
void checker_flush(struct checker *c);
/* From here on the work is on that file; SIZE_MAX: on none.  Sent at once. */
void checker_at(struct checker *c, size_t file);
void checker_progress(struct checker *c, size_t done, size_t total);

/* Compile all files; says FILE, REMARK and RULE of them. */
void checker_compile(struct checker *c);

/* The verbs, once the files are compiled and read. */
void checker_lint(struct checker *c);
void checker_explain(struct checker *c);
void checker_test(struct checker *c);
void checker_profile(struct checker *c);
void checker_fingerprint(struct checker *c);

/* Whether the request is about rules of that name. */
bool checker_wants(const struct checker *c, const char *name, size_t len);

#endif

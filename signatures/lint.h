/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_LINT_H
#define MH_SIGNATURES_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "records/lint.h"
#include "signatures/manifest.h"
#include "signatures/rule_text.h"

/*
 * Looks for what is wrong with rules, by their text and manifests alone; what
 * only a compiler knows (C01, C03 to C05, P01 to P03) its caller says.  What each
 * lint means: records/lint.h, docs/RULES.md.
 *
 * Input: hostile.
 */
enum {
	LINT_REMARKS_MAX = 20, /* of one lint in one file; the rest is counted */
	/* Files of others to compare with; as RULE_FILES_MAX. */
	LINT_OTHERS_MAX = 20000,
	/* Runs of tokens of others that are kept: twelve times the largest public pack. */
	LINT_SHINGLES_MAX = 16 * 1024 * 1024,
	/* Strings of one rule that are compared with each other; ours have some 20. */
	LINT_PAIRS_MAX = 1000,
};

/* What is said of one place. */
struct lint_remark {
	enum lint lint;
	enum lint_level level;
	size_t file;                  /* in the order of lint_add() */
	unsigned line;                /* 0: of the file as a whole */
	const struct rule_word *rule; /* or NULL */
	const char *text;
};
typedef void lint_fn(void *ctx, const struct lint_remark *remark);
/* The work on a file begins; SIZE_MAX: on all together. */
typedef void lint_at_fn(void *ctx, size_t file);

/* Texts beside the rules; NULL where there is none.  All borrowed until lint_free(). */
struct lint_options {
	const char *today;   /* "2026-11-26" */
	bool is_strict;      /* Q03 is an error */
	const char *retired; /* ids that were used once, one a line */
	size_t retired_len;
	const char *goodware; /* the pack's record, JSON */
	size_t goodware_len;
	bool is_goodware_missing; /* no such file, in a pack of our own */
};

/* One file of rules.  text, path and manifest are borrowed until lint_free(). */
struct lint_source {
	const char *path;
	const char *text;
	size_t len;
	bool is_own;  /* all lints; else those for packs of others, as warnings */
	bool is_used; /* it compiled: what the text shows is what the rules are */
	const struct manifest *manifest; /* NULL: none, or one that cannot be read */
	const char *manifest_path;       /* NULL: there is none */
	const char *manifest_why;        /* why it cannot be read; NULL */
};

struct lint_run;

/* at may be NULL. */
struct lint_run *lint_new(const struct lint_options *options, lint_fn *say,
    lint_at_fn *at, void *ctx);
void lint_free(struct lint_run *l);
MH_DEFINE_CLEANUP(struct lint_run, lint_free);

void lint_add(struct lint_run *l, const struct lint_source *source);
/* Rules of others that ours may be too much like (Q05); the text is borrowed. */
void lint_add_other(struct lint_run *l, const char *path, const char *text, size_t len);
/* An earlier release of the pack (M03, N02); the text is borrowed. */
void lint_add_previous(struct lint_run *l, const char *text, size_t len);

/* Look at all of it, once. */
void lint_all(struct lint_run *l);

/* The level of a lint in a pack of that kind. */
enum lint_level lint_level_in(enum lint lint, bool is_own);
/* The fingerprint of the rules of our own packs among what was added. */
void lint_pack_fingerprint(const struct lint_run *l, char ret[65]);

#endif

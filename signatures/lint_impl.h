/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_LINT_IMPL_H
#define MH_SIGNATURES_LINT_IMPL_H

/* What the parts of signatures/lint.h share. */
#include "signatures/lint.h"

#include <stdint.h>

#include "signatures/scope.h"

struct lint_file {
	struct lint_source source;
	struct rule_text *text;    /* owned */
	struct scope_list *scopes; /* owned; of a pack of our own */
	size_t index;
	unsigned n_said[LINT_MAX_];
};

/* A file of others, or of an earlier release. */
struct lint_other {
	const char *path; /* NULL: of an earlier release */
	struct rule_text *text;
};

struct lint_run {
	struct lint_options options;
	lint_fn *say;
	lint_at_fn *at; /* or NULL */
	void *ctx;
	struct lint_file *files;
	size_t n_files;
	struct lint_other *others;
	size_t n_others;
};

/* Say it, at the level of the file's kind of pack, or not at all there. */
void lint_say(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    enum lint lint, unsigned line, const char *fmt, ...) MH_PRINTF(6, 7);
/* The same, at most at that level. */
void lint_say_at(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    enum lint lint, enum lint_level level, unsigned line, const char *fmt, ...)
    MH_PRINTF(7, 8);

/* The parts: of one rule. */
void lint_name(struct lint_run *l, struct lint_file *f, const struct rule_part *rule);
void lint_metas(struct lint_run *l, struct lint_file *f, const struct rule_part *rule);
void lint_strings(struct lint_run *l, struct lint_file *f, const struct rule_part *rule);
void lint_condition(struct lint_run *l, struct lint_file *f,
    const struct rule_part *rule);
void lint_manifest(struct lint_run *l, struct lint_file *f, const struct rule_part *rule);
/* Of all together. */
void lint_unique(struct lint_run *l);
void lint_goodware(struct lint_run *l);
void lint_likeness(struct lint_run *l);

/* The bytes of a literal: a text string, or a hex string without wildcards; new or NULL. */
uint8_t *lint_literal(const struct rule_string *s, size_t *ret_len);
/* Arguments for "%.*s", cut where they are long. */
enum { LINT_SHOWN_MAX = 80 };
#define LINT_SHOWN(w) (int)((w).len < LINT_SHOWN_MAX ? (w).len : LINT_SHOWN_MAX), (w).at

#endif

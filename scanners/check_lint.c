/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler and the lints have to say about files of rules.
 *
 * Runs in: checker.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scanners/check_main.h"
#include "signatures/lexer.h"
#include "signatures/lint.h"
#include "signatures/rule_hint.h"

/* libyara's strings are not const where ours are borrowed. */
static char *
borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void
say_remark(struct checker *c, size_t file, enum lint lint, unsigned line,
    const char *text)
{
	checker_say(c, &(struct answer){ .kind = ANSWER_REMARK,
			   .code = (uint8_t)lint,
			   .level = (uint8_t)lint_level_in(lint, c->files[file].is_own),
			   .file = (uint32_t)file,
			   .line = line,
			   .text = borrowed(text) });
}

static void
say_warnings(struct checker *c, const struct rule_file_result *result)
{
	unsigned n = result->n_warnings;

	for (unsigned i = 0; i < n && i < RULE_WARNINGS_MAX; i++)
		say_remark(c, result->index, LINT_C04, result->warnings[i].line,
		    result->warnings[i].message);
	if (n <= RULE_WARNINGS_MAX)
		return;
	MH_CLEANUP(freep)
	char *text =
	    xasprintf("and %u more warnings of this file", n - RULE_WARNINGS_MAX);

	say_remark(c, result->index, LINT_C04, 0, text);
}

/* libyara takes it, and what the author wrote behind it is no rule. */
static void
say_open_comment(struct checker *c, size_t file)
{
	const struct checked_text *t = &c->files[file].file;
	struct lexer lx;
	unsigned line = 1;

	if (t->text == NULL)
		return;
	lexer_init(&lx, t->text, t->len);
	while (lexer_next(&lx) != LEXER_END)
		continue;
	if (lx.open == NULL)
		return;
	for (const char *p = t->text; p < lx.open; p++)
		line += *p == '\n';
	say_remark(c, file, LINT_C04, line,
	    "a comment begins here that is never closed: nothing behind it is used");
}

static char *
why_left_out(const struct checked_rules *f, const struct rule_file_result *result,
    enum lint *ret_lint)
{
	if (f->fate == MH_ERR_TOOBIG)
		return xstrdup(
		    "larger than 64 MiB, or all files together than 256: split the "
		    "pack");
	return f->fate != MH_OK ? xstrdup("it cannot be read")
				: rule_hint(result->message, ret_lint);
}

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	struct checker *c = ctx;

	c->files[result->index].is_used = result->is_used;
	checker_say(c, &(struct answer){ .kind = ANSWER_FILE,
			   .file = result->index,
			   .code = result->is_used,
			   .a = result->n_warnings });
	if (result->is_used) {
		say_warnings(c, result);
		say_open_comment(c, result->index);
	} else {
		enum lint lint = LINT_C01;
		MH_CLEANUP(freep)
		char *text = why_left_out(&c->files[result->index], result, &lint);

		say_remark(c, result->index, lint, result->line, text);
	}
	checker_at(c, (size_t)result->index + 1);
}

static enum lint
lint_of_place(unsigned mask)
{
	switch (mask & (RULE_IN_FILES | RULE_IN_MEMORY)) {
	case RULE_IN_FILES:
		return LINT_P01;
	case RULE_IN_MEMORY:
		return LINT_P02;
	case 0:
		return LINT_P03;
	default:
		return LINT_MAX_;
	}
}

static void
say_metas(struct checker *c, const YR_RULE *rule)
{
	YR_META *meta = NULL;

	yr_rule_metas_foreach(rule, meta)
	{
		MH_CLEANUP(freep)
		char *value = meta->type == META_TYPE_STRING
				  ? xstrdup(meta->string)
				  : xasprintf("%lld", (long long)meta->integer);

		checker_say(c, &(struct answer){ .kind = ANSWER_META,
				   .rule = borrowed(rule->identifier),
				   .label = borrowed(meta->identifier),
				   .text = value });
	}
}

static void
say_rules(struct checker *c)
{
	for (unsigned i = 0; i < ruleset_n_rules(c->rules); i++) {
		const YR_RULE *rule = &ruleset_rules(c->rules)->rules_table[i];
		unsigned file = ruleset_file(c->rules, i);
		unsigned mask = ruleset_scope(c->rules, i);
		const char *reason = ruleset_scope_reason(c->rules, i);
		enum lint lint = lint_of_place(mask);

		if (!checker_wants(c, rule->identifier, strlen(rule->identifier)))
			continue;
		checker_say(c,
		    &(struct answer){ .kind = ANSWER_RULE,
			.file = file,
			.line = ruleset_line(c->rules, i),
			.code = (uint8_t)mask,
			.level =
			    lint < LINT_MAX_ ? (uint8_t)lint_level(lint) : LEVEL_INFO,
			.rule = borrowed(rule->identifier),
			.label = borrowed(lint < LINT_MAX_ ? lint_id(lint) : ""),
			.text = borrowed(reason) });
		if (c->request.verb == CHECK_VERB_LIST ||
		    c->request.verb == CHECK_VERB_EXPLAIN)
			say_metas(c, rule);
	}
}

void
checker_compile(struct checker *c)
{
	mh_err err = MH_OK;

	for (size_t i = 0; i < c->n_files; i++) {
		struct checked_rules *f = &c->files[i];

		if (f->fate == MH_OK)
			f->fate = ruleset_add(c->rules, f->name_space, f->file.text,
			    f->file.len);
		/* It keeps its place in the order, and is left out as any bad file. */
		if (f->fate != MH_OK)
			mh_ignore(ruleset_add(c->rules, f->name_space, "\0", 1));
	}
	checker_at(c, 0);
	err = ruleset_compile(c->rules, on_file, c);
	checker_at(c, SIZE_MAX);
	if (err == MH_OK)
		say_rules(c);
}

static void
on_remark(void *ctx, const struct lint_remark *remark)
{
	struct checker *c = ctx;
	MH_CLEANUP(freep)
	char *rule = remark->rule != NULL ? xstrndup(remark->rule->at, remark->rule->len)
					  : xstrdup("");

	checker_say(c, &(struct answer){ .kind = ANSWER_REMARK,
			   .code = (uint8_t)remark->lint,
			   .level = (uint8_t)remark->level,
			   .file = (uint32_t)remark->file,
			   .line = remark->line,
			   .rule = rule,
			   .text = borrowed(remark->text) });
}

static void
on_lint_file(void *ctx, size_t file)
{
	checker_at(ctx, file);
}

void
checker_lint(struct checker *c)
{
	struct lint_options options = { .today = c->request.today,
		.is_strict = c->request.is_strict,
		.retired = c->retired.text,
		.retired_len = c->retired.len,
		.goodware = c->goodware.text,
		.goodware_len = c->goodware.len,
		.is_goodware_missing = c->request.is_goodware_missing };
	MH_CLEANUP(lint_freep)
	struct lint_run *l = lint_new(&options, on_remark, on_lint_file, c);

	for (size_t i = 0; i < c->n_files; i++) {
		const struct checked_rules *f = &c->files[i];

		lint_add(l, &(struct lint_source){ .path = f->file.path,
				.text = f->file.text,
				.len = f->file.len,
				.is_own = f->is_own,
				.is_used = f->is_used,
				.manifest = f->read,
				.manifest_path = f->manifest.path,
				.manifest_why = f->manifest_why });
	}
	for (size_t i = 0; i < c->n_compare; i++)
		lint_add_other(l, c->compare[i].path, c->compare[i].text,
		    c->compare[i].len);
	for (size_t i = 0; i < c->n_previous; i++)
		lint_add_previous(l, c->previous[i].text, c->previous[i].len);
	lint_all(l);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/lint.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/lint_impl.h"
#include "signatures/rule_string.h"

enum { CHAINED_FROM = 200 }; /* bytes of a jump at which libyara cuts a string in two */

struct lint_run *
lint_new(const struct lint_options *options, lint_fn *say, lint_at_fn *at, void *ctx)
{
	struct lint_run *l = xcalloc(1, sizeof(*l));

	l->options = *options;
	l->say = say;
	l->at = at;
	l->ctx = ctx;
	return l;
}

void
lint_free(struct lint_run *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_files; i++) {
		rule_text_free(l->files[i].text);
		scope_list_free(l->files[i].scopes);
	}
	for (size_t i = 0; i < l->n_others; i++)
		rule_text_free(l->others[i].text);
	free(l->files);
	free(l->others);
	free(l);
}

/* As libyara does it: docs/RULES.md, "Rules in memory". */
static bool
is_chained(void *ctx, const char *name, size_t len)
{
	const struct rule_text *text = ctx;

	for (size_t i = 0; i < text->n_rules; i++) {
		const struct rule_part *rule = &text->rules[i];

		if (rule->name.len != len || memcmp(rule->name.at, name, len) != 0)
			continue;
		for (size_t k = 0; k < rule->n_strings; k++) {
			struct hex_facts h;

			if (rule->strings[k].kind != RULE_STRING_HEX)
				continue;
			rule_string_hex(&rule->strings[k].value, &h);
			if (h.max_jump > CHAINED_FROM)
				return true;
		}
		return false;
	}
	return false;
}

void
lint_add(struct lint_run *l, const struct lint_source *source)
{
	l->files = xreallocarray(l->files, l->n_files + 1, sizeof(*l->files));
	struct lint_file *f = &l->files[l->n_files];

	*f = (struct lint_file){ .source = *source, .index = l->n_files++ };
	f->text = rule_text_read(source->text, source->len);
	if (source->is_own)
		f->scopes =
		    scope_list_read(source->text, source->len, is_chained, f->text);
}

static void
add_other(struct lint_run *l, const char *path, const char *text, size_t len)
{
	if (l->n_others == LINT_OTHERS_MAX)
		return;
	l->others = xreallocarray(l->others, l->n_others + 1, sizeof(*l->others));
	l->others[l->n_others++] = (struct lint_other){ path, rule_text_read(text, len) };
}

void
lint_add_other(struct lint_run *l, const char *path, const char *text, size_t len)
{
	add_other(l, path, text, len);
}

void
lint_add_previous(struct lint_run *l, const char *text, size_t len)
{
	add_other(l, NULL, text, len);
}

enum lint_level
lint_level_in(enum lint lint, bool is_own)
{
	enum lint_level level = lint_level(lint);

	if (is_own)
		return lint == LINT_C04 ? LEVEL_ERROR : level;
	/* What is not used at all is no matter of taste. */
	if (lint == LINT_P03 || level < LEVEL_WARNING)
		return level;
	return LEVEL_WARNING;
}

static void
say(struct lint_run *l, struct lint_file *f, const struct rule_part *rule, enum lint lint,
    enum lint_level most, unsigned line, const char *fmt, va_list args)
{
	enum lint_level level = lint_level_in(lint, f->source.is_own);
	struct lint_remark remark = { .lint = lint,
		.level = level < most ? level : most,
		.file = f->index,
		.line = line,
		.rule = rule != NULL ? &rule->name : NULL };
	char *text = NULL;

	if (lint == LINT_Q03 && l->options.is_strict)
		remark.level = LEVEL_ERROR;
	if ((!f->source.is_own && !lint_is_foreign(lint)) ||
	    f->n_said[lint]++ >= LINT_REMARKS_MAX || vasprintf(&text, fmt, args) < 0)
		return;
	remark.text = text;
	l->say(l->ctx, &remark);
	free(text);
}

void
lint_say(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    enum lint lint, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(l, f, rule, lint, LEVEL_ERROR, line, fmt, args);
	va_end(args);
}

void
lint_say_at(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    enum lint lint, enum lint_level level, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(l, f, rule, lint, level, line, fmt, args);
	va_end(args);
}

/* Modules that parse every file, or that are not everywhere; "pe" and "math" may be. */
static void
lint_imports(struct lint_run *l, struct lint_file *f)
{
	for (size_t i = 0; i < f->text->n_imports; i++) {
		const struct rule_word *w = &f->text->imports[i];

		if (!rule_word_is(w, "pe") && !rule_word_is(w, "math"))
			lint_say(l, f, NULL, LINT_C02, w->line,
			    "it imports \"%.*s\"; only pe and math may be",
			    LINT_SHOWN(*w));
	}
}

static void
lint_rule(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	lint_name(l, f, rule);
	lint_metas(l, f, rule);
	lint_strings(l, f, rule);
	lint_condition(l, f, rule);
	lint_manifest(l, f, rule);
}

static void
tell_rest(struct lint_run *l, struct lint_file *f)
{
	for (unsigned i = 0; i < LINT_MAX_; i++) {
		unsigned n = f->n_said[i];

		if (n <= LINT_REMARKS_MAX)
			continue;
		f->n_said[i] = 0;
		lint_say(l, f, NULL, (enum lint)i, 0, "and %u more of these in this file",
		    n - LINT_REMARKS_MAX);
	}
}

void
lint_all(struct lint_run *l)
{
	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		if (!f->source.is_used)
			continue;
		if (l->at != NULL)
			l->at(l->ctx, i);
		lint_imports(l, f);
		if (f->source.is_own && f->text->n_rules > 1)
			lint_say(l, f, NULL, LINT_Q01, f->text->rules[1].name.line,
			    "a file of our own holds one rule; its manifest is that "
			    "rule's");
		for (size_t k = 0; k < f->text->n_rules; k++)
			lint_rule(l, f, &f->text->rules[k]);
	}
	if (l->at != NULL)
		l->at(l->ctx, SIZE_MAX);
	lint_unique(l);
	lint_goodware(l);
	lint_likeness(l);
	for (size_t i = 0; i < l->n_files; i++)
		tell_rest(l, &l->files[i]);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests, times and fingerprints of rules.
 *
 * Runs in: checker.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scanners/check_main.h"
#include "signatures/fingerprint.h"
#include "signatures/proof.h"

/* The rule of a test, for what is said of it. */
struct teller {
	struct checker *c;
	const char *rule;
};

static void
on_failure(void *ctx, const char *kind, const char *name, const char *text)
{
	const struct teller *t = ctx;
	MH_CLEANUP(freep) char *label = xasprintf("%s: %s", kind, name);

	checker_say(t->c, &(struct answer){ .kind = ANSWER_FAILURE,
			      .rule = (char *)(uintptr_t)t->rule,
			      .label = label,
			      .text = (char *)(uintptr_t)text });
}

static void
on_tally(void *ctx, const char *kind, uint64_t n, uint64_t n_failed)
{
	const struct teller *t = ctx;

	checker_say(t->c, &(struct answer){ .kind = ANSWER_TALLY,
			      .rule = (char *)(uintptr_t)t->rule,
			      .label = (char *)(uintptr_t)kind,
			      .a = n,
			      .b = n_failed });
}

static const struct proof_ops proof_ops = { on_failure, on_tally };

static void
fail_whole(struct checker *c, const char *rule, const char *text)
{
	struct teller t = { c, rule };

	on_failure(&t, "manifest", "reading it", text);
	on_tally(&t, "manifest", 1, 1);
}

static void
ignore_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

static void
prove(struct checker *c, const struct checked_rules *f, const struct rule_part *part,
    struct rule_scan *pack)
{
	MH_CLEANUP(ruleset_freep) struct ruleset *rs = ruleset_new();
	mh_err err = ruleset_add(rs, f->name_space, f->file.text, f->file.len);
	struct teller t = { c, f->read->values.rule };

	if (err == MH_OK)
		err = ruleset_compile(rs, ignore_file, NULL);
	MH_CLEANUP(rule_scan_freep)
	struct rule_scan *alone = err == MH_OK ? rule_scan_new(rs) : NULL;

	if (alone == NULL) {
		fail_whole(c, t.rule, mh_strerror(err != MH_OK ? err : MH_ERR_MEMORY));
		return;
	}
	proof_run(&(struct proof_rule){ .manifest = f->read,
		      .part = part,
		      .text = f->file.text,
		      .len = f->file.len,
		      .manifest_text = f->manifest.text,
		      .manifest_len = f->manifest.len,
		      .alone = alone,
		      .pack = pack,
		      .seed = c->request.seed },
	    &proof_ops, &t);
}

/* The rule that the manifest is of, or NULL. */
static const struct rule_part *
rule_of(const struct checked_rules *f)
{
	for (size_t i = 0; f->read != NULL && i < f->text->n_rules; i++) {
		if (rule_word_is(&f->text->rules[i].name, f->read->values.rule))
			return &f->text->rules[i];
	}
	return NULL;
}

static void
test_file(struct checker *c, const struct checked_rules *f, struct rule_scan *pack)
{
	const struct rule_part *part = rule_of(f);
	MH_CLEANUP(freep)
	char *name = f->text->n_rules > 0
			 ? xstrndup(f->text->rules[0].name.at, f->text->rules[0].name.len)
			 : xstrdup("");

	if (part != NULL && checker_wants(c, part->name.at, part->name.len))
		prove(c, f, part, pack);
	else if (f->manifest_why != NULL && checker_wants(c, name, strlen(name)))
		fail_whole(c, name, f->manifest_why);
	else if (f->read != NULL && part == NULL)
		fail_whole(c, f->read->values.rule, "the file has no rule of that name");
}

void
checker_test(struct checker *c)
{
	MH_CLEANUP(rule_scan_freep)
	struct rule_scan *pack =
	    ruleset_n_rules(c->rules) > 0 ? rule_scan_new(c->rules) : NULL;

	for (size_t i = 0; i < c->n_files && pack != NULL; i++) {
		checker_at(c, i);
		if (c->files[i].is_used)
			test_file(c, &c->files[i], pack);
		checker_progress(c, i + 1, c->n_files);
	}
	checker_at(c, SIZE_MAX);
}

static void
profile_rule(struct checker *c, size_t file, const struct rule_part *part)
{
	MH_CLEANUP(freep) char *name = xstrndup(part->name.at, part->name.len);
	struct rule_cost cost;
	mh_err err =
	    rule_timing(c->files[file].text, part, c->samples, c->n_samples, &cost);
	const char *text = err != MH_OK      ? mh_strerror(err)
			   : cost.is_partial ? "it took more than 20 s, and was stopped"
			   : cost.is_whole
			       ? "with the other rules of its file, which it needs"
			       : "";

	checker_say(c, &(struct answer){ .kind = ANSWER_TIME,
			   .code = err == MH_OK,
			   .file = (uint32_t)file,
			   .line = part->name.line,
			   .rule = name,
			   .text = (char *)(uintptr_t)text,
			   .a = cost.ns,
			   .b = cost.n_atoms });
}

void
checker_profile(struct checker *c)
{
	size_t total = ruleset_n_rules(c->rules);
	size_t n = 0;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct checked_rules *f = &c->files[i];

		if (!f->is_used)
			continue;
		checker_at(c, i);
		for (size_t k = 0; k < f->text->n_rules; k++) {
			if (checker_wants(c, f->text->rules[k].name.at,
				f->text->rules[k].name.len))
				profile_rule(c, i, &f->text->rules[k]);
			checker_progress(c, ++n, total);
		}
	}
	checker_at(c, SIZE_MAX);
}

/*
 * Where the fingerprint of a rule stands or should: the bytes between the quotes, or
 * none behind the last meta, with what has to stand before.
 */
static void
say_fingerprint(struct checker *c, size_t file, const struct rule_part *part)
{
	const struct checked_rules *f = &c->files[file];
	const struct rule_meta *m = rule_meta_find(part, "fingerprint");
	MH_CLEANUP(freep) char *name = xstrndup(part->name.at, part->name.len);
	char is[FINGERPRINT_HEX + 1];
	struct answer a = { .kind = ANSWER_FINGERPRINT,
		.file = (uint32_t)file,
		.rule = name,
		.text = is };

	fingerprint_rule(part, is);
	if (m != NULL && m->kind == RULE_META_TEXT) {
		a.a = (uint64_t)(m->value.at - f->file.text);
		a.b = a.a + m->value.len;
		a.code = rule_word_is(&m->value, is);
		a.label = (char *)(uintptr_t) "replace";
	} else if (m == NULL && part->n_metas > 0) {
		const struct rule_word *last = &part->metas[part->n_metas - 1].value;
		const char *end = last->at + last->len;

		end += *end == '"';
		a.a = a.b = (uint64_t)(end - f->file.text);
		a.label = (char *)(uintptr_t) "insert";
	}
	checker_say(c, &a);
}

void
checker_fingerprint(struct checker *c)
{
	char **names = NULL;
	char **hashes = NULL;
	char pack[FINGERPRINT_HEX + 1];
	size_t n = 0;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct rule_text *t = c->files[i].text;

		for (size_t k = 0; k < t->n_rules; k++) {
			names = xreallocarray(names, n + 1, sizeof(*names));
			hashes = xreallocarray(hashes, n + 1, sizeof(*hashes));
			names[n] = xstrndup(t->rules[k].name.at, t->rules[k].name.len);
			hashes[n] = xcalloc(1, FINGERPRINT_HEX + 1);
			fingerprint_rule(&t->rules[k], hashes[n++]);
			say_fingerprint(c, i, &t->rules[k]);
		}
	}
	fingerprint_pack((const char *const *)names, (const char *const *)hashes, n,
	    pack);
	checker_say(c, &(struct answer){ .kind = ANSWER_FINGERPRINT,
			   .file = UINT32_MAX,
			   .text = pack });
	for (size_t i = 0; i < n; i++) {
		free(names[i]);
		free(hashes[i]);
	}
	free(names);
	free(hashes);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lints of what lies beside rules: manifests (Q01) and the record of goodware (Q03).
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/fingerprint.h"
#include "signatures/lint_impl.h"
#include "signatures/rule_string.h"

enum { FACT_BYTES_MAX = 64 * 1024 };

/* Whether the manifest's value is what the rule looks for. */
static bool
is_same_value(const struct rule_string *s, const struct manifest_fact *fact)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(FACT_BYTES_MAX);
	struct manifest_fact plain = *fact;
	size_t len = 0;
	MH_CLEANUP(freep) uint8_t *bytes = lint_literal(s, &len);

	/* Wide ones are the same characters. */
	if (plain.kind == FACT_WIDE)
		plain.kind = FACT_ASCII;
	manifest_fact_bytes(&plain, b);
	if (s->kind == RULE_STRING_REGEX)
		return true; /* the tests show whether it matches */
	if (s->kind == RULE_STRING_HEX)
		return fact->kind == FACT_HEX &&
		       rule_string_hex_matches(&s->value, buf_data(b), buf_len(b));
	return bytes != NULL && len == buf_len(b) && memcmp(bytes, buf_data(b), len) == 0;
}

static void
lint_facts(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct manifest *m = f->source.manifest;

	for (size_t i = 0; i < rule->n_strings; i++) {
		const struct rule_string *s = &rule->strings[i];
		unsigned fact = manifest_find(m, s->name.at, s->name.len);
		bool is_wide = (s->flags & RULE_STRING_WIDE) != 0;

		if (fact == m->n_facts) {
			lint_say(l, f, rule, LINT_Q01, s->name.line,
			    "%.*s has no fact in %s", LINT_SHOWN(s->name),
			    f->source.manifest_path);
			continue;
		}
		if (!is_same_value(s, &m->facts[fact]))
			lint_say(l, f, rule, LINT_Q01, s->name.line,
			    "%.*s is not what the manifest documents",
			    LINT_SHOWN(s->name));
		else if (s->kind == RULE_STRING_TEXT &&
			 is_wide != (m->facts[fact].kind == FACT_WIDE ||
					m->facts[fact].kind == FACT_BOTH))
			lint_say(l, f, rule, LINT_Q01, s->name.line,
			    "%.*s is %swide here and %swide in the manifest",
			    LINT_SHOWN(s->name), is_wide ? "" : "not ",
			    is_wide ? "not " : "");
		if (m->values.status == STATUS_RELEASED &&
		    m->facts[fact].evidence != EVIDENCE_V)
			lint_say(l, f, rule, LINT_Q01, s->name.line,
			    "%.*s is of evidence R, and the rule is RELEASED",
			    LINT_SHOWN(s->name));
	}
	for (unsigned i = 0; i < m->n_facts; i++) {
		const char *name = m->facts[i].string;

		if (rule_string_find(rule, name, strlen(name)) == NULL)
			lint_say(l, f, rule, LINT_Q01, rule->name.line,
			    "%s documents %s, which the rule has not",
			    f->source.manifest_path, name);
	}
}

static void
lint_same(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const char *key, const char *value)
{
	const struct rule_meta *m = rule_meta_find(rule, key);

	if (m != NULL && !rule_word_is(&m->value, value))
		lint_say(l, f, rule, LINT_Q01, m->key.line,
		    "%s is \"%.*s\" here and \"%s\" in the manifest", key,
		    LINT_SHOWN(m->value), value);
}

void
lint_manifest(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct manifest *m = f->source.manifest;

	if (m == NULL) {
		if (f->source.manifest_why != NULL)
			lint_say(l, f, rule, LINT_Q01, 0,
			    "its manifest cannot be read: %s", f->source.manifest_why);
		else
			lint_say(l, f, rule, LINT_Q01, rule->name.line,
			    "no manifest of the same name, .yaml, lies beside it");
		return;
	}
	if (!rule_word_is(&rule->name, m->values.rule))
		lint_say(l, f, rule, LINT_Q01, rule->name.line,
		    "its manifest is that of the rule %s", m->values.rule);
	lint_same(l, f, rule, "scope", manifest_scope_name(m->values.scope));
	lint_same(l, f, rule, "container", manifest_container_name(m->values.container));
	lint_same(l, f, rule, "status", manifest_status_name(m->values.status));
	lint_facts(l, f, rule);
}

void
lint_pack_fingerprint(const struct lint_run *l, char ret[FINGERPRINT_HEX + 1])
{
	char **names = NULL;
	char **hashes = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->n_files; i++) {
		const struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			const struct rule_part *rule = &f->text->rules[k];

			names = xreallocarray(names, n + 1, sizeof(*names));
			hashes = xreallocarray(hashes, n + 1, sizeof(*hashes));
			names[n] = xstrndup(rule->name.at, rule->name.len);
			hashes[n] = xcalloc(1, FINGERPRINT_HEX + 1);
			fingerprint_rule(rule, hashes[n]);
			n++;
		}
	}
	fingerprint_pack((const char *const *)names, (const char *const *)hashes, n, ret);
	for (size_t i = 0; i < n; i++) {
		free(names[i]);
		free(hashes[i]);
	}
	free(names);
	free(hashes);
}

/* The first file of our own: what concerns the pack is said there. */
static struct lint_file *
first_own(struct lint_run *l)
{
	for (size_t i = 0; i < l->n_files; i++) {
		if (l->files[i].source.is_own && l->files[i].source.is_used)
			return &l->files[i];
	}
	return NULL;
}

static bool
is_released(const struct lint_run *l, const char *name, struct lint_file **ret_file,
    const struct rule_part **ret_rule)
{
	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			const struct rule_part *rule = &f->text->rules[k];
			const struct rule_meta *m = rule_meta_find(rule, "status");

			if (!rule_word_is(&rule->name, name))
				continue;
			*ret_file = f;
			*ret_rule = rule;
			return m != NULL && rule_word_is(&m->value, "RELEASED");
		}
	}
	return false;
}

static void
lint_hits(struct lint_run *l, const json_t *hits)
{
	const json_t *hit = NULL;
	size_t i = 0;

	json_array_foreach(hits, i, hit)
	{
		const char *rule_name = json_string_value(json_object_get(hit, "rule"));
		const char *package = json_string_value(json_object_get(hit, "package"));
		const char *path = json_string_value(json_object_get(hit, "path"));
		const struct rule_part *rule = NULL;
		struct lint_file *f = NULL;

		if (rule_name != NULL && is_released(l, rule_name, &f, &rule))
			lint_say(l, f, rule, LINT_Q03, rule->name.line,
			    "it is RELEASED and hits %.256s of the package %.128s",
			    path != NULL ? path : "?", package != NULL ? package : "?");
	}
}

static void
lint_record(struct lint_run *l, struct lint_file *f, const json_t *record)
{
	const char *was = json_string_value(json_object_get(record, "pack_fingerprint"));
	json_int_t packages = json_integer_value(json_object_get(record, "packages"));
	const json_t *hits = json_object_get(record, "hits");
	char is[FINGERPRINT_HEX + 1];

	lint_pack_fingerprint(l, is);
	if (was == NULL || packages < 1 || !json_is_array(hits)) {
		lint_say(l, f, NULL, LINT_Q03, 0,
		    "goodware.json has no pack_fingerprint, packages or hits");
		return;
	}
	if (strcmp(is, was) != 0)
		lint_say(l, f, NULL, LINT_Q03, 0,
		    "goodware.json is of another pack (%.12s..., this one is %.12s...): "
		    "rules "
		    "changed since",
		    was, is);
	lint_hits(l, hits);
}

void
lint_goodware(struct lint_run *l)
{
	struct lint_file *f = first_own(l);
	json_error_t error;

	if (f == NULL || (l->options.goodware == NULL && !l->options.is_goodware_missing))
		return;
	if (l->options.goodware == NULL) {
		lint_say(l, f, NULL, LINT_Q03, 0,
		    "no goodware.json lies beside the pack: what it does to ordinary "
		    "software "
		    "is not known");
		return;
	}
	json_t *record = json_loadb(l->options.goodware, l->options.goodware_len,
	    JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(record))
		lint_record(l, f, record);
	else
		lint_say(l, f, NULL, LINT_Q03, 0, "goodware.json:%d:%d: %.160s",
		    error.line, error.column, record == NULL ? error.text : "no object");
	json_decref(record);
}

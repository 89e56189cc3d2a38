/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lints of all rules together: N02, S04 across rules, M03 across releases.
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/fingerprint.h"
#include "signatures/lint_impl.h"

enum { UUID_LEN = 36 };

/* "xxxxxxxx-xxxx-Vxxx-Nxxx-xxxxxxxxxxxx", RFC 9562, version 4 or 5. */
static bool
is_uuid(const struct rule_word *w)
{
	if (w->len != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? w->at[i] != '-' : !isxdigit((unsigned char)w->at[i]))
			return false;
	}
	return (w->at[14] == '4' || w->at[14] == '5') &&
	       strchr("89abAB", w->at[19]) != NULL;
}

/* A rule of some file, to be sorted by what is compared. */
struct entry {
	struct lint_file *file;
	const struct rule_part *rule;
	const char *key; /* borrowed */
	size_t len;
	const struct rule_string *string; /* of a table of strings */
	uint8_t *bytes; /* owned; the key, where it is not in the text */
};

struct table {
	struct entry *entries;
	size_t n, n_allocated;
};

static struct entry *
table_add(struct table *t, struct lint_file *f, const struct rule_part *rule)
{
	if (t->n == t->n_allocated) {
		t->n_allocated = t->n_allocated * 2 + 64;
		t->entries =
		    xreallocarray(t->entries, t->n_allocated, sizeof(*t->entries));
	}
	t->entries[t->n] = (struct entry){ .file = f, .rule = rule };
	return &t->entries[t->n++];
}

static void
table_clear(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->entries[i].bytes);
	free(t->entries);
	*t = (struct table){ .n = 0 };
}

static int
compare_keys(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->key, y->key, len);

	if (order == 0 && x->len != y->len)
		order = x->len < y->len ? -1 : 1;
	/* Of equal ones, in the order of the files. */
	if (order == 0)
		order = x->file->index < y->file->index   ? -1
			: x->file->index > y->file->index ? 1
			: x->rule < y->rule               ? -1
							  : x->rule > y->rule;
	return order;
}

static void
table_sort(struct table *t)
{
	if (t->n > 0)
		qsort(t->entries, t->n, sizeof(*t->entries), compare_keys);
}

/* Whether entry i has the key of the one before it, in another rule. */
static bool
is_repeated(const struct table *t, size_t i)
{
	const struct entry *e = &t->entries[i];
	const struct entry *before = i > 0 ? &t->entries[i - 1] : NULL;

	return before != NULL && before->len == e->len && before->rule != e->rule &&
	       memcmp(before->key, e->key, e->len) == 0;
}

static void
lint_names(struct lint_run *l)
{
	struct table t = { .n = 0 };

	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			struct entry *e = table_add(&t, f, &f->text->rules[k]);

			e->key = e->rule->name.at;
			e->len = e->rule->name.len;
		}
	}
	table_sort(&t);
	for (size_t i = 1; i < t.n; i++) {
		const struct entry *e = &t.entries[i];

		if (is_repeated(&t, i))
			lint_say(l, e->file, e->rule, LINT_N02, e->rule->name.line,
			    "%s has a rule of that name, too", e[-1].file->source.path);
	}
	table_clear(&t);
}

static bool
is_retired(const struct lint_run *l, const struct rule_word *id)
{
	return id->len == UUID_LEN && l->options.retired != NULL &&
	       memmem(l->options.retired, l->options.retired_len, id->at, id->len) !=
		   NULL;
}

static void
lint_ids(struct lint_run *l)
{
	struct table t = { .n = 0 };

	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			const struct rule_part *rule = &f->text->rules[k];
			const struct rule_meta *id = rule_meta_find(rule, "id");

			if (id == NULL || id->value.len == 0)
				continue;
			if (!is_uuid(&id->value))
				lint_say(l, f, rule, LINT_N02, id->key.line,
				    "\"%.*s\" is no UUID of version 4 or 5",
				    LINT_SHOWN(id->value));
			if (is_retired(l, &id->value))
				lint_say(l, f, rule, LINT_N02, id->key.line,
				    "its id was another rule's, says retired.txt; draw a "
				    "new one");
			struct entry *e = table_add(&t, f, rule);

			e->key = id->value.at;
			e->len = id->value.len;
		}
	}
	table_sort(&t);
	for (size_t i = 1; i < t.n; i++) {
		const struct entry *e = &t.entries[i];

		if (is_repeated(&t, i))
			lint_say(l, e->file, e->rule, LINT_N02, e->rule->name.line,
			    "its id is that of %.*s, too", LINT_SHOWN(e[-1].rule->name));
	}
	table_clear(&t);
}

/* The same literal in rules of two families: which one is it? */
static void
lint_shared(struct lint_run *l)
{
	struct table t = { .n = 0 };

	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			const struct rule_part *rule = &f->text->rules[k];

			for (size_t s = 0; s < rule->n_strings; s++) {
				size_t len = 0;
				uint8_t *bytes = lint_literal(&rule->strings[s], &len);

				if (bytes == NULL)
					continue;
				struct entry *e = table_add(&t, f, rule);

				e->key = (const char *)bytes;
				e->bytes = bytes;
				e->len = len;
				e->string = &rule->strings[s];
			}
		}
	}
	table_sort(&t);
	for (size_t i = 1; i < t.n; i++) {
		const struct entry *e = &t.entries[i];

		if (is_repeated(&t, i))
			lint_say_at(l, e->file, e->rule, LINT_S04, LEVEL_WARNING,
			    e->string->name.line, "%.*s is a string of %.*s, too",
			    LINT_SHOWN(e->string->name), LINT_SHOWN(e[-1].rule->name));
	}
	table_clear(&t);
}

static const struct rule_part *
find_previous(const struct lint_run *l, const struct rule_word *id)
{
	for (size_t i = 0; i < l->n_others; i++) {
		const struct rule_text *t = l->others[i].text;

		for (size_t k = 0; l->others[i].path == NULL && k < t->n_rules; k++) {
			const struct rule_meta *m = rule_meta_find(&t->rules[k], "id");

			if (m != NULL && m->value.len == id->len &&
			    memcmp(m->value.at, id->at, id->len) == 0)
				return &t->rules[k];
		}
	}
	return NULL;
}

static unsigned
version_of(const struct rule_part *rule)
{
	const struct rule_meta *m = rule_meta_find(rule, "version");
	unsigned n = 0;

	for (size_t i = 0; m != NULL && i < m->value.len && i < 9; i++) {
		if (isdigit((unsigned char)m->value.at[i]))
			n = n * 10 + (unsigned)(m->value.at[i] - '0');
	}
	return n;
}

/* M03: what a rule looks for changed since an earlier release, and its version did not. */
static void
lint_changes(struct lint_run *l)
{
	for (size_t i = 0; i < l->n_files; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++) {
			const struct rule_part *rule = &f->text->rules[k];
			const struct rule_meta *id = rule_meta_find(rule, "id");
			const struct rule_part *old =
			    id != NULL ? find_previous(l, &id->value) : NULL;
			char is[FINGERPRINT_HEX + 1];
			char was[FINGERPRINT_HEX + 1];

			if (old == NULL)
				continue;
			fingerprint_rule(rule, is);
			fingerprint_rule(old, was);
			if (strcmp(is, was) != 0 && version_of(rule) <= version_of(old))
				lint_say(l, f, rule, LINT_M03, rule->name.line,
				    "it looks for something else than before and is "
				    "version %u "
				    "still",
				    version_of(rule));
		}
	}
}

void
lint_unique(struct lint_run *l)
{
	lint_names(l);
	lint_ids(l);
	lint_shared(l);
	lint_changes(l);
}

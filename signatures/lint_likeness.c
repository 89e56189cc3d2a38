/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lint of rules that are too much like those of others: Q05.
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/siphash.h"
#include "signatures/lexer.h"
#include "signatures/lint_impl.h"

enum { SHINGLE_TOKENS = 5, LIKENESS_PERCENT = 60 };

/* One run of tokens, by its hash, of a rule of others. */
struct shingle {
	uint64_t hash;
	uint32_t rule;
};

struct shingles {
	struct shingle *items;
	size_t n, n_allocated;
};

static void
add_shingle(struct shingles *s, uint64_t hash, uint32_t rule)
{
	if (s->n == LINT_SHINGLES_MAX)
		return;
	if (s->n == s->n_allocated) {
		s->n_allocated = s->n_allocated * 2 + 1024;
		s->items = xreallocarray(s->items, s->n_allocated, sizeof(*s->items));
	}
	s->items[s->n++] = (struct shingle){ hash, rule };
}

/* FNV-1a: nobody gains by two tokens that meet. */
static uint64_t
hash_token(const char *token, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)token[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The runs of tokens of strings and condition. */
static void
add_shingles(struct shingles *s, const struct rule_part *rule, uint32_t number)
{
	static const uint8_t key[SIPHASH_KEY_BYTES] = { 0 };
	const struct rule_word *sections[] = { &rule->strings_text, &rule->condition };
	uint64_t hashes[SHINGLE_TOKENS] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < MH_ARRAY_LEN(sections); i++) {
		struct lexer lx;

		if (sections[i]->at == NULL)
			continue;
		lexer_init(&lx, sections[i]->at, sections[i]->len);
		while (lexer_next(&lx) != LEXER_END) {
			memmove(hashes, hashes + 1, sizeof(hashes) - sizeof(*hashes));
			hashes[SHINGLE_TOKENS - 1] = hash_token(lx.token, lx.len);
			if (++n >= SHINGLE_TOKENS)
				add_shingle(s, siphash_words(key, hashes, SHINGLE_TOKENS),
				    number);
		}
	}
}

static int
compare_shingles(const void *a, const void *b)
{
	const struct shingle *x = a;
	const struct shingle *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* Sorted, each once. */
static void
settle(struct shingles *s)
{
	size_t n = 0;

	if (s->n > 0)
		qsort(s->items, s->n, sizeof(*s->items), compare_shingles);
	for (size_t i = 0; i < s->n; i++) {
		if (i == 0 || compare_shingles(&s->items[i], &s->items[i - 1]) != 0)
			s->items[n++] = s->items[i];
	}
	s->n = n;
}

static size_t
first_at_least(const struct shingles *s, uint64_t hash)
{
	size_t low = 0;
	size_t high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->items[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rule of others with most runs of ours; how many of them it has. */
static size_t
closest(const struct shingles *ours, const struct shingles *others, unsigned *counts,
    uint32_t n_rules, uint32_t *ret)
{
	memset(counts, 0, n_rules * sizeof(*counts));
	for (size_t i = 0; i < ours->n; i++) {
		uint64_t hash = ours->items[i].hash;

		for (size_t k = first_at_least(others, hash);
		     k < others->n && others->items[k].hash == hash; k++)
			counts[others->items[k].rule]++;
	}
	*ret = 0;
	for (uint32_t i = 1; i < n_rules; i++) {
		if (counts[i] > counts[*ret])
			*ret = i;
	}
	return counts[*ret];
}

/* The rules of others, numbered through all files. */
struct foreign_rule {
	const char *path;
	const struct rule_part *rule;
};

static void
compare_rule(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct shingles *others, const struct foreign_rule *rules, uint32_t n_rules)
{
	MH_CLEANUP(freep) unsigned *counts = xcalloc(n_rules, sizeof(*counts));
	struct shingles ours = { .n = 0 };
	uint32_t which = 0;

	add_shingles(&ours, rule, 0);
	settle(&ours);
	size_t n = closest(&ours, others, counts, n_rules, &which);

	if (ours.n > 0 && n * 100 >= ours.n * LIKENESS_PERCENT)
		lint_say(l, f, rule, LINT_Q05, rule->name.line,
		    "%zu %% of its text is in %.*s of %s: write it from the facts",
		    n * 100 / ours.n, LINT_SHOWN(rules[which].rule->name),
		    rules[which].path);
	free(ours.items);
}

void
lint_likeness(struct lint_run *l)
{
	struct shingles others = { .n = 0 };
	MH_CLEANUP(freep) struct foreign_rule *rules = NULL;
	uint32_t n_rules = 0;

	for (size_t i = 0; i < l->n_others; i++) {
		const struct lint_other *o = &l->others[i];

		for (size_t k = 0; o->path != NULL && k < o->text->n_rules; k++) {
			rules = xreallocarray(rules, n_rules + 1, sizeof(*rules));
			rules[n_rules] =
			    (struct foreign_rule){ o->path, &o->text->rules[k] };
			add_shingles(&others, &o->text->rules[k], n_rules++);
		}
	}
	settle(&others);
	for (size_t i = 0; i < l->n_files && n_rules > 0; i++) {
		struct lint_file *f = &l->files[i];

		for (size_t k = 0; f->source.is_own && k < f->text->n_rules; k++)
			compare_rule(l, f, &f->text->rules[k], &others, rules, n_rules);
	}
	free(others.items);
}

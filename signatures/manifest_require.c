/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rule's condition requires, as data: "2 of $a $b and 1 of $c".
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/manifest_impl.h"

unsigned
manifest_find_value(const struct manifest_values *v, const char *name, size_t len)
{
	const struct manifest_fact *facts = v->facts.items;
	unsigned i = 0;

	while (i < v->facts.n && (strlen(facts[i].string) != len ||
				     memcmp(facts[i].string, name, len) != 0))
		i++;
	return i;
}

/* The next word of *at, which is moved behind it; its length, 0 at the end. */
static size_t
next_word(const char **at, const char **ret)
{
	*at += strspn(*at, " \t");
	*ret = *at;
	size_t len = strcspn(*at, " \t");

	*at += len;
	return len;
}

/* "N of": NULL, or what is wrong, new. */
static char *
parse_count(const char **at, unsigned *ret)
{
	const char *word = NULL;
	size_t len = next_word(at, &word);
	MH_CLEANUP(freep) char *number = xstrndup(word, len);
	uint64_t n = 0;

	if (parse_u64(number, 1, MANIFEST_FACTS_MAX, &n) != MH_OK)
		return xasprintf("\"%s\" is no count; a term is \"2 of $a $b $c\"",
		    number);
	len = next_word(at, &word);
	if (len != 2 || memcmp(word, "of", 2) != 0)
		return xstrdup("\"of\" is missing; a term is \"2 of $a $b $c\"");
	*ret = (unsigned)n;
	return NULL;
}

/* "N of $a $b" up to "and" or the end; *ret_more: "and" came. */
static char *
parse_part(const struct manifest_values *v, const char **at, uint64_t *ret_of,
    unsigned *ret_n, bool *ret_more)
{
	const char *word = NULL;
	size_t len = 0;
	char *why = parse_count(at, ret_n);

	*ret_of = 0;
	*ret_more = false;
	if (why != NULL)
		return why;
	while ((len = next_word(at, &word)) > 0) {
		*ret_more = len == 3 && memcmp(word, "and", 3) == 0;
		if (*ret_more)
			break;
		unsigned fact = manifest_find_value(v, word, len);

		if (fact == v->facts.n)
			return xasprintf("no fact is called \"%.*s\"",
			    (int)(len < ID_MAX ? len : ID_MAX), word);
		if ((*ret_of & UINT64_C(1) << fact) != 0)
			return xasprintf("%s stands there twice",
			    ((const struct manifest_fact *)v->facts.items)[fact].string);
		*ret_of |= UINT64_C(1) << fact;
	}
	if ((unsigned)__builtin_popcountll(*ret_of) < *ret_n)
		return xasprintf("%u of %d strings cannot be", *ret_n,
		    __builtin_popcountll(*ret_of));
	return NULL;
}

static char *
parse_term(const struct manifest_values *v, const char *text,
    struct requirement_term *ret)
{
	bool is_more = true;

	memset(ret, 0, sizeof(*ret));
	while (is_more) {
		if (ret->n_parts == MANIFEST_PARTS_MAX)
			return xasprintf("more than %d parts", MANIFEST_PARTS_MAX);
		char *why = parse_part(v, &text, &ret->parts[ret->n_parts].of,
		    &ret->parts[ret->n_parts].n, &is_more);

		if (why != NULL)
			return why;
		ret->n_parts++;
	}
	return NULL;
}

char *
manifest_parse_terms(const struct manifest_values *v, const struct setting_strings *list,
    struct requirement *ret)
{
	for (size_t i = 0; i < list->n; i++) {
		char *why = parse_term(v, list->items[i], &ret->terms[ret->n_terms]);

		if (why != NULL) {
			char *whole = xasprintf("term %zu: %s", i + 1, why);

			free(why);
			return whole;
		}
		ret->n_terms++;
	}
	return NULL;
}

bool
requirement_holds(const struct requirement *r, uint64_t facts)
{
	for (unsigned i = 0; i < r->n_terms; i++) {
		const struct requirement_term *t = &r->terms[i];
		unsigned k = 0;

		while (k < t->n_parts && (unsigned)__builtin_popcountll(
					     t->parts[k].of & facts) >= t->parts[k].n)
			k++;
		if (k == t->n_parts)
			return true;
	}
	return false;
}

static void
add_part(const struct manifest *m, unsigned n, uint64_t of, struct buf *b)
{
	unsigned left = (unsigned)__builtin_popcountll(of);
	unsigned total = left;

	if (n < total)
		buf_addf(b, "%u of ", n);
	else if (total > 1)
		buf_addf(b, total == 2 ? "both " : "all of ");
	for (unsigned i = 0; i < m->n_facts; i++) {
		if ((of >> i & 1) == 0)
			continue;
		left--;
		buf_addf(b, "%s%s", m->facts[i].string,
		    left == 0   ? ""
		    : left == 1 ? (n == 1 && total > 1 ? " or " : " and ")
				: ", ");
	}
}

char *
requirement_words(const struct manifest *m, const struct requirement *r)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(256 * 1024);

	for (unsigned i = 0; i < r->n_terms; i++) {
		buf_add(b, i > 0 ? "; or " : "");
		for (unsigned k = 0; k < r->terms[i].n_parts; k++) {
			buf_add(b, k > 0 ? ", and " : "");
			add_part(m, r->terms[i].parts[k].n, r->terms[i].parts[k].of, b);
		}
	}
	return xstrdup(buf_string(b));
}

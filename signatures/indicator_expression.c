/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_expression.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/indicator_limits.h"

struct node *
node_new(enum node_kind kind)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	return n;
}

void
node_free(struct node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n; i++)
		node_free(n->children[i]);
	free(n->children);
	free(n->term.text);
	free(n);
}

void
node_add(struct node *n, struct node *child)
{
	n->children = xreallocarray(n->children, n->n + 1, sizeof(struct node *));
	n->children[n->n++] = child;
}

void
ways_clear(struct ways *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].terms);
	free(w->list);
	*w = (struct ways){ .n = 0 };
}

static bool
is_same_term(const struct term *a, const struct term *b)
{
	return a->kind == b->kind && a->is_negated == b->is_negated &&
	       a->is_caseless == b->is_caseless && a->name_kind == b->name_kind &&
	       a->from == b->from && a->to == b->to && strcmp(a->text, b->text) == 0;
}

static bool
has_term(const struct way *w, const struct term *t)
{
	for (size_t i = 0; i < w->n; i++) {
		if (is_same_term(w->terms[i], t))
			return true;
	}
	return false;
}

static void
add_term(struct way *w, const struct term *t)
{
	if (has_term(w, t))
		return;
	w->terms = xreallocarray(w->terms, w->n + 1, sizeof(*w->terms));
	w->terms[w->n++] = t;
}

/* Take way as one more; false: there are too many, or it is too long. */
static bool
add_way(struct ways *w, struct way *way)
{
	if (w->n == INDICATOR_WAYS_MAX || way->n > INDICATOR_WAY_TERMS_MAX) {
		free(way->terms);
		return false;
	}
	w->list = xreallocarray(w->list, w->n + 1, sizeof(*w->list));
	w->list[w->n++] = *way;
	return true;
}

/* What could not be decided travels to the root. */
static void
add_undecided(struct ways *to, const struct ways *from)
{
	to->n_undecided += from->n_undecided;
	if (to->undecided == NULL)
		to->undecided = from->undecided;
}

/* Every way of a with every way of b; both are left to the caller. */
static mh_err
combine(const struct ways *a, const struct ways *b, struct ways *ret)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			struct way both = { NULL, 0 };

			for (size_t k = 0; k < a->list[i].n; k++)
				add_term(&both, a->list[i].terms[k]);
			for (size_t k = 0; k < b->list[j].n; k++)
				add_term(&both, b->list[j].terms[k]);
			if (!add_way(ret, &both))
				return MH_ERR_TOOBIG;
		}
	}
	return MH_OK;
}

static mh_err
ways_of_term(const struct term *t, struct ways *ret)
{
	struct way one = { NULL, 0 };

	if (t->kind == TERM_UNKNOWN) {
		ret->n_undecided = 1;
		ret->undecided = t->text;
		return MH_OK;
	}
	add_term(&one, t);
	return add_way(ret, &one) ? MH_OK : MH_ERR_TOOBIG;
}

/* Make of all, which has the ways so far, those with the ways of more. */
static mh_err
extend(struct ways *all, const struct ways *more, bool is_and, bool is_first)
{
	struct ways next = { .n = 0 };
	mh_err err = MH_OK;

	if (!is_and || is_first) {
		for (size_t i = 0; err == MH_OK && i < more->n; i++) {
			struct way copy = { NULL, 0 };

			for (size_t k = 0; k < more->list[i].n; k++)
				add_term(&copy, more->list[i].terms[k]);
			if (!add_way(all, &copy))
				err = MH_ERR_TOOBIG;
		}
		add_undecided(all, more);
		return err;
	}
	err = combine(all, more, &next);
	add_undecided(&next, all);
	add_undecided(&next, more);
	ways_clear(all);
	*all = next;
	return err;
}

/* The depth of the tree is bounded by who made it: INDICATOR_DEPTH_MAX. */
mh_err
ways_of(const struct node *root, struct ways *ret)
{
	struct ways all = { .n = 0 };
	mh_err err = MH_OK;

	if (root->kind == NODE_TERM) {
		err = ways_of_term(&root->term, &all);
	} else {
		for (size_t i = 0; err == MH_OK && i < root->n; i++) {
			struct ways more = { .n = 0 };

			err = ways_of(root->children[i], &more);
			if (err == MH_OK)
				err = extend(&all, &more, root->kind == NODE_AND, i == 0);
			ways_clear(&more);
		}
	}
	if (err != MH_OK) {
		ways_clear(&all);
		return err;
	}
	*ret = all;
	return MH_OK;
}

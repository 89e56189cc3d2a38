/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_EXPRESSION_H
#define MH_SIGNATURES_INDICATOR_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "signatures/indicator_names.h"

/*
 * Trees of AND and OR over facts of a file or a connection, as OpenIOC and STIX have
 * them, taken apart into ways to make them true: a list of terms that all have to
 * hold.  A term that cannot be decided here makes its way impossible, and the others
 * are used.
 */
enum term_kind {
	TERM_HASH,    /* text: hexadecimal */
	TERM_NAME,    /* text by name_kind, in any case of letters if is_caseless */
	TERM_SIZE,    /* from, to: bytes */
	TERM_ADDRESS, /* text: of the other side of a connection */
	TERM_PORT,    /* from: of the other side */
	TERM_DOMAIN,  /* text */
	TERM_UNKNOWN, /* text: what it asks for */
};

struct term {
	enum term_kind kind;
	bool is_negated;
	bool is_caseless;
	enum name_kind name_kind;
	uint64_t from, to;
	uint32_t line; /* of its file; 0: not known */
	char *text;    /* owned; never NULL */
};

enum node_kind { NODE_TERM, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	struct term term;       /* of NODE_TERM */
	struct node **children; /* owned */
	size_t n;
};

struct node *node_new(enum node_kind kind);
void node_free(struct node *n);
MH_DEFINE_CLEANUP(struct node, node_free);
/* Put child, which is taken, below n. */
void node_add(struct node *n, struct node *child);

/* One way: its terms, borrowed from the tree. */
struct way {
	const struct term **terms; /* owned */
	size_t n;
};

struct ways {
	struct way *list; /* owned */
	size_t n;
	size_t n_undecided;    /* terms that cannot be decided, each once */
	const char *undecided; /* the first of them; borrowed from the tree; NULL: none */
};

/*
 * Take the tree apart.
 * Errors: MH_ERR_TOOBIG (more than INDICATOR_WAYS_MAX ways, or one of more than
 * INDICATOR_WAY_TERMS_MAX terms).
 */
mh_err ways_of(const struct node *root, struct ways *ret) MH_CHECKED;
void ways_clear(struct ways *w);

#endif

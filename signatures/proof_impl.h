/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_PROOF_IMPL_H
#define MH_SIGNATURES_PROOF_IMPL_H

/* What the parts of signatures/proof.h share. */
#include "signatures/inert.h"
#include "signatures/proof.h"

/* The forms in which a fact is looked for. */
struct forms {
	struct inert_value plain, wide; /* bytes owned; wide is empty for hex */
	bool is_plain, is_wide;         /* which of them the rule takes */
	bool is_nocase;
	bool is_loose; /* a regular expression, or hex with gaps: others match, too */
};

struct prover {
	const struct proof_rule *rule;
	const struct manifest *m;
	const struct proof_ops *ops;
	void *ctx;
	struct forms forms[MANIFEST_FACTS_MAX];
	struct buf *sample;
	const char *kind; /* of the cases that are tried */
	uint64_t n, n_failed;
	uint64_t random;
};

/* One scan, and what it has to say. */
struct trial {
	char *name; /* taken */
	bool is_memory;
	bool expects;
};

/* The form in which a sample carries a fact. */
struct inert_value proof_carried(const struct forms *f);
/*
 * The facts that are in the sample: those that were put there, and those that are
 * parts of them.
 */
uint64_t proof_facts_in(const struct prover *p);
/* Make a sample of the facts in mask; what it carries of `like` is not looked at. */
void proof_make(struct prover *p, const struct inert_sample *like, uint64_t mask);
/* Begin and end the cases of a kind. */
void proof_begin(struct prover *p, const char *kind);
void proof_end(struct prover *p);
/* Scan the sample with the rule alone and compare. */
void proof_try(struct prover *p, const struct trial *t);

/* All mutations of the manifest. */
void proof_mutations(struct prover *p);

#endif

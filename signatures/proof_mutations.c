/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples that were changed in one way: what the rule says of them then.
 *
 * Runs in: the checker.
 * Input: hostile: rules and manifests.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/proof_impl.h"

/* The container of what it demands, and below the limit. */
static bool
fits(const struct prover *p, int container)
{
	const struct manifest_values *v = &p->m->values;

	return (v->container == CONTAINER_RAW || container == v->container) &&
	       (v->filesize_below == 0 || buf_len(p->sample) < v->filesize_below);
}

/* Expect what the manifest says of that mutation, or what follows from the sample. */
static void
try_mutant(struct prover *p, enum mutation mutation, char *name, int container)
{
	int said = p->m->values.mutations[mutation];
	bool derived =
	    fits(p, container) && requirement_holds(&p->m->in_files, proof_facts_in(p));

	proof_try(p,
	    &(struct trial){ .name = name,
		.expects = said == EXPECT_DERIVE ? derived : said == EXPECT_FIRE });
}

/* A sample of all strings, of which the one at index is other bytes. */
static void
make_with(struct prover *p, unsigned index, const struct inert_value *other)
{
	struct inert_value values[MANIFEST_FACTS_MAX];
	const struct inert_sample sample = { .container = p->m->values.container,
		.values = values,
		.n_values = p->m->n_facts };

	for (unsigned i = 0; i < p->m->n_facts; i++)
		values[i] = i == index ? *other : proof_carried(&p->forms[i]);
	buf_reset(p->sample);
	inert_build(&sample, p->sample);
}

/* One byte of one string is another; each string in turn. */
static void
try_flips(struct prover *p)
{
	proof_begin(p, manifest_mutation_name(MUTATION_FLIP_BYTE));
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		struct inert_value v = proof_carried(&p->forms[i]);
		MH_CLEANUP(freep) uint8_t *bytes = xmemdup(v.bytes, v.len + 1);

		/* What matches loosely may match still. */
		if (p->forms[i].is_loose)
			continue;
		bytes[v.len / 2] ^= 0x80;
		make_with(p, i, &(struct inert_value){ bytes, v.len });
		try_mutant(p, MUTATION_FLIP_BYTE, xstrdup(p->m->facts[i].string),
		    p->m->values.container);
	}
	proof_end(p);
}

static void
try_truncations(struct prover *p)
{
	proof_begin(p, manifest_mutation_name(MUTATION_TRUNCATE));
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		struct inert_value v = proof_carried(&p->forms[i]);

		if (p->forms[i].is_loose)
			continue;
		v.len /= 2;
		make_with(p, i, &v);
		try_mutant(p, MUTATION_TRUNCATE, xstrdup(p->m->facts[i].string),
		    p->m->values.container);
	}
	proof_end(p);
}

static void
try_drops(struct prover *p)
{
	proof_begin(p, manifest_mutation_name(MUTATION_DROP_EACH));
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		const struct inert_sample like = { .container = p->m->values.container };
		uint64_t mask = manifest_all(p->m) & ~(UINT64_C(1) << i);

		proof_make(p, &like, mask);
		try_mutant(p, MUTATION_DROP_EACH,
		    xasprintf("without %s", p->m->facts[i].string),
		    p->m->values.container);
	}
	proof_end(p);
}

static bool
has_loose(const struct prover *p)
{
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		if (p->forms[i].is_loose)
			return true;
	}
	return false;
}

/* All strings in the form that the rule does not ask for. */
static void
try_wide_swap(struct prover *p)
{
	struct inert_value values[MANIFEST_FACTS_MAX];
	const struct inert_sample sample = { .container = p->m->values.container,
		.values = values,
		.n_values = p->m->n_facts };

	for (unsigned i = 0; i < p->m->n_facts; i++) {
		const struct forms *f = &p->forms[i];

		values[i] = f->wide.len > 0 && f->is_plain ? f->wide : f->plain;
	}
	buf_reset(p->sample);
	inert_build(&sample, p->sample);
	proof_begin(p, manifest_mutation_name(MUTATION_WIDE_SWAP));
	try_mutant(p, MUTATION_WIDE_SWAP, xstrdup("all strings"), sample.container);
	proof_end(p);
}

/* Upper case for lower and the reverse, in all strings but those of hex. */
static void
try_case_swap(struct prover *p)
{
	struct inert_value values[MANIFEST_FACTS_MAX];
	uint8_t *copies[MANIFEST_FACTS_MAX];
	const struct inert_sample sample = { .container = p->m->values.container,
		.values = values,
		.n_values = p->m->n_facts };

	for (unsigned i = 0; i < p->m->n_facts; i++) {
		struct inert_value v = proof_carried(&p->forms[i]);

		copies[i] = xmemdup(v.bytes, v.len + 1);
		for (size_t k = 0; k < v.len && p->m->facts[i].kind != FACT_HEX; k++) {
			uint8_t c = copies[i][k];

			copies[i][k] = (uint8_t)(islower(c) ? toupper(c) : tolower(c));
		}
		values[i] = (struct inert_value){ copies[i], v.len };
	}
	buf_reset(p->sample);
	inert_build(&sample, p->sample);
	proof_begin(p, manifest_mutation_name(MUTATION_CASE_SWAP));
	try_mutant(p, MUTATION_CASE_SWAP, xstrdup("all strings"), sample.container);
	proof_end(p);
	for (unsigned i = 0; i < p->m->n_facts; i++)
		free(copies[i]);
}

/* Whether a type of file shows in the first bytes of such a container. */
static bool
has_header(int container)
{
	return container == CONTAINER_ELF || container == CONTAINER_PE ||
	       container == CONTAINER_MACHO || container == CONTAINER_ARCHIVE;
}

static void
try_header_zero(struct prover *p)
{
	const struct inert_sample like = { .container = p->m->values.container };
	int said = p->m->values.mutations[MUTATION_HEADER_ZERO];
	uint8_t *bytes = NULL;
	size_t len = 0;

	/* Whether a script's rule looks at its first bytes does not follow from anything. */
	if (said == EXPECT_DERIVE && !has_header(like.container))
		return;
	proof_make(p, &like, manifest_all(p->m));
	bytes = buf_take(p->sample, &len);
	memset(bytes, 0, len < INERT_HEADER_BYTES ? len : INERT_HEADER_BYTES);
	buf_put(p->sample, bytes, len);
	free(bytes);
	proof_begin(p, manifest_mutation_name(MUTATION_HEADER_ZERO));
	try_mutant(p, MUTATION_HEADER_ZERO, xstrdup("all strings"), CONTAINER_RAW);
	proof_end(p);
}

static void
try_oversize(struct prover *p)
{
	const struct inert_sample like = { .container = p->m->values.container,
		.min_bytes = p->m->values.filesize_below };

	if (like.min_bytes == 0)
		return;
	proof_make(p, &like, manifest_all(p->m));
	proof_begin(p, manifest_mutation_name(MUTATION_OVERSIZE));
	try_mutant(p, MUTATION_OVERSIZE, xstrdup("all strings"), like.container);
	proof_end(p);
}

static void
try_shift(struct prover *p)
{
	const struct inert_sample like = { .container = p->m->values.container,
		.shift = 1 };

	proof_make(p, &like, manifest_all(p->m));
	proof_begin(p, manifest_mutation_name(MUTATION_SHIFT));
	try_mutant(p, MUTATION_SHIFT, xstrdup("all strings"), like.container);
	proof_end(p);
}

void
proof_mutations(struct prover *p)
{
	if (p->m->in_files.n_terms == 0)
		return;
	try_drops(p);
	try_flips(p);
	try_truncations(p);
	/* In another form or case, what matches loosely may match still. */
	if (!has_loose(p)) {
		try_wide_swap(p);
		try_case_swap(p);
	}
	try_header_zero(p);
	try_oversize(p);
	try_shift(p);
}

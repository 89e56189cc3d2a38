/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile: rules and manifests.
 */
#include "signatures/proof.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/proof_impl.h"
#include "signatures/rule_string.h"

enum { FACT_BYTES_MAX = 2 * MANIFEST_VALUE_MAX, NAME_BYTES_MAX = 4096 };
/* The largest sample: one that is larger than the limit, and what it carries. */
#define SAMPLE_BYTES_MAX (MANIFEST_FILESIZE_MAX + 66ull * MANIFEST_PAD_MAX)

static struct inert_value
take_bytes(struct buf *b)
{
	struct inert_value v = { .len = buf_len(b) };

	v.bytes = xmemdup(buf_data(b), v.len + 1);
	buf_reset(b);
	return v;
}

static void
read_forms(struct prover *p, unsigned i)
{
	const struct manifest_fact *fact = &p->m->facts[i];
	const struct rule_string *s =
	    rule_string_find(p->rule->part, fact->string, strlen(fact->string));
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(FACT_BYTES_MAX);
	struct manifest_fact form = *fact;
	struct forms *f = &p->forms[i];

	form.kind = fact->kind == FACT_HEX ? FACT_HEX : FACT_ASCII;
	manifest_fact_bytes(&form, b);
	f->plain = take_bytes(b);
	form.kind = FACT_WIDE;
	if (fact->kind != FACT_HEX)
		manifest_fact_bytes(&form, b);
	f->wide = take_bytes(b);
	f->is_plain = fact->kind != FACT_WIDE;
	f->is_wide = fact->kind == FACT_WIDE || fact->kind == FACT_BOTH;
	f->is_nocase = s != NULL && (s->flags & RULE_STRING_NOCASE) != 0;
	f->is_loose = s == NULL || s->kind == RULE_STRING_REGEX;
	if (s != NULL && s->kind == RULE_STRING_HEX) {
		struct hex_facts hex;

		rule_string_hex(&s->value, &hex);
		f->is_loose = hex.n_fixed != f->plain.len;
	}
}

struct inert_value
proof_carried(const struct forms *f)
{
	return f->is_plain ? f->plain : f->wide;
}

static bool
is_in(const struct buf *sample, const struct inert_value *v, bool is_nocase)
{
	const uint8_t *at = buf_data(sample);
	size_t len = buf_len(sample);

	if (v->len == 0 || v->len > len)
		return false;
	if (!is_nocase)
		return memmem(at, len, v->bytes, v->len) != NULL;
	for (size_t i = 0; i + v->len <= len; i++) {
		size_t k = 0;

		while (k < v->len && tolower(at[i + k]) == tolower(v->bytes[k]))
			k++;
		if (k == v->len)
			return true;
	}
	return false;
}

uint64_t
proof_facts_in(const struct prover *p)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < p->m->n_facts; i++) {
		const struct forms *f = &p->forms[i];

		if ((f->is_plain && is_in(p->sample, &f->plain, f->is_nocase)) ||
		    (f->is_wide && is_in(p->sample, &f->wide, f->is_nocase)))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

/* "$a $b", or "no string". */
static char *
names_of(const struct prover *p, uint64_t mask)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(NAME_BYTES_MAX);

	if (mask == manifest_all(p->m) && p->m->n_facts > 3)
		return xstrdup("all strings");
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		if ((mask >> i & 1) != 0)
			buf_addf(b, "%s%s", buf_len(b) > 0 ? " " : "",
			    p->m->facts[i].string);
	}
	return xstrdup(mask == 0 ? "no string" : buf_string(b));
}

void
proof_begin(struct prover *p, const char *kind)
{
	p->kind = kind;
	p->n = p->n_failed = 0;
}

void
proof_end(struct prover *p)
{
	if (p->n > 0)
		p->ops->on_tally(p->ctx, p->kind, p->n, p->n_failed);
}

static void
fail(struct prover *p, const char *name, const char *text)
{
	if (p->n_failed++ < PROOF_FAILURES_MAX)
		p->ops->on_failure(p->ctx, p->kind, name, text);
}

void
proof_try(struct prover *p, const struct trial *t)
{
	MH_CLEANUP(freep) char *name = t->name;
	struct rule_scan *s = p->rule->alone;
	mh_err err = buf_error(p->sample);

	p->n++;
	if (err == MH_OK)
		err = t->is_memory
			  ? rule_scan_memory(s, buf_data(p->sample), buf_len(p->sample))
			  : rule_scan_file(s, buf_data(p->sample), buf_len(p->sample));
	if (err != MH_OK) {
		fail(p, name, mh_strerror(err));
		return;
	}
	bool fires = rule_scan_has(s, p->m->values.rule);

	if (fires == t->expects)
		return;
	MH_CLEANUP(freep)
	char *text =
	    xasprintf("as %s: expected %s, but it %s", t->is_memory ? "memory" : "a file",
		t->expects ? "to fire" : "silence", fires ? "fires" : "is silent");

	fail(p, name, text);
}

void
proof_make(struct prover *p, const struct inert_sample *like, uint64_t mask)
{
	struct inert_value values[MANIFEST_FACTS_MAX];
	struct inert_sample sample = *like;

	sample.values = values;
	sample.n_values = 0;
	for (unsigned i = 0; i < p->m->n_facts; i++) {
		if ((mask >> i & 1) != 0)
			values[sample.n_values++] = proof_carried(&p->forms[i]);
	}
	buf_reset(p->sample);
	inert_build(&sample, p->sample);
}

static void
try_subset(struct prover *p, uint64_t mask, bool is_memory)
{
	const struct inert_sample like = {
		.container = is_memory ? CONTAINER_RAW : p->m->values.container
	};
	const struct requirement *r = is_memory ? &p->m->in_memory : &p->m->in_files;

	proof_make(p, &like, mask);
	/* What is loose matches what it was put there for, in whatever form. */
	uint64_t there = proof_facts_in(p) | mask;

	proof_try(p, &(struct trial){ .name = names_of(p, mask),
			 .is_memory = is_memory,
			 .expects = requirement_holds(r, there) });
}

/* xorshift64star (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static uint64_t
next_random(struct prover *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return p->random * UINT64_C(0x2545f4914f6cdd1d);
}

static void
try_subsets(struct prover *p, bool is_memory)
{
	unsigned n = p->m->n_facts;

	proof_begin(p, is_memory ? "subsets in memory" : "subsets");
	if (n <= PROOF_SUBSET_STRINGS) {
		for (uint64_t mask = 0; mask < UINT64_C(1) << n; mask++)
			try_subset(p, mask, is_memory);
		proof_end(p);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		try_subset(p, UINT64_C(1) << i, is_memory);
		try_subset(p, manifest_all(p->m) & ~(UINT64_C(1) << i), is_memory);
	}
	/* Few strings, many, and between: the thresholds lie low. */
	for (unsigned i = 2 * n; i < PROOF_SUBSETS_MAX; i++) {
		uint64_t mask = next_random(p);

		for (unsigned k = i % 4; k > 0; k--)
			mask &= next_random(p);
		try_subset(p, mask & manifest_all(p->m), is_memory);
	}
	proof_end(p);
}

/* Whether without any one of its strings it is too little. */
static bool
is_minimal(const struct requirement *r, uint64_t mask)
{
	if (!requirement_holds(r, mask))
		return false;
	for (uint64_t rest = mask; rest != 0; rest &= rest - 1) {
		if (requirement_holds(r, mask & ~(rest & -rest)))
			return false;
	}
	return true;
}

/* A minimal set and all that are one string smaller. */
static void
try_minimal(struct prover *p, const struct requirement *r, uint64_t mask, bool is_memory)
{
	if (!is_minimal(r, mask))
		return;
	try_subset(p, mask, is_memory);
	for (uint64_t rest = mask; rest != 0; rest &= rest - 1)
		try_subset(p, mask & ~(rest & -rest), is_memory);
}

/* The n-th combination of k bits of those in of, as it is counted on; false: no more. */
static bool
next_combination(uint64_t of, uint64_t *mask)
{
	/* Gosper's hack on the bits of `of`, packed together. */
	unsigned n = (unsigned)__builtin_popcountll(of);
	uint64_t packed = 0;
	uint64_t rest = of;

	for (unsigned i = 0; i < n; i++, rest &= rest - 1)
		packed |= (uint64_t)((*mask & rest & -rest) != 0) << i;
	uint64_t low = packed & -packed;
	uint64_t high = packed + low;

	if (low == 0 || high < packed)
		return false;
	packed = (((high ^ packed) >> 2) / low) | high;
	if (n < 64 && packed >> n != 0)
		return false;
	*mask = 0;
	rest = of;
	for (unsigned i = 0; i < n; i++, rest &= rest - 1)
		*mask |= (packed >> i & 1) != 0 ? rest & -rest : 0;
	return true;
}

/* The first n bits of those in of. */
static uint64_t
first_combination(uint64_t of, unsigned n)
{
	uint64_t mask = 0;

	for (; n > 0; n--, of &= of - 1)
		mask |= of & -of;
	return mask;
}

static void
try_term(struct prover *p, const struct requirement *r, const struct requirement_term *t,
    bool is_memory)
{
	uint64_t parts[MANIFEST_PARTS_MAX];

	for (unsigned k = 0; k < t->n_parts; k++)
		parts[k] = first_combination(t->parts[k].of, t->parts[k].n);
	for (unsigned i = 0; i < PROOF_MINIMAL_MAX; i++) {
		uint64_t mask = 0;
		unsigned k = 0;

		for (unsigned j = 0; j < t->n_parts; j++)
			mask |= parts[j];
		try_minimal(p, r, mask, is_memory);
		/* As digits of a number: the next one of the first, else of the second, ... */
		while (k < t->n_parts && !next_combination(t->parts[k].of, &parts[k])) {
			parts[k] = first_combination(t->parts[k].of, t->parts[k].n);
			k++;
		}
		if (k == t->n_parts)
			return;
	}
}

static void
try_minimal_sets(struct prover *p, bool is_memory)
{
	const struct requirement *r = is_memory ? &p->m->in_memory : &p->m->in_files;

	proof_begin(p, is_memory ? "minimal sets in memory" : "minimal sets");
	for (unsigned i = 0; i < r->n_terms; i++)
		try_term(p, r, &r->terms[i], is_memory);
	proof_end(p);
}

static const char *
family_of(const YR_RULE *rule)
{
	const char *family = rule_meta_text(rule, "family");

	return family != NULL ? family : rule->identifier;
}

/* The family of the rule under test. */
static const char *
own_family(const struct rule_scan *s, const char *name)
{
	for (unsigned i = 0; i < rule_scan_n(s); i++) {
		if (strcmp(rule_scan_match(s, i)->identifier, name) == 0)
			return family_of(rule_scan_match(s, i));
	}
	return NULL;
}

/* No rule of another family fires on the sample that the pack has just seen. */
static void
check_families(struct prover *p, const char *name)
{
	const struct rule_scan *s = p->rule->pack;
	const char *own = own_family(s, p->m->values.rule);

	for (unsigned i = 0; i < rule_scan_n(s); i++) {
		const YR_RULE *rule = rule_scan_match(s, i);

		if (strcmp(rule->identifier, p->m->values.rule) == 0 ||
		    (own != NULL && strcmp(own, family_of(rule)) == 0))
			continue;
		MH_CLEANUP(freep)
		char *text = xasprintf("the rule %s of the family %s fires on it, too",
		    rule->identifier, family_of(rule));

		fail(p, name, text);
	}
}

/* Scan the sample with the whole pack. */
static bool
scan_with_pack(struct prover *p, const char *name)
{
	mh_err err = buf_error(p->sample);

	p->n++;
	if (err == MH_OK)
		err = rule_scan_file(p->rule->pack, buf_data(p->sample),
		    buf_len(p->sample));
	if (err != MH_OK)
		fail(p, name, mh_strerror(err));
	return err == MH_OK;
}

static void
try_case(struct prover *p, const struct manifest_case *c, bool expects)
{
	int container =
	    c->container != CONTAINER_SAME ? c->container : p->m->values.container;
	const struct inert_sample like = { .container = container,
		.pad = c->layout == LAYOUT_SPREAD ? c->pad : 0,
		.min_bytes = c->is_oversize ? p->m->values.filesize_below : 0 };
	bool is_memory = p->m->values.scope == SCOPE_MEMORY;

	proof_make(p, &like, manifest_case_mask(p->m, c));
	if (is_memory) {
		proof_try(p, &(struct trial){ .name = xstrdup(c->id),
				 .is_memory = true,
				 .expects = expects });
		return;
	}
	if (!scan_with_pack(p, c->id))
		return;
	if (rule_scan_has(p->rule->pack, p->m->values.rule) != expects)
		fail(p, c->id,
		    expects ? "expected to fire, but it is silent"
			    : "expected silence, but it fires");
	check_families(p, c->id);
}

static void
try_cases(struct prover *p, const struct setting_tables *cases, bool expects)
{
	const struct manifest_case *items = cases->items;

	proof_begin(p, expects ? "positives" : "negatives");
	for (size_t i = 0; i < cases->n; i++)
		try_case(p, &items[i], expects);
	proof_end(p);
}

/* The sample may make no rule fire. */
static void
expect_silence(struct prover *p, const char *name)
{
	if (!scan_with_pack(p, name))
		return;
	for (unsigned i = 0; i < rule_scan_n(p->rule->pack); i++) {
		MH_CLEANUP(freep)
		char *text = xasprintf("expected silence, but %s fires",
		    rule_scan_match(p->rule->pack, i)->identifier);

		fail(p, name, text);
	}
}

static void
try_near_misses(struct prover *p)
{
	struct inert_value values[MANIFEST_FACTS_MAX];

	/* A rule for files of any type cannot tell a report from what it looks for. */
	if (p->m->values.container == CONTAINER_RAW)
		return;
	for (unsigned i = 0; i < p->m->n_facts; i++)
		values[i] = proof_carried(&p->forms[i]);
	proof_begin(p, "near misses");
	for (unsigned kind = 0; kind < NEAR_MAX_; kind++) {
		if (kind == NEAR_PAGE && p->m->values.container == CONTAINER_HTML)
			continue;
		buf_reset(p->sample);
		inert_near_miss((enum near_miss)kind, values, p->m->n_facts, p->sample);
		expect_silence(p, near_miss_name((enum near_miss)kind));
	}
	buf_reset(p->sample);
	buf_put(p->sample, p->rule->text, p->rule->len);
	expect_silence(p, "the rule file");
	buf_reset(p->sample);
	buf_put(p->sample, p->rule->manifest_text, p->rule->manifest_len);
	expect_silence(p, "the manifest");
	proof_end(p);
}

void
proof_run(const struct proof_rule *rule, const struct proof_ops *ops, void *ctx)
{
	struct prover p = { .rule = rule,
		.m = rule->manifest,
		.ops = ops,
		.ctx = ctx,
		.sample = buf_new(SAMPLE_BYTES_MAX),
		.random = rule->seed | 1 };

	for (unsigned i = 0; i < p.m->n_facts; i++)
		read_forms(&p, i);
	for (int is_memory = 0; is_memory < 2; is_memory++) {
		const struct requirement *r =
		    is_memory ? &p.m->in_memory : &p.m->in_files;

		if (r->n_terms == 0)
			continue;
		try_subsets(&p, is_memory);
		try_minimal_sets(&p, is_memory);
	}
	proof_mutations(&p);
	try_cases(&p, &p.m->values.positives, true);
	try_cases(&p, &p.m->values.negatives, false);
	try_near_misses(&p);
	for (unsigned i = 0; i < p.m->n_facts; i++) {
		free((void *)(uintptr_t)p.forms[i].plain.bytes);
		free((void *)(uintptr_t)p.forms[i].wide.bytes);
	}
	buf_free(p.sample);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_PROOF_H
#define MH_SIGNATURES_PROOF_H

#include <stdint.h>

#include "signatures/manifest.h"
#include "signatures/rule_scan.h"
#include "signatures/rule_text.h"

/*
 * Whether a rule does what its manifest says: samples are made from the manifest
 * and scanned, and what libyara finds is compared with what `require` says.
 * What is tried: docs/RULES.md, "Tests of rules".  Facts are compared with facts:
 * how many real implants a rule finds is not in it.
 *
 * Input: hostile.
 */
enum {
	PROOF_SUBSET_STRINGS =
	    12, /* with so many, each subset is tried; beyond, a sample */
	PROOF_SUBSETS_MAX = 4096, /* subsets of one rule in one place; 2^12 */
	PROOF_MINIMAL_MAX = 1024, /* minimal sets of one rule in one place */
	PROOF_FAILURES_MAX =
	    10, /* of one kind of case that are named; the rest is counted */
};

struct proof_rule {
	const struct manifest *manifest;
	const struct rule_part *part; /* the rule's own text */
	const char *text;             /* of its file */
	size_t len;
	const char *manifest_text;
	size_t manifest_len;
	struct rule_scan *alone; /* the rule's file by itself */
	struct rule_scan *pack;  /* all files together */
	uint64_t seed;           /* of what is sampled */
};

struct proof_ops {
	/* A case failed: its kind, which one, what was expected and what came. */
	void (
	    *on_failure)(void *ctx, const char *kind, const char *name, const char *text);
	/* So many cases of a kind were tried, so many failed. */
	void (*on_tally)(void *ctx, const char *kind, uint64_t n, uint64_t n_failed);
};

/* Try it all.  The manifest's rule is in both rule sets. */
void proof_run(const struct proof_rule *rule, const struct proof_ops *ops, void *ctx);

#endif

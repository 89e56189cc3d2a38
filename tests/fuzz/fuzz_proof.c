/* SPDX-License-Identifier: BSD-2-Clause */
/* Manifests of strangers beside a rule with strings of every kind. */
#include "signatures/proof.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rule[] =
    "rule a { strings: $a = \"abcd\" ascii wide $b = \"wxyz\" nocase "
    "$c = { 01 ?? 03 } $d = /x[0-9]/ condition: 2 of them }";

/* Made once: compiling costs more than all the rest. */
struct made {
	struct rule_text *text;
	struct rule_scan *scan;
};

static void
ignore_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

static struct made
make(void)
{
	struct ruleset *rs = ruleset_new();
	struct made m = { .text = rule_text_read(rule, strlen(rule)) };

	if (yr_initialize() != ERROR_SUCCESS ||
	    ruleset_add(rs, "p/a", rule, strlen(rule)) != MH_OK ||
	    ruleset_compile(rs, ignore_file, NULL) != MH_OK)
		abort();
	m.scan = rule_scan_new(rs);
	return m;
}

static void
on_failure(void *ctx, const char *kind, const char *name, const char *text)
{
	(void)ctx;
	if (kind[0] == 0 || name[0] == 0 || text[0] == 0)
		abort();
}

static void
on_tally(void *ctx, const char *kind, uint64_t n, uint64_t n_failed)
{
	(void)ctx;
	if (kind[0] == 0 || n == 0 || n_failed > n * RULE_SCAN_MATCHES_MAX)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct proof_ops ops = { on_failure, on_tally };
	static struct made made;
	struct manifest *m = NULL;
	char *why = NULL;

	if (made.scan == NULL)
		made = make();
	if (manifest_read("m", data, size, &m, &why) == MH_OK)
		proof_run(&(struct proof_rule){ .manifest = m,
			      .part = &made.text->rules[0],
			      .text = rule,
			      .len = strlen(rule),
			      .manifest_text = (const char *)data,
			      .manifest_len = size,
			      .alone = made.scan,
			      .pack = made.scan },
		    &ops, NULL);
	manifest_free(m);
	free(why);
	return 0;
}

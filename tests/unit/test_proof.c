/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules do is compared with what manifests say, and differences are found. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/proof.h"
#include "signatures/rule_timing.h"
#include "tests/unit/mh_rule.h"

struct told {
	unsigned n_failures;
	uint64_t n, n_failed;
	char kinds[1024]; /* of what failed */
	char tallies[1024];
	char last[1024];
};

static void
on_failure(void *ctx, const char *kind, const char *name, const char *text)
{
	struct told *t = ctx;

	t->n_failures++;
	if (strstr(t->kinds, kind) == NULL)
		(void)snprintf(t->kinds + strlen(t->kinds),
		    sizeof(t->kinds) - strlen(t->kinds), "[%s]", kind);
	(void)snprintf(t->last, sizeof(t->last), "%s: %s: %s", kind, name, text);
}

static void
on_tally(void *ctx, const char *kind, uint64_t n, uint64_t n_failed)
{
	struct told *t = ctx;

	t->n += n;
	t->n_failed += n_failed;
	(void)snprintf(t->tallies + strlen(t->tallies),
	    sizeof(t->tallies) - strlen(t->tallies), "[%s %llu]", kind,
	    (unsigned long long)n);
}

static void
ignore_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	if (!result->is_used)
		fail_msg("%s", result->message);
}

static struct ruleset *
compile(const char *text, const char *more)
{
	struct ruleset *rs = ruleset_new();

	assert_ok(ruleset_add(rs, "p/a", text, strlen(text)));
	if (more != NULL)
		assert_ok(ruleset_add(rs, "p/b", more, strlen(more)));
	assert_ok(ruleset_compile(rs, ignore_file, NULL));
	return rs;
}

/* Prove that rule text with that manifest, beside another file. */
static struct told
prove(const char *text, const char *manifest_text, const char *more)
{
	static const struct proof_ops ops = { on_failure, on_tally };
	struct told told = { .n = 0 };
	struct ruleset *alone = compile(text, NULL);
	struct ruleset *all = compile(text, more);
	struct rule_scan *scan = rule_scan_new(alone);
	struct rule_scan *pack = rule_scan_new(all);
	struct rule_text *t = rule_text_read(text, strlen(text));
	struct manifest *m = NULL;
	char *why = NULL;

	if (manifest_read("m", manifest_text, strlen(manifest_text), &m, &why) != MH_OK)
		fail_msg("%s", why);
	proof_run(&(struct proof_rule){ .manifest = m,
		      .part = &t->rules[0],
		      .text = text,
		      .len = strlen(text),
		      .manifest_text = manifest_text,
		      .manifest_len = strlen(manifest_text),
		      .alone = scan,
		      .pack = pack,
		      .seed = 7 },
	    &ops, &told);
	manifest_free(m);
	rule_text_free(t);
	rule_scan_free(scan);
	rule_scan_free(pack);
	ruleset_free(alone);
	ruleset_free(all);
	return told;
}

static char *
replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* The good rule with another condition, strings or manifest: what is found. */
static struct told
prove_changed(const char *condition, const char *from, const char *to)
{
	struct rule_parts parts = good_rule;

	if (condition != NULL)
		parts.condition = condition;
	char *text = rule_text_of(&parts);
	char *manifest =
	    from != NULL ? replaced(good_manifest, from, to) : xstrdup(good_manifest);
	struct told told = prove(text, manifest, NULL);

	free(text);
	free(manifest);
	return told;
}

static void
a_rule_that_does_what_it_says_is_proved(void **state)
{
	struct told t = prove_changed(NULL, NULL, NULL);

	(void)state;
	assert_string_equal(t.last, "");
	assert_int_equal(t.n_failed, 0);
	/* 4 strings: 16 subsets in either place, each mutation, the manifest's cases. */
	assert_string_equal(t.tallies,
	    "[subsets 16][minimal sets 11][subsets in memory 16][minimal sets in memory "
	    "16]"
	    "[drop_each 4][flip_byte 4][truncate 4][wide_swap 1][case_swap "
	    "1][header_zero 1]"
	    "[oversize 1][shift 1][positives 3][negatives 3][near misses 7]");
}

static void
check_found(const char *condition, const char *from, const char *to, const char *kinds)
{
	struct told t = prove_changed(condition, from, to);

	if (strcmp(t.kinds, kinds) != 0)
		fail_msg("%s: found %s, not %s; last: %s",
		    condition != NULL ? condition : to, t.kinds, kinds, t.last);
}

#define ELF "uint32(0) == 0x464c457f and uint16(0x10) != 4 and "
#define MEMORY " or (not defined filesize and 3 of them)"

static void
differences_of_rule_and_manifest_are_found(void **state)
{
	(void)state;
	/* More is asked for, in files and in memory. */
	check_found("(" ELF "filesize < 1MB and ($x1 or 3 of ($s*)))" MEMORY, NULL, NULL,
	    "[subsets][minimal sets][positives]");
	check_found(
	    "(" ELF
	    "filesize < 1MB and ($x1 or 2 of ($s*))) or (not defined filesize and 4 "
	    "of them)",
	    NULL, NULL, "[subsets in memory][minimal sets in memory]");
	/* Less. */
	check_found("(" ELF "filesize < 1MB and any of them)" MEMORY, NULL, NULL,
	    "[subsets][minimal sets][wide_swap][case_swap][negatives]");
	/* Reports, and programs of another kind. */
	check_found("(filesize < 1MB and ($x1 or 2 of ($s*)))" MEMORY, NULL, NULL,
	    "[header_zero][negatives][near misses]");
	/* Another limit. */
	check_found("(" ELF "filesize <= 1MB and ($x1 or 2 of ($s*)))" MEMORY, NULL, NULL,
	    "[oversize][negatives]");
	/* Strings at a place. */
	check_found("(" ELF "filesize < 1MB and ($x1 at 0x1000 or 2 of ($s*)))" MEMORY,
	    NULL, NULL, "[subsets][minimal sets][positives]");
}

static void
a_manifest_that_expects_something_else_is_found(void **state)
{
	static const char good[] =
	    "(" ELF "filesize < 1MB and ($x1 or 2 of ($s*)))" MEMORY;

	(void)state;
	check_found(good, "require:", "mutations: {shift: silent}\nrequire:", "[shift]");
	check_found(good,
	    "require:", "mutations: {wide_swap: fire}\nrequire:", "[wide_swap]");
	check_found(good,
	    "require:", "mutations: {case_swap: fire}\nrequire:", "[case_swap]");
	check_found(good,
	    "require:", "mutations: {drop_each: silent}\nrequire:", "[drop_each]");
	check_found(good, "{id: n1, strings: [$s1]", "{id: n1, strings: [$s1, $s2]",
	    "[negatives]");
	check_found(good, "{id: p1, strings: [$x1]", "{id: p1, strings: [$s1]",
	    "[positives]");
}

static void
a_rule_of_another_family_that_fires_is_found(void **state)
{
	static const char other[] =
	    "rule other { meta: family = \"Other\" strings: $a = \"first "
	    "message\" condition: $a and uint32(0) == 0x464c457f }";
	char *text = rule_text_of(&good_rule);
	struct told t = prove(text, good_manifest, other);

	(void)state;
	assert_non_null(strstr(t.kinds, "[positives]"));
	assert_non_null(strstr(t.kinds, "[negatives]"));
	char *same = replaced(other, "\"Other\"", "\"Example\"");
	struct told u = prove(text, good_manifest, same);

	assert_null(strstr(u.kinds, "[positives]"));
	free(text);
	free(same);
}

static void
strings_that_hold_others_count_for_both(void **state)
{
	static const char text[] =
	    "rule MAL_a_Nov26 { meta: family = \"a\" strings: $s1 = \"abcdefgh\" $s2 = "
	    "\"cdef\" "
	    "condition: uint16(0) == 0x5a4d and filesize < 1MB and all of them }";
	static const char manifest[] =
	    "schema: 2\nrule: MAL_a_Nov26\nscope: file\ncontainer: pe\nstatus: TESTING\n"
	    "sources: [{id: r, title: t, publisher: p, year: 2020}]\n"
	    "facts:\n"
	    "  - {string: $s1, kind: ascii, value: abcdefgh, sources: [r], evidence: R}\n"
	    "  - {string: $s2, kind: ascii, value: cdef, sources: [r], evidence: R}\n"
	    "require: {filesize_below: 1MiB, any_of: [2 of $s1 $s2]}\n"
	    "positives: [{id: p1, strings: [$s1]}]\n";
	struct told t = prove(text, manifest, NULL);

	(void)state;
	assert_string_equal(t.last, "");
	assert_true(t.n > 10);
}

/* A rule of n strings that are all needed. */
static struct told
prove_many(unsigned n)
{
	struct buf *rule = buf_new(64 * 1024);
	struct buf *manifest = buf_new(64 * 1024);

	buf_add(rule, "rule MAL_m_Nov26 { meta: family = \"m\" strings:\n");
	buf_add(manifest,
	    "schema: 2\nrule: MAL_m_Nov26\nscope: file\ncontainer: elf\nstatus: TESTING\n"
	    "sources: [{id: r, title: t, publisher: p, year: 2020}]\nfacts:\n");
	for (unsigned i = 0; i < n; i++) {
		buf_addf(rule, "$s%u = \"string number %u!\"\n", i, i);
		buf_addf(manifest,
		    "  - {string: $s%u, kind: ascii, value: 'string number %u!', "
		    "sources: [r], "
		    "evidence: R}\n",
		    i, i);
	}
	buf_addf(rule, "condition: " ELF "filesize < 1MB and %u of them }", n / 2);
	buf_addf(manifest, "require: {filesize_below: 1MiB, any_of: [%u of", n / 2);
	for (unsigned i = 0; i < n; i++)
		buf_addf(manifest, " $s%u", i);
	buf_add(manifest, "]}\npositives: [{id: p1, strings: [all]}]\n");
	struct told t = prove(buf_string(rule), buf_string(manifest), NULL);

	buf_free(rule);
	buf_free(manifest);
	return t;
}

/* Limits on both sides: all subsets, and a sample of them. */
static void
beyond_twelve_strings_subsets_are_sampled(void **state)
{
	(void)state;
	struct told all = prove_many(PROOF_SUBSET_STRINGS);

	assert_string_equal(all.last, "");
	assert_non_null(strstr(all.tallies, "[subsets 4096]"));
	struct told some = prove_many(PROOF_SUBSET_STRINGS + 1);

	assert_string_equal(some.last, "");
	assert_non_null(strstr(some.tallies, "[subsets 4096]"));
	assert_non_null(strstr(some.tallies, "[minimal sets 7168]"));
}

static void
what_a_rule_costs_is_measured(void **state)
{
	static const char text[] = "rule a { strings: $a = \"abcdefgh\" condition: $a } "
				   "rule b { condition: a }";
	struct rule_text *t = rule_text_read(text, strlen(text));
	uint8_t *bytes = xcalloc(1 << 20, 1);
	struct timing_sample sample = { bytes, 1 << 20 };
	struct rule_cost cost;

	(void)state;
	assert_ok(rule_timing(t, &t->rules[0], &sample, 1, &cost));
	assert_true(cost.ns > 0 && cost.n_atoms > 0);
	assert_false(cost.is_whole || cost.is_partial);
	assert_ok(rule_timing(t, &t->rules[1], &sample, 1, &cost));
	assert_true(cost.is_whole);
	rule_text_free(t);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_that_does_what_it_says_is_proved),
		cmocka_unit_test(differences_of_rule_and_manifest_are_found),
		cmocka_unit_test(a_manifest_that_expects_something_else_is_found),
		cmocka_unit_test(a_rule_of_another_family_that_fires_is_found),
		cmocka_unit_test(strings_that_hold_others_count_for_both),
		cmocka_unit_test(beyond_twelve_strings_subsets_are_sampled),
		cmocka_unit_test(what_a_rule_costs_is_measured),
	};

	if (yr_initialize() != ERROR_SUCCESS)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

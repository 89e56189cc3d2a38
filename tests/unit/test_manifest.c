/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/manifest.h"
#include "tests/unit/mh_rule.h"

/* Read the good manifest in which one text is another; "" or why not, new. */
static char *
complaint(const char *from, const char *to)
{
	const char *at = strstr(good_manifest, from);
	struct manifest *m = NULL;
	char *why = NULL;

	assert_non_null(at);
	char *text = xasprintf("%.*s%s%s", (int)(at - good_manifest), good_manifest, to,
	    at + strlen(from));

	if (manifest_read("m.yaml", text, strlen(text), &m, &why) == MH_OK)
		why = xstrdup("");
	manifest_free(m);
	free(text);
	return why;
}

static void
check_refused(const char *from, const char *to, const char *expected)
{
	char *why = complaint(from, to);

	if (strstr(why, expected) == NULL || strncmp(why, "m.yaml:", 7) != 0)
		fail_msg("%s -> %s: %s", from, to, why);
	free(why);
}

static void
check_taken(const char *from, const char *to)
{
	char *why = complaint(from, to);

	assert_string_equal(why, "");
	free(why);
}

static void
a_good_manifest_is_read(void **state)
{
	struct manifest *m = NULL;
	char *why = NULL;

	(void)state;
	assert_ok(manifest_read("m", good_manifest, strlen(good_manifest), &m, &why));
	assert_int_equal(m->n_facts, 4);
	assert_int_equal(m->values.filesize_below, 1 << 20);
	assert_int_equal(m->in_files.n_terms, 2);
	assert_int_equal(m->in_memory.n_terms, 1);
	assert_int_equal(manifest_find(m, "$s2", 3), 2);
	assert_int_equal(manifest_find(m, "$s", 2), 4);
	assert_int_equal(manifest_all(m), 0xf);
	const struct manifest_case *c = m->values.positives.items;

	assert_int_equal(manifest_case_mask(m, &c[1]), 0xa);
	assert_int_equal(manifest_case_mask(m, &c[2]), 0xf);
	assert_int_equal(m->values.mutations[MUTATION_SHIFT], EXPECT_DERIVE);
	manifest_free(m);
}

static void
requirements_hold_for_what_they_name(void **state)
{
	struct manifest *m = NULL;
	char *why = NULL;

	(void)state;
	assert_ok(manifest_read("m", good_manifest, strlen(good_manifest), &m, &why));
	for (uint64_t mask = 0; mask < 16; mask++) {
		bool in_files = (mask & 1) != 0 || __builtin_popcountll(mask & 0xe) >= 2;
		bool in_memory = __builtin_popcountll(mask) >= 3;

		assert_int_equal(requirement_holds(&m->in_files, mask), in_files);
		assert_int_equal(requirement_holds(&m->in_memory, mask), in_memory);
	}
	why = requirement_words(m, &m->in_files);
	assert_string_equal(why, "$x1; or 2 of $s1, $s2 and $s3");
	free(why);
	manifest_free(m);
}

static void
terms_are_joined_by_and(void **state)
{
	struct manifest *m = NULL;
	char *why = NULL;
	const char *at = strstr(good_manifest, "    - 2 of $s1 $s2 $s3");
	char *text = xasprintf("%.*s    - 1 of $s1 $s2 and 1 of $s3%s",
	    (int)(at - good_manifest), good_manifest, strchr(at, '\n'));

	(void)state;
	assert_ok(manifest_read("m", text, strlen(text), &m, &why));
	assert_true(requirement_holds(&m->in_files, 0xa));
	assert_true(requirement_holds(&m->in_files, 0xc));
	assert_false(requirement_holds(&m->in_files, 0x6));
	free(text);
	manifest_free(m);
}

static void
bytes_are_those_of_the_kind(void **state)
{
	static const struct {
		int kind;
		const char *value;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ FACT_ASCII, "ab", "ab", 2 },
		{ FACT_WIDE, "ab", "a\0b", 4 },
		{ FACT_BOTH, "ab", "ab", 2 },
		{ FACT_HEX, "dE 0a 00", "\xde\x0a", 3 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		struct manifest_fact fact = { .kind = cases[i].kind,
			.value = (char *)(uintptr_t)cases[i].value };
		struct buf *b = buf_new(64);

		manifest_fact_bytes(&fact, b);
		assert_int_equal(buf_len(b), cases[i].len);
		assert_memory_equal(buf_data(b), cases[i].bytes, cases[i].len);
		buf_free(b);
	}
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	check_refused("schema: 2", "schema: 1", "m.yaml:1:9: \"schema\"");
	check_refused("rule:", "rules:", "m.yaml:2:1: unknown key \"rules\"");
	check_refused("container: elf", "container: same", "for samples");
	check_refused("container: elf", "container: exe", "one of");
	check_refused("status: RELEASED", "status: DONE", "one of TESTING");
	check_refused("year: 2023", "year: 23", "\"year\"");
	check_refused("string: $x1", "string: x1", "name of a string");
	check_refused("string: $s1", "string: $x1", "$x1 is there twice");
	check_refused("sources: [r1]", "sources: [r2]", "no source has the id \"r2\"");
	check_refused("evidence: V", "evidence: K", "one of V, R");
	check_refused("'de ad", "'de a", "pairs of hexadecimal");
	check_refused("- 1 of $x1", "- one of $x1", "term 1: \"one\" is no count");
	check_refused("- 1 of $x1", "- 0 of $x1", "is no count");
	check_refused("- 1 of $x1", "- 2 of $x1", "2 of 1 strings cannot be");
	check_refused("- 1 of $x1", "- 1 from $x1", "\"of\" is missing");
	check_refused("- 1 of $x1", "- 1 of $x9", "no fact is called \"$x9\"");
	check_refused("- 1 of $x1", "- 1 of $x1 $x1", "stands there twice");
	check_refused("strings: [$x1]", "strings: [$x9]", "no fact is called");
	check_refused("scope: both", "scope: file", "has no memory_any_of");
	check_refused("scope: both", "scope: memory", "has no any_of");
	check_refused("  filesize_below: 1MiB\n", "", "no limit to exceed");
	check_refused("publisher: Vendor,", "", "\"publisher\" is missing");
	check_refused("year: 2023", "year: 2023, read: yesterday", "a day is needed");
	check_refused("status: RELEASED", "status: &a RELEASED", "anchor");
}

static void
other_forms_are_taken(void **state)
{
	(void)state;
	check_taken("year: 2023",
	    "year: 2023, read: 2026-11-24, url: 'https://example.org'");
	check_taken("status: RELEASED",
	    "mutations: {shift: fire, oversize: silent}\nstatus: TESTING");
	check_taken("layout: spread", "layout: packed");
}

/* Limits on both sides: parts of a term. */
static void
a_term_has_at_most_eight_parts(void **state)
{
	(void)state;
	check_taken("- 1 of $x1", "- 1 of $x1 and 1 of $x1 and 1 of $x1 and 1 of $x1 and "
				  "1 of $x1 and 1 of $x1 and "
				  "1 of $x1 and 1 of $x1");
	check_refused("- 1 of $x1",
	    "- 1 of $x1 and 1 of $x1 and 1 of $x1 and 1 of $x1 and 1 of $x1 and 1 of $x1 "
	    "and "
	    "1 of $x1 and 1 of $x1 and 1 of $x1",
	    "more than 8 parts");
}

/* A manifest with n facts, of which the last is used. */
static char *
with_facts(unsigned n)
{
	struct buf *b = buf_new(64 * 1024);
	const char *facts = strstr(good_manifest, "facts:\n") + 7;
	const char *require = strstr(good_manifest, "require:");

	buf_put(b, good_manifest, (size_t)(facts - good_manifest));
	buf_put(b, facts, (size_t)(require - facts));
	for (unsigned i = 4; i < n; i++)
		buf_addf(b,
		    "  - {string: $n%u, kind: ascii, value: x, sources: [r1], evidence: "
		    "V}\n",
		    i);
	buf_add(b, require);
	char *text = xstrdup(buf_string(b));

	buf_free(b);
	return text;
}

static void
a_manifest_has_at_most_64_facts(void **state)
{
	struct manifest *m = NULL;
	char *why = NULL;
	char *fits = with_facts(MANIFEST_FACTS_MAX);
	char *more = with_facts(MANIFEST_FACTS_MAX + 1);

	(void)state;
	assert_ok(manifest_read("m", fits, strlen(fits), &m, &why));
	assert_true(manifest_all(m) == UINT64_MAX);
	manifest_free(m);
	assert_err(manifest_read("m", more, strlen(more), &m, &why), MH_ERR_INVALID);
	assert_non_null(strstr(why, "1 to 64 groups"));
	free(why);
	free(fits);
	free(more);
}

/* Limits on both sides: sizes and lengths. */
static void
sizes_are_bounded(void **state)
{
	char *fits = xcalloc(MANIFEST_VALUE_MAX + 1, 1);
	char *more = xcalloc(MANIFEST_VALUE_MAX + 2, 1);

	(void)state;
	check_taken("filesize_below: 1MiB", "filesize_below: 64MiB");
	check_refused("filesize_below: 1MiB", "filesize_below: 67108865",
	    "from 1 to 64MiB");
	check_taken("pad: 4KiB", "pad: 1MiB");
	check_refused("pad: 4KiB", "pad: 1048577", "\"pad\"");
	memset(fits, 'x', MANIFEST_VALUE_MAX);
	memset(more, 'x', MANIFEST_VALUE_MAX + 1);
	check_taken("first message", fits);
	check_refused("first message", more, "1 to 2048 bytes");
	free(fits);
	free(more);
}

/* The good manifest with so many more sources, terms or samples. */
static char *
with_more(const char *before, unsigned n, const char *item)
{
	struct buf *b = buf_new(64 * 1024);
	const char *at = strstr(good_manifest, before);

	buf_put(b, good_manifest, (size_t)(at - good_manifest));
	for (unsigned i = 0; i < n; i++)
		buf_add(b, item);
	buf_add(b, at);
	char *text = xstrdup(buf_string(b));

	buf_free(b);
	return text;
}

static void
lists_are_bounded(void **state)
{
	static const struct {
		const char *before, *item;
		unsigned n; /* how many more there may be */
	} lists[] = {
		{ "facts:", "  - {id: x, title: t, publisher: p, year: 2000}\n",
		    MANIFEST_SOURCES_MAX - 1 },
		{ "  memory_any_of:", "    - 1 of $x1\n", MANIFEST_TERMS_MAX - 2 },
		{ "negatives:", "  - {id: x, strings: [$x1]}\n", MANIFEST_CASES_MAX - 3 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(lists); i++) {
		for (unsigned more = 0; more < 2; more++) {
			char *text =
			    with_more(lists[i].before, lists[i].n + more, lists[i].item);
			struct manifest *m = NULL;
			char *why = NULL;
			mh_err err = manifest_read("m", text, strlen(text), &m, &why);

			assert_err(err, more > 0 ? MH_ERR_INVALID : MH_OK);
			manifest_free(m);
			free(why);
			free(text);
		}
	}
}

static void
every_beginning_of_a_manifest_is_read_or_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(good_manifest); len++) {
		struct manifest *m = NULL;
		char *why = NULL;
		char *text = xmemdup(good_manifest, len + 1);

		if (manifest_read("m", text, len, &m, &why) != MH_OK)
			assert_non_null(why);
		manifest_free(m);
		free(why);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_manifest_is_read),
		cmocka_unit_test(requirements_hold_for_what_they_name),
		cmocka_unit_test(terms_are_joined_by_and),
		cmocka_unit_test(bytes_are_those_of_the_kind),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(other_forms_are_taken),
		cmocka_unit_test(a_term_has_at_most_eight_parts),
		cmocka_unit_test(a_manifest_has_at_most_64_facts),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(every_beginning_of_a_manifest_is_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

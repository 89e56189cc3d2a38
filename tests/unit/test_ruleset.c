/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/ruleset.h"

enum { FILES_MAX = 16 };

/* What on_file was told, by index. */
struct told {
	unsigned times;
	bool is_used;
	unsigned line;
	unsigned n_warnings;
	unsigned last_line; /* of the warnings that were kept */
	char message[256];
};

struct ground {
	struct ruleset *rs;
	struct told told[FILES_MAX];
};

static int
group_setup(void **state)
{
	(void)state;
	return yr_initialize() == ERROR_SUCCESS ? 0 : -1;
}

static int
group_teardown(void **state)
{
	(void)state;
	return yr_finalize() == ERROR_SUCCESS ? 0 : -1;
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->rs = ruleset_new();
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	ruleset_free(g->rs);
	free(g);
	return 0;
}

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	struct ground *g = ctx;
	struct told *t = &g->told[result->index];

	assert_true(result->index < FILES_MAX);
	assert_int_equal(result->is_used, result->message == NULL);
	t->times++;
	t->is_used = result->is_used;
	t->line = result->line;
	t->n_warnings = result->n_warnings;
	for (unsigned i = 0; i < result->n_warnings && i < RULE_WARNINGS_MAX; i++) {
		assert_true(result->warnings[i].message[0] != 0);
		t->last_line = result->warnings[i].line;
	}
	if (result->message != NULL)
		(void)snprintf(t->message, sizeof(t->message), "%s", result->message);
}

static void
add(struct ground *g, const char *name, const char *text)
{
	assert_ok(ruleset_add(g->rs, name, text, strlen(text)));
}

static mh_err
compile(struct ground *g)
{
	return ruleset_compile(g->rs, on_file, g);
}

#define GOOD "rule good { condition: true }\n"

static void
good_files_make_one_rule_set(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", GOOD "rule other { condition: false }");
	add(g, "p/b", "rule third { condition: true }");
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_rules(g->rs), 3);
	assert_int_equal(ruleset_n_files(g->rs), 2);
	assert_int_equal(ruleset_n_left_out(g->rs), 0);
	assert_int_equal(ruleset_externals(g->rs), 0);
	assert_non_null(ruleset_rules(g->rs));
	assert_true(g->told[0].is_used && g->told[1].is_used);
	assert_int_equal(g->told[0].times, 1);
}

static void
a_bad_file_is_left_out_with_line_and_reason(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", GOOD);
	add(g, "p/b", "rule x {\n condition:\n  nonsense\n}");
	add(g, "p/c", GOOD);
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_rules(g->rs), 2);
	assert_int_equal(ruleset_n_left_out(g->rs), 1);
	assert_true(g->told[0].is_used && g->told[2].is_used);
	assert_false(g->told[1].is_used);
	assert_int_equal(g->told[1].line, 3);
	assert_non_null(strstr(g->told[1].message, "nonsense"));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(g->told[i].times, 1);
}

static void
several_bad_files_are_each_told_once(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", "}");
	add(g, "p/b", GOOD);
	add(g, "p/c", "rule a { condition: missing_one }");
	add(g, "p/d", GOOD);
	add(g, "p/e", "rule a { strings: $x = \"unused\" condition: true }");
	add(g, "p/f", "import \"nosuchmodule\"\n" GOOD);
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_left_out(g->rs), 4);
	assert_int_equal(ruleset_n_rules(g->rs), 2);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(g->told[i].times, 1);
		assert_int_equal(g->told[i].is_used, i == 1 || i == 3);
	}
	assert_non_null(strstr(g->told[4].message, "unreferenced"));
}

static void
equal_rule_names_of_different_files_do_not_clash(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", GOOD);
	add(g, "p/b", GOOD);
	add(g, "p/c", GOOD GOOD);
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_rules(g->rs), 2);
	assert_false(g->told[2].is_used);
	assert_non_null(strstr(g->told[2].message, "duplicated"));
}

static void
equal_names_of_files_keep_the_first(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", GOOD);
	add(g, "p/a", GOOD);
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_rules(g->rs), 1);
	assert_int_equal(ruleset_n_left_out(g->rs), 1);
	assert_true(g->told[0].is_used);
	assert_false(g->told[1].is_used);
}

static void
a_file_cannot_name_another_file(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", "include \"/etc/passwd\"\n" GOOD);
	add(g, "p/b", GOOD);
	assert_ok(compile(g));
	assert_false(g->told[0].is_used);
	assert_int_equal(g->told[0].line, 1);
	assert_non_null(strstr(g->told[0].message, "include"));
}

static void
a_nul_byte_is_no_rule_text(void **state)
{
	struct ground *g = *state;

	assert_ok(ruleset_add(g->rs, "p/a", "\n" GOOD "\0" GOOD, sizeof(GOOD) * 2));
	add(g, "p/b", GOOD);
	assert_ok(compile(g));
	assert_false(g->told[0].is_used);
	assert_non_null(strstr(g->told[0].message, "NUL"));
	assert_int_equal(g->told[0].line, 3);
}

static void
a_set_without_any_rule_is_an_error(void **state)
{
	struct ground *g = *state;

	assert_err(compile(g), MH_ERR_RULES);
	ruleset_free(g->rs);
	g->rs = ruleset_new();
	add(g, "p/a", "/* nothing */");
	add(g, "p/b", "");
	assert_err(compile(g), MH_ERR_RULES);
	assert_true(g->told[0].is_used && g->told[1].is_used);
	ruleset_free(g->rs);
	g->rs = ruleset_new();
	add(g, "p/a", "}");
	assert_err(compile(g), MH_ERR_RULES);
	assert_false(g->told[0].is_used);
	ruleset_free(NULL);
}

static void
externals_are_defined_and_the_mask_names_those_that_are_read(void **state)
{
	static const struct {
		const char *text;
		unsigned mask;
	} table[] = {
		{ "rule a { condition: filename == \"x\" }", 1u << EXTERNAL_FILENAME },
		{ "rule a { condition: filepath contains \"x\" and extension == \".x\" }",
		    1u << EXTERNAL_FILEPATH | 1u << EXTERNAL_EXTENSION },
		{ "rule a { condition: filetype==\"ELF\" or owner==\"x\" }",
		    1u << EXTERNAL_FILETYPE | 1u << EXTERNAL_OWNER },
		{ "rule a { condition: md5 == \"x\" }", 1u << EXTERNAL_MD5 },
		{ "rule a { condition: \"x\" == md5 }", 1u << EXTERNAL_MD5 },
		{ "rule a { meta: md5 = \"x\" owner=\"y\" condition: true }", 0 },
		{ "import \"hash\" rule a { condition: hash.md5(0, 1) == \"x\" }", 0 },
		{ "rule a { strings: $md5 = \"md5 owner\" condition: $md5 and #md5 > 1 }",
		    0 },
		{ "rule a { strings: $a = /md5 owner/ condition: $a } // filename", 0 },
		{ "rule a { meta: md5 = \"x\" condition: md5 == \"x\" }",
		    1u << EXTERNAL_MD5 },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct ground *g = *state;

		ruleset_free(g->rs);
		g->rs = ruleset_new();
		add(g, "p/a", table[i].text);
		assert_ok(compile(g));
		assert_int_equal(ruleset_externals(g->rs), table[i].mask);
	}
}

static void
externals_of_a_bad_file_are_not_counted(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", "rule a { condition: md5 == nonsense }");
	add(g, "p/b", GOOD);
	assert_ok(compile(g));
	assert_int_equal(ruleset_externals(g->rs), 0);
}

static void
imports_are_seen_in_used_files(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", "import \"hash\"\n" GOOD);
	add(g, "p/b", "import \"math\" }");
	assert_ok(compile(g));
	assert_true(ruleset_imports(g->rs, "hash"));
	assert_false(ruleset_imports(g->rs, "math"));
	assert_false(ruleset_imports(g->rs, "magic"));
}

static void
id_of(struct ground *g, const char *name, const char *text, const char *bad, uint8_t *ret)
{
	ruleset_free(g->rs);
	g->rs = ruleset_new();
	add(g, name, text);
	if (bad != NULL)
		add(g, "p/bad", bad);
	assert_ok(compile(g));
	ruleset_id(g->rs, ret);
}

static void
the_id_follows_names_and_texts_of_used_files(void **state)
{
	uint8_t first[RULESET_ID_BYTES], other[RULESET_ID_BYTES];
	struct ground *g = *state;

	id_of(g, "p/a", GOOD, NULL, first);
	id_of(g, "p/a", GOOD, NULL, other);
	assert_memory_equal(first, other, sizeof(first));
	id_of(g, "p/a", GOOD, "}", other);
	assert_memory_equal(first, other, sizeof(first));
	id_of(g, "p/a", GOOD " ", NULL, other);
	assert_memory_not_equal(first, other, sizeof(first));
	id_of(g, "p/b", GOOD, NULL, other);
	assert_memory_not_equal(first, other, sizeof(first));
	id_of(g, "p/a", GOOD, GOOD, other);
	assert_memory_not_equal(first, other, sizeof(first));
}

static void
files_fit_to_their_number_and_size(void **state)
{
	struct ground *g = *state;
	char *text = xcalloc(RULE_FILE_BYTES_MAX + 1, 1);
	mh_err over = ruleset_add(g->rs, "p/x", text, RULE_FILE_BYTES_MAX + 1);
	mh_err at[5];

	for (size_t i = 0; i < MH_ARRAY_LEN(at); i++)
		at[i] = ruleset_add(g->rs, "p/x", text, i < 4 ? RULE_FILE_BYTES_MAX : 1);
	free(text);
	assert_err(over, MH_ERR_TOOBIG);
	/* Four of the largest are all the text that there may be. */
	for (size_t i = 0; i < 4; i++)
		assert_ok(at[i]);
	assert_err(at[4], MH_ERR_TOOBIG);
	for (unsigned i = 4; i < RULE_FILES_MAX; i++)
		assert_ok(ruleset_add(g->rs, "p", "", 0));
	assert_err(ruleset_add(g->rs, "p", "", 0), MH_ERR_FULL);
	assert_int_equal(ruleset_n_files(g->rs), RULE_FILES_MAX);
}

/* Limits on both sides: the first warnings are kept, all are counted. */
static void
the_first_warnings_are_kept(void **state)
{
	struct ground *g = *state;
	struct buf *b = buf_new(4096);

	buf_add(b, "rule slow { strings:\n");
	for (unsigned i = 0; i <= RULE_WARNINGS_MAX; i++)
		buf_addf(b, "$a%u = { 00 ?? %02x }\n", i, i);
	buf_add(b, "condition: any of them }");
	add(g, "p/a", buf_string(b));
	buf_free(b);
	assert_ok(compile(g));
	assert_int_equal(g->told[0].n_warnings, RULE_WARNINGS_MAX + 1);
	assert_int_equal(g->told[0].last_line, 1 + RULE_WARNINGS_MAX);
}

static void
warnings_are_counted_and_the_file_is_used(void **state)
{
	struct ground *g = *state;

	add(g, "p/a",
	    "rule slow { strings: $a = /x.*y/ $b = { 00 ?? 00 } condition: any of them "
	    "}");
	assert_ok(compile(g));
	assert_true(g->told[0].is_used);
	assert_true(g->told[0].n_warnings > 0);
}

static void
each_rule_has_its_place_file_and_line(void **state)
{
	struct ground *g = *state;

	add(g, "p/a",
	    "rule one { condition: filesize > 1 }\nrule two { condition: true }");
	add(g, "p/bad", "}");
	add(g, "p/c",
	    "\nprivate rule one { condition: true }\n"
	    "rule last { meta: scope = \"memory\" condition: one }");
	assert_ok(compile(g));
	assert_int_equal(ruleset_n_rules(g->rs), 4);
	assert_int_equal(ruleset_scope(g->rs, 0), RULE_IN_FILES);
	assert_non_null(strstr(ruleset_scope_reason(g->rs, 0), "filesize"));
	assert_int_equal(ruleset_scope(g->rs, 1), RULE_IN_FILES | RULE_IN_MEMORY);
	assert_null(ruleset_scope_reason(g->rs, 1));
	assert_int_equal(ruleset_line(g->rs, 1), 2);
	assert_int_equal(ruleset_file(g->rs, 1), 0);
	assert_int_equal(ruleset_scope(g->rs, 2),
	    RULE_IN_FILES | RULE_IN_MEMORY | RULE_NEEDED);
	assert_int_equal(ruleset_scope(g->rs, 3), RULE_IN_MEMORY);
	assert_int_equal(ruleset_file(g->rs, 3), 2);
	assert_int_equal(ruleset_line(g->rs, 3), 3);
	assert_int_equal(ruleset_n_in_memory(g->rs), 3);
}

static void
files_of_one_namespace_may_need_each_other(void **state)
{
	struct ground *g = *state;

	add(g, "p/a", "rule one { condition: filesize > 1 }");
	add(g, "p/b", GOOD);
	add(g, "p/a", "rule two { condition: not one }");
	assert_ok(compile(g));
	assert_int_equal(ruleset_scope(g->rs, 0), RULE_IN_FILES | RULE_NEEDED);
	assert_int_equal(ruleset_scope(g->rs, 1), RULE_IN_FILES | RULE_IN_MEMORY);
	assert_int_equal(ruleset_scope(g->rs, 2),
	    RULE_IN_FILES | RULE_IN_MEMORY | RULE_NEEDED);
}

static void
strings_that_libyara_chains_are_not_for_memory(void **state)
{
	static const struct {
		const char *jump;
		bool is_chained;
	} table[] = { { "[200]", false }, { "[201]", true }, { "[4-201]", true },
		{ "[-]", true }, { "[10-]", true }, { "[0-200]", false } };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text),
		    "rule r { strings: $a = { 61 62 63 64 %s 65 66 67 68 } condition: $a "
		    "}",
		    table[i].jump);
		ruleset_free(g->rs);
		g->rs = ruleset_new();
		add(g, "p/a", text);
		assert_ok(compile(g));
		assert_int_equal(ruleset_scope(g->rs, 0) & RULE_IN_MEMORY,
		    table[i].is_chained ? 0 : RULE_IN_MEMORY);
	}
}

/* The overlap for a rule with that string, of n characters where it has a %s. */
static size_t
overlap(struct ground *g, const char *before, size_t n, const char *behind)
{
	MH_CLEANUP(freep) char *characters = xcalloc(n + 1, 1);

	memset(characters, 'x', n);
	MH_CLEANUP(freep)
	char *text = xasprintf("rule r { strings: $a = %s%s%s condition: $a }", before,
	    characters, behind);

	ruleset_free(g->rs);
	g->rs = ruleset_new();
	add(g, "p/a", text);
	assert_ok(compile(g));
	return ruleset_longest_match(g->rs);
}

static void
blocks_overlap_by_the_longest_match(void **state)
{
	struct ground *g = *state;

	assert_int_equal(overlap(g, "\"", 100, "\""), 100 + 4);
	assert_int_equal(overlap(g, "\"", 100, "\" wide"), 200 + 4);
	assert_int_equal(overlap(g, "\"", 8190, "\""), 8190 + 4);
	assert_int_equal(overlap(g, "\"", 8190, "\" ascii wide"), RULESET_OVERLAP_MAX);
	assert_int_equal(overlap(g, "/ab[cd]", 10, "/"), 2 * YR_RE_SCAN_LIMIT + 4);
	assert_int_equal(overlap(g, "{ 61 62 ?? 63 64 } //", 1, "\n"),
	    2 * YR_RE_SCAN_LIMIT + 4);
	/* Not evaluated in memory. */
	assert_int_equal(overlap(g, "/^ab", 10, "/"), 0);
}

static void
disabled_rules_work_nowhere_but_for_others(void **state)
{
	static const char text[] = "rule a { meta: id = \"i-1\" condition: true }\n"
				   "rule b { condition: a }\n"
				   "rule c { strings: $s = \"abcdef\" condition: $s }\n";
	static const struct {
		const char *pattern;
		const char *places; /* of a, b and c: n needed, - nowhere, + there */
	} cases[] = {
		{ "none", "+++" },
		{ "c", "++-" },
		{ "i-1", "n++" },
		{ "p/x:*", "n--" },
		{ "q/x:*", "+++" },
	};
	struct ground *g = *state;
	uint8_t plain[RULESET_ID_BYTES], id[RULESET_ID_BYTES];

	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		ruleset_free(g->rs);
		g->rs = ruleset_new();
		add(g, "p/x", text);
		if (i > 0)
			assert_ok(ruleset_disable(g->rs, cases[i].pattern));
		assert_ok(compile(g));
		ruleset_id(g->rs, i > 0 ? id : plain);
		/* What was clean was so under other rules. */
		assert_true(i == 0 || memcmp(id, plain, sizeof(id)) != 0);
		for (unsigned k = 0; k < 3; k++) {
			unsigned mask = ruleset_scope(g->rs, k);
			char place = (mask & RULE_IN_FILES) != 0 ? '+'
				     : (mask & RULE_NEEDED) != 0 ? 'n'
								 : '-';

			if (place != cases[i].places[k])
				fail_msg("%s: rule %u: %c", cases[i].pattern, k, place);
			assert_true(place == '+' ||
				    strstr(ruleset_scope_reason(g->rs, k), "override"));
		}
	}
	for (unsigned i = 1; i < RULE_PATTERNS_MAX; i++)
		assert_ok(ruleset_disable(g->rs, "x"));
	assert_err(ruleset_disable(g->rs, "x"), MH_ERR_FULL);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(good_files_make_one_rule_set),
		with_ground(a_bad_file_is_left_out_with_line_and_reason),
		with_ground(several_bad_files_are_each_told_once),
		with_ground(equal_rule_names_of_different_files_do_not_clash),
		with_ground(equal_names_of_files_keep_the_first),
		with_ground(a_file_cannot_name_another_file),
		with_ground(a_nul_byte_is_no_rule_text),
		with_ground(a_set_without_any_rule_is_an_error),
		with_ground(externals_are_defined_and_the_mask_names_those_that_are_read),
		with_ground(externals_of_a_bad_file_are_not_counted),
		with_ground(imports_are_seen_in_used_files),
		with_ground(the_id_follows_names_and_texts_of_used_files),
		with_ground(files_fit_to_their_number_and_size),
		with_ground(the_first_warnings_are_kept),
		with_ground(warnings_are_counted_and_the_file_is_used),
		with_ground(each_rule_has_its_place_file_and_line),
		with_ground(files_of_one_namespace_may_need_each_other),
		with_ground(strings_that_libyara_chains_are_not_for_memory),
		with_ground(blocks_overlap_by_the_longest_match),
		with_ground(disabled_rules_work_nowhere_but_for_others),
	};

	return cmocka_run_group_tests_name("ruleset", tests, group_setup, group_teardown);
}

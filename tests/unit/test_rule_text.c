/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading rules: the text, its strings, its condition. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/attack_ids.h"
#include "signatures/fingerprint.h"
#include "signatures/rule_hint.h"
#include "signatures/rule_string.h"
#include "signatures/rule_text.h"
#include "signatures/rule_truth.h"

static struct rule_text *
read_text(const char *text)
{
	return rule_text_read(text, strlen(text));
}

static void
what_stands_in_a_file_is_found(void **state)
{
	static const char text[] =
	    "import \"pe\"\ninclude \"x.yar\"\n/* rule no */\n"
	    "private rule first : A B { meta: id = \"x\" n = 5 yes = true strings: $a = "
	    "\"q }\" "
	    "$ = { 01 // } no\n 02 } condition: all of them }\n"
	    "global rule second { condition: true }\nrule third { condition: first }";
	struct rule_text *t = read_text(text);

	(void)state;
	assert_int_equal(t->n_imports, 1);
	assert_true(rule_word_is(&t->imports[0], "pe"));
	assert_int_equal(t->n_includes, 1);
	assert_int_equal(t->includes[0].line, 2);
	assert_int_equal(t->n_rules, 3);
	const struct rule_part *first = &t->rules[0];

	assert_true(rule_word_is(&first->name, "first"));
	assert_int_equal(first->name.line, 4);
	assert_true(first->is_private && !first->is_global);
	assert_int_equal(first->n_tags, 2);
	assert_int_equal(first->n_metas, 3);
	assert_int_equal(rule_meta_find(first, "n")->kind, RULE_META_NUMBER);
	assert_true(rule_word_is(&rule_meta_find(first, "id")->value, "x"));
	assert_null(rule_meta_find(first, "none"));
	assert_int_equal(first->n_strings, 2);
	assert_int_equal(first->strings[1].kind, RULE_STRING_HEX);
	assert_int_equal(memcmp(first->begin, "private", 7), 0);
	assert_int_equal(first->end[-1], '}');
	assert_true(t->rules[1].is_global && !t->rules[2].is_global);
	assert_non_null(rule_string_find(first, "$a", 2));
	assert_null(rule_string_find(first, "$b", 2));
	rule_text_free(t);
}

static void
modifiers_are_read(void **state)
{
	struct rule_text *t = read_text(
	    "rule a { strings: $a = \"x\" wide ascii nocase // nocase: y\n $b = \"x\" "
	    "xor(1-2) fullword $c = \"x\" xor private $d = /x/is $e = \"x\" "
	    "base64(\"..\") "
	    "condition: all of them }");
	static const unsigned flags[] = {
		RULE_STRING_WIDE | RULE_STRING_ASCII | RULE_STRING_NOCASE |
		    RULE_STRING_REASON,
		RULE_STRING_XOR | RULE_STRING_XOR_RANGE | RULE_STRING_FULLWORD,
		RULE_STRING_XOR | RULE_STRING_PRIVATE,
		0,
		RULE_STRING_BASE64,
	};

	(void)state;
	assert_int_equal(t->rules[0].n_strings, MH_ARRAY_LEN(flags));
	for (size_t i = 0; i < MH_ARRAY_LEN(flags); i++)
		assert_int_equal(t->rules[0].strings[i].flags, flags[i]);
	rule_text_free(t);
}

static void
every_beginning_of_a_file_is_read(void **state)
{
	static const char text[] =
	    "import \"pe\" global private rule a : T { meta: x = -1 y = \"z\" "
	    "strings: $a = { 01 (02 | 03) [4-] } nocase $b = /x[/]/ "
	    "condition: for any of ($a*) : (@ > 1) } rule b { condition: a }";

	(void)state;
	for (size_t len = 0; len <= strlen(text); len++) {
		char *copy = xmemdup(text, len + 1);
		struct rule_text *t = rule_text_read(copy, len);

		for (size_t i = 0; i < t->n_rules; i++) {
			bool is_there[4] = { true, false, true, false };

			(void)rule_truth(&t->rules[i], is_there);
		}
		rule_text_free(t);
		free(copy);
	}
}

static struct rule_word
word_of(const char *text)
{
	return (struct rule_word){ text, strlen(text), 1 };
}

static void
texts_are_decoded(void **state)
{
	struct rule_word w = word_of("\"a\\n\\t\\\\\\\"\\x41\\xfF!\"");
	struct buf *b = buf_new(64);

	(void)state;
	rule_string_decode(&w, b);
	assert_int_equal(buf_len(b), 8);
	assert_memory_equal(buf_data(b), "a\n\t\\\"A\xff!", 8);
	buf_free(b);
}

static void
hex_strings_are_looked_through(void **state)
{
	static const struct {
		const char *text;
		struct hex_facts facts;
	} cases[] = {
		{ "{ 61 62 63 }", { 3, 3, 0, false, true, false } },
		{ "{ 61 6? 63 }", { 2, 1, 0, false, false, false } },
		{ "{ ?? 62 63 }", { 2, 2, 0, true, false, false } },
		{ "{ [2-9] 62 63 }", { 2, 2, 9, true, false, false } },
		{ "{ 62 [4] 63 [-] 64 }", { 3, 1, SIZE_MAX, false, false, false } },
		{ "{ 01 (02 | 03 04) 05 06 }", { 3, 2, 0, false, false, false } },
		{ "{ 00 ff 00 ff }", { 4, 4, 0, false, false, true } },
		{ "{ 00 /* 01 02 */ ff // 03\n 01 }", { 3, 3, 0, false, false, false } },
		{ "{ }", { 0, 0, 0, false, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		struct rule_word w = word_of(cases[i].text);
		struct hex_facts is;
		const struct hex_facts *has = &cases[i].facts;

		rule_string_hex(&w, &is);
		if (is.n_fixed != has->n_fixed || is.longest_run != has->longest_run ||
		    is.max_jump != has->max_jump ||
		    is.begins_loosely != has->begins_loosely ||
		    is.is_printable != has->is_printable ||
		    is.is_uniform != has->is_uniform)
			fail_msg("%s: %zu %zu %zu %d %d %d", cases[i].text, is.n_fixed,
			    is.longest_run, is.max_jump, is.begins_loosely,
			    is.is_printable, is.is_uniform);
	}
}

static void
hex_strings_match_their_bytes(void **state)
{
	struct rule_word w = word_of("{ 61 ?2 63 }");
	struct rule_word jump = word_of("{ 61 [2] 63 }");

	(void)state;
	assert_true(rule_string_hex_matches(&w, "abc", 3));
	assert_true(rule_string_hex_matches(&w, "arc", 3));
	assert_false(rule_string_hex_matches(&w, "acc", 3));
	assert_false(rule_string_hex_matches(&w, "ab", 2));
	assert_false(rule_string_hex_matches(&w, "abcd", 4));
	assert_true(rule_string_hex_matches(&jump, "a", 1));
}

static void
regular_expressions_are_looked_through(void **state)
{
	static const struct {
		const char *text;
		size_t run;
		bool is_unbounded;
	} cases[] = {
		{ "/abcd/", 4, false },
		{ "/ab[cd]ef/i", 2, false },
		{ "/abc?def/", 3, false },
		{ "/abc+def/", 3, false },
		{ "/ab.*cd/", 2, true },
		{ "/ab.+cd/", 2, true },
		{ "/ab.*?cd/", 2, true },
		{ "/ab\\s*cd/", 2, false },
		{ "/ab\\x41\\.cd/", 6, false },
		{ "/abc{2,}d/", 3, true },
		{ "/abc{2,3}d/", 3, false },
		{ "/abcdef|xy/", 2, false },
		{ "/(abcdef|xy)/", 0, false },
		{ "/(abcdef)xy/", 6, false },
		{ "/[]]abc[^]]d/", 3, false },
		{ "/", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		struct rule_word w = word_of(cases[i].text);
		struct regex_facts is;

		rule_string_regex(&w, &is);
		if (is.longest_run != cases[i].run ||
		    is.is_unbounded != cases[i].is_unbounded)
			fail_msg("%s: %zu %d", cases[i].text, is.longest_run,
			    is.is_unbounded);
	}
}

/* The truth of a condition with strings $a1 $a2 $b, by which are there. */
static void
check_truth(const char *condition, const char *there, enum truth expected)
{
	char *text =
	    xasprintf("rule r { strings: $a1 = \"1\" $a2 = \"2\" $b = \"3\" condition: "
		      "%s }",
		condition);
	struct rule_text *t = read_text(text);
	bool is_there[] = { there[0] == '1', there[1] == '1', there[2] == '1' };
	enum truth is = rule_truth(&t->rules[0], is_there);

	if (is != expected)
		fail_msg("%s with %s: %d, not %d", condition, there, is, expected);
	rule_text_free(t);
	free(text);
}

static void
truth_is_that_of_the_strings(void **state)
{
	(void)state;
	check_truth("$a1", "100", TRUTH_YES);
	check_truth("$a1", "011", TRUTH_NO);
	check_truth("$a1 and filesize < 10", "100", TRUTH_MAYBE);
	check_truth("$a1 at 0", "100", TRUTH_MAYBE);
	check_truth("$a1 in (0..10)", "000", TRUTH_NO);
	check_truth("2 of them", "110", TRUTH_YES);
	check_truth("2 of them", "100", TRUTH_NO);
	check_truth("all of ($a*)", "110", TRUTH_YES);
	check_truth("all of ($a*)", "101", TRUTH_NO);
	check_truth("any of ($a1, $b)", "010", TRUTH_NO);
	check_truth("none of them", "000", TRUTH_YES);
	check_truth("none of them", "001", TRUTH_NO);
	check_truth("50% of them", "100", TRUTH_NO);
	check_truth("50% of them", "110", TRUTH_YES);
	check_truth("not $a1", "000", TRUTH_YES);
	check_truth("not $a1", "100", TRUTH_NO);
	check_truth("not filesize > 3 and $a1", "100", TRUTH_MAYBE);
	check_truth("not defined filesize and 1 of them", "000", TRUTH_NO);
	check_truth("#a1 > 2", "000", TRUTH_NO);
	check_truth("#a1 > 2", "100", TRUTH_MAYBE);
	check_truth("@a1[1] == 3 or $b", "001", TRUTH_YES);
	check_truth("for any of ($a*) : ($ at 0)", "001", TRUTH_NO);
	check_truth("for any of ($a*) : ($ at 0)", "010", TRUTH_MAYBE);
	check_truth("for all i in (1..3) : (uint8(i) == 2)", "000", TRUTH_MAYBE);
	check_truth("pe.exports(\"x\") and $b", "000", TRUTH_NO);
	check_truth("uint32(uint32(0x3c)) == 0x4550 and $b", "001", TRUTH_MAYBE);
	check_truth("true", "000", TRUTH_YES);
	check_truth("false or $b", "001", TRUTH_YES);
	check_truth("$nonsense", "111", TRUTH_UNKNOWN);
	check_truth("$a1 and", "111", TRUTH_UNKNOWN);
	check_truth("other_rule and $a1", "100", TRUTH_MAYBE);
	check_truth("2 of (rule_a, rule_b)", "000", TRUTH_MAYBE);
}

/* Limits on both sides: how deep, how many strings. */
static void
truth_is_unknown_beyond_its_limits(void **state)
{
	struct buf *b = buf_new(1 << 20);

	(void)state;
	for (unsigned depth = 100; depth <= TRUTH_DEPTH_MAX + 1;
	     depth += TRUTH_DEPTH_MAX + 1 - 100) {
		buf_reset(b);
		for (unsigned i = 0; i + 1 < depth; i++)
			buf_add(b, "(");
		buf_add(b, "$b");
		for (unsigned i = 0; i + 1 < depth; i++)
			buf_add(b, ")");
		check_truth(buf_string(b), "001",
		    depth > TRUTH_DEPTH_MAX ? TRUTH_UNKNOWN : TRUTH_YES);
	}
	for (unsigned n = TRUTH_STRINGS_MAX; n <= TRUTH_STRINGS_MAX + 1; n++) {
		bool *is_there = xcalloc(n, sizeof(*is_there));

		buf_reset(b);
		buf_add(b, "rule r { strings: ");
		for (unsigned i = 0; i < n; i++)
			buf_addf(b, "$s%u = \"x\" ", i);
		buf_add(b, "condition: none of them }");
		struct rule_text *t = read_text(buf_string(b));

		assert_int_equal(rule_truth(&t->rules[0], is_there),
		    n > TRUTH_STRINGS_MAX ? TRUTH_UNKNOWN : TRUTH_YES);
		rule_text_free(t);
		free(is_there);
	}
	buf_free(b);
}

static void
fingerprint_of(const char *text, char ret[FINGERPRINT_HEX + 1])
{
	struct rule_text *t = read_text(text);

	assert_int_equal(t->n_rules, 1);
	fingerprint_rule(&t->rules[0], ret);
	rule_text_free(t);
}

static void
fingerprints_are_those_of_strings_and_condition(void **state)
{
	static const char plain[] =
	    "rule a { strings: $a = \"x y\" $h = { AB 01 } condition: all "
	    "of them }";
	static const char *const same[] = {
		"rule b : T { meta: x = 1 strings: $a = \"x y\" // c\n $h = { ab01 } "
		"condition: "
		"all /* c */\n of them }",
		"private rule c{strings:$a=\"x y\"$h={AB 01}condition:all of them}",
	};
	static const char *const others[] = {
		"rule a { strings: $a = \"x  y\" $h = { AB 01 } condition: all of them }",
		"rule a { strings: $a = \"x y\" $h = { AB 02 } condition: all of them }",
		"rule a { strings: $a = \"x y\" wide $h = { AB 01 } condition: all of "
		"them }",
		"rule a { strings: $a = \"x y\" $h = { AB 01 } condition: any of them }",
		"rule a { strings: $h = { AB 01 } $a = \"x y\" condition: all of them }",
	};
	char first[FINGERPRINT_HEX + 1];
	char other[FINGERPRINT_HEX + 1];

	(void)state;
	fingerprint_of(plain, first);
	/* As docs/RULES.md defines it, computed by sha256sum(1). */
	assert_string_equal(first,
	    "8e88bfb350a3c596779fc10d2730216cbbb19295b8e9d209ad7052188189fdae");
	for (size_t i = 0; i < MH_ARRAY_LEN(same); i++) {
		fingerprint_of(same[i], other);
		assert_string_equal(first, other);
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(others); i++) {
		fingerprint_of(others[i], other);
		assert_string_not_equal(first, other);
	}
}

static void
a_packs_fingerprint_does_not_depend_on_the_order(void **state)
{
	const char *names[] = { "a", "b", "a" };
	const char *hashes[] = { "1", "2", "1" };
	char first[FINGERPRINT_HEX + 1];
	char second[FINGERPRINT_HEX + 1];

	(void)state;
	fingerprint_pack(names, hashes, 2, first);
	fingerprint_pack(names + 1, hashes + 1, 2, second);
	assert_string_equal(first, second);
	/* printf 'a 1\nb 2\n' | sha256sum */
	assert_string_equal(first,
	    "2951835de33689a441bfa61bc7af99b1f0305ca8ec0ab4dd508f14f57b27ca23");
	fingerprint_pack(names, hashes, 1, second);
	assert_string_not_equal(first, second);
}

static void
techniques_are_those_of_the_list(void **state)
{
	static const struct {
		const char *id;
		enum attack_id is;
	} cases[] = {
		{ "T1059", ATTACK_ID_GOOD },
		{ "T1205.002", ATTACK_ID_GOOD },
		{ "T1001", ATTACK_ID_GOOD },
		{ "T1681", ATTACK_ID_GOOD },
		{ "T1546.018", ATTACK_ID_GOOD },
		{ "T1546.019", ATTACK_ID_UNKNOWN },
		{ "T1205.000", ATTACK_ID_UNKNOWN },
		{ "T1205.099", ATTACK_ID_UNKNOWN },
		{ "T1000", ATTACK_ID_UNKNOWN },
		{ "T9999.001", ATTACK_ID_UNKNOWN },
		{ "T105", ATTACK_ID_MALFORMED },
		{ "t1059", ATTACK_ID_MALFORMED },
		{ "T1059.1", ATTACK_ID_MALFORMED },
		{ "T1059-001", ATTACK_ID_MALFORMED },
		{ "T10x9", ATTACK_ID_MALFORMED },
		{ "", ATTACK_ID_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		if (attack_id_check(cases[i].id, strlen(cases[i].id)) != cases[i].is)
			fail_msg("%s", cases[i].id);
	}
}

static void
errors_of_the_compiler_say_what_to_do(void **state)
{
	static const struct {
		const char *message;
		enum lint lint;
		const char *advice;
	} cases[] = {
		{ "undefined identifier \"x\"", LINT_C03,
		    "defined are filename, filepath" },
		{ "duplicated identifier \"x\"", LINT_C05, "rename" },
		{ "unknown module \"x\"", LINT_C01, "built without it" },
		{ "includes are disabled", LINT_C01, "cannot read another" },
		{ "non-ascii character", LINT_C01, "byte order mark" },
		{ "something new", LINT_C01, "something new" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		enum lint lint = LINT_MAX_;
		char *text = rule_hint(cases[i].message, &lint);

		assert_int_equal(lint, cases[i].lint);
		assert_non_null(strstr(text, cases[i].advice));
		assert_int_equal(strncmp(text, cases[i].message,
				     strlen(cases[i].message)),
		    0);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_in_a_file_is_found),
		cmocka_unit_test(modifiers_are_read),
		cmocka_unit_test(every_beginning_of_a_file_is_read),
		cmocka_unit_test(texts_are_decoded),
		cmocka_unit_test(hex_strings_are_looked_through),
		cmocka_unit_test(hex_strings_match_their_bytes),
		cmocka_unit_test(regular_expressions_are_looked_through),
		cmocka_unit_test(truth_is_that_of_the_strings),
		cmocka_unit_test(truth_is_unknown_beyond_its_limits),
		cmocka_unit_test(fingerprints_are_those_of_strings_and_condition),
		cmocka_unit_test(a_packs_fingerprint_does_not_depend_on_the_order),
		cmocka_unit_test(techniques_are_those_of_the_list),
		cmocka_unit_test(errors_of_the_compiler_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

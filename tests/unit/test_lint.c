/* SPDX-License-Identifier: BSD-2-Clause */
/* Each lint of one rule: a text that trips it and no other, and a neighbour that does not. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/lint.h"
#include "tests/unit/mh_rule.h"

static const char today[] = "2026-11-26";

/* How often each lint was said, and what was said last. */
struct said {
	unsigned n[LINT_MAX_];
	enum lint_level level[LINT_MAX_];
	unsigned line;
	char text[1024];
};

static void
on_remark(void *ctx, const struct lint_remark *remark)
{
	struct said *s = ctx;

	s->n[remark->lint]++;
	s->level[remark->lint] = remark->level;
	s->line = remark->line;
	(void)snprintf(s->text, sizeof(s->text), "%s: %s", lint_id(remark->lint),
	    remark->text);
}

static struct said
lint_text(const char *text, bool is_own)
{
	struct said said = { .line = 0 };
	struct lint_options options = { .today = today };
	MH_CLEANUP(lint_freep)
	struct lint_run *l = lint_new(&options, on_remark, NULL, &said);

	lint_add(l, &(struct lint_source){ .path = "a.yar",
			.text = text,
			.len = strlen(text),
			.is_own = is_own,
			.is_used = true });
	lint_all(l);
	return said;
}

/* No manifest and no fingerprint are known here: that is not what is tested. */
static unsigned
n_others(const struct said *said, enum lint lint)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LINT_MAX_; i++) {
		if (i != lint && i != LINT_Q01 && i != LINT_M08)
			n += said->n[i];
	}
	return n;
}

static void
check_parts(const struct rule_parts *parts, enum lint lint, bool is_said)
{
	char *text = rule_text_of(parts);
	struct said said = lint_text(text, true);

	if ((said.n[lint] > 0) != is_said || n_others(&said, lint) > 0)
		fail_msg("%s is said %u times, others %u times; last: %s\n%s",
		    lint_id(lint), said.n[lint], n_others(&said, lint), said.text, text);
	free(text);
}

/* One part of the good rule, as it trips the lint and as it does not. */
struct lint_case {
	enum lint lint;
	size_t part; /* offset in struct rule_parts */
	const char *bad, *good;
};
#define PART(field) offsetof(struct rule_parts, field)

static void
check_cases(const struct lint_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rule_parts parts = good_rule;
		const char **part = (const char **)((char *)&parts + cases[i].part);

		*part = cases[i].bad;
		check_parts(&parts, cases[i].lint, true);
		*part = cases[i].good;
		check_parts(&parts, cases[i].lint, false);
	}
}

static void
nothing_is_wrong_with_a_good_rule(void **state)
{
	(void)state;
	check_parts(&good_rule, LINT_C02, false);
}

static void
imports_and_names(void **state)
{
	static const struct lint_case cases[] = {
		{ LINT_C02, PART(imports), "import \"elf\"", "import \"pe\"" },
		{ LINT_C02, PART(imports), "import \"hash\"", "import \"math\"" },
		{ LINT_N01, PART(name), "Example", "MAL_Example_Nov26" },
		{ LINT_N01, PART(name), "LNX_MAL_Example_Nov26_1",
		    "CRIME_HKTL_Example_Nov26_12" },
		{ LINT_N01, PART(name), "APT_MAL_Example_Dec26_1",
		    "APT_MAL_Example_Jan26_1" },
		{ LINT_N01, PART(name), "APT_MAL_Example_Nov26_0",
		    "APT_MAL_Example_Nov26_9" },
		{ LINT_N01, PART(name), "APT_MAL__Example_Nov26",
		    "APT_MAL_Example_Two_Nov26" },
		{ LINT_N01, PART(name), "MAL_Nov26", "MAL_a_Nov26" },
	};

	(void)state;
	check_cases(cases, MH_ARRAY_LEN(cases));
}

static void
metas(void **state)
{
	static const struct lint_case cases[] = {
		{ LINT_M01, PART(attack), "", "attack = \"T1059\"" },
		{ LINT_M01, PART(actor), "actor = \"\"", "actor = \"A\"" },
		{ LINT_M01, PART(score), "score = \"75\"", "score = 80" },
		{ LINT_M01, PART(more), "os = \"linux\"",
		    "hash = \"d41d8cd98f00b204e9800998ecf8427e\""
		    " hash = \"da39a3ee5e6b4b0d3255bfef95601890afd80709\"" },
		{ LINT_M02, PART(description),
		    "description = \"Finds the Example implant for Linux by its lock "
		    "file, or by two messages\"",
		    "description = \"Detects the Example implant for Linux by its lock "
		    "file, or by two messages\"" },
		{ LINT_M02, PART(description),
		    "description = \"Detects the Example implant: 59 characters, not one "
		    "more!!!\"",
		    "description = \"Detects the Example implant: 60 characters, not one "
		    "more!!!!\"" },
		{ LINT_M02, PART(description),
		    "description = \"Detects the Example implant, see "
		    "https://example.org/ for what it does\"",
		    "description = \"Detects the Example implant, see the report named "
		    "below for all of it\"" },
		{ LINT_M03, PART(dates), "date = \"2026-11-27\"",
		    "date = \"2026-11-26\"" },
		{ LINT_M03, PART(dates), "date = \"2026-13-01\"",
		    "date = \"2025-12-31\"" },
		{ LINT_M03, PART(version), "version = 2",
		    "version = 2 modified = \"2026-11-24\"" },
		{ LINT_M03, PART(version), "version = 2 modified = \"2026-11-22\"",
		    "version = 2 modified = \"2026-11-23\"" },
		{ LINT_M03, PART(version), "version = 0", "version = 1" },
		{ LINT_M04, PART(attack), "attack = \"T9999\"", "attack = \"T1001\"" },
		{ LINT_M04, PART(attack), "attack = \"T1205.009\"",
		    "attack = \"T1205.001\"" },
		{ LINT_M04, PART(attack), "attack = \"T1059,X\"",
		    "attack = \"T1059,T1005\"" },
		{ LINT_M05, PART(score), "score = 101", "score = 80" },
		{ LINT_M05, PART(score), "score = 81", "score = 80" },
		{ LINT_M05, PART(category), "category = \"BAD\"", "category = \"MAL\"" },
		{ LINT_M05, PART(status), "status = \"EXPERIMENTAL\"",
		    "status = \"TESTING\"" },
		{ LINT_M06, PART(more), "hash = \"d41d8cd98f00b204e9800998ecf8427\"",
		    "hash = \"d41d8cd98f00b204e9800998ecf8427e\"" },
		{ LINT_M06, PART(reference), "reference = \"http://example.org\"",
		    "reference = \"https://example.org\"" },
		{ LINT_M06, PART(reference), "reference = \"Vendor, The Example report\"",
		    "reference = \"Vendor, The Example report, 1999\"" },
		{ LINT_M07, PART(tags), "FILE", "FILE MEMORY" },
		{ LINT_M07, PART(scope), "scope = \"all\"", "scope = \"both\"" },
		{ LINT_M07, PART(scope), "scope = \"file\"", "scope = \"both\"" },
	};

	(void)state;
	check_cases(cases, MH_ARRAY_LEN(cases));
}

static void
scores_have_bands(void **state)
{
	static const struct {
		const char *category;
		unsigned most;
	} bands[] = { { "SUSP", 79 }, { "HKTL", 75 }, { "PUA", 75 } };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bands); i++) {
		for (unsigned more = 0; more < 2; more++) {
			struct rule_parts parts = good_rule;
			char *category =
			    xasprintf("category = \"%s\"", bands[i].category);
			char *score = xasprintf("score = %u", bands[i].most + more);

			parts.category = category;
			parts.score = score;
			check_parts(&parts, LINT_M05, more > 0);
			free(category);
			free(score);
		}
	}
}

/* Strings beside the good ones, and a condition that asks for three of all of them. */
static void
check_string(enum lint lint, const char *bad, const char *good)
{
	struct rule_parts parts = good_rule;
	const char *strings[] = { bad, good };

	parts.condition = "uint32(0) == 0x464c457f and filesize < 1MB and 2 of them "
			  "or (not defined filesize and 3 of them)";
	for (size_t i = 0; i < 2; i++) {
		char *text =
		    xasprintf("$s1 = \"first message\" ascii $s2 = \"second one\" ascii "
			      "%s",
			strings[i]);

		parts.strings = text;
		check_parts(&parts, lint, i == 0);
		free(text);
	}
}

static void
strings(void **state)
{
	(void)state;
	check_string(LINT_S01, "$s3 = \"abcde\"", "$s3 = \"abcdef\"");
	check_string(LINT_S01, "$s3 = \"abcde\" wide", "$s3 = \"abcdef\" wide");
	check_string(LINT_S01, "$s3 = { de ad be }", "$s3 = { de ad be ef }");
	check_string(LINT_S02, "$s3 = \"abababab\"", "$s3 = \"abcabcab\"");
	check_string(LINT_S02, "$s3 = { 00 00 ff 00 ff }", "$s3 = { 00 00 ff 00 fe }");
	check_string(LINT_S04, "$s3 = \"first message\" ascii",
	    "$s3 = \"third message\"");
	check_string(LINT_S04, "$s3 = \"first mess\"", "$s3 = \"first words\"");
	check_string(LINT_S05, "$s3 = \"third message\" nocase",
	    "$s3 = \"third message\" nocase // nocase: a path of Windows\n");
	check_string(LINT_S05,
	    "$s3 = \"third message\" nocase wide fullword // nocase: x\n",
	    "$s3 = \"third message\" nocase wide // nocase: x\n");
	check_string(LINT_S06, "$s3 = \"third message.\" fullword",
	    "$s3 = \"third message\" fullword");
	check_string(LINT_S06, "$s3 = \"tmp/third\" fullword", "$s3 = \"tmp/third\"");
	check_string(LINT_S07, "$s3 = /abcdef.*xyz/", "$s3 = /abcdef.{0,9}xyz/");
	check_string(LINT_S07, "$s3 = /abc{2,}defgh/", "$s3 = /abc{2,3}defgh/");
	check_string(LINT_S07, "$s3 = /abc[0-9]def/", "$s3 = /abcd[0-9]def/");
	check_string(LINT_S08, "$s3 = { 61 62 63 64 65 66 }",
	    "$s3 = { 61 62 63 64 65 00 }");
	check_string(LINT_S08, "$s3 = { de ad [0-65] be ef 01 }",
	    "$s3 = { de ad [0-64] be ef 01 }");
	check_string(LINT_S08, "$s3 = { ?? de ad be ef 01 }",
	    "$s3 = { d? de ad be ef 01 }");
	check_string(LINT_S09, "$s3 = \"third message\" xor",
	    "$s3 = \"third message\" xor(0x01-0xff)");
}

static void
conditions(void **state)
{
#define MEMORY " or (not defined filesize and 3 of them)"
#define ELF "uint32(0) == 0x464c457f and "
	static const struct lint_case cases[] = {
		{ LINT_D01, PART(condition), ELF "2 of ($s*) and $x1" MEMORY,
		    ELF "1MB > filesize and 2 of ($s*) and $x1" MEMORY },
		{ LINT_D01, PART(condition),
		    "filesize < 1MB and 2 of ($s*) and $x1" MEMORY,
		    "$x1 at 0 and filesize < 1MB and 2 of ($s*)" MEMORY },
		{ LINT_D02, PART(condition), ELF "filesize < 1MB and 2 of ($s*) and $x1",
		    ELF "filesize < 1MB and 2 of ($s*) and $x1" MEMORY },
		{ LINT_D03, PART(condition),
		    ELF "filesize < 1MB and (1 of ($s*) or $x1)" MEMORY,
		    ELF "filesize < 1MB and (2 of ($s*) or $x1)" MEMORY },
		{ LINT_D03, PART(condition),
		    ELF "filesize < 1MB and 5 of them or (not defined filesize and 5 of "
			"them)",
		    ELF "filesize < 1MB and 4 of them" MEMORY },
		{ LINT_D04, PART(condition),
		    ELF "filesize < 1MB and 3 of them and for any i in (0..filesize) : "
			"(uint8(i) == 1)" MEMORY,
		    ELF "filesize < 1MB and 3 of them and for any i in (0..9) : "
			"(uint8(i) == 1)" MEMORY },
		{ LINT_D06, PART(condition),
		    ELF "filesize < 1MB and not $x1 and not 2 of ($s*)" MEMORY,
		    ELF "filesize < 1MB and not $x1 and 2 of ($s*)" MEMORY },
	};

	(void)state;
	check_cases(cases, MH_ARRAY_LEN(cases));
}

static void
a_common_string_is_told_only_where_it_is_enough(void **state)
{
	struct rule_parts parts = good_rule;

	(void)state;
	parts.strings =
	    "$x1 = \"This program cannot be run in DOS mode\" $s1 = \"second message\"";
	parts.condition = ELF "filesize < 1MB and ($x1 or 2 of them)" MEMORY;
	parts.condition =
	    ELF "filesize < 1MB and $x1 or (not defined filesize and 2 of them)";
	check_parts(&parts, LINT_S03, true);
	parts.condition =
	    ELF "filesize < 1MB and all of them or (not defined filesize and 2 of "
		"them)";
	check_parts(&parts, LINT_S03, false);
}

static void
short_strings_may_be_three_together(void **state)
{
	struct rule_parts parts = good_rule;

	(void)state;
	parts.strings = "$s1 = \"abcd1\" $s2 = \"efgh2\" $s3 = \"ijkl3\" $s4 = \"mnop4\"";
	parts.condition = ELF "filesize < 1MB and 3 of them" MEMORY;
	check_parts(&parts, LINT_S01, false);
	parts.condition = ELF "filesize < 1MB and 2 of them" MEMORY;
	check_parts(&parts, LINT_S01, true);
	parts.strings = "$s1 = \"abc\" $s2 = \"efgh2\" $s3 = \"ijkl3\" $s4 = \"mnop4\"";
	parts.condition = ELF "filesize < 1MB and 3 of them" MEMORY;
	check_parts(&parts, LINT_S01, true);
}

static void
base64_of_short_strings_is_told(void **state)
{
	struct rule_parts parts = good_rule;

	(void)state;
	parts.condition = ELF "filesize < 1MB and 3 of them" MEMORY;
	parts.strings = "$s1 = \"first\" base64 $s2 = \"second message\" $s3 = \"third\"";
	check_parts(&parts, LINT_S09, true);
	parts.strings =
	    "$s1 = \"firsts\" base64 $s2 = \"second message\" $s3 = \"third\"";
	check_parts(&parts, LINT_S09, false);
}

static void
any_of_them_is_told_of_grouped_strings(void **state)
{
	struct rule_parts parts = good_rule;

	(void)state;
	parts.strings = "$x1 = \"/var/run/example.lock\" $x2 = \"/var/run/example.pid\"";
	parts.condition =
	    ELF "filesize < 1MB and any of them or (not defined filesize and 2 of "
		"them)";
	check_parts(&parts, LINT_D05, false);
	char *text = NULL;

	parts.strings = "$s1 = \"/var/run/example.lock\" $s2 = \"/var/run/example.pid\"";
	text = rule_text_of(&parts);
	struct said said = lint_text(text, true);

	assert_int_equal(said.n[LINT_D05], 1);
	assert_int_equal(said.n[LINT_D03], 2);
	free(text);
}

static void
a_rule_without_strings_needs_a_module(void **state)
{
	static const char no_strings[] = "rule a { condition: filesize < 10 }";
	static const char module[] =
	    "import \"pe\" rule a { condition: pe.imphash() == \"x\" and filesize < 10 }";

	(void)state;
	assert_int_equal(lint_text(no_strings, true).n[LINT_D06], 1);
	assert_int_equal(lint_text(module, true).n[LINT_D06], 0);
	assert_int_equal(lint_text("rule a { condition: true }", true).n[LINT_D06], 1);
}

static void
many_regular_expressions_are_told(void **state)
{
	static const char three[] = "rule a { strings: $a = /abcd1/ $b = /abcd2/ $c = "
				    "/abcd3/ condition: all of them }";
	static const char four[] =
	    "rule a { strings: $a = /abcd1/ $b = /abcd2/ $c = /abcd3/ $d = "
	    "/abcd4/ condition: all of them }";

	(void)state;
	assert_int_equal(lint_text(three, false).n[LINT_S07], 0);
	assert_int_equal(lint_text(four, false).n[LINT_S07], 1);
}

static void
a_hash_of_the_whole_file_is_told(void **state)
{
	static const char whole[] =
	    "import \"hash\" rule a { condition: hash.md5(0, filesize) == \"x\" }";
	static const char part[] =
	    "import \"hash\" rule a { condition: hash.md5(0, 4096) == \"x\" }";

	(void)state;
	assert_int_equal(lint_text(whole, false).n[LINT_D04], 1);
	assert_int_equal(lint_text(part, false).n[LINT_D04], 0);
}

static void
packs_of_others_get_few_lints_as_warnings(void **state)
{
	static const char text[] =
	    "import \"elf\" rule bad { strings: $a = \"aaaa\" $b = /x.*y/ "
	    "condition: for any i in (0..filesize) : ($a at i) or $b }";
	struct said said = lint_text(text, false);

	(void)state;
	for (unsigned i = 0; i < LINT_MAX_; i++) {
		bool is_expected = i == LINT_S02 || i == LINT_S07 || i == LINT_D04;

		if ((said.n[i] > 0) != is_expected)
			fail_msg("%s: %u", lint_id((enum lint)i), said.n[i]);
		assert_true(said.n[i] == 0 || said.level[i] == LEVEL_WARNING);
	}
	assert_int_equal(lint_level_in(LINT_P03, false), LEVEL_ERROR);
	assert_int_equal(lint_level_in(LINT_C04, true), LEVEL_ERROR);
	assert_int_equal(lint_level_in(LINT_P01, false), LEVEL_INFO);
}

static void
remarks_of_one_kind_are_bounded_and_counted(void **state)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);

	(void)state;
	for (unsigned n = LINT_REMARKS_MAX; n <= LINT_REMARKS_MAX + 5; n += 5) {
		buf_reset(b);
		buf_add(b, "rule a { strings: ");
		for (unsigned i = 0; i < n; i++)
			buf_addf(b, "$a%u = \"xyxyxy%.*s\" ", i, (int)(i * 2),
			    "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy"
			    "xy");
		buf_add(b, "condition: all of them }");
		struct said said = lint_text(buf_string(b), false);

		assert_int_equal(said.n[LINT_S02],
		    n == LINT_REMARKS_MAX ? n : LINT_REMARKS_MAX + 1);
		if (n > LINT_REMARKS_MAX)
			assert_non_null(strstr(said.text, "and 5 more"));
	}
}

static void
lines_are_those_of_the_text(void **state)
{
	static const char text[] =
	    "rule a {\n strings:\n  $a = \"good string\"\n  $b = \"aaaaaaaa\"\n"
	    " condition:\n  all of them\n}\n";

	(void)state;
	assert_int_equal(lint_text(text, false).line, 4);
}

static void
a_file_that_is_left_out_is_not_linted(void **state)
{
	struct said said = { .line = 0 };
	struct lint_options options = { .today = today };
	static const char text[] =
	    "rule a { strings: $a = \"aaaa\" condition: nonsense }";
	MH_CLEANUP(lint_freep)
	struct lint_run *l = lint_new(&options, on_remark, NULL, &said);

	(void)state;
	lint_add(l, &(struct lint_source){ .path = "a",
			.text = text,
			.len = strlen(text),
			.is_own = true });
	lint_all(l);
	for (unsigned i = 0; i < LINT_MAX_; i++) {
		if (i != LINT_N02)
			assert_int_equal(said.n[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong_with_a_good_rule),
		cmocka_unit_test(imports_and_names),
		cmocka_unit_test(metas),
		cmocka_unit_test(scores_have_bands),
		cmocka_unit_test(strings),
		cmocka_unit_test(conditions),
		cmocka_unit_test(a_common_string_is_told_only_where_it_is_enough),
		cmocka_unit_test(short_strings_may_be_three_together),
		cmocka_unit_test(base64_of_short_strings_is_told),
		cmocka_unit_test(any_of_them_is_told_of_grouped_strings),
		cmocka_unit_test(a_rule_without_strings_needs_a_module),
		cmocka_unit_test(many_regular_expressions_are_told),
		cmocka_unit_test(a_hash_of_the_whole_file_is_told),
		cmocka_unit_test(packs_of_others_get_few_lints_as_warnings),
		cmocka_unit_test(remarks_of_one_kind_are_bounded_and_counted),
		cmocka_unit_test(lines_are_those_of_the_text),
		cmocka_unit_test(a_file_that_is_left_out_is_not_linted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

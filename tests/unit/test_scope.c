/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "signatures/condition.h"
#include "signatures/scope.h"

static int
setup(void **state)
{
	*state = buf_new(1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	buf_free(*state);
	return 0;
}

/* In tests, libyara has chains where the rule's name begins so. */
static bool
is_chained(void *ctx, const char *name, size_t len)
{
	(void)ctx;
	return len >= 7 && memcmp(name, "chained", 7) == 0;
}

static struct scope_list *
read_text(const char *text)
{
	return scope_list_read(text, strlen(text), is_chained, NULL);
}

/* The last rule of the text has that mask, and a reason with those words in it. */
static void
check_last(const char *text, unsigned mask, const char *reason)
{
	struct scope_list *list = read_text(text);

	assert_true(scope_list_n(list) > 0);
	const struct scope_rule *rule = scope_list_get(list, scope_list_n(list) - 1);

	if (rule->mask != mask || (reason == NULL) != (rule->reason == NULL) ||
	    (reason != NULL && strstr(rule->reason, reason) == NULL))
		fail_msg("%s\nhas %u: %s", text, rule->mask,
		    rule->reason != NULL ? rule->reason : "no reason");
	scope_list_free(list);
}

static void
check_condition(struct buf *b, const char *condition, const char *reason)
{
	buf_reset(b);
	buf_addf(b, "rule r { strings: $a = \"x\" condition: %s }", condition);
	check_last(buf_string(b),
	    reason != NULL ? RULE_IN_FILES : RULE_IN_FILES | RULE_IN_MEMORY, reason);
}

static void
conditions_that_need_a_file(void **state)
{
	static const struct {
		const char *condition, *reason;
	} table[] = {
		{ "filesize < 4MB and $a", "filesize" },
		{ "$a and filesize < 4MB", "filesize" },
		{ "($a and (filesize < 4MB))", "filesize" },
		{ "$a and 4MB > filesize", "filesize" },
		{ "$a and (filesize - 10) % 2 == 0", "filesize" },
		{ "filesize > 1 or filesize < 1", "filesize" },
		{ "uint16(0) == 0x5a4d and $a", "bytes" },
		{ "uint32be(0x3C) > 1 and $a", "bytes" },
		{ "$a and uint32(uint32(0x3C)) == 0x4550", "bytes" },
		{ "uint16(0) == 0x5a4d or uint32(0) == 1", "bytes" },
		{ "uint8(65535) == 1", "bytes" },
		{ "uint8(63KB) == 1", "bytes" },
		{ "uint32(filesize - 4) == 1", "filesize" },
		{ "$a at 0", "string at" },
		{ "$a at 0x10 and any of them", "string at" },
		{ "$a in (0..1024)", "string at" },
		{ "$a at filesize - 10", "filesize" },
		{ "$a in (filesize-100..filesize)", "filesize" },
		{ "any of them in (0..100)", "string at" },
		{ "2 of ($a*) in (0..100)", "string at" },
		{ "any of ($a*) at 0", "string at" },
		{ "$a and pe.number_of_sections == 1", "module pe" },
		{ "pe.imphash() == \"x\"", "module pe" },
		{ "pe.exports(\"a\") and $a", "module pe" },
		{ "elf.type == elf.ET_EXEC and $a", "module elf" },
		{ "pe.is_pe and $a", "module pe" },
		{ "dotnet.streams[0].name == \"a\"", "module dotnet" },
		{ "magic.type() contains \"ELF\"", "module magic" },
		{ "math.entropy(0, filesize) > 7 and $a", "filesize" },
		{ "hash.md5(0, filesize) == \"0\"", "filesize" },
		{ "filename == \"a\" and $a", "external filename" },
		{ "$a and extension iequals \".php\"", "external extension" },
		{ "\"ELF\" == filetype", "external filetype" },
		{ "filepath contains \"/tmp\"", "external filepath" },
		{ "false", "never" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		check_condition(*state, table[i].condition, table[i].reason);
}

static void
conditions_that_may_be_true_in_memory(void **state)
{
	static const char *const table[] = {
		"$a",
		"$a or filesize < 4MB",
		"(filesize < 4MB and uint16(0) == 0x5a4d) or $a",
		"not filesize < 4MB",
		"not (filesize < 4MB and $a)",
		"not $a at 0",
		"defined filesize",
		"uint8(65536) == 1",
		"uint8(64KB) == 1",
		"uint32(0x400000) == 0x464c457f",
		"uint32(@a[1]) == 1",
		"uint16(0 + 65536) == 1",
		"$a at 0x400000",
		"$a at @a[1] + 1",
		"$a in (0..0x7fffffffffff)",
		"#a in (0..100) == 0",
		"#a > 1 and @a[1] > 5 and !a[1] == 1",
		"none of them in (0..100)",
		"0 of them in (0..100)",
		"any of them",
		"50% of them",
		"for any of them : ($ at 0)",
		"for all i in (1..#a) : (uint16(0) == 1)",
		"$a at entrypoint",
		"entrypoint > 1",
		"pe.MACHINE_AMD64 == 0x8664",
		"pe.is_pe == 0",
		"pe.exports(\"a\") == 0",
		"math.entropy(0, 100) > 1",
		"time.now() > 1",
		"filename == \"\"",
		"filename != \"a\"",
		"filename matches /a/",
		"filename contains \"\"",
		"owner == \"root\"",
		"unknown_rule",
		"true",
		/* Not understood. */
		"filesize < 4MB and",
		"filesize < 4MB and )",
		"filesize < 4MB $a",
		"filesize < 4MB and { 1 }",
		"filesize < 4MB and any of",
		"filesize < 4MB and for x",
		"",
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		check_condition(*state, table[i], NULL);
}

static void
depth_is_limited(void **state)
{
	/* Each parenthesis is one atom; the number inside is one, too. */
	for (unsigned n = CONDITION_DEPTH_MAX - 1; n <= CONDITION_DEPTH_MAX; n++) {
		struct buf *b = *state;

		buf_reset(b);
		buf_add(b, "rule r { condition: ");
		for (unsigned i = 0; i < n; i++)
			buf_add(b, "(");
		buf_add(b, "filesize");
		for (unsigned i = 0; i < n; i++)
			buf_add(b, ")");
		buf_add(b, " }");
		bool fits = n < CONDITION_DEPTH_MAX;

		check_last(buf_string(b),
		    fits ? RULE_IN_FILES : RULE_IN_FILES | RULE_IN_MEMORY,
		    fits ? "filesize" : NULL);
	}
}

static void
the_author_comes_first(void **state)
{
	const unsigned both = RULE_IN_FILES | RULE_IN_MEMORY;

	(void)state;
	check_last("rule r { meta: scope = \"file\" condition: true }", RULE_IN_FILES,
	    "author means it for files");
	check_last("rule r { meta: scope = \"memory\" condition: true }", RULE_IN_MEMORY,
	    "author means it for memory");
	check_last("rule r { meta: a = \"b\" scope = \"both\" c = -1 condition: true }",
	    both, NULL);
	check_last("rule r { meta: scope = \"elsewhere\" condition: true }", both, NULL);
	check_last("rule r { meta: scan_context = \"file\" condition: true }",
	    RULE_IN_FILES, "author");
	check_last("rule r { meta: scan_context = \"file, memory\" condition: true }",
	    both, NULL);
	check_last("rule r { meta: scan_context = \"memory\" condition: true }",
	    RULE_IN_MEMORY, "author");
	check_last("rule r : A FILE { condition: true }", RULE_IN_FILES, "author");
	check_last("rule r : FILE MEMORY { condition: true }", both, NULL);
	check_last("rule r : FILE { meta: scope = \"both\" condition: true }", both,
	    NULL);
	/* A tag takes no rule away from files. */
	check_last("rule r : MEMORY { condition: true }", both, NULL);
	/* Text of a string is no meta. */
	check_last("rule r { strings: $scope = \"file\" condition: $scope }", both, NULL);
}

static void
what_cannot_work_in_memory_does_not_run_there_whatever_its_author_says(void **state)
{
	(void)state;
	check_last("rule r { meta: scope = \"both\" condition: filesize > 1 }",
	    RULE_IN_FILES, "filesize");
	check_last("rule r { meta: scope = \"memory\" condition: filesize > 1 }", 0,
	    "filesize");
}

static void
chained_and_anchored_strings_are_refused(void **state)
{
	const unsigned both = RULE_IN_FILES | RULE_IN_MEMORY;

	(void)state;
	check_last("rule chained { strings: $a = { 61 [300] 62 } condition: $a }",
	    RULE_IN_FILES, "long jump");
	check_last("rule r { strings: $a = /^a/ condition: $a }", RULE_IN_FILES,
	    "^ or $");
	check_last("rule r { strings: $a = /a$/i condition: $a }", RULE_IN_FILES,
	    "^ or $");
	check_last("rule r { strings: $a = /(b|^a)/ private condition: $a }",
	    RULE_IN_FILES, "^ or $");
	check_last("rule r { strings: $a = /[a]$/ condition: $a }", RULE_IN_FILES,
	    "^ or $");
	check_last("rule r { strings: $a = /[^a]\\^\\$[$^][]^$][^]^]/ condition: $a }",
	    both, NULL);
	check_last("rule r { strings: $a = \"^a$\" condition: $a }", both, NULL);
}

static void
a_rule_depends_on_those_it_names(void **state)
{
	const unsigned both = RULE_IN_FILES | RULE_IN_MEMORY;
	struct scope_list *list = NULL;

	(void)state;
	check_last("rule a { condition: filesize > 1 } rule b { condition: a }",
	    RULE_IN_FILES, "rule a, which cannot match");
	check_last("rule a { condition: filesize > 1 } rule b { condition: not a }", both,
	    NULL);
	check_last("rule chained { condition: true } rule b { condition: not chained }",
	    RULE_IN_FILES, "chained, which is not reliable");
	check_last("rule chained { condition: true } rule b { condition: any of (ch*) }",
	    RULE_IN_FILES, "chained, which is not reliable");
	list = read_text("rule a { condition: true } rule b { condition: a } "
			 "rule c { condition: true }");
	assert_int_equal(scope_list_get(list, 0)->mask, both | RULE_NEEDED);
	assert_int_equal(scope_list_get(list, 1)->mask, both);
	scope_list_free(list);
	list = read_text("rule a1 { condition: true } rule b { condition: any of (a*) }"
			 "rule c { condition: filesize * 2 > 4 }");
	assert_int_equal(scope_list_get(list, 0)->mask, both | RULE_NEEDED);
	assert_int_equal(scope_list_get(list, 1)->mask, both);
	assert_int_equal(scope_list_get(list, 2)->mask, RULE_IN_FILES);
	scope_list_free(list);
}

static void
a_global_rule_binds_its_file(void **state)
{
	const unsigned both = RULE_IN_FILES | RULE_IN_MEMORY;

	(void)state;
	check_last("global rule g { condition: filesize < 1 } rule r { condition: true }",
	    RULE_IN_FILES, "global rule g cannot match");
	check_last("rule r { condition: true } private global rule g { condition: true }",
	    both | RULE_NEEDED, NULL);
	check_last("global rule chained { condition: true } rule r { condition: true }",
	    RULE_IN_FILES, "global rule chained is not reliable");
}

static void
lines_and_names_are_those_of_the_text(void **state)
{
	static const char text[] =
	    "import \"pe\" /* rule x\n */ // rule y\n"
	    "rule a { strings: $a = \"rule b {\" $h = { 7d /* } */ 00 }\n"
	    "condition: $a }\n\n\nprivate\nrule\nbc\n{ condition: true }";
	struct scope_list *list = read_text(text);

	(void)state;
	assert_int_equal(scope_list_n(list), 2);
	assert_memory_equal(scope_list_get(list, 0)->name, "a", 1);
	assert_int_equal(scope_list_get(list, 0)->line, 3);
	assert_memory_equal(scope_list_get(list, 1)->name, "bc", 2);
	assert_int_equal(scope_list_get(list, 1)->line, 9);
	scope_list_free(list);
}

static void
every_prefix_ends(void **state)
{
	static const char text[] =
	    "global rule x : FILE { meta: scope = \"file\" strings: $a = /^b[^]]$/ "
	    "$h = { 4D [2-4] 5A } condition: for any of ($a*) : ( $ at 0 ) and not "
	    "(uint16(0) "
	    "== 1 or pe.x[1].f(\"a\", 2) contains \"c\") and any of (x*) in (0..@a[1]) }";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		scope_list_free(scope_list_read(text, len, is_chained, NULL));
}

#define with_buf(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_buf(conditions_that_need_a_file),
		with_buf(conditions_that_may_be_true_in_memory),
		with_buf(depth_is_limited),
		cmocka_unit_test(the_author_comes_first),
		cmocka_unit_test(
		    what_cannot_work_in_memory_does_not_run_there_whatever_its_author_says),
		cmocka_unit_test(chained_and_anchored_strings_are_refused),
		cmocka_unit_test(a_rule_depends_on_those_it_names),
		cmocka_unit_test(a_global_rule_binds_its_file),
		cmocka_unit_test(lines_and_names_are_those_of_the_text),
		cmocka_unit_test(every_prefix_ends),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}

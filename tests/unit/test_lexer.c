/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "signatures/lexer.h"

static int
setup(void **state)
{
	*state = buf_new(64 * 1024);
	return 0;
}

static int
teardown(void **state)
{
	buf_free(*state);
	return 0;
}

/* The tokens of text, each with its kind in front: "W:rule S:"x" O:{". */
static const char *
tokens(struct buf *b, const char *text, size_t len)
{
	static const char kinds[] = "EWSORNV";
	enum lexer_token kind;
	struct lexer lx;

	buf_reset(b);
	lexer_init(&lx, text, len);
	while ((kind = lexer_next(&lx)) != LEXER_END) {
		buf_addf(b, "%s%c:", buf_len(b) > 0 ? " " : "", kinds[kind]);
		buf_put(b, lx.token, lx.len);
	}
	assert_int_equal(lexer_next(&lx), LEXER_END);
	return buf_string(b);
}

static void
text_falls_into_tokens(void **state)
{
	static const struct {
		const char *text, *tokens;
	} table[] = {
		{ "", "" },
		{ " \t\r\n", "" },
		{ "rule a1_b {", "W:rule W:a1_b O:{" },
		{ "a // b \"c\n d", "W:a W:d" },
		{ "a // to the end", "W:a" },
		{ "a /* b \n \" */ c", "W:a W:c" },
		{ "a /* never closed", "W:a" },
		{ "/**/x", "W:x" },
		{ "\"a b\" c", "S:\"a b\" W:c" },
		{ "\"a \\\" // b\" c", "S:\"a \\\" // b\" W:c" },
		{ "\"\\\\\" c", "S:\"\\\\\" W:c" },
		{ "\"open\nmd5", "S:\"open W:md5" },
		{ "$a = /md5 \\/ owner/is c", "V:$a O:= R:/md5 \\/ owner/is W:c" },
		{ "$s #md5 @md5[1] !md5", "V:$s V:#md5 V:@md5 O:[ N:1 O:] V:!md5" },
		{ "0x1F 10MB 4D", "N:0x1F N:10MB N:4D" },
		{ "{ 4D ?? A0 }", "O:{ N:4D O:? O:? W:A0 O:}" },
		{ "hash.md5(0)", "W:hash O:. W:md5 O:( N:0 O:)" },
		{ "a\\b", "W:a O:\\ W:b" },
		{ "\xff\xfe", "O:\xff O:\xfe" },
		{ "\"x\\", "S:\"x\\" },
		{ "/", "R:/" },
		{ "$", "V:$" },
		{ "$a* $b", "V:$a O:* V:$b" },
		{ "(1..5) 1.5 1.", "O:( N:1 O:.. N:5 O:) N:1.5 N:1 O:." },
		{ "a==b!=c<=d>=e<<f>>g", "W:a O:== W:b O:!= W:c O:<= W:d O:>= W:e O:<< "
					 "W:f O:>> W:g" },
		{ "= = ! =", "O:= O:= V:! O:=" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		assert_string_equal(tokens(*state, table[i].text, strlen(table[i].text)),
		    table[i].tokens);
}

static void
a_nul_is_blank(void **state)
{
	assert_string_equal(tokens(*state, "a\0b", 3), "W:a W:b");
}

static void
the_character_before_is_that_of_the_token_before(void **state)
{
	static const char text[] = "a . b /* x */ c";
	struct lexer lx;

	(void)state;
	lexer_init(&lx, text, strlen(text));
	(void)lexer_next(&lx);
	assert_int_equal(lx.before, 0);
	(void)lexer_next(&lx);
	assert_int_equal(lx.before, 'a');
	(void)lexer_next(&lx);
	assert_int_equal(lx.before, '.');
	(void)lexer_next(&lx);
	assert_int_equal(lx.before, 'b');
}

static void
a_comment_that_is_not_closed_is_known(void **state)
{
	static const struct {
		const char *text;
		int at; /* -1: none */
	} cases[] = { { "a /* b */ c // d", -1 }, { "a /* b", 2 }, { "a \"/* b\"", -1 },
		{ "a /*/", 2 }, { "$a = /x\\/*y/ b", -1 } };
	struct lexer lx;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		const char *text = cases[i].text;

		lexer_init(&lx, text, strlen(text));
		while (lexer_next(&lx) != LEXER_END)
			;
		assert_ptr_equal(lx.open, cases[i].at < 0 ? NULL : text + cases[i].at);
	}
}

static void
every_prefix_ends(void **state)
{
	static const char text[] =
	    "rule x { strings: $a = \"b\\\"\" $c = /d\\/e/ // f\n"
	    "$h = { 4D [2-4] 5A } /* g */ condition: hash.md5(0) == md5 }";

	for (size_t len = 0; len < sizeof(text); len++)
		(void)tokens(*state, text, len);
}

#define with_buf(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_buf(text_falls_into_tokens),
		with_buf(a_nul_is_blank),
		cmocka_unit_test(the_character_before_is_that_of_the_token_before),
		cmocka_unit_test(a_comment_that_is_not_closed_is_known),
		with_buf(every_prefix_ends),
	};

	return cmocka_run_group_tests_name("lexer", tests, NULL, NULL);
}

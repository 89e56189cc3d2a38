/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_names.h"
#include "signatures/indicator_regex.h"

static void
count(void *ctx, uint32_t tag)
{
	unsigned *found = ctx;

	found[tag]++;
}

/* Whether path matches the one pattern. */
static bool
matches(enum name_kind kind, const char *text, bool is_caseless, const char *except,
    const char *path)
{
	struct indicator_names *n = indicator_names_new();
	char *why = NULL;
	unsigned found[1] = { 0 };

	assert_ok(indicator_names_add(n, kind, text, is_caseless, except, 0, &why));
	indicator_names_seal(n);
	assert_true(indicator_names_match(n, path, count, found));
	assert_true(found[0] <= 1);
	indicator_names_free(n);
	return found[0] == 1;
}

static void
expressions_match_as_pythons_do(void **state)
{
	static const struct {
		const char *regex, *path;
		bool is_match;
	} table[] = {
		{ "/\\.ports$", "/lib/x/.ports", true },
		{ "/\\.ports$", "/lib/x/.portsx", false },
		{ "^/tmp/evil", "/var/tmp/evil", false },
		{ "^/tmp/evil", "/tmp/evil2", true },
		/* Case counts, unless told; (?i) stands for the whole, wherever it is. */
		{ "/Evil", "/evil", false },
		{ "(?i)/Evil", "/eVIL", true },
		{ "/Evil(?i)x", "/eVILX", true },
		/* Backslashes of Windows are slashes here, and a drive may be missing. */
		{ "\\\\Temp\\\\x\\.exe", "/mnt/Temp/x.exe", true },
		{ "\\\\Temp\\\\x\\.exe", "C:\\Temp\\x.exe", true },
		{ "C:\\\\Temp\\\\", "/Temp/y", true },
		{ "^C:\\\\Temp\\\\", "/srv/Temp/y", false },
		{ "(?i)[\\\\/]riodrv(16|32)?\\.sys$", "/c/RIODRV32.SYS", true },
		{ "[\\\\/]a{,3}b\\.so", "/aab.so", true },
		{ "[\\\\/]a{,3}b\\.so", "/aaaab.so", false },
		{ "name\\Z", "/name", true },
		{ "name\\Z", "/name2", false },
		{ "/(alpha|beta)_(one|two)$", "/beta_two", true },
		{ "/(alpha|beta)_(one|two)$", "/beta_three", false },
		{ "/x[[]y]z", "/x[y]z", true },
		{ "ab?cdef", "/acdef", true },
		{ "colou?r\\.dat", "/color.dat", true },
		{ "abcd|x", "/x", true },
		{ "a.c", "/abc", true },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		if (matches(NAME_REGEX, table[i].regex, false, NULL, table[i].path) !=
		    table[i].is_match)
			fail_msg("%s on %s", table[i].regex, table[i].path);
	}
}

static void
names_match_by_their_kind(void **state)
{
	(void)state;
	assert_true(matches(NAME_BASE, "evil.exe", false, NULL, "/a/evil.exe"));
	assert_false(matches(NAME_BASE, "evil.exe", false, NULL, "/a/xevil.exe"));
	assert_false(matches(NAME_BASE, "Evil.exe", false, NULL, "/a/evil.exe"));
	assert_true(matches(NAME_BASE, "Evil.exe", true, NULL, "/a/evil.EXE"));
	assert_true(matches(NAME_BASE_PART, "evil", false, NULL, "/a/xevily"));
	assert_false(matches(NAME_BASE_PART, "evil", false, NULL, "/evil/y"));
	assert_true(matches(NAME_TAIL, "\\a\\evil.exe", false, NULL, "/mnt/a/evil.exe"));
	assert_false(matches(NAME_TAIL, "/a/evil.exe", false, NULL, "/a/evil.exe2"));
	assert_true(matches(NAME_PATH_PART, "/.x11/", false, NULL, "/tmp/.x11/y"));
	assert_true(matches(NAME_EXTENSION, "lll", true, NULL, "/a/wininet.LLL"));
	assert_false(matches(NAME_EXTENSION, "lll", true, NULL, "/a.lll/b"));
}

static void
an_exception_takes_its_own_match_away_only(void **state)
{
	(void)state;
	assert_true(matches(NAME_REGEX, "/psexec", false, "/Tools/", "/x/psexec"));
	assert_false(matches(NAME_REGEX, "/psexec", false, "/Tools/", "/Tools/psexec"));
}

static void
what_is_no_expression_is_refused_with_a_reason(void **state)
{
	static const char *const bad[] = { "", "a(", "a)", "[", "*a", "(*UTF)a", "a\\",
		"(?P<n>a)(?P<n>b)", "\\C" };
	struct indicator_names *n = indicator_names_new();

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		char *why = NULL;

		assert_err(indicator_names_add(n, NAME_REGEX, bad[i], false, NULL, 0,
			       &why),
		    MH_ERR_INVALID);
		assert_non_null(why);
		free(why);
	}
	assert_int_equal(indicator_names_n(n), 0);
	indicator_names_free(n);
}

static void
the_length_of_an_expression_is_bounded(void **state)
{
	struct indicator_names *n = indicator_names_new();
	char *text = xcalloc(1, INDICATOR_PATTERN_MAX + 2);
	char *why = NULL;

	(void)state;
	memset(text, 'a', INDICATOR_PATTERN_MAX);
	assert_ok(indicator_names_add(n, NAME_REGEX, text, false, NULL, 0, &why));
	text[INDICATOR_PATTERN_MAX] = 'a';
	assert_err(indicator_names_add(n, NAME_REGEX, text, false, NULL, 0, &why),
	    MH_ERR_INVALID);
	free(why);
	free(text);
	indicator_names_free(n);
}

static void
an_expression_that_explodes_is_told(void **state)
{
	struct indicator_names *n = indicator_names_new();
	char *why = NULL;
	unsigned found[2] = { 0 };

	(void)state;
	assert_ok(
	    indicator_names_add(n, NAME_REGEX, "^(/|a|aa|aaa)+$", false, NULL, 0, &why));
	assert_ok(indicator_names_add(n, NAME_REGEX, "aaab$", false, NULL, 1, &why));
	indicator_names_seal(n);
	assert_false(indicator_names_match(n,
	    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", count, found));
	/* The others are compared all the same. */
	assert_int_equal(found[1], 1);
	indicator_names_free(n);
}

/* Small expressions of the parts in which literals could be found wrongly. */
static void
make_regex(unsigned *seed, char *text, size_t max)
{
	static const char *const parts[] = { "ab", "cd", "e", "/", "\\\\", "\\.", ".",
		"a?", "b*", "c+", "d{2}", "[ab]", "[^c]", "(ab|cd)", "(e|/a)?", "(?:ab)+",
		"|", "\\d", "[/\\\\]", "(?i)", "(?=a)", "(a(b|c)d)", "{,2}", "\\b", "$",
		"^" };

	text[0] = 0;
	for (unsigned i = 0; i < 7; i++) {
		*seed = *seed * 1103515245u + 12345u;
		const char *part = parts[*seed / 65536 % MH_ARRAY_LEN(parts)];

		if (strlen(text) + strlen(part) < max)
			(void)strncat(text, part, max - strlen(text) - 1);
	}
}

/*
 * The table of four bytes never loses a match: beside a pattern that is found by
 * literals, the same one where nothing is known of it (flag x) has to agree.
 */
static void
literals_lose_no_match(void **state)
{
	unsigned seed = 1;
	unsigned n_matches = 0;
	unsigned n_literals = 0;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		struct indicator_names *n = indicator_names_new();
		char text[64];
		char plain[80];
		char path[24];
		char *why = NULL;
		unsigned found[2] = { 0, 0 };
		struct regex r;
		const char *told = NULL;

		make_regex(&seed, text, sizeof(text));
		(void)snprintf(plain, sizeof(plain), "(?x)%s", text);
		if (indicator_names_add(n, NAME_REGEX, text, false, NULL, 0, &why) !=
			MH_OK ||
		    indicator_names_add(n, NAME_REGEX, plain, false, NULL, 1, &why) !=
			MH_OK) {
			free(why);
			indicator_names_free(n);
			continue;
		}
		struct literals l;

		assert_true(regex_translate(text, &r, &told));
		regex_literals(&r, &l);
		n_literals += l.n > 0;
		literals_clear(&l);
		regex_clear(&r);
		indicator_names_seal(n);
		for (unsigned k = 0; k < 30; k++) {
			size_t len = 0;

			while (len < sizeof(path) - 1) {
				seed = seed * 1103515245u + 12345u;
				path[len++] = "abcde/\\.AB"[seed / 65536 % 10];
			}
			path[len] = 0;
			found[0] = found[1] = 0;
			assert_true(indicator_names_match(n, path, count, found));
			if (found[0] != found[1])
				fail_msg("%s on %s", text, path);
			n_matches += found[0];
		}
		indicator_names_free(n);
	}
	/* The test is worth something only where both happen. */
	assert_true(n_matches > 1000);
	assert_true(n_literals > 500);
}

static void
the_number_of_patterns_is_bounded(void **state)
{
	struct indicator_names *n = indicator_names_new();
	char *why = NULL;
	mh_err err = MH_OK;
	size_t added = 0;

	(void)state;
	for (; err == MH_OK; added++)
		err = indicator_names_add(n, NAME_BASE, "evil", false, NULL, 0, &why);
	assert_err(err, MH_ERR_FULL);
	assert_int_equal(added - 1, INDICATOR_NAMES_MAX);
	indicator_names_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_match_as_pythons_do),
		cmocka_unit_test(names_match_by_their_kind),
		cmocka_unit_test(an_exception_takes_its_own_match_away_only),
		cmocka_unit_test(what_is_no_expression_is_refused_with_a_reason),
		cmocka_unit_test(the_length_of_an_expression_is_bounded),
		cmocka_unit_test(an_expression_that_explodes_is_told),
		cmocka_unit_test(literals_lose_no_match),
		cmocka_unit_test(the_number_of_patterns_is_bounded),
	};

	return cmocka_run_group_tests_name("indicator_names", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "scanners/matcher.h"

struct ground {
	struct ruleset *rs;
	struct hasher *h;
	struct scan_setup setup;
	struct matcher *m;
	struct external_values values;
	struct match_outcome o;
	unsigned n_pulses;
	unsigned n_left_out;
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
	g->h = hasher_new();
	scan_setup_init(&g->setup);
	g->setup.timeout_ms = SCAN_TIMEOUT_MIN_MS;
	for (unsigned e = 0; e < EXTERNAL_MAX_; e++)
		g->values.value[e] = "";
	*state = g;
	return g->h != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	match_outcome_clear(&g->o);
	matcher_free(g->m);
	hasher_free(g->h);
	ruleset_free(g->rs);
	free(g);
	return 0;
}

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	struct ground *g = ctx;

	g->n_left_out += !result->is_used;
}

static void
on_pulse(void *ctx)
{
	struct ground *g = ctx;

	g->n_pulses++;
}

static void
rules(struct ground *g, const char *text)
{
	assert_ok(ruleset_add(g->rs, "p/a.yar", text, strlen(text)));
	assert_ok(ruleset_compile(g->rs, on_file, g));
	assert_int_equal(g->n_left_out, 0);
	g->m = matcher_new(g->rs, g->h, &g->setup, on_pulse, g);
	assert_non_null(g->m);
}

/* Scan blocks of a file of size bytes. */
static void
scan_blocks(struct ground *g, const struct content_block *blocks, size_t n, uint64_t size)
{
	struct content c = { .blocks = blocks, .n_blocks = n, .file_size = size };

	match_outcome_clear(&g->o);
	matcher_scan(g->m, &c, &g->values, &g->o);
}

static void
scan(struct ground *g, const char *text, size_t len)
{
	struct content_block block = { 0, (const uint8_t *)text, len };

	scan_blocks(g, &block, 1, len);
}

/* The match of that rule, or NULL. */
static const struct match *
found(const struct ground *g, const char *rule)
{
	for (uint32_t i = 0; i < g->o.n_matches; i++) {
		if (strcmp(g->o.matches[i]->rule, rule) == 0)
			return g->o.matches[i];
	}
	return NULL;
}

#define NEEDLE "rule needle { strings: $n = \"needle\" condition: $n }\n"
#define SLOW                                                       \
	"rule slow { condition: for all i in (0..0x7fffffffff) : " \
	"(uint8(i & 0xf) >= 0) }\n"

static void
a_match_tells_rule_place_and_bytes(void **state)
{
	struct ground *g = *state;
	const struct match *m;

	rules(g, "rule one : t1 t2 { meta: author = \"me\" n = 5 yes = true "
		 "strings: $a = \"needle\" $b = { 00 ?? 02 } condition: $a and $b }"
		 "rule two { strings: $x = \"absent\" condition: $x }");
	scan(g, "xxneedle..\x00\x01\x02needle", 19);
	assert_int_equal(g->o.reason, REASON_NONE);
	assert_int_equal(g->o.n_matches, 1);
	m = found(g, "one");
	assert_string_equal(m->name_space, "p/a.yar");
	assert_int_equal(m->n_tags, 2);
	assert_string_equal(m->tags[1], "t2");
	assert_string_equal(match_meta_text(m, "author"), "me");
	assert_int_equal(match_find_meta(m, "n")->number, 5);
	assert_int_equal(match_find_meta(m, "yes")->kind, META_TRUTH);
	assert_true(m->n_found == 3 && m->n_strings == 3);
	assert_string_equal(m->strings[0].name, "$a");
	assert_int_equal(m->strings[0].offset, 2);
	assert_int_equal(m->strings[1].offset, 13);
	assert_int_equal(m->strings[0].length, 6);
	assert_memory_equal(m->strings[0].data, "needle", 6);
	assert_int_equal(m->strings[2].offset, 10);
	assert_memory_equal(m->strings[2].data, "\x00\x01\x02", 3);
	assert_int_equal(g->n_pulses, 1);
}

static void
one_scan_leaves_nothing_for_the_next(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	scan(g, "needle", 6);
	assert_non_null(found(g, "needle"));
	scan(g, "thread", 6);
	assert_int_equal(g->o.n_matches, 0);
	scan(g, "needle", 6);
	assert_non_null(found(g, "needle"));
}

static void
at_most_so_many_bytes_of_a_string_are_kept(void **state)
{
	struct ground *g = *state;

	g->setup.data_bytes = 4;
	rules(g, NEEDLE);
	scan(g, "needle", 6);
	assert_int_equal(found(g, "needle")->strings[0].n_data, 4);
	assert_int_equal(found(g, "needle")->strings[0].length, 6);
	assert_memory_equal(found(g, "needle")->strings[0].data, "need", 4);
}

static void
a_hash_stands_for_the_whole_string(void **state)
{
	struct ground *g = *state;
	uint8_t digest[32];

	g->setup.data_mode = DATA_HASH;
	g->setup.data_bytes = 4;
	rules(g, NEEDLE);
	scan(g, "a needle", 8);
	assert_true(found(g, "needle")->strings[0].is_hash);
	assert_int_equal(found(g, "needle")->strings[0].n_data, 32);
	assert_true(hasher_hash(g->h, HASH_SHA256, "needle", 6, digest));
	assert_memory_equal(found(g, "needle")->strings[0].data, digest, 32);
}

static void
no_bytes_are_kept_where_none_are_wanted(void **state)
{
	struct ground *g = *state;

	g->setup.data_mode = DATA_NONE;
	rules(g, NEEDLE);
	scan(g, "needle", 6);
	assert_int_equal(found(g, "needle")->strings[0].n_data, 0);
	assert_int_equal(found(g, "needle")->strings[0].length, 6);
}

static void
strings_past_the_limit_are_counted(void **state)
{
	struct ground *g = *state;
	char *text = xcalloc(MATCH_STRINGS_MAX + 1, 2);

	memset(text, '.', (MATCH_STRINGS_MAX + 1) * 2);
	for (size_t i = 0; i < MATCH_STRINGS_MAX + 1; i++)
		text[2 * i] = 'z';
	rules(g, "rule many { strings: $z = \"z.\" condition: $z }");
	scan(g, text, MATCH_STRINGS_MAX * 2);
	assert_int_equal(found(g, "many")->n_strings, MATCH_STRINGS_MAX);
	assert_int_equal(found(g, "many")->n_found, MATCH_STRINGS_MAX);
	scan(g, text, (MATCH_STRINGS_MAX + 1) * 2);
	assert_int_equal(found(g, "many")->n_strings, MATCH_STRINGS_MAX);
	assert_int_equal(found(g, "many")->n_found, MATCH_STRINGS_MAX + 1);
	free(text);
}

static void
an_empty_file_is_scanned(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE "import \"math\" rule empty { condition: filesize == 0 }"
			"rule random { condition: math.entropy(0, filesize) > 7 }");
	scan(g, "", 0);
	assert_int_equal(g->o.reason, REASON_NONE);
	assert_non_null(found(g, "empty"));
	assert_null(found(g, "needle"));
	scan_blocks(g, NULL, 0, 0);
	assert_int_equal(g->o.reason, REASON_NONE);
	assert_non_null(found(g, "empty"));
}

static void
parts_of_a_file_keep_its_offsets_and_size(void **state)
{
	struct ground *g = *state;
	const struct content_block blocks[] = { { 4096, (const uint8_t *)"..needle", 8 },
		{ 1ull << 40, (const uint8_t *)"needle..", 8 } };
	const struct match *m;

	rules(g, NEEDLE "rule large { condition: filesize == 0x10000001000 }");
	scan_blocks(g, blocks, 2, (1ull << 40) + 4096);
	m = found(g, "needle");
	assert_int_equal(m->n_strings, 2);
	assert_true(m->strings[0].offset == 4098);
	assert_true(m->strings[1].offset == 1ull << 40);
	assert_memory_equal(m->strings[1].data, "needle", 6);
	assert_non_null(found(g, "large"));
}

static void
externals_have_the_values_of_the_content(void **state)
{
	struct ground *g = *state;

	g->values.value[EXTERNAL_FILENAME] = "one";
	rules(g, "rule name { condition: filename == \"one\" and md5 == \"\" }");
	scan(g, "x", 1);
	assert_non_null(found(g, "name"));
	g->values.value[EXTERNAL_FILENAME] = "two";
	scan(g, "x", 1);
	assert_null(found(g, "name"));
}

static void
a_rule_that_does_not_end_is_left_out_and_the_others_match(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE SLOW "rule last { condition: filesize == 6 }");
	scan(g, "needle", 6);
	assert_int_equal(g->o.reason, REASON_RULE);
	assert_true(g->o.partly);
	assert_non_null(strstr(g->o.detail, "p/a.yar:slow"));
	assert_int_equal(g->o.n_matches, 2);
	assert_non_null(found(g, "needle"));
	assert_non_null(found(g, "last"));
	assert_true(g->n_pulses >= 4);
	/* From now on it stays out: one scan, at once, and still told. */
	g->n_pulses = 0;
	scan(g, "needle", 6);
	assert_int_equal(g->n_pulses, 1);
	assert_int_equal(g->o.reason, REASON_RULE);
	assert_non_null(strstr(g->o.detail, "p/a.yar:slow"));
	assert_int_equal(g->o.n_matches, 2);
}

static void
a_rule_that_is_only_slow_on_one_content_costs_only_that(void **state)
{
	struct ground *g = *state;
	char *text = xcalloc(20 * 1000, 1);

	memset(text, 'a', 20 * 1000);
	memcpy(text, "needle", 6);
	/* Too many threads of the regular expression: libyara ends the whole scan. */
	rules(g,
	    NEEDLE "rule fibers { strings: $a = /(a|aa|aaa){1,300}b/ condition: $a }");
	scan(g, text, 20 * 1000);
	assert_int_equal(g->o.reason, REASON_RULE);
	assert_true(g->o.partly);
	assert_non_null(strstr(g->o.detail, "p/a.yar:fibers"));
	assert_int_equal(g->o.n_matches, 1);
	assert_non_null(found(g, "needle"));
	scan(g, "aab", 3);
	assert_int_equal(g->o.reason, REASON_NONE);
	assert_null(g->o.detail);
	assert_non_null(found(g, "fibers"));
	free(text);
}

static void
a_slow_string_is_found_to_blame_and_no_other_rule(void **state)
{
	struct ground *g = *state;
	size_t len = 8 * 1000 * 1000;
	char *text = xcalloc(len, 1);

	memset(text, 'a', len);
	memcpy(text, "needle", 6);
	/* Every byte starts a search of a thousand: seconds, in the strings alone. */
	rules(g, NEEDLE "rule first { condition: true }"
			"rule drags { strings: $a = /a[ab]{900}c/ condition: $a }");
	scan(g, text, len);
	free(text);
	assert_int_equal(g->o.reason, REASON_RULE);
	assert_non_null(strstr(g->o.detail, "p/a.yar:drags"));
	assert_null(strstr(g->o.detail, "p/a.yar:needle"));
	assert_null(strstr(g->o.detail, "p/a.yar:first"));
	assert_non_null(found(g, "needle"));
	assert_non_null(found(g, "first"));
}

static void
a_rule_on_which_the_library_fails_does_not_take_the_others_along(void **state)
{
	struct ground *g = *state;

	/* libyara 4.2.3 fails on it with an internal error, later ones do not. */
	rules(g, NEEDLE
	    "rule counts { strings: $n = \"needle\" condition: #n in (0..9) == 1 }");
	scan(g, "needle", 6);
	assert_non_null(found(g, "needle"));
	if (g->o.reason == REASON_NONE)
		assert_non_null(found(g, "counts"));
	else
		assert_non_null(strstr(g->o.detail, "p/a.yar:counts"));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_match_tells_rule_place_and_bytes),
		with_ground(one_scan_leaves_nothing_for_the_next),
		with_ground(at_most_so_many_bytes_of_a_string_are_kept),
		with_ground(a_hash_stands_for_the_whole_string),
		with_ground(no_bytes_are_kept_where_none_are_wanted),
		with_ground(strings_past_the_limit_are_counted),
		with_ground(an_empty_file_is_scanned),
		with_ground(parts_of_a_file_keep_its_offsets_and_size),
		with_ground(externals_have_the_values_of_the_content),
		with_ground(a_rule_that_does_not_end_is_left_out_and_the_others_match),
		with_ground(a_rule_that_is_only_slow_on_one_content_costs_only_that),
		with_ground(a_slow_string_is_found_to_blame_and_no_other_rule),
		with_ground(
		    a_rule_on_which_the_library_fails_does_not_take_the_others_along),
	};

	return cmocka_run_group_tests_name("matcher", tests, group_setup, group_teardown);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <stdlib.h>
#include <string.h>

#include "agent/score.h"
#include "base/clock.h"
#include "base/memory.h"

enum { METAS = 4 };

/* A match of a rule with some metas and a tag. */
struct ground {
	struct match m;
	struct match_meta metas[METAS];
	char *tag;
	struct override items[4];
	char *groups[2];
	struct setting_strings ours;
	struct overrides list;
	int64_t now_ms;
};

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
setup(void **state)
{
	static struct ground g;

	g = (struct ground){ .tag = NULL };
	g.m.rule = text("Some_Rule");
	g.m.name_space = text("pack/sub/file.yar");
	g.m.metas = g.metas;
	g.m.tags = &g.tag;
	g.ours = (struct setting_strings){ g.groups, 0 };
	g.list = (struct overrides){ g.items, 0, &g.ours };
	assert_ok(clock_parse("2026-11-26T12:00:00Z", &g.now_ms));
	*state = &g;
	return 0;
}

static void
put_number(struct ground *g, const char *name, int64_t number)
{
	g->metas[g->m.n_metas++] = (struct match_meta){ .name = text(name),
		.kind = META_NUMBER,
		.number = number };
}

static void
put_text(struct ground *g, const char *name, const char *value)
{
	g->metas[g->m.n_metas++] = (struct match_meta){ .name = text(name),
		.kind = META_TEXT,
		.text = text(value) };
}

static struct finding_score
judge(struct ground *g, const char *path)
{
	struct finding_score s;

	finding_score(&g->list, &g->m, path, g->now_ms, &s);
	return s;
}

static struct override *
add(struct ground *g, const char *rule, int action)
{
	struct override *o = &g->items[g->list.n++];

	*o = (struct override){ .rule = text(rule),
		.action = action,
		.path = text(""),
		.until = text(""),
		.reason = text("why") };
	return o;
}

static void
assert_judged(struct ground *g, unsigned score, const char *source)
{
	struct finding_score s = judge(g, "/a/b");

	assert_int_equal(s.score, score);
	assert_string_equal(s.source, source);
	g->m.n_metas = 0;
	g->m.n_tags = 0;
	g->m.rule = text("Some_Rule");
}

static void
a_score_comes_from_what_the_rule_says(void **state)
{
	struct ground *g = *state;

	put_number(g, "score", 0);
	assert_judged(g, 0, "score");
	put_number(g, "score", 100);
	assert_judged(g, 100, "score");
	put_number(g, "severity", 99); /* Elastic */
	put_number(g, "score", 61);
	assert_judged(g, 61, "score");
	put_number(g, "severity", 99);
	assert_judged(g, 99, "severity");
	put_text(g, "severity", "High");
	assert_judged(g, 80, "severity");
	put_text(g, "severity", "informational");
	assert_judged(g, 20, "severity");
	put_text(g, "score", "100");
	assert_judged(g, 100, "score");
	put_text(g, "severity", "0");
	assert_judged(g, 0, "severity");
	/* What is no score is none. */
	put_text(g, "score", "101");
	assert_judged(g, SCORE_DEFAULT, "default");
	put_text(g, "score", "-1");
	assert_judged(g, SCORE_DEFAULT, "default");
	put_text(g, "score", "70 of 100");
	assert_judged(g, SCORE_DEFAULT, "default");
	put_number(g, "score", 101);
	assert_judged(g, SCORE_DEFAULT, "default");
	put_number(g, "score", -1);
	assert_judged(g, SCORE_DEFAULT, "default");
	put_text(g, "score", "a lot");
	assert_judged(g, SCORE_DEFAULT, "default");
	put_number(g, "score", 101);
	put_number(g, "severity", 30);
	assert_judged(g, 30, "severity");
}

static void
without_one_the_kind_of_rule_counts(void **state)
{
	struct ground *g = *state;

	assert_judged(g, SCORE_DEFAULT, "default");
	g->m.rule = text("SUSP_Encoded_Thing_Nov26");
	assert_judged(g, SCORE_SUSPICIOUS, "kind");
	g->m.rule = text("HKTL_Tunnel");
	assert_judged(g, SCORE_SUSPICIOUS, "kind");
	g->m.rule = text("Hunting_Rule_Shell");
	assert_judged(g, SCORE_HUNTING, "kind");
	g->m.rule = text("Suspense_Novel"); /* a word of its own only */
	assert_judged(g, SCORE_DEFAULT, "default");
	g->tag = text("HACKTOOL");
	g->m.n_tags = 1;
	assert_judged(g, SCORE_SUSPICIOUS, "kind");
	put_text(g, "category", "experimental");
	assert_judged(g, SCORE_HUNTING, "kind");
}

static void
overrides_name_rules_by_name_place_and_id(void **state)
{
	static const struct {
		const char *rule;
		bool fits;
	} cases[] = {
		{ "Some_Rule", true },
		{ "Some_*", true },
		{ "*", true },
		{ "Some_Rul", false },
		{ "some_rule", false },
		{ "pack/*:Some_Rule", true },
		{ "pack/*:*", true },
		{ "other/*:*", false },
		{ "pack/sub/file.yar:Some_Rule", true },
		{ "0f0e7a52-0000-4000-8000-000000000001", true },
		{ "0f0e7a52-0000-4000-8000-000000000002", false },
	};
	struct ground *g = *state;

	put_text(g, "id", "0f0e7a52-0000-4000-8000-000000000001");
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		g->list.n = 0;
		add(g, cases[i].rule, OVERRIDE_DISABLE);
		if (judge(g, "/a").is_disabled != cases[i].fits)
			fail_msg("%s", cases[i].rule);
	}
}

/* Their names have a colon, and expressions have the characters of a pattern. */
static void
overrides_name_indicators_as_findings_do(void **state)
{
	static const struct {
		const char *rule;
		bool fits;
	} cases[] = {
		{ "file-name:/[ab]\\.bin$", true },
		{ "lists/c.txt:file-name:/[ab]\\.bin$", true },
		{ "file-name:*", true },
		{ "lists/*:file-name:*", true },
		{ "file-name*", true },
		{ "sha1:*", false },
		{ "file-name:/[ab]", false },
		{ "other/*:file-name:*", false },
	};
	struct ground *g = *state;

	g->m.rule = text("file-name:/[ab]\\.bin$");
	g->m.name_space = text("lists/c.txt");
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		g->list.n = 0;
		add(g, cases[i].rule, OVERRIDE_DISABLE);
		if (judge(g, "/a").is_disabled != cases[i].fits)
			fail_msg("%s", cases[i].rule);
	}
}

static void
an_override_changes_the_score_and_says_so(void **state)
{
	struct ground *g = *state;

	put_number(g, "score", 90);
	add(g, "Some_*", OVERRIDE_SCORE)->score = 30;
	add(g, "Some_Rule", OVERRIDE_SCORE)->score = 10; /* the first counts */

	struct finding_score s = judge(g, "/a");

	assert_int_equal(s.score, 30);
	assert_ptr_equal(s.scored, &g->items[0]);
	assert_string_equal(s.source, "score");
	assert_null(s.suppressed);
}

static void
what_is_suppressed_is_so_in_its_place_and_time(void **state)
{
	struct ground *g = *state;
	struct override *o = add(g, "Some_Rule", OVERRIDE_SUPPRESS);

	o->path = text("/opt/vendor/*");
	o->until = text("2026-11-26");
	assert_null(judge(g, "/opt/other").suppressed);
	assert_ptr_equal(judge(g, "/opt/vendor/x/y").suppressed, o);
	/* To the end of its last day. */
	assert_ok(clock_parse("2026-11-26T23:59:59Z", &g->now_ms));
	assert_non_null(judge(g, "/opt/vendor/x").suppressed);
	g->now_ms += 999;
	assert_non_null(judge(g, "/opt/vendor/x").suppressed);
	assert_int_equal(overrides_next_end(&g->list, g->now_ms), g->now_ms + 1);
	g->now_ms += 1;
	assert_null(judge(g, "/opt/vendor/x").suppressed);
	assert_int_equal(overrides_next_end(&g->list, g->now_ms), 0);
	assert_true(override_is_expired(o, g->now_ms));
}

static void
groups_of_hosts_are_told_apart(void **state)
{
	struct ground *g = *state;
	struct override *o = add(g, "*", OVERRIDE_DISABLE);
	char *wanted[] = { text("cad"), text("build") };

	assert_true(judge(g, "/a").is_disabled);
	o->groups = (struct setting_strings){ wanted, 2 };
	assert_false(judge(g, "/a").is_disabled);
	g->groups[0] = text("office");
	g->ours.n = 1;
	assert_false(judge(g, "/a").is_disabled);
	g->groups[1] = text("build");
	g->ours.n = 2;
	assert_true(judge(g, "/a").is_disabled);
	g->list.groups = NULL;
	assert_false(judge(g, "/a").is_disabled);
}

static void
what_does_not_go_together_is_told(void **state)
{
	static const char *const bad[][2] = {
		{ "[{rule: a, action: suppress, reason: x}]", "until" },
		{ "[{rule: a, action: disable, path: /x, reason: x}]", "paths" },
		{ "[{rule: a, action: disable, score: 3, reason: x}]", "score" },
		{ "[{rule: a, action: disable}]", "reason" },
		{ "[{action: disable, reason: x}]", "rule" },
		{ "[{rule: a, action: remove, reason: x}]", "disable, score, suppress" },
		{ "[{rule: a, action: score, score: 101, reason: x}]", "100" },
		{ "[{rule: a, action: score, until: 2026-02-30, reason: x}]", "day" },
		{ "[{rule: a, action: score, path: x, reason: x}]", "whole path" },
		{ "[{rule: a, action: score, groups: [a b], reason: x}]", "letters" },
	};
	const struct setting row = { "overrides", SETTING_TABLES, 0, "[]",
		.max = OVERRIDES_MAX, .table = &override_schema, .help = "x" };
	const struct settings_schema schema = { &row, 1, sizeof(struct setting_tables),
		NULL };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		MH_CLEANUP(freep) char *file = xasprintf("overrides: %s\n", bad[i][0]);
		MH_CLEANUP(freep) char *why = NULL;
		struct setting_tables t = { NULL, 0 };
		struct settings_problem problem = { .why = NULL };
		mh_err err = settings_parse(&schema, "f", file, strlen(file), &t, &why);

		if (err == MH_OK) {
			overrides_check(&t, "overrides", &problem);
			why = problem.why;
			settings_clear(&schema, &t);
		}
		if (why == NULL || strstr(why, bad[i][1]) == NULL)
			fail_msg("%s: %s", bad[i][0], why);
	}
}

static void
scores_of_a_target_add_up_and_stay_bounded(void **state)
{
	static const struct {
		unsigned scores[12];
		unsigned n;
		unsigned sum;
	} cases[] = {
		{ { 0 }, 0, 0 },
		{ { 75 }, 1, 75 },
		{ { 60, 60 }, 2, 72 }, /* 1 - .4 * .7 */
		{ { 40, 80 }, 2, 84 }, /* 1 - .2 * .8, whatever the order */
		{ { 80, 40 }, 2, 84 },
		{ { 100, 100, 100 }, 3, 100 },
		{ { 40, 40, 40 }, 3, 57 }, /* 1 - .6 * .8 * .9 */
		{ { 1, 2, 3, 4, 5, 6, 7, 8, 9, 90, 91, 92 }, 12, 97 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		struct target_score t = { .score = 0 };

		for (unsigned k = 0; k < cases[i].n; k++)
			target_score_add(&t, cases[i].scores[k]);
		target_score_finish(&t);
		if (t.score != cases[i].sum)
			fail_msg("case %zu: %u", i, t.score);
		assert_int_equal(t.n_rules, cases[i].n);
		assert_true(t.n_parts <= SCORE_TARGET_RULES);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_score_comes_from_what_the_rule_says),
		TEST(without_one_the_kind_of_rule_counts),
		TEST(overrides_name_rules_by_name_place_and_id),
		TEST(overrides_name_indicators_as_findings_do),
		TEST(an_override_changes_the_score_and_says_so),
		TEST(what_is_suppressed_is_so_in_its_place_and_time),
		TEST(groups_of_hosts_are_told_apart),
		TEST(what_does_not_go_together_is_told),
		TEST(scores_of_a_target_add_up_and_stay_bounded),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}

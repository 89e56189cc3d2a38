/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "records/messages.h"
#include "records/verdict.h"

struct ground {
	struct buf *b;
	struct match *m;    /* to encode */
	struct match *back; /* what was decoded */
};

static char *
repeat(char c, size_t n)
{
	char *s = xcalloc(n + 1, 1);

	memset(s, c, n);
	return s;
}

/* A match with one of everything. */
static struct match *
make_match(void)
{
	struct match *m = xcalloc(1, sizeof(*m));

	m->target = 5;
	m->rule = xstrdup("rule_one");
	m->name_space = xstrdup("pack/file.yar");
	m->tags = xcalloc(RULE_TAGS_MAX + 1, sizeof(*m->tags));
	m->tags[m->n_tags++] = xstrdup("tag");
	m->metas = xcalloc(RULE_METAS_MAX + 1, sizeof(*m->metas));
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("author"), META_TEXT, xstrdup("somebody"), 0 };
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("score"), META_NUMBER, NULL, -3 };
	m->strings = xcalloc(MATCH_STRINGS_MAX + 1, sizeof(*m->strings));
	m->strings[m->n_strings++] = (struct match_string){ .name = xstrdup("$a"),
		.offset = UINT64_MAX,
		.length = 3,
		.n_data = 3,
		.data = xmemdup("a\0b", 3) };
	m->n_found = 9;
	return m;
}

static int
setup(void **state)
{
	static struct ground g;

	g.b = buf_new(1024 * 1024);
	g.m = make_match();
	g.back = NULL;
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	buf_free(g->b);
	match_free(g->m);
	match_free(g->back);
	return 0;
}

/* Encode g->m and decode it again; whether that was possible. */
static bool
round_trip(struct ground *g)
{
	struct reader r;

	buf_reset(g->b);
	match_encode(g->m, g->b);
	assert_ok(buf_error(g->b));
	reader_init(&r, buf_data(g->b), buf_len(g->b));
	match_free(g->back);
	g->back = match_decode(&r);
	return g->back != NULL && reader_is_done(&r);
}

static void
a_match_goes_there_and_back(void **state)
{
	struct ground *g = *state;

	assert_true(round_trip(g));
	assert_true(g->back->target == 5 && g->back->n_found == 9);
	assert_string_equal(g->back->rule, "rule_one");
	assert_string_equal(g->back->name_space, "pack/file.yar");
	assert_int_equal(g->back->n_tags, 1);
	assert_string_equal(g->back->tags[0], "tag");
	assert_int_equal(g->back->n_metas, 2);
	assert_string_equal(match_meta_text(g->back, "author"), "somebody");
	assert_null(match_meta_text(g->back, "score"));
	assert_null(match_meta_text(g->back, "none"));
	assert_int_equal(match_find_meta(g->back, "score")->number, -3);
	assert_int_equal(g->back->n_strings, 1);
	assert_string_equal(g->back->strings[0].name, "$a");
	assert_true(g->back->strings[0].offset == UINT64_MAX);
	assert_int_equal(g->back->strings[0].length, 3);
	assert_memory_equal(g->back->strings[0].data, "a\0b", 3);
	assert_false(g->back->strings[0].is_hash);
	match_free(NULL);
}

static void
every_prefix_of_a_match_fails_cleanly(void **state)
{
	struct ground *g = *state;

	match_encode(g->m, g->b);
	for (size_t len = 0; len < buf_len(g->b); len++) {
		struct reader r;

		reader_init(&r, buf_data(g->b), len);
		assert_null(match_decode(&r));
		assert_false(reader_is_ok(&r));
	}
}

static void
tags_and_metas_fit_to_their_limits(void **state)
{
	struct ground *g = *state;

	while (g->m->n_tags < RULE_TAGS_MAX)
		g->m->tags[g->m->n_tags++] = xstrdup("t");
	while (g->m->n_metas < RULE_METAS_MAX)
		g->m->metas[g->m->n_metas++] =
		    (struct match_meta){ xstrdup("k"), META_TRUTH, NULL, 1 };
	assert_true(round_trip(g));
	assert_int_equal(g->back->n_tags, RULE_TAGS_MAX);
	assert_int_equal(g->back->n_metas, RULE_METAS_MAX);
	g->m->tags[g->m->n_tags++] = xstrdup("t");
	assert_false(round_trip(g));
	free(g->m->tags[--g->m->n_tags]);
	assert_true(round_trip(g));
	g->m->metas[g->m->n_metas++] =
	    (struct match_meta){ xstrdup("k"), META_TRUTH, NULL, 1 };
	assert_false(round_trip(g));
}

static void
names_fit_to_their_limits(void **state)
{
	struct ground *g = *state;

	free(g->m->rule);
	g->m->rule = repeat('r', RULE_NAME_MAX);
	free(g->m->name_space);
	g->m->name_space = repeat('n', NAMESPACE_MAX);
	assert_true(round_trip(g));
	free(g->m->rule);
	g->m->rule = repeat('r', RULE_NAME_MAX + 1);
	assert_false(round_trip(g));
	free(g->m->rule);
	g->m->rule = xstrdup("r");
	free(g->m->name_space);
	g->m->name_space = repeat('n', NAMESPACE_MAX + 1);
	assert_false(round_trip(g));
}

static void
kept_bytes_of_a_string_fit_to_their_limit(void **state)
{
	struct ground *g = *state;
	struct match_string *s = &g->m->strings[0];

	free(s->data);
	s->data = xcalloc(1, MATCH_DATA_MAX + 1);
	s->n_data = MATCH_DATA_MAX;
	assert_true(round_trip(g));
	assert_int_equal(g->back->strings[0].n_data, MATCH_DATA_MAX);
	s->n_data++;
	assert_false(round_trip(g));
}

static void
more_strings_than_a_record_holds_are_counted_and_not_kept(void **state)
{
	struct ground *g = *state;

	while (g->m->n_strings < MATCH_STRINGS_MAX)
		g->m->strings[g->m->n_strings++] =
		    (struct match_string){ .name = xstrdup("$long"),
			    .n_data = MATCH_DATA_MAX,
			    .data = xcalloc(1, MATCH_DATA_MAX) };
	g->m->n_found = 1000 * 1000;
	assert_true(round_trip(g));
	assert_true(buf_len(g->b) <= MATCH_RECORD_MAX);
	/* Nearly full: one more would not have fitted. */
	assert_true(buf_len(g->b) > MATCH_RECORD_MAX - 200);
	assert_true(g->back->n_strings > 500 && g->back->n_strings < MATCH_STRINGS_MAX);
	assert_true(g->back->n_found == 1000 * 1000);
}

static void
the_largest_of_everything_still_fits_a_message(void **state)
{
	struct ground *g = *state;

	free(g->m->rule);
	g->m->rule = repeat('r', RULE_NAME_MAX);
	free(g->m->name_space);
	g->m->name_space = repeat('n', NAMESPACE_MAX);
	while (g->m->n_tags < RULE_TAGS_MAX)
		g->m->tags[g->m->n_tags++] = repeat('t', RULE_NAME_MAX);
	while (g->m->n_metas < RULE_METAS_MAX)
		g->m->metas[g->m->n_metas++] =
		    (struct match_meta){ repeat('k', RULE_NAME_MAX), META_TEXT,
			    repeat('v', META_VALUE_MAX), 0 };
	while (g->m->n_strings < MATCH_STRINGS_MAX)
		g->m->strings[g->m->n_strings++] =
		    (struct match_string){ .name = repeat('s', RULE_NAME_MAX) };
	assert_true(round_trip(g));
	assert_true(buf_len(g->b) <= MATCH_RECORD_MAX);
	assert_true(MATCH_RECORD_MAX <= message_table[MSG_FOUND].max_bytes);
	/* The first meta lines are there: author, reference and licence stand first. */
	assert_string_equal(match_meta_text(g->back, "author"), "somebody");
	assert_true(g->back->n_metas < RULE_METAS_MAX);
}

static void
counts_that_promise_more_than_there_is_fail(void **state)
{
	struct ground *g = *state;
	struct reader r;

	buf_put_u64(g->b, 1);
	buf_put_string(g->b, "r");
	buf_put_string(g->b, "n");
	buf_put_u32(g->b, RULE_TAGS_MAX);
	reader_init(&r, buf_data(g->b), buf_len(g->b));
	assert_null(match_decode(&r));
}

static void
an_unknown_kind_of_meta_fails(void **state)
{
	struct ground *g = *state;

	g->m->metas[0].kind = (enum match_meta_kind)(META_TRUTH + 1);
	assert_false(round_trip(g));
	g->m->metas[0].kind = (enum match_meta_kind)0;
	assert_false(round_trip(g));
}

static struct verdict
make_verdict(void)
{
	struct verdict v = { .target = 7,
		.reason = REASON_TIMEOUT,
		.partly = true,
		.n_matches = 2,
		.bytes_scanned = 1ull << 40,
		.micros = 99,
		.has_sha256 = true,
		.has_sha1 = true,
		.has_md5 = true,
		.filetype = "123456789012345",
		.detail = repeat('d', DETAIL_BYTES_MAX),
		.origin_url = repeat('u', ORIGIN_BYTES_MAX),
		.origin_referrer = repeat('r', ORIGIN_BYTES_MAX) };

	memset(v.sha256, 1, sizeof(v.sha256));
	memset(v.sha1, 2, sizeof(v.sha1));
	memset(v.md5, 3, sizeof(v.md5));
	return v;
}

static bool
verdict_round_trip(struct ground *g, const struct verdict *v, struct verdict *ret)
{
	struct reader r;

	buf_reset(g->b);
	verdict_encode(v, g->b);
	reader_init(&r, buf_data(g->b), buf_len(g->b));
	verdict_decode(&r, ret);
	return reader_is_done(&r);
}

static void
a_verdict_goes_there_and_back(void **state)
{
	struct ground *g = *state;
	struct verdict v = make_verdict();
	struct verdict back;

	assert_true(verdict_round_trip(g, &v, &back));
	assert_true(back.target == 7 && back.reason == REASON_TIMEOUT && back.partly);
	assert_true(
	    back.n_matches == 2 && back.bytes_scanned == 1ull << 40 && back.micros == 99);
	assert_memory_equal(back.sha256, v.sha256, 32);
	assert_memory_equal(back.sha1, v.sha1, 20);
	assert_memory_equal(back.md5, v.md5, 16);
	assert_string_equal(back.filetype, v.filetype);
	assert_string_equal(back.detail, v.detail);
	assert_string_equal(back.origin_url, v.origin_url);
	assert_string_equal(back.origin_referrer, v.origin_referrer);
	verdict_clear(&back);
	for (size_t len = 0; len < buf_len(g->b); len++) {
		struct reader r;

		reader_init(&r, buf_data(g->b), len);
		verdict_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		verdict_clear(&back);
	}
	verdict_clear(&v);
	assert_true(verdict_round_trip(g, &(struct verdict){ .target = 1 }, &back));
	assert_null(back.detail);
	assert_null(back.origin_url);
	assert_null(back.origin_referrer);
	assert_false(back.has_sha256);
}

static void
a_verdict_past_its_limits_fails(void **state)
{
	struct ground *g = *state;
	struct verdict v = make_verdict();
	struct verdict back;

	free(v.detail);
	v.detail = repeat('d', DETAIL_BYTES_MAX + 1);
	assert_false(verdict_round_trip(g, &v, &back));
	verdict_clear(&back);
	free(v.detail);
	v.detail = NULL;
	free(v.origin_url);
	v.origin_url = repeat('u', ORIGIN_BYTES_MAX + 1);
	assert_false(verdict_round_trip(g, &v, &back));
	verdict_clear(&back);
	verdict_clear(&v);
	v.origin_referrer = repeat('u', ORIGIN_BYTES_MAX + 1);
	assert_false(verdict_round_trip(g, &v, &back));
	verdict_clear(&back);
	verdict_clear(&v);
	v.reason = (enum reason)(REASON_MAX_ - 1);
	assert_true(verdict_round_trip(g, &v, &back));
	v.reason = REASON_MAX_;
	assert_false(verdict_round_trip(g, &v, &back));
	verdict_clear(&back);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_match_goes_there_and_back),
		with_ground(every_prefix_of_a_match_fails_cleanly),
		with_ground(tags_and_metas_fit_to_their_limits),
		with_ground(names_fit_to_their_limits),
		with_ground(kept_bytes_of_a_string_fit_to_their_limit),
		with_ground(more_strings_than_a_record_holds_are_counted_and_not_kept),
		with_ground(the_largest_of_everything_still_fits_a_message),
		with_ground(counts_that_promise_more_than_there_is_fail),
		with_ground(an_unknown_kind_of_meta_fails),
		with_ground(a_verdict_goes_there_and_back),
		with_ground(a_verdict_past_its_limits_fails),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}

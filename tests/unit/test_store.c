/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "collector/store.h"
#include "tests/unit/mh_store.h"

static const char agent[] = STORE_AGENT;
static const char epoch[] = STORE_EPOCH;
static const uint8_t zeros[DIGEST_BYTES];

enum { HOUR_MS = 3600 * 1000 };

struct ground {
	void *tmpdir;
	char *path;
	struct store *st;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup(&g->tmpdir) != 0)
		return -1;
	g->path = tmpdir_path(&g->tmpdir, "store.db");
	assert_ok(store_create(g->path));
	assert_ok(store_open(g->path, &g->st));
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;
	int result = 0;

	store_close(g->st);
	result = tmpdir_teardown(&g->tmpdir);
	free(g->path);
	free(g);
	return result;
}

/* Store a report of one finding; its digest is fill in every byte. */
static mh_err
put(struct store *st, uint64_t sequence, uint8_t fill,
    const uint8_t previous[DIGEST_BYTES])
{
	struct store_report r = { .sequence = sequence,
		.fill = fill,
		.previous = previous,
		.sealed_ms = 6000,
		.received_ms = 6000 };

	return store_report(st, &r);
}

static bool
has(struct store *st, uint64_t sequence)
{
	struct report_key key = { agent, epoch, sequence };
	struct buf *receipt = buf_new(1000);
	uint8_t digest[DIGEST_BYTES];
	bool found = false;

	assert_ok(store_report_find(st, &key, &found, digest, receipt));
	assert_string_equal(buf_string(receipt), found ? "receipt" : "");
	buf_free(receipt);
	return found;
}

static int64_t
number(const struct ground *g, const char *sql)
{
	return store_ask(g->path, sql);
}

static void
a_store_is_made_once_and_opened_if_it_is_there(void **state)
{
	struct ground *g = *state;
	char *missing = tmpdir_path(&g->tmpdir, "missing.db");
	struct store *st = NULL;

	assert_err(store_create(g->path), MH_ERR_EXISTS);
	assert_err(store_open(missing, &st), MH_ERR_NOTFOUND);
	assert_null(st);
	free(missing);
}

static void
a_store_of_a_newer_program_is_refused(void **state)
{
	struct ground *g = *state;
	struct store *st = NULL;

	store_change(g->path, "PRAGMA user_version = 99");
	assert_err(store_open(g->path, &st), MH_ERR_UNSUPPORTED);
}

static void
a_token_gives_one_certificate_per_label_to_one_agent(void **state)
{
	struct ground *g = *state;
	struct store_certificate c = { .der = (const uint8_t *)"x",
		.len = 1,
		.issued_ms = 1000 };
	enum token_state token = TOKEN_UNKNOWN;
	char first[UUID_TEXT_LEN];
	char second[UUID_TEXT_LEN];

	assert_ok(store_token_check(g->st, zeros, LABEL_TLS, 1000, &token, first));
	assert_int_equal(token, TOKEN_UNKNOWN);
	assert_ok(store_token_add(g->st, zeros, "note", 0, HOUR_MS));
	assert_ok(store_token_check(g->st, zeros, LABEL_TLS, 1000, &token, first));
	assert_int_equal(token, TOKEN_GOOD);
	assert_true(uuid_is_valid(first));
	c.agent = first;
	c.label = LABEL_TLS;
	assert_ok(store_certificate_add(g->st, &c, zeros));
	/* Twice at the same time: the second comes too late, and leaves nothing. */
	assert_err(store_certificate_add(g->st, &c, zeros), MH_ERR_EXISTS);
	assert_int_equal(number(g, "SELECT count(*) FROM certificates"), 1);
	assert_ok(store_token_check(g->st, zeros, LABEL_TLS, 1000, &token, second));
	assert_int_equal(token, TOKEN_USED);
	assert_ok(store_token_check(g->st, zeros, LABEL_SIGNING, 1000, &token, second));
	assert_int_equal(token, TOKEN_GOOD);
	assert_string_equal(first, second);
}

static void
a_token_ends_with_its_life_or_its_grace(void **state)
{
	struct ground *g = *state;
	struct store_certificate c = { .agent = agent,
		.label = LABEL_TLS,
		.der = (const uint8_t *)"x",
		.len = 1,
		.issued_ms = 1000 };
	enum token_state token = TOKEN_UNKNOWN;
	char who[UUID_TEXT_LEN];

	assert_ok(store_token_add(g->st, zeros, "", 0, HOUR_MS));
	assert_ok(store_token_check(g->st, zeros, LABEL_TLS, HOUR_MS - 1, &token, who));
	assert_int_equal(token, TOKEN_GOOD);
	assert_ok(store_token_check(g->st, zeros, LABEL_TLS, HOUR_MS, &token, who));
	assert_int_equal(token, TOKEN_EXPIRED);
	assert_ok(store_certificate_add(g->st, &c, zeros));
	assert_ok(store_token_check(g->st, zeros, LABEL_SIGNING,
	    1000 + TOKEN_GRACE_MS - 1, &token, who));
	assert_int_equal(token, TOKEN_GOOD);
	assert_ok(store_token_check(g->st, zeros, LABEL_SIGNING, 1000 + TOKEN_GRACE_MS,
	    &token, who));
	assert_int_equal(token, TOKEN_EXPIRED);
}

static void
count_one(const char *id, void *arg)
{
	assert_string_equal(id, agent);
	(*(int *)arg)++;
}

static void
revoking_is_listed_and_needs_an_agent(void **state)
{
	struct ground *g = *state;
	int n = 0;

	assert_err(store_agent_revoke(g->st, agent, 7000), MH_ERR_NOTFOUND);
	assert_ok(put(g->st, 1, 1, zeros));
	assert_ok(store_revoked_each(g->st, count_one, &n));
	assert_int_equal(n, 0);
	assert_ok(store_agent_revoke(g->st, agent, 7000));
	assert_ok(store_revoked_each(g->st, count_one, &n));
	assert_int_equal(n, 1);
}

static void
a_report_is_there_only_after_the_commit(void **state)
{
	struct ground *g = *state;

	assert_ok(store_begin(g->st));
	assert_ok(put(g->st, 1, 1, zeros));
	assert_true(has(g->st, 1));
	assert_int_equal(number(g, "SELECT count(*) FROM reports"), 0);
	store_rollback(g->st);
	assert_false(has(g->st, 1));
	assert_ok(store_begin(g->st));
	assert_ok(put(g->st, 1, 1, zeros));
	assert_ok(store_commit(g->st));
	assert_int_equal(number(g,
			     "SELECT count(*) FROM findings WHERE rule = 'Linux_Test' AND"
			     " severity = 4 AND path = '/x' AND time_ms = 5000"),
	    1);
	assert_int_equal(number(g, "SELECT coverage FROM reports"), 1);
}

static void
a_second_report_of_a_key_fails_and_changes_nothing(void **state)
{
	struct ground *g = *state;

	assert_ok(store_begin(g->st));
	assert_ok(put(g->st, 1, 1, zeros));
	assert_err(put(g->st, 1, 2, zeros), MH_ERR_STORE);
	assert_true(store_is_in_transaction(g->st));
	assert_ok(store_commit(g->st));
	assert_int_equal(number(g, "SELECT count(*) FROM findings"), 1);
}

static void
gaps_and_broken_chains_are_alarms(void **state)
{
	struct ground *g = *state;
	uint8_t ones[DIGEST_BYTES];
	uint8_t twos[DIGEST_BYTES];

	memset(ones, 1, sizeof(ones));
	memset(twos, 2, sizeof(twos));
	assert_ok(put(g->st, 1, 1, zeros));
	assert_ok(put(g->st, 3, 3, twos));
	assert_int_equal(
	    number(g, "SELECT count(*) FROM alarms WHERE kind = 'gap' AND sequence = 3"
		      " AND state = 0"),
	    1);
	assert_ok(put(g->st, 2, 2, ones));
	assert_int_equal(number(g, "SELECT count(*) FROM alarms WHERE state < 2"), 0);
	assert_ok(put(g->st, 4, 4, zeros));
	assert_int_equal(
	    number(g,
		"SELECT count(*) FROM alarms WHERE kind = 'chain' AND sequence = 4"),
	    1);
}

static void
a_first_report_names_no_other(void **state)
{
	struct ground *g = *state;
	uint8_t ones[DIGEST_BYTES];

	memset(ones, 1, sizeof(ones));
	assert_ok(put(g->st, 1, 2, ones));
	assert_int_equal(number(g, "SELECT count(*) FROM alarms WHERE kind = 'chain'"),
	    1);
}

static void
a_full_store_keeps_what_was_committed(void **state)
{
	struct ground *g = *state;
	uint64_t sequence = 0;
	mh_err err = MH_OK;

	assert_ok(store_limit(g->st, 120 * 1024));
	while (err == MH_OK && sequence < 10000)
		err = put(g->st, ++sequence, 1, zeros);
	assert_err(err, MH_ERR_FULL);
	assert_false(store_is_in_transaction(g->st));
	assert_true(has(g->st, sequence - 1));
	assert_false(has(g->st, sequence));
	assert_int_equal(number(g, "SELECT count(*) FROM reports"), sequence - 1);
	assert_int_equal(number(g, "SELECT count(*) FROM findings"), sequence - 1);
	assert_ok(store_limit(g->st, UINT64_C(1) << 40));
	assert_ok(put(g->st, sequence, 1, zeros));
}

static void
another_program_s_commit_is_noticed(void **state)
{
	struct ground *g = *state;
	struct store *other = NULL;
	uint64_t before = store_version_of_others(g->st);

	assert_ok(put(g->st, 1, 1, zeros));
	assert_int_equal(store_version_of_others(g->st), before);
	assert_ok(store_open(g->path, &other));
	assert_ok(store_agent_revoke(other, agent, 1));
	store_close(other);
	assert_true(store_version_of_others(g->st) != before);
}

static mh_err
take_rule(const struct finding_row *f, void *arg)
{
	assert_null(f->alarm);
	assert_string_equal(f->rule, "Linux_Test");
	(*(int *)arg)++;
	return MH_OK;
}

static void
findings_are_filtered(void **state)
{
	struct ground *g = *state;
	const struct {
		struct row_filter filter;
		int n;
	} rows[] = {
		{ { .agent = NULL }, 2 },
		{ { .agent = agent }, 2 },
		{ { .agent = epoch }, 0 },
		{ { .rule = "Linux_*" }, 2 },
		{ { .rule = "linux_*" }, 0 },
		{ { .path = "/x" }, 2 },
		{ { .path = "/x/*" }, 0 },
		{ { .since_ms = 5000 }, 2 },
		{ { .since_ms = 5001 }, 0 },
		{ { .severity_min = 4 }, 2 },
		{ { .severity_min = 5 }, 0 },
		{ { .limit = 1 }, 1 },
	};
	uint8_t digest_of_ones[DIGEST_BYTES];

	memset(digest_of_ones, 1, sizeof(digest_of_ones));
	assert_ok(put(g->st, 1, 1, zeros));
	assert_ok(put(g->st, 2, 2, digest_of_ones));
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		int n = 0;

		assert_ok(
		    store_findings_each(g->st, &rows[i].filter, false, take_rule, &n));
		assert_int_equal(n, rows[i].n);
	}
}

static void
take_uid(int64_t id, const struct index_finding *f, void *arg)
{
	const char *want = arg;

	assert_int_equal(id & ((1 << 20) - 1), 0);
	assert_int_equal(f->uid.len, strlen(want));
	assert_memory_equal(f->uid.p, want, f->uid.len);
}

static void
a_uid_comes_back_as_it_was(void **state)
{
	struct ground *g = *state;
	static const char *const uids[] = {
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
		"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(uids); i++) {
		const struct store_report r = { .sequence = i + 1,
			.fill = (uint8_t)(i + 1),
			.uid = uids[i] };
		char *uid = xstrdup(uids[i]);

		assert_ok(store_report(g->st, &r));
		assert_ok(store_kept_each(g->st, (int64_t)i + 1, take_uid, uid));
		free(uid);
	}
	assert_int_equal(number(g,
			     "SELECT count(*) FROM findings WHERE typeof(uid) = 'blob'"),
	    1);
}

#define with_store(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_store_is_made_once_and_opened_if_it_is_there),
		with_store(a_store_of_a_newer_program_is_refused),
		with_store(a_token_gives_one_certificate_per_label_to_one_agent),
		with_store(a_token_ends_with_its_life_or_its_grace),
		with_store(revoking_is_listed_and_needs_an_agent),
		with_store(a_report_is_there_only_after_the_commit),
		with_store(a_second_report_of_a_key_fails_and_changes_nothing),
		with_store(gaps_and_broken_chains_are_alarms),
		with_store(a_first_report_names_no_other),
		with_store(a_full_store_keeps_what_was_committed),
		with_store(another_program_s_commit_is_noticed),
		with_store(findings_are_filtered),
		with_store(a_uid_comes_back_as_it_was),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

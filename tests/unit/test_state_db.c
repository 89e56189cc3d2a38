/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/state_db.h"

#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/mh_test.h"

enum { MAX_CLEAN = 1600, TODAY = 20000, NOW_MS = 1700000000 };

static const uint8_t one[CLEAN_CONTEXT_BYTES] = { 1 }, two[CLEAN_CONTEXT_BYTES] = { 2 };

static struct state_db *
open_at(const char *path, int64_t now_ms, struct state_opening *ret)
{
	struct state_db *db = NULL;
	struct state_opening opening;

	assert_ok(state_db_open(path, MAX_CLEAN, now_ms, &db, &opening));
	if (ret != NULL)
		*ret = opening;
	else
		free(opening.aside);
	return db;
}

static uint64_t
count_loaded(struct state_db *db, const uint8_t *context)
{
	struct clean_table *t = NULL;

	assert_ok(clean_table_new(2 * MAX_CLEAN, 14, state_db_secret(db), context, &t));
	assert_ok(state_clean_load(db, context, t));
	uint64_t n = clean_table_count(t);

	clean_table_free(t);
	return n;
}

static void
put_clean(struct state_db *db, const uint8_t *context, uint32_t day, uint64_t from,
    size_t n)
{
	uint64_t hashes[MAX_CLEAN + 1];

	assert_true(n <= MH_ARRAY_LEN(hashes));
	for (size_t i = 0; i < n; i++)
		hashes[i] = (from + i) * 0x9e3779b97f4a7c15u;
	assert_ok(state_clean_put(db, context, day, hashes, n));
}

static void
what_was_put_is_there_after_opening_again(void **state)
{
	char *path = tmpdir_path(state, "state.db");
	struct state_opening opening;
	struct state_db *db = open_at(path, NOW_MS, &opening);
	uint8_t secret[SIPHASH_KEY_BYTES];
	struct stat st;
	int64_t v = 0;

	assert_true(opening.is_new);
	assert_null(opening.aside);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	memcpy(secret, state_db_secret(db), sizeof(secret));
	put_clean(db, one, TODAY, 2, 100);
	put_clean(db, two, TODAY, 1000, 50);
	put_clean(db, one, TODAY, 2, 100);
	assert_err(state_number_get(db, "paused_until_ms", &v), MH_ERR_NOTFOUND);
	assert_ok(state_number_put(db, "paused_until_ms", -7));
	assert_ok(state_number_put(db, "gone", 1));
	assert_ok(state_number_drop(db, "gone"));
	state_db_close(db);
	db = open_at(path, NOW_MS, &opening);
	assert_false(opening.is_new);
	assert_memory_equal(state_db_secret(db), secret, sizeof(secret));
	assert_int_equal(state_clean_count(db), 150);
	assert_int_equal(count_loaded(db, one), 100);
	assert_int_equal(count_loaded(db, two), 50);
	assert_ok(state_number_get(db, "paused_until_ms", &v));
	assert_int_equal(v, -7);
	assert_err(state_number_get(db, "gone", &v), MH_ERR_NOTFOUND);
	char name[STATE_NAME_MAX + 2];
	memset(name, 'n', sizeof(name));
	name[STATE_NAME_MAX + 1] = 0;
	assert_err(state_number_put(db, name, 1), MH_ERR_TOOBIG);
	name[STATE_NAME_MAX] = 0;
	assert_ok(state_number_put(db, name, 1));
	state_db_close(db);
	free(path);
}

static void
the_oldest_clean_files_go_first(void **state)
{
	char *path = tmpdir_path(state, "state.db");
	struct state_db *db = open_at(path, NOW_MS, NULL);

	put_clean(db, one, TODAY, 2, 100);
	put_clean(db, two, TODAY + 1, 1000, MAX_CLEAN - 100);
	assert_int_equal(state_clean_count(db), MAX_CLEAN);
	put_clean(db, two, TODAY + 1, 9000, 1);
	/* One too many: it and a sixteenth go. */
	assert_int_equal(state_clean_count(db), MAX_CLEAN - MAX_CLEAN / 16);
	assert_int_equal(count_loaded(db, one), 0);
	assert_ok(state_clean_expire(db, TODAY + 1));
	assert_int_equal(count_loaded(db, two), state_clean_count(db));
	assert_ok(state_clean_expire(db, TODAY + 2));
	assert_int_equal(state_clean_count(db), 0);
	state_db_close(db);
	free(path);
}

static off_t
journal_bytes(const char *path)
{
	char *journal = xasprintf("%s-wal", path);
	struct stat st = { .st_size = 0 };

	(void)stat(journal, &st);
	free(journal);
	return st.st_size;
}

static void
a_put_that_changes_nothing_writes_nothing(void **state)
{
	char *path = tmpdir_path(state, "state.db");
	struct state_db *db = open_at(path, NOW_MS, NULL);

	put_clean(db, one, TODAY, 2, 100);
	assert_ok(state_number_put(db, "handled_ms/daily", 5));
	off_t before = journal_bytes(path);
	assert_true(before > 0);
	put_clean(db, one, TODAY, 2, 100);
	assert_ok(state_number_put(db, "handled_ms/daily", 5));
	assert_ok(state_running_drop(db));
	assert_int_equal(journal_bytes(path), before);
	state_db_close(db);
	free(path);
}

static void
the_running_scan_comes_back_whole(void **state)
{
	char *path = tmpdir_path(state, "state.db");
	struct state_db *db = open_at(path, NOW_MS, NULL);
	struct state_running r = { .uid = "u-1",
		.profile = "full",
		.started_ms = 5,
		.since_ms = 6,
		.phase = 7,
		.n_restarts = 8,
		.cursor = buf_new(STATE_CURSOR_MAX + 1),
		.coverage = buf_new(1024) };
	struct state_running got = { .cursor = buf_new(STATE_CURSOR_MAX),
		.coverage = buf_new(1024) };

	assert_err(state_running_get(db, &got), MH_ERR_NOTFOUND);
	buf_put(r.cursor, "/usr/\xff\0x", 8);
	assert_ok(state_running_put(db, &r));
	buf_put(r.coverage, "counts", 6);
	assert_ok(state_running_put(db, &r));
	state_db_close(db);
	db = open_at(path, NOW_MS, NULL);
	assert_ok(state_running_get(db, &got));
	assert_string_equal(got.uid, "u-1");
	assert_string_equal(got.profile, "full");
	assert_int_equal(got.started_ms + got.since_ms + got.phase + got.n_restarts, 26);
	assert_int_equal(buf_len(got.cursor), 8);
	assert_memory_equal(buf_data(got.cursor), "/usr/\xff\0x", 8);
	assert_string_equal(buf_string(got.coverage), "counts");
	assert_non_null(buf_reserve(r.cursor, STATE_CURSOR_MAX + 1 - 8));
	memset(buf_reserve(r.cursor, STATE_CURSOR_MAX + 1 - 8), 'c',
	    STATE_CURSOR_MAX + 1 - 8);
	buf_commit(r.cursor, STATE_CURSOR_MAX + 1 - 8);
	assert_err(state_running_put(db, &r), MH_ERR_TOOBIG);
	buf_truncate(r.cursor, STATE_CURSOR_MAX);
	assert_ok(state_running_put(db, &r));
	assert_ok(state_running_drop(db));
	assert_err(state_running_get(db, &got), MH_ERR_NOTFOUND);
	buf_free(r.cursor);
	buf_free(r.coverage);
	buf_free(got.cursor);
	buf_free(got.coverage);
	state_db_close(db);
	free(path);
}

static void
a_floor_only_rises_and_is_of_one_key(void **state)
{
	static const uint8_t key[STATE_KEY_ID_BYTES] = { 1 }, other[8] = { 2 };
	char *path = tmpdir_path(state, "state.db");
	struct state_db *db = open_at(path, NOW_MS, NULL);
	uint64_t floor = 9;

	assert_ok(state_floor_get(db, key, &floor));
	assert_int_equal(floor, 0);
	assert_ok(state_floor_raise(db, key, 5));
	assert_ok(state_floor_raise(db, key, 5));
	assert_err(state_floor_raise(db, key, 4), MH_ERR_EXPIRED);
	assert_err(state_floor_raise(db, key, (uint64_t)INT64_MAX + 1), MH_ERR_TOOBIG);
	assert_ok(state_floor_raise(db, other, 1));
	assert_ok(state_floor_get(db, key, &floor));
	assert_int_equal(floor, 5);
	state_db_close(db);
	free(path);
}

static unsigned
count_files(const char *path, const char *pattern)
{
	char *whole = xasprintf("%s%s", path, pattern);
	glob_t found;
	unsigned n = glob(whole, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;

	globfree(&found);
	free(whole);
	return n;
}

static void
a_damaged_database_is_set_aside_and_rebuilt_and_two_are_kept(void **state)
{
	char *path = tmpdir_path(state, "state.db");

	for (unsigned i = 0; i < 4; i++) {
		struct state_opening opening;
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_equal(write(fd, "This is no database at all.....", 31), 31);
		(void)close(fd);
		struct state_db *db = open_at(path, NOW_MS + i, &opening);

		assert_non_null(opening.aside);
		assert_false(opening.was_later);
		assert_true(opening.is_new);
		assert_int_equal(access(opening.aside, F_OK), 0);
		put_clean(db, one, TODAY, 2, 3);
		state_db_close(db);
		free(opening.aside);
		assert_int_equal(count_files(path, ".damaged-*"),
		    i + 1 < STATE_ASIDE_MAX ? i + 1 : STATE_ASIDE_MAX);
	}
	free(path);
}

static void
a_database_of_a_later_version_is_set_aside(void **state)
{
	char *path = tmpdir_path(state, "state.db");
	struct state_opening opening;
	sqlite3 *sqlite = NULL;

	state_db_close(open_at(path, NOW_MS, NULL));
	assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sqlite, "PRAGMA user_version=99", NULL, NULL, NULL),
	    SQLITE_OK);
	(void)sqlite3_close(sqlite);
	struct state_db *db = open_at(path, NOW_MS, &opening);

	assert_true(opening.was_later);
	assert_int_equal(count_files(path, ".later-*"), 1);
	free(opening.aside);
	state_db_close(db);
	free(path);
}

#define with_folder(f) cmocka_unit_test_setup_teardown(f, tmpdir_setup, tmpdir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(what_was_put_is_there_after_opening_again),
		with_folder(the_oldest_clean_files_go_first),
		with_folder(a_put_that_changes_nothing_writes_nothing),
		with_folder(the_running_scan_comes_back_whole),
		with_folder(a_floor_only_rises_and_is_of_one_key),
		with_folder(a_damaged_database_is_set_aside_and_rebuilt_and_two_are_kept),
		with_folder(a_database_of_a_later_version_is_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The small records: message table, target, walk, setup, supervise, reason. */
#include "tests/unit/mh_test.h"

#include <stdbool.h>

#include "base/memory.h"
#include "records/messages.h"
#include "records/reason.h"
#include "records/rule_place.h"
#include "records/setup.h"
#include "records/supervise.h"
#include "records/indicator.h"
#include "records/target.h"
#include "records/walk.h"

static int
setup(void **state)
{
	*state = buf_new(256 * 1024);
	return 0;
}

static int
teardown(void **state)
{
	buf_free(*state);
	return 0;
}

static void
every_row_of_the_table_has_a_name_and_two_roles(void **state)
{
	(void)state;
	for (unsigned i = 1; i < MSG_MAX_; i++) {
		const struct message_type *row = &message_table[i];

		assert_true(strlen(row->name) > 2);
		assert_true(row->from >= ROLE_SUPERVISOR && row->from <= ROLE_CHECKER);
		assert_true(row->to >= ROLE_SUPERVISOR && row->to <= ROLE_CHECKER);
		assert_int_not_equal(row->from, row->to);
		assert_string_equal(message_name(i), row->name);
		for (unsigned j = 1; j < i; j++)
			assert_string_not_equal(row->name, message_table[j].name);
	}
	assert_string_equal(message_name(MSG_MAX_), "unknown");
	assert_string_equal(message_name(MSG_SCAN), "SCAN");
}

static void
workers_hear_and_say_only_what_scanning_needs(void **state)
{
	(void)state;
	for (unsigned i = 1; i < MSG_MAX_; i++) {
		const struct message_type *row = &message_table[i];

		if (row->to == ROLE_WORKER)
			assert_int_equal(i, MSG_SCAN);
		if (row->from == ROLE_WORKER) {
			assert_true(i == MSG_FOUND || i == MSG_NOTED || i == MSG_CLUE ||
				    i == MSG_VERDICTS);
			assert_int_equal(row->to, ROLE_AGENT);
			assert_int_equal(row->max_fds, 0);
		}
	}
}

static void
every_reason_has_its_own_word(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_MAX_; i++) {
		assert_true(strlen(reason_name((enum reason)i)) > 2);
		assert_true(strlen(reason_text((enum reason)i)) > 2);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(reason_name((enum reason)i),
			    reason_name((enum reason)j));
	}
	assert_false(reason_is_missed(REASON_NONE));
	assert_false(reason_is_missed(REASON_EXCLUDED));
	assert_false(reason_is_missed(REASON_FIFO));
	assert_true(reason_is_missed(REASON_DENIED));
	assert_true(reason_is_missed(REASON_TOO_LARGE));
	assert_true(reason_is_missed(REASON_INTERNAL));
}

static struct target
make_target(void)
{
	return (struct target){ .id = UINT64_MAX,
		.kind = TARGET_FILE,
		.n_fds = 1,
		.path = xstrdup("/a/\xff\n.exe"),
		.owner = xstrdup("root"),
		.dev = 1,
		.ino = 2,
		.size = 3,
		.mode = 0100755,
		.uid = 4,
		.gid = 5,
		.nlink = 6,
		.mtime_ns = -7,
		.ctime_ns = INT64_MIN };
}

static void
the_facts_of_a_process_go_there_and_back(void **state)
{
	struct process_socket socket = { .family = 2,
		.protocol = 6,
		.remote = { 127, 0, 0, 1 },
		.remote_port = 443 };
	struct target t = make_target();
	struct target back;
	struct reader r;

	t.kind = TARGET_PROCESS;
	t.n_fds = 0;
	t.program = xstrdup("/bin/x");
	t.sockets = xmemdup(&socket, sizeof(socket));
	t.n_sockets = 1;
	t.n_sockets_left = 9;
	target_encode(&t, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	target_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_string_equal(back.program, "/bin/x");
	assert_int_equal(back.n_sockets, 1);
	assert_memory_equal(&back.sockets[0], &socket, sizeof(socket));
	assert_int_equal(back.n_sockets_left, 9);
	target_clear(&back);
	/* It has no descriptor. */
	buf_reset(*state);
	t.n_fds = 1;
	target_encode(&t, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	target_decode(&r, &back);
	assert_false(reader_is_ok(&r));
	target_clear(&back);
	target_clear(&t);
}

static void
what_was_read_of_indicators_goes_there_and_back(void **state)
{
	struct indicator_file_result f = { .format = FORMAT_STIX,
		.n = { [INDICATOR_MD5] = 1, [INDICATOR_DOMAIN] = 2 },
		.n_exceptions = 3,
		.n_combined = 4,
		.n_left_out = 5,
		.n_expired = 6,
		.n_revoked = 7,
		.n_not_for_detection = 8,
		.n_other = 9,
		.why = xstrdup("why") };
	struct indicator_file_result back;
	struct reader r;

	indicator_file_result_encode(&f, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	indicator_file_result_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_memory_equal(back.n, f.n, sizeof(f.n));
	assert_int_equal(back.format, FORMAT_STIX);
	assert_true(back.n_exceptions == 3 && back.n_combined == 4 &&
		    back.n_left_out == 5 && back.n_expired == 6 && back.n_revoked == 7 &&
		    back.n_not_for_detection == 8 && back.n_other == 9);
	assert_string_equal(back.why, "why");
	indicator_file_result_clear(&back);
	indicator_file_result_clear(&f);
	assert_int_equal(indicator_format_find("openioc"), FORMAT_OPENIOC);
	assert_int_equal(indicator_format_find("no"), FORMAT_UNKNOWN);
	assert_string_equal(indicator_type_name(INDICATOR_FILE_NAME), "file-name");
	for (uint64_t n = 0; n < 1000; n += 37)
		assert_int_equal(indicator_text_bytes(indicator_table_bytes(n)), n);
}

static void
a_target_goes_there_and_back(void **state)
{
	struct target t = make_target();
	struct target back;
	struct reader r;

	target_encode(&t, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	target_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_string_equal(back.path, t.path);
	assert_string_equal(back.owner, t.owner);
	assert_true(back.id == t.id && back.dev == 1 && back.ino == 2 && back.size == 3);
	assert_true(
	    back.mode == t.mode && back.uid == 4 && back.gid == 5 && back.nlink == 6);
	assert_true(back.mtime_ns == -7 && back.ctime_ns == INT64_MIN);
	target_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		reader_init(&r, buf_data(*state), len);
		target_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		target_clear(&back);
	}
	target_clear(&t);
	target_clear(&t);
}

static void
a_path_fits_to_its_limit_and_not_past_it(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		struct target t = make_target();
		struct target back;
		struct reader r;

		free(t.path);
		t.path = xcalloc(PATH_BYTES_MAX + more + 1, 1);
		memset(t.path, 'a', PATH_BYTES_MAX + more);
		buf_reset(*state);
		target_encode(&t, *state);
		reader_init(&r, buf_data(*state), buf_len(*state));
		target_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), more == 0);
		target_clear(&back);
		target_clear(&t);
	}
}

static void
parts_of_a_path_are_what_rules_expect(void **state)
{
	static const struct {
		const char *path, *base, *extension;
	} table[] = {
		{ "/a/b.exe", "b.exe", ".exe" },
		{ "/a.d/b", "b", "" },
		{ "b.tar.gz", "b.tar.gz", ".gz" },
		{ "/a/.bashrc", ".bashrc", "" },
		{ "/a/.x.so", ".x.so", ".so" },
		{ "/a/b.", "b.", "." },
		{ "/", "", "" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		assert_string_equal(path_base(table[i].path), table[i].base);
		assert_string_equal(path_extension(table[i].path), table[i].extension);
	}
}

static void
a_walk_request_goes_there_and_back(void **state)
{
	char *roots[] = { (char *)(uintptr_t) "/one", (char *)(uintptr_t) "/two" };
	char *excludes[] = { (char *)(uintptr_t) "*/cache/*" };
	char *avoids[] = { (char *)(uintptr_t) "/two/hung" };
	struct walk_request w = { .id = 9,
		.may_cross = true,
		.is_careful = true,
		.resume = (char *)(uintptr_t) "/one/x",
		.roots = roots,
		.n_roots = 2,
		.excludes = excludes,
		.n_excludes = 1,
		.avoids = avoids,
		.n_avoids = 1 };
	struct walk_request back;
	struct reader r;

	walk_request_encode(&w, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	walk_request_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.id == 9 && back.may_cross && back.is_careful);
	assert_true(!back.may_use_network && !back.is_count);
	assert_string_equal(back.resume, "/one/x");
	assert_int_equal(back.n_roots, 2);
	assert_string_equal(back.roots[1], "/two");
	assert_int_equal(back.n_excludes, 1);
	assert_string_equal(back.excludes[0], "*/cache/*");
	assert_int_equal(back.n_avoids, 1);
	assert_string_equal(back.avoids[0], "/two/hung");
	walk_request_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		reader_init(&r, buf_data(*state), len);
		walk_request_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		walk_request_clear(&back);
	}
}

/* n short ones, and one more of so many bytes. */
static void
put_list(struct buf *b, uint32_t n, size_t more)
{
	char *text = xcalloc(more + 1, 1);

	memset(text, 'x', more);
	buf_put_u32(b, n + (more > 0 ? 1 : 0));
	for (uint32_t i = 0; i < n; i++)
		buf_put_string(b, "/");
	if (more > 0)
		buf_put_string(b, text);
	free(text);
}

static void
roots_and_excludes_fit_to_their_limits(void **state)
{
	enum { EXCLUDES_LONG = WALK_EXCLUDES_BYTES_MAX - 4 };
	enum { AVOIDS_LONG = WALK_AVOIDS_BYTES_MAX - 4 };
	static const struct {
		uint32_t excludes, roots, only, avoids;     /* how many */
		size_t long_exclude, long_only, long_avoid; /* bytes of one more */
		bool good;
	} table[] = {
		{ 0, 0, 0, 0, 0, 0, 0, true },
		{ WALK_EXCLUDES_MAX, WALK_ROOTS_MAX, WALK_EXCLUDES_MAX, WALK_AVOIDS_MAX,
		    0, 0, 0, true },
		{ WALK_EXCLUDES_MAX + 1, 1, 0, 0, 0, 0, 0, false },
		{ 0, WALK_ROOTS_MAX + 1, 0, 0, 0, 0, 0, false },
		{ 0, 1, WALK_EXCLUDES_MAX + 1, 0, 0, 0, 0, false },
		{ 0, 1, 0, WALK_AVOIDS_MAX + 1, 0, 0, 0, false },
		{ 0, 1, 0, 0, EXCLUDES_LONG, EXCLUDES_LONG, AVOIDS_LONG, true },
		{ 0, 1, 0, 0, EXCLUDES_LONG + 1, 0, 0, false },
		{ 0, 1, 0, 0, 0, EXCLUDES_LONG + 1, 0, false },
		{ 0, 1, 0, 0, 0, 0, AVOIDS_LONG + 1, false },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct walk_request back;
		struct reader r;

		buf_reset(*state);
		buf_put_u32(*state, 1);
		buf_put_u8(*state, 0);
		buf_put_string(*state, "");
		put_list(*state, table[i].excludes, table[i].long_exclude);
		put_list(*state, table[i].roots, 0);
		put_list(*state, table[i].only, table[i].long_only);
		put_list(*state, table[i].avoids, table[i].long_avoid);
		buf_put_u64(*state, 0);
		reader_init(&r, buf_data(*state), buf_len(*state));
		walk_request_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), table[i].good);
		walk_request_clear(&back);
	}
}

static void
walk_progress_goes_there_and_back(void **state)
{
	struct walk_progress p = { .id = 3,
		.n_files = 4,
		.n_bytes = 5,
		.n_folders = 6,
		.at = PROGRESS_BEHIND,
		.path = (char *)(uintptr_t) "/x" };
	struct walk_progress back;
	struct reader r;

	p.skipped[REASON_FIFO] = 7;
	walk_progress_encode(&p, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	walk_progress_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.id == 3 && back.n_files == 4 && back.n_bytes == 5 &&
		    back.at == PROGRESS_BEHIND);
	assert_true(back.n_folders == 6 && back.skipped[REASON_FIFO] == 7);
	assert_string_equal(back.path, "/x");
	walk_progress_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		reader_init(&r, buf_data(*state), len);
		walk_progress_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		walk_progress_clear(&back);
	}
}

static void
a_setup_is_taken_within_its_ranges_only(void **state)
{
#define WITH(field, number, is_good)                                         \
	{                                                                    \
		offsetof(struct scan_setup, field),                          \
		    sizeof(((struct scan_setup *)0)->field), number, is_good \
	}
	static const struct {
		size_t offset, size;
		uint64_t value;
		bool good;
	} table[] = {
		WITH(timeout_ms, SCAN_TIMEOUT_MIN_MS, true),
		WITH(timeout_ms, SCAN_TIMEOUT_MIN_MS - 1, false),
		WITH(timeout_ms, SCAN_TIMEOUT_MAX_MS, true),
		WITH(timeout_ms, SCAN_TIMEOUT_MAX_MS + 1, false),
		WITH(data_bytes, 0, true),
		WITH(data_bytes, MATCH_DATA_MAX, true),
		WITH(data_bytes, MATCH_DATA_MAX + 1, false),
		WITH(archives, 0, true),
		WITH(data_mode, DATA_NONE, true),
		WITH(data_mode, DATA_MAX_, false),
		WITH(max_file_bytes, SCAN_FILE_BYTES_MIN, true),
		WITH(max_file_bytes, SCAN_FILE_BYTES_MIN - 1, false),
		WITH(max_file_bytes, SCAN_FILE_BYTES_MAX, true),
		WITH(max_file_bytes, SCAN_FILE_BYTES_MAX + 1, false),
	};
#undef WITH

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct scan_setup s, back;
		struct reader r;

		scan_setup_init(&s);
		memcpy((uint8_t *)&s + table[i].offset, &table[i].value, table[i].size);
		buf_reset(*state);
		scan_setup_encode(&s, *state);
		reader_init(&r, buf_data(*state), buf_len(*state));
		scan_setup_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), table[i].good);
		for (size_t len = 0; len < buf_len(*state); len++) {
			reader_init(&r, buf_data(*state), len);
			scan_setup_decode(&r, &back);
			assert_false(reader_is_ok(&r));
		}
	}
}

static void
a_rule_place_goes_there_and_back(void **state)
{
	MH_CLEANUP(freep) char *name = xcalloc(RULE_NAME_MAX + 1, 1);
	MH_CLEANUP(freep) char *reason = xcalloc(DETAIL_BYTES_MAX + 1, 1);
	struct rule_place p = { 1, 2, RULE_IN_FILES, name, reason };
	struct rule_place back;
	struct reader r;

	memset(name, 'n', RULE_NAME_MAX);
	memset(reason, 'r', DETAIL_BYTES_MAX);
	rule_place_encode(&p, *state);
	assert_int_equal(buf_len(*state), RULE_PLACE_BYTES_MAX);
	reader_init(&r, buf_data(*state), buf_len(*state));
	rule_place_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.file == 1 && back.line == 2 && back.mask == RULE_IN_FILES);
	assert_string_equal(back.name, name);
	assert_string_equal(back.reason, reason);
	rule_place_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		reader_init(&r, buf_data(*state), len);
		rule_place_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		rule_place_clear(&back);
	}
}

static void
facts_of_a_rule_set_go_there_and_back(void **state)
{
	struct ruleset_facts f = { .n_rules = 1,
		.n_files = 2,
		.n_left_out = 3,
		.n_in_memory = 5,
		.externals = 4,
		.n_exceptions = 6,
		.has_seccomp = true,
		.engine = (char *)(uintptr_t) "libyara 4.2.3" };
	struct ruleset_facts back;
	struct reader r;

	memset(f.id, 0xab, sizeof(f.id));
	ruleset_facts_encode(&f, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	ruleset_facts_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_memory_equal(back.id, f.id, sizeof(f.id));
	assert_true(back.n_rules == 1 && back.n_files == 2 && back.n_left_out == 3);
	assert_int_equal(back.n_in_memory, 5);
	assert_int_equal(back.n_exceptions, 6);
	assert_true(back.externals == 4 && back.has_seccomp && !back.has_landlock);
	assert_string_equal(back.engine, "libyara 4.2.3");
	ruleset_facts_clear(&back);
	for (size_t len = 0; len < buf_len(*state); len++) {
		reader_init(&r, buf_data(*state), len);
		ruleset_facts_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		ruleset_facts_clear(&back);
	}
}

static void
a_note_about_a_child_is_exact(void **state)
{
	struct child_note note = { ROLE_OPENER, 7, -1 };
	struct child_note back = { ROLE_AGENT, 1, 1 };
	uint8_t bytes[16] = { 0 };

	child_note_put(&note, *state);
	size_t n = buf_len(*state);

	memcpy(bytes, buf_data(*state), n);
	for (size_t len = 0; len <= n + 1; len++) {
		if (len != n)
			assert_err(child_note_parse(bytes, len, &back), MH_ERR_FORMAT);
	}
	assert_int_equal(back.role, ROLE_AGENT);
	assert_ok(child_note_parse(bytes, n, &back));
	assert_true(back.role == ROLE_OPENER && back.instance == 7 && back.status == -1);
	bytes[0] = 0;
	assert_err(child_note_parse(bytes, n, &back), MH_ERR_FORMAT);
	bytes[0] = ROLE_AUTHORITY + 1;
	assert_err(child_note_parse(bytes, n, &back), MH_ERR_FORMAT);
	bytes[0] = ROLE_AUTHORITY;
	assert_ok(child_note_parse(bytes, n, &back));
}

#define with_buf(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_has_a_name_and_two_roles),
		cmocka_unit_test(workers_hear_and_say_only_what_scanning_needs),
		cmocka_unit_test(every_reason_has_its_own_word),
		with_buf(a_target_goes_there_and_back),
		with_buf(the_facts_of_a_process_go_there_and_back),
		with_buf(what_was_read_of_indicators_goes_there_and_back),
		with_buf(a_path_fits_to_its_limit_and_not_past_it),
		cmocka_unit_test(parts_of_a_path_are_what_rules_expect),
		with_buf(a_walk_request_goes_there_and_back),
		with_buf(roots_and_excludes_fit_to_their_limits),
		with_buf(walk_progress_goes_there_and_back),
		with_buf(a_setup_is_taken_within_its_ranges_only),
		with_buf(a_rule_place_goes_there_and_back),
		with_buf(facts_of_a_rule_set_go_there_and_back),
		with_buf(a_note_about_a_child_is_exact),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}

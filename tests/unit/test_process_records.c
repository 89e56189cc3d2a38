/* SPDX-License-Identifier: BSD-2-Clause */
/* Records about processes: requests, processes, clues, notes, targets of memory. */
#include "tests/unit/mh_test.h"

#include <assert.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "records/coverage.h"
#include "records/note.h"
#include "records/process.h"
#include "records/target.h"

/* A text that nobody changes or frees, in a record that owns its texts. */
#define TEXT(s) ((char *)(uintptr_t)(s))

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

/* Decode every prefix of what b holds: none may be taken, all can be cleared. */
#define NO_PREFIX_DECODES(b, type, decode, clear)               \
	for (size_t len = 0; len < buf_len(b); len++) {         \
		struct type prefix_;                            \
		struct reader prefix_reader_;                   \
		reader_init(&prefix_reader_, buf_data(b), len); \
		decode(&prefix_reader_, &prefix_);              \
		assert_false(reader_is_ok(&prefix_reader_));    \
		clear(&prefix_);                                \
	}

static struct clue
make_clue(void)
{
	return (struct clue){ .kind = CLUE_CODE_CHANGED,
		.address = 0x7f0000001000,
		.length = 4096,
		.number = 12,
		.what = xstrdup("/usr/lib/libc.so.6"),
		.data = xmemdup("\xe9\1\2\3\4", 5),
		.n_data = 5,
		.expected = xmemdup("\x55\x48", 2),
		.n_expected = 2 };
}

/* Whether a clue with so many bytes of subject, data and expected code is taken. */
static bool
clue_is_taken(struct buf *b, size_t n_what, uint32_t n_data, uint32_t n_expected)
{
	struct clue c = { .what = xcalloc(1, n_what + 1),
		.data = xcalloc(1, n_data),
		.n_data = n_data,
		.expected = xcalloc(1, n_expected),
		.n_expected = n_expected };
	struct clue back;
	struct reader r;
	bool is_taken = false;

	memset(c.what, 'x', n_what);
	buf_reset(b);
	clue_encode(&c, b);
	reader_init(&r, buf_data(b), buf_len(b));
	clue_decode(&r, &back);
	is_taken = reader_is_done(&r);
	clue_clear(&back);
	clue_clear(&c);
	return is_taken;
}

static void
a_clue_past_a_limit_is_refused(void **state)
{
	assert_true(clue_is_taken(*state, CLUE_WHAT_MAX, CLUE_DATA_MAX, CLUE_CODE_MAX));
	assert_false(clue_is_taken(*state, CLUE_WHAT_MAX + 1, 1, 1));
	assert_false(clue_is_taken(*state, 1, CLUE_DATA_MAX + 1, 1));
	assert_false(clue_is_taken(*state, 1, 1, CLUE_CODE_MAX + 1));
}

static void
a_list_request_goes_there_and_back(void **state)
{
	int32_t pids[] = { 1, 4242 };
	uint32_t uids[] = { 0, UINT32_MAX };
	char *names[] = { TEXT("node"), TEXT("\xff") };
	struct list_request l = { .id = 7,
		.is_careful = true,
		.resume = 11,
		.may_use_network = true,
		.pids = pids,
		.n_pids = 2,
		.uids = uids,
		.n_uids = 2,
		.names = names,
		.n_names = 2 };
	struct list_request back;
	struct reader r;

	list_request_encode(&l, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	list_request_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.id == 7 && back.is_careful && back.resume == 11);
	assert_true(back.may_use_network && back.n_pids == 2 && back.pids[1] == 4242);
	assert_true(back.n_uids == 2 && back.uids[1] == UINT32_MAX);
	assert_string_equal(back.names[1], "\xff");
	list_request_clear(&back);
	NO_PREFIX_DECODES((struct buf *)*state, list_request, list_request_decode,
	    list_request_clear)
}

static void
more_pids_than_a_request_holds_are_refused(void **state)
{
	for (uint32_t more = 0; more < 2; more++) {
		struct list_request l = { .n_pids = LIST_PIDS_MAX + more };
		struct list_request back;
		struct reader r;

		l.pids = xcalloc(l.n_pids, sizeof(*l.pids));
		buf_reset(*state);
		list_request_encode(&l, *state);
		reader_init(&r, buf_data(*state), buf_len(*state));
		list_request_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), more == 0);
		list_request_clear(&back);
		free(l.pids);
	}
}

static void
a_process_goes_there_and_back(void **state)
{
	struct clue clue = make_clue();
	struct process_socket socket = { .family = AF_INET,
		.protocol = 6,
		.state = 1,
		.local = { 127, 0, 0, 1 },
		.remote = { 10, 1, 2, 3 },
		.local_port = 22,
		.remote_port = 65535 };
	struct process p = { .role = PROCESS_REFUSED,
		.refusal = REASON_DENIED,
		.pid = 4242,
		.parent = 1,
		.start_ticks = 123456789,
		.start_ms = -1,
		.uid = 1000,
		.gid = 100,
		.owner = TEXT("eve"),
		.comm = TEXT("\033[2J"),
		.program = TEXT("/tmp/x (deleted)"),
		.command = TEXT("x --y"),
		.exe_dev = 1,
		.exe_ino = 2,
		.exe_size = 3,
		.exe_mtime_ns = 4,
		.cgroup = TEXT("/user.slice"),
		.container = TEXT(""),
		.pid_namespace = 5,
		.mount_namespace = 6,
		.net_namespace = 7,
		.n_threads = 8,
		.resident_bytes = 9,
		.swapped_bytes = 10,
		.n_sockets_seen = 11,
		.sockets = &socket,
		.n_sockets = 1,
		.clues = &clue,
		.n_clues = 1,
		.libraries = TEXT("libjvm") };
	struct process back;
	struct reader r;

	process_encode(&p, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	process_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.role == PROCESS_REFUSED && back.refusal == REASON_DENIED);
	assert_true(back.pid == 4242 && back.start_ticks == 123456789);
	assert_string_equal(back.comm, "\033[2J");
	assert_string_equal(back.libraries, "libjvm");
	assert_int_equal(back.sockets[0].remote_port, 65535);
	assert_memory_equal(back.sockets[0].remote, socket.remote, 16);
	assert_int_equal(back.clues[0].n_data, 5);
	assert_memory_equal(back.clues[0].expected, "\x55\x48", 2);
	process_clear(&back);
	NO_PREFIX_DECODES((struct buf *)*state, process, process_decode, process_clear)
	clue_clear(&clue);
}

static void
what_is_mapped_and_what_to_open_go_there_and_back(void **state)
{
	struct mapped_file file = { .dev = 1,
		.ino = 2,
		.start = 0x1000,
		.end = 0x3000,
		.is_executable = 1,
		.path = TEXT("/memfd:x (deleted)") };
	struct mapped_list m = { .pid = 3, .start_ticks = 4, .files = &file, .n = 1 };
	struct open_item items[] = { { .is_memory = true, .pid = 3, .start_ticks = 4 },
		{ .pid = 3, .start_ticks = 4, .file = file } };
	struct open_request o = { .id = 9, .items = items, .n = 2 };
	struct mapped_list m_back;
	struct open_request o_back;
	struct reader r;

	mapped_list_encode(&m, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	mapped_list_decode(&r, &m_back);
	assert_true(reader_is_done(&r));
	assert_true(m_back.n == 1 && m_back.files[0].end == 0x3000);
	assert_string_equal(m_back.files[0].path, file.path);
	mapped_list_clear(&m_back);
	NO_PREFIX_DECODES((struct buf *)*state, mapped_list, mapped_list_decode,
	    mapped_list_clear)
	buf_reset(*state);
	open_request_encode(&o, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	open_request_decode(&r, &o_back);
	assert_true(reader_is_done(&r));
	assert_true(o_back.n == 2 && o_back.items[0].is_memory);
	assert_string_equal(o_back.items[1].file.path, file.path);
	open_request_clear(&o_back);
	NO_PREFIX_DECODES((struct buf *)*state, open_request, open_request_decode,
	    open_request_clear)
}

static bool
target_is_taken(struct buf *b, const struct target *t)
{
	struct target back;
	struct reader r;

	buf_reset(b);
	target_encode(t, b);
	reader_init(&r, buf_data(b), buf_len(b));
	target_decode(&r, &back);
	target_clear(&back);
	return reader_is_done(&r);
}

static void
a_target_of_memory_has_the_descriptors_that_it_says(void **state)
{
	struct code_range code = { 0x3000, 0x4000, 0, 0 };
	struct target t = { .id = 1,
		.kind = TARGET_MEMORY,
		.n_fds = MEMORY_FD_CODES + 1,
		.path = TEXT("/bin/x"),
		.owner = TEXT("root"),
		.pid = 2,
		.start_ticks = 3,
		.codes = &code,
		.n_codes = 1,
		.n_code_files = 1,
		.codes_left = 7,
		.codes_left_at = 0x5000 };
	struct target back;
	struct reader r;

	target_encode(&t, *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	target_decode(&r, &back);
	assert_true(reader_is_done(&r));
	assert_true(back.kind == TARGET_MEMORY && back.pid == 2 && back.n_fds == 4);
	assert_true(back.codes[0].start == 0x3000);
	assert_true(back.codes_left == 7 && back.codes_left_at == 0x5000);
	target_clear(&back);
	NO_PREFIX_DECODES((struct buf *)*state, target, target_decode, target_clear)
	t.n_fds = MEMORY_FD_CODES;
	assert_false(target_is_taken(*state, &t));
	t.n_fds = MEMORY_FD_CODES + 1;
	assert_true(target_is_taken(*state, &t));
	code.file = 1;
	assert_false(target_is_taken(*state, &t));
}

static void
code_ranges_and_their_files_have_their_limits(void **state)
{
	struct code_range codes[TARGET_CODES_MAX + 1] = { { 0, 0, 0, 0 } };
	struct target t = { .id = 1,
		.kind = TARGET_MEMORY,
		.n_fds = MEMORY_FD_CODES + TARGET_CODE_FILES_MAX,
		.path = TEXT("/bin/x"),
		.owner = TEXT("root"),
		.codes = codes,
		.n_codes = TARGET_CODES_MAX,
		.n_code_files = TARGET_CODE_FILES_MAX };

	static_assert(MEMORY_FD_CODES + TARGET_CODE_FILES_MAX <= BATCH_TARGETS_MAX,
	    "they travel in one message");
	assert_true(target_is_taken(*state, &t));
	t.n_codes++;
	assert_false(target_is_taken(*state, &t));
	t.n_codes--;
	t.n_code_files++;
	t.n_fds++;
	assert_false(target_is_taken(*state, &t));
}

static void
notes_beyond_the_limit_are_summed_up_by_reason(void **state)
{
	struct note_list list = { .n = 0 };
	struct note back;
	struct reader r;

	for (unsigned i = 0; i < NOTES_MAX + 3; i++)
		note_list_add(&list, REASON_MEMORY, 10, "!/x", NULL);
	note_list_count(&list, REASON_SWAPPED, 5, 5 * 4096);
	assert_int_equal(list.n, NOTES_MAX);
	note_list_finish(&list);
	assert_int_equal(list.n, NOTES_MAX + 2);
	for (unsigned i = NOTES_MAX; i < list.n; i++) {
		bool is_swap = list.notes[i].reason == REASON_SWAPPED;

		assert_int_equal(list.notes[i].n, is_swap ? 5 : 3);
		assert_int_equal(list.notes[i].bytes, is_swap ? 5 * 4096 : 30);
		assert_string_equal(list.notes[i].name, "");
	}
	note_encode(&list.notes[NOTES_MAX], *state);
	reader_init(&r, buf_data(*state), buf_len(*state));
	note_decode(&r, &back);
	assert_true(reader_is_done(&r));
	note_clear(&back);
	NO_PREFIX_DECODES((struct buf *)*state, note, note_decode, note_clear)
	note_list_clear(&list);
}

static void
a_note_without_a_reason_or_of_nothing_is_refused(void **state)
{
	struct note bad[] = {
		{ .reason = REASON_NONE, .n = 1, .name = TEXT(""), .detail = TEXT("") },
		{ .reason = REASON_MEMORY, .n = 0, .name = TEXT(""), .detail = TEXT("") },
		{ .reason = REASON_MEMORY,
		    .n = 2,
		    .name = TEXT("x"),
		    .detail = TEXT("") },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		struct note back;
		struct reader r;

		buf_reset(*state);
		note_encode(&bad[i], *state);
		reader_init(&r, buf_data(*state), buf_len(*state));
		note_decode(&r, &back);
		assert_false(reader_is_ok(&r));
		note_clear(&back);
	}
}

static void
parts_count_by_reason_and_are_named(void **state)
{
	struct coverage c = { .n_scanned = 0 };

	(void)state;
	coverage_add_parts(&c, REASON_TOO_LARGE, 1, "a.zip!/b", "large");
	coverage_add_parts(&c, REASON_SWAPPED, 7, "/bin/x", NULL);
	assert_int_equal(c.n_missed, 1);
	assert_int_equal(c.by_reason[REASON_SWAPPED], 7);
	assert_int_equal(c.n_partly, 0);
	assert_int_equal(c.n_paths, 1);
	assert_true(c.paths[0].partly);
	coverage_clear(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_clue_past_a_limit_is_refused, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_list_request_goes_there_and_back, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    more_pids_than_a_request_holds_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_process_goes_there_and_back, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_mapped_and_what_to_open_go_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_target_of_memory_has_the_descriptors_that_it_says, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    code_ranges_and_their_files_have_their_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    notes_beyond_the_limit_are_summed_up_by_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_note_without_a_reason_or_of_nothing_is_refused, setup, teardown),
		cmocka_unit_test(parts_count_by_reason_and_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

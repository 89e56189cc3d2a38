/* SPDX-License-Identifier: BSD-2-Clause */
/* What agent and watching opener tell each other. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "records/messages.h"
#include "records/watch.h"

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

/* Decode what b has with decode(), as MATCHES says; every shorter form fails. */
#define GOES_BACK(type, decode, clear, back, b)                        \
	do {                                                           \
		struct reader r_;                                      \
		for (size_t len_ = 0; len_ < buf_len(b); len_++) {     \
			struct type cut_;                              \
			reader_init(&r_, buf_data(b), len_);           \
			decode(&r_, &cut_);                            \
			assert_false(reader_is_done(&r_) && len_ > 0); \
			clear(&cut_);                                  \
		}                                                      \
		reader_init(&r_, buf_data(b), buf_len(b));             \
		decode(&r_, &(back));                                  \
		assert_true(reader_is_done(&r_));                      \
	} while (0)

static struct watch_request
make_request(void)
{
	return (struct watch_request){ .id = 7,
		.may_use_network = true,
		.debounce_ms = 1,
		.settle_max_ms = 2,
		.repeat_max_ms = 3,
		.memory_after_ms = WATCH_TIME_MAX_MS,
		.pending_max = WATCH_PENDING_MAX,
		.state = (char *)"/var/lib/x" };
}

static void
a_request_goes_there_and_back(void **state)
{
	struct buf *b = *state;
	struct watch_request request = make_request();
	struct watch_request back;
	char *excludes[] = { (char *)"/a/*", (char *)"*.o" };

	request.excludes = excludes;
	request.n_excludes = 2;
	watch_request_encode(&request, b);
	GOES_BACK(watch_request, watch_request_decode, watch_request_clear, back, b);
	assert_int_equal(back.id, 7);
	assert_true(back.may_use_network);
	assert_int_equal(back.debounce_ms, 1);
	assert_int_equal(back.settle_max_ms, 2);
	assert_int_equal(back.repeat_max_ms, 3);
	assert_int_equal(back.memory_after_ms, WATCH_TIME_MAX_MS);
	assert_int_equal(back.pending_max, WATCH_PENDING_MAX);
	assert_string_equal(back.state, "/var/lib/x");
	assert_string_equal(back.excludes[1], "*.o");
	watch_request_clear(&back);
}

static bool
is_taken(struct buf *b, const struct watch_request *request)
{
	struct watch_request back;
	struct reader r;

	buf_reset(b);
	watch_request_encode(request, b);
	reader_init(&r, buf_data(b), buf_len(b));
	watch_request_decode(&r, &back);
	watch_request_clear(&back);
	return reader_is_done(&r);
}

static void
a_request_beyond_its_limits_is_refused(void **state)
{
	struct watch_request request = make_request();
	char *excludes[WALK_EXCLUDES_MAX + 1];

	assert_true(is_taken(*state, &request));
	request.debounce_ms = WATCH_TIME_MAX_MS + 1;
	assert_false(is_taken(*state, &request));
	request = make_request();
	request.pending_max = WATCH_PENDING_MAX + 1;
	assert_false(is_taken(*state, &request));
	request.pending_max = 0;
	assert_false(is_taken(*state, &request));
	request = make_request();
	for (unsigned i = 0; i <= WALK_EXCLUDES_MAX; i++)
		excludes[i] = (char *)"x";
	request.excludes = excludes;
	request.n_excludes = WALK_EXCLUDES_MAX;
	assert_true(is_taken(*state, &request));
	request.n_excludes++;
	assert_false(is_taken(*state, &request));
}

static struct watch_event
make_event(struct actor_parent *parents, uint32_t n)
{
	return (struct watch_event){ .kinds = EVENT_WRITTEN | EVENT_EXECUTED,
		.n_merged = 3,
		.first_ms = -1,
		.last_ms = 5,
		.target = { .kind = TARGET_FILE,
		    .n_fds = 1,
		    .path = (char *)"/tmp/x",
		    .owner = (char *)"root",
		    .ino = 9 },
		.actor = { .is_gone = true,
		    .pid = 12,
		    .start_ticks = 13,
		    .uid = 14,
		    .loginuid = UINT32_MAX,
		    .comm = (char *)"cc1",
		    .program = (char *)"/usr/bin/cc1",
		    .command = (char *)"cc1 x",
		    .parents = parents,
		    .n_parents = n } };
}

static void
an_event_goes_there_and_back(void **state)
{
	struct buf *b = *state;
	struct actor_parent parents[2] = { { 4, 5, (char *)"/bin/sh" }, { 1, 1, NULL } };
	struct watch_event e = make_event(parents, 2);
	struct watch_event back;
	struct actor copy;

	watch_event_encode(&e, b);
	GOES_BACK(watch_event, watch_event_decode, watch_event_clear, back, b);
	assert_int_equal(back.kinds, 3);
	assert_int_equal(back.n_merged, 3);
	assert_int_equal(back.first_ms, -1);
	assert_string_equal(back.target.path, "/tmp/x");
	actor_copy(&back.actor, &copy);
	watch_event_clear(&back);
	assert_true(copy.is_gone);
	assert_int_equal(copy.pid, 12);
	assert_int_equal(copy.loginuid, UINT32_MAX);
	assert_string_equal(copy.program, "/usr/bin/cc1");
	assert_string_equal(copy.owner, "");
	assert_int_equal(copy.n_parents, 2);
	assert_string_equal(copy.parents[0].name, "/bin/sh");
	actor_clear(&copy);
}

static bool
is_event_taken(struct buf *b, const struct watch_event *e)
{
	struct watch_event back;
	struct reader r;

	buf_reset(b);
	watch_event_encode(e, b);
	reader_init(&r, buf_data(b), buf_len(b));
	watch_event_decode(&r, &back);
	watch_event_clear(&back);
	return reader_is_done(&r);
}

static void
an_event_of_no_kind_or_too_many_parents_is_refused(void **state)
{
	struct actor_parent parents[ACTOR_PARENTS_MAX + 1] = { { 0 } };
	struct watch_event e = make_event(parents, ACTOR_PARENTS_MAX);
	char *name = xcalloc(ACTOR_NAME_MAX + 2, 1);

	assert_true(is_event_taken(*state, &e));
	e.actor.n_parents++;
	assert_false(is_event_taken(*state, &e));
	e.actor.n_parents = 1;
	memset(name, 'a', ACTOR_NAME_MAX);
	parents[0].name = name;
	assert_true(is_event_taken(*state, &e));
	name[ACTOR_NAME_MAX] = 'a';
	assert_false(is_event_taken(*state, &e));
	free(name);
	parents[0].name = NULL;
	e.kinds = 0;
	assert_false(is_event_taken(*state, &e));
	e.kinds = 4;
	assert_false(is_event_taken(*state, &e));
	e.kinds = EVENT_WRITTEN;
	e.target.kind = TARGET_MAPPED;
	assert_false(is_event_taken(*state, &e));
}

static void
the_longest_event_fits_in_a_message(void **state)
{
	struct actor_parent parents[ACTOR_PARENTS_MAX];
	struct watch_event e = make_event(parents, ACTOR_PARENTS_MAX);
	char *name = xcalloc(ACTOR_NAME_MAX + 1, 1);
	char *path = xcalloc(4097, 1); /* PATH_MAX, as readlink(2) gives */

	memset(name, 'a', ACTOR_NAME_MAX);
	memset(path, 'p', 4096);
	for (unsigned i = 0; i < ACTOR_PARENTS_MAX; i++)
		parents[i] = (struct actor_parent){ 1, 1, name };
	e.target.path = e.actor.program = e.actor.command = e.actor.cgroup =
	    e.actor.container = path;
	watch_event_encode(&e, *state);
	assert_in_range(buf_len(*state), 30000, 40 * 1024);
	free(name);
	free(path);
}

static void
what_is_due_goes_there_and_back(void **state)
{
	struct buf *b = *state;
	struct due_item items[DUE_ITEMS_MAX + 1] = { { 5, 6, DUE_MEMFD } };
	struct due_list list = { items, 1 };
	struct due_list back;
	struct reader r;

	due_list_encode(&list, b);
	GOES_BACK(due_list, due_list_decode, due_list_clear, back, b);
	assert_int_equal(back.items[0].pid, 5);
	assert_int_equal(back.items[0].start_ticks, 6);
	assert_int_equal(back.items[0].why, DUE_MEMFD);
	due_list_clear(&back);
	for (unsigned i = 0; i <= DUE_ITEMS_MAX; i++)
		items[i].why = DUE_STARTED;
	for (uint32_t n = DUE_ITEMS_MAX; n <= DUE_ITEMS_MAX + 1; n++) {
		list.n = n;
		buf_reset(b);
		due_list_encode(&list, b);
		reader_init(&r, buf_data(b), buf_len(b));
		due_list_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), n == DUE_ITEMS_MAX);
		due_list_clear(&back);
		if (n == DUE_ITEMS_MAX)
			assert_true(buf_len(b) <= CHANNEL_PAYLOAD_MAX);
	}
}

static void
the_state_goes_there_and_back(void **state)
{
	struct buf *b = *state;
	struct watch_place places[2] = { { 1, (char *)"/", (char *)"ext4", NULL },
		{ 2, (char *)"/n", (char *)"nfs4", (char *)"no" } };
	struct watching w = { .id = 3,
		.processes_trouble = (char *)"none",
		.has_pidfd = true,
		.has_errors = true,
		.counters = { .n_read = 11, .n_actor_gone = 12 },
		.places = places,
		.n_places = 2,
		.n_unlisted = 4 };
	struct watching back;

	watching_encode(&w, b);
	GOES_BACK(watching, watching_decode, watching_clear, back, b);
	assert_string_equal(back.trouble, "");
	assert_string_equal(back.processes_trouble, "none");
	assert_true(back.has_pidfd && back.has_errors && !back.is_unlimited);
	assert_int_equal(back.counters.n_read, 11);
	assert_int_equal(back.counters.n_actor_gone, 12);
	assert_string_equal(back.places[1].trouble, "no");
	assert_int_equal(back.n_unlisted, 4);
	watching_clear(&back);
}

static void
what_is_lost_goes_there_and_back(void **state)
{
	char *paths[] = { (char *)"/a", (char *)"/b" };
	struct watch_lost lost = { true, -5, paths, 2 };
	struct watch_lost back;

	watch_lost_encode(&lost, *state);
	GOES_BACK(watch_lost, watch_lost_decode, watch_lost_clear, back, *state);
	assert_true(back.is_processes);
	assert_int_equal(back.since_ns, -5);
	assert_string_equal(back.paths[1], "/b");
	watch_lost_clear(&back);
}

static void
what_to_block_goes_there_and_back(void **state)
{
	struct block_key keys[BLOCK_KEYS_MAX + 1] = { { 1, 2, 3, -4, 5 } };
	struct block_request request = { true, true, keys, 1 };
	struct block_request back;
	struct reader r;

	block_request_encode(&request, *state);
	GOES_BACK(block_request, block_request_decode, block_request_clear, back, *state);
	assert_true(back.is_on && back.is_anew);
	assert_int_equal(back.keys[0].mtime_ns, -4);
	block_request_clear(&back);
	for (uint32_t n = BLOCK_KEYS_MAX; n <= BLOCK_KEYS_MAX + 1; n++) {
		request.n_keys = n;
		buf_reset(*state);
		block_request_encode(&request, *state);
		reader_init(&r, buf_data(*state), buf_len(*state));
		block_request_decode(&r, &back);
		assert_int_equal(reader_is_done(&r), n == BLOCK_KEYS_MAX);
		block_request_clear(&back);
		if (n == BLOCK_KEYS_MAX)
			assert_true(buf_len(*state) <= CHANNEL_PAYLOAD_MAX);
	}
}

static void
what_was_denied_goes_there_and_back(void **state)
{
	struct blocked d = { .time_ms = 8, .target = make_event(NULL, 0).target };
	struct blocked back;

	blocked_encode(&d, *state);
	GOES_BACK(blocked, blocked_decode, blocked_clear, back, *state);
	assert_int_equal(back.time_ms, 8);
	assert_string_equal(back.target.path, "/tmp/x");
	blocked_clear(&back);
}

int
main(void)
{
#define WITH_BUF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BUF(a_request_goes_there_and_back),
		WITH_BUF(a_request_beyond_its_limits_is_refused),
		WITH_BUF(an_event_goes_there_and_back),
		WITH_BUF(an_event_of_no_kind_or_too_many_parents_is_refused),
		WITH_BUF(the_longest_event_fits_in_a_message),
		WITH_BUF(what_is_due_goes_there_and_back),
		WITH_BUF(the_state_goes_there_and_back),
		WITH_BUF(what_is_lost_goes_there_and_back),
		WITH_BUF(what_to_block_goes_there_and_back),
		WITH_BUF(what_was_denied_goes_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

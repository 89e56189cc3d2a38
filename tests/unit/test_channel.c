/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"

enum { LEFT = 1, RIGHT = 2 };
enum { ASK = 1, TELL, LARGE, TYPES };

static const struct message_type table[TYPES] = {
	[ASK] = { "ASK", LEFT, RIGHT, 8, 2 },
	[TELL] = { "TELL", RIGHT, LEFT, 8, 0 },
	[LARGE] = { "LARGE", LEFT, RIGHT, CHANNEL_PAYLOAD_MAX, CHANNEL_FDS_MAX },
};

struct ground {
	struct channel *left, *right;
	int file;
	struct message m;
};

static int
setup(void **state)
{
	static struct ground g;
	int fds[2];

	memset(&g, 0, sizeof(g));
	if (channel_pair(fds) != MH_OK ||
	    fd_from_bytes("test", "hello", 5, &g.file) != MH_OK)
		return -1;
	g.left = channel_new(fds[0], table, TYPES, LEFT, RIGHT);
	g.right = channel_new(fds[1], table, TYPES, RIGHT, LEFT);
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	message_close_fds(&g->m);
	channel_free(g->left);
	channel_free(g->right);
	(void)close(g->file);
	return 0;
}

static void
a_message_arrives_as_it_was_sent(void **state)
{
	struct ground *g = *state;

	assert_err(channel_receive(g->right, &g->m), MH_ERR_AGAIN);
	assert_ok(channel_send(g->left, ASK, "12345678", 8, NULL, 0));
	assert_int_equal(channel_in_flight(g->left), 1);
	assert_ok(channel_receive(g->right, &g->m));
	assert_int_equal(g->m.type, ASK);
	assert_int_equal(g->m.len, 8);
	assert_memory_equal(g->m.data, "12345678", 8);
	assert_int_equal(g->m.n_fds, 0);
	assert_err(channel_receive(g->right, &g->m), MH_ERR_AGAIN);
	assert_ok(channel_send(g->right, TELL, NULL, 0, NULL, 0));
	assert_ok(channel_receive(g->left, &g->m));
	assert_int_equal(g->m.len, 0);
	/* The answer granted the credit of what it answered. */
	assert_int_equal(channel_in_flight(g->left), 0);
}

static void
descriptors_arrive_close_on_exec_and_the_senders_stay(void **state)
{
	struct ground *g = *state;
	int fds[2] = { g->file, g->file };
	struct stat there, here;
	char text[6] = "";

	assert_ok(channel_send(g->left, ASK, "x", 1, fds, 2));
	assert_ok(channel_receive(g->right, &g->m));
	assert_int_equal(g->m.n_fds, 2);
	int taken = message_take_fd(&g->m, 1);

	assert_true(taken >= 0 && taken != g->file);
	assert_int_equal(message_take_fd(&g->m, 1), -1);
	assert_int_equal(message_take_fd(&g->m, 2), -1);
	assert_int_equal(fstat(taken, &there), 0);
	assert_int_equal(fstat(g->file, &here), 0);
	assert_int_equal(there.st_ino, here.st_ino);
	assert_int_equal(pread(taken, text, 5, 0), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(fcntl(taken, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(close(taken), 0);
	int other = g->m.fds[0];

	message_close_fds(&g->m);
	assert_int_equal(fcntl(other, F_GETFD), -1);
}

static void
the_largest_message_with_the_most_descriptors_passes(void **state)
{
	static uint8_t data[CHANNEL_PAYLOAD_MAX];
	struct ground *g = *state;
	int fds[CHANNEL_FDS_MAX];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = g->file;
	assert_ok(channel_send(g->left, LARGE, data, sizeof(data), fds, CHANNEL_FDS_MAX));
	assert_ok(channel_receive(g->right, &g->m));
	assert_int_equal(g->m.len, sizeof(data));
	assert_memory_equal(g->m.data, data, sizeof(data));
	assert_int_equal(g->m.n_fds, CHANNEL_FDS_MAX);
}

static void
the_window_closes_after_its_last_message_and_opens_when_they_are_taken(void **state)
{
	struct ground *g = *state;

	for (unsigned i = 0; i < CHANNEL_WINDOW; i++) {
		assert_true(channel_can_send(g->left));
		assert_ok(channel_send(g->left, ASK, &i, sizeof(i), NULL, 0));
	}
	assert_false(channel_can_send(g->left));
	assert_err(channel_send(g->left, ASK, NULL, 0, NULL, 0), MH_ERR_FULL);
	assert_err(channel_receive(g->left, &g->m), MH_ERR_AGAIN);
	assert_false(channel_can_send(g->left));
	for (unsigned i = 0; i < CHANNEL_WINDOW; i++) {
		assert_ok(channel_receive(g->right, &g->m));
		assert_memory_equal(g->m.data, &i, sizeof(i));
	}
	assert_err(channel_receive(g->left, &g->m), MH_ERR_AGAIN);
	assert_true(channel_can_send(g->left));
	assert_int_equal(channel_in_flight(g->left), 0);
}

static void
both_directions_carry_far_more_than_a_window(void **state)
{
	struct ground *g = *state;

	for (unsigned i = 0; i < CHANNEL_WINDOW * 50; i++) {
		assert_ok(channel_send(g->left, ASK, &i, sizeof(i), NULL, 0));
		assert_ok(channel_receive(g->right, &g->m));
		assert_ok(channel_send(g->right, TELL, &i, sizeof(i), NULL, 0));
		assert_ok(channel_receive(g->left, &g->m));
		assert_memory_equal(g->m.data, &i, sizeof(i));
	}
	for (unsigned i = 0; i < CHANNEL_WINDOW * 50; i++) {
		assert_err(channel_receive(g->left, &g->m), MH_ERR_AGAIN);
		assert_ok(channel_send(g->left, ASK, &i, sizeof(i), NULL, 0));
		assert_ok(channel_receive(g->right, &g->m));
		assert_memory_equal(g->m.data, &i, sizeof(i));
	}
}

static void
what_a_full_socket_does_not_take_waits_with_its_descriptors(void **state)
{
	static uint8_t data[CHANNEL_PAYLOAD_MAX];
	struct ground *g = *state;
	int small = 1;
	unsigned n = 0;

	/* The kernel doubles what it is told and has a minimum (socket(7)). */
	assert_int_equal(setsockopt(channel_fd(g->left), SOL_SOCKET, SO_SNDBUF, &small,
			     sizeof(small)),
	    0);
	for (; n < CHANNEL_WINDOW; n++) {
		memset(data, (int)n, sizeof(data));
		/* Messages of 1 KiB: each fits the smallest buffer, all of them do not. */
		assert_ok(channel_send(g->left, LARGE, data, 1024, &g->file, 1));
	}
	assert_true(channel_wants_write(g->left));
	for (unsigned i = 0; i < n; i++) {
		assert_ok(channel_receive(g->right, &g->m));
		assert_int_equal(g->m.data[0], i);
		assert_int_equal(g->m.len, 1024);
		assert_int_equal(g->m.n_fds, 1);
		message_close_fds(&g->m);
		assert_ok(channel_flush(g->left));
	}
	assert_false(channel_wants_write(g->left));
}

static void
without_room_for_a_descriptor_nothing_is_queued(void **state)
{
	static uint8_t data[1024];
	struct ground *g = *state;
	struct rlimit before, none;
	int small = 1;
	unsigned in_flight;

	assert_int_equal(setsockopt(channel_fd(g->left), SOL_SOCKET, SO_SNDBUF, &small,
			     sizeof(small)),
	    0);
	while (!channel_wants_write(g->left))
		assert_ok(channel_send(g->left, LARGE, data, sizeof(data), NULL, 0));
	in_flight = channel_in_flight(g->left);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	mh_err err = channel_send(g->left, LARGE, data, 1, &g->file, 1);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_err(err, MH_ERR_SYSTEM);
	assert_int_equal(channel_in_flight(g->left), in_flight);
}

static void
a_peer_that_is_gone_closes_the_channel(void **state)
{
	struct ground *g = *state;

	assert_ok(channel_send(g->right, TELL, "last", 4, NULL, 0));
	channel_free(g->right);
	g->right = NULL;
	/* What was sent before the end is still there to be taken. */
	assert_ok(channel_receive(g->left, &g->m));
	assert_memory_equal(g->m.data, "last", 4);
	assert_err(channel_receive(g->left, &g->m), MH_ERR_CLOSED);
	assert_err(channel_send(g->left, ASK, NULL, 0, NULL, 0), MH_ERR_CLOSED);
	assert_err(channel_flush(g->left), MH_ERR_CLOSED);
	assert_false(channel_can_send(g->left));
	assert_int_equal(channel_fd(g->left), -1);
}

static void
sending_to_a_peer_that_is_gone_raises_no_signal(void **state)
{
	struct ground *g = *state;

	channel_free(g->right);
	g->right = NULL;
	assert_err(channel_send(g->left, ASK, NULL, 0, NULL, 0), MH_ERR_CLOSED);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_message_arrives_as_it_was_sent),
		with_ground(descriptors_arrive_close_on_exec_and_the_senders_stay),
		with_ground(the_largest_message_with_the_most_descriptors_passes),
		with_ground(
		    the_window_closes_after_its_last_message_and_opens_when_they_are_taken),
		with_ground(both_directions_carry_far_more_than_a_window),
		with_ground(what_a_full_socket_does_not_take_waits_with_its_descriptors),
		with_ground(without_room_for_a_descriptor_nothing_is_queued),
		with_ground(a_peer_that_is_gone_closes_the_channel),
		with_ground(sending_to_a_peer_that_is_gone_raises_no_signal),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"

enum { LEFT = 1, RIGHT = 2, THIRD = 3 };
enum { ASK = 1, TELL, LARGE, FOREIGN, TYPES };

static const struct message_type table[TYPES] = {
	[ASK] = { "ASK", LEFT, RIGHT, 8, 2 },
	[TELL] = { "TELL", RIGHT, LEFT, 8, 0 },
	[LARGE] = { "LARGE", LEFT, RIGHT, CHANNEL_PAYLOAD_MAX, CHANNEL_FDS_MAX },
	[FOREIGN] = { "FOREIGN", THIRD, LEFT, 8, 0 },
};

struct ground {
	struct channel *left, *right;
	int raw; /* the right side's socket without a channel, or -1 */
	int file;
	struct message m;
};

static int
setup_sockets(struct ground *g, int ret[2])
{
	memset(g, 0, sizeof(*g));
	g->raw = -1;
	if (channel_pair(ret) != MH_OK ||
	    fd_from_bytes("test", "hello", 5, &g->file) != MH_OK)
		return -1;
	g->left = channel_new(ret[0], table, TYPES, LEFT, RIGHT);
	return 0;
}

static int
setup(void **state)
{
	static struct ground g;
	int fds[2];

	if (setup_sockets(&g, fds) < 0)
		return -1;
	g.right = channel_new(fds[1], table, TYPES, RIGHT, LEFT);
	*state = &g;
	return 0;
}

static int
setup_raw(void **state)
{
	static struct ground g;
	int fds[2];

	if (setup_sockets(&g, fds) < 0)
		return -1;
	g.raw = fds[1];
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
	if (g->raw >= 0)
		(void)close(g->raw);
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

/* Send bytes and n descriptors past any channel. */
static void
send_raw(struct ground *g, const void *p, size_t len, unsigned n)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 250)];
	} control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (unsigned i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &g->file, sizeof(int));
	}
	assert_int_equal(sendmsg(g->raw, &msg, MSG_NOSIGNAL), len);
}

/* The number of open descriptors of this process. */
static unsigned
count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* One broken message: type, credits, payload bytes, descriptors. */
struct breach {
	uint16_t type, credits;
	size_t len;
	unsigned n_fds;
};

static void
assert_breach(void **state, struct breach b)
{
	static uint8_t bytes[4 + CHANNEL_PAYLOAD_MAX + 2];
	struct ground *g = *state;
	uint16_t header[2] = { b.type, b.credits };
	int room = 1024 * 1024;
	unsigned before;

	(void)setsockopt(g->raw, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	memcpy(bytes, header, sizeof(header));
	before = count_fds();
	send_raw(g, bytes, 4 + b.len, b.n_fds);
	assert_err(channel_receive(g->left, &g->m), MH_ERR_PROTOCOL);
	assert_err(channel_receive(g->left, &g->m), MH_ERR_CLOSED);
	/* The channel's own socket is gone, and nothing that came along stayed open. */
	assert_int_equal(count_fds(), before - 1);
}

#define BREACH(name, ...)                                             \
	static void name(void **state)                                \
	{                                                             \
		assert_breach(state, (struct breach){ __VA_ARGS__ }); \
	}

BREACH(an_unknown_type_closes_the_channel, .type = TYPES)
BREACH(a_type_of_another_sender_closes_the_channel, .type = FOREIGN)
BREACH(a_message_in_the_wrong_direction_closes_the_channel, .type = ASK)
BREACH(one_byte_more_than_its_row_closes_the_channel, .type = TELL, .len = 9)
BREACH(more_than_any_message_closes_the_channel, .type = TELL,
    .len = CHANNEL_PAYLOAD_MAX + 2)
BREACH(a_descriptor_more_than_its_row_closes_the_channel, .type = TELL, .n_fds = 1)
BREACH(more_descriptors_than_any_message_closes_the_channel, .type = TELL, .n_fds = 65)
BREACH(the_most_descriptors_the_kernel_passes_close_the_channel, .type = TELL,
    .n_fds = 250)
BREACH(a_credit_that_was_never_owed_closes_the_channel, .type = TELL, .credits = 1)
BREACH(a_credit_with_a_payload_closes_the_channel, .len = 1)
BREACH(a_credit_with_a_descriptor_closes_the_channel, .n_fds = 1)
BREACH(a_credit_of_nothing_closes_the_channel, .credits = 0)

static void
a_message_shorter_than_a_header_closes_the_channel(void **state)
{
	struct ground *g = *state;

	send_raw(g, "\2\0\0", 3, 0);
	assert_err(channel_receive(g->left, &g->m), MH_ERR_PROTOCOL);
	assert_err(channel_send(g->left, ASK, NULL, 0, NULL, 0), MH_ERR_CLOSED);
}

static void
overrunning_the_window_closes_the_channel(void **state)
{
	struct ground *g = *state;
	const uint16_t header[2] = { TELL, 0 };
	mh_err err = MH_OK;
	unsigned n = 0;

	/* The right side takes no credits back: it may send one window, and no more. */
	while (err == MH_OK && n < CHANNEL_WINDOW * 4) {
		send_raw(g, header, sizeof(header), 0);
		err = channel_receive(g->left, &g->m);
		n += err == MH_OK;
	}
	/* Credits given in bulk are in the socket, so they count as taken. */
	assert_true(n >= CHANNEL_WINDOW);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define with_raw(f) cmocka_unit_test_setup_teardown(f, setup_raw, teardown)

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
		with_raw(an_unknown_type_closes_the_channel),
		with_raw(a_type_of_another_sender_closes_the_channel),
		with_raw(a_message_in_the_wrong_direction_closes_the_channel),
		with_raw(one_byte_more_than_its_row_closes_the_channel),
		with_raw(more_than_any_message_closes_the_channel),
		with_raw(a_descriptor_more_than_its_row_closes_the_channel),
		with_raw(more_descriptors_than_any_message_closes_the_channel),
		with_raw(the_most_descriptors_the_kernel_passes_close_the_channel),
		with_raw(a_credit_that_was_never_owed_closes_the_channel),
		with_raw(a_credit_with_a_payload_closes_the_channel),
		with_raw(a_credit_with_a_descriptor_closes_the_channel),
		with_raw(a_credit_of_nothing_closes_the_channel),
		with_raw(a_message_shorter_than_a_header_closes_the_channel),
		with_raw(overrunning_the_window_closes_the_channel),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer that is taken over may try: each closes the channel. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"

enum { LEFT = 1, RIGHT = 2, THIRD = 3 };
enum { ASK = 1, TELL, FOREIGN, TYPES };

static const struct message_type table[TYPES] = {
	[ASK] = { "ASK", LEFT, RIGHT, 8, 2 },
	[TELL] = { "TELL", RIGHT, LEFT, 8, 0 },
	[FOREIGN] = { "FOREIGN", THIRD, LEFT, 8, 0 },
};

struct ground {
	struct channel *left;
	int raw; /* the other side's socket, without a channel */
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
	(void)close(g->raw);
	(void)close(g->file);
	return 0;
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

	/* A peer that never reads gets no more credits once its socket is full. */
	while (err == MH_OK && n < 100 * 1000) {
		send_raw(g, header, sizeof(header), 0);
		err = channel_receive(g->left, &g->m);
		n++;
	}
	assert_err(err, MH_ERR_PROTOCOL);
	assert_true(n > CHANNEL_WINDOW);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(an_unknown_type_closes_the_channel),
		with_ground(a_type_of_another_sender_closes_the_channel),
		with_ground(a_message_in_the_wrong_direction_closes_the_channel),
		with_ground(one_byte_more_than_its_row_closes_the_channel),
		with_ground(more_than_any_message_closes_the_channel),
		with_ground(a_descriptor_more_than_its_row_closes_the_channel),
		with_ground(more_descriptors_than_any_message_closes_the_channel),
		with_ground(the_most_descriptors_the_kernel_passes_close_the_channel),
		with_ground(a_credit_that_was_never_owed_closes_the_channel),
		with_ground(a_credit_with_a_payload_closes_the_channel),
		with_ground(a_credit_with_a_descriptor_closes_the_channel),
		with_ground(a_credit_of_nothing_closes_the_channel),
		with_ground(a_message_shorter_than_a_header_closes_the_channel),
		with_ground(overrunning_the_window_closes_the_channel),
	};

	return cmocka_run_group_tests_name("channel_breach", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours that may be less privileged, or taken over. */
#include "base/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

enum {
	HEADER_BYTES = 4,
	SOCKET_BUFFER_BYTES = 1024 * 1024,
	/* Grant in bulk: half a window at once keeps both sides busy. */
	GRANT_AT = CHANNEL_WINDOW / 2,
};

/* A message that the socket did not take yet. */
struct queued {
	struct queued *next;
	uint16_t type;
	size_t len;
	unsigned n_fds;
	int fds[CHANNEL_FDS_MAX];
	uint8_t data[];
};

struct channel {
	int fd; /* -1 once closed */
	const struct message_type *table;
	size_t n_types;
	uint8_t self, peer;
	unsigned may_send;    /* credits we hold */
	unsigned to_grant;    /* messages taken whose credit was not given back */
	struct queued *first; /* NULL, or what waits for the socket, in order */
	struct queued **last;
	uint8_t in[HEADER_BYTES + CHANNEL_PAYLOAD_MAX + 1];
};

struct channel *
channel_new(int fd, const struct message_type *table, size_t n, uint8_t self,
    uint8_t peer)
{
	struct channel *ch = xcalloc(1, sizeof(*ch));
	int size = SOCKET_BUFFER_BYTES;

	assert(fd >= 0);
	mh_ignore(fd_set_nonblocking(fd));
	/* The kernel caps this at net.core.wmem_max; less only means more queueing. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ch->fd = fd;
	ch->table = table;
	ch->n_types = n;
	ch->self = self;
	ch->peer = peer;
	ch->may_send = CHANNEL_WINDOW;
	ch->last = &ch->first;
	return ch;
}

static void
close_fds(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
}

static void
drop_first(struct channel *ch)
{
	struct queued *q = ch->first;

	ch->first = q->next;
	if (ch->first == NULL)
		ch->last = &ch->first;
	close_fds(q->fds, q->n_fds);
	free(q);
}

static void
shut(struct channel *ch)
{
	while (ch->first != NULL)
		drop_first(ch);
	if (ch->fd >= 0)
		(void)close(ch->fd);
	ch->fd = -1;
}

void
channel_free(struct channel *ch)
{
	if (ch == NULL)
		return;
	shut(ch);
	free(ch);
}

mh_err
channel_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

int
channel_fd(const struct channel *ch)
{
	return ch->fd;
}

bool
channel_wants_write(const struct channel *ch)
{
	return ch->first != NULL || ch->to_grant >= GRANT_AT;
}

bool
channel_can_send(const struct channel *ch)
{
	return ch->fd >= 0 && ch->may_send > 0;
}

unsigned
channel_in_flight(const struct channel *ch)
{
	return CHANNEL_WINDOW - ch->may_send;
}

/*
 * One sendmsg(2), which also grants what is due.
 * Errors: MH_ERR_AGAIN (socket full), MH_ERR_CLOSED.
 */
static mh_err
send_one(struct channel *ch, uint16_t type, const void *data, size_t len, const int *fds,
    unsigned n_fds)
{
	uint16_t header[2] = { type, (uint16_t)ch->to_grant };
	struct iovec iov[2] = { { header, sizeof(header) },
		{ (void *)(uintptr_t)data, len } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (n_fds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	for (;;) {
		if (sendmsg(ch->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			ch->to_grant = 0;
			return MH_OK;
		}
		if (errno == EINTR)
			continue;
		/*
		 * ETOOMANYREFS: our user has too many descriptors on the way
		 * (unix(7)); they go down as the peer takes them.
		 */
		if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
			return MH_ERR_AGAIN;
		shut(ch);
		return MH_ERR_CLOSED;
	}
}

mh_err
channel_flush(struct channel *ch)
{
	mh_err err = MH_OK;

	if (ch->fd < 0)
		return MH_ERR_CLOSED;
	while (err == MH_OK && ch->first != NULL) {
		struct queued *q = ch->first;

		err = send_one(ch, q->type, q->data, q->len, q->fds, q->n_fds);
		if (err == MH_OK)
			drop_first(ch);
	}
	if (err == MH_OK && ch->to_grant >= GRANT_AT)
		err = send_one(ch, 0, NULL, 0, NULL, 0);
	return err == MH_ERR_AGAIN ? MH_OK : err;
}

static mh_err
enqueue(struct channel *ch, uint16_t type, const void *data, size_t len, const int *fds,
    unsigned n_fds)
{
	struct queued *q = xcalloc(1, sizeof(*q) + len);

	q->type = type;
	q->len = len;
	if (len > 0)
		memcpy(q->data, data, len);
	for (; q->n_fds < n_fds; q->n_fds++) {
		q->fds[q->n_fds] = fcntl(fds[q->n_fds], F_DUPFD_CLOEXEC, 0);
		if (q->fds[q->n_fds] < 0) {
			int saved = errno;

			close_fds(q->fds, q->n_fds);
			free(q);
			errno = saved;
			return MH_ERR_SYSTEM;
		}
	}
	*ch->last = q;
	ch->last = &q->next;
	return MH_OK;
}

mh_err
channel_send(struct channel *ch, uint16_t type, const void *data, size_t len,
    const int *fds, unsigned n_fds)
{
	mh_err err = MH_OK;

	assert(type > 0 && type < ch->n_types);
	assert(ch->table[type].from == ch->self && ch->table[type].to == ch->peer);
	assert(len <= ch->table[type].max_bytes && n_fds <= ch->table[type].max_fds);
	if (ch->fd < 0)
		return MH_ERR_CLOSED;
	if (ch->may_send == 0)
		return MH_ERR_FULL;

	if (ch->first == NULL) {
		err = send_one(ch, type, data, len, fds, n_fds);
		if (err == MH_OK)
			ch->may_send--;
		if (err != MH_ERR_AGAIN)
			return err;
	}
	err = enqueue(ch, type, data, len, fds, n_fds);
	if (err != MH_OK)
		return err;
	ch->may_send--;
	return channel_flush(ch);
}

/* Collect the descriptors that came with msg into m. */
static void
collect_fds(struct msghdr *msg, struct message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n && m->n_fds < CHANNEL_FDS_MAX; i++)
			memcpy(&m->fds[m->n_fds++], CMSG_DATA(c) + i * sizeof(int),
			    sizeof(int));
	}
}

/* Whether the table lets our peer send us this. */
static bool
is_allowed(const struct channel *ch, const struct message *m)
{
	const struct message_type *row = NULL;

	if (m->type >= ch->n_types)
		return false;
	row = &ch->table[m->type];
	return row->from == ch->peer && row->to == ch->self && m->len <= row->max_bytes &&
	       m->n_fds <= row->max_fds;
}

static mh_err
break_off(struct channel *ch, struct message *m)
{
	message_close_fds(m);
	shut(ch);
	return MH_ERR_PROTOCOL;
}

mh_err
channel_receive(struct channel *ch, struct message *ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	} control;
	uint16_t header[2];

	for (;;) {
		struct iovec iov = { ch->in, sizeof(ch->in) };
		struct msghdr msg = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes) };

		if (ch->fd < 0)
			return MH_ERR_CLOSED;
		ssize_t n = recvmsg(ch->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			mh_err err = channel_flush(ch);

			return err != MH_OK ? err : MH_ERR_AGAIN;
		}
		if (n <= 0) {
			shut(ch);
			return MH_ERR_CLOSED;
		}
		struct message m = { .n_fds = 0 };

		collect_fds(&msg, &m);
		if ((size_t)n < HEADER_BYTES ||
		    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
			return break_off(ch, &m);
		memcpy(header, ch->in, sizeof(header));
		m.type = header[0];
		m.data = ch->in + HEADER_BYTES;
		m.len = (size_t)n - HEADER_BYTES;
		if (ch->may_send + header[1] > CHANNEL_WINDOW)
			return break_off(ch, &m);
		ch->may_send += header[1];
		/* One that grants nothing would let a peer keep us here as long as it likes. */
		if (m.type == 0 && header[1] > 0 && m.len == 0 && m.n_fds == 0)
			continue;
		/* The peer overruns its window, or says what it may not say. */
		if (ch->to_grant >= CHANNEL_WINDOW || !is_allowed(ch, &m))
			return break_off(ch, &m);
		ch->to_grant++;
		if (ch->to_grant >= GRANT_AT && ch->first == NULL)
			mh_ignore(send_one(ch, 0, NULL, 0, NULL, 0));
		*ret = m;
		return MH_OK;
	}
}

void
message_close_fds(struct message *m)
{
	close_fds(m->fds, m->n_fds);
	m->n_fds = 0;
}

int
message_take_fd(struct message *m, unsigned i)
{
	int fd = -1;

	if (i < m->n_fds) {
		fd = m->fds[i];
		m->fds[i] = -1;
	}
	return fd;
}

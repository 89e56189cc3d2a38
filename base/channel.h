/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_CHANNEL_H
#define MH_BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * A non-blocking message channel between two of our processes: SOCK_SEQPACKET
 * (unix(7)) with descriptor passing and credits.
 *
 * What may travel stands in one table of message types (records/messages.h).
 * A message that the table does not allow from this peer, that is larger than
 * its row says or carries another number of descriptors, closes the channel:
 * channel_receive() returns MH_ERR_PROTOCOL and every later call
 * MH_ERR_CLOSED.
 *
 * Credits bound what lies between the two: each side may send CHANNEL_WINDOW
 * messages that the other has not yet taken with channel_receive(); then
 * channel_can_send() is false.  Not receiving is how a role holds its peer
 * back.
 *
 * A message on the wire (host byte order, same machine):
 *
 *	0  u16 type, 0 for a message that grants credits only
 *	2  u16 credits granted by the sender of this message
 *	4  payload, at most CHANNEL_PAYLOAD_MAX bytes
 */
enum {
	CHANNEL_PAYLOAD_MAX = 64 * 1024, /* bytes: a message fits a socket buffer */
	CHANNEL_FDS_MAX = 64, /* per message; SCM_MAX_FD of the kernel is 253 */
	CHANNEL_WINDOW = 16,  /* messages in one direction */
};

/* One row of the table; its index is the type on the wire, row 0 is unused. */
struct message_type {
	const char *name;
	uint8_t from, to;   /* roles */
	uint32_t max_bytes; /* of payload, <= CHANNEL_PAYLOAD_MAX */
	uint8_t max_fds;    /* <= CHANNEL_FDS_MAX */
};

struct message {
	uint16_t type;
	const uint8_t *data; /* borrowed until the next channel_receive() */
	size_t len;
	int fds[CHANNEL_FDS_MAX]; /* the receiver's; -1 where taken */
	unsigned n_fds;
};

struct channel;

/*
 * A channel over the socket fd, which is taken and made non-blocking.  table
 * has n rows and is borrowed for good.  self and peer are roles.
 */
struct channel *channel_new(int fd, const struct message_type *table, size_t n,
    uint8_t self, uint8_t peer);
/* Closes the socket; what was not yet sent is dropped. */
void channel_free(struct channel *ch);
MH_DEFINE_CLEANUP(struct channel, channel_free);

/* A connected pair of sockets for a channel; both close-on-exec. */
mh_err channel_pair(int ret_fds[2]) MH_CHECKED;

/* To wait on with poll(2): readable, or writable if channel_wants_write(). */
int channel_fd(const struct channel *ch);
bool channel_wants_write(const struct channel *ch);

/* Whether the peer's window has room, that is whether channel_send() may be called. */
bool channel_can_send(const struct channel *ch);
/* Messages sent that the peer has not taken. */
unsigned channel_in_flight(const struct channel *ch);

/*
 * Queue one message and send what the socket takes.  data and fds are copied:
 * the caller keeps its own descriptors.
 *
 * Errors: MH_ERR_FULL (no credit), MH_ERR_CLOSED, MH_ERR_SYSTEM (a descriptor
 * could not be duplicated for the queue; nothing was sent).  A message against the table
 * is a programmer's error and asserts.
 */
mh_err channel_send(struct channel *ch, uint16_t type, const void *data, size_t len,
    const int *fds, unsigned n_fds) MH_CHECKED;

/* Send what was queued; call when the socket is writable. */
mh_err channel_flush(struct channel *ch) MH_CHECKED;

/*
 * Take the next message.  The descriptors in it are the caller's to close or
 * take (message_close_fds()).
 *
 * Errors: MH_ERR_AGAIN (none there), MH_ERR_CLOSED, MH_ERR_PROTOCOL.
 */
mh_err channel_receive(struct channel *ch, struct message *ret) MH_CHECKED;

/* Close the descriptors of m that were not taken. */
void message_close_fds(struct message *m);
/* Take descriptor i of m; -1 if it is not there. */
int message_take_fd(struct message *m, unsigned i);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "records/messages.h"

#include <assert.h>

#define MESSAGE_LIMITS(name, from, to, max, fds)                                        \
	static_assert((max) <= CHANNEL_PAYLOAD_MAX, #name " is larger than a message"); \
	static_assert((fds) <= CHANNEL_FDS_MAX, #name " has too many descriptors");
MESSAGES(MESSAGE_LIMITS)

const struct message_type message_table[MSG_MAX_] = {
	[MSG_CREDIT] = { "CREDIT", 0, 0, 0, 0 },
#define MESSAGE_ROW(name, from, to, max, fds) \
	[MSG_##name] = { #name, ROLE_##from, ROLE_##to, max, fds },
	MESSAGES(MESSAGE_ROW)
#undef MESSAGE_ROW
};

struct channel *
message_channel_new(int fd, enum role self, enum role peer)
{
	return channel_new(fd, message_table, MSG_MAX_, (uint8_t)self, (uint8_t)peer);
}

const char *
message_name(unsigned type)
{
	return type < MSG_MAX_ ? message_table[type].name : "unknown";
}

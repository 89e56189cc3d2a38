/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_MESSAGES_H
#define MH_RECORDS_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/channel.h"

/*
 * The one table of what may travel between our processes.  What is not in it,
 * comes from another role, is larger or carries more descriptors than its row
 * says, closes the channel (base/channel.h).  Payloads are written with
 * base/buf.h and read with base/reader.h; docs/PROTOCOL.md, "Messages", gives
 * their fields.
 */
enum role {
	ROLE_SUPERVISOR = 1,
	ROLE_AGENT, /* also the command line, for its own opener and workers */
	ROLE_OPENER,
	ROLE_ZYGOTE, /* compiles the rules, forks the workers */
	ROLE_WORKER,
	ROLE_COURIER,
	ROLE_COLLECTOR,
	ROLE_AUTHORITY, /* holds the key of the certificate authority */
	ROLE_CHECKER,   /* looks at rules for `molehunt rules` */
};

/* MSG(name, from, to, max, fds): who sends, who receives, largest payload in bytes, most descriptors */
#define MESSAGES(MSG)                                                              \
	/* The agent asks for children; the supervisor hands channels out. */      \
	MSG(START, AGENT, SUPERVISOR, 64, 0)                                       \
	MSG(STOP, AGENT, SUPERVISOR, 64, 0)                                        \
	MSG(STARTED, SUPERVISOR, AGENT, 64, 1)                                     \
	MSG(EXITED, SUPERVISOR, AGENT, 64, 0)                                      \
	/* Walking trees and opening targets. */                                   \
	MSG(WALK, AGENT, OPENER, 65536, 1)                                         \
	MSG(PACE, AGENT, OPENER, 2, 0)                                             \
	MSG(TARGETS, OPENER, AGENT, 65536, 32)                                     \
	MSG(SKIPPED, OPENER, AGENT, 65536, 0)                                      \
	MSG(PULSE, OPENER, AGENT, 40960, 0)                                        \
	MSG(WALKED, OPENER, AGENT, 40960, 0)                                       \
	/* Listing processes, and opening their memory and what they map. */       \
	MSG(LIST, AGENT, OPENER, 65536, 0)                                         \
	MSG(PROCESS, OPENER, AGENT, 65536, 0)                                      \
	MSG(MAPPED, OPENER, AGENT, 65536, 0)                                       \
	MSG(LISTED, OPENER, AGENT, 4096, 0)                                        \
	MSG(OPEN, AGENT, OPENER, 65536, 0)                                         \
	MSG(OPENED, OPENER, AGENT, 64, 0)                                          \
	/* Which packages files came with. */                                      \
	MSG(FACTS, AGENT, OPENER, 65536, 0)                                        \
	MSG(FACTS_ARE, OPENER, AGENT, 65536, 0)                                    \
	/* Watching: an opener that got WATCH or BLOCK first does nothing else. */ \
	MSG(WATCH, AGENT, OPENER, 65536, 2)                                        \
	MSG(EVENTS, OPENER, AGENT, 65536, 32)                                      \
	MSG(DUE, OPENER, AGENT, 65536, 0)                                          \
	MSG(WATCHING, OPENER, AGENT, 65536, 0)                                     \
	MSG(LOST, OPENER, AGENT, 65536, 0)                                         \
	MSG(BLOCK, AGENT, OPENER, 65536, 0)                                        \
	MSG(BLOCKED, OPENER, AGENT, 65536, 0)                                      \
	/* Rules from text, then workers from the compiled set. */                 \
	MSG(SETUP, AGENT, ZYGOTE, 4096, 0)                                         \
	MSG(RULES, AGENT, ZYGOTE, 4096, 1)                                         \
	MSG(UNPACK, AGENT, ZYGOTE, 8, 1)                                           \
	MSG(MEMBER, ZYGOTE, AGENT, 4096, 0)                                        \
	MSG(MEMBER_DATA, ZYGOTE, AGENT, 65536, 0)                                  \
	MSG(LICENSE, ZYGOTE, AGENT, 1024, 0)                                       \
	MSG(UNPACKED, ZYGOTE, AGENT, 1024, 0)                                      \
	MSG(DISABLE, AGENT, ZYGOTE, 1024, 0)                                       \
	MSG(COMPILE, AGENT, ZYGOTE, 1, 0)                                          \
	/* The file for their table, then one file of indicators at a time. */     \
	MSG(TABLE, AGENT, ZYGOTE, 0, 2)                                            \
	MSG(INDICATORS, AGENT, ZYGOTE, 4096, 1)                                    \
	MSG(INDICATOR_LINE, ZYGOTE, AGENT, 4096, 0)                                \
	MSG(INDICATOR_FILE, ZYGOTE, AGENT, 4096, 0)                                \
	MSG(RULE_FILE, ZYGOTE, AGENT, 8192, 0)                                     \
	MSG(RULE_PLACES, ZYGOTE, AGENT, 65536, 0)                                  \
	MSG(READY, ZYGOTE, AGENT, 4096, 0)                                         \
	MSG(FORK, AGENT, ZYGOTE, 64, 1)                                            \
	MSG(KILL, AGENT, ZYGOTE, 64, 0)                                            \
	MSG(GONE, ZYGOTE, AGENT, 64, 0)                                            \
	/* Scanning. */                                                            \
	MSG(SCAN, AGENT, WORKER, 65536, 32)                                        \
	MSG(FOUND, WORKER, AGENT, 65536, 0)                                        \
	MSG(NOTED, WORKER, AGENT, 65536, 0)                                        \
	MSG(CLUE, WORKER, AGENT, 4096, 0)                                          \
	MSG(VERDICTS, WORKER, AGENT, 65536, 0)                                     \
	/* Delivery. */                                                            \
	MSG(REPORT, AGENT, COURIER, 256, 1)                                        \
	MSG(RECEIPT, COURIER, AGENT, 16384, 0)                                     \
	MSG(REFUSED, COURIER, AGENT, 4096, 0)                                      \
	MSG(LINK, COURIER, AGENT, 8192, 0)                                         \
	MSG(SETTINGS, AGENT, COURIER, 32768, 0)                                    \
	MSG(RENEW, AGENT, COURIER, 8192, 0)                                        \
	MSG(RENEWED, COURIER, AGENT, 16384, 0)                                     \
	MSG(MEASURE, COURIER, AGENT, 0, 0)                                         \
	MSG(METRICS, AGENT, COURIER, 65536, 0)                                     \
	/* Looking at rules. */                                                    \
	MSG(CHECK_RULES, AGENT, CHECKER, 65536, 1)                                 \
	MSG(CHECK_BESIDE, AGENT, CHECKER, 65536, 1)                                \
	MSG(CHECK_DO, AGENT, CHECKER, 4096, 0)                                     \
	MSG(ANSWERS, CHECKER, AGENT, 65536, 0)                                     \
	/* Certificates. */                                                        \
	MSG(ISSUE, COLLECTOR, AUTHORITY, 16384, 0)                                 \
	MSG(ISSUED, AUTHORITY, COLLECTOR, 16384, 0)

enum message_name {
	MSG_CREDIT, /* type 0: grants credits only, never seen outside base/channel.c */
#define MESSAGE_NAME(name, from, to, max, fds) MSG_##name,
	MESSAGES(MESSAGE_NAME)
#undef MESSAGE_NAME
	    MSG_MAX_
};

extern const struct message_type message_table[MSG_MAX_];

/* PACE: whether to take only what others leave over; whether to rest. */
enum { PACE_BYTES = 2 };

/* A channel with this table.  fd is taken. */
struct channel *message_channel_new(int fd, enum role self, enum role peer);

/* The name of a type, "START"; never NULL. */
const char *message_name(unsigned type);

/* The length in MSG_RULES of a file that has its descriptor for itself: all that is in it. */
#define RULE_FILE_WHOLE UINT64_MAX

#endif

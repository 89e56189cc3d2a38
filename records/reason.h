/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_REASON_H
#define MH_RECORDS_REASON_H

#include <stdbool.h>

/*
 * Why something was not scanned, wholly or in part.  Coverage counts by these.
 *
 * REASON(code, name, missed, text): name is the stable word in records; missed
 * says whether the target should have been scanned, which makes exit status 3;
 * text is for people.
 */
#define REASONS(REASON)                                                                  \
	REASON(NONE, "none", false, "scanned wholly")                                    \
	REASON(EXCLUDED, "excluded", false, "excluded by configuration")                 \
	REASON(NOT_CHOSEN, "not-chosen", false, "not among what the profile looks at")   \
	REASON(UNCHANGED, "unchanged", false, "unchanged since it was scanned")          \
	REASON(PSEUDO, "pseudo-file-system", false,                                      \
	    "on a file system without files of its own")                                 \
	REASON(LINK, "symbolic-link", false,                                             \
	    "symbolic link: what it names is scanned where it lies")                     \
	REASON(HARDLINK, "hard-link", false, "another name of a file that was scanned")  \
	REASON(DEVICE, "device", false, "device")                                        \
	REASON(FIFO, "fifo", false, "fifo")                                              \
	REASON(SOCKET, "socket", false, "socket")                                        \
	REASON(VANISHED, "vanished", false, "gone before it could be opened")            \
	REASON(OWN, "own-process", false, "a process of Molehunt itself")                \
	REASON(KERNEL, "kernel-thread", false,                                           \
	    "kernel thread: it has no memory of its own")                                \
	REASON(SWAPPED, "swapped-out", false,                                            \
	    "swapped out: reading it would bring it back into memory")                   \
	REASON(GIVEN_BACK, "given-back", false,                                          \
	    "memory that a process gave back while it was scanned")                      \
	REASON(CROSSING, "other-file-system", true,                                      \
	    "another local file system than where the walk began; add --cross to enter " \
	    "it")                                                                        \
	REASON(NETWORK, "network-file-system", true,                                     \
	    "on a network or FUSE file system; add --network to scan it")                \
	REASON(DENIED, "permission", true, "permission denied")                          \
	REASON(OPEN_FAILED, "open-failed", true, "could not be opened")                  \
	REASON(LEASED, "leased", true, "another program holds a lease on it")            \
	REASON(OPEN_HUNG, "open-hung", true, "the file system did not answer")           \
	REASON(READ_FAILED, "read-failed", true, "could not be read")                    \
	REASON(CHANGED, "changed", true, "changed while it was read")                    \
	REASON(TRUNCATED, "truncated", true, "became shorter while it was read")         \
	REASON(TOO_LARGE, "too-large", true, "larger than the limit: scanned in part")   \
	REASON(TIMEOUT, "timeout", true, "scanning took longer than allowed")            \
	REASON(MEMORY, "memory", true, "scanning needed more memory than allowed")       \
	REASON(RULE, "rule-left-out", true, "a rule could not be evaluated on it")       \
	REASON(POISONED, "poisoned", true, "it killed its scan worker twice")            \
	REASON(CROWDED, "folder-too-large", true,                                        \
	    "more names in one folder than allowed")                                     \
	REASON(UNSEEN, "facts-not-seen", false,                                          \
	    "facts about processes that could not be looked at")                         \
	REASON(SECRET, "secret-memory", true,                                            \
	    "secret memory: the kernel lets nobody else read it")                        \
	REASON(ENCRYPTED, "encrypted", true, "encrypted")                                \
	REASON(DAMAGED, "archive-damaged", true, "a damaged or incomplete archive")      \
	REASON(UNSUPPORTED, "archive-unsupported", true,                                 \
	    "packed in a way that cannot be unpacked here")                              \
	REASON(VOLUMES, "archive-volumes", true,                                         \
	    "an archive that goes on in other files")                                    \
	REASON(ARCHIVE_DEPTH, "archive-depth", true, "an archive in too many others")    \
	REASON(ARCHIVE_MEMBERS, "archive-members", true,                                 \
	    "an archive with too many members: not all of them were scanned")            \
	REASON(ARCHIVE_MEMBER, "archive-member-size", true,                              \
	    "a member larger than the limit: scanned in part")                           \
	REASON(ARCHIVE_BYTES, "archive-bytes", true,                                     \
	    "an archive that unpacks to more than the limit: scanned in part")           \
	REASON(ARCHIVE_RATIO, "archive-ratio", true,                                     \
	    "an archive that unpacks to many times its size: scanned in part")           \
	REASON(ARCHIVE_TIME, "archive-time", true,                                       \
	    "scanning what is in the archive took longer than allowed")                  \
	REASON(ARCHIVE_FINDINGS, "archive-findings", true,                               \
	    "more was found in the archive than is kept: scanned in part")               \
	REASON(EVENTS, "events-lost", true,                                              \
	    "what happened there was lost, and it cannot be walked from here")           \
	REASON(MOVED, "moved", true, "the folder was moved while it was walked")         \
	REASON(STOPPED, "stopped", true, "the scan was stopped before it")               \
	REASON(INTERNAL, "internal", true, "the scanner failed")

enum reason {
#define REASON_CODE(code, name, missed, text) REASON_##code,
	REASONS(REASON_CODE)
#undef REASON_CODE
	    REASON_MAX_
};

/* All three assert reason < REASON_MAX_; strings are static. */
const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);
bool reason_is_missed(enum reason reason);

#endif

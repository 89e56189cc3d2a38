/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLEAN_TABLE_H
#define MH_AGENT_CLEAN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "records/target.h"

/*
 * What was clean when it was scanned and has not changed since: a set of keyed
 * hashes in memory that the agent writes and openers read, so that a walk passes
 * over a file after one statx(2), without a message and without opening it.
 *
 * The set is a memfd whose size is sealed.  The agent alone has it mapped
 * writable; after that it is sealed against further writers (F_SEAL_FUTURE_WRITE,
 * kernel 5.1), and openers map it read-only.  A slot is one word, stored whole:
 * a reader beside the writer sees a hash or does not, never half of one.
 *
 * A hash is SipHash-2-4 with a secret of the state database over the facts of
 * the file, the context (a hash over rule set, scanner and the options that
 * change results: another context has other hashes) and the file's term, below.
 * Who does not know the secret cannot choose files whose hashes meet.  By
 * chance, one look in a table of n meets a wrong hash with probability
 * n / 2^64: a million looks in a table of a million, 5 in 100 million.
 *
 * Against an attacker.  Who changes a file's content through the kernel changes
 * its ctime, which no system call sets; clean_may_cache() says which files that
 * does not hold for.  Who sets the clock back as root, writes the block device,
 * or brings another removable file system with the same numbers and times can
 * make a change that no time shows.  So every file has a term of reread_days,
 * which ends on a day that only who knows the secret can tell; from then on the
 * table does not know the file until it was read again.  Such a change is found
 * after that many days at most, after half as many on average.
 */
enum {
	/* Files: the hashes of more would need 1 GiB of memory. */
	CLEAN_ENTRIES_MAX = 1 << 26,
	CLEAN_ENTRIES_MIN = 1024, /* less saves no memory: one page of slots */
	CLEAN_CONTEXT_BYTES = 32, /* a SHA-256 */
	CLEAN_REREAD_DAYS_MAX = 365,
	/* Slots that are looked at for one hash; at half load chance needs some 100. */
	CLEAN_PROBES_MAX = 512,
	/* Seconds before a scan within which a change may not show in any time, below. */
	CLEAN_SETTLE_SECONDS = 60,
};

/* A file as statx(2) and fstat(2) tell it. */
struct clean_key {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

struct clean_table;

/*
 * An empty table for max_entries (CLEAN_ENTRIES_MIN to CLEAN_ENTRIES_MAX; it
 * takes at most 32 bytes each) and terms of reread_days (1 to
 * CLEAN_REREAD_DAYS_MAX).  Errors: MH_ERR_INVALID, MH_ERR_SYSTEM.
 */
mh_err clean_table_new(uint64_t max_entries, unsigned reread_days,
    const uint8_t secret[SIPHASH_KEY_BYTES], const uint8_t context[CLEAN_CONTEXT_BYTES],
    struct clean_table **ret) MH_CHECKED;

/*
 * The table behind a descriptor that came from the agent, for reading; fd stays
 * the caller's.  Everything in it is checked.  Errors: MH_ERR_FORMAT (not one of
 * ours, cut, or its size could change), MH_ERR_SYSTEM.
 */
mh_err clean_table_open_reader(int fd, struct clean_table **ret) MH_CHECKED;

void clean_table_free(struct clean_table *t);
MH_DEFINE_CLEANUP(struct clean_table, clean_table_free);

/* To send to openers; borrowed; -1 of a reader. */
int clean_table_fd(const struct clean_table *t);
uint64_t clean_table_count(const struct clean_table *t);

/*
 * The hash of a file whose scan began on that day (since 1970-01-01 UTC); what
 * the state database keeps.
 */
uint64_t clean_table_hash(const struct clean_table *t, const struct clean_key *key,
    uint32_t day);

/* Whether that day is the first of a term of this file: it is read again then. */
bool clean_key_is_due(const struct clean_table *t, const struct clean_key *key,
    uint32_t day);

/* Whether the file was clean in the term that this day lies in. */
bool clean_table_has(const struct clean_table *t, const struct clean_key *key,
    uint32_t day);
bool clean_table_has_hash(const struct clean_table *t, uint64_t hash);

/*
 * For the agent.  Adding what is there already changes nothing.  Errors:
 * MH_ERR_FULL; the caller makes a larger table, or lives with reading again.
 */
mh_err clean_table_add(struct clean_table *t, uint64_t hash) MH_CHECKED;
void clean_table_remove(struct clean_table *t, uint64_t hash);
void clean_table_clear(struct clean_table *t);

/*
 * Whether a clean verdict over the whole of t, without notes, may be remembered.
 * began_ns is the real time before t was opened.
 *
 * Not on a file system where content changes without a new ctime, or that keeps
 * none (t->is_lasting: network, FUSE, memory).  Not when ctime or mtime is
 * younger than CLEAN_SETTLE_SECONDS or lies in the future: times are coarse, and
 * a page that somebody writes through a mapping gets a new ctime when the write
 * makes it dirty, not with each write until it is written back, which the kernel
 * does after 30 seconds (vm.dirty_expire_centisecs) and a wakeup of the flusher.
 */
bool clean_may_cache(const struct target *t, int64_t began_ns);

/* The facts of t that make its key. */
struct clean_key clean_key_of(const struct target *t);

#endif

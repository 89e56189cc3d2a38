/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent (writes), opener (reads).
 * Input: for the opener a memfd from the agent, which has fewer rights.
 */
#include "agent/clean_table.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* linux/fcntl.h, kernel 5.1 */
#endif

enum {
	VERSION = 1,
	HEADER_BYTES = 4096,
	SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW,
	/* Values of a slot that are no hash. */
	SLOT_FREE = 0,
	SLOT_REMOVED = 1,
	SLOT_HASH_MIN = 2,
};

static const char magic[8] = "MHCLEAN";

/* The head of the memfd; slots follow at HEADER_BYTES. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t reread_days;
	uint64_t n_slots; /* a power of two */
	/* One for the facts of a file, one for them with their term. */
	uint8_t keys[2][SIPHASH_KEY_BYTES];
};

static_assert(sizeof(struct header) <= HEADER_BYTES, "the header has a page");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a slot is stored whole");

struct clean_table {
	int fd; /* -1 of a reader */
	void *map;
	size_t map_len;
	struct header header; /* a copy: nobody changes it under us */
	_Atomic uint64_t *slots;
	uint64_t count, max_entries; /* of the writer */
};

static void
derive_keys(struct header *h, const uint8_t *secret, const uint8_t *context)
{
	uint64_t words[1 + CLEAN_CONTEXT_BYTES / 8];

	memcpy(words + 1, context, CLEAN_CONTEXT_BYTES);
	for (unsigned i = 0; i < 4; i++) {
		words[0] = i;
		uint64_t part = siphash_words(secret, words, MH_ARRAY_LEN(words));

		memcpy(h->keys[i / 2] + (size_t)(i % 2) * 8, &part, 8);
	}
	explicit_bzero(words, sizeof(words));
}

static size_t
bytes_of(uint64_t n_slots)
{
	return HEADER_BYTES + (size_t)n_slots * sizeof(uint64_t);
}

void
clean_table_free(struct clean_table *t)
{
	if (t == NULL)
		return;
	if (t->map != NULL)
		(void)munmap(t->map, t->map_len);
	if (t->fd >= 0)
		(void)close(t->fd);
	explicit_bzero(&t->header, sizeof(t->header));
	free(t);
}

static mh_err
map(struct clean_table *t, int fd, int protection)
{
	void *p = mmap(NULL, t->map_len, protection, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return MH_ERR_SYSTEM;
	t->map = p;
	t->slots = (_Atomic uint64_t *)(void *)((char *)p + HEADER_BYTES);
	return MH_OK;
}

mh_err
clean_table_new(uint64_t max_entries, unsigned reread_days,
    const uint8_t secret[SIPHASH_KEY_BYTES], const uint8_t context[CLEAN_CONTEXT_BYTES],
    struct clean_table **ret)
{
	if (max_entries < CLEAN_ENTRIES_MIN || max_entries > CLEAN_ENTRIES_MAX ||
	    reread_days < 1 || reread_days > CLEAN_REREAD_DAYS_MAX)
		return MH_ERR_INVALID;
	MH_CLEANUP(clean_table_freep) struct clean_table *t = xcalloc(1, sizeof(*t));

	memcpy(t->header.magic, magic, sizeof(magic));
	t->header.version = VERSION;
	t->header.reread_days = reread_days;
	t->header.n_slots = CLEAN_ENTRIES_MIN;
	/* At most half full: then a look ends after a few slots. */
	while (t->header.n_slots < max_entries * 2)
		t->header.n_slots *= 2;
	derive_keys(&t->header, secret, context);
	t->max_entries = max_entries;
	t->map_len = bytes_of(t->header.n_slots);
	t->fd = memfd_create("clean", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->fd < 0 || ftruncate(t->fd, (off_t)t->map_len) < 0)
		return MH_ERR_SYSTEM;
	mh_err err = map(t, t->fd, PROT_READ | PROT_WRITE);
	if (err != MH_OK)
		return err;
	memcpy(t->map, &t->header, sizeof(t->header));
	if (fcntl(t->fd, F_ADD_SEALS, SIZE_SEALS) < 0)
		return MH_ERR_SYSTEM;
	/* Before kernel 5.1 an opener could write; it has every right anyway. */
	(void)fcntl(t->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	*ret = MH_TAKE(t);
	return MH_OK;
}

/* Whether header and size of the memfd are those of a table. */
static bool
is_table(const struct header *h, const struct stat *st)
{
	return memcmp(h->magic, magic, sizeof(magic)) == 0 && h->version == VERSION &&
	       h->reread_days >= 1 && h->reread_days <= CLEAN_REREAD_DAYS_MAX &&
	       h->n_slots >= CLEAN_ENTRIES_MIN &&
	       h->n_slots <= (uint64_t)CLEAN_ENTRIES_MAX * 2 &&
	       (h->n_slots & (h->n_slots - 1)) == 0 &&
	       (uint64_t)st->st_size == bytes_of(h->n_slots);
}

mh_err
clean_table_open_reader(int fd, struct clean_table **ret)
{
	MH_CLEANUP(clean_table_freep) struct clean_table *t = xcalloc(1, sizeof(*t));
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	t->fd = -1;
	/* One that could shrink would end who reads it (SIGBUS). */
	if (seals < 0 || (seals & SIZE_SEALS) != SIZE_SEALS)
		return MH_ERR_FORMAT;
	if (fstat(fd, &st) < 0)
		return MH_ERR_SYSTEM;
	if (pread(fd, &t->header, sizeof(t->header), 0) != sizeof(t->header) ||
	    !is_table(&t->header, &st))
		return MH_ERR_FORMAT;
	t->map_len = bytes_of(t->header.n_slots);
	mh_err err = map(t, fd, PROT_READ);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(t);
	return MH_OK;
}

int
clean_table_fd(const struct clean_table *t)
{
	return t->fd;
}

uint64_t
clean_table_count(const struct clean_table *t)
{
	return t->count;
}

static uint64_t
hash_facts(const struct clean_table *t, const struct clean_key *key)
{
	uint64_t words[] = { key->dev, key->ino, key->size, (uint64_t)key->mtime_ns,
		(uint64_t)key->ctime_ns };

	return siphash_words(t->header.keys[0], words, MH_ARRAY_LEN(words));
}

uint64_t
clean_table_hash(const struct clean_table *t, const struct clean_key *key, uint32_t day)
{
	uint64_t facts = hash_facts(t, key);
	uint64_t days = t->header.reread_days;
	/* Which day of its term a file is in depends on its own hash. */
	uint64_t words[] = { facts, (day + facts % days) / days };
	uint64_t hash = siphash_words(t->header.keys[1], words, MH_ARRAY_LEN(words));

	return hash < SLOT_HASH_MIN ? hash + SLOT_HASH_MIN : hash;
}

bool
clean_key_is_due(const struct clean_table *t, const struct clean_key *key, uint32_t day)
{
	uint64_t days = t->header.reread_days;

	return (day + hash_facts(t, key) % days) % days == 0;
}

/*
 * The slot that holds hash, or else the first that could take it; NULL when
 * neither is near.
 */
static _Atomic uint64_t *
find_slot(const struct clean_table *t, uint64_t hash, bool *ret_is_there)
{
	uint64_t mask = t->header.n_slots - 1;
	_Atomic uint64_t *room = NULL;

	*ret_is_there = false;
	for (uint64_t i = 0; i < CLEAN_PROBES_MAX; i++) {
		_Atomic uint64_t *slot = &t->slots[(hash + i) & mask];
		uint64_t value = atomic_load_explicit(slot, memory_order_relaxed);

		if (value == hash) {
			*ret_is_there = true;
			return slot;
		}
		if (value < SLOT_HASH_MIN && room == NULL)
			room = slot;
		if (value == SLOT_FREE)
			break;
	}
	return room;
}

bool
clean_table_has_hash(const struct clean_table *t, uint64_t hash)
{
	bool is_there = false;

	/* What only says "no hash" in a slot is never one. */
	if (hash >= SLOT_HASH_MIN)
		(void)find_slot(t, hash, &is_there);
	return is_there;
}

bool
clean_table_has(const struct clean_table *t, const struct clean_key *key, uint32_t day)
{
	return clean_table_has_hash(t, clean_table_hash(t, key, day));
}

mh_err
clean_table_add(struct clean_table *t, uint64_t hash)
{
	bool is_there = false;

	assert(t->fd >= 0);
	if (hash < SLOT_HASH_MIN)
		return MH_ERR_INVALID;
	_Atomic uint64_t *slot = find_slot(t, hash, &is_there);

	if (is_there)
		return MH_OK;
	if (slot == NULL || t->count == t->max_entries)
		return MH_ERR_FULL;
	atomic_store_explicit(slot, hash, memory_order_relaxed);
	t->count++;
	return MH_OK;
}

void
clean_table_remove(struct clean_table *t, uint64_t hash)
{
	bool is_there = false;

	assert(t->fd >= 0);
	if (hash < SLOT_HASH_MIN)
		return;
	_Atomic uint64_t *slot = find_slot(t, hash, &is_there);

	if (!is_there)
		return;
	atomic_store_explicit(slot, SLOT_REMOVED, memory_order_relaxed);
	t->count--;
}

void
clean_table_clear(struct clean_table *t)
{
	assert(t->fd >= 0);
	for (uint64_t i = 0; i < t->header.n_slots; i++)
		atomic_store_explicit(&t->slots[i], SLOT_FREE, memory_order_relaxed);
	t->count = 0;
}

bool
clean_may_cache(const struct target *t, int64_t began_ns)
{
	int64_t before_ns = began_ns - (int64_t)CLEAN_SETTLE_SECONDS * 1000000000;

	return t->kind == TARGET_FILE && t->is_lasting && t->mtime_ns <= before_ns &&
	       t->ctime_ns <= before_ns;
}

struct clean_key
clean_key_of(const struct target *t)
{
	return (struct clean_key){ t->dev, t->ino, t->size, t->mtime_ns, t->ctime_ns };
}

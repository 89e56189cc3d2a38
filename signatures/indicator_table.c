/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote, scan worker.
 * Input: hostile: digests and texts that somebody chose.
 */
#include "signatures/indicator_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "signatures/indicator_sort.h"

enum {
	N_HASHES = 3,
	NOTE_BYTES = 12, /* behind the digest of a record: struct note */
	PER_BUCKET =
	    2, /* records that one entry of an index leads to, at most on average */
	PREFIX_BITS_MAX = 28, /* of an index: 2 billion hashes */
	RECENT_TEXTS = 1024,  /* that are not kept twice */
	TEXT_FIRST = 16,      /* place of the first text: 0 is none */
	LINEAR_MAX = 16,      /* records that are looked at one by one */
	REGION_ALIGN = 4096,  /* bytes */
	HEX_PER_BYTE = 2,
};

/* What stands behind a digest; as it lies in memory, for it never leaves the machine. */
struct note {
	uint32_t line;
	uint32_t details;
	uint16_t file;
	uint8_t score;
	uint8_t flags;
};
enum { NOTE_EXCEPTION = 1u << 0, NOTE_REPEATED = 1u << 1 };
static_assert(sizeof(struct note) == NOTE_BYTES, "records have one width");

/* Records of one kind of hash. */
struct region {
	uint8_t *records;
	size_t digest_bytes, width;
	uint64_t n, capacity;
	uint32_t *index; /* of each prefix the first record; one more at the end */
	unsigned prefix_bits;
};

struct indicator_table {
	uint8_t *map;
	size_t map_bytes;
	int reader;
	struct region regions[N_HASHES];
	uint8_t *texts;
	uint64_t n_text_bytes, text_capacity;
	uint8_t *indexes;
	uint64_t index_capacity; /* bytes, of all three */
	uint64_t index_bytes;
	uint32_t recent[RECENT_TEXTS]; /* places of texts by a hash of them */
	bool is_sealed;
};

size_t
indicator_digest_bytes(enum indicator_type type)
{
	static const uint8_t bytes[INDICATOR_MAX_] = { [INDICATOR_MD5] = 16,
		[INDICATOR_SHA1] = 20,
		[INDICATOR_SHA256] = 32 };

	return (unsigned)type < INDICATOR_MAX_ ? bytes[type] : 0;
}

static struct region *
region_of(struct indicator_table *t, enum indicator_type type)
{
	assert(indicator_digest_bytes(type) > 0);
	return &t->regions[type - INDICATOR_MD5];
}

/* Take bytes of the map that begin at *at. */
static uint8_t *
take(struct indicator_table *t, uint64_t *at, uint64_t bytes)
{
	uint8_t *p = t->map + *at;

	*at += (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
	return p;
}

/*
 * Regions for text_bytes of text: a hash takes two digits for each byte and a
 * separator, whatever the format.
 */
static void
lay_out(struct indicator_table *t, uint64_t text_bytes)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < N_HASHES; i++) {
		struct region *r = &t->regions[i];

		r->digest_bytes =
		    indicator_digest_bytes((enum indicator_type)(INDICATOR_MD5 + i));
		r->width = r->digest_bytes + NOTE_BYTES;
		r->capacity = text_bytes / (r->digest_bytes * HEX_PER_BYTE + 1) + 1;
		r->records = take(t, &at, r->capacity * r->width);
	}
	t->text_capacity = text_bytes + text_bytes / 2 + TEXT_FIRST + REGION_ALIGN;
	if (t->text_capacity > UINT32_MAX)
		t->text_capacity = UINT32_MAX;
	t->texts = take(t, &at, t->text_capacity);
	t->n_text_bytes = TEXT_FIRST;
	t->indexes = t->map + at;
	t->index_capacity = t->map_bytes > at ? t->map_bytes - at : 0;
}

mh_err
indicator_table_new(int fd, int reader, struct indicator_table **ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return MH_ERR_SYSTEM;
	if (st.st_size < (off_t)indicator_table_bytes(0))
		return MH_ERR_INVALID;
	MH_CLEANUP(indicator_table_freep)
	struct indicator_table *t = xcalloc(1, sizeof(*t));

	t->map_bytes = (size_t)st.st_size;
	void *map = mmap(NULL, t->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return MH_ERR_SYSTEM;
	t->map = map;
	t->reader = reader;
	lay_out(t, indicator_text_bytes((uint64_t)st.st_size));
	*ret = MH_TAKE(t);
	return MH_OK;
}

void
indicator_table_free(struct indicator_table *t)
{
	if (t == NULL)
		return;
	if (t->map != NULL)
		(void)munmap(t->map, t->map_bytes);
	free(t);
}

/* FNV-1a: only decides which of the recent texts is compared. */
static size_t
text_slot(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return h % RECENT_TEXTS;
}

mh_err
indicator_table_keep(struct indicator_table *t, const char *text, size_t len,
    uint32_t *ret)
{
	uint32_t *recent = &t->recent[text_slot(text, len)];
	const char *kept = (const char *)t->texts + *recent;

	assert(!t->is_sealed && memchr(text, 0, len) == NULL);
	if (len == 0) {
		*ret = 0;
		return MH_OK;
	}
	if (*recent != 0 && strncmp(kept, text, len) == 0 && kept[len] == 0) {
		*ret = *recent;
		return MH_OK;
	}
	if (len + 1 > t->text_capacity - t->n_text_bytes)
		return MH_ERR_FULL;
	memcpy(t->texts + t->n_text_bytes, text, len);
	t->texts[t->n_text_bytes + len] = 0;
	*recent = *ret = (uint32_t)t->n_text_bytes;
	t->n_text_bytes += len + 1;
	return MH_OK;
}

const char *
indicator_table_text(const struct indicator_table *t, uint32_t place)
{
	assert(place < t->n_text_bytes);
	return place == 0 ? "" : (const char *)t->texts + place;
}

mh_err
indicator_table_add(struct indicator_table *t, enum indicator_type type,
    const uint8_t *digest, const struct indicator_hash *hash)
{
	struct region *r = region_of(t, type);
	struct note note = {
		.line = hash->line,
		.details = hash->details,
		.file = hash->file,
		.score = hash->score,
		.flags = hash->is_exception ? NOTE_EXCEPTION : 0,
	};

	assert(!t->is_sealed);
	if (r->n == r->capacity)
		return MH_ERR_FULL;
	uint8_t *record = r->records + r->n * r->width;

	memcpy(record, digest, r->digest_bytes);
	memcpy(record + r->digest_bytes, &note, sizeof(note));
	r->n++;
	return MH_OK;
}

static struct note
note_of(const struct region *r, uint64_t i)
{
	struct note note;

	memcpy(&note, r->records + i * r->width + r->digest_bytes, sizeof(note));
	return note;
}

/* Whether a says more than b of the same hash. */
static bool
is_stronger(const struct note *a, const struct note *b)
{
	unsigned is_exception_a = a->flags & NOTE_EXCEPTION;
	unsigned is_exception_b = b->flags & NOTE_EXCEPTION;

	if (is_exception_a != is_exception_b)
		return is_exception_a != 0;
	if (a->score != b->score)
		return a->score > b->score;
	return a->file != b->file ? a->file < b->file : a->line < b->line;
}

/* One record of each digest. */
static void
merge(struct region *r)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < r->n;) {
		uint8_t *kept = r->records + n * r->width;
		struct note best = note_of(r, i);
		uint64_t j = i + 1;

		if (n != i)
			memcpy(kept, r->records + i * r->width, r->digest_bytes);
		for (; j < r->n &&
		       memcmp(r->records + j * r->width, kept, r->digest_bytes) == 0;
		     j++) {
			struct note other = note_of(r, j);

			if (is_stronger(&other, &best))
				best = other;
		}
		if (j > i + 1)
			best.flags |= NOTE_REPEATED;
		memcpy(kept + r->digest_bytes, &best, sizeof(best));
		n++;
		i = j;
	}
	r->n = n;
}

/* The first bits of a digest. */
static uint32_t
prefix_of(const struct region *r, const uint8_t *digest)
{
	uint32_t first = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
			 (uint32_t)digest[2] << 8 | digest[3];

	return r->prefix_bits == 0 ? 0 : first >> (32 - r->prefix_bits);
}

static mh_err
make_index(struct indicator_table *t, struct region *r)
{
	r->prefix_bits = 0;
	while (r->prefix_bits < PREFIX_BITS_MAX && (r->n >> r->prefix_bits) > PER_BUCKET)
		r->prefix_bits++;
	uint64_t n_prefixes = 1ull << r->prefix_bits;
	uint64_t bytes = (n_prefixes + 1) * sizeof(uint32_t);

	if (bytes > t->index_capacity - t->index_bytes || r->n > UINT32_MAX)
		return MH_ERR_FULL;
	r->index = (uint32_t *)(void *)(t->indexes + t->index_bytes);
	t->index_bytes +=
	    (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
	uint64_t next = 0;

	for (uint64_t i = 0; i < r->n; i++) {
		uint32_t prefix = prefix_of(r, r->records + i * r->width);

		for (; next <= prefix; next++)
			r->index[next] = (uint32_t)i;
	}
	for (; next <= n_prefixes; next++)
		r->index[next] = (uint32_t)r->n;
	return MH_OK;
}

/* Nobody who has only this mapping can make it writable again: reader is read-only. */
static mh_err
map_for_reading(struct indicator_table *t)
{
	uint8_t *old = t->map;
	void *map = mmap(NULL, t->map_bytes, PROT_READ, MAP_SHARED, t->reader, 0);

	if (map == MAP_FAILED)
		return MH_ERR_SYSTEM;
	t->map = map;
	for (unsigned i = 0; i < N_HASHES; i++) {
		struct region *r = &t->regions[i];

		r->records = t->map + (r->records - old);
		r->index = (uint32_t *)(void *)(t->map + ((uint8_t *)r->index - old));
	}
	t->texts = t->map + (t->texts - old);
	t->indexes = t->map + (t->indexes - old);
	(void)munmap(old, t->map_bytes);
	/* A lookup reads one page: what lies beside it is of no use. */
	(void)madvise(t->map, t->map_bytes, MADV_RANDOM);
	return MH_OK;
}

mh_err
indicator_table_seal(struct indicator_table *t)
{
	mh_err err = MH_OK;

	assert(!t->is_sealed);
	for (unsigned i = 0; i < N_HASHES && err == MH_OK; i++) {
		struct region *r = &t->regions[i];

		records_sort(r->records, r->n, r->width, r->digest_bytes);
		merge(r);
		err = make_index(t, r);
	}
	if (err == MH_OK)
		err = map_for_reading(t);
	t->is_sealed = err == MH_OK;
	return err;
}

uint64_t
indicator_table_n(const struct indicator_table *t, enum indicator_type type)
{
	assert(indicator_digest_bytes(type) > 0);
	return t->regions[type - INDICATOR_MD5].n;
}

/* The record of that digest among those from first on; NULL when there is none. */
static const uint8_t *
search(const struct region *r, uint64_t first, uint64_t end, const uint8_t *digest)
{
	while (end - first > LINEAR_MAX) {
		uint64_t middle = first + (end - first) / 2;

		if (memcmp(r->records + middle * r->width, digest, r->digest_bytes) <= 0)
			first = middle;
		else
			end = middle;
	}
	for (; first < end; first++) {
		const uint8_t *record = r->records + first * r->width;

		if (memcmp(record, digest, r->digest_bytes) == 0)
			return record;
	}
	return NULL;
}

bool
indicator_table_find(const struct indicator_table *t, enum indicator_type type,
    const uint8_t *digest, struct indicator_hash *ret)
{
	const struct region *r = &t->regions[type - INDICATOR_MD5];
	struct note note;

	assert(t->is_sealed && indicator_digest_bytes(type) > 0);
	uint32_t prefix = prefix_of(r, digest);
	const uint8_t *record = search(r, r->index[prefix], r->index[prefix + 1], digest);

	if (record == NULL)
		return false;
	memcpy(&note, record + r->digest_bytes, sizeof(note));
	*ret = (struct indicator_hash){
		.line = note.line,
		.details = note.details,
		.file = note.file,
		.score = note.score,
		.is_exception = (note.flags & NOTE_EXCEPTION) != 0,
		.is_repeated = (note.flags & NOTE_REPEATED) != 0,
	};
	return true;
}

uint64_t
indicator_table_used(const struct indicator_table *t)
{
	uint64_t bytes = t->n_text_bytes + t->index_bytes;

	for (unsigned i = 0; i < N_HASHES; i++)
		bytes += t->regions[i].n * t->regions[i].width;
	return bytes;
}

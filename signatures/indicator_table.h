/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_TABLE_H
#define MH_SIGNATURES_INDICATOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/indicator.h"

/*
 * Hashes of indicators, and the texts that go with them, in a file that is mapped:
 * its pages are shared by all workers and can be evicted.
 *
 * Records of one kind of hash have one width and lie sorted by their digest.  An
 * index of their first bits leads to one or two of them, so that a lookup costs two
 * or three misses of the cache however many there are.  Digests that somebody made to
 * begin alike only make a binary search of it.
 *
 * Not a format on disk: the file has no name and lives as long as its zygote.
 */
struct indicator_table;

/* What is known of a hash. */
struct indicator_hash {
	uint32_t line;
	uint32_t details; /* of indicator_table_text(); 0: none */
	uint16_t file;    /* in the order of the files of the set */
	uint8_t score;
	bool is_exception; /* never told, whatever other lists say */
	bool is_repeated;  /* other lines or files have it too */
};

/*
 * An empty table in the file open as fd, which has indicator_table_bytes() of its
 * text's size and is mapped for writing; reader is the same file, open for reading
 * only.  Both are borrowed until indicator_table_seal().
 * Errors: MH_ERR_INVALID (of another size), MH_ERR_SYSTEM.
 */
mh_err indicator_table_new(int fd, int reader, struct indicator_table **ret) MH_CHECKED;
void indicator_table_free(struct indicator_table *t);
MH_DEFINE_CLEANUP(struct indicator_table, indicator_table_free);

/* Keep a text: its place, never 0; one that was kept just before is not kept again. */
mh_err indicator_table_keep(struct indicator_table *t, const char *text, size_t len,
    uint32_t *ret) MH_CHECKED;
/* The text at a place; "" for 0.  Borrowed. */
const char *indicator_table_text(const struct indicator_table *t, uint32_t place);

/* Bytes of a digest of that type; 0 of types that are no hashes. */
size_t indicator_digest_bytes(enum indicator_type type);

/* Errors: MH_ERR_FULL (the file is smaller than what is put into it). */
mh_err indicator_table_add(struct indicator_table *t, enum indicator_type type,
    const uint8_t *digest, const struct indicator_hash *hash) MH_CHECKED;

/*
 * Sort, merge what is there twice (an exception wins, then the higher score), make
 * the index, and map all for reading only.  Nothing is added after it.
 * Errors: MH_ERR_SYSTEM, MH_ERR_FULL.
 */
mh_err indicator_table_seal(struct indicator_table *t) MH_CHECKED;

/* After indicator_table_seal(): distinct hashes; whether that one is there. */
uint64_t indicator_table_n(const struct indicator_table *t, enum indicator_type type);
bool indicator_table_find(const struct indicator_table *t, enum indicator_type type,
    const uint8_t *digest, struct indicator_hash *ret);

/* Bytes of the file that are used. */
uint64_t indicator_table_used(const struct indicator_table *t);

#endif

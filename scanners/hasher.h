/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_HASHER_H
#define MH_SCANNERS_HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * Hashes of bytes in memory (FIPS 180-4, RFC 1321).  libcrypto looks its
 * algorithms up and may read files for it: hasher_new() does that, before the
 * sandbox closes.
 */
enum hash_kind { HASH_SHA256, HASH_SHA1, HASH_MD5, HASH_MAX_ };

struct hasher;

/* NULL when libcrypto offers no SHA-256. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);
MH_DEFINE_CLEANUP(struct hasher, hasher_free);

/*
 * Hash len bytes into ret (32, 20 or 16 bytes).  False when this libcrypto
 * refuses the algorithm (MD5 in FIPS mode); ret is untouched then.
 */
bool hasher_hash(struct hasher *h, enum hash_kind kind, const void *p, size_t len,
    uint8_t *ret);

/*
 * Several kinds (bits 1u << kind) in one pass; each goes to its place in ret.  The kinds
 * that succeeded.
 */
struct hashes {
	uint8_t sha256[32];
	uint8_t sha1[20];
	uint8_t md5[16];
};
unsigned hasher_hash_kinds(struct hasher *h, unsigned kinds, const void *p, size_t len,
    struct hashes *ret);

#endif

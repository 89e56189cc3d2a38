/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_UNIT_CACHE_H
#define MH_SCANNERS_UNIT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * Remembers, by content, where in a unit of memory a rule set could find
 * something (scanners/gate.h), so that what forked processes share is looked
 * through once.  That holds as long as the same strings are searched for: clear
 * it when rules change.
 *
 * The key is a GMAC (NIST SP 800-38D) with a random key that never leaves this
 * process: nobody outside can make two contents that collide (with the fixed
 * nonce it is a universal hash whose values stay here; chance 2^-112 for units
 * of 256 KiB).
 */
enum {
	UNIT_WINDOWS_MAX = 64,           /* a unit with more is not remembered */
	UNIT_CACHE_UNITS = 32 * 1024,    /* 8 GiB of memory; then it begins anew */
	UNIT_CACHE_WINDOWS = 256 * 1024, /* of all units together: 2 MiB */
	UNIT_HASH_BYTES = 16,
};

struct unit_hash {
	uint8_t bytes[UNIT_HASH_BYTES];
};

/* Bytes from start to before end of a unit. */
struct unit_window {
	uint32_t start, end;
};

struct unit_cache;

/* NULL when libcrypto has no GMAC: then nothing is remembered.  Before the sandbox closes. */
struct unit_cache *unit_cache_new(void);
void unit_cache_free(struct unit_cache *cache);
MH_DEFINE_CLEANUP(struct unit_cache, unit_cache_free);

/* Hash a unit; false when libcrypto fails. */
bool unit_cache_hash(struct unit_cache *cache, const void *p, size_t len,
    struct unit_hash *ret);

/* Whether the unit is known; then its windows, borrowed until the next add. */
bool unit_cache_find(const struct unit_cache *cache, const struct unit_hash *hash,
    const struct unit_window **ret, uint32_t *ret_n);

/* Remember a unit with its windows: in order, not touching, at most UNIT_WINDOWS_MAX. */
void unit_cache_add(struct unit_cache *cache, const struct unit_hash *hash,
    const struct unit_window *windows, uint32_t n);

void unit_cache_clear(struct unit_cache *cache);

#endif

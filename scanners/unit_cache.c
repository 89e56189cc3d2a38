/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: scan worker. */
#include "scanners/unit_cache.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { SLOTS = UNIT_CACHE_UNITS * 2, KEY_BYTES = 16, NONCE_BYTES = 12 };

struct entry {
	struct unit_hash hash;
	uint32_t first; /* window */
	uint8_t n;      /* windows */
	bool is_used;
};

struct unit_cache {
	EVP_MAC *gmac;
	EVP_MAC_CTX *ctx;
	struct entry *entries;       /* open addressing; owned */
	struct unit_window *windows; /* owned */
	uint32_t n_entries, n_windows;
};

static const uint8_t nonce[NONCE_BYTES];

static bool
set_up(struct unit_cache *cache)
{
	uint8_t key[KEY_BYTES];
	struct unit_hash hash;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER,
		    (char *)(uintptr_t) "AES-128-GCM", 0),
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV,
		    (void *)(uintptr_t)nonce, sizeof(nonce)),
		OSSL_PARAM_construct_end(),
	};

	cache->gmac = EVP_MAC_fetch(NULL, "GMAC", NULL);
	cache->ctx = cache->gmac != NULL ? EVP_MAC_CTX_new(cache->gmac) : NULL;
	bool is_good = cache->ctx != NULL && RAND_bytes(key, sizeof(key)) == 1 &&
		       EVP_MAC_init(cache->ctx, key, sizeof(key), params) == 1 &&
		       /* Once, so that nothing is left to load. */
		       unit_cache_hash(cache, "", 1, &hash);

	OPENSSL_cleanse(key, sizeof(key));
	return is_good;
}

struct unit_cache *
unit_cache_new(void)
{
	MH_CLEANUP(unit_cache_freep)
	struct unit_cache *cache = xcalloc(1, sizeof(*cache));

	if (!set_up(cache))
		return NULL;
	return MH_TAKE(cache);
}

void
unit_cache_free(struct unit_cache *cache)
{
	if (cache == NULL)
		return;
	EVP_MAC_CTX_free(cache->ctx);
	EVP_MAC_free(cache->gmac);
	free(cache->entries);
	free(cache->windows);
	free(cache);
}

bool
unit_cache_hash(struct unit_cache *cache, const void *p, size_t len,
    struct unit_hash *ret)
{
	/* The nonce again begins a new message under the key that is set. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV,
		    (void *)(uintptr_t)nonce, sizeof(nonce)),
		OSSL_PARAM_construct_end(),
	};
	uint64_t length = len;
	size_t n = 0;

	return EVP_MAC_init(cache->ctx, NULL, 0, params) == 1 &&
	       EVP_MAC_update(cache->ctx, (const void *)&length, sizeof(length)) == 1 &&
	       EVP_MAC_update(cache->ctx, p, len) == 1 &&
	       EVP_MAC_final(cache->ctx, ret->bytes, &n, sizeof(ret->bytes)) == 1 &&
	       n == sizeof(ret->bytes);
}

void
unit_cache_clear(struct unit_cache *cache)
{
	if (cache->entries != NULL)
		memset(cache->entries, 0, SLOTS * sizeof(*cache->entries));
	cache->n_entries = cache->n_windows = 0;
}

/* The slot of hash, or the free one where it belongs. */
static struct entry *
slot_of(const struct unit_cache *cache, const struct unit_hash *hash)
{
	uint64_t start = 0;

	memcpy(&start, hash->bytes, sizeof(start));
	for (size_t i = start % SLOTS;; i = (i + 1) % SLOTS) {
		struct entry *e = &cache->entries[i];

		if (!e->is_used || memcmp(&e->hash, hash, sizeof(*hash)) == 0)
			return e;
	}
}

bool
unit_cache_find(const struct unit_cache *cache, const struct unit_hash *hash,
    const struct unit_window **ret, uint32_t *ret_n)
{
	const struct entry *e = cache->entries != NULL ? slot_of(cache, hash) : NULL;

	if (e == NULL || !e->is_used)
		return false;
	*ret = cache->windows + e->first;
	*ret_n = e->n;
	return true;
}

void
unit_cache_add(struct unit_cache *cache, const struct unit_hash *hash,
    const struct unit_window *windows, uint32_t n)
{
	assert(n <= UNIT_WINDOWS_MAX);
	if (cache->entries == NULL) {
		cache->entries = xcalloc(SLOTS, sizeof(*cache->entries));
		cache->windows = xcalloc(UNIT_CACHE_WINDOWS, sizeof(*cache->windows));
	}
	/* Full: begin anew.  What still matters is there again after one process. */
	if (cache->n_entries == UNIT_CACHE_UNITS ||
	    cache->n_windows + n > UNIT_CACHE_WINDOWS)
		unit_cache_clear(cache);
	struct entry *e = slot_of(cache, hash);

	if (e->is_used)
		return;
	*e = (struct entry){ .hash = *hash,
		.first = cache->n_windows,
		.n = (uint8_t)n,
		.is_used = true };
	if (n > 0)
		memcpy(cache->windows + cache->n_windows, windows, n * sizeof(*windows));
	cache->n_windows += n;
	cache->n_entries++;
}

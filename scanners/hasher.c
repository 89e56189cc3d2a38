/* SPDX-License-Identifier: BSD-2-Clause */
#include "scanners/hasher.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/memory.h"

enum { PIECE_BYTES = 16 * 1024 }; /* stays in the first cache for all kinds */

struct hasher {
	EVP_MD *algorithms[HASH_MAX_]; /* NULL where refused */
	EVP_MD_CTX *ctx;
	EVP_MD_CTX *each[HASH_MAX_]; /* for several at once */
};

struct hasher *
hasher_new(void)
{
	static const char *const names[HASH_MAX_] = { "SHA256", "SHA1", "MD5" };
	struct hasher *h = xcalloc(1, sizeof(*h));
	uint8_t digest[EVP_MAX_MD_SIZE];

	h->ctx = EVP_MD_CTX_new();
	for (unsigned i = 0; i < HASH_MAX_; i++)
		h->each[i] = EVP_MD_CTX_new();
	for (unsigned i = 0; i < HASH_MAX_; i++)
		h->algorithms[i] = EVP_MD_fetch(NULL, names[i], NULL);
	/* One round trip each, so that nothing is left to load. */
	for (unsigned i = 0; i < HASH_MAX_; i++)
		(void)hasher_hash(h, (enum hash_kind)i, "", 0, digest);
	if (h->ctx == NULL || h->algorithms[HASH_SHA256] == NULL) {
		hasher_free(h);
		return NULL;
	}
	return h;
}

void
hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < HASH_MAX_; i++) {
		EVP_MD_free(h->algorithms[i]);
		EVP_MD_CTX_free(h->each[i]);
	}
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

bool
hasher_hash(struct hasher *h, enum hash_kind kind, const void *p, size_t len,
    uint8_t *ret)
{
	return h->ctx != NULL && h->algorithms[kind] != NULL &&
	       EVP_DigestInit_ex(h->ctx, h->algorithms[kind], NULL) == 1 &&
	       EVP_DigestUpdate(h->ctx, p, len) == 1 &&
	       EVP_DigestFinal_ex(h->ctx, ret, NULL) == 1;
}

unsigned
hasher_hash_kinds(struct hasher *h, unsigned kinds, const void *p, size_t len,
    struct hashes *ret)
{
	uint8_t *const places[HASH_MAX_] = { ret->sha256, ret->sha1, ret->md5 };
	const uint8_t *at = p;
	unsigned good = 0;

	for (unsigned i = 0; i < HASH_MAX_; i++) {
		if ((kinds & 1u << i) != 0 && h->each[i] != NULL &&
		    h->algorithms[i] != NULL &&
		    EVP_DigestInit_ex(h->each[i], h->algorithms[i], NULL) == 1)
			good |= 1u << i;
	}
	while (len > 0) {
		size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;

		for (unsigned i = 0; i < HASH_MAX_; i++) {
			if ((good & 1u << i) != 0 &&
			    EVP_DigestUpdate(h->each[i], at, n) != 1)
				good &= ~(1u << i);
		}
		at += n;
		len -= n;
	}
	for (unsigned i = 0; i < HASH_MAX_; i++) {
		if ((good & 1u << i) != 0 &&
		    EVP_DigestFinal_ex(h->each[i], places[i], NULL) != 1)
			good &= ~(1u << i);
	}
	return good;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_minisign.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/memory.h"

enum { SIGNATURE_BYTES = 64, HASH_BYTES = 64, LINE_BYTES = 2 + 8 + SIGNATURE_BYTES };

struct mh_signer {
	EVP_PKEY *pair;
	struct minisign_key key;
};

struct mh_signer *
mh_signer_new(uint8_t key_id)
{
	struct mh_signer *s = xcalloc(1, sizeof(*s));
	size_t len = sizeof(s->key.key);

	s->pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert(s->pair != NULL);
	assert(EVP_PKEY_get_raw_public_key(s->pair, s->key.key, &len) == 1);
	memset(s->key.id, key_id, sizeof(s->key.id));
	return s;
}

void
mh_signer_free(struct mh_signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->pair);
	free(s);
}

struct minisign_key
mh_signer_key(const struct mh_signer *s)
{
	return s->key;
}

static void
sign(const struct mh_signer *s, const void *p, size_t len, uint8_t *ret)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t signature_len = SIGNATURE_BYTES;

	assert(md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, s->pair) == 1);
	assert(EVP_DigestSign(md, ret, &signature_len, p, len) == 1);
	EVP_MD_CTX_free(md);
}

char *
mh_signer_sign(const struct mh_signer *s, const void *text, size_t len)
{
	static const char comment[] = "timestamp:0 file:policy.yaml";
	uint8_t hash[HASH_BYTES], line[LINE_BYTES] = { 'E', 'D' };
	uint8_t both[SIGNATURE_BYTES + sizeof(comment)], whole[SIGNATURE_BYTES];
	unsigned char text_line[128], text_whole[128];
	unsigned hash_len = 0;

	assert(EVP_Digest(text, len, hash, &hash_len, EVP_blake2b512(), NULL) == 1);
	memcpy(line + 2, s->key.id, sizeof(s->key.id));
	sign(s, hash, hash_len, line + 10);
	memcpy(both, line + 10, SIGNATURE_BYTES);
	memcpy(both + SIGNATURE_BYTES, comment, sizeof(comment));
	sign(s, both, sizeof(both) - 1, whole);
	(void)EVP_EncodeBlock(text_line, line, LINE_BYTES);
	(void)EVP_EncodeBlock(text_whole, whole, SIGNATURE_BYTES);
	return xasprintf("untrusted comment: x\n%s\ntrusted comment: %s\n%s\n",
	    (char *)text_line, comment, (char *)text_whole);
}

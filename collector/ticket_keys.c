/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile (what a client shows as its ticket; OpenSSL has checked its length). */
#include "collector/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { NAME_BYTES = 16, CIPHER_BYTES = 32, MAC_BYTES = 32, N_KEYS = 2 };

struct key {
	unsigned char name[NAME_BYTES];
	unsigned char cipher[CIPHER_BYTES]; /* AES-256-CBC */
	unsigned char mac[MAC_BYTES];       /* HMAC-SHA-256 */
};

struct ticket_keys {
	pthread_mutex_t lock;    /* guards all below */
	struct key keys[N_KEYS]; /* the one in use, then the one before */
	int n;
	int64_t drawn_ms;
};

static void
draw(struct key *key)
{
	if (RAND_bytes((unsigned char *)key, (int)sizeof(*key)) != 1)
		abort(); /* no randomness: nothing here would be safe */
}

struct ticket_keys *
ticket_keys_new(int64_t now_ms)
{
	struct ticket_keys *keys = xcalloc(1, sizeof(*keys));

	(void)pthread_mutex_init(&keys->lock, NULL);
	draw(&keys->keys[0]);
	keys->n = 1;
	keys->drawn_ms = now_ms;
	return keys;
}

void
ticket_keys_free(struct ticket_keys *keys)
{
	if (keys == NULL)
		return;
	(void)pthread_mutex_destroy(&keys->lock);
	explicit_bzero(keys, sizeof(*keys));
	free(keys);
}

void
ticket_keys_rotate(struct ticket_keys *keys, int64_t now_ms)
{
	(void)pthread_mutex_lock(&keys->lock);
	if (now_ms - keys->drawn_ms >= TICKET_ROTATE_MS) {
		keys->keys[1] = keys->keys[0];
		/* After two such times nobody may read what the older one wrote. */
		keys->n = now_ms - keys->drawn_ms < INT64_C(2) * TICKET_ROTATE_MS ? 2 : 1;
		draw(&keys->keys[0]);
		keys->drawn_ms = now_ms;
	}
	(void)pthread_mutex_unlock(&keys->lock);
}

/* The key to write with (name NULL) or the one of that name; its index, -1: none. */
static int
find(struct ticket_keys *keys, const unsigned char *name, struct key *ret)
{
	int found = -1;

	(void)pthread_mutex_lock(&keys->lock);
	for (int i = 0; i < keys->n && found < 0; i++) {
		if (name == NULL || memcmp(keys->keys[i].name, name, NAME_BYTES) == 0)
			found = i;
	}
	if (found >= 0)
		*ret = keys->keys[found];
	(void)pthread_mutex_unlock(&keys->lock);
	return found;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct key *key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac,
		    MAC_BYTES),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/*
 * SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 go on, 2 go on and give a new ticket
 * (one is to be used once only), 0 no ticket, -1 failed.
 */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int writing)
{
	struct ticket_keys *keys = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const EVP_CIPHER *aes = EVP_aes_256_cbc();
	struct key key;
	int index = find(keys, writing == 1 ? NULL : name, &key);
	bool ok = false;

	if (index < 0)
		return 0;
	if (writing == 1) {
		memcpy(name, key.name, NAME_BYTES);
		ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) == 1 &&
		     EVP_EncryptInit_ex(cipher, aes, NULL, key.cipher, iv) == 1;
	} else {
		ok = EVP_DecryptInit_ex(cipher, aes, NULL, key.cipher, iv) == 1;
	}
	ok = ok && set_mac(mac, &key);
	explicit_bzero(&key, sizeof(key));
	if (!ok)
		return -1;
	return writing == 1 ? 1 : 2;
}

void
ticket_keys_use(struct ticket_keys *keys, SSL_CTX *ctx)
{
	(void)SSL_CTX_set_app_data(ctx, keys);
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	(void)SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: hostile: whoever may hand us a policy or bundle writes its signature.
 */
#include "signatures/minisign.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "base/attributes.h"
#include "base/memory.h"

enum {
	SIGNATURE_BYTES = 64,
	DIGEST_BYTES = 64, /* BLAKE2b-512 */
	/* Algorithm, key id, then key or signature. */
	HEAD_BYTES = 2 + MINISIGN_KEY_ID_BYTES,
	PUBLIC_BYTES = HEAD_BYTES + MINISIGN_KEY_BYTES,
	SIGNED_BYTES = HEAD_BYTES + SIGNATURE_BYTES,
};

static const char untrusted[] = "untrusted comment: ";
static const char trusted[] = "trusted comment: ";

struct text {
	const char *at;
	size_t left;
};

/* The next line without its end; false when there is none. */
static bool
take_line(struct text *t, struct text *ret)
{
	if (t->left == 0)
		return false;
	const char *end = memchr(t->at, '\n', t->left);
	size_t len = end != NULL ? (size_t)(end - t->at) : t->left;
	size_t used = end != NULL ? len + 1 : len;

	*ret = (struct text){ t->at, len };
	if (len > 0 && t->at[len - 1] == '\r')
		ret->left--;
	t->at += used;
	t->left -= used;
	return true;
}

static bool
starts_with(const struct text *line, const char *word)
{
	size_t len = strlen(word);

	return line->left >= len && memcmp(line->at, word, len) == 0;
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/*
 * The base64 (RFC 4648) of exactly n bytes.  Strict, unlike EVP_DecodeBlock(3):
 * one text for one value, no blanks, no bits behind the end.
 */
static bool
decode_base64(const struct text *line, uint8_t *ret, size_t n)
{
	size_t n_pads = (3 - n % 3) % 3;
	size_t n_chars = (n + 2) / 3 * 4;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t k = 0;

	if (line->left != n_chars)
		return false;
	for (size_t i = 0; i < n_chars - n_pads; i++) {
		int v = value_of(line->at[i]);

		if (v < 0)
			return false;
		bits = (bits << 6 | (uint32_t)v) & 0xffff;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		ret[k++] = (uint8_t)(bits >> n_bits);
	}
	for (size_t i = n_chars - n_pads; i < n_chars; i++) {
		if (line->at[i] != '=')
			return false;
	}
	return (bits & ((1u << n_bits) - 1)) == 0;
}

mh_err
minisign_key_parse(const void *text, size_t len, struct minisign_key *ret)
{
	struct text rest = { text, len }, line;
	uint8_t bytes[PUBLIC_BYTES];

	if (len > MINISIGN_FILE_MAX)
		return MH_ERR_TOOBIG;
	if (!take_line(&rest, &line))
		return MH_ERR_FORMAT;
	if (starts_with(&line, untrusted) && !take_line(&rest, &line))
		return MH_ERR_FORMAT;
	if (!decode_base64(&line, bytes, sizeof(bytes)) || rest.left != 0 ||
	    memcmp(bytes, "Ed", 2) != 0)
		return MH_ERR_FORMAT;
	memcpy(ret->id, bytes + 2, sizeof(ret->id));
	memcpy(ret->key, bytes + HEAD_BYTES, sizeof(ret->key));
	return MH_OK;
}

/* The parts of a signature file. */
struct parts {
	uint8_t head[SIGNED_BYTES];
	uint8_t global[SIGNATURE_BYTES];
	struct text comment; /* borrowed */
};

static mh_err
take_apart(const struct minisign_signed *s, struct parts *ret)
{
	struct text rest = { s->signature, s->signature_len }, line;

	if (s->signature_len > MINISIGN_FILE_MAX)
		return MH_ERR_TOOBIG;
	if (!take_line(&rest, &line) || !starts_with(&line, untrusted) ||
	    !take_line(&rest, &line) ||
	    !decode_base64(&line, ret->head, sizeof(ret->head)))
		return MH_ERR_FORMAT;
	if (!take_line(&rest, &line) || !starts_with(&line, trusted) ||
	    memchr(line.at, 0, line.left) != NULL)
		return MH_ERR_FORMAT;
	ret->comment.at = line.at + strlen(trusted);
	ret->comment.left = line.left - strlen(trusted);
	if (!take_line(&rest, &line) ||
	    !decode_base64(&line, ret->global, sizeof(ret->global)) || rest.left != 0)
		return MH_ERR_FORMAT;
	return MH_OK;
}

static mh_err
verify(const struct minisign_key *key, const uint8_t *signature, const void *p,
    size_t len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->key,
	    sizeof(key->key));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	mh_err err = MH_ERR_CRYPTO;

	if (pkey != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		err = EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, p, len) == 1
			  ? MH_OK
			  : MH_ERR_SIGNATURE;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return err;
}

static mh_err
verify_data(const struct minisign_key *key, const struct parts *parts,
    const struct minisign_signed *s)
{
	uint8_t digest[DIGEST_BYTES];
	unsigned len = 0;

	if (memcmp(parts->head, "Ed", 2) == 0)
		return verify(key, parts->head + HEAD_BYTES, s->data, s->len);
	if (EVP_Digest(s->data, s->len, digest, &len, EVP_blake2b512(), NULL) != 1 ||
	    len != sizeof(digest))
		return MH_ERR_CRYPTO;
	return verify(key, parts->head + HEAD_BYTES, digest, sizeof(digest));
}

mh_err
minisign_verify(const struct minisign_key *key, const struct minisign_signed *s,
    char **ret_comment)
{
	uint8_t covered[SIGNATURE_BYTES + MINISIGN_FILE_MAX];
	struct parts parts;
	mh_err err = take_apart(s, &parts);

	if (err != MH_OK)
		return err;
	if (memcmp(parts.head, "ED", 2) != 0 && memcmp(parts.head, "Ed", 2) != 0)
		return MH_ERR_FORMAT;
	if (memcmp(parts.head + 2, key->id, sizeof(key->id)) != 0)
		return MH_ERR_NOTFOUND;
	err = verify_data(key, &parts, s);
	if (err != MH_OK)
		return err;
	memcpy(covered, parts.head + HEAD_BYTES, SIGNATURE_BYTES);
	memcpy(covered + SIGNATURE_BYTES, parts.comment.at, parts.comment.left);
	err = verify(key, parts.global, covered, SIGNATURE_BYTES + parts.comment.left);
	if (err == MH_OK && ret_comment != NULL)
		*ret_comment = xstrndup(parts.comment.at, parts.comment.left);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile.  Envelopes come from agents, which may be taken over. */
#include "transport/signers.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "transport/cms.h"
#include "transport/low_s.h"

enum {
	WAYS = 4, /* certificates whose hashes fall into one set */
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_OID = 0x06,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_0 = 0xa0, /* context-specific 0, constructed */
	TIME_BYTES = 13,
	ATTRIBUTES_BYTES = 107,
	TIME_AT = 45, /* in the attributes */
	DIGEST_AT = ATTRIBUTES_BYTES - DIGEST_BYTES,
};

MH_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

/* One certificate; key is NULL in a free slot. */
struct signer {
	uint8_t cert[DIGEST_BYTES]; /* SHA-256 of its DER */
	uint8_t name[DIGEST_BYTES]; /* of its issuer and serial number in the envelope */
	EVP_PKEY *key;
	struct certificate_facts facts;
};

struct signers {
	pthread_mutex_t lock; /* guards all below */
	struct certificate_facts ca;
	EVP_MD *sha256;
	size_t n_sets, n;
	unsigned next; /* which of a set is replaced */
	struct signer (*sets)[WAYS];
};

/* A stretch of the envelope. */
struct part {
	const uint8_t *p;
	size_t len;
};

struct parts {
	struct part content, cert, name, attributes, signature;
};

struct signers *
signers_new(X509 *ca, size_t max)
{
	struct signers *s = xcalloc(1, sizeof(*s));

	(void)pthread_mutex_init(&s->lock, NULL);
	s->n_sets = (max + WAYS - 1) / WAYS;
	s->sets = xcalloc(s->n_sets, sizeof(*s->sets));
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	/* A CA whose times cannot be read is valid never: nothing is known. */
	if (s->sha256 == NULL || certificate_read(ca, &s->ca) != MH_OK)
		s->ca = (struct certificate_facts){ .not_before_ms = INT64_MAX };
	return s;
}

void
signers_free(struct signers *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_sets; i++) {
		for (size_t k = 0; k < WAYS; k++)
			EVP_PKEY_free(s->sets[i][k].key);
	}
	EVP_MD_free(s->sha256);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->sets);
	free(s);
}

/* The next element, which has to have the tag, and the shortest form of length. */
static bool
take(struct part *from, uint8_t tag, struct part *ret)
{
	const uint8_t *p = from->p;
	size_t len = 0;
	size_t n = 0;

	if (from->len < 2 || p[0] != tag)
		return false;
	if (p[1] < 0x80) {
		len = p[1];
	} else {
		n = p[1] & 0x7f;
		if (n < 1 || n > 3 || from->len < 2 + n || p[2] == 0)
			return false;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | p[2 + i];
		if (len < 0x80)
			return false;
	}
	if (len > from->len - 2 - n)
		return false;
	*ret = (struct part){ p + 2 + n, len };
	from->p = ret->p + len;
	from->len -= 2 + n + len;
	return true;
}

/* As take(), and nothing may follow. */
static bool
take_last(struct part *from, uint8_t tag, struct part *ret)
{
	return take(from, tag, ret) && from->len == 0;
}

/* Exactly these bytes come next. */
static bool
expect(struct part *from, const void *bytes, size_t len)
{
	if (from->len < len || memcmp(from->p, bytes, len) != 0)
		return false;
	from->p += len;
	from->len -= len;
	return true;
}

/* AlgorithmIdentifier of SHA-256, with or without its NULL. */
static bool
expect_sha256(struct part *from)
{
	static const uint8_t none[] = { 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4,
		2, 1 };
	static const uint8_t null[] = { 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4,
		2, 1, 5, 0 };

	return expect(from, none, sizeof(none)) || expect(from, null, sizeof(null));
}

/*
 * The attributes contentType (id-data), signingTime and messageDigest, in the
 * order of DER.  The time is digits and a Z; the digest may be anything here.
 */
static bool
attributes_are_ours(const struct part *a)
{
	static const uint8_t before_time[TIME_AT] = { 0xa0, 0x69,
		/* contentType: id-data */
		0x30, 0x18, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3, 0x31, 0x0b,
		6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1,
		/* signingTime, UTCTime */
		0x30, 0x1c, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5, 0x31, 0x0f,
		0x17, 0x0d };
	static const uint8_t before_digest[] = { /* messageDigest */
		0x30, 0x2f, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4, 0x31, 0x22,
		4, 0x20
	};

	if (a->len != ATTRIBUTES_BYTES ||
	    memcmp(a->p, before_time, sizeof(before_time)) != 0 ||
	    memcmp(a->p + TIME_AT + TIME_BYTES, before_digest, sizeof(before_digest)) !=
		0)
		return false;
	for (size_t i = TIME_AT; i < TIME_AT + TIME_BYTES - 1; i++) {
		if (a->p[i] < '0' || a->p[i] > '9')
			return false;
	}
	return a->p[TIME_AT + TIME_BYTES - 1] == 'Z';
}

/* SignerInfo of version 1. */
static bool
split_signer(struct part si, struct parts *ret)
{
	static const uint8_t version[] = { TAG_INTEGER, 1, 1 };
	static const uint8_t ecdsa[] = { 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4,
		3, 2 };
	struct part ignored;

	if (!expect(&si, version, sizeof(version)) ||
	    !take(&si, TAG_SEQUENCE, &ret->name) || !expect_sha256(&si))
		return false;
	ret->attributes.p = si.p;
	if (!take(&si, TAG_0, &ignored))
		return false;
	ret->attributes.len = (size_t)(si.p - ret->attributes.p);
	return attributes_are_ours(&ret->attributes) &&
	       expect(&si, ecdsa, sizeof(ecdsa)) &&
	       take_last(&si, TAG_OCTETS, &ret->signature);
}

/* Take an envelope apart that is exactly of the form of cms_sign(). */
static bool
split(const uint8_t *der, size_t len, struct parts *ret)
{
	static const uint8_t signed_data[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		1, 7, 2 };
	static const uint8_t data[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7,
		1 };
	static const uint8_t version[] = { TAG_INTEGER, 1, 1 };
	struct part all = { der, len };
	struct part info, explicit, sd, digests, encap, octets, certs, infos, si, inside;

	if (!take_last(&all, TAG_SEQUENCE, &info) ||
	    !expect(&info, signed_data, sizeof(signed_data)) ||
	    !take_last(&info, TAG_0, &explicit) ||
	    !take_last(&explicit, TAG_SEQUENCE, &sd) ||
	    !expect(&sd, version, sizeof(version)) || !take(&sd, TAG_SET, &digests) ||
	    !expect_sha256(&digests) || digests.len != 0)
		return false;
	if (!take(&sd, TAG_SEQUENCE, &encap) || !expect(&encap, data, sizeof(data)) ||
	    !take_last(&encap, TAG_0, &octets) ||
	    !take_last(&octets, TAG_OCTETS, &ret->content))
		return false;
	if (!take(&sd, TAG_0, &certs))
		return false;
	ret->cert = certs;
	return take_last(&certs, TAG_SEQUENCE, &inside) &&
	       take_last(&sd, TAG_SET, &infos) && take_last(&infos, TAG_SEQUENCE, &si) &&
	       split_signer(si, ret);
}

static struct signer *
set_of(struct signers *s, const uint8_t digest[DIGEST_BYTES])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return s->sets[hash % s->n_sets];
}

/* The signer of that certificate, its key with a reference of the caller's. */
static bool
find(struct signers *s, const uint8_t cert[DIGEST_BYTES], struct signer *ret)
{
	struct signer *set = set_of(s, cert);
	bool found = false;

	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < WAYS && !found; i++) {
		found = set[i].key != NULL &&
			memcmp(set[i].cert, cert, DIGEST_BYTES) == 0 &&
			EVP_PKEY_up_ref(set[i].key) == 1;
		if (found)
			*ret = set[i];
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

/* The signature is over the attributes as a SET, one of them the content's digest. */
static bool
signature_is_good(const struct signers *s, const struct parts *parts, EVP_PKEY *key)
{
	MH_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t attributes[ATTRIBUTES_BYTES];
	uint8_t digest[DIGEST_BYTES];

	digest_sha256(parts->content.p, parts->content.len, digest);
	memcpy(attributes, parts->attributes.p, ATTRIBUTES_BYTES);
	if (ctx == NULL || memcmp(attributes + DIGEST_AT, digest, DIGEST_BYTES) != 0)
		return false;
	attributes[0] = TAG_SET;
	return low_s_is(parts->signature.p, parts->signature.len) &&
	       EVP_DigestVerifyInit(ctx, NULL, s->sha256, NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, parts->signature.p, parts->signature.len, attributes,
		   sizeof(attributes)) == 1;
}

bool
signers_verify(struct signers *s, const uint8_t *der, size_t len, int64_t now_ms,
    struct buf *ret_data, struct certificate_facts *ret_facts)
{
	struct parts parts;
	struct signer signer;
	uint8_t digest[DIGEST_BYTES];
	bool good = false;

	if (len > CMS_ENVELOPE_MAX || !split(der, len, &parts) ||
	    parts.content.len > CMS_CONTENT_MAX ||
	    parts.content.len > buf_room(ret_data) ||
	    !certificate_is_valid_at(&s->ca, now_ms))
		return false;
	digest_sha256(parts.cert.p, parts.cert.len, digest);
	if (!find(s, digest, &signer))
		return false;
	digest_sha256(parts.name.p, parts.name.len, digest);
	good = memcmp(digest, signer.name, DIGEST_BYTES) == 0 &&
	       certificate_is_valid_at(&signer.facts, now_ms) &&
	       signature_is_good(s, &parts, signer.key);
	EVP_PKEY_free(signer.key);
	ERR_clear_error();
	if (!good)
		return false;
	buf_put(ret_data, parts.content.p, parts.content.len);
	*ret_facts = signer.facts;
	return true;
}

void
signers_add(struct signers *s, const uint8_t *der, size_t len, X509 *cert,
    const struct certificate_facts *facts)
{
	struct parts parts;
	struct signer signer = { .facts = *facts };
	struct signer *set = NULL;
	struct signer *slot = NULL;

	if (!split(der, len, &parts))
		return; /* not as cms_sign() writes it: it is verified in full each time */
	digest_sha256(parts.cert.p, parts.cert.len, signer.cert);
	digest_sha256(parts.name.p, parts.name.len, signer.name);
	signer.key = X509_get_pubkey(cert);
	if (signer.key == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	set = set_of(s, signer.cert);
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key != NULL &&
		    memcmp(set[i].cert, signer.cert, DIGEST_BYTES) == 0)
			slot = &set[i]; /* another thread was first */
		else if (set[i].key == NULL && slot == NULL)
			slot = &set[i];
	}
	if (slot == NULL)
		slot = &set[s->next++ % WAYS];
	s->n += slot->key == NULL;
	EVP_PKEY_free(slot->key);
	*slot = signer;
	(void)pthread_mutex_unlock(&s->lock);
}

size_t
signers_count(struct signers *s)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&s->lock);
	n = s->n;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

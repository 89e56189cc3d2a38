/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile.  Signatures come from agents, which may be taken over. */
#include "transport/low_s.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

MH_DEFINE_CLEANUP(ECDSA_SIG, ECDSA_SIG_free);
MH_DEFINE_CLEANUP(BIGNUM, BN_free);

enum { SCALAR_BYTES = 32 };

/* The order n of P-256's group, and n/2 rounded down (FIPS 186-4, D.1.2.3). */
static const uint8_t order[SCALAR_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00,
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
	0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
static const uint8_t half[SCALAR_BYTES] = { 0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00,
	0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56,
	0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8 };

/* Whether 0 < number <= limit; *ret gets its bytes, the highest first. */
static bool
is_up_to(const BIGNUM *number, const uint8_t limit[SCALAR_BYTES],
    uint8_t ret[SCALAR_BYTES])
{
	return !BN_is_negative(number) && !BN_is_zero(number) &&
	       BN_bn2binpad(number, ret, SCALAR_BYTES) == SCALAR_BYTES &&
	       memcmp(ret, limit, SCALAR_BYTES) <= 0;
}

/* The signature, new, if its numbers are those of one; NULL else. */
static ECDSA_SIG *
parse(const uint8_t *der, size_t len)
{
	MH_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *sig = NULL;
	const unsigned char *at = der;
	uint8_t bytes[SCALAR_BYTES];

	if (len == 0 || len > LOW_S_BYTES_MAX)
		return NULL;
	sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	if (sig == NULL || at != der + len ||
	    !is_up_to(ECDSA_SIG_get0_r(sig), order, bytes) ||
	    memcmp(bytes, order, SCALAR_BYTES) == 0 ||
	    !is_up_to(ECDSA_SIG_get0_s(sig), order, bytes) ||
	    memcmp(bytes, order, SCALAR_BYTES) == 0)
		return NULL;
	return MH_TAKE(sig);
}

/* Whether the signature's own DER is these bytes. */
static bool
is_written_as(const ECDSA_SIG *sig, const uint8_t *der, size_t len)
{
	uint8_t again[LOW_S_BYTES_MAX];
	unsigned char *at = again;
	int n = i2d_ECDSA_SIG(sig, NULL);

	return n > 0 && (size_t)n == len && i2d_ECDSA_SIG(sig, &at) == n &&
	       memcmp(again, der, len) == 0;
}

bool
low_s_is(const uint8_t *der, size_t len)
{
	MH_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *sig = parse(der, len);
	uint8_t bytes[SCALAR_BYTES];

	return sig != NULL && is_up_to(ECDSA_SIG_get0_s(sig), half, bytes) &&
	       is_written_as(sig, der, len);
}

mh_err
low_s_make(const uint8_t *der, size_t len, uint8_t ret[LOW_S_BYTES_MAX], size_t *ret_len)
{
	MH_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *sig = parse(der, len);
	MH_CLEANUP(BN_freep) BIGNUM *r = NULL;
	MH_CLEANUP(BN_freep) BIGNUM *s = NULL;
	MH_CLEANUP(BN_freep) BIGNUM *n = BN_bin2bn(order, SCALAR_BYTES, NULL);
	uint8_t bytes[SCALAR_BYTES];
	unsigned char *at = ret;

	if (sig == NULL)
		return MH_ERR_FORMAT;
	r = BN_dup(ECDSA_SIG_get0_r(sig));
	s = BN_dup(ECDSA_SIG_get0_s(sig));
	if (r == NULL || s == NULL || n == NULL ||
	    (!is_up_to(s, half, bytes) && BN_sub(s, n, s) != 1) ||
	    ECDSA_SIG_set0(sig, r, s) != 1)
		return MH_ERR_CRYPTO;
	r = NULL; /* now the signature's */
	s = NULL;

	int written = i2d_ECDSA_SIG(sig, &at);

	if (written <= 0)
		return MH_ERR_CRYPTO;
	*ret_len = (size_t)written;
	return MH_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_mirror.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <stdlib.h>

static void
must(int ok)
{
	if (!ok)
		abort();
}

uint8_t *
mirror(const uint8_t *der, size_t len, size_t *ret_len)
{
	const unsigned char *at = der;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
	CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	ASN1_OCTET_STRING *octets = CMS_SignerInfo_get0_signature(si);
	const unsigned char *old = ASN1_STRING_get0_data(octets);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &old, ASN1_STRING_length(octets));
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *s = BN_dup(ECDSA_SIG_get0_s(sig));
	unsigned char *mirrored = NULL;
	unsigned char *ret = NULL;

	must(BN_sub(s, EC_GROUP_get0_order(group), s) == 1);
	must(ECDSA_SIG_set0(sig, BN_dup(ECDSA_SIG_get0_r(sig)), s) == 1);

	int n = i2d_ECDSA_SIG(sig, &mirrored);

	must(n > 0 && ASN1_OCTET_STRING_set(octets, mirrored, n) == 1);
	n = i2d_CMS_ContentInfo(cms, &ret);
	must(n > 0);
	*ret_len = (size_t)n;
	OPENSSL_free(mirrored);
	EC_GROUP_free(group);
	ECDSA_SIG_free(sig);
	CMS_ContentInfo_free(cms);
	return ret;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile.  Envelopes come from agents, which may be taken over. */
#include "transport/cms.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>
#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "transport/certificate.h"
#include "transport/low_s.h"

MH_DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free);
MH_DEFINE_CLEANUP(BIO, BIO_vfree);
MH_DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free);

/* The public key algorithms of ours are P-256 only, which is security level 2. */
enum { AUTH_LEVEL = 2 };

static_assert(CMS_CONTENT_MAX + 16 * 1024 <= CMS_ENVELOPE_MAX,
    "a signer, its certificate and the framing take up to 16 KiB");

void
digest_sha256(const void *p, size_t len, uint8_t ret[DIGEST_BYTES])
{
	unsigned n = 0;

	if (EVP_Digest(p, len, ret, &n, EVP_sha256(), NULL) != 1 || n != DIGEST_BYTES)
		abort(); /* out of memory, or a libcrypto without SHA-256 */
}

/* Nothing covers the signature itself, so it may take its one form afterwards. */
static mh_err
lower_signature(CMS_SignerInfo *si)
{
	ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);
	uint8_t low[LOW_S_BYTES_MAX];
	size_t len = 0;
	mh_err err = low_s_make(ASN1_STRING_get0_data(signature),
	    (size_t)ASN1_STRING_length(signature), low, &len);

	if (err == MH_OK && ASN1_OCTET_STRING_set(signature, low, (int)len) != 1)
		err = MH_ERR_CRYPTO;
	return err;
}

static mh_err
sign(EVP_PKEY *key, X509 *cert, BIO *data, uint8_t **ret_der, size_t *ret_len)
{
	MH_CLEANUP(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	CMS_SignerInfo *si = NULL;
	unsigned flags = CMS_BINARY | CMS_NOSMIMECAP;
	unsigned char *der = NULL;

	cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	if (cms != NULL)
		si = CMS_add1_signer(cms, cert, key, EVP_sha256(), flags);
	if (si == NULL || CMS_final(cms, data, NULL, flags) != 1 ||
	    lower_signature(si) != MH_OK)
		return MH_ERR_CRYPTO;

	int len = i2d_CMS_ContentInfo(cms, NULL);

	if (len <= 0)
		return MH_ERR_CRYPTO;
	der = malloc((size_t)len);
	if (der == NULL)
		return MH_ERR_MEMORY;
	*ret_der = der;
	*ret_len = (size_t)i2d_CMS_ContentInfo(cms, &der);
	return MH_OK;
}

mh_err
cms_sign(EVP_PKEY *key, X509 *cert, const void *data, size_t len, uint8_t **ret_der,
    size_t *ret_len)
{
	if (len > CMS_CONTENT_MAX)
		return MH_ERR_TOOBIG;

	MH_CLEANUP(BIO_vfreep) BIO *in = BIO_new_mem_buf(data, (int)len);
	mh_err err = in == NULL ? MH_ERR_CRYPTO : sign(key, cert, in, ret_der, ret_len);

	/* A stale entry in the queue would confuse SSL_get_error(3) later. */
	ERR_clear_error();
	return err;
}

static mh_err
refuse(mh_err err, const char *why, const char **ret_why)
{
	*ret_why = why;
	return err;
}

/* SignedData's version 1 and its digestAlgorithms: SHA-256, NULL or no parameters. */
static const uint8_t head_null[] = { 2, 1, 1, 0x31, 15, 0x30, 13, 6, 9, 0x60, 0x86, 0x48,
	1, 0x65, 3, 4, 2, 1, 5, 0 };
static const uint8_t head_none[] = { 2, 1, 1, 0x31, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48,
	1, 0x65, 3, 4, 2, 1 };

/* Go to the i-th element's content (way[i]) or behind it (!way[i]), n times. */
static bool
walk(const unsigned char **at, const uint8_t *end, const bool *way, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		long len = 0;
		int tag = 0;
		int class = 0;

		if ((ASN1_get_object(at, &len, &tag, &class, end - *at) & 0x80) != 0)
			return false;
		if (!way[i])
			*at += len;
	}
	return true;
}

static bool
begins_with(const unsigned char *at, const uint8_t *end, const uint8_t *head, size_t len)
{
	return (size_t)(end - at) >= len && memcmp(at, head, len) == 0;
}

/*
 * Whether the fields that nothing signs, and for which OpenSSL has no accessors,
 * have the only values that we write.  For DER that was checked before.
 */
static bool
loose_fields_are_ours(const uint8_t *der, size_t len)
{
	/* ContentInfo, contentType, [0], SignedData. */
	static const bool to_head[] = { true, false, true, true };
	/* version, digestAlgorithms, content, certificates, signerInfos, SignerInfo. */
	static const bool to_signer[] = { false, false, false, false, true, true };
	const uint8_t *end = der + len;
	const unsigned char *at = der;

	if (!walk(&at, end, to_head, MH_ARRAY_LEN(to_head)))
		return false;
	if (!begins_with(at, end, head_null, sizeof(head_null)) &&
	    !begins_with(at, end, head_none, sizeof(head_none)))
		return false;
	return walk(&at, end, to_signer, MH_ARRAY_LEN(to_signer)) &&
	       begins_with(at, end, head_none, 3);
}

/*
 * Parse strictly: no trailing bytes, and the DER that we would write ourselves,
 * so that one signed content has one encoding.
 */
static mh_err
parse(const uint8_t *der, size_t len, CMS_ContentInfo **ret, const char **ret_why)
{
	const unsigned char *at = der;
	MH_CLEANUP(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	unsigned char *again = NULL;

	if (len > CMS_ENVELOPE_MAX)
		return refuse(MH_ERR_TOOBIG, "the envelope is larger than 1 MiB",
		    ret_why);
	cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
	if (cms == NULL)
		return refuse(MH_ERR_FORMAT, "this is not CMS in DER", ret_why);
	if (at != der + len)
		return refuse(MH_ERR_FORMAT, "bytes follow the envelope", ret_why);

	int n = i2d_CMS_ContentInfo(cms, &again);
	bool same = n > 0 && (size_t)n == len && memcmp(again, der, len) == 0;

	OPENSSL_free(again);
	if (!same)
		return refuse(MH_ERR_FORMAT, "the encoding is not DER", ret_why);
	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return refuse(MH_ERR_FORMAT, "this is CMS, but not SignedData", ret_why);
	*ret = MH_TAKE(cms);
	return MH_OK;
}

/* The one certificate in the envelope, new; NULL when there is not exactly one. */
static X509 *
only_certificate(CMS_ContentInfo *cms)
{
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	STACK_OF(X509_CRL) *crls = CMS_get1_crls(cms);
	X509 *one = NULL;

	if (sk_X509_num(certs) == 1 && sk_X509_CRL_num(crls) <= 0)
		one = sk_X509_pop(certs);
	sk_X509_pop_free(certs, X509_free);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return one;
}

/*
 * By the very bytes of its issuer's name: OpenSSL compares names without regard to case
 * and spaces, and the same report would have many encodings.
 */
static bool
names_certificate(CMS_SignerInfo *si, X509 *cert)
{
	ASN1_OCTET_STRING *key_id = NULL;
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;
	const unsigned char *theirs = NULL;
	const unsigned char *ours = NULL;
	size_t n_theirs = 0;
	size_t n_ours = 0;

	return CMS_SignerInfo_get0_signer_id(si, &key_id, &issuer, &serial) == 1 &&
	       issuer != NULL && X509_NAME_get0_der(issuer, &theirs, &n_theirs) == 1 &&
	       X509_NAME_get0_der(X509_get_issuer_name(cert), &ours, &n_ours) == 1 &&
	       n_theirs == n_ours && memcmp(theirs, ours, n_ours) == 0 &&
	       ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0;
}

static bool
algorithms_are_ours(CMS_SignerInfo *si, X509 *cert)
{
	X509_ALGOR *digest = NULL;
	X509_ALGOR *signature = NULL;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &signature);
	return OBJ_obj2nid(digest->algorithm) == NID_sha256 &&
	       OBJ_obj2nid(signature->algorithm) == NID_ecdsa_with_SHA256 &&
	       key_is_p256(X509_get0_pubkey(cert));
}

static bool
attributes_are_complete(CMS_SignerInfo *si)
{
	return CMS_signed_get_attr_by_NID(si, NID_pkcs9_contentType, -1) >= 0 &&
	       CMS_signed_get_attr_by_NID(si, NID_pkcs9_messageDigest, -1) >= 0 &&
	       CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1) >= 0;
}

/* Everything about the envelope's form that needs no cryptography. */
static mh_err
check_form(CMS_ContentInfo *cms, CMS_SignerInfo **ret_si, X509 **ret_cert,
    const char **ret_why)
{
	MH_CLEANUP(X509_freep) X509 *cert = NULL;

	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return refuse(MH_ERR_FORMAT, "the content type is not id-data", ret_why);

	ASN1_OCTET_STRING **content = CMS_get0_content(cms);

	if (content == NULL || *content == NULL)
		return refuse(MH_ERR_FORMAT, "the content is detached", ret_why);
	if (ASN1_STRING_length(*content) > CMS_CONTENT_MAX)
		return refuse(MH_ERR_TOOBIG, "the content is larger than 1000 KiB",
		    ret_why);

	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);

	if (sk_CMS_SignerInfo_num(signers) != 1)
		return refuse(MH_ERR_FORMAT, "there is not exactly one signer", ret_why);

	CMS_SignerInfo *si = sk_CMS_SignerInfo_value(signers, 0);

	if (CMS_signed_get_attr_count(si) <= 0)
		return refuse(MH_ERR_FORMAT, "there are no signed attributes", ret_why);
	if (!attributes_are_complete(si) || CMS_unsigned_get_attr_count(si) > 0)
		return refuse(MH_ERR_FORMAT,
		    "the attributes are not contentType, messageDigest, signingTime",
		    ret_why);
	cert = only_certificate(cms);
	if (cert == NULL || !names_certificate(si, cert))
		return refuse(MH_ERR_FORMAT,
		    "there is not exactly one certificate, the signer's", ret_why);
	if (!algorithms_are_ours(si, cert))
		return refuse(MH_ERR_FORMAT,
		    "the signature is not ECDSA P-256 with SHA-256", ret_why);
	*ret_si = si;
	*ret_cert = MH_TAKE(cert);
	return MH_OK;
}

/*
 * The signature covers the signed attributes, and one of these is the digest of
 * the content.  CMS_verify(3) is not used: it hashes the content once for each
 * entry of digestAlgorithms, of which a stranger can send tens of thousands.
 */
static mh_err
check_signature(CMS_SignerInfo *si, X509 *cert, const ASN1_OCTET_STRING *content,
    const char **ret_why)
{
	uint8_t digest[DIGEST_BYTES];
	/* -3: exactly one such attribute with exactly one value. */
	const ASN1_OBJECT *type = CMS_signed_get0_data_by_OBJ(si,
	    OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	const ASN1_OCTET_STRING *claimed = CMS_signed_get0_data_by_OBJ(si,
	    OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);
	const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);

	if (type == NULL || OBJ_obj2nid(type) != NID_pkcs7_data || claimed == NULL)
		return refuse(MH_ERR_FORMAT, "a signed attribute is malformed", ret_why);
	digest_sha256(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content),
	    digest);
	if (ASN1_STRING_length(claimed) != DIGEST_BYTES ||
	    memcmp(ASN1_STRING_get0_data(claimed), digest, DIGEST_BYTES) != 0)
		return refuse(MH_ERR_SIGNATURE, "the content is not what was signed",
		    ret_why);
	if (!low_s_is(ASN1_STRING_get0_data(signature),
		(size_t)ASN1_STRING_length(signature)))
		return refuse(MH_ERR_FORMAT,
		    "the signature is not in DER with the lower s", ret_why);
	CMS_SignerInfo_set1_signer_cert(si, cert);
	if (CMS_SignerInfo_verify(si) != 1)
		return refuse(MH_ERR_SIGNATURE,
		    "the signature is not by this certificate", ret_why);
	return MH_OK;
}

/* Note a certificate that is not valid at the time, and go on with the chain. */
static int
on_chain_problem(int ok, X509_STORE_CTX *ctx)
{
	bool *outside = X509_STORE_CTX_get_app_data(ctx);
	int problem = X509_STORE_CTX_get_error(ctx);

	if (ok == 1)
		return 1;
	if (problem != X509_V_ERR_CERT_HAS_EXPIRED &&
	    problem != X509_V_ERR_CERT_NOT_YET_VALID)
		return 0;
	*outside = true;
	return 1;
}

static mh_err
check_chain(X509 *cert, X509_STORE *ca, int64_t at_ms, const char **ret_why)
{
	MH_CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool outside = false;

	if (ctx == NULL || X509_STORE_CTX_init(ctx, ca, cert, NULL) != 1)
		return refuse(MH_ERR_CERTIFICATE, "the chain cannot be checked", ret_why);

	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	/* The purpose is that of `openssl cms -verify`: it accepts what we do. */
	(void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SMIME_SIGN);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_time(param, (time_t)(at_ms / 1000));
	X509_STORE_CTX_set_app_data(ctx, &outside);
	X509_STORE_CTX_set_verify_cb(ctx, on_chain_problem);
	if (X509_verify_cert(ctx) != 1)
		return refuse(MH_ERR_CERTIFICATE,
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
		    ret_why);
	if (outside)
		return refuse(MH_ERR_EXPIRED,
		    "the signer's certificate was not valid at that time", ret_why);
	return MH_OK;
}

static mh_err
verify(const uint8_t *der, size_t len, X509_STORE *ca, int64_t at_ms,
    struct buf *ret_data, X509 **ret_signer, const char **ret_why)
{
	MH_CLEANUP(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	CMS_SignerInfo *si = NULL;
	mh_err err = parse(der, len, &cms, ret_why);

	if (err == MH_OK)
		err = check_form(cms, &si, &cert, ret_why);
	if (err == MH_OK && !loose_fields_are_ours(der, len))
		err = refuse(MH_ERR_FORMAT, "a version or digest field is not ours",
		    ret_why);
	if (err != MH_OK)
		return err;

	const ASN1_OCTET_STRING *content = *CMS_get0_content(cms);
	size_t n = (size_t)ASN1_STRING_length(content);

	err = check_signature(si, cert, content, ret_why);
	if (err == MH_OK)
		err = check_chain(cert, ca, at_ms, ret_why);
	if (err != MH_OK)
		return err;
	if (n > buf_room(ret_data))
		return refuse(MH_ERR_TOOBIG, "the content is larger than allowed here",
		    ret_why);
	buf_put(ret_data, ASN1_STRING_get0_data(content), n);
	*ret_signer = MH_TAKE(cert);
	return MH_OK;
}

mh_err
cms_verify(const uint8_t *der, size_t len, X509_STORE *ca, int64_t at_ms,
    struct buf *ret_data, X509 **ret_signer, const char **ret_why)
{
	mh_err err = verify(der, len, ca, at_ms, ret_data, ret_signer, ret_why);

	ERR_clear_error();
	return err;
}

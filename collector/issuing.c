/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of request_open(): hostile. */
#include "collector/issuing.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "transport/certificate.h"

enum {
	SERIAL_BITS = 128,
	NAME_MAX_BYTES = 253,       /* RFC 1035, 2.3.4 */
	COMMON_NAME_MAX_BYTES = 64, /* RFC 5280, ub-common-name */
};
#define DAYS(n) ((n)*INT64_C(86400000))

MH_DEFINE_CLEANUP(X509_REQ, X509_REQ_free);

/* One row of the table in docs/PROTOCOL.md. */
static const struct kind {
	const char *common_name; /* NULL: the first of the order's names */
	const char *uri;         /* NULL: no subjectAltName of ours */
	const char *key_usage;
	const char *extended_usage;
	const char *constraints;
	int64_t life_ms;
} kinds[ISSUE_KIND_MAX_] = {
	[ISSUE_CA] = { "Molehunt fleet CA", NULL, "critical,keyCertSign,cRLSign", NULL,
	    "critical,CA:TRUE,pathlen:0", DAYS(3650) },
	[ISSUE_COLLECTOR_TLS] = { NULL, "urn:molehunt:collector",
	    "critical,digitalSignature", "serverAuth", "critical,CA:FALSE", DAYS(398) },
	[ISSUE_COLLECTOR_RECEIPTS] = { "Molehunt receipts", "urn:molehunt:receipt",
	    "critical,digitalSignature", "emailProtection", "critical,CA:FALSE",
	    DAYS(3650) },
	[ISSUE_AGENT_SIGNING] = { NULL, "urn:molehunt:signing",
	    "critical,digitalSignature", "emailProtection", "critical,CA:FALSE",
	    DAYS(30) },
	[ISSUE_AGENT_TLS] = { NULL, "urn:molehunt:tls", "critical,digitalSignature",
	    "clientAuth", "critical,CA:FALSE", DAYS(30) },
};

void
issuer_clear(struct issuer *issuer)
{
	EVP_PKEY_free(issuer->key);
	X509_free(issuer->cert);
	memset(issuer, 0, sizeof(*issuer));
}

static bool
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	if (value == NULL)
		return true;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);

	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok;
}

/* Letters, digits, dots and hyphens, or an address: nothing that the extension
 * syntax of OpenSSL could read as something else. */
static bool
name_is_safe(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES &&
	       strspn(name,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") ==
		   len;
}

static bool
is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 ||
	       inet_pton(AF_INET6, name, &address) == 1;
}

static mh_err
add_names(X509 *cert, const struct issue_order *order)
{
	const struct kind *kind = &kinds[order->kind];
	bool is_agent =
	    order->kind == ISSUE_AGENT_SIGNING || order->kind == ISSUE_AGENT_TLS;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(16 * 1024);

	if (kind->uri == NULL)
		return MH_OK;
	buf_addf(b, "URI:%s", kind->uri);
	for (size_t i = 0; i < order->n_names; i++) {
		const char *name = order->names[i];

		if (!name_is_safe(name) || (is_agent && !uuid_is_valid(name)) ||
		    (!is_agent && !is_address(name) && strchr(name, ':') != NULL))
			return MH_ERR_INVALID;
		buf_addf(b, ",%s:%s%s",
		    is_agent           ? "URI"
		    : is_address(name) ? "IP"
				       : "DNS",
		    is_agent ? "urn:uuid:" : "", name);
	}
	if (buf_error(b) != MH_OK)
		return MH_ERR_INVALID;
	return add_extension(cert, NULL, NID_subject_alt_name, buf_string(b))
		   ? MH_OK
		   : MH_ERR_CRYPTO;
}

static bool
set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();
	/* Positive and of full length in any case, so that none looks special. */
	bool ok = n != NULL &&
		  BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;

	BN_free(n);
	return ok;
}

static bool
set_life(X509 *cert, const struct issue_order *order, X509 *issuer)
{
	int64_t life_ms =
	    order->life_ms > 0 ? order->life_ms : kinds[order->kind].life_ms;
	int64_t back_ms =
	    life_ms / 10 < ISSUE_BACKDATE_MS ? life_ms / 10 : ISSUE_BACKDATE_MS;
	time_t end = (time_t)((order->now_ms + life_ms) / 1000);
	const ASN1_TIME *last = issuer != NULL ? X509_get0_notAfter(issuer) : NULL;

	if (ASN1_TIME_set(X509_getm_notBefore(cert),
		(time_t)((order->now_ms - back_ms) / 1000)) == NULL)
		return false;
	if (last != NULL && X509_cmp_time(last, &end) < 0)
		return X509_set1_notAfter(cert, last) == 1;
	return ASN1_TIME_set(X509_getm_notAfter(cert), end) != NULL;
}

static bool
set_subject(X509 *cert, const struct issue_order *order)
{
	const struct kind *kind = &kinds[order->kind];
	const char *name =
	    kind->common_name != NULL ? kind->common_name : order->names[0];

	/* A host name may be longer than a CN; the subjectAltName is what counts. */
	int len = (int)strnlen(name, COMMON_NAME_MAX_BYTES);

	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
		   MBSTRING_UTF8, (const unsigned char *)name, len, -1, 0) == 1;
}

static mh_err
fill(X509 *cert, const struct issue_order *order, X509 *issuer)
{
	const struct kind *kind = &kinds[order->kind];
	X509 *parent = issuer != NULL ? issuer : cert;

	if (X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
	    !set_life(cert, order, issuer) || !set_subject(cert, order) ||
	    X509_set_issuer_name(cert, X509_get_subject_name(parent)) != 1 ||
	    X509_set_pubkey(cert, order->key) != 1)
		return MH_ERR_CRYPTO;
	if (!add_extension(cert, parent, NID_basic_constraints, kind->constraints) ||
	    !add_extension(cert, parent, NID_key_usage, kind->key_usage) ||
	    !add_extension(cert, parent, NID_ext_key_usage, kind->extended_usage) ||
	    !add_extension(cert, parent, NID_subject_key_identifier, "hash") ||
	    !add_extension(cert, parent, NID_authority_key_identifier,
		issuer != NULL ? "keyid:always" : NULL))
		return MH_ERR_CRYPTO;
	return add_names(cert, order);
}

mh_err
certificate_issue(const struct issue_order *order, const struct issuer *issuer,
    X509 **ret)
{
	MH_CLEANUP(X509_freep) X509 *cert = X509_new();
	mh_err err = MH_OK;

	assert((order->kind == ISSUE_CA) == (issuer == NULL));
	assert(kinds[order->kind].common_name != NULL || order->n_names > 0);
	if (cert == NULL || !key_is_p256(order->key))
		return MH_ERR_CRYPTO;
	err = fill(cert, order, issuer != NULL ? issuer->cert : NULL);
	if (err == MH_OK &&
	    X509_sign(cert, issuer != NULL ? issuer->key : order->key, EVP_sha256()) <= 0)
		err = MH_ERR_CRYPTO;
	ERR_clear_error();
	if (err == MH_OK)
		*ret = MH_TAKE(cert);
	return err;
}

static mh_err
open_request(const uint8_t *der, size_t len, EVP_PKEY **ret, const char **ret_why)
{
	const unsigned char *at = der;
	MH_CLEANUP(X509_REQ_freep) X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)len);

	if (req == NULL || at != der + len) {
		*ret_why = "this is not a certificate request (PKCS#10, DER)";
		return MH_ERR_FORMAT;
	}

	EVP_PKEY *key = X509_REQ_get0_pubkey(req);

	if (!key_is_p256(key)) {
		*ret_why = "the key in the request is not a P-256 key";
		return MH_ERR_FORMAT;
	}
	if (X509_REQ_get_signature_nid(req) != NID_ecdsa_with_SHA256 ||
	    X509_REQ_verify(req, key) != 1) {
		*ret_why =
		    "the request is not signed with its own key, ECDSA with SHA-256";
		return MH_ERR_SIGNATURE;
	}
	*ret = X509_REQ_get_pubkey(req);
	return MH_OK;
}

mh_err
request_open(const uint8_t *der, size_t len, EVP_PKEY **ret, const char **ret_why)
{
	mh_err err = open_request(der, len, ret, ret_why);

	ERR_clear_error();
	return err;
}

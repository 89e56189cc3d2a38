/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_fleet.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/memory.h"

static void
must(int ok)
{
	if (!ok)
		abort();
}

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509 *
begin(EVP_PKEY *key, const char *name, int64_t from_ms, int64_t to_ms)
{
	X509 *cert = X509_new();
	long serial = 0;

	must(cert != NULL && RAND_bytes((unsigned char *)&serial, 4) == 1);
	must(X509_set_version(cert, X509_VERSION_3) == 1);
	must(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
		 (const unsigned char *)name, -1, -1, 0) == 1);
	must(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(from_ms / 1000)) != NULL);
	must(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(to_ms / 1000)) != NULL);
	must(X509_set_pubkey(cert, key) == 1);
	return cert;
}

X509 *
fleet_certify(const struct fleet *fleet, EVP_PKEY *key, const struct fleet_leaf *leaf)
{
	X509 *cert = begin(key, "leaf", leaf->from_ms, leaf->to_ms);

	must(X509_set_issuer_name(cert, X509_get_subject_name(fleet->ca.cert)) == 1);
	extend(cert, fleet->ca.cert, NID_key_usage, "critical,digitalSignature");
	extend(cert, fleet->ca.cert, NID_ext_key_usage, leaf->eku);
	if (leaf->san != NULL)
		extend(cert, fleet->ca.cert, NID_subject_alt_name, leaf->san);
	must(X509_sign(cert, fleet->ca.key, EVP_sha256()) > 0);
	return cert;
}

struct fleet_pair
fleet_issue(const struct fleet *fleet, const char *san, const char *eku, int64_t from_ms,
    int64_t to_ms)
{
	const struct fleet_leaf leaf = { san, eku, from_ms, to_ms };
	struct fleet_pair pair = { .key = EVP_EC_gen("P-256") };

	pair.cert = fleet_certify(fleet, pair.key, &leaf);
	return pair;
}

void
fleet_pair_clear(struct fleet_pair *pair)
{
	EVP_PKEY_free(pair->key);
	X509_free(pair->cert);
	pair->key = NULL;
	pair->cert = NULL;
}

struct fleet *
fleet_new_at(int64_t now_ms)
{
	struct fleet *f = xcalloc(1, sizeof(*f));
	const int64_t from = now_ms - 15 * FLEET_DAY_MS;
	const int64_t to = now_ms + 15 * FLEET_DAY_MS;

	f->ca.key = EVP_EC_gen("P-256");
	f->ca.cert = begin(f->ca.key, "Molehunt fleet CA", now_ms - 365 * FLEET_DAY_MS,
	    now_ms + 3650 * FLEET_DAY_MS);
	must(X509_set_issuer_name(f->ca.cert, X509_get_subject_name(f->ca.cert)) == 1);
	extend(f->ca.cert, f->ca.cert, NID_basic_constraints,
	    "critical,CA:TRUE,pathlen:0");
	extend(f->ca.cert, f->ca.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	must(X509_sign(f->ca.cert, f->ca.key, EVP_sha256()) > 0);
	f->store = X509_STORE_new();
	must(f->store != NULL && X509_STORE_add_cert(f->store, f->ca.cert) == 1);
	f->signing =
	    fleet_issue(f, "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing",
		"emailProtection", from, to);
	f->tls = fleet_issue(f, "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls",
	    "clientAuth", from, to);
	f->receipt =
	    fleet_issue(f, "URI:urn:molehunt:receipt", "emailProtection", from, to);
	return f;
}

struct fleet *
fleet_new(void)
{
	return fleet_new_at(FLEET_NOW_MS);
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	fleet_pair_clear(&f->ca);
	fleet_pair_clear(&f->signing);
	fleet_pair_clear(&f->tls);
	fleet_pair_clear(&f->receipt);
	X509_STORE_free(f->store);
	free(f);
}

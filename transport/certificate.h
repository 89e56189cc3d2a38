/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_CERTIFICATE_H
#define MH_TRANSPORT_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "transport/cms.h"

/*
 * What our certificates say (docs/PROTOCOL.md, "Names and certificates").
 * What one may be used for is decided by its urn:molehunt: names, never by its
 * subject.  None of this checks a chain: that is cms_verify()'s and TLS's.
 */

/* The urn:molehunt:NAME of the subjectAltName, as flags. */
enum certificate_use {
	CERTIFICATE_SIGNING = 1u << 0,   /* an agent's reports */
	CERTIFICATE_TLS = 1u << 1,       /* an agent's connection */
	CERTIFICATE_RECEIPT = 1u << 2,   /* the collector's receipts */
	CERTIFICATE_COLLECTOR = 1u << 3, /* the collector's connection */
};

struct certificate_facts {
	char agent[UUID_TEXT_LEN]; /* from urn:uuid:, "" when there is none */
	unsigned uses;             /* of enum certificate_use */
	int64_t not_before_ms;     /* since 1970-01-01 UTC */
	int64_t not_after_ms;
};

/*
 * Read the facts of cert, which is borrowed.  MH_ERR_CERTIFICATE when it names
 * two agents, an id that is not a version 4 UUID, or a time that is none.
 */
mh_err certificate_read(X509 *cert, struct certificate_facts *ret) MH_CHECKED;

/* Whether the certificate is valid at that time, both ends included. */
bool certificate_is_valid_at(const struct certificate_facts *facts, int64_t at_ms);

/* SHA-256 of the SubjectPublicKeyInfo in DER: the pin of a certificate. */
mh_err certificate_pin(X509 *cert, uint8_t ret[DIGEST_BYTES]) MH_CHECKED;

/* Whether key is a P-256 key. */
bool key_is_p256(const EVP_PKEY *key);

/* Whether the certificate is for this key. */
bool certificate_has_key(X509 *cert, EVP_PKEY *key);

/* A store that trusts the certificate ca, which is borrowed. */
X509_STORE *certificate_store_new(X509 *ca);

/*
 * Read the one certificate or private key in the PEM file at path.  Caller
 * frees with X509_free(3), EVP_PKEY_free(3).
 *
 * Errors: MH_ERR_NOTFOUND, MH_ERR_SYSTEM, MH_ERR_TOOBIG, MH_ERR_FORMAT (not
 * PEM of that kind; for a key also: not P-256).
 */
mh_err certificate_load(const char *path, X509 **ret) MH_CHECKED;
mh_err key_load(const char *path, EVP_PKEY **ret) MH_CHECKED;

/* The same as PEM text.  *ret is new, freed by the caller with free(3). */
mh_err certificate_to_pem(X509 *cert, char **ret, size_t *ret_len) MH_CHECKED;

/* For MH_CLEANUP. */
MH_DEFINE_CLEANUP(X509, X509_free);
MH_DEFINE_CLEANUP(X509_STORE, X509_STORE_free);
MH_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_IDENTITY_H
#define MH_TRANSPORT_IDENTITY_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "transport/certificate.h"
#include "transport/limits.h"

/*
 * Who an agent is: keys, certificates and the files that hold them
 * (docs/PROTOCOL.md, "Files of an identity").  The agent has one folder with
 * the signing pair, the courier another with the TLS pair; neither reads the
 * other's.
 */
enum identity_kind {
	IDENTITY_AGENT,   /* identity.json, signing.key, signing.pem */
	IDENTITY_COURIER, /* courier.json, tls.key, tls.pem */
};

struct identity {
	char agent[UUID_TEXT_LEN];
	char collector[URL_MAX + 1]; /* https://HOST:PORT */
	int64_t enrolled_ms;         /* 0 in a courier's */
	EVP_PKEY *key;
	X509 *cert;
	X509 *ca;
	struct certificate_facts facts; /* of cert */
};

/*
 * Load the identity in the folder.  Everything has to fit together: the key is
 * the certificate's, the certificate has this kind's urn:molehunt: name and the
 * agent of the JSON file.  An expired certificate is loaded: what is expired is
 * the caller's to judge (facts).  Caller frees with identity_free().
 *
 * Errors: MH_ERR_NOTFOUND (not enrolled: no JSON file), MH_ERR_FORMAT,
 * MH_ERR_CERTIFICATE, MH_ERR_SYSTEM, MH_ERR_TOOBIG; *ret_why is a static
 * sentence in each case that names the file.
 */
mh_err identity_load(const char *folder, enum identity_kind kind, struct identity **ret,
    const char **ret_why) MH_CHECKED;
void identity_free(struct identity *id);
MH_DEFINE_CLEANUP(struct identity, identity_free);

/*
 * Write the identity durably into the folder, which exists, as private files
 * (0600) that belong to uid and gid ((uid_t)-1 keeps the caller's).  The JSON
 * file, without which nothing is loaded, comes last.
 */
mh_err identity_store(const char *folder, enum identity_kind kind,
    const struct identity *id, uid_t uid, gid_t gid) MH_CHECKED;

/* A new P-256 key.  Caller frees with EVP_PKEY_free(3). */
mh_err identity_key_new(EVP_PKEY **ret) MH_CHECKED;

/*
 * A certificate request (PKCS#10, DER) that proves possession of the key.  Its
 * subject says nothing: the collector chooses all names.  *ret_der is new,
 * freed by the caller with free(3).
 */
mh_err identity_request_new(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len) MH_CHECKED;

#endif

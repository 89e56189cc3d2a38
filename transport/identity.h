/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_IDENTITY_H
#define MH_TRANSPORT_IDENTITY_H

#include <openssl/x509.h>
#include <stdbool.h>
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

enum { IDENTITY_MACHINE_LEN = 32 }; /* characters of a machine-id(5) */

struct identity {
	char agent[UUID_TEXT_LEN];
	char collector[URL_MAX + 1]; /* https://HOST:PORT */
	int64_t enrolled_ms;         /* 0 in a courier's */
	char
	    machine_id[IDENTITY_MACHINE_LEN + 1]; /* where it was enrolled; "": unknown */
	EVP_PKEY *key;
	X509 *cert;
	X509 *ca;
	struct certificate_facts facts; /* of cert */
	/* A key that others may read, or that is another user's: a fault to be told. */
	bool is_key_exposed;
	/* The successor that has not worked yet, both or neither. */
	EVP_PKEY *next_key;
	X509 *next_cert;
	struct certificate_facts next_facts;
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

/*
 * Renewal.  A successor lies beside the pair under the same names with ".new"
 * behind, key first; it takes their place, key first, when it has worked.  So at
 * each moment one pair in the folder is whole, and identity_load() finds it: a
 * successor without its certificate is taken away, a change of places that was
 * cut short is ended.
 *
 * identity_store_next() writes a successor durably, and *id has it then; both are
 * referenced.  One that was there is replaced.  Errors: MH_ERR_SYSTEM, MH_ERR_CRYPTO.
 */
mh_err identity_store_next(const char *folder, enum identity_kind kind,
    struct identity *id, EVP_PKEY *key, X509 *cert) MH_CHECKED;
/* The successor has worked and is the pair from now on.  MH_ERR_SYSTEM. */
mh_err identity_promote(const char *folder, enum identity_kind kind, struct identity *id)
    MH_CHECKED;
/* The successor is of no use. */
void identity_drop_next(const char *folder, enum identity_kind kind, struct identity *id);

/*
 * The pair to be used at that time: the successor when it is valid then, else the
 * first.  Borrowed.
 */
struct identity_pair {
	EVP_PKEY *key;
	X509 *cert;
	const struct certificate_facts *facts;
	bool is_next;
};
struct identity_pair identity_pair_at(const struct identity *id, int64_t now_ms);

/*
 * When a certificate is to be renewed: at two thirds of its life, and up to a
 * twelfth of it later, as chance (any number) says, so that a fleet that was
 * enrolled in one hour does not come in one hour.
 */
int64_t identity_renew_ms(const struct certificate_facts *facts, uint32_t chance);

/* A new P-256 key.  Caller frees with EVP_PKEY_free(3). */
mh_err identity_key_new(EVP_PKEY **ret) MH_CHECKED;

/*
 * A certificate request (PKCS#10, DER) that proves possession of the key.  Its
 * subject says nothing: the collector chooses all names.  *ret_der is new,
 * freed by the caller with free(3).
 */
mh_err identity_request_new(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len) MH_CHECKED;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_ISSUING_H
#define MH_COLLECTOR_ISSUING_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "records/certificates.h"

/*
 * Making certificates (docs/PROTOCOL.md, "Names and certificates").  The names,
 * uses and lives of each kind stand in one table in issuing.c.
 */
enum issue_kind {
	ISSUE_CA,
	ISSUE_COLLECTOR_TLS,
	ISSUE_COLLECTOR_RECEIPTS,
	ISSUE_AGENT_SIGNING,
	ISSUE_AGENT_TLS,
	ISSUE_KIND_MAX_
};

enum {
	/* notBefore lies this far back, for clocks differ; of a short life a tenth. */
	ISSUE_BACKDATE_MS = 5 * 60 * 1000
};

/* Who signs. */
struct issuer {
	EVP_PKEY *key; /* owned */
	X509 *cert;    /* owned */
};
void issuer_clear(struct issuer *issuer);

/*
 * Make a certificate for the public key, P-256.  names is for an agent its id,
 * for the collector's TLS its DNS names and addresses, n of them, else NULL; all
 * borrowed.  issuer is NULL for the CA, which signs itself with key.
 *
 * life_ms 0 takes the kind's own; a certificate never outlives its issuer's.
 * Caller frees with X509_free(3).  Errors: MH_ERR_INVALID (a name), MH_ERR_CRYPTO.
 */
struct issue_order {
	enum issue_kind kind;
	EVP_PKEY *key;
	const char *const *names;
	size_t n_names;
	int64_t now_ms;
	int64_t life_ms;
};
mh_err certificate_issue(const struct issue_order *order, const struct issuer *issuer,
    X509 **ret) MH_CHECKED;

/*
 * The public key of a request (PKCS#10, DER) whose signature proves that the
 * asker has the private one.  Its names are not looked at.  Caller frees with
 * EVP_PKEY_free(3).  Errors: MH_ERR_FORMAT, MH_ERR_SIGNATURE; *ret_why is a
 * static sentence.  Input: hostile.
 */
mh_err request_open(const uint8_t *der, size_t len, EVP_PKEY **ret, const char **ret_why)
    MH_CHECKED;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_EST_H
#define MH_TRANSPORT_EST_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/certificate.h"

/*
 * The bodies of enrolment and renewal (docs/PROTOCOL.md, "Enrolment"; RFC 7030
 * with RFC 8951), and what a certificate has to be before it is used.
 */

/* A certificate request (PKCS#10, DER) as a body: base64.  New, freed by the caller. */
char *est_request(const uint8_t *der, size_t len);

/*
 * The one certificate of a certs-only PKCS#7 in base64, line breaks let pass;
 * NULL when it is not that.  Caller frees with X509_free(3).  Input: hostile.
 */
X509 *est_certificate(const char *text, size_t len);

/* What a new certificate was asked for; agent may be "" for any. */
struct est_wish {
	X509 *ca;
	EVP_PKEY *key;
	enum certificate_use use;
	const char *agent;
};

/*
 * Whether cert is what was asked for: a chain to the CA, valid now, exactly that
 * use, an agent's id (that one), and our own key.  Everything is borrowed.
 * MH_ERR_CERTIFICATE with a static sentence in *ret_why.
 */
mh_err est_check(X509 *cert, const struct est_wish *wish, struct certificate_facts *ret,
    const char **ret_why) MH_CHECKED;

#endif

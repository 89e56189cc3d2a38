/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_CMS_H
#define MH_TRANSPORT_CMS_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Signed envelopes: CMS SignedData (RFC 5652), DER, one signer, ECDSA P-256
 * with SHA-256, signed attributes, the signer's certificate embedded.  Reports
 * and receipts are such envelopes (docs/PROTOCOL.md, "Report", "Receipt"), and
 *
 *	openssl cms -verify -inform DER -CAfile fleet-ca.pem -in FILE
 *
 * checks either.
 */
enum {
	CMS_ENVELOPE_MAX = 1024 * 1024, /* bytes of DER: what one POST may carry */
	CMS_CONTENT_MAX = 1000 * 1024,  /* bytes inside, so that the rest fits */
};

/*
 * Sign the len bytes at data.  *ret_der is malloc(3)ed, freed by the caller.
 * Errors: MH_ERR_TOOBIG (len > CMS_CONTENT_MAX), MH_ERR_CRYPTO.
 */
mh_err cms_sign(EVP_PKEY *key, X509 *cert, const void *data, size_t len,
    uint8_t **ret_der, size_t *ret_len) MH_CHECKED;

/*
 * Check an envelope from a stranger and hand out what was signed.
 *
 * at_ms is the real time at which the signer's certificate has to be valid.
 * ca is the store of trust anchors, borrowed.  *ret_signer is the signer's
 * certificate, freed by the caller with X509_free(3); ret_data is appended to.
 *
 * Refused: anything but exactly one signer; a signer without signed attributes
 * (draft-ietf-lamps-cms-euf-cma-signeddata: such an envelope can be re-read
 * from one that has them); another digest than SHA-256; a content type other
 * than id-data; detached content; more than one certificate; trailing bytes; a
 * signature with the higher s (transport/low_s.h).
 *
 * Errors: MH_ERR_FORMAT (not such an envelope), MH_ERR_SIGNATURE (bytes were
 * changed), MH_ERR_CERTIFICATE (no chain to ca), MH_ERR_EXPIRED (the chain is
 * good but not at at_ms), MH_ERR_TOOBIG.  *ret_why is a static sentence for
 * people in each case.  On error nothing was appended.
 */
mh_err cms_verify(const uint8_t *der, size_t len, X509_STORE *ca, int64_t at_ms,
    struct buf *ret_data, X509 **ret_signer, const char **ret_why) MH_CHECKED;

/* SHA-256 of the bytes (FIPS 180-4). */
enum { DIGEST_BYTES = 32 };
void digest_sha256(const void *p, size_t len, uint8_t ret[DIGEST_BYTES]);

#endif

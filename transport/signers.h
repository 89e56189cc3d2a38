/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_SIGNERS_H
#define MH_TRANSPORT_SIGNERS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "transport/certificate.h"

/*
 * Signers that are known: their certificates were parsed and their chains
 * verified once, which costs three times as much as the signature itself
 * (parsing a certificate takes OpenSSL 3.0 about 100 us).
 *
 * An envelope is known when its certificate is byte for byte one that
 * cms_verify() has accepted, and everything around it is exactly as cms_sign()
 * writes it.  Then there is left to check: that certificate and CA are valid
 * now, the digest of the content, the signature.  All else is left to
 * cms_verify(); tests/fuzz/fuzz_signers.c holds the two against each other.
 *
 * Every function may be called from any thread.
 */
struct signers;

/* For reports of the CA's fleet; at most about max certificates are remembered. */
struct signers *signers_new(X509 *ca, size_t max);
void signers_free(struct signers *signers);

/*
 * The content of an envelope of a known signer, appended to ret_data, and what
 * its certificate says.  False when it is not known, or not good: nothing was
 * appended, ask cms_verify().  now_ms is real time.  Input: hostile.
 */
bool signers_verify(struct signers *signers, const uint8_t *der, size_t len,
    int64_t now_ms, struct buf *ret_data, struct certificate_facts *ret_facts);

/*
 * Remember the signer of an envelope that cms_verify() has just accepted; cert
 * is its certificate, facts what that says.
 */
void signers_add(struct signers *signers, const uint8_t *der, size_t len, X509 *cert,
    const struct certificate_facts *facts);

size_t signers_count(struct signers *signers);

#endif

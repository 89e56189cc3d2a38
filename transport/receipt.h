/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_RECEIPT_H
#define MH_TRANSPORT_RECEIPT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "transport/cms.h"
#include "transport/limits.h"

/* The collector's signed word that a report is durable (docs/PROTOCOL.md, "Receipt"). */
struct receipt {
	char agent[UUID_TEXT_LEN];
	char epoch[UUID_TEXT_LEN];
	uint64_t sequence;
	uint8_t digest[DIGEST_BYTES]; /* SHA-256 of the report's DER */
	int64_t received_ms;          /* the collector's real time */
};

/*
 * Verify and read a receipt that a courier or a file brings.  Its signer has to
 * chain to ca, be named urn:molehunt:receipt and no agent, and be valid at
 * `received`; whether it is the receipt of a certain report is
 * receipt_is_for()'s.  now_ms is the real time.  Input: hostile.
 *
 * Errors: MH_ERR_TOOBIG, MH_ERR_FORMAT, MH_ERR_SIGNATURE, MH_ERR_CERTIFICATE,
 * MH_ERR_EXPIRED; *ret_why is a static sentence.
 */
mh_err receipt_open(const uint8_t *der, size_t len, X509_STORE *ca, int64_t now_ms,
    struct receipt *ret, const char **ret_why) MH_CHECKED;

/* Whether it is the receipt of the report with these four. */
bool receipt_is_for(const struct receipt *receipt, const char *agent, const char *epoch,
    uint64_t sequence, const uint8_t digest[DIGEST_BYTES]);

/*
 * Make one: the collector's half.  *ret_der is malloc(3)ed, the caller's, at
 * most RECEIPT_MAX bytes.
 */
mh_err receipt_seal(EVP_PKEY *key, X509 *cert, const struct receipt *receipt,
    uint8_t **ret_der, size_t *ret_len) MH_CHECKED;

#endif

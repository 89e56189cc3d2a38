/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of receipt_open(): hostile. */
#include "transport/receipt.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "transport/certificate.h"

static bool
read_digest(const char *hex, uint8_t ret[DIGEST_BYTES])
{
	return strlen(hex) == 2 * DIGEST_BYTES &&
	       strspn(hex, "0123456789abcdef") == 2 * DIGEST_BYTES &&
	       text_unhex(hex, ret, DIGEST_BYTES) == MH_OK;
}

static mh_err
parse(const char *text, size_t len, struct receipt *ret)
{
	MH_CLEANUP(json_decrefp)
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *type, *agent, *epoch, *digest, *received;
	json_int_t version, sequence;

	if (json_unpack(json, "{s:s, s:I, s:s, s:s, s:I, s:s, s:s !}", "type", &type,
		"version", &version, "agent", &agent, "epoch", &epoch, "sequence",
		&sequence, "sha256", &digest, "received", &received) != 0)
		return MH_ERR_FORMAT;
	if (strcmp(type, "receipt") != 0 || version != 1 || !uuid_is_valid(agent) ||
	    !uuid_is_valid(epoch) || sequence < 1 || !read_digest(digest, ret->digest) ||
	    clock_parse(received, &ret->received_ms) != MH_OK)
		return MH_ERR_FORMAT;
	memcpy(ret->agent, agent, UUID_TEXT_LEN);
	memcpy(ret->epoch, epoch, UUID_TEXT_LEN);
	ret->sequence = (uint64_t)sequence;
	return MH_OK;
}

static mh_err
check_signer(X509 *cert, const struct receipt *receipt, const char **ret_why)
{
	struct certificate_facts facts;
	mh_err err = certificate_read(cert, &facts);

	*ret_why =
	    "the signer's certificate is not one for receipts (urn:molehunt:receipt)";
	if (err != MH_OK || facts.uses != CERTIFICATE_RECEIPT || facts.agent[0] != 0)
		return MH_ERR_CERTIFICATE;
	*ret_why = "the signer's certificate was not valid when the report was received";
	return certificate_is_valid_at(&facts, receipt->received_ms) ? MH_OK
								     : MH_ERR_EXPIRED;
}

mh_err
receipt_open(const uint8_t *der, size_t len, X509_STORE *ca, int64_t now_ms,
    struct receipt *ret, const char **ret_why)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(RECEIPT_CONTENT_MAX);
	MH_CLEANUP(X509_freep) X509 *signer = NULL;
	struct receipt receipt;
	mh_err err;

	memset(&receipt, 0, sizeof(receipt));
	*ret_why = "the receipt is larger than receipts are";
	if (len > RECEIPT_MAX)
		return MH_ERR_TOOBIG;
	err = cms_verify(der, len, ca, now_ms, text, &signer, ret_why);
	if (err != MH_OK)
		return err;
	err = parse(buf_string(text), buf_len(text), &receipt);
	if (err != MH_OK) {
		*ret_why = "the receipt's content is not of the form of version 1";
		return err;
	}
	err = check_signer(signer, &receipt, ret_why);
	if (err != MH_OK)
		return err;
	*ret = receipt;
	return MH_OK;
}

bool
receipt_is_for(const struct receipt *receipt, const char *agent, const char *epoch,
    uint64_t sequence, const uint8_t digest[DIGEST_BYTES])
{
	return strcmp(receipt->agent, agent) == 0 && strcmp(receipt->epoch, epoch) == 0 &&
	       receipt->sequence == sequence &&
	       memcmp(receipt->digest, digest, DIGEST_BYTES) == 0;
}

mh_err
receipt_seal(EVP_PKEY *key, X509 *cert, const struct receipt *receipt, uint8_t **ret_der,
    size_t *ret_len)
{
	MH_CLEANUP(freep) char *digest = text_hex(receipt->digest, DIGEST_BYTES);
	char received[CLOCK_TEXT_LEN];

	clock_format(receipt->received_ms, received);
	MH_CLEANUP(json_decrefp)
	json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:I, s:s, s:s}", "type", "receipt",
	    "version", 1, "agent", receipt->agent, "epoch", receipt->epoch, "sequence",
	    (json_int_t)receipt->sequence, "sha256", digest, "received", received);
	MH_CLEANUP(freep)
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	assert(text != NULL);
	return cms_sign(key, cert, text, strlen(text), ret_der, ret_len);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of est_certificate(): hostile. */
#include "transport/est.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "transport/http.h"

MH_DEFINE_CLEANUP(PKCS7, PKCS7_free);
MH_DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free);

char *
est_request(const uint8_t *der, size_t len)
{
	char *text = xcalloc(len / 3 + 2, 4);

	(void)EVP_EncodeBlock((unsigned char *)text, der, (int)len);
	return text;
}

/* The bytes of base64 in which line breaks are let pass. */
static bool
decode_base64(const char *text, size_t len, struct buf *out)
{
	MH_CLEANUP(freep) char *clean = xcalloc(len + 1, 1);
	size_t n = 0;
	size_t padding = 0;
	int done;

	for (size_t i = 0; i < len; i++)
		if (strchr(" \t\r\n", text[i]) == NULL)
			clean[n++] = text[i];
	while (padding < 2 && padding < n && clean[n - 1 - padding] == '=')
		padding++;
	uint8_t *to = buf_reserve(out, n);

	if (n == 0 || n % 4 != 0 || to == NULL)
		return false;
	done = EVP_DecodeBlock(to, (const unsigned char *)clean, (int)n);
	if (done < (int)padding)
		return false;
	buf_commit(out, (size_t)done - padding);
	return true;
}

X509 *
est_certificate(const char *text, size_t len)
{
	MH_CLEANUP(buf_freep) struct buf *der = buf_new(HTTP_RESPONSE_MAX);
	MH_CLEANUP(PKCS7_freep) PKCS7 *p7 = NULL;
	const unsigned char *p;
	X509 *cert;

	if (!decode_base64(text, len, der))
		return NULL;
	p = buf_data(der);
	p7 = d2i_PKCS7(NULL, &p, (long)buf_len(der));
	ERR_clear_error();
	if (p7 == NULL || p != buf_data(der) + buf_len(der) ||
	    !PKCS7_type_is_signed(p7) || p7->d.sign == NULL ||
	    sk_X509_num(p7->d.sign->cert) != 1)
		return NULL;
	cert = sk_X509_value(p7->d.sign->cert, 0);
	(void)X509_up_ref(cert);
	return cert;
}

static bool
chains_to_ca(X509 *cert, X509 *ca)
{
	MH_CLEANUP(X509_STORE_freep) X509_STORE *store = certificate_store_new(ca);
	MH_CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool good = ctx != NULL && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1 &&
		    X509_verify_cert(ctx) == 1;

	ERR_clear_error();
	return good;
}

static mh_err
refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return MH_ERR_CERTIFICATE;
}

mh_err
est_check(X509 *cert, const struct est_wish *wish, struct certificate_facts *ret,
    const char **ret_why)
{
	struct certificate_facts facts;

	if (!chains_to_ca(cert, wish->ca))
		return refuse("the new certificate is not of the fleet's CA or not valid "
			      "now: check the clock",
		    ret_why);
	if (certificate_read(cert, &facts) != MH_OK ||
	    facts.uses != (unsigned)wish->use || facts.agent[0] == 0)
		return refuse("the new certificate is not one for this use", ret_why);
	if (wish->agent[0] != 0 && strcmp(facts.agent, wish->agent) != 0)
		return refuse("the new certificate is another agent's", ret_why);
	if (!certificate_has_key(cert, wish->key))
		return refuse("the new certificate is for another key", ret_why);
	*ret = facts;
	return MH_OK;
}

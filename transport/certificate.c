/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/certificate.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "transport/limits.h"

MH_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free);
MH_DEFINE_CLEANUP(BIO, BIO_vfree);

static const struct {
	const char *uri;
	enum certificate_use use;
} use_names[] = {
	{ "urn:molehunt:signing", CERTIFICATE_SIGNING },
	{ "urn:molehunt:tls", CERTIFICATE_TLS },
	{ "urn:molehunt:receipt", CERTIFICATE_RECEIPT },
	{ "urn:molehunt:collector", CERTIFICATE_COLLECTOR },
};

static mh_err
time_to_ms(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return MH_ERR_CERTIFICATE;
	*ret = (int64_t)timegm(&tm) * 1000;
	return MH_OK;
}

/* Take one URI of len bytes into the facts; others than ours say nothing to us. */
static mh_err
read_uri(const char *uri, size_t len, struct certificate_facts *facts)
{
	static const char prefix[] = "urn:uuid:";
	const size_t prefix_len = sizeof(prefix) - 1;

	for (size_t i = 0; i < MH_ARRAY_LEN(use_names); i++)
		if (len == strlen(use_names[i].uri) &&
		    memcmp(uri, use_names[i].uri, len) == 0)
			facts->uses |= use_names[i].use;
	if (len < prefix_len || memcmp(uri, prefix, prefix_len) != 0)
		return MH_OK;
	if (facts->agent[0] != 0 || len != prefix_len + UUID_TEXT_LEN - 1)
		return MH_ERR_CERTIFICATE;
	memcpy(facts->agent, uri + prefix_len, UUID_TEXT_LEN - 1);
	return uuid_is_valid(facts->agent) ? MH_OK : MH_ERR_CERTIFICATE;
}

mh_err
certificate_read(X509 *cert, struct certificate_facts *ret)
{
	struct certificate_facts facts = { .uses = 0 };
	mh_err err = time_to_ms(X509_get0_notBefore(cert), &facts.not_before_ms);

	if (err == MH_OK)
		err = time_to_ms(X509_get0_notAfter(cert), &facts.not_after_ms);
	if (err != MH_OK)
		return err;
	MH_CLEANUP(GENERAL_NAMES_freep)
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;
		err = read_uri((const char *)ASN1_STRING_get0_data(
				   name->d.uniformResourceIdentifier),
		    (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier),
		    &facts);
		if (err != MH_OK)
			return err;
	}
	*ret = facts;
	return MH_OK;
}

bool
certificate_is_valid_at(const struct certificate_facts *facts, int64_t at_ms)
{
	/* Certificates count whole seconds: the last one is valid to its end. */
	return at_ms >= facts->not_before_ms && at_ms < facts->not_after_ms + 1000;
}

mh_err
certificate_pin(X509 *cert, uint8_t ret[DIGEST_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len <= 0)
		return MH_ERR_CRYPTO;
	digest_sha256(der, (size_t)len, ret);
	OPENSSL_free(der);
	return MH_OK;
}

bool
key_is_p256(const EVP_PKEY *key)
{
	char group[32];
	size_t len = 0;

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
		   sizeof(group), &len) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

bool
certificate_has_key(X509 *cert, EVP_PKEY *key)
{
	EVP_PKEY *in_cert = X509_get0_pubkey(cert);

	return in_cert != NULL && EVP_PKEY_eq(in_cert, key) == 1;
}

X509_STORE *
certificate_store_new(X509 *ca)
{
	X509_STORE *store = X509_STORE_new();

	/* Only memory can be the reason, and these are sizes of our choice. */
	if (store == NULL || X509_STORE_add_cert(store, ca) != 1)
		abort();
	return store;
}

/* A memory BIO over the file at path; *b holds the bytes. */
static mh_err
bio_from_file(const char *path, struct buf *b, BIO **ret)
{
	mh_err err = file_read(path, b);

	if (err != MH_OK)
		return err;
	*ret = BIO_new_mem_buf(buf_data(b), (int)buf_len(b));
	return *ret != NULL ? MH_OK : MH_ERR_CRYPTO;
}

mh_err
certificate_load(const char *path, X509 **ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PEM_MAX);
	MH_CLEANUP(BIO_vfreep) BIO *bio = NULL;
	mh_err err = bio_from_file(path, b, &bio);

	if (err != MH_OK)
		return err;
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ERR_clear_error();
	if (cert == NULL)
		return MH_ERR_FORMAT;
	*ret = cert;
	return MH_OK;
}

/* Keys of ours have no passphrase; without this OpenSSL would ask a terminal. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

mh_err
key_load(const char *path, EVP_PKEY **ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PEM_MAX);
	MH_CLEANUP(BIO_vfreep) BIO *bio = NULL;
	mh_err err = bio_from_file(path, b, &bio);

	if (err != MH_OK)
		return err;
	MH_CLEANUP(EVP_PKEY_freep)
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	explicit_bzero((void *)(uintptr_t)buf_data(b), buf_len(b));
	ERR_clear_error();
	if (key == NULL || !key_is_p256(key))
		return MH_ERR_FORMAT;
	*ret = MH_TAKE(key);
	return MH_OK;
}

mh_err
certificate_to_pem(X509 *cert, char **ret, size_t *ret_len)
{
	MH_CLEANUP(BIO_vfreep) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;

	if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1)
		return MH_ERR_CRYPTO;
	len = BIO_get_mem_data(bio, &text);
	*ret = xstrndup(text, (size_t)len);
	*ret_len = (size_t)len;
	return MH_OK;
}

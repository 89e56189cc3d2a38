/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/identity.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"

MH_DEFINE_CLEANUP(BIO, BIO_vfree);
MH_DEFINE_CLEANUP(X509_REQ, X509_REQ_free);

/* The files of a kind and what its certificate has to be for. */
struct layout {
	const char *json, *key, *cert;
	enum certificate_use use;
	const char *no_json, *bad_json, *bad_key, *bad_cert, *bad_pair;
};

static const struct layout layouts[] = {
	[IDENTITY_AGENT] = { "identity.json", "signing.key", "signing.pem",
	    CERTIFICATE_SIGNING, "there is no identity.json: this agent is not enrolled",
	    "identity.json is not of the form of version 1",
	    "signing.key cannot be read as a P-256 key in PEM",
	    "signing.pem cannot be read as a certificate in PEM",
	    "signing.pem, signing.key and identity.json do not belong together" },
	[IDENTITY_COURIER] = { "courier.json", "tls.key", "tls.pem", CERTIFICATE_TLS,
	    "there is no courier.json: this agent is not enrolled",
	    "courier.json is not of the form of version 1",
	    "tls.key cannot be read as a P-256 key in PEM",
	    "tls.pem cannot be read as a certificate in PEM",
	    "tls.pem, tls.key and courier.json do not belong together" },
};

static mh_err
read_json(const char *text, size_t len, enum identity_kind kind, struct identity *id)
{
	MH_CLEANUP(json_decrefp)
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *agent;
	const char *collector;
	const char *enrolled = NULL;
	int version = 0;
	int failed =
	    kind == IDENTITY_AGENT
		? json_unpack(json, "{s:i, s:s, s:s, s:s !}", "version", &version,
		      "agent", &agent, "collector", &collector, "enrolled", &enrolled)
		: json_unpack(json, "{s:i, s:s, s:s !}", "version", &version, "agent",
		      &agent, "collector", &collector);

	if (failed != 0 || version != 1 || !uuid_is_valid(agent) ||
	    strlen(collector) > URL_MAX)
		return MH_ERR_FORMAT;
	if (enrolled != NULL && clock_parse(enrolled, &id->enrolled_ms) != MH_OK)
		return MH_ERR_FORMAT;
	memcpy(id->agent, agent, UUID_TEXT_LEN);
	memcpy(id->collector, collector, strlen(collector) + 1);
	return MH_OK;
}

static mh_err
load_json(const char *path, enum identity_kind kind, struct identity *id)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(IDENTITY_JSON_MAX);
	mh_err err = file_read(path, b);

	return err != MH_OK ? err : read_json(buf_string(b), buf_len(b), kind, id);
}

static mh_err
load_cert(const char *folder, const char *name, X509 **ret)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);

	return certificate_load(path, ret);
}

static mh_err
check_fit(struct identity *id, const struct layout *layout)
{
	mh_err err = certificate_read(id->cert, &id->facts);

	if (err != MH_OK)
		return err;
	if (!certificate_has_key(id->cert, id->key) ||
	    (id->facts.uses & layout->use) == 0 ||
	    strcmp(id->facts.agent, id->agent) != 0)
		return MH_ERR_CERTIFICATE;
	return MH_OK;
}

mh_err
identity_load(const char *folder, enum identity_kind kind, struct identity **ret,
    const char **ret_why)
{
	const struct layout *layout = &layouts[kind];
	MH_CLEANUP(identity_freep) struct identity *id = xcalloc(1, sizeof(*id));
	MH_CLEANUP(freep) char *json = xasprintf("%s/%s", folder, layout->json);
	MH_CLEANUP(freep) char *key = xasprintf("%s/%s", folder, layout->key);
	const char *why = layout->bad_json;
	mh_err err = load_json(json, kind, id);

	if (err == MH_ERR_NOTFOUND) {
		*ret_why = layout->no_json;
		return err;
	}
	if (err == MH_OK) {
		why = layout->bad_key;
		err = key_load(key, &id->key);
	}
	if (err == MH_OK) {
		why = layout->bad_cert;
		err = load_cert(folder, layout->cert, &id->cert);
	}
	if (err == MH_OK) {
		why = "ca.pem cannot be read as a certificate in PEM";
		err = load_cert(folder, "ca.pem", &id->ca);
	}
	if (err == MH_OK) {
		why = layout->bad_pair;
		err = check_fit(id, layout);
	}
	if (err != MH_OK) {
		*ret_why = why;
		/* Only the JSON file's absence means "not enrolled". */
		return err == MH_ERR_NOTFOUND ? MH_ERR_FORMAT : err;
	}
	*ret = MH_TAKE(id);
	return MH_OK;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	X509_free(id->ca);
	free(id);
}

/* Where a file goes and whose it is. */
struct place {
	const char *folder;
	uid_t uid;
	gid_t gid;
};

static mh_err
store_file(const struct place *place, const char *name, const void *p, size_t len)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", place->folder, name);
	mh_err err = file_write_durably(path, p, len, 0600);

	if (err != MH_OK)
		return err;
	if (place->uid != (uid_t)-1 && lchown(path, place->uid, place->gid) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

static mh_err
store_cert(const struct place *place, const char *name, X509 *cert)
{
	MH_CLEANUP(freep) char *pem = NULL;
	size_t len = 0;
	mh_err err = certificate_to_pem(cert, &pem, &len);

	return err != MH_OK ? err : store_file(place, name, pem, len);
}

static mh_err
store_key(const struct place *place, const char *name, EVP_PKEY *key)
{
	/* Secure memory is wiped when it is freed. */
	MH_CLEANUP(BIO_vfreep) BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long len;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return MH_ERR_CRYPTO;
	len = BIO_get_mem_data(bio, &text);
	return store_file(place, name, text, (size_t)len);
}

static mh_err
store_json(const struct place *place, enum identity_kind kind, const struct identity *id)
{
	char enrolled[CLOCK_TEXT_LEN];
	MH_CLEANUP(json_decrefp)
	json_t *json = json_pack("{s:i, s:s, s:s}", "version", 1, "agent", id->agent,
	    "collector", id->collector);

	clock_format(id->enrolled_ms, enrolled);
	if (kind == IDENTITY_AGENT && json != NULL)
		(void)json_object_set_new(json, "enrolled", json_string(enrolled));
	MH_CLEANUP(freep)
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	if (text == NULL)
		return MH_ERR_INVALID;
	return store_file(place, layouts[kind].json, text, strlen(text));
}

mh_err
identity_store(const char *folder, enum identity_kind kind, const struct identity *id,
    uid_t uid, gid_t gid)
{
	const struct layout *layout = &layouts[kind];
	const struct place place = { folder, uid, gid };
	mh_err err = store_cert(&place, "ca.pem", id->ca);

	if (err == MH_OK)
		err = store_key(&place, layout->key, id->key);
	if (err == MH_OK)
		err = store_cert(&place, layout->cert, id->cert);
	if (err == MH_OK)
		err = store_json(&place, kind, id);
	return err;
}

mh_err
identity_key_new(EVP_PKEY **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		return MH_ERR_CRYPTO;
	*ret = key;
	return MH_OK;
}

mh_err
identity_request_new(EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len)
{
	MH_CLEANUP(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	if (request == NULL || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, EVP_sha256()) <= 0)
		return MH_ERR_CRYPTO;
	len = i2d_X509_REQ(request, &der);
	if (len <= 0)
		return MH_ERR_CRYPTO;
	*ret_der = xmemdup(der, (size_t)len);
	*ret_len = (size_t)len;
	OPENSSL_free(der);
	return MH_OK;
}

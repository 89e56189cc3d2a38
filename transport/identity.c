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
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"

MH_DEFINE_CLEANUP(BIO, BIO_vfree);
MH_DEFINE_CLEANUP(X509_REQ, X509_REQ_free);

/* Behind the names of a successor's files. */
#define IDENTITY_NEXT ".new"

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
	const char *machine = "";
	int version = 0;
	int failed = kind == IDENTITY_AGENT
			 ? json_unpack(json, "{s:i, s:s, s:s, s:s, s?s !}", "version",
			       &version, "agent", &agent, "collector", &collector,
			       "enrolled", &enrolled, "machine_id", &machine)
			 : json_unpack(json, "{s:i, s:s, s:s !}", "version", &version,
			       "agent", &agent, "collector", &collector);

	if (failed != 0 || version != 1 || !uuid_is_valid(agent) ||
	    strlen(collector) > URL_MAX)
		return MH_ERR_FORMAT;
	if (enrolled != NULL && clock_parse(enrolled, &id->enrolled_ms) != MH_OK)
		return MH_ERR_FORMAT;
	if (strlen(machine) > IDENTITY_MACHINE_LEN)
		return MH_ERR_FORMAT;
	memcpy(id->machine_id, machine, strlen(machine) + 1);
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
check_fit(const struct identity *id, const struct layout *layout, EVP_PKEY *key,
    X509 *cert, struct certificate_facts *ret)
{
	mh_err err = certificate_read(cert, ret);

	if (err != MH_OK)
		return err;
	if (!certificate_has_key(cert, key) || (ret->uses & layout->use) == 0 ||
	    strcmp(ret->agent, id->agent) != 0)
		return MH_ERR_CERTIFICATE;
	return MH_OK;
}

/* A private key is its owner's alone, and its owner is who runs. */
static bool
is_exposed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       ((st.st_mode & 077) != 0 || (geteuid() != 0 && st.st_uid != geteuid()));
}

/* The paths of a pair and of its successor. */
struct paths {
	char *key, *cert, *next_key, *next_cert;
};

static struct paths
paths_of(const char *folder, const struct layout *layout)
{
	return (struct paths){
		.key = xasprintf("%s/%s", folder, layout->key),
		.cert = xasprintf("%s/%s", folder, layout->cert),
		.next_key = xasprintf("%s/%s" IDENTITY_NEXT, folder, layout->key),
		.next_cert = xasprintf("%s/%s" IDENTITY_NEXT, folder, layout->cert),
	};
}

static void
paths_clear(struct paths *p)
{
	free(p->key);
	free(p->cert);
	free(p->next_key);
	free(p->next_cert);
}

/* A rename(2) that was cut short between its two halves is ended. */
static void
end_promotion(const struct paths *p)
{
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;

	if (access(p->next_key, F_OK) == 0 || key_load(p->key, &key) != MH_OK ||
	    certificate_load(p->next_cert, &cert) != MH_OK ||
	    !certificate_has_key(cert, key))
		return;
	(void)rename(p->next_cert, p->cert);
	mh_ignore(folder_sync_of(p->cert));
}

static void
load_next(struct identity *id, const struct layout *layout, const struct paths *p)
{
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	mh_err err = certificate_load(p->next_cert, &cert);

	if (err == MH_OK)
		err = key_load(p->next_key, &key);
	if (err == MH_OK)
		err = check_fit(id, layout, key, cert, &id->next_facts);
	if (err == MH_OK) {
		id->next_key = MH_TAKE(key);
		id->next_cert = MH_TAKE(cert);
		return;
	}
	/* What cannot be read now, for want of memory or descriptors, may be later. */
	if (err == MH_ERR_SYSTEM || err == MH_ERR_CRYPTO)
		return;
	(void)unlink(p->next_cert);
	(void)unlink(p->next_key);
}

mh_err
identity_load(const char *folder, enum identity_kind kind, struct identity **ret,
    const char **ret_why)
{
	const struct layout *layout = &layouts[kind];
	MH_CLEANUP(identity_freep) struct identity *id = xcalloc(1, sizeof(*id));
	MH_CLEANUP(freep) char *json = xasprintf("%s/%s", folder, layout->json);
	MH_CLEANUP(paths_clear) struct paths paths = paths_of(folder, layout);
	const char *why = layout->bad_json;
	mh_err err = load_json(json, kind, id);

	if (err == MH_ERR_NOTFOUND) {
		*ret_why = layout->no_json;
		return err;
	}
	if (err == MH_OK) {
		end_promotion(&paths);
		why = layout->bad_key;
		err = key_load(paths.key, &id->key);
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
		err = check_fit(id, layout, id->key, id->cert, &id->facts);
	}
	if (err != MH_OK) {
		*ret_why = why;
		/* Only the JSON file's absence means "not enrolled". */
		return err == MH_ERR_NOTFOUND ? MH_ERR_FORMAT : err;
	}
	id->is_key_exposed = is_exposed(paths.key);
	load_next(id, layout, &paths);
	*ret = MH_TAKE(id);
	return MH_OK;
}

static void
forget_next(struct identity *id)
{
	EVP_PKEY_free(id->next_key);
	X509_free(id->next_cert);
	id->next_key = NULL;
	id->next_cert = NULL;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	X509_free(id->ca);
	forget_next(id);
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

	return file_write_durably_as(path, p, len, 0600, place->uid, place->gid);
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
	if (kind == IDENTITY_AGENT && json != NULL && id->machine_id[0] != 0)
		(void)json_object_set_new(json, "machine_id",
		    json_string(id->machine_id));
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
identity_store_next(const char *folder, enum identity_kind kind, struct identity *id,
    EVP_PKEY *key, X509 *cert)
{
	const struct layout *layout = &layouts[kind];
	const struct place place = { folder, (uid_t)-1, (gid_t)-1 };
	MH_CLEANUP(freep) char *next_key = xasprintf("%s" IDENTITY_NEXT, layout->key);
	MH_CLEANUP(freep) char *next_cert = xasprintf("%s" IDENTITY_NEXT, layout->cert);
	struct certificate_facts facts;
	mh_err err = check_fit(id, layout, key, cert, &facts);

	if (err != MH_OK)
		return err;
	identity_drop_next(folder, kind, id);
	err = store_key(&place, next_key, key);
	if (err == MH_OK)
		err = store_cert(&place, next_cert, cert);
	if (err != MH_OK)
		return err;
	(void)EVP_PKEY_up_ref(key);
	(void)X509_up_ref(cert);
	id->next_key = key;
	id->next_cert = cert;
	id->next_facts = facts;
	return MH_OK;
}

mh_err
identity_promote(const char *folder, enum identity_kind kind, struct identity *id)
{
	MH_CLEANUP(paths_clear) struct paths p = paths_of(folder, &layouts[kind]);

	assert(id->next_key != NULL && id->next_cert != NULL);
	/* The key first: load_next() knows a certificate without it from a rest. */
	if (rename(p.next_key, p.key) < 0 || rename(p.next_cert, p.cert) < 0)
		return MH_ERR_SYSTEM;
	mh_ignore(folder_sync_of(p.cert));
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	id->key = MH_TAKE(id->next_key);
	id->cert = MH_TAKE(id->next_cert);
	id->facts = id->next_facts;
	return MH_OK;
}

void
identity_drop_next(const char *folder, enum identity_kind kind, struct identity *id)
{
	MH_CLEANUP(paths_clear) struct paths p = paths_of(folder, &layouts[kind]);

	forget_next(id);
	(void)unlink(p.next_cert);
	(void)unlink(p.next_key);
}

struct identity_pair
identity_pair_at(const struct identity *id, int64_t now_ms)
{
	if (id->next_cert != NULL && certificate_is_valid_at(&id->next_facts, now_ms))
		return (struct identity_pair){ id->next_key, id->next_cert,
			&id->next_facts, true };
	return (struct identity_pair){ id->key, id->cert, &id->facts, false };
}

int64_t
identity_renew_ms(const struct certificate_facts *facts, uint32_t chance)
{
	int64_t life = facts->not_after_ms - facts->not_before_ms;

	return facts->not_before_ms + life / 3 * 2 +
	       (int64_t)(chance % 1024) * (life / 12) / 1024;
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

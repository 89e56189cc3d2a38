/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/server_tls.h"

#include <openssl/err.h>
#include <assert.h>

#include "base/memory.h"
#include "transport/certificate.h"

MH_DEFINE_CLEANUP(SSL_CTX, SSL_CTX_free);

static mh_err
load_cert(const struct config *config, const char *file, X509 **ret,
    const char **ret_file)
{
	MH_CLEANUP(freep) char *path = config_path(config, file);

	*ret_file = file;
	return certificate_load(path, ret);
}

static mh_err
use_own(SSL_CTX *ctx, const struct config *config, X509 *ca, const char **ret_file)
{
	MH_CLEANUP(freep) char *key_path = config_path(config, FILE_TLS_KEY);
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	mh_err err = load_cert(config, FILE_TLS_CERT, &cert, ret_file);

	if (err != MH_OK)
		return err;
	*ret_file = FILE_TLS_KEY;
	err = key_load(key_path, &key);
	if (err != MH_OK)
		return err;
	if (!certificate_has_key(cert, key))
		return MH_ERR_CERTIFICATE;
	/* The CA goes along: an agent that enrols knows it by its pin only. */
	if (SSL_CTX_use_certificate(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_add1_chain_cert(ctx, ca) != 1)
		return MH_ERR_CRYPTO;
	return MH_OK;
}

static mh_err
trust(SSL_CTX *ctx, X509 *ca)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

	X509_STORE *anchors = certificate_store_new(ca);

	if (anchors == NULL || SSL_CTX_add_client_CA(ctx, ca) != 1)
		return MH_ERR_CRYPTO;
	SSL_CTX_set_cert_store(ctx, anchors); /* taken */
	return MH_OK;
}

/* Sessions belong to this CA: after a change of it there is a full handshake. */
static mh_err
name_sessions(SSL_CTX *ctx, X509 *ca)
{
	unsigned char id[DIGEST_BYTES];
	unsigned len = 0;

	static_assert(sizeof(id) <= SSL_MAX_SSL_SESSION_ID_LENGTH, "SHA-256 fits");
	return X509_digest(ca, EVP_sha256(), id, &len) == 1 &&
		       SSL_CTX_set_session_id_context(ctx, id, len) == 1
		   ? MH_OK
		   : MH_ERR_CRYPTO;
}

static void
set_options(SSL_CTX *ctx)
{
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					   SSL_OP_IGNORE_UNEXPECTED_EOF |
					   SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* 27 KB instead of 44 KB for an idle connection. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_max_early_data(ctx, 0);
}

mh_err
server_tls_new(const struct config *config, struct ticket_keys *tickets, SSL_CTX **ret,
    const char **ret_file)
{
	MH_CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	MH_CLEANUP(X509_freep) X509 *ca = NULL;
	mh_err err = MH_OK;

	*ret_file = FILE_CA;
	if (ctx == NULL)
		return MH_ERR_CRYPTO;
	set_options(ctx);
	ticket_keys_use(tickets, ctx);
	err = load_cert(config, FILE_CA, &ca, ret_file);
	if (err == MH_OK)
		err = trust(ctx, ca);
	if (err == MH_OK)
		err = name_sessions(ctx, ca);
	if (err == MH_OK)
		err = use_own(ctx, config, ca, ret_file);
	ERR_clear_error();
	if (err == MH_OK)
		*ret = MH_TAKE(ctx);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector init: a new fleet.
 *
 * Runs in: molehunt-collector, the administrator's shell.  Input: trusted.
 */
#include <openssl/pem.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "collector/issuing.h"
#include "collector/verb.h"
#include "transport/certificate.h"
#include "transport/identity.h"

/* One pair of files, in the order in which they are made. */
struct pair {
	enum issue_kind kind;
	const char *key, *cert;
};

static mh_err
write_key(const char *path, EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	mh_err err = MH_ERR_CRYPTO;

	if (out != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1) {
		long len = BIO_get_mem_data(out, &text);

		err = file_write_durably(path, text, (size_t)len, 0600);
		OPENSSL_cleanse(text, (size_t)len);
	}
	(void)BIO_free(out);
	return err;
}

static mh_err
write_cert(const char *path, X509 *cert)
{
	MH_CLEANUP(freep) char *pem = NULL;
	size_t len = 0;
	mh_err err = certificate_to_pem(cert, &pem, &len);

	return err == MH_OK ? file_write_durably(path, pem, len, 0600) : err;
}

static mh_err
make_pair(const char *dir, const struct pair *pair, const struct setting_strings *names,
    struct issuer *ca)
{
	MH_CLEANUP(freep) char *key_path = xasprintf("%s/%s", dir, pair->key);
	MH_CLEANUP(freep) char *cert_path = xasprintf("%s/%s", dir, pair->cert);
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	struct issue_order order = { .kind = pair->kind, .now_ms = clock_real_ms() };
	mh_err err = identity_key_new(&key);

	order.key = key;
	if (pair->kind == ISSUE_COLLECTOR_TLS) {
		order.names = (const char *const *)names->items;
		order.n_names = names->n;
	}
	if (err == MH_OK)
		err =
		    certificate_issue(&order, pair->kind == ISSUE_CA ? NULL : ca, &cert);
	if (err == MH_OK)
		err = write_key(key_path, key);
	if (err == MH_OK)
		err = write_cert(cert_path, cert);
	if (err == MH_OK && pair->kind == ISSUE_CA) {
		ca->key = MH_TAKE(key);
		ca->cert = MH_TAKE(cert);
	}
	return err;
}

static mh_err
make_certificates(const char *dir, const struct setting_strings *names)
{
	static const struct pair pairs[] = {
		{ ISSUE_CA, FOLDER_AUTHORITY "/" FILE_CA_KEY,
		    FOLDER_AUTHORITY "/" FILE_CA },
		{ ISSUE_COLLECTOR_TLS, FILE_TLS_KEY, FILE_TLS_CERT },
		{ ISSUE_COLLECTOR_RECEIPTS, FILE_RECEIPT_KEY, FILE_RECEIPT_CERT },
	};
	MH_CLEANUP(freep) char *ca_path = xasprintf("%s/" FILE_CA, dir);
	struct issuer ca = { .key = NULL };
	mh_err err = MH_OK;

	for (size_t i = 0; err == MH_OK && i < MH_ARRAY_LEN(pairs); i++)
		err = make_pair(dir, &pairs[i], names, &ca);
	if (err == MH_OK)
		err = write_cert(ca_path, ca.cert);
	issuer_clear(&ca);
	return err;
}

static mh_err
write_config(const char *path, const struct setting_strings *names)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64 * 1024);

	buf_add(b,
	    "# Configuration of molehunt-collector.  Lines with a # at their start show\n"
	    "# what holds without them; `molehunt-collector serve -n` checks the "
	    "file.\n\n"
	    "names: [");
	for (size_t i = 0; i < names->n; i++)
		buf_addf(b, "%s\"%s\"", i > 0 ? ", " : "", names->items[i]);
	buf_add(b, "]\n\n");
	settings_print(&config_schema, NULL, b);
	if (buf_error(b) != MH_OK)
		return buf_error(b);
	return file_write_durably(path, buf_data(b), buf_len(b), 0600);
}

static mh_err
make_folders(const char *dir)
{
	MH_CLEANUP(freep) char *authority = xasprintf("%s/" FOLDER_AUTHORITY, dir);
	mh_err err = folder_make(dir, 0755);

	/* The folder itself is private, also when it was there; those above are not ours. */
	if (err == MH_OK && chmod(dir, 0700) < 0)
		err = MH_ERR_SYSTEM;
	return err == MH_OK ? folder_make(authority, 0700) : err;
}

static void
print_next(const char *dir, const struct setting_strings *names)
{
	const char *host = names->items[0];
	bool is_v6 = strchr(host, ':') != NULL;

	(void)
	    printf("Made a collector in %s: the fleet's certificate authority, keys and\n"
		   "certificates for %s, a configuration and an empty database.\n\n"
		   "1. Start it (and keep it running):\n"
		   "     molehunt-collector serve %s\n"
		   "2. Make a one-time token for each new agent, here:\n"
		   "     molehunt-collector token %s\n"
		   "3. Enrol the agent, as root on its machine:\n"
		   "     molehunt enroll https://%s%s%s:8443 TOKEN\n\n"
		   "Change the address and the port in %s/" FILE_CONFIG ".\n"
		   "Keep a copy of %s/" FOLDER_AUTHORITY
		   " offline: who has it is the fleet.\n",
		dir, host, dir, dir, is_v6 ? "[" : "", host, is_v6 ? "]" : "", dir, dir);
}

int
verb_init(const struct options *o)
{
	const char *dir = o->args[0];
	MH_CLEANUP(freep) char *config = xasprintf("%s/" FILE_CONFIG, dir);
	MH_CLEANUP(freep) char *authority = xasprintf("%s/" FOLDER_AUTHORITY, dir);
	MH_CLEANUP(freep) char *store = xasprintf("%s/" FILE_STORE, dir);

	if (o->names.n == 0)
		return complain(
		    "init: give the collector's name, --name HOST[,ADDRESS]: agents "
		    "check it");
	if (access(config, F_OK) == 0 || access(authority, F_OK) == 0 ||
	    access(store, F_OK) == 0)
		return complain(
		    "init: %s: there is a collector in it; nothing was changed", dir);

	mh_err err = make_folders(dir);

	if (err == MH_OK)
		err = make_certificates(dir, &o->names);
	if (err == MH_OK)
		err = store_create(store);
	/* The configuration comes last: without it nothing takes the folder for whole. */
	if (err == MH_OK)
		err = write_config(config, &o->names);
	if (err == MH_ERR_INVALID)
		return complain(
		    "init: --name: names are letters, digits, dots and hyphens, or "
		    "addresses");
	if (err != MH_OK)
		return complain("init: %s: %s", dir,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	print_next(dir, &o->names);
	return EXIT_GOOD;
}

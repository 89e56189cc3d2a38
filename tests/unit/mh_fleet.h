/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_FLEET_H
#define MH_TESTS_UNIT_MH_FLEET_H

#include <openssl/x509.h>
#include <stdint.h>

/*
 * A certificate authority and what it issues, for tests.  Everything is valid
 * around FLEET_NOW_MS: certificates for 30 days that began 15 days before.
 */
#define FLEET_NOW_MS INT64_C(1800000000000)
#define FLEET_DAY_MS INT64_C(86400000)
#define FLEET_AGENT "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d"
#define FLEET_OTHER_AGENT "11111111-2222-4333-8444-555555555555"
#define FLEET_EPOCH "9e107d9d-372b-4b68-8f5a-0123456789ab"

struct fleet_pair {
	EVP_PKEY *key;
	X509 *cert;
};

struct fleet {
	struct fleet_pair ca;
	X509_STORE *store;
	struct fleet_pair signing; /* FLEET_AGENT */
	struct fleet_pair tls;     /* FLEET_AGENT */
	struct fleet_pair receipt;
};

/* Aborts when it cannot.  fleet_free() accepts NULL. */
struct fleet *fleet_new(void);
/* The same, alive around another time. */
struct fleet *fleet_new_at(int64_t now_ms);
void fleet_free(struct fleet *fleet);

/*
 * A new key and a certificate for it, alive in [from_ms, to_ms].  san is in
 * OpenSSL's configuration form ("URI:urn:uuid:...,URI:..."); eku too.
 */
struct fleet_pair fleet_issue(const struct fleet *fleet, const char *san, const char *eku,
    int64_t from_ms, int64_t to_ms);

/* A certificate for a key that is there already. */
struct fleet_leaf {
	const char *san, *eku; /* as above; san may be NULL */
	int64_t from_ms, to_ms;
};
X509 *fleet_certify(const struct fleet *fleet, EVP_PKEY *key,
    const struct fleet_leaf *leaf);

void fleet_pair_clear(struct fleet_pair *pair);

#endif

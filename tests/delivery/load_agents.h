/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_DELIVERY_LOAD_AGENTS_H
#define MH_TESTS_DELIVERY_LOAD_AGENTS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "transport/report.h"

/*
 * Agents for the load generator: identities as the collector's own authority
 * would issue them, made with its key, and sealed reports of findings as the
 * agent writes them.  Aborts when it cannot.
 */
struct load_fleet {
	X509 *ca;
	X509_STORE *anchors;
	EVP_PKEY *ca_key;
};

struct load_agent {
	char id[UUID_TEXT_LEN], epoch[UUID_TEXT_LEN];
	EVP_PKEY *key; /* of both certificates: only the collector is measured */
	X509 *signing, *tls;
	SSL_CTX *ctx;
	uint64_t sequence; /* of the last report sealed */
	uint8_t previous[DIGEST_BYTES];
};

/* folder is a collector's, with its ca.pem and authority/ca.key. */
void load_fleet_open(const char *folder, struct load_fleet *ret);
void load_fleet_close(struct load_fleet *fleet);

void load_agent_make(const struct load_fleet *fleet, struct load_agent *ret);
/* The same without a TLS context. */
void load_agent_issue(const struct load_fleet *fleet, struct load_agent *ret);
void load_agent_clear(struct load_agent *agent);

/* A sealed report, its DER malloc(3)ed. */
struct load_report {
	uint8_t *der;
	size_t len;
	uint64_t sequence;
	uint8_t digest[DIGEST_BYTES];
};

/* The agent's next report, of n_findings findings of about 2.7 KB each. */
void load_report_seal(struct load_agent *agent, unsigned n_findings,
    struct load_report *ret);

enum { LOAD_UID_LEN = 64 + 1 }; /* bytes of a finding's uid with its NUL */

/* One such finding, number n of the run, appended without its newline. */
void load_finding_put(struct buf *out, uint64_t n, char ret_uid[LOAD_UID_LEN]);

/* The header of the agent's report, number sequence of its epoch. */
void load_header_fill(const struct load_agent *agent, struct report_header *ret);

#endif

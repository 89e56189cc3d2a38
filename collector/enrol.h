/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_ENROL_H
#define MH_COLLECTOR_ENROL_H

#include <event2/http.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "collector/authority_link.h"
#include "collector/config.h"
#include "collector/ingest.h"
#include "collector/store.h"

/*
 * The EST subset of RFC 7030 (docs/PROTOCOL.md, "Enrolment"): cacerts,
 * simpleenroll with a token, simplereenroll over mutual TLS.
 */
enum {
	RENEWALS_PER_HOUR = 20, /* certificates of one agent; it needs 2 in 20 days */
};

struct enrol;

/* All are borrowed for its life.  Caller frees with enrol_free(), after the link. */
struct enrol *enrol_new(const struct config *config, struct store *st, struct ingest *in,
    struct authority_link *link, X509 *ca);
void enrol_free(struct enrol *e);

/* Whether the path is one of EST's. */
bool enrol_has_path(const char *path);

/*
 * Answer a request for such a path, now or when the authority has answered.
 * agent is the connection's, NULL when it has no certificate.
 */
void enrol_on_request(struct enrol *e, struct evhttp_request *req, const char *path,
    const char *agent);

#endif

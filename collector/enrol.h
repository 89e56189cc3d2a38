/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_ENROL_H
#define MH_COLLECTOR_ENROL_H

#include <event2/http.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "collector/authority_link.h"
#include "collector/config.h"
#include "collector/metrics.h"
#include "collector/writer.h"

/*
 * The EST subset of RFC 7030 (docs/PROTOCOL.md, "Enrolment"): cacerts,
 * simpleenroll with a token, simplereenroll over mutual TLS.
 *
 * A request comes in any event loop; its token is looked up by the writer, the
 * authority is asked by the main thread, the certificate kept by the writer,
 * and the answer given in the loop of the request.
 */
enum {
	RENEWALS_PER_HOUR = 20, /* certificates of one agent; it needs 2 in 20 days */
};

struct enrol;

/* Borrowed for the enrol's life. */
struct enrol_setup {
	const struct config *config;
	struct metrics *metrics;
	struct writer *writer;
	struct mailbox *main; /* of the thread that link belongs to */
	struct authority_link *link;
	X509 *ca;
};

/* Caller frees with enrol_free(), after the link, the writer and the loops' last mail. */
struct enrol *enrol_new(const struct enrol_setup *setup);
void enrol_free(struct enrol *e);

/* Whether the path is one of EST's. */
bool enrol_has_path(const char *path);

/*
 * Answer a request for such a path, now or by mail to home, the mailbox of the
 * calling loop.  agent is the connection's, "" when it has no certificate;
 * *n_under_way counts the requests of the loop that wait for such mail.
 */
void enrol_on_request(struct enrol *e, struct evhttp_request *req, const char *path,
    const char *agent, struct mailbox *home, unsigned *n_under_way);

#endif

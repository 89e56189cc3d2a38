/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_CERTIFICATES_H
#define MH_RECORDS_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"

/*
 * What the collector asks of its certificate authority, MSG_ISSUE and
 * MSG_ISSUED (docs/PROTOCOL.md, "Messages").  The authority chooses every name,
 * time and number in a certificate but the agent's id.
 */
enum {
	ISSUE_REQUEST_MAX = 8 * 1024,     /* bytes of PKCS#10; a P-256 one has 300 */
	ISSUE_CERTIFICATE_MAX = 8 * 1024, /* bytes of DER; ours have 600 */
	ISSUE_WHY_MAX = 256,              /* bytes of a sentence */
};

/* What an agent's certificate is for; on the wire and in the collector's store. */
enum certificate_label { LABEL_SIGNING = 1, LABEL_TLS = 2, LABEL_MAX_ };

/* The word in an enrolment's path, "signing"; NULL when there is no such label. */
const char *certificate_label_name(unsigned label);
/* The label of such a word; 0 when there is none. */
unsigned certificate_label_find(const char *name, size_t len);

/* MSG_ISSUE: please make a certificate. */
struct issue {
	uint64_t id;               /* the asker's, comes back in the answer */
	uint8_t label;             /* of enum certificate_label */
	char agent[UUID_TEXT_LEN]; /* who the certificate is for */
	const uint8_t *request;    /* PKCS#10 in DER as the stranger sent it; borrowed */
	size_t request_len;
};

/* MSG_ISSUED: the certificate, or why there is none. */
struct issued {
	uint64_t id;
	const uint8_t *certificate; /* DER, borrowed; NULL when refused */
	size_t certificate_len;
	char why[ISSUE_WHY_MAX + 1]; /* "" when made */
};

/* Append the encoding. */
void issue_put(const struct issue *m, struct buf *out);
void issued_put(const struct issued *m, struct buf *out);

/* Read what the other side sent; what is borrowed points into data.
 * Errors: MH_ERR_FORMAT. */
mh_err issue_read(const void *data, size_t len, struct issue *ret) MH_CHECKED;
mh_err issued_read(const void *data, size_t len, struct issued *ret) MH_CHECKED;

#endif

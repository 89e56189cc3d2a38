/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_ENROLL_H
#define MH_TRANSPORT_ENROLL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/uuid.h"
#include "transport/token.h"
#include "transport/url.h"

/*
 * Enrolment (docs/PROTOCOL.md, "Enrolment"): makes both key pairs on this host,
 * has them certified for a one-time token, and writes both identities.
 */
enum {
	ENROLL_STEP_S = 10,          /* seconds that one read or write may wait */
	ENROLL_TOTAL_MS = 60 * 1000, /* for connecting and each answer */
	ENROLL_WHY_MAX = 512,        /* bytes of a sentence, with its NUL */
	ENROLL_CLOCK_MS = 60 * 1000, /* that clocks may differ without a word */
};

struct enroll_options {
	struct url url;
	struct token token;
	const char *state;             /* the folder STATE */
	bool is_forced;                /* replace an identity that is there */
	const char *machine_id;        /* of this host, to be remembered; NULL: unknown */
	const struct url_proxy *proxy; /* to go through; NULL: direct */
};

/*
 * Enrol.  Blocks on the network, with deadlines.  The files belong to the
 * owners of STATE/agent and STATE/courier, which are made (0700) if missing.
 *
 * A failure leaves no identity behind that was not there before; one that was
 * there stays as it was.  After a crash in the middle of replacing one, the old
 * files are there under their names with ".old" behind, and the next enrolment
 * begins by putting them back.
 *
 * Errors: MH_ERR_EXISTS (enrolled already, and not forced), MH_ERR_DENIED (the
 * token is not accepted), MH_ERR_CERTIFICATE (not the token's CA, or answers
 * that do not fit), MH_ERR_PROTOCOL, MH_ERR_AGAIN (the collector is busy),
 * MH_ERR_TIMEOUT, MH_ERR_SYSTEM, MH_ERR_CRYPTO; why is a sentence for people
 * in each case, and after success too when the two clocks differ, else "".
 */
mh_err enroll(const struct enroll_options *options, char ret_agent[UUID_TEXT_LEN],
    char ret_why[ENROLL_WHY_MAX]) MH_CHECKED;

#endif

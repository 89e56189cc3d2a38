/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_ERROR_H
#define MH_BASE_ERROR_H

#include "base/attributes.h"

/*
 * The one list of error codes.  A code exists when some caller acts on it.
 *
 * MH_ERR_SYSTEM means that errno holds the reason and was preserved.
 */
#define MH_ERRORS(E)                                             \
	E(MH_OK, "no error")                                     \
	E(MH_ERR_SYSTEM, "system call failed")                   \
	E(MH_ERR_INVALID, "invalid value")                       \
	E(MH_ERR_FORMAT, "malformed data")                       \
	E(MH_ERR_TOOBIG, "larger than its limit")                \
	E(MH_ERR_FULL, "no room left")                           \
	E(MH_ERR_AGAIN, "not now, try again")                    \
	E(MH_ERR_CLOSED, "the other side closed the connection") \
	E(MH_ERR_PROTOCOL, "the other side broke the protocol")  \
	E(MH_ERR_NOTFOUND, "not found")                          \
	E(MH_ERR_EXISTS, "exists already")                       \
	E(MH_ERR_DENIED, "not permitted")                        \
	E(MH_ERR_EXPIRED, "expired")                             \
	E(MH_ERR_SIGNATURE, "signature does not verify")         \
	E(MH_ERR_CERTIFICATE, "certificate is not acceptable")   \
	E(MH_ERR_CRYPTO, "cryptographic library failed")         \
	E(MH_ERR_STORE, "database failed")                       \
	E(MH_ERR_CORRUPT, "stored data is damaged")              \
	E(MH_ERR_RULES, "rules do not compile")                  \
	E(MH_ERR_TIMEOUT, "took longer than allowed")            \
	E(MH_ERR_MEMORY, "needs more memory than allowed")       \
	E(MH_ERR_UNSUPPORTED, "not supported here")

typedef enum mh_err {
#define MH_ERROR_CODE(code, text) code,
	MH_ERRORS(MH_ERROR_CODE)
#undef MH_ERROR_CODE
	    MH_ERR_MAX_
} mh_err;

/* Text of err in lower case without a period.  Never NULL; static. */
const char *mh_strerror(mh_err err);

/* Say that a failure changes nothing here: a cast to void does not silence gcc. */
static inline void
mh_ignore(mh_err err)
{
	(void)err;
}

#endif

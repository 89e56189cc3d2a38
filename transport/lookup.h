/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_LOOKUP_H
#define MH_TRANSPORT_LOOKUP_H

#include <netdb.h>

#include "base/error.h"

/*
 * getaddrinfo(3) in a thread of its own, so that a name server that does not
 * answer holds up no event loop.  The system's resolver is used, with
 * nsswitch.conf(5) and all, as for every other program of the host.
 */
struct lookup;

/* Start to look up host and port, which are copied.  MH_ERR_SYSTEM. */
mh_err lookup_start(const char *host, const char *port, struct lookup **ret) MH_CHECKED;

/* Readable when the answer is there; the lookup's to close. */
int lookup_fd(const struct lookup *lookup);

/*
 * Take the answer, once lookup_fd() is readable.  *ret is the caller's to free
 * with freeaddrinfo(3).  MH_ERR_NOTFOUND with the resolver's own words in
 * *ret_why (static).
 */
mh_err lookup_take(struct lookup *lookup, struct addrinfo **ret, const char **ret_why)
    MH_CHECKED;

/* Done with it, answered or not; a thread that still waits ends by itself. */
void lookup_free(struct lookup *lookup);

#endif

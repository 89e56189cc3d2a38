/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_REPLY_H
#define MH_COLLECTOR_REPLY_H

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Answers to HTTP requests, and what has to hold of a request's head.  Each
 * reply_ function ends the request: it is libevent's again.
 */
enum { RETRY_AFTER_S = 30 }; /* seconds that 429 and 503 ask an agent to wait */

/* The bytes, which are copied. */
void reply_bytes(struct evhttp_request *req, const char *content_type, const void *p,
    size_t len);

/* {"error":CODE,"detail":SENTENCE} (docs/PROTOCOL.md, "Delivery"). */
void reply_error(struct evhttp_request *req, int status, const char *code,
    const char *detail);

/* As reply_error() of "busy", with the seconds after which to come back. */
void reply_busy(struct evhttp_request *req, int status, unsigned retry_after_s,
    const char *detail);

/* As reply_error(), and the connection ends with it. */
void reply_error_and_close(struct evhttp_request *req, int status, const char *code,
    const char *detail);

/*
 * Whether the head leaves no doubt where the body ends and whom it is for:
 * no Transfer-Encoding, at most one Content-Length, of digits only, one Host.
 * libevent 2.1.12 is content with less, and a proxy before us may read such a
 * head otherwise (request smuggling).  *ret_why is a static sentence if not.
 */
bool head_is_sound(struct evhttp_request *req, const char **ret_why);

#endif

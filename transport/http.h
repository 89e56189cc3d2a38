/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_HTTP_H
#define MH_TRANSPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "transport/limits.h"

/*
 * The little of HTTP/1.1 (RFC 9112) that a client of the collector needs: one
 * request at a time, answers with a Content-Length.  Chunked answers, answers
 * without a length and interim ones (1xx) are refused: the collector sends none.
 */
enum {
	HTTP_HEAD_MAX = 8 * 1024,              /* bytes of status line and fields */
	HTTP_RESPONSE_MAX = 64 * 1024,         /* bytes of head and body */
	HTTP_RETRY_AFTER_MAX_S = 24 * 60 * 60, /* seconds; more is taken as this */
};

struct http_response {
	unsigned status;       /* 200..599 */
	int64_t retry_after_s; /* -1 when not said, or said as a date */
	int64_t retry_at_ms;   /* real time; 0 when not said as a date */
	int64_t date_ms;       /* Date: the server's clock; 0 when not said */
	bool keeps_alive;      /* the connection may be used again */
	const char *body;      /* borrowed from the bytes that were parsed */
	size_t body_len;
};

/*
 * Parse one response at the start of the bytes.  Input: hostile.
 *
 * Errors: MH_ERR_AGAIN (more bytes are needed), MH_ERR_TOOBIG, MH_ERR_PROTOCOL;
 * *ret_why is a static sentence in the last two cases.
 */
mh_err http_response_parse(const char *p, size_t len, struct http_response *ret,
    size_t *ret_used, const char **ret_why) MH_CHECKED;

/*
 * Seconds to wait as the response asks, 0..HTTP_RETRY_AFTER_MAX_S; -1 when it does
 * not.  A date is taken by the server's clock where that is told, else by ours.
 */
int64_t http_retry_s(const struct http_response *response, int64_t now_ms);

/*
 * An HTTP-date in any of the three forms of RFC 9110 section 5.6.7, as milliseconds
 * since 1970.  MH_ERR_FORMAT.  Input: hostile.
 */
mh_err http_date_parse(const char *text, int64_t *ret_ms) MH_CHECKED;

/*
 * The head of a proxy's answer to CONNECT (RFC 9110 section 9.3.6).  After a 2xx
 * the server's first byte follows at *ret_used; of any other answer only the
 * status matters.  Input: hostile.
 *
 * Errors: MH_ERR_AGAIN (more bytes are needed), MH_ERR_TOOBIG (over HTTP_HEAD_MAX),
 * MH_ERR_PROTOCOL; *ret_why is a static sentence in the last two cases.
 */
mh_err http_proxy_parse(const char *p, size_t len, unsigned *ret_status, size_t *ret_used,
    const char **ret_why) MH_CHECKED;

/* What such a status means, and what to do: static. */
const char *http_proxy_meaning(unsigned status);

/*
 * Whether the head of a request is there and is a GET of that path.  Input: hostile.
 * Errors: MH_ERR_AGAIN (more bytes are needed), MH_ERR_NOTFOUND (another path),
 * MH_ERR_PROTOCOL (no GET, or a head over HTTP_HEAD_MAX).
 */
mh_err http_get_parse(const char *p, size_t len, const char *path) MH_CHECKED;

/* One request; texts are borrowed and hold no CR or LF. */
struct http_request {
	const char *method, *path, *host;
	const char *content_type;  /* NULL without a body */
	const char *authorization; /* NULL, or the field's value */
	const void *body;
	size_t body_len;
};

/* Append "CONNECT authority" for a proxy; authorization: NULL or the field's value. */
void http_connect_put(const char *authority, const char *authorization, struct buf *out);

/* The value "Basic base64(user:password)" in ret, cut to nothing when it does not fit. */
void http_basic(const char *user, const char *password, char *ret, size_t size);

/* Append head and body to out: one write, so that Nagle has nothing to hold. */
void http_request_put(const struct http_request *request, struct buf *out);

/*
 * The collector's {"error":CODE,"detail":SENTENCE}; both empty when the body is
 * not that.  Cut to size, UTF-8.  Input: hostile.
 */
void http_error_parse(const struct http_response *response, char *code, size_t code_size,
    char *detail, size_t detail_size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of head_is_sound(): hostile. */
#include "collector/reply.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *
reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 429, "Too Many Requests" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Error";
}

static void
send_body(struct evhttp_request *req, int status, const char *type, const void *p,
    size_t len)
{
	struct evbuffer *body = evbuffer_new();

	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
	    type);
	if (body != NULL)
		(void)evbuffer_add(body, p, len);
	evhttp_send_reply(req, status, reason_of(status), body);
	if (body != NULL)
		evbuffer_free(body);
}

void
reply_bytes(struct evhttp_request *req, const char *content_type, const void *p,
    size_t len)
{
	send_body(req, 200, content_type, p, len);
}

static void
send_error(struct evhttp_request *req, int status, const char *code,
    unsigned retry_after_s, const char *detail)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	json_t *body = json_pack("{s:s, s:s}", "error", code, "detail", detail);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	char seconds[16];

	(void)snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
	if (status == 429 || status == 503)
		(void)evhttp_add_header(headers, "Retry-After", seconds);
	if (status == 401)
		(void)evhttp_add_header(headers, "WWW-Authenticate",
		    "Basic realm=\"molehunt\"");
	send_body(req, status, "application/json", text != NULL ? text : "{}",
	    text != NULL ? strlen(text) : 2);
	free(text);
	json_decref(body);
}

void
reply_error(struct evhttp_request *req, int status, const char *code, const char *detail)
{
	send_error(req, status, code, RETRY_AFTER_S, detail);
}

void
reply_busy(struct evhttp_request *req, int status, unsigned retry_after_s,
    const char *detail)
{
	send_error(req, status, "busy", retry_after_s, detail);
}

void
reply_error_and_close(struct evhttp_request *req, int status, const char *code,
    const char *detail)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Connection",
	    "close");
	reply_error(req, status, code, detail);
}

bool
head_is_sound(struct evhttp_request *req, const char **ret_why)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const struct evkeyval *header = NULL;
	unsigned n_lengths = 0;
	unsigned n_hosts = 0;

	for (header = headers->tqh_first; header != NULL;
	     header = header->next.tqe_next) {
		if (strcasecmp(header->key, "Transfer-Encoding") == 0) {
			*ret_why = "Transfer-Encoding is not accepted here";
			return false;
		}
		n_hosts += strcasecmp(header->key, "Host") == 0;
		/* A blank behind the name makes another name of it for some readers. */
		if (strncasecmp(header->key, "Content-Length",
			strlen("Content-Length")) != 0)
			continue;
		n_lengths++;
		if (header->key[strlen("Content-Length")] != 0 || header->value[0] == 0 ||
		    header->value[strspn(header->value, "0123456789")] != 0)
			n_lengths = 2;
	}
	if (n_lengths > 1)
		*ret_why = "Content-Length has to be given once, in digits";
	else if (n_hosts != 1)
		*ret_why = "Host has to be given once";
	return n_lengths <= 1 && n_hosts == 1;
}

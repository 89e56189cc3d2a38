/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of the parsers: hostile. */
#include "transport/http.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "records/delivery.h"

/* What the fields say, while they are read. */
struct head {
	struct http_response response;
	bool has_length;
	uint64_t length;
};

static mh_err
refuse(mh_err err, const char *why, const char **ret_why)
{
	*ret_why = why;
	return err;
}

/* "HTTP/1.1 200 reason" */
static bool
read_status(const char *line, struct head *head)
{
	MH_CLEANUP(freep) char *digits = NULL;
	uint64_t status = 0;

	if (strncmp(line, "HTTP/1.1 ", 9) != 0 || strlen(line) < 12 ||
	    (line[12] != ' ' && line[12] != 0))
		return false;
	digits = xstrndup(line + 9, 3);
	if (parse_u64(digits, 200, 599, &status) != MH_OK)
		return false;
	head->response.status = (unsigned)status;
	return true;
}

static const char *
read_length(const char *value, struct head *head)
{
	if (head->has_length || parse_u64(value, 0, UINT32_MAX, &head->length) != MH_OK)
		return "the answer's Content-Length is not one number";
	head->has_length = true;
	return NULL;
}

/* A field with its value, blanks around the value removed; NULL or what is wrong. */
static const char *
read_field(const char *name, const char *value, struct head *head)
{
	uint64_t seconds;

	if (strcasecmp(name, "Content-Length") == 0)
		return read_length(value, head);
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return "the answer is chunked, which this client does not take";
	if (strcasecmp(name, "Connection") == 0 && strcasecmp(value, "close") == 0)
		head->response.keeps_alive = false;
	if (strcasecmp(name, "Retry-After") == 0 &&
	    parse_u64(value, 0, UINT32_MAX, &seconds) == MH_OK)
		head->response.retry_after_s = seconds > HTTP_RETRY_AFTER_MAX_S
						   ? HTTP_RETRY_AFTER_MAX_S
						   : (int64_t)seconds;
	return NULL;
}

/* Cut the line "name: value" in two and read it. */
static const char *
read_line(char *line, struct head *head)
{
	char *colon = strchr(line, ':');
	char *value;
	size_t len;

	/* A blank before the colon or at the start (folding) is how smuggling begins. */
	if (colon == NULL || colon == line ||
	    strcspn(line, " \t") < (size_t)(colon - line))
		return "the answer has a field that is not one";
	*colon = 0;
	value = colon + 1 + strspn(colon + 1, " \t");
	for (len = strlen(value);
	     len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t');)
		value[--len] = 0;
	return read_field(line, value, head);
}

/* Read the head, a copy that may be cut up, without its last empty line. */
static const char *
read_head(char *text, struct head *head)
{
	char *line = text;

	for (char *next; line != NULL; line = next) {
		const char *why;

		next = strstr(line, "\r\n");
		if (next != NULL) {
			*next = 0;
			next += 2;
		}
		if (line == text)
			why =
			    read_status(line, head) ? NULL : "the answer is not HTTP/1.1";
		else
			why = read_line(line, head);
		if (why != NULL)
			return why;
	}
	return NULL;
}

mh_err
http_response_parse(const char *p, size_t len, struct http_response *ret,
    size_t *ret_used, const char **ret_why)
{
	const char *end = memmem(p, len, "\r\n\r\n", 4);
	struct head head = { .response = { .retry_after_s = -1, .keeps_alive = true } };
	size_t head_len = end != NULL ? (size_t)(end - p) : len;
	const char *why;

	if (head_len > HTTP_HEAD_MAX)
		return refuse(MH_ERR_TOOBIG, "the answer's head is too large", ret_why);
	if (memchr(p, 0, head_len) != NULL)
		return refuse(MH_ERR_PROTOCOL, "the answer's head has a NUL in it",
		    ret_why);
	if (end == NULL)
		return MH_ERR_AGAIN;
	MH_CLEANUP(freep) char *text = xstrndup(p, head_len);

	why = read_head(text, &head);
	if (why == NULL && !head.has_length)
		why = "the answer has no Content-Length";
	if (why != NULL)
		return refuse(MH_ERR_PROTOCOL, why, ret_why);
	if (head.length > HTTP_RESPONSE_MAX - head_len - 4)
		return refuse(MH_ERR_TOOBIG, "the answer is too large", ret_why);
	if (len - head_len - 4 < head.length)
		return MH_ERR_AGAIN;
	head.response.body = end + 4;
	head.response.body_len = (size_t)head.length;
	*ret = head.response;
	*ret_used = head_len + 4 + (size_t)head.length;
	return MH_OK;
}

void
http_request_put(const struct http_request *q, struct buf *out)
{
	assert(strpbrk(q->path, "\r\n ") == NULL && strpbrk(q->host, "\r\n ") == NULL);
	buf_addf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: molehunt\r\n", q->method,
	    q->path, q->host);
	if (q->authorization != NULL)
		buf_addf(out, "Authorization: %s\r\n", q->authorization);
	if (q->content_type != NULL)
		buf_addf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
		    q->content_type, q->body_len);
	buf_add(out, "\r\n");
	buf_put(out, q->body, q->body_len);
}

void
http_error_parse(const struct http_response *response, char *code, size_t code_size,
    char *detail, size_t detail_size)
{
	MH_CLEANUP(json_decrefp)
	json_t *json =
	    json_loadb(response->body, response->body_len, JSON_REJECT_DUPLICATES, NULL);
	const char *error = json_string_value(json_object_get(json, "error"));
	const char *sentence = json_string_value(json_object_get(json, "detail"));

	delivery_text_copy(code, code_size, error != NULL ? error : "");
	delivery_text_copy(detail, detail_size, sentence != NULL ? sentence : "");
}

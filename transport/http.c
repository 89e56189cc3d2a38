/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of the parsers: hostile. */
#include "transport/http.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

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

mh_err
http_date_parse(const char *text, int64_t *ret_ms)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y" };

	for (size_t i = 0; i < MH_ARRAY_LEN(forms); i++) {
		struct tm tm;
		const char *end;

		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		/* A year of five digits is somebody's joke, and overflows later. */
		if (end == NULL || *end != 0 || tm.tm_year < 70 || tm.tm_year > 8099)
			continue;
		*ret_ms = (int64_t)timegm(&tm) * 1000;
		return MH_OK;
	}
	return MH_ERR_FORMAT;
}

static void
read_retry_after(const char *value, struct http_response *response)
{
	uint64_t seconds;

	if (parse_u64(value, 0, UINT32_MAX, &seconds) == MH_OK)
		response->retry_after_s = seconds > HTTP_RETRY_AFTER_MAX_S
					      ? HTTP_RETRY_AFTER_MAX_S
					      : (int64_t)seconds;
	else
		mh_ignore(http_date_parse(value, &response->retry_at_ms));
}

int64_t
http_retry_s(const struct http_response *response, int64_t now_ms)
{
	int64_t from_ms = response->date_ms != 0 ? response->date_ms : now_ms;
	int64_t s = response->retry_after_s;

	if (s < 0 && response->retry_at_ms != 0)
		s = response->retry_at_ms > from_ms
			? (response->retry_at_ms - from_ms + 999) / 1000
			: 0;
	return s > HTTP_RETRY_AFTER_MAX_S ? HTTP_RETRY_AFTER_MAX_S : s;
}

/* A field with its value, blanks around the value removed; NULL or what is wrong. */
static const char *
read_field(const char *name, const char *value, struct head *head)
{
	if (strcasecmp(name, "Content-Length") == 0)
		return read_length(value, head);
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return "the answer is chunked, which this client does not take";
	if (strcasecmp(name, "Connection") == 0 && strcasecmp(value, "close") == 0)
		head->response.keeps_alive = false;
	if (strcasecmp(name, "Date") == 0)
		mh_ignore(http_date_parse(value, &head->response.date_ms));
	if (strcasecmp(name, "Retry-After") == 0)
		read_retry_after(value, &head->response);
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

mh_err
http_proxy_parse(const char *p, size_t len, unsigned *ret_status, size_t *ret_used,
    const char **ret_why)
{
	const char *end = memmem(p, len, "\r\n\r\n", 4);
	size_t head_len = end != NULL ? (size_t)(end - p) : len;
	uint64_t status = 0;

	if (head_len > HTTP_HEAD_MAX)
		return refuse(MH_ERR_TOOBIG, "the proxy's answer is too large", ret_why);
	if (end == NULL)
		return MH_ERR_AGAIN;
	MH_CLEANUP(freep) char *text = xstrndup(p, head_len);
	bool is_http =
	    strncmp(text, "HTTP/1.0 ", 9) == 0 || strncmp(text, "HTTP/1.1 ", 9) == 0;

	if (is_http && strlen(text) >= 12 && strchr(" \r", text[12]) != NULL) {
		MH_CLEANUP(freep) char *digits = xstrndup(text + 9, 3);

		mh_ignore(parse_u64(digits, 200, 599, &status));
	}
	if (status == 0)
		return refuse(MH_ERR_PROTOCOL, "the proxy's answer is not HTTP/1",
		    ret_why);
	*ret_status = (unsigned)status;
	*ret_used = head_len + 4;
	return MH_OK;
}

mh_err
http_get_parse(const char *p, size_t len, const char *path)
{
	size_t n = strlen(path);
	bool is_whole = len > 0 && memmem(p, len, "\r\n\r\n", 4) != NULL;

	if (!is_whole)
		return len > HTTP_HEAD_MAX ? MH_ERR_PROTOCOL : MH_ERR_AGAIN;
	if (len < 4 || memcmp(p, "GET ", 4) != 0)
		return MH_ERR_PROTOCOL;
	/* Behind the path comes the version, or what is asked about. */
	if (len < 4 + n + 1 || memcmp(p + 4, path, n) != 0 ||
	    (p[4 + n] != ' ' && p[4 + n] != '?'))
		return MH_ERR_NOTFOUND;
	return MH_OK;
}

const char *
http_proxy_meaning(unsigned status)
{
	if (status == 407)
		return "the proxy wants a user and a password, or other ones: see "
		       "delivery.proxy and delivery.proxy_password_file";
	if (status == 403)
		return "the proxy does not allow this agent to reach the collector: "
		       "have its "
		       "name and port allowed for CONNECT";
	if (status == 405 || status == 501 || status == 400)
		return "the proxy does not take CONNECT: it is no proxy for HTTPS";
	if (status == 502 || status == 503 || status == 504)
		return "the proxy cannot reach the collector: look at the collector's "
		       "name "
		       "and the network behind the proxy";
	if (status >= 300 && status < 400)
		return "the proxy sends elsewhere, as portals do: no redirect is "
		       "followed";
	return "the proxy refuses";
}

void
http_connect_put(const char *authority, const char *authorization, struct buf *out)
{
	assert(strpbrk(authority, "\r\n ") == NULL);
	buf_addf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: molehunt\r\n",
	    authority, authority);
	if (authorization != NULL)
		buf_addf(out, "Proxy-Authorization: %s\r\n", authorization);
	buf_add(out, "\r\n");
}

void
http_basic(const char *user, const char *password, char *ret, size_t size)
{
	MH_CLEANUP(freep) char *plain = xasprintf("%s:%s", user, password);
	size_t len = strlen(plain);

	ret[0] = 0;
	if (sizeof("Basic ") + (len + 2) / 3 * 4 <= size) {
		memcpy(ret, "Basic ", 6);
		(void)EVP_EncodeBlock((unsigned char *)ret + 6,
		    (const unsigned char *)plain, (int)len);
	}
	explicit_bzero(plain, len);
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

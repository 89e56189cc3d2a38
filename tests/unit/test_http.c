/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates, waiting, and proxies; answers as such are in test_delivery.c. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "transport/http.h"
#include "transport/url.h"

static void
dates_of_all_three_forms_are_read(void **state)
{
	static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" };
	static const char *const bad[] = { "", "now", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT+1", "Sun, 06 Nov 1994 08:49 GMT",
		"Sun, 06 Nov 1960 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
		"1994-11-06T08:49:37Z" };
	int64_t ms = 0;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(good); i++) {
		assert_ok(http_date_parse(good[i], &ms));
		assert_int_equal(ms, INT64_C(784111777000));
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++)
		assert_err(http_date_parse(bad[i], &ms), MH_ERR_FORMAT);
}

static int64_t
retry_of(const char *fields, int64_t now_ms)
{
	MH_CLEANUP(freep)
	char *text =
	    xasprintf("HTTP/1.1 503 Busy\r\n%sContent-Length: 0\r\n\r\n", fields);
	struct http_response response;
	const char *why = "";
	size_t used = 0;

	assert_ok(http_response_parse(text, strlen(text), &response, &used, &why));
	return http_retry_s(&response, now_ms);
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
	const int64_t now_ms = INT64_C(784111777000);

	(void)state;
	assert_int_equal(retry_of("", now_ms), -1);
	assert_int_equal(retry_of("Retry-After: 7\r\n", now_ms), 7);
	assert_int_equal(retry_of("Retry-After: 86401\r\n", now_ms), 86400);
	assert_int_equal(retry_of("Retry-After: -1\r\n", now_ms), -1);
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n",
			     now_ms),
	    3);
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nov 1994 08:49:30 GMT\r\n",
			     now_ms),
	    0);
	assert_int_equal(retry_of("Retry-After: Mon, 06 Nov 2034 08:49:30 GMT\r\n",
			     now_ms),
	    86400);
	/* The server's own clock is the one that counts. */
	assert_int_equal(retry_of("Date: Sun, 06 Nov 1994 07:00:00 GMT\r\n"
				  "Retry-After: Sun, 06 Nov 1994 07:00:09 GMT\r\n",
			     now_ms),
	    9);
}

static mh_err
parse_proxy(const char *text, unsigned *ret_status)
{
	const char *why = "";
	size_t used = 0;
	mh_err err = http_proxy_parse(text, strlen(text), ret_status, &used, &why);

	if (err == MH_OK)
		assert_true(used <= strlen(text));
	return err;
}

static void
a_proxys_answer_is_its_status(void **state)
{
	static const char good[] =
	    "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
	static const char *const bad[] = { "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 199 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "\r\n\r\n" };
	MH_CLEANUP(freep) char *large = xcalloc(HTTP_HEAD_MAX + 64, 1);
	unsigned status = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		MH_CLEANUP(freep) char *part = xstrndup(good, i);

		assert_err(parse_proxy(part, &status), MH_ERR_AGAIN);
	}
	assert_ok(parse_proxy(good, &status));
	assert_int_equal(status, 200);
	assert_ok(parse_proxy("HTTP/1.0 407\r\n\r\nbody", &status));
	assert_int_equal(status, 407);
	assert_non_null(strstr(http_proxy_meaning(status), "password"));
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++)
		assert_err(parse_proxy(bad[i], &status), MH_ERR_PROTOCOL);
	/* Both sides of the limit. */
	memset(large, 'x', HTTP_HEAD_MAX);
	memcpy(large, "HTTP/1.1 200 ", 13);
	assert_err(parse_proxy(large, &status), MH_ERR_AGAIN);
	memcpy(large + HTTP_HEAD_MAX, "\r\n\r\n", 5);
	assert_ok(parse_proxy(large, &status));
	memcpy(large + HTTP_HEAD_MAX, "x\r\n\r\n", 6);
	assert_err(parse_proxy(large, &status), MH_ERR_TOOBIG);
}

static void
a_proxy_is_asked_with_the_password_in_base64(void **state)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1024);
	char credentials[64];
	char small[8];

	(void)state;
	http_basic("Aladdin", "open sesame", credentials, sizeof(credentials));
	assert_string_equal(credentials, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	http_connect_put("c.example:8443", credentials, b);
	assert_string_equal(buf_string(b),
	    "CONNECT c.example:8443 HTTP/1.1\r\nHost: c.example:8443\r\n"
	    "User-Agent: molehunt\r\nProxy-Authorization: Basic "
	    "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
	http_basic("Aladdin", "open sesame", small, sizeof(small));
	assert_string_equal(small, "");
}

static void
urls_of_proxies_are_read_strictly(void **state)
{
	static const char *const bad[] = { "https://p:1", "p:3128", "http://",
		"http://u:%zz@p:1", "http://u%0a@p:1", "http://u%00:x@p:1",
		"http://p:1/path", "http://p:0", "http://u%3a:x@p:1" };
	struct url_proxy p;
	const char *why = NULL;

	(void)state;
	assert_ok(url_proxy_parse("http://p.example:3128", &p, &why));
	assert_string_equal(p.at.host, "p.example");
	assert_string_equal(p.at.port, "3128");
	assert_string_equal(p.user, "");
	assert_ok(url_proxy_parse("http://me:a%40b:c@[::1]/", &p, &why));
	assert_string_equal(p.user, "me");
	assert_string_equal(p.password, "a@b:c");
	assert_string_equal(p.at.host, "::1");
	assert_string_equal(p.at.port, "80");
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		why = NULL;
		assert_err(url_proxy_parse(bad[i], &p, &why), MH_ERR_FORMAT);
		assert_non_null(why);
	}
}

static void
a_get_of_the_path_is_told_from_others(void **state)
{
	static const char good[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	MH_CLEANUP(freep) char *large = xcalloc(HTTP_HEAD_MAX + 2, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		assert_err(http_get_parse(good, i, "/metrics"), MH_ERR_AGAIN);
	assert_ok(http_get_parse(good, sizeof(good) - 1, "/metrics"));
	assert_ok(http_get_parse("GET /metrics?a=b HTTP/1.1\r\n\r\n", 29, "/metrics"));
	assert_err(http_get_parse("GET /metric HTTP/1.1\r\n\r\n", 24, "/metrics"),
	    MH_ERR_NOTFOUND);
	assert_err(http_get_parse("GET /metrics2 HTTP/1.1\r\n\r\n", 26, "/metrics"),
	    MH_ERR_NOTFOUND);
	assert_err(http_get_parse("GET /\r\n\r\n", 9, "/metrics"), MH_ERR_NOTFOUND);
	assert_err(http_get_parse("POST /metrics HTTP/1.1\r\n\r\n", 26, "/metrics"),
	    MH_ERR_PROTOCOL);
	memset(large, 'G', HTTP_HEAD_MAX + 1);
	assert_err(http_get_parse(large, HTTP_HEAD_MAX, "/metrics"), MH_ERR_AGAIN);
	assert_err(http_get_parse(large, HTTP_HEAD_MAX + 1, "/metrics"), MH_ERR_PROTOCOL);
}

static void
only_loopback_is_loopback(void **state)
{
	(void)state;
	assert_true(url_is_loopback("127.0.0.1:9639"));
	assert_true(url_is_loopback("127.9.9.9:1"));
	assert_true(url_is_loopback("[::1]:9639"));
	assert_false(url_is_loopback("0.0.0.0:9639"));
	assert_false(url_is_loopback("[::]:9639"));
	assert_false(url_is_loopback("10.0.0.1:9639"));
	assert_false(url_is_loopback("localhost:9639"));
	assert_false(url_is_loopback("127.0.0.1"));
	assert_false(url_is_loopback("127.0.0.1:"));
	assert_false(url_is_loopback("[::1]"));
	assert_false(url_is_loopback("127.0.0.1:80/x"));
	assert_false(url_is_loopback(""));
}

static void
hosts_match_themselves_and_their_domain(void **state)
{
	(void)state;
	assert_true(url_host_matches("c.example.com", "c.Example.com"));
	assert_true(url_host_matches("c.example.com", "example.com"));
	assert_true(url_host_matches("c.example.com", ".example.com"));
	assert_true(url_host_matches("10.0.0.1", "*"));
	assert_false(url_host_matches("c.badexample.com", "example.com"));
	assert_false(url_host_matches("example.com", "c.example.com"));
	assert_false(url_host_matches("example.com", ""));
	assert_false(url_host_matches("example.com", "."));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_all_three_forms_are_read),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(a_proxys_answer_is_its_status),
		cmocka_unit_test(a_proxy_is_asked_with_the_password_in_base64),
		cmocka_unit_test(urls_of_proxies_are_read_strictly),
		cmocka_unit_test(a_get_of_the_path_is_told_from_others),
		cmocka_unit_test(only_loopback_is_loopback),
		cmocka_unit_test(hosts_match_themselves_and_their_domain),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}

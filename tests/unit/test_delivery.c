/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "base/memory.h"
#include "records/delivery.h"
#include "records/messages.h"
#include "transport/http.h"

#define EPOCH "9e107d9d-372b-4b68-8f5a-0123456789ab"

static const struct delivery_key key = { EPOCH, 7 };

/* Each prefix of a payload and one byte more are refused; the whole is not. */
#define assert_only_whole(type, b, ret)                                                \
	do {                                                                           \
		for (size_t i = 0; i < buf_len(b); i++)                                \
			assert_err(type##_parse(buf_data(b), i, ret), MH_ERR_FORMAT);  \
		assert_ok(type##_parse(buf_data(b), buf_len(b), ret));                 \
		buf_put_u8(b, 0);                                                      \
		assert_err(type##_parse(buf_data(b), buf_len(b), ret), MH_ERR_FORMAT); \
		buf_truncate(b, buf_len(b) - 1);                                       \
	} while (0)

static void
messages_come_back_as_they_were_put(void **state)
{
	struct buf *b = buf_new(16384);
	const struct delivery_report report = { .key = key, .digest = { 1, 2, 3 } };
	const struct delivery_receipt receipt = { .key = key,
		.der = (const uint8_t *)"DER",
		.len = 3 };
	const struct delivery_refused refused = { .key = key,
		.status = 409,
		.code = "fork",
		.detail = "d\xc3\xa9tail" };
	const struct delivery_link link = { .state = LINK_BUSY,
		.sentence = "wait",
		.collector = "https://c:1",
		.not_before_ms = 1,
		.not_after_ms = 2,
		.trouble = "none",
		.knows_clock = true,
		.clock_ahead_ms = -3,
		.n_connections = 4,
		.n_resumed = 5,
		.n_failures = 6 };
	struct delivery_report report2;
	struct delivery_receipt receipt2;
	struct delivery_refused refused2;
	struct delivery_link link2;

	(void)state;
	delivery_report_put(&report, b);
	assert_only_whole(delivery_report, b, &report2);
	assert_string_equal(report2.key.epoch, EPOCH);
	assert_int_equal(report2.key.sequence, 7);
	assert_memory_equal(report2.digest, report.digest, sizeof(report.digest));
	assert_true(buf_len(b) <= message_table[MSG_REPORT].max_bytes);
	buf_reset(b);
	delivery_receipt_put(&receipt, b);
	assert_only_whole(delivery_receipt, b, &receipt2);
	assert_int_equal(receipt2.len, 3);
	assert_memory_equal(receipt2.der, "DER", 3);
	buf_reset(b);
	delivery_refused_put(&refused, b);
	assert_only_whole(delivery_refused, b, &refused2);
	assert_int_equal(refused2.status, 409);
	assert_string_equal(refused2.code, "fork");
	assert_string_equal(refused2.detail, refused.detail);
	buf_reset(b);
	delivery_link_put(&link, b);
	assert_only_whole(delivery_link, b, &link2);
	assert_int_equal(link2.state, LINK_BUSY);
	assert_string_equal(link2.sentence, "wait");
	assert_string_equal(link2.collector, "https://c:1");
	assert_int_equal(link2.not_after_ms, 2);
	assert_string_equal(link2.trouble, "none");
	assert_int_equal(link2.clock_ahead_ms, -3);
	assert_int_equal(link2.n_failures, 6);
	buf_free(b);
}

static void
settings_and_renewals_come_back_as_they_were_put(void **state)
{
	struct buf *b = buf_new(65536);
	struct delivery_settings *m = xcalloc(1, sizeof(*m));
	struct delivery_settings *m2 = xcalloc(1, sizeof(*m2));
	const struct delivery_renew renew = { (const uint8_t *)"REQ", 3 };
	const struct delivery_renewed good = { .certificate = (const uint8_t *)"CERT",
		.len = 4 };
	const struct delivery_renewed bad = { .why = "busy" };
	const struct delivery_renewed both = { (const uint8_t *)"C", 1, "and" };
	const struct delivery_renewed neither = { .why = "" };
	struct delivery_renew renew2;
	struct delivery_renewed renewed2;

	(void)state;
	for (size_t i = 0; i < DELIVERY_COLLECTORS_MAX; i++)
		memset(m->collectors[i], 'c', DELIVERY_URL_MAX);
	for (size_t i = 0; i < DELIVERY_NO_PROXY_MAX; i++)
		memset(m->no_proxy[i], 'h', DELIVERY_HOST_MAX);
	m->n_collectors = DELIVERY_COLLECTORS_MAX;
	m->n_no_proxy = DELIVERY_NO_PROXY_MAX;
	memset(m->proxy, 'p', DELIVERY_URL_MAX);
	memset(m->proxy_password, 's', DELIVERY_SECRET_MAX);
	m->replay_rate = DELIVERY_RATE_MAX;
	memset(m->metrics_listen, 'm', DELIVERY_LISTEN_MAX);
	delivery_settings_put(m, b);
	assert_true(buf_len(b) <= message_table[MSG_SETTINGS].max_bytes);
	assert_only_whole(delivery_settings, b, m2);
	assert_memory_equal(m, m2, sizeof(*m));
	buf_reset(b);
	m->replay_rate++;
	delivery_settings_put(m, b);
	assert_err(delivery_settings_parse(buf_data(b), buf_len(b), m2), MH_ERR_FORMAT);
	buf_reset(b);
	delivery_renew_put(&renew, b);
	assert_only_whole(delivery_renew, b, &renew2);
	assert_memory_equal(renew2.request, "REQ", 3);
	buf_reset(b);
	delivery_renewed_put(&good, b);
	assert_only_whole(delivery_renewed, b, &renewed2);
	assert_memory_equal(renewed2.certificate, "CERT", 4);
	buf_reset(b);
	delivery_renewed_put(&bad, b);
	assert_only_whole(delivery_renewed, b, &renewed2);
	assert_null(renewed2.certificate);
	buf_reset(b);
	delivery_renewed_put(&both, b);
	assert_err(delivery_renewed_parse(buf_data(b), buf_len(b), &renewed2),
	    MH_ERR_FORMAT);
	buf_reset(b);
	delivery_renewed_put(&neither, b);
	assert_err(delivery_renewed_parse(buf_data(b), buf_len(b), &renewed2),
	    MH_ERR_FORMAT);
	free(m);
	free(m2);
	buf_free(b);
}

static void
limits_hold_on_both_sides(void **state)
{
	struct buf *b = buf_new(65536);
	uint8_t *der = xcalloc(1, DELIVERY_RECEIPT_MAX + 1);
	struct delivery_receipt m = { .key = key,
		.der = der,
		.len = DELIVERY_RECEIPT_MAX };
	struct delivery_refused r = { .key = key, .status = 599 };
	struct delivery_receipt m2;
	struct delivery_refused r2;

	(void)state;
	delivery_receipt_put(&m, b);
	assert_ok(delivery_receipt_parse(buf_data(b), buf_len(b), &m2));
	assert_true(buf_len(b) <= message_table[MSG_RECEIPT].max_bytes);
	buf_reset(b);
	m.len++;
	delivery_receipt_put(&m, b);
	assert_err(delivery_receipt_parse(buf_data(b), buf_len(b), &m2), MH_ERR_FORMAT);
	buf_reset(b);
	m.len = 0;
	delivery_receipt_put(&m, b);
	assert_err(delivery_receipt_parse(buf_data(b), buf_len(b), &m2), MH_ERR_FORMAT);
	buf_reset(b);
	memset(r.code, 'c', DELIVERY_CODE_MAX);
	memset(r.detail, 'd', DELIVERY_SENTENCE_MAX);
	delivery_refused_put(&r, b);
	assert_true(buf_len(b) <= message_table[MSG_REFUSED].max_bytes);
	assert_ok(delivery_refused_parse(buf_data(b), buf_len(b), &r2));
	free(der);
	buf_free(b);
}

static void
values_out_of_range_are_refused(void **state)
{
	struct buf *b = buf_new(4096);
	struct delivery_refused r = { .key = key, .status = 99 };
	struct delivery_refused r2;
	struct delivery_link link = { .state = LINK_BUSY };
	struct delivery_link link2;

	(void)state;
	delivery_refused_put(&r, b);
	assert_err(delivery_refused_parse(buf_data(b), buf_len(b), &r2), MH_ERR_FORMAT);
	r.status = 400;
	r.detail[0] = (char)0xff;
	buf_reset(b);
	delivery_refused_put(&r, b);
	assert_err(delivery_refused_parse(buf_data(b), buf_len(b), &r2), MH_ERR_FORMAT);
	r.detail[0] = 0;
	r.key.sequence = 0;
	buf_reset(b);
	delivery_refused_put(&r, b);
	assert_err(delivery_refused_parse(buf_data(b), buf_len(b), &r2), MH_ERR_FORMAT);
	r.key.sequence = 1;
	r.key.epoch[0] = 'X';
	buf_reset(b);
	delivery_refused_put(&r, b);
	assert_err(delivery_refused_parse(buf_data(b), buf_len(b), &r2), MH_ERR_FORMAT);
	link.state = (enum delivery_link_state)(LINK_IDLE + 1);
	buf_reset(b);
	delivery_link_put(&link, b);
	assert_err(delivery_link_parse(buf_data(b), buf_len(b), &link2), MH_ERR_FORMAT);
	buf_free(b);
}

static void
text_is_cut_at_a_character(void **state)
{
	char to[4];

	(void)state;
	delivery_text_copy(to, sizeof(to), "abc");
	assert_string_equal(to, "abc");
	delivery_text_copy(to, sizeof(to), "abcd");
	assert_string_equal(to, "abc");
	delivery_text_copy(to, sizeof(to), "ab\xc3\xa9");
	assert_string_equal(to, "ab");
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static void
an_answer_is_taken_only_when_it_is_simple(void **state)
{
	static const struct {
		const char *text;
		mh_err err;
	} table[] = {
		{ OK_HEAD "Content-Length: 0\r\n\r\n", MH_OK },
		{ OK_HEAD "content-length:\t2 \r\nX: y\r\n\r\nab", MH_OK },
		{ OK_HEAD "Content-Length: 3\r\n\r\nab", MH_ERR_AGAIN },
		{ OK_HEAD "\r\n", MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: +3\r\n\r\nabc", MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: 3, 3\r\n\r\nabc", MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length : 3\r\n\r\nabc", MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		    MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
		    MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: 3\r\n folded\r\n\r\nabc", MH_ERR_PROTOCOL },
		{ OK_HEAD "Content-Length: 65536\r\n\r\n", MH_ERR_TOOBIG },
		{ OK_HEAD "no colon\r\n\r\n", MH_ERR_PROTOCOL },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", MH_ERR_PROTOCOL },
		{ "HTTP/1.1 100 Continue\r\n\r\n", MH_ERR_PROTOCOL },
		{ "HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n", MH_ERR_PROTOCOL },
		{ "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", MH_ERR_PROTOCOL },
		{ "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", MH_OK },
		{ "\r\n\r\n", MH_ERR_PROTOCOL },
		{ "SSH-2.0-OpenSSH\r\n", MH_ERR_AGAIN },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct http_response r;
		size_t used = 0;
		const char *why = NULL;

		assert_err(http_response_parse(table[i].text, strlen(table[i].text), &r,
			       &used, &why),
		    table[i].err);
		if (table[i].err == MH_OK)
			assert_int_equal(used, strlen(table[i].text));
		for (size_t len = 0; table[i].err == MH_OK && len < strlen(table[i].text);
		     len++)
			assert_err(http_response_parse(table[i].text, len, &r, &used,
				       &why),
			    MH_ERR_AGAIN);
	}
}

static void
an_answers_fields_are_understood(void **state)
{
	static const char text[] =
	    "HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nConnection: close\r\n"
	    "Content-Length: 33\r\n\r\n{\"error\":\"busy\",\"detail\":\"later\"}";
	static const char far[] =
	    "HTTP/1.1 429 X\r\nRetry-After: 999999\r\nContent-Length: 1\r\n\r\n[";
	struct http_response r;
	size_t used = 0;
	const char *why = NULL;
	char code[8];
	char detail[8];

	(void)state;
	assert_ok(http_response_parse(text, sizeof(text) - 1, &r, &used, &why));
	assert_int_equal(r.status, 503);
	assert_int_equal(r.retry_after_s, 17);
	assert_false(r.keeps_alive);
	http_error_parse(&r, code, sizeof(code), detail, sizeof(detail));
	assert_string_equal(code, "busy");
	assert_string_equal(detail, "later");
	assert_ok(http_response_parse(far, sizeof(far) - 1, &r, &used, &why));
	assert_int_equal(r.retry_after_s, HTTP_RETRY_AFTER_MAX_S);
	assert_true(r.keeps_alive);
	http_error_parse(&r, code, sizeof(code), detail, sizeof(detail));
	assert_string_equal(code, "");
}

static void
a_head_past_its_size_is_refused(void **state)
{
	char *text = xcalloc(1, HTTP_HEAD_MAX + 64);
	struct http_response r;
	size_t used = 0;
	const char *why = NULL;

	(void)state;
	memset(text, 'a', HTTP_HEAD_MAX + 1);
	assert_err(http_response_parse(text, HTTP_HEAD_MAX, &r, &used, &why),
	    MH_ERR_AGAIN);
	assert_err(http_response_parse(text, HTTP_HEAD_MAX + 1, &r, &used, &why),
	    MH_ERR_TOOBIG);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_back_as_they_were_put),
		cmocka_unit_test(settings_and_renewals_come_back_as_they_were_put),
		cmocka_unit_test(limits_hold_on_both_sides),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(text_is_cut_at_a_character),
		cmocka_unit_test(an_answer_is_taken_only_when_it_is_simple),
		cmocka_unit_test(an_answers_fields_are_understood),
		cmocka_unit_test(a_head_past_its_size_is_refused),
	};

	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}

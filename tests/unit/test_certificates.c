/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "records/certificates.h"

static const char agent[UUID_TEXT_LEN] = "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d";

static void
put_issue(struct buf *b, uint8_t label, const char *who, size_t len)
{
	static const uint8_t request[ISSUE_REQUEST_MAX + 1] = { 0x30 };
	struct issue m = { .id = 7,
		.label = label,
		.request = request,
		.request_len = len };

	memcpy(m.agent, who, UUID_TEXT_LEN);
	buf_reset(b);
	issue_put(&m, b);
}

static void
a_request_comes_back_and_its_prefixes_do_not(void **state)
{
	struct buf *b = buf_new(65536);
	struct issue m;

	(void)state;
	put_issue(b, LABEL_TLS, agent, 300);
	assert_ok(issue_read(buf_data(b), buf_len(b), &m));
	assert_int_equal(m.id, 7);
	assert_int_equal(m.label, LABEL_TLS);
	assert_string_equal(m.agent, agent);
	assert_int_equal(m.request_len, 300);
	for (size_t n = 0; n < buf_len(b); n++)
		assert_err(issue_read(buf_data(b), n, &m), MH_ERR_FORMAT);
	buf_put_u8(b, 0);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	buf_free(b);
}

static void
a_request_outside_its_limits_is_refused(void **state)
{
	static const char upper[UUID_TEXT_LEN] = "4F9C1A52-0D3E-4B7A-9C1D-2E5F6A7B8C9D";
	struct buf *b = buf_new(65536);
	struct issue m;

	(void)state;
	put_issue(b, LABEL_SIGNING, agent, ISSUE_REQUEST_MAX);
	assert_ok(issue_read(buf_data(b), buf_len(b), &m));
	put_issue(b, LABEL_SIGNING, agent, ISSUE_REQUEST_MAX + 1);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	put_issue(b, LABEL_SIGNING, agent, 0);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	put_issue(b, 0, agent, 1);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	put_issue(b, LABEL_MAX_, agent, 1);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	put_issue(b, LABEL_TLS, upper, 1);
	assert_err(issue_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	buf_free(b);
}

static void
an_answer_is_a_certificate_or_a_reason(void **state)
{
	struct buf *b = buf_new(65536);
	struct issued in = { .id = 9,
		.certificate = (const uint8_t *)"der",
		.certificate_len = 3 };
	struct issued m;

	(void)state;
	issued_put(&in, b);
	assert_ok(issued_read(buf_data(b), buf_len(b), &m));
	assert_memory_equal(m.certificate, "der", 3);
	for (size_t n = 0; n < buf_len(b); n++)
		assert_err(issued_read(buf_data(b), n, &m), MH_ERR_FORMAT);
	(void)snprintf(in.why, sizeof(in.why), "both");
	buf_reset(b);
	issued_put(&in, b);
	assert_err(issued_read(buf_data(b), buf_len(b), &m), MH_ERR_FORMAT);
	in.certificate_len = 0;
	buf_reset(b);
	issued_put(&in, b);
	assert_ok(issued_read(buf_data(b), buf_len(b), &m));
	assert_string_equal(m.why, "both");
	assert_null(m.certificate);
	buf_free(b);
}

static void
labels_have_names(void **state)
{
	(void)state;
	assert_int_equal(certificate_label_find("tls", 3), LABEL_TLS);
	assert_int_equal(certificate_label_find("tlsx", 4), 0);
	assert_string_equal(certificate_label_name(LABEL_SIGNING), "signing");
	assert_null(certificate_label_name(0));
	assert_null(certificate_label_name(LABEL_MAX_));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_back_and_its_prefixes_do_not),
		cmocka_unit_test(a_request_outside_its_limits_is_refused),
		cmocka_unit_test(an_answer_is_a_certificate_or_a_reason),
		cmocka_unit_test(labels_have_names),
	};

	return cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}

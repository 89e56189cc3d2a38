/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "collector/signed_text.h"
#include "tests/unit/mh_fleet.h"
#include "transport/report.h"

static const char finding[] = "{\"class_uid\":2004}";
static const char coverage[] = "{\"type\":\"coverage\"}";

/* A sealed report of two lines; the caller's. */
static uint8_t *
seal(size_t *ret_len)
{
	struct fleet *fleet = fleet_new();
	const struct report_line lines[] = { { LANE_FINDING, finding, strlen(finding) },
		{ LANE_COVERAGE, coverage, strlen(coverage) } };
	struct report_header h = { .sequence = 1,
		.agent = FLEET_AGENT,
		.epoch = FLEET_EPOCH };
	uint8_t *der = NULL;
	size_t taken = 0;

	assert_ok(report_seal(fleet->signing.key, fleet->signing.cert, &h, lines, 2,
	    &taken, &der, ret_len));
	fleet_free(fleet);
	return der;
}

static void
assert_line(const struct buf *text, size_t n, const char *want)
{
	size_t len = 0;
	const char *line = signed_text_line(text, n, &len);

	assert_non_null(line);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void
the_lines_that_were_signed_come_back(void **state)
{
	size_t len = 0;
	uint8_t *der = seal(&len);
	struct buf *text = buf_new(REPORT_UNPACKED_MAX);

	(void)state;
	assert_ok(signed_text_read(der, len, text));
	assert_line(text, 1, finding);
	assert_line(text, 2, coverage);
	assert_null(signed_text_line(text, 3, &len));
	buf_free(text);
	free(der);
}

static void
what_is_no_report_is_damage(void **state)
{
	size_t len = 0;
	uint8_t *der = seal(&len);
	struct buf *text = buf_new(REPORT_UNPACKED_MAX);

	(void)state;
	assert_err(signed_text_read(NULL, 0, text), MH_ERR_CORRUPT);
	assert_err(signed_text_read(der, CMS_ENVELOPE_MAX + 1, text), MH_ERR_CORRUPT);
	for (size_t n = 0; n < len; n += n < 100 ? 1 : 17) {
		uint8_t *part = xmemdup(der, n > 0 ? n : 1);

		assert_err(signed_text_read(part, n, text), MH_ERR_CORRUPT);
		free(part);
	}
	/* A changed byte is damage or other text, never a crash. */
	for (size_t n = 0; n < len; n += 3) {
		der[n] ^= 0x40;
		mh_ignore(signed_text_read(der, len, text));
		der[n] ^= 0x40;
	}
	buf_free(text);
	free(der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lines_that_were_signed_come_back),
		cmocka_unit_test(what_is_no_report_is_damage),
	};

	return cmocka_run_group_tests_name("signed_text", tests, NULL, NULL);
}

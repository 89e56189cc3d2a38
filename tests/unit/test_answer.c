/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collector's answer as its bytes: cut anywhere, or with any byte changed, it never
 * becomes a receipt for anything but the report that it is for.
 */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/http.h"
#include "transport/receipt.h"

enum { ANSWER_MAX = 16 * 1024 };

struct ground {
	struct fleet *fleet;
	struct receipt receipt;
	struct buf *answer;
	size_t head_len;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	MH_CLEANUP(freep) uint8_t *der = NULL;
	size_t len = 0;

	g->fleet = fleet_new();
	g->receipt = (struct receipt){ .agent = FLEET_AGENT,
		.epoch = FLEET_EPOCH,
		.sequence = 7,
		.digest = { 1, 2, 255 },
		.received_ms = FLEET_NOW_MS };
	g->answer = buf_new(ANSWER_MAX);
	assert_ok(receipt_seal(g->fleet->receipt.key, g->fleet->receipt.cert, &g->receipt,
	    &der, &len));
	buf_addf(g->answer,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\n"
	    "Content-Length: %zu\r\nDate: Wed, 25 Nov 2026 12:00:00 GMT\r\n\r\n",
	    len);
	g->head_len = buf_len(g->answer);
	buf_put(g->answer, der, len);
	assert_ok(buf_error(g->answer));
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	fleet_free(g->fleet);
	buf_free(g->answer);
	free(g);
	return 0;
}

/* Whether the bytes are an answer with a receipt; then it is the one that was sealed. */
static bool
is_receipt(struct ground *g, const char *p, size_t len)
{
	struct http_response response;
	struct receipt receipt;
	const char *why = NULL;
	size_t used = 0;

	if (http_response_parse(p, len, &response, &used, &why) != MH_OK ||
	    response.status != 200)
		return false;
	assert_true(used <= len);
	if (receipt_open((const uint8_t *)response.body, response.body_len,
		g->fleet->store, FLEET_NOW_MS, &receipt, &why) != MH_OK)
		return false;
	assert_string_equal(receipt.agent, g->receipt.agent);
	assert_string_equal(receipt.epoch, g->receipt.epoch);
	assert_int_equal(receipt.sequence, g->receipt.sequence);
	assert_memory_equal(receipt.digest, g->receipt.digest, DIGEST_BYTES);
	return true;
}

static void
the_whole_answer_is_a_receipt(void **state)
{
	struct ground *g = *state;

	assert_true(is_receipt(g, buf_string(g->answer), buf_len(g->answer)));
}

static void
no_prefix_of_an_answer_is_a_receipt(void **state)
{
	struct ground *g = *state;

	for (size_t n = 0; n < buf_len(g->answer); n++) {
		/* Its own memory, so that a sanitizer sees a read past the end. */
		MH_CLEANUP(freep) char *cut = xmemdup(buf_data(g->answer), n + 1);
		struct http_response response;
		const char *why = NULL;
		size_t used = 0;

		assert_err(http_response_parse(cut, n, &response, &used, &why),
		    MH_ERR_AGAIN);
	}
}

static void
no_changed_byte_makes_another_receipt(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *p = xmemdup(buf_data(g->answer), buf_len(g->answer));

	for (size_t n = 0; n < buf_len(g->answer); n++) {
		for (int bit = 0; bit < 8; bit++) {
			p[n] = (char)(p[n] ^ 1 << bit);
			(void)is_receipt(g, p, buf_len(g->answer));
			p[n] = (char)(p[n] ^ 1 << bit);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_whole_answer_is_a_receipt, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(no_prefix_of_an_answer_is_a_receipt,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(no_changed_byte_makes_another_receipt,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/receipt.h"

struct ground {
	struct fleet *fleet;
	struct receipt receipt;
	uint8_t *der;
	size_t len;
	const char *why;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->fleet = fleet_new();
	g->receipt = (struct receipt){ .agent = FLEET_AGENT,
		.epoch = FLEET_EPOCH,
		.sequence = 7,
		.digest = { 1, 2, 255 },
		.received_ms = FLEET_NOW_MS };
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	fleet_free(g->fleet);
	free(g->der);
	free(g);
	return 0;
}

static void
seal(struct ground *g, const struct fleet_pair *pair)
{
	free(g->der);
	g->der = NULL;
	assert_ok(receipt_seal(pair->key, pair->cert, &g->receipt, &g->der, &g->len));
	assert_true(g->len <= RECEIPT_MAX);
}

static mh_err
open_it(struct ground *g, struct receipt *ret)
{
	return receipt_open(g->der, g->len, g->fleet->store, FLEET_NOW_MS, ret, &g->why);
}

static void
a_receipt_opens_as_it_was_sealed(void **state)
{
	struct ground *g = *state;
	struct receipt r;

	seal(g, &g->fleet->receipt);
	assert_ok(open_it(g, &r));
	assert_memory_equal(&r, &g->receipt, sizeof(r));
	assert_true(receipt_is_for(&r, FLEET_AGENT, FLEET_EPOCH, 7, g->receipt.digest));
	assert_false(
	    receipt_is_for(&r, FLEET_OTHER_AGENT, FLEET_EPOCH, 7, g->receipt.digest));
	assert_false(
	    receipt_is_for(&r, FLEET_AGENT, FLEET_OTHER_AGENT, 7, g->receipt.digest));
	assert_false(receipt_is_for(&r, FLEET_AGENT, FLEET_EPOCH, 8, g->receipt.digest));
	r.digest[31] ^= 1;
	assert_false(receipt_is_for(&r, FLEET_AGENT, FLEET_EPOCH, 7, g->receipt.digest));
}

static void
any_flipped_byte_and_any_prefix_is_refused(void **state)
{
	struct ground *g = *state;
	struct receipt r;

	seal(g, &g->fleet->receipt);
	for (size_t i = 0; i < g->len; i++) {
		g->der[i] ^= 1;
		assert_int_not_equal(open_it(g, &r), MH_OK);
		assert_true(strlen(g->why) > 5);
		g->der[i] ^= 1;
	}
	for (size_t len = g->len; len-- > 0;) {
		g->len = len;
		assert_int_not_equal(open_it(g, &r), MH_OK);
	}
	g->len = RECEIPT_MAX + 1;
	assert_err(open_it(g, &r), MH_ERR_TOOBIG);
}

static void
only_the_collector_signs_receipts(void **state)
{
	struct ground *g = *state;
	struct fleet *foreign = fleet_new();
	struct fleet_pair mixed = fleet_issue(g->fleet,
	    "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:receipt", "emailProtection",
	    FLEET_NOW_MS - FLEET_DAY_MS, FLEET_NOW_MS + FLEET_DAY_MS);
	struct receipt r;

	seal(g, &g->fleet->signing);
	assert_err(open_it(g, &r), MH_ERR_CERTIFICATE);
	seal(g, &mixed);
	assert_err(open_it(g, &r), MH_ERR_CERTIFICATE);
	seal(g, &foreign->receipt);
	assert_err(open_it(g, &r), MH_ERR_CERTIFICATE);
	fleet_pair_clear(&mixed);
	fleet_free(foreign);
}

static void
a_receipt_from_before_its_certificate_is_refused(void **state)
{
	struct ground *g = *state;
	struct receipt r;

	g->receipt.received_ms = FLEET_NOW_MS - 15 * FLEET_DAY_MS;
	seal(g, &g->fleet->receipt);
	assert_ok(open_it(g, &r));
	g->receipt.received_ms--;
	seal(g, &g->fleet->receipt);
	assert_err(open_it(g, &r), MH_ERR_EXPIRED);
}

static void
other_content_is_refused(void **state)
{
	struct ground *g = *state;
	struct receipt r;
	static const char *const texts[] = {
		"",
		"{}",
		"{\"type\":\"report\",\"version\":1,\"agent\":\"" FLEET_AGENT
		"\",\"epoch\":\"" FLEET_EPOCH "\",\"sequence\":7,\"sha256\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"received\":\"2027-01-15T08:00:00.000Z\"}",
		"{\"type\":\"receipt\",\"version\":2,\"agent\":\"" FLEET_AGENT
		"\",\"epoch\":\"" FLEET_EPOCH "\",\"sequence\":7,\"sha256\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"received\":\"2027-01-15T08:00:00.000Z\"}",
		"{\"type\":\"receipt\",\"version\":1,\"agent\":\"" FLEET_AGENT
		"\",\"epoch\":\"" FLEET_EPOCH "\",\"sequence\":0,\"sha256\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"received\":\"2027-01-15T08:00:00.000Z\"}",
		"{\"type\":\"receipt\",\"version\":1,\"agent\":\"" FLEET_AGENT
		"\",\"epoch\":\"" FLEET_EPOCH "\",\"sequence\":7,\"sha256\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"received\":\"2027-01-15T08:00:00.000Z\"}",
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(texts); i++) {
		free(g->der);
		g->der = NULL;
		assert_ok(cms_sign(g->fleet->receipt.key, g->fleet->receipt.cert,
		    texts[i], strlen(texts[i]), &g->der, &g->len));
		assert_err(open_it(g, &r), MH_ERR_FORMAT);
	}
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_receipt_opens_as_it_was_sealed),
		with_ground(any_flipped_byte_and_any_prefix_is_refused),
		with_ground(only_the_collector_signs_receipts),
		with_ground(a_receipt_from_before_its_certificate_is_refused),
		with_ground(other_content_is_refused),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}

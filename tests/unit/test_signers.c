/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "tests/unit/mh_mirror.h"
#include "transport/signers.h"

static const char text[] = "what is signed";

struct ground {
	struct fleet *fleet;
	struct signers *signers;
	uint8_t *der;
	size_t len;
	struct buf *data;
	struct certificate_facts facts;
};

static int
setup(void **state)
{
	static struct ground g;

	g = (struct ground){ .fleet = fleet_new(), .data = buf_new(CMS_CONTENT_MAX) };
	g.signers = signers_new(g.fleet->ca.cert, 16);
	assert_ok(cms_sign(g.fleet->signing.key, g.fleet->signing.cert, text,
	    sizeof(text), &g.der, &g.len));
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	signers_free(g->signers);
	buf_free(g->data);
	free(g->der);
	fleet_free(g->fleet);
	return 0;
}

static bool
is_known_at(struct ground *g, const uint8_t *der, size_t len, int64_t now_ms)
{
	bool known = false;

	buf_reset(g->data);
	known = signers_verify(g->signers, der, len, now_ms, g->data, &g->facts);
	assert_int_equal(buf_len(g->data), known ? sizeof(text) : 0);
	return known;
}

/* As the collector does: verify in full, then remember. */
static void
meet(struct ground *g, const uint8_t *der, size_t len)
{
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	MH_CLEANUP(buf_freep) struct buf *data = buf_new(CMS_CONTENT_MAX);
	struct certificate_facts facts;
	const char *why = NULL;

	assert_ok(cms_verify(der, len, g->fleet->store, FLEET_NOW_MS, data, &cert, &why));
	assert_ok(certificate_read(cert, &facts));
	signers_add(g->signers, der, len, cert, &facts);
}

static void
a_signer_is_known_once_it_was_verified(void **state)
{
	struct ground *g = *state;
	uint8_t *second = NULL;
	size_t len = 0;

	assert_false(is_known_at(g, g->der, g->len, FLEET_NOW_MS));
	meet(g, g->der, g->len);
	meet(g, g->der, g->len);
	assert_int_equal(signers_count(g->signers), 1);
	assert_true(is_known_at(g, g->der, g->len, FLEET_NOW_MS));
	assert_string_equal(g->facts.agent, FLEET_AGENT);
	assert_int_equal(g->facts.uses, CERTIFICATE_SIGNING);
	assert_memory_equal(buf_data(g->data), text, sizeof(text));
	assert_ok(cms_sign(g->fleet->signing.key, g->fleet->signing.cert, text,
	    sizeof(text), &second, &len));
	assert_true(is_known_at(g, second, len, FLEET_NOW_MS));
	free(second);
}

static void
outside_of_its_life_it_is_not_known(void **state)
{
	struct ground *g = *state;
	struct certificate_facts facts;

	meet(g, g->der, g->len);
	assert_ok(certificate_read(g->fleet->signing.cert, &facts));
	assert_true(is_known_at(g, g->der, g->len, facts.not_before_ms));
	assert_false(is_known_at(g, g->der, g->len, facts.not_before_ms - 1));
	assert_true(is_known_at(g, g->der, g->len, facts.not_after_ms + 999));
	assert_false(is_known_at(g, g->der, g->len, facts.not_after_ms + 1000));
}

static void
no_changed_byte_and_no_part_is_known(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) uint8_t *copy = xcalloc(1, g->len + 1);

	meet(g, g->der, g->len);
	for (size_t i = 0; i < g->len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(copy, g->der, g->len);
			copy[i] ^= (uint8_t)(1u << bit);
			assert_false(is_known_at(g, copy, g->len, FLEET_NOW_MS));
		}
	}
	memcpy(copy, g->der, g->len);
	for (size_t i = 0; i < g->len; i++)
		assert_false(is_known_at(g, copy, i, FLEET_NOW_MS));
	assert_false(is_known_at(g, copy, g->len + 1, FLEET_NOW_MS));
}

static void
another_key_with_a_known_certificate_is_not_known(void **state)
{
	struct ground *g = *state;
	struct fleet_pair other = fleet_issue(g->fleet, "URI:urn:molehunt:signing",
	    "emailProtection", FLEET_NOW_MS - FLEET_DAY_MS, FLEET_NOW_MS + FLEET_DAY_MS);
	uint8_t *der = NULL;
	size_t len = 0;

	meet(g, g->der, g->len);
	assert_ok(cms_sign(other.key, other.cert, text, sizeof(text), &der, &len));
	assert_false(is_known_at(g, der, len, FLEET_NOW_MS));
	free(der);
	fleet_pair_clear(&other);
}

static void
the_higher_s_of_a_known_signer_is_not_known(void **state)
{
	struct ground *g = *state;
	size_t len = 0;
	uint8_t *other = mirror(g->der, g->len, &len);

	meet(g, g->der, g->len);
	assert_true(is_known_at(g, g->der, g->len, FLEET_NOW_MS));
	assert_false(is_known_at(g, other, len, FLEET_NOW_MS));
	free(other);
}

static void
the_number_that_is_remembered_is_bounded(void **state)
{
	struct ground *g = *state;

	for (int i = 0; i < 50; i++) {
		struct fleet_pair pair =
		    fleet_issue(g->fleet, "URI:urn:molehunt:signing", "emailProtection",
			FLEET_NOW_MS - FLEET_DAY_MS, FLEET_NOW_MS + FLEET_DAY_MS);
		uint8_t *der = NULL;
		size_t len = 0;

		assert_ok(cms_sign(pair.key, pair.cert, text, sizeof(text), &der, &len));
		meet(g, der, len);
		assert_true(is_known_at(g, der, len, FLEET_NOW_MS));
		free(der);
		fleet_pair_clear(&pair);
	}
	assert_in_range(signers_count(g->signers), 4, 16);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signer_is_known_once_it_was_verified),
		TEST(outside_of_its_life_it_is_not_known),
		TEST(no_changed_byte_and_no_part_is_known),
		TEST(another_key_with_a_known_certificate_is_not_known),
		TEST(the_higher_s_of_a_known_signer_is_not_known),
		TEST(the_number_that_is_remembered_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new certificate has to be before anything is done with it. */
#include "tests/unit/mh_test.h"

#include "base/clock.h"
#include "tests/unit/mh_fleet.h"
#include "transport/est.h"

#define SIGNING "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing"

static void
only_what_was_asked_for_is_taken(void **state)
{
	static const struct {
		const char *san, *eku;
		int from_days, to_days;
		const char *why; /* NULL: it is good */
	} table[] = {
		{ SIGNING, "emailProtection", -1, 30, NULL },
		{ SIGNING, "emailProtection", -30, -1, "not valid now" },
		{ SIGNING, "emailProtection", 1, 30, "not valid now" },
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls", "clientAuth", -1,
		    30, "this use" },
		{ SIGNING ",URI:urn:molehunt:receipt", "emailProtection", -1, 30,
		    "this use" },
		{ "URI:urn:molehunt:signing", "emailProtection", -1, 30, "this use" },
		{ "URI:urn:uuid:" FLEET_OTHER_AGENT ",URI:urn:molehunt:signing",
		    "emailProtection", -1, 30, "another agent's" },
	};
	int64_t now = clock_real_ms();
	struct fleet *fleet = fleet_new_at(now);
	struct fleet *other = fleet_new_at(now);

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct fleet_pair pair = fleet_issue(fleet, table[i].san, table[i].eku,
		    now + table[i].from_days * FLEET_DAY_MS,
		    now + table[i].to_days * FLEET_DAY_MS);
		struct est_wish wish = { fleet->ca.cert, pair.key, CERTIFICATE_SIGNING,
			FLEET_AGENT };
		struct certificate_facts facts;
		const char *why = NULL;
		mh_err err = est_check(pair.cert, &wish, &facts, &why);

		assert_err(err, table[i].why == NULL ? MH_OK : MH_ERR_CERTIFICATE);
		if (table[i].why != NULL)
			assert_non_null(strstr(why, table[i].why));
		if (table[i].why == NULL) {
			wish.key = fleet->tls.key;
			assert_err(est_check(pair.cert, &wish, &facts, &why),
			    MH_ERR_CERTIFICATE);
			assert_non_null(strstr(why, "another key"));
			wish.key = pair.key;
			wish.ca = other->ca.cert;
			assert_err(est_check(pair.cert, &wish, &facts, &why),
			    MH_ERR_CERTIFICATE);
			assert_non_null(strstr(why, "the fleet's CA"));
		}
		fleet_pair_clear(&pair);
	}
	fleet_free(fleet);
	fleet_free(other);
}

static void
a_body_that_is_no_certificate_is_none(void **state)
{
	(void)state;
	assert_null(est_certificate("", 0));
	assert_null(est_certificate("====", 4));
	assert_null(est_certificate("AAA", 3));
	assert_null(est_certificate("AAAA", 4));
	assert_null(est_certificate("AA\0A", 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_asked_for_is_taken),
		cmocka_unit_test(a_body_that_is_no_certificate_is_none),
	};

	return cmocka_run_group_tests_name("est", tests, NULL, NULL);
}

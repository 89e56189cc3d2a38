/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "transport/low_s.h"

/* Of P-256: the half of its order, one more, the order less one, the order. */
#define HALF "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
#define MORE "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9"
#define LAST "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define ORDER "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

struct der {
	uint8_t bytes[LOW_S_BYTES_MAX + 8];
	size_t len;
};

static struct der
from_hex(const char *hex)
{
	struct der der = { .len = strlen(hex) / 2 };

	assert_true(der.len <= sizeof(der.bytes));
	assert_ok(text_unhex(hex, der.bytes, der.len));
	return der;
}

static bool
is_low(const char *hex)
{
	struct der der = from_hex(hex);

	return low_s_is(der.bytes, der.len);
}

static void
the_half_of_the_order_is_the_limit(void **state)
{
	(void)state;
	assert_true(is_low("3006"
			   "020101"
			   "020101"));
	assert_true(is_low("3025"
			   "020101"
			   "0220" HALF));
	assert_false(is_low("3025"
			    "020101"
			    "0220" MORE));
	assert_false(is_low("3026"
			    "020101"
			    "0221" LAST));
	/* r may be any below the order. */
	assert_true(is_low("3026"
			   "0221" LAST "020101"));
	assert_true(is_low("3045"
			   "0221" LAST "0220" HALF));
	assert_false(is_low("3026"
			    "0221" ORDER "020101"));
}

static void
what_is_no_signature_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"30",
		"3000",
		"3006"
		"020100"
		"020101", /* r = 0 */
		"3006"
		"020101"
		"020100", /* s = 0 */
		"3006"
		"0201ff"
		"020101", /* r < 0 */
		"3006"
		"020101"
		"020180", /* s < 0 */
		"3006"
		"020101"
		"0201", /* cut */
		"3006"
		"020101"
		"020101"
		"00", /* more behind */
		"3007"
		"02020001"
		"020101", /* a zero too many */
		"3007"
		"020101"
		"02020001",
		"308106"
		"020101"
		"020101", /* a longer form of the length */
		"3080"
		"020101"
		"020101"
		"0000", /* BER without a length */
		"3006"
		"040101"
		"020101", /* another type */
		"3046"
		"0221" ORDER "0221" ORDER "00",
		/* numbers that do not fit */
		"3026"
		"020101"
		"0221"
		"01" HALF,
		"3028"
		"020101"
		"0223"
		"010000" HALF,
	};
	uint8_t ret[LOW_S_BYTES_MAX];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		if (is_low(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}

	struct der der = from_hex("3006"
				  "020101"
				  "020100");

	assert_err(low_s_make(der.bytes, der.len, ret, &len), MH_ERR_FORMAT);
	assert_err(low_s_make(der.bytes, 0, ret, &len), MH_ERR_FORMAT);
}

static void
the_higher_becomes_the_lower(void **state)
{
	static const char *const pairs[][2] = {
		{ "3026"
		  "020107"
		  "0221" LAST,
		    "3006"
		    "020107"
		    "020101" },
		{ "3025"
		  "020107"
		  "0220" MORE,
		    "3025"
		    "020107"
		    "0220" HALF },
		{ "3025"
		  "020107"
		  "0220" HALF,
		    "3025"
		    "020107"
		    "0220" HALF },
		{ "3006"
		  "020107"
		  "020101",
		    "3006"
		    "020107"
		    "020101" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(pairs); i++) {
		struct der from = from_hex(pairs[i][0]);
		struct der to = from_hex(pairs[i][1]);
		uint8_t ret[LOW_S_BYTES_MAX];
		size_t len = 0;

		assert_ok(low_s_make(from.bytes, from.len, ret, &len));
		assert_int_equal(len, to.len);
		assert_memory_equal(ret, to.bytes, len);
		assert_true(low_s_is(ret, len));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_half_of_the_order_is_the_limit),
		cmocka_unit_test(what_is_no_signature_is_refused),
		cmocka_unit_test(the_higher_becomes_the_lower),
	};

	return cmocka_run_group_tests_name("low_s", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/siphash.h"

#include "base/attributes.h"
#include "tests/unit/mh_test.h"

/* The vectors of the reference implementation: key 00..0f, input 00 01 02 ... */
static void
hashes_are_those_of_the_reference(void **state)
{
	static const uint64_t expected[] = { 0x726fdb47dd0e0e31u, 0x93f5f5799a932462u,
		0x3f2acc7f57c29bdbu };
	uint8_t key[SIPHASH_KEY_BYTES];
	uint64_t words[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

	(void)state;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t n = 0; n < MH_ARRAY_LEN(expected); n++)
		assert_int_equal(siphash_words(key, words, n), expected[n]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "scanners/unit_cache.h"

static int
setup(void **state)
{
	*state = unit_cache_new();
	return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	unit_cache_free(*state);
	return 0;
}

static struct unit_hash
hash_of(struct unit_cache *cache, uint32_t number)
{
	struct unit_hash hash;

	assert_true(unit_cache_hash(cache, &number, sizeof(number), &hash));
	return hash;
}

static bool
knows(struct unit_cache *cache, uint32_t number, uint32_t n_expected)
{
	struct unit_hash hash = hash_of(cache, number);
	const struct unit_window *windows = NULL;
	uint32_t n = UINT32_MAX;

	if (!unit_cache_find(cache, &hash, &windows, &n))
		return false;
	assert_int_equal(n, n_expected);
	for (uint32_t i = 0; i < n; i++)
		assert_true(windows[i].start == number + 2 * i &&
			    windows[i].end == number + 2 * i + 1);
	return true;
}

static void
add(struct unit_cache *cache, uint32_t number, uint32_t n)
{
	struct unit_hash hash = hash_of(cache, number);
	struct unit_window windows[UNIT_WINDOWS_MAX];

	for (uint32_t i = 0; i < n; i++)
		windows[i] = (struct unit_window){ number + 2 * i, number + 2 * i + 1 };
	unit_cache_add(cache, &hash, windows, n);
}

static void
a_unit_is_known_by_its_content(void **state)
{
	struct unit_cache *cache = *state;

	assert_false(knows(cache, 1, 0));
	add(cache, 1, 0);
	add(cache, 2, 3);
	add(cache, 3, UNIT_WINDOWS_MAX);
	assert_true(knows(cache, 1, 0));
	assert_true(knows(cache, 2, 3));
	assert_true(knows(cache, 3, UNIT_WINDOWS_MAX));
	assert_false(knows(cache, 4, 0));
	/* Once more changes nothing. */
	add(cache, 2, 1);
	assert_true(knows(cache, 2, 3));
}

static void
hashes_differ_by_content_length_and_key(void **state)
{
	static const uint8_t zeros[64];
	struct unit_cache *other = unit_cache_new();
	struct unit_hash hashes[3];

	assert_true(unit_cache_hash(*state, zeros, 63, &hashes[0]));
	assert_true(unit_cache_hash(*state, zeros, 64, &hashes[1]));
	assert_memory_not_equal(&hashes[0], &hashes[1], sizeof(hashes[0]));
	assert_true(unit_cache_hash(*state, zeros, 63, &hashes[2]));
	assert_memory_equal(&hashes[0], &hashes[2], sizeof(hashes[0]));
	assert_true(unit_cache_hash(other, zeros, 63, &hashes[2]));
	assert_memory_not_equal(&hashes[0], &hashes[2], sizeof(hashes[0]));
	unit_cache_free(other);
}

static void
a_cleared_cache_knows_nothing(void **state)
{
	unit_cache_clear(*state);
	add(*state, 1, 2);
	unit_cache_clear(*state);
	assert_false(knows(*state, 1, 2));
	add(*state, 1, 2);
	assert_true(knows(*state, 1, 2));
}

static void
units_past_the_limit_begin_anew(void **state)
{
	for (uint32_t i = 0; i < UNIT_CACHE_UNITS; i++)
		add(*state, i, i % 3);
	for (uint32_t i = 0; i < UNIT_CACHE_UNITS; i++)
		assert_true(knows(*state, i, i % 3));
	add(*state, UNIT_CACHE_UNITS, 1);
	assert_true(knows(*state, UNIT_CACHE_UNITS, 1));
	assert_false(knows(*state, 0, 0));
	assert_false(knows(*state, UNIT_CACHE_UNITS - 1, 0));
}

static void
windows_past_the_limit_begin_anew(void **state)
{
	uint32_t n = UNIT_CACHE_WINDOWS / UNIT_WINDOWS_MAX;

	for (uint32_t i = 0; i < n; i++)
		add(*state, i * 1000, UNIT_WINDOWS_MAX);
	assert_true(knows(*state, 0, UNIT_WINDOWS_MAX));
	assert_true(knows(*state, (n - 1) * 1000, UNIT_WINDOWS_MAX));
	add(*state, 7, 0); /* needs no room */
	assert_true(knows(*state, 0, UNIT_WINDOWS_MAX));
	add(*state, 8, 1);
	assert_true(knows(*state, 8, 1));
	assert_false(knows(*state, 0, UNIT_WINDOWS_MAX));
}

#define with_cache(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_cache(a_unit_is_known_by_its_content),
		with_cache(hashes_differ_by_content_length_and_key),
		with_cache(a_cleared_cache_knows_nothing),
		with_cache(units_past_the_limit_begin_anew),
		with_cache(windows_past_the_limit_begin_anew),
	};

	return cmocka_run_group_tests_name("unit_cache", tests, NULL, NULL);
}

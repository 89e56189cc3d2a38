/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <string.h>

#include "base/memory.h"
#include "transport/gzip.h"

/* Text of n bytes that compresses, packed. */
static struct buf *
packed_new(size_t n)
{
	MH_CLEANUP(freep) char *text = xcalloc(1, n + 1);
	struct buf *packed = buf_new(16 * 1024 * 1024);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + (i * i / 7) % 26);
	assert_ok(gzip_pack(text, n, packed));
	return packed;
}

static void
every_size_comes_back_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 1022, 1023, 1024, 1025, 65535, 65536, 65537,
		1000000, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1 };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(sizes); i++) {
		MH_CLEANUP(buf_freep) struct buf *packed = packed_new(sizes[i]);
		MH_CLEANUP(buf_freep) struct buf *out = buf_new(sizes[i]);

		assert_ok(gzip_unpack(buf_data(packed), buf_len(packed), out));
		assert_int_equal(buf_len(out), sizes[i]);
	}
}

static void
one_byte_more_than_allowed_is_too_big(void **state)
{
	MH_CLEANUP(buf_freep) struct buf *packed = packed_new(100000);
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(99999);

	(void)state;
	assert_err(gzip_unpack(buf_data(packed), buf_len(packed), out), MH_ERR_TOOBIG);
	assert_int_equal(buf_len(out), 0);
}

/* The size in the last bytes is only a claim; it is where unpacking begins. */
static void
a_size_that_lies_is_malformed_and_costs_nothing(void **state)
{
	static const uint8_t claims[][4] = { { 0, 0, 0, 0 }, { 1, 0, 0, 0 },
		{ 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, 1 }, { 0xff, 0xff, 0x0f, 0 } };
	MH_CLEANUP(buf_freep) struct buf *packed = packed_new(100000);
	size_t len = buf_len(packed);

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(claims); i++) {
		MH_CLEANUP(freep) uint8_t *copy = xmemdup(buf_data(packed), len);
		MH_CLEANUP(buf_freep) struct buf *out = buf_new(1024 * 1024);

		memcpy(copy + len - 4, claims[i], 4);
		assert_err(gzip_unpack(copy, len, out), MH_ERR_FORMAT);
		assert_int_equal(buf_len(out), 0);
	}
}

static void
no_input_and_a_part_of_it_are_malformed(void **state)
{
	MH_CLEANUP(buf_freep) struct buf *packed = packed_new(1000);
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(1024 * 1024);

	(void)state;
	for (size_t len = 0; len < buf_len(packed); len++)
		assert_err(gzip_unpack(buf_data(packed), len, out), MH_ERR_FORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_comes_back_whole),
		cmocka_unit_test(one_byte_more_than_allowed_is_too_big),
		cmocka_unit_test(a_size_that_lies_is_malformed_and_costs_nothing),
		cmocka_unit_test(no_input_and_a_part_of_it_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "base/reader.h"

enum { SMALL_MAX = 8 };

struct ground {
	struct buf *small; /* of at most SMALL_MAX bytes */
	struct buf *large;
};

static int
setup(void **state)
{
	static struct ground g;

	g.small = buf_new(SMALL_MAX);
	g.large = buf_new(100 * 1000);
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	buf_free(g->small);
	buf_free(g->large);
	return 0;
}

static void
a_new_buffer_is_empty_text(void **state)
{
	struct ground *g = *state;

	assert_int_equal(buf_len(g->small), 0);
	assert_int_equal(buf_room(g->small), SMALL_MAX);
	assert_string_equal(buf_string(g->small), "");
	assert_ok(buf_error(g->small));
	buf_free(NULL);
}

static void
a_put_fills_to_the_maximum_and_fails_past_it(void **state)
{
	struct ground *g = *state;

	buf_put(g->small, "12345678", SMALL_MAX);
	assert_ok(buf_error(g->small));
	assert_string_equal(buf_string(g->small), "12345678");
	assert_int_equal(buf_room(g->small), 0);
	buf_put(g->small, NULL, 0);
	assert_ok(buf_error(g->small));
	buf_put(g->small, "9", 1);
	assert_err(buf_error(g->small), MH_ERR_TOOBIG);
	assert_string_equal(buf_string(g->small), "12345678");
}

static void
the_error_is_sticky_until_reset_or_truncated(void **state)
{
	struct ground *g = *state;

	buf_add(g->small, "abcd");
	buf_add(g->small, "too long for it");
	buf_add(g->small, "e");
	assert_err(buf_error(g->small), MH_ERR_TOOBIG);
	assert_string_equal(buf_string(g->small), "abcd");
	buf_truncate(g->small, 2);
	assert_ok(buf_error(g->small));
	buf_add(g->small, "XY");
	assert_string_equal(buf_string(g->small), "abXY");
	buf_add(g->small, "too long for it");
	buf_reset(g->small);
	assert_ok(buf_error(g->small));
	assert_string_equal(buf_string(g->small), "");
}

static void
bytes_go_in_with_their_length_or_not_at_all(void **state)
{
	struct ground *g = *state;

	buf_put_bytes(g->small, "12345", 5);
	assert_err(buf_error(g->small), MH_ERR_TOOBIG);
	assert_int_equal(buf_len(g->small), 0);
	buf_reset(g->small);
	buf_put_string(g->small, "1234");
	assert_ok(buf_error(g->small));
	assert_memory_equal(buf_data(g->small),
	    "\x04\0\0\0"
	    "1234",
	    8);
}

static void
formatted_text_keeps_the_same_limit(void **state)
{
	struct ground *g = *state;

	buf_addf(g->small, "%d-%s", 123, "abcd");
	assert_string_equal(buf_string(g->small), "123-abcd");
	buf_truncate(g->small, 1);
	buf_addf(g->small, "%08d", 5);
	assert_err(buf_error(g->small), MH_ERR_TOOBIG);
	assert_string_equal(buf_string(g->small), "1");
}

static void
a_taken_block_is_text_and_leaves_the_buffer_empty(void **state)
{
	struct ground *g = *state;
	size_t len = 99;
	uint8_t *taken = buf_take(g->small, &len);

	assert_int_equal(len, 0);
	assert_int_equal(taken[0], 0);
	free(taken);
	buf_add(g->small, "abc");
	taken = buf_take(g->small, &len);
	assert_int_equal(len, 3);
	assert_string_equal((char *)taken, "abc");
	assert_int_equal(buf_len(g->small), 0);
	free(taken);
	buf_add(g->small, "too long for it");
	taken = buf_take(g->small, &len);
	assert_int_equal(len, 0);
	assert_ok(buf_error(g->small));
	free(taken);
}

static void
what_is_written_in_place_counts_after_commit(void **state)
{
	struct ground *g = *state;
	uint8_t *at = buf_reserve(g->small, SMALL_MAX);

	assert_non_null(at);
	memcpy(at, "wxyz", 4);
	assert_int_equal(buf_len(g->small), 0);
	buf_commit(g->small, 4);
	assert_string_equal(buf_string(g->small), "wxyz");
	assert_null(buf_reserve(g->small, SMALL_MAX - 3));
	assert_err(buf_error(g->small), MH_ERR_TOOBIG);
}

static void
room_that_is_not_used_leaves_empty_text(void **state)
{
	struct ground *g = *state;

	/* What was freed is what is handed out next, and it is not zero. */
	for (size_t size = 16; size <= 1024; size += 16) {
		void *dirt = malloc(size);

		memset(dirt, 'x', size);
		free(dirt);
	}
	assert_non_null(buf_reserve(g->large, 1));
	assert_string_equal(buf_string(g->large), "");
}

static void
growing_keeps_the_content(void **state)
{
	struct ground *g = *state;

	for (uint32_t i = 0; i < 25 * 1000; i++)
		buf_put_u32(g->large, i);
	assert_ok(buf_error(g->large));
	for (uint32_t i = 0; i < 25 * 1000; i++)
		assert_int_equal(buf_data(g->large)[4 * i] | buf_data(g->large)[4 * i + 1]
								 << 8,
		    i & 0xffff);
	buf_put_u8(g->large, 1);
	assert_err(buf_error(g->large), MH_ERR_TOOBIG);
}

/* One value of each kind. */
static void
put_all(struct buf *b)
{
	buf_put_u8(b, 0x12);
	buf_put_u16(b, 0x3456);
	buf_put_u32(b, 0x789abcde);
	buf_put_u64(b, UINT64_MAX - 1);
	buf_put_string(b, "text");
	buf_put_bytes(b, "a\0b", 3);
	buf_put(b, "raw", 3);
}

static void
the_reader_reads_what_the_buffer_wrote(void **state)
{
	struct ground *g = *state;
	struct reader r;
	size_t len = 0;

	put_all(g->large);
	assert_memory_equal(buf_data(g->large), "\x12\x56\x34\xde\xbc\x9a\x78", 7);
	reader_init(&r, buf_data(g->large), buf_len(g->large));
	assert_int_equal(reader_u8(&r), 0x12);
	assert_int_equal(reader_u16(&r), 0x3456);
	assert_int_equal(reader_u32(&r), 0x789abcde);
	assert_true(reader_u64(&r) == UINT64_MAX - 1);
	char *text = reader_string(&r, 4);
	assert_string_equal(text, "text");
	free(text);
	assert_memory_equal(reader_bytes(&r, 3, &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_false(reader_is_done(&r));
	assert_true(reader_is_ok(&r));
	assert_memory_equal(reader_raw(&r, 3), "raw", 3);
	assert_true(reader_is_done(&r));
}

static void
every_prefix_fails_and_stays_failed(void **state)
{
	struct ground *g = *state;
	size_t ignored = 0;

	put_all(g->large);
	for (size_t len = 0; len < buf_len(g->large); len++) {
		struct reader r;

		reader_init(&r, buf_data(g->large), len);
		(void)reader_u8(&r);
		(void)reader_u16(&r);
		(void)reader_u32(&r);
		(void)reader_u64(&r);
		free(reader_string(&r, 100));
		(void)reader_bytes(&r, 100, &ignored);
		assert_null(reader_raw(&r, 3));
		assert_false(reader_is_ok(&r));
		assert_int_equal(reader_u8(&r), 0);
		assert_false(reader_is_done(&r));
	}
}

static void
a_string_past_its_maximum_or_with_a_nul_fails(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, max;
		bool good;
	} table[] = {
		{ "abc", 3, 3, true },
		{ "abc", 3, 2, false },
		{ "a\0c", 3, 3, false },
		{ "", 0, 0, true },
	};
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct reader r;

		buf_reset(g->large);
		buf_put_bytes(g->large, table[i].bytes, table[i].len);
		reader_init(&r, buf_data(g->large), buf_len(g->large));
		char *s = reader_string(&r, table[i].max);

		assert_string_equal(s, table[i].good ? table[i].bytes : "");
		free(s);
		assert_int_equal(reader_is_ok(&r), table[i].good);
	}
}

static void
a_length_that_wraps_fails(void **state)
{
	struct ground *g = *state;
	struct reader r;
	size_t len = 7;

	buf_put_u32(g->large, UINT32_MAX);
	buf_put(g->large, "abc", 3);
	reader_init(&r, buf_data(g->large), buf_len(g->large));
	assert_null(reader_bytes(&r, SIZE_MAX, &len));
	assert_int_equal(len, 0);
	reader_init(&r, buf_data(g->large), buf_len(g->large));
	assert_null(reader_raw(&r, SIZE_MAX));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_new_buffer_is_empty_text),
		with_ground(a_put_fills_to_the_maximum_and_fails_past_it),
		with_ground(the_error_is_sticky_until_reset_or_truncated),
		with_ground(bytes_go_in_with_their_length_or_not_at_all),
		with_ground(formatted_text_keeps_the_same_limit),
		with_ground(a_taken_block_is_text_and_leaves_the_buffer_empty),
		with_ground(what_is_written_in_place_counts_after_commit),
		with_ground(room_that_is_not_used_leaves_empty_text),
		with_ground(growing_keeps_the_content),
		with_ground(the_reader_reads_what_the_buffer_wrote),
		with_ground(every_prefix_fails_and_stays_failed),
		with_ground(a_string_past_its_maximum_or_with_a_nul_fails),
		with_ground(a_length_that_wraps_fails),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}

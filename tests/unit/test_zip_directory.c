/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "scanners/zip_directory.h"

enum { ENTRY_LEN = 46, PER_ENTRY = 2 };

struct ground {
	uint8_t *bytes;
	size_t len;
	struct zip_patches patches;
};

static int
setup(void **state)
{
	*state = xcalloc(1, sizeof(struct ground));
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	zip_patches_clear(&g->patches);
	free(g->bytes);
	free(g);
	return 0;
}

static void
put_u32(uint8_t *p, size_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* A directory of n folders with four bytes of data, without names or headers. */
static void
make_folders(struct ground *g, size_t n)
{
	free(g->bytes);
	g->len = n * ENTRY_LEN + ZIP_END_LEN;
	g->bytes = xcalloc(g->len, 1);
	for (size_t i = 0; i < n; i++) {
		uint8_t *p = g->bytes + i * ENTRY_LEN;

		memcpy(p, "PK\x01\x02", 4);
		p[20] = p[24] = 4;
		p[38] = 0x10;
		put_u32(p + 42, 0xfffffff0);
	}
	memcpy(g->bytes + n * ENTRY_LEN, "PK\x05\x06", 4);
	put_u32(g->bytes + n * ENTRY_LEN + 12, n * ENTRY_LEN);
}

static void
find(struct ground *g)
{
	const struct content_block block = { 0, g->bytes, g->len };
	const struct content c = { .blocks = &block,
		.n_blocks = 1,
		.file_size = g->len,
		.n_bytes = g->len,
		.is_whole = true };

	zip_patches_clear(&g->patches);
	zip_patches_find(&c, &g->patches);
}

static void
patches_have_their_limit(void **state)
{
	struct ground *g = *state;

	make_folders(g, ZIP_PATCHES_MAX / PER_ENTRY);
	find(g);
	assert_int_equal(g->patches.n, ZIP_PATCHES_MAX);
	make_folders(g, ZIP_PATCHES_MAX / PER_ENTRY + 1);
	find(g);
	assert_int_equal(g->patches.n, ZIP_PATCHES_MAX);
}

/* One file with n extra fields without data, which name a type. */
static void
make_fields(struct ground *g, size_t n)
{
	size_t len = ENTRY_LEN + n * 4;

	free(g->bytes);
	g->len = len + ZIP_END_LEN;
	g->bytes = xcalloc(g->len, 1);
	memcpy(g->bytes, "PK\x01\x02", 4);
	g->bytes[20] = g->bytes[24] = 4;
	g->bytes[30] = (uint8_t)(n * 4);
	put_u32(g->bytes + 42, 0xfffffff0);
	for (size_t i = 0; i < n; i++)
		memcpy(g->bytes + ENTRY_LEN + 4 * i, "\x78\x6c\0", 4);
	memcpy(g->bytes + len, "PK\x05\x06", 4);
	put_u32(g->bytes + len + 12, len);
}

static void
extra_fields_have_their_limit(void **state)
{
	struct ground *g = *state;
	uint8_t rest[8];

	make_fields(g, ZIP_FIELDS_MAX);
	find(g);
	assert_int_equal(g->patches.n, ZIP_FIELDS_MAX);
	assert_int_equal(g->patches.list[ZIP_FIELDS_MAX - 1].len, 2);
	/* Two beyond: the first of them is made to hold the other. */
	make_fields(g, ZIP_FIELDS_MAX + 2);
	find(g);
	assert_int_equal(g->patches.n, ZIP_FIELDS_MAX + 1);
	assert_true(
	    zip_patches_apply(&g->patches, ENTRY_LEN + 4 * ZIP_FIELDS_MAX, rest, 4));
	assert_memory_equal(rest, "\xff\xff\x04\0", 4);
}

static void
a_folder_without_data_stays_one(void **state)
{
	struct ground *g = *state;

	make_folders(g, 1);
	g->bytes[24] = 0;
	g->bytes[20] = 2;
	find(g);
	assert_int_equal(g->patches.n, 0);
	g->bytes[20] = 3;
	find(g);
	assert_int_equal(g->patches.n, PER_ENTRY);
}

static void
a_patch_reaches_over_the_border_of_pieces(void **state)
{
	struct ground *g = *state;
	uint8_t piece[ENTRY_LEN];

	make_folders(g, 2);
	find(g);
	memcpy(piece, g->bytes, 38);
	assert_true(zip_patches_apply(&g->patches, 0, piece, 38));
	assert_false(zip_patches_apply(&g->patches, 6, NULL, 32));
	assert_true(zip_patches_apply(&g->patches, 6, NULL, 33));
	memset(piece, 0xff, sizeof(piece));
	assert_true(zip_patches_apply(&g->patches, 41, piece, 10));
	assert_int_equal(piece[0], 0);
	assert_int_equal(piece[1], 0xff);
	assert_false(zip_patches_apply(&g->patches, 42, NULL, 9));
}

static void
a_directory_that_is_cut_yields_what_is_there(void **state)
{
	struct ground *g = *state;

	make_folders(g, 3);
	for (size_t len = 0; len < g->len; len++) {
		const struct content_block block = { 0, g->bytes, len };
		const struct content c = { .blocks = &block,
			.n_blocks = 1,
			.file_size = len };

		zip_patches_find(&c, &g->patches);
		assert_int_equal(g->patches.n, 0);
	}
	g->bytes[2 * ENTRY_LEN] = 0;
	find(g);
	assert_int_equal(g->patches.n, 2 * PER_ENTRY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(patches_have_their_limit),
		T(extra_fields_have_their_limit),
		T(a_folder_without_data_stays_one),
		T(a_patch_reaches_over_the_border_of_pieces),
		T(a_directory_that_is_cut_yields_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

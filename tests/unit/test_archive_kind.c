/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "scanners/archive_kind.h"
#include "scanners/program_end.h"

enum { ROOM = 128 * 1024 };

struct ground {
	uint8_t *bytes; /* ROOM, zeros */
	size_t len;
	struct archive_facts facts[ARCHIVE_LOOKS_MAX];
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->bytes = xcalloc(ROOM, 1);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	free(g->bytes);
	free(g);
	return 0;
}

static void
put(struct ground *g, size_t at, const void *p, size_t len)
{
	memcpy(g->bytes + at, p, len);
	if (at + len > g->len)
		g->len = at + len;
}
#define PUT(g, at, text) put((g), (at), (text), sizeof(text) - 1)

static size_t
look(struct ground *g)
{
	const struct content_block block = { 0, g->bytes, g->len };
	const struct content c = { .blocks = &block,
		.n_blocks = g->len > 0,
		.file_size = g->len,
		.n_bytes = g->len,
		.is_whole = true };

	return archive_look(&c, g->facts);
}

static void
first_bytes_tell_a_kind_when_all_are_there(void **state)
{
	static const struct {
		size_t at, len;
		const char *bytes;
		enum archive_kind kind;
	} rows[] = {
		{ 0, 4, "PK\x03\x04", ARCHIVE_ZIP },
		{ 0, 6, "7z\xbc\xaf\x27\x1c", ARCHIVE_7Z },
		{ 0, 7, "Rar!\x1a\x07\0", ARCHIVE_RAR4 },
		{ 0, 8, "Rar!\x1a\x07\x01\0", ARCHIVE_RAR5 },
		{ 0, 8, "MSCF\0\0\0\0", ARCHIVE_CAB },
		{ 257, 5, "ustar", ARCHIVE_TAR },
		{ 0, 6, "070701", ARCHIVE_CPIO },
		{ 0, 8, "!<arch>\n", ARCHIVE_AR },
		{ 32769, 5, "CD001", ARCHIVE_ISO },
		{ 0, 4, "\xed\xab\xee\xdb", ARCHIVE_RPM },
		{ 0, 4, "\x1f\x8b\x08\x1f", ARCHIVE_GZIP },
		{ 0, 10, "BZh91AY&SY", ARCHIVE_BZIP2 },
		{ 0, 6, "\xfd\x37zXZ\0", ARCHIVE_XZ },
		{ 0, 4, "\x28\xb5\x2f\xfd", ARCHIVE_ZSTD },
		{ 0, 4, "\x04\x22\x4d\x18", ARCHIVE_LZ4 },
		{ 0, 5, "LZIP\x01", ARCHIVE_LZIP },
	};
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		memset(g->bytes, 0, ROOM);
		g->len = 0;
		put(g, rows[i].at, rows[i].bytes, rows[i].len);
		assert_int_equal(look(g), 1);
		assert_string_equal(archive_kind_name(g->facts[0].kind),
		    archive_kind_name(rows[i].kind));
		g->len--;
		assert_int_equal(look(g), 0);
	}
}

static void
an_old_tar_is_told_by_its_checksum(void **state)
{
	struct ground *g = *state;

	PUT(g, 0, "name");
	PUT(g, 148, "000641\0 ");
	g->len = 512;
	/* n, a, m, e and eight spaces are 673, which is 1241 in octal. */
	assert_int_equal(look(g), 0);
	PUT(g, 148, "001241\0 ");
	assert_int_equal(look(g), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_TAR);
	g->len--;
	assert_int_equal(look(g), 0);
	g->len++;
	/* Some old programs sum up signed bytes: 0xff for the m is 146 - 256 more. */
	g->bytes[2] = 0xff;
	PUT(g, 148, "001463\0 ");
	assert_int_equal(look(g), 1);
	PUT(g, 148, "001063\0 ");
	assert_int_equal(look(g), 1);
	PUT(g, 148, "001064\0 ");
	assert_int_equal(look(g), 0);
}

/* The end record of an empty ZIP with a comment of that length. */
static void
put_zip_end(struct ground *g, size_t at, size_t comment)
{
	PUT(g, at, "PK\x05\x06");
	g->bytes[at + 20] = (uint8_t)comment;
	g->bytes[at + 21] = (uint8_t)(comment >> 8);
	g->len = at + 22 + comment;
}

static void
a_zip_is_told_by_its_end_up_to_16_kib_before(void **state)
{
	struct ground *g = *state;

	put_zip_end(g, 100, 0);
	assert_int_equal(look(g), 1);
	put_zip_end(g, 100, 16384 - 22);
	assert_int_equal(look(g), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_ZIP);
	put_zip_end(g, 100, 16384 - 21);
	assert_int_equal(look(g), 0);
	put_zip_end(g, 100, 5);
	g->len++;
	assert_int_equal(look(g), 0);
}

static void
a_file_can_be_two_archives(void **state)
{
	struct ground *g = *state;

	put_zip_end(g, 1000, 0);
	PUT(g, 0, "\x1f\x8b\x08");
	assert_int_equal(look(g), 2);
	assert_int_equal(g->facts[0].kind, ARCHIVE_GZIP);
	assert_int_equal(g->facts[1].kind, ARCHIVE_ZIP);
	/* What holds a ZIP's bytes as they are may end like one; or has one behind. */
	PUT(g, 0, "!<arch>\n");
	assert_int_equal(look(g), 2);
	assert_int_equal(g->facts[0].kind, ARCHIVE_AR);
	assert_int_equal(g->facts[1].kind, ARCHIVE_ZIP);
}

static void
an_old_cpio_is_told_by_its_magic_and_a_name(void **state)
{
	struct ground *g = *state;

	PUT(g, 0, "\xc7\x71");
	PUT(g, 20, "\x02\x00");
	PUT(g, 26, "a\0");
	assert_int_equal(look(g), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_CPIO);
	g->len--;
	assert_int_equal(look(g), 0);
	g->len++;
	PUT(g, 0, "\x71\xc7");
	assert_int_equal(look(g), 0);
	PUT(g, 20, "\x00\x02");
	assert_int_equal(look(g), 1);
	PUT(g, 26, "\0");
	assert_int_equal(look(g), 0);
}

/* n frames of three bytes that are skipped, and a frame of zstd. */
static size_t
look_behind_frames(struct ground *g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		PUT(g, i * 11, "\x50\x2a\x4d\x18\x03\0\0\0abc");
	PUT(g, n * 11, "\x04\x22\x4d\x18");
	return look(g);
}

static void
up_to_1024_frames_are_skipped(void **state)
{
	struct ground *g = *state;

	assert_int_equal(look_behind_frames(g, 1024), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_LZ4);
	assert_int_equal(g->facts[0].offset, 1024 * 11);
	/* What stands behind more of them is left to the reader of zstd, which tells. */
	assert_int_equal(look_behind_frames(g, 1025), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_ZSTD);
	g->len = 1025 * 11;
	assert_int_equal(look(g), 1);
	g->len = 11;
	assert_int_equal(look(g), 0);
}

static void
a_tar_is_found_behind_64_kib_of_zeros(void **state)
{
	struct ground *g = *state;

	PUT(g, 65536 + 257, "ustar");
	g->len = 65536 + 512;
	assert_int_equal(look(g), 1);
	assert_int_equal(g->facts[0].kind, ARCHIVE_TAR);
	assert_int_equal(g->facts[0].offset, 65536);
	memset(g->bytes, 0, ROOM);
	PUT(g, 65536 + 512 + 257, "ustar");
	g->len = 65536 + 1024;
	assert_int_equal(look(g), 0);
}

static void
rar4_flags_are_read(void **state)
{
	struct ground *g = *state;

	PUT(g, 0, "Rar!\x1a\x07\0\0\0\x73\x81\x01\x0d\0");
	assert_int_equal(look(g), 1);
	assert_true(g->facts[0].has_encrypted_headers);
	assert_true(g->facts[0].is_volume);
	PUT(g, 9, "\x73\x10\x00");
	(void)look(g);
	assert_false(g->facts[0].has_encrypted_headers);
	assert_false(g->facts[0].is_volume);
}

static void
rar5_headers_are_read(void **state)
{
	struct ground *g = *state;

	/* Its number of bytes takes two bytes here, as a writer may do. */
	PUT(g, 0, "Rar!\x1a\x07\x01\0crc!\x84\x00\x04\x00");
	(void)look(g);
	assert_true(g->facts[0].has_encrypted_headers);
	PUT(g, 0, "Rar!\x1a\x07\x01\0crc!\x05\x01\x01\x02\x03");
	(void)look(g);
	assert_false(g->facts[0].has_encrypted_headers);
	assert_true(g->facts[0].is_volume);
	PUT(g, 0, "Rar!\x1a\x07\x01\0crc!\x05\x01\x00\x00\x01");
	(void)look(g);
	assert_false(g->facts[0].is_volume);
}

static void
a_7z_header_is_looked_up(void **state)
{
	struct ground *g = *state;

	PUT(g, 0, "7z\xbc\xaf\x27\x1c\0\4....\x08\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0....");
	PUT(g, 40, "\x17\x06.\x24\x06\xf1\x07\x01..");
	(void)look(g);
	assert_true(g->facts[0].has_encrypted_headers);
	assert_false(g->facts[0].is_volume);
	PUT(g, 40, "\x01");
	(void)look(g);
	assert_false(g->facts[0].has_encrypted_headers);
	g->len--;
	(void)look(g);
	assert_true(g->facts[0].is_volume);
}

static void
what_follows_a_program_is_found_within_64_kib(void **state)
{
	struct ground *g = *state;

	PUT(g, 0, "MZ");
	PUT(g, 0x3c, "\x80");
	PUT(g, 0x80, "PE\0\0\0\0\x01\0");
	/* One section of 0x10 bytes at 0x200: the program ends at 0x210. */
	PUT(g, 0x80 + 24 + 16, "\x10\0\0\0\0\x02");
	PUT(g, 0x210 + 65535, "7z\xbc\xaf\x27\x1c");
	assert_int_equal(look(g), 1);
	assert_int_equal(g->facts[0].offset, 0x210 + 65535);
	g->bytes[0x210 + 65535] = 0;
	PUT(g, 0x210 + 65536, "7z\xbc\xaf\x27\x1c");
	assert_int_equal(look(g), 0);
}

static void
headers_of_programs_may_lie(void **state)
{
	struct ground *g = *state;
	const struct content_block block = { 0, g->bytes, 4096 };
	const struct content c = { .blocks = &block, .n_blocks = 1, .file_size = 4096 };

	PUT(g, 0,
	    "\x7f"
	    "ELF\x02\x01");
	memset(g->bytes + 16, 0xff, 300);
	assert_int_equal(program_end(&c), 0);
	g->bytes[4] = 1;
	assert_int_equal(program_end(&c), 0);
	PUT(g, 0, "MZ");
	assert_int_equal(program_end(&c), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(first_bytes_tell_a_kind_when_all_are_there),
		T(an_old_tar_is_told_by_its_checksum),
		T(a_zip_is_told_by_its_end_up_to_16_kib_before),
		T(a_file_can_be_two_archives),
		T(an_old_cpio_is_told_by_its_magic_and_a_name),
		T(up_to_1024_frames_are_skipped),
		T(a_tar_is_found_behind_64_kib_of_zeros),
		T(rar4_flags_are_read),
		T(rar5_headers_are_read),
		T(a_7z_header_is_looked_up),
		T(what_follows_a_program_is_found_within_64_kib),
		T(headers_of_programs_may_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

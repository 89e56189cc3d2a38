/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <unistd.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "scanners/regions.h"

enum { TEXT_MAX = 64 << 20 };

static const char text[] =
    "00400000-00401000 r-xp 00001000 fe:00 77 /bin/true\n"
    "00500000-00502000 rw-p 00000000 00:00 0 [heap]\n"
    "00502000-00503000 rw-p 00000000 00:00 0\n"
    "00600000-00700000 rw-s 00000000 00:01 5 /memfd:x (deleted)\n"
    "00700000-00800000 rw-s 00000000 00:0c 9 anon_inode:i915.gem\n"
    "00800000-00900000 rw-s 00000000 00:0e 8 /secretmem (deleted)\n"
    "00a00000-00a01000 r--p 00000000 00:00 0 [vvar]\n"
    "00a01000-00a02000 r-xp 00000000 00:00 0 [vdso]\n"
    "00b00000-00b01000 rw-p 00000000 00:00 0 [anon:vdso] \n"
    "00c00000-00c01000 rw-p 00000000 fe:00 5 [vdso]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static mh_err
read_text(const char *from, size_t len, const struct target *t, struct regions **ret,
    bool *ret_is_cut)
{
	int fd = -1;

	assert_ok(fd_from_bytes("maps", from, len, &fd));
	mh_err err = regions_read(fd, t, ret, ret_is_cut);

	(void)close(fd);
	return err;
}

static void
each_mapping_is_read_as_its_kind_allows(void **state)
{
	static const enum region_use uses[] = { REGION_OWN, REGION_OWN, REGION_OWN,
		REGION_SHARED, REGION_NEVER, REGION_NEVER, REGION_NEVER, REGION_NEVER,
		REGION_OWN, REGION_OWN, REGION_NEVER };
	struct target t = { .kind = TARGET_MEMORY };
	struct regions *regions = NULL;
	bool is_cut = true;

	(void)state;
	assert_ok(read_text(text, strlen(text), &t, &regions, &is_cut));
	assert_false(is_cut);
	assert_int_equal(regions_n(regions), MH_ARRAY_LEN(uses));
	for (size_t i = 0; i < MH_ARRAY_LEN(uses); i++) {
		assert_int_equal(regions_at(regions, i)->use, uses[i]);
		assert_int_equal(regions_at(regions, i)->is_secret, i == 5);
	}
	const struct region *r = regions_at(regions, 0);

	assert_string_equal(region_path(regions, r), "/bin/true");
	assert_string_equal(r->perms, "r-xp");
	assert_true(r->start == 0x400000 && r->end == 0x401000 && r->offset == 0x1000);
	assert_string_equal(region_path(regions, regions_at(regions, 2)), "");
	regions_free(regions);
}

#define SIZES "Anonymous: 0 kB\nSwap: 0 kB\n"

static void
shared_memory_without_a_file_is_read_unless_it_is_a_device(void **state)
{
	static const char smaps[] =
	    "00700000-00800000 rw-s 00000000 00:0c 9 anon_inode:i915.gem\n" SIZES
	    "VmFlags: rd wr sh pf io de dd\n"
	    "00800000-00900000 rw-s 00000000 00:0c 9 anon_inode:[io_uring]\n" SIZES
	    "VmFlags: rd wr sh mr dd\n"
	    "00900000-00a00000 rw-s 00000000 00:08 9 socket:[77]\n" SIZES
	    "VmFlags: rd wr sh mr dd\n"
	    "00a00000-00b00000 rw-s 00000000 00:01 9 /dev/zero (deleted)\n" SIZES
	    "VmFlags: rd wr sh\n"
	    "00b00000-00c00000 rw-s 00000000 fe:00 9 (unreachable)/x\n" SIZES
	    "VmFlags: rd wr sh\n";
	static const enum region_use uses[] = { REGION_NEVER, REGION_ALL, REGION_ALL,
		REGION_SHARED, REGION_SHARED };
	struct target t = { .kind = TARGET_MEMORY };
	struct regions *regions = NULL;
	bool is_cut = false;

	(void)state;
	assert_ok(read_text(smaps, sizeof(smaps) - 1, &t, &regions, &is_cut));
	assert_int_equal(regions_n(regions), MH_ARRAY_LEN(uses));
	for (size_t i = 0; i < MH_ARRAY_LEN(uses); i++) {
		assert_int_equal(regions_at(regions, i)->use, uses[i]);
		assert_int_equal(regions_at(regions, i)->is_device, i == 0);
	}
	regions_free(regions);
}

static void
an_address_is_found_in_its_region_or_the_next(void **state)
{
	struct target t = { .kind = TARGET_MEMORY };
	struct regions *regions = NULL;
	bool is_cut = false;

	(void)state;
	assert_ok(read_text(text, strlen(text), &t, &regions, &is_cut));
	assert_int_equal(regions_find(regions, 0), 0);
	assert_int_equal(regions_find(regions, 0x400fff), 0);
	assert_int_equal(regions_find(regions, 0x401000), 1);
	assert_int_equal(regions_find(regions, 0x502000), 2);
	assert_int_equal(regions_find(regions, 0xffffffffff600fff), 10);
	assert_int_equal(regions_find(regions, UINT64_MAX), 11);
	regions_free(regions);
}

static void
a_mapping_that_comes_twice_counts_once(void **state)
{
	static const char twice[] =
	    "1000-3000 rw-p 0 00:00 0\n2000-4000 rw-p 0 00:00 0\n"
	    "1000-3000 rw-p 0 00:00 0\n4000-5000 rw-p 0 00:00 0\n";
	struct target t = { .kind = TARGET_MEMORY };
	struct regions *regions = NULL;
	bool is_cut = false;

	(void)state;
	assert_ok(read_text(twice, strlen(twice), &t, &regions, &is_cut));
	assert_int_equal(regions_n(regions), 2);
	assert_true(regions_at(regions, 1)->start == 0x4000);
	regions_free(regions);
}

static void
nonsense_is_an_error_and_nothing_is_no_region(void **state)
{
	struct target t = { .kind = TARGET_MEMORY };
	struct regions *regions = NULL;
	bool is_cut = false;

	(void)state;
	assert_err(read_text("what?\n", 6, &t, &regions, &is_cut), MH_ERR_FORMAT);
	assert_null(regions);
	assert_ok(read_text("", 0, &t, &regions, &is_cut));
	assert_int_equal(regions_n(regions), 0);
	assert_int_equal(regions_find(regions, 5), 0);
	regions_free(regions);
}

static void
mappings_past_the_limit_are_left_and_told(void **state)
{
	struct target t = { .kind = TARGET_MEMORY };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(TEXT_MAX);

	(void)state;
	for (uint64_t i = 1; i <= REGIONS_MAX + 1; i++)
		buf_addf(b, "%llx-%llx rw-p 00000000 00:00 0 \n",
		    (unsigned long long)i << 13, ((unsigned long long)i << 13) + 0x1000);
	assert_ok(buf_error(b));
	size_t last = (size_t)(strrchr(buf_string(b), '-') - buf_string(b));

	while (buf_string(b)[last - 1] != '\n')
		last--;
	for (int is_more = 0; is_more <= 1; is_more++) {
		struct regions *regions = NULL;
		bool is_cut = false;

		assert_ok(read_text(buf_string(b), is_more == 1 ? buf_len(b) : last, &t,
		    &regions, &is_cut));
		assert_int_equal(regions_n(regions), REGIONS_MAX);
		assert_int_equal(is_cut, is_more);
		regions_free(regions);
	}
}

static void
paths_past_the_limit_have_no_name_and_their_regions_stay(void **state)
{
	enum { PATH = 4000 };
	struct target t = { .kind = TARGET_MEMORY };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(TEXT_MAX);
	struct regions *regions = NULL;
	bool is_cut = false;
	size_t n = REGION_PATHS_MAX / (PATH + 1);

	(void)state;
	for (size_t i = 1; i <= n + 2; i++)
		buf_addf(b, "%zx-%zx r--p 00000000 fe:00 7 /%0*zu\n", i << 13,
		    (i << 13) + 0x1000, PATH - 1, i);
	assert_ok(read_text(buf_string(b), buf_len(b), &t, &regions, &is_cut));
	assert_int_equal(regions_n(regions), n + 2);
	assert_int_equal(strlen(region_path(regions, regions_at(regions, n - 1))), PATH);
	assert_string_equal(region_path(regions, regions_at(regions, n + 1)), "");
	regions_free(regions);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mapping_is_read_as_its_kind_allows),
		cmocka_unit_test(
		    shared_memory_without_a_file_is_read_unless_it_is_a_device),
		cmocka_unit_test(an_address_is_found_in_its_region_or_the_next),
		cmocka_unit_test(a_mapping_that_comes_twice_counts_once),
		cmocka_unit_test(nonsense_is_an_error_and_nothing_is_no_region),
		cmocka_unit_test(mappings_past_the_limit_are_left_and_told),
		cmocka_unit_test(
		    paths_past_the_limit_have_no_name_and_their_regions_stay),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}

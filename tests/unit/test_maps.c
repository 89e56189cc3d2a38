/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/maps.h"

static int
with_text(const char *text)
{
	int fd = -1;

	assert_int_equal(fd_from_bytes("maps", text, strlen(text), &fd), MH_OK);
	return fd;
}

static void
a_line_is_taken_apart(void **state)
{
	int fd = with_text(
	    "7f0000000000-7f0000002000 r-xp 00001000 fe:01 123    /usr/lib/x y.so\n"
	    "7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n"
	    "7f0000003000-7f0000004000 rw-s 00000000 00:01 9   /memfd:a\\012b (deleted)\n"
	    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n");
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	(void)state;
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_true(m.start == 0x7f0000000000 && m.end == 0x7f0000002000);
	assert_true(m.offset == 0x1000 && m.ino == 123 && map_is_executable(&m));
	assert_string_equal(m.path, "/usr/lib/x y.so");
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_string_equal(m.path, "");
	assert_true(map_is_writable(&m) && !map_is_shared(&m) && !map_is_deleted(&m));
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_string_equal(m.path, "/memfd:a\nb (deleted)");
	assert_true(map_is_shared(&m) && map_is_deleted(&m) && map_is_memfd(&m));
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_string_equal(m.path, "[vsyscall]");
	assert_int_equal(maps_next(maps, &m), MH_ERR_NOTFOUND);
	(void)close(fd);
}

static void
details_of_smaps_belong_to_the_line_before(void **state)
{
	int fd = with_text("1000-3000 rw-p 00000000 00:00 0 \n"
			   "Size:                  8 kB\n"
			   "Anonymous:             4 kB\n"
			   "Swap:                 12 kB\n"
			   "VmFlags: rd wr mr mw me ac \n"
			   "4000-5000 r--p 00000000 00:00 0          [vvar]\n"
			   "Anonymous:             0 kB\n"
			   "VmFlags: rd mr pf io de dd \n");
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	(void)state;
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_true(m.has_sizes && m.anonymous == 4096 && m.swapped == 12288);
	assert_false(m.is_device);
	assert_int_equal(maps_next(maps, &m), MH_OK);
	assert_true(m.has_sizes && m.is_device && m.start == 0x4000);
	assert_int_equal(maps_next(maps, &m), MH_ERR_NOTFOUND);
	(void)close(fd);
}

static void
what_is_not_of_this_form_is_an_error(void **state)
{
	static const char *const bad[] = {
		"x\n", "1000 rw-p 00000000 00:00 0 \n",
		"1000-1000 rw-p 00000000 00:00 0 \n",
		"2000-1000 rw-p 00000000 00:00 0 \n", "1000-2000 rw-p\n",
		"1000-2000 rw-p 00000000 00:00 \n",
		"11111111111111111-2 rw-p 00000000 00:00 0 \n",
		"1000-2000 rw-p 00000000 00:00 0 ", /* no newline: cut off */
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(bad); i++) {
		int fd = with_text(bad[i]);
		MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
		struct map m;

		assert_int_equal(maps_next(maps, &m), MH_ERR_FORMAT);
		(void)close(fd);
	}
}

static void
a_path_fits_to_the_limit_and_not_past_it(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);

		buf_add(b, "1000-2000 rw-p 00000000 00:00 7 /");
		for (size_t i = 1; i < MAPS_LINE_MAX + more; i++)
			buf_add(b, "a");
		buf_add(b, "\n");
		int fd = with_text(buf_string(b));
		MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
		struct map m;

		assert_int_equal(maps_next(maps, &m), more == 0 ? MH_OK : MH_ERR_FORMAT);
		(void)close(fd);
	}
}

static void
our_own_mappings_are_what_we_made(void **state)
{
	static const char *const files[] = { "/proc/self/maps", "/proc/self/smaps" };
	char *p =
	    mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + 4096, 4096, PROT_NONE), 0);
	for (size_t i = 0; i < MH_ARRAY_LEN(files); i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
		unsigned n_found = 0;
		mh_err err = MH_OK;
		uint64_t last = 0;
		struct map m;

		while ((err = maps_next(maps, &m)) == MH_OK) {
			assert_true(m.start >= last);
			last = m.end;
			n_found += m.start == (uintptr_t)p + 4096 &&
				   strcmp(m.perms, "---p") == 0;
			assert_int_equal(m.has_sizes, i == 1);
		}
		assert_int_equal(err, MH_ERR_NOTFOUND);
		assert_int_equal(n_found, 1);
		(void)close(fd);
	}
	(void)munmap(p, 12288);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(details_of_smaps_belong_to_the_line_before),
		cmocka_unit_test(what_is_not_of_this_form_is_an_error),
		cmocka_unit_test(a_path_fits_to_the_limit_and_not_past_it),
		cmocka_unit_test(our_own_mappings_are_what_we_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

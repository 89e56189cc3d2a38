/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_packs.h"
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/indicator_files.h"
#include "base/fd.h"
#include "base/memory.h"

static mh_err
add(struct ground *g, const char *before, const char *name)
{
	MH_CLEANUP(freep) char *what = xasprintf("%s%s/%s", before, g->folder, name);

	free(g->why);
	g->why = NULL;
	return indicator_files_add(&g->list, what, &g->why);
}

static void
files_of_a_folder_are_taken_by_their_extension_in_order(void **state)
{
	static const char *const made[] = { "i/b.ioc", "i/a.txt", "i/README.txt",
		"i/.x.txt", "i/c.zip", "i/d.SHA256", "i/deep/e.txt" };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(made); i++)
		packs_make(g, made[i]);
	assert_ok(add(g, "", "i"));
	assert_int_equal(g->list.n_indicators, 3);
	assert_string_equal(g->list.indicators[0].name_space, "indicators/i/a.txt");
	assert_string_equal(g->list.indicators[1].name_space, "indicators/i/b.ioc");
	assert_string_equal(g->list.indicators[2].name_space, "indicators/i/d.SHA256");
}

static void
a_format_may_stand_before_a_path(void **state)
{
	struct ground *g = *state;

	packs_make(g, "feed");
	packs_make(g, "loki:x");
	assert_ok(add(g, "loki-c2:", "feed"));
	assert_ok(add(g, "", "feed"));
	assert_ok(add(g, "", "loki:x"));
	assert_int_equal(g->list.indicators[0].format, FORMAT_LOKI_C2);
	assert_int_equal(g->list.indicators[1].format, FORMAT_UNKNOWN);
	assert_int_equal(g->list.indicators[2].format, FORMAT_UNKNOWN);
	assert_err(add(g, "no-format:", "feed"), MH_ERR_SYSTEM);
	assert_err(add(g, "", "nothing"), MH_ERR_SYSTEM);
	assert_non_null(strstr(g->why, "nothing: No such file"));
	assert_int_equal(g->list.n_indicators, 3);
}

static void
a_pack_has_those_in_its_folder(void **state)
{
	struct ground *g = *state;
	char *why = NULL;

	packs_make(g, "pack/a.yar");
	packs_make(g, "pack/indicators/hash.txt");
	MH_CLEANUP(freep) char *path = xasprintf("%s/pack", g->folder);

	assert_ok(pack_list_add(&g->list, path, &why));
	assert_int_equal(g->list.n, 1);
	assert_int_equal(g->list.n_indicators, 1);
	assert_string_equal(g->list.indicators[0].name_space, "pack/indicators/hash.txt");
}

static void
the_number_of_files_is_bounded_and_a_failure_adds_none(void **state)
{
	struct ground *g = *state;

	packs_make(g, "i/a.txt");
	packs_make(g, "i/b.txt");
	for (unsigned i = 0; i < INDICATOR_FILES_MAX - 1; i++)
		assert_ok(add(g, "", "i/a.txt"));
	assert_err(add(g, "", "i"), MH_ERR_FULL);
	assert_int_equal(g->list.n_indicators, INDICATOR_FILES_MAX - 1);
	assert_ok(add(g, "", "i/a.txt"));
	assert_err(add(g, "", "i/a.txt"), MH_ERR_FULL);
	assert_int_equal(g->list.n_indicators, INDICATOR_FILES_MAX);
}

/* The second descriptor is the same file, and nobody can write through it. */
static void
check_table(struct ground *g, uint64_t text_bytes)
{
	int fd = -1;
	int reader = -1;
	struct stat a, b;

	assert_ok(indicator_table_make(&g->list, g->folder, &fd, &reader, &g->why));
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(reader, &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	assert_int_equal(a.st_size, indicator_table_bytes(text_bytes));
	assert_int_equal(a.st_nlink, 0);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0),
	    MAP_FAILED);
	(void)close(fd);
	(void)close(reader);
}

static void
a_table_has_no_name_and_a_reader_that_cannot_write(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *path = xasprintf("%s/i.txt", g->folder);

	packs_make(g, "i.txt");
	assert_ok(add(g, "", "i.txt"));
	check_table(g, 1);
	/* A large one, that is a hole, lies in the folder. */
	assert_int_equal(truncate(path, 32 << 20), 0);
	check_table(g, 32 << 20);
}

static void
without_room_there_is_no_table(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *path = xasprintf("%s/i.txt", g->folder);
	int fd = -1;
	int reader = -1;

	packs_make(g, "i.txt");
	assert_ok(add(g, "", "i.txt"));
	assert_int_equal(truncate(path, 1ll << 40), 0);
	mh_err err = indicator_table_make(&g->list, g->folder, &fd, &reader, &g->why);

	/* tmpfs has no such files at all. */
	assert_true(err == MH_ERR_FULL || err == MH_ERR_SYSTEM);
	assert_non_null(g->why);
	assert_int_equal(fd, -1);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, packs_setup, packs_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(files_of_a_folder_are_taken_by_their_extension_in_order),
		with_ground(a_format_may_stand_before_a_path),
		with_ground(a_pack_has_those_in_its_folder),
		with_ground(the_number_of_files_is_bounded_and_a_failure_adds_none),
		with_ground(a_table_has_no_name_and_a_reader_that_cannot_write),
		with_ground(without_room_there_is_no_table),
	};

	return cmocka_run_group_tests_name("indicator_files", tests, NULL, NULL);
}

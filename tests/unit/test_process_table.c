/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/process_table.h"
#include "base/memory.h"

static int
setup(void **state)
{
	*state = process_table_new();
	return 0;
}

static int
teardown(void **state)
{
	process_table_free(*state);
	return 0;
}

static bool
add(struct process_table *pt, int32_t pid, int32_t parent, uint64_t start,
    enum process_role role)
{
	struct process p = { .pid = pid,
		.parent = parent,
		.start_ticks = start,
		.role = role,
		.comm = xasprintf("p%d-%d", (int)pid, (int)role) };
	bool is_new = process_table_add(pt, &p);

	assert_null(p.comm); /* taken in any case */
	return is_new;
}

static void
a_process_is_named_by_pid_and_start(void **state)
{
	struct process_table *pt = *state;

	assert_null(process_table_find(pt, 5, 1));
	assert_true(add(pt, 5, 1, 100, PROCESS_CHOSEN));
	assert_non_null(process_table_find(pt, 5, 100));
	assert_null(process_table_find(pt, 5, 101));
	assert_null(process_table_find(pt, 6, 100));
	/* The pid was used again. */
	assert_true(add(pt, 5, 1, 200, PROCESS_CHOSEN));
	assert_null(process_table_find(pt, 5, 100));
	assert_non_null(process_table_find(pt, 5, 200));
	assert_int_equal(process_table_n(pt), 1);
}

static void
a_chosen_process_takes_the_place_of_an_ancestor(void **state)
{
	struct process_table *pt = *state;

	assert_true(add(pt, 5, 1, 100, PROCESS_ANCESTOR));
	assert_false(add(pt, 5, 1, 100, PROCESS_ANCESTOR));
	assert_true(add(pt, 5, 1, 100, PROCESS_CHOSEN));
	assert_string_equal(process_table_at(pt, 0)->comm, "p5-1");
	assert_false(add(pt, 5, 1, 100, PROCESS_ANCESTOR));
	assert_false(add(pt, 5, 1, 100, PROCESS_CHOSEN));
	assert_int_equal(process_table_at(pt, 0)->role, PROCESS_CHOSEN);
}

static void
thousands_of_processes_are_found(void **state)
{
	struct process_table *pt = *state;

	for (int32_t i = 1; i <= 20000; i++)
		assert_true(add(pt, i * 128, 1, (uint64_t)i, PROCESS_CHOSEN));
	assert_int_equal(process_table_n(pt), 20000);
	for (int32_t i = 1; i <= 20000; i++)
		assert_int_equal(process_table_find(pt, i * 128, (uint64_t)i)->pid,
		    i * 128);
}

static void
ancestors_go_up_to_init_and_a_loop_ends(void **state)
{
	struct process_table *pt = *state;
	const struct process *up[PROCESS_ANCESTORS_MAX];

	add(pt, 1, 0, 1, PROCESS_ANCESTOR);
	add(pt, 10, 1, 10, PROCESS_ANCESTOR);
	add(pt, 20, 10, 20, PROCESS_CHOSEN);
	const struct process *p = process_table_find(pt, 20, 20);

	assert_int_equal(process_table_ancestors(pt, p, up, PROCESS_ANCESTORS_MAX), 2);
	assert_true(up[0]->pid == 10 && up[1]->pid == 1);
	assert_int_equal(process_table_ancestors(pt, p, up, 1), 1);
	/* Who started later is not the parent. */
	add(pt, 10, 1, 30, PROCESS_ANCESTOR);
	assert_int_equal(process_table_ancestors(pt, p, up, PROCESS_ANCESTORS_MAX), 0);
	/* Two that say to descend from each other. */
	add(pt, 7, 8, 5, PROCESS_CHOSEN);
	add(pt, 8, 7, 5, PROCESS_CHOSEN);
	p = process_table_find(pt, 7, 5);
	assert_int_equal(process_table_ancestors(pt, p, up, PROCESS_ANCESTORS_MAX),
	    PROCESS_ANCESTORS_MAX);
}

static void
map_files(struct process_table *pt, int32_t pid, uint64_t start, uint64_t first_ino,
    uint32_t n)
{
	static char path[] = "/lib/x";
	struct mapped_file *files = xcalloc(n, sizeof(*files));

	for (uint32_t i = 0; i < n; i++)
		files[i] = (struct mapped_file){ .dev = 3,
			.ino = first_ino + i,
			.start = (uint64_t)pid << 12,
			.is_executable = pid % 2 == 0,
			.path = path };
	struct mapped_list list = { .pid = pid,
		.start_ticks = start,
		.files = files,
		.n = n };

	process_table_add_mapped(pt, &list);
	free(files);
}

static void
a_file_is_kept_once_for_all_who_map_it(void **state)
{
	struct process_table *pt = *state;

	for (int32_t pid = 1; pid <= MAPPERS_MAX + 2; pid++) {
		add(pt, pid, 0, 9, PROCESS_CHOSEN);
		map_files(pt, pid, 9, 77, 1);
	}
	/* Of a process that is not in the table, nothing. */
	map_files(pt, 1, 10, 500, 3);
	map_files(pt, 999, 9, 500, 3);
	assert_int_equal(process_table_n_mapped(pt), 1);
	const struct mapped_entry *e = process_table_mapped_at(pt, 0);

	assert_int_equal(e->n_mappers, MAPPERS_MAX + 2);
	assert_true(e->file.start == 1 << 12); /* as the first maps it */
	assert_int_equal(e->file.is_executable, 1);
	assert_string_equal(e->file.path, "/lib/x");
	assert_int_equal(process_table_mapper(pt, e, 0)->pid, 1);
	assert_int_equal(process_table_mapper(pt, e, MAPPERS_MAX - 1)->pid, MAPPERS_MAX);
}

static void
thousands_of_files_are_told_apart(void **state)
{
	struct process_table *pt = *state;

	add(pt, 2, 0, 9, PROCESS_CHOSEN);
	add(pt, 3, 0, 9, PROCESS_CHOSEN);
	map_files(pt, 2, 9, 1, 5000);
	map_files(pt, 3, 9, 2501, 5000);
	assert_int_equal(process_table_n_mapped(pt), 7500);
	assert_int_equal(process_table_mapped_at(pt, 0)->n_mappers, 1);
	assert_int_equal(process_table_mapped_at(pt, 2500)->n_mappers, 2);
	assert_int_equal(process_table_mapped_at(pt, 7499)->n_mappers, 1);
}

#define with_table(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_table(a_process_is_named_by_pid_and_start),
		with_table(a_chosen_process_takes_the_place_of_an_ancestor),
		with_table(thousands_of_processes_are_found),
		with_table(ancestors_go_up_to_init_and_a_loop_ends),
		with_table(a_file_is_kept_once_for_all_who_map_it),
		with_table(thousands_of_files_are_told_apart),
	};

	return cmocka_run_group_tests_name("process_table", tests, NULL, NULL);
}

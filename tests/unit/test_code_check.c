/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory here is a file: what counts are offsets, and /proc/self/mem for holes. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/fd.h"
#include "base/memory.h"
#include "scanners/code_check.h"

enum { PAGE = 4096, PAGES = 32, CLUES = PROCESS_CLUES_MAX };

struct ground {
	uint8_t file[PAGES * PAGE];
	uint8_t memory[PAGES * PAGE];
	struct clue clues[CLUES];
	size_t n;
	struct code_outcome outcome;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	for (size_t i = 0; i < sizeof(g->file); i++)
		g->file[i] = (uint8_t)(i * 7);
	memcpy(g->memory, g->file, sizeof(g->file));
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < g->n; i++)
		clue_clear(&g->clues[i]);
	free(g);
	return 0;
}

static void
keep(void *ctx, const struct clue *c)
{
	struct ground *g = ctx;

	assert_true(g->n < CLUES);
	clue_copy(c, &g->clues[g->n++]);
}

/* Check pages 1 and 2 of the memory against the first n_file bytes of the file. */
static void
check(struct ground *g, size_t n_file)
{
	const struct code_range r = { PAGE, 3 * PAGE, PAGE, 0 };
	int mem = -1;
	int file = -1;

	assert_ok(fd_from_bytes("mem", g->memory, sizeof(g->memory), &mem));
	assert_ok(fd_from_bytes("file", g->file, n_file, &file));
	code_check(mem, file, &r, keep, g, &g->outcome);
	(void)close(mem);
	(void)close(file);
}

static void
equal_pages_were_copied(void **state)
{
	struct ground *g = *state;

	check(g, sizeof(g->file));
	assert_int_equal(g->n, 1);
	assert_int_equal(g->clues[0].kind, CLUE_CODE_COPIED);
	assert_int_equal(g->clues[0].address, PAGE);
	assert_int_equal(g->clues[0].length, 2 * PAGE);
}

static void
changed_bytes_are_told_with_what_was_there(void **state)
{
	struct ground *g = *state;

	memcpy(g->memory + PAGE + 100, "\xe9\x01\x02\x03\x04", 5);
	check(g, sizeof(g->file));
	assert_int_equal(g->n, 1);
	assert_int_equal(g->clues[0].kind, CLUE_CODE_CHANGED);
	assert_int_equal(g->clues[0].address, PAGE + 100);
	assert_int_equal(g->clues[0].number, PAGE + 100);
	assert_int_equal(g->clues[0].length, 5);
	assert_int_equal(g->clues[0].n_data, 5);
	assert_memory_equal(g->clues[0].data, "\xe9\x01\x02\x03\x04", 5);
	assert_memory_equal(g->clues[0].expected, g->file + PAGE + 100, 5);
}

static void
a_change_over_the_end_of_a_page_is_one_run(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < 8; i++)
		g->memory[2 * PAGE - 4 + i] ^= 0xff;
	check(g, sizeof(g->file));
	assert_int_equal(g->n, 1);
	assert_int_equal(g->clues[0].length, 8);
	assert_int_equal(g->clues[0].n_data, 8);
	assert_memory_equal(g->clues[0].data, g->memory + 2 * PAGE - 4, 8);
}

static void
changes_side_by_side_are_one_run_and_others_are_not(void **state)
{
	struct ground *g = *state;

	g->memory[PAGE] ^= 1;
	g->memory[PAGE + 1 + CODE_RUN_GAP] ^= 1;
	g->memory[2 * PAGE] ^= 1;
	g->memory[2 * PAGE + 2 + CODE_RUN_GAP] ^= 1;
	check(g, sizeof(g->file));
	assert_int_equal(g->n, 3);
	assert_int_equal(g->clues[0].length, 2 + CODE_RUN_GAP);
	assert_int_equal(g->clues[1].length, 1);
}

static void
a_long_change_keeps_its_first_bytes(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < CLUE_CODE_MAX + 1; i++)
		g->memory[PAGE + 10 + i] ^= 0x55;
	check(g, sizeof(g->file));
	assert_int_equal(g->n, 1);
	assert_int_equal(g->clues[0].length, CLUE_CODE_MAX + 1);
	assert_int_equal(g->clues[0].n_data, CLUE_CODE_MAX);
	assert_memory_equal(g->clues[0].data, g->memory + PAGE + 10, CLUE_CODE_MAX);
}

static void
more_runs_than_allowed_are_counted(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < CODE_RUNS_MAX + 1; i++)
		g->memory[PAGE + i * 64] ^= 1;
	check(g, sizeof(g->file));
	assert_int_equal(g->n, CODE_RUNS_MAX);
	assert_int_equal(g->outcome.n_runs, CODE_RUNS_MAX + 1);
}

static void
a_file_that_became_shorter_says_so(void **state)
{
	struct ground *g = *state;

	g->memory[2 * PAGE + 50] ^= 1;
	check(g, 2 * PAGE);
	assert_int_equal(g->outcome.compared_bytes, PAGE);
	assert_int_equal(g->outcome.missing_bytes, PAGE);
	assert_int_equal(g->outcome.n_runs, 0);
}

static void
bytes_behind_the_end_of_a_file_are_expected_to_be_zero(void **state)
{
	struct ground *g = *state;

	memset(g->memory + 2 * PAGE + 20, 0, PAGE - 20);
	check(g, 2 * PAGE + 20);
	assert_int_equal(g->outcome.n_runs, 0);
	memcpy(g->memory + 2 * PAGE + 100, "\xe9\x01\x02\x03\x04", 5);
	check(g, 2 * PAGE + 20);
	assert_int_equal(g->outcome.n_runs, 1);
	assert_int_equal(g->clues[1].kind, CLUE_CODE_CHANGED);
	assert_int_equal(g->clues[1].length, 5);
}

static void
memory_that_is_gone_is_counted(void **state)
{
	struct ground *g = *state;
	uint8_t *m = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MH_CLEANUP(fd_closep) int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	const struct code_range r = { (uintptr_t)m, (uintptr_t)m + 3 * PAGE, 0, 0 };
	int file = -1;

	assert_true(m != MAP_FAILED && mem >= 0);
	memcpy(m, g->file, 3 * PAGE);
	m[2 * PAGE] ^= 1;
	assert_int_equal(munmap(m + PAGE, PAGE), 0);
	assert_ok(fd_from_bytes("file", g->file, sizeof(g->file), &file));
	code_check(mem, file, &r, keep, g, &g->outcome);
	(void)close(file);
	(void)munmap(m, 3 * PAGE);
	assert_int_equal(g->outcome.unread_bytes, PAGE);
	assert_int_equal(g->n, 1);
	assert_int_equal(g->clues[0].address, r.start + 2 * PAGE);
}

static void
an_address_that_differs_in_a_relocated_file_is_no_change(void **state)
{
	struct ground *g = *state;

	memcpy(g->file, "MZ", 2);
	for (size_t i = 0; i < CODE_RELOCATION_MAX; i++)
		g->memory[PAGE + i] ^= 0x10;
	for (size_t i = 0; i < CODE_RELOCATION_MAX + 1; i++)
		g->memory[2 * PAGE + i] ^= 0x10;
	check(g, sizeof(g->file));
	assert_int_equal(g->n, 2);
	assert_int_equal(g->clues[0].kind, CLUE_CODE_RELOCATED);
	assert_int_equal(g->clues[1].kind, CLUE_CODE_CHANGED);
}

static void
a_range_upside_down_is_empty(void **state)
{
	struct ground *g = *state;
	const struct code_range r = { 2 * PAGE, PAGE, 0, 0 };
	int file = -1;

	assert_ok(fd_from_bytes("file", g->file, sizeof(g->file), &file));
	code_check(file, file, &r, keep, g, &g->outcome);
	(void)close(file);
	assert_int_equal(g->n, 0);
}

/* Check the memory page by page, each a range; the pages beyond n are left out. */
static void
check_pages(struct ground *g, uint32_t n, uint64_t max_bytes)
{
	struct code_range ranges[PAGES];
	struct target t = { .codes = ranges, .n_codes = n, .n_code_files = 1 };
	int fds[MEMORY_FD_CODES + 1] = { -1, -1, -1, -1 };

	for (size_t i = 0; i < g->n; i++)
		clue_clear(&g->clues[i]);
	g->n = 0;
	for (uint32_t i = 0; i < n; i++)
		ranges[i] = (struct code_range){ i * PAGE, (i + 1) * PAGE, i * PAGE, 0 };
	t.codes_left = (PAGES - n) * PAGE;
	t.codes_left_at = n * PAGE;
	assert_ok(fd_from_bytes("mem", g->memory, sizeof(g->memory), &fds[0]));
	assert_ok(fd_from_bytes("file", g->file, sizeof(g->file), &fds[MEMORY_FD_CODES]));
	code_check_all(&t, fds, max_bytes, keep, g);
	(void)close(fds[0]);
	(void)close(fds[MEMORY_FD_CODES]);
}

static size_t
count(const struct ground *g, enum clue_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->clues[i].kind == kind;
	return n;
}

static void
a_change_behind_equal_pages_is_told_first(void **state)
{
	struct ground *g = *state;

	g->memory[(PAGES - 1) * PAGE] ^= 1;
	check_pages(g, PAGES, CODE_BYTES_MAX);
	assert_int_equal(g->clues[0].kind, CLUE_CODE_CHANGED);
	assert_int_equal(count(g, CLUE_CODE_COPIED), CODE_MILD_MAX);
	assert_int_equal(count(g, CLUE_CODE_MANY), 0);
}

static void
pages_beyond_the_limits_are_many(void **state)
{
	struct ground *g = *state;

	check_pages(g, PAGES - 1, CODE_BYTES_MAX);
	assert_int_equal(count(g, CLUE_CODE_MANY), 1);
	assert_int_equal(g->clues[0].address, (PAGES - 1) * PAGE);
	assert_int_equal(g->clues[0].length, PAGE);
	check_pages(g, PAGES, PAGES * PAGE);
	assert_int_equal(count(g, CLUE_CODE_MANY), 0);
	check_pages(g, PAGES, PAGES * PAGE - 1);
	assert_int_equal(count(g, CLUE_CODE_MANY), 1);
}

static void
changes_beyond_the_limits_are_many(void **state)
{
	struct ground *g = *state;

	/* Each a page with one change: so many are told, the last page is compared. */
	for (size_t i = PAGES - CODE_TOLD_MAX; i < PAGES; i++)
		g->memory[i * PAGE] ^= 1;
	check_pages(g, PAGES, CODE_BYTES_MAX);
	assert_int_equal(count(g, CLUE_CODE_CHANGED), CODE_TOLD_MAX);
	assert_int_equal(count(g, CLUE_CODE_MANY), 0);
	g->memory[0] ^= 1;
	check_pages(g, PAGES, CODE_BYTES_MAX);
	assert_int_equal(count(g, CLUE_CODE_CHANGED), CODE_TOLD_MAX);
	assert_int_equal(count(g, CLUE_CODE_MANY), 1);
	assert_int_equal(g->clues[CODE_TOLD_MAX].address, (PAGES - 1) * PAGE);
}

/* n runs of len bytes; how many of them are left out and tell. */
static uint64_t
runs_left(struct ground *g, size_t n, size_t len)
{
	for (size_t i = 0; i < g->n; i++)
		clue_clear(&g->clues[i]);
	g->n = 0;
	memcpy(g->memory, g->file, sizeof(g->memory));
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < len; k++)
			g->memory[PAGE + i * 64 + k] ^= 1;
	}
	check(g, sizeof(g->file));
	return g->outcome.n_left;
}

static void
runs_beyond_the_limit_of_a_range_are_left_unless_relocations(void **state)
{
	struct ground *g = *state;

	assert_int_equal(runs_left(g, CODE_RUNS_MAX, 1), 0);
	assert_int_equal(runs_left(g, CODE_RUNS_MAX + 1, 1), 1);
	/* Relocations are many in a file that has them; what is longer is none. */
	memcpy(g->file, "MZ", 2);
	assert_int_equal(runs_left(g, CODE_RUNS_MAX + 1, CODE_RELOCATION_MAX), 0);
	assert_int_equal(runs_left(g, CODE_RUNS_MAX + 2, CODE_RELOCATION_MAX + 1), 2);
}

static void
what_a_range_left_out_is_many(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < CODE_RUNS_MAX + 1; i++)
		g->memory[(PAGES - 1) * PAGE + i * 64] ^= 1;
	check_pages(g, PAGES, CODE_BYTES_MAX);
	assert_int_equal(count(g, CLUE_CODE_CHANGED), CODE_RUNS_MAX);
	assert_int_equal(count(g, CLUE_CODE_MANY), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_pages_were_copied),
		TEST(changed_bytes_are_told_with_what_was_there),
		TEST(a_change_over_the_end_of_a_page_is_one_run),
		TEST(changes_side_by_side_are_one_run_and_others_are_not),
		TEST(a_long_change_keeps_its_first_bytes),
		TEST(more_runs_than_allowed_are_counted),
		TEST(a_file_that_became_shorter_says_so),
		TEST(bytes_behind_the_end_of_a_file_are_expected_to_be_zero),
		TEST(memory_that_is_gone_is_counted),
		TEST(an_address_that_differs_in_a_relocated_file_is_no_change),
		TEST(a_range_upside_down_is_empty),
		TEST(a_change_behind_equal_pages_is_told_first),
		TEST(pages_beyond_the_limits_are_many),
		TEST(changes_beyond_the_limits_are_many),
		TEST(runs_beyond_the_limit_of_a_range_are_left_unless_relocations),
		TEST(what_a_range_left_out_is_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

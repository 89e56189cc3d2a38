/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "scanners/memory_reader.h"
#include "tests/unit/mh_child.h"

enum {
	REGION_BYTES = 3 * UNIT_BYTES,
	LONGEST = 300, /* the longest match that shall not be lost */
	OVERLAP = LONGEST + 2 * BORDER_BYTES,
	UNITS_MAX = 64,
};

struct unit {
	uint64_t base, end;
	uint64_t true_base, true_end; /* without a byte that is a NUL here only */
};

/* A region of the test, and a child that has it. */
struct ground {
	struct mh_child child;
	uint8_t *p;
	size_t size;
	struct regions *regions;
	struct pages *pages;
	struct memory_reader *mr;
	struct note_list notes;
	struct unit units[UNITS_MAX];
	unsigned n;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->size = REGION_BYTES;
	/* With a hole on either side, so that nothing joins it. */
	uint8_t *p = mmap(NULL, g->size + 2 * UNIT_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	g->p = p + UNIT_BYTES - (uintptr_t)p % UNIT_BYTES;
	*state = g;
	return mprotect(g->p, g->size, PROT_READ | PROT_WRITE) == 0 &&
		       madvise(g->p, g->size, MADV_NOHUGEPAGE) == 0
		   ? 0
		   : -1;
}

static void
stop(struct ground *g)
{
	memory_reader_free(g->mr);
	pages_free(g->pages);
	regions_free(g->regions);
	note_list_clear(&g->notes);
	mh_child_end(&g->child);
	g->mr = NULL;
	g->pages = NULL;
	g->regions = NULL;
	g->n = 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	stop(g);
	(void)munmap(g->p, g->size);
	free(g);
	return 0;
}

/* Read through mem; -1: the child's own. */
static void
begin(struct ground *g, int mem)
{
	struct target t = { .kind = TARGET_MEMORY };
	bool is_cut = false;

	mh_child_start(&g->child);
	assert_ok(regions_read(g->child.maps, &t, &g->regions, &is_cut));
	g->pages = pages_new(g->child.pagemap, g->regions, false);
	g->mr = memory_reader_new(mem >= 0 ? mem : g->child.mem, g->pages, g->regions,
	    OVERLAP, &g->notes);
	assert_non_null(g->mr);
}

/* The next unit in the region; its bytes are those of the region, but at borders. */
static bool
next_unit(struct ground *g)
{
	uint64_t low = (uintptr_t)g->p;
	struct memory_unit u;

	do {
		if (!memory_reader_next(g->mr, &u))
			return false;
	} while (u.base < low || u.base >= low + g->size);
	assert_true(u.base + u.len <= low + g->size);
	assert_true(u.len > 2 && g->n < UNITS_MAX);
	const uint8_t *expected = g->p + (u.base - low);
	struct unit *kept = &g->units[g->n++];

	*kept = (struct unit){ u.base, u.base + u.len, u.base, u.base + u.len };
	assert_memory_equal(u.data + 1, expected + 1, u.len - 2);
	if (u.data[0] != expected[0]) {
		assert_int_equal(u.data[0], 0);
		kept->true_base++;
	}
	if (u.data[u.len - 1] != expected[u.len - 1]) {
		assert_int_equal(u.data[u.len - 1], 0);
		kept->true_end--;
	}
	return true;
}

static void
read_all(struct ground *g)
{
	begin(g, -1);
	while (next_unit(g))
		continue;
	assert_int_equal(g->notes.n, 0);
}

/* Every string of at most LONGEST bytes lies wholly in one unit, as it is. */
static void
check_cover(const struct ground *g)
{
	uint64_t low = (uintptr_t)g->p;

	assert_true(g->n >= g->size / UNIT_BYTES);
	assert_true(g->units[0].true_base == low);
	assert_true(g->units[g->n - 1].true_end == low + g->size);
	for (unsigned i = 1; i < g->n; i++) {
		const struct unit *a = &g->units[i - 1];
		const struct unit *b = &g->units[i];

		assert_true(b->base > a->base && b->end > a->end);
		assert_true(a->true_end >= b->true_base + LONGEST - 1);
		assert_true(b->end - b->base <=
			    UNIT_BYTES + OVERLAP + 2 * BORDER_BYTES + PAGE_BYTES);
	}
}

static void
every_short_string_lies_wholly_in_one_unit(void **state)
{
	struct ground *g = *state;
	uint64_t x = 88172645463325252;

	for (unsigned kind = 0; kind < 6; kind++) {
		for (size_t i = 0; i < g->size; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			uint8_t byte = (uint8_t)(x >> 33);

			g->p[i] = kind == 0   ? byte
				  : kind == 1 ? 0
				  : kind == 2 ? 'w' /* words without an end */
				  : kind == 3 ? (i % (BORDER_BYTES + 1) == 0 ? ' ' : 'w')
				  : kind == 4 ? (i % 2 == 0 ? 'w' : 0) /* wide */
					      : (byte % 5 == 0 ? '.' : 'a' + byte % 20);
		}
		read_all(g);
		check_cover(g);
		stop(g);
	}
}

static bool
is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_';
}

static void
units_begin_and_end_between_words(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < g->size; i++)
		g->p[i] = i % 11 == 0 ? ' ' : 'w';
	read_all(g);
	for (unsigned i = 1; i < g->n; i++) {
		const uint8_t *start = g->p + (g->units[i].base - (uintptr_t)g->p);
		const uint8_t *end = g->p + (g->units[i - 1].end - (uintptr_t)g->p);

		assert_true(g->units[i].true_base == g->units[i].base);
		assert_true(g->units[i - 1].true_end == g->units[i - 1].end);
		assert_false(is_word(start[-1]));
		assert_false(is_word(*end));
	}
}

static void
touch(struct ground *g, size_t page, size_t n)
{
	memset(g->p + page * PAGE_BYTES, 'x', n * PAGE_BYTES);
}

static void
pages_beside_holes_are_units_of_their_own(void **state)
{
	struct ground *g = *state;
	size_t n_runs = 0;

	touch(g, 0, 1);
	touch(g, 2, 3);
	touch(g, g->size / PAGE_BYTES - 1, 1);
	read_all(g);
	assert_int_equal(g->n, 3);
	assert_true(g->units[0].end == (uintptr_t)g->p + PAGE_BYTES);
	assert_true(g->units[1].base == (uintptr_t)g->p + 2 * PAGE_BYTES);
	assert_true(g->units[1].end == (uintptr_t)g->p + 5 * PAGE_BYTES);
	assert_true(g->units[2].end == (uintptr_t)g->p + g->size);
	const struct page_run *runs = memory_reader_runs(g->mr, &n_runs);
	unsigned n_found = 0;
	uint64_t n_bytes = 0;

	for (size_t i = 0; i < n_runs; i++) {
		n_bytes += runs[i].end - runs[i].start;
		assert_true(i == 0 || runs[i].start >= runs[i - 1].end);
		n_found += runs[i].start >= (uintptr_t)g->p &&
			   runs[i].end <= (uintptr_t)g->p + g->size;
	}
	assert_int_equal(n_found, 3);
	assert_true(n_bytes == memory_reader_bytes(g->mr));
}

static void
runs_of_two_mappings_that_touch_are_read_as_one(void **state)
{
	struct ground *g = *state;

	touch(g, 0, 4);
	assert_int_equal(mprotect(g->p, 2 * PAGE_BYTES, PROT_READ), 0);
	read_all(g);
	/* The second may come again with the overlap, but not without the first. */
	assert_true(g->units[g->n - 1].end == (uintptr_t)g->p + 4 * PAGE_BYTES);
	assert_true(
	    g->n == 1 || g->units[1].base <= (uintptr_t)g->p + 2 * PAGE_BYTES - LONGEST);
}

static void
what_may_not_be_read_by_the_process_is_read(void **state)
{
	struct ground *g = *state;
	struct memory_unit u;
	bool is_met = false;

	touch(g, 0, 2);
	assert_int_equal(mprotect(g->p, g->size, PROT_NONE), 0);
	begin(g, -1);
	while (memory_reader_next(g->mr, &u))
		is_met = is_met || (u.base == (uintptr_t)g->p && u.data[5000] == 'x' &&
				       u.len == 2 * PAGE_BYTES);
	assert_true(is_met);
}

static void
pages_that_cannot_be_read_are_told_as_one_range(void **state)
{
	struct ground *g = *state;
	/* In place of memory a file that ends in the middle of the region. */
	int fd = memfd_create("memory", MFD_CLOEXEC);
	char expected[64];
	unsigned n_told = 0;

	touch(g, 0, 8);
	assert_int_equal(ftruncate(fd, (off_t)(uintptr_t)g->p + 5 * PAGE_BYTES), 0);
	assert_true(pwrite(fd, g->p, 5 * PAGE_BYTES, (off_t)(uintptr_t)g->p) > 0);
	begin(g, fd);
	assert_true(next_unit(g));
	assert_true(g->units[0].end == (uintptr_t)g->p + 5 * PAGE_BYTES);
	while (next_unit(g))
		continue;
	(void)close(fd);
	(void)snprintf(expected, sizeof(expected), " 0x%lx-0x%lx rw-p",
	    (unsigned long)g->p + 5 * PAGE_BYTES, (unsigned long)g->p + 8 * PAGE_BYTES);
	for (uint32_t i = 0; i < g->notes.n; i++) {
		if (strncmp(g->notes.notes[i].name, expected, strlen(expected)) != 0)
			continue;
		n_told++;
		assert_int_equal(g->notes.notes[i].reason, REASON_READ_FAILED);
		assert_int_equal(g->notes.notes[i].bytes, 3 * PAGE_BYTES);
	}
	assert_int_equal(n_told, 1);
}

static void
unmap_end(void *arg)
{
	struct ground *g = arg;

	(void)munmap(g->p + UNIT_BYTES, g->size - UNIT_BYTES);
}

static void
pages_that_are_given_back_meanwhile_are_not_missed(void **state)
{
	struct ground *g = *state;

	touch(g, 0, g->size / PAGE_BYTES);
	begin(g, -1);
	assert_true(next_unit(g));
	mh_child_do(&g->child, unmap_end, g);
	while (next_unit(g))
		continue;
	assert_int_equal(g->notes.n, 0);
	assert_int_equal(g->notes.by_reason[REASON_READ_FAILED], 0);
	assert_true(g->notes.by_reason[REASON_GIVEN_BACK] > 0);
}

static void
a_process_that_is_gone_ends_the_reading(void **state)
{
	struct ground *g = *state;

	touch(g, 0, g->size / PAGE_BYTES);
	begin(g, -1);
	assert_true(next_unit(g));
	(void)kill(g->child.pid, 9);
	while (next_unit(g))
		continue;
	assert_int_equal(g->notes.n, 0);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(every_short_string_lies_wholly_in_one_unit),
		with_ground(units_begin_and_end_between_words),
		with_ground(pages_beside_holes_are_units_of_their_own),
		with_ground(runs_of_two_mappings_that_touch_are_read_as_one),
		with_ground(what_may_not_be_read_by_the_process_is_read),
		with_ground(pages_that_cannot_be_read_are_told_as_one_range),
		with_ground(pages_that_are_given_back_meanwhile_are_not_missed),
		with_ground(a_process_that_is_gone_ends_the_reading),
	};

	return cmocka_run_group_tests_name("memory_reader", tests, NULL, NULL);
}

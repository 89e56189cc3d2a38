/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "scanners/pages.h"
#include "tests/unit/mh_child.h"

enum { RUNS_MAX = 40 * 1000, AREA_PAGES = 64 * 1024 };

/* What pages_next() gave inside the area, ranges that touch joined. */
struct list {
	struct page_run runs[RUNS_MAX];
	unsigned n;
	uint64_t n_swapped;
	bool is_legacy;
};

struct ground {
	struct mh_child child;
	uint8_t *p; /* the area: AREA_PAGES that are not there */
	struct list scan, legacy;
};

static const int rw = PROT_READ | PROT_WRITE;
static const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->p = mmap(NULL, (size_t)AREA_PAGES * PAGE_BYTES, PROT_NONE, anonymous, -1, 0);
	*state = g;
	return g->p != MAP_FAILED ? 0 : -1;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	mh_child_end(&g->child);
	(void)munmap(g->p, (size_t)AREA_PAGES * PAGE_BYTES);
	free(g);
	return 0;
}

static uint8_t *
page(const struct ground *g, size_t i)
{
	return g->p + i * PAGE_BYTES;
}

static void
place(struct ground *g, size_t first, size_t n, int flags, int fd)
{
	void *at = mmap(page(g, first), n * PAGE_BYTES, rw, flags | MAP_FIXED, fd, 0);

	assert_true(at == page(g, first));
	(void)madvise(at, n * PAGE_BYTES, MADV_NOHUGEPAGE);
}

static void
touch(struct ground *g, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		*(volatile uint8_t *)page(g, i) = 1;
}

static void
list(struct ground *g, bool reads_shared, bool is_legacy, struct list *ret)
{
	struct target t = { .kind = TARGET_MEMORY, .reads_shared = reads_shared };
	MH_CLEANUP(regions_freep) struct regions *regions = NULL;
	bool is_cut = false;
	struct page_run run;
	uint64_t last = 0;

	assert_ok(regions_read(is_legacy ? g->child.smaps : g->child.maps, &t, &regions,
	    &is_cut));
	MH_CLEANUP(pages_freep)
	struct pages *pages = pages_new(g->child.pagemap, regions, is_legacy);

	ret->n = 0;
	while (pages_next(pages, &run) == MH_OK) {
		assert_true(run.start < run.end && run.start >= last);
		last = run.end;
		if (run.start < (uintptr_t)g->p ||
		    run.end > (uintptr_t)page(g, AREA_PAGES))
			continue;
		if (ret->n > 0 && ret->runs[ret->n - 1].end == run.start) {
			ret->runs[ret->n - 1].end = run.end;
			continue;
		}
		assert_true(ret->n < RUNS_MAX);
		ret->runs[ret->n++] = run;
	}
	ret->n_swapped = pages_n_swapped(pages);
	ret->is_legacy = pages_is_legacy(pages);
}

/* Both ways of asking; false when this kernel has only the old one. */
static bool
list_both(struct ground *g, bool reads_shared)
{
#ifdef MH_SANITIZE
	/* The old way walks through the holes of AddressSanitizer: terabytes. */
	const bool is_legacy = false;
#else
	const bool is_legacy = true;
#endif
	list(g, reads_shared, is_legacy, &g->legacy);
	assert_true(g->legacy.is_legacy || !is_legacy);
	list(g, reads_shared, false, &g->scan);
	assert_int_equal(g->scan.n, g->legacy.n);
	assert_memory_equal(g->scan.runs, g->legacy.runs,
	    g->scan.n * sizeof(struct page_run));
	return !g->scan.is_legacy;
}

static void
assert_runs(const struct ground *g, const size_t (*expected)[2], size_t n)
{
	assert_int_equal(g->scan.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(g->scan.runs[i].start == (uintptr_t)page(g, expected[i][0]));
		assert_true(g->scan.runs[i].end ==
			    (uintptr_t)page(g, expected[i][0] + expected[i][1]));
	}
}

static void
only_own_pages_that_are_present_are_told(void **state)
{
	struct ground *g = *state;
	int fd = memfd_create("file", MFD_CLOEXEC);
	volatile uint8_t sum = 0;
	static const size_t expected[][2] = { { 10, 2 }, { 14, 1 }, { 40, 1 }, { 50, 3 },
		{ 60, 1 }, { 1000, 1 } };

	assert_int_equal(ftruncate(fd, 10 * PAGE_BYTES), 0);
	place(g, 10, 10, anonymous, -1); /* anonymous, in part */
	touch(g, 10, 2);
	touch(g, 14, 1);
	place(g, 30, 10, MAP_SHARED, fd); /* a file's pages: none is its own */
	touch(g, 30, 10);
	place(g, 40, 10, MAP_PRIVATE, fd); /* ... but one that was written */
	for (size_t i = 40; i < 50; i++)
		sum = (uint8_t)(sum + *page(g, i));
	touch(g, 40, 1);
	place(g, 50, 3, anonymous, -1); /* no permissions */
	touch(g, 50, 3);
	assert_int_equal(mprotect(page(g, 50), 3 * PAGE_BYTES, PROT_NONE), 0);
	place(g, 60, 1, anonymous, -1); /* executable */
	touch(g, 60, 1);
	assert_int_equal(mprotect(page(g, 60), PAGE_BYTES, PROT_READ | PROT_EXEC), 0);
	place(g, 70, 5, MAP_SHARED | MAP_ANONYMOUS, -1);
	touch(g, 70, 5);
	place(g, 1000, AREA_PAGES - 1000, anonymous, -1); /* a hole with one page */
	touch(g, 1000, 1);
	mh_child_start(&g->child);
	(void)list_both(g, false);
	assert_runs(g, expected, 6);
	(void)close(fd);
}

static void
shared_pages_are_told_where_nobody_else_reads_them(void **state)
{
	struct ground *g = *state;
	static const size_t expected[][2] = { { 10, 1 }, { 71, 2 } };

	place(g, 10, 2, anonymous, -1);
	touch(g, 10, 1);
	place(g, 70, 5, MAP_SHARED | MAP_ANONYMOUS, -1);
	touch(g, 71, 2);
	mh_child_start(&g->child);
	/* A page table of shared memory is not copied: the child's own touch counts. */
	list(g, true, false, &g->scan);
	assert_runs(g, expected, g->scan.n == 1 ? 1 : 2);
	list(g, false, false, &g->scan);
	assert_runs(g, expected, 1);
}

static void
touch_shared(void *arg)
{
	struct ground *g = arg;

	touch(g, 71, 2);
}

static void
shared_pages_are_those_that_the_process_has_touched(void **state)
{
	struct ground *g = *state;
	static const size_t expected[][2] = { { 71, 2 } };

	place(g, 70, 5, MAP_SHARED | MAP_ANONYMOUS, -1);
	touch(g, 70, 5);
	mh_child_start(&g->child);
	mh_child_do(&g->child, touch_shared, g);
	(void)list_both(g, true);
	assert_runs(g, expected, 1);
}

static void
more_ranges_than_are_asked_for_at_once_come_in_order(void **state)
{
	struct ground *g = *state;
	static const unsigned numbers[] = { PAGES_AHEAD - 1, PAGES_AHEAD, PAGES_AHEAD + 1,
		2 * PAGES_AHEAD, 30 * 1000 };

	for (size_t k = 0; k < MH_ARRAY_LEN(numbers); k++) {
		place(g, 0, AREA_PAGES, anonymous, -1);
		for (unsigned i = 0; i < numbers[k]; i++)
			touch(g, 2 * (size_t)i, 1);
		mh_child_start(&g->child);
		(void)list_both(g, false);
		assert_int_equal(g->scan.n, numbers[k]);
		for (unsigned i = 0; i < numbers[k]; i++) {
			assert_true(
			    g->scan.runs[i].start == (uintptr_t)page(g, 2 * (size_t)i));
			assert_true(
			    g->scan.runs[i].end == (uintptr_t)page(g, 2 * (size_t)i + 1));
		}
		mh_child_end(&g->child);
	}
}

static void
as_many_mappings_as_the_kernel_allows_are_read(void **state)
{
	struct ground *g = *state;
	/* Some are left for the test itself. */
	enum { MAPPINGS = 32000 };
	unsigned n = 0;

	place(g, 0, AREA_PAGES, anonymous, -1);
	for (size_t i = 1; i < 2 * MAPPINGS; i += 2) {
		if (mprotect(page(g, i), PAGE_BYTES, PROT_READ) != 0)
			break;
		touch(g, i - 1, 1);
		n++;
	}
	assert_true(n > 10000);
	mh_child_start(&g->child);
	(void)list_both(g, false);
	assert_int_equal(g->scan.n, n);
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
asking_makes_nothing_resident(void **state)
{
	enum { SLACK_KB = 256 }; /* others that share libraries begin and end */
	struct ground *g = *state;

	place(g, 0, AREA_PAGES, anonymous, -1);
	touch(g, 0, 1000);
	place(g, 20000, 1000, MAP_SHARED | MAP_ANONYMOUS, -1);
	mh_child_start(&g->child);
	/* Before its first steps it has mapped little of its code. */
	mh_child_do(&g->child, do_nothing, NULL);
	/* What the test writes is no longer shared with the child. */
	(void)list_both(g, true);
	uint64_t rss = mh_child_field(&g->child, "smaps_rollup", "Rss");
	uint64_t pss = mh_child_field(&g->child, "smaps_rollup", "Pss");

	(void)list_both(g, true);
	assert_true(mh_child_field(&g->child, "smaps_rollup", "Rss") <= rss + SLACK_KB);
	assert_true(mh_child_field(&g->child, "smaps_rollup", "Pss") <= pss + SLACK_KB);
}

static void
a_page_is_present_or_not(void **state)
{
	struct ground *g = *state;
	struct target t = { .kind = TARGET_MEMORY };
	struct page_run run;
	bool is_cut = false;

	place(g, 0, 4, anonymous, -1);
	touch(g, 1, 1);
	mh_child_start(&g->child);
	for (int is_legacy = 0; is_legacy <= 1; is_legacy++) {
		MH_CLEANUP(regions_freep) struct regions *regions = NULL;

		assert_ok(regions_read(g->child.maps, &t, &regions, &is_cut));
		MH_CLEANUP(pages_freep)
		struct pages *pages =
		    pages_new(g->child.pagemap, regions, is_legacy == 1);

		assert_ok(pages_next(pages, &run));
		assert_true(pages_is_present(pages, (uintptr_t)page(g, 1) + 5));
		assert_false(pages_is_present(pages, (uintptr_t)page(g, 0) + 5));
		assert_false(pages_is_present(pages, (uintptr_t)page(g, 9)));
		assert_false(pages_is_present(pages, UINT64_MAX));
	}
}

static void
a_process_that_is_gone_has_no_pages(void **state)
{
	struct ground *g = *state;
	struct target t = { .kind = TARGET_MEMORY };
	MH_CLEANUP(regions_freep) struct regions *regions = NULL;
	struct page_run run;
	bool is_cut = false;

	mh_child_start(&g->child);
	assert_ok(regions_read(g->child.maps, &t, &regions, &is_cut));
	int pagemap = dup(g->child.pagemap);

	mh_child_end(&g->child);
	for (int is_legacy = 0; is_legacy <= 1; is_legacy++) {
		MH_CLEANUP(pages_freep)
		struct pages *pages = pages_new(pagemap, regions, is_legacy == 1);

		assert_err(pages_next(pages, &run), MH_ERR_NOTFOUND);
	}
	(void)close(pagemap);
}

static void
swapped_pages_are_counted_and_stay_where_they_are(void **state)
{
	struct ground *g = *state;

	place(g, 0, 256, anonymous, -1);
	touch(g, 0, 256);
	/* Before the fork: then the pages are this process's alone. */
	if (madvise(page(g, 0), 256 * PAGE_BYTES, MADV_PAGEOUT) != 0)
		skip();
	mh_child_start(&g->child);
	uint64_t swapped = mh_child_field(&g->child, "status", "VmSwap");

	if (swapped < 256)
		skip(); /* nowhere to swap to */
	(void)list_both(g, false);
	assert_true(g->scan.n_swapped >= swapped / 4);
	assert_true(g->scan.n_swapped == g->legacy.n_swapped);
	assert_int_equal(mh_child_field(&g->child, "status", "VmSwap"), swapped);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(only_own_pages_that_are_present_are_told),
		with_ground(shared_pages_are_told_where_nobody_else_reads_them),
		with_ground(shared_pages_are_those_that_the_process_has_touched),
		with_ground(more_ranges_than_are_asked_for_at_once_come_in_order),
		with_ground(as_many_mappings_as_the_kernel_allows_are_read),
		with_ground(asking_makes_nothing_resident),
		with_ground(a_page_is_present_or_not),
		with_ground(a_process_that_is_gone_has_no_pages),
		with_ground(swapped_pages_are_counted_and_stay_where_they_are),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}

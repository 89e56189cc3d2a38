/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "scanners/content.h"

enum { MIB = 1024 * 1024, PAGE = 4096 };

struct ground {
	char *folder;
	int fd;
	struct content_reader *cr;
	struct content c;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	char *path = xasprintf("%s/file", g->folder);

	g->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	*state = g;
	return g->fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	content_reader_free(g->cr);
	(void)close(g->fd);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

/* What stands at an offset of the test files: never 0. */
static uint8_t
byte_at(uint64_t offset)
{
	return (uint8_t)(offset % 251 + 1);
}

static void
fill(struct ground *g, uint64_t offset, size_t len)
{
	uint8_t *bytes = xcalloc(len, 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(offset + i);
	assert_int_equal(pwrite(g->fd, bytes, len, (off_t)offset), len);
	free(bytes);
}

static void
open_it(struct ground *g, uint64_t size, uint64_t max)
{
	/* Not in setup: cmocka puts its own SIGBUS handler in place before each test. */
	if (g->cr == NULL)
		g->cr = content_reader_new();
	content_close(g->cr);
	assert_ok(content_open(g->cr, g->fd, size, max, false, &g->c));
	assert_int_equal(g->c.file_size, size);
}

/* Block i is [offset, offset + len) of the file. */
static void
assert_block(const struct ground *g, size_t i, uint64_t offset, size_t len)
{
	const struct content_block *b = &g->c.blocks[i];

	assert_true(i < g->c.n_blocks);
	assert_int_equal(b->offset, offset);
	assert_int_equal(b->len, len);
	for (size_t at = 0; at < len; at++) {
		if (b->data[at] != byte_at(offset + at))
			fail_msg("byte %zu of block %zu is wrong", at, i);
	}
}

static void
a_file_is_one_block_whether_read_or_mapped(void **state)
{
	static const size_t sizes[] = { 0, 1, PAGE, CONTENT_READ_MAX - 1,
		CONTENT_READ_MAX, CONTENT_READ_MAX + 1, 3 * MIB + 5 };
	struct ground *g = *state;

	fill(g, 0, 4 * MIB);
	for (size_t i = 0; i < MH_ARRAY_LEN(sizes); i++) {
		open_it(g, sizes[i], 4 * MIB);
		assert_int_equal(g->c.n_blocks, 1);
		assert_int_equal(g->c.n_bytes, sizes[i]);
		assert_true(g->c.is_whole);
		assert_block(g, 0, 0, sizes[i]);
		assert_false(content_is_truncated(g->cr));
	}
}

static void
a_small_file_that_shrank_is_as_long_as_it_is(void **state)
{
	struct ground *g = *state;

	fill(g, 0, 50);
	open_it(g, 100, MIB);
	assert_block(g, 0, 0, 50);
	assert_int_equal(g->c.n_bytes, 50);
	assert_true(content_is_truncated(g->cr));
	open_it(g, 50, MIB);
	assert_false(content_is_truncated(g->cr));
}

static void
a_mapped_file_that_is_truncated_reads_as_zeros(void **state)
{
	struct ground *g = *state;

	fill(g, 0, 3 * MIB);
	open_it(g, 3 * MIB, 4 * MIB);
	assert_int_equal(ftruncate(g->fd, MIB + 100), 0);
	assert_int_equal(g->c.blocks[0].data[MIB + 99], byte_at(MIB + 99));
	assert_false(content_is_truncated(g->cr));
	assert_int_equal(g->c.blocks[0].data[2 * MIB], 0);
	assert_true(content_is_truncated(g->cr));
	assert_int_equal(g->c.blocks[0].data[3 * MIB - 1], 0);
	assert_int_equal(g->c.blocks[0].data[MIB + PAGE], 0);
	assert_int_equal(g->c.blocks[0].data[5], byte_at(5));
	/* The next file starts afresh. */
	open_it(g, MIB + 100, 4 * MIB);
	assert_false(content_is_truncated(g->cr));
	assert_block(g, 0, 0, MIB + 100);
}

static void
each_mapping_of_a_truncated_file_is_mended(void **state)
{
	struct ground *g = *state;

	fill(g, 0, 4 * MIB);
	open_it(g, 4 * MIB, 2 * MIB);
	assert_int_equal(g->c.n_blocks, 2);
	assert_int_equal(ftruncate(g->fd, 0), 0);
	assert_int_equal(g->c.blocks[1].data[0], 0);
	assert_int_equal(g->c.blocks[0].data[g->c.blocks[0].len - 1], 0);
	assert_int_equal(g->c.blocks[0].data[0], 0);
	assert_true(content_is_truncated(g->cr));
}

static void
a_fault_elsewhere_still_ends_the_process(void **state)
{
	struct ground *g = *state;
	int status = 0;

	fill(g, 0, 2 * MIB);
	open_it(g, 2 * MIB, 4 * MIB);
	pid_t pid = fork();

	if (pid == 0) {
		int fd = memfd_create("other", MFD_CLOEXEC);
		volatile uint8_t *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

		_exit(p[0]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

static void
a_file_at_the_limit_is_whole_and_one_byte_more_is_not(void **state)
{
	struct ground *g = *state;

	fill(g, 0, 2 * MIB + 1);
	open_it(g, 2 * MIB, 2 * MIB);
	assert_true(g->c.is_whole);
	assert_block(g, 0, 0, 2 * MIB);
	open_it(g, 2 * MIB + 1, 2 * MIB);
	assert_false(g->c.is_whole);
	assert_int_equal(g->c.n_bytes, 2 * MIB);
	assert_int_equal(g->c.n_blocks, 2);
	assert_block(g, 0, 0, MIB / 2 * 3);
	assert_block(g, 1, 2 * MIB + 1 - MIB / 2, MIB / 2);
}

static void
three_quarters_are_the_start_and_the_rest_is_the_end(void **state)
{
	struct ground *g = *state;
	const uint64_t max = MIB + 7;

	fill(g, 0, 4 * MIB + 3);
	open_it(g, 4 * MIB + 3, max);
	assert_int_equal(g->c.n_bytes, max);
	assert_block(g, 0, 0, max / 4 * 3);
	assert_block(g, 1, 4 * MIB + 3 - (max - max / 4 * 3), max - max / 4 * 3);
}

static void
holes_are_left_out_and_the_file_counts_as_scanned_in_part(void **state)
{
	struct ground *g = *state;

	fill(g, 2 * MIB, PAGE);
	fill(g, 60 * MIB, 2 * PAGE);
	assert_int_equal(ftruncate(g->fd, 1ll << 40), 0);
	open_it(g, 1ull << 40, MIB);
	assert_false(g->c.is_whole);
	assert_int_equal(g->c.n_blocks, 2);
	assert_int_equal(g->c.n_bytes, 3 * PAGE);
	assert_block(g, 0, 2 * MIB, PAGE);
	assert_block(g, 1, 60 * MIB, 2 * PAGE);
}

static uint64_t
blocks_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks;
}

static void
holes_of_a_file_in_memory_stay_holes_and_nothing_is_missed(void **state)
{
	struct ground *g = *state;
	volatile uint64_t sum = 0;

	(void)close(g->fd);
	g->fd = memfd_create("holes", MFD_CLOEXEC);
	assert_int_equal(ftruncate(g->fd, 64 * MIB), 0);
	fill(g, 2 * MIB, PAGE);
	uint64_t before = blocks_of(g->fd);

	open_it(g, 64 * MIB, 512 * MIB);
	content_close(g->cr);
	assert_ok(content_open(g->cr, g->fd, 64 * MIB, 512 * MIB, true, &g->c));
	assert_true(g->c.is_whole);
	assert_int_equal(g->c.n_blocks, 1);
	assert_block(g, 0, 2 * MIB, PAGE);
	for (size_t i = 0; i < g->c.blocks[0].len; i++)
		sum += g->c.blocks[0].data[i];
	assert_int_equal(blocks_of(g->fd), before);
	assert_int_equal(ftruncate(g->fd, 0), 0);
	assert_int_equal(ftruncate(g->fd, 64 * MIB), 0);
	content_close(g->cr);
	assert_ok(content_open(g->cr, g->fd, 64 * MIB, 512 * MIB, true, &g->c));
	assert_int_equal(g->c.n_blocks, 0);
	assert_int_equal(blocks_of(g->fd), 0);
}

static void
of_nothing_but_a_hole_the_start_is_scanned(void **state)
{
	struct ground *g = *state;

	assert_int_equal(ftruncate(g->fd, 1ll << 40), 0);
	open_it(g, 1ull << 40, MIB);
	assert_int_equal(g->c.n_blocks, 1);
	assert_int_equal(g->c.n_bytes, 65536);
	assert_int_equal(g->c.blocks[0].data[65535], 0);
	assert_false(g->c.is_whole);
}

static void
windows_are_counted_over_data_and_not_over_holes(void **state)
{
	struct ground *g = *state;

	fill(g, 0, MIB);
	fill(g, 8 * MIB, MIB);
	assert_int_equal(ftruncate(g->fd, 16 * MIB), 0);
	open_it(g, 16 * MIB, MIB);
	assert_false(g->c.is_whole);
	assert_int_equal(g->c.n_bytes, MIB);
	assert_block(g, 0, 0, MIB / 4 * 3);
	assert_block(g, 1, 8 * MIB + MIB / 4 * 3, MIB / 4);
}

static void
runs_of_data_fit_to_their_limit(void **state)
{
	struct ground *g = *state;
	const uint64_t size = (CONTENT_BLOCKS_MAX + 1) * 2ull * PAGE;

	for (uint64_t i = 0; i < CONTENT_BLOCKS_MAX; i++)
		fill(g, i * 2 * PAGE, PAGE);
	assert_int_equal(ftruncate(g->fd, (off_t)size), 0);
	open_it(g, size, 6 * MIB);
	assert_int_equal(g->c.n_blocks, CONTENT_BLOCKS_MAX);
	assert_int_equal(g->c.n_bytes, CONTENT_BLOCKS_MAX * (uint64_t)PAGE);
	assert_block(g, CONTENT_BLOCKS_MAX - 1, (CONTENT_BLOCKS_MAX - 1) * 2ull * PAGE,
	    PAGE);
	fill(g, CONTENT_BLOCKS_MAX * 2ull * PAGE, PAGE);
	open_it(g, size, 6 * MIB);
	assert_int_equal(g->c.n_blocks, CONTENT_BLOCKS_MAX);
	assert_int_equal(g->c.n_bytes, CONTENT_BLOCKS_MAX * (uint64_t)PAGE);
	assert_false(g->c.is_whole);
}

static void
what_cannot_be_read_is_an_error(void **state)
{
	struct ground *g = *state;
	int folder = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fill(g, 0, 10);
	open_it(g, 10, MIB);
	assert_err(content_open(g->cr, folder, 10, MIB, false, &g->c), MH_ERR_SYSTEM);
	assert_int_equal(errno, EISDIR);
	assert_err(content_open(g->cr, folder, 2 * MIB, 4 * MIB, false, &g->c),
	    MH_ERR_SYSTEM);
	(void)close(folder);
	assert_err(content_open(g->cr, -1, 2 * MIB, MIB, false, &g->c), MH_ERR_SYSTEM);
	open_it(g, 10, MIB);
	content_reader_free(NULL);
}

/* Pages of the file that are in memory; -1 where the file system cannot forget them. */
static int
cached_pages(const struct ground *g, size_t len)
{
	unsigned char vec[2 * MIB / PAGE];
	void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, g->fd, 0);
	int n = 0;

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mincore(at, len, vec), 0);
	(void)munmap(at, len);
	for (size_t i = 0; i < len / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

static void
forget_pages(const struct ground *g, size_t len)
{
	assert_int_equal(fsync(g->fd), 0);
	assert_int_equal(posix_fadvise(g->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	/* A file system in memory keeps what it has. */
	if (cached_pages(g, len) > 0)
		skip();
}

static void
read_all(struct ground *g, size_t len)
{
	open_it(g, len, len);
	assert_int_equal(content_bytes(&g->c, len / 2, 1)[0], byte_at(len / 2));
}

static void
what_nobody_had_in_memory_is_not_left_there(void **state)
{
	static const size_t sizes[] = { MIB / 2, 2 * MIB };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(sizes); i++) {
		fill(g, 0, sizes[i]);
		forget_pages(g, sizes[i]);
		read_all(g, sizes[i]);
		assert_true(cached_pages(g, sizes[i]) > 0);
		content_close(g->cr);
		/* Not unless it was asked for. */
		assert_true(cached_pages(g, sizes[i]) > 0);
		forget_pages(g, sizes[i]);
		content_reader_spare_cache(g->cr);
		read_all(g, sizes[i]);
		content_close(g->cr);
		assert_int_equal(cached_pages(g, sizes[i]), 0);
		content_reader_free(g->cr);
		g->cr = NULL;
	}
}

static void
what_somebody_had_in_memory_stays_there(void **state)
{
	struct ground *g = *state;
	char page[PAGE];

	fill(g, 0, 2 * MIB);
	forget_pages(g, 2 * MIB);
	assert_int_equal(pread(g->fd, page, sizeof(page), 0), sizeof(page));
	read_all(g, 2 * MIB);
	content_reader_spare_cache(g->cr);
	read_all(g, 2 * MIB);
	content_close(g->cr);
	assert_true(cached_pages(g, 2 * MIB) > 0);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_file_is_one_block_whether_read_or_mapped),
		with_ground(a_small_file_that_shrank_is_as_long_as_it_is),
		with_ground(a_mapped_file_that_is_truncated_reads_as_zeros),
		with_ground(each_mapping_of_a_truncated_file_is_mended),
		with_ground(a_fault_elsewhere_still_ends_the_process),
		with_ground(a_file_at_the_limit_is_whole_and_one_byte_more_is_not),
		with_ground(three_quarters_are_the_start_and_the_rest_is_the_end),
		with_ground(holes_are_left_out_and_the_file_counts_as_scanned_in_part),
		with_ground(holes_of_a_file_in_memory_stay_holes_and_nothing_is_missed),
		with_ground(of_nothing_but_a_hole_the_start_is_scanned),
		with_ground(windows_are_counted_over_data_and_not_over_holes),
		with_ground(runs_of_data_fit_to_their_limit),
		with_ground(what_cannot_be_read_is_an_error),
		with_ground(what_nobody_had_in_memory_is_not_left_there),
		with_ground(what_somebody_had_in_memory_stays_there),
	};

	return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}

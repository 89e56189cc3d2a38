/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

struct ground {
	char *folder;
	char *path; /* of a file in it that is not there */
	struct buf *eight;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->path = xasprintf("%s/file", g->folder);
	g->eight = buf_new(8);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	(void)chmod(g->folder, 0700);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g->path);
	buf_free(g->eight);
	free(g);
	return 0;
}

static unsigned
count_names(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n - 2;
}

static void
a_file_is_read_to_its_end_up_to_the_maximum(void **state)
{
	static const struct {
		const char *text;
		mh_err err;
	} table[] = { { "", MH_OK }, { "1234567", MH_OK }, { "12345678", MH_OK },
		{ "123456789", MH_ERR_TOOBIG } };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		assert_ok(file_write_durably(g->path, table[i].text,
		    strlen(table[i].text), 0600));
		buf_reset(g->eight);
		assert_err(file_read(g->path, g->eight), table[i].err);
		if (table[i].err == MH_OK)
			assert_string_equal(buf_string(g->eight), table[i].text);
	}
}

static void
a_file_far_larger_than_one_read_is_read_whole(void **state)
{
	struct ground *g = *state;
	size_t len = 300 * 1000 + 7;
	uint8_t *bytes = xcalloc(1, len);
	struct buf *b = buf_new(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	assert_ok(file_write_durably(g->path, bytes, len, 0600));
	assert_ok(file_read(g->path, b));
	assert_int_equal(buf_len(b), len);
	assert_memory_equal(buf_data(b), bytes, len);
	buf_free(b);
	free(bytes);
}

static void
only_regular_files_are_read(void **state)
{
	struct ground *g = *state;

	assert_err(file_read(g->path, g->eight), MH_ERR_NOTFOUND);
	assert_err(file_read(g->folder, g->eight), MH_ERR_SYSTEM);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(mkfifo(g->path, 0600), 0);
	assert_err(file_read(g->path, g->eight), MH_ERR_SYSTEM);
	assert_int_equal(errno, EINVAL);
	assert_err(file_read("/dev/zero", g->eight), MH_ERR_SYSTEM);
	assert_int_equal(buf_len(g->eight), 0);
}

static void
a_durable_write_replaces_and_leaves_nothing_beside(void **state)
{
	struct ground *g = *state;
	struct stat st;
	mode_t mask = umask(077);

	assert_ok(file_write_durably(g->path, "one", 3, 0644));
	(void)umask(mask);
	assert_int_equal(stat(g->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* What lies under the name of the temporary file is nobody's to be written to. */
	MH_CLEANUP(freep) char *other = xasprintf("%s.other", g->path);
	MH_CLEANUP(freep) char *trap = xasprintf("%s.%d.new", g->path, (int)getpid());

	assert_ok(file_write_durably(other, "left alone", 10, 0640));
	assert_int_equal(link(other, trap), 0);
	assert_ok(file_write_durably(g->path, "two", 3, 0600));
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(stat(g->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(file_read(g->path, g->eight));
	assert_string_equal(buf_string(g->eight), "two");
	assert_int_equal(count_names(g->folder), 1);
}

static void
a_durable_write_that_fails_leaves_the_file_as_it_was(void **state)
{
	struct ground *g = *state;
	struct rlimit before, limit;

	assert_ok(file_write_durably(g->path, "old", 3, 0600));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	mh_err err = file_write_durably(g->path, "12345678", 8, 0600);
	int error = errno;

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_err(err, MH_ERR_SYSTEM);
	assert_int_equal(error, EFBIG);
	assert_ok(file_read(g->path, g->eight));
	assert_string_equal(buf_string(g->eight), "old");
	assert_int_equal(count_names(g->folder), 1);
	/* Over a folder it cannot be renamed. */
	assert_err(file_write_durably(g->folder, "x", 1, 0600), MH_ERR_SYSTEM);
	char *inside = xasprintf("%s/none/file", g->folder);

	assert_err(file_write_durably(inside, "x", 1, 0600), MH_ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	free(inside);
}

static void
folders_are_made_down_to_the_last(void **state)
{
	static const char *const below[] = { "", "/a", "/b/c/d", "/b//e/", "/b/c/d" };
	struct ground *g = *state;
	struct stat st;

	for (size_t i = 0; i < MH_ARRAY_LEN(below); i++) {
		char *path = xasprintf("%s%s", g->folder, below[i]);

		assert_ok(folder_make(path, 0700));
		assert_int_equal(stat(path, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		free(path);
	}
}

static void
a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
	struct ground *g = *state;
	char *below = xasprintf("%s/x", g->path);

	assert_ok(file_write_durably(g->path, "x", 1, 0600));
	assert_err(folder_make(below, 0700), MH_ERR_SYSTEM);
	assert_int_equal(errno, ENOTDIR);
	free(below);
	assert_err(folder_make(g->path, 0700), MH_ERR_SYSTEM);
	assert_int_equal(errno, ENOTDIR);
	assert_err(folder_make("", 0700), MH_ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
}

static void
bytes_in_a_sealed_descriptor_cannot_be_changed(void **state)
{
	struct ground *g = *state;
	int fd = -1;

	assert_ok(fd_from_bytes("test", "12345678", 8, &fd));
	assert_ok(fd_read_all(fd, g->eight));
	assert_string_equal(buf_string(g->eight), "12345678");
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 99), -1);
	assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	(void)close(fd);
	assert_ok(fd_from_bytes("test", NULL, 0, &fd));
	(void)close(fd);
}

static void
a_descriptor_that_is_not_open_fails(void **state)
{
	struct ground *g = *state;

	assert_err(fd_set_nonblocking(-1), MH_ERR_SYSTEM);
	assert_err(fd_read_all(-1, g->eight), MH_ERR_SYSTEM);
	assert_err(fd_write_all(-1, "x", 1), MH_ERR_SYSTEM);
	assert_int_equal(errno, EBADF);
	assert_ok(fd_write_all(-1, "", 0));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_file_is_read_to_its_end_up_to_the_maximum),
		with_ground(a_file_far_larger_than_one_read_is_read_whole),
		with_ground(only_regular_files_are_read),
		with_ground(a_durable_write_replaces_and_leaves_nothing_beside),
		with_ground(a_durable_write_that_fails_leaves_the_file_as_it_was),
		with_ground(folders_are_made_down_to_the_last),
		with_ground(a_file_in_the_way_of_a_folder_is_an_error),
		with_ground(bytes_in_a_sealed_descriptor_cannot_be_changed),
		with_ground(a_descriptor_that_is_not_open_fails),
	};

	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}

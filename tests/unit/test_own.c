/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/own.h"
#include "agent/proc.h"
#include "base/fd.h"
#include "base/memory.h"

enum { UNTRUSTED = 0666 };

/* A folder of programs, one of which is a copy of a shell that only waits. */
struct ground {
	int proc; /* a folder of proc(5) */
	char *folder;
	char *program; /* FOLDER/molehunt-scan */
	char *library; /* FOLDER/lib.so: a copy of some library */
	struct own *own;
	pid_t pid;
	int dir;
};

static void
copy(const char *from, const char *to, mode_t mode)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64 << 20);

	assert_ok(file_read(from, b));
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf_data(b), buf_len(b)), buf_len(b));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* The path of a library that this test has loaded. */
static char *
some_library(void)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);

	assert_ok(file_read("/proc/self/maps", b));
	const char *at = strstr(buf_string(b), "/libcmocka.so");

	if (at == NULL)
		skip_all("cmocka is no shared library");
	while (at[-1] != ' ')
		at--;
	return xstrndup(at, strcspn(at, "\n"));
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g->dir = -1;
	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->program = xasprintf("%s/molehunt-scan", g->folder);
	g->library = xasprintf("%s/lib.so", g->folder);
	*state = g;
	return setenv("MOLEHUNT_LIBEXEC", g->folder, 1);
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	int status = 0;

	(void)close(g->proc);
	if (g->pid > 0) {
		(void)kill(g->pid, SIGKILL);
		(void)waitpid(g->pid, NULL, 0);
	}
	fd_closep(&g->dir);
	own_free(g->own);
	free(g->program);
	free(g->library);
	status = tmpdir_teardown((void **)&g->folder);
	free(g);
	return status;
}

/* Start the program, perhaps with a library of somebody else's; it sleeps. */
static void
start(struct ground *g, const char *preload)
{
	char path[64];
	char exe[4096];
	MH_CLEANUP(freep) char *variable = xasprintf("LD_PRELOAD=%s", preload);
	char *const args[] = { g->program, (char *)(uintptr_t) "1000", NULL };
	char *const environment[] = { preload[0] != 0 ? variable : NULL, NULL };
	struct stat st;

	g->own = own_new(g->proc, 1);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		(void)execve(g->program, args, environment);
		_exit(1);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)g->pid);
	/* Until the program runs, and its libraries are there. */
	for (unsigned i = 0; i < 1000; i++) {
		ssize_t n = readlink(path, exe, sizeof(exe) - 1);

		exe[n > 0 ? n : 0] = 0;
		if (strcmp(exe, g->program) == 0)
			break;
		(void)usleep(1000);
	}
	assert_string_equal(exe, g->program);
	(void)usleep(100 * 1000);
	g->dir = proc_open(g->proc, g->pid);
	assert_true(g->dir >= 0);
	assert_int_equal(fstatat(g->dir, "exe", &st, 0), 0);
}

static bool
is_own(const struct ground *g)
{
	struct stat st;

	assert_int_equal(fstatat(g->dir, "exe", &st, 0), 0);
	return own_is(g->own, g->dir, g->pid, st.st_dev, st.st_ino);
}

static void
one_of_our_programs_is_ours(void **state)
{
	struct ground *g = *state;

	copy("/bin/sleep", g->program, 0755);
	start(g, "");
	assert_true(is_own(g));
}

static void
a_program_of_another_name_is_not(void **state)
{
	struct ground *g = *state;

	free(g->program);
	g->program = xasprintf("%s/molehunt-other", g->folder);
	copy("/bin/sleep", g->program, 0755);
	start(g, "");
	assert_false(is_own(g));
}

static void
the_name_alone_does_not_make_it_ours(void **state)
{
	struct ground *g = *state;

	copy("/bin/sleep", g->program, 0755);
	free(g->program);
	g->program = xasprintf("%s/sub", g->folder);
	assert_int_equal(mkdir(g->program, 0700), 0);
	free(g->program);
	g->program = xasprintf("%s/sub/molehunt-scan", g->folder);
	copy("/bin/sleep", g->program, 0755);
	start(g, "");
	assert_false(is_own(g));
	(void)unlink(g->program);
	g->program[strlen(g->program) - strlen("/molehunt-scan")] = 0;
	(void)rmdir(g->program);
}

static void
a_program_that_others_can_write_is_not(void **state)
{
	struct ground *g = *state;

	copy("/bin/sleep", g->program, 0777);
	start(g, "");
	assert_false(is_own(g));
}

static void
with_a_library_that_others_can_write_it_is_not(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *library = some_library();

	copy("/bin/sleep", g->program, 0755);
	copy(library, g->library, UNTRUSTED);
	start(g, g->library);
	assert_false(is_own(g));
}

static void
with_a_library_of_another_user_it_is_not(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *library = some_library();

	if (geteuid() != 0)
		skip();
	copy("/bin/sleep", g->program, 0755);
	copy(library, g->library, 0755);
	assert_int_equal(chown(g->library, 65534, 65534), 0);
	start(g, g->library);
	assert_false(is_own(g));
}

static void
with_a_library_that_is_gone_it_is_not(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *library = some_library();

	copy("/bin/sleep", g->program, 0755);
	copy(library, g->library, 0755);
	start(g, g->library);
	assert_true(is_own(g)); /* it is one that only we can write */
	assert_int_equal(unlink(g->library), 0);
	assert_false(is_own(g));
}

/* Write the byte that stands there over itself: its page becomes the process's own. */
static void
write_over_code(const struct ground *g)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);
	int mem = openat(g->dir, "mem", O_RDWR | O_CLOEXEC);
	char maps[64];
	uint64_t start = 0;
	uint8_t byte = 0;

	if (mem < 0)
		skip(); /* not allowed here */
	(void)snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)g->pid);
	assert_ok(file_read(maps, b));
	const char *line = strstr(buf_string(b), " r-xp ");

	assert_non_null(line);
	while (line > buf_string(b) && line[-1] != '\n')
		line--;
	start = strtoull(line, NULL, 16);
	assert_int_equal(pread(mem, &byte, 1, (off_t)start), 1);
	assert_int_equal(pwrite(mem, &byte, 1, (off_t)start), 1);
	(void)close(mem);
}

static void
with_code_that_was_written_over_it_is_not(void **state)
{
	struct ground *g = *state;

	copy("/bin/sleep", g->program, 0755);
	start(g, "");
	assert_true(is_own(g));
	write_over_code(g);
	assert_false(is_own(g));
}

static void
who_descends_from_us_is_ours_and_who_started_us_is_not(void **state)
{
	struct ground *g = *state;
	int self = proc_open(g->proc, getpid());
	int parent = proc_open(g->proc, getppid());

	g->own = own_new(g->proc, getpid());
	assert_true(own_is(g->own, self, getpid(), 0, 0));
	assert_false(own_is(g->own, parent, getppid(), 0, 0));
	g->pid = fork();
	if (g->pid == 0) {
		for (;;)
			(void)pause();
	}
	g->dir = proc_open(g->proc, g->pid);
	assert_true(own_is(g->own, g->dir, g->pid, 0, 0));
	(void)close(self);
	(void)close(parent);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(one_of_our_programs_is_ours),
		with_ground(a_program_of_another_name_is_not),
		with_ground(the_name_alone_does_not_make_it_ours),
		with_ground(a_program_that_others_can_write_is_not),
		with_ground(with_a_library_that_others_can_write_it_is_not),
		with_ground(with_a_library_of_another_user_it_is_not),
		with_ground(with_a_library_that_is_gone_it_is_not),
		with_ground(with_code_that_was_written_over_it_is_not),
		with_ground(who_descends_from_us_is_ours_and_who_started_us_is_not),
	};

	return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}

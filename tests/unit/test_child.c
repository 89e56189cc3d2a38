/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/child.h"
#include "base/memory.h"

/* This program is its own child: with an argument it answers on its channel. */
static int
be_child(const char *what)
{
	char answer[64];
	sigset_t blocked;
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	(void)snprintf(answer, sizeof(answer), "%s %d %d %d", what, n,
	    sigismember(&blocked, SIGUSR1), signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	if (strcmp(what, "sleep") == 0)
		(void)pause();
	return write(CHILD_CHANNEL_FD, answer, strlen(answer)) > 0 ? 5 : 6;
}

struct ground {
	int ours, theirs;
	pid_t pid;
};

static int
setup(void **state)
{
	static struct ground g;
	int fds[2];

	if (channel_pair(fds) != MH_OK)
		return -1;
	g = (struct ground){ .ours = fds[0], .theirs = fds[1] };
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	if (g->pid > 0) {
		(void)kill(g->pid, SIGKILL);
		(void)waitpid(g->pid, NULL, 0);
	}
	(void)close(g->ours);
	if (g->theirs >= 0)
		(void)close(g->theirs);
	return 0;
}

static void
start(struct ground *g, const char *what)
{
	char name[] = "name";
	char *copy = xstrdup(what);
	char *argv[] = { name, copy, NULL };

	assert_ok(child_start("/proc/self/exe", argv, g->theirs, &g->pid));
	g->theirs = -1;
	free(copy);
}

static void
a_child_has_its_channel_and_nothing_else(void **state)
{
	struct ground *g = *state;
	char answer[64] = "";
	sigset_t usr1, before;
	int status = 0;

	(void)sigemptyset(&usr1);
	(void)sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	start(g, "hello");
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	assert_true(read(g->ours, answer, sizeof(answer) - 1) > 0);
	/* Three standard descriptors and the channel; no signal blocked or ignored. */
	assert_string_equal(answer, "hello 4 0 0");
	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	g->pid = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	/* Our copy of its end was closed: its death is the end of file. */
	assert_int_equal(read(g->ours, answer, sizeof(answer)), 0);
}

static void
a_channel_that_has_the_childs_number_already_works(void **state)
{
	struct ground *g = *state;
	char answer[64] = "";
	int at = fcntl(g->theirs, F_DUPFD_CLOEXEC, 0);
	int spare = -1;

	/* Whatever is open as that number steps aside for this test. */
	if (at != CHILD_CHANNEL_FD) {
		spare = fcntl(CHILD_CHANNEL_FD, F_DUPFD_CLOEXEC, 10);
		assert_int_equal(dup3(at, CHILD_CHANNEL_FD, O_CLOEXEC), CHILD_CHANNEL_FD);
		(void)close(at);
	}
	(void)close(g->theirs);
	g->theirs = CHILD_CHANNEL_FD;
	if (spare >= 0 && g->ours == CHILD_CHANNEL_FD)
		g->ours = spare;
	start(g, "three");
	assert_true(read(g->ours, answer, sizeof(answer) - 1) > 0);
	assert_memory_equal(answer, "three", 5);
}

static void
a_program_that_is_not_there_is_an_error_at_once(void **state)
{
	struct ground *g = *state;
	char name[] = "name";
	char *argv[] = { name, NULL };

	assert_err(child_start("/nonexistent/program", argv, g->theirs, &g->pid),
	    MH_ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(g->pid, 0);
	assert_true(fcntl(g->theirs, F_GETFD) >= 0);
}

static void
a_child_dies_with_who_started_it(void **state)
{
	struct ground *g = *state;
	pid_t parent = fork();
	char byte;

	assert_true(parent >= 0);
	if (parent == 0) {
		start(g, "sleep");
		_exit(0);
	}
	(void)close(g->theirs);
	g->theirs = -1;
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* End of file comes when the last holder of the other end is gone. */
	assert_int_equal(read(g->ours, &byte, 1), 0);
}

static void
the_folder_of_programs_follows_the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("MOLEHUNT_LIBEXEC", "/some/folder", 1), 0);
	char *folder = child_program_folder();

	assert_string_equal(folder, "/some/folder");
	free(folder);
	assert_int_equal(unsetenv("MOLEHUNT_LIBEXEC"), 0);
	folder = child_program_folder();
	assert_int_equal(folder[0], '/');
	assert_string_not_equal(folder, "/some/folder");
	free(folder);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		with_ground(a_child_has_its_channel_and_nothing_else),
		with_ground(a_channel_that_has_the_childs_number_already_works),
		with_ground(a_program_that_is_not_there_is_an_error_at_once),
		with_ground(a_child_dies_with_who_started_it),
		cmocka_unit_test(the_folder_of_programs_follows_the_environment),
	};

	if (argc > 1)
		return be_child(argv[1]);
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}

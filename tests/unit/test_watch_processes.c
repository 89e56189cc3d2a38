/* SPDX-License-Identifier: BSD-2-Clause */
/* Actors and executions, for the watcher. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/watch_actor.h"
#include "agent/watch_processes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"

struct given {
	int proc, pidfd;
	struct own *own;
	struct watch_actors *actors;
	struct watch_processes *processes;
	pid_t child;
	unsigned n_looks;
};

static int
setup(void **state)
{
	struct given *g = xcalloc(1, sizeof(*g));

	g->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->pidfd = -1;
	/* Nothing of the test's is ours. */
	g->own = own_new(g->proc, INT32_MAX);
	g->actors = watch_actors_new(g->proc, g->own, NULL);
	*state = g;
	return g->proc >= 0 ? 0 : -1;
}

static void
end_child(struct given *g)
{
	if (g->child > 0) {
		(void)kill(g->child, SIGKILL);
		(void)waitpid(g->child, NULL, 0);
	}
	g->child = 0;
}

static int
teardown(void **state)
{
	struct given *g = *state;

	end_child(g);
	watch_actors_free(g->actors);
	watch_processes_free(g->processes);
	own_free(g->own);
	fd_closep(&g->pidfd);
	fd_closep(&g->proc);
	free(g);
	return 0;
}

static pid_t
start_named(const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_NAME, name);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	return pid;
}

static const struct actor *
get(struct given *g, pid_t pid, int64_t now_ms)
{
	bool is_own = true;
	const struct actor *a =
	    watch_actors_get(g->actors, pid, g->pidfd, false, now_ms, &is_own);

	assert_false(is_own);
	return a;
}

static void
start_first(struct given *g)
{
	g->child = start_named("first");
	g->pidfd = (int)syscall(SYS_pidfd_open, g->child, 0);
	if (g->pidfd < 0)
		skip();
	(void)poll(NULL, 0, 20);
}

static void
an_actor_is_known_and_its_end_is_told(void **state)
{
	struct given *g = *state;

	start_first(g);
	pid_t pid = g->child;
	const struct actor *a = get(g, pid, 0);

	assert_string_equal(a->comm, "first");
	assert_false(a->is_gone);
	assert_int_equal(a->parents[0].pid, getpid());
	end_child(g);
	a = get(g, pid, 100);
	assert_true(a->is_gone);
	assert_string_equal(a->comm, "first");
	/* Longer ago, it could be anybody. */
	a = get(g, pid, ACTOR_PAST_MS + 101);
	assert_true(a->is_gone);
	assert_int_equal(a->pid, pid);
	assert_null(a->comm);
}

/* A process named name that got that pid; 0 when others were quicker. */
static pid_t
start_with_pid(pid_t pid, const char *name)
{
	for (unsigned i = 0; i < 50; i++) {
		MH_CLEANUP(fd_closep)
		int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		char text[32];

		(void)snprintf(text, sizeof(text), "%d", (int)pid - 1);
		if (fd < 0 || fd_write_all(fd, text, strlen(text)) != MH_OK)
			return 0;
		pid_t child = start_named(name);

		if (child == pid)
			return child;
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	return 0;
}

static void
an_actor_is_not_who_has_its_pid_now(void **state)
{
	struct given *g = *state;

	start_first(g);
	pid_t pid = g->child;

	end_child(g);
	g->child = start_with_pid(pid, "second");
	if (g->child == 0)
		skip();
	(void)poll(NULL, 0, 20);
	const struct actor *a = get(g, pid, 0);

	assert_true(a->is_gone);
	assert_int_equal(a->start_ticks, 0);
	assert_null(a->comm);
}

static void
what_is_known_of_an_actor_ends_when_it_executes(void **state)
{
	struct given *g = *state;
	struct actor hint = { .pid = 77, .comm = (char *)"x", .loginuid = UINT32_MAX };
	bool is_own = false;

	watch_actors_hint(g->actors, &hint, 0);
	const struct actor *a = watch_actors_get(g->actors, 77, -1, true, 10, &is_own);

	assert_string_equal(a->comm, "x");
	assert_true(a->is_gone);
	watch_actors_forget(g->actors, 77);
	assert_null(watch_actors_get(g->actors, 77, -1, true, 10, &is_own)->comm);
}

static void
on_exec(void *ctx, const struct exec_look *look)
{
	struct given *g = ctx;

	assert_true(look->dir >= 0 && look->pid > 0);
	g->n_looks++;
}

static void
run_true(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
executions_beyond_the_buffer_are_found_in_proc(void **state)
{
	struct given *g = *state;
	struct watch_counters counters = { 0 };
	struct due_item items[64];
	int size = 1;
	bool is_found = false;

	g->processes = watch_processes_new(g->proc, g->own);
	if (watch_processes_trouble(g->processes)[0] != 0)
		skip();
	assert_int_equal(setsockopt(watch_processes_fd(g->processes), SOL_SOCKET,
			     SO_RCVBUFFORCE, &size, sizeof(size)),
	    0);
	for (unsigned i = 0; i < 50; i++)
		run_true();
	g->child = fork();
	if (g->child == 0) {
		(void)execl("/bin/sleep", "sleep", "20", (char *)NULL);
		_exit(127);
	}
	(void)poll(NULL, 0, 100);
	assert_true(watch_processes_read(g->processes, 1000, 0, on_exec, g, &counters));
	assert_true(counters.n_exec_lost > 0);
	/* Others on this machine may start what is due at once. */
	size_t n_early = watch_processes_take(g->processes, 999, items, 64, &counters);

	for (size_t i = 0; i < n_early; i++)
		assert_int_not_equal(items[i].pid, g->child);
	for (size_t n = 1; n > 0;) {
		n = watch_processes_take(g->processes, 1000, items, 64, &counters);
		for (size_t i = 0; i < n; i++)
			is_found |= items[i].pid == g->child;
	}
	assert_true(is_found);
	assert_int_equal(watch_processes_due(g->processes), INT64_MAX);
	assert_int_equal(counters.n_due_pending, 0);
}

static void
odd_starts_are_known_by_program_and_links(void **state)
{
	(void)state;
	assert_int_equal(watch_processes_why("/bin/true", 1), DUE_STARTED);
	assert_int_equal(watch_processes_why("/memfd:x (deleted)", 0), DUE_MEMFD);
	assert_int_equal(watch_processes_why("/bin/x (deleted)", 0), DUE_DELETED);
	assert_int_equal(watch_processes_why("/bin/x (deleted)", 1), DUE_STARTED);
	assert_int_equal(watch_processes_why("/lib/ld-linux-x86-64.so.2", 1),
	    DUE_ODD_START);
	assert_int_equal(watch_processes_why("/lib/ld-musl-x86_64.so.1", 1),
	    DUE_ODD_START);
	assert_int_equal(watch_processes_why("/lib/ld-2.31.so", 1), DUE_ODD_START);
	assert_int_equal(watch_processes_why("/usr/bin/ld-tool", 1), DUE_STARTED);
	assert_int_equal(watch_processes_why("/dev/shm/x", 1), DUE_ODD_START);
	assert_int_equal(watch_processes_why("/tmp/x", 2), DUE_ODD_START);
}

int
main(void)
{
#define WITH_PROC(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_PROC(an_actor_is_known_and_its_end_is_told),
		WITH_PROC(an_actor_is_not_who_has_its_pid_now),
		WITH_PROC(what_is_known_of_an_actor_ends_when_it_executes),
		WITH_PROC(executions_beyond_the_buffer_are_found_in_proc),
		cmocka_unit_test(odd_starts_are_known_by_program_and_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

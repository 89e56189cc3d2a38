/* SPDX-License-Identifier: BSD-2-Clause */
/* fanotify marks over a tmpfs of the test's own. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/watch_marks.h"
#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_opener.h"

struct given {
	void *tmpdir;
	bool is_mounted;
	char *program;
	uint64_t dev, ino;
	struct watch_marks *marks;
	unsigned n_written, n_executed, n_pidfds, n_errors;
	int kept; /* the program, open */
};

static int
setup(void **state)
{
	struct given *g = xcalloc(1, sizeof(*g));
	int err = tmpdir_setup(&g->tmpdir);

	*state = g;
	g->kept = -1;
	g->is_mounted = geteuid() == 0 && mh_private_tmpfs(g->tmpdir);
	g->program = xasprintf("%s/true", (char *)g->tmpdir);
	return err;
}

static int
teardown(void **state)
{
	struct given *g = *state;

	watch_marks_free(g->marks);
	fd_closep(&g->kept);
	if (g->is_mounted)
		(void)umount2(g->tmpdir, MNT_DETACH);
	(void)tmpdir_teardown(&g->tmpdir);
	free(g->program);
	free(g);
	return 0;
}

static void
run(const char *program, const char *argument, const char *other)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl(program, program, argument, other, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
on_event(void *ctx, struct marks_event *e)
{
	struct given *g = ctx;
	struct stat st;

	if (e->fd < 0) {
		g->n_errors++;
		return;
	}
	if (fstat(e->fd, &st) == 0 && st.st_dev == g->dev && st.st_ino == g->ino) {
		g->n_written += (e->mask & FAN_CLOSE_WRITE) != 0;
		g->n_executed += (e->mask & FAN_OPEN_EXEC) != 0;
		g->n_pidfds += e->pidfd >= 0 || e->is_ended;
		if (g->kept < 0)
			g->kept = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
	}
	(void)close(e->fd);
}

static void
read_all(struct given *g)
{
	g->n_written = g->n_executed = 0;
	while (watch_marks_read(g->marks, on_event, g) == MH_OK)
		;
}

static void
mark(struct given *g)
{
	struct stat st;

	if (!g->is_mounted)
		skip();
	g->marks = watch_marks_new(MARKS_NOTIFY);
	if (watch_marks_fd(g->marks) < 0)
		skip();
	watch_marks_refresh(g->marks, false);
	run("/bin/cp", "/bin/true", g->program);
	assert_int_equal(stat(g->program, &st), 0);
	g->dev = st.st_dev;
	g->ino = st.st_ino;
	read_all(g);
	assert_int_equal(g->n_written, 1);
}

static void
writes_and_executions_are_told_with_their_process(void **state)
{
	struct given *g = *state;

	mark(g);
	run(g->program, NULL, NULL);
	read_all(g);
	assert_int_equal(g->n_executed, 1);
	assert_int_equal(g->n_written, 0);
	if (watch_marks_has_pidfd(g->marks))
		assert_true(g->n_pidfds > 0);
}

static void
an_ignored_program_is_told_again_when_it_changed(void **state)
{
	struct given *g = *state;

	mark(g);
	if (!watch_marks_ignore(g->marks, g->kept))
		skip();
	run(g->program, NULL, NULL);
	read_all(g);
	assert_int_equal(g->n_executed, 0);
	run("/bin/cp", "/bin/true", g->program);
	read_all(g);
	assert_int_equal(g->n_written, 1);
	run(g->program, NULL, NULL);
	read_all(g);
	assert_int_equal(g->n_executed, 1);
}

static void
after_a_flush_ignored_programs_are_told_again(void **state)
{
	struct given *g = *state;

	mark(g);
	if (!watch_marks_ignore(g->marks, g->kept))
		skip();
	watch_marks_flush_ignored(g->marks);
	run(g->program, NULL, NULL);
	read_all(g);
	assert_int_equal(g->n_executed, 1);
}

static void
for_want_of_descriptors_each_event_is_told_as_an_error(void **state)
{
	enum { FILES = 100 };
	struct given *g = *state;
	struct rlimit before;
	unsigned n_failed = 0;

	mark(g);
	if (!watch_marks_has_errors(g->marks))
		skip();
	for (unsigned i = 0; i < FILES; i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s/%u", (char *)g->tmpdir, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit none = { (rlim_t)g->kept, before.rlim_max };

	g->n_errors = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (unsigned i = 0; i < 10 * FILES; i++) {
		mh_err err = watch_marks_read(g->marks, on_event, g);

		if (err == MH_ERR_AGAIN)
			break;
		n_failed += err == MH_ERR_SYSTEM;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(g->n_errors + n_failed >= FILES);
}

static void
a_mount_over_another_does_not_lead_astray(void **state)
{
	struct given *g = *state;
	const struct watch_place *p = NULL;
	struct stat below;
	struct stat above;

	if (!g->is_mounted)
		skip();
	assert_int_equal(stat(g->tmpdir, &below), 0);
	assert_int_equal(mount("tmpfs", g->tmpdir, "tmpfs", 0, NULL), 0);
	assert_int_equal(stat(g->tmpdir, &above), 0);
	g->marks = watch_marks_new(MARKS_NOTIFY);
	watch_marks_refresh(g->marks, false);
	p = watch_marks_find(g->marks, below.st_dev);
	assert_non_null(p);
	assert_string_equal(p->trouble, "another mount hides it");
	p = watch_marks_find(g->marks, above.st_dev);
	assert_non_null(p);
	assert_string_equal(p->trouble, "");
	assert_true(watch_marks_has_changed(g->marks));
	assert_int_equal(umount(g->tmpdir), 0);
	watch_marks_refresh(g->marks, false);
	assert_null(watch_marks_find(g->marks, above.st_dev));
	p = watch_marks_find(g->marks, below.st_dev);
	assert_string_equal(p->trouble, "");
	assert_true(watch_marks_has_changed(g->marks));
	assert_false(watch_marks_has_changed(g->marks));
}

int
main(void)
{
#define MARKS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		MARKS_TEST(writes_and_executions_are_told_with_their_process),
		MARKS_TEST(an_ignored_program_is_told_again_when_it_changed),
		MARKS_TEST(after_a_flush_ignored_programs_are_told_again),
		MARKS_TEST(for_want_of_descriptors_each_event_is_told_as_an_error),
		MARKS_TEST(a_mount_over_another_does_not_lead_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

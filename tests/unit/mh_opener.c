/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "records/messages.h"
#include "tests/unit/mh_opener.h"

static void
write_at(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
}

static void
stand_between(const char *program, uid_t uid, int fd, int in, int out)
{
	char path[PATH_MAX];
	ssize_t n = 0;

	char *argv[] = { (char *)"molehunt-open", NULL };
	pid_t pid = 0;

	if (uid != 0 && setresuid(uid, uid, uid) < 0)
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (child_start(program, argv, fd, &pid) != MH_OK ||
	    write(out, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		_exit(1);
	/* Ended openers need no one to reap them: init does when this ends. */
	while ((n = read(in, path, sizeof(path))) > 0 && path[n - 1] == 0)
		write_at(path);
	for (;;)
		(void)pause();
}

void
mh_opener_start(struct mh_opener *o, const char *program)
{
	int fds[2];
	int from[2];
	int to[2];

	assert_ok(channel_pair(fds));
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	(void)fflush(NULL);
	o->between = fork();
	assert_true(o->between >= 0);
	if (o->between == 0) {
		(void)close(fds[0]);
		(void)close(from[0]);
		(void)close(to[1]);
		stand_between(program, o->uid, fds[1], to[0], from[1]);
	}
	(void)close(to[0]);
	o->to = to[1];
	(void)close(fds[1]);
	(void)close(from[1]);
	ssize_t n = read(from[0], &o->pid, sizeof(o->pid));

	(void)close(from[0]);
	if (n == 0 && o->uid != 0) {
		/* Built in a folder that is its owner's alone, as mktemp(1) makes them. */
		(void)fprintf(stderr, "skipped: user %u cannot run %s\n",
		    (unsigned)o->uid, program);
		skip();
	}
	assert_int_equal(n, sizeof(o->pid));
	o->channel = message_channel_new(fds[0], ROLE_AGENT, ROLE_OPENER);
}

void
mh_opener_end(struct mh_opener *o)
{
	channel_free(o->channel);
	o->channel = NULL;
	if (o->between > 0) {
		/* 0 would be all of us, and who started us. */
		if (o->pid > 0)
			(void)kill(o->pid, SIGKILL);
		(void)kill(o->between, SIGKILL);
		(void)waitpid(o->between, NULL, 0);
		(void)close(o->to);
	}
	o->between = o->pid = 0;
}

void
mh_opener_write(struct mh_opener *o, const char *path)
{
	size_t len = strlen(path) + 1;

	assert_int_equal(write(o->to, path, len), len);
}

bool
mh_opener_receive(struct mh_opener *o, struct message *m, int timeout_ms)
{
	int64_t until = clock_monotonic_ms() + timeout_ms;

	for (;;) {
		int64_t left = until - clock_monotonic_ms();
		struct pollfd p = { .fd = channel_fd(o->channel), .events = POLLIN };
		mh_err err = channel_receive(o->channel, m);

		if (err == MH_OK)
			return true;
		if (err != MH_ERR_AGAIN || left <= 0)
			return false;
		(void)poll(&p, 1, (int)left);
	}
}

bool
mh_private_tmpfs(const char *folder)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", folder, "tmpfs", 0, "size=512m") == 0;
}

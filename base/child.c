/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "build_info.h"

/*
 * Nothing for standard input and output.  A helper may hang beyond SIGKILL (in a
 * dead file system); whoever reads our output through a pipe must not wait for it.
 */
static void
leave_pipes(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
}

/* Runs in the child between fork and exec: async-signal-safe calls only. */
static void
become_child(const char *path, char *const argv[], int fd, pid_t parent)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* the parent died before the line above */
	leave_pipes();
	if (fd == CHILD_CHANNEL_FD) {
		if (fcntl(fd, F_SETFD, 0) < 0)
			_exit(127);
	} else if (dup2(fd, CHILD_CHANNEL_FD) < 0) {
		_exit(127);
	}
	/* What our own parent left open is none of the role's (close_range(2), kernel 5.9). */
	(void)close_range(CHILD_CHANNEL_FD + 1, ~0u, 0);
	(void)execv(path, argv);
	_exit(127);
}

mh_err
child_start(const char *path, char *const argv[], int fd, pid_t *ret_pid)
{
	pid_t parent = getpid();
	pid_t pid = access(path, X_OK) == 0 ? fork() : -1;

	if (pid == 0)
		become_child(path, argv, fd, parent);
	if (pid < 0)
		return MH_ERR_SYSTEM;
	(void)close(fd);
	*ret_pid = pid;
	return MH_OK;
}

char *
child_program_folder(void)
{
	const char *from_env = secure_getenv("MOLEHUNT_LIBEXEC");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (from_env != NULL)
		return xstrdup(from_env);
	if (n > 0) {
		self[n] = 0;
		char *slash = strrchr(self, '/');

		if (slash != NULL) {
			*slash = 0;
			MH_CLEANUP(freep)
			char *beside = xasprintf("%s/molehunt-scan", self);
			char *installed = xasprintf("%s/" MH_LIBEXEC_FROM_BIN, self);

			if (access(beside, X_OK) == 0) {
				free(installed);
				return xstrdup(self);
			}
			if (access(installed, X_OK) == 0)
				return installed;
			free(installed);
		}
	}
	return xstrdup(MH_LIBEXECDIR);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the threads of a process stand: /proc/PID/task/TID/syscall (proc(5)).
 * The kernel checks who reads it, not who opened it, so it is read here.
 *
 * Runs in: opener.
 * Input: from the kernel.
 */
#include "agent/clues_impl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum { SYSCALL_TEXT_MAX = 255, TASK_NAME_MAX = 32 };

bool
clues_parse_syscall(const char *text, uint64_t *ret_pc)
{
	const char *at = strrchr(text, ' ');
	uint64_t pc = 0;
	unsigned n = 0;

	/* "running", or fields of which the last one is the program counter. */
	if (at == NULL || strncmp(at, " 0x", 3) != 0)
		return false;
	for (at += 3; isxdigit((unsigned char)*at); at++, n++) {
		unsigned digit = isdigit((unsigned char)*at)
				     ? (unsigned)(*at - '0')
				     : (unsigned)(tolower((unsigned char)*at) - 'a') + 10;

		pc = pc << 4 | digit;
	}
	if (n == 0 || n > 16 || (*at != 0 && *at != '\n'))
		return false;
	*ret_pc = pc;
	return true;
}

/* The position of one thread; *ret_denied when we may not know. */
static bool
read_position(int task_fd, const char *tid, uint64_t *ret_pc, bool *ret_denied)
{
	char name[TASK_NAME_MAX];
	char text[SYSCALL_TEXT_MAX + 1];
	MH_CLEANUP(fd_closep) int fd = -1;
	ssize_t n = 0;

	*ret_denied = false;
	if (strlen(tid) + sizeof("/syscall") > sizeof(name))
		return false;
	(void)snprintf(name, sizeof(name), "%s/syscall", tid);
	fd = openat(task_fd, name, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, SYSCALL_TEXT_MAX) : -1;
	if (n < 0) {
		*ret_denied = errno == EPERM || errno == EACCES;
		return false;
	}
	text[n] = 0;
	return clues_parse_syscall(text, ret_pc);
}

size_t
clues_read_threads(const struct clue_subject *s, struct thread_pc **ret)
{
	int fd = openat(s->pid_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct thread_pc *list = xcalloc(CLUES_THREADS_MAX, sizeof(*list));
	const struct dirent *entry = NULL;
	size_t n_tried = 0;
	size_t n = 0;

	*ret = list;
	if (dir == NULL) {
		fd_closep(&fd);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		uint64_t tid = 0;
		bool is_denied = false;

		if (parse_u64(entry->d_name, 1, INT32_MAX, &tid) != MH_OK)
			continue;
		if (n_tried++ >= CLUES_THREADS_MAX)
			is_denied = true;
		else if (read_position(fd, entry->d_name, &list[n].pc, &is_denied))
			list[n++].tid = (int32_t)tid;
		s->context->gaps.n_threads += is_denied;
	}
	(void)closedir(dir);
	return n;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: from the kernel; names and command lines are hostile.
 */
#include "agent/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "agent/file_facts.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	KERNEL_THREAD = 0x00200000, /* PF_KTHREAD, linux/sched.h */
	STAT_FIELDS = 52,
	/* Fields of stat, as proc(5) numbers them. */
	STAT_PARENT = 4,
	STAT_FLAGS = 9,
	STAT_THREADS = 20,
	STAT_START = 22,
	STAT_RESIDENT = 24,
	STAT_START_CODE = 26,
	STAT_START_STACK = 28,
	CONTAINER_ID_DIGITS = 64,
};

int
proc_open(int proc, int32_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d", (int)pid);
	return openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

mh_err
proc_read(int dir, const char *name, struct buf *b)
{
	MH_CLEANUP(fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return MH_ERR_SYSTEM;
	mh_err err = fd_read_all(fd, b);

	/* What is beyond the limit is left. */
	return err == MH_ERR_TOOBIG ? MH_OK : err;
}

mh_err
proc_parse_stat(const char *text, struct process *p, struct proc_state *ret)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	uint64_t fields[STAT_FIELDS + 1] = { 0 };

	/* The last bracket ends the name: no field behind it has one. */
	if (open == NULL || close == NULL || close < open || close[1] != ' ' ||
	    close[2] == 0)
		return MH_ERR_FORMAT;
	const char *at = close + 3; /* behind the state, field 3 */

	for (unsigned i = STAT_PARENT; i <= STAT_START_STACK; i++) {
		bool is_negative = false;

		at += strspn(at, " ");
		is_negative = *at == '-';
		at += is_negative;
		if (!isdigit((unsigned char)*at))
			return MH_ERR_FORMAT;
		for (; isdigit((unsigned char)*at); at++)
			fields[i] = fields[i] * 10 + (uint64_t)(*at - '0');
		if (is_negative)
			fields[i] = 0;
	}
	free(p->comm);
	p->comm = xstrndup(open + 1, (size_t)(close - open - 1) < COMM_BYTES_MAX
					 ? (size_t)(close - open - 1)
					 : COMM_BYTES_MAX);
	p->parent = (int32_t)fields[STAT_PARENT];
	p->refusal =
	    (fields[STAT_FLAGS] & KERNEL_THREAD) != 0 ? REASON_KERNEL : REASON_NONE;
	p->n_threads = (uint32_t)fields[STAT_THREADS];
	p->start_ticks = ret->start_ticks = fields[STAT_START];
	p->resident_bytes = fields[STAT_RESIDENT] * (uint64_t)sysconf(_SC_PAGESIZE);
	ret->start_code = fields[STAT_START_CODE];
	ret->start_stack = fields[STAT_START_STACK];
	return MH_OK;
}

mh_err
proc_stat(int dir, struct process *p, struct proc_state *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);

	if (proc_read(dir, "stat", b) != MH_OK)
		return MH_ERR_NOTFOUND;
	return proc_parse_stat(buf_string(b), p, ret) == MH_OK ? MH_OK : MH_ERR_NOTFOUND;
}

bool
proc_is_zombie(int dir)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);
	const char *close = NULL;

	if (proc_read(dir, "stat", b) != MH_OK)
		return true;
	close = strrchr(buf_string(b), ')');
	return close != NULL && close[1] == ' ' && (close[2] == 'Z' || close[2] == 'X');
}

static void
close_it(int *fd)
{
	(void)close(*fd);
	*fd = -1;
}

/* A thread of the zombie dir that is none itself; -1: there is none. */
static int
open_living_thread(int dir)
{
	int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d = NULL;
	int found = -1;

	while (folder != NULL && found < 0 && (d = readdir(folder)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		found = openat(dirfd(folder), d->d_name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (found >= 0 && proc_is_zombie(found))
			close_it(&found);
	}
	if (folder != NULL)
		(void)closedir(folder);
	return found;
}

int
proc_open_living(int proc, int32_t pid, uint64_t *ret_start_ticks)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(proc, pid);
	struct process p = { .pid = pid };
	struct proc_state state;
	int living = -1;

	if (dir < 0 || proc_stat(dir, &p, &state) != MH_OK)
		return -1;
	free(p.comm);
	*ret_start_ticks = state.start_ticks;
	if (proc_is_zombie(dir))
		living = open_living_thread(dir);
	if (living < 0) {
		living = dir;
		dir = -1;
	}
	return living;
}

/* The n-th number (from 0) in the line of status that begins with name. */
static uint64_t
status_number(const char *status, const char *name, unsigned n)
{
	const char *at = strstr(status, name);
	uint64_t value = 0;

	if (at == NULL)
		return 0;
	at += strlen(name);
	for (unsigned i = 0; i <= n; i++) {
		at += strspn(at, " \t");
		for (value = 0; isdigit((unsigned char)*at); at++)
			value = value * 10 + (uint64_t)(*at - '0');
	}
	return value;
}

bool
proc_is_thread(int proc, int32_t pid)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(proc, pid);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);

	return dir >= 0 && proc_read(dir, "status", b) == MH_OK &&
	       status_number(buf_string(b), "\nTgid:", 0) != (uint64_t)pid;
}

/* Users and sizes: /proc/PID/status.  A name in it cannot begin a line: it is escaped. */
static void
read_status(int dir, struct process *p)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);

	if (proc_read(dir, "status", b) != MH_OK)
		return;
	p->uid = (uint32_t)status_number(buf_string(b), "\nUid:", 1);
	p->gid = (uint32_t)status_number(buf_string(b), "\nGid:", 1);
	p->swapped_bytes = status_number(buf_string(b), "\nVmSwap:", 0) * 1024;
}

/* The command line with spaces between its words. */
static char *
read_command(int dir)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);
	size_t len = 0;

	if (proc_read(dir, "cmdline", b) != MH_OK)
		return xstrdup("");
	len = buf_len(b) < COMMAND_LINE_MAX ? buf_len(b) : COMMAND_LINE_MAX;
	while (len > 0 && buf_data(b)[len - 1] == 0)
		len--;
	char *command = xcalloc(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		command[i] = buf_string(b)[i] != 0 ? buf_string(b)[i] : ' ';
	return command;
}

static char *
read_link(int dir, const char *name)
{
	MH_CLEANUP(freep) char *text = xcalloc(PATH_BYTES_MAX + 1, 1);
	ssize_t n = readlinkat(dir, name, text, PATH_BYTES_MAX);

	return xstrndup(text, n > 0 ? (size_t)n : 0);
}

/* Inode of a namespace: "net:[4026531840]"; 0 when it may not be read. */
static uint64_t
read_namespace(int dir, const char *name)
{
	MH_CLEANUP(freep) char *text = read_link(dir, name);
	const char *at = strchr(text, '[');
	uint64_t inode = 0;

	for (at = at != NULL ? at + 1 : ""; isdigit((unsigned char)*at); at++)
		inode = inode * 10 + (uint64_t)(*at - '0');
	return inode;
}

/* The control group: that of version 2 ("0::/path"), else the longest. */
static char *
read_cgroup(int dir)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);
	const char *best = "";
	size_t best_len = 0;

	if (proc_read(dir, "cgroup", b) != MH_OK)
		return xstrdup("");
	for (const char *line = buf_string(b); *line != 0;) {
		size_t len = strcspn(line, "\n");
		const char *colon = memchr(line, ':', len);
		const char *path = colon != NULL ? memchr(colon + 1, ':',
						       len - (size_t)(colon + 1 - line))
						 : NULL;
		size_t path_len = path != NULL ? len - (size_t)(path + 1 - line) : 0;

		if (path_len > best_len) {
			best = path + 1;
			best_len = path_len;
		}
		line += len + (line[len] == '\n');
	}
	return xstrndup(best, best_len < CGROUP_BYTES_MAX ? best_len : CGROUP_BYTES_MAX);
}

char *
proc_container(const char *cgroup)
{
	static const char *const marks[] = { "/lxc/", "/lxc.payload.", "/machine-" };
	size_t run = 0;

	/* Docker, containerd, podman, cri-o: 64 hexadecimal digits. */
	for (const char *p = cgroup; *p != 0; p++) {
		run = isxdigit((unsigned char)*p) ? run + 1 : 0;
		if (run == CONTAINER_ID_DIGITS && !isxdigit((unsigned char)p[1]))
			return xstrndup(p - CONTAINER_ID_DIGITS + 1, CONTAINER_ID_DIGITS);
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(marks); i++) {
		const char *at = strstr(cgroup, marks[i]);

		if (at == NULL)
			continue;
		at += strlen(marks[i]);
		size_t len = strcspn(at, "/");

		return xstrndup(at, len < LIST_NAME_BYTES ? len : LIST_NAME_BYTES);
	}
	return xstrdup("");
}

/* Real time at which a process started that many ticks after boot (proc(5)). */
static int64_t
start_time(uint64_t ticks)
{
	struct timespec boot;
	int64_t up_ms = 0;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	up_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
	return clock_real_ms() - up_ms +
	       (int64_t)(ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

void
proc_program_facts(int dir, struct process *p)
{
	struct statx st;

	/* No server is asked, where the kernel can do without. */
	if (statx(dir, "exe", AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0)
		return;
	p->exe_dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	p->exe_ino = st.stx_ino;
	p->exe_size = st.stx_size;
	p->exe_mtime_ns = st.stx_mtime.tv_sec * 1000000000 + st.stx_mtime.tv_nsec;
}

void
proc_command(int dir, struct process *p)
{
	free(p->command);
	p->command = read_command(dir);
}

mh_err
proc_glance(int dir, int32_t pid, struct process *p)
{
	struct proc_state state;

	memset(p, 0, sizeof(*p));
	p->pid = pid;
	mh_err err = proc_stat(dir, p, &state);

	if (err != MH_OK)
		return err;
	read_status(dir, p);
	p->start_ms = start_time(p->start_ticks);
	p->owner = xstrdup(owner_name(p->uid));
	p->program = read_link(dir, "exe");
	p->cgroup = read_cgroup(dir);
	p->container = proc_container(p->cgroup);
	return MH_OK;
}

mh_err
proc_identify(int dir, int32_t pid, struct process *p)
{
	mh_err err = proc_glance(dir, pid, p);

	if (err != MH_OK)
		return err;
	proc_command(dir, p);
	proc_program_facts(dir, p);
	p->pid_namespace = read_namespace(dir, "ns/pid");
	p->mount_namespace = read_namespace(dir, "ns/mnt");
	p->net_namespace = read_namespace(dir, "ns/net");
	p->libraries = xstrdup("");
	return MH_OK;
}

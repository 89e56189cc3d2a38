/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: from the kernel, about processes that may pretend to be ours.
 */
#include "agent/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/proc.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/maps.h"
#include "base/memory.h"
#include "records/process.h"
#include "records/target.h"

enum { PROGRAMS_MAX = 8, GENERATIONS_MAX = 16 };

static const char *const names[PROGRAMS_MAX] = { "molehunt-open", "molehunt-scan",
	"molehunt-agent", "molehunt-courier", "molehunt", "molehuntd",
	"../../bin/molehunt", "../../sbin/molehuntd" };

struct program {
	uint64_t dev, ino;
};

struct own {
	int proc;
	int32_t family;
	struct program programs[PROGRAMS_MAX];
	size_t n_programs;
};

static bool
is_trusted(uid_t uid, unsigned mode)
{
	return (uid == 0 || uid == geteuid()) && (mode & (S_IWGRP | S_IWOTH)) == 0;
}

struct own *
own_new(int proc, int32_t family)
{
	MH_CLEANUP(freep) char *folder = child_program_folder();
	struct own *own = xcalloc(1, sizeof(*own));

	own->proc = proc;
	own->family = family;
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		MH_CLEANUP(freep) char *path = xasprintf("%s/%s", folder, names[i]);
		struct stat st;

		if (stat(path, &st) == 0 && is_trusted(st.st_uid, st.st_mode))
			own->programs[own->n_programs++] =
			    (struct program){ st.st_dev, st.st_ino };
	}
	return own;
}

void
own_free(struct own *own)
{
	free(own);
}

bool
own_is_family(const struct own *own, int32_t pid)
{
	for (unsigned i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
		struct process p = { .pid = pid };
		struct proc_state state;

		if (pid == own->family)
			return true;
		MH_CLEANUP(fd_closep) int dir = proc_open(own->proc, pid);
		mh_err err = dir >= 0 ? proc_stat(dir, &p, &state) : MH_ERR_NOTFOUND;

		free(p.comm);
		if (err != MH_OK)
			return false;
		pid = p.parent;
	}
	return false;
}

/* Whether all code that the process can run is of files that only we can write. */
static bool
runs_trusted_code(int dir)
{
	MH_CLEANUP(fd_closep) int fd = openat(dir, "smaps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	unsigned n = 0;
	mh_err err = MH_OK;
	struct map m;

	while ((err = maps_next(maps, &m)) == MH_OK) {
		struct statx st;
		char name[64];

		if (!map_is_executable(&m))
			continue;
		if (m.ino == 0 &&
		    (strcmp(m.path, "[vdso]") == 0 || strcmp(m.path, "[vsyscall]") == 0))
			continue;
		(void)snprintf(name, sizeof(name), "map_files/%llx-%llx",
		    (unsigned long long)m.start, (unsigned long long)m.end);
		if (m.ino == 0 || map_is_deleted(&m) || map_is_writable(&m))
			return false;
		/* Pages that were written over are no file's. */
		if (!m.has_sizes || m.anonymous > 0 || m.swapped > 0)
			return false;
		/* Without the right to map_files, by its path: only where it is ours. */
		if (statx(dir, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0 &&
		    (errno != EPERM ||
			statx(AT_FDCWD, m.path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS,
			    &st) < 0 ||
			st.stx_ino != m.ino))
			return false;
		if (!is_trusted(st.stx_uid, st.stx_mode))
			return false;
		n++;
	}
	return err == MH_ERR_NOTFOUND && n > 0;
}

bool
own_has_program(const struct own *own, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < own->n_programs; i++) {
		if (own->programs[i].dev == dev && own->programs[i].ino == ino)
			return true;
	}
	return false;
}

bool
own_is(struct own *own, int dir, int32_t pid, uint64_t exe_dev, uint64_t exe_ino)
{
	return (own_has_program(own, exe_dev, exe_ino) && runs_trusted_code(dir)) ||
	       own_is_family(own, pid);
}

/* Whether the program's path ends as one of ours: who else's facts need no look. */
static bool
is_called_ours(int dir)
{
	char path[PATH_BYTES_MAX + 1];
	ssize_t n = readlinkat(dir, "exe", path, PATH_BYTES_MAX);

	path[n > 0 ? n : 0] = 0;
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		if (strcmp(path_base(path), path_base(names[i])) == 0)
			return true;
	}
	return false;
}

bool
own_is_by_name(struct own *own, int dir, int32_t pid)
{
	struct process p = { .pid = pid };

	if (own_is_family(own, pid))
		return true;
	if (!is_called_ours(dir))
		return false;
	proc_program_facts(dir, &p);
	return own_is(own, dir, pid, p.exe_dev, p.exe_ino);
}

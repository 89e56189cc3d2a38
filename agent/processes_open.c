/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening the memory of processes and what they map: agent/processes.h.
 *
 * Runs in: opener.
 * Input: from the kernel; names and paths are hostile.
 */
#include "agent/processes_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/clues.h"
#include "agent/file_facts.h"
#include "agent/mounts.h"
#include "agent/proc.h"
#include "base/fd.h"
#include "base/maps.h"
#include "base/memory.h"

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* By its name, where its type cannot be asked for. */
static bool
looks_like_a_device(const struct map *m)
{
	return (has_prefix(m->path, "/dev/") && !has_prefix(m->path, "/dev/shm/") &&
		   !has_prefix(m->path, "/dev/zero")) ||
	       has_prefix(m->path, "/sys/") || has_prefix(m->path, "/proc/");
}

/*
 * Whether a mapping is of a device, whose memory nobody should read: looking at
 * it could start something.  The type of each file is asked for once.
 */
static bool
is_device(struct processes *ps, int dir, const struct map *m)
{
	size_t s = processes_file_hash(map_dev(m), m->ino);
	struct stat st;
	char name[64];

	if (!ps->has_map_files)
		return looks_like_a_device(m);
	if (ps->known == NULL)
		ps->known = xcalloc((size_t)KNOWN_FILES_MAX * 2, sizeof(*ps->known));
	for (;; s++) {
		struct known_file *k = &ps->known[s % (KNOWN_FILES_MAX * 2)];

		if (k->is_used && k->dev == map_dev(m) && k->ino == m->ino)
			return k->is_device;
		if (k->is_used)
			continue;
		processes_map_name(m->start, m->end, name, sizeof(name));
		bool has_type = fstatat(dir, name, &st, 0) == 0;
		bool is_dev =
		    has_type ? (S_ISCHR(st.st_mode) && st.st_rdev != makedev(1, 5)) ||
				   S_ISBLK(st.st_mode)
			     : looks_like_a_device(m);

		if (has_type && ps->n_known < KNOWN_FILES_MAX) {
			*k = (struct known_file){ map_dev(m), m->ino, true, is_dev };
			ps->n_known++;
		}
		return is_dev;
	}
}

/*
 * Whether the process maps what may be a device.  Then smaps has to tell which
 * mappings nobody may touch: not all of /dev/zero's kind are devices, nor all
 * that has no file.
 */
static bool
may_map_devices(struct processes *ps, int dir, const struct mounts *mounts)
{
	MH_CLEANUP(fd_closep) int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	while (fd >= 0 && maps_next(maps, &m) == MH_OK) {
		/* A file of a network is not asked; that one is no device. */
		if (m.ino == 0 ||
		    mounts_device_kind(mounts, map_dev(&m)) == FILE_SYSTEM_NETWORK)
			continue;
		if (!map_has_file(&m) || is_device(ps, dir, &m))
			return true;
	}
	return false;
}

static enum reason
reason_of_errno(int error, const char **ret_detail)
{
	if (error == ENOENT || error == ESRCH || error == ENOTDIR)
		return REASON_VANISHED;
	if (error == EACCES || error == EPERM)
		return REASON_DENIED;
	if (error == ESTALE) {
		*ret_detail = "another file is mapped there by now";
		return REASON_CHANGED;
	}
	*ret_detail = strerror(error);
	return REASON_OPEN_FAILED;
}

/* The folder of the process that item means; -1: it is gone. */
static int
open_folder(const struct processes *ps, const struct open_item *item)
{
	uint64_t start_ticks = 0;
	int dir = proc_open_living(ps->proc, item->pid, &start_ticks);

	if (dir >= 0 && start_ticks != item->start_ticks) {
		(void)close(dir);
		return -1;
	}
	return dir;
}

static bool
is_same_program(int dir, const struct proc_state *before)
{
	struct process p = { .pid = 0 };
	struct proc_state after = { 0 };
	mh_err err = proc_stat(dir, &p, &after);

	free(p.comm);
	return err == MH_OK && after.start_ticks == before->start_ticks &&
	       after.start_code == before->start_code &&
	       after.start_stack == before->start_stack;
}

static void
close_all(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)close(fds[i]);
}

/* The three files, of one and the same program; false (errno). */
static bool
open_files(int dir, const char *maps, const struct proc_state *state, int *fds)
{
	enum { TRIES = 16 };
	const char *const names[MEMORY_FD_CODES] = { "mem", "pagemap", maps };

	for (unsigned try = 0; try < TRIES; try++) {
		unsigned n = 0;

		while (n < MEMORY_FD_CODES) {
			fds[n] = openat(dir, names[n], O_RDONLY | O_CLOEXEC);
			if (fds[n] < 0) {
				int error = errno;

				close_all(fds, n);
				errno = error;
				return false;
			}
			n++;
		}
		/* A program that was executed in between has another memory. */
		if (is_same_program(dir, state))
			return true;
		close_all(fds, n);
		errno = EAGAIN;
	}
	return false;
}

/* The descriptors of the memory of p, which is the process that item means. */
static enum reason
open_parts(struct processes *ps, int dir, const struct process *p, struct target *ret,
    int *ret_fds, const char **ret_detail)
{
	MH_CLEANUP(mounts_freep) struct mounts *mounts = mounts_read_at(dir);
	struct process other = { .pid = p->pid };
	struct proc_state state;
	bool needs_details = !ps->has_pagemap_scan || may_map_devices(ps, dir, mounts);

	if (proc_stat(dir, &other, &state) != MH_OK)
		return REASON_VANISHED;
	free(other.comm);
	if (!open_files(dir, needs_details ? "smaps" : "maps", &state, ret_fds)) {
		/* It executes one program after the other: told, not taken for gone. */
		if (errno == EAGAIN)
			return REASON_CHANGED;
		return reason_of_errno(errno, ret_detail);
	}
	*ret = (struct target){
		.kind = TARGET_MEMORY,
		.n_fds = MEMORY_FD_CODES,
		.path = process_name(p->pid, p->program),
		.owner = xstrdup(p->owner),
		.size = p->resident_bytes,
		.uid = p->uid,
		.gid = p->gid,
		.pid = p->pid,
		.start_ticks = p->start_ticks,
		.reads_shared = !processes_has_map_files(ps, dir),
	};
	clues_code_ranges(ps->clues, dir, mounts, ret_fds, ret);
	return REASON_NONE;
}

static enum reason
open_memory(struct processes *ps, const struct open_item *item, struct target *ret,
    int *ret_fds, const char **ret_detail)
{
	struct process p = { .pid = item->pid };
	MH_CLEANUP(fd_closep) int dir = open_folder(ps, item);
	enum reason reason = REASON_VANISHED;

	if (dir >= 0 && proc_identify(dir, item->pid, &p) == MH_OK) {
		p.start_ticks = item->start_ticks;
		reason = open_parts(ps, dir, &p, ret, ret_fds, ret_detail);
	}
	process_clear(&p);
	return reason;
}

/* A path of the process's own view, opened there; -1 (errno). */
static int
open_by_path(int dir, const struct mapped_file *f)
{
	MH_CLEANUP(freep) char *path = xasprintf("root/%s", f->path);

	if (f->path[0] != '/' || f->is_deleted) {
		errno = EACCES;
		return -1;
	}
	return openat(dir, path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
}

static void
fill_file(const struct open_item *item, const struct stat *st, struct target *ret)
{
	*ret = (struct target){
		.kind = TARGET_MAPPED,
		.n_fds = 1,
		.path = xstrndup(item->file.path, PATH_BYTES_MAX),
		.owner = xstrdup(owner_name(st->st_uid)),
		.pid = item->pid,
		.start_ticks = item->start_ticks,
	};
	file_facts(ret, st);
}

/* memfd_secret(2): the kernel would let nobody read it. */
static bool
is_secret_memory(int fd)
{
	enum { SECRETMEM_MAGIC_NUMBER = 0x5345434d }; /* linux/magic.h of 5.14 */
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == SECRETMEM_MAGIC_NUMBER;
}

/* A memfd, shared memory, a file of tmpfs: a look into its holes would fill them. */
static bool
lies_in_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC);
}

/*
 * Whether the file at name is still the one that was listed: by its inode, for
 * it may have a new name or none, or by its name, for stacked file systems tell
 * two inodes.
 */
static bool
is_that_file(int dir, const char *name, int path, const struct mapped_file *f)
{
	MH_CLEANUP(freep) char *now = xcalloc(PATH_BYTES_MAX + 1, 1);
	size_t len = strlen(f->path);
	struct stat st;

	if (fstat(path, &st) == 0 && st.st_ino == f->ino)
		return true;
	return readlinkat(dir, name, now, PATH_BYTES_MAX) > 0 &&
	       strncmp(now, f->path, len) == 0 &&
	       (now[len] == 0 || strcmp(now + len, MAPS_DELETED) == 0);
}

/*
 * What is mapped, without opening it: a device would notice.  -1 (errno).
 * ENOENT: the process no longer maps it there.
 */
static int
look_at_mapped(const struct processes *ps, int dir, const struct mapped_file *f)
{
	char name[64];
	struct stat st;
	int path = -1;

	processes_map_name(f->start, f->end, name, sizeof(name));
	if (processes_has_map_files(ps, dir)) {
		path = openat(dir, name, O_PATH | O_CLOEXEC);
		if (path >= 0 && !is_that_file(dir, name, path, f)) {
			(void)close(path);
			path = -1;
			errno = ESTALE;
		}
		return path;
	}
	path = open_by_path(dir, f);
	if (path >= 0 && (fstat(path, &st) < 0 || st.st_ino != f->ino)) {
		(void)close(path);
		errno = EACCES; /* its name is another's */
		return -1;
	}
	return path;
}

static enum reason
open_mapped(struct processes *ps, const struct open_item *item, struct target *ret,
    int *ret_fds, const char **ret_detail)
{
	MH_CLEANUP(fd_closep) int dir = open_folder(ps, item);
	MH_CLEANUP(fd_closep)
	int path = dir >= 0 ? look_at_mapped(ps, dir, &item->file) : -1;
	struct stat st;
	char name[64];

	if (dir < 0)
		return REASON_VANISHED;
	if (path < 0 || fstat(path, &st) < 0)
		return reason_of_errno(errno, ret_detail);
	if (!S_ISREG(st.st_mode))
		return REASON_DEVICE;
	if (is_secret_memory(path))
		return REASON_SECRET;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	ret_fds[0] = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOATIME);
	if (ret_fds[0] < 0 && errno == EPERM)
		ret_fds[0] = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (ret_fds[0] < 0)
		return reason_of_errno(errno, ret_detail);
	fill_file(item, &st, ret);
	ret->keeps_holes = lies_in_memory(ret_fds[0]);
	return REASON_NONE;
}

enum reason
processes_open(struct processes *ps, const struct open_item *item, struct target *ret,
    int *ret_fds, const char **ret_detail)
{
	*ret_detail = NULL;
	return item->is_memory ? open_memory(ps, item, ret, ret_fds, ret_detail)
			       : open_mapped(ps, item, ret, ret_fds, ret_detail);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: from the kernel; names, paths and command lines are hostile.
 */
#include "agent/processes_impl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clues.h"
#include "agent/mounts.h"
#include "agent/own.h"
#include "agent/proc.h"
#include "agent/proc_sockets.h"
#include "base/fd.h"
#include "base/maps.h"
#include "base/memory.h"
#include "base/pagemap_scan.h"
#include "base/text.h"

/* PAGEMAP_SCAN of nothing: an error that is not ENOTTY means that it is known. */
static bool
kernel_has_pagemap_scan(void)
{
	MH_CLEANUP(fd_closep) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct pagemap_scan_arg arg = { .size = sizeof(arg) };

	return fd >= 0 && (ioctl(fd, PAGEMAP_SCAN_REQUEST, &arg) >= 0 || errno != ENOTTY);
}

void
processes_map_name(uint64_t start, uint64_t end, char *ret, size_t size)
{
	(void)snprintf(ret, size, "map_files/%llx-%llx", (unsigned long long)start,
	    (unsigned long long)end);
}

/* Whether this process may follow the links in map_files: tried with our own. */
static bool
may_use_map_files(const struct processes *ps)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(ps->proc, (int32_t)getpid());
	MH_CLEANUP(fd_closep) int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	while (maps_next(maps, &m) == MH_OK) {
		struct stat st;
		char name[64];

		processes_map_name(m.start, m.end, name, sizeof(name));
		if (m.ino != 0)
			return fstatat(dir, name, &st, 0) == 0;
	}
	return false;
}

bool
processes_has_map_files(const struct processes *ps, int dir)
{
	struct stat st;

	return ps->has_map_files && fstatat(dir, "map_files", &st, 0) == 0;
}

struct processes *
processes_new(int32_t family)
{
	struct processes *ps = xcalloc(1, sizeof(*ps));

	/* One over which nobody can have mounted anything, where that is permitted. */
	ps->proc = clues_open_proc();
	ps->own = own_new(ps->proc, family);
	ps->has_pagemap_scan = kernel_has_pagemap_scan();
	ps->has_map_files = may_use_map_files(ps);
	return ps;
}

void
processes_free(struct processes *ps)
{
	if (ps == NULL)
		return;
	own_free(ps->own);
	clues_free(ps->clues);
	fd_closep(&ps->proc);
	free(ps->known);
	free(ps);
}

uint64_t
processes_new_gaps(struct processes *ps)
{
	const struct clues_gaps *g = NULL;
	uint64_t n = 0;
	uint64_t before = ps->n_gaps;

	if (ps->clues == NULL)
		return 0;
	g = clues_gaps(ps->clues);
	n = (uint64_t)g->n_threads + g->n_namespaces + g->n_filters + g->n_fds +
	    g->n_pids + g->n_codes;
	ps->n_gaps = n;
	return n - before;
}

static int
compare_pids(const void *a, const void *b)
{
	const int32_t *x = a;
	const int32_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* All pids, in order; the caller frees. */
static int32_t *
read_pids(const struct processes *ps, size_t *ret_n)
{
	int fd = openat(ps->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d = NULL;
	int32_t *pids = NULL;
	size_t cap = 0;
	size_t n = 0;

	while (folder != NULL && n < PROC_PIDS_MAX && (d = readdir(folder)) != NULL) {
		uint64_t pid = 0;

		if (parse_u64(d->d_name, 1, PROC_PIDS_MAX - 1, &pid) != MH_OK)
			continue;
		if (n == cap) {
			cap = cap > 0 ? cap * 2 : 256;
			pids = xreallocarray(pids, cap, sizeof(*pids));
		}
		pids[n++] = (int32_t)pid;
	}
	if (folder != NULL)
		(void)closedir(folder);
	if (n > 1)
		qsort(pids, n, sizeof(*pids), compare_pids);
	*ret_n = n;
	return pids;
}

/* The last part of the program's path, without what the kernel adds. */
static bool
is_named(const struct process *p, const char *name)
{
	const char *base = path_base(p->program);
	size_t len = strlen(base);
	size_t tail = sizeof(MAPS_DELETED) - 1;

	if (len > tail && strcmp(base + len - tail, MAPS_DELETED) == 0)
		len -= tail;
	return strcmp(p->comm, name) == 0 ||
	       (strlen(name) == len && strncmp(base, name, len) == 0);
}

static bool
is_chosen(const struct list_request *request, const struct process *p)
{
	bool is_good = request->n_uids == 0;

	for (uint32_t i = 0; i < request->n_uids && !is_good; i++)
		is_good = request->uids[i] == p->uid;
	if (!is_good)
		return false;
	is_good = request->n_names == 0;
	for (uint32_t i = 0; i < request->n_names && !is_good; i++)
		is_good = is_named(p, request->names[i]);
	return is_good;
}

/* Why a process cannot be scanned; REASON_NONE when it can. */
static enum reason
refusal_of(struct processes *ps, int dir, const struct process *p)
{
	if (p->refusal != REASON_NONE)
		return p->refusal;
	if (proc_is_zombie(dir))
		return REASON_VANISHED;
	if (own_is(ps->own, dir, p->pid, p->exe_dev, p->exe_ino))
		return REASON_OWN;
	MH_CLEANUP(fd_closep) int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return REASON_NONE;
	return errno == EACCES || errno == EPERM ? REASON_DENIED : REASON_VANISHED;
}

static bool
is_told(const struct processes *ps, int32_t pid)
{
	return (ps->told[pid / 8] & 1u << (pid % 8)) != 0;
}

static void
tell(struct processes *ps, const struct process *p)
{
	ps->told[p->pid / 8] |= (uint8_t)(1u << (p->pid % 8));
	ps->sink->on_process(ps->ctx, p);
}

/* Who started it, up to init; told where the request does not name them anyway. */
static void
tell_ancestors(struct processes *ps, int32_t pid)
{
	for (unsigned i = 0; i < ANCESTORS_MAX && pid > 0 && !is_told(ps, pid); i++) {
		MH_CLEANUP(fd_closep) int dir = proc_open(ps->proc, pid);
		struct process p;

		if (dir < 0)
			return;
		if (proc_identify(dir, pid, &p) != MH_OK) {
			process_clear(&p);
			return;
		}
		p.role = PROCESS_ANCESTOR;
		p.refusal = REASON_NONE;
		pid = p.parent;
		tell(ps, &p);
		process_clear(&p);
	}
}

/* Files of one process, each once. */
struct file_set {
	struct mapped_file *files;
	size_t n, cap;
	size_t *slots; /* index + 1; owned */
	size_t n_slots;
};

size_t
processes_file_hash(uint64_t dev, uint64_t ino)
{
	return (size_t)((ino ^ dev << 40) * 0x9e3779b97f4a7c15u >> 20);
}

static void
grow_slots(struct file_set *set)
{
	free(set->slots);
	set->n_slots = set->n_slots > 0 ? set->n_slots * 2 : 256;
	set->slots = xcalloc(set->n_slots, sizeof(*set->slots));
	for (size_t i = 0; i < set->n; i++) {
		size_t s = processes_file_hash(set->files[i].dev, set->files[i].ino);

		while (set->slots[s % set->n_slots] != 0)
			s++;
		set->slots[s % set->n_slots] = i + 1;
	}
}

/* The place of that file in the set, where it is put if it is new. */
static struct mapped_file *
file_in(struct file_set *set, uint64_t dev, uint64_t ino, uint32_t twin)
{
	size_t s = processes_file_hash(dev, ino);

	if ((set->n + 1) * 2 > set->n_slots)
		grow_slots(set);
	for (;; s++) {
		size_t at = set->slots[s % set->n_slots];

		if (at == 0)
			break;
		if (set->files[at - 1].dev == dev && set->files[at - 1].ino == ino &&
		    set->files[at - 1].twin == twin)
			return &set->files[at - 1];
	}
	if (set->n == set->cap) {
		set->cap = set->cap > 0 ? set->cap * 2 : 64;
		set->files = xreallocarray(set->files, set->cap, sizeof(*set->files));
	}
	set->files[set->n] = (struct mapped_file){ .dev = dev, .ino = ino, .twin = twin };
	set->slots[s % set->n_slots] = set->n + 1;
	return &set->files[set->n++];
}

/* Tells paths apart; a collision costs one look at a file of an overlay. */
static uint32_t
path_hash(const char *path)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *path != 0; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return h != 0 ? h : 1;
}

static void
gather_files(int dir, const struct mounts *mounts, struct file_set *set)
{
	MH_CLEANUP(fd_closep) int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	while (fd >= 0 && maps_next(maps, &m) == MH_OK) {
		if (!map_has_file(&m))
			continue;
		uint32_t twin =
		    mounts_device_is_stacked(mounts, map_dev(&m)) ? path_hash(m.path) : 0;
		struct mapped_file *f = file_in(set, map_dev(&m), m.ino, twin);

		if (f->path == NULL) {
			f->path = xstrndup(m.path, PATH_BYTES_MAX);
			f->start = m.start;
			f->end = m.end;
		}
		f->is_executable |= map_is_executable(&m);
		f->is_shared |= map_is_shared(&m);
		f->is_deleted |= map_is_deleted(&m);
	}
}

/* Which file systems there are where this process lives. */
static const struct mounts *
mounts_of(struct processes *ps, int dir, const struct process *p)
{
	if (ps->mounts == NULL || ps->mount_namespace != p->mount_namespace) {
		mounts_free(ps->mounts);
		ps->mounts = mounts_read_at(dir);
		ps->mount_namespace = p->mount_namespace;
	}
	return ps->mounts;
}

static void
tell_files(struct processes *ps, int dir, const struct process *p)
{
	const struct mounts *mounts = mounts_of(ps, dir, p);
	struct file_set set = { .n = 0 };
	size_t n_kept = 0;

	gather_files(dir, mounts, &set);
	for (size_t i = 0; i < set.n; i++) {
		struct mapped_file *f = &set.files[i];

		if (mounts_device_kind(mounts, f->dev) == FILE_SYSTEM_NETWORK &&
		    !ps->request->may_use_network) {
			ps->sink->on_missed(ps->ctx, REASON_NETWORK, f->path, NULL);
			free(f->path);
			continue;
		}
		set.files[n_kept++] = *f;
	}
	for (size_t first = 0; first < n_kept; first += MAPPED_FILES_MAX) {
		struct mapped_list list = {
			.pid = p->pid,
			.start_ticks = p->start_ticks,
			.files = set.files + first,
			.n = (uint32_t)(n_kept - first < MAPPED_FILES_MAX
					    ? n_kept - first
					    : MAPPED_FILES_MAX),
		};

		ps->sink->on_mapped(ps->ctx, &list);
	}
	for (size_t i = 0; i < n_kept; i++)
		free(set.files[i].path);
	free(set.files);
	free(set.slots);
}

/* Tell one process, if it is chosen; false when there is none. */
static bool
list_process(struct processes *ps, int32_t pid)
{
	uint64_t start_ticks = 0;
	MH_CLEANUP(fd_closep) int dir = proc_open_living(ps->proc, pid, &start_ticks);
	struct process p;

	if (dir < 0)
		return false;
	if (proc_identify(dir, pid, &p) != MH_OK || !is_chosen(ps->request, &p)) {
		process_clear(&p);
		return true;
	}
	p.start_ticks = start_ticks;
	p.refusal = refusal_of(ps, dir, &p);
	p.role = p.refusal == REASON_NONE ? PROCESS_CHOSEN : PROCESS_REFUSED;
	if (p.role == PROCESS_CHOSEN) {
		proc_sockets_of(ps->sockets, dir, &p);
		clues_of_process(ps->clues, dir, &p);
	}
	tell(ps, &p);
	if (p.role == PROCESS_CHOSEN)
		tell_files(ps, dir, &p);
	tell_ancestors(ps, p.parent);
	process_clear(&p);
	return true;
}

static void
list_named(struct processes *ps)
{
	for (uint32_t i = 0; i < ps->request->n_pids; i++) {
		int32_t pid = ps->request->pids[i];

		if (pid <= ps->request->resume)
			continue;
		ps->sink->before(ps->ctx, pid);
		if (pid >= PROC_PIDS_MAX || proc_is_thread(ps->proc, pid) ||
		    !list_process(ps, pid)) {
			MH_CLEANUP(freep) char *name = process_name(pid, "");

			ps->sink->on_missed(ps->ctx, REASON_OPEN_FAILED, name,
			    proc_is_thread(ps->proc, pid)
				? "that is a thread: name its process"
				: "there is no such process");
		}
	}
}

/* One that lives and cannot be looked at at all. */
static void
tell_unseen(struct processes *ps, int32_t pid)
{
	struct process p = {
		.role = PROCESS_REFUSED,
		.refusal = REASON_DENIED,
		.pid = pid,
		.owner = xstrdup(""),
		.comm = xstrdup(""),
		.program = xstrdup(""),
		.command = xstrdup(""),
		.cgroup = xstrdup(""),
		.container = xstrdup(""),
		.libraries = xstrdup(""),
	};

	clues_of_process(ps->clues, -1, &p);
	tell(ps, &p);
	process_clear(&p);
}

/* What lives but is not in the list of /proc. */
static void
list_hidden(struct processes *ps)
{
	size_t n = 0;
	const int32_t *pids = clues_hidden(ps->clues, &n);

	for (size_t i = 0; i < n; i++) {
		/* These come last, whatever their number: the cursor says little. */
		if (pids[i] == ps->request->resume || pids[i] >= PROC_PIDS_MAX)
			continue;
		ps->sink->before(ps->ctx, pids[i]);
		if (!list_process(ps, pids[i]) && ps->request->n_uids == 0 &&
		    ps->request->n_names == 0)
			tell_unseen(ps, pids[i]);
	}
}

static void
list_all(struct processes *ps)
{
	size_t n = 0;
	MH_CLEANUP(freep) int32_t *pids = read_pids(ps, &n);

	for (size_t i = 0; i < n; i++) {
		if (pids[i] <= ps->request->resume)
			continue;
		ps->sink->before(ps->ctx, pids[i]);
		(void)list_process(ps, pids[i]);
	}
	list_hidden(ps);
}

void
processes_list(struct processes *ps, const struct list_request *request,
    const struct process_sink *sink, void *ctx)
{
	ps->request = request;
	ps->sink = sink;
	ps->ctx = ctx;
	ps->sockets = proc_sockets_new();
	clues_free(ps->clues);
	ps->clues = clues_new(ps->proc);
	ps->n_gaps = 0;
	ps->told = xcalloc(PROC_PIDS_MAX / 8 + 1, 1);
	if (request->n_pids > 0)
		list_named(ps);
	else
		list_all(ps);
	proc_sockets_free(ps->sockets);
	mounts_free(ps->mounts);
	free(ps->told);
	ps->sockets = NULL;
	ps->mounts = NULL;
	ps->told = NULL;
	ps->request = NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a process's code are its own: a write to a private mapping
 * gives it a copy (COW), which is no longer the file's.  On a clean machine
 * none of a million executable pages was.
 *
 * Runs in: opener.
 * Input: /proc of hostile processes.
 */
#include "agent/clues_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/pagemap_scan.h"

enum {
	REGIONS = 64,       /* of one call: merged ones, so few */
	ENTRIES = 8 * 1024, /* of pagemap in one read: 32 MiB of code */
};

#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_FILE (1ull << 61) /* a page of a file, or shared */

struct code_walk {
	struct clues *context;
	const struct mounts *mounts;
	int pid_fd, pagemap_fd;
	bool is_legacy;
	uint64_t page;
	struct target *ret;
	int *fds; /* of the files */
	struct file_id {
		uint64_t dev, ino;
	} files[TARGET_CODE_FILES_MAX], unopened; /* the last one that did not open */
};

/*
 * The file of m, for reading.  map_files names it for sure; by its path it is
 * taken only when device and inode are those of the mapping.
 */
static int
open_mapped(const struct code_walk *w, const struct map *m)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	MH_CLEANUP(freep)
	char *link = xasprintf("map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	MH_CLEANUP(fd_closep) int root = -1;
	MH_CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	/* Where it leads is looked at first: opening a device may do something. */
	if (fstatat(w->pid_fd, link, &st, 0) == 0 && S_ISREG(st.st_mode))
		fd = openat(w->pid_fd, link, how.flags);
	if (fd < 0) {
		root = openat(w->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		how.flags = O_PATH | O_CLOEXEC;
		fd = (int)syscall(SYS_openat2, root, m->path, &how, sizeof(how));
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		    st.st_ino != m->ino || st.st_dev != map_dev(m))
			return -1;
		fd_closep(&fd);
		how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
		fd = (int)syscall(SYS_openat2, root, m->path, &how, sizeof(how));
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != m->ino)
		return -1;
	int taken = fd;

	fd = -1;
	return taken;
}

/* What is beyond a limit, or whose file does not open: told, but not compared. */
static void
leave(struct code_walk *w, uint64_t start, uint64_t end)
{
	if (w->ret->codes_left == 0) {
		w->ret->codes_left_at = start;
		if (w->context != NULL)
			w->context->gaps.n_codes++;
	}
	w->ret->codes_left += end - start;
}

static bool
is_file(const struct file_id *id, const struct map *m)
{
	return id->dev == map_dev(m) && id->ino == m->ino;
}

/* The number of m's file among those that are open; false: it is none of them now. */
static bool
find_file(struct code_walk *w, const struct map *m, uint32_t *ret)
{
	uint8_t *n = &w->ret->n_code_files;

	for (*ret = 0; *ret < *n; ++*ret) {
		if (is_file(&w->files[*ret], m))
			return true;
	}
	if (*n == TARGET_CODE_FILES_MAX || is_file(&w->unopened, m))
		return false;
	w->fds[*n] = open_mapped(w, m);
	if (w->fds[*n] < 0) {
		w->unopened = (struct file_id){ map_dev(m), m->ino };
		return false;
	}
	w->files[(*n)++] = (struct file_id){ map_dev(m), m->ino };
	w->ret->n_fds++;
	return true;
}

/* Pages from start to end of m are the process's own. */
static void
add_own(struct code_walk *w, const struct map *m, uint64_t start, uint64_t end)
{
	struct target *t = w->ret;
	struct code_range *last = t->n_codes > 0 ? &t->codes[t->n_codes - 1] : NULL;
	struct code_range r = { start, end, m->offset + (start - m->start), 0 };

	if (last != NULL && last->end == start && start > m->start) {
		last->end = end;
		return;
	}
	/* A server that never answers would hide the memory: its file is told as missed. */
	if (mounts_device_kind(w->mounts, map_dev(m)) == FILE_SYSTEM_NETWORK) {
		if (w->context != NULL)
			w->context->gaps.n_codes++;
		return;
	}
	if (t->n_codes == TARGET_CODES_MAX)
		leave(w, start, end);
	else if (find_file(w, m, &r.file))
		t->codes[t->n_codes++] = r;
	else
		leave(w, start, end);
}

/* By PAGEMAP_SCAN; false when this kernel has none. */
static bool
scan_map(struct code_walk *w, const struct map *m)
{
	struct pagemap_range regions[REGIONS];
	uint64_t at = m->start;

	while (at < m->end) {
		struct pagemap_scan_arg q = { .size = sizeof(q),
			.start = at,
			.end = m->end,
			.vec = (uintptr_t)regions,
			.vec_len = REGIONS,
			.category_inverted = PAGEMAP_IS_FILE,
			.category_mask = PAGEMAP_IS_FILE | PAGEMAP_IS_PRESENT,
			.return_mask = PAGEMAP_IS_PRESENT };
		int n = ioctl(w->pagemap_fd, PAGEMAP_SCAN_REQUEST, &q);

		if (n < 0)
			return errno != ENOTTY && errno != EINVAL;
		for (int i = 0; i < n; i++)
			add_own(w, m, regions[i].start, regions[i].end);
		if (n < REGIONS)
			return true;
		at = regions[n - 1].end;
	}
	return true;
}

static void
read_map(struct code_walk *w, const struct map *m)
{
	MH_CLEANUP(freep) uint64_t *entries = xcalloc(ENTRIES, sizeof(*entries));
	uint64_t at = m->start;

	while (at < m->end) {
		uint64_t want = (m->end - at) / w->page;
		ssize_t n = 0;

		if (want > ENTRIES)
			want = ENTRIES;
		n = pread(w->pagemap_fd, entries, want * sizeof(*entries),
		    (off_t)(at / w->page * sizeof(*entries)));
		if (n < (ssize_t)sizeof(*entries))
			return;
		for (size_t i = 0; i < (size_t)n / sizeof(*entries); i++, at += w->page) {
			if ((entries[i] & PAGEMAP_PRESENT) != 0 &&
			    (entries[i] & PAGEMAP_FILE) == 0)
				add_own(w, m, at, at + w->page);
		}
	}
}

void
clues_code_ranges(struct clues *c, int pid_fd, const struct mounts *mounts, int *fds,
    struct target *ret)
{
	struct code_walk w = { .context = c,
		.mounts = mounts,
		.pid_fd = pid_fd,
		.pagemap_fd = fds[MEMORY_FD_PAGEMAP],
		.page = (uint64_t)sysconf(_SC_PAGESIZE),
		.ret = ret,
		.fds = fds + MEMORY_FD_CODES };
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fds[MEMORY_FD_MAPS]);
	struct map m;

	ret->codes = xcalloc(TARGET_CODES_MAX, sizeof(*ret->codes));
	while (maps_next(maps, &m) == MH_OK) {
		/* A shared mapping has no pages of its own; nor has memory a file. */
		if (!map_is_executable(&m) || map_is_shared(&m) || m.ino == 0)
			continue;
		if (!w.is_legacy)
			w.is_legacy = !scan_map(&w, &m);
		if (w.is_legacy)
			read_map(&w, &m);
	}
}

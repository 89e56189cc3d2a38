/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_MAPS_H
#define MH_BASE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Reads /proc/PID/maps, or smaps, line by line from a descriptor (proc(5)).
 *
 * Paths in it are chosen by the process: a newline arrives as \012, and that
 * is all the kernel escapes (fs/seq_file.c, seq_path(), as fs/proc/task_mmu.c
 * calls it).  A line that is not of this form ends the reading with an error
 * instead of being guessed at.
 */
enum {
	MAPS_LINE_MAX =
	    24 * 1024, /* bytes; a path has at most 4,096, escaped four times */
};

/* One mapping. */
struct map {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* of start in the file */
	char perms[5];       /* "rwxp", "r--s" */
	uint32_t major, minor;
	uint64_t ino;     /* 0: no file behind it */
	const char *path; /* borrowed until the next call; "[heap]", or "" */

	/* Of smaps only; else has_sizes is false.  Bytes. */
	bool has_sizes;
	uint64_t anonymous, swapped;
	bool is_device; /* VmFlags: io or pf, memory of a device or of the kernel */
};

/* The end that the kernel puts behind the path of a file that is gone. */
#define MAPS_DELETED " (deleted)"

bool map_is_executable(const struct map *m);
bool map_is_writable(const struct map *m);
bool map_is_shared(const struct map *m);
/* Whether there is a file behind it whose name is gone; memfds count, see below. */
bool map_is_deleted(const struct map *m);
/* Whether it maps a memfd, which never had a name: "/memfd:NAME (deleted)". */
bool map_is_memfd(const struct map *m);
/*
 * Whether there is a file behind it that could be opened.  What has a name
 * without one ("anon_inode:[io_uring]", "socket:[1]", huge pages that are
 * shared) is memory or a device; "(unreachable)/x" is a file elsewhere.
 */
bool map_has_file(const struct map *m);
/* st_dev of the file, as stat(2) has it. */
uint64_t map_dev(const struct map *m);

struct maps;

/* Read fd, which is borrowed, from its start. */
struct maps *maps_new(int fd);
void maps_free(struct maps *maps);
MH_DEFINE_CLEANUP(struct maps, maps_free);

/*
 * The next mapping.  Errors: MH_ERR_NOTFOUND (there are no more), MH_ERR_SYSTEM
 * (errno), MH_ERR_FORMAT.  A process that is gone has no mappings.
 */
mh_err maps_next(struct maps *maps, struct map *ret) MH_CHECKED;

#endif

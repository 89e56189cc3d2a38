/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_TARGET_H
#define MH_RECORDS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"
#include "records/process.h"

enum target_kind {
	TARGET_FILE = 1, /* met by a walk */
	TARGET_MAPPED,   /* a file, memfd or shared memory that processes map */
	TARGET_MEMORY,   /* the memory of one process */
	TARGET_NAME,    /* a name alone: of a folder, a link, a file that is not opened */
	TARGET_PROCESS, /* a process by its facts: its program's name, its sockets */
	TARGET_KIND_MAX_
};

/* Descriptors of a target of memory; those of the files of its code ranges follow. */
enum { MEMORY_FD_MEM, MEMORY_FD_PAGEMAP, MEMORY_FD_MAPS, MEMORY_FD_CODES };

/* Executable pages that a process has of its own, where its file has others. */
struct code_range {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* of start in the file */
	uint32_t file; /* whose descriptor comes along: fds[MEMORY_FD_CODES + file] */
};

/*
 * One opened thing to scan: the facts that name it.  Its descriptors travel
 * beside it, in the same message: none for a name or the facts of a process; one; or
 * for memory those of
 * /proc/PID/{mem,pagemap,maps} (smaps in place of maps where the kernel has no
 * PAGEMAP_SCAN, or the process maps what may be a device) and of the files of its
 * code ranges.  Facts are those of fstat(2) on the descriptor of a file right
 * after it was opened.
 */
struct target {
	uint64_t id; /* given by who asks for the scan, unique within it */
	enum target_kind kind;
	uint8_t n_fds; /* that travel with it */
	char *path;    /* as the kernel gave it; of memory "process 12 (/bin/x)"; owned */
	char *owner;   /* name of the user, or its number; owned */
	uint64_t dev;
	uint64_t ino;
	uint64_t size; /* bytes */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	int64_t mtime_ns; /* since 1970 */
	int64_t ctime_ns;
	bool is_lasting; /* on a local file system that keeps ctime: it tells a change */

	/* Of memory; pid also of what is mapped: through whom it was opened. */
	int32_t pid;
	uint64_t start_ticks; /* with pid, names the process: proc(5), stat, field 22 */
	bool keeps_holes;  /* of a mapped file in memory: looking into a hole fills it */
	bool reads_shared; /* what it maps could not be opened: read it through memory */
	struct code_range *codes; /* owned */
	uint32_t n_codes;
	uint8_t n_code_files;
	uint64_t codes_left;    /* bytes that would be code ranges beyond the limits */
	uint64_t codes_left_at; /* address of the first of them */

	/* Of the facts of a process. */
	char *program;                  /* path of its executable; owned; or NULL */
	struct process_socket *sockets; /* owned */
	uint32_t n_sockets;
	uint32_t n_sockets_left; /* that are not among them */
};

/* Free what t owns; t itself is the caller's. */
void target_clear(struct target *t);

/* A copy that owns what it holds. */
void target_copy(const struct target *t, struct target *ret);

void target_encode(const struct target *t, struct buf *b);
/* Always leaves a target that can be cleared; check r afterwards. */
void target_decode(struct reader *r, struct target *ret);

/*
 * A path longer than PATH_BYTES_MAX loses its middle: PATH_GAP stands there.
 * Such a text names a file for people; it is no path, and no cursor of a walk.
 */
#define PATH_GAP "/[...]/"
bool path_is_cut(const char *path);

/* Parts of a path, as the externals of rules see them; borrowed from path. */
const char *path_base(const char *path);
/* Extension with its dot (".exe"), "" when there is none. */
const char *path_extension(const char *path);

#endif

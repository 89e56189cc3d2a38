/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_FD_H
#define MH_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * File descriptors and whole small files.  All descriptors made here are
 * close-on-exec.  Functions that return MH_ERR_SYSTEM leave the reason in
 * errno.
 */

/* For MH_CLEANUP on an int: close it unless negative. */
static inline void
fd_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

mh_err fd_set_nonblocking(int fd) MH_CHECKED;

/* Read until end of file into b; MH_ERR_TOOBIG past b's maximum. */
mh_err fd_read_all(int fd, struct buf *b) MH_CHECKED;
mh_err fd_write_all(int fd, const void *p, size_t len) MH_CHECKED;

/* Append the regular file at path to b.  MH_ERR_NOTFOUND when there is none. */
mh_err file_read(const char *path, struct buf *b) MH_CHECKED;

/*
 * Make path hold exactly these bytes with that mode, or leave it as it was:
 * temporary file beside it, fdatasync(2), rename(2), fsync(2) of the folder.
 */
mh_err file_write_durably(const char *path, const void *p, size_t len, unsigned mode)
    MH_CHECKED;
/*
 * The same for another owner ((uid_t)-1, (gid_t)-1: ours), for root in a folder that is
 * that owner's: nothing that lies there is written to or changes its owner.
 */
mh_err file_write_durably_as(const char *path, const void *p, size_t len, unsigned mode,
    uid_t uid, gid_t gid) MH_CHECKED;

/* Have the names in the folder of path on disk, fsync(2): after a rename(2). */
mh_err folder_sync_of(const char *path) MH_CHECKED;

/* mkdir -p: every missing folder of path with that mode. */
mh_err folder_make(const char *path, unsigned mode) MH_CHECKED;

/* A sealed memfd (memfd_create(2)) that holds the bytes, at offset 0. */
mh_err fd_from_bytes(const char *name, const void *p, size_t len, int *ret_fd) MH_CHECKED;

#endif

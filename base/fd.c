/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { READ_STEP_BYTES = 64 * 1024 };

mh_err
fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

mh_err
fd_read_all(int fd, struct buf *b)
{
	for (;;) {
		size_t room =
		    buf_room(b) < READ_STEP_BYTES ? buf_room(b) : READ_STEP_BYTES;
		uint8_t probe;
		uint8_t *at = room > 0 ? buf_reserve(b, room) : &probe;
		ssize_t n = read(fd, at, room > 0 ? room : 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return MH_ERR_SYSTEM;
		if (n == 0)
			return MH_OK;
		if (room == 0)
			return MH_ERR_TOOBIG;
		buf_commit(b, (size_t)n);
	}
}

mh_err
fd_write_all(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return MH_ERR_SYSTEM;
		at += n;
		len -= (size_t)n;
	}
	return MH_OK;
}

mh_err
file_read(const char *path, struct buf *b)
{
	MH_CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? MH_ERR_NOTFOUND : MH_ERR_SYSTEM;
	if (fstat(fd, &st) < 0)
		return MH_ERR_SYSTEM;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return MH_ERR_SYSTEM;
	}
	return fd_read_all(fd, b);
}

mh_err
folder_sync_of(const char *path)
{
	MH_CLEANUP(freep) char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');

	if (slash == NULL)
		(void)strncpy(folder, ".", 2);
	else
		slash[slash == folder ? 1 : 0] = 0;
	MH_CLEANUP(fd_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

mh_err
file_write_durably(const char *path, const void *p, size_t len, unsigned mode)
{
	return file_write_durably_as(path, p, len, mode, (uid_t)-1, (gid_t)-1);
}

mh_err
file_write_durably_as(const char *path, const void *p, size_t len, unsigned mode,
    uid_t uid, gid_t gid)
{
	MH_CLEANUP(freep) char *temporary = xasprintf("%s.%d.new", path, (int)getpid());
	MH_CLEANUP(fd_closep) int fd = -1;
	mh_err err = MH_OK;

	/* Of one that was killed, or a trap. */
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return MH_ERR_SYSTEM;
	err = fd_write_all(fd, p, len);
	if (err == MH_OK &&
	    ((uid != (uid_t)-1 && fchown(fd, uid, gid) < 0) || fchmod(fd, mode) < 0 ||
		fdatasync(fd) < 0 || rename(temporary, path) < 0))
		err = MH_ERR_SYSTEM;
	if (err != MH_OK) {
		int saved = errno;

		(void)unlink(temporary);
		errno = saved;
		return err;
	}
	return folder_sync_of(path);
}

mh_err
folder_make(const char *path, unsigned mode)
{
	MH_CLEANUP(freep) char *part = xstrdup(path);
	MH_CLEANUP(fd_closep) int fd = -1;

	for (char *p = part + (*part != 0);; p++) {
		char c = *p;

		if (c != '/' && c != 0)
			continue;
		*p = 0;
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return MH_ERR_SYSTEM;
		*p = c;
		if (c == 0)
			break;
	}
	/* What exists may be something else than a folder. */
	fd = open(part, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? MH_OK : MH_ERR_SYSTEM;
}

mh_err
fd_from_bytes(const char *name, const void *p, size_t len, int *ret_fd)
{
	MH_CLEANUP(fd_closep)
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mh_err err = MH_OK;

	if (fd < 0)
		return MH_ERR_SYSTEM;
	err = fd_write_all(fd, p, len);
	if (err != MH_OK)
		return err;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return MH_ERR_SYSTEM;
	*ret_fd = fd;
	fd = -1;
	return MH_OK;
}

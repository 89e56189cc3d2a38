/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_vfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { SECTOR = 512 };

/* A file as the platter has it, and which of its sectors were written since. */
struct platter {
	LIST_ENTRY(platter) link;
	char *path;
	uint8_t *bytes;
	size_t len;
	ino_t inode;
	bool *dirty; /* sectors of the file as it is now */
	size_t n_dirty;
};

/* What sqlite3_vfs.xOpen fills; the default VFS's file follows. */
struct file {
	sqlite3_file base;
	struct platter
	    *platter; /* NULL: a file whose loss does not matter (-shm has none) */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	sqlite3_io_methods methods;
	LIST_HEAD(, platter) platters;
	uint64_t n_operations, fail_at;
	enum mh_vfs_fault fault;
	bool is_lasting, has_failed, is_dead;
	uint32_t seed;
} disk;

static uint32_t
draw(void)
{
	/* Numerical Recipes' generator: the same faults for the same seed. */
	disk.seed = disk.seed * 1664525u + 1013904223u;
	return disk.seed >> 8;
}

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

/* Keep what is on the disk now as what the platter has. */
static void
sync_platter(struct platter *p)
{
	struct stat st;
	int fd = open(p->path, O_RDONLY | O_CLOEXEC);

	free(p->bytes);
	p->bytes = NULL;
	p->len = 0;
	free(p->dirty);
	p->dirty = NULL;
	p->n_dirty = 0;
	if (fd < 0)
		return;
	assert(fstat(fd, &st) == 0);
	p->len = (size_t)st.st_size;
	p->inode = st.st_ino;
	p->bytes = xcalloc(p->len + 1, 1);
	assert(pread(fd, p->bytes, p->len, 0) == (ssize_t)p->len);
	(void)close(fd);
}

/* The file of that name; another one may have got the name since. */
static struct platter *
find_platter(const char *path)
{
	struct platter *p;
	struct stat st;

	LIST_FOREACH(p, &disk.platters, link)
	{
		if (strcmp(p->path, path) != 0)
			continue;
		if (stat(path, &st) == 0 && st.st_ino != p->inode)
			sync_platter(p);
		return p;
	}
	p = xcalloc(1, sizeof(*p));
	p->path = xstrdup(path);
	LIST_INSERT_HEAD(&disk.platters, p, link);
	sync_platter(p);
	return p;
}

static void
note_write(struct platter *p, size_t at, size_t len)
{
	size_t end = (at + len + SECTOR - 1) / SECTOR;

	if (end > p->n_dirty) {
		p->dirty = xreallocarray(p->dirty, end, sizeof(*p->dirty));
		memset(p->dirty + p->n_dirty, 0, end - p->n_dirty);
		p->n_dirty = end;
	}
	for (size_t i = at / SECTOR; i < end; i++)
		p->dirty[i] = true;
}

/* SQLITE_OK, or what the operation fails with. */
static int
come_to_fault(int of_kind)
{
	uint64_t n = disk.n_operations++;

	if (disk.is_dead)
		return of_kind;
	if (disk.fault == MH_VFS_NONE || n < disk.fail_at ||
	    (n > disk.fail_at && !disk.is_lasting))
		return SQLITE_OK;
	if (disk.fault == MH_VFS_FULL && of_kind == SQLITE_IOERR_TRUNCATE)
		return SQLITE_OK;
	disk.has_failed = true;
	if (disk.fault == MH_VFS_POWER) {
		disk.is_dead = true;
		return of_kind;
	}
	if (disk.fault == MH_VFS_FULL) {
		errno = ENOSPC;
		return of_kind == SQLITE_IOERR_WRITE ? SQLITE_FULL : of_kind;
	}
	errno = EIO;
	return of_kind;
}

static int
file_close(sqlite3_file *f)
{
	int rc = real_of(f)->pMethods->xClose(real_of(f));

	free(real_of(f));
	return rc;
}

static int
file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct platter *platter = ((struct file *)f)->platter;
	int rc = come_to_fault(SQLITE_IOERR_WRITE);

	/* What fails may have been written in part. */
	if (rc != SQLITE_OK && (disk.is_dead || n < SECTOR))
		return rc;
	note_write(platter, (size_t)at, (size_t)n);
	if (rc != SQLITE_OK) {
		(void)real_of(f)->pMethods->xWrite(real_of(f), p,
		    (int)(draw() % (uint32_t)(n / SECTOR)) * SECTOR, at);
		return rc;
	}
	return real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = come_to_fault(SQLITE_IOERR_TRUNCATE);

	return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int
file_sync(sqlite3_file *f, int flags)
{
	int rc = come_to_fault(SQLITE_IOERR_FSYNC);

	/* Not passed on: the platter is ours, and fsync(2) costs the test its time. */
	(void)flags;
	if (rc == SQLITE_OK)
		sync_platter(((struct file *)f)->platter);
	return rc;
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int
file_lock(sqlite3_file *f, int kind)
{
	return real_of(f)->pMethods->xLock(real_of(f), kind);
}

static int
file_unlock(sqlite3_file *f, int kind)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), kind);
}

static int
file_reserved(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int
file_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int
file_characteristics(sqlite3_file *f)
{
	(void)f;
	/* Nothing is promised: no atomic, no ordered, no safe append. */
	return 0;
}

static int
file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}

static int
file_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void
file_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int
file_shm_unmap(sqlite3_file *f, int deletes)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), deletes);
}

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct file *file = (struct file *)f;
	int rc;

	(void)vfs;
	assert(name != NULL); /* temp_store=MEMORY */
	file->base.pMethods = NULL;
	file->real = xcalloc(1, (size_t)disk.real->szOsFile);
	rc = disk.real->xOpen(disk.real, name, file->real, flags, ret_flags);
	if (rc != SQLITE_OK) {
		free(file->real);
		return rc;
	}
	file->platter = find_platter(name);
	file->base.pMethods = &disk.methods;
	return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	struct platter *p = find_platter(name);
	int rc;

	(void)vfs;
	if (disk.is_dead)
		return SQLITE_IOERR_DELETE;
	rc = disk.real->xDelete(disk.real, name, sync_folder);
	if (rc == SQLITE_OK)
		sync_platter(p);
	return rc;
}

void
mh_vfs_install(uint32_t seed)
{
	disk.seed = seed;
	disk.n_operations = 0;
	disk.fault = MH_VFS_NONE;
	disk.has_failed = disk.is_dead = false;
	if (disk.real != NULL)
		return;
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "mh-power";
	disk.vfs.szOsFile = (int)sizeof(struct file);
	disk.vfs.xOpen = vfs_open;
	disk.vfs.xDelete = vfs_delete;
	disk.methods =
	    (sqlite3_io_methods){ 2, file_close, file_read, file_write, file_truncate,
		    file_sync, file_size, file_lock, file_unlock, file_reserved,
		    file_control, file_sector, file_characteristics, file_shm_map,
		    file_shm_lock, file_shm_barrier, file_shm_unmap, NULL, NULL };
	assert(sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK);
}

void
mh_vfs_fail_at(uint64_t n, enum mh_vfs_fault fault, bool is_lasting)
{
	disk.fail_at = disk.n_operations + n;
	disk.fault = fault;
	disk.is_lasting = is_lasting;
	disk.has_failed = false;
}

bool
mh_vfs_has_failed(void)
{
	return disk.has_failed;
}

uint64_t
mh_vfs_operations(void)
{
	return disk.n_operations;
}

void
mh_vfs_lose_power(void)
{
	disk.is_dead = true;
	disk.has_failed = true;
}

/* Each sector that was written since the last sync is old or new. */
static void
forget(struct platter *p)
{
	uint8_t sector[SECTOR];
	int fd = open(p->path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	assert(fstat(fd, &st) == 0);
	/* A file that grew may have its length and nothing in it. */
	for (size_t i = 0; i < p->n_dirty; i++) {
		size_t at = i * SECTOR;
		size_t n = p->len > at ? p->len - at : 0;

		if (!p->dirty[i] || draw() % 2 == 0)
			continue;
		memset(sector, 0, sizeof(sector));
		if (n > 0)
			memcpy(sector, p->bytes + at, n < SECTOR ? n : SECTOR);
		assert(pwrite(fd, sector, SECTOR, (off_t)at) == SECTOR);
	}
	/* Its length is the old one, the new one, or anything between; what was cut off
	 * may still be there. */
	size_t now = (size_t)st.st_size;
	size_t low = p->len < now ? p->len : now;
	size_t high = p->len < now ? now : p->len;

	if (p->len > now)
		assert(pwrite(fd, p->bytes + now, p->len - now, (off_t)now) ==
		       (ssize_t)(p->len - now));
	assert(ftruncate(fd, (off_t)(low + draw() % (high - low + 1))) == 0);
	(void)close(fd);
	sync_platter(p);
}

void
mh_vfs_come_back(void)
{
	struct platter *p;

	LIST_FOREACH(p, &disk.platters, link)
	forget(p);
	disk.is_dead = disk.has_failed = false;
	disk.fault = MH_VFS_NONE;
}

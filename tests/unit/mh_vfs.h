/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_MH_VFS_H
#define MH_TESTS_MH_VFS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * An SQLite VFS that plays a disk which forgets and fails (https://sqlite.org/vfs.html):
 * it passes everything to the default VFS and keeps in memory what is on the platter, that
 * is, what was there at the last xSync, and each write since.
 *
 * After mh_vfs_lose_power() every write fails.  The caller closes its databases, calls
 * mh_vfs_come_back(), and finds the files as a disk might hold them: of the sectors
 * written since the last sync each is old or new, by chance, and a file's length too.
 * Names (creation, deletion, renaming) are not forgotten: SQLite syncs folders.
 *
 * Becomes the default VFS of the process.  Not for several threads.
 */
void mh_vfs_install(uint32_t seed);

enum mh_vfs_fault {
	MH_VFS_NONE,
	MH_VFS_FULL,  /* the disk is full: writes and growth fail with ENOSPC */
	MH_VFS_EIO,   /* a write or a sync fails with EIO; what was not synced stays so */
	MH_VFS_POWER, /* power is lost */
};

/*
 * Let the disk fail at the n-th (0: the next) write, truncation or sync from now on, and,
 * while is_lasting, at all that follow.
 */
void mh_vfs_fail_at(uint64_t n, enum mh_vfs_fault fault, bool is_lasting);
/* Whether the fault has come. */
bool mh_vfs_has_failed(void);
/* Writes, truncations and syncs since mh_vfs_install(). */
uint64_t mh_vfs_operations(void);

void mh_vfs_lose_power(void);
/* All databases are closed.  Makes the files those of the platter, and the disk sound. */
void mh_vfs_come_back(void);

#endif

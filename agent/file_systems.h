/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_FILE_SYSTEMS_H
#define MH_AGENT_FILE_SYSTEMS_H

#include <stdbool.h>

/*
 * Kinds of file systems by the magic number of statfs(2) (linux/magic.h).
 */
enum file_system_kind {
	FILE_SYSTEM_LOCAL,
	FILE_SYSTEM_PSEUDO,  /* what looks like files is made up by the kernel */
	FILE_SYSTEM_NETWORK, /* may hang; FUSE counts, for a program stands behind it */
};

/* Of the file system that fd lies on; local when statfs fails. */
enum file_system_kind file_system_kind(int fd);

/*
 * Whether a file there that changes gets a new ctime, which survives a reboot:
 * only file systems that are known to.  Not those in memory, without ctime (FAT),
 * of several layers (overlay), or that somebody else may write (network, FUSE).
 */
bool file_system_is_lasting(int fd);

#endif

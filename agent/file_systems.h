/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_FILE_SYSTEMS_H
#define MH_AGENT_FILE_SYSTEMS_H

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

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROCESSES_IMPL_H
#define MH_AGENT_PROCESSES_IMPL_H

#include <stddef.h>

#include "agent/processes.h"

/* Inside of agent/processes.h, shared by processes.c and processes_open.c. */

/* A mapped file of which the type is known. */
struct known_file {
	uint64_t dev, ino;
	bool is_used, is_device;
};

struct processes {
	int proc; /* a folder of proc(5) */
	struct own *own;
	bool has_pagemap_scan;    /* else workers need smaps in place of maps */
	bool has_map_files;       /* else what is mapped is opened by its path */
	struct known_file *known; /* open addressing; owned */
	size_t n_known;
	struct clues *clues; /* of the last listing, or NULL */
	uint64_t n_gaps;     /* of it, that were told */

	/* Of one listing. */
	const struct list_request *request;
	const struct process_sink *sink;
	void *ctx;
	struct proc_sockets *sockets;
	struct mounts *mounts; /* of the namespace below */
	uint64_t mount_namespace;
	uint8_t *told; /* a bit for each pid; owned */
};

/* Whether what the process maps can be opened through map_files: a thread has none. */
bool processes_has_map_files(const struct processes *ps, int dir);
/* "map_files/START-END", below the folder of a process. */
void processes_map_name(uint64_t start, uint64_t end, char *ret, size_t size);
/* For tables of files by device and inode. */
size_t processes_file_hash(uint64_t dev, uint64_t ino);

#endif

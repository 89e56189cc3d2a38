/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CGROUP_H
#define MH_AGENT_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What the control group that this process is in, and those around it, allow to all
 * that run in it: control groups of version 2, cgroup-v2.rst of the kernel.
 */
enum {
	CGROUP_FILE_MAX = 64 * 1024, /* bytes: /proc/self/cgroup, one line a hierarchy */
	CGROUP_WEIGHT_MAX = 10000,   /* cpu.weight, from 1 on; 100 unless set */
};

struct cgroup_facts {
	bool has_v2;         /* mounted, and we are in a group that is seen from here */
	uint64_t memory_max; /* bytes, the least of all memory.max; UINT64_MAX: none */
	unsigned cpu_weight; /* of the innermost group that has one; 0: none has */
};

/*
 * Look below root, "" or a folder, at proc/self/cgroup and sys/fs/cgroup.  What cannot
 * be read counts as not there: this never fails.  Reads some files of the kernel.
 */
void cgroup_look(const char *root, struct cgroup_facts *ret);

#endif

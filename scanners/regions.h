/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_REGIONS_H
#define MH_SCANNERS_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/target.h"

/*
 * The mappings of a process as they were when it was looked at, and what of
 * each is read.
 */
enum {
	/* Mappings: the kernel's default allows 65,530 (vm.max_map_count). */
	REGIONS_MAX = 256 * 1024,
	/* Bytes of all different paths; beyond, a region has no name. */
	REGION_PATHS_MAX = 4 * 1024 * 1024,
};

enum region_use {
	REGION_NEVER,  /* devices, secret memory, what the kernel lends: not touched */
	REGION_OWN,    /* private: pages that are anonymous or copied on write */
	REGION_SHARED, /* its pages belong to a file, which is scanned by itself */
	REGION_ALL,    /* shared, and no file to open behind it: what is present */
};

struct region {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* of start in what is mapped */
	uint64_t ino;        /* 0: nothing is mapped */
	char perms[5];
	uint8_t use;       /* enum region_use */
	bool may_be_empty; /* smaps says that it has no page of its own */
	bool is_device;    /* of a device: nobody touches it */
	bool is_secret;    /* memfd_secret(2) */
	uint32_t path;     /* place in the pool; see region_path() */
};

struct regions;

/*
 * Read maps or smaps from fd, for the target t.  A process that is gone has none.  Errors: MH_ERR_SYSTEM (errno),
 * MH_ERR_FORMAT.  *ret_is_cut: there are more than REGIONS_MAX.
 */
mh_err regions_read(int fd, const struct target *t, struct regions **ret,
    bool *ret_is_cut) MH_CHECKED;
void regions_free(struct regions *regions);
MH_DEFINE_CLEANUP(struct regions, regions_free);

size_t regions_n(const struct regions *regions);
const struct region *regions_at(const struct regions *regions, size_t i);
/* The region that holds address, or the first one behind it; regions_n(): none. */
size_t regions_find(const struct regions *regions, uint64_t address);
/* What is mapped there: a path, "[heap]", or ""; borrowed. */
const char *region_path(const struct regions *regions, const struct region *r);

#endif

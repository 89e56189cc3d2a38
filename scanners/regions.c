/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: from the kernel; paths are hostile.
 */
#include "scanners/regions.h"

#include <stdlib.h>
#include <string.h>

#include "base/maps.h"
#include "base/memory.h"

struct regions {
	struct region *list; /* in order of address; owned */
	size_t n, cap;
	char *pool; /* paths one after the other, "" first; owned */
	size_t pool_len, pool_cap;
	uint32_t last_path;
};

void
regions_free(struct regions *regions)
{
	if (regions == NULL)
		return;
	free(regions->list);
	free(regions->pool);
	free(regions);
}

/* The place of path in the pool; neighbours often share one. */
static uint32_t
keep_path(struct regions *regions, const char *path)
{
	size_t len = strlen(path) + 1;

	if (path[0] == 0)
		return 0;
	if (strcmp(regions->pool + regions->last_path, path) == 0)
		return regions->last_path;
	if (regions->pool_len + len > REGION_PATHS_MAX)
		return 0;
	while (regions->pool_len + len > regions->pool_cap) {
		regions->pool_cap *= 2;
		regions->pool = xreallocarray(regions->pool, regions->pool_cap, 1);
	}
	memcpy(regions->pool + regions->pool_len, path, len);
	regions->last_path = (uint32_t)regions->pool_len;
	regions->pool_len += len;
	return regions->last_path;
}

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* What the kernel lends every process: no page of it is the process's own. */
static bool
is_lent(const struct map *m)
{
	static const char *const names[] = { "[vvar", "[vsyscall]", "[vdso]", "[vectors]",
		"[sigpage]", "[uprobes]" };

	for (size_t i = 0; m->ino == 0 && i < MH_ARRAY_LEN(names); i++) {
		if (has_prefix(m->path, names[i]))
			return true;
	}
	return false;
}

/* Of what is shared and has no file, smaps alone tells that it is memory. */
static bool
may_be_device(const struct map *m)
{
	return m->is_device || (map_is_shared(m) && !map_has_file(m) && !m->has_sizes);
}

static enum region_use
use_of(const struct target *t, const struct map *m)
{
	if (is_lent(m) || may_be_device(m))
		return REGION_NEVER;
	if (!map_is_shared(m))
		return REGION_OWN;
	if (!map_has_file(m))
		return REGION_ALL; /* rings of io_uring, perf and packets */
	/* What cannot be opened is read as far as it is present. */
	return t->reads_shared ? REGION_ALL : REGION_SHARED;
}

static void
add_region(struct regions *regions, const struct target *t, const struct map *m)
{
	if (regions->n == regions->cap) {
		regions->cap = regions->cap > 0 ? regions->cap * 2 : 128;
		regions->list =
		    xreallocarray(regions->list, regions->cap, sizeof(*regions->list));
	}
	struct region *r = &regions->list[regions->n++];

	*r = (struct region){
		.start = m->start,
		.end = m->end,
		.offset = m->offset,
		.ino = m->ino,
		.use = (uint8_t)use_of(t, m),
		.may_be_empty = m->has_sizes && m->anonymous == 0 && m->swapped == 0,
		.is_device = may_be_device(m),
		.is_secret = map_is_shared(m) && m->major == 0 && m->ino != 0 &&
			     strcmp(m->path, "/secretmem" MAPS_DELETED) == 0,
		.path = keep_path(regions, m->path),
	};
	memcpy(r->perms, m->perms, sizeof(r->perms));
	if (r->is_secret)
		r->use = REGION_NEVER;
	/* Without map_files a deleted file is read as far as it is present. */
	if (t->reads_shared && r->use == REGION_OWN && map_is_deleted(m))
		r->use = REGION_ALL;
}

mh_err
regions_read(int fd, const struct target *t, struct regions **ret, bool *ret_is_cut)
{
	MH_CLEANUP(regions_freep) struct regions *regions = xcalloc(1, sizeof(*regions));
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	uint64_t last = 0;
	struct map m;
	mh_err err = MH_OK;

	regions->pool_cap = 4096;
	regions->pool = xcalloc(regions->pool_cap, 1);
	regions->pool_len = 1;
	*ret_is_cut = false;
	while ((err = maps_next(maps, &m)) == MH_OK) {
		/*
		 * The list is read in pieces while the process goes on: what it
		 * maps meanwhile may stand twice.
		 */
		if (m.start < last)
			continue;
		last = m.end;
		if (regions->n == REGIONS_MAX) {
			*ret_is_cut = true;
			err = MH_ERR_NOTFOUND;
			break;
		}
		add_region(regions, t, &m);
	}
	if (err != MH_ERR_NOTFOUND)
		return err;
	*ret = MH_TAKE(regions);
	return MH_OK;
}

size_t
regions_n(const struct regions *regions)
{
	return regions->n;
}

const struct region *
regions_at(const struct regions *regions, size_t i)
{
	return &regions->list[i];
}

size_t
regions_find(const struct regions *regions, uint64_t address)
{
	size_t low = 0;
	size_t high = regions->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (regions->list[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *
region_path(const struct regions *regions, const struct region *r)
{
	return regions->pool + r->path;
}

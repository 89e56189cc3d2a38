/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_PAGES_H
#define MH_SCANNERS_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "scanners/regions.h"

/*
 * Which pages of a process are present and its own: anonymous, or copied on
 * write, whatever the permissions of their mapping.  Asking makes no page
 * resident and none swapped in.
 *
 * By ioctl(2) PAGEMAP_SCAN on /proc/PID/pagemap (Linux 6.7), else by reading
 * pagemap itself (Documentation/admin-guide/mm/pagemap.rst) for the regions
 * that smaps says to have such pages.  The process goes on meanwhile, so a run
 * is looked up not long before it is handed out: at most PAGES_AHEAD runs.
 */
enum {
	PAGE_BYTES = 4096,
	PAGES_AHEAD = 512, /* of 6.18, more make walk_end wrong: ranges come twice */
};

/* Pages next to each other, by address. */
struct page_run {
	uint64_t start, end;
};

struct pages;

/*
 * fd is of pagemap and borrowed, as regions is.  Of regions that are read wholly
 * (REGION_ALL) pages of any kind count.  is_legacy: never ask for PAGEMAP_SCAN.
 */
struct pages *pages_new(int fd, const struct regions *regions, bool is_legacy);
void pages_free(struct pages *pages);
MH_DEFINE_CLEANUP(struct pages, pages_free);

/* The next run; MH_ERR_NOTFOUND when there are no more, or the process is gone. */
mh_err pages_next(struct pages *pages, struct page_run *ret) MH_CHECKED;

/* Pages that were met and are swapped out. */
uint64_t pages_n_swapped(const struct pages *pages);

/* Whether the page at address is present now (and for legacy, of any kind). */
bool pages_is_present(const struct pages *pages, uint64_t address);

/* Whether it is present and the process's own. */
bool pages_is_own(const struct pages *pages, uint64_t address);

/* Whether this kernel has PAGEMAP_SCAN: known after the first pages_next(). */
bool pages_is_legacy(const struct pages *pages);

#endif

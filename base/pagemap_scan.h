/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_PAGEMAP_SCAN_H
#define MH_BASE_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

/*
 * ioctl(2) PAGEMAP_SCAN of Linux 6.7, which the headers of Debian 12 lack:
 * include/uapi/linux/fs.h, Documentation/admin-guide/mm/pagemap.rst.
 */
#define PAGEMAP_IS_FILE (1ull << 2) /* of a file, or shared anonymous memory */
#define PAGEMAP_IS_PRESENT (1ull << 3)
#define PAGEMAP_IS_SWAPPED (1ull << 4)
#define PAGEMAP_IS_PFNZERO (1ull << 5) /* the kernel's page of zeros */
#define PAGEMAP_IS_GUARD (1ull << 8)   /* madvise(2), MADV_GUARD_INSTALL; 6.15 */

struct pagemap_range {
	uint64_t start, end; /* addresses */
	uint64_t categories;
};

struct pagemap_scan_arg {
	uint64_t size; /* of this struct */
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end; /* out: where the walk stopped */
	uint64_t vec;      /* address of the ranges */
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;   /* a page's bits are flipped by these, then */
	uint64_t category_mask;       /* all of these have to be set, */
	uint64_t category_anyof_mask; /* and one of these */
	uint64_t return_mask;
};

#define PAGEMAP_SCAN_REQUEST _IOWR('f', 16, struct pagemap_scan_arg)

#endif

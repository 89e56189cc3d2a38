/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PAGEMAP_SCAN_H
#define MH_AGENT_PAGEMAP_SCAN_H

#include <linux/fs.h>
#include <linux/types.h>

/* PAGEMAP_SCAN of kernel 6.7 (linux/fs.h, pagemap.rst), for older headers. */
#ifndef PAGEMAP_SCAN
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_FILE (1 << 2)
#define PAGE_IS_PRESENT (1 << 3)

struct page_region {
	__u64 start, end, categories;
};

struct pm_scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
#endif

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: from the kernel, about a process that changes meanwhile.
 */
#include "scanners/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pagemap_scan.h"

enum { ENTRIES_MAX = 8192 }; /* of pagemap read at once: 32 MiB of addresses */

/* What /proc/PID/pagemap says of one page. */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_SWAPPED (1ull << 62)
#define ENTRY_FILE (1ull << 61) /* or shared anonymous memory */

struct pages {
	int fd;
	const struct regions *regions;
	bool asks_all; /* about pages of any kind */
	bool is_legacy, has_guard;
	uint64_t at, end;     /* what is left to ask about */
	size_t region;        /* of where the walk is */
	struct page_run rest; /* of a range that was handed out in part */
	uint64_t last_end;    /* no range below it comes again */
	uint64_t n_swapped;
	unsigned n_ranges, next_range;
	struct pagemap_range ranges[PAGES_AHEAD];
	uint64_t entries[ENTRIES_MAX];
};

struct pages *
pages_new(int fd, const struct regions *regions, bool is_legacy)
{
	struct pages *pages = xcalloc(1, sizeof(*pages));
	size_t n = regions_n(regions);

	pages->fd = fd;
	pages->regions = regions;
	for (size_t i = 0; i < n && !pages->asks_all; i++)
		pages->asks_all = regions_at(regions, i)->use == REGION_ALL;
	pages->is_legacy = is_legacy;
	pages->has_guard = true;
	/* [vsyscall] lies beyond what may be asked about. */
	while (n > 0 && regions_at(regions, n - 1)->use == REGION_NEVER)
		n--;
	if (n > 0) {
		pages->at = regions_at(regions, 0)->start;
		pages->end = regions_at(regions, n - 1)->end;
	}
	return pages;
}

void
pages_free(struct pages *pages)
{
	free(pages);
}

uint64_t
pages_n_swapped(const struct pages *pages)
{
	return pages->n_swapped;
}

bool
pages_is_legacy(const struct pages *pages)
{
	return pages->is_legacy;
}

static bool
is_read(const struct region *r)
{
	return r->use == REGION_OWN || r->use == REGION_ALL;
}

/*
 * Ask about [from, to).  The number of ranges, or -1 (errno).  Anonymous and
 * copied pages are those that are not of a file; guard pages (6.13) are not
 * there for anybody.
 */
static long
ask(const struct pages *pages, uint64_t from, uint64_t to, bool any_kind,
    struct pagemap_range *ranges, unsigned n, uint64_t *ret_end)
{
	struct pagemap_scan_arg arg = {
		.size = sizeof(arg),
		.start = from,
		.end = to,
		.vec = (uintptr_t)ranges,
		.vec_len = n,
		.category_anyof_mask = PAGEMAP_IS_PRESENT | PAGEMAP_IS_SWAPPED,
		.return_mask = PAGEMAP_IS_PRESENT | PAGEMAP_IS_SWAPPED | PAGEMAP_IS_FILE,
	};

	if (!any_kind)
		arg.category_inverted = PAGEMAP_IS_FILE | PAGEMAP_IS_PFNZERO;
	if (pages->has_guard)
		arg.category_inverted |= PAGEMAP_IS_GUARD;
	arg.category_mask = arg.category_inverted;
	long found = ioctl(pages->fd, PAGEMAP_SCAN_REQUEST, &arg);

	*ret_end = arg.walk_end > from ? arg.walk_end : to;
	return found;
}

/* Ask about what is left; false when this kernel does not answer so. */
static bool
ask_more(struct pages *pages)
{
	long n = ask(pages, pages->at, pages->end, pages->asks_all, pages->ranges,
	    PAGES_AHEAD, &pages->at);

	if (n < 0 && errno == EINVAL && pages->has_guard) {
		pages->has_guard = false; /* before 6.15 */
		return true;
	}
	if (n < 0 && (errno == ENOTTY || errno == EINVAL || errno == EACCES)) {
		pages->is_legacy = true;
		return false;
	}
	/* A range that fills the vector may go on behind it. */
	if (n == PAGES_AHEAD)
		pages->at = pages->ranges[n - 1].end;
	if (n < 0)
		pages->at = pages->end; /* gone */
	pages->n_ranges = n > 0 ? (unsigned)n : 0;
	pages->next_range = 0;
	return true;
}

/* Whether pages of these categories, in that region, are to be read. */
static bool
is_wanted(const struct region *r, uint64_t categories)
{
	if (!is_read(r))
		return false;
	/* With all kinds asked for: a file's pages only of a shared mapping. */
	return (categories & PAGEMAP_IS_FILE) == 0 || r->use == REGION_ALL;
}

/*
 * The part of rest that lies in regions which are read, up to the first that
 * is not; what follows stays in rest.
 */
static bool
clip(struct pages *pages, uint64_t categories, struct page_run *ret)
{
	struct page_run *rest = &pages->rest;
	size_t n = regions_n(pages->regions);

	while (rest->start < rest->end) {
		const struct region *r = NULL;

		while (pages->region < n &&
		       regions_at(pages->regions, pages->region)->end <= rest->start)
			pages->region++;
		if (pages->region == n) {
			rest->start = rest->end;
			return false;
		}
		r = regions_at(pages->regions, pages->region);
		uint64_t start = rest->start > r->start ? rest->start : r->start;
		uint64_t end = rest->end < r->end ? rest->end : r->end;

		rest->start = end > rest->start ? end : rest->end;
		if (start >= end || !is_wanted(r, categories))
			continue;
		if ((categories & PAGEMAP_IS_PRESENT) == 0) {
			pages->n_swapped += (end - start) / PAGE_BYTES;
			continue;
		}
		*ret = (struct page_run){ start, end };
		return true;
	}
	return false;
}

static mh_err
next_by_scan(struct pages *pages, struct page_run *ret)
{
	for (;;) {
		uint64_t categories =
		    pages->next_range > 0
			? pages->ranges[pages->next_range - 1].categories
			: 0;

		if (pages->rest.start < pages->rest.end && clip(pages, categories, ret))
			return MH_OK;
		if (pages->next_range < pages->n_ranges) {
			const struct pagemap_range *range =
			    &pages->ranges[pages->next_range++];

			pages->rest = (struct page_run){ range->start, range->end };
			if (pages->rest.start < pages->last_end)
				pages->rest.start = pages->last_end;
			if (pages->last_end < range->end)
				pages->last_end = range->end;
			continue;
		}
		if (pages->at >= pages->end)
			return MH_ERR_NOTFOUND;
		if (!ask_more(pages))
			return MH_ERR_UNSUPPORTED;
	}
}

/* Read the entries of the region at at; the number read. */
static size_t
read_entries(const struct pages *pages, uint64_t at, uint64_t end, uint64_t *ret)
{
	uint64_t n = (end - at) / PAGE_BYTES;
	ssize_t len = 0;

	if (n > ENTRIES_MAX)
		n = ENTRIES_MAX;
	do {
		len = pread(pages->fd, ret, n * sizeof(*ret),
		    (off_t)(at / PAGE_BYTES * sizeof(*ret)));
	} while (len < 0 && errno == EINTR);
	return len > 0 ? (size_t)len / sizeof(*ret) : 0;
}

static bool
is_own_entry(const struct region *r, uint64_t entry)
{
	return (entry & ENTRY_PRESENT) != 0 &&
	       ((entry & ENTRY_FILE) == 0 || r->use == REGION_ALL);
}

/* The next run in the entries from at on; at moves behind what was looked at. */
static bool
next_in_region(struct pages *pages, const struct region *r, struct page_run *ret)
{
	while (pages->at < r->end) {
		size_t n = read_entries(pages, pages->at, r->end, pages->entries);
		size_t i = 0;

		if (n == 0)
			break;
		while (i < n && !is_own_entry(r, pages->entries[i]))
			pages->n_swapped += (pages->entries[i++] & ENTRY_SWAPPED) != 0;
		ret->start = pages->at + i * PAGE_BYTES;
		while (i < n && is_own_entry(r, pages->entries[i]))
			i++;
		pages->at += i * PAGE_BYTES;
		ret->end = pages->at;
		if (ret->start < ret->end)
			return true;
	}
	pages->at = r->end;
	return false;
}

static mh_err
next_by_reading(struct pages *pages, struct page_run *ret)
{
	for (; pages->region < regions_n(pages->regions); pages->region++) {
		const struct region *r = regions_at(pages->regions, pages->region);

		if (!is_read(r) || (r->may_be_empty && r->use == REGION_OWN))
			continue;
		if (pages->at < r->start)
			pages->at = r->start;
		if (next_in_region(pages, r, ret))
			return MH_OK;
	}
	return MH_ERR_NOTFOUND;
}

mh_err
pages_next(struct pages *pages, struct page_run *ret)
{
	if (!pages->is_legacy) {
		mh_err err = next_by_scan(pages, ret);

		if (err != MH_ERR_UNSUPPORTED)
			return err;
	}
	return next_by_reading(pages, ret);
}

bool
pages_is_present(const struct pages *pages, uint64_t address)
{
	uint64_t page = address & ~(uint64_t)(PAGE_BYTES - 1);
	struct pagemap_range range;
	uint64_t entry = 0;
	uint64_t end = 0;

	if (!pages->is_legacy)
		return ask(pages, page, page + PAGE_BYTES, true, &range, 1, &end) == 1 &&
		       (range.categories & PAGEMAP_IS_PRESENT) != 0;
	return read_entries(pages, page, page + PAGE_BYTES, &entry) == 1 &&
	       (entry & ENTRY_PRESENT) != 0;
}

bool
pages_is_own(const struct pages *pages, uint64_t address)
{
	uint64_t page = address & ~(uint64_t)(PAGE_BYTES - 1);
	struct pagemap_range range;
	uint64_t entry = 0;
	uint64_t end = 0;

	if (!pages->is_legacy)
		return ask(pages, page, page + PAGE_BYTES, false, &range, 1, &end) == 1 &&
		       (range.categories & PAGEMAP_IS_PRESENT) != 0;
	return read_entries(pages, page, page + PAGE_BYTES, &entry) == 1 &&
	       (entry & (ENTRY_PRESENT | ENTRY_FILE)) == ENTRY_PRESENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: the memory of any process, which changes while it is read.
 */
#include "scanners/memory_reader.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { BUFFER_BYTES = UNIT_BYTES + UNIT_OVERLAP_MAX + 2 * BORDER_BYTES + PAGE_BYTES };

struct memory_reader {
	int fd;
	struct pages *pages;
	const struct regions *regions;
	struct note_list *notes;
	size_t overlap;
	struct page_run run; /* what is left of the run that is being read */
	bool is_at_end;      /* no more runs, or the process is gone */
	bool is_continued;   /* the buffer begins with bytes of the unit before */
	uint64_t base;       /* address of the buffer's first byte */
	size_t len;          /* bytes in it */
	size_t n_given;      /* bytes of the unit that was handed out last; 0: none */
	size_t changed;      /* place of a byte that is a NUL in this unit only */
	uint8_t original;    /* what stands there; see is_changed */
	bool is_changed;
	struct page_run bad; /* unreadable pages that are not told yet */
	uint64_t n_bytes;
	struct page_run *runs; /* owned */
	size_t n_runs, cap_runs;
	uint8_t buffer[BUFFER_BYTES];
};

struct memory_reader *
memory_reader_new(int mem_fd, struct pages *pages, const struct regions *regions,
    size_t overlap, struct note_list *notes)
{
	struct memory_reader *mr = calloc(1, sizeof(*mr));

	assert(overlap <= UNIT_OVERLAP_MAX);
	if (mr == NULL)
		return NULL;
	mr->fd = mem_fd;
	mr->pages = pages;
	mr->regions = regions;
	mr->overlap = overlap;
	mr->notes = notes;
	return mr;
}

void
memory_reader_free(struct memory_reader *mr)
{
	if (mr == NULL)
		return;
	free(mr->runs);
	free(mr);
}

uint64_t
memory_reader_bytes(const struct memory_reader *mr)
{
	return mr->n_bytes;
}

const struct page_run *
memory_reader_runs(const struct memory_reader *mr, size_t *ret_n)
{
	*ret_n = mr->n_runs;
	return mr->runs;
}

size_t
memory_read(int mem_fd, uint64_t address, void *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(mem_fd, (uint8_t *)to + done, len - done,
		    (off_t)(address + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* Characters of a word, for \b; those of "fullword" are fewer: no underscore. */
static bool
is_word(uint8_t c)
{
	return isalnum(c) || c == '_';
}

size_t
border_of_start(const uint8_t *data, size_t want, bool *ret_is_forced)
{
	size_t low = want > BORDER_BYTES ? want - BORDER_BYTES : 2;
	size_t good = 0;
	size_t text = 0;

	*ret_is_forced = false;
	for (size_t p = want; p >= low && p >= 2; p--) {
		/* "fullword" of a wide string looks two bytes back. */
		bool is_wide = data[p - 1] == 0 && isalnum(data[p - 2]);

		if (is_word(data[p - 1]))
			continue;
		if (is_wide) {
			/* Behind the zero of a text it matters only to a wide string. */
			if (text == 0 && p >= 3 && data[p - 3] != 0)
				text = p;
			continue;
		}
		if (is_word(data[p]))
			return p;
		if (good == 0)
			good = p;
	}
	if (good == 0)
		good = text;
	if (good == 0)
		*ret_is_forced = true;
	return good > 0 ? good : want;
}

size_t
border_of_end(const uint8_t *data, size_t want, bool *ret_is_forced)
{
	size_t low = want > BORDER_BYTES ? want - BORDER_BYTES : 1;
	size_t good = 0;

	*ret_is_forced = false;
	for (size_t p = want; p >= low && p >= 1; p--) {
		/* "fullword" of a wide string looks two bytes ahead. */
		bool is_wide =
		    data[p] == 0 && isalnum(data[p - 1]) && p >= 2 && data[p - 2] == 0;

		if (is_word(data[p]) || is_wide)
			continue;
		if (is_word(data[p - 1]))
			return p;
		if (good == 0)
			good = p;
	}
	if (good == 0)
		*ret_is_forced = true;
	return good > 0 ? good : want;
}

size_t
border_before(const uint8_t *data, size_t from)
{
	while (from >= 2) {
		bool is_forced = false;
		size_t p = border_of_start(data, from, &is_forced);

		if (!is_forced)
			return p;
		from = from > BORDER_BYTES ? from - BORDER_BYTES : 0;
	}
	return 0;
}

size_t
border_behind(const uint8_t *data, size_t len, size_t from)
{
	size_t good = 0;

	for (size_t p = from > 0 ? from : 1; p < len; p++) {
		if (good > 0 && p - good > BORDER_BYTES)
			break;
		if (is_word(data[p]))
			continue;
		if (is_word(data[p - 1]))
			return p;
		if (good == 0)
			good = p;
	}
	return good > 0 ? good : len;
}

/* Tell the unreadable pages that were met one after the other. */
static void
tell_bad(struct memory_reader *mr)
{
	uint64_t bytes = mr->bad.end - mr->bad.start;

	if (bytes == 0)
		return;
	size_t i = regions_find(mr->regions, mr->bad.start);
	const struct region *r =
	    i < regions_n(mr->regions) ? regions_at(mr->regions, i) : NULL;
	MH_CLEANUP(freep)
	char *name =
	    xasprintf(" 0x%" PRIx64 "-0x%" PRIx64 " %s %s", mr->bad.start, mr->bad.end,
		r != NULL ? r->perms : "", r != NULL ? region_path(mr->regions, r) : "");

	note_list_add(mr->notes, REASON_READ_FAILED, bytes, name, strerror(EIO));
	mr->bad = (struct page_run){ 0, 0 };
}

/*
 * The page at address could not be read.  One that is no longer there was given
 * back by the process: it has nothing to hide in it.
 */
static void
pass_bad_page(struct memory_reader *mr, uint64_t address)
{
	if (!pages_is_present(mr->pages, address)) {
		note_list_count(mr->notes, REASON_GIVEN_BACK, 1, PAGE_BYTES);
		return;
	}
	if (mr->bad.end != address || mr->bad.start == mr->bad.end) {
		tell_bad(mr);
		mr->bad.start = address;
	}
	mr->bad.end = address + PAGE_BYTES;
}

static void
keep_run(struct memory_reader *mr, uint64_t start, uint64_t end)
{
	struct page_run *last = mr->n_runs > 0 ? &mr->runs[mr->n_runs - 1] : NULL;

	mr->n_bytes += end - start;
	if (last != NULL && last->end == start) {
		last->end = end;
		return;
	}
	if (mr->n_runs == READER_RUNS_MAX)
		return;
	if (mr->n_runs == mr->cap_runs) {
		mr->cap_runs = mr->cap_runs > 0 ? mr->cap_runs * 2 : 256;
		mr->runs = xreallocarray(mr->runs, mr->cap_runs, sizeof(*mr->runs));
	}
	mr->runs[mr->n_runs++] = (struct page_run){ start, end };
}

/* The page beside a run, where a file's page continues what is the process's own. */
static void
extend(struct memory_reader *mr)
{
	size_t first = regions_find(mr->regions, mr->run.start);
	size_t last = regions_find(mr->regions, mr->run.end - 1);
	uint64_t before = mr->run.start - PAGE_BYTES;
	size_t n = regions_n(mr->regions);
	const struct page_run *done = mr->n_runs > 0 ? &mr->runs[mr->n_runs - 1] : NULL;

	if (first < n && regions_at(mr->regions, first)->ino != 0 &&
	    regions_at(mr->regions, first)->start <= before &&
	    (done == NULL || done->end <= before) && pages_is_present(mr->pages, before))
		mr->run.start = before;
	if (last < n && regions_at(mr->regions, last)->ino != 0 &&
	    regions_at(mr->regions, last)->end > mr->run.end &&
	    pages_is_present(mr->pages, mr->run.end))
		mr->run.end += PAGE_BYTES;
}

/* Begin the next run; false when there is none. */
static bool
begin_run(struct memory_reader *mr)
{
	const struct page_run *done = mr->n_runs > 0 ? &mr->runs[mr->n_runs - 1] : NULL;

	while (!mr->is_at_end && mr->run.start >= mr->run.end) {
		if (pages_next(mr->pages, &mr->run) != MH_OK) {
			mr->is_at_end = true;
			tell_bad(mr);
			break;
		}
		extend(mr);
		/* A page that was read beside the run before. */
		if (done != NULL && mr->run.start < done->end)
			mr->run.start = done->end;
	}
	return mr->run.start < mr->run.end;
}

/* Take back what the unit that was handed out shares with the next one. */
static void
turn(struct memory_reader *mr)
{
	bool is_forced = false;

	if (mr->n_given == 0)
		return;
	if (mr->is_changed)
		mr->buffer[mr->changed] = mr->original;
	mr->is_changed = false;
	if (!mr->is_continued) {
		mr->len = 0;
		mr->n_given = 0;
		return;
	}
	size_t want = mr->n_given > mr->overlap ? mr->n_given - mr->overlap : 0;
	size_t keep = want > 2 ? border_of_start(mr->buffer, want, &is_forced) : 0;

	mr->len -= keep;
	mr->base += keep;
	memmove(mr->buffer, mr->buffer + keep, mr->len);
	/* The unit before had this byte as it is. */
	if (is_forced)
		mr->buffer[0] = 0;
	mr->n_given = 0;
}

/*
 * Read on behind what the buffer holds, up to the end of the unit or the first
 * page that cannot be read.  False when the run ends with what is there.
 */
static bool
read_on(struct memory_reader *mr)
{
	uint64_t at = mr->run.start;
	uint64_t stop = (at / UNIT_BYTES + 1) * UNIT_BYTES;

	if (stop > mr->run.end)
		stop = mr->run.end;
	size_t wanted = (size_t)(stop - at);
	size_t room = sizeof(mr->buffer) - mr->len;

	if (wanted > room)
		wanted = room & ~(size_t)(PAGE_BYTES - 1);
	size_t n = memory_read(mr->fd, at, mr->buffer + mr->len, wanted);

	/* Whole pages: a read that stops inside one was cut by its end. */
	n &= ~(size_t)(PAGE_BYTES - 1);
	if (n > 0)
		keep_run(mr, at, at + n);
	mr->len += n;
	mr->run.start += n;
	if (n == wanted)
		return mr->run.start < mr->run.end;
	pass_bad_page(mr, mr->run.start);
	mr->run.start += PAGE_BYTES;
	return false;
}

bool
memory_reader_next(struct memory_reader *mr, struct memory_unit *ret)
{
	bool is_forced = false;

	turn(mr);
	for (;;) {
		if (mr->len == 0) {
			if (!begin_run(mr))
				return false;
			mr->base = mr->run.start;
		}
		mr->is_continued = read_on(mr);
		/* The next run may go on where this one ended. */
		if (!mr->is_continued && mr->len > 0 && begin_run(mr) &&
		    mr->run.start == mr->base + mr->len)
			mr->is_continued = true;
		if (mr->len > 0)
			break;
	}
	size_t len = mr->len;

	if (mr->is_continued) {
		len = border_of_end(mr->buffer, mr->len - 1, &is_forced);
		if (is_forced) {
			mr->changed = len - 1;
			mr->original = mr->buffer[mr->changed];
			mr->buffer[mr->changed] = 0;
			mr->is_changed = true;
		}
	}
	mr->n_given = len;
	*ret = (struct memory_unit){ mr->base, mr->buffer, len };
	return true;
}

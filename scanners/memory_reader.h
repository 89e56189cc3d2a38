/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_MEMORY_READER_H
#define MH_SCANNERS_MEMORY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/note.h"
#include "scanners/pages.h"
#include "scanners/regions.h"

/*
 * Reads the own pages of a process in units, which libyara can search one by
 * one without losing or inventing a match at their borders.
 *
 * Only pread(2) on the descriptor of /proc/PID/mem: it stops nothing, shares
 * what is shared, and answers EIO where a page would have to wait for somebody
 * (process_vm_readv(2) breaks sharing and can hang).  A page that cannot be
 * read is left out, and told, unless it is gone.
 *
 * A unit ends where addresses that are a multiple of UNIT_BYTES do, give or
 * take BORDER_BYTES, and the next one begins overlap bytes before, so that a
 * string of at most that length lies wholly in one of them.  Borders are put
 * between characters of different kinds: "fullword" and \b then see at a
 * unit's start and end what they would have seen in the middle.  Inside a run
 * of word characters that is longer than BORDER_BYTES there is no such place:
 * the byte at the border is then a NUL in that unit (and itself in the other).
 * Processes forked from one another have equal units at equal addresses.
 */
enum {
	UNIT_BYTES = 256 * 1024,      /* fits into a core's second-level cache */
	UNIT_OVERLAP_MAX = 18 * 1024, /* the longest match, and two borders */
	BORDER_BYTES = 1024,
	/* Units of memory that run into each other; see memory_reader_runs(). */
	READER_RUNS_MAX = 1 << 20,
};

struct memory_unit {
	uint64_t base;       /* address */
	const uint8_t *data; /* borrowed until the next call */
	size_t len;
};

struct memory_reader;

/*
 * All is borrowed while it lives; what cannot be read is added to notes.
 * overlap is in bytes, at most UNIT_OVERLAP_MAX.  NULL when there is no memory
 * for its buffer.
 */
struct memory_reader *memory_reader_new(int mem_fd, struct pages *pages,
    const struct regions *regions, size_t overlap, struct note_list *notes);
void memory_reader_free(struct memory_reader *mr);
MH_DEFINE_CLEANUP(struct memory_reader, memory_reader_free);

/* The next unit; false at the end. */
bool memory_reader_next(struct memory_reader *mr, struct memory_unit *ret);

/* Bytes handed out, each once. */
uint64_t memory_reader_bytes(const struct memory_reader *mr);

/* What was read so far, by address: runs without a hole, borrowed. */
const struct page_run *memory_reader_runs(const struct memory_reader *mr, size_t *ret_n);

/*
 * Read len bytes at address, now.  The number of bytes up to the first that
 * cannot be read.
 */
size_t memory_read(int mem_fd, uint64_t address, void *to, size_t len);

/*
 * Where a unit may begin, and end, in the len bytes at data: the last good
 * place from want back to want - BORDER_BYTES; want itself when there is none,
 * with *ret_is_forced set.
 */
size_t border_of_start(const uint8_t *data, size_t want, bool *ret_is_forced);
size_t border_of_end(const uint8_t *data, size_t want, bool *ret_is_forced);

/* The nearest such places at or before, and at or behind; 0 and len at the ends. */
size_t border_before(const uint8_t *data, size_t from);
size_t border_behind(const uint8_t *data, size_t len, size_t from);

#endif

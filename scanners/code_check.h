/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_CODE_CHECK_H
#define MH_SCANNERS_CODE_CHECK_H

#include <stdint.h>

#include "records/clue.h"
#include "records/target.h"

/*
 * Compares code pages that a process has of its own with the file that they
 * came from, and says where they differ.
 *
 *	CODE_COPIED	equal: somebody wrote what was there, or a debugger took
 *			its breakpoint out; address and length of the range
 *	CODE_CHANGED	a run of bytes that differ: address, length; number is
 *			its offset in the file; what the symbol ("memcpy+0x12") or
 *			""; data and expected the bytes, at most CLUE_CODE_MAX
 *	CODE_RELOCATED	the same in a file whose code the loader relocates: ELF
 *			with text relocations, PE, where a run is no longer than
 *			an address
 *	CODE_MANY	changes that are not told, or pages that are not compared,
 *			because they are too many or the file has them no more:
 *			address of the first, length of the ranges that hold them
 */
enum {
	CODE_RUNS_MAX = 16, /* told of one range; the rest is counted */
	/* Changes of a process, after which no further range is compared. */
	CODE_TOLD_MAX = 16,
	/* CODE_COPIED, and CODE_RELOCATED, that are told of a process. */
	CODE_MILD_MAX = 4,
	/* Equal bytes between two runs that are told as one: instructions, not bytes. */
	CODE_RUN_GAP = 16,
	/* Bytes of one range that are compared; the largest public browser has 200 MB. */
	CODE_RANGE_MAX = 256 * 1024 * 1024,
	CODE_RELOCATION_MAX = 8, /* bytes of a relocation */
};

/* Bytes of one process that are compared: seconds. */
#define CODE_BYTES_MAX (2ull << 30)

typedef void code_clue_fn(void *ctx, const struct clue *c);

/* What became of one range. */
struct code_outcome {
	uint64_t compared_bytes;
	uint64_t unread_bytes; /* of memory: gone, or not readable */
	uint64_t
	    missing_bytes; /* of the file: pages that it has no more, or unreadable */
	uint64_t n_runs;   /* told or not */
	uint64_t n_left;   /* not told, and no relocations */
};

/*
 * Compare r of the memory behind mem_fd (/proc/PID/mem) with file_fd; both are
 * borrowed.  *c of a clue is borrowed during the call of on_clue.
 */
void code_check(int mem_fd, int file_fd, const struct code_range *r,
    code_clue_fn *on_clue, void *ctx, struct code_outcome *ret);

/*
 * Check all code ranges of t, whose descriptors are fds, and tell first what
 * changed, then what was left out, then what was equal or relocated: at most
 * CODE_TOLD_MAX + CODE_RUNS_MAX + 2 * CODE_MILD_MAX clues.  max_bytes is
 * CODE_BYTES_MAX, but in tests.
 */
void code_check_all(const struct target *t, const int *fds, uint64_t max_bytes,
    code_clue_fn *on_clue, void *ctx);

#endif

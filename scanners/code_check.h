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
 */
enum {
	CODE_RUNS_MAX = 16, /* told of one range; the rest is counted */
	/* Equal bytes between two runs that are told as one: instructions, not bytes. */
	CODE_RUN_GAP = 16,
	/* Bytes of one range that are compared; the largest public browser has 200 MB. */
	CODE_RANGE_MAX = 256 * 1024 * 1024,
	CODE_RELOCATION_MAX = 8, /* bytes of a relocation */
};

typedef void code_clue_fn(void *ctx, const struct clue *c);

/* What became of one range. */
struct code_outcome {
	uint64_t compared_bytes;
	uint64_t unread_bytes;  /* of memory: gone, or not readable */
	uint64_t missing_bytes; /* of the file: it is shorter now */
	uint64_t n_runs;        /* told or not */
};

/*
 * Compare r of the memory behind mem_fd (/proc/PID/mem) with file_fd; both are
 * borrowed.  *c of a clue is borrowed during the call of on_clue.
 */
void code_check(int mem_fd, int file_fd, const struct code_range *r,
    code_clue_fn *on_clue, void *ctx, struct code_outcome *ret);

#endif

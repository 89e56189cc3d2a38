/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: the memory of a process, and its program files.
 */
#include "scanners/code_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "scanners/symbols.h"

enum { STEP = 4096 }; /* bytes; no kernel has smaller pages */

/* One run of bytes that differ. */
struct run {
	uint64_t start; /* from the start of the range */
	uint64_t bytes;
	uint8_t seen[CLUE_CODE_MAX], expected[CLUE_CODE_MAX];
	uint32_t n_kept;
};

struct check {
	const struct code_range *range;
	struct run *runs; /* CODE_RUNS_MAX of them */
	size_t n;
	uint64_t last; /* where the last run ends, told or not */
	bool has_run;
	struct code_outcome *outcome;
};

static ssize_t
read_some(int fd, void *to, size_t len, uint64_t at)
{
	ssize_t n = 0;

	if (at > INT64_MAX)
		return -1;
	do {
		n = pread(fd, to, len, (off_t)at);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* A byte at this place differs: it begins a run or belongs to the last one. */
static void
note_byte(struct check *k, uint64_t at)
{
	if (!k->has_run || at - k->last > CODE_RUN_GAP) {
		k->outcome->n_runs++;
		k->has_run = true;
		if (k->outcome->n_runs <= CODE_RUNS_MAX)
			k->runs[k->n++] = (struct run){ .start = at };
	}
	k->last = at + 1;
	if (k->outcome->n_runs <= CODE_RUNS_MAX)
		k->runs[k->n - 1].bytes = k->last - k->runs[k->n - 1].start;
}

/* Keep what the runs that reach into this step have there, up to their present end. */
static void
keep_bytes(struct check *k, uint64_t start, const uint8_t *seen, const uint8_t *expected,
    size_t len)
{
	for (size_t i = k->n; i > 0; i--) {
		struct run *r = &k->runs[i - 1];
		uint64_t next = r->start + r->n_kept;

		if (r->start + r->bytes <= start)
			break;
		while (r->n_kept < CLUE_CODE_MAX && r->n_kept < r->bytes &&
		       next >= start && next - start < len) {
			r->seen[r->n_kept] = seen[next - start];
			r->expected[r->n_kept++] = expected[next - start];
			next++;
		}
	}
}

static void
compare_step(struct check *k, int mem_fd, int file_fd, uint64_t at, size_t len)
{
	uint8_t seen[STEP];
	uint8_t expected[STEP];
	ssize_t n = read_some(mem_fd, seen, len, k->range->start + at);
	ssize_t n_file = -1;

	/* EIO: the page is gone or not to be read.  The next one may be there. */
	if (n <= 0) {
		k->outcome->unread_bytes += len;
		return;
	}
	n_file = read_some(file_fd, expected, (size_t)n, k->range->offset + at);
	if (n_file < n) {
		k->outcome->missing_bytes += (uint64_t)(n - (n_file > 0 ? n_file : 0));
		n = n_file > 0 ? n_file : 0;
	}
	k->outcome->compared_bytes += (uint64_t)n;
	if (memcmp(seen, expected, (size_t)n) == 0)
		return;
	for (ssize_t i = 0; i < n; i++) {
		if (seen[i] != expected[i])
			note_byte(k, at + (uint64_t)i);
	}
	keep_bytes(k, at, seen, expected, (size_t)n);
}

/* A relocation changes an address; what is longer, or an opcode, is no relocation. */
static bool
may_be_relocation(const struct image_facts *facts, const struct run *r)
{
	return (facts->has_text_relocations || facts->is_pe) &&
	       r->bytes <= CODE_RELOCATION_MAX;
}

static void
tell_run(const struct check *k, const struct run *r, const struct symbol_query *q,
    const struct image_facts *facts, code_clue_fn *on_clue, void *ctx)
{
	struct clue c = { .kind = may_be_relocation(facts, r) ? CLUE_CODE_RELOCATED
							      : CLUE_CODE_CHANGED,
		.address = k->range->start + r->start,
		.length = r->bytes,
		.number = k->range->offset + r->start,
		.n_data = r->n_kept,
		.n_expected = r->n_kept };

	c.data = xmemdup(r->seen, r->n_kept);
	c.expected = xmemdup(r->expected, r->n_kept);
	c.what =
	    q->is_found ? xasprintf("%s+0x%" PRIx64, q->name, q->behind) : xstrdup("");
	on_clue(ctx, &c);
	clue_clear(&c);
}

static void
tell(const struct check *k, int file_fd, code_clue_fn *on_clue, void *ctx)
{
	MH_CLEANUP(freep)
	struct symbol_query *queries = xcalloc(k->n + 1, sizeof(*queries));
	struct image_facts facts;

	if (k->n == 0) {
		char none[] = "";
		const struct clue c = { .kind = CLUE_CODE_COPIED,
			.address = k->range->start,
			.length = k->outcome->compared_bytes,
			.number = k->range->offset,
			.what = none };

		if (k->outcome->compared_bytes > 0)
			on_clue(ctx, &c);
		return;
	}
	for (size_t i = 0; i < k->n; i++)
		queries[i].offset = k->range->offset + k->runs[i].start;
	symbols_find(file_fd, queries, k->n);
	image_read_facts(file_fd, &facts);
	for (size_t i = 0; i < k->n; i++)
		tell_run(k, &k->runs[i], &queries[i], &facts, on_clue, ctx);
}

void
code_check(int mem_fd, int file_fd, const struct code_range *r, code_clue_fn *on_clue,
    void *ctx, struct code_outcome *ret)
{
	MH_CLEANUP(freep) struct run *runs = xcalloc(CODE_RUNS_MAX, sizeof(*runs));
	struct check k = { .range = r, .runs = runs, .outcome = ret };
	uint64_t bytes = r->end > r->start ? r->end - r->start : 0;

	memset(ret, 0, sizeof(*ret));
	if (bytes > CODE_RANGE_MAX) {
		ret->unread_bytes = bytes - CODE_RANGE_MAX;
		bytes = CODE_RANGE_MAX;
	}
	for (uint64_t at = 0; at < bytes; at += STEP)
		compare_step(&k, mem_fd, file_fd, at,
		    bytes - at < STEP ? (size_t)(bytes - at) : STEP);
	tell(&k, file_fd, on_clue, ctx);
}

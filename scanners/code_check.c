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
	uint64_t start;       /* of the last run */
	uint64_t n_long_left; /* runs that are not told and too long for relocations */
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

/* The last run is over; when it is not told, its length counts. */
static void
end_run(struct check *k)
{
	if (k->outcome->n_runs > CODE_RUNS_MAX &&
	    k->last - k->start > CODE_RELOCATION_MAX)
		k->n_long_left++;
}

/* A byte at this place differs: it begins a run or belongs to the last one. */
static void
note_byte(struct check *k, uint64_t at)
{
	if (!k->has_run || at - k->last > CODE_RUN_GAP) {
		if (k->has_run)
			end_run(k);
		k->outcome->n_runs++;
		k->has_run = true;
		k->start = at;
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
	/* Behind the end of the file, its last page has zeros. */
	if (n_file > 0 && n_file < n) {
		memset(expected + n_file, 0, (size_t)(n - n_file));
		n_file = n;
	}
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
tell(struct check *k, int file_fd, code_clue_fn *on_clue, void *ctx)
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
	end_run(k);
	if (k->outcome->n_runs > CODE_RUNS_MAX)
		k->outcome->n_left = facts.has_text_relocations || facts.is_pe
					 ? k->n_long_left
					 : k->outcome->n_runs - CODE_RUNS_MAX;
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

/* What is told of all ranges. */
struct report {
	code_clue_fn *on_clue;
	void *ctx;
	unsigned n_changed;
	struct clue mild[2 * CODE_MILD_MAX]; /* told last */
	unsigned n_mild;
	uint64_t left_at, left; /* not told or not compared; left is 0: nothing */
};

static void
leave(struct report *p, uint64_t at, uint64_t bytes)
{
	if (p->left == 0)
		p->left_at = at;
	if (__builtin_add_overflow(p->left, bytes, &p->left))
		p->left = UINT64_MAX;
}

static void
report_clue(void *ctx, const struct clue *c)
{
	struct report *p = ctx;
	unsigned n_alike = 0;

	if (c->kind == CLUE_CODE_CHANGED) {
		p->n_changed++;
		p->on_clue(p->ctx, c);
		return;
	}
	for (unsigned i = 0; i < p->n_mild; i++)
		n_alike += p->mild[i].kind == c->kind;
	if (n_alike < CODE_MILD_MAX)
		clue_copy(c, &p->mild[p->n_mild++]);
}

static void
finish(struct report *p)
{
	char none[] = "";
	const struct clue many = { .kind = CLUE_CODE_MANY,
		.address = p->left_at,
		.length = p->left,
		.what = none };

	if (p->left > 0)
		p->on_clue(p->ctx, &many);
	for (unsigned i = 0; i < p->n_mild; i++) {
		p->on_clue(p->ctx, &p->mild[i]);
		clue_clear(&p->mild[i]);
	}
}

void
code_check_all(const struct target *t, const int *fds, uint64_t max_bytes,
    code_clue_fn *on_clue, void *ctx)
{
	struct report p = { .on_clue = on_clue, .ctx = ctx };
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->n_codes; i++) {
		const struct code_range *r = &t->codes[i];
		uint64_t bytes = r->end > r->start ? r->end - r->start : 0;
		struct code_outcome outcome;

		if (p.n_changed >= CODE_TOLD_MAX || bytes > max_bytes - sum) {
			leave(&p, r->start, bytes);
			continue;
		}
		sum += bytes;
		code_check(fds[MEMORY_FD_MEM], fds[MEMORY_FD_CODES + r->file], r,
		    report_clue, &p, &outcome);
		if (outcome.n_left > 0 || outcome.missing_bytes > 0)
			leave(&p, r->start, bytes);
		else if (bytes > CODE_RANGE_MAX)
			leave(&p, r->start + CODE_RANGE_MAX, bytes - CODE_RANGE_MAX);
	}
	if (t->codes_left > 0)
		leave(&p, t->codes_left_at, t->codes_left);
	finish(&p);
}

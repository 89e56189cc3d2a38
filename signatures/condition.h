/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_CONDITION_H
#define MH_SIGNATURES_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether a rule's condition can be true in the memory of a process.
 *
 * Answers soundly, not completely: NEEDS_NOTHING is said of every condition
 * that may be true there, and of all that is not understood.  Another answer
 * is a proof that it cannot be, under these terms of the scan (docs/RULES.md,
 * "Rules in memory"):
 *
 * - blocks carry their true address, none lies below CONDITION_LOWEST_ADDRESS;
 * - there is no file size (YR_MEMORY_BLOCK_ITERATOR.file_size is NULL);
 * - flags hold SCAN_FLAGS_PROCESS_MEMORY;
 * - modules are loaded without blocks;
 * - the externals but owner are empty.
 *
 * The semantics are those of libyara 4.2.3 and 4.5.8 (libyara/exec.c): what is
 * undefined makes arithmetic, reads, comparisons and calls undefined; "and" and
 * "or" take it for false; "not" of it is not true, but "not" of an "and" of it
 * is.  So "not" and "defined" may always be true here, as may "for".
 */
enum {
	/* Bytes: vm.mmap_min_addr as shipped; below, nothing can be mapped. */
	CONDITION_LOWEST_ADDRESS = 65536,
	/* Parentheses and operators in each other; beyond, it is not understood. */
	CONDITION_DEPTH_MAX = 256,
};

enum condition_need {
	NEEDS_NOTHING,
	NEEDS_FILE_SIZE,
	NEEDS_BYTES,    /* those at a fixed offset of the file */
	NEEDS_PLACE,    /* a string at a fixed offset of the file */
	NEEDS_MODULE,   /* name */
	NEEDS_EXTERNAL, /* name */
	NEEDS_RULE,     /* name: another one that cannot match there */
	NEEDS_LUCK,     /* it is false everywhere */
};

/* What a condition needs that memory does not have. */
struct condition_reason {
	enum condition_need need;
	const char *name; /* borrowed from the text, where the need has one */
	size_t name_len;
};

/* Whether the rule of that name, of the same file, cannot match in memory. */
typedef bool condition_rule_fn(void *ctx, const char *name, size_t len);

/* Input: hostile.  The text is what stands between "condition:" and "}". */
struct condition_reason condition_in_memory(const char *text, size_t len,
    condition_rule_fn *is_impossible, void *ctx);

#endif

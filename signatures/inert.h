/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INERT_H
#define MH_SIGNATURES_INERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "signatures/manifest.h"

/*
 * Inert samples, made in memory from a manifest.  None is, or contains, a program:
 * each is a container of the right type that nothing can run (an ELF header without
 * program headers, a PE header without sections) and carries documented strings
 * and the words INERT-TEST-SAMPLE.  tools/make_samples.py writes the same as files.
 */

/* The bytes that a sample carries. */
struct inert_value {
	const uint8_t *bytes;
	size_t len;
};

struct inert_sample {
	int container; /* enum manifest_container, not CONTAINER_SAME */
	const struct inert_value *values;
	size_t n_values;
	uint64_t pad;       /* bytes of zero between values; 0: as little as parts them */
	unsigned shift;     /* bytes by which all values lie later */
	uint64_t min_bytes; /* padded with zeros to that size */
};

enum { INERT_HEADER_BYTES = 16 }; /* what a program is told by: zeroed by a mutation */

/* Append the sample; check buf_error(). */
void inert_build(const struct inert_sample *sample, struct buf *b);

/* What quotes strings and is no implant. */
enum near_miss {
	NEAR_REPORT, /* the text of a report */
	NEAR_PAGE,   /* the same in HTML */
	NEAR_LIST,   /* an export of indicators */
	NEAR_LOG,    /* what a system logs about an alarm */
	NEAR_CORE,   /* a core file of a program that reads about it */
	NEAR_MAX_
};
void inert_near_miss(enum near_miss kind, const struct inert_value *values, size_t n,
    struct buf *b);
const char *near_miss_name(enum near_miss kind);

#endif

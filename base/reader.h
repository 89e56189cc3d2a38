/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_READER_H
#define MH_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads what base/buf.h writes, from bytes that may be hostile.
 *
 * A read past the end yields zero (or an empty string) and sets the sticky
 * failure, which the caller checks once, at the end, with reader_is_done().
 */
struct reader {
	const uint8_t *at;
	size_t left; /* bytes */
	bool failed;
};

/* Read the len bytes at p, which are borrowed while r is used. */
void reader_init(struct reader *r, const void *p, size_t len);

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/*
 * A 32-bit count of things that take at least one byte each, at most max.  Zero
 * when it fails: when it is larger, or more than there are bytes left.
 */
uint32_t reader_count(struct reader *r, uint32_t max);

/* n raw bytes, borrowed from the input; NULL (failed) when not there. */
const uint8_t *reader_raw(struct reader *r, size_t n);

/* A length and that many bytes, borrowed; at most max, else failed. */
const uint8_t *reader_bytes(struct reader *r, size_t max, size_t *ret_len);

/*
 * A length and that many bytes as a new NUL-terminated string.  Fails when
 * longer than max or when it holds a NUL.  Never NULL; caller frees.
 */
char *reader_string(struct reader *r, size_t max);

/* Whether nothing failed so far. */
bool reader_is_ok(const struct reader *r);
/* Whether nothing failed and nothing is left. */
bool reader_is_done(const struct reader *r);

#endif

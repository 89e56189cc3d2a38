/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_BUF_H
#define MH_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * A growing byte buffer with a maximum, and the writer half of our binary
 * encoding (base/reader.h is the other).  Integers are little endian; strings
 * and byte strings carry a 32-bit length.
 *
 * A put that would pass the maximum leaves the buffer as it was and sets its
 * sticky error, so that a caller may put many things and check once with
 * buf_error().
 */
struct buf;

/* An empty buffer of at most max bytes.  Caller frees with buf_free(). */
struct buf *buf_new(size_t max);
void buf_free(struct buf *b);
MH_DEFINE_CLEANUP(struct buf, buf_free);

/* Forget the content and the error; the memory is kept. */
void buf_reset(struct buf *b);

/* Keep the first len bytes, which must be there, and forget the error. */
void buf_truncate(struct buf *b, size_t len);

/* The content, borrowed until the next put; never NULL, NUL-terminated. */
const uint8_t *buf_data(const struct buf *b);
const char *buf_string(const struct buf *b);
size_t buf_len(const struct buf *b);

/* Bytes that still fit. */
size_t buf_room(const struct buf *b);

/* MH_OK, or MH_ERR_TOOBIG when some put did not fit. */
mh_err buf_error(const struct buf *b);

void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);

/* Length, then the bytes. */
void buf_put_bytes(struct buf *b, const void *p, size_t len);
/* As buf_put_bytes() of a NUL-terminated string without its NUL. */
void buf_put_string(struct buf *b, const char *s);

/* Text without a length, for human output and JSON. */
void buf_add(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) MH_PRINTF(2, 3);

/* Make room for len bytes and return where they go; NULL (sticky) past max. */
uint8_t *buf_reserve(struct buf *b, size_t len);
/* Count len bytes, written after buf_reserve(), as content. */
void buf_commit(struct buf *b, size_t len);

/* The content as a malloc(3)ed block with a NUL behind it; b is empty then. */
uint8_t *buf_take(struct buf *b, size_t *ret_len);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BUF_FIRST_BYTES = 256 };

struct buf {
	uint8_t *data; /* NULL, or cap bytes */
	size_t len;    /* < cap when data is there: a NUL follows the content */
	size_t cap;
	size_t max; /* of len */
	mh_err err;
};

struct buf *
buf_new(size_t max)
{
	assert(max < SIZE_MAX / 4);
	struct buf *b = xcalloc(1, sizeof(*b));

	b->max = max;
	return b;
}

void
buf_free(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->data);
	free(b);
}

void
buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
}

void
buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	b->err = MH_OK;
	if (b->data != NULL)
		b->data[len] = 0;
}

const uint8_t *
buf_data(const struct buf *b)
{
	return b->data != NULL ? b->data : (const uint8_t *)"";
}

const char *
buf_string(const struct buf *b)
{
	return (const char *)buf_data(b);
}

size_t
buf_len(const struct buf *b)
{
	return b->len;
}

size_t
buf_room(const struct buf *b)
{
	return b->max - b->len;
}

mh_err
buf_error(const struct buf *b)
{
	return b->err;
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	if (b->err != MH_OK || len > buf_room(b)) {
		b->err = MH_ERR_TOOBIG;
		return NULL;
	}
	size_t need = b->len + len + 1;
	if (need > b->cap) {
		size_t cap = b->cap > 0 ? b->cap : BUF_FIRST_BYTES;

		while (cap < need)
			cap *= 2;
		b->data = xreallocarray(b->data, cap, 1);
		b->data[b->len] = 0;
		b->cap = cap;
	}
	return b->data + b->len;
}

void
buf_commit(struct buf *b, size_t len)
{
	assert(b->len + len < b->cap);
	b->len += len;
	b->data[b->len] = 0;
}

void
buf_put(struct buf *b, const void *p, size_t len)
{
	uint8_t *at = buf_reserve(b, len);

	if (at == NULL)
		return;
	if (len > 0)
		memcpy(at, p, len);
	buf_commit(b, len);
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_put(b, bytes, n);
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	put_le(b, v, 1);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void
buf_put_bytes(struct buf *b, const void *p, size_t len)
{
	/* Both or neither, so that a failed put changes nothing. */
	if (len > UINT32_MAX || buf_room(b) < len + 4) {
		b->err = MH_ERR_TOOBIG;
		return;
	}
	buf_put_u32(b, (uint32_t)len);
	buf_put(b, p, len);
}

void
buf_put_string(struct buf *b, const char *s)
{
	buf_put_bytes(b, s, strlen(s));
}

void
buf_add(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);

	uint8_t *at = buf_reserve(b, (size_t)n);
	if (at == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_commit(b, (size_t)n);
}

uint8_t *
buf_take(struct buf *b, size_t *ret_len)
{
	(void)buf_reserve(b, 0);
	if (b->data == NULL)
		b->data = xcalloc(1, 1);
	*ret_len = b->len;
	b->data[b->len] = 0;
	b->len = 0;
	b->cap = 0;
	b->err = MH_OK;
	return MH_TAKE(b->data);
}

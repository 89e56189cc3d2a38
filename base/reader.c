/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "base/reader.h"

#include <string.h>

#include "base/memory.h"

void
reader_init(struct reader *r, const void *p, size_t len)
{
	r->at = p;
	r->left = len;
	r->failed = false;
}

uint32_t
reader_count(struct reader *r, uint32_t max)
{
	uint32_t n = reader_u32(r);

	if (n > max || n > r->left)
		r->failed = true;
	return r->failed ? 0 : n;
}

const uint8_t *
reader_raw(struct reader *r, size_t n)
{
	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->at;

	r->at += n;
	r->left -= n;
	return p;
}

static uint64_t
read_le(struct reader *r, size_t n)
{
	const uint8_t *p = reader_raw(r, n);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = n; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)read_le(r, 1);
}

uint16_t
reader_u16(struct reader *r)
{
	return (uint16_t)read_le(r, 2);
}

uint32_t
reader_u32(struct reader *r)
{
	return (uint32_t)read_le(r, 4);
}

uint64_t
reader_u64(struct reader *r)
{
	return read_le(r, 8);
}

const uint8_t *
reader_bytes(struct reader *r, size_t max, size_t *ret_len)
{
	size_t len = reader_u32(r);

	if (len > max)
		r->failed = true;
	const uint8_t *p = reader_raw(r, len);

	*ret_len = p != NULL ? len : 0;
	return p;
}

char *
reader_string(struct reader *r, size_t max)
{
	size_t len = 0;
	const uint8_t *p = reader_bytes(r, max, &len);

	if (p == NULL)
		return xstrdup("");
	if (memchr(p, 0, len) != NULL) {
		r->failed = true;
		return xstrdup("");
	}
	return xstrndup((const char *)p, len);
}

bool
reader_is_ok(const struct reader *r)
{
	return !r->failed;
}

bool
reader_is_done(const struct reader *r)
{
	return !r->failed && r->left == 0;
}

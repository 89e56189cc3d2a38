/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of gzip_unpack(): hostile. */
#include "transport/gzip.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

enum {
	STEP_BYTES = 64 * 1024,
	FIRST_MIN = 1024,
	FIRST_MAX = 4 * 1024 * 1024,
	RATIO_USUAL = 64,      /* of text like ours: 10 to 60 */
	WINDOW_GZIP = 15 + 16, /* zlib.h: 16 asks for the gzip wrapper */
	LEVEL = 6,
	MEM_LEVEL = 8,
};

/*
 * Run fn over all input of z, growing out, the first time by first bytes; the
 * result of its last call.
 */
static int
pump(z_stream *z, int (*fn)(z_stream *, int), int flush, size_t first, struct buf *out)
{
	int result = Z_OK;
	size_t step = first;

	for (; result == Z_OK; step = STEP_BYTES) {
		size_t room = buf_room(out) < step ? buf_room(out) : step;
		Bytef probe;

		/* Without room left a single byte tells the end from too much. */
		z->next_out = room > 0 ? buf_reserve(out, room) : &probe;
		z->avail_out = room > 0 ? (uInt)room : 1;
		result = fn(z, flush);
		if (room == 0 && z->avail_out == 0)
			return Z_MEM_ERROR;
		if (room > 0)
			buf_commit(out, room - z->avail_out);
	}
	return result;
}

mh_err
gzip_pack(const void *p, size_t len, struct buf *out)
{
	z_stream z;
	size_t before = buf_len(out);
	int result;

	assert(len <= UINT_MAX);
	memset(&z, 0, sizeof(z));
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return MH_ERR_MEMORY;
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)len;
	result = pump(&z, deflate, Z_FINISH, STEP_BYTES, out);
	(void)deflateEnd(&z);
	if (result == Z_STREAM_END)
		return MH_OK;
	buf_truncate(out, before);
	return MH_ERR_TOOBIG;
}

/*
 * What the last four bytes say about the size (RFC 1952), as far as it is worth
 * believing: a wrong number costs a step more, or some memory for a moment.
 */
static size_t
claimed_size(const uint8_t *p, size_t len)
{
	size_t size = 0;

	for (size_t i = 0; i < 4 && len >= 4; i++)
		size |= (size_t)p[len - 4 + i] << (8 * i);
	/* One more, so that zlib sees the end at once. */
	size++;
	if (size > len * RATIO_USUAL || size > FIRST_MAX)
		return STEP_BYTES;
	return size > FIRST_MIN ? size : FIRST_MIN;
}

mh_err
gzip_unpack(const void *p, size_t len, struct buf *out)
{
	z_stream z;
	size_t before = buf_len(out);
	int result;

	assert(len <= UINT_MAX);
	memset(&z, 0, sizeof(z));
	if (inflateInit2(&z, WINDOW_GZIP) != Z_OK)
		return MH_ERR_MEMORY;
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)len;
	result = pump(&z, inflate, Z_NO_FLUSH, claimed_size(p, len), out);
	(void)inflateEnd(&z);
	if (result == Z_STREAM_END && z.avail_in == 0)
		return MH_OK;
	buf_truncate(out, before);
	return result == Z_MEM_ERROR ? MH_ERR_TOOBIG : MH_ERR_FORMAT;
}

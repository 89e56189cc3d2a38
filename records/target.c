/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/target.h"

#include <stdlib.h>
#include <string.h>

void
target_clear(struct target *t)
{
	free(t->path);
	free(t->owner);
	t->path = NULL;
	t->owner = NULL;
}

void
target_encode(const struct target *t, struct buf *b)
{
	buf_put_u64(b, t->id);
	buf_put_string(b, t->path);
	buf_put_string(b, t->owner);
	buf_put_u64(b, t->dev);
	buf_put_u64(b, t->ino);
	buf_put_u64(b, t->size);
	buf_put_u32(b, t->mode);
	buf_put_u32(b, t->uid);
	buf_put_u32(b, t->gid);
	buf_put_u32(b, t->nlink);
	buf_put_u64(b, (uint64_t)t->mtime_ns);
	buf_put_u64(b, (uint64_t)t->ctime_ns);
}

void
target_decode(struct reader *r, struct target *ret)
{
	ret->id = reader_u64(r);
	ret->path = reader_string(r, PATH_BYTES_MAX);
	ret->owner = reader_string(r, OWNER_BYTES_MAX);
	ret->dev = reader_u64(r);
	ret->ino = reader_u64(r);
	ret->size = reader_u64(r);
	ret->mode = reader_u32(r);
	ret->uid = reader_u32(r);
	ret->gid = reader_u32(r);
	ret->nlink = reader_u32(r);
	ret->mtime_ns = (int64_t)reader_u64(r);
	ret->ctime_ns = (int64_t)reader_u64(r);
}

bool
path_is_cut(const char *path)
{
	size_t gap = sizeof(PATH_GAP) - 1;

	return strlen(path) == PATH_HEAD_BYTES + gap + PATH_TAIL_BYTES &&
	       memcmp(path + PATH_HEAD_BYTES, PATH_GAP, gap) == 0;
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

const char *
path_extension(const char *path)
{
	const char *base = path_base(path);
	const char *dot = strrchr(base, '.');

	return dot != NULL && dot != base ? dot : "";
}

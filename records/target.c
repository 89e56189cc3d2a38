/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
target_clear(struct target *t)
{
	free(t->path);
	free(t->owner);
	free(t->codes);
	free(t->program);
	free(t->sockets);
	t->program = NULL;
	t->sockets = NULL;
	t->n_sockets = 0;
	t->path = NULL;
	t->owner = NULL;
	t->codes = NULL;
	t->n_codes = 0;
	t->n_code_files = 0;
}

void
target_copy(const struct target *t, struct target *ret)
{
	*ret = *t;
	ret->path = xstrdup(t->path);
	ret->owner = xstrdup(t->owner);
	ret->codes = xmemdup(t->codes, t->n_codes * sizeof(*t->codes));
	ret->program = t->program != NULL ? xstrdup(t->program) : NULL;
	ret->sockets = xmemdup(t->sockets, t->n_sockets * sizeof(*t->sockets));
}

static void
encode_process(const struct target *t, struct buf *b)
{
	buf_put_string(b, t->program != NULL ? t->program : "");
	buf_put_u32(b, t->n_sockets);
	for (uint32_t i = 0; i < t->n_sockets; i++)
		process_socket_encode(&t->sockets[i], b);
	buf_put_u32(b, t->n_sockets_left);
}

void
target_encode(const struct target *t, struct buf *b)
{
	buf_put_u64(b, t->id);
	buf_put_u8(b, (uint8_t)t->kind);
	buf_put_u8(b, t->n_fds);
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
	buf_put_u8(b, t->is_lasting);
	buf_put_u32(b, (uint32_t)t->pid);
	buf_put_u64(b, t->start_ticks);
	buf_put_u8(b, t->keeps_holes);
	buf_put_u8(b, t->reads_shared);
	buf_put_u32(b, t->n_codes);
	for (uint32_t i = 0; i < t->n_codes; i++) {
		buf_put_u64(b, t->codes[i].start);
		buf_put_u64(b, t->codes[i].end);
		buf_put_u64(b, t->codes[i].offset);
		buf_put_u32(b, t->codes[i].file);
	}
	buf_put_u8(b, t->n_code_files);
	buf_put_u64(b, t->codes_left);
	buf_put_u64(b, t->codes_left_at);
	if (t->kind == TARGET_PROCESS)
		encode_process(t, b);
}

/* Descriptors that a target of that kind has. */
static unsigned
n_fds_of(const struct target *t)
{
	if (t->kind == TARGET_NAME || t->kind == TARGET_PROCESS)
		return 0;
	return t->kind == TARGET_MEMORY ? MEMORY_FD_CODES + t->n_code_files : 1;
}

static void
decode_codes(struct reader *r, struct target *t)
{
	t->n_codes = reader_u32(r);
	if (t->n_codes > TARGET_CODES_MAX) {
		r->failed = true;
		t->n_codes = 0;
	}
	t->codes = xcalloc(t->n_codes, sizeof(*t->codes));
	uint32_t file_max = 0;

	for (uint32_t i = 0; i < t->n_codes; i++) {
		t->codes[i].start = reader_u64(r);
		t->codes[i].end = reader_u64(r);
		t->codes[i].offset = reader_u64(r);
		t->codes[i].file = reader_u32(r);
		if (t->codes[i].start > t->codes[i].end)
			r->failed = true;
		if (t->codes[i].file > file_max)
			file_max = t->codes[i].file;
	}
	t->n_code_files = reader_u8(r);
	if (t->n_code_files > TARGET_CODE_FILES_MAX ||
	    (t->n_codes > 0 && file_max >= t->n_code_files))
		r->failed = true;
	t->codes_left = reader_u64(r);
	t->codes_left_at = reader_u64(r);
}

static void
decode_process(struct reader *r, struct target *t)
{
	t->program = reader_string(r, PATH_BYTES_MAX);
	t->n_sockets = reader_count(r, PROCESS_SOCKETS_MAX);
	t->sockets = xcalloc(t->n_sockets, sizeof(*t->sockets));
	for (uint32_t i = 0; i < t->n_sockets; i++)
		process_socket_decode(r, &t->sockets[i]);
	t->n_sockets_left = reader_u32(r);
}

void
target_decode(struct reader *r, struct target *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u64(r);
	uint8_t kind = reader_u8(r);

	ret->n_fds = reader_u8(r);
	if (kind < TARGET_FILE || kind >= TARGET_KIND_MAX_)
		r->failed = true;
	else
		ret->kind = (enum target_kind)kind;
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
	ret->is_lasting = reader_u8(r) != 0;
	ret->pid = (int32_t)reader_u32(r);
	ret->start_ticks = reader_u64(r);
	ret->keeps_holes = reader_u8(r) != 0;
	ret->reads_shared = reader_u8(r) != 0;
	decode_codes(r, ret);
	if (ret->kind == TARGET_PROCESS)
		decode_process(r, ret);
	if (ret->n_fds != n_fds_of(ret))
		r->failed = true;
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

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/walk.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
	MAY_CROSS = 1u << 0,
	MAY_USE_NETWORK = 1u << 1,
	IS_COUNT = 1u << 2,
	IS_CAREFUL = 1u << 3,
	HAS_TABLE = 1u << 4,
	ARE_PATTERNS = 1u << 5,
	WANTS_NAMES = 1u << 6
};

static void
free_list(char **list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void
walk_request_clear(struct walk_request *w)
{
	free(w->resume);
	free_list(w->roots, w->n_roots);
	free_list(w->excludes, w->n_excludes);
	free_list(w->only, w->n_only);
	free_list(w->avoids, w->n_avoids);
	memset(w, 0, sizeof(*w));
}

static void
encode_list(char *const *list, uint32_t n, struct buf *b)
{
	buf_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		buf_put_string(b, list[i]);
}

static char **
decode_list(struct reader *r, uint32_t max, size_t max_bytes, uint32_t *ret_n)
{
	uint32_t n = reader_u32(r);
	size_t before = r->left;
	char **list = NULL;

	if (n > max || n > r->left)
		r->failed = true;
	*ret_n = r->failed ? 0 : n;
	list = xcalloc(*ret_n, sizeof(*list));
	for (uint32_t i = 0; i < *ret_n; i++)
		list[i] = reader_string(r, PATH_BYTES_MAX);
	if (!r->failed && before - r->left > max_bytes)
		r->failed = true;
	return list;
}

void
walk_request_encode(const struct walk_request *w, struct buf *b)
{
	buf_put_u32(b, w->id);
	buf_put_u8(b,
	    (uint8_t)((w->may_cross ? MAY_CROSS : 0) |
		      (w->may_use_network ? MAY_USE_NETWORK : 0) |
		      (w->is_count ? IS_COUNT : 0) | (w->is_careful ? IS_CAREFUL : 0) |
		      (w->has_table ? HAS_TABLE : 0) |
		      (w->are_patterns ? ARE_PATTERNS : 0) |
		      (w->wants_names ? WANTS_NAMES : 0)));
	buf_put_string(b, w->resume != NULL ? w->resume : "");
	encode_list(w->excludes, w->n_excludes, b);
	encode_list(w->roots, w->n_roots, b);
	encode_list(w->only, w->n_only, b);
	encode_list(w->avoids, w->n_avoids, b);
	buf_put_u64(b, (uint64_t)w->changed_since_ns);
}

void
walk_request_decode(struct reader *r, struct walk_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	uint8_t flags = reader_u8(r);

	ret->may_cross = (flags & MAY_CROSS) != 0;
	ret->may_use_network = (flags & MAY_USE_NETWORK) != 0;
	ret->is_count = (flags & IS_COUNT) != 0;
	ret->is_careful = (flags & IS_CAREFUL) != 0;
	ret->has_table = (flags & HAS_TABLE) != 0;
	ret->are_patterns = (flags & ARE_PATTERNS) != 0;
	ret->wants_names = (flags & WANTS_NAMES) != 0;
	ret->resume = reader_string(r, PATH_BYTES_MAX);
	ret->excludes =
	    decode_list(r, WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX, &ret->n_excludes);
	ret->roots = decode_list(r, WALK_ROOTS_MAX, SIZE_MAX, &ret->n_roots);
	ret->only =
	    decode_list(r, WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX, &ret->n_only);
	ret->avoids =
	    decode_list(r, WALK_AVOIDS_MAX, WALK_AVOIDS_BYTES_MAX, &ret->n_avoids);
	ret->changed_since_ns = (int64_t)reader_u64(r);
}

void
walk_progress_clear(struct walk_progress *p)
{
	free(p->path);
	p->path = NULL;
}

void
walk_progress_encode(const struct walk_progress *p, struct buf *b)
{
	buf_put_u32(b, p->id);
	buf_put_u64(b, p->n_files);
	buf_put_u64(b, p->n_bytes);
	buf_put_u64(b, p->n_folders);
	buf_put_u8(b, p->at);
	for (unsigned i = 0; i < REASON_MAX_; i++)
		buf_put_u64(b, p->skipped[i]);
	buf_put_string(b, p->path != NULL ? p->path : "");
}

void
walk_progress_decode(struct reader *r, struct walk_progress *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->n_files = reader_u64(r);
	ret->n_bytes = reader_u64(r);
	ret->n_folders = reader_u64(r);
	ret->at = reader_u8(r);
	if (ret->at >= PROGRESS_AT_MAX_)
		r->failed = true;
	for (unsigned i = 0; i < REASON_MAX_; i++)
		ret->skipped[i] = reader_u64(r);
	ret->path = reader_string(r, PATH_BYTES_MAX);
}

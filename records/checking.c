/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/checking.h"

#include <stdlib.h>

#include "records/limits.h"

void
check_file_clear(struct check_file *f)
{
	free(f->name_space);
	free(f->path);
	*f = (struct check_file){ .path = NULL };
}

void
check_file_encode(const struct check_file *f, struct buf *b)
{
	buf_put_string(b, f->name_space);
	buf_put_string(b, f->path);
	buf_put_u8(b, f->is_own);
}

void
check_file_decode(struct reader *r, struct check_file *ret)
{
	ret->name_space = reader_string(r, NAMESPACE_MAX);
	ret->path = reader_string(r, PATH_BYTES_MAX);
	ret->is_own = reader_u8(r) != 0;
}

void
check_beside_clear(struct check_beside *f)
{
	free(f->path);
	*f = (struct check_beside){ .path = NULL };
}

void
check_beside_encode(const struct check_beside *f, struct buf *b)
{
	buf_put_u8(b, f->kind);
	buf_put_u32(b, f->file);
	buf_put_string(b, f->path);
}

void
check_beside_decode(struct reader *r, struct check_beside *ret)
{
	ret->kind = reader_u8(r);
	ret->file = reader_u32(r);
	ret->path = reader_string(r, PATH_BYTES_MAX);
	if (ret->kind >= BESIDE_MAX_)
		r->failed = true;
}

void
check_request_clear(struct check_request *q)
{
	free(q->today);
	free(q->name);
	*q = (struct check_request){ .name = NULL };
}

void
check_request_encode(const struct check_request *q, struct buf *b)
{
	buf_put_u8(b, q->verb);
	buf_put_u8(b, q->is_strict);
	buf_put_u8(b, q->is_goodware_missing);
	buf_put_u64(b, q->seed);
	buf_put_string(b, q->today);
	buf_put_string(b, q->name);
}

void
check_request_decode(struct reader *r, struct check_request *ret)
{
	ret->verb = reader_u8(r);
	ret->is_strict = reader_u8(r) != 0;
	ret->is_goodware_missing = reader_u8(r) != 0;
	ret->seed = reader_u64(r);
	ret->today = reader_string(r, CHECK_DATE_MAX);
	ret->name = reader_string(r, RULE_NAME_MAX);
	if (ret->verb >= CHECK_VERB_MAX_)
		r->failed = true;
}

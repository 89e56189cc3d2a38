/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the checker, which may be hostile. */
#include "records/answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "records/limits.h"
#include "records/lint.h"

static_assert(ANSWER_BYTES_MAX < 60 * 1024, "an answer fits in a message");

void
answer_clear(struct answer *a)
{
	free(a->rule);
	free(a->label);
	free(a->text);
	*a = (struct answer){ .kind = 0 };
}

static void
put_text(struct buf *b, const char *text, size_t max)
{
	size_t len = text != NULL ? strlen(text) : 0;

	buf_put_bytes(b, text, len < max ? len : max);
}

void
answer_encode(const struct answer *a, struct buf *b)
{
	buf_put_u8(b, a->kind);
	buf_put_u8(b, a->code);
	buf_put_u8(b, a->level);
	buf_put_u32(b, a->file);
	buf_put_u32(b, a->line);
	buf_put_u64(b, a->a);
	buf_put_u64(b, a->b);
	put_text(b, a->rule, RULE_NAME_MAX);
	put_text(b, a->label, ANSWER_LABEL_MAX);
	put_text(b, a->text, ANSWER_TEXT_MAX);
}

/* Codes are indices of whoever shows them: none is taken on trust. */
static bool
is_valid(const struct answer *a)
{
	if (a->kind >= ANSWER_MAX_ || a->level >= LEVEL_MAX_)
		return false;
	if (a->kind == ANSWER_REMARK)
		return a->code < LINT_MAX_;
	return a->kind != ANSWER_LINE || a->code < SECTION_MAX_;
}

void
answer_decode(struct reader *r, struct answer *ret)
{
	ret->kind = reader_u8(r);
	ret->code = reader_u8(r);
	ret->level = reader_u8(r);
	ret->file = reader_u32(r);
	ret->line = reader_u32(r);
	ret->a = reader_u64(r);
	ret->b = reader_u64(r);
	ret->rule = reader_string(r, RULE_NAME_MAX);
	ret->label = reader_string(r, ANSWER_LABEL_MAX);
	ret->text = reader_string(r, ANSWER_TEXT_MAX);
	if (!is_valid(ret))
		r->failed = true;
}

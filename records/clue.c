/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile: a scan worker may have been taken over by what it read. */
#include "records/clue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *
clue_name(enum clue_kind kind)
{
	static const char *const names[] = {
#define CLUE_NAME(code, name) name,
		CLUES(CLUE_NAME)
#undef CLUE_NAME
	};

	assert((unsigned)kind < CLUE_MAX_);
	return names[kind];
}

void
clue_clear(struct clue *c)
{
	free(c->what);
	free(c->data);
	free(c->expected);
	memset(c, 0, sizeof(*c));
}

void
clue_copy(const struct clue *c, struct clue *ret)
{
	*ret = *c;
	ret->what = xstrdup(c->what);
	ret->data = xmemdup(c->data, c->n_data);
	ret->expected = xmemdup(c->expected, c->n_expected);
}

void
clue_encode(const struct clue *c, struct buf *b)
{
	buf_put_u8(b, (uint8_t)c->kind);
	buf_put_u64(b, c->address);
	buf_put_u64(b, c->length);
	buf_put_u64(b, c->number);
	buf_put_string(b, c->what);
	buf_put_bytes(b, c->data, c->n_data);
	buf_put_bytes(b, c->expected, c->n_expected);
}

static uint8_t *
read_data(struct reader *r, size_t max, uint32_t *ret_len)
{
	size_t len = 0;
	const uint8_t *data = reader_bytes(r, max, &len);

	*ret_len = (uint32_t)len;
	return xmemdup(data, len);
}

void
clue_decode(struct reader *r, struct clue *ret)
{
	memset(ret, 0, sizeof(*ret));
	uint8_t kind = reader_u8(r);

	if (kind >= CLUE_MAX_)
		r->failed = true;
	else
		ret->kind = (enum clue_kind)kind;
	ret->address = reader_u64(r);
	ret->length = reader_u64(r);
	ret->number = reader_u64(r);
	ret->what = reader_string(r, CLUE_WHAT_MAX);
	ret->data = read_data(r, CLUE_DATA_MAX, &ret->n_data);
	ret->expected = read_data(r, CLUE_CODE_MAX, &ret->n_expected);
}

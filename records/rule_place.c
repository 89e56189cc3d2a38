/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours. */
#include "records/rule_place.h"

#include <stdlib.h>

void
rule_place_clear(struct rule_place *p)
{
	free(p->name);
	free(p->reason);
	*p = (struct rule_place){ .file = 0 };
}

void
rule_place_encode(const struct rule_place *p, struct buf *b)
{
	buf_put_u32(b, p->file);
	buf_put_u32(b, p->line);
	buf_put_u8(b, p->mask);
	buf_put_string(b, p->name);
	buf_put_string(b, p->reason);
}

void
rule_place_decode(struct reader *r, struct rule_place *ret)
{
	ret->file = reader_u32(r);
	ret->line = reader_u32(r);
	ret->mask = reader_u8(r);
	ret->name = reader_string(r, RULE_NAME_MAX);
	ret->reason = reader_string(r, DETAIL_BYTES_MAX);
}

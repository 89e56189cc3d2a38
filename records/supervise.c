/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours that is less privileged. */
#include "records/supervise.h"

#include "base/reader.h"

void
child_note_put(const struct child_note *note, struct buf *out)
{
	buf_put_u8(out, (uint8_t)note->role);
	buf_put_u32(out, note->instance);
	buf_put_u32(out, (uint32_t)note->status);
}

mh_err
child_note_parse(const void *p, size_t len, struct child_note *ret)
{
	struct reader r;

	reader_init(&r, p, len);
	uint8_t role = reader_u8(&r);
	uint32_t instance = reader_u32(&r);
	uint32_t status = reader_u32(&r);
	if (!reader_is_done(&r) || role < ROLE_SUPERVISOR || role > ROLE_AUTHORITY)
		return MH_ERR_FORMAT;
	ret->role = (enum role)role;
	ret->instance = instance;
	ret->status = (int32_t)status;
	return MH_OK;
}

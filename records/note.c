/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile: a scan worker may have been taken over by what it read. */
#include "records/note.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
note_clear(struct note *n)
{
	free(n->name);
	free(n->detail);
	n->name = n->detail = NULL;
}

void
note_encode(const struct note *n, struct buf *b)
{
	buf_put_u64(b, n->target);
	buf_put_u8(b, (uint8_t)n->reason);
	buf_put_u64(b, n->n);
	buf_put_u64(b, n->bytes);
	buf_put_string(b, n->name);
	buf_put_string(b, n->detail);
}

void
note_decode(struct reader *r, struct note *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->target = reader_u64(r);
	uint8_t reason = reader_u8(r);

	ret->n = reader_u64(r);
	ret->bytes = reader_u64(r);
	ret->name = reader_string(r, PART_NAME_MAX);
	ret->detail = reader_string(r, DETAIL_BYTES_MAX);
	if (reason == REASON_NONE || reason >= REASON_MAX_ || ret->n == 0 ||
	    (ret->name[0] != 0 && ret->n != 1))
		r->failed = true;
	else
		ret->reason = (enum reason)reason;
}

static void
append(struct note_list *list, const struct note *n)
{
	/* Doubles when the count is a power of two. */
	if ((list->n & (list->n - 1)) == 0)
		list->notes = xreallocarray(list->notes,
		    list->n > 0 ? (size_t)list->n * 2 : 1, sizeof(*list->notes));
	list->notes[list->n++] = *n;
}

void
note_list_add(struct note_list *list, enum reason reason, uint64_t bytes,
    const char *name, const char *detail)
{
	if (list->n >= NOTES_MAX) {
		note_list_count(list, reason, 1, bytes);
		return;
	}
	struct note n = {
		.reason = reason,
		.n = 1,
		.bytes = bytes,
		.name = xstrndup(name, PART_NAME_MAX),
		.detail = xstrndup(detail != NULL ? detail : "", DETAIL_BYTES_MAX),
	};

	append(list, &n);
}

void
note_list_take(struct note_list *list, struct note *n)
{
	append(list, n);
	n->name = n->detail = NULL;
}

void
note_list_count(struct note_list *list, enum reason reason, uint64_t n, uint64_t bytes)
{
	list->by_reason[reason] += n;
	list->bytes_by_reason[reason] += bytes;
}

void
note_list_finish(struct note_list *list)
{
	for (unsigned i = 0; i < REASON_MAX_; i++) {
		if (list->by_reason[i] == 0)
			continue;
		struct note n = {
			.reason = (enum reason)i,
			.n = list->by_reason[i],
			.bytes = list->bytes_by_reason[i],
			.name = xstrdup(""),
			.detail = xstrdup(""),
		};

		append(list, &n);
		list->by_reason[i] = list->bytes_by_reason[i] = 0;
	}
}

void
note_list_clear(struct note_list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		note_clear(&list->notes[i]);
	free(list->notes);
	memset(list, 0, sizeof(*list));
}

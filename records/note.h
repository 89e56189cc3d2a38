/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_NOTE_H
#define MH_RECORDS_NOTE_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"
#include "records/reason.h"

/*
 * A part of a target that was not scanned (MSG_NOTED, before the verdict): a
 * member of an archive, pages of a process.  At most NOTES_MAX of one target
 * have a name; what is beyond is summed up, one note for each reason.
 */
struct note {
	uint64_t target; /* its id */
	enum reason reason;
	uint64_t n;     /* parts that it stands for; 1 where it has a name */
	uint64_t bytes; /* of them, where known */
	char *name;     /* goes behind the target's path; "" for several; owned */
	char *detail;   /* a sentence, or ""; owned */
};

void note_clear(struct note *n);
void note_encode(const struct note *n, struct buf *b);
/* Always leaves what can be cleared; check r afterwards. */
void note_decode(struct reader *r, struct note *ret);

/* The notes of one target while it is scanned. */
struct note_list {
	struct note *notes; /* owned */
	uint32_t n;
	uint64_t by_reason[REASON_MAX_]; /* without a name */
	uint64_t bytes_by_reason[REASON_MAX_];
};

/*
 * Note one part.  name and detail are copied and cut where they are too long;
 * detail may be NULL.
 */
void note_list_add(struct note_list *list, enum reason reason, uint64_t bytes,
    const char *name, const char *detail);
/* Note n parts without a name. */
void note_list_count(struct note_list *list, enum reason reason, uint64_t n,
    uint64_t bytes);
/* Add a note that was received; n is taken. */
void note_list_take(struct note_list *list, struct note *n);
/* Turn what has no name into notes at the end; before they are sent. */
void note_list_finish(struct note_list *list);
void note_list_clear(struct note_list *list);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_SUPERVISE_H
#define MH_RECORDS_SUPERVISE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "records/messages.h"

/*
 * What agent and supervisor tell each other: which child it is about
 * (MSG_START, MSG_STOP, MSG_STARTED with its channel) and, in MSG_EXITED, how
 * it ended.
 */
struct child_note {
	enum role role;
	uint32_t instance;
	int32_t status; /* of wait(2); MSG_EXITED only */
};

void child_note_put(const struct child_note *note, struct buf *out);
/* MH_ERR_FORMAT for anything else; *ret is untouched then. */
mh_err child_note_parse(const void *p, size_t len, struct child_note *ret) MH_CHECKED;

#endif

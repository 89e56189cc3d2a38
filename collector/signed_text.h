/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_SIGNED_TEXT_H
#define MH_COLLECTOR_SIGNED_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * The lines of a stored report, read back from its signed bytes.  No signature
 * is checked: that was done when it was stored, and `verify` does it again.
 *
 * Errors: MH_ERR_CORRUPT (not a report: the store was changed or is damaged).
 */

/* Replace text by the NDJSON that was signed, header included. */
mh_err signed_text_read(const uint8_t *der, size_t len, struct buf *text) MH_CHECKED;

/*
 * Line n (0: the header) of such a text, borrowed; NULL when there are fewer.
 */
const char *signed_text_line(const struct buf *text, size_t n, size_t *ret_len);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be decoded is encoded again and is no larger than a record may be. */
#include "records/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r;

	reader_init(&r, data, size);
	MH_CLEANUP(match_freep) struct match *m = match_decode(&r);
	if (m != NULL) {
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(128 * 1024);

		(void)match_meta_text(m, "author");
		match_encode(m, b);
		if (buf_error(b) != MH_OK || buf_len(b) > MATCH_RECORD_MAX)
			__builtin_trap();
	}
	return 0;
}

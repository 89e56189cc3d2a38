/* SPDX-License-Identifier: BSD-2-Clause */
#include "records/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verdict v;
	struct reader r;

	reader_init(&r, data, size);
	verdict_decode(&r, &v);
	if (reader_is_ok(&r)) {
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(64 * 1024);

		verdict_encode(&v, b);
		if (buf_error(b) != MH_OK)
			__builtin_trap();
	}
	verdict_clear(&v);
	return 0;
}

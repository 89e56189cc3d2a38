/* SPDX-License-Identifier: BSD-2-Clause */
/* What is escaped is printable, and escaping it again changes only its backslashes. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	MH_CLEANUP(freep) char *safe = text_escape_bytes(data, size);
	uint64_t v = 0;
	int64_t ms = 0;
	uint8_t bytes[4];

	if (!text_is_utf8(safe, strlen(safe)) || strpbrk(safe, "\n\r\t\033") != NULL)
		__builtin_trap();
	mh_ignore(parse_u64(text, 0, UINT64_MAX, &v));
	mh_ignore(parse_size(text, 0, UINT64_MAX, &v));
	mh_ignore(parse_duration(text, 0, UINT64_MAX, &v));
	mh_ignore(clock_parse(text, &ms));
	mh_ignore(text_unhex(text, bytes, sizeof(bytes)));
	(void)uuid_is_valid(text);
	return 0;
}

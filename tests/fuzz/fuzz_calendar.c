/* SPDX-License-Identifier: BSD-2-Clause */
/* What is taken has occurrences on both sides of any time; what is not says why. */
#include <stdlib.h>

#include "agent/calendar.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1795651200, 253370764800,
		INT64_MAX };
	char *text = xstrndup((const char *)data, size);
	struct calendar c;
	char *why = NULL;

	if (calendar_parse(text, &c, &why) != MH_OK) {
		if (why == NULL)
			abort();
	} else {
		for (size_t i = 0; i < MH_ARRAY_LEN(times); i++) {
			if (calendar_next(&c, times[i]) <= calendar_last(&c, times[i]))
				abort();
		}
	}
	free(why);
	free(text);
	return 0;
}

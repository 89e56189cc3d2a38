/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of the process connector. */
#include <stdlib.h>

#include "agent/watch_processes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MAX = 8 };
	int32_t pids[MAX];
	size_t n = 0;

	if (watch_processes_parse(data, size, pids, MAX, &n) != MH_OK)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (n > MAX || pids[i] <= 0)
			abort();
	}
	return 0;
}

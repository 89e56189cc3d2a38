/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter of a packet socket, which its process chose. */
#include "agent/bpf_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter_traits t;

	filter_read(data, size, &t);
	if (t.protocols > (FILTER_TCP | FILTER_UDP | FILTER_ICMP))
		__builtin_trap();
	return 0;
}

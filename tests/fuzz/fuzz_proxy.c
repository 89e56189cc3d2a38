/* SPDX-License-Identifier: BSD-2-Clause */
/* What a proxy answers to CONNECT, dates in answers, and who asks for metrics. */
#include "base/memory.h"
#include "transport/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	const char *why = NULL;
	unsigned status = 0;
	size_t used = 0;
	int64_t ms = 0;

	if (http_proxy_parse((const char *)data, size, &status, &used, &why) == MH_OK &&
	    (used > size || status < 200 || status > 599 ||
		http_proxy_meaning(status)[0] == 0))
		__builtin_trap();
	mh_ignore(http_get_parse((const char *)data, size, "/metrics"));
	if (http_date_parse(text, &ms) == MH_OK &&
	    (ms < -86400000 || ms > INT64_C(253402387200000)))
		__builtin_trap();
	return 0;
}

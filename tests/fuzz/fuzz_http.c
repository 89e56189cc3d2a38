/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response response;
	const char *why = NULL;
	char code[32], detail[64];
	size_t used = 0;

	if (http_response_parse((const char *)data, size, &response, &used, &why) ==
	    MH_OK) {
		if (used > size)
			__builtin_trap();
		http_error_parse(&response, code, sizeof(code), detail, sizeof(detail));
	}
	return 0;
}

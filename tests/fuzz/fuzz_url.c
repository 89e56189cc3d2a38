/* SPDX-License-Identifier: BSD-2-Clause */
/* What is typed at enrolment: the address of a collector or a proxy, a token. */
#include "base/memory.h"
#include "transport/token.h"
#include "transport/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	const char *why = NULL;
	struct token token;
	struct url_proxy proxy;
	struct url url, again;

	mh_ignore(token_parse(text, &token));
	if (url_proxy_parse(text, &proxy, &why) == MH_OK && proxy.at.host[0] == 0)
		__builtin_trap();
	if (url_parse(text, &url, &why) == MH_OK) {
		MH_CLEANUP(freep) char *written = url_format(&url);
		MH_CLEANUP(freep) char *authority = url_authority(&url);

		if (url_parse(written, &again, &why) != MH_OK || authority[0] == 0)
			__builtin_trap();
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/issuing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EVP_PKEY *key = NULL;
	const char *why = NULL;
	struct issue issue;
	struct issued issued;

	if (request_open(data, size, &key, &why) == MH_OK)
		EVP_PKEY_free(key);
	mh_ignore(issue_read(data, size, &issue));
	mh_ignore(issued_read(data, size, &issued));
	return 0;
}

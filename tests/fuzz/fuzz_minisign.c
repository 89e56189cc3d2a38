/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and signatures come with what they are to prove. */
#include <stdlib.h>
#include <string.h>

#include "signatures/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct minisign_key key = { .id = { 0 } };
	struct minisign_signed s = { "policy", 6, data, size };
	char *comment = NULL;

	mh_ignore(minisign_key_parse(data, size, &key));
	if (minisign_verify(&key, &s, &comment) == MH_OK)
		free(comment);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "scanners/filetype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return filetype_of(data, size) == NULL;
}

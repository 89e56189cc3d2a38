/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "signatures/lexer.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lexer lx;
	const char *end = (const char *)data + size;

	lexer_init(&lx, (const char *)data, size);
	/* Every token is a part of the text, and there is an end. */
	while (lexer_next(&lx) != LEXER_END) {
		if (lx.len == 0 || lx.token < (const char *)data ||
		    lx.token + lx.len > end)
			abort();
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/uuid.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void
uuid_new(char ret[UUID_TEXT_LEN])
{
	uint8_t b[16];
	/* getrandom(2) never returns less for requests of up to 256 bytes. */
	ssize_t n = getrandom(b, sizeof(b), 0);
	int len;

	assert(n == (ssize_t)sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	len = snprintf(ret, UUID_TEXT_LEN,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	    b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	    b[13], b[14], b[15]);
	assert(len == UUID_TEXT_LEN - 1);
}

bool
uuid_is_valid(const char *s)
{
	/* x any digit, 4 the version, v one of 8 9 a b (the variant). */
	static const char shape[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		const char *allowed = shape[i] == 'x'   ? "0123456789abcdef"
				      : shape[i] == 'v' ? "89ab"
				      : shape[i] == '4' ? "4"
							: "-";

		if (s[i] == 0 || strchr(allowed, s[i]) == NULL)
			return false;
	}
	return s[sizeof(shape) - 1] == 0;
}

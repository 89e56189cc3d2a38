/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <stddef.h>

const char *
mh_strerror(mh_err err)
{
	static const char *const text[] = {
#define MH_ERROR_TEXT(code, string) string,
		MH_ERRORS(MH_ERROR_TEXT)
#undef MH_ERROR_TEXT
	};

	if ((size_t)err >= MH_ARRAY_LEN(text))
		return "unknown error";
	return text[err];
}

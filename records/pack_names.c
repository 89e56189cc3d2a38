/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: names of strangers. */
#include "records/pack_names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attributes.h"

bool
pack_is_rule_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL &&
	       (strcasecmp(dot, ".yar") == 0 || strcasecmp(dot, ".yara") == 0);
}

bool
pack_is_license(const char *name)
{
	static const char *const names[] = { "LICENSE", "LICENSE.txt", "LICENSE.md",
		"LICENCE", "LICENCE.txt", "COPYING", "COPYING.txt" };

	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule text of strangers, in two files: split at the first form feed. */
#include <string.h>

#include "signatures/ruleset.h"

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_initialised;
	MH_CLEANUP(ruleset_freep) struct ruleset *rs = ruleset_new();
	const uint8_t *feed = size > 0 ? memchr(data, '\f', size) : NULL;
	size_t first = feed != NULL ? (size_t)(feed - data) : size;

	if (!is_initialised)
		is_initialised = yr_initialize() == ERROR_SUCCESS;
	mh_ignore(ruleset_add(rs, "p/a", (const char *)data, first));
	mh_ignore(ruleset_add(rs, "p/b", (const char *)data + first, size - first));
	mh_ignore(ruleset_compile(rs, on_file, NULL));
	return 0;
}

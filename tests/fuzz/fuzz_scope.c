/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "signatures/scope.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_chained(void *ctx, const char *name, size_t len)
{
	(void)ctx;
	return len > 0 && name[0] == 'c';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scope_list *list =
	    scope_list_read((const char *)data, size, is_chained, NULL);

	/* A rule that does not work somewhere has a reason. */
	for (size_t i = 0; i < scope_list_n(list); i++) {
		const struct scope_rule *rule = scope_list_get(list, i);

		if ((rule->mask & 3) != 3 && rule->reason == NULL)
			abort();
	}
	scope_list_free(list);
	return 0;
}

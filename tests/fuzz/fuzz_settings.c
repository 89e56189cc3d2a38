/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "collector/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	char *why = NULL;

	if (settings_parse(&config_schema, "c.yaml", data, size, &config, &why) == MH_OK)
		config_clear(&config);
	else if (why == NULL)
		abort(); /* each refusal says why */
	free(why);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "signatures/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest *m = NULL;
	char *why = NULL;

	if (manifest_read("m", data, size, &m, &why) == MH_OK) {
		/* What was read is there to be used. */
		free(requirement_words(m, &m->in_files));
		if (requirement_holds(&m->in_files, 0) || m->n_facts == 0)
			abort();
	} else if (why == NULL) {
		abort(); /* each refusal says why */
	}
	manifest_free(m);
	free(why);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_PACKS_H
#define MH_TESTS_UNIT_MH_PACKS_H

#include "agent/packs.h"

/* A scratch folder for files of packs, and a list to add them to. */
struct ground {
	char *folder;
	struct pack_list list;
	char *why; /* of the last error */
};

int packs_setup(void **state);
int packs_teardown(void **state);
/* A small file below the folder, with the folder that it lies in. */
void packs_make(struct ground *g, const char *name);

#endif

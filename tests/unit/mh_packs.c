/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_packs.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_test.h"

int
packs_setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	*state = g;
	return tmpdir_setup((void **)&g->folder);
}

int
packs_teardown(void **state)
{
	struct ground *g = *state;

	pack_list_clear(&g->list);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g->why);
	free(g);
	return 0;
}

void
packs_make(struct ground *g, const char *name)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", g->folder, name);
	MH_CLEANUP(freep)
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_ok(folder_make(folder, 0755));
	assert_ok(file_write_durably(path, "x", 1, 0644));
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <ftw.h>
#include <unistd.h>

#include "base/memory.h"

int
tmpdir_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	char *path = xasprintf("%s/molehunt-test-XXXXXX", base != NULL ? base : "/tmp");

	if (mkdtemp(path) == NULL)
		return -1;
	*state = path;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int
tmpdir_teardown(void **state)
{
	int result = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	*state = NULL;
	return result;
}

char *
tmpdir_path(void **state, const char *name)
{
	return xasprintf("%s/%s", (const char *)*state, name);
}

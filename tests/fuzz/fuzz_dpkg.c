/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is each of dpkg's files: status, a list, its digests, diversions. */
#include <stdlib.h>

#include "agent/package_dpkg.h"
#include "base/fd.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(const char *root, const char *name, const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", root, name);

	if (file_write_durably(path, data, size, 0600) != MH_OK)
		abort();
}

static void
remove_all(const char *root)
{
	static const char *const names[] = { "/var/lib/dpkg/info/tool.list",
		"/var/lib/dpkg/info/tool.md5sums", "/var/lib/dpkg/status",
		"/var/lib/dpkg/diversions" };
	static const char *const folders[] = { "/var/lib/dpkg/info", "/var/lib/dpkg",
		"/var/lib", "/var", "" };

	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		MH_CLEANUP(freep) char *path = xasprintf("%s%s", root, names[i]);

		(void)unlink(path);
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(folders); i++) {
		MH_CLEANUP(freep) char *path = xasprintf("%s%s", root, folders[i]);

		(void)rmdir(path);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char root[] = "/tmp/fuzz_dpkg.XXXXXX";
	struct dpkg_database *db = NULL;
	struct package_facts f;

	if (mkdtemp(root) == NULL)
		abort();
	MH_CLEANUP(freep) char *info = xasprintf("%s/var/lib/dpkg/info", root);

	if (folder_make(info, 0700) != MH_OK)
		abort();
	put(root, "var/lib/dpkg/status", data, size);
	put(root, "var/lib/dpkg/diversions", data, size);
	put(root, "var/lib/dpkg/info/tool.list", data, size);
	put(root, "var/lib/dpkg/info/tool.md5sums", data, size);
	if (dpkg_database_open(root, &db) == MH_OK &&
	    dpkg_database_find(db, "/usr/bin/tool", &f) == MH_OK)
		package_facts_clear(&f);
	dpkg_database_close(db);
	remove_all(root);
	return 0;
}

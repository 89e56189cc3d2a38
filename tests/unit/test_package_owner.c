/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/package_owner.h"

#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_test.h"

static void
put(void **state, const char *name, const char *text)
{
	char *path = tmpdir_path(state, name);

	assert_ok(file_write_durably(path, text, strlen(text), 0600));
	free(path);
}

static void
make_database(void **state)
{
	char *info = tmpdir_path(state, "var/lib/dpkg/info");

	assert_ok(folder_make(info, 0700));
	free(info);
	put(state, "var/lib/dpkg/status",
	    "Package: libz\nStatus: install ok installed\nArchitecture: i386\n"
	    "Version: 1.0\n\nPackage: libz\nArchitecture: amd64\nVersion: 1.1\n\n"
	    "Package: tool\nVersion: 2:3-4\nArchitecture: all\n\n"
	    "Package: other\nArchitecture: amd64\nVersion: 9");
	put(state, "var/lib/dpkg/diversions", "/usr/bin/vi\n/usr/bin/vi.tool\nother\n");
	put(state, "var/lib/dpkg/info/libz:amd64.list", "/.\n/lib/libz.so\n");
	put(state, "var/lib/dpkg/info/libz:amd64.md5sums",
	    "000102030405060708090a0b0c0d0e0f  lib/libz.so\n");
	put(state, "var/lib/dpkg/info/tool.list", "/.\n/usr/bin/vi\n/usr/bin/x\n");
	put(state, "var/lib/dpkg/info/tool.md5sums", "short\nnot hex  usr/bin/x\n");
	put(state, "var/lib/dpkg/info/other.list", "/usr/bin/vi");
}

static void
assert_owner(struct package_owner *po, const char *path, const char *expected)
{
	struct package_facts f;

	assert_ok(package_owner_find(po, path, &f));
	char *text = xasprintf("%s %s %s%s", f.name, f.version, f.architecture,
	    f.has_md5 ? " md5" : "");

	assert_string_equal(text, expected);
	if (f.has_md5)
		assert_int_equal(f.md5[15], 15);
	free(text);
	package_facts_clear(&f);
}

static void
owners_are_found_under_both_names_and_behind_diversions(void **state)
{
	struct package_owner *po = NULL;
	struct package_facts f;

	make_database(state);
	assert_ok(package_owner_new(*state, &po));
	assert_owner(po, "/lib/libz.so", "libz 1.1 amd64 md5");
	assert_owner(po, "/usr/lib/libz.so", "libz 1.1 amd64 md5");
	assert_owner(po, "/bin/x", "tool 2:3-4 all");
	assert_owner(po, "/usr/bin/vi", "other 9 amd64");
	assert_owner(po, "/usr/bin/vi.tool", "tool 2:3-4 all");
	assert_err(package_owner_find(po, "/usr/bin/none", &f), MH_ERR_NOTFOUND);
	assert_err(package_owner_find(po, "", &f), MH_ERR_NOTFOUND);
	package_owner_free(po);
}

static void
without_a_database_nothing_is_claimed(void **state)
{
	struct package_owner *po = NULL;

	assert_err(package_owner_new(*state, &po), MH_ERR_UNSUPPORTED);
}

#define with_folder(f) cmocka_unit_test_setup_teardown(f, tmpdir_setup, tmpdir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(owners_are_found_under_both_names_and_behind_diversions),
		with_folder(without_a_database_nothing_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "agent/package_dpkg.h"
#include "agent/package_owner.h"
#include "agent/rpm_header.h"
#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_rpm.h"

static void
put(void **state, const char *name, const char *text)
{
	char *path = tmpdir_path(state, name);

	assert_ok(file_write_durably(path, text, strlen(text), 0600));
	free(path);
}

static void
make_folder(void **state, const char *name)
{
	char *path = tmpdir_path(state, name);

	assert_ok(folder_make(path, 0700));
	free(path);
}

static void
make_dpkg(void **state)
{
	make_folder(state, "var/lib/dpkg/info");
	put(state, "var/lib/dpkg/status",
	    "Package: libz\nStatus: install ok installed\nArchitecture: i386\n"
	    "Version: 1.0\n\nPackage: libz\nArchitecture: amd64\nVersion: 1.1\n\n"
	    "Package: tool\nVersion: 2:3-4\nArchitecture: all\nConffiles:\n"
	    " /etc/tool.conf 000102030405060708090a0b0c0d0e0f\n"
	    " /etc/tool.old 000102030405060708090a0b0c0d0e0f obsolete\n"
	    " /etc/tool.new newconffile\nDescription: a tool\n /etc/x 00\n\n"
	    "Package: other\nArchitecture: amd64\nVersion: 9");
	put(state, "var/lib/dpkg/diversions", "/usr/bin/vi\n/usr/bin/vi.tool\nother\n");
	put(state, "var/lib/dpkg/info/libz:amd64.list", "/.\n/lib/libz.so\n");
	put(state, "var/lib/dpkg/info/libz:amd64.md5sums",
	    "000102030405060708090a0b0c0d0e0f  lib/libz.so\n");
	put(state, "var/lib/dpkg/info/tool.list",
	    "/.\n/usr/bin/vi\n/usr/bin/x\n/etc/tool.conf\n/etc/tool.old\n"
	    "/etc/tool.new\n/etc/x\n");
	put(state, "var/lib/dpkg/info/tool.md5sums", "short\nnot hex  usr/bin/x\n");
	put(state, "var/lib/dpkg/info/other.list", "/usr/bin/vi");
}

/* "NAME VERSION ARCHITECTURE DATABASE ALGORITHM [config]", or why not. */
static void
assert_owner(struct package_owner *po, const char *path, const char *expected)
{
	struct package_facts f;

	package_owner_find(po, path, &f);
	char *text =
	    f.unknown != PACKAGE_UNKNOWN_NOT
		? xstrdup(package_unknown_text(f.unknown))
		: xasprintf("%s %s %s %s %s%s", f.name, f.version, f.architecture,
		      package_database_name(f.database), package_digest_name(f.algorithm),
		      f.is_config ? " config" : "");

	assert_string_equal(text, expected);
	if (f.algorithm != PACKAGE_DIGEST_NONE)
		assert_int_equal(f.digest[15], 15);
	free(text);
	package_facts_clear(&f);
}

static void
owners_are_found_under_both_names_and_behind_diversions(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_dpkg(state);
	assert_owner(po, "/lib/libz.so", "libz 1.1 amd64 dpkg MD5");
	assert_owner(po, "/usr/lib/libz.so", "libz 1.1 amd64 dpkg MD5");
	assert_owner(po, "/bin/x", "tool 2:3-4 all dpkg none");
	assert_owner(po, "/usr/bin/vi", "other 9 amd64 dpkg none");
	assert_owner(po, "/usr/bin/vi.tool", "tool 2:3-4 all dpkg none");
	assert_owner(po, "/usr/bin/none", "no package has it");
	assert_owner(po, "/", "no package has it");
	assert_owner(po, "", "no package has it");
	package_owner_free(po);
}

static void
configuration_files_are_told_with_the_digest_that_they_came_with(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_dpkg(state);
	assert_owner(po, "/etc/tool.conf", "tool 2:3-4 all dpkg MD5 config");
	assert_owner(po, "/etc/tool.old", "tool 2:3-4 all dpkg MD5 config");
	assert_owner(po, "/etc/tool.new", "tool 2:3-4 all dpkg none config");
	/* Of another field that has such lines. */
	assert_owner(po, "/etc/x", "tool 2:3-4 all dpkg none");
	package_owner_free(po);
}

static void
a_change_of_the_database_is_seen_at_once(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_dpkg(state);
	assert_owner(po, "/opt/new", "no package has it");
	put(state, "var/lib/dpkg/info/other.list", "/usr/bin/vi\n/opt/new\n");
	assert_owner(po, "/opt/new", "other 9 amd64 dpkg none");
	put(state, "var/lib/dpkg/status", "Package: other\nVersion: 10\n");
	assert_owner(po, "/opt/new", "other 10  dpkg none");
	assert_true(package_owner_rest(po));
	assert_false(package_owner_rest(po));
	assert_owner(po, "/opt/new", "other 10  dpkg none");
	package_owner_free(po);
}

static void
without_a_database_nothing_is_claimed(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	assert_owner(po, "/bin/x", "no database of packages");
	package_owner_free(po);
}

static void
make_sparse(void **state, const char *name, off_t size)
{
	char *path = tmpdir_path(state, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && ftruncate(fd, size) == 0);
	(void)close(fd);
	free(path);
}

static void
lists_and_status_are_read_up_to_their_limits(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_dpkg(state);
	make_sparse(state, "var/lib/dpkg/info/other.list", PACKAGE_LIST_BYTES_MAX);
	assert_owner(po, "/bin/x", "tool 2:3-4 all dpkg none");
	make_sparse(state, "var/lib/dpkg/info/other.list", PACKAGE_LIST_BYTES_MAX + 1);
	make_sparse(state, "var/lib/dpkg/info/z.list", 0);
	assert_owner(po, "/bin/x", "the database is larger than what is read");
	make_sparse(state, "var/lib/dpkg/info/other.list", 0);
	make_sparse(state, "var/lib/dpkg/info/y.list", 0);
	make_sparse(state, "var/lib/dpkg/status", PACKAGE_STATUS_BYTES_MAX);
	assert_owner(po, "/bin/x", "tool   dpkg none");
	make_sparse(state, "var/lib/dpkg/status", PACKAGE_STATUS_BYTES_MAX + 1);
	assert_owner(po, "/bin/x", "the database is larger than what is read");
	package_owner_free(po);
}

/* rpm's database with one package in it; the header is taken. */
static void
make_rpm(void **state, const char *folder, struct buf *header)
{
	char *name = xasprintf("%s/rpmdb.sqlite", folder);
	char *path = tmpdir_path(state, name);
	sqlite3_stmt *add = NULL;
	sqlite3 *db = NULL;

	make_folder(state, folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
		"CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY "
		"AUTOINCREMENT,blob BLOB NOT NULL);"
		"CREATE TABLE IF NOT EXISTS 'Basenames' (key 'TEXT' NOT NULL, hnum "
		"INTEGER NOT NULL, idx INTEGER NOT NULL);"
		"INSERT INTO Basenames VALUES ('tool', 1, 0), ('tool', 1, 1), "
		"('tool.conf', 1, 2), ('lib.so', 1, 3)",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES (?)",
			     -1, &add, NULL),
	    SQLITE_OK);
	(void)sqlite3_bind_blob(add, 1, buf_data(header), (int)buf_len(header),
	    SQLITE_STATIC);
	assert_int_equal(sqlite3_step(add), SQLITE_DONE);
	(void)sqlite3_finalize(add);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	buf_free(header);
	free(path);
	free(name);
}

static void
owners_are_found_in_rpms_database_too(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_rpm(state, "usr/lib/sysimage/rpm", mh_rpm_header(MH_RPM_GOOD));
	assert_owner(po, "/usr/bin/tool", "tool 3:1.2-4 noarch rpm SHA-256");
	assert_owner(po, "/bin/tool", "tool 3:1.2-4 noarch rpm SHA-256");
	assert_owner(po, "/usr/share/tool", "tool 3:1.2-4 noarch rpm none");
	assert_owner(po, "/etc/tool.conf", "tool 3:1.2-4 noarch rpm SHA-256 config");
	assert_owner(po, "/lib64/lib.so", "tool 3:1.2-4 noarch rpm SHA-256");
	assert_owner(po, "/usr/lib64/lib.so", "tool 3:1.2-4 noarch rpm SHA-256");
	assert_owner(po, "/opt/tool", "no package has it");
	assert_owner(po, "/opt/none", "no package has it");
	/* Nothing was written beside it. */
	char *path = tmpdir_path(state, "usr/lib/sysimage/rpm/rpmdb.sqlite-shm");
	struct stat st;

	assert_int_equal(stat(path, &st), -1);
	free(path);
	make_dpkg(state);
	assert_owner(po, "/bin/x", "tool 2:3-4 all dpkg none");
	assert_owner(po, "/bin/tool", "tool 3:1.2-4 noarch rpm SHA-256");
	package_owner_free(po);
}

static void
a_database_of_rpm_in_a_transaction_is_told(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_rpm(state, "var/lib/rpm", mh_rpm_header(MH_RPM_GOOD));
	assert_owner(po, "/bin/tool", "tool 3:1.2-4 noarch rpm SHA-256");
	put(state, "var/lib/rpm/rpmdb.sqlite-wal", "x");
	assert_owner(po, "/bin/tool", "the database was being changed");
	put(state, "var/lib/rpm/rpmdb.sqlite-wal", "");
	assert_owner(po, "/bin/tool", "tool 3:1.2-4 noarch rpm SHA-256");
	package_owner_free(po);
}

static void
other_databases_of_rpm_are_told(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_folder(state, "var/lib/rpm");
	put(state, "var/lib/rpm/Packages", "");
	assert_owner(po, "/bin/tool", "no database of packages");
	put(state, "var/lib/rpm/Packages", "x");
	assert_owner(po, "/bin/tool",
	    "a database that is not read: Berkeley DB or ndb of rpm");
	put(state, "var/lib/rpm/Packages", "");
	put(state, "var/lib/rpm/Packages.db", "x");
	assert_owner(po, "/bin/tool",
	    "a database that is not read: Berkeley DB or ndb of rpm");
	package_owner_free(po);
}

static void
a_damaged_database_of_rpm_is_told(void **state)
{
	struct package_owner *po = package_owner_new(*state);

	make_rpm(state, "var/lib/rpm", mh_rpm_header(MH_RPM_SHORT));
	assert_owner(po, "/bin/tool", "the database is damaged");
	assert_owner(po, "/bin/other", "no package has it");
	put(state, "var/lib/rpm/rpmdb.sqlite", "this is no database of SQLite at all");
	assert_owner(po, "/bin/tool", "the database is damaged");
	package_owner_free(po);
}

static void
every_piece_of_a_header_fails_cleanly(void **state)
{
	struct buf *header = mh_rpm_header(MH_RPM_GOOD);
	struct package_facts f;

	(void)state;
	for (size_t len = 0; len < buf_len(header); len++) {
		uint8_t *copy = xmemdup(buf_data(header), len);

		assert_err(rpm_header_find(copy, len, "/usr/bin/tool", &f),
		    MH_ERR_FORMAT);
		free(copy);
	}
	for (size_t i = 0; i < buf_len(header); i++) {
		uint8_t *copy = xmemdup(buf_data(header), buf_len(header));

		copy[i] ^= 0xff;
		if (rpm_header_find(copy, buf_len(header), "/usr/bin/tool", &f) == MH_OK)
			package_facts_clear(&f);
		free(copy);
	}
	buf_free(header);
}

static void
a_header_has_at_most_so_many_tags(void **state)
{
	struct package_facts f;
	uint8_t *header = xcalloc(1, 8 + (RPM_TAGS_MAX + 1) * 16);

	(void)state;
	header[2] = RPM_TAGS_MAX >> 8;
	assert_err(rpm_header_find(header, 8 + RPM_TAGS_MAX * 16, "/x", &f),
	    MH_ERR_FORMAT); /* it has no name */
	header[3] = 1;
	assert_err(rpm_header_find(header, 8 + (RPM_TAGS_MAX + 1) * 16, "/x", &f),
	    MH_ERR_TOOBIG);
	free(header);
}

#define with_folder(f) cmocka_unit_test_setup_teardown(f, tmpdir_setup, tmpdir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(owners_are_found_under_both_names_and_behind_diversions),
		with_folder(
		    configuration_files_are_told_with_the_digest_that_they_came_with),
		with_folder(a_change_of_the_database_is_seen_at_once),
		with_folder(without_a_database_nothing_is_claimed),
		with_folder(lists_and_status_are_read_up_to_their_limits),
		with_folder(owners_are_found_in_rpms_database_too),
		with_folder(a_database_of_rpm_in_a_transaction_is_told),
		with_folder(other_databases_of_rpm_are_told),
		with_folder(a_damaged_database_of_rpm_is_told),
		cmocka_unit_test(every_piece_of_a_header_fails_cleanly),
		cmocka_unit_test(a_header_has_at_most_so_many_tags),
	};

	return cmocka_run_group_tests_name("package_owner", tests, NULL, NULL);
}

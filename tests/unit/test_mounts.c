/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <sys/sysmacros.h>

#include "agent/mounts.h"
#include "base/attributes.h"

static const char table[] =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
    "24 22 0:22 / /home rw shared:2 master:1 - nfs4 server:/home rw\n"
    "25 22 0:23 / /mnt/my\\040disk rw - xfs /dev/vdb rw\n"
    "26 22 0:24 / /mnt/a\\134b\\012c rw - fuse.sshfs x rw\n"
    "27 22 0:25 / /twice rw - ext4 /dev/vdc rw\n"
    "28 27 0:26 / /twice rw - sysfs sysfs rw\n"
    "29 22 0:27 / /data rw - fuseblk /dev/vdd rw\n"
    "nonsense\n\n30 22 0:28 / /cut";

static void
a_mount_is_known_by_its_path(void **state)
{
	struct mounts *m = mounts_parse(table, strlen(table));
	static const struct {
		const char *path;
		enum file_system_kind kind;
	} rows[] = {
		{ "/", FILE_SYSTEM_LOCAL },
		{ "/proc", FILE_SYSTEM_PSEUDO },
		{ "/home", FILE_SYSTEM_NETWORK },
		{ "/mnt/my disk", FILE_SYSTEM_LOCAL },
		{ "/mnt/a\\b\nc", FILE_SYSTEM_NETWORK },
		{ "/twice", FILE_SYSTEM_PSEUDO }, /* the topmost one */
		{ "/data", FILE_SYSTEM_NETWORK },
		{ "/cut", FILE_SYSTEM_LOCAL },
		{ "/nowhere", FILE_SYSTEM_LOCAL },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++)
		assert_int_equal(mounts_kind(m, rows[i].path), rows[i].kind);
	mounts_free(m);
}

static void
a_file_system_is_known_by_its_device(void **state)
{
	struct mounts *m = mounts_parse(table, strlen(table));

	(void)state;
	assert_int_equal(mounts_device_kind(m, makedev(254, 0)), FILE_SYSTEM_LOCAL);
	assert_int_equal(mounts_device_kind(m, makedev(0, 21)), FILE_SYSTEM_PSEUDO);
	assert_int_equal(mounts_device_kind(m, makedev(0, 22)), FILE_SYSTEM_NETWORK);
	/* Also where another mount lies over it. */
	assert_int_equal(mounts_device_kind(m, makedev(0, 25)), FILE_SYSTEM_LOCAL);
	assert_int_equal(mounts_device_kind(m, makedev(0, 26)), FILE_SYSTEM_PSEUDO);
	assert_int_equal(mounts_device_kind(m, makedev(0, 27)), FILE_SYSTEM_NETWORK);
	/* Memory that is shared, and what is mounted in other namespaces only. */
	assert_int_equal(mounts_device_kind(m, makedev(0, 1)), FILE_SYSTEM_LOCAL);
	assert_int_equal(mounts_device_kind(m, makedev(0, 28)), FILE_SYSTEM_LOCAL);
	mounts_free(m);
}

static void
every_prefix_of_a_table_is_taken(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(table); len++)
		mounts_free(mounts_parse(table, len));
}

static void
the_table_of_this_machine_has_proc(void **state)
{
	struct mounts *m = mounts_read();

	(void)state;
	assert_int_equal(mounts_kind(m, "/proc"), FILE_SYSTEM_PSEUDO);
	mounts_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_is_known_by_its_path),
		cmocka_unit_test(a_file_system_is_known_by_its_device),
		cmocka_unit_test(every_prefix_of_a_table_is_taken),
		cmocka_unit_test(the_table_of_this_machine_has_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

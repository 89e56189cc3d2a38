/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "base/fd.h"
#include "base/memory.h"

static void
put(const char *root, const char *path, const char *text)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", root, path);
	MH_CLEANUP(freep) char *folder = xstrdup(whole);

	*strrchr(folder, '/') = 0;
	assert_ok(folder_make(folder, 0755));
	int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void
put_service(const char *root)
{
	put(root, "/proc/self/cgroup", "0::/system.slice/molehuntd.service\n");
	put(root, "/sys/fs/cgroup/cgroup.controllers", "cpu io memory\n");
}

static void
assert_facts(const char *root, bool has_v2, uint64_t memory_max, unsigned cpu_weight)
{
	struct cgroup_facts facts;

	cgroup_look(root, &facts);
	assert_int_equal(facts.has_v2, has_v2);
	assert_int_equal(facts.memory_max, memory_max);
	assert_int_equal(facts.cpu_weight, cpu_weight);
}

static void
a_service_has_what_its_unit_says(void **state)
{
	put_service(*state);
	put(*state, "/sys/fs/cgroup/system.slice/molehuntd.service/memory.max",
	    "1610612736\n");
	put(*state, "/sys/fs/cgroup/system.slice/molehuntd.service/cpu.weight", "10\n");
	put(*state, "/sys/fs/cgroup/system.slice/memory.max", "max\n");
	put(*state, "/sys/fs/cgroup/system.slice/cpu.weight", "100\n");
	assert_facts(*state, true, 1610612736, 10);
}

static void
the_least_memory_of_all_around_counts(void **state)
{
	put_service(*state);
	put(*state, "/sys/fs/cgroup/system.slice/molehuntd.service/memory.max", "300\n");
	put(*state, "/sys/fs/cgroup/system.slice/memory.max", "200\n");
	put(*state, "/sys/fs/cgroup/memory.max", "400\n");
	assert_facts(*state, true, 200, 0);
}

static void
the_outermost_group_counts_in_a_namespace_of_groups(void **state)
{
	put(*state, "/proc/self/cgroup", "0::/\n");
	put(*state, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put(*state, "/sys/fs/cgroup/memory.max", "500\n");
	put(*state, "/sys/fs/cgroup/cpu.weight", "10000\n");
	assert_facts(*state, true, 500, CGROUP_WEIGHT_MAX);
}

static void
max_and_nonsense_are_no_limits(void **state)
{
	static const char *const texts[] = { "max\n", "", "\n", "-1\n", "5x\n",
		"99999999999999999999999\n" };

	put_service(*state);
	put(*state, "/sys/fs/cgroup/system.slice/cpu.weight", "10001\n");
	put(*state, "/sys/fs/cgroup/cpu.weight", "0\n");
	for (size_t i = 0; i < MH_ARRAY_LEN(texts); i++) {
		put(*state, "/sys/fs/cgroup/system.slice/memory.max", texts[i]);
		assert_facts(*state, true, UINT64_MAX, 0);
	}
}

static void
without_version_2_there_is_nothing(void **state)
{
	assert_facts(*state, false, UINT64_MAX, 0);
	put(*state, "/proc/self/cgroup", "4:memory:/a\n1:name=systemd:/a\n");
	put(*state, "/sys/fs/cgroup/memory.max", "5\n");
	assert_facts(*state, false, UINT64_MAX, 0);
	put(*state, "/sys/fs/cgroup/cgroup.controllers", "\n");
	assert_facts(*state, false, UINT64_MAX, 0);
	/* Both versions: the line of version 2 is the last. */
	put(*state, "/proc/self/cgroup", "4:memory:/a\n0::/b");
	assert_facts(*state, true, 5, 0);
}

static void
a_group_outside_of_what_is_mounted_is_not_guessed(void **state)
{
	put_service(*state);
	put(*state, "/sys/fs/cgroup/memory.max", "5\n");
	put(*state, "/proc/self/cgroup", "0::/../a\n");
	assert_facts(*state, false, UINT64_MAX, 0);
	put(*state, "/proc/self/cgroup", "0::/..\n");
	assert_facts(*state, false, UINT64_MAX, 0);
	put(*state, "/proc/self/cgroup", "0::/..a\n");
	assert_facts(*state, true, 5, 0);
}

static void
a_file_that_is_too_long_counts_as_missing(void **state)
{
	char *text = xcalloc(1, CGROUP_FILE_MAX + 2);

	put_service(*state);
	put(*state, "/sys/fs/cgroup/memory.max", "5\n");
	memset(text, 'x', CGROUP_FILE_MAX + 1);
	memcpy(text + CGROUP_FILE_MAX - 4, "\n0::/", 5);
	put(*state, "/proc/self/cgroup", text);
	assert_facts(*state, false, UINT64_MAX, 0);
	text[CGROUP_FILE_MAX] = 0;
	memcpy(text + CGROUP_FILE_MAX - 5, "\n0::/", 5);
	put(*state, "/proc/self/cgroup", text);
	assert_facts(*state, true, 5, 0);
	free(text);
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, tmpdir_setup, tmpdir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_root(a_service_has_what_its_unit_says),
		with_root(the_least_memory_of_all_around_counts),
		with_root(the_outermost_group_counts_in_a_namespace_of_groups),
		with_root(max_and_nonsense_are_no_limits),
		with_root(without_version_2_there_is_nothing),
		with_root(a_group_outside_of_what_is_mounted_is_not_guessed),
		with_root(a_file_that_is_too_long_counts_as_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rule files make up the rule set, and what names this machine. */
#include "tests/unit/mh_packs.h"
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host.h"
#include "agent/packs.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/uuid.h"

static mh_err
add(struct ground *g, const char *name)
{
	char *path = xasprintf("%s/%s", g->folder, name);
	mh_err err;

	free(g->why);
	g->why = NULL;
	err = pack_list_add(&g->list, path, &g->why);
	free(path);
	assert_int_equal(err == MH_OK, g->why == NULL);
	return err;
}

static void
a_pack_is_its_rule_files_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = { "pack/A.yar", "pack/b.yara",
		"pack/sub/deep/c.yar", "pack/z.yar" };
	struct ground *g = *state;

	packs_make(g, "pack/z.yar");
	packs_make(g, "pack/b.yara");
	packs_make(g, "pack/A.yar");
	packs_make(g, "pack/sub/deep/c.yar");
	packs_make(g, "pack/README.md");
	packs_make(g, "pack/rules.yar.bak");
	packs_make(g, "pack/.hidden.yar");
	packs_make(g, "pack/.git/x.yar");
	packs_make(g, "pack/yar");
	assert_ok(add(g, "pack"));
	assert_int_equal(g->list.n, MH_ARRAY_LEN(names));
	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		assert_string_equal(g->list.files[i].name_space, names[i]);
		assert_int_equal(access(g->list.files[i].path, R_OK), 0);
	}
}

static void
a_single_file_is_a_pack_named_by_its_folder(void **state)
{
	struct ground *g = *state;

	packs_make(g, "mine/one.rules");
	assert_ok(add(g, "mine/one.rules"));
	assert_int_equal(g->list.n, 1);
	assert_string_equal(g->list.files[0].name_space, "mine/one.rules");
	packs_make(g, "other/two.yar");
	assert_ok(add(g, "other/"));
	assert_int_equal(g->list.n, 2);
	assert_string_equal(g->list.files[1].name_space, "other/two.yar");
}

static void
what_is_not_there_or_empty_is_an_error_in_words(void **state)
{
	struct ground *g = *state;

	packs_make(g, "pack/a.yar");
	packs_make(g, "empty/README.md");
	assert_ok(add(g, "pack"));
	assert_err(add(g, "none"), MH_ERR_SYSTEM);
	assert_non_null(strstr(g->why, "none: No such file"));
	assert_err(add(g, "empty"), MH_ERR_NOTFOUND);
	assert_non_null(strstr(g->why, "no .yar"));
	assert_int_equal(g->list.n, 1);
}

static void
a_folder_that_may_not_be_read_adds_nothing(void **state)
{
	struct ground *g = *state;
	char *closed = xasprintf("%s/pack/z", g->folder);
	uid_t before = geteuid();

	packs_make(g, "pack/a.yar");
	packs_make(g, "pack/z/b.yar");
	assert_int_equal(chmod(g->folder, 0755), 0);
	assert_int_equal(chmod(closed, 0), 0);
	if (before == 0)
		assert_int_equal(seteuid(65534), 0);
	mh_err err = add(g, "pack");

	assert_int_equal(seteuid(before), 0);
	assert_int_equal(chmod(closed, 0755), 0);
	free(closed);
	assert_err(err, MH_ERR_SYSTEM);
	assert_non_null(strstr(g->why, "Permission denied"));
	assert_int_equal(g->list.n, 0);
}

static void
folders_are_read_down_to_their_limit(void **state)
{
	struct ground *g = *state;
	char path[256] = "pack";
	char file[300];

	for (int depth = 0; depth <= PACK_DEPTH_MAX + 1; depth++) {
		(void)snprintf(file, sizeof(file), "%s/r.yar", path);
		packs_make(g, file);
		strncat(path, "/d", sizeof(path) - strlen(path) - 1);
	}
	assert_ok(add(g, "pack"));
	assert_int_equal(g->list.n, PACK_DEPTH_MAX + 1);
}

static void
this_machine_has_a_name_that_does_not_tell_its_id(void **state)
{
	struct host a, b;

	(void)state;
	host_init(&a);
	host_init(&b);
	assert_true(strlen(a.hostname) > 0);
	assert_true(strlen(a.kernel) > 0);
	assert_true(a.machine_id[0] == 0 || strlen(a.machine_id) == 32);
	assert_true(a.boot_id[0] == 0 || strlen(a.boot_id) == UUID_TEXT_LEN - 1);
	assert_int_equal(strlen(a.device_uid), UUID_TEXT_LEN - 1);
	assert_string_equal(a.device_uid, b.device_uid);
	assert_null(strchr(a.os_pretty, '"'));
	assert_null(strchr(a.os_pretty, '\n'));
	if (a.machine_id[0] != 0)
		assert_memory_not_equal(a.device_uid, a.machine_id, 8);
	host_clear(&a);
	host_clear(&a);
	host_clear(&b);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, packs_setup, packs_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_pack_is_its_rule_files_in_the_order_of_their_names),
		with_ground(a_single_file_is_a_pack_named_by_its_folder),
		with_ground(what_is_not_there_or_empty_is_an_error_in_words),
		with_ground(a_folder_that_may_not_be_read_adds_nothing),
		with_ground(folders_are_read_down_to_their_limit),
		cmocka_unit_test(this_machine_has_a_name_that_does_not_tell_its_id),
	};

	return cmocka_run_group_tests_name("packs", tests, NULL, NULL);
}

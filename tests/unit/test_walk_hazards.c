/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies in the way of a walk, and what changes under its feet. */
#include "tests/unit/mh_walk.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/walk.h"
#include "base/memory.h"

static char *
path_of(struct ground *g, const char *name)
{
	return xasprintf("%s/%s", g->folder, name);
}

static void
what_is_no_regular_file_is_passed_over(void **state)
{
	static const char *const only[] = { "file" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ground *g = *state;
	char *fifo = path_of(g, "fifo");
	char *link = path_of(g, "link");
	char *loop = path_of(g, "loop");
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make_file(g, "file", "x");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("file", link), 0);
	assert_int_equal(symlink(".", loop), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", g->folder);
	assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(s);
	free(fifo);
	free(link);
	free(loop);
	walk(g);
	assert_targets(g, only, 1);
	assert_int_equal(g->passed[REASON_FIFO], 1);
	assert_int_equal(g->passed[REASON_SOCKET], 1);
	assert_int_equal(g->passed[REASON_LINK], 2);
	assert_int_equal(g->n_missed, 0);
}

static void
a_device_is_never_opened(void **state)
{
	struct ground *g = *state;
	char *device = path_of(g, "null");
	int made = mknod(device, S_IFCHR | 0600, makedev(1, 3));

	free(device);
	if (made < 0) {
		print_message("not permitted to make a device here\n");
		skip();
	}
	walk(g);
	assert_int_equal(g->passed[REASON_DEVICE], 1);
	assert_int_equal(g->n_targets, 0);
}

static void
a_file_of_several_names_is_handed_out_once(void **state)
{
	static const char *const once[] = { "a", "other" };
	struct ground *g = *state;
	char *from = path_of(g, "a");
	char *to = path_of(g, "b");

	make_file(g, "a", "x");
	make_file(g, "other", "x");
	assert_int_equal(link(from, to), 0);
	free(from);
	free(to);
	walk(g);
	assert_targets(g, once, 2);
	assert_int_equal(g->passed[REASON_HARDLINK], 1);
}

static void
excluded_files_and_folders_are_passed_over(void **state)
{
	static const char *const rest[] = { "a", "c/x" };
	struct ground *g = *state;

	make_folder(g, "c");
	make_folder(g, "c/b");
	make_file(g, "a", "x");
	make_file(g, "b", "x");
	make_file(g, "c/x", "x");
	make_file(g, "c/b/hidden", "x");
	g->excludes[0] = xasprintf("*/b");
	g->request.n_excludes = 1;
	walk(g);
	assert_targets(g, rest, 2);
	assert_int_equal(g->passed[REASON_EXCLUDED], 2);
	free(g->excludes[0]);
	g->excludes[0] = xstrdup(g->folder);
	walk(g);
	assert_int_equal(g->n_targets, 0);
	assert_int_equal(g->passed[REASON_EXCLUDED], 1);
}

static void
a_root_that_is_not_there_is_missed(void **state)
{
	struct ground *g = *state;

	free(g->roots[0]);
	g->roots[0] = path_of(g, "none");
	walk(g);
	assert_int_equal(g->n_missed, 1);
	assert_int_equal(g->missed_reason, REASON_OPEN_FAILED);
	assert_string_equal(g->missed, g->roots[0]);
}

static void
a_root_may_be_a_file_or_a_link_and_end_in_slashes(void **state)
{
	static const char *const below[] = { "x" };
	static const char *const itself[] = { "" };
	struct ground *g = *state;
	char *link = path_of(g, "link");

	make_folder(g, "folder");
	make_file(g, "folder/x", "x");
	assert_int_equal(symlink("folder", link), 0);
	free(g->roots[0]);
	g->roots[0] = link;
	walk(g);
	assert_targets(g, below, 1);
	free(g->roots[0]);
	g->roots[0] = path_of(g, "folder/x");
	walk(g);
	assert_targets(g, itself, 1);
	free(g->roots[0]);
	g->roots[0] = path_of(g, "folder///");
	walk(g);
	assert_int_equal(g->n_targets, 1);
	assert_int_equal(g->n_missed, 0);
}

static void
a_pseudo_file_system_is_not_entered(void **state)
{
	struct ground *g = *state;

	free(g->roots[0]);
	g->roots[0] = xstrdup("/proc/self");
	walk(g);
	assert_int_equal(g->n_targets, 0);
	assert_int_equal(g->passed[REASON_PSEUDO], 1);
}

static void
remove_it(struct ground *g, const char *path)
{
	if (strstr(path, "/goes") != NULL)
		(void)remove(path);
	(void)g;
}

static void
what_vanishes_before_it_is_opened_is_passed_over(void **state)
{
	static const char *const rest[] = { "a", "z" };
	struct ground *g = *state;

	make_file(g, "a", "x");
	make_file(g, "goes1", "x");
	make_folder(g, "goes2");
	make_file(g, "z", "x");
	g->meanwhile = remove_it;
	walk(g);
	assert_targets(g, rest, 2);
	assert_int_equal(g->passed[REASON_VANISHED], 2);
	assert_int_equal(g->n_missed, 0);
}

/* What was a file or folder is a link, or a fifo, when it is opened. */
static void
swap_it(struct ground *g, const char *path)
{
	if (strstr(path, "/swap") != NULL) {
		(void)remove(path);
		assert_int_equal(symlink("/etc", path), 0);
	} else if (strstr(path, "/pipe") != NULL) {
		(void)remove(path);
		(void)mkfifo(path, 0600);
	}
	(void)g;
}

static void
what_is_replaced_by_a_link_or_a_fifo_is_not_followed(void **state)
{
	static const char *const rest[] = { "a" };
	struct ground *g = *state;

	make_file(g, "a", "x");
	make_file(g, "pipe", "x");
	make_file(g, "swap1", "x");
	make_folder(g, "swap2");
	g->meanwhile = swap_it;
	walk(g);
	assert_targets(g, rest, 1);
	assert_int_equal(g->passed[REASON_FIFO], 1);
	/* A link in place of a folder is ENOTDIR or ELOOP, by kernel. */
	assert_int_equal(g->passed[REASON_LINK] + g->n_missed, 2);
}

static void
what_may_not_be_read_is_missed(void **state)
{
	struct ground *g = *state;
	char *closed = path_of(g, "closed");
	char *file = path_of(g, "file");

	make_folder(g, "closed");
	make_file(g, "file", "x");
	assert_int_equal(chmod(closed, 0), 0);
	assert_int_equal(chmod(file, 0), 0);
	free(closed);
	free(file);
	uid_t before = geteuid();

	if (before == 0) {
		assert_int_equal(chown(g->folder, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	walk(g);
	assert_int_equal(seteuid(before), 0);
	assert_int_equal(g->n_missed, 2);
	assert_int_equal(g->missed_reason, REASON_DENIED);
	assert_int_equal(g->n_targets, 0);
}

/* Move the middle of a deep chain away when its end is reached. */
static void
move_chain(struct ground *g, const char *path)
{
	char *from, *to;

	if (strlen(path) < strlen(g->folder) + (WALK_OPEN_MAX + 20) * 5)
		return;
	g->meanwhile = NULL;
	from = path_of(g, "deep/deep/deep/deep/deep/deep/deep/deep");
	to = path_of(g, "moved");
	assert_int_equal(rename(from, to), 0);
	free(from);
	free(to);
}

static void
folders_that_are_lost_when_one_is_moved_are_each_missed(void **state)
{
	struct ground *g = *state;
	int fd = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < WALK_OPEN_MAX + 30; i++) {
		assert_int_equal(mkdirat(fd, "deep", 0700), 0);
		int below = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		(void)close(fd);
		fd = below;
	}
	(void)close(fd);
	make_file(g, "z", "x");
	make_file(g, "deep/z", "x");
	make_file(g, "deep/deep/z", "x");
	g->meanwhile = move_chain;
	walk(g);
	/* Two of the folders above the one that moved hold what was not yet walked. */
	assert_int_equal(g->missed_reason, REASON_MOVED);
	assert_int_equal(g->n_missed, 2);
	assert_int_equal(g->n_targets, 1);
	assert_string_equal(g->targets[0], "z");
	char *moved = path_of(g, "moved");
	char *back = path_of(g, "deep/deep/deep/deep/deep/deep/deep/deep");

	(void)rename(moved, back);
	free(moved);
	free(back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(what_is_no_regular_file_is_passed_over),
		with_ground(a_device_is_never_opened),
		with_ground(a_file_of_several_names_is_handed_out_once),
		with_ground(excluded_files_and_folders_are_passed_over),
		with_ground(a_root_that_is_not_there_is_missed),
		with_ground(a_root_may_be_a_file_or_a_link_and_end_in_slashes),
		with_ground(a_pseudo_file_system_is_not_entered),
		with_ground(what_vanishes_before_it_is_opened_is_passed_over),
		with_ground(what_is_replaced_by_a_link_or_a_fifo_is_not_followed),
		with_ground(what_may_not_be_read_is_missed),
		with_ground(folders_that_are_lost_when_one_is_moved_are_each_missed),
	};

	return cmocka_run_group_tests_name("walk_hazards", tests, NULL, NULL);
}

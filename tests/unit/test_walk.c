/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file_facts.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { DEPTH = 2000, NAMES = 20 * 1000 };

static void
files_come_in_the_order_of_their_bytes(void **state)
{
	static const char *const in_order[] = { "B", "a", "a-b", "a.d/x", "a.d/y",
		"b/c/z", "b0", "new\nline", "\xff\xfe" };
	static const char *const made[] = { "new\nline", "b0", "\xff\xfe", "a", "B",
		"a-b", "b/c/z", "a.d/y", "a.d/x" };
	struct ground *g = *state;

	make_folder(g, "b");
	make_folder(g, "b/c");
	make_folder(g, "a.d");
	make_folder(g, "empty");
	for (size_t i = 0; i < MH_ARRAY_LEN(made); i++)
		make_file(g, made[i], "12345");
	walk(g);
	assert_targets(g, in_order, MH_ARRAY_LEN(in_order));
	assert_int_equal(g->n_bytes, 5 * MH_ARRAY_LEN(in_order));
	assert_int_equal(g->n_folders, 5);
	assert_int_equal(g->n_missed, 0);
	g->request.is_count = true;
	walk(g);
	assert_int_equal(g->n_counted, MH_ARRAY_LEN(in_order));
	assert_int_equal(g->n_targets, 0);
}

static void
behind_every_path_of_a_tree_the_rest_is_walked_exactly(void **state)
{
	static const char *const names[] = { "a", "a-b", "a.d/x", "a.d/y", "b/c/y",
		"b/c/z", "b/d", "b0", "c" };
	struct ground *g = *state;

	make_folder(g, "b");
	make_folder(g, "b/c");
	make_folder(g, "a.d");
	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++)
		make_file(g, names[i], "x");
	for (unsigned at = 0; at < MH_ARRAY_LEN(names); at++) {
		free(g->request.resume);
		g->request.resume = xasprintf("%s/%s", g->folder, names[at]);
		walk(g);
		assert_targets(g, names + at + 1, (unsigned)MH_ARRAY_LEN(names) - at - 1);
	}
	/* Behind a folder: all of it is passed over.  Behind a name that went: from there on. */
	free(g->request.resume);
	g->request.resume = xasprintf("%s/b/c", g->folder);
	walk(g);
	assert_targets(g, names + 6, 3);
	free(g->request.resume);
	g->request.resume = xasprintf("%s/a.d/xx", g->folder);
	walk(g);
	assert_targets(g, names + 3, 6);
	free(g->request.resume);
	g->request.resume = xasprintf("%s/b/a/gone", g->folder);
	walk(g);
	assert_targets(g, names + 4, 5);
	/* A cursor of another tree means nothing: all again. */
	free(g->request.resume);
	g->request.resume = xstrdup("/somewhere/else");
	walk(g);
	assert_targets(g, names, MH_ARRAY_LEN(names));
}

static void
roots_before_the_cursor_are_done_with(void **state)
{
	static const char *const rest[] = { "y" };
	struct ground *g = *state;

	make_folder(g, "one");
	make_folder(g, "two");
	make_file(g, "one/x", "x");
	make_file(g, "two/x", "x");
	make_file(g, "two/y", "x");
	g->request.n_roots = 2;
	g->roots[1] = xasprintf("%s/two", g->folder);
	free(g->roots[0]);
	g->roots[0] = xasprintf("%s/one", g->folder);
	walk(g);
	assert_int_equal(g->n_targets, 3);
	free(g->request.resume);
	g->request.resume = xasprintf("%s/two/x", g->folder);
	walk(g);
	assert_targets(g, rest, 1);
}

static void
two_thousand_folders_deep_is_no_limit(void **state)
{
	struct ground *g = *state;
	int fd = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < DEPTH; i++) {
		assert_int_equal(mkdirat(fd, "deep", 0700), 0);
		int below = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		(void)close(fd);
		fd = below;
		assert_true(fd >= 0);
	}
	int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(file, "bottom", 6), 6);
	(void)close(file);
	(void)close(fd);
	make_file(g, "after", "x");
	make_file(g, "zz", "x");
	walk(g);
	assert_int_equal(g->n_missed, 0);
	assert_int_equal(g->n_folders, DEPTH + 1);
	/* The way back up was found too: what comes behind was walked. */
	assert_int_equal(g->n_targets, 3);
	assert_string_equal(g->targets[0], "after");
	assert_true(
	    strlen(g->targets[1]) == DEPTH * 5 + 4 && strlen(g->targets[1]) > 4096);
	assert_string_equal(g->targets[2], "zz");
}

static void
twenty_thousand_names_in_one_folder_are_all_visited(void **state)
{
	struct ground *g = *state;

	for (unsigned i = 0; i < NAMES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%05u", i * 7919 % NAMES);
		make_file(g, name, "");
	}
	walk(g);
	assert_int_equal(g->n_targets, NAMES);
	for (unsigned i = 0; i < TARGETS_MAX; i++) {
		uint64_t number = 0;

		assert_ok(parse_u64(g->targets[i], 0, NAMES, &number));
		assert_int_equal(number, i);
	}
	free(g->request.resume);
	g->request.resume = xasprintf("%s/%05u", g->folder, NAMES - 3);
	walk(g);
	assert_int_equal(g->n_targets, 2);
}

static struct clean_key
key_of(const struct ground *g, const char *name)
{
	char *path = xasprintf("%s/%s", g->folder, name);
	struct target t = { .id = 0 };
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	file_facts(&t, &st);
	free(path);
	return clean_key_of(&t);
}

static void
what_the_table_knows_is_passed_over_until_it_changes(void **state)
{
	static const uint8_t bytes[CLEAN_CONTEXT_BYTES] = { 1 };
	static const char *const others[] = { "b", "c/d" };
	static const char *const changed[] = { "a", "b", "c/d" };
	struct ground *g = *state;
	uint32_t today = (uint32_t)(clock_real_ms() / (24 * 60 * 60 * 1000));

	make_folder(g, "c");
	make_file(g, "a", "text");
	make_file(g, "b", "text");
	make_file(g, "c/d", "text");
	make_file(g, "c/e", "text");
	assert_ok(clean_table_new(CLEAN_ENTRIES_MIN, 365, bytes, bytes, &g->clean));
	struct clean_key a = key_of(g, "a"), e = key_of(g, "c/e");
	/* Twice, for a test that runs over midnight. */
	for (uint32_t day = today; day <= today + 1; day++) {
		assert_ok(clean_table_add(g->clean, clean_table_hash(g->clean, &a, day)));
		assert_ok(clean_table_add(g->clean, clean_table_hash(g->clean, &e, day)));
	}
	walk(g);
	assert_targets(g, others, 2);
	assert_int_equal(g->n_unchanged, 2);
	assert_int_equal(g->n_missed, 0);
	make_file(g, "a", "longer text");
	walk(g);
	assert_targets(g, changed, 3);
	assert_int_equal(g->n_unchanged, 1);
	/* A file that is named is read. */
	free(g->roots[0]);
	g->roots[0] = xasprintf("%s/c/e", g->folder);
	walk(g);
	assert_int_equal(g->n_targets, 1);
	assert_int_equal(g->n_unchanged, 0);
}

static void
only_what_the_patterns_name_is_opened(void **state)
{
	static const char *const chosen[] = { "ACAD.lsp", "b/x.Conf" };
	char *only[] = { (char *)"acad.lsp", (char *)"*/b/*.conf" };
	struct ground *g = *state;

	make_folder(g, "b");
	make_file(g, "ACAD.lsp", "x");
	make_file(g, "b/x.Conf", "x");
	make_file(g, "b/y", "x");
	make_file(g, "x.conf", "x");
	g->request.only = only;
	g->request.n_only = 2;
	walk(g);
	assert_targets(g, chosen, 2);
	assert_int_equal(g->passed[REASON_NOT_CHOSEN], 2);
	g->request.only = NULL;
	g->request.n_only = 0;
}

static void
what_did_not_change_is_passed_over(void **state)
{
	struct ground *g = *state;

	make_file(g, "a", "x");
	g->request.changed_since_ns = INT64_C(4102444800) * 1000000000;
	walk(g);
	assert_int_equal(g->n_targets, 0);
	assert_int_equal(g->n_unchanged, 1);
	g->request.changed_since_ns = 1;
	walk(g);
	assert_int_equal(g->n_targets, 1);
}

static void
roots_may_be_patterns(void **state)
{
	static const char *const matched[] = { "h/a/.c/x", "h/b/.c/x" };
	static const char *const after[] = { "h/b/.c/x" };
	static const char *const tailed[] = { "h/b/deep/Acad.LSP" };
	struct ground *g = *state;
	MH_CLEANUP(freep) char *link = xasprintf("%s/h/z", g->folder);

	make_folder(g, "h");
	make_folder(g, "h/a");
	make_folder(g, "h/b");
	make_folder(g, "h/b/deep");
	make_folder(g, "h/a/.c");
	make_folder(g, "h/b/.c");
	make_file(g, "h/a/.c/x", "x");
	make_file(g, "h/b/.c/x", "x");
	make_file(g, "h/b/deep/Acad.LSP", "x");
	assert_int_equal(symlink("b", link), 0);
	free(g->roots[0]);
	g->roots[0] = xasprintf("%s/h/*/.c", g->folder);
	g->request.are_patterns = true;
	walk(g);
	assert_targets(g, matched, 2);
	assert_int_equal(g->n_missed, 0);
	free(g->request.resume);
	g->request.resume = xasprintf("%s/h/a/.c/x", g->folder);
	walk(g);
	assert_targets(g, after, 1);
	free(g->request.resume);
	g->request.resume = xstrdup("");
	free(g->roots[0]);
	g->roots[0] = xasprintf("%s/h/**/@(acad.lsp|no)", g->folder);
	walk(g);
	assert_targets(g, tailed, 1);
	free(g->roots[0]);
	g->roots[0] = xasprintf("%s/none/*", g->folder);
	walk(g);
	assert_int_equal(g->n_targets + g->n_missed, 0);
	free(g->roots[0]);
	g->roots[0] = xstrdup("~/.none-of-these-*");
	walk(g);
	assert_int_equal(g->n_targets + g->n_missed, 0);
}

/* Links, fifos, folders, and further names of a file; the walked folder itself comes first. */
static void
names_of_what_is_not_opened_are_told_when_wanted(void **state)
{
	static const char *const names[] = { "", "b", "fifo", "link", "twin" };
	struct ground *g = *state;
	char *path = xasprintf("%s/link", g->folder);
	char *twin = xasprintf("%s/twin", g->folder);
	char *file = xasprintf("%s/a", g->folder);
	char *fifo = xasprintf("%s/fifo", g->folder);

	make_file(g, "a", "x");
	make_folder(g, "b");
	make_file(g, "b/c", "x");
	assert_int_equal(symlink("a", path), 0);
	assert_int_equal(link(file, twin), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	walk(g);
	assert_int_equal(g->n_names, 0);
	assert_int_equal(g->n_targets, 2);
	g->request.wants_names = true;
	walk(g);
	assert_int_equal(g->n_targets, 2);
	assert_int_equal(g->n_names, MH_ARRAY_LEN(names));
	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++)
		assert_string_equal(g->names[i], names[i]);
	/* A folder that the cursor lies in was told before. */
	free(g->request.resume);
	g->request.resume = xasprintf("%s/b/c", g->folder);
	walk(g);
	assert_int_equal(g->n_names, 2);
	assert_int_equal(g->n_targets, 1); /* the twin of what was passed over */
	g->request.is_count = true;
	walk(g);
	assert_int_equal(g->n_names, 0);
	free(path);
	free(twin);
	free(file);
	free(fifo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(only_what_the_patterns_name_is_opened),
		with_ground(what_did_not_change_is_passed_over),
		with_ground(roots_may_be_patterns),
		with_ground(names_of_what_is_not_opened_are_told_when_wanted),
		with_ground(files_come_in_the_order_of_their_bytes),
		with_ground(what_the_table_knows_is_passed_over_until_it_changes),
		with_ground(behind_every_path_of_a_tree_the_rest_is_walked_exactly),
		with_ground(roots_before_the_cursor_are_done_with),
		with_ground(two_thousand_folders_deep_is_no_limit),
		with_ground(twenty_thousand_names_in_one_folder_are_all_visited),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}

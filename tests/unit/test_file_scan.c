/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "scanners/file_scan.h"

enum { MIB = 1024 * 1024 };

struct ground {
	char *folder;
	char *path;
	int fd;
	struct ruleset *rs;
	struct scan_setup setup;
	struct file_scanner *fs;
	struct target t;
	struct verdict v;
	struct match_outcome o;
	/* What happens to the file before each scan of its content. */
	void (*meanwhile)(struct ground *g);
	unsigned n_scans;
};

static int
group_setup(void **state)
{
	(void)state;
	return yr_initialize() == ERROR_SUCCESS ? 0 : -1;
}

static int
group_teardown(void **state)
{
	(void)state;
	return yr_finalize() == ERROR_SUCCESS ? 0 : -1;
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->path = xasprintf("%s/Name.EXE", g->folder);
	g->fd = open(g->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g->rs = ruleset_new();
	scan_setup_init(&g->setup);
	g->setup.max_file_bytes = 4 * MIB;
	*state = g;
	return g->fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	match_outcome_clear(&g->o);
	verdict_clear(&g->v);
	file_scanner_free(g->fs);
	ruleset_free(g->rs);
	(void)close(g->fd);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g->path);
	free(g);
	return 0;
}

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	assert_true(result->is_used);
}

static void
on_pulse(void *ctx)
{
	struct ground *g = ctx;

	g->n_scans++;
	if (g->meanwhile != NULL)
		g->meanwhile(g);
}

#define NEEDLE "rule needle { strings: $n = \"needle\" condition: $n }\n"

static void
rules(struct ground *g, const char *text)
{
	assert_ok(ruleset_add(g->rs, "p/a", text, strlen(text)));
	assert_ok(ruleset_compile(g->rs, on_file, g));
	g->fs = file_scanner_new(g->rs, &g->setup, on_pulse, g);
	assert_non_null(g->fs);
}

static void
content(struct ground *g, const char *text)
{
	assert_int_equal(ftruncate(g->fd, 0), 0);
	assert_int_equal(pwrite(g->fd, text, strlen(text), 0), strlen(text));
}

/* The target as an opener would tell it now. */
static void
look(struct ground *g)
{
	struct stat st;

	assert_int_equal(fstat(g->fd, &st), 0);
	g->t = (struct target){ .id = 42,
		.path = g->path,
		.owner = (char *)(uintptr_t) "somebody",
		.size = (uint64_t)st.st_size,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.ctime_ns =
		    (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec };
}

static void
scan(struct ground *g)
{
	g->n_scans = 0;
	match_outcome_clear(&g->o);
	verdict_clear(&g->v);
	file_scan(g->fs, &g->t, g->fd, &g->v, &g->o);
	assert_int_equal(g->v.target, 42);
	assert_int_equal(g->v.n_matches, g->o.n_matches);
}

static void
a_clean_file_has_no_hash_and_no_reason(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "MZ clean");
	look(g);
	scan(g);
	assert_int_equal(g->v.reason, REASON_NONE);
	assert_int_equal(g->v.n_matches, 0);
	assert_int_equal(g->v.bytes_scanned, 8);
	assert_false(g->v.has_sha256 || g->v.has_sha1 || g->v.has_md5);
	assert_string_equal(g->v.filetype, "EXE");
	assert_int_equal(g->n_scans, 1);
}

static void
what_matches_is_found_with_its_hashes(void **state)
{
	struct ground *g = *state;

	rules(g, "rule abc { strings: $a = \"abc\" condition: $a }");
	content(g, "abc");
	look(g);
	scan(g);
	assert_int_equal(g->v.n_matches, 1);
	assert_true(g->v.has_sha256 && g->v.has_md5);
	assert_false(g->v.has_sha1);
	assert_memory_equal(g->v.md5, "\x90\x01\x50\x98", 4);
	assert_null(g->v.origin_url);
	char *hex = text_hex(g->v.sha256, 32);

	assert_string_equal(hex,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	free(hex);
}

/* Set an attribute of the file; skips where the file system has none. */
static void
attribute(struct ground *g, const char *name, size_t len)
{
	char *value = xcalloc(1, len + 1);

	memset(value, 'u', len);
	bool is_set = fsetxattr(g->fd, name, value, len, 0) == 0;
	int why = errno;

	free(value);
	if (!is_set && (why == ENOTSUP || why == ENOSPC || why == E2BIG)) {
		print_message("the file system has no room for attributes\n");
		skip();
	}
	assert_true(is_set);
}

static void
what_is_found_tells_where_it_was_loaded_from(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "a needle");
	attribute(g, "user.xdg.origin.url", ORIGIN_BYTES_MAX);
	attribute(g, "user.xdg.referrer.url", 9);
	look(g);
	scan(g);
	assert_int_equal(strlen(g->v.origin_url), ORIGIN_BYTES_MAX);
	assert_string_equal(g->v.origin_referrer, "uuuuuuuuu");
	assert_int_equal(fsetxattr(g->fd, "user.xdg.referrer.url", "a\0b", 3, 0), 0);
	assert_int_equal(fremovexattr(g->fd, "user.xdg.origin.url"), 0);
	look(g);
	scan(g);
	assert_null(g->v.origin_url);
	assert_string_equal(g->v.origin_referrer, "a");
	content(g, "clean");
	look(g);
	scan(g);
	assert_null(g->v.origin_referrer);
}

static void
an_origin_of_any_length_is_told_up_to_the_limit(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "a needle");
	attribute(g, "user.xdg.origin.url", ORIGIN_BYTES_MAX + 1);
	look(g);
	scan(g);
	assert_int_equal(strlen(g->v.origin_url), ORIGIN_BYTES_MAX);
}

static void
all_hashes_are_made_when_asked(void **state)
{
	struct ground *g = *state;

	g->setup.hash_all = true;
	rules(g, NEEDLE);
	content(g, "clean");
	look(g);
	scan(g);
	assert_true(g->v.has_sha256 && g->v.has_sha1 && g->v.has_md5);
	content(g, "");
	look(g);
	scan(g);
	assert_int_equal(g->v.reason, REASON_NONE);
	assert_true(g->v.has_md5);
	assert_memory_equal(g->v.md5, "\xd4\x1d\x8c\xd9", 4);
}

static void
externals_carry_the_files_own_values(void **state)
{
	struct ground *g = *state;
	char *text;

	text = xasprintf(
	    "rule values { condition: filename == \"Name.EXE\" and filepath == \"%s\" "
	    "and "
	    "extension == \".exe\" and filetype == \"ELF\" and owner == \"somebody\" "
	    "and md5 == \"d1531b1622de54fe3a0187c3344600e9\" }",
	    g->folder);
	rules(g, text);
	free(text);
	content(g, "\x7f"
		   "ELF");
	look(g);
	scan(g);
	assert_true(g->v.has_md5);
	assert_int_equal(g->v.n_matches, 1);
}

static void
a_name_in_the_root_has_the_root_as_folder(void **state)
{
	struct ground *g = *state;
	char root[] = "/file";

	rules(g, "rule r { condition: filepath == \"/\" and filename == \"file\" and "
		 "extension == \"\" }");
	content(g, "x");
	look(g);
	g->t.path = root;
	scan(g);
	assert_int_equal(g->v.n_matches, 1);
}

static void
a_file_that_changed_since_it_was_opened_is_scanned_as_it_is_now(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "hay");
	look(g);
	content(g, "hay and a needle");
	scan(g);
	assert_int_equal(g->v.reason, REASON_NONE);
	assert_int_equal(g->v.n_matches, 1);
	assert_int_equal(g->v.bytes_scanned, 16);
	assert_int_equal(g->n_scans, 2);
}

static void
grow(struct ground *g)
{
	struct stat st;

	(void)fstat(g->fd, &st);
	assert_int_equal(pwrite(g->fd, "more", 4, st.st_size), 4);
}

static void
a_file_that_keeps_changing_is_told(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "hay");
	look(g);
	g->meanwhile = grow;
	scan(g);
	assert_int_equal(g->n_scans, 2);
	assert_int_equal(g->v.reason, REASON_CHANGED);
	assert_true(g->v.partly);
	assert_int_equal(g->v.target, 42);
}

static void
what_was_found_stays_found_when_the_file_changes(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	content(g, "needle");
	look(g);
	g->meanwhile = grow;
	scan(g);
	assert_int_equal(g->n_scans, 1);
	assert_int_equal(g->v.n_matches, 1);
	assert_int_equal(g->v.reason, REASON_CHANGED);
}

static void
shrink(struct ground *g)
{
	struct stat st;

	(void)fstat(g->fd, &st);
	assert_int_equal(ftruncate(g->fd, st.st_size > 8192 ? st.st_size - 8192 : 0), 0);
}

static void
a_mapped_file_that_shrinks_while_it_is_read_is_told(void **state)
{
	struct ground *g = *state;

	g->setup.hash_all = true;
	rules(g, NEEDLE);
	assert_int_equal(ftruncate(g->fd, 3 * MIB), 0);
	look(g);
	g->meanwhile = shrink;
	scan(g);
	assert_int_equal(g->v.reason, REASON_TRUNCATED);
	assert_true(g->v.partly);
	assert_false(g->v.has_sha256 || g->v.has_sha1 || g->v.has_md5);
}

/* Dense bytes without a needle. */
static void
fill(struct ground *g, off_t offset, size_t len)
{
	char *bytes = xcalloc(len, 1);

	memset(bytes, '.', len);
	assert_int_equal(pwrite(g->fd, bytes, len, offset), len);
	free(bytes);
}

static void
a_file_past_the_limit_is_scanned_in_part_and_not_hashed(void **state)
{
	struct ground *g = *state;

	g->setup.hash_all = true;
	rules(g, NEEDLE "rule sum { condition: md5 == \"x\" }");
	fill(g, 0, 4 * MIB);
	look(g);
	scan(g);
	assert_int_equal(g->v.reason, REASON_NONE);
	assert_true(g->v.has_sha256);
	fill(g, 4 * MIB, 1);
	look(g);
	scan(g);
	assert_int_equal(g->v.reason, REASON_TOO_LARGE);
	assert_true(g->v.partly);
	assert_int_equal(g->v.bytes_scanned, 4 * MIB);
	assert_false(g->v.has_sha256 || g->v.has_sha1 || g->v.has_md5);
}

static void
data_between_holes_is_no_whole_file_to_hash(void **state)
{
	struct ground *g = *state;

	g->setup.hash_all = true;
	rules(g, NEEDLE "rule sum { condition: md5 == \"x\" }");
	fill(g, 4096, 4096);
	assert_int_equal(ftruncate(g->fd, 64 * MIB), 0);
	look(g);
	scan(g);
	/* Rules did not see the zeros of the holes, and a hash would be another's. */
	assert_int_equal(g->v.reason, REASON_TOO_LARGE);
	assert_true(g->v.partly);
	assert_int_equal(g->v.bytes_scanned, 4096);
	assert_false(g->v.has_sha256);
	assert_false(g->v.has_md5);
}

static void
what_cannot_be_read_is_told_with_its_reason(void **state)
{
	struct ground *g = *state;

	rules(g, NEEDLE);
	look(g);
	(void)close(g->fd);
	g->fd = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->t.size = 10;
	scan(g);
	assert_int_equal(g->v.reason, REASON_READ_FAILED);
	assert_false(g->v.partly);
	assert_string_equal(g->v.detail, "Is a directory");
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_clean_file_has_no_hash_and_no_reason),
		with_ground(what_matches_is_found_with_its_hashes),
		with_ground(what_is_found_tells_where_it_was_loaded_from),
		with_ground(an_origin_of_any_length_is_told_up_to_the_limit),
		with_ground(all_hashes_are_made_when_asked),
		with_ground(externals_carry_the_files_own_values),
		with_ground(a_name_in_the_root_has_the_root_as_folder),
		with_ground(
		    a_file_that_changed_since_it_was_opened_is_scanned_as_it_is_now),
		with_ground(a_file_that_keeps_changing_is_told),
		with_ground(what_was_found_stays_found_when_the_file_changes),
		with_ground(a_mapped_file_that_shrinks_while_it_is_read_is_told),
		with_ground(a_file_past_the_limit_is_scanned_in_part_and_not_hashed),
		with_ground(data_between_holes_is_no_whole_file_to_hash),
		with_ground(what_cannot_be_read_is_told_with_its_reason),
	};

	return cmocka_run_group_tests_name("file_scan", tests, group_setup,
	    group_teardown);
}

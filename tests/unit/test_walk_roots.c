/* SPDX-License-Identifier: BSD-2-Clause */
/* Roots out of patterns: what is found, and what is told where it cannot be. */
#include "agent/walk_roots.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_walk.h"

static void
set_root(struct ground *g, unsigned i, char *pattern)
{
	free(g->roots[i]);
	g->roots[i] = pattern;
	if (g->request.n_roots <= i)
		g->request.n_roots = i + 1;
	g->request.are_patterns = true;
}

static void
make_link(struct ground *g, const char *to, const char *name)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", g->folder, name);

	assert_int_equal(symlink(to, path), 0);
}

static void
assert_missed(const struct ground *g, enum reason reason, const char *below)
{
	assert_int_equal(g->n_missed, 1);
	assert_int_equal(g->missed_reason, reason);
	assert_string_equal(g->missed + strlen(g->folder), below);
}

static void
a_place_that_is_not_there_is_told_to_nobody(void **state)
{
	struct ground *g = *state;

	make_file(g, "file", "x");
	make_link(g, "nowhere", "dangling");
	set_root(g, 0, xasprintf("%s/none/x", g->folder));
	set_root(g, 1, xasprintf("%s/file/x*", g->folder));
	walk(g);
	assert_int_equal(g->n_targets + g->n_missed, 0);
	set_root(g, 1, xasprintf("%s/dangling/x*", g->folder));
	walk(g);
	assert_int_equal(g->n_targets + g->n_missed, 0);
}

static void
a_folder_that_may_not_be_read_is_told_once(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *h = xasprintf("%s/h", g->folder);
	MH_CLEANUP(freep) char *closed = xasprintf("%s/h/closed", g->folder);
	bool is_root = geteuid() == 0;

	make_folder(g, "h");
	make_folder(g, "h/closed");
	make_file(g, "h/closed/x", "x");
	set_root(g, 0, xasprintf("%s/h/*/x*", g->folder));
	set_root(g, 1, xasprintf("%s/h/*/y*", g->folder));
	assert_int_equal(chmod(g->folder, 0755), 0);
	assert_int_equal(chmod(h, 0755), 0);
	assert_int_equal(chmod(closed, 0), 0);
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	walk(g);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(closed, 0700), 0);
	assert_int_equal(g->n_targets, 0);
	assert_missed(g, REASON_DENIED, "/h/closed");
}

static void
a_link_behind_a_pattern_leads_nowhere(void **state)
{
	static const char *const real[] = { "h/a/.c/x" };
	struct ground *g = *state;

	make_folder(g, "elsewhere");
	make_folder(g, "elsewhere/.c");
	make_file(g, "elsewhere/.c/secret", "x");
	make_folder(g, "h");
	make_folder(g, "h/a");
	make_folder(g, "h/a/.c");
	make_folder(g, "h/b");
	make_file(g, "h/a/.c/x", "x");
	make_link(g, "../../elsewhere/.c", "h/b/.c");
	make_link(g, "../elsewhere", "h/c");
	set_root(g, 0, xasprintf("%s/h/*/.c", g->folder));
	walk(g);
	assert_targets(g, real, 1);
	set_root(g, 0, xasprintf("%s/h/*/.c/*", g->folder));
	walk(g);
	assert_targets(g, real, 1);
}

/* When the match is opened for its walk, its folder has become a link. */
static void
swap_for_link(struct ground *g, const char *path)
{
	MH_CLEANUP(freep) char *match = xasprintf("%s/h/z/.c", g->folder);
	MH_CLEANUP(freep) char *user = xasprintf("%s/h/a", g->folder);
	MH_CLEANUP(freep) char *aside = xasprintf("%s/h-aside", g->folder);

	/* The last match is looked at behind all expansion of the first. */
	if (strcmp(path, match) != 0 || rename(user, aside) != 0)
		return;
	make_link(g, "../elsewhere", "h/a");
}

static void
a_match_that_becomes_a_link_before_it_is_walked_is_not_followed(void **state)
{
	static const char *const rest[] = { "h/z/.c/x" };
	struct ground *g = *state;

	make_folder(g, "elsewhere");
	make_folder(g, "elsewhere/.c");
	make_file(g, "elsewhere/.c/secret", "x");
	make_folder(g, "h");
	make_folder(g, "h/a");
	make_folder(g, "h/a/.c");
	make_folder(g, "h/z");
	make_folder(g, "h/z/.c");
	make_file(g, "h/a/.c/x", "x");
	make_file(g, "h/z/.c/x", "x");
	set_root(g, 0, xasprintf("%s/h/*/.c", g->folder));
	g->meanwhile = swap_for_link;
	walk(g);
	assert_targets(g, rest, 1);
	assert_int_equal(g->passed[REASON_VANISHED], 1);
}

static void
links_before_the_first_pattern_are_followed(void **state)
{
	static const char *const behind[] = { "link/a/x" };
	struct ground *g = *state;

	make_folder(g, "real");
	make_folder(g, "real/a");
	make_file(g, "real/a/x", "x");
	make_link(g, "real", "link");
	set_root(g, 0, xasprintf("%s/link/*/x", g->folder));
	walk(g);
	assert_targets(g, behind, 1);
	set_root(g, 0, xasprintf("%s/link/a", g->folder));
	walk(g);
	assert_targets(g, behind, 1);
}

static void
what_is_excluded_is_not_looked_into_for_matches(void **state)
{
	static const char *const rest[] = { "h/b/x" };
	struct ground *g = *state;

	make_folder(g, "h");
	make_folder(g, "h/a");
	make_folder(g, "h/b");
	make_file(g, "h/a/x", "x");
	make_file(g, "h/b/x", "x");
	g->excludes[0] = xasprintf("%s/h/a", g->folder);
	g->request.n_excludes = 1;
	set_root(g, 0, xasprintf("%s/h/*/x", g->folder));
	set_root(g, 1, xasprintf("%s/h/*/y", g->folder));
	walk(g);
	assert_targets(g, rest, 1);
	assert_int_equal(g->passed[REASON_EXCLUDED], 1);
	/* A walk that goes on has told it before. */
	free(g->request.resume);
	g->request.resume = xasprintf("%s/h/b", g->folder);
	walk(g);
	assert_int_equal(g->passed[REASON_EXCLUDED], 0);
}

static void
never_the_avoided(struct ground *g, const char *path)
{
	MH_CLEANUP(freep) char *avoided = xasprintf("%s/h/a", g->folder);
	MH_CLEANUP(freep) char *file = xasprintf("%s/h/b/hung", g->folder);

	assert_true(strncmp(path, avoided, strlen(avoided)) != 0);
	assert_string_not_equal(path, file);
}

static void
what_hung_is_touched_neither_for_matches_nor_by_the_walk(void **state)
{
	static const char *const rest[] = { "h/b/hunger", "h/b/x" };
	struct ground *g = *state;
	char *avoids[] = { xasprintf("%s/h/a", g->folder),
		xasprintf("%s/h/b/hung", g->folder) };

	make_folder(g, "h");
	make_folder(g, "h/a");
	make_folder(g, "h/b");
	make_file(g, "h/a/x", "x");
	make_file(g, "h/b/hung", "x");
	make_file(g, "h/b/hunger", "x");
	make_file(g, "h/b/x", "x");
	g->request.avoids = avoids;
	g->request.n_avoids = 2;
	g->meanwhile = never_the_avoided;
	set_root(g, 0, xasprintf("%s/h/*/*", g->folder));
	walk(g);
	assert_targets(g, rest, 2);
	set_root(g, 0, xasprintf("%s/h/b*", g->folder));
	walk(g);
	assert_targets(g, rest, 2);
	assert_int_equal(g->n_missed, 0);
	g->request.n_avoids = 0;
	free(avoids[0]);
	free(avoids[1]);
}

/* Files with these names, and one root for each. */
static void
make_matches(struct ground *g, unsigned n)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/m", g->folder);
	int dir = -1;

	(void)mkdir(folder, 0700);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *name = xasprintf("%08u", i);
		int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		(void)close(fd);
	}
	(void)close(dir);
}

static void
matches_beyond_their_limit_are_told(void **state)
{
	struct ground *g = *state;

	g->request.is_count = true;
	make_matches(g, WALK_MATCHES_MAX);
	set_root(g, 0, xasprintf("%s/m/*", g->folder));
	walk(g);
	assert_int_equal(g->n_counted, WALK_MATCHES_MAX);
	assert_int_equal(g->n_missed, 0);
	/* One more, of another pattern. */
	make_file(g, "one", "x");
	set_root(g, 1, xasprintf("%s/on*", g->folder));
	walk(g);
	assert_int_equal(g->n_counted, WALK_MATCHES_MAX);
	assert_int_equal(g->n_missed, 1);
	assert_int_equal(g->missed_reason, REASON_CROWDED);
	/* One more in the folder. */
	g->request.n_roots = 1;
	make_file(g, "m/more", "x");
	walk(g);
	assert_int_equal(g->n_counted, WALK_MATCHES_MAX);
	assert_missed(g, REASON_CROWDED, "/m");
}

/* In a child with an /etc/passwd and a /home of its own; 77: not permitted here. */
static int
with_passwd(struct ground *g, const char *text, size_t len, int (*f)(struct ground *g))
{
	MH_CLEANUP(freep) char *passwd = xasprintf("%s/passwd", g->folder);
	int status = 0;
	pid_t pid = -1;

	if (file_write_durably(passwd, text, len, 0600) != MH_OK)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount(passwd, "/etc/passwd", NULL, MS_BIND, NULL) != 0 ||
		    mount("tmpfs", "/home", "tmpfs", 0, NULL) != 0)
			_exit(77);
		_exit(f(g));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
walk_homes(struct ground *g)
{
	set_root(g, 0, xstrdup("~/x"));
	walk(g);
	if (g->n_missed == 0)
		return 0;
	return g->missed_reason == REASON_CROWDED ? 1 : 2;
}

/* n homes, one more user in the first of them; returns its length. */
static size_t
make_passwd(unsigned n, char **ret)
{
	char *text = xcalloc(n + 1, 64);
	size_t len = 0;

	for (unsigned i = 0; i <= n; i++)
		len += (size_t)snprintf(text + len, 64, "u:x:%u:1::/nowhere/%u:/bin/sh\n",
		    1000 + i, i % n);
	*ret = text;
	return len;
}

static void
homes_beyond_their_limit_are_told(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *text = NULL;
	size_t len = make_passwd(WALK_HOMES_MAX, &text);
	int status = with_passwd(g, text, len, walk_homes);

	if (status == 77) {
		print_message("no mount namespace of one's own here\n");
		skip();
	}
	assert_int_equal(status, 0);
	free(text);
	len = make_passwd(WALK_HOMES_MAX + 1, &text);
	assert_int_equal(with_passwd(g, text, len, walk_homes), 1);
}

static void
a_passwd_beyond_its_limit_is_told(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *text = xcalloc(WALK_PASSWD_MAX + 1, 1);
	int status = 0;

	memset(text, '#', WALK_PASSWD_MAX + 1);
	status = with_passwd(g, text, WALK_PASSWD_MAX, walk_homes);
	if (status == 77) {
		print_message("no mount namespace of one's own here\n");
		skip();
	}
	assert_int_equal(status, 0);
	assert_int_equal(with_passwd(g, text, WALK_PASSWD_MAX + 1, walk_homes), 2);
}

static void
a_file_system_that_was_not_asked_for_is_told_without_a_look(void **state)
{
	struct ground *g = *state;

	set_root(g, 0, xstrdup("/proc/*/environ"));
	set_root(g, 1, xstrdup("/proc/s*/environ"));
	walk(g);
	assert_int_equal(g->n_targets + g->n_missed, 0);
	assert_int_equal(g->passed[REASON_PSEUDO], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_place_that_is_not_there_is_told_to_nobody),
		with_ground(a_folder_that_may_not_be_read_is_told_once),
		with_ground(a_link_behind_a_pattern_leads_nowhere),
		with_ground(
		    a_match_that_becomes_a_link_before_it_is_walked_is_not_followed),
		with_ground(links_before_the_first_pattern_are_followed),
		with_ground(what_is_excluded_is_not_looked_into_for_matches),
		with_ground(what_hung_is_touched_neither_for_matches_nor_by_the_walk),
		with_ground(matches_beyond_their_limit_are_told),
		with_ground(homes_beyond_their_limit_are_told),
		with_ground(a_passwd_beyond_its_limit_is_told),
		with_ground(a_file_system_that_was_not_asked_for_is_told_without_a_look),
	};

	return cmocka_run_group_tests_name("walk_roots", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

int
walk_setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->request = (struct walk_request){ .resume = xstrdup(""),
		.roots = g->roots,
		.n_roots = 1,
		.excludes = g->excludes };
	g->roots[0] = xstrdup(g->folder);
	*state = g;
	return 0;
}

static void
forget(struct ground *g)
{
	for (unsigned i = 0; i < g->n_targets && i < TARGETS_MAX; i++)
		free(g->targets[i]);
	for (unsigned i = 0; i < g->n_names; i++)
		free(g->names[i]);
	g->n_names = 0;
	free(g->missed);
	g->missed = NULL;
	g->n_targets = g->n_counted = g->n_unchanged = g->n_folders = g->n_missed = 0;
	g->n_bytes = 0;
	memset(g->passed, 0, sizeof(g->passed));
}

/* Folders that are deeper than a path is long go from the inside out. */
static void
remove_chain(const char *folder)
{
	int fds[2] = { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1 };
	unsigned depth = 0;

	while (
	    (fds[1] = openat(fds[0], "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		(void)close(fds[0]);
		fds[0] = fds[1];
		depth++;
	}
	(void)unlinkat(fds[0], "file", 0);
	for (; depth > 0; depth--) {
		fds[1] = openat(fds[0], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(fds[0]);
		fds[0] = fds[1];
		(void)unlinkat(fds[0], "deep", AT_REMOVEDIR);
	}
	(void)close(fds[0]);
}

int
walk_teardown(void **state)
{
	struct ground *g = *state;

	forget(g);
	remove_chain(g->folder);
	(void)tmpdir_teardown((void **)&g->folder);
	clean_table_free(g->clean);
	free(g->request.resume);
	free(g->roots[0]);
	free(g->roots[1]);
	free(g->excludes[0]);
	free(g);
	return 0;
}

static void
on_target(void *ctx, const struct target *t, int fd)
{
	struct ground *g = ctx;
	const char *below =
	    t->path + strlen(g->request.are_patterns ? g->folder : g->roots[0]);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode) && (uint64_t)st.st_ino == t->ino);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	(void)close(fd);
	g->n_bytes += t->size;
	if (g->n_targets < TARGETS_MAX)
		g->targets[g->n_targets] = xstrdup(*below == '/' ? below + 1 : below);
	g->n_targets++;
}

static void
on_name(void *ctx, const struct target *t)
{
	struct ground *g = ctx;
	const char *below = t->path + strlen(g->roots[0]);

	assert_int_equal(t->kind, TARGET_NAME);
	assert_int_equal(t->n_fds, 0);
	assert_true(g->n_names < TARGETS_MAX);
	g->names[g->n_names++] = xstrdup(*below == '/' ? below + 1 : below);
}

static void
on_missed(void *ctx, enum reason reason, const char *path, const char *detail)
{
	struct ground *g = ctx;

	(void)detail;
	free(g->missed);
	g->missed = xstrdup(path);
	g->missed_reason = reason;
	g->n_missed++;
}

static void
on_passed(void *ctx, enum reason reason)
{
	struct ground *g = ctx;

	g->passed[reason]++;
}

static void
before_open(void *ctx, const char *path)
{
	struct ground *g = ctx;

	if (g->meanwhile != NULL)
		g->meanwhile(g, path);
}

static void
on_folder(void *ctx, const char *path)
{
	struct ground *g = ctx;

	(void)path;
	g->n_folders++;
}

static void
on_counted(void *ctx)
{
	struct ground *g = ctx;

	g->n_counted++;
}

static void
on_unchanged(void *ctx, const char *path)
{
	struct ground *g = ctx;

	assert_non_null(path);
	g->n_unchanged++;
}

void
walk(struct ground *g)
{
	static const struct walk_sink sink = { on_target, on_name, on_missed, on_passed,
		before_open, on_folder, on_counted, on_unchanged };

	forget(g);
	walk_run(&g->request, g->clean, &sink, g);
}

void
make_file(struct ground *g, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", g->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	free(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

void
make_folder(struct ground *g, const char *name)
{
	char *path = xasprintf("%s/%s", g->folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

void
assert_targets(const struct ground *g, const char *const *names, unsigned n)
{
	assert_int_equal(g->n_targets, n);
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(g->targets[i], names[i]);
}

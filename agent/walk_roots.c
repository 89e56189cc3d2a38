/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: hostile: folders of users that change while they are read.
 */
#include "agent/walk_roots.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

/* A growing list of owned strings. */
struct names {
	char **items;
	size_t n;
};

static void
names_add(struct names *names, char *name)
{
	names->items = xreallocarray(names->items, names->n + 1, sizeof(char *));
	names->items[names->n++] = name;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static void
add_root(struct walk_roots *roots, const char *path, const char *tail)
{
	if (roots->n == WALK_MATCHES_MAX) {
		roots->n_lost++;
		return;
	}
	roots->items = xreallocarray(roots->items, roots->n + 1, sizeof(*roots->items));
	roots->items[roots->n++] = (struct walk_root){ xstrdup(path),
		tail != NULL ? xasprintf("*/%s", tail) : NULL, 0, 0 };
}

/* /lib and /usr/lib are one: what is the same under two names is walked once. */
static bool
is_known(const struct walk_roots *roots, const struct stat *st)
{
	for (size_t i = 0; i < roots->n; i++) {
		if (roots->items[i].ino == (uint64_t)st->st_ino &&
		    roots->items[i].dev == (uint64_t)st->st_dev)
			return true;
	}
	return false;
}

/* A root that was named without patterns, or with a link before them. */
static void
add_literal(struct walk_roots *roots, const char *path, const struct stat *st)
{
	size_t before = roots->n;

	if (is_known(roots, st))
		return;
	add_root(roots, path, NULL);
	if (roots->n > before) {
		roots->items[before].dev = (uint64_t)st->st_dev;
		roots->items[before].ino = (uint64_t)st->st_ino;
	}
}

static bool
is_pattern(const char *component)
{
	return strpbrk(component, "*?[") != NULL;
}

static void match(struct walk_roots *roots, int dir, const char *path, const char *rest,
    const char *tail, bool may_follow);

/* Go on below the name in dir, with what rest has behind its first component. */
static void
match_name(struct walk_roots *roots, int dir, const char *path, const char *name,
    const char *rest, const char *tail, bool may_follow)
{
	MH_CLEANUP(freep) char *full = xasprintf("%s/%s", path, name);
	int nofollow = may_follow ? 0 : O_NOFOLLOW;
	struct stat st;

	rest += strspn(rest, "/");
	if (*rest == 0) {
		/* A link is not asked for by a pattern: what it names lies elsewhere. */
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
			return;
		if (may_follow && tail == NULL)
			add_literal(roots, full, &st);
		else if (may_follow || !S_ISLNK(st.st_mode))
			add_root(roots, full, tail);
		return;
	}
	if (roots->before_open != NULL)
		roots->before_open(roots->ctx, full);

	MH_CLEANUP(fd_closep)
	int fd =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | nofollow);

	if (fd >= 0)
		match(roots, fd, full, rest, tail, may_follow);
}

/* The names in dir that match, sorted. */
static void
list_matches(int dir, const char *pattern, struct names *ret)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *e = NULL;

	if (d == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	while ((e = readdir(d)) != NULL && ret->n < WALK_MATCHES_MAX) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    fnmatch(pattern, e->d_name, FNM_PERIOD) == 0)
			names_add(ret, xstrdup(e->d_name));
	}
	(void)closedir(d);
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(char *), compare);
}

/* The open folder's path is without a slash at its end; rest is not empty. */
static void
match(struct walk_roots *roots, int dir, const char *path, const char *rest,
    const char *tail, bool may_follow)
{
	size_t len = strcspn(rest, "/");
	MH_CLEANUP(freep) char *component = xstrndup(rest, len);
	struct names names = { 0 };

	if (!is_pattern(component)) {
		match_name(roots, dir, path, component, rest + len, tail, may_follow);
		return;
	}
	list_matches(dir, component, &names);
	for (size_t i = 0; i < names.n; i++)
		match_name(roots, dir, path, names.items[i], rest + len, tail, false);
	names_clear(&names);
}

/* All that rest matches below the folder, which is named literally. */
static void
match_below(struct walk_roots *roots, const char *folder, const char *rest,
    const char *tail, bool may_follow)
{
	MH_CLEANUP(fd_closep) int fd = -1;

	rest += strspn(rest, "/");
	if (*rest == 0) {
		add_root(roots, folder[0] != 0 ? folder : "/", tail);
		return;
	}
	if (roots->before_open != NULL)
		roots->before_open(roots->ctx, folder[0] != 0 ? folder : "/");
	fd = open(folder[0] != 0 ? folder : "/",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		match(roots, fd, folder, rest, tail, may_follow);
}

/* The home in a line of passwd(5), or NULL when it is a service's. */
static char *
home_of(char *line)
{
	char *fields[7] = { NULL };
	uint64_t uid = 0;
	mh_err err = MH_OK;

	for (size_t i = 0; i < MH_ARRAY_LEN(fields); i++)
		fields[i] = strsep(&line, ":");
	if (fields[2] == NULL || fields[5] == NULL || fields[5][0] != '/' ||
	    fields[5][1] == 0)
		return NULL;
	err = parse_u64(fields[2], 0, UINT32_MAX, &uid);
	/* 65534 is nobody's: its home is none. */
	if (err != MH_OK || (uid != 0 && uid < WALK_HOME_UID_MIN) || uid == 65534)
		return NULL;
	return fields[5];
}

static void
find_homes(struct names *ret)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(WALK_PASSWD_MAX);
	struct walk_roots in_home = { 0 };
	mh_err err = file_read("/etc/passwd", text);
	MH_CLEANUP(freep) char *copy = xstrdup(err == MH_OK ? buf_string(text) : "");
	char *rest = copy;

	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		char *home = home_of(line);

		if (home != NULL && ret->n < WALK_HOMES_MAX)
			names_add(ret, xstrdup(home));
	}
	match_below(&in_home, "", "home/*", NULL, true);
	for (size_t i = 0; i < in_home.n && ret->n < WALK_HOMES_MAX; i++)
		names_add(ret, xstrdup(in_home.items[i].path));
	walk_roots_clear(&in_home);
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(char *), compare);
}

void
walk_roots_find(struct walk_roots *roots, const struct walk_request *request)
{
	struct names homes = { 0 };

	for (uint32_t i = 0; i < request->n_roots; i++) {
		MH_CLEANUP(freep) char *base = xstrdup(request->roots[i]);
		char *stars = request->are_patterns ? strstr(base, "/**/") : NULL;
		const char *tail = stars != NULL ? stars + 4 : NULL;

		if (stars != NULL)
			*stars = 0;
		if (!request->are_patterns) {
			add_root(roots, base, NULL);
		} else if (base[0] != '~') {
			match_below(roots, "", base, tail, true);
		} else {
			if (homes.n == 0)
				find_homes(&homes);
			for (size_t k = 0; k < homes.n; k++) {
				if (k == 0 ||
				    strcmp(homes.items[k], homes.items[k - 1]) != 0)
					match_below(roots, homes.items[k], base + 1, tail,
					    false);
			}
		}
	}
	names_clear(&homes);
}

void
walk_roots_clear(struct walk_roots *roots)
{
	for (size_t i = 0; i < roots->n; i++) {
		free(roots->items[i].path);
		free(roots->items[i].tail);
	}
	free(roots->items);
	roots->items = NULL;
	roots->n = 0;
}

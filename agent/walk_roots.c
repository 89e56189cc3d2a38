/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: hostile: folders of users that change while they are read.
 */
#include "agent/walk_roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

/* A growing list of owned strings. */
struct names {
	char **items;
	size_t n;
	bool is_full; /* of homes, and sorted */
};

/* Room for one more: twice as much whenever n is a power of two. */
static void *
make_room(void *items, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? xreallocarray(items, n > 0 ? n * 2 : 1, size) : items;
}

static void
names_add(struct names *names, char *name)
{
	names->items = make_room(names->items, names->n, sizeof(char *));
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

/* The patterns under way. */
struct finder {
	struct walk_roots *roots;
	const struct walk_request *request;
	const struct mounts *mounts;
	const char *tail; /* of the pattern, or NULL */
	void *told;       /* tsearch(3): paths that were told; owned */
};

/* A folder in which to go on. */
struct place {
	int dir;          /* O_PATH will do */
	const char *path; /* without a slash at its end: "" is "/" */
	const char *rest; /* of the pattern, not empty */
	size_t named;     /* struct walk_root's */
};

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool
walk_is_avoided(const struct walk_request *request, const char *path)
{
	for (uint32_t i = 0; i < request->n_avoids; i++) {
		size_t len = strlen(request->avoids[i]);

		if (strncmp(path, request->avoids[i], len) == 0 &&
		    (path[len] == 0 || path[len] == '/'))
			return true;
	}
	return false;
}

bool
walk_is_excluded(const struct walk_request *request, const char *path)
{
	for (uint32_t i = 0; i < request->n_excludes; i++) {
		if (fnmatch(request->excludes[i], path, 0) == 0)
			return true;
	}
	return false;
}

enum reason
walk_refusal(const struct walk_request *request, enum file_system_kind kind)
{
	if (kind == FILE_SYSTEM_PSEUDO)
		return REASON_PSEUDO;
	if (kind == FILE_SYSTEM_NETWORK && !request->may_use_network)
		return REASON_NETWORK;
	return REASON_NONE;
}

enum reason
walk_reason_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return REASON_VANISHED;
	case EACCES:
	case EPERM:
		return REASON_DENIED;
	case ELOOP:
		return REASON_LINK;
	case EWOULDBLOCK:
		return REASON_LEASED;
	case ENXIO:
		return REASON_SOCKET;
	default:
		return REASON_OPEN_FAILED;
	}
}

uint64_t
walk_device(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return 0;
	return makedev(stx.stx_dev_major, stx.stx_dev_minor);
}

static const char *
shown(const char *path)
{
	return path[0] != 0 ? path : "/";
}

/* Once for each path, however many patterns lead there. */
static void
tell(struct finder *f, enum reason reason, const char *path, const char *detail)
{
	char *key = NULL;

	if (f->roots->on_missed == NULL || tfind(path, &f->told, compare_paths) != NULL)
		return;
	key = xstrdup(path);
	if (tsearch(key, &f->told, compare_paths) == NULL)
		free(key);
	if (reason_is_missed(reason) || f->request->resume[0] == 0)
		f->roots->on_missed(f->roots->ctx, reason, shown(path), detail);
}

/* A place that is not there is none. */
static void
tell_errno(struct finder *f, int error, const char *path)
{
	enum reason reason = walk_reason_of_errno(error);

	if (reason != REASON_VANISHED && reason != REASON_LINK)
		tell(f, reason, path,
		    reason == REASON_OPEN_FAILED ? strerror(error) : NULL);
}

/* Whether path is not to be touched at all; announces it if it is. */
static bool
is_passed(struct finder *f, const char *path)
{
	enum reason refused = walk_refusal(f->request, mounts_kind(f->mounts, path));

	if (walk_is_avoided(f->request, path))
		return true;
	if (walk_is_excluded(f->request, path)) {
		tell(f, REASON_EXCLUDED, path, NULL);
		return true;
	}
	if (refused != REASON_NONE) {
		tell(f, refused, path, NULL);
		return true;
	}
	if (f->roots->before_open != NULL)
		f->roots->before_open(f->roots->ctx, path);
	return false;
}

static void
add_root(struct finder *f, const char *path, size_t named, const struct stat *st)
{
	struct walk_roots *roots = f->roots;

	if (roots->n == WALK_MATCHES_MAX) {
		roots->n_lost++;
		return;
	}
	roots->items = make_room(roots->items, roots->n, sizeof(*roots->items));
	roots->items[roots->n++] = (struct walk_root){ .path = xstrdup(path),
		.tail = f->tail != NULL ? xasprintf("*/%s", f->tail) : NULL,
		.named = named,
		.dev = st != NULL ? (uint64_t)st->st_dev : 0,
		.ino = st != NULL ? (uint64_t)st->st_ino : 0 };
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

static bool
is_pattern(const char *component)
{
	return strpbrk(component, "*?[") != NULL;
}

/* The name at the end of a pattern. */
static void
add_match(struct finder *f, const struct place *at, const char *name, const char *full)
{
	bool is_named = at->named == WALK_NAMED_ALL;
	struct stat st;

	if (fstatat(at->dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		tell_errno(f, errno, full);
	else if (!is_named && S_ISLNK(st.st_mode))
		return; /* not asked for by a pattern: what it names lies elsewhere */
	else if (!is_named || f->tail != NULL)
		add_root(f, full, at->named, NULL);
	else if (!is_known(f->roots, &st))
		add_root(f, full, at->named, &st);
}

/* What is open as fd, which is taken, unless it lies where nobody asked to go. */
static int
refuse_device(struct finder *f, int fd, const char *path)
{
	enum reason refused =
	    walk_refusal(f->request, mounts_device_kind(f->mounts, walk_device(fd)));

	if (refused == REASON_NONE)
		return fd;
	tell(f, refused, path, NULL);
	(void)close(fd);
	return -1;
}

static void match(struct finder *f, const struct place *at);

/* Go on below the name, with what rest has behind its first component. */
static void
match_name(struct finder *f, const struct place *at, const char *name, const char *rest)
{
	MH_CLEANUP(freep) char *full = xasprintf("%s/%s", at->path, name);
	MH_CLEANUP(fd_closep) int fd = -1;
	struct place below = { .path = full,
		.rest = rest + strspn(rest, "/"),
		.named = at->named };

	if (is_passed(f, full))
		return;
	if (*below.rest == 0) {
		add_match(f, at, name, full);
		return;
	}
	fd = openat(at->dir, name,
	    O_PATH | O_DIRECTORY | O_CLOEXEC |
		(at->named == WALK_NAMED_ALL ? 0 : O_NOFOLLOW));
	if (fd < 0)
		tell_errno(f, errno, full);
	else
		fd = refuse_device(f, fd, full);
	below.dir = fd;
	if (fd >= 0)
		match(f, &below);
}

/* The names in the folder that match, sorted. */
static void
list_matches(struct finder *f, const struct place *at, const char *pattern,
    struct names *ret)
{
	int copy = openat(at->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *e = NULL;

	if (d == NULL) {
		tell_errno(f, errno, at->path);
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fnmatch(pattern, e->d_name, FNM_PERIOD) != 0)
			continue;
		if (ret->n == WALK_MATCHES_MAX) {
			tell(f, REASON_CROWDED, at->path, NULL);
			break;
		}
		names_add(ret, xstrdup(e->d_name));
	}
	if (e == NULL && errno != 0)
		tell_errno(f, errno, at->path);
	(void)closedir(d);
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(char *), compare);
}

static void
match(struct finder *f, const struct place *at)
{
	size_t len = strcspn(at->rest, "/");
	MH_CLEANUP(freep) char *component = xstrndup(at->rest, len);
	struct place in = *at;
	struct names names = { 0 };

	if (!is_pattern(component)) {
		match_name(f, at, component, at->rest + len);
		return;
	}
	if (in.named == WALK_NAMED_ALL)
		in.named = strlen(at->path);
	list_matches(f, at, component, &names);
	for (size_t i = 0; i < names.n; i++)
		match_name(f, &in, names.items[i], at->rest + len);
	names_clear(&names);
}

/*
 * All that rest matches below the folder, which is named without patterns;
 * named: whether what follows may be links, too.
 */
static void
match_below(struct finder *f, const char *folder, const char *rest, size_t named)
{
	MH_CLEANUP(fd_closep) int fd = -1;
	struct place at = { .path = folder,
		.rest = rest + strspn(rest, "/"),
		.named = named };

	if (is_passed(f, shown(folder)))
		return;
	if (*at.rest == 0) {
		add_root(f, shown(folder), named, NULL);
		return;
	}
	fd = open(shown(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		tell_errno(f, errno, folder);
	else
		fd = refuse_device(f, fd, folder);
	at.dir = fd;
	if (fd >= 0)
		match(f, &at);
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
sort_once(struct names *names)
{
	size_t n = 0;

	if (names->n > 1)
		qsort(names->items, names->n, sizeof(char *), compare);
	for (size_t i = 0; i < names->n; i++) {
		if (n > 0 && strcmp(names->items[i], names->items[n - 1]) == 0)
			free(names->items[i]);
		else
			names->items[n++] = names->items[i];
	}
	names->n = n;
}

static bool
is_among(const struct names *sorted, size_t n, const char *name)
{
	return n > 0 && bsearch(&name, sorted->items, n, sizeof(char *), compare) != NULL;
}

static void
add_home(struct finder *f, struct names *homes, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	MH_CLEANUP(freep) char *home = xstrndup(path, len);

	if (homes->n == WALK_HOMES_MAX && !homes->is_full) {
		sort_once(homes); /* many users of one home are one */
		homes->is_full = homes->n == WALK_HOMES_MAX;
	}
	if (!homes->is_full)
		names_add(homes, MH_TAKE(home));
	else if (!is_among(homes, homes->n, home))
		tell(f, REASON_CROWDED, home, "more homes than allowed");
}

/* Homes that /etc/passwd knows. */
static void
find_passwd_homes(struct finder *f, struct names *ret)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(WALK_PASSWD_MAX);
	mh_err err = file_read("/etc/passwd", text);
	MH_CLEANUP(freep) char *copy = xstrdup(err == MH_OK ? buf_string(text) : "");
	char *rest = copy;

	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		tell(f, REASON_OPEN_FAILED, "/etc/passwd",
		    err == MH_ERR_TOOBIG ? "larger than allowed: homes are not known"
					 : "homes are not known");
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		char *home = home_of(line);

		if (home != NULL)
			add_home(f, ret, home);
	}
	sort_once(ret);
}

static void
find_homes(struct finder *f, struct names *ret)
{
	struct walk_roots in_home = *f->roots;
	struct finder finder = *f;
	size_t n_known = 0;

	in_home.items = NULL;
	in_home.n = in_home.n_lost = 0;
	finder.roots = &in_home;
	finder.tail = NULL;
	match_below(&finder, "", "home/*", WALK_NAMED_ALL);
	f->told = finder.told;
	find_passwd_homes(f, ret);
	n_known = ret->n;
	for (size_t i = 0; i < in_home.n; i++) {
		if (!is_among(ret, n_known, in_home.items[i].path))
			add_home(f, ret, in_home.items[i].path);
	}
	walk_roots_clear(&in_home);
	sort_once(ret);
}

static void
match_homes(struct finder *f, struct names *homes, bool *are_known, const char *rest)
{
	if (!*are_known)
		find_homes(f, homes);
	*are_known = true;
	for (size_t i = 0; i < homes->n; i++)
		match_below(f, homes->items[i], rest, strlen(homes->items[i]));
}

void
walk_roots_find(struct walk_roots *roots, const struct walk_request *request,
    const struct mounts *mounts)
{
	struct finder f = { .roots = roots, .request = request, .mounts = mounts };
	struct names homes = { 0 };
	bool are_known = false;

	for (uint32_t i = 0; i < request->n_roots; i++) {
		MH_CLEANUP(freep) char *base = xstrdup(request->roots[i]);
		char *stars = request->are_patterns ? strstr(base, "/**/") : NULL;

		f.tail = stars != NULL ? stars + 4 : NULL;
		if (stars != NULL)
			*stars = 0;
		if (!request->are_patterns)
			add_root(&f, base, WALK_NAMED_ALL, NULL);
		else if (base[0] == '~')
			match_homes(&f, &homes, &are_known, base + 1);
		else
			match_below(&f, "", base, WALK_NAMED_ALL);
	}
	names_clear(&homes);
	tdestroy(f.told, free);
}

/* The rest of a root behind what was named: a link in it is none of ours. */
static int
open_strictly(int dir, const char *rest, int flags)
{
	MH_CLEANUP(fd_closep) int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	rest += strspn(rest, "/");
	while (at >= 0) {
		size_t len = strcspn(rest, "/");
		const char *next = rest + len + strspn(rest + len, "/");
		MH_CLEANUP(freep) char *name = xstrndup(rest, len);
		int fd = openat(at, name,
		    O_NOFOLLOW | O_CLOEXEC | (*next != 0 ? O_PATH | O_DIRECTORY : flags));

		if (*next == 0)
			return fd;
		(void)close(at);
		at = fd;
		rest = next;
	}
	return -1;
}

int
walk_root_open(const struct walk_root *root, int flags)
{
	if (root->named == WALK_NAMED_ALL || root->path[root->named] == 0)
		return open(root->path, flags | O_CLOEXEC);
	MH_CLEANUP(freep) char *named = xstrndup(root->path, root->named);
	MH_CLEANUP(fd_closep)
	int dir = open(shown(named), O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 ? open_strictly(dir, root->path + root->named, flags) : -1;
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

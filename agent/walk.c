/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: hostile: file trees that change while they are walked.
 */
#include "agent/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/file_facts.h"
#include "agent/file_systems.h"
#include "agent/mounts.h"
#include "base/clock.h"
#include "agent/walk_roots.h"
#include "base/fd.h"
#include "base/memory.h"

enum { GETDENTS_BYTES = 256 * 1024, DAY_MS = 24 * 60 * 60 * 1000 };

/* One name in a folder. */
struct entry {
	size_t name;  /* offset in the level's names */
	uint8_t type; /* DT_* */
};

/* One folder on the way from the root to where the walk is. */
struct level {
	int fd; /* -1 while it is not kept open */
	uint64_t dev, ino;
	char *names; /* NUL-terminated names one after the other; owned */
	size_t names_len, names_cap;
	struct entry *entries; /* sorted by name; owned */
	size_t n, cap, next;
	size_t path_len;  /* of this folder's path in walk.path */
	bool is_resuming; /* the cursor lies in this folder */
};

struct walk {
	const struct walk_request *request;
	const struct clean_table *clean; /* NULL for none */
	uint32_t day;                    /* since 1970, when the walk began */
	const struct walk_sink *sink;
	void *ctx;
	struct level *levels;
	size_t n_levels, cap_levels;
	const char *tail; /* of the root: what paths of files have to match, or NULL */
	char *path;       /* of where the walk is; owned */
	size_t path_len, path_cap;
	char *shown;      /* the same, cut to what a record can hold; owned */
	char *sort_names; /* what compare() reads from */
	bool may_skip_atime;
	bool has_openat2;
	uint64_t *links; /* hash table of (dev, ino) pairs, 0 free; owned */
	size_t n_links;
	struct mounts *mounts; /* when it began; owned */
	uint64_t kind_dev;     /* the device that kind is of; 0 before the first */
	enum file_system_kind kind;
	bool is_lasting; /* of the same device */
	char dents[GETDENTS_BYTES] __attribute__((aligned(8)));
};

static void
set_path(struct walk *w, size_t parent_len, const char *name)
{
	size_t len = strlen(name);
	bool has_slash = parent_len > 0 && w->path[parent_len - 1] == '/';

	w->path_len = parent_len;
	while (w->path_cap < parent_len + len + 2) {
		w->path_cap = w->path_cap > 0 ? w->path_cap * 2 : 4096;
		w->path = xreallocarray(w->path, w->path_cap, 1);
	}
	if (parent_len > 0 && !has_slash)
		w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, name, len + 1);
	w->path_len += len;
}

/* The path as records hold it: one that is too long loses its middle. */
static const char *
shown_path(struct walk *w)
{
	static const char gap[] = PATH_GAP;
	size_t head = PATH_HEAD_BYTES;
	size_t tail = PATH_TAIL_BYTES;

	if (w->path_len <= PATH_BYTES_MAX)
		return w->path;
	if (w->shown == NULL)
		w->shown = xcalloc(PATH_BYTES_MAX + 1, 1);
	memcpy(w->shown, w->path, head);
	memcpy(w->shown + head, gap, sizeof(gap) - 1);
	memcpy(w->shown + head + sizeof(gap) - 1, w->path + w->path_len - tail, tail + 1);
	return w->shown;
}

static void
missed(struct walk *w, enum reason reason, const char *detail)
{
	if (reason_is_missed(reason))
		w->sink->on_missed(w->ctx, reason, shown_path(w), detail);
	else
		w->sink->on_passed(w->ctx, reason);
}

/* A mount that is not entered: what lies there is told without a look at it. */
static enum reason
reason_of_mount(const struct walk *w)
{
	switch (mounts_kind(w->mounts, w->path)) {
	case FILE_SYSTEM_PSEUDO:
		return REASON_PSEUDO;
	case FILE_SYSTEM_NETWORK:
		return REASON_NETWORK;
	case FILE_SYSTEM_LOCAL:
		return REASON_CROSSING;
	}
	return REASON_CROSSING;
}

static void
missed_errno(struct walk *w, int error)
{
	enum reason reason =
	    error == EXDEV ? reason_of_mount(w) : walk_reason_of_errno(error);

	missed(w, reason, reason == REASON_OPEN_FAILED ? strerror(error) : NULL);
}

static int
open_resolving(const struct walk *w, int dir, const char *name, int flags, bool may_cross)
{
	const struct open_how how = {
		.flags =
		    (uint64_t)(flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
			       O_NOCTTY | (w->may_skip_atime ? O_NOATIME : 0)),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   (may_cross ? 0 : RESOLVE_NO_XDEV),
	};

	return w->has_openat2 ? (int)syscall(SYS_openat2, dir, name, &how, sizeof(how))
			      : openat(dir, name, (int)how.flags);
}

/*
 * openat2(2) that follows no link, enters no mount unless allowed, and never
 * waits.  A mount that is not to be scanned is not opened: it may hang.
 */
static int
open_beneath(struct walk *w, int dir, const char *name, int flags)
{
	int fd = open_resolving(w, dir, name, flags, false);

	if (fd < 0 && errno == ENOSYS && w->has_openat2) {
		w->has_openat2 = false; /* before kernel 5.6: st_dev tells instead */
		fd = open_resolving(w, dir, name, flags, false);
	}
	if (fd >= 0 || errno != EXDEV || !w->request->may_cross)
		return fd;
	if (walk_refusal(w->request, mounts_kind(w->mounts, w->path)) != REASON_NONE) {
		errno = EXDEV;
		return -1;
	}
	return open_resolving(w, dir, name, flags, true);
}

static bool
is_excluded(const struct walk *w)
{
	return walk_is_excluded(w->request, w->path);
}

/* Whether the file whose path is set is among what was asked for. */
static bool
is_chosen(const struct walk *w, const char *name)
{
	const struct walk_request *r = w->request;
	int flags = FNM_CASEFOLD | FNM_EXTMATCH;

	if (w->tail != NULL && fnmatch(w->tail, w->path, flags) != 0)
		return false;
	for (uint32_t i = 0; i < r->n_only; i++) {
		if (fnmatch(r->only[i], w->path, flags) == 0 ||
		    fnmatch(r->only[i], name, flags) == 0)
			return true;
	}
	return r->n_only == 0;
}

/* The kind of the file system on which fd lies, whose st_dev is dev. */
static enum file_system_kind
kind_of(struct walk *w, int fd, uint64_t dev)
{
	if (w->kind_dev != dev) {
		w->kind = file_system_kind(fd);
		w->is_lasting = file_system_is_lasting(fd);
		w->kind_dev = dev;
	}
	return w->kind;
}

/* Whether this file was seen under another name; remembers it if not. */
static bool
is_seen_link(struct walk *w, const struct stat *st)
{
	enum { SLOTS = WALK_LINKS_MAX * 2 };
	uint64_t key =
	    ((uint64_t)st->st_ino * 0x9e3779b97f4a7c15u) ^ (uint64_t)st->st_dev;

	if (st->st_nlink < 2)
		return false;
	if (w->links == NULL)
		w->links = xcalloc((size_t)SLOTS * 2, sizeof(*w->links));
	for (size_t i = (size_t)(key >> 20) % SLOTS;; i = (i + 1) % SLOTS) {
		uint64_t *slot = &w->links[i * 2];

		if (slot[0] == (uint64_t)st->st_dev + 1 &&
		    slot[1] == (uint64_t)st->st_ino)
			return true;
		if (slot[0] != 0)
			continue;
		if (w->n_links < WALK_LINKS_MAX) {
			slot[0] = (uint64_t)st->st_dev + 1;
			slot[1] = (uint64_t)st->st_ino;
			w->n_links++;
		}
		return false;
	}
}

/* Hand out the opened file; fd is taken. */
static void
emit(struct walk *w, int fd, const struct stat *st)
{
	struct target t = {
		.kind = TARGET_FILE,
		.n_fds = 1,
		.path = (char *)(uintptr_t)shown_path(w),
		.owner = (char *)(uintptr_t)owner_name(st->st_uid),
	};

	file_facts(&t, st);
	t.is_lasting = kind_of(w, fd, t.dev) == FILE_SYSTEM_LOCAL && w->is_lasting;
	w->sink->on_target(w->ctx, &t, fd);
}

/* Hand out the name alone, of what st says. */
static void
emit_name(struct walk *w, const struct stat *st)
{
	struct target t = {
		.kind = TARGET_NAME,
		.path = (char *)(uintptr_t)shown_path(w),
		.owner = (char *)(uintptr_t)owner_name(st->st_uid),
	};

	if (!w->request->wants_names || w->request->is_count)
		return;
	file_facts(&t, st);
	w->sink->on_name(w->ctx, &t);
}

/* The same, of what is not open. */
static void
emit_name_at(struct walk *w, int dir, const char *name)
{
	struct stat st;

	if (!w->request->wants_names || w->request->is_count)
		return;
	w->sink->before_open(w->ctx, w->path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		emit_name(w, &st);
}

static enum reason
reason_of_type(uint8_t type)
{
	switch (type) {
	case DT_LNK:
		return REASON_LINK;
	case DT_FIFO:
		return REASON_FIFO;
	case DT_SOCK:
		return REASON_SOCKET;
	case DT_CHR:
	case DT_BLK:
		return REASON_DEVICE;
	default:
		return REASON_OPEN_FAILED;
	}
}

/*
 * What is open as fd, whatever its folder said of it; fd is taken.  A file that
 * somebody asked for by this very name is scanned under it, whatever other
 * names it has.
 */
static void
visit_opened_file(struct walk *w, int fd, uint64_t dev, bool is_root)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		missed_errno(w, errno);
	} else if (!S_ISREG(st.st_mode)) {
		missed(w, reason_of_type((uint8_t)IFTODT(st.st_mode)),
		    "it changed its type");
	} else if (st.st_dev != dev && !w->has_openat2 && !w->request->may_cross) {
		missed(w, REASON_CROSSING, NULL);
	} else if (!is_root && is_seen_link(w, &st)) {
		missed(w, REASON_HARDLINK, NULL);
		emit_name(w, &st);
	} else {
		emit(w, fd, &st);
		return;
	}
	(void)close(fd);
}

static int64_t
in_ns(struct statx_timestamp ts)
{
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * Whether the file of that name is older than what is asked for, or the table knows
 * it as clean.  Whatever is wrong with
 * the name is told when it is opened.
 */
static bool
is_unchanged(const struct walk *w, const struct level *parent, const char *name)
{
	enum { WANTED = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME };
	int64_t since = w->request->changed_since_ns;
	struct statx stx;

	if ((w->clean == NULL && since == 0) ||
	    statx(parent->fd, name,
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, WANTED,
		&stx) < 0 ||
	    (stx.stx_mask & WANTED) != WANTED || !S_ISREG(stx.stx_mode))
		return false;
	struct clean_key key = { makedev(stx.stx_dev_major, stx.stx_dev_minor),
		stx.stx_ino, stx.stx_size, in_ns(stx.stx_mtime), in_ns(stx.stx_ctime) };

	/* ctime is what nobody sets; mtime is for file systems that have no other. */
	if (since > 0 && key.ctime_ns < since && key.mtime_ns < since)
		return true;
	/* Another file system here is told as such, or asked for. */
	return w->clean != NULL && key.dev == parent->dev &&
	       clean_table_has(w->clean, &key, w->day);
}

static void
visit_file(struct walk *w, const struct level *parent, const char *name)
{
	bool is_wanted = is_chosen(w, name);

	if (w->request->is_count) {
		if (is_wanted)
			w->sink->on_counted(w->ctx);
		return;
	}
	if (!is_wanted) {
		missed(w, REASON_NOT_CHOSEN, NULL);
		return;
	}
	w->sink->before_open(w->ctx, w->path);
	if (is_unchanged(w, parent, name)) {
		w->sink->on_unchanged(w->ctx, shown_path(w));
		return;
	}
	int fd = open_beneath(w, parent->fd, name, 0);

	/* O_NOATIME is for the owner alone (open(2)): do without from now on. */
	if (fd < 0 && errno == EPERM && w->may_skip_atime) {
		w->may_skip_atime = false;
		fd = open_beneath(w, parent->fd, name, 0);
	}
	if (fd < 0) {
		missed_errno(w, errno);
		emit_name_at(w, parent->fd, name);
	} else {
		visit_opened_file(w, fd, parent->dev, false);
	}
}

static int
compare(const void *a, const void *b, void *names)
{
	return strcmp((char *)names + ((const struct entry *)a)->name,
	    (char *)names + ((const struct entry *)b)->name);
}

static bool
add_entry(struct level *l, const char *name, uint8_t type)
{
	size_t len = strlen(name) + 1;

	if (l->n == WALK_NAMES_MAX || l->names_len + len > WALK_NAMES_BYTES_MAX)
		return false;
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->entries = xreallocarray(l->entries, l->cap, sizeof(*l->entries));
	}
	while (l->names_len + len > l->names_cap) {
		l->names_cap = l->names_cap > 0 ? l->names_cap * 2 : 2048;
		l->names = xreallocarray(l->names, l->names_cap, 1);
	}
	memcpy(l->names + l->names_len, name, len);
	l->entries[l->n++] = (struct entry){ l->names_len, type };
	l->names_len += len;
	return true;
}

/* All names of the folder, sorted. */
static void
read_names(struct walk *w, struct level *l)
{
	ssize_t n = 0;

	while ((n = getdents64(l->fd, w->dents, sizeof(w->dents))) > 0) {
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *d = (struct dirent64 *)(void *)(w->dents + at);

			at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			if (!add_entry(l, d->d_name, d->d_type)) {
				missed(w, REASON_CROWDED, NULL);
				n = 0;
				break;
			}
		}
		if (n == 0)
			break;
	}
	if (n < 0)
		missed_errno(w, errno);
	if (l->n > 1)
		qsort_r(l->entries, l->n, sizeof(*l->entries), compare, l->names);
}

static void
close_level(struct level *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->names);
	free(l->entries);
}

/*
 * Enter the folder open as fd, which is taken and whose path is set.
 * is_resuming: the cursor lies below it.
 */
static void
enter_folder(struct walk *w, int fd, bool is_resuming)
{
	struct level *l = NULL;
	struct stat st;
	uint64_t parent_dev = w->n_levels > 0 ? w->levels[w->n_levels - 1].dev : 0;
	bool is_new_device = false;

	if (fstat(fd, &st) < 0) {
		missed_errno(w, errno);
		(void)close(fd);
		return;
	}
	is_new_device = w->n_levels == 0 || (uint64_t)st.st_dev != parent_dev;
	enum reason refused = walk_refusal(w->request, kind_of(w, fd, st.st_dev));
	if (refused == REASON_NONE && is_new_device && w->n_levels > 0 &&
	    !w->has_openat2 && !w->request->may_cross)
		refused = REASON_CROSSING;
	if (refused != REASON_NONE) {
		missed(w, refused, NULL);
		emit_name(w, &st);
		(void)close(fd);
		return;
	}
	if (w->n_levels == w->cap_levels) {
		w->cap_levels = w->cap_levels > 0 ? w->cap_levels * 2 : 32;
		w->levels = xreallocarray(w->levels, w->cap_levels, sizeof(*w->levels));
	}
	/* Far enough up, the descriptor is given back; ".." finds the way again. */
	if (w->n_levels >= WALK_OPEN_MAX) {
		struct level *up = &w->levels[w->n_levels - WALK_OPEN_MAX];

		if (up->fd >= 0 && w->n_levels - WALK_OPEN_MAX > 0) {
			(void)close(up->fd);
			up->fd = -1;
		}
	}
	l = &w->levels[w->n_levels++];
	*l = (struct level){ .fd = fd,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.path_len = w->path_len,
		.is_resuming = is_resuming };
	w->sink->on_folder(w->ctx, w->path);
	if (!is_resuming)
		emit_name(w, &st);
	read_names(w, l);
}

static void
visit_folder(struct walk *w, const struct level *parent, const char *name,
    bool is_resuming)
{
	w->sink->before_open(w->ctx, w->path);
	int fd = open_beneath(w, parent->fd, name, O_DIRECTORY);

	if (fd < 0 && errno == EPERM && w->may_skip_atime) {
		w->may_skip_atime = false;
		fd = open_beneath(w, parent->fd, name, O_DIRECTORY);
	}
	if (fd >= 0) {
		enter_folder(w, fd, is_resuming);
		return;
	}
	if (errno == ENOTDIR)
		missed(w, REASON_OPEN_FAILED, "it changed its type");
	else
		missed_errno(w, errno);
	emit_name_at(w, parent->fd, name);
}

/*
 * Where the cursor stands to the entry whose path is set: passed over wholly,
 * holding the cursor, or behind it.
 */
enum standing { STANDS_BEFORE, STANDS_ABOVE, STANDS_BEHIND };

static enum standing
standing(const struct walk *w, const struct level *l, const char *name)
{
	const char *rest = w->request->resume + l->path_len;
	size_t len = 0;
	int order = 0;

	while (*rest == '/')
		rest++;
	len = strcspn(rest, "/");
	order = strncmp(name, rest, len);
	if (order == 0 && name[len] != 0)
		order = 1;
	if (order < 0)
		return STANDS_BEFORE;
	if (order > 0)
		return STANDS_BEHIND;
	return rest[len] == 0 ? STANDS_BEFORE : STANDS_ABOVE;
}

static uint8_t
type_of(const struct level *l, const struct entry *e, const char *name)
{
	struct stat st;

	if (e->type != DT_UNKNOWN)
		return e->type;
	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return DT_UNKNOWN;
	return (uint8_t)IFTODT(st.st_mode);
}

static void
visit(struct walk *w, size_t index)
{
	struct level *l = &w->levels[w->n_levels - 1];
	const struct entry *e = &l->entries[index];
	const char *name = l->names + e->name;
	bool is_resuming = false;

	if (l->is_resuming) {
		enum standing where = standing(w, l, name);

		if (where == STANDS_BEFORE)
			return;
		is_resuming = where == STANDS_ABOVE;
		if (where == STANDS_BEHIND)
			l->is_resuming = false;
	}
	set_path(w, l->path_len, name);
	if (walk_is_avoided(w->request, w->path))
		return; /* who asked for that has told it */
	if (is_excluded(w)) {
		missed(w, REASON_EXCLUDED, NULL);
		return;
	}
	uint8_t type = type_of(l, e, name);
	if (type == DT_DIR) {
		visit_folder(w, l, name, is_resuming);
	} else if (type == DT_REG) {
		visit_file(w, l, name);
	} else if (type == DT_UNKNOWN) {
		missed_errno(w, errno);
	} else {
		missed(w, reason_of_type(type), NULL);
		emit_name_at(w, l->fd, name);
	}
}

/*
 * Leave the current folder and have its parent open again.  False when the
 * folder was moved away meanwhile: then there is no way back to the parent.
 */
static bool
leave_folder(struct walk *w)
{
	struct level *l = &w->levels[w->n_levels - 1];
	struct level *up = w->n_levels > 1 ? l - 1 : NULL;
	struct stat st;
	bool is_good = true;

	if (up != NULL && up->fd < 0) {
		int fd =
		    openat(l->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_dev == up->dev &&
		    (uint64_t)st.st_ino == up->ino) {
			up->fd = fd;
		} else {
			is_good = false;
			if (fd >= 0)
				(void)close(fd);
		}
	}
	close_level(l);
	w->n_levels--;
	return is_good;
}

/* Up to the next folder that is open; names left in those passed are lost, and told. */
static void
leave_lost_folders(struct walk *w)
{
	while (w->n_levels > 0 && w->levels[w->n_levels - 1].fd < 0) {
		struct level *l = &w->levels[w->n_levels - 1];

		w->path_len = l->path_len;
		w->path[w->path_len] = 0;
		if (l->next < l->n)
			missed(w, REASON_MOVED, NULL);
		close_level(l);
		w->n_levels--;
	}
}

static void
walk_levels(struct walk *w)
{
	while (w->n_levels > 0) {
		struct level *l = &w->levels[w->n_levels - 1];

		if (l->next < l->n) {
			visit(w, l->next++);
			continue;
		}
		if (!leave_folder(w))
			leave_lost_folders(w);
	}
}

/* Whether the cursor lies below root, so that the walk of root goes on there. */
static bool
is_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	return strncmp(path, root, len) == 0 &&
	       (path[len] == '/' || (len == 1 && root[0] == '/' && path[1] != 0));
}

/* Somebody asked for it by name: not a file that merely came and went. */
static void
root_missed(struct walk *w, const struct walk_root *root, int error)
{
	if (root->named != WALK_NAMED_ALL)
		missed_errno(w, error);
	else
		w->sink->on_missed(w->ctx,
		    error == EACCES ? REASON_DENIED : REASON_OPEN_FAILED, shown_path(w),
		    strerror(error));
}

/* Its type, DT_*, when it can be walked; else DT_UNKNOWN, and it is told why not. */
static uint8_t
type_of_root(struct walk *w, const struct walk_root *root)
{
	MH_CLEANUP(fd_closep) int fd = walk_root_open(root, O_PATH);
	enum reason refused = REASON_NONE;
	struct statx stx;

	if (fd < 0 ||
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0) {
		root_missed(w, root, errno);
		return DT_UNKNOWN;
	}
	uint8_t type = (uint8_t)IFTODT(stx.stx_mode);
	uint64_t dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);

	if (type != DT_DIR && type != DT_REG)
		refused = reason_of_type(type);
	else if (is_excluded(w))
		refused = REASON_EXCLUDED;
	else
		refused = walk_refusal(w->request, mounts_device_kind(w->mounts, dev));
	if (refused == REASON_NONE)
		return type;
	missed(w, refused, NULL);
	return DT_UNKNOWN;
}

/* A root is what somebody named: links there are followed, but behind patterns. */
static void
walk_root(struct walk *w, const struct walk_root *root)
{
	bool is_resuming =
	    w->request->resume[0] != 0 && is_below(w->request->resume, root->path);
	uint8_t type = DT_UNKNOWN;

	set_path(w, 0, root->path);
	while (w->path_len > 1 && w->path[w->path_len - 1] == '/')
		w->path[--w->path_len] = 0;
	if (walk_is_avoided(w->request, w->path))
		return;
	w->sink->before_open(w->ctx, w->path);
	type = type_of_root(w, root);
	if (type == DT_UNKNOWN)
		return;
	if (type == DT_REG && w->request->is_count) {
		w->sink->on_counted(w->ctx);
		return;
	}
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (type == DT_DIR ? O_DIRECTORY : 0);
	int fd = walk_root_open(root, flags | (w->may_skip_atime ? O_NOATIME : 0));
	if (fd < 0 && errno == EPERM && w->may_skip_atime) {
		w->may_skip_atime = false;
		fd = walk_root_open(root, flags);
	}
	if (fd < 0) {
		missed_errno(w, errno);
	} else if (type == DT_DIR) {
		enter_folder(w, fd, is_resuming);
		walk_levels(w);
	} else if (walk_refusal(w->request, kind_of(w, fd, walk_device(fd))) !=
		   REASON_NONE) {
		missed(w, walk_refusal(w->request, w->kind), NULL);
		(void)close(fd);
	} else {
		visit_opened_file(w, fd, walk_device(fd), true);
	}
}

/* The root at or below which the cursor stands; all of them when there is none. */
static size_t
first_root(const struct walk_request *request, const struct walk_roots *roots)
{
	for (size_t i = 0; request->resume[0] != 0 && i < roots->n; i++) {
		if (strcmp(request->resume, roots->items[i].path) == 0 ||
		    is_below(request->resume, roots->items[i].path))
			return i;
	}
	return roots->n;
}

static void
walk_roots(struct walk *w, const struct walk_roots *roots)
{
	size_t first = first_root(w->request, roots);

	/* A cursor that fits no root means nothing: better all again than a gap. */
	if (first == roots->n)
		first = 0;
	for (size_t i = first; i < roots->n; i++) {
		w->tail = roots->items[i].tail;
		/* Roots before the one that holds the cursor are done with. */
		if (strcmp(w->request->resume, roots->items[i].path) != 0)
			walk_root(w, &roots->items[i]);
	}
}

static void
before_open(void *ctx, const char *path)
{
	const struct walk *w = ctx;

	w->sink->before_open(w->ctx, path);
}

static void
on_root_missed(void *ctx, enum reason reason, const char *path, const char *detail)
{
	struct walk *w = ctx;

	set_path(w, 0, path);
	missed(w, reason, detail);
}

void
walk_run(const struct walk_request *request, const struct clean_table *clean,
    const struct walk_sink *sink, void *ctx)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	struct walk_roots roots = { .before_open = before_open,
		.on_missed = on_root_missed,
		.ctx = w };

	w->request = request;
	w->clean = clean;
	w->day = (uint32_t)(clock_real_ms() / DAY_MS);
	w->sink = sink;
	w->ctx = ctx;
	w->may_skip_atime = geteuid() == 0;
	w->has_openat2 = true;
	w->mounts = mounts_read();
	walk_roots_find(&roots, request, w->mounts);
	walk_roots(w, &roots);
	if (roots.n_lost > 0) {
		set_path(w, 0, "/");
		missed(w, REASON_CROWDED, "more matches of patterns than allowed");
	}
	walk_roots_clear(&roots);
	free(w->levels);
	free(w->path);
	free(w->shown);
	free(w->links);
	mounts_free(w->mounts);
	free(w);
}

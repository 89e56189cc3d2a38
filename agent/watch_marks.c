/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener (watching, blocking).
 * Input: from the kernel; mount points of other namespaces are hostile.
 */
#include "agent/watch_marks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/mounts.h"
#include "agent/proc.h"
#include "base/fd.h"
#include "base/memory.h"

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x80
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif
#ifndef FAN_REPORT_FD_ERROR /* linux/fanotify.h of kernel 6.13 */
#define FAN_REPORT_FD_ERROR 0x2000
#endif

enum {
	/* Room for one event: the next cannot be lost with one that does not open. */
	ONE_EVENT = sizeof(struct fanotify_event_metadata) + 8,
	EVENTS_BYTES = 64 * ONE_EVENT,
};

/* A mount namespace that is not ours, by its inode. */
struct name_space {
	uint64_t ns;
	int32_t pid; /* of a process in it, to look again through */
	int64_t looked_ms;
	bool is_waiting;
};

struct watch_marks {
	enum marks_kind kind;
	int fd, mounts_fd;
	const char *trouble;
	unsigned flags; /* of fanotify_init */
	bool may_use_network, has_changed;
	uint64_t own_ns;
	struct watch_place *places; /* owned */
	bool *is_ours;              /* of each place: it is mounted in our namespace */
	size_t n_places;
	struct name_space spaces[MARKS_NAMESPACES_MAX];
	size_t n_spaces;
};

/* fanotify with as much as the kernel has. */
static void
open_group(struct watch_marks *m)
{
	static const unsigned without[] = { 0, FAN_REPORT_FD_ERROR,
		FAN_REPORT_FD_ERROR | FAN_REPORT_PIDFD,
		FAN_REPORT_FD_ERROR | FAN_REPORT_PIDFD | FAN_UNLIMITED_QUEUE |
		    FAN_UNLIMITED_MARKS };
	unsigned all = FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
		       FAN_UNLIMITED_MARKS | FAN_REPORT_PIDFD;

	all |= m->kind == MARKS_ASK ? FAN_CLASS_CONTENT
				    : FAN_CLASS_NOTIF | FAN_REPORT_FD_ERROR;
	for (size_t i = 0; i < MH_ARRAY_LEN(without) && m->fd < 0; i++) {
		m->flags = all & ~without[i];
		/* Without access times, which it has no business to change. */
		m->fd = fanotify_init(m->flags,
		    O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
	}
	if (m->fd >= 0)
		m->trouble = "";
	else if (errno == EPERM)
		m->trouble = "watching files needs CAP_SYS_ADMIN";
	else if (errno == ENOSYS)
		m->trouble = "the kernel has no fanotify";
	else
		m->trouble = "fanotify could not be used";
}

struct watch_marks *
watch_marks_new(enum marks_kind kind)
{
	struct watch_marks *m = xcalloc(1, sizeof(*m));
	struct stat st;

	m->kind = kind;
	m->fd = -1;
	open_group(m);
	m->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	m->own_ns = stat("/proc/self/ns/mnt", &st) == 0 ? st.st_ino : 0;
	return m;
}

static void
place_clear(struct watch_place *p)
{
	free(p->path);
	free(p->type);
	free(p->trouble);
}

void
watch_marks_free(struct watch_marks *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_places; i++)
		place_clear(&m->places[i]);
	free(m->places);
	free(m->is_ours);
	fd_closep(&m->fd);
	fd_closep(&m->mounts_fd);
	free(m);
}

int
watch_marks_fd(const struct watch_marks *m)
{
	return m->fd;
}

const char *
watch_marks_trouble(const struct watch_marks *m)
{
	return m->trouble;
}

bool
watch_marks_has_pidfd(const struct watch_marks *m)
{
	return (m->flags & FAN_REPORT_PIDFD) != 0;
}

bool
watch_marks_is_unlimited(const struct watch_marks *m)
{
	return (m->flags & FAN_UNLIMITED_QUEUE) != 0;
}

bool
watch_marks_has_errors(const struct watch_marks *m)
{
	return (m->flags & FAN_REPORT_FD_ERROR) != 0;
}

int
watch_marks_mounts_fd(const struct watch_marks *m)
{
	return m->mounts_fd;
}

static bool
is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, len) == 0 && (path[len] == 0 || path[len] == '/');
}

/* Whether a look at mount i may have to ask a server. */
static bool
is_behind_server(const struct mounts *mounts, size_t i)
{
	for (size_t j = 0; j < mounts_count(mounts); j++) {
		if (mounts_kind_of(mounts, j) == FILE_SYSTEM_NETWORK &&
		    is_below(mounts_path(mounts, i), mounts_path(mounts, j)))
			return true;
	}
	return false;
}

/* The mount point below root, without following links of whoever owns it. */
static int
open_point(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve =
		    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
	const char *relative = path + strspn(path, "/");
	const char *name = *relative != 0 ? relative : ".";
	int fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		fd = openat(root, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return fd;
}

/* Mark the file system of mount i; why not, or "".  NULL: another mount hides it. */
static const char *
mark(struct watch_marks *m, int root, const struct mounts *mounts, size_t i)
{
	uint64_t mask =
	    m->kind == MARKS_ASK ? FAN_OPEN_EXEC_PERM : FAN_CLOSE_WRITE | FAN_OPEN_EXEC;
	char name[64];
	struct stat st;

	if (!m->may_use_network && mounts_kind_of(mounts, i) == FILE_SYSTEM_NETWORK)
		return "a network or FUSE file system";
	if (!m->may_use_network && is_behind_server(mounts, i))
		return "lies below a network or FUSE file system";
	MH_CLEANUP(fd_closep) int fd = open_point(root, mounts_path(mounts, i));

	if (fd < 0 || fstat(fd, &st) < 0)
		return "its mount point cannot be opened";
	if (st.st_dev != mounts_device(mounts, i) &&
	    !mounts_device_is_stacked(mounts, mounts_device(mounts, i)))
		return NULL;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fanotify_mark(m->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD,
		name) == 0)
		return "";
	switch (errno) {
	case ENODEV:
	case EOPNOTSUPP:
	case EXDEV:
		return "the kernel cannot watch this type of file system";
	case ENOSPC:
		return "too many marks";
	default:
		return "could not be watched";
	}
}

/* A text that fits in a record. */
static char *
short_text(const char *s)
{
	size_t len = strlen(s);

	return xstrndup(s, len < WATCH_PLACE_BYTES_MAX ? len : WATCH_PLACE_BYTES_MAX);
}

static void
put_place(struct watch_marks *m, const struct mounts *mounts, size_t i,
    const char *prefix, const char *trouble, bool is_ours)
{
	uint64_t dev = mounts_device(mounts, i);
	size_t at = 0;

	while (at < m->n_places && m->places[at].dev != dev)
		at++;
	if (at == m->n_places) {
		if (m->n_places == MARKS_PLACES_MAX)
			return;
		m->places = xreallocarray(m->places, m->n_places + 1, sizeof(*m->places));
		m->is_ours =
		    xreallocarray(m->is_ours, m->n_places + 1, sizeof(*m->is_ours));
		m->n_places++;
		m->has_changed = true;
	} else if (m->is_ours[at] && !is_ours) {
		return; /* its name here is the better one */
	} else {
		m->has_changed |= strcmp(m->places[at].trouble, trouble) != 0;
		place_clear(&m->places[at]);
	}
	MH_CLEANUP(freep) char *path = xasprintf("%s%s", prefix, mounts_path(mounts, i));

	m->is_ours[at] = is_ours;
	m->places[at] = (struct watch_place){ .dev = dev,
		.path = is_ours ? xstrdup(path) : short_text(path),
		.type = short_text(mounts_type(mounts, i)),
		.trouble = short_text(trouble) };
}

/*
 * Mark every device once, by the first of its mount points that can be used.  Marks
 * are set again each time: the number of a device that went may be another's.
 */
static void
mark_all(struct watch_marks *m, int root, const struct mounts *mounts, const char *prefix,
    bool is_ours)
{
	size_t n = mounts_count(mounts);
	MH_CLEANUP(freep) bool *is_done = xcalloc(n + 1, sizeof(*is_done));

	for (size_t i = 0; i < n; i++) {
		const char *trouble = "another mount hides it";
		size_t best = i;

		if (is_done[i] || mounts_kind_of(mounts, i) == FILE_SYSTEM_PSEUDO)
			continue;
		for (size_t j = i; j < n; j++) {
			if (mounts_device(mounts, j) != mounts_device(mounts, i))
				continue;
			is_done[j] = true;
			if (trouble[0] == 0)
				continue;
			const char *why = mark(m, root, mounts, j);

			if (why != NULL) {
				trouble = why;
				best = j;
			}
		}
		put_place(m, mounts, best, prefix, trouble, is_ours);
	}
}

/* Places of ours whose device is mounted no more. */
static void
forget_gone(struct watch_marks *m, const struct mounts *mounts)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_places; i++) {
		bool is_there = !m->is_ours[i];

		for (size_t j = 0; j < mounts_count(mounts) && !is_there; j++)
			is_there = mounts_device(mounts, j) == m->places[i].dev;
		if (!is_there) {
			place_clear(&m->places[i]);
			m->has_changed = true;
			continue;
		}
		m->places[n] = m->places[i];
		m->is_ours[n++] = m->is_ours[i];
	}
	m->n_places = n;
}

void
watch_marks_refresh(struct watch_marks *m, bool may_use_network)
{
	MH_CLEANUP(mounts_freep) struct mounts *mounts = mounts_read();
	MH_CLEANUP(fd_closep) int root = open("/", O_PATH | O_CLOEXEC);

	m->may_use_network = may_use_network;
	if (m->fd < 0)
		return;
	forget_gone(m, mounts);
	mark_all(m, root, mounts, "", true);
}

/* Places of other namespaces that were told of this one before: they may be gone. */
static void
forget_of(struct watch_marks *m, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_places; i++) {
		if (!m->is_ours[i] && is_below(m->places[i].path, prefix)) {
			place_clear(&m->places[i]);
			continue;
		}
		m->places[n] = m->places[i];
		m->is_ours[n++] = m->is_ours[i];
	}
	m->n_places = n;
}

static void
look_into(struct watch_marks *m, int dir, struct name_space *s, int64_t now_ms)
{
	MH_CLEANUP(mounts_freep) struct mounts *mounts = mounts_read_at(dir);
	MH_CLEANUP(fd_closep)
	int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char prefix[64];

	s->is_waiting = false;
	s->looked_ms = now_ms;
	(void)snprintf(prefix, sizeof(prefix), "mnt:[%llu]", (unsigned long long)s->ns);
	forget_of(m, prefix);
	if (root >= 0 && mounts_count(mounts) > 0)
		mark_all(m, root, mounts, prefix, false);
	m->has_changed = true;
}

void
watch_marks_meet(struct watch_marks *m, int dir, int32_t pid, uint64_t ns, int64_t now_ms)
{
	struct name_space *s = NULL;
	size_t oldest = 0;

	if (m->fd < 0 || ns == 0 || ns == m->own_ns)
		return;
	for (size_t i = 0; i < m->n_spaces && s == NULL; i++) {
		if (m->spaces[i].ns == ns)
			s = &m->spaces[i];
		else if (m->spaces[i].looked_ms < m->spaces[oldest].looked_ms)
			oldest = i;
	}
	if (s == NULL) {
		if (m->n_spaces < MARKS_NAMESPACES_MAX)
			oldest = m->n_spaces++;
		s = &m->spaces[oldest];
		*s = (struct name_space){ .ns = ns,
			.looked_ms = now_ms - MARKS_NAMESPACE_MS };
	}
	s->pid = pid;
	if (now_ms - s->looked_ms >= MARKS_NAMESPACE_MS)
		look_into(m, dir, s, now_ms);
	else
		s->is_waiting = true;
}

int64_t
watch_marks_catch_up(struct watch_marks *m, int proc, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < m->n_spaces; i++) {
		struct name_space *s = &m->spaces[i];
		struct stat st;

		if (!s->is_waiting)
			continue;
		if (now_ms < s->looked_ms + MARKS_NAMESPACE_MS) {
			if (s->looked_ms + MARKS_NAMESPACE_MS < due)
				due = s->looked_ms + MARKS_NAMESPACE_MS;
			continue;
		}
		MH_CLEANUP(fd_closep) int dir = proc_open(proc, s->pid);

		/* The one that was met may have ended, and its pid be another's. */
		s->is_waiting = false;
		if (dir >= 0 && fstatat(dir, "ns/mnt", &st, 0) == 0 && st.st_ino == s->ns)
			look_into(m, dir, s, now_ms);
	}
	return due;
}

static void
take_pidfd(const struct fanotify_event_metadata *f, const char *end,
    struct marks_event *e)
{
	const char *at = (const char *)f + f->metadata_len;

	while (at + sizeof(struct fanotify_event_info_header) <= end) {
		struct fanotify_event_info_header head;

		memcpy(&head, at, sizeof(head));
		if (head.len < sizeof(head) || head.len > (size_t)(end - at))
			return;
		if (head.info_type == FAN_EVENT_INFO_TYPE_PIDFD &&
		    head.len >= sizeof(head) + sizeof(int32_t)) {
			int32_t pidfd = -1;

			memcpy(&pidfd, at + sizeof(head), sizeof(pidfd));
			e->pidfd = pidfd >= 0 ? pidfd : -1;
			e->is_ended = pidfd < 0;
		}
		at += head.len;
	}
}

static void
hand_out(const struct fanotify_event_metadata *f, on_event_fn on_event, void *ctx)
{
	struct marks_event e = { .mask = f->mask,
		.fd = f->fd,
		.pid = f->pid,
		.pidfd = -1 };

	take_pidfd(f, (const char *)f + f->event_len, &e);
	if (e.fd < 0) {
		e.error = e.fd < -1 ? -e.fd : EIO;
		e.fd = -1;
	}
	on_event(ctx, &e);
	fd_closep(&e.pidfd);
}

mh_err
watch_marks_read(struct watch_marks *m, on_event_fn on_event, void *ctx)
{
	char text[EVENTS_BYTES]
	    __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	/* Where errors are not told, one that cannot be opened would vanish behind others. */
	size_t size = watch_marks_has_errors(m) ? sizeof(text) : ONE_EVENT;

	for (unsigned n_read = 0; n_read < MARKS_READS_MAX;) {
		ssize_t len = read(m->fd, text, size);

		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? MH_ERR_AGAIN
								 : MH_ERR_SYSTEM;
		struct fanotify_event_metadata *f = (void *)text;

		for (; FAN_EVENT_OK(f, len); f = FAN_EVENT_NEXT(f, len), n_read++)
			hand_out(f, on_event, ctx);
	}
	return MH_OK;
}

void
watch_marks_answer(struct watch_marks *m, int fd, bool is_allowed)
{
	struct fanotify_response answer = { .fd = fd,
		.response = is_allowed ? FAN_ALLOW : FAN_DENY };

	/* What cannot be answered ends with this process: the kernel then allows. */
	if (write(m->fd, &answer, sizeof(answer)) != (ssize_t)sizeof(answer) &&
	    errno != ENOENT)
		_exit(1);
}

bool
watch_marks_ignore(struct watch_marks *m, int fd)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return fanotify_mark(m->fd,
		   FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_EVICTABLE,
		   FAN_OPEN_EXEC, AT_FDCWD, name) == 0;
}

void
watch_marks_flush_ignored(struct watch_marks *m)
{
	/* Marks of inodes only: those of file systems stay. */
	if (m->fd >= 0)
		(void)fanotify_mark(m->fd, FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
}

size_t
watch_marks_count(const struct watch_marks *m)
{
	return m->n_places;
}

const struct watch_place *
watch_marks_place(const struct watch_marks *m, size_t i)
{
	return &m->places[i];
}

const struct watch_place *
watch_marks_find(const struct watch_marks *m, uint64_t dev)
{
	for (size_t i = 0; i < m->n_places; i++) {
		if (m->places[i].dev == dev)
			return &m->places[i];
	}
	return NULL;
}

bool
watch_marks_is_remote(const struct watch_marks *m, const char *path)
{
	for (size_t i = 0; i < m->n_places; i++) {
		const char *root = m->places[i].path;
		size_t len = strlen(root);

		if (root[0] != '/' || strncmp(path, root, len) != 0 ||
		    mounts_kind_of_type(m->places[i].type) != FILE_SYSTEM_NETWORK)
			continue;
		if (path[len] == '/' || path[len] == 0 || root[len - 1] == '/')
			return true;
	}
	return false;
}

bool
watch_marks_has_changed(struct watch_marks *m)
{
	bool has_changed = m->has_changed;

	m->has_changed = false;
	return has_changed;
}

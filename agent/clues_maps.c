/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process maps, and where its threads stand in it.
 *
 * Runs in: opener.
 * Input: /proc of hostile processes.
 */
#include "agent/clues_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

/* One executable mapping that is no file with a name. */
struct odd_range {
	uint64_t start, end;
	enum code_source source;
};

/* What one reading of maps gathers. */
struct survey {
	const struct clue_subject *subject;
	struct odd_range *odd; /* in the order of addresses; owned */
	size_t n_odd;
	struct clue anonymous, write_exec,
	    secret; /* n_data counts nothing: length 0 = none */
	struct buf *libraries;
};

enum code_source
code_source_of(const struct map *m)
{
	/* Shared memory without a name of its own: the kernel gives it these. */
	static const char *const unnamed[] = { "/dev/zero" MAPS_DELETED, "/SYSV",
		"/anon_hugepage" };

	if (map_is_memfd(m))
		return CODE_MEMFD;
	if (strncmp(m->path, "/secretmem", 10) == 0)
		return CODE_ANONYMOUS;
	for (size_t i = 0; m->major == 0 && i < MH_ARRAY_LEN(unnamed); i++) {
		if (strncmp(m->path, unnamed[i], strlen(unnamed[i])) == 0)
			return CODE_ANONYMOUS;
	}
	if (m->ino != 0 && strcmp(m->path, "/dev/zero") == 0)
		return CODE_ANONYMOUS;
	if (m->ino != 0)
		return map_is_deleted(m) ? CODE_DELETED : CODE_FILE;
	if (strncmp(m->path, "[v", 2) == 0 || strcmp(m->path, "[uprobes]") == 0)
		return CODE_KERNEL;
	return CODE_ANONYMOUS;
}

/* Whether there is something at path, seen from root_fd; its facts. */
static bool
look_at_any(int root_fd, const char *path, struct stat *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	MH_CLEANUP(fd_closep)
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd >= 0 && fstat(fd, ret) == 0;
}

static bool
look(int root_fd, const char *path, struct stat *ret)
{
	return look_at_any(root_fd, path, ret) && S_ISREG(ret->st_mode);
}

enum clues_stat
clues_stat_mapped(const struct clue_subject *s, const struct map *m, struct stat *ret)
{
	MH_CLEANUP(freep)
	char *link = xasprintf("map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	MH_CLEANUP(fd_closep) int root = -1;

	/* Asking a server that is gone would block. */
	if (m->major == 0 &&
	    mounts_device_kind(clues_mounts(s), map_dev(m)) == FILE_SYSTEM_NETWORK)
		return CLUES_STAT_NETWORK;
	if (fstatat(s->pid_fd, link, ret, 0) == 0)
		return CLUES_STAT_DONE;
	root = openat(s->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root >= 0 && look_at_any(root, m->path, ret) && ret->st_ino == m->ino &&
		       ret->st_dev == map_dev(m)
		   ? CLUES_STAT_DONE
		   : CLUES_STAT_UNKNOWN;
}

/* Whether st, of a file that maps calls deleted, still has the very name that is there. */
static bool
has_odd_name(const struct clue_subject *s, const struct map *m, const struct stat *st)
{
	MH_CLEANUP(fd_closep)
	int root = openat(s->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat named;

	return st->st_nlink > 0 && root >= 0 && look(root, m->path, &named) &&
	       named.st_ino == st->st_ino && named.st_dev == st->st_dev;
}

/* By its name and, where a name can lie, by the file itself. */
static enum code_source
source_of(const struct clue_subject *s, const struct map *m)
{
	enum code_source source = code_source_of(m);
	struct stat st;

	if ((source != CODE_FILE && source != CODE_DELETED) ||
	    clues_stat_mapped(s, m, &st) != CLUES_STAT_DONE)
		return source;
	/* Private pages of /dev/zero, under whatever name, are anonymous memory. */
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 5))
		return CODE_ANONYMOUS;
	if (source == CODE_DELETED && has_odd_name(s, m, &st))
		return CODE_FILE;
	return source;
}

/*
 * The path without what package managers put behind it while they replace the
 * file: dpkg ".dpkg-tmp", rpm ";" and eight hexadecimal digits.
 */
static char *
plain_path(const char *path)
{
	size_t len = strlen(path);
	static const char dpkg[] = ".dpkg-tmp";
	size_t tail = sizeof(dpkg) - 1;

	if (len > tail && strcmp(path + len - tail, dpkg) == 0)
		return xstrndup(path, len - tail);
	if (len > 9 && path[len - 9] == ';' &&
	    strspn(path + len - 8, "0123456789abcdef") == 8)
		return xstrndup(path, len - 9);
	return xstrdup(path);
}

enum clue_file
clues_file_state(const struct clue_subject *s, const char *path)
{
	MH_CLEANUP(fd_closep)
	int root = openat(s->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	MH_CLEANUP(freep) char *plain = plain_path(path);
	struct stat st;
	int64_t changed_ms = 0;

	if (root < 0 || !look(root, plain, &st))
		return CLUE_FILE_GONE;
	/* ctime, for a file's owner may set its mtime.  The clocks differ by ticks. */
	changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	return changed_ms + 1000 >= s->process->start_ms ? CLUE_FILE_REPLACED
							 : CLUE_FILE_GONE;
}

static char *
without_deleted(const char *path)
{
	size_t len = strlen(path);
	size_t tail = sizeof(MAPS_DELETED) - 1;

	if (len > tail && strcmp(path + len - tail, MAPS_DELETED) == 0)
		len -= tail;
	return xstrndup(path, len);
}

/* Whether the file that fd's "exe" names still has this very name. */
static bool
is_named(const struct clue_subject *s, const char *path)
{
	MH_CLEANUP(fd_closep)
	int root = openat(s->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat exe;
	struct stat st;

	return root >= 0 && fstatat(s->pid_fd, "exe", &exe, 0) == 0 &&
	       look(root, path, &st) && st.st_ino == exe.st_ino &&
	       st.st_dev == exe.st_dev;
}

void
clues_of_program(const struct clue_subject *s)
{
	const char *program = s->process->program;
	struct clue c = { .kind = CLUE_EXE_DELETED };
	MH_CLEANUP(freep) char *plain = NULL;

	if (program == NULL)
		return;
	plain = without_deleted(program);
	if (strlen(plain) == strlen(program) || is_named(s, program))
		return;
	if (strncmp(plain, "/memfd:", 7) == 0)
		c.kind = CLUE_EXE_MEMFD;
	else
		c.number = clues_file_state(s, plain);
	c.what = xstrdup(plain);
	clue_list_add(s->clues, c);
}

static void
note_engine(struct survey *v, const struct map *m)
{
	const char *engine = clues_engine_of(v->subject, m);
	MH_CLEANUP(freep) char *word = NULL;

	if (engine == NULL)
		return;
	word = xasprintf("%s ", engine);
	if (strstr(buf_string(v->libraries), word) == NULL)
		buf_add(v->libraries, word);
}

/* Count m into a clue that sums up mappings: the first one's place, all bytes. */
static void
sum_up(struct clue *c, const struct map *m)
{
	if (c->length == 0) {
		c->address = m->start;
		c->what = xstrdup(m->path);
	}
	c->length += m->end - m->start;
	c->number++;
}

static void
note_file(struct survey *v, const struct map *m, enum code_source source)
{
	struct clue c = { .kind = CLUE_EXEC_MEMFD,
		.address = m->start,
		.length = m->end - m->start,
		.what = without_deleted(m->path) };
	const struct clue_list *l = v->subject->clues;

	if (source == CODE_DELETED)
		c.kind = CLUE_EXEC_DELETED;
	/* One file once, and no more looking at paths than is told. */
	for (size_t i = 0; i < l->n; i++) {
		if (l->list[i].kind == c.kind && strcmp(l->list[i].what, c.what) == 0) {
			clue_clear(&c);
			return;
		}
	}
	if (source == CODE_DELETED && clue_list_count(l, c.kind) < CLUES_ALIKE_MAX)
		c.number = clues_file_state(v->subject, c.what);
	clue_list_add(v->subject->clues, c);
}

static void
note_executable(struct survey *v, const struct map *m)
{
	enum code_source source = source_of(v->subject, m);

	if (map_is_writable(m))
		sum_up(&v->write_exec, m);
	if (source == CODE_FILE || source == CODE_KERNEL)
		return;
	if (source == CODE_ANONYMOUS)
		sum_up(&v->anonymous, m);
	else
		note_file(v, m, source);
	if (v->n_odd < CLUES_RANGES_MAX) {
		v->odd = xreallocarray(v->odd, v->n_odd + 1, sizeof(*v->odd));
		v->odd[v->n_odd++] = (struct odd_range){ m->start, m->end, source };
	}
}

/* Whether pc lies in one of the ranges, which are in order. */
static bool
is_odd(const struct survey *v, uint64_t pc)
{
	size_t low = 0;
	size_t high = v->n_odd;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pc < v->odd[middle].start)
			high = middle;
		else if (pc >= v->odd[middle].end)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static void
add_position(const struct clue_subject *s, const struct map *m, const struct thread_pc *t)
{
	static const enum clue_kind kinds[] = { [CODE_ANONYMOUS] = CLUE_PC_ANONYMOUS,
		[CODE_MEMFD] = CLUE_PC_MEMFD,
		[CODE_DELETED] = CLUE_PC_DELETED };
	struct clue c = { .address = t->pc, .length = m->end - m->start };
	enum code_source source = CODE_FILE;

	if (!map_is_executable(m))
		return;
	source = source_of(s, m);
	if (source == CODE_FILE || source == CODE_KERNEL)
		return;
	c.kind = kinds[source];
	c.what = without_deleted(m->path);
	/* Only deleted files need their state here: number is the thread's elsewhere. */
	c.number =
	    source == CODE_DELETED ? clues_file_state(s, c.what) : (uint64_t)t->tid;
	/* Threads of a pool wait at one place. */
	for (size_t i = 0; i < s->clues->n; i++) {
		const struct clue *o = &s->clues->list[i];

		if (o->kind == c.kind && o->address == c.address) {
			clue_clear(&c);
			return;
		}
	}
	clue_list_add(s->clues, c);
}

static int
compare_threads(const void *a, const void *b)
{
	const struct thread_pc *x = a;
	const struct thread_pc *y = b;

	return (x->pc > y->pc) - (x->pc < y->pc);
}

/*
 * Threads that stand in odd memory.  Maps were read before their positions and
 * are read again after them: a place counts when it was odd both times, so that
 * a library that is unloaded and memory that takes its place do not.
 */
static void
note_threads(const struct survey *v, int maps_fd)
{
	MH_CLEANUP(freep) struct thread_pc *threads = NULL;
	size_t n = v->n_odd > 0 ? clues_read_threads(v->subject, &threads) : 0;
	size_t n_hits = 0;
	size_t at = 0;
	MH_CLEANUP(maps_freep) struct maps *maps = NULL;
	struct map m;

	for (size_t i = 0; i < n; i++) {
		if (is_odd(v, threads[i].pc))
			threads[n_hits++] = threads[i];
	}
	if (n_hits == 0)
		return;
	qsort(threads, n_hits, sizeof(*threads), compare_threads);
	maps = maps_new(maps_fd);
	while (at < n_hits && maps_next(maps, &m) == MH_OK) {
		while (at < n_hits && threads[at].pc < m.start)
			at++;
		for (; at < n_hits && threads[at].pc < m.end; at++)
			add_position(v->subject, &m, &threads[at]);
	}
}

static void
finish(struct survey *v)
{
	struct process *p = v->subject->process;
	struct clue *sums[] = { &v->anonymous, &v->write_exec, &v->secret };
	size_t len = buf_len(v->libraries);

	for (size_t i = 0; i < MH_ARRAY_LEN(sums); i++) {
		if (sums[i]->length > 0)
			clue_list_add(v->subject->clues, *sums[i]);
	}
	free(p->libraries);
	p->libraries = xstrndup(buf_string(v->libraries), len > 0 ? len - 1 : 0);
	free(v->odd);
}

void
clues_of_maps(const struct clue_subject *s)
{
	MH_CLEANUP(fd_closep) int fd = openat(s->pid_fd, "maps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(buf_freep) struct buf *libraries = buf_new(CLUE_WHAT_MAX);
	MH_CLEANUP(maps_freep) struct maps *maps = NULL;
	struct survey v = { .subject = s,
		.libraries = libraries,
		.anonymous.kind = CLUE_EXEC_ANONYMOUS,
		.write_exec.kind = CLUE_WRITE_EXEC,
		.secret.kind = CLUE_SECRET_MEMORY };
	struct map m;

	if (fd < 0)
		return;
	maps = maps_new(fd);
	while (maps_next(maps, &m) == MH_OK) {
		if (m.ino != 0)
			note_engine(&v, &m);
		if (strncmp(m.path, "/secretmem", 10) == 0)
			sum_up(&v.secret, &m);
		if (map_is_executable(&m))
			note_executable(&v, &m);
	}
	note_threads(&v, fd);
	finish(&v);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: /proc of hostile processes: names, paths, environment.
 */
#include "agent/clues_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

/* How much a kind tells: the first ones are kept when there are too many. */
static const enum clue_kind by_weight[] = { CLUE_HIDDEN, CLUE_COVERED, CLUE_PC_ANONYMOUS,
	CLUE_PC_MEMFD, CLUE_EXE_MEMFD, CLUE_KERNEL_NAME, CLUE_PACKET_SOCKET,
	CLUE_EXE_DELETED, CLUE_PRELOAD, CLUE_PRELOAD_FILE, CLUE_EXEC_MEMFD,
	CLUE_SECRET_MEMORY, CLUE_PC_DELETED, CLUE_TRACED, CLUE_WRITE_EXEC,
	CLUE_EXEC_ANONYMOUS, CLUE_EXEC_DELETED };

static size_t
rank_of(enum clue_kind kind)
{
	size_t i = 0;

	while (i < MH_ARRAY_LEN(by_weight) && by_weight[i] != kind)
		i++;
	return i;
}

size_t
clue_list_count(const struct clue_list *l, enum clue_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->list[i].kind == kind;
	return n;
}

static bool
is_told(const struct clue_list *l, const struct clue *c)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct clue *o = &l->list[i];

		if (o->kind == c->kind && o->address == c->address &&
		    o->number == c->number && strcmp(o->what, c->what) == 0)
			return true;
	}
	return false;
}

void
clue_list_add(struct clue_list *l, struct clue c)
{
	if (c.what == NULL)
		c.what = xstrdup("");
	if (strlen(c.what) > CLUE_WHAT_MAX)
		c.what[CLUE_WHAT_MAX] = 0;
	if (clue_list_count(l, c.kind) >= CLUES_ALIKE_MAX || is_told(l, &c)) {
		clue_clear(&c);
		return;
	}
	l->list = xreallocarray(l->list, l->n + 1, sizeof(*l->list));
	l->list[l->n++] = c;
}

static int
compare_clues(const void *a, const void *b)
{
	const struct clue *x = a;
	const struct clue *y = b;
	size_t rank_x = rank_of(x->kind);
	size_t rank_y = rank_of(y->kind);

	if (rank_x != rank_y)
		return rank_x < rank_y ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

/* Bytes of c in a record; at least that. */
static size_t
clue_bytes(const struct clue *c)
{
	return 64 + strlen(c->what) + c->n_data + c->n_expected;
}

static size_t
bytes_within(size_t room, size_t bytes)
{
	return bytes < room ? bytes : room;
}

/* Move the clues into p, as many as its record holds. */
const struct mounts *
clues_mounts(const struct clue_subject *s)
{
	struct clues *c = s->context;
	uint64_t space = s->process->mount_namespace;
	struct stat st;

	if (space == 0 && fstatat(s->pid_fd, "ns/mnt", &st, 0) == 0)
		space = st.st_ino;
	if (c->mounts == NULL || space == 0 || c->mount_namespace != space) {
		mounts_free(c->mounts);
		c->mounts = mounts_read_at(s->pid_fd);
		c->mount_namespace = space;
	}
	return c->mounts;
}

static void
take_clues(struct clue_list *l, struct process *p)
{
	size_t room = PROCESS_CLUES_BYTES_MAX;

	if (l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), compare_clues);
	for (uint32_t i = 0; i < p->n_clues; i++)
		room -= bytes_within(room, clue_bytes(&p->clues[i]));
	for (size_t i = 0; i < l->n; i++) {
		size_t bytes = clue_bytes(&l->list[i]);

		if (p->n_clues >= PROCESS_CLUES_MAX || bytes > room) {
			clue_clear(&l->list[i]);
			continue;
		}
		p->clues = xreallocarray(p->clues, p->n_clues + 1, sizeof(*p->clues));
		p->clues[p->n_clues++] = l->list[i];
		room -= bytes;
	}
	free(l->list);
}

bool
clues_read(int pid_fd, const char *name, struct buf *b)
{
	MH_CLEANUP(fd_closep) int fd = openat(pid_fd, name, O_RDONLY | O_CLOEXEC);
	mh_err err = MH_OK;

	buf_reset(b);
	if (fd < 0)
		return false;
	err = fd_read_all(fd, b);
	return err == MH_OK || err == MH_ERR_TOOBIG;
}

int
clues_open_proc(void)
{
	MH_CLEANUP(fd_closep) int fs = -1;
	MH_CLEANUP(fd_closep) int mount = -1;

	fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
		    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC);
	if (mount >= 0) {
		int fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			return fd;
	}
	return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct clues *
clues_new(int proc_fd)
{
	struct clues *c = xcalloc(1, sizeof(*c));

	c->proc_fd = proc_fd;
	clues_read_covers(c);
	clues_start_sockets(c);
	return c;
}

void
clues_free(struct clues *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_covers; i++)
		free(c->covers[i].path);
	for (size_t i = 0; i < c->n_nets; i++)
		packet_sockets_clear(&c->nets[i]);
	fd_closep(&c->own_net_fd);
	mounts_free(c->mounts);
	free(c->covers);
	free(c->roots);
	free(c->nets);
	free(c->hidden);
	free(c);
}

const struct clues_gaps *
clues_gaps(const struct clues *c)
{
	return &c->gaps;
}

void
clues_of_process(struct clues *c, int pid_fd, struct process *p)
{
	struct clue_list list = { 0 };
	struct clue_subject s = { c, pid_fd, p, &list };

	clues_of_hiding(&s);
	if (pid_fd >= 0) {
		clues_of_program(&s);
		clues_of_maps(&s);
		clues_of_environ(&s);
		clues_of_names(&s);
		clues_of_tracer(&s);
		clues_of_sockets(&s);
		clues_of_preload_file(&s);
	}
	if (p->libraries == NULL)
		p->libraries = xstrdup("");
	take_clues(&list, p);
}

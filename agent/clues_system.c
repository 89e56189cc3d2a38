/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways to hide a process: from the listing of /proc, and under a mount.
 *
 * Runs in: opener.
 * Input: /proc, which a rootkit may make lie.
 */
#include "agent/clues_impl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/mounts.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	PID_MAX_LIMIT = 4 * 1024 * 1024, /* include/linux/threads.h */
	FACT_MAX = 256 * 1024,           /* /proc/stat of many processors */
	LISTING_BYTES = 64 * 1024,
	ROUNDS = 2,         /* of confirming */
	CLOCK_EVERY = 4096, /* pids between two looks at the clock */
};

void
clues_read_covers(struct clues *c)
{
	static const char proc[] = "/proc/";
	MH_CLEANUP(mounts_freep) struct mounts *m = mounts_read();

	for (size_t i = 0; i < mounts_count(m); i++) {
		const char *path = mounts_path(m, i);
		const char *name = path + sizeof(proc) - 1;
		MH_CLEANUP(freep) char *text = NULL;
		uint64_t pid = 0;

		if (strncmp(path, proc, sizeof(proc) - 1) != 0)
			continue;
		text = xstrndup(name, strcspn(name, "/"));
		if (parse_u64(text, 1, INT32_MAX, &pid) != MH_OK)
			continue;
		c->covers = xreallocarray(c->covers, c->n_covers + 1, sizeof(*c->covers));
		c->covers[c->n_covers++] = (struct cover){ (int32_t)pid, xstrdup(path) };
	}
}

/* Pids as bits. */
struct pid_set {
	uint8_t *bits; /* owned */
	uint32_t limit;
};

static bool
pid_set_has(const struct pid_set *s, uint32_t pid)
{
	return pid < s->limit && (s->bits[pid / 8] >> (pid % 8) & 1) != 0;
}

/* The layout of getdents64(2), for which libc has no name that is not readdir's. */
struct raw_entry {
	uint64_t ino;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

/*
 * What /proc lists now, asked of the kernel itself: a library that is preloaded
 * into us would change readdir(3).  False when it cannot be read.
 */
static bool
list_pids(int proc_fd, struct pid_set *ret)
{
	MH_CLEANUP(fd_closep)
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MH_CLEANUP(freep) char *buffer = xcalloc(1, LISTING_BYTES);
	long n = 0;

	memset(ret->bits, 0, ret->limit / 8 + 1);
	while ((n = syscall(SYS_getdents64, fd, buffer, LISTING_BYTES)) > 0) {
		for (long at = 0; at < n;) {
			const struct raw_entry *e = (const void *)(buffer + at);
			uint64_t pid = 0;

			if (parse_u64(e->name, 1, ret->limit - 1, &pid) == MH_OK)
				ret->bits[pid / 8] |= (uint8_t)(1u << (pid % 8));
			at += e->len;
		}
	}
	return n == 0;
}

/* A number in a file of /proc, behind key or at its start; 0 when there is none. */
static uint64_t
proc_number(const struct clues *c, const char *name, const char *key)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(FACT_MAX);
	const char *at = NULL;
	uint64_t value = 0;

	if (!clues_read(c->proc_fd, name, b))
		return 0;
	at = key != NULL ? strstr(buf_string(b), key) : buf_string(b);
	if (at == NULL)
		return 0;
	at += key != NULL ? strlen(key) : 0;
	MH_CLEANUP(freep) char *text = xstrndup(at, strcspn(at, "\n"));

	return parse_u64(text, 0, UINT64_MAX, &value) == MH_OK ? value : 0;
}

static bool
lives(pid_t pid)
{
	/* Two calls, for a rootkit may have forgotten one. */
	return getpgid(pid) >= 0 || errno != ESRCH || kill(pid, 0) == 0 || errno == EPERM;
}

/* A process, not a thread, that lives and is not listed. */
struct candidate {
	int32_t pid;
	int fd; /* pidfd_open(2): as long as it is not readable, it is the same, alive */
};

static bool
is_alive(const struct candidate *k)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

struct probe {
	struct clues *context;
	struct pid_set listed;
	struct candidate candidates[CLUES_HIDDEN_MAX];
	size_t n;
	int64_t deadline_ms;
};

/* Try the pids from first to before end; false when time is up. */
static bool
probe_range(struct probe *p, uint32_t first, uint32_t end)
{
	for (uint32_t pid = first; pid < end; pid++) {
		int fd = -1;

		if (pid % CLOCK_EVERY == 0 && clock_monotonic_ms() > p->deadline_ms) {
			p->context->gaps.n_pids += end - pid;
			return false;
		}
		if (pid_set_has(&p->listed, pid) || !lives((pid_t)pid))
			continue;
		/* Threads have ids among the pids, but no descriptor: that is an error. */
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd < 0)
			continue;
		if (p->n < CLUES_HIDDEN_MAX)
			p->candidates[p->n++] = (struct candidate){ (int32_t)pid, fd };
		else
			(void)close(fd);
	}
	return true;
}

/*
 * List again, all through which a candidate lived: who is listed now was only
 * born between listing and probing, who is dead now may have died before it.
 */
static void
confirm(struct probe *p)
{
	size_t n = 0;
	bool is_listed = list_pids(p->context->proc_fd, &p->listed);

	for (size_t i = 0; i < p->n; i++) {
		struct candidate *k = &p->candidates[i];

		if (is_listed && !pid_set_has(&p->listed, (uint32_t)k->pid) &&
		    is_alive(k))
			p->candidates[n++] = *k;
		else
			(void)close(k->fd);
	}
	p->n = n;
}

/*
 * Whether listing and probing speak of the same pids: /proc may belong to
 * another pid namespace, or hide others' processes on purpose (hidepid=).
 */
static bool
is_comparable(const struct probe *p)
{
	char self[16];
	uint64_t pid = 0;
	ssize_t n = readlinkat(p->context->proc_fd, "self", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	return parse_u64(self, 1, INT32_MAX, &pid) == MH_OK &&
	       pid == (uint64_t)getpid() && pid_set_has(&p->listed, (uint32_t)getpid()) &&
	       pid_set_has(&p->listed, 1);
}

/*
 * Pids are given in their order until the largest was given once, so all that
 * are in use lie below the number of processes and threads since the start.  If
 * time is left the others are tried too, for a process may choose its pid.
 */
static void
probe_all(struct probe *p)
{
	uint64_t born = proc_number(p->context, "stat", "\nprocesses ");
	uint32_t given = p->listed.limit;

	if (born > 0 && born + CLOCK_EVERY < given)
		given = (uint32_t)born + CLOCK_EVERY;
	if (probe_range(p, 1, given))
		(void)probe_range(p, given, p->listed.limit);
}

static void
find_hidden(struct clues *c)
{
	uint64_t limit = proc_number(c, "sys/kernel/pid_max", NULL);
	struct probe p = { .context = c,
		.deadline_ms = clock_monotonic_ms() + CLUES_PROBE_MS };

	if (limit == 0 || limit > PID_MAX_LIMIT)
		limit = PID_MAX_LIMIT;
	p.listed.limit = (uint32_t)limit;
	p.listed.bits = xcalloc(limit / 8 + 1, 1);
	if (list_pids(c->proc_fd, &p.listed) && is_comparable(&p))
		probe_all(&p);
	else
		c->gaps.n_pids = (uint32_t)limit;
	for (unsigned round = 0; round < ROUNDS && p.n > 0; round++)
		confirm(&p);
	c->hidden = xcalloc(p.n + 1, sizeof(*c->hidden));
	for (size_t i = 0; i < p.n; i++) {
		c->hidden[c->n_hidden++] = p.candidates[i].pid;
		(void)close(p.candidates[i].fd);
	}
	free(p.listed.bits);
}

const int32_t *
clues_hidden(struct clues *c, size_t *ret_n)
{
	if (!c->has_probed)
		find_hidden(c);
	c->has_probed = true;
	*ret_n = c->n_hidden;
	return c->hidden;
}

void
clues_of_hiding(const struct clue_subject *s)
{
	const struct clues *c = s->context;

	for (size_t i = 0; i < c->n_hidden; i++) {
		if (c->hidden[i] == s->process->pid)
			clue_list_add(s->clues, (struct clue){ .kind = CLUE_HIDDEN });
	}
	for (size_t i = 0; i < c->n_covers; i++) {
		if (c->covers[i].pid == s->process->pid)
			clue_list_add(s->clues, (struct clue){ .kind = CLUE_COVERED,
						    .what = xstrdup(c->covers[i].path) });
	}
}

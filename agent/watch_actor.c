/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener (watching).
 * Input: from the kernel; names and command lines are hostile.
 */
#include "agent/watch_actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/proc.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

struct slot {
	struct actor actor;
	int pidfd; /* -1: only a hint */
	int64_t read_ms;
	bool is_used, is_own, is_hint;
};

struct watch_actors {
	int proc;
	struct own *own;
	const struct watch_marks *marks; /* NULL: no command line is read */
	struct slot slots[ACTORS_CACHED];
};

struct watch_actors *
watch_actors_new(int proc, struct own *own, const struct watch_marks *marks)
{
	struct watch_actors *wa = xcalloc(1, sizeof(*wa));

	wa->proc = proc;
	wa->own = own;
	wa->marks = marks;
	for (unsigned i = 0; i < ACTORS_CACHED; i++)
		wa->slots[i].pidfd = -1;
	return wa;
}

static void
empty(struct slot *s)
{
	actor_clear(&s->actor);
	fd_closep(&s->pidfd);
	*s = (struct slot){ .pidfd = -1 };
}

void
watch_actors_free(struct watch_actors *wa)
{
	if (wa == NULL)
		return;
	for (unsigned i = 0; i < ACTORS_CACHED; i++)
		empty(&wa->slots[i]);
	free(wa);
}

static struct slot *
slot_of(struct watch_actors *wa, int32_t pid)
{
	return &wa->slots[(uint32_t)pid % ACTORS_CACHED];
}

/* Whether the process of that descriptor was not reaped: its pid is nobody else's. */
static bool
is_there(int pidfd)
{
	return pidfd >= 0 &&
	       (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM);
}

static char *
program_of(int dir)
{
	char path[ACTOR_NAME_MAX + 1];
	ssize_t n = readlinkat(dir, "exe", path, ACTOR_NAME_MAX);

	return xstrndup(path, n > 0 ? (size_t)n : 0);
}

static void
read_parents(struct watch_actors *wa, int32_t parent, struct actor *a)
{
	a->parents = xcalloc(ACTOR_PARENTS_MAX, sizeof(*a->parents));
	while (parent > 0 && a->n_parents < ACTOR_PARENTS_MAX) {
		MH_CLEANUP(fd_closep) int dir = proc_open(wa->proc, parent);
		struct process p = { .pid = parent };
		struct proc_state state;

		if (dir < 0 || proc_stat(dir, &p, &state) != MH_OK)
			return;
		/* An ancestor is older: a younger one took its pid. */
		if (state.start_ticks > a->start_ticks) {
			free(p.comm);
			return;
		}
		struct actor_parent *to = &a->parents[a->n_parents++];

		*to = (struct actor_parent){ parent, state.start_ticks, program_of(dir) };
		if (to->name[0] == 0) {
			free(to->name);
			to->name = p.comm;
		} else {
			free(p.comm);
		}
		parent = p.parent;
	}
}

static uint32_t
loginuid_of(int dir)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PROC_TEXT_MAX);
	uint64_t uid = 0;

	if (proc_read(dir, "loginuid", b) != MH_OK ||
	    parse_u64(buf_string(b), 0, UINT32_MAX, &uid) != MH_OK)
		return UINT32_MAX;
	return (uint32_t)uid;
}

static char *
take(char **text)
{
	char *taken = *text;

	*text = NULL;
	return taken;
}

/* Look at pid into s; false when it is gone. */
static bool
look(struct watch_actors *wa, int32_t pid, struct slot *s)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(wa->proc, pid);
	struct process p;

	if (dir < 0)
		return false;
	mh_err err = proc_glance(dir, pid, &p);

	/* Last: it may wait for what the process runs from. */
	if (err == MH_OK && wa->marks != NULL &&
	    !watch_marks_is_remote(wa->marks, p.program))
		proc_command(dir, &p);

	if (err == MH_OK) {
		s->actor = (struct actor){ .pid = pid,
			.start_ticks = p.start_ticks,
			.uid = p.uid,
			.loginuid = loginuid_of(dir),
			.owner = take(&p.owner),
			.comm = take(&p.comm),
			.program = take(&p.program),
			.command = take(&p.command),
			.cgroup = take(&p.cgroup),
			.container = take(&p.container) };
		read_parents(wa, p.parent, &s->actor);
		s->is_own = wa->own != NULL && own_is_family(wa->own, pid);
		/* A zombie has no program any more: it ended before the look. */
		if (s->actor.program[0] == 0 && proc_is_zombie(dir))
			err = MH_ERR_NOTFOUND;
	}
	process_clear(&p);
	return err == MH_OK;
}

/* What is remembered of a process that has ended, or only its pid. */
static const struct actor *
gone(struct slot *s, int32_t pid, int64_t now_ms)
{
	if (!s->is_used || s->actor.pid != pid || now_ms - s->read_ms > ACTOR_PAST_MS) {
		empty(s);
		s->actor = (struct actor){ .pid = pid,
			.uid = UINT32_MAX,
			.loginuid = UINT32_MAX };
	}
	s->actor.is_gone = true;
	return &s->actor;
}

const struct actor *
watch_actors_get(struct watch_actors *wa, int32_t pid, int pidfd, bool is_ended,
    int64_t now_ms, bool *ret_is_own)
{
	struct slot *s = slot_of(wa, pid);
	struct slot fresh = { .pidfd = -1 };
	bool is_same = s->is_used && s->actor.pid == pid && !s->is_hint;

	if (is_same && !is_ended && now_ms - s->read_ms < ACTOR_FRESH_MS &&
	    is_there(s->pidfd)) {
		*ret_is_own = s->is_own;
		return &s->actor;
	}
	/* An own descriptor, made before the look, vouches as well as the event's. */
	fresh.pidfd = is_ended     ? -1
		      : pidfd >= 0 ? fcntl(pidfd, F_DUPFD_CLOEXEC, 0)
				   : (int)syscall(SYS_pidfd_open, pid, 0);
	if (fresh.pidfd >= 0 && look(wa, pid, &fresh) && is_there(fresh.pidfd)) {
		empty(s);
		*s = fresh;
		s->is_used = true;
		s->read_ms = now_ms;
		*ret_is_own = s->is_own;
		return &s->actor;
	}
	empty(&fresh);
	const struct actor *a = gone(s, pid, now_ms);

	*ret_is_own = s->is_own;
	return a;
}

void
watch_actors_forget(struct watch_actors *wa, int32_t pid)
{
	struct slot *s = slot_of(wa, pid);

	if (s->actor.pid == pid)
		empty(s);
}

void
watch_actors_hint(struct watch_actors *wa, const struct actor *a, int64_t now_ms)
{
	struct slot *s = slot_of(wa, a->pid);

	empty(s);
	actor_copy(a, &s->actor);
	s->is_used = s->is_hint = true;
	s->read_ms = now_ms;
}

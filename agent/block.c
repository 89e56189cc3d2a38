/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener (blocking).
 * Input: messages from the agent; from the kernel, about hostile processes and files.
 */
#include "agent/block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/file_facts.h"
#include "agent/watch_actor.h"
#include "agent/watch_marks.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"

enum { SLOTS = 2 * BLOCK_TABLE_MAX, BATCH_BYTES = 20 * 1024 };

struct block {
	struct channel *agent;
	int proc;
	struct own *own;
	struct watch_actors *actors;
	struct watch_marks *marks;
	struct block_key *keys; /* open addressing, SLOTS; ino 0 is free; owned */
	size_t n_keys;
	int64_t heard_ms;     /* the last word of the agent */
	unsigned n_answers;   /* owed to it: one for each of its messages */
	struct blocked *told; /* BLOCK_TOLD_MAX; owned */
	size_t n_told;
	uint32_t n_untold;
};

static size_t
slot_of(uint64_t dev, uint64_t ino)
{
	uint64_t x = (dev * 0x9e3779b97f4a7c15u) ^ ino;

	x *= 0xff51afd7ed558ccdu;
	return (size_t)(x ^ x >> 33) % SLOTS;
}

static bool
is_key_of(const struct block_key *key, const struct target *t)
{
	return key->dev == t->dev && key->ino == t->ino && key->size == t->size &&
	       key->mtime_ns == t->mtime_ns && key->ctime_ns == t->ctime_ns;
}

static bool
is_bad(const struct block *b, const struct target *t)
{
	for (size_t i = slot_of(t->dev, t->ino); b->keys[i].ino != 0;
	     i = (i + 1) % SLOTS) {
		if (is_key_of(&b->keys[i], t))
			return true;
	}
	return false;
}

static void
add_key(struct block *b, const struct block_key *key)
{
	struct target t = { .dev = key->dev,
		.ino = key->ino,
		.size = key->size,
		.mtime_ns = key->mtime_ns,
		.ctime_ns = key->ctime_ns };
	size_t i = slot_of(key->dev, key->ino);

	if (key->ino == 0 || b->n_keys == BLOCK_TABLE_MAX || is_bad(b, &t))
		return;
	while (b->keys[i].ino != 0)
		i = (i + 1) % SLOTS;
	b->keys[i] = *key;
	b->n_keys++;
}

/* SIGALRM ends this process, and with it the group: the kernel then allows. */
static void
bound_time(unsigned ms)
{
	struct itimerval t = { .it_value = { ms / 1000, (ms % 1000) * 1000 } };

	(void)setitimer(ITIMER_REAL, &t, NULL);
}

/* Remember what was denied; its process has its answer already. */
static void
remember(struct block *b, const struct marks_event *e, struct target *t)
{
	bool is_own = false;

	if (b->n_told == BLOCK_TOLD_MAX) {
		b->n_untold++;
		return;
	}
	struct blocked *d = &b->told[b->n_told++];

	*d = (struct blocked){ .time_ms = clock_real_ms(), .target = *t };
	d->target.path = xstrdup(t->path);
	d->target.owner = xstrdup(owner_name(t->uid));
	actor_copy(watch_actors_get(b->actors, e->pid, e->pidfd, e->is_ended,
		       clock_monotonic_ms(), &is_own),
	    &d->actor);
}

static void
on_event(void *ctx, struct marks_event *e)
{
	struct block *b = ctx;
	struct target t = { .kind = TARGET_FILE, .n_fds = 1 };
	char path[PATH_MAX + 1];
	char name[64];
	struct stat st;
	bool is_denied = false;

	if (e->fd < 0)
		return;
	if ((e->mask & FAN_OPEN_EXEC_PERM) != 0 && fstat(e->fd, &st) == 0) {
		file_facts(&t, &st);
		is_denied = is_bad(b, &t) && !own_has_program(b->own, t.dev, t.ino);
	}
	/* At once: who asks may run from where a look at it hangs. */
	watch_marks_answer(b->marks, e->fd, !is_denied);
	if (is_denied) {
		(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", e->fd);
		ssize_t n = readlink(name, path, PATH_MAX);

		path[n > 0 ? n : 0] = 0;
		t.path = path;
		remember(b, e, &t);
	}
	(void)close(e->fd);
	e->fd = -1;
}

/* One answer for each word of the agent, and one when something was denied. */
static void
tell(struct block *b)
{
	while ((b->n_told > 0 || b->n_answers > 0) && channel_can_send(b->agent)) {
		MH_CLEANUP(buf_freep) struct buf *text = buf_new(CHANNEL_PAYLOAD_MAX);
		size_t n = 0;

		buf_put_u32(text, b->n_untold);
		while (n < b->n_told && buf_len(text) < BATCH_BYTES) {
			blocked_encode(&b->told[n], text);
			blocked_clear(&b->told[n++]);
		}
		b->n_told -= n;
		memmove(b->told, b->told + n, b->n_told * sizeof(*b->told));
		if (channel_send(b->agent, MSG_BLOCKED, buf_data(text), buf_len(text),
			NULL, 0) != MH_OK)
			_exit(0);
		b->n_untold = 0;
		if (b->n_answers > 0)
			b->n_answers--;
	}
}

static void
on_request(struct block *b, struct message *m)
{
	struct block_request request;
	struct reader r;

	reader_init(&r, m->data, m->len);
	block_request_decode(&r, &request);
	message_close_fds(m);
	if (m->type != MSG_BLOCK || !reader_is_done(&r)) {
		log_err("opener", "malformed request from the agent");
		_exit(1);
	}
	if (!request.is_on)
		_exit(0);
	if (request.is_anew) {
		memset(b->keys, 0, SLOTS * sizeof(*b->keys));
		b->n_keys = 0;
	}
	for (uint32_t i = 0; i < request.n_keys; i++)
		add_key(b, &request.keys[i]);
	block_request_clear(&request);
	b->heard_ms = clock_monotonic_ms();
	b->n_answers++;
}

static void
receive_all(struct block *b)
{
	struct message m;
	mh_err err = MH_OK;

	mh_ignore(channel_flush(b->agent));
	while ((err = channel_receive(b->agent, &m)) == MH_OK)
		on_request(b, &m);
	if (err != MH_ERR_AGAIN)
		_exit(0);
}

static void
loop_once(struct block *b)
{
	enum { ASKED, AGENT, MOUNTS, MAX };
	struct pollfd p[MAX] = {
		[ASKED] = { .fd = watch_marks_fd(b->marks), .events = POLLIN },
		[AGENT] = { .fd = channel_fd(b->agent), .events = POLLIN },
		[MOUNTS] = { .fd = watch_marks_mounts_fd(b->marks), .events = POLLPRI },
	};
	int64_t left = b->heard_ms + BLOCK_SILENCE_MS - clock_monotonic_ms();

	/* The dead man's hand. */
	if (left <= 0)
		_exit(0);
	if (channel_wants_write(b->agent))
		p[AGENT].events |= POLLOUT;
	if (poll(p, MAX, (int)left) < 0 && errno != EINTR)
		_exit(1);
	/* Whatever is done now: somebody may be waiting for an answer. */
	bound_time(BLOCK_ANSWER_MS);
	if (p[ASKED].revents != 0 &&
	    watch_marks_read(b->marks, on_event, b) == MH_ERR_SYSTEM)
		_exit(1);
	if (p[AGENT].revents != 0)
		receive_all(b);
	if ((p[MOUNTS].revents & (POLLPRI | POLLERR)) != 0)
		watch_marks_refresh(b->marks, false);
	tell(b);
	bound_time(0);
}

noreturn void
block_run(struct channel *agent, struct message *first, int32_t family)
{
	struct block *b = xcalloc(1, sizeof(*b));

	b->agent = agent;
	b->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->own = own_new(b->proc, family);
	b->actors = watch_actors_new(b->proc, NULL, NULL);
	b->keys = xcalloc(SLOTS, sizeof(*b->keys));
	b->told = xcalloc(BLOCK_TOLD_MAX, sizeof(*b->told));
	(void)signal(SIGALRM, SIG_DFL);
	on_request(b, first);
	b->marks = watch_marks_new(MARKS_ASK);
	if (watch_marks_fd(b->marks) < 0) {
		log_err("opener", "cannot block: %s", watch_marks_trouble(b->marks));
		_exit(1);
	}
	watch_marks_refresh(b->marks, false);
	for (;;) {
		tell(b);
		loop_once(b);
	}
}

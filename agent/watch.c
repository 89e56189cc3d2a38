/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener (watching).
 * Input: messages from the agent; from the kernel, about hostile processes and files.
 */
#include "agent/clean_table.h"
#include "agent/watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file_facts.h"
#include "agent/file_systems.h"
#include "agent/watch_actor.h"
#include "agent/watch_marks.h"
#include "agent/watch_processes.h"
#include "agent/watch_queue.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"

enum { DAY_MS = 86400 * 1000 };

enum {
	BATCH_BYTES = 56 * 1024,
	SECOND_NS = 1000 * 1000 * 1000,
	LOST_PLACES_MAX = 1024, /* then all are told as lost */
};

/* A file system of which events were lost. */
struct lost_place {
	uint64_t dev;
	int64_t since_ns;
};

struct watch {
	struct channel *agent;
	struct watch_request request;
	int proc;
	struct own *own;
	struct watch_marks *marks;
	struct watch_processes *processes;
	struct watch_actors *actors;
	struct watch_queue *queue;
	struct clean_table *clean; /* NULL: the agent has none */
	size_t pending_max;
	uint64_t state_dev;
	struct watch_counters counters, told_counters;
	int64_t told_ms, lost_told_ms;
	int64_t now_ms, real_ms;
	int64_t all_read_ns; /* since 1970: until then nothing was missed */
	bool is_news;        /* MSG_WATCHING is due at once */
	uint64_t next_id;
	struct lost_place *lost; /* owned */
	size_t n_lost;
	bool is_all_lost, has_lost_processes;
	int64_t all_lost_since_ns;
};

/* Whether the agent's table of clean files has the file. */
static bool
watch_is_clean(const struct watch *w, const struct stat *st)
{
	struct target t = { .id = 0 };

	if (w->clean == NULL)
		return false;
	file_facts(&t, st);
	struct clean_key key = clean_key_of(&t);

	return clean_table_has(w->clean, &key, (uint32_t)(clock_real_ms() / DAY_MS));
}

static void
update_clock(struct watch *w)
{
	w->now_ms = clock_monotonic_ms();
	w->real_ms = clock_real_ms();
}

static void
lose_all(struct watch *w, int64_t since_ns)
{
	if (!w->is_all_lost || since_ns < w->all_lost_since_ns)
		w->all_lost_since_ns = since_ns;
	w->is_all_lost = true;
}

/* An event about a file of dev, changed at that time, is not told. */
static void
lose(struct watch *w, uint64_t dev, int64_t since_ns)
{
	for (size_t i = 0; i < w->n_lost; i++) {
		if (w->lost[i].dev == dev) {
			if (since_ns < w->lost[i].since_ns)
				w->lost[i].since_ns = since_ns;
			return;
		}
	}
	if (w->n_lost == LOST_PLACES_MAX) {
		lose_all(w, since_ns);
		return;
	}
	w->lost = xreallocarray(w->lost, w->n_lost + 1, sizeof(*w->lost));
	w->lost[w->n_lost++] = (struct lost_place){ dev, since_ns };
}

static int64_t
ctime_of(const struct stat *st)
{
	return (int64_t)st->st_ctim.tv_sec * SECOND_NS + st->st_ctim.tv_nsec;
}

static void
drop_entry(struct watch *w, struct watch_entry *e)
{
	w->counters.n_dropped++;
	lose(w, e->dev, e->ctime_ns);
	watch_entry_free(e);
}

/* Where the file of fd lies now; "" when the kernel does not say.  Size PATH_MAX + 1. */
static void
path_of(int fd, char *ret)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, ret, PATH_MAX);

	ret[n > 0 ? n : 0] = 0;
}

static bool
is_in_state(const struct watch *w, uint64_t dev, const char *path)
{
	size_t len = strlen(w->request.state);

	return dev == w->state_dev && len > 0 &&
	       strncmp(path, w->request.state, len) == 0 &&
	       (path[len] == '/' || w->request.state[len - 1] == '/');
}

/* A regular file of which nothing waits: into the queue. */
static void
take_file(struct watch *w, struct marks_event *e, uint8_t kinds, const struct stat *st)
{
	char path[PATH_MAX + 1] = "";
	bool is_busy = watch_queue_count(w->queue) > w->pending_max / 2;
	bool is_own = false;

	/* In a storm order by place is given up: the look costs as much as the event. */
	if (!is_busy || st->st_dev == w->state_dev)
		path_of(e->fd, path);
	enum watch_rank rank = watch_rank_of(kinds, st->st_mode, path);

	if (watch_queue_is_full(w->queue) && rank == WATCH_RANK_PLAIN) {
		w->counters.n_dropped++;
		lose(w, st->st_dev, ctime_of(st));
		return;
	}
	const struct actor *a = watch_actors_get(w->actors, e->pid, e->pidfd, e->is_ended,
	    w->now_ms, &is_own);

	if (is_own && kinds == EVENT_WRITTEN && is_in_state(w, st->st_dev, path)) {
		w->counters.n_own++;
		return;
	}
	struct watch_entry *entry = xcalloc(1, sizeof(*entry));

	*entry = (struct watch_entry){ .dev = st->st_dev,
		.ino = st->st_ino,
		.fd = e->fd,
		.kinds = kinds,
		.rank = rank,
		.first_real_ms = w->real_ms,
		.last_real_ms = w->real_ms,
		.ctime_ns = ctime_of(st) };
	e->fd = -1;
	actor_copy(a, &entry->actor);
	if (entry->actor.is_gone)
		w->counters.n_actor_gone++;
	struct watch_entry *out = watch_queue_add(w->queue, entry, w->now_ms);

	if (out != NULL)
		drop_entry(w, out);
}

/* What happened to a regular file once more, before it was told. */
static void
merge(struct watch *w, struct marks_event *e, struct watch_entry *entry, uint8_t kinds)
{
	bool is_own = false;

	w->counters.n_merged++;
	/*
	 * The first of whom something is known stays: a look at each would cost more
	 * than all else.  But who executes it tells more than who wrote it.
	 */
	bool is_news = (kinds & ~entry->kinds & EVENT_EXECUTED) != 0;

	if (e->pid != entry->actor.pid && (is_news || entry->actor.is_gone)) {
		const struct actor *a = watch_actors_get(w->actors, e->pid, e->pidfd,
		    e->is_ended, w->now_ms, &is_own);

		if (!a->is_gone || entry->actor.is_gone) {
			actor_clear(&entry->actor);
			actor_copy(a, &entry->actor);
		}
	}
	watch_queue_merge(w->queue, entry, kinds, w->now_ms, w->real_ms);
}

static void
on_file(struct watch *w, struct marks_event *e, uint8_t kinds)
{
	struct stat st;

	if (e->fd < 0 || fstat(e->fd, &st) < 0) {
		w->counters.n_gone++;
		/* Not gone, but not told either: for want of descriptors, say. */
		if (e->error != ENOENT && e->error != ESTALE)
			lose_all(w, w->all_read_ns);
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		w->counters.n_not_regular++;
		return;
	}
	struct watch_entry *entry = watch_queue_find(w->queue, st.st_dev, st.st_ino);

	if (entry != NULL) {
		merge(w, e, entry, kinds);
	} else if (kinds == EVENT_EXECUTED && watch_is_clean(w, &st)) {
		w->counters.n_clean++;
		(void)watch_marks_ignore(w->marks, e->fd);
	} else {
		take_file(w, e, kinds, &st);
	}
	if ((kinds & EVENT_EXECUTED) != 0)
		watch_actors_forget(w->actors, e->pid);
}

static void
on_event(void *ctx, struct marks_event *e)
{
	struct watch *w = ctx;
	uint8_t kinds = (uint8_t)(((e->mask & FAN_CLOSE_WRITE) != 0 ? EVENT_WRITTEN : 0) |
				  ((e->mask & FAN_OPEN_EXEC) != 0 ? EVENT_EXECUTED : 0));

	if ((e->mask & FAN_Q_OVERFLOW) != 0) {
		w->counters.n_overflows++;
		lose_all(w, w->all_read_ns);
	} else if (kinds != 0) {
		w->counters.n_read++;
		on_file(w, e, kinds);
	}
	fd_closep(&e->fd);
}

/* Since 1970, less what clocks and files written for long may differ. */
static int64_t
read_until_ns(int64_t real_ms)
{
	return (real_ms - WATCH_LOST_SLACK_MS) * 1000 * 1000;
}

static void
read_files(struct watch *w)
{
	int64_t before_ms = clock_real_ms();

	update_clock(w);
	mh_err err = watch_marks_read(w->marks, on_event, w);

	if (err == MH_ERR_AGAIN) {
		w->all_read_ns = read_until_ns(before_ms);
	} else if (err == MH_ERR_SYSTEM) {
		/* The kernel has let go of the event: count it with what it was. */
		w->counters.n_read++;
		w->counters.n_gone++;
		if (errno != ENOENT && errno != ESTALE)
			lose_all(w, w->all_read_ns);
	}
}

static void
on_exec(void *ctx, const struct exec_look *look)
{
	struct watch *w = ctx;

	watch_actors_hint(w->actors, look->actor, w->now_ms);
	watch_marks_meet(w->marks, look->dir, look->pid, look->mount_namespace,
	    w->now_ms);
}

static void
read_processes(struct watch *w)
{
	update_clock(w);
	if (watch_processes_read(w->processes, w->request.memory_after_ms, w->now_ms,
		on_exec, w, &w->counters))
		w->has_lost_processes = true;
}

/* Whether there may be sent; ends when the agent is gone. */
static bool
send_message(struct watch *w, enum message_name type, const struct buf *b, const int *fds,
    unsigned n_fds)
{
	mh_err err =
	    channel_send(w->agent, (uint16_t)type, buf_data(b), buf_len(b), fds, n_fds);

	if (err == MH_ERR_CLOSED)
		_exit(0);
	return err == MH_OK;
}

static bool
is_excluded(const struct watch *w, const char *path)
{
	for (uint32_t i = 0; i < w->request.n_excludes; i++) {
		if (fnmatch(w->request.excludes[i], path, 0) == 0)
			return true;
	}
	return false;
}

/*
 * Encode what waited as it is now: where it lies, its facts.  False: there is
 * nothing to tell, and it is counted.
 */
static bool
encode_entry(struct watch *w, struct watch_entry *e, struct buf *b)
{
	char path[PATH_MAX + 1];
	struct watch_event event = { .kinds = e->kinds,
		.n_merged = e->n_merged,
		.first_ms = e->first_real_ms,
		.last_ms = e->last_real_ms,
		.actor = e->actor };
	struct stat st;

	path_of(e->fd, path);
	if (fstat(e->fd, &st) < 0) {
		w->counters.n_gone++;
		return false;
	}
	if (is_excluded(w, path)) {
		w->counters.n_excluded++;
		return false;
	}
	if (watch_is_clean(w, &st)) {
		w->counters.n_clean++;
		return false;
	}
	event.target.id = w->next_id++;
	event.target.kind = TARGET_FILE;
	event.target.n_fds = 1;
	event.target.path = path;
	file_facts(&event.target, &st);
	event.target.is_lasting = file_system_is_lasting(e->fd);
	event.target.owner = xstrdup(owner_name(st.st_uid));
	watch_event_encode(&event, b);
	free(event.target.owner);
	return true;
}

/* One message of what is due.  False when nothing was sent. */
static bool
send_events(struct watch *w)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct watch_entry *entries[BATCH_TARGETS_MAX];
	int fds[BATCH_TARGETS_MAX];
	unsigned n = 0;

	/* An event has at most 40 KiB by the lengths of its texts, most have less than 1. */
	while (n < BATCH_TARGETS_MAX && buf_len(b) < BATCH_BYTES / 3) {
		struct watch_entry *e = watch_queue_take(w->queue, w->now_ms);

		if (e == NULL)
			break;
		if (!encode_entry(w, e, b)) {
			watch_entry_free(e);
			continue;
		}
		fds[n] = e->fd;
		entries[n++] = e;
	}
	if (n == 0)
		return false;
	bool is_sent = buf_error(b) == MH_OK && send_message(w, MSG_EVENTS, b, fds, n);

	for (unsigned i = 0; i < n; i++) {
		if (is_sent) {
			w->counters.n_sent++;
			watch_entry_free(entries[i]);
		} else {
			drop_entry(w, entries[i]);
		}
	}
	return is_sent;
}

static bool
send_due(struct watch *w)
{
	struct due_item items[DUE_ITEMS_MAX];
	struct due_list list = { .items = items };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	list.n = (uint32_t)watch_processes_take(w->processes, w->now_ms, items,
	    DUE_ITEMS_MAX, &w->counters);
	if (list.n == 0)
		return false;
	due_list_encode(&list, b);
	if (!send_message(w, MSG_DUE, b, NULL, 0))
		w->has_lost_processes = true;
	return true;
}

/* The mount points of what was lost, at most max; new, their texts borrowed. */
static char **
lost_paths(struct watch *w, size_t max, uint32_t *ret_n)
{
	char **paths = xcalloc(max, sizeof(*paths));
	uint32_t n = 0;

	for (size_t i = 0; i < watch_marks_count(w->marks) && n < max; i++) {
		const struct watch_place *p = watch_marks_place(w->marks, i);
		bool is_lost = w->is_all_lost && p->trouble[0] == 0;

		for (size_t j = 0; j < w->n_lost && !is_lost; j++)
			is_lost = w->lost[j].dev == p->dev;
		if (is_lost)
			paths[n++] = p->path;
	}
	/* A device that is no place's: of btrfs, or unmounted since. */
	for (size_t j = 0; j < w->n_lost && n < max; j++) {
		if (watch_marks_find(w->marks, w->lost[j].dev) == NULL) {
			paths[n++] = (char *)"/";
			break;
		}
	}
	*ret_n = n;
	return paths;
}

static void
send_lost(struct watch *w)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct watch_lost lost = { .is_processes = w->has_lost_processes,
		.since_ns = w->is_all_lost ? w->all_lost_since_ns : INT64_MAX };
	char *root = (char *)"/";

	for (size_t i = 0; i < w->n_lost; i++) {
		if (w->lost[i].since_ns < lost.since_ns)
			lost.since_ns = w->lost[i].since_ns;
	}
	lost.paths = lost_paths(w, WALK_ROOTS_MAX, &lost.n_paths);
	watch_lost_encode(&lost, b);
	free(lost.paths);
	/* Too many to name: the whole is lost. */
	if (buf_error(b) != MH_OK || lost.n_paths == WALK_ROOTS_MAX) {
		lost.paths = &root;
		lost.n_paths = 1;
		buf_reset(b);
		watch_lost_encode(&lost, b);
	}
	if (!send_message(w, MSG_LOST, b, NULL, 0))
		return;
	w->n_lost = 0;
	w->is_all_lost = w->has_lost_processes = false;
	w->lost_told_ms = w->now_ms;
}

static void
send_watching(struct watch *w)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	size_t n = watch_marks_count(w->marks);
	MH_CLEANUP(freep)
	struct watch_place *places = xcalloc(WATCH_PLACES_MAX, sizeof(*places));
	struct watching state = { .id = w->request.id,
		.trouble = (char *)watch_marks_trouble(w->marks),
		.processes_trouble = (char *)watch_processes_trouble(w->processes),
		.has_pidfd = watch_marks_has_pidfd(w->marks),
		.is_unlimited = watch_marks_is_unlimited(w->marks),
		.has_errors = watch_marks_has_errors(w->marks),
		.counters = w->counters,
		.places = places };

	for (size_t i = 0; i < n && state.n_places < WATCH_PLACES_MAX; i++) {
		struct watch_place *p = &places[state.n_places++];
		size_t len = 0;

		*p = *watch_marks_place(w->marks, i);
		/* A long name keeps its end: it is told, not used. */
		len = strlen(p->path);
		if (len > WATCH_PLACE_BYTES_MAX)
			p->path += len - WATCH_PLACE_BYTES_MAX;
	}
	do {
		state.n_unlisted = (uint32_t)(n - state.n_places);
		buf_reset(b);
		watching_encode(&state, b);
		state.n_places /= 2;
	} while (buf_error(b) != MH_OK);
	if (!send_message(w, MSG_WATCHING, b, NULL, 0))
		return;
	w->told_counters = w->counters;
	w->told_ms = w->now_ms;
	w->is_news = false;
}

static bool
has_lost(const struct watch *w)
{
	return w->n_lost > 0 || w->is_all_lost || w->has_lost_processes;
}

static bool
is_state_due(struct watch *w)
{
	w->is_news |= watch_marks_has_changed(w->marks);
	w->counters.n_pending = watch_queue_count(w->queue);
	return w->is_news ||
	       (w->now_ms - w->told_ms >= WATCH_STATE_MS &&
		   memcmp(&w->counters, &w->told_counters, sizeof(w->counters)) != 0);
}

/* Tell what is to be told while the agent takes it: the worst first. */
static void
send_all(struct watch *w)
{
	bool is_more = true;

	update_clock(w);
	while (is_more && channel_can_send(w->agent)) {
		is_more = false;
		if (has_lost(w) && w->now_ms - w->lost_told_ms >= WATCH_LOST_MS)
			send_lost(w);
		if (channel_can_send(w->agent))
			is_more |= send_due(w);
		if (channel_can_send(w->agent))
			is_more |= send_events(w);
		if (channel_can_send(w->agent) && is_state_due(w))
			send_watching(w);
	}
}

/* Descriptors that events may hold. */
static size_t
descriptors_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    files.rlim_cur <= 2 * WATCH_DESCRIPTORS_FREE)
		return WATCH_DESCRIPTORS_FREE / 2;
	/* Actors have one each, a message of events is held twice. */
	size_t max = files.rlim_cur - WATCH_DESCRIPTORS_FREE;

	return max > 2 * (size_t)ACTORS_CACHED ? max - ACTORS_CACHED : max / 2;
}

static void
on_request(struct watch *w, struct message *m)
{
	struct watch_request request;
	struct stat st;
	struct reader r;

	/* Asked whether we live. */
	if (m->type == MSG_PACE) {
		message_close_fds(m);
		w->is_news = true;
		return;
	}
	reader_init(&r, m->data, m->len);
	watch_request_decode(&r, &request);
	if (m->type != MSG_WATCH || !reader_is_done(&r)) {
		log_err("opener", "malformed request from the agent");
		_exit(1);
	}
	watch_request_clear(&w->request);
	w->request = request;
	clean_table_free(w->clean);
	w->clean = NULL;
	/* Without it everything is told. */
	if (m->n_fds > 0)
		mh_ignore(clean_table_open_reader(m->fds[0], &w->clean));
	message_close_fds(m);
	w->pending_max = descriptors_max();
	if (request.pending_max < w->pending_max)
		w->pending_max = request.pending_max;
	struct watch_times times = { request.debounce_ms, request.settle_max_ms,
		request.repeat_max_ms };

	if (w->queue == NULL)
		w->queue = watch_queue_new(w->pending_max, times);
	watch_queue_set(w->queue, w->pending_max, times);
	w->state_dev =
	    request.state[0] != 0 && stat(request.state, &st) == 0 ? st.st_dev : 0;
	/* Marks first, so that nothing happens between: then what was ignored. */
	watch_marks_refresh(w->marks, request.may_use_network);
	watch_marks_flush_ignored(w->marks);
	w->is_news = true;
}

static void
receive_all(struct watch *w)
{
	struct message m;
	mh_err err = MH_OK;

	mh_ignore(channel_flush(w->agent));
	while ((err = channel_receive(w->agent, &m)) == MH_OK)
		on_request(w, &m);
	if (err != MH_ERR_AGAIN)
		_exit(0);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until something is to be done, in ms; -1 for ever. */
static int
time_to_wait(struct watch *w)
{
	int64_t due = watch_marks_catch_up(w->marks, w->proc, w->now_ms);

	/* Without credit nothing can be told: the agent will say when. */
	if (channel_can_send(w->agent)) {
		due = sooner(due, watch_queue_due(w->queue));
		due = sooner(due, watch_processes_due(w->processes));
		if (has_lost(w))
			due = sooner(due, w->lost_told_ms + WATCH_LOST_MS);
		if (w->is_news)
			due = w->now_ms;
		w->counters.n_pending = watch_queue_count(w->queue);
		if (memcmp(&w->counters, &w->told_counters, sizeof(w->counters)) != 0)
			due = sooner(due, w->told_ms + WATCH_STATE_MS);
	}
	if (due == INT64_MAX)
		return -1;
	int64_t wait = due - w->now_ms;

	return wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
}

enum { POLL_AGENT, POLL_FILES, POLL_PROCESSES, POLL_MOUNTS, POLL_MAX_ };

static void
loop_once(struct watch *w)
{
	struct pollfd p[POLL_MAX_] = {
		[POLL_AGENT] = { .fd = channel_fd(w->agent), .events = POLLIN },
		[POLL_FILES] = { .fd = watch_marks_fd(w->marks), .events = POLLIN },
		[POLL_PROCESSES] = { .fd = watch_processes_fd(w->processes),
		    .events = POLLIN },
		[POLL_MOUNTS] = { .fd = watch_marks_mounts_fd(w->marks),
		    .events = POLLPRI },
	};

	if (channel_wants_write(w->agent))
		p[POLL_AGENT].events |= POLLOUT;
	if (poll(p, POLL_MAX_, time_to_wait(w)) < 0 && errno != EINTR)
		_exit(1);
	if ((p[POLL_MOUNTS].revents & (POLLPRI | POLLERR)) != 0)
		watch_marks_refresh(w->marks, w->request.may_use_network);
	/* Executions first: they say who it was that files tell of. */
	if (p[POLL_PROCESSES].revents != 0)
		read_processes(w);
	if (p[POLL_FILES].revents != 0)
		read_files(w);
	if (p[POLL_AGENT].revents != 0)
		receive_all(w);
	send_all(w);
}

noreturn void
watch_run(struct channel *agent, struct message *first, int32_t family)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->agent = agent;
	w->next_id = 1;
	update_clock(w);
	w->lost_told_ms = w->now_ms - WATCH_LOST_MS;
	w->all_read_ns = read_until_ns(w->real_ms);
	w->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->proc < 0) {
		log_err("opener", "there is no /proc");
		_exit(1);
	}
	w->own = own_new(w->proc, family);
	w->processes = watch_processes_new(w->proc, w->own);
	w->marks = watch_marks_new(MARKS_NOTIFY);
	w->actors = watch_actors_new(w->proc, w->own, w->marks);
	on_request(w, first);
	for (;;)
		loop_once(w);
}

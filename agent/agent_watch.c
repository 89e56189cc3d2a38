/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching: what is written and executed is scanned at once, the memory of what
 * was started some seconds later, and where events were lost, what changed since.
 *
 * Runs in: agent.
 * Input: from the watcher, an opener: names and facts of files and processes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/watch.h"

enum {
	WATCH_RESTART_MS = 1000,
	/* Processes whose memory is due, beyond which all are scanned instead. */
	DUE_WAITING_MAX = 4096,
	DUE_AT_ONCE = 64,
	/* What was watched is told so often, where something was scanned. */
	WATCH_TELL_MS = 3600 * 1000,
	/* Before the last word of a watcher that ended: it may have known more. */
	WATCH_SLACK_MS = 10 * 1000,
	LOST_PATHS_MAX = 256,
	/* Between two rescans, growing while events go on being lost: nobody keeps us
	 * walking by provoking that. */
	RESCAN_MS = 10 * 1000,
	RESCAN_MAX_MS = 10 * 60 * 1000,
	SAVE_MS = 60 * 1000, /* of work that a restart costs, where something happens */
	DAY_MS = 86400 * 1000,
	/* Without a word for so long it is asked for one: with and without work lately. */
	PING_BUSY_MS = 5 * 1000,
	PING_IDLE_MS = 30 * 1000,
	PING_LATELY_MS = 60 * 1000,
	ANSWER_MS = 10 * 1000,       /* a watcher that is silent longer hangs */
	STALLED_MS = 3 * 1000,       /* between two ticks: it was us who did nothing */
	HUNG_RESTART_MS = 64 * 1000, /* the longest wait after several that hung */
	/* Hung ones that do not end (their call cannot be interrupted): then no more. */
	HUNG_MAX = 8,
};

struct watch_side {
	struct event *event;
	struct channel *channel; /* NULL while there is none */
	unsigned instance;
	bool is_starting, was_started;
	bool is_listening;
	int64_t retry_ms; /* monotonic */
	int64_t
	    all_ms; /* real time: all that happened before was scanned; 0: never yet */
	struct watching state;
	bool has_state;
	int64_t heard_ms,
	    worked_ms;     /* monotonic: its last word, and that told something */
	int64_t said_ms;   /* real time: its last WATCHING */
	int64_t asked_ms;  /* monotonic: it owes an answer since; 0 */
	int64_t ticked_ms; /* monotonic */
	bool is_hung;      /* the last one was, and the next has not said anything */
	int64_t hung_ms;   /* monotonic: when the last hung */
	unsigned n_hung, n_hung_in_row;
	unsigned hung[HUNG_MAX]; /* instances that have not ended yet; 0 is free */
	int64_t until_ms;        /* real time: watched until then, before this start; 0 */
	int64_t saved_ms;        /* monotonic: that was kept */
	uint64_t n_read_saved;   /* events then */
	uint32_t request_id;
	int64_t sent_day; /* terms of clean files end with a day */

	struct run *stream;     /* what is written and executed */
	struct run *old_stream; /* on rules that were replaced, ending */
	int64_t told_ms;        /* monotonic: its coverage */

	struct due_item *due; /* DUE_WAITING_MAX */
	size_t n_due;
	bool is_all_due;
	struct run *memory; /* of processes that are due */

	char **lost; /* mount points; owned */
	size_t n_lost;
	int64_t lost_since_ns;
	struct run *rescan; /* of what may have been missed */
	int64_t rescan_ms,
	    rescan_after_ms; /* monotonic: the last began; until the next */
};

static void
tag_free(void *tag)
{
	watch_event_clear(tag);
	free(tag);
}

static void
on_dropped(void *ctx, void *tag)
{
	(void)ctx;
	tag_free(tag);
}

static void
on_event_answer(void *ctx, struct scan *scan, const struct scan_answer *answer)
{
	run_on_answer(ctx, scan, answer);
	if (answer->tag != NULL)
		tag_free(answer->tag);
}

static const struct scan_ops stream_ops = {
	.on_answer = on_event_answer,
	.on_anomaly = run_on_anomaly,
	.on_dropped = on_dropped,
	.on_done = run_on_done,
};

static const struct scan_ops walk_ops = {
	.wants = run_wants,
	.on_answer = run_on_answer,
	.on_anomaly = run_on_anomaly,
	.on_done = run_on_done,
};

static struct run *
stream_new(struct agent *a)
{
	struct run *run = run_new(a, RUN_WATCH, "watch");

	run->scan = scan_start_stream(a->rules->scanner, &stream_ops, run);
	return run;
}

/* Tell what was watched, when there is something to tell. */
static void
tell_stream(struct run *run)
{
	struct coverage c;

	scan_take_coverage(run->scan, &c);
	if (c.n_scanned + c.n_missed > 0)
		run_tell_coverage(run, &c, true);
	coverage_clear(&c);
	run->started_ms = clock_real_ms();
}

static void
send_request(struct agent *a)
{
	struct watch_side *w = a->watch;
	const struct agent_config *config = &a->config;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	size_t n_excludes = 0;
	MH_CLEANUP(freep)
	const char **excludes =
	    agent_excludes(a, (const char *const *)config->watch_exclude.items,
		config->watch_exclude.n, &n_excludes);
	struct watch_request request = {
		.id = ++w->request_id,
		.debounce_ms = (uint32_t)config->watch_debounce_ms,
		.settle_max_ms = WATCH_SETTLE_DEFAULT_MS,
		.repeat_max_ms = WATCH_REPEAT_DEFAULT_MS,
		.memory_after_ms = (uint32_t)config->watch_memory_after_ms,
		.pending_max = (uint32_t)config->watch_pending_max,
		.state = a->state,
		.excludes = (char **)(uintptr_t)excludes,
		.n_excludes = (uint32_t)n_excludes,
	};
	int fd = agent_clean_fd(a);

	watch_request_encode(&request, b);
	mh_ignore(channel_send(w->channel, MSG_WATCH, buf_data(b), buf_len(b), &fd,
	    fd >= 0 ? 1 : 0));
	w->sent_day = clock_real_ms() / DAY_MS;
}

/* Told with the coverage of watching. */
static void
tell_missed(struct watch_side *w, enum reason reason, const char *path)
{
	struct coverage c = { 0 };

	if (w->stream == NULL)
		return;
	coverage_add_missed(&c, reason, false, path, NULL);
	scan_add_coverage(w->stream->scan, &c);
	coverage_clear(&c);
}

/* One event: to the workers, or told as not scanned.  fd is taken. */
static void
take_event(struct agent *a, struct watch_event *e, int fd)
{
	struct run *run = a->watch->stream;
	enum reason reason = REASON_NONE;

	if (!run_wants(run, &e->target, &reason)) {
		(void)close(fd);
		tell_missed(a->watch, reason, e->target.path);
		watch_event_clear(e);
		return;
	}
	struct watch_event *tag = xmemdup(e, sizeof(*e));

	memset(&tag->target, 0, sizeof(tag->target));
	scan_add(run->scan, &e->target, &fd, tag);
}

/* False: the watcher talks nonsense. */
static bool
on_events(struct agent *a, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	for (unsigned i = 0; i < m->n_fds; i++) {
		struct watch_event e;

		watch_event_decode(&r, &e);
		if (!reader_is_ok(&r) || e.target.kind != TARGET_FILE ||
		    e.target.n_fds != 1) {
			watch_event_clear(&e);
			return false;
		}
		take_event(a, &e, message_take_fd(m, i));
	}
	return reader_is_done(&r);
}

static bool
on_due(struct watch_side *w, const struct message *m)
{
	struct due_list list;
	struct reader r;

	reader_init(&r, m->data, m->len);
	due_list_decode(&r, &list);
	for (uint32_t i = 0; reader_is_done(&r) && i < list.n; i++) {
		if (w->n_due == DUE_WAITING_MAX)
			w->is_all_due = true;
		else
			w->due[w->n_due++] = list.items[i];
	}
	due_list_clear(&list);
	return reader_is_done(&r);
}

static void
note_lost_path(struct watch_side *w, const char *path)
{
	/* Of a mount namespace of others: nobody can walk there from here. */
	if (path[0] != '/') {
		tell_missed(w, REASON_EVENTS, path);
		return;
	}
	if (w->n_lost >= LOST_PATHS_MAX)
		path = "/"; /* everything */
	for (size_t i = 0; i < w->n_lost; i++) {
		if (strcmp(w->lost[i], path) == 0)
			return;
	}
	w->lost = xreallocarray(w->lost, w->n_lost + 1, sizeof(*w->lost));
	w->lost[w->n_lost] = xstrdup(path);
	w->n_lost++;
}

static void
note_lost(struct watch_side *w, const struct watch_lost *lost)
{
	if (lost->is_processes)
		w->is_all_due = true;
	if (lost->n_paths == 0)
		return;
	if (w->n_lost == 0 || lost->since_ns < w->lost_since_ns)
		w->lost_since_ns = lost->since_ns;
	for (uint32_t i = 0; i < lost->n_paths; i++)
		note_lost_path(w, lost->paths[i]);
}

static bool
on_lost(struct watch_side *w, const struct message *m)
{
	struct watch_lost lost;
	struct reader r;

	reader_init(&r, m->data, m->len);
	watch_lost_decode(&r, &lost);
	if (reader_is_done(&r)) {
		/* Once until they are looked for. */
		if (w->n_lost == 0)
			log_warn("watch",
			    "events were lost on %u file systems: what changed there "
			    "since is scanned",
			    (unsigned)lost.n_paths);
		note_lost(w, &lost);
	}
	watch_lost_clear(&lost);
	return reader_is_done(&r);
}

/* Nothing was watched since then: what happened may be lost. */
static void
note_gap(struct agent *a, int64_t since_ms)
{
	struct watch_side *w = a->watch;

	/* Watched for too short a time to know: since the start, at least. */
	if (since_ms == 0)
		since_ms = a->started_ms;
	/* Without places yet: when they are known. */
	if (!w->has_state && w->until_ms == 0)
		w->until_ms = since_ms;
	struct watch_lost lost = { .is_processes = true,
		.since_ns = (since_ms - WATCH_SLACK_MS) * 1000000 };

	for (uint32_t i = 0; w->has_state && i < w->state.n_places; i++) {
		lost.paths = &w->state.places[i].path;
		lost.n_paths = 1;
		if (w->state.places[i].trouble[0] == 0)
			note_lost(w, &lost);
	}
	w->is_all_due = true;
}

/*
 * Where no agent ever watched, nothing before now is promised; from now on all is.
 * On disk at once: at a stop, or a kill, there may be no room for it.
 */
static void
note_first(struct agent *a)
{
	struct watch_side *w = a->watch;

	if (w->until_ms > 0 || w->all_ms > 0)
		return;
	w->all_ms = clock_real_ms();
	agent_state_set_number(a, "watched_until_ms", w->all_ms);
}

static bool
on_watching(struct agent *a, const struct message *m)
{
	struct watch_side *w = a->watch;
	struct watching state;
	struct reader r;

	reader_init(&r, m->data, m->len);
	watching_decode(&r, &state);
	if (!reader_is_done(&r)) {
		watching_clear(&state);
		return false;
	}
	if (!w->has_state || strcmp(w->state.trouble, state.trouble) != 0) {
		if (state.trouble[0] != 0)
			log_warn("watch", "files are not watched: %s", state.trouble);
		else
			log_notice("watch", "%u file systems are watched",
			    (unsigned)(state.n_places + state.n_unlisted));
	}
	if (!w->has_state)
		note_first(a);
	watching_clear(&w->state);
	w->state = state;
	w->has_state = true;
	/* What happened while no agent ran. */
	if (w->until_ms > 0)
		note_gap(a, w->until_ms);
	w->until_ms = 0;
	return true;
}

/* It is there: what it owed is paid. */
static void
note_word(struct watch_side *w, unsigned type)
{
	w->heard_ms = clock_monotonic_ms();
	w->asked_ms = 0;
	if (type == MSG_WATCHING)
		w->said_ms = clock_real_ms();
	else
		w->worked_ms = w->heard_ms;
	w->is_hung = false;
}

static void
lose_watcher(struct agent *a)
{
	struct watch_side *w = a->watch;

	if (w->event != NULL)
		event_free(w->event);
	w->event = NULL;
	channel_free(w->channel);
	w->channel = NULL;
	w->is_starting = w->is_listening = false;
	w->asked_ms = 0;
	w->retry_ms = clock_monotonic_ms() + WATCH_RESTART_MS;
}

static void
on_watcher(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	struct watch_side *w = a->watch;
	struct message m;
	mh_err err = MH_ERR_AGAIN;
	bool is_good = true;

	(void)fd;
	(void)what;
	while (is_good && w->stream != NULL && scan_has_room(w->stream->scan) &&
	       (err = channel_receive(w->channel, &m)) == MH_OK) {
		note_word(w, m.type);
		if (m.type == MSG_EVENTS)
			is_good = on_events(a, &m);
		else if (m.type == MSG_DUE)
			is_good = on_due(w, &m);
		else if (m.type == MSG_WATCHING)
			is_good = on_watching(a, &m);
		else
			is_good = m.type == MSG_LOST && on_lost(w, &m);
		message_close_fds(&m);
		err = MH_ERR_AGAIN;
	}
	agent_hurry(a);
	if (is_good && err == MH_ERR_AGAIN)
		return;
	log_warn("watch", "the watcher is gone; it is started again");
	mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, w->instance));
	if (w->was_started)
		note_gap(a, w->all_ms);
	lose_watcher(a);
}

void
agent_watch_on_started(struct agent *a, unsigned instance, int fd)
{
	struct watch_side *w = a->watch;

	if (instance != w->instance || w->channel != NULL) {
		(void)close(fd);
		return;
	}
	w->is_starting = false;
	w->was_started = true;
	w->heard_ms = w->asked_ms = clock_monotonic_ms(); /* a request has an answer */
	w->channel = message_channel_new(fd, ROLE_AGENT, ROLE_OPENER);
	w->event = event_new(a->base, channel_fd(w->channel), EV_READ | EV_PERSIST,
	    on_watcher, a);
	send_request(a);
}

void
agent_watch_on_exited(struct agent *a, unsigned instance, int status)
{
	struct watch_side *w = a->watch;

	for (size_t i = 0; i < HUNG_MAX; i++) {
		if (w->hung[i] == instance)
			w->hung[i] = 0;
	}
	if (instance != w->instance || (w->channel == NULL && !w->is_starting))
		return;
	log_warn("watch", "the watcher could not be started, or ended: 0x%x",
	    (unsigned)status);
	if (w->was_started)
		note_gap(a, w->all_ms);
	lose_watcher(a);
}

/*
 * The configuration turned it off.  What the watcher still held is looked for now,
 * and what happens from here on when watching is on again.
 */
static void
stop_watching(struct agent *a)
{
	struct watch_side *w = a->watch;

	mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, w->instance));
	note_gap(a, w->all_ms);
	lose_watcher(a);
	watching_clear(&w->state);
	w->has_state = false;
	if (w->until_ms == 0)
		w->until_ms = w->all_ms > 0 ? w->all_ms : a->started_ms;
	log_notice("watch", "files are no longer watched: by configuration");
}

static size_t
count_hung(const struct watch_side *w)
{
	size_t n = 0;

	for (size_t i = 0; i < HUNG_MAX; i++)
		n += w->hung[i] != 0;
	return n;
}

static void
start_watcher(struct agent *a, int64_t now_ms)
{
	struct watch_side *w = a->watch;

	if (w->channel != NULL || w->is_starting || now_ms < w->retry_ms ||
	    count_hung(w) == HUNG_MAX)
		return;
	w->instance = INSTANCES_WATCH | ((w->instance + 1) & ~INSTANCES_WATCH);
	w->retry_ms = now_ms + WATCH_RESTART_MS;
	w->is_starting = agent_ask(a, MSG_START, ROLE_OPENER, w->instance) == MH_OK;
}

/* A watcher that hangs may never end: it is left, and another one takes its place. */
static void
replace_hung(struct agent *a)
{
	struct watch_side *w = a->watch;
	int64_t wait_ms = WATCH_RESTART_MS;

	w->is_hung = true;
	w->hung_ms = clock_monotonic_ms();
	w->n_hung++;
	w->n_hung_in_row++;
	log_err("watch", "the watcher does not answer: another one is started");
	for (size_t i = 0; i < HUNG_MAX; i++) {
		if (w->hung[i] == 0) {
			w->hung[i] = w->instance;
			break;
		}
	}
	mh_ignore(agent_ask(a, MSG_STOP, ROLE_OPENER, w->instance));
	note_gap(a, w->all_ms);
	lose_watcher(a);
	for (unsigned i = 1; i < w->n_hung_in_row && wait_ms < HUNG_RESTART_MS; i++)
		wait_ms *= 2;
	w->retry_ms = clock_monotonic_ms() + wait_ms;
}

/* Ask a watcher that was silent for a while for a word. */
static void
ping(struct watch_side *w, int64_t now_ms)
{
	static const uint8_t as_it_is[PACE_BYTES] = { 0, 0 };
	bool is_busy =
	    w->state.counters.n_pending > 0 || now_ms - w->worked_ms < PING_LATELY_MS;

	if (now_ms - w->heard_ms < (is_busy ? PING_BUSY_MS : PING_IDLE_MS))
		return;
	/* One that takes no message owes an answer too. */
	mh_ignore(channel_send(w->channel, MSG_PACE, as_it_is, PACE_BYTES, NULL, 0));
	w->asked_ms = now_ms;
}

static void
check_watcher(struct agent *a, int64_t now_ms)
{
	struct watch_side *w = a->watch;
	bool was_stalled = now_ms - w->ticked_ms > STALLED_MS;

	w->ticked_ms = now_ms;
	if (w->channel == NULL)
		return;
	/* What is not read says nothing; nor does silence while we stood still. */
	if (!w->is_listening || was_stalled)
		w->heard_ms = now_ms;
	if (w->asked_ms == 0)
		ping(w, now_ms);
	else if (!w->is_listening || was_stalled)
		w->asked_ms = now_ms;
	else if (now_ms - w->asked_ms > ANSWER_MS)
		replace_hung(a);
	if (w->n_hung_in_row > 0 && !w->is_hung && now_ms - w->hung_ms > WATCH_TELL_MS)
		w->n_hung_in_row = 0;
}

/* While the workers have enough, or the disk is full, events wait in the watcher. */
static void
set_listening(struct agent *a)
{
	struct watch_side *w = a->watch;
	bool wants = w->stream != NULL && scan_has_room(w->stream->scan) &&
		     !store_is_blocked(a->store);

	if (w->event == NULL || wants == w->is_listening)
		return;
	w->is_listening = wants;
	(void)(wants ? event_add(w->event, NULL) : event_del(w->event));
}

static void
begin_memory(struct agent *a)
{
	struct watch_side *w = a->watch;
	int32_t pids[DUE_AT_ONCE];
	size_t n = w->n_due < DUE_AT_ONCE ? w->n_due : DUE_AT_ONCE;
	struct process_choice choice = { .pids = pids };
	struct scan_walk walk = { .priority = SCAN_URGENT, .processes = &choice };
	struct run *run = run_new(a, RUN_WATCH, "started");

	for (size_t i = 0; i < n && !w->is_all_due; i++)
		pids[choice.n_pids++] = w->due[i].pid;
	if (w->is_all_due)
		walk.priority = SCAN_ORDINARY;
	w->n_due = w->is_all_due ? 0 : w->n_due - n;
	memmove(w->due, w->due + n, w->n_due * sizeof(*w->due));
	w->is_all_due = false;
	if (scan_start(a->rules->scanner, &walk, &walk_ops, run, &run->scan) == MH_OK)
		w->memory = run;
	else
		run_free(run);
}

/* The next one waits longer when this one comes soon after the last. */
static void
grow_rescan(struct watch_side *w)
{
	int64_t now_ms = clock_monotonic_ms();

	if (w->rescan_ms == 0 || now_ms - w->rescan_ms > 2 * w->rescan_after_ms)
		w->rescan_after_ms = RESCAN_MS;
	else if (w->rescan_after_ms < RESCAN_MAX_MS / 2)
		w->rescan_after_ms *= 2;
	else
		w->rescan_after_ms = RESCAN_MAX_MS;
	w->rescan_ms = now_ms;
}

static void
begin_rescan(struct agent *a)
{
	struct watch_side *w = a->watch;
	struct run *run = run_new(a, RUN_WATCH, "lost events");
	size_t n_excludes = 0;
	MH_CLEANUP(freep)
	const char **excludes =
	    agent_excludes(a, (const char *const *)a->config.watch_exclude.items,
		a->config.watch_exclude.n, &n_excludes);
	struct scan_walk walk = {
		.priority = SCAN_ORDINARY,
		.roots = (const char *const *)w->lost,
		.n_roots = w->n_lost,
		.excludes = excludes,
		.n_excludes = n_excludes,
		.changed_since_ns = w->lost_since_ns,
		.has_clean = agent_clean_fd(a) >= 0,
		.clean_fd = agent_clean_fd(a),
	};

	if (scan_start(a->rules->scanner, &walk, &walk_ops, run, &run->scan) != MH_OK) {
		/* Never in silence: what cannot be looked for is told as not scanned. */
		for (size_t i = 0; i < w->n_lost; i++)
			tell_missed(w, REASON_EVENTS, w->lost[i]);
		run_free(run);
	} else {
		w->rescan = run;
	}
	grow_rescan(w);
	for (size_t i = 0; i < w->n_lost; i++)
		free(w->lost[i]);
	free(w->lost);
	w->lost = NULL;
	w->n_lost = 0;
}

/* A scan of its own is over: its coverage joins that of watching, or is told. */
static void
end_run(struct agent *a, struct run **at, bool is_told)
{
	struct run *run = *at;

	if (run == NULL || !run->is_done ||
	    (is_told && !run_has_settled(run, clock_monotonic_ms())))
		return;
	if (is_told)
		run_tell_coverage(run, scan_coverage(run->scan), true);
	else if (a->watch->stream != NULL)
		scan_add_coverage(a->watch->stream->scan, scan_coverage(run->scan));
	run_free(run);
	*at = NULL;
}

/* Whether all that the watcher told, and had to tell, is scanned, and on disk. */
static bool
is_all_scanned(const struct agent *a)
{
	const struct watch_side *w = a->watch;

	return !store_is_waiting(a->store) && w->channel != NULL && w->has_state &&
	       w->until_ms == 0 && w->state.counters.n_pending == 0 && w->n_lost == 0 &&
	       w->rescan == NULL && scan_is_settled(w->stream->scan);
}

/*
 * Keep until when all was scanned, where something happened since: it is looked
 * for from there on when this agent is no more.  WATCHING may be some seconds old:
 * WATCH_SLACK_MS is more.
 */
static void
save_until(struct agent *a)
{
	struct watch_side *w = a->watch;

	w->saved_ms = clock_monotonic_ms();
	if (w->all_ms == 0 || w->state.counters.n_read == w->n_read_saved)
		return;
	w->n_read_saved = w->state.counters.n_read;
	agent_state_set_number(a, "watched_until_ms", w->all_ms);
}

void
agent_watch_tick(struct agent *a, int64_t now_ms)
{
	struct watch_side *w = a->watch;

	if (!agent_rules_are_ready(a) || a->is_stopping)
		return;
	if (w->stream == NULL) {
		w->stream = stream_new(a);
		w->told_ms = now_ms;
	}
	end_run(a, &w->memory, false);
	end_run(a, &w->rescan, true);
	if (w->old_stream != NULL && scan_is_settled(w->old_stream->scan)) {
		tell_stream(w->old_stream);
		run_free(w->old_stream);
		w->old_stream = NULL;
	}
	if (a->config.watch_enabled)
		start_watcher(a, now_ms);
	else if (w->channel != NULL)
		stop_watching(a);
	check_watcher(a, now_ms);
	if (w->memory == NULL && (w->n_due > 0 || w->is_all_due))
		begin_memory(a);
	if (w->rescan == NULL && w->n_lost > 0 &&
	    now_ms - w->rescan_ms >= w->rescan_after_ms)
		begin_rescan(a);
	if (now_ms - w->told_ms >= WATCH_TELL_MS) {
		w->told_ms = now_ms;
		tell_stream(w->stream);
	}
	if (is_all_scanned(a))
		w->all_ms = w->said_ms; /* not now: it may hang since */
	if (now_ms - w->saved_ms >= SAVE_MS)
		save_until(a);
	if (w->channel != NULL && clock_real_ms() / DAY_MS != w->sent_day)
		send_request(a);
	if (w->channel != NULL)
		mh_ignore(channel_flush(w->channel));
	set_listening(a);
}

void
agent_watch_on_new_rules(struct agent *a)
{
	struct watch_side *w = a->watch;

	/* Its events were found clean, or not, under rules that are no more. */
	w->old_stream = w->stream;
	w->stream = stream_new(a);
	if (w->channel != NULL)
		send_request(a);
}

bool
agent_watch_is_busy(const struct agent *a)
{
	const struct watch_side *w = a->watch;

	return w->memory != NULL || w->rescan != NULL || w->n_due > 0 || w->is_all_due ||
	       w->n_lost > 0 || w->old_stream != NULL ||
	       (w->stream != NULL && !scan_is_settled(w->stream->scan));
}

bool
agent_watch_wants_work(const struct agent *a)
{
	return a->watch->rescan != NULL;
}

void
agent_watch_init(struct agent *a)
{
	a->watch = xcalloc(1, sizeof(*a->watch));
	a->watch->until_ms = agent_state_number(a, "watched_until_ms");
	a->watch->due = xcalloc(DUE_WAITING_MAX, sizeof(*a->watch->due));
}

void
agent_watch_on_new_clean(struct agent *a)
{
	/* The next tick sends the request anew, with the table of now. */
	if (a->watch != NULL)
		a->watch->sent_day = 0;
}

void
agent_watch_end(struct agent *a)
{
	struct watch_side *w = a->watch;

	if (w->stream != NULL)
		tell_stream(w->stream);
	w->n_read_saved = UINT64_MAX;
	save_until(a);
}

void
agent_watch_clear(struct agent *a)
{
	struct watch_side *w = a->watch;

	if (w == NULL)
		return;
	lose_watcher(a);
	run_free(w->stream);
	run_free(w->old_stream);
	run_free(w->memory);
	run_free(w->rescan);
	for (size_t i = 0; i < w->n_lost; i++)
		free(w->lost[i]);
	free(w->lost);
	free(w->due);
	watching_clear(&w->state);
	free(w);
	a->watch = NULL;
}

const char *
agent_watch_silence(const struct agent *a)
{
	const struct watch_side *w = a->watch;

	if (!w->is_hung || !a->config.watch_enabled)
		return NULL;
	return count_hung(w) == HUNG_MAX
		   ? "watchers hang and do not end: none is started any more"
		   : "the watcher did not answer: another one begins";
}

unsigned
agent_watch_count_hung(const struct agent *a)
{
	return a->watch->n_hung;
}

const struct watching *
agent_watch_state(const struct agent *a)
{
	return a->watch->has_state ? &a->watch->state : NULL;
}

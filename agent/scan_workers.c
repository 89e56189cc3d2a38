/* SPDX-License-Identifier: BSD-2-Clause */
/* Handing targets to workers and taking their verdicts: agent/scanner.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/checks.h"
#include "agent/scan_impl.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	QUEUE_ROOM =
	    4 * BATCH_TARGETS_MAX, /* targets that wait, with their descriptors */
	BATCHES_PER_WORKER = 2,    /* one being scanned, one at hand */
	BATCH_BYTES = 56 * 1024,   /* encoded: leaves room in MSG_SCAN */
	FORK_FAILED = -1,          /* the zygote's status for it */
	FORK_PAUSE_MS = 1000,
	FORK_FAILURES_MAX = 20, /* then targets are told as not scanned */
	SEARCH_FACTOR = 16,     /* times a target's limit: searches for a slow rule */
	DEATHS_ALONE_MAX = 2,   /* then a target is poisoned */
};

/*
 * Bytes of matches that a worker may hand over for targets without a verdict:
 * a hundred times what a file that matches hundreds of rules yields.
 */
#define MATCH_BYTES_MAX (64ull << 20)

/* A batch of large files would keep other workers idle at the end. */
#define BATCH_CONTENT_BYTES (16ull << 20)

/* Forget what was told of j without a verdict: it is tried again. */
static void
drop_findings(struct job *j)
{
	for (uint32_t i = 0; i < j->n_matches; i++)
		match_free(j->matches[i]);
	free(j->matches);
	j->matches = NULL;
	for (uint32_t i = 0; i < j->n_clues; i++)
		clue_clear(&j->clues[i]);
	free(j->clues);
	j->clues = NULL;
	j->n_matches = j->n_clues = 0;
	note_list_clear(&j->notes);
}

static void
job_free(struct job *j)
{
	drop_findings(j);
	for (unsigned i = 0; i < j->target.n_fds; i++) {
		if (j->fds[i] >= 0)
			(void)close(j->fds[i]);
	}
	target_clear(&j->target);
	j->scan->n_jobs--;
	free(j);
}

/*
 * Have j wait in q for a worker.  What was just written goes before the memory of
 * what was started: a storm of starts must not hold it up.
 */
static void
put_in(struct job_queue *q, struct job *j)
{
	struct job *other = NULL;

	if (j->scan->is_stream) {
		TAILQ_FOREACH(other, &q->jobs, entry)
		{
			if (!other->scan->is_stream)
				break;
		}
	}
	if (other != NULL)
		TAILQ_INSERT_BEFORE(other, j, entry);
	else
		TAILQ_INSERT_TAIL(&q->jobs, j, entry);
	q->n++;
	j->scan->n_waiting++;
}

static void
take_out(struct job_queue *q, struct job *j)
{
	TAILQ_REMOVE(&q->jobs, j, entry);
	q->n--;
	j->scan->n_waiting--;
}

struct job *
workers_add(struct scan *s, struct target *t, const int *fds)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->scan = s;
	s->n_jobs++;
	j->target = *t;
	j->target.id = s->scanner->next_target++;
	memset(t, 0, sizeof(*t));
	memcpy(j->fds, fds, j->target.n_fds * sizeof(*fds));
	put_in(&s->scanner->queues[s->priority], j);
	return j;
}

bool
workers_have_room(const struct scan *s)
{
	return s->scanner->state == SCANNER_READY && s->n_waiting < QUEUE_ROOM;
}

bool
workers_are_at_rest(const struct scanner *s, enum scan_priority priority)
{
	for (unsigned i = 0; i < N_SLOTS; i++) {
		const struct job *j = NULL;

		TAILQ_FOREACH(j, &s->workers[i].jobs, entry)
		{
			if (j->scan->priority >= priority)
				return false;
		}
	}
	return true;
}

/* The first job of scan in the queue (NULL: of any); NULL when there is none. */
static struct job *
first_of(const struct job_queue *q, const struct scan *scan)
{
	struct job *j = NULL;

	TAILQ_FOREACH(j, &q->jobs, entry)
	{
		if (scan == NULL || j->scan == scan)
			return j;
	}
	return NULL;
}

/* Free what waits of this scan; where is_told as stopped. */
static void
drop_queue(struct scan *s, bool is_told)
{
	struct job_queue *queues[] = { &s->scanner->queues[s->priority],
		&s->scanner->alone };

	for (size_t i = 0; i < MH_ARRAY_LEN(queues); i++) {
		struct job *j = NULL;

		while ((j = first_of(queues[i], s)) != NULL) {
			take_out(queues[i], j);
			if (is_told) {
				coverage_add_missed(&s->coverage, REASON_STOPPED, false,
				    j->target.path, NULL);
				(void)processes_on_memory(s, j, NULL);
			}
			if (j->tag != NULL)
				s->ops->on_dropped(s->ctx, j->tag);
			job_free(j);
		}
	}
}

void
workers_drop_queue(struct scan *s)
{
	drop_queue(s, true);
}

static void
kill_worker(struct scanner *s, struct worker *w)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);

	buf_put_u64(b, w->id);
	/* Without credit now, the next tick tries again. */
	if (s->zygote.channel != NULL && channel_send(s->zygote.channel, MSG_KILL,
					     buf_data(b), buf_len(b), NULL, 0) == MH_OK)
		w->is_killed = true;
}

/* Have the zygote fork a worker for this slot. */
static void
start_worker(struct scanner *s, struct worker *w, bool is_alone)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);
	int pair[2];

	if (s->now_ms < s->fork_ms || s->zygote.channel == NULL ||
	    !channel_can_send(s->zygote.channel) || channel_pair(pair) != MH_OK)
		return;
	w->id = s->next_worker++;
	w->is_alone = is_alone;
	w->is_killed = w->is_silent = false;
	w->heard_ms = w->settled_ms = s->now_ms;
	w->match_bytes = 0;
	w->family = 0;
	buf_put_u64(b, w->id);
	buf_put_u8(b, is_alone);
	mh_err err = channel_send(s->zygote.channel, MSG_FORK, buf_data(b), buf_len(b),
	    &pair[1], 1);
	(void)close(pair[1]);
	if (err != MH_OK) {
		(void)close(pair[0]);
		w->id = 0;
		return;
	}
	scanner_attach(s, &w->end, pair[0], ROLE_WORKER);
	scanner_watch(s, &s->zygote, true);
}

void
workers_start(struct scanner *s)
{
	for (unsigned i = 0; i < s->options.n_workers; i++) {
		if (s->workers[i].id == 0)
			start_worker(s, &s->workers[i], false);
	}
}

/* Count the parts of j that were not scanned. */
static void
settle_notes(struct scan *s, struct job *j, const struct verdict *v)
{
	bool is_missed = false;

	s->coverage.n_members += v->n_members;
	for (uint32_t i = 0; i < j->notes.n; i++) {
		const struct note *n = &j->notes.notes[i];
		MH_CLEANUP(freep)
		char *path = xasprintf("%.*s%s", PART_NAME_MAX, j->target.path, n->name);

		is_missed = is_missed || reason_is_missed(n->reason);
		coverage_add_parts(&s->coverage, n->reason, n->n, path, n->detail);
	}
	if (is_missed && v->reason == REASON_NONE)
		s->coverage.n_partly++;
}

/* Count and tell the verdict of j, which is freed. */
static void
settle(struct job *j, struct verdict *v)
{
	struct scan *s = j->scan;
	bool is_again = processes_on_memory(s, j, v);
	bool has_content =
	    j->target.kind != TARGET_NAME && j->target.kind != TARGET_PROCESS;
	bool is_scanned = has_content && (v->reason == REASON_NONE || v->partly);
	struct scan_answer answer = {
		.target = &j->target,
		.verdict = v,
		.matches = j->matches,
		.n_matches = j->n_matches,
		.clues = j->clues,
		.n_clues = j->n_clues,
		.processes = scan_processes(s),
		.mapped = j->mapped,
		.tag = j->tag,
	};

	/* What was found in the program before stays found. */
	if (is_again && j->n_matches == 0 && j->n_clues == 0) {
		job_free(j);
		return;
	}
	if (j->target.kind == TARGET_MEMORY || j->target.kind == TARGET_PROCESS)
		answer.process = process_table_find(answer.processes, j->target.pid,
		    j->target.start_ticks);

	if (is_scanned && !is_again && j->target.kind == TARGET_MEMORY)
		s->coverage.n_processes++;
	if (is_scanned)
		coverage_add_scanned(&s->coverage, v->bytes_scanned, j->n_matches);
	else if (!has_content && j->n_matches > 0)
		coverage_add_found(&s->coverage, j->n_matches);
	if (v->reason != REASON_NONE)
		coverage_add_missed(&s->coverage, v->reason, v->partly, j->target.path,
		    v->detail);
	settle_notes(s, j, v);
	s->ops->on_answer(s->ctx, s, &answer);
	processes_on_clues(s, &answer);
	job_free(j);
}

static void
settle_poisoned(struct job *j)
{
	struct verdict v = { .target = j->target.id, .reason = REASON_POISONED };

	if (j->was_hang)
		v.detail =
		    xstrdup("scan workers did not come back from it, twice, alone");
	else
		v.detail = xasprintf("scan workers died of it, twice, alone: %s",
		    WIFSIGNALED(j->status) ? strsignal(WTERMSIG(j->status))
					   : "they gave up");
	drop_findings(j);
	settle(j, &v);
	verdict_clear(&v);
}

/* The worker of w is no more: what it had is tried again, alone. */
static void
lose_worker(struct scanner *s, struct worker *w, bool is_its_fault, int status)
{
	struct job *j = NULL;

	while ((j = TAILQ_FIRST(&w->jobs)) != NULL) {
		TAILQ_REMOVE(&w->jobs, j, entry);
		drop_findings(j);
		if (w->is_alone && is_its_fault) {
			j->deaths_alone++;
			j->was_hang = w->is_silent;
			j->status = status;
		}
		if (j->deaths_alone >= DEATHS_ALONE_MAX) {
			settle_poisoned(j);
		} else {
			put_in(&s->alone, j);
		}
	}
	scanner_detach(&w->end);
	w->id = 0;
	w->n_jobs = w->n_batches = 0;
}

void
workers_on_gone(struct scanner *s, uint64_t id, int status)
{
	/* The machine had none to give: that is no fault of a target's. */
	bool is_no_fork = status == FORK_FAILED;

	if (is_no_fork) {
		s->n_fork_failures++;
		s->fork_ms = s->now_ms + FORK_PAUSE_MS;
	}
	for (unsigned i = 0; i < N_SLOTS; i++) {
		struct worker *w = &s->workers[i];

		if (w->id == id && id != 0)
			lose_worker(s, w, !is_no_fork, status);
	}
	workers_start(s);
}

void
workers_lost(struct scanner *s)
{
	for (unsigned i = 0; i < N_SLOTS; i++) {
		if (s->workers[i].id != 0)
			lose_worker(s, &s->workers[i], false, 0);
	}
}

/* The worker of w is killed for what it has of one scan: the rest waits again. */
static void
empty_worker(struct scanner *s, struct worker *w)
{
	struct job *j = NULL;

	while ((j = TAILQ_LAST(&w->jobs, job_list)) != NULL) {
		TAILQ_REMOVE(&w->jobs, j, entry);
		drop_findings(j);
		put_in(w->is_alone ? &s->alone : &s->queues[j->scan->priority], j);
	}
	kill_worker(s, w);
	scanner_detach(&w->end);
	w->id = 0;
	w->n_jobs = w->n_batches = 0;
}

/* End what workers hold of this scan; where is_told as stopped. */
static void
abandon(struct scan *s, bool is_told)
{
	for (unsigned i = 0; i < N_SLOTS; i++) {
		struct worker *w = &s->scanner->workers[i];
		struct job *next = NULL;
		bool is_hit = false;

		for (struct job *j = TAILQ_FIRST(&w->jobs); j != NULL; j = next) {
			/* What was found stays found, even where its verdict is missing. */
			struct verdict v = { .target = j->target.id,
				.reason = REASON_STOPPED,
				.partly = j->n_matches > 0 };

			next = TAILQ_NEXT(j, entry);
			if (j->scan != s)
				continue;
			is_hit = true;
			TAILQ_REMOVE(&w->jobs, j, entry);
			if (is_told) {
				settle(j, &v);
				continue;
			}
			if (j->tag != NULL)
				s->ops->on_dropped(s->ctx, j->tag);
			job_free(j);
		}
		if (is_hit)
			empty_worker(s->scanner, w);
	}
}

void
workers_abandon(struct scan *s)
{
	abandon(s, true);
}

void
workers_forget(struct scan *s)
{
	drop_queue(s, false);
	abandon(s, false);
}

static struct job *
find_job(struct worker *w, uint64_t id)
{
	struct job *j = NULL;

	TAILQ_FOREACH(j, &w->jobs, entry)
	{
		if (j->target.id == id)
			return j;
	}
	return NULL;
}

/* False: the worker talks nonsense. */
static bool
on_found(const struct scanner *s, struct worker *w, const struct message *m)
{
	MH_CLEANUP(match_freep) struct match *match = NULL;
	struct reader r;

	reader_init(&r, m->data, m->len);
	match = match_decode(&r);
	struct job *j = match != NULL ? find_job(w, match->target) : NULL;
	/* Every rule matches a part once; MATCH_BYTES_MAX bounds the parts. */
	if (j == NULL || !reader_is_done(&r) ||
	    (match->part == PART_WHOLE && !match_is_check(match) &&
		j->n_matches >= s->facts.n_rules + 2 * INDICATOR_MATCHES_MAX) ||
	    (match_is_check(match) && !check_complete(match)))
		return false;
	w->match_bytes += m->len;
	if (w->match_bytes > MATCH_BYTES_MAX)
		return false;
	j->matches = xreallocarray(j->matches, j->n_matches + 1, sizeof(struct match *));
	j->matches[j->n_matches++] = MH_TAKE(match);
	return true;
}

static bool
on_noted(struct worker *w, const struct message *m)
{
	struct note n;
	struct reader r;

	reader_init(&r, m->data, m->len);
	note_decode(&r, &n);
	struct job *j = reader_is_done(&r) ? find_job(w, n.target) : NULL;
	bool is_good = j != NULL && j->notes.n < NOTES_MAX + REASON_MAX_;

	w->match_bytes += m->len;
	if (is_good)
		is_good = w->match_bytes <= MATCH_BYTES_MAX;
	if (is_good)
		note_list_take(&j->notes, &n);
	note_clear(&n);
	return is_good;
}

static bool
on_clue(struct worker *w, const struct message *m)
{
	struct clue c;
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint64_t target = reader_u64(&r);
	clue_decode(&r, &c);
	struct job *j = reader_is_done(&r) ? find_job(w, target) : NULL;
	bool is_good = j != NULL && j->target.kind == TARGET_MEMORY &&
		       j->n_clues < PROCESS_CLUES_MAX;

	if (!is_good) {
		clue_clear(&c);
		return false;
	}
	j->clues = xreallocarray(j->clues, j->n_clues + 1, sizeof(*j->clues));
	j->clues[j->n_clues++] = c;
	return true;
}

static bool
on_verdict(struct scanner *s, struct worker *w, struct verdict *v)
{
	struct job *j = find_job(w, v->target);

	if (j == NULL || j->n_matches != v->n_matches || j->notes.n != v->n_notes ||
	    j->n_clues != v->n_clues)
		return false;
	TAILQ_REMOVE(&w->jobs, j, entry);
	w->n_jobs--;
	w->settled_ms = s->now_ms;
	s->n_fork_failures = 0;
	if (w->n_jobs == 0)
		w->match_bytes = 0;
	/* Too much for an ordinary worker: once more, with more memory. */
	if (v->reason == REASON_MEMORY && !w->is_alone) {
		drop_findings(j);
		put_in(&s->alone, j);
		return true;
	}
	settle(j, v);
	return true;
}

/* Batches without their last verdict. */
static void
count_batches(struct worker *w)
{
	const struct job *before = NULL;
	const struct job *j = NULL;

	w->n_batches = 0;
	TAILQ_FOREACH(j, &w->jobs, entry)
	{
		if (before == NULL || before->batch != j->batch)
			w->n_batches++;
		w->last_batch++;
		before = j;
	}
}

static bool
on_verdicts(struct scanner *s, struct worker *w, const struct message *m)
{
	struct reader r;
	bool is_good = true;

	reader_init(&r, m->data, m->len);
	while (is_good && r.left > 0) {
		struct verdict v;

		verdict_decode(&r, &v);
		is_good = reader_is_ok(&r) && on_verdict(s, w, &v);
		verdict_clear(&v);
	}
	count_batches(w);
	return is_good;
}

void
workers_on_event(struct scanner *s, struct worker *w)
{
	struct message m;
	bool is_good = true;
	mh_err err = MH_OK;

	while (is_good && (err = channel_receive(w->end.channel, &m)) == MH_OK) {
		w->heard_ms = s->now_ms;
		if (m.type == MSG_FOUND)
			is_good = on_found(s, w, &m);
		else if (m.type == MSG_NOTED)
			is_good = on_noted(w, &m);
		else if (m.type == MSG_CLUE)
			is_good = on_clue(w, &m);
		else
			is_good = on_verdicts(s, w, &m);
		message_close_fds(&m);
	}
	if (!is_good || err != MH_ERR_AGAIN) {
		/*
		 * Dead, broken or taken over: its word is worth nothing.  One that
		 * closed its channel may still live: the tick sees to its end, too.
		 */
		kill_worker(s, w);
		scanner_detach(&w->end);
	} else {
		scanner_watch(s, &w->end, true);
	}
}

/*
 * Whether another worker has the family of j: it knows what they share, so its
 * relatives had better go there.
 */
static bool
is_anothers(const struct scanner *s, const struct worker *w, const struct job *j)
{
	for (unsigned i = 0; j->family != 0 && i < s->options.n_workers; i++) {
		const struct worker *other = &s->workers[i];

		if (other != w && other->id != 0 && other->family == j->family)
			return true;
	}
	return false;
}

/*
 * The job of the list that w had better take next: a relative of what it had
 * last, else the first that is nobody's, else the first.
 */
static struct job *
pick_job(const struct scanner *s, const struct worker *w, struct job_list *list)
{
	struct job *free_one = NULL;
	struct job *j = NULL;

	if (TAILQ_FIRST(list) == NULL || TAILQ_FIRST(list)->family == 0)
		return TAILQ_FIRST(list);
	TAILQ_FOREACH(j, list, entry)
	{
		if (j->family != 0 && j->family == w->family)
			return j;
		if (free_one == NULL && !is_anothers(s, w, j))
			free_one = j;
	}
	return free_one != NULL ? free_one : TAILQ_FIRST(list);
}

/* Have the jobs of batch wait again, before all others. */
static void
put_back(struct job_queue *queue, struct job_list *batch)
{
	struct job *j = NULL;

	while ((j = TAILQ_LAST(batch, job_list)) != NULL) {
		TAILQ_REMOVE(batch, j, entry);
		TAILQ_INSERT_HEAD(&queue->jobs, j, entry);
		queue->n++;
		j->scan->n_waiting++;
	}
}

/* Move up to n jobs of the queue into one message to w. */
static void
send_batch(struct scanner *s, struct worker *w, struct job_queue *queue, unsigned n)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct job_list batch = TAILQ_HEAD_INITIALIZER(batch);
	int fds[BATCH_TARGETS_MAX];
	unsigned n_fds = 0;
	unsigned n_taken = 0;
	uint64_t bytes = 0;
	struct job *j = NULL;

	while (n_taken < n && (j = pick_job(s, w, &queue->jobs)) != NULL) {
		size_t before = buf_len(b);

		target_encode(&j->target, b);
		bytes += j->target.size;
		if (n_taken > 0 && (buf_error(b) != MH_OK || buf_len(b) > BATCH_BYTES ||
				       bytes > BATCH_CONTENT_BYTES ||
				       n_fds + j->target.n_fds > BATCH_TARGETS_MAX)) {
			buf_truncate(b, before);
			break;
		}
		take_out(queue, j);
		TAILQ_INSERT_TAIL(&batch, j, entry);
		j->batch = w->last_batch + 1;
		memcpy(fds + n_fds, j->fds, j->target.n_fds * sizeof(*fds));
		n_fds += j->target.n_fds;
		n_taken++;
		if (j->family != 0)
			w->family = j->family;
	}
	mh_err err =
	    channel_send(w->end.channel, MSG_SCAN, buf_data(b), buf_len(b), fds, n_fds);
	if (err != MH_OK) {
		put_back(queue, &batch);
		return;
	}
	if (w->n_jobs == 0)
		w->heard_ms = w->settled_ms = s->now_ms;
	w->n_jobs += n_taken;
	w->n_batches++;
	TAILQ_CONCAT(&w->jobs, &batch, entry);
	scanner_watch(s, &w->end, true);
}

static bool
may_take(const struct worker *w, unsigned n_batches)
{
	return w->id != 0 && !w->is_killed && w->end.channel != NULL &&
	       w->n_batches < n_batches && channel_can_send(w->end.channel);
}

static void
dispatch_alone(struct scanner *s)
{
	struct worker *w = &s->workers[SLOT_ALONE];

	if (s->alone.n == 0)
		return;
	if (w->id == 0)
		start_worker(s, w, true);
	else if (w->n_jobs == 0 && may_take(w, 1))
		send_batch(s, w, &s->alone, 1);
}

/* Share the jobs of the queue out; an idle worker comes first. */
static void
dispatch_queue(struct scanner *s, struct job_queue *queue, unsigned max_depth)
{
	/* A second batch at hand is for when all have one. */
	for (unsigned depth = 1; depth <= max_depth; depth++) {
		for (unsigned i = 0; i < s->options.n_workers && queue->n > 0; i++) {
			struct worker *w = &s->workers[i];
			/* Share out what there is when it is little. */
			unsigned share = queue->n / s->options.n_workers + 1;

			if (may_take(w, depth))
				send_batch(s, w, queue,
				    share < BATCH_TARGETS_MAX ? share
							      : BATCH_TARGETS_MAX);
		}
	}
}

/* What is urgent does not wait behind what is not: it has a worker more. */
static void
dispatch_urgent(struct scanner *s)
{
	struct job_queue *queue = &s->queues[SCAN_URGENT];
	struct worker *w = &s->workers[SLOT_URGENT];

	dispatch_queue(s, queue, 1);
	if (queue->n == 0)
		return;
	if (w->id == 0)
		start_worker(s, w, false);
	else if (may_take(w, BATCHES_PER_WORKER))
		send_batch(s, w, queue, BATCH_TARGETS_MAX);
}

/* Whether work that is not urgent waits; what is to end does not. */
static bool
is_resting(const struct scanner *s)
{
	const struct scan *scan = NULL;

	TAILQ_FOREACH(scan, &s->scans, entry)
	{
		if ((scan->is_suspended || scan->is_cancelled) && scan->n_waiting > 0)
			return false;
	}
	return s->is_resting;
}

void
workers_dispatch(struct scanner *s)
{
	if (s->state != SCANNER_READY)
		return;
	dispatch_urgent(s);
	if (is_resting(s))
		return;
	dispatch_alone(s);
	dispatch_queue(s, &s->queues[SCAN_ORDINARY], BATCHES_PER_WORKER);
}

/* No worker can be forked here: what waits for one is told as not scanned. */
static void
settle_unscanned(struct scanner *s)
{
	struct job_queue *queues[] = { &s->queues[SCAN_URGENT], &s->queues[SCAN_ORDINARY],
		&s->alone };

	for (size_t i = 0; i < MH_ARRAY_LEN(queues); i++) {
		struct job *j = NULL;

		while ((j = first_of(queues[i], NULL)) != NULL) {
			struct verdict v = { .target = j->target.id,
				.reason = REASON_INTERNAL };

			take_out(queues[i], j);
			v.detail = xstrdup("no scan worker can be started");
			settle(j, &v);
			verdict_clear(&v);
		}
	}
}

void
workers_tick(struct scanner *s)
{
	int64_t timeout_ms = (int64_t)s->options.setup.timeout_ms;
	int64_t patience = timeout_ms + SCAN_GRACE_MS;
	int64_t longest = timeout_ms * SEARCH_FACTOR + SCAN_GRACE_MS;

	for (unsigned i = 0; i < N_SLOTS; i++) {
		struct worker *w = &s->workers[i];

		/* Silent, or busy without ever an answer, or gone from its channel. */
		if (w->id == 0 || w->is_killed)
			continue;
		w->is_silent = w->n_jobs > 0 && (s->now_ms - w->heard_ms > patience ||
						    s->now_ms - w->settled_ms > longest);
		if (w->is_silent || w->end.channel == NULL)
			kill_worker(s, w);
	}
	if (s->n_fork_failures > FORK_FAILURES_MAX)
		settle_unscanned(s);
	/* A slot whose fork found no credit, or failed. */
	if (s->state == SCANNER_READY)
		workers_start(s);
}

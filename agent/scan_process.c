/* SPDX-License-Identifier: BSD-2-Clause */
/* Having an opener list processes, and what is planned of them: agent/scan.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/process_table.h"
#include "agent/scan_process_impl.h"
#include "base/log.h"
#include "base/memory.h"

/* Of openers that die in one listing or at one item before it is given up. */
enum { PROCESS_DEATHS_MAX = 8 };

void
processes_clear(struct scan *s)
{
	struct process_scan *ps = s->processes;

	if (ps == NULL)
		return;
	list_request_clear(&ps->choice);
	process_table_free(ps->table);
	free(ps->items);
	free(ps);
	s->processes = NULL;
}

void
processes_begin(struct scan *s, const struct process_choice *choice)
{
	processes_clear(s);
	if (choice == NULL)
		return;
	struct process_scan *ps = xcalloc(1, sizeof(*ps));

	s->processes = ps;
	ps->phase = PHASE_LIST;
	ps->table = process_table_new();
	ps->announced = -1;
	ps->choice.may_use_network = s->may_use_network;
	ps->choice.n_pids = choice->n_pids;
	ps->choice.pids = xmemdup(choice->pids, choice->n_pids * sizeof(*choice->pids));
	ps->choice.n_uids = choice->n_uids;
	ps->choice.uids = xmemdup(choice->uids, choice->n_uids * sizeof(*choice->uids));
	ps->choice.n_names = choice->n_names;
	ps->choice.names = xcalloc(choice->n_names, sizeof(char *));
	for (uint32_t i = 0; i < choice->n_names; i++)
		ps->choice.names[i] = xstrdup(choice->names[i]);
}

bool
processes_are_done(const struct scan *s)
{
	return s->processes == NULL || s->processes->phase == PHASE_DONE;
}

bool
processes_are_asked(const struct scan *s)
{
	return s->processes != NULL && s->processes->is_asked;
}

const struct process_table *
scan_processes(const struct scan *s)
{
	return s->processes != NULL ? s->processes->table : NULL;
}

size_t
processes_n_items(const struct scan *s)
{
	return s->processes != NULL ? s->processes->n_items : 0;
}

size_t
processes_n_done(const struct scan *s)
{
	const struct process_scan *ps = s->processes;

	return ps != NULL ? ps->first + ps->n_answered : 0;
}

void
processes_send(struct scan *s, enum message_name type, const struct buf *b)
{
	struct process_scan *ps = s->processes;

	assert(buf_error(b) == MH_OK);
	mh_ignore(channel_send(s->opener.channel, (uint16_t)type, buf_data(b), buf_len(b),
	    NULL, 0));
	ps->is_asked = true;
	s->opener_ms = s->scanner->now_ms;
	scanner_watch(s->scanner, &s->opener, workers_have_room(s));
}

static void
ask_list(struct scan *s)
{
	struct process_scan *ps = s->processes;
	struct list_request request = ps->choice; /* its lists are borrowed */
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	request.id = ++ps->request_id;
	request.is_careful = ps->is_careful;
	request.resume = ps->cursor;
	list_request_encode(&request, b);
	processes_send(s, MSG_LIST, b);
}

void
processes_ask(struct scan *s)
{
	struct process_scan *ps = s->processes;

	if (ps->is_asked || ps->phase == PHASE_WAIT)
		return;
	if (ps->phase == PHASE_LIST)
		ask_list(s);
	else
		items_ask(s);
}

/* False: the opener talks nonsense. */
static bool
on_process(struct scan *s, const struct message *m)
{
	struct process_scan *ps = s->processes;
	struct process p;
	struct reader r;

	reader_init(&r, m->data, m->len);
	process_decode(&r, &p);
	if (!reader_is_done(&r) || p.pid <= 0) {
		process_clear(&p);
		return false;
	}
	if (p.role != PROCESS_ANCESTOR && p.pid > ps->cursor)
		ps->cursor = p.pid;
	bool is_refused = p.role == PROCESS_REFUSED;
	enum reason refusal = p.refusal;
	MH_CLEANUP(freep) char *name = process_name(p.pid, p.program);

	if (process_table_add(ps->table, &p) && is_refused)
		coverage_add_missed(&s->coverage, refusal, false, name, NULL);
	return true;
}

static bool
on_mapped(struct scan *s, const struct message *m)
{
	struct mapped_list list;
	struct reader r;

	reader_init(&r, m->data, m->len);
	mapped_list_decode(&r, &list);
	if (reader_is_done(&r))
		process_table_add_mapped(s->processes->table, &list);
	mapped_list_clear(&list);
	return reader_is_done(&r);
}

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;

	if (x->is_memory != y->is_memory)
		return x->is_memory ? -1 : 1;
	if (x->suspicion != y->suspicion)
		return x->suspicion > y->suspicion ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Count and tell what is worth a finding; the suspicion that it throws on p. */
static unsigned
tell_anomalies(struct scan *s, const struct process *p, struct anomalies *a)
{
	unsigned suspicion = a->suspicion;

	for (uint32_t i = 0; i < a->n; i++) {
		if (a->list[i].score >= ANOMALY_SCORE_ALERT)
			s->coverage.n_findings++;
		else
			s->coverage.n_weak++;
		s->ops->on_anomaly(s->ctx, s->processes->table, p, &a->list[i]);
	}
	anomalies_clear(a);
	return suspicion;
}

static unsigned
judge(struct scan *s, const struct process *p)
{
	struct anomalies a;

	anomalies_judge(p, &a);
	return tell_anomalies(s, p, &a);
}

void
processes_on_clues(struct scan *s, const struct scan_answer *answer)
{
	struct anomalies a;

	if (answer->process == NULL || answer->n_clues == 0)
		return;
	anomalies_judge_worker(answer->process, answer->clues, answer->n_clues, &a);
	(void)tell_anomalies(s, answer->process, &a);
}

/* Have what is known of a process compared with indicators. */
static void
compare_facts(struct scan *s, const struct process *p)
{
	static const int no_fds[1] = { -1 };
	struct target t = {
		.kind = TARGET_PROCESS,
		.path = process_name(p->pid, p->program),
		.owner = xstrdup(p->owner),
		.uid = p->uid,
		.pid = p->pid,
		.start_ticks = p->start_ticks,
		.program = xstrdup(p->program),
		.sockets = xmemdup(p->sockets, p->n_sockets * sizeof(*p->sockets)),
		.n_sockets = p->n_sockets,
		.n_sockets_left = p->n_sockets_seen > p->n_sockets
				      ? p->n_sockets_seen - p->n_sockets
				      : 0,
	};

	workers_add(s, &t, no_fds);
}

/* All processes are told: what to open, the most suspicious first. */
static void
plan_items(struct scan *s)
{
	struct process_scan *ps = s->processes;
	size_t n = process_table_n(ps->table);
	size_t n_files = process_table_n_mapped(ps->table);
	size_t n_met = 0;

	for (size_t i = 0; i < n; i++) {
		const struct process *p = process_table_at(ps->table, i);

		if (p->role == PROCESS_ANCESTOR)
			continue;
		n_met++;
		unsigned suspicion = judge(s, p);

		if (s->scanner->facts.wants_processes && p->refusal != REASON_OWN &&
		    p->refusal != REASON_KERNEL)
			compare_facts(s, p);
		if (p->role == PROCESS_CHOSEN)
			items_add(ps, (struct item){ true, i, suspicion, 0 });
	}
	/* Each pid that is not there is told by itself. */
	if (n_met == 0 && ps->choice.n_uids + ps->choice.n_names > 0)
		coverage_add_missed(&s->coverage, REASON_OPEN_FAILED, false, "processes",
		    "none of those that were chosen is running");
	for (size_t i = 0; i < n_files; i++)
		items_add(ps, (struct item){ false, i, 0, 0 });
	if (ps->n_items > 1)
		qsort(ps->items, ps->n_items, sizeof(*ps->items), compare_items);
	ps->phase = ps->n_items > 0 ? PHASE_OPEN : PHASE_DONE;
	ps->is_careful = false;
	ps->n_deaths = 0;
	ps->announced = -1;
}

static bool
on_done(struct scan *s, const struct message *m)
{
	struct process_scan *ps = s->processes;
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint32_t id = reader_u32(&r);

	if (!reader_is_done(&r) || id != ps->request_id)
		return false;
	ps->is_asked = false;
	if (m->type == MSG_LISTED) {
		plan_items(s);
	} else {
		if (ps->n_answered != ps->n_asked)
			return false;
		ps->announced = -1;
		items_end(ps);
	}
	walk_ask(s);
	return true;
}

static bool
on_pulse(struct scan *s, const struct message *m)
{
	struct process_scan *ps = s->processes;
	struct walk_progress p;
	struct reader r;

	reader_init(&r, m->data, m->len);
	walk_progress_decode(&r, &p);
	for (unsigned i = 0; reader_is_done(&r) && i < REASON_MAX_; i++)
		coverage_add_count(&s->coverage, (enum reason)i, p.skipped[i]);
	if (reader_is_done(&r) && p.id == ps->request_id && p.at == PROGRESS_BEFORE)
		ps->announced = (int64_t)p.n_files;
	walk_progress_clear(&p);
	return reader_is_done(&r);
}

bool
processes_on_message(struct scan *s, struct message *m)
{
	switch (m->type) {
	case MSG_PROCESS:
		return s->processes->phase == PHASE_LIST && on_process(s, m);
	case MSG_MAPPED:
		return s->processes->phase == PHASE_LIST && on_mapped(s, m);
	case MSG_TARGETS:
		return s->processes->phase == PHASE_OPEN && items_on_targets(s, m);
	case MSG_SKIPPED:
		return items_on_skipped(s, m);
	case MSG_PULSE:
		return on_pulse(s, m);
	case MSG_LISTED:
	case MSG_OPENED:
		return (m->type == MSG_LISTED) == (s->processes->phase == PHASE_LIST) &&
		       on_done(s, m);
	default:
		return false;
	}
}

void
processes_give_up(struct scan *s, enum reason reason, const char *detail)
{
	struct process_scan *ps = s->processes;

	if (processes_are_done(s))
		return;
	if (ps->phase == PHASE_LIST)
		coverage_add_missed(&s->coverage, reason, false, "processes", detail);
	else
		items_tell(s, reason, detail);
	ps->phase = PHASE_DONE;
	ps->is_asked = false;
}

/* The process or file that was announced is passed over. */
static void
pass_announced(struct scan *s)
{
	struct process_scan *ps = s->processes;

	if (ps->phase == PHASE_LIST) {
		MH_CLEANUP(freep)
		char *name = xasprintf("process %d", (int)ps->announced);

		coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false, name,
		    "the kernel did not answer about it");
		ps->cursor = (int32_t)ps->announced;
	} else if ((size_t)ps->announced == ps->n_answered &&
		   ps->n_answered < ps->n_asked) {
		MH_CLEANUP(freep)
		char *name = item_name(ps, &ps->items[ps->first + ps->n_answered]);

		coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false, name, NULL);
		ps->n_answered++;
	}
	ps->announced = -1;
	ps->n_deaths = 0;
}

/*
 * The opener hung or died.  The first time it is not known where: the next one
 * announces each process and file.  Then the announced one is passed over.
 */
void
processes_on_opener_lost(struct scan *s)
{
	struct process_scan *ps = s->processes;

	ps->is_asked = false;
	ps->is_careful = true;
	ps->n_deaths++;
	if (ps->announced >= 0)
		pass_announced(s);
	if (ps->n_deaths > PROCESS_DEATHS_MAX)
		processes_give_up(s, REASON_OPEN_HUNG, "no opener gets on with it");
	else
		items_end(ps);
}

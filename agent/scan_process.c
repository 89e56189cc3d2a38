/* SPDX-License-Identifier: BSD-2-Clause */
/* Having an opener list processes and open their memory: agent/scan.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/process_table.h"
#include "agent/scan_impl.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	REQUEST_BYTES = 48 * 1024, /* of items in one message */
	/* Of openers that die in one listing or at one item before it is given up. */
	PROCESS_DEATHS_MAX = 8,
	/* Programs of one process that are scanned, each begun while the last was. */
	PROGRAMS_MAX = 3,
};

/*
 * PHASE_WAIT: all is opened, but a process whose memory is being scanned may
 * have to be opened again.
 */
enum phase { PHASE_DONE, PHASE_LIST, PHASE_OPEN, PHASE_WAIT };

/* The memory of a process, or a mapped file, by its place in the table. */
struct item {
	bool is_memory;
	size_t at;
	unsigned suspicion;
	unsigned n_tries; /* before this one: programs, or processes that map the file */
};

struct process_scan {
	enum phase phase;
	struct list_request choice; /* owned; without id and cursor */
	struct process_table *table;
	struct item *items; /* owned */
	size_t n_items, cap_items;
	size_t n_memories;     /* opened and not settled */
	size_t first, n_asked; /* items of the request under way */
	size_t n_answered;     /* of these */
	uint32_t request_id;
	bool is_asked, is_careful;
	bool is_nonsense;  /* the opener talks it */
	int32_t cursor;    /* pid: all up to it were told */
	int64_t announced; /* careful: pid or item that is being looked at; -1 */
	unsigned n_deaths;
};

static struct process_scan *
scan_of(const struct scan *s)
{
	return s->processes;
}

void
processes_clear(struct scan *s)
{
	struct process_scan *ps = scan_of(s);

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
	return scan_of(s) == NULL || scan_of(s)->phase == PHASE_DONE;
}

bool
processes_are_asked(const struct scan *s)
{
	return scan_of(s) != NULL && scan_of(s)->is_asked;
}

const struct process_table *
scan_processes(const struct scan *s)
{
	return scan_of(s) != NULL ? scan_of(s)->table : NULL;
}

size_t
processes_n_items(const struct scan *s)
{
	return scan_of(s) != NULL ? scan_of(s)->n_items : 0;
}

size_t
processes_n_done(const struct scan *s)
{
	const struct process_scan *ps = scan_of(s);

	return ps != NULL ? ps->first + ps->n_answered : 0;
}

static void
ask(struct scan *s, enum message_name type, const struct buf *b)
{
	struct process_scan *ps = scan_of(s);

	assert(buf_error(b) == MH_OK);
	mh_ignore(channel_send(s->opener.channel, (uint16_t)type, buf_data(b), buf_len(b),
	    NULL, 0));
	ps->is_asked = true;
	s->opener_ms = s->now_ms;
	scan_watch(s, &s->opener, workers_have_room(s));
}

static void
ask_list(struct scan *s)
{
	struct process_scan *ps = scan_of(s);
	struct list_request request = ps->choice; /* its lists are borrowed */
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	request.id = ++ps->request_id;
	request.is_careful = ps->is_careful;
	request.resume = ps->cursor;
	list_request_encode(&request, b);
	ask(s, MSG_LIST, b);
}

/* What an item asks for; the path is borrowed from the table. */
static struct open_item
open_item_of(const struct process_scan *ps, const struct item *item)
{
	struct open_item o = { .is_memory = item->is_memory };

	if (item->is_memory) {
		const struct process *p = process_table_at(ps->table, item->at);

		o.pid = p->pid;
		o.start_ticks = p->start_ticks;
	} else {
		const struct mapped_entry *e =
		    process_table_mapped_at(ps->table, item->at);
		const struct process *p =
		    process_table_mapper(ps->table, e, item->n_tries);

		o.pid = p->pid;
		o.start_ticks = p->start_ticks;
		o.file = e->file;
		o.file.start = e->starts[item->n_tries];
		o.file.end = e->ends[item->n_tries];
	}
	return o;
}

/* Ask for the items behind what was answered. */
static void
ask_open(struct scan *s)
{
	struct process_scan *ps = scan_of(s);
	struct open_item items[OPEN_ITEMS_MAX];
	struct open_request request = { .items = items };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	size_t bytes = 0;

	ps->first += ps->n_answered;
	ps->n_answered = 0;
	while (request.n < OPEN_ITEMS_MAX && ps->first + request.n < ps->n_items) {
		struct open_item o = open_item_of(ps, &ps->items[ps->first + request.n]);

		bytes += o.file.path != NULL ? strlen(o.file.path) + 64 : 32;
		if (request.n > 0 && bytes > REQUEST_BYTES)
			break;
		items[request.n++] = o;
	}
	ps->n_asked = request.n;
	request.id = ++ps->request_id;
	request.is_careful = ps->is_careful;
	open_request_encode(&request, b);
	ask(s, MSG_OPEN, b);
}

void
processes_ask(struct scan *s)
{
	struct process_scan *ps = scan_of(s);

	if (ps->is_asked || ps->phase == PHASE_WAIT)
		return;
	if (ps->phase == PHASE_LIST)
		ask_list(s);
	else
		ask_open(s);
}

static char *
name_of(const struct process *p)
{
	return xasprintf("process %d%s%.*s%s", (int)p->pid,
	    p->program[0] != 0 ? " (" : "", PATH_HEAD_BYTES, p->program,
	    p->program[0] != 0 ? ")" : "");
}

/* False: the opener talks nonsense. */
static bool
on_process(struct scan *s, const struct message *m)
{
	struct process_scan *ps = scan_of(s);
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
	MH_CLEANUP(freep) char *name = name_of(&p);

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
		process_table_add_mapped(scan_of(s)->table, &list);
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
		s->ops->on_anomaly(s->ctx, scan_of(s)->table, p, &a->list[i]);
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

static void
add_item(struct process_scan *ps, struct item item)
{
	if (ps->n_items == ps->cap_items) {
		ps->cap_items = ps->cap_items > 0 ? ps->cap_items * 2 : 256;
		ps->items = xreallocarray(ps->items, ps->cap_items, sizeof(*ps->items));
	}
	ps->items[ps->n_items++] = item;
}

/* All processes are told: what to open, the most suspicious first. */
static void
plan_items(struct scan *s)
{
	struct process_scan *ps = scan_of(s);
	size_t n = process_table_n(ps->table);
	size_t n_files = process_table_n_mapped(ps->table);
	size_t n_met = 0;

	for (size_t i = 0; i < n; i++) {
		const struct process *p = process_table_at(ps->table, i);

		if (p->role == PROCESS_ANCESTOR)
			continue;
		n_met++;
		unsigned suspicion = judge(s, p);

		if (p->role == PROCESS_CHOSEN)
			add_item(ps, (struct item){ true, i, suspicion, 0 });
	}
	/* Each pid that is not there is told by itself. */
	if (n_met == 0 && ps->choice.n_uids + ps->choice.n_names > 0)
		coverage_add_missed(&s->coverage, REASON_OPEN_FAILED, false, "processes",
		    "none of those that were chosen is running");
	for (size_t i = 0; i < n_files; i++)
		add_item(ps, (struct item){ false, i, 0, 0 });
	if (ps->n_items > 1)
		qsort(ps->items, ps->n_items, sizeof(*ps->items), compare_items);
	ps->phase = ps->n_items > 0 ? PHASE_OPEN : PHASE_DONE;
	ps->is_careful = false;
	ps->n_deaths = 0;
	ps->announced = -1;
}

/* When all is opened, the end may be near. */
static void
end_items(struct process_scan *ps)
{
	if (ps->is_asked)
		return;
	if (ps->phase == PHASE_OPEN && ps->first + ps->n_answered == ps->n_items)
		ps->phase = PHASE_WAIT;
	if (ps->phase == PHASE_WAIT && ps->n_memories == 0)
		ps->phase = PHASE_DONE;
}

static bool
on_done(struct scan *s, const struct message *m)
{
	struct process_scan *ps = scan_of(s);
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
		end_items(ps);
	}
	walk_ask(s);
	return true;
}

/*
 * What processes share that were forked from one another: the highest ancestor
 * that runs the same program names them.
 */
static uint64_t
family_of(const struct process_scan *ps, const struct target *t)
{
	const struct process *ancestors[PROCESS_ANCESTORS_MAX];
	const struct process *p = process_table_find(ps->table, t->pid, t->start_ticks);
	int32_t head = t->pid;
	size_t n = p != NULL ? process_table_ancestors(ps->table, p, ancestors,
				   PROCESS_ANCESTORS_MAX)
			     : 0;

	for (size_t i = 0; i < n && ancestors[i]->exe_ino == p->exe_ino &&
			   ancestors[i]->exe_dev == p->exe_dev;
	     i++)
		head = ancestors[i]->pid;
	return (uint64_t)head;
}

static bool
on_targets(struct scan *s, struct message *m)
{
	struct process_scan *ps = scan_of(s);
	struct reader r;

	reader_init(&r, m->data, m->len);
	for (unsigned i = 0; i < m->n_fds;) {
		int fds[JOB_FDS_MAX];
		struct target t;

		target_decode(&r, &t);
		if (!reader_is_ok(&r) || t.kind == TARGET_FILE ||
		    t.n_fds > m->n_fds - i || ps->n_answered == ps->n_asked) {
			target_clear(&t);
			return false;
		}
		size_t at = ps->first + ps->n_answered++;
		const struct item *item = &ps->items[at];

		for (unsigned k = 0; k < t.n_fds; k++)
			fds[k] = message_take_fd(m, i + k);
		i += t.n_fds;
		uint64_t family = item->is_memory ? family_of(ps, &t) : 0;
		struct job *j = workers_add(s, &t, fds);

		j->family = family;
		j->item = at;
		if (item->is_memory)
			ps->n_memories++;
		else
			j->mapped = process_table_mapped_at(ps->table, item->at);
	}
	return reader_is_done(&r);
}

/*
 * A file that could not be opened through one process may be opened through the
 * next one that maps it: what became of the first does not matter to the others.
 */
static bool
try_next_mapper(struct process_scan *ps, const struct item *item, enum reason reason)
{
	const struct mapped_entry *e = process_table_mapped_at(ps->table, item->at);
	struct item next = *item;

	if (reason != REASON_VANISHED && reason != REASON_CHANGED &&
	    reason != REASON_DENIED && reason != REASON_OPEN_FAILED)
		return false; /* that is so for all of them */
	next.n_tries++;
	if (next.n_tries >= e->n_mappers || next.n_tries >= MAPPERS_MAX)
		return false;
	add_item(ps, next);
	return true;
}

static void
on_item_skipped(struct scan *s, enum reason reason, const char *path, const char *detail)
{
	struct process_scan *ps = scan_of(s);

	ps->is_nonsense = ps->n_answered >= ps->n_asked;
	if (ps->is_nonsense)
		return;
	struct item item = ps->items[ps->first + ps->n_answered++];

	if (!item.is_memory) {
		if (try_next_mapper(ps, &item, reason))
			return;
		if (reason == REASON_VANISHED &&
		    process_table_mapped_at(ps->table, item.at)->n_mappers >
			MAPPERS_MAX) {
			reason = REASON_CHANGED;
			detail = "the processes that were asked for it are gone";
		}
	}
	coverage_add_missed(&s->coverage, reason, false, path, detail);
}

static bool
on_skipped(struct scan *s, const struct message *m)
{
	struct process_scan *ps = scan_of(s);

	if (ps->phase != PHASE_OPEN)
		return walk_take_skipped(s, m, walk_count_skipped);
	return walk_take_skipped(s, m, on_item_skipped) && !ps->is_nonsense;
}

bool
processes_on_memory(struct scan *s, const struct job *j, struct verdict *v)
{
	struct process_scan *ps = scan_of(s);
	bool is_again = false;

	if (ps == NULL || j->target.kind != TARGET_MEMORY)
		return false;
	struct item item = ps->items[j->item];
	bool is_waiting = ps->phase == PHASE_WAIT;

	ps->n_memories--;
	if (v != NULL && v->reason == REASON_VANISHED && ps->phase != PHASE_DONE) {
		/* Whether it ended is known when it is to be opened again. */
		is_again = ++item.n_tries < PROGRAMS_MAX;
		if (is_again) {
			add_item(ps, item);
			ps->phase = PHASE_OPEN;
		} else {
			v->reason = REASON_CHANGED;
			free(v->detail);
			v->detail = xstrdup("it began another program whenever it was "
					    "scanned");
		}
	}
	end_items(ps);
	if (is_waiting && ps->phase != PHASE_WAIT)
		walk_ask(s);
	return is_again;
}

static bool
on_pulse(struct scan *s, const struct message *m)
{
	struct process_scan *ps = scan_of(s);
	struct walk_progress p;
	struct reader r;

	reader_init(&r, m->data, m->len);
	walk_progress_decode(&r, &p);
	for (unsigned i = 0; reader_is_done(&r) && i < REASON_MAX_; i++)
		coverage_add_count(&s->coverage, (enum reason)i, p.skipped[i]);
	if (reader_is_done(&r) && p.id == ps->request_id && p.is_before)
		ps->announced = (int64_t)p.n_files;
	walk_progress_clear(&p);
	return reader_is_done(&r);
}

bool
processes_on_message(struct scan *s, struct message *m)
{
	switch (m->type) {
	case MSG_PROCESS:
		return scan_of(s)->phase == PHASE_LIST && on_process(s, m);
	case MSG_MAPPED:
		return scan_of(s)->phase == PHASE_LIST && on_mapped(s, m);
	case MSG_TARGETS:
		return scan_of(s)->phase == PHASE_OPEN && on_targets(s, m);
	case MSG_SKIPPED:
		return on_skipped(s, m);
	case MSG_PULSE:
		return on_pulse(s, m);
	case MSG_LISTED:
	case MSG_OPENED:
		return (m->type == MSG_LISTED) == (scan_of(s)->phase == PHASE_LIST) &&
		       on_done(s, m);
	default:
		return false;
	}
}

static char *
item_name(const struct process_scan *ps, const struct item *item)
{
	if (item->is_memory)
		return name_of(process_table_at(ps->table, item->at));
	return xstrdup(process_table_mapped_at(ps->table, item->at)->file.path);
}

/* Tell what was not opened, from the item after the last answer on. */
static void
tell_items(struct scan *s, enum reason reason, const char *detail)
{
	struct process_scan *ps = scan_of(s);

	for (size_t i = ps->first + ps->n_answered; i < ps->n_items; i++) {
		MH_CLEANUP(freep) char *name = item_name(ps, &ps->items[i]);

		coverage_add_missed(&s->coverage, reason, false, name, detail);
	}
}

void
processes_give_up(struct scan *s, enum reason reason, const char *detail)
{
	struct process_scan *ps = scan_of(s);

	if (processes_are_done(s))
		return;
	if (ps->phase == PHASE_LIST)
		coverage_add_missed(&s->coverage, reason, false, "processes", detail);
	else
		tell_items(s, reason, detail);
	ps->phase = PHASE_DONE;
	ps->is_asked = false;
}

/* The process or file that was announced is passed over. */
static void
pass_announced(struct scan *s)
{
	struct process_scan *ps = scan_of(s);

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
	struct process_scan *ps = scan_of(s);

	ps->is_asked = false;
	ps->is_careful = true;
	ps->n_deaths++;
	if (ps->announced >= 0)
		pass_announced(s);
	if (ps->n_deaths > PROCESS_DEATHS_MAX)
		processes_give_up(s, REASON_OPEN_HUNG, "no opener gets on with it");
	else
		end_items(ps);
}

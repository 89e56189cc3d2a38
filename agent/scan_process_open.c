/* SPDX-License-Identifier: BSD-2-Clause */
/* Having an opener open the memory of processes and what they map: agent/scan.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/scan_process_impl.h"
#include "base/maps.h"
#include "base/memory.h"

enum {
	REQUEST_BYTES = 48 * 1024, /* of items in one message */
	/* Programs of one process that are scanned, each begun while the last was. */
	PROGRAMS_MAX = 3,
};

void
items_add(struct process_scan *ps, struct item item)
{
	if (ps->n_items == ps->cap_items) {
		ps->cap_items = ps->cap_items > 0 ? ps->cap_items * 2 : 256;
		ps->items = xreallocarray(ps->items, ps->cap_items, sizeof(*ps->items));
	}
	ps->items[ps->n_items++] = item;
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
void
items_ask(struct scan *s)
{
	struct process_scan *ps = s->processes;
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
	processes_send(s, MSG_OPEN, b);
}

/* When all is opened, the end may be near. */
void
items_end(struct process_scan *ps)
{
	if (ps->is_asked)
		return;
	if (ps->phase == PHASE_OPEN && ps->first + ps->n_answered == ps->n_items)
		ps->phase = PHASE_WAIT;
	if (ps->phase == PHASE_WAIT && ps->n_memories == 0)
		ps->phase = PHASE_DONE;
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

bool
items_on_targets(struct scan *s, struct message *m)
{
	struct process_scan *ps = s->processes;
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
		size_t at = ps->first + ps->n_answered;
		const struct item *item = &ps->items[at];

		/* What is waited for is counted by these. */
		if (item->is_memory != (t.kind == TARGET_MEMORY)) {
			target_clear(&t);
			return false;
		}
		ps->n_answered++;
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
	items_add(ps, next);
	return true;
}

/*
 * Whether the file may still be mapped though all that were asked are gone: by
 * more of them, or where it has no name, by children that they forked.
 */
static bool
may_live_on(const struct process_scan *ps, const struct item *item)
{
	const struct mapped_entry *e = process_table_mapped_at(ps->table, item->at);
	size_t len = strlen(e->file.path);
	size_t end = strlen(MAPS_DELETED);

	return e->n_mappers > MAPPERS_MAX ||
	       (e->n_mappers > 1 && len > end &&
		   strcmp(e->file.path + len - end, MAPS_DELETED) == 0);
}

static void
on_item_skipped(struct scan *s, enum reason reason, const char *path, const char *detail)
{
	struct process_scan *ps = s->processes;

	ps->is_nonsense = ps->n_answered >= ps->n_asked;
	if (ps->is_nonsense)
		return;
	struct item item = ps->items[ps->first + ps->n_answered++];

	if (!item.is_memory) {
		if (try_next_mapper(ps, &item, reason))
			return;
		if (reason == REASON_VANISHED && may_live_on(ps, &item)) {
			reason = REASON_CHANGED;
			detail = "the processes that were asked for it are gone";
		}
	}
	coverage_add_missed(&s->coverage, reason, false, path, detail);
}

bool
items_on_skipped(struct scan *s, const struct message *m)
{
	struct process_scan *ps = s->processes;

	if (ps->phase != PHASE_OPEN)
		return walk_take_skipped(s, m, walk_count_skipped);
	return walk_take_skipped(s, m, on_item_skipped) && !ps->is_nonsense;
}

bool
processes_on_memory(struct scan *s, const struct job *j, struct verdict *v)
{
	struct process_scan *ps = s->processes;
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
			items_add(ps, item);
			ps->phase = PHASE_OPEN;
		} else {
			v->reason = REASON_CHANGED;
			free(v->detail);
			v->detail = xstrdup("it began another program whenever it was "
					    "scanned");
		}
	}
	items_end(ps);
	if (is_waiting && ps->phase != PHASE_WAIT)
		walk_ask(s);
	return is_again;
}

char *
item_name(const struct process_scan *ps, const struct item *item)
{
	if (item->is_memory) {
		const struct process *p = process_table_at(ps->table, item->at);

		return process_name(p->pid, p->program);
	}
	return xstrdup(process_table_mapped_at(ps->table, item->at)->file.path);
}

/* Tell what was not opened, from the item after the last answer on. */
void
items_tell(struct scan *s, enum reason reason, const char *detail)
{
	struct process_scan *ps = s->processes;

	for (size_t i = ps->first + ps->n_answered; i < ps->n_items; i++) {
		MH_CLEANUP(freep) char *name = item_name(ps, &ps->items[i]);

		coverage_add_missed(&s->coverage, reason, false, name, detail);
	}
}

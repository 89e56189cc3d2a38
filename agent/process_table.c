/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from the opener, about hostile processes.
 */
#include "agent/process_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* An index by hash: places + 1 in an array, 0 where free. */
struct index {
	size_t *slots; /* owned */
	size_t n_slots;
};

struct process_table {
	struct process *list; /* owned */
	size_t n, cap;
	struct index by_pid;
	struct mapped_entry *files; /* owned */
	size_t n_files, cap_files;
	struct index by_file;
};

struct process_table *
process_table_new(void)
{
	return xcalloc(1, sizeof(struct process_table));
}

void
process_table_free(struct process_table *pt)
{
	if (pt == NULL)
		return;
	for (size_t i = 0; i < pt->n; i++)
		process_clear(&pt->list[i]);
	free(pt->list);
	free(pt->by_pid.slots);
	for (size_t i = 0; i < pt->n_files; i++)
		free(pt->files[i].file.path);
	free(pt->files);
	free(pt->by_file.slots);
	free(pt);
}

static size_t
hash(uint64_t a, uint64_t b)
{
	return (size_t)((a ^ b << 32 ^ b >> 32) * 0x9e3779b97f4a7c15u >> 20);
}

/* Put place i into an index that has room. */
static void
index_put(struct index *x, size_t h, size_t i)
{
	while (x->slots[h % x->n_slots] != 0)
		h++;
	x->slots[h % x->n_slots] = i + 1;
}

/* The slot of the process with that pid, or a free one; the index has one. */
static size_t
pid_slot(const struct process_table *pt, int32_t pid)
{
	size_t h = hash((uint64_t)pid, 0);

	for (;; h++) {
		size_t at = pt->by_pid.slots[h % pt->by_pid.n_slots];

		if (at == 0 || pt->list[at - 1].pid == pid)
			return at;
	}
}

static void
grow_pids(struct process_table *pt)
{
	free(pt->by_pid.slots);
	pt->by_pid.n_slots = pt->by_pid.n_slots > 0 ? pt->by_pid.n_slots * 2 : 256;
	pt->by_pid.slots = xcalloc(pt->by_pid.n_slots, sizeof(*pt->by_pid.slots));
	for (size_t i = 0; i < pt->n; i++)
		index_put(&pt->by_pid, hash((uint64_t)pt->list[i].pid, 0), i);
}

bool
process_table_add(struct process_table *pt, struct process *p)
{
	if ((pt->n + 1) * 2 > pt->by_pid.n_slots)
		grow_pids(pt);
	size_t at = pid_slot(pt, p->pid);

	if (at > 0) {
		struct process *old = &pt->list[at - 1];

		/* The same told once more; a pid that was used again counts anew. */
		if (old->start_ticks == p->start_ticks &&
		    !(old->role == PROCESS_ANCESTOR && p->role != PROCESS_ANCESTOR)) {
			process_clear(p);
			return false;
		}
		process_clear(old);
		*old = *p;
	} else {
		if (pt->n == pt->cap) {
			pt->cap = pt->cap > 0 ? pt->cap * 2 : 64;
			pt->list = xreallocarray(pt->list, pt->cap, sizeof(*pt->list));
		}
		index_put(&pt->by_pid, hash((uint64_t)p->pid, 0), pt->n);
		pt->list[pt->n++] = *p;
	}
	memset(p, 0, sizeof(*p));
	return true;
}

size_t
process_table_n(const struct process_table *pt)
{
	return pt->n;
}

const struct process *
process_table_at(const struct process_table *pt, size_t i)
{
	assert(i < pt->n);
	return &pt->list[i];
}

const struct process *
process_table_find(const struct process_table *pt, int32_t pid, uint64_t start_ticks)
{
	size_t at = pt->n > 0 ? pid_slot(pt, pid) : 0;

	if (at == 0 || pt->list[at - 1].start_ticks != start_ticks)
		return NULL;
	return &pt->list[at - 1];
}

size_t
process_table_ancestors(const struct process_table *pt, const struct process *p,
    const struct process **ret, size_t max)
{
	size_t n = 0;

	while (n < max && p->parent > 0 && pt->n > 0) {
		size_t at = pid_slot(pt, p->parent);

		/* Who started later is not the parent: the pid was used again. */
		if (at == 0 || pt->list[at - 1].start_ticks > p->start_ticks)
			break;
		p = &pt->list[at - 1];
		ret[n++] = p;
	}
	return n;
}

static size_t
file_slot(const struct process_table *pt, const struct mapped_file *f)
{
	size_t h = hash(f->ino, f->dev);

	for (;; h++) {
		size_t at = pt->by_file.slots[h % pt->by_file.n_slots];

		if (at == 0 || (pt->files[at - 1].file.twin == f->twin &&
				   pt->files[at - 1].file.ino == f->ino &&
				   pt->files[at - 1].file.dev == f->dev))
			return at;
	}
}

static void
grow_files(struct process_table *pt)
{
	struct index *x = &pt->by_file;

	free(x->slots);
	x->n_slots = x->n_slots > 0 ? x->n_slots * 2 : 512;
	x->slots = xcalloc(x->n_slots, sizeof(*x->slots));
	for (size_t i = 0; i < pt->n_files; i++)
		index_put(x, hash(pt->files[i].file.ino, pt->files[i].file.dev), i);
}

static struct mapped_entry *
entry_of(struct process_table *pt, const struct mapped_file *f)
{
	if ((pt->n_files + 1) * 2 > pt->by_file.n_slots)
		grow_files(pt);
	size_t at = file_slot(pt, f);

	if (at > 0)
		return &pt->files[at - 1];
	if (pt->n_files == pt->cap_files) {
		pt->cap_files = pt->cap_files > 0 ? pt->cap_files * 2 : 128;
		pt->files = xreallocarray(pt->files, pt->cap_files, sizeof(*pt->files));
	}
	index_put(&pt->by_file, hash(f->ino, f->dev), pt->n_files);
	struct mapped_entry *e = &pt->files[pt->n_files++];

	memset(e, 0, sizeof(*e));
	e->file = *f;
	e->file.path = xstrdup(f->path);
	return e;
}

void
process_table_add_mapped(struct process_table *pt, const struct mapped_list *list)
{
	const struct process *p = process_table_find(pt, list->pid, list->start_ticks);

	for (uint32_t i = 0; p != NULL && i < list->n; i++) {
		struct mapped_entry *e = entry_of(pt, &list->files[i]);

		e->file.is_executable |= list->files[i].is_executable;
		e->file.is_shared |= list->files[i].is_shared;
		if (e->n_mappers < MAPPERS_MAX) {
			e->mappers[e->n_mappers] = (size_t)(p - pt->list);
			e->starts[e->n_mappers] = list->files[i].start;
			e->ends[e->n_mappers] = list->files[i].end;
		}
		e->n_mappers++;
	}
}

size_t
process_table_n_mapped(const struct process_table *pt)
{
	return pt->n_files;
}

const struct mapped_entry *
process_table_mapped_at(const struct process_table *pt, size_t i)
{
	assert(i < pt->n_files);
	return &pt->files[i];
}

const struct process *
process_table_mapper(const struct process_table *pt, const struct mapped_entry *e,
    size_t i)
{
	assert(i < e->n_mappers && i < MAPPERS_MAX);
	return &pt->list[e->mappers[i]];
}

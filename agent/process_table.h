/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROCESS_TABLE_H
#define MH_AGENT_PROCESS_TABLE_H

#include "base/attributes.h"
#include "records/process.h"

/*
 * The processes of one scan and the files that they map, each file once for
 * all that map it.  Pure data: what the opener told.
 */
enum {
	/* Processes named in a finding in a mapped file; the rest is counted. */
	MAPPERS_MAX = 32,
	/* Ancestors that a finding names. */
	PROCESS_ANCESTORS_MAX = 32,
};

/* A file and who maps it. */
struct mapped_entry {
	struct mapped_file file;     /* as the first of them maps it */
	size_t mappers[MAPPERS_MAX]; /* places in the table */
	uint64_t starts[MAPPERS_MAX], ends[MAPPERS_MAX]; /* one mapping of each */
	uint32_t n_mappers;                              /* all */
};

struct process_table;

struct process_table *process_table_new(void);
void process_table_free(struct process_table *pt);
MH_DEFINE_CLEANUP(struct process_table, process_table_free);

/*
 * Add p, which is taken.  One that is there already stays, unless p tells more:
 * a chosen process in place of an ancestor.  Returns false when it stayed.
 */
bool process_table_add(struct process_table *pt, struct process *p);
size_t process_table_n(const struct process_table *pt);
const struct process *process_table_at(const struct process_table *pt, size_t i);
/* NULL when there is none, or another with this pid. */
const struct process *process_table_find(const struct process_table *pt, int32_t pid,
    uint64_t start_ticks);
/* Parents up to init, the nearest first; returns how many, at most max. */
size_t process_table_ancestors(const struct process_table *pt, const struct process *p,
    const struct process **ret, size_t max);

/* Count the files of list, whose process is in the table, for it.  The list is copied. */
void process_table_add_mapped(struct process_table *pt, const struct mapped_list *list);
size_t process_table_n_mapped(const struct process_table *pt);
const struct mapped_entry *process_table_mapped_at(const struct process_table *pt,
    size_t i);
/* The first process that maps it. */
const struct process *process_table_mapper(const struct process_table *pt,
    const struct mapped_entry *e, size_t i);

#endif

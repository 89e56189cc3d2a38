/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCAN_PROCESS_IMPL_H
#define MH_AGENT_SCAN_PROCESS_IMPL_H

#include "agent/process_table.h"
#include "agent/scan_impl.h"

/* Inside of scanning processes, shared by scan_process.c and scan_process_open.c. */

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

/* Send it to the opener; its answer is waited for. */
void processes_send(struct scan *s, enum message_name type, const struct buf *b);

void items_add(struct process_scan *ps, struct item item);
/* Ask for the items behind what was answered. */
void items_ask(struct scan *s);
/* When all is opened, the end may be near. */
void items_end(struct process_scan *ps);
/* False: the opener talks nonsense. */
bool items_on_targets(struct scan *s, struct message *m);
bool items_on_skipped(struct scan *s, const struct message *m);
/* For people; new. */
char *item_name(const struct process_scan *ps, const struct item *item);
/* Tell what was not opened, from the item after the last answer on. */
void items_tell(struct scan *s, enum reason reason, const char *detail);

#endif

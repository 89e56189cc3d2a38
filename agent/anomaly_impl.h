/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_ANOMALY_IMPL_H
#define MH_AGENT_ANOMALY_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/anomaly.h"
#include "base/buf.h"

/*
 * Weighs one clue: returns its score and puts why into why.  The plain case
 * returns base.
 */
struct judge {
	const struct process *process;
	unsigned base; /* of the clue's kind */
};
typedef unsigned weigh_fn(const struct judge *j, const struct clue *c, struct buf *why);

weigh_fn weigh_exe_deleted, weigh_exe_memfd, weigh_exec_deleted, weigh_exec_memfd;
weigh_fn weigh_exec_anonymous, weigh_write_exec;
weigh_fn weigh_pc_anonymous, weigh_pc_memfd, weigh_pc_deleted;
weigh_fn weigh_code_changed, weigh_code_copied, weigh_code_relocated, weigh_code_many;
weigh_fn weigh_image;
weigh_fn weigh_kernel_name, weigh_preload, weigh_preload_file, weigh_traced;
weigh_fn weigh_packet_socket, weigh_hidden, weigh_covered, weigh_secret_memory;

/* Where a file lies, as far as it says who may have put it there. */
enum place {
	PLACE_SYSTEM, /* /usr, /opt and their kin: only root writes */
	PLACE_HOME,
	PLACE_OPEN, /* /tmp and its kin: all write; or a hidden folder or file */
	PLACE_OTHER,
};
enum place place_of(const char *path);
const char *place_text(enum place place);

/* A clue of the process of that kind; NULL when it has none. */
const struct clue *judge_find(const struct judge *j, enum clue_kind kind);

/* Whether an engine that compiles at run time is mapped; one of that name. */
bool judge_has_engine(const struct judge *j);
bool judge_has_named_engine(const struct judge *j, const char *name);

/*
 * Whether the process's program is one of these names, in a folder of the
 * system, and a file that is still there or was replaced by an upgrade.
 */
bool judge_is_program(const struct judge *j, const char *const *names, size_t n);

#endif

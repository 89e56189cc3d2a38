/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_ANOMALY_H
#define MH_AGENT_ANOMALY_H

#include <stdint.h>

#include "base/attributes.h"
#include "records/process.h"

/*
 * Judges the clues of a process (records/clue.h).  Pure functions: no I/O, no
 * state.
 *
 * An anomaly is a clue with a score from 0 to 100 and a reason in words.  The
 * table in anomaly.c has, by kind: title, ATT&CK techniques, the score of the
 * plain case and why it is that; its functions raise or lower it by what else
 * is known of the process.
 *
 * Names alone never prove innocence, for whoever wants to hide chooses them: a
 * known engine that compiles at run time explains executable memory, but not a
 * thread that makes system calls from there, nor a program image in it.  What
 * is explained still counts for the order in which processes are scanned.
 */
enum {
	/* Below, a clue makes no finding. */
	ANOMALY_SCORE_MIN = 20,
	/* Below, a finding is weak: told, but nothing that a scan has found. */
	ANOMALY_SCORE_ALERT = 40,
	ANOMALY_SCORE_MAX = 95,
};

struct anomaly {
	struct clue clue; /* a copy */
	unsigned score;
	char *reason; /* a sentence without a period; owned */
};

struct anomalies {
	struct anomaly *list; /* those worth a finding, worst first; owned */
	uint32_t n;
	unsigned suspicion; /* 0 to 100: scan the process with the highest one first */
};

/* What the opener saw of p.  *ret is overwritten, and cleared by the caller. */
void anomalies_judge(const struct process *p, struct anomalies *ret);

/* What a worker saw of p's memory later, in the light of p's own clues. */
void anomalies_judge_worker(const struct process *p, const struct clue *clues, uint32_t n,
    struct anomalies *ret);

void anomalies_clear(struct anomalies *a);
MH_DEFINE_CLEANUP(struct anomalies, anomalies_clear);

/* What a kind is called, its techniques (with commas), its plain score; static. */
const char *anomaly_name(enum clue_kind kind);
const char *anomaly_title(enum clue_kind kind);
const char *anomaly_attacks(enum clue_kind kind);
unsigned anomaly_base_score(enum clue_kind kind);

#endif

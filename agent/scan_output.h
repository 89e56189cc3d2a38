/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCAN_OUTPUT_H
#define MH_AGENT_SCAN_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/ocsf.h"
#include "agent/scan.h"

/*
 * What `molehunt scan` shows: records on standard output, as text for people or
 * one JSON object per line for programs; progress on standard error, where that
 * is a terminal.
 */
struct scan_output {
	bool is_ndjson;
	bool has_colour;
	bool has_progress;  /* standard error is a terminal, and it is wanted */
	bool is_line_shown; /* a progress line stands on the terminal now */
	bool has_processes; /* they are scanned */
	int columns;        /* of the terminal */
	int64_t started_ms; /* monotonic */
	int64_t shown_ms;   /* when progress was last drawn */
	uint64_t n_known;   /* findings that an override suppresses or drops */
	struct finding_context context;
};

/* wants_progress: unless standard error is no terminal. */
void scan_output_init(struct scan_output *out, bool is_ndjson, bool wants_progress);

void scan_output_rule_problem(struct scan_output *out, const char *path, unsigned line,
    const char *why);
/* A line, or a whole file, of indicators that is left out; what is good is not told. */
void scan_output_indicator_line(struct scan_output *out,
    const struct indicator_file *file, unsigned line, const char *why);
void scan_output_indicator_file(struct scan_output *out,
    const struct indicator_file *file, const struct indicator_file_result *r);

void scan_output_match(struct scan_output *out, const struct scan_answer *answer,
    const struct match *m);
/* A file with its hashes, found clean or not. */
void scan_output_hashes(struct scan_output *out, const struct target *t,
    const struct verdict *v);
void scan_output_poisoned(struct scan_output *out, const struct scan_answer *answer);
/* Something about a process that needs no rule; weak ones are for programs only. */
void scan_output_anomaly(struct scan_output *out, const struct process_table *processes,
    const struct process *p, const struct anomaly *a);
/* Draw the progress line, at most ten times a second. */
void scan_output_progress(struct scan_output *out, const struct scan_progress *p,
    const struct coverage *c, int64_t now_ms);
/* Everything after the last target. */
void scan_output_end(struct scan_output *out, const struct coverage *c,
    int64_t started_real_ms, bool is_complete);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_RULE_CHECKER_H
#define MH_AGENT_RULE_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/packs.h"
#include "base/attributes.h"
#include "base/error.h"
#include "records/answer.h"
#include "records/checking.h"

/*
 * Asks the checker (molehunt-check) about packs of rules, and gathers its answers.
 *
 * A file at which the checker dies, or says nothing for RULE_CHECKER_SILENT_MS
 * (where it scans: RULE_CHECKER_WORK_MS), is left out and said so as C01, and the
 * rest is asked again.
 */
enum {
	RULE_CHECKER_SILENT_MS = 120000, /* as SCAN_COMPILE_MS */
	RULE_CHECKER_WORK_MS = 600000, /* one rule over all samples, on a busy machine */
	RULE_CHECKER_DEATHS_MAX = 16,  /* files on which it may die before we give up */
	/* Lines of one answer: a hundred for each rule of the largest public pack. */
	RULE_CHECKER_ANSWERS_MAX = 2 * 1024 * 1024,
};

/* A file that lies beside the rules. */
struct rule_beside {
	enum beside_kind kind;
	size_t file; /* in the packs, for BESIDE_MANIFEST */
	char *path;  /* owned */
};

struct rule_job {
	struct pack_list packs;
	bool *is_own; /* of each file; owned */
	char **whys; /* of each file: why it cannot be asked about, or NULL; borrowed, but
	                 for the array; NULL: no file has one */
	struct rule_beside *beside;
	size_t n_beside;
	struct check_request request; /* texts owned */
	/* Called now and then while it works; NULL: not. */
	void (*on_progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

/* What was said, in order; `file` is that of the packs. */
struct rule_answers {
	struct answer *items;
	size_t n, n_allocated;
};

void rule_job_clear(struct rule_job *job);
void rule_job_add_beside(struct rule_job *job, enum beside_kind kind, size_t file,
    const char *path);

/*
 * Ask.  Blocks.  Errors: MH_ERR_CLOSED (the checker cannot be started or died for no
 * file's fault); *ret_why is then a new sentence, and *ret is empty.
 */
mh_err rule_checker_run(struct rule_job *job, struct rule_answers *ret, char **ret_why)
    MH_CHECKED;
void rule_answers_clear(struct rule_answers *answers);

#endif

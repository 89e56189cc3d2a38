/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_H
#define MH_AGENT_OCSF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/host.h"
#include "agent/scan.h"
#include "agent/score.h"
#include "records/coverage.h"
#include "records/setup.h"
#include "records/target.h"
#include "records/verdict.h"

/*
 * Findings as OCSF 1.8.0 Detection Findings (class 2004, schema.ocsf.io), and
 * coverage records.  One finding is one rule that matched one target.  What
 * the schema has no place for stands under "unmapped", and the matched strings
 * under evidences[].data.yara.
 *
 * Everything returned is a new reference, the caller's to json_decref().
 */
#define OCSF_VERSION "1.8.0"

/* What all findings of one scan share.  Borrowed. */
struct finding_context {
	const struct host *host;
	const char *device_uid; /* the agent's id once it has one */
	const char *scan_uid;
	bool is_scheduled; /* else by hand */
	const struct ruleset_facts *rules;
	int64_t now_ms;                    /* real time */
	const struct pack_list *packs;     /* NULL: nothing is known of them */
	const struct overrides *overrides; /* NULL: none */
	const struct target_score *target; /* of the answer's target; NULL: unknown */
};

/* Whether this finding was there before: count and first time, or zeros. */
struct finding_history {
	int64_t first_ms;
	uint64_t count;
};

/* Where it was found: the target's path, and behind it the part's name; new. */
char *finding_path(const struct target *t, const struct match *m);

/* The finding's stable name: 64 hex digits, freed by the caller. */
char *finding_uid(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m);

/*
 * The score of the answer's target out of its matches.  Each finding of it tells
 * it, beside its own.
 */
void finding_target_score(const struct finding_context *ctx,
    const struct scan_answer *answer, struct target_score *ret);

/* One of the matches of answer, of which the list is not looked at. */
json_t *finding_to_ocsf(const struct finding_context *ctx,
    const struct scan_answer *answer, const struct match *m, const char *uid,
    const struct finding_history *history);

/* A target that kills its scan worker is a finding of its own. */
char *poisoned_uid(const struct finding_context *ctx, const struct scan_answer *answer);
json_t *poisoned_to_ocsf(const struct finding_context *ctx,
    const struct scan_answer *answer, const char *uid,
    const struct finding_history *history);

/* OCSF severity_id and its word for a score 0..100. */
int severity_id_of(unsigned score);
const char *severity_name(int severity_id);
/* Whether an override suppresses it; false of NULL. */
bool finding_is_suppressed(const json_t *finding);

/* A file that was scanned, with its hashes ("type":"file"): for --hashes. */
json_t *file_to_json(const struct finding_context *ctx, const struct target *t,
    const struct verdict *v);

/*
 * The summary of a scan ("type":"summary"), and the paths of what was not
 * scanned from first on, at most n ("type":"coverage").
 */
json_t *summary_to_json(const struct finding_context *ctx, const struct coverage *c,
    int64_t started_ms, bool is_complete);
json_t *coverage_to_json(const struct finding_context *ctx, const struct coverage *c,
    size_t first, size_t n);

#endif

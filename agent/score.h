/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCORE_H
#define MH_AGENT_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/limits.h"
#include "records/verdict.h"
#include "settings/settings.h"

/*
 * How much a finding counts, 0 to 100, and why; and what an administrator says of
 * the rules of others without editing them (docs/RULES.md, "Scores", "Overrides").
 */
enum {
	SCORE_DEFAULT = 75,     /* of a rule that says nothing, as Loki has it */
	SCORE_SUSPICIOUS = 65,  /* of one whose name or tags say SUSP, HKTL, PUA */
	SCORE_HUNTING = 50,     /* of one for hunting, tests, experiments */
	SCORE_TARGET_RULES = 8, /* rules that count to a target's score: the ninth
	                              adds less than one in 256 */
	OVERRIDES_MAX =
	    SETTINGS_TABLES_MAX, /* of one configuration: a person wrote them */
	OVERRIDE_PATTERN_MAX = RULE_PATTERN_MAX, /* bytes */
	OVERRIDE_REASON_MAX = 500,               /* bytes: a sentence or two */
	HOST_GROUPS_MAX = 64,
	HOST_GROUP_BYTES_MAX = 64,
};

enum override_action { OVERRIDE_DISABLE, OVERRIDE_SCORE, OVERRIDE_SUPPRESS };

/* One override, as in molehunt.yaml(5). */
struct override {
	char *rule;     /* pattern of RULE, NAMESPACE:RULE; or an id */
	int action;     /* enum override_action */
	uint64_t score; /* OVERRIDE_SCORE */
	char *path;     /* pattern of the finding's path; "": any */
	char *until;    /* "YYYY-MM-DD", its last day (UTC); "": for good */
	char *reason;
	struct setting_strings groups; /* of hosts; none: all */
};

/* Rows of a table of struct override, and the check of them together. */
extern const struct settings_schema override_schema;
void overrides_check(const struct setting_tables *overrides, const char *name,
    struct settings_problem *ret);
/* A row's check: whether text may be a group of hosts. */
char *host_group_check(const char *text);

/* What holds on this machine.  Borrowed. */
struct overrides {
	const struct override *items;
	size_t n;
	const struct setting_strings *groups; /* of this machine, or NULL */
};

bool override_is_expired(const struct override *o, int64_t now_ms);
/* Whether it holds on this machine, now. */
bool override_holds(const struct overrides *list, const struct override *o,
    int64_t now_ms);

/* When the next of those that hold ends, in ms since 1970; 0: none does. */
int64_t overrides_next_end(const struct overrides *list, int64_t now_ms);

/* Whether its pattern is of this rule, whose namespace is "pack/file". */
bool override_names(const struct override *o, const char *name_space, const char *rule);
/* Whether it is about this match at path. */
bool override_fits(const struct override *o, const struct match *m, const char *path);

/* What a finding counts, and who says so.  Borrowed from match and overrides. */
struct finding_score {
	unsigned score;
	const char *source;                /* "score", "severity", "kind", "default" */
	const struct override *scored;     /* who changed it, or NULL */
	const struct override *suppressed; /* who says that it is known and harmless */
	bool is_disabled;                  /* the rule is not wanted here */
};

/* Of a rule that matched at path; list may be NULL.  The first override that fits counts. */
void finding_score(const struct overrides *list, const struct match *m, const char *path,
    int64_t now_ms, struct finding_score *ret);

/*
 * The score of a target out of those of all rules that matched it:
 *
 *	100 * (1 - product of (1 - s_i / 100 / 2^i)),   s_0 >= s_1 >= ...
 *
 * so the highest counts whole, each further one half as much as the one before,
 * and 100 is never passed (as Loki-RS has it).
 */
struct target_score {
	unsigned score;
	unsigned parts[SCORE_TARGET_RULES]; /* the highest first */
	unsigned n_parts;
	unsigned n_rules; /* that count: neither suppressed nor disabled */
};
void target_score_add(struct target_score *t, unsigned score);
void target_score_finish(struct target_score *t);

#endif

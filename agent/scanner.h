/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCANNER_H
#define MH_AGENT_SCANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/packs.h"
#include "agent/score.h"
#include "records/indicator.h"
#include "records/messages.h"
#include "records/rule_place.h"
#include "records/setup.h"

/*
 * A rule set and the processes that scan with it: loads the rules into a zygote,
 * has workers forked, hands targets to them and hears verdicts.  Where targets
 * come from is agent/scan.h; several scans may use one scanner at once.  Used by
 * the resident agent and by the command line; neither reads a target's content.
 *
 * What goes wrong with a helper process costs time, never a target:
 *
 * - Targets in flight in a worker that dies or says nothing for its time limit
 *   and SCAN_GRACE_MS are tried again alone, one at a time, in a worker with
 *   more memory.  One that kills its worker twice alone is poisoned.
 * - A rule file at which the compiler dies is left out.
 *
 * Never blocks.  Wait for scanner_fd() to become readable or for SCAN_TICK_MS,
 * then call scanner_step().
 */
enum {
	SCAN_TICK_MS = 100,   /* call scanner_step() so often while a scan runs */
	SCAN_GRACE_MS = 5000, /* beyond a target's time limit: reading from a slow disk */
	SCAN_COMPILE_MS = 120000, /* one rule file: the slowest public one takes 2 s */
	SCAN_JOBS_MAX = 64,       /* workers */
};

struct scanner;

struct scanner_options {
	struct scan_setup setup;
	unsigned n_workers; /* 1..SCAN_JOBS_MAX */
	int64_t open_ms;    /* SCAN_OPEN_MS but in tests */
	bool wants_places;  /* on_rule_file() and on_rule_place() are called */
	bool is_background; /* all work takes only what others leave over */
	/* Rules that these disable are not run.  Borrowed until scanner_new() returns. */
	const struct overrides *overrides; /* NULL: none */
	const char *table_folder; /* for a large table of indicators; borrowed for good */
};

/* What a scanner tells its owner, and what it asks of it.  ctx is scanner_new()'s. */
struct scanner_ops {
	/*
	 * Start a helper program; answer with scanner_on_started(), now or later.
	 * The agent asks the supervisor, the command line forks.
	 */
	mh_err (*start)(void *ctx, enum role role, unsigned instance);
	/* Kill it (SIGKILL); answer with scanner_on_exited() when it is gone. */
	void (*stop)(void *ctx, enum role role, unsigned instance);
	/* A rule file was left out; line is 0 where it is not known. */
	void (*on_rule_problem)(void *ctx, const struct pack_file *file, unsigned line,
	    const char *why);
	/*
	 * A file of a ZIP of the packs, found when that was unpacked; NULL: not called.
	 * Its index is that of one more file behind the last.
	 */
	void (*on_pack_file)(void *ctx, const struct pack_file *file);
	/*
	 * If options.wants_places: a rule file was compiled, with so many warnings;
	 * then, when all were, where each rule works, its file by index in the packs.
	 * After a death of the compiler files are told again.
	 */
	void (*on_rule_file)(void *ctx, size_t file, unsigned n_warnings);
	void (*on_rule_place)(void *ctx, size_t file, const struct rule_place *place);
	/*
	 * A line of a file of indicators was left out (0: not known which), then what was
	 * read of the file.  May be NULL.
	 */
	void (*on_indicator_line)(void *ctx, const struct indicator_file *file,
	    unsigned line, const char *why);
	void (*on_indicator_file)(void *ctx, const struct indicator_file *file,
	    const struct indicator_file_result *result);
	/* Rules are ready; or facts is NULL, no rule could be used, and why says so. */
	void (*on_ready)(void *ctx, const struct ruleset_facts *facts, const char *why);
};

/*
 * ops is borrowed for good; options are copied; files are copied.  Helper
 * programs get instances from first_instance on, so that those of two scanners
 * of one owner differ.
 */
struct scanner *scanner_new(const struct scanner_options *options,
    const struct pack_list *packs, const struct scanner_ops *ops, void *ctx,
    unsigned first_instance);
/* After all its scans are freed. */
void scanner_free(struct scanner *s);
MH_DEFINE_CLEANUP(struct scanner, scanner_free);

/* Its packs, with the files of ZIPs that were unpacked; borrowed. */
const struct pack_list *scanner_packs(const struct scanner *s);

/* Begin loading the rules, for the first time or after they failed; on_ready() follows. */
mh_err scanner_load(struct scanner *s) MH_CHECKED;

/*
 * Have work of scans that are not urgent rest, or go on.  What workers hold is
 * finished; openers stop where they are.
 */
void scanner_rest(struct scanner *s, bool is_resting);
/* Whether nothing of such scans is under way. */
bool scanner_is_at_rest(const struct scanner *s);

/* Whether ZIPs of the packs are still being unpacked; rules are loaded afterwards. */
bool scanner_is_unpacking(const struct scanner *s);

/* Whether some scan was not freed. */
bool scanner_has_scans(const struct scanner *s);

/* Whether it asked for this helper program. */
bool scanner_owns(const struct scanner *s, enum role role, unsigned instance);

/* Before scanner_free(), where the owner lives on: kill what it started. */
void scanner_stop_children(struct scanner *s);

/* Answers of the owner to start() and stop(); fd is taken. */
void scanner_on_started(struct scanner *s, enum role role, unsigned instance, int fd);
void scanner_on_exited(struct scanner *s, enum role role, unsigned instance, int status);

int scanner_fd(const struct scanner *s);
/* Handle what is there, waiting at most timeout_ms for it. */
void scanner_step(struct scanner *s, int timeout_ms);

#endif

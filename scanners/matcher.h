/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_MATCHER_H
#define MH_SCANNERS_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "records/clue.h"
#include "records/note.h"
#include "records/setup.h"
#include "records/verdict.h"
#include "scanners/content.h"
#include "scanners/hasher.h"
#include "signatures/ruleset.h"

/*
 * Runs a rule set over one content with libyara and hands out what matched.
 *
 * Results are those of libyara.  Where libyara gives up, the matcher does not
 * at once:
 *
 * - a rule whose regular expression grows too many threads on this content
 *   (ERROR_TOO_MANY_RE_FIBERS, which ends the whole scan) is left out of a
 *   second scan;
 * - after a timeout, or an internal error (libyara 4.2.3 fails with one on
 *   every "#a in (x..y)"), it looks for a single rule that is to blame, by
 *   halves, and scans the content again without it.  A rule that fails on no
 *   content at all, too, stays out for the life of this process.
 *
 * Either way the outcome says that a rule could not be evaluated.
 */
struct matcher;

/* Which rules do not work in memory, by index: borrowed while m lives. */
const bool *matcher_out_in_memory(const struct matcher *m);

/*
 * Memory, which is searched in units and asked about by address.  All are
 * called with ctx while matcher_scan_memory() runs.
 */
struct memory_input {
	void *ctx;
	/* Begin the search again from the first unit. */
	void (*restart)(void *ctx);
	/* The next unit; its offset is an address.  False at the end. */
	bool (*next_unit)(void *ctx, struct content_block *ret);
	/*
	 * For conditions, all that was searched, in blocks by address: where the
	 * i-th lies (false beyond the last), and its bytes (NULL: cannot be read).
	 */
	bool (*block)(void *ctx, size_t i, uint64_t *ret_base, size_t *ret_len);
	const uint8_t *(*fetch)(void *ctx, size_t i);
	/* Add what is known about the places at which m matched. */
	void (*describe)(void *ctx, struct match *m);
};

/* Values of the externals for one content; borrowed; never NULL. */
struct external_values {
	const char *value[EXTERNAL_MAX_];
};

/* What came of it.  Clear with match_outcome_clear(). */
struct match_outcome {
	enum reason reason;     /* NONE, RULE, TIMEOUT, MEMORY or INTERNAL */
	bool partly;            /* some rules were evaluated all the same */
	struct match **matches; /* owned */
	uint32_t n_matches;
	char *detail; /* which rule, which error; or NULL; owned */

	/* Of targets that have parts; matcher_scan() leaves these alone. */
	struct note_list notes; /* of what was not scanned */
	struct clue *clues;     /* about a process; owned */
	uint32_t n_clues;
	uint32_t n_members; /* of archives, scanned */
};

void match_outcome_clear(struct match_outcome *o);
/*
 * Move the matches of a part, given its name, into the outcome of its target.
 * What went wrong in from stays there, for the caller to note.
 */
void match_outcome_take_matches(struct match_outcome *to, struct match_outcome *from,
    enum match_part part, const char *part_name);

/* Called between the scans of a long search, to show that there is life. */
typedef void pulse_fn(void *ctx);

/*
 * A matcher for rs and h, which are borrowed while it lives.  setup is copied.
 * NULL when libyara cannot make a scanner.
 */
struct matcher *matcher_new(struct ruleset *rs, struct hasher *h,
    const struct scan_setup *setup, pulse_fn *on_pulse, void *ctx);
void matcher_free(struct matcher *m);
MH_DEFINE_CLEANUP(struct matcher, matcher_free);

/*
 * Search memory.  Offsets are addresses; "filesize" and "entrypoint" are
 * undefined; modules that parse files see none.  Each unit, and then the
 * conditions, have the time of one file.  *ret is overwritten.
 */
void matcher_scan_memory(struct matcher *m, const struct memory_input *input,
    struct match_outcome *ret);

/* *ret is overwritten. */
void matcher_scan(struct matcher *m, const struct content *c,
    const struct external_values *values, struct match_outcome *ret);

#endif

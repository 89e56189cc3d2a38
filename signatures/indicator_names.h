/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_NAMES_H
#define MH_SIGNATURES_INDICATOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Names and paths of files against many patterns at once.
 *
 * A pattern is looked at only where four bytes that it needs stand in the path: one
 * table of these four bytes for all patterns.  Expressions are PCRE2's, as the
 * library interprets them (no code is generated), with bounded steps and heap.
 *
 * Made in the zygote, used in workers, which share its memory.
 */
enum name_kind {
	NAME_REGEX,     /* a regular expression, anywhere in the path */
	NAME_BASE,      /* the whole name, without its folder */
	NAME_BASE_PART, /* somewhere in the name */
	NAME_TAIL,      /* the end of the path; begins with a slash: whole names */
	NAME_PATH_PART, /* somewhere in the path */
	NAME_EXTENSION, /* what stands behind the last dot of the name */
	NAME_KIND_MAX_
};

struct indicator_names;

struct indicator_names *indicator_names_new(void);
void indicator_names_free(struct indicator_names *n);
MH_DEFINE_CLEANUP(struct indicator_names, indicator_names_free);

/*
 * Add a pattern; tag comes back when it matches.  A path that matches except (a
 * regular expression, or NULL) is none of its matches.  Slashes and backslashes are
 * the same in all kinds but expressions (signatures/indicator_regex.h).  Expressions
 * that fit every path are refused.
 * Errors: MH_ERR_INVALID (*ret_why says what is wrong with it), MH_ERR_FULL
 * (INDICATOR_NAMES_MAX).
 */
mh_err indicator_names_add(struct indicator_names *n, enum name_kind kind,
    const char *text, bool is_caseless, const char *except, uint32_t tag, char **ret_why)
    MH_CHECKED;
size_t indicator_names_n(const struct indicator_names *n);

/* Make the table; nothing is added after it. */
void indicator_names_seal(struct indicator_names *n);

/* Whether a path is a match of a pattern of that kind, by itself. */
bool indicator_name_fits(enum name_kind kind, const char *text, bool is_caseless,
    const char *path);

/*
 * Call on_match for each pattern that path matches, once.  False when some
 * expression took more steps than it may: the path was not compared with all.
 */
typedef void name_match_fn(void *ctx, uint32_t tag);
bool indicator_names_match(struct indicator_names *n, const char *path,
    name_match_fn *on_match, void *ctx) MH_CHECKED;

#endif

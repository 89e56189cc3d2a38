/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULESET_H
#define MH_SIGNATURES_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yara.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/limits.h"
#include "signatures/scope.h"

/*
 * Packs of rule text compiled together into one rule set (libyara, from text
 * only; "include" is off, so a rule file cannot name another file).
 *
 * One bad file never takes the pack down: it is left out and reported, the
 * rest is used.  The namespace of a file's rules is "pack/file", so equal
 * rule names of different files do not clash.
 *
 * Input is hostile: rule text comes from third parties.  Runs in the zygote.
 */
enum {
	/* Patterns of disabled rules: a person wrote them. */
	RULE_PATTERNS_MAX = 256,
	/* Bytes: no match of libyara's is longer, but of literals of 8 KB, wide. */
	RULESET_OVERLAP_MAX = 16 * 1024,
};

/* The external variables that are always defined, by their bit in a mask. */
#define EXTERNALS(E)                                                       \
	E(FILENAME, "filename")   /* name without its folder */            \
	E(FILEPATH, "filepath")   /* folder, without a slash at its end */ \
	E(EXTENSION, "extension") /* ".exe", lower case, "" if none */     \
	E(FILETYPE, "filetype")   /* from magic bytes: "EXE", "ELF" */     \
	E(OWNER, "owner")         /* name of the owning user */            \
	E(MD5, "md5")             /* of the content, lower-case hex */

enum external {
#define EXTERNAL_CODE(code, name) EXTERNAL_##code,
	EXTERNALS(EXTERNAL_CODE)
#undef EXTERNAL_CODE
	    EXTERNAL_MAX_
};

/* The name of an external; static. */
const char *external_name(enum external external);

/* One warning of the compiler. */
enum { RULE_WARNINGS_MAX = 8, RULE_WARNING_BYTES_MAX = 256 }; /* kept of one file */
struct rule_warning {
	unsigned line; /* from 1; 0 where none is known */
	char message[RULE_WARNING_BYTES_MAX];
};

/* What was found out about one file of the rule set. */
struct rule_file_result {
	unsigned index; /* in the order of ruleset_add() */
	bool is_used;
	unsigned line;       /* of the error, from 1; 0 where none is known */
	const char *message; /* why it was left out, borrowed; NULL when used */
	unsigned n_warnings;
	const struct rule_warning *warnings; /* the first of them, borrowed */
};
typedef void rule_file_fn(void *ctx, const struct rule_file_result *result);

struct ruleset;

struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *rs);
MH_DEFINE_CLEANUP(struct ruleset, ruleset_free);

/*
 * Add a file's text, which is copied.  Errors: MH_ERR_TOOBIG (the file, or all
 * together), MH_ERR_FULL (RULE_FILES_MAX).
 */
mh_err ruleset_add(struct ruleset *rs, const char *name_space, const char *text,
    size_t len) MH_CHECKED;

/*
 * Have rules that are called so, RULE or NAMESPACE:RULE (a pattern of fnmatch(3)), or
 * whose meta id is that text, match nowhere.  Those that others need are evaluated for them.
 * Errors: MH_ERR_FULL (RULE_PATTERNS_MAX).
 */
mh_err ruleset_disable(struct ruleset *rs, const char *pattern) MH_CHECKED;

/*
 * Compile what was added; once.  on_file is called for each file, at the latest
 * when its fate is known.  libyara must be initialised (yr_initialize()).
 *
 * Errors: MH_ERR_RULES (no rule is left; on_file told why), MH_ERR_MEMORY.
 */
mh_err ruleset_compile(struct ruleset *rs, rule_file_fn *on_file, void *ctx) MH_CHECKED;

/* All of these after ruleset_compile(). */
YR_RULES *ruleset_rules(struct ruleset *rs); /* borrowed */
unsigned ruleset_n_rules(const struct ruleset *rs);
unsigned ruleset_n_files(const struct ruleset *rs);    /* added */
unsigned ruleset_n_left_out(const struct ruleset *rs); /* of these, files not used */
/* Bit mask of the externals that some rule may read (never too small). */
unsigned ruleset_externals(const struct ruleset *rs);
/* Whether some rule imports the module called name (never false wrongly). */
bool ruleset_imports(const struct ruleset *rs, const char *name);
/*
 * Of the rule at an index of YR_RULES.rules_table: where it works (RULE_IN_FILES,
 * RULE_IN_MEMORY, RULE_NEEDED), why it does not work in some
 * place (borrowed, NULL where it works in both), its file in the order of
 * ruleset_add(), its line there (from 1, 0 where unknown).
 */
unsigned ruleset_scope(const struct ruleset *rs, unsigned index);
const char *ruleset_scope_reason(const struct ruleset *rs, unsigned index);
unsigned ruleset_file(const struct ruleset *rs, unsigned index);
unsigned ruleset_line(const struct ruleset *rs, unsigned index);
/* Rules that work in memory. */
unsigned ruleset_n_in_memory(const struct ruleset *rs);
/*
 * Bytes by which two blocks of one region have to overlap, so that no match of a
 * rule that is evaluated in memory is lost at their border, nor the characters
 * beside it that `fullword` looks at.  A regular expression looks at most
 * YR_RE_SCAN_LIMIT bytes ahead and as many back (libyara/re.c).
 */
size_t ruleset_longest_match(const struct ruleset *rs);
/*
 * SHA-256 over the names and texts of the used files, and the patterns of what is
 * disabled: names this rule set.
 */
enum { RULESET_ID_BYTES = 32 };
void ruleset_id(const struct ruleset *rs, uint8_t ret[RULESET_ID_BYTES]);

#endif

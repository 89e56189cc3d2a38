/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_CHECK_H
#define MH_RECORDS_CHECK_H

#include <stdbool.h>

#include "records/verdict.h"

/*
 * Checks that need no signature: a scan worker looks at headers and names and
 * tells what it saw as a match in a namespace of its own, whose rule is the
 * check's name and whose metas are facts, plain data.  Score and wording are
 * the agent's (agent/checks.h).  No rule file can have this namespace: theirs
 * have a slash in them.
 *
 * CHECK(code, name): name is the stable word in findings.
 */
#define CHECK_NAMESPACE "molehunt-checks"

#define CHECKS(CHECK)                                               \
	CHECK(FOREIGN_EXTENSION, "archive-under-foreign-extension") \
	CHECK(ENCRYPTED_NAMES, "archive-with-encrypted-names")      \
	CHECK(VOLUME_SET, "archive-volumes-in-staging-folder")      \
	CHECK(DESIGN_FILES, "design-files-in-staging-folder")

enum check {
#define CHECK_CODE(code, name) CHECK_##code,
	CHECKS(CHECK_CODE)
#undef CHECK_CODE
	    CHECK_MAX_
};

const char *check_name(enum check check);

/* Whether m is a check's, by its namespace. */
bool match_is_check(const struct match *m);
/* Which one; false when the name is unknown. */
bool match_find_check(const struct match *m, enum check *ret);

/* A new match of that check, without facts; the caller's. */
struct match *check_match_new(enum check check);
/* Add facts to it; text is copied. */
void check_match_add_text(struct match *m, const char *name, const char *text);
void check_match_add_number(struct match *m, const char *name, int64_t number);
void check_match_add_truth(struct match *m, const char *name, bool truth);

#endif

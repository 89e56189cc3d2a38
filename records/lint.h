/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_LINT_H
#define MH_RECORDS_LINT_H

#include <stdbool.h>

/*
 * What `molehunt rules check` looks for: one table.  Ids keep their meaning for
 * good; why each exists and how to mend it is wording of agent/lint_advice.c.
 *
 * LINT(id, level, foreign, by, title): level is that in a pack of our own; with
 * foreign it is looked for in packs of others too; by is the verb that says it.
 * A file that is left out, and a rule that works nowhere, are errors of any pack.
 */
#define LINTS(LINT)                                                                      \
	LINT(C01, ERROR, true, "check", "the file does not compile and is left out")     \
	LINT(C02, ERROR, false, "check", "a module that makes a rule slow or narrow")    \
	LINT(C03, ERROR, true, "check", "an external that is not defined")               \
	LINT(C04, WARNING, true, "check", "the compiler warns")                          \
	LINT(C05, ERROR, true, "check", "a name that two files of one namespace have")   \
	LINT(N01, ERROR, false, "check", "a rule's name outside the grammar")            \
	LINT(N02, ERROR, false, "check", "a name or id that is not unique")              \
	LINT(M01, ERROR, false, "check", "a meta that is missing, empty or given twice") \
	LINT(M02, ERROR, false, "check", "a description that does not describe")         \
	LINT(M03, ERROR, false, "check", "dates or a version that cannot be")            \
	LINT(M04, ERROR, false, "check", "no technique of ATT&CK")                       \
	LINT(M05, ERROR, false, "check", "a score outside the band of its category")     \
	LINT(M06, ERROR, false, "check", "a hash or reference that names nothing")       \
	LINT(M07, ERROR, false, "check", "a scope that tags contradict")                 \
	LINT(M08, ERROR, false, "check", "a fingerprint that is not the rule's")         \
	LINT(S01, ERROR, false, "check", "a short string")                               \
	LINT(S02, ERROR, true, "check", "a uniform string")                              \
	LINT(S03, WARNING, false, "check", "a common string that is enough by itself")   \
	LINT(S04, ERROR, false, "check", "a string that is there twice")                 \
	LINT(S05, WARNING, false, "check", "nocase without a reason")                    \
	LINT(S06, WARNING, false, "check", "fullword where it cannot help")              \
	LINT(S07, ERROR, true, "check", "a regular expression that is slow")             \
	LINT(S08, WARNING, false, "check", "a hex string that is text, or loose")        \
	LINT(S09, ERROR, false, "check", "xor or base64 without bounds")                 \
	LINT(D01, ERROR, false, "check", "no bound of size, or no test of the type")     \
	LINT(D02, ERROR, false, "check", "a rule for memory that cannot match there")    \
	LINT(D03, ERROR, false, "check", "a threshold too low, or out of reach")         \
	LINT(D04, ERROR, true, "check", "work that grows with the whole file")           \
	LINT(D05, WARNING, false, "check", "any of them")                                \
	LINT(D06, ERROR, false, "check", "a condition that holds without any string")    \
	LINT(P01, INFO, true, "check", "the rule works in files only")                   \
	LINT(P02, INFO, true, "check", "the rule works in memory only")                  \
	LINT(P03, ERROR, true, "check", "the rule works nowhere")                        \
	LINT(Q01, ERROR, false, "check", "a string that no manifest documents")          \
	LINT(Q02, ERROR, false, "test", "a rule that is not as its manifest says")       \
	LINT(Q03, WARNING, false, "check", "no clean record of goodware")                \
	LINT(Q04, WARNING, false, "profile", "a rule much slower than its pack")         \
	LINT(Q05, WARNING, false, "check", "a rule much like somebody else's")

enum lint {
#define LINT_CODE(id, level, foreign, by, title) LINT_##id,
	LINTS(LINT_CODE)
#undef LINT_CODE
	    LINT_MAX_
};

enum lint_level { LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_MAX_ };

/* All static. */
const char *lint_id(enum lint lint); /* "C01" */
const char *lint_title(enum lint lint);
const char *lint_verb(enum lint lint); /* which says it */
enum lint_level lint_level(enum lint lint);
/* Whether it is looked for in a pack of others. */
bool lint_is_foreign(enum lint lint);
/* LINT_MAX_ where there is none of that id. */
enum lint lint_find(const char *id);
const char *lint_level_name(enum lint_level level); /* "error" */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_ANSWER_H
#define MH_RECORDS_ANSWER_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"

/*
 * What the checker says about packs of rules (MSG_ANSWERS): one line of it.
 * Each kind uses the fields that its row names; the others are 0 or "".
 *
 * ANSWER(kind, fields)
 */
#define ANSWERS(ANSWER)                                                                      \
	/* Next comes work on that file: whose death is its fault. */                        \
	ANSWER(AT, "file")                                                                   \
	/* How much of the work is done. */                                                  \
	ANSWER(PROGRESS, "a of b")                                                           \
	/* A file: code 1 when it is used; a: warnings of the compiler. */                   \
	ANSWER(FILE, "file code a")                                                          \
	/* Something to mend: code is enum lint, level enum lint_level. */                   \
	ANSWER(REMARK, "code level file line rule text")                                     \
	/* A rule: code is the mask of records/rule_place.h, text why not everywhere; */     \
	/* label is the word of its pack's own profile or "foreign". */                      \
	ANSWER(RULE, "file line code rule text")                                             \
	/* One meta of the rule before. */                                                   \
	ANSWER(META, "rule label text")                                                      \
	/* One line of the explanation of a rule: code is enum answer_section. */            \
	ANSWER(LINE, "code rule label text")                                                 \
	/* The cases of one kind (label) of a rule: a of them, b of these failed. */         \
	ANSWER(TALLY, "rule label a b")                                                      \
	/* A case that failed: label names it, text says what was expected and what came. */ \
	ANSWER(FAILURE, "rule label text")                                                   \
	/* A rule's time over the sample: a in ns; b bytes of atoms; text: what else. */     \
	ANSWER(TIME, "file line rule a b text")                                              \
	/* A fingerprint, text; a, b: the bytes of the file that it takes the place of; */   \
	/* label: what stands before it there; code 1: the file has that one already. */     \
	ANSWER(FINGERPRINT, "file code rule label text a b")                                 \
	/* All is said.  code 1: rules are left to use; text: the engine, or why not. */     \
	ANSWER(DONE, "code text a")

enum answer_kind {
#define ANSWER_CODE(kind, fields) ANSWER_##kind,
	ANSWERS(ANSWER_CODE)
#undef ANSWER_CODE
	    ANSWER_MAX_
};

/* The parts of an explanation, in their order. */
enum answer_section {
	SECTION_ABOUT,     /* label: a meta, or what it is */
	SECTION_STRING,    /* label: the string's name */
	SECTION_FACT,      /* behind its string: where it is documented */
	SECTION_CONDITION, /* in words */
	SECTION_TEXT,      /* the condition's own text */
	SECTION_PLACE,     /* where it works, and why not elsewhere */
	SECTION_SOURCE,
	SECTION_MAX_
};

enum {
	/* Bytes of one text: a meta's value fits, escaped (META_VALUE_MAX). */
	ANSWER_TEXT_MAX = 8 * 1024,
	ANSWER_LABEL_MAX = 512, /* bytes */
	/* Bytes of an encoded answer, at most. */
	ANSWER_BYTES_MAX =
	    2 + 4 + 4 + 8 + 8 + 3 * 4 + 256 + ANSWER_LABEL_MAX + ANSWER_TEXT_MAX + 1,
};

struct answer {
	uint8_t kind;
	uint8_t code, level;
	uint32_t file; /* in the order of CHECK_RULES */
	uint32_t line;
	uint64_t a, b;
	char *rule, *label, *text; /* owned by who decoded it; never NULL then */
};

void answer_clear(struct answer *a);
/* NULL texts are ""; texts that are too long are cut. */
void answer_encode(const struct answer *a, struct buf *b);
/* Check r afterwards; clear *ret in any case. */
void answer_decode(struct reader *r, struct answer *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_CHECKING_H
#define MH_RECORDS_CHECKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"

/*
 * What the checker is given and asked: MSG_CHECK_RULES for each file of rules, then
 * MSG_CHECK_BESIDE for what lies beside them, each with a descriptor, then one
 * MSG_CHECK_DO.  It answers with records/answer.h.
 */
enum check_verb {
	CHECK_VERB_CHECK,       /* the lints */
	CHECK_VERB_LIST,        /* rules and their metas */
	CHECK_VERB_EXPLAIN,     /* the rules whose name holds `name` */
	CHECK_VERB_TEST,        /* their manifests' samples */
	CHECK_VERB_PROFILE,     /* the time of each over the samples */
	CHECK_VERB_FINGERPRINT, /* of each, and of the pack */
	CHECK_VERB_MAX_
};

enum beside_kind {
	BESIDE_MANIFEST, /* of the file `file` */
	BESIDE_RETIRED,  /* ids that were used once */
	BESIDE_GOODWARE, /* the record of ordinary software */
	BESIDE_COMPARE,  /* rules of others */
	BESIDE_PREVIOUS, /* an earlier release */
	BESIDE_SAMPLE,   /* a file to measure with */
	BESIDE_MAX_
};

enum {
	CHECK_BESIDE_BYTES_MAX = 1024 * 1024, /* bytes of a manifest, list or record */
	/* Bytes of all samples together: a second of scanning for one rule. */
	CHECK_SAMPLES_BYTES_MAX = 256 * 1024 * 1024,
	CHECK_SAMPLES_MAX = 20000, /* files */
	CHECK_DATE_MAX = 10,       /* bytes of "2026-11-26" */
};

struct check_file {
	char *name_space; /* owned */
	char *path;       /* owned; for messages */
	bool is_own;      /* all lints */
};

struct check_beside {
	uint8_t kind; /* enum beside_kind */
	uint32_t file;
	char *path; /* owned */
};

struct check_request {
	uint8_t verb; /* enum check_verb */
	bool is_strict;
	bool is_goodware_missing; /* a pack of our own has no record */
	uint64_t seed;
	char *today; /* owned */
	char *name;  /* of rules, in part; "": all; owned */
};

void check_file_clear(struct check_file *f);
void check_file_encode(const struct check_file *f, struct buf *b);
/* As all here: check r afterwards; clear *ret in any case. */
void check_file_decode(struct reader *r, struct check_file *ret);

void check_beside_clear(struct check_beside *f);
void check_beside_encode(const struct check_beside *f, struct buf *b);
void check_beside_decode(struct reader *r, struct check_beside *ret);

void check_request_clear(struct check_request *q);
void check_request_encode(const struct check_request *q, struct buf *b);
void check_request_decode(struct reader *r, struct check_request *ret);

#endif

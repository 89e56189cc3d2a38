/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_MANIFEST_H
#define MH_SIGNATURES_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "settings/settings.h"

/*
 * The manifest of a rule: where each of its strings is documented, its condition
 * again as data, and which samples must fire.  YAML, beside the rule file;
 * docs/RULES.md, "Manifests", gives every key.
 *
 * Input: hostile.
 */
enum {
	MANIFEST_FACTS_MAX = 64,   /* strings of one rule: a bit each in a mask */
	MANIFEST_SOURCES_MAX = 64, /* reports; public rules cite one or two */
	MANIFEST_TERMS_MAX = 64,   /* alternatives of one requirement */
	MANIFEST_PARTS_MAX = 8,    /* "N of ..." joined by "and" in one */
	MANIFEST_CASES_MAX = 64,   /* positives, or negatives */
	MANIFEST_VALUE_MAX = 2048, /* bytes of a fact as it is written */
	/* Bytes: a sample is as large, and is held; the largest implants have 20 MB. */
	MANIFEST_FILESIZE_MAX = 64 * 1024 * 1024,
	MANIFEST_PAD_MAX = 1024 * 1024, /* bytes between two strings of a sample */
};

enum manifest_scope { SCOPE_FILE, SCOPE_MEMORY, SCOPE_BOTH };
enum manifest_container {
	CONTAINER_SAME, /* of a case: that of the manifest */
	CONTAINER_ELF,
	CONTAINER_PE,
	CONTAINER_MACHO,
	CONTAINER_SCRIPT,
	CONTAINER_HTML,
	CONTAINER_ARCHIVE,
	CONTAINER_RAW,
	CONTAINER_MAX_
};
enum manifest_status {
	STATUS_TESTING,
	STATUS_RELEASED,
	STATUS_EXPERIMENTAL,
	STATUS_DEPRECATED,
};
enum fact_kind { FACT_ASCII, FACT_WIDE, FACT_BOTH, FACT_HEX };
enum fact_evidence { EVIDENCE_V, EVIDENCE_R };
enum expectation { EXPECT_DERIVE, EXPECT_FIRE, EXPECT_SILENT };
enum sample_layout { LAYOUT_PACKED, LAYOUT_SPREAD };

enum mutation {
	MUTATION_DROP_EACH,
	MUTATION_FLIP_BYTE,
	MUTATION_TRUNCATE,
	MUTATION_WIDE_SWAP,
	MUTATION_CASE_SWAP,
	MUTATION_HEADER_ZERO,
	MUTATION_OVERSIZE,
	MUTATION_SHIFT,
	MUTATION_MAX_
};

struct manifest_source {
	char *id, *title, *publisher, *section, *url, *read; /* NULL where not given */
	uint64_t year;
};

struct manifest_fact {
	char *string; /* "$x1" */
	char *value;  /* as it is written */
	struct setting_strings sources;
	int kind;     /* enum fact_kind */
	int evidence; /* enum fact_evidence */
};

/* A positive or negative sample. */
struct manifest_case {
	char *id, *why;
	struct setting_strings strings;
	uint64_t pad; /* bytes between strings, for LAYOUT_SPREAD */
	int layout, container;
	bool is_oversize;
};

/* As the file has it. */
struct manifest_values {
	uint64_t schema;
	char *rule;
	int scope, container, status;
	struct setting_tables sources; /* struct manifest_source */
	struct setting_tables facts;   /* struct manifest_fact */
	uint64_t filesize_below;       /* bytes; 0: no bound */
	struct setting_strings any_of; /* in files */
	struct setting_strings memory_any_of;
	struct setting_tables positives; /* struct manifest_case */
	struct setting_tables negatives;
	int mutations[MUTATION_MAX_]; /* enum expectation */
};

/* "2 of $a $b and 1 of $c": every part has to hold. */
struct requirement_term {
	unsigned n_parts;
	struct {
		uint64_t of; /* facts, a bit each */
		unsigned n;
	} parts[MANIFEST_PARTS_MAX];
};

/* Any term suffices. */
struct requirement {
	struct requirement_term terms[MANIFEST_TERMS_MAX];
	unsigned n_terms;
};

struct manifest {
	struct manifest_values values;
	const struct manifest_fact *facts; /* of values */
	unsigned n_facts;
	struct requirement in_files, in_memory; /* no terms: never there */
};

/*
 * Read a manifest; name stands for its file in messages.
 * Errors: MH_ERR_INVALID; *ret_why is then a new "name:line:column: ...".
 */
mh_err manifest_read(const char *name, const void *text, size_t len,
    struct manifest **ret, char **ret_why) MH_CHECKED;
void manifest_free(struct manifest *m);
MH_DEFINE_CLEANUP(struct manifest, manifest_free);

/* The fact of that name, or n_facts. */
unsigned manifest_find(const struct manifest *m, const char *string, size_t len);
/* The facts that a case names, a bit each. */
uint64_t manifest_case_mask(const struct manifest *m, const struct manifest_case *c);
/* All facts. */
uint64_t manifest_all(const struct manifest *m);

/* The bytes of a fact: wide for FACT_WIDE, else plain; appended to b. */
void manifest_fact_bytes(const struct manifest_fact *fact, struct buf *b);

/* Whether these facts suffice. */
bool requirement_holds(const struct requirement *r, uint64_t facts);
/* In words: "$x; or 2 of $a, $b and $c".  New. */
char *requirement_words(const struct manifest *m, const struct requirement *r);

/* Words of the file; static. */
const char *manifest_scope_name(int scope);
const char *manifest_container_name(int container);
const char *manifest_status_name(int status);
const char *manifest_mutation_name(enum mutation mutation);

#endif

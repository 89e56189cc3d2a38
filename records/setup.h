/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_SETUP_H
#define MH_RECORDS_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/indicator.h"
#include "records/limits.h"

/* How much of what matched is kept: designs are secret too. */
enum data_mode {
	DATA_BYTES, /* the bytes themselves */
	DATA_HASH,  /* their SHA-256 */
	DATA_NONE,
	DATA_MAX_
};

/* What scan workers are told once, before the rules (MSG_SETUP). */
struct scan_setup {
	uint64_t max_file_bytes; /* beyond, a file is scanned in part */
	uint64_t memory_bytes;   /* of a worker beside the rule set */
	uint64_t heavy_bytes;    /* of the one in which a target is tried alone */
	uint32_t timeout_ms;     /* for one target */
	uint32_t data_bytes;     /* kept of a matched string, <= MATCH_DATA_MAX */
	uint8_t data_mode;       /* enum data_mode */
	bool hash_all;           /* hashes of clean files too */
	bool archives;           /* members of archives are scanned, too */
	bool is_background;      /* base/background.h */
};

enum {
	SCAN_TIMEOUT_DEFAULT_MS =
	    30 * 1000,              /* half a GB at the pace of the slowest public pack */
	SCAN_TIMEOUT_MIN_MS = 1000, /* libyara counts in seconds */
	SCAN_TIMEOUT_MAX_MS = 3600 * 1000,
	SCAN_DATA_DEFAULT = 64, /* bytes */
};

/* Bytes of a file that are scanned: covers what programs and documents are. */
#define SCAN_FILE_BYTES_DEFAULT (512ull << 20)
#define SCAN_FILE_BYTES_MIN (1ull << 20)
#define SCAN_FILE_BYTES_MAX (1ull << 40)
/* Anonymous memory of a worker beside the rule set. */
#define SCAN_MEMORY_DEFAULT (64ull << 20)
/* The same for the single worker that tries what was too much for the others. */
#define SCAN_HEAVY_DEFAULT (1ull << 30)

void scan_setup_init(struct scan_setup *setup);
void scan_setup_encode(const struct scan_setup *setup, struct buf *b);
/* Check r afterwards; values out of range make it fail. */
void scan_setup_decode(struct reader *r, struct scan_setup *ret);

/* What the zygote says when its rules are ready (MSG_READY). */
struct ruleset_facts {
	uint8_t id[32];
	uint32_t n_rules;
	uint32_t n_files;     /* given */
	uint32_t n_left_out;  /* of these, not used */
	uint32_t n_in_memory; /* rules that work in the memory of processes */
	uint32_t externals;   /* mask of the externals that rules read */
	uint32_t n_indicators[INDICATOR_MAX_]; /* in use, by type; hosts are rules, too */
	uint32_t n_indicator_files;
	uint32_t n_exceptions; /* from indicators, that were read */
	bool wants_names;      /* names of what is not opened are compared */
	bool wants_processes;  /* facts of processes are compared */
	bool has_landlock;     /* workers can open no file at all */
	bool has_seccomp;
	char *engine; /* "libyara 4.2.3"; owned */
};

void ruleset_facts_clear(struct ruleset_facts *facts);
void ruleset_facts_encode(const struct ruleset_facts *facts, struct buf *b);
void ruleset_facts_decode(struct reader *r, struct ruleset_facts *ret);

#endif

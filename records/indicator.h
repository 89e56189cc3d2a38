/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_INDICATOR_H
#define MH_RECORDS_INDICATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"

/*
 * Indicators of compromise from files of many formats: what kinds there are, and
 * what the zygote tells of each file (docs/INDICATORS.md).
 *
 * INDICATOR(code, name): name is the stable word in findings.
 */
#define INDICATOR_TYPES(INDICATOR)        \
	INDICATOR(MD5, "md5")             \
	INDICATOR(SHA1, "sha1")           \
	INDICATOR(SHA256, "sha256")       \
	INDICATOR(FILE_NAME, "file-name") \
	INDICATOR(ADDRESS, "address")     \
	INDICATOR(DOMAIN, "domain")

enum indicator_type {
	INDICATOR_NONE, /* of a match: it is a rule's */
#define INDICATOR_CODE(code, name) INDICATOR_##code,
	INDICATOR_TYPES(INDICATOR_CODE)
#undef INDICATOR_CODE
	    INDICATOR_MAX_
};

/* The name of a type; static.  Asserts a type that is one. */
const char *indicator_type_name(enum indicator_type type);

/*
 * The formats that are read.  A file's is recognised by its content and name, or
 * told by one of these names: FORMAT(code, name).
 */
#define INDICATOR_FORMATS(FORMAT)          \
	FORMAT(LOKI_HASH, "loki-hash")     \
	FORMAT(LOKI_NAME, "loki-filename") \
	FORMAT(LOKI_C2, "loki-c2")         \
	FORMAT(EXCEPT_HASH, "except-hash") \
	FORMAT(EXCEPT_PATH, "except-path") \
	FORMAT(LIST, "list")               \
	FORMAT(CSV, "csv")                 \
	FORMAT(MISP_CSV, "misp-csv")       \
	FORMAT(MISP_JSON, "misp-json")     \
	FORMAT(STIX, "stix")               \
	FORMAT(OPENIOC, "openioc")

enum indicator_format {
	FORMAT_UNKNOWN,
#define INDICATOR_FORMAT_CODE(code, name) FORMAT_##code,
	INDICATOR_FORMATS(INDICATOR_FORMAT_CODE)
#undef INDICATOR_FORMAT_CODE
	    FORMAT_MAX_
};

/* The name of a format, "" of FORMAT_UNKNOWN; static. */
const char *indicator_format_name(enum indicator_format format);
/* The format of that name; FORMAT_UNKNOWN when there is none. */
enum indicator_format indicator_format_find(const char *name);

enum {
	/* Files of indicators in one rule set: the OpenIOC files of a large collection. */
	INDICATOR_FILES_MAX = 4096,
	/* Bytes of the name of a file, without its folder. */
	INDICATOR_FILE_NAME_MAX = 256,
	/* Bytes of a sentence about a line. */
	INDICATOR_WHY_MAX = 512,
	/* Lines of one file that are told as left out; the rest is counted. */
	INDICATOR_PROBLEMS_MAX = 100,
	/* Indicators that match one target and are told, the most serious first. */
	INDICATOR_MATCHES_MAX = 64,
};

/* What was read of one file (MSG_INDICATOR_FILE). */
struct indicator_file_result {
	uint8_t format;             /* enum indicator_format */
	uint32_t n[INDICATOR_MAX_]; /* used, by type */
	uint32_t n_exceptions;      /* hashes and paths that are never told */
	uint32_t n_combined; /* that need several things at once, also counted in n */
	uint32_t n_left_out; /* lines or indicators that could not be used */
	uint32_t n_expired;  /* their time is over */
	uint32_t n_revoked;  /* taken back by who published them */
	uint32_t n_not_for_detection; /* MISP: to_ids is not set */
	uint32_t n_other; /* of types that are no indicators of files or processes */
	char *why;        /* the file as a whole could not be read, or ""; owned */
};

void indicator_file_result_clear(struct indicator_file_result *f);
void indicator_file_result_encode(const struct indicator_file_result *f, struct buf *b);
/* Check r afterwards; clear *ret in any case. */
void indicator_file_result_decode(struct reader *r, struct indicator_file_result *ret);

/*
 * Bytes of the table that a zygote makes of files of so many bytes together.  Most
 * of it stays a hole: each kind of hash has room for all.
 */
uint64_t indicator_table_bytes(uint64_t text_bytes);
/* The other way round: bytes of text that a table of that size is for. */
uint64_t indicator_text_bytes(uint64_t table_bytes);

#endif

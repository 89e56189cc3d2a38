/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_SET_H
#define MH_SIGNATURES_INDICATOR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/indicator.h"
#include "signatures/indicator_addresses.h"
#include "signatures/indicator_expression.h"

/*
 * All indicators that are in use, and what they match.
 *
 * Made in the zygote from files (signatures/indicator_load.h), sealed before its
 * sandbox closes, used by the workers, which are forked from it.
 */
struct indicator_set;

/* fd and reader as for indicator_table_new(), borrowed until the set is sealed. */
mh_err indicator_set_new(int fd, int reader, struct indicator_set **ret) MH_CHECKED;
void indicator_set_free(struct indicator_set *s);
MH_DEFINE_CLEANUP(struct indicator_set, indicator_set_free);

/* What goes with an indicator.  Borrowed. */
struct indicator_facts {
	uint16_t file; /* of indicator_set_add_file() */
	uint32_t line;
	int score; /* 0..100; less than 0: the default of its type */
	const char *comment, *id, *event, *reference; /* or NULL */
};

/* Score of an indicator whose list has none. */
enum {
	SCORE_HASH = 100,
	SCORE_NAME = 60,
	SCORE_ADDRESS = 75,
	SCORE_DOMAIN = 60,     /* in memory: names stand in lists and histories, too */
	SCORE_DOMAIN_MAX = 60, /* whatever its list says */
};

/*
 * A file of that namespace begins; its number.  Errors: MH_ERR_FULL
 * (INDICATOR_FILES_MAX).
 */
mh_err indicator_set_add_file(struct indicator_set *s, const char *name_space,
    uint16_t *ret) MH_CHECKED;

/*
 * Add an indicator.  Errors: MH_ERR_INVALID (*ret_why, new, says why it is none),
 * MH_ERR_FULL (a limit; *ret_why says which).  The set is as before then.
 */
mh_err indicator_set_add_hash(struct indicator_set *s, const char *hex, bool is_exception,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
    MH_CHECKED;
mh_err indicator_set_add_name(struct indicator_set *s, enum name_kind kind,
    const char *text, bool is_caseless, const char *except,
    const struct indicator_facts *facts, char **ret_why) MH_CHECKED;
/* A path at which nothing is told. */
mh_err indicator_set_add_exception(struct indicator_set *s, const char *regex,
    char **ret_why) MH_CHECKED;
mh_err indicator_set_add_address(struct indicator_set *s, const char *text,
    const struct indicator_facts *facts, char **ret_why) MH_CHECKED;
mh_err indicator_set_add_domain(struct indicator_set *s, const char *text,
    const struct indicator_facts *facts, char **ret_why) MH_CHECKED;
/* Several things at once. */
mh_err indicator_set_add_way(struct indicator_set *s, const struct way *way,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
    MH_CHECKED;

/* Errors: MH_ERR_SYSTEM, MH_ERR_FULL. */
mh_err indicator_set_seal(struct indicator_set *s) MH_CHECKED;

/* Of each type that is in use, how many. */
uint32_t indicator_set_n(const struct indicator_set *s, enum indicator_type type);
/* Whether files have to be hashed so: some list, or some tree, has such hashes. */
bool indicator_set_wants_hash(const struct indicator_set *s, enum indicator_type type);
bool indicator_set_has_names(const struct indicator_set *s);

/*
 * Rules for the memory of processes, one for each name of a host in a file: YARA text,
 * new; NULL when the file has none.
 */
char *indicator_set_rules(const struct indicator_set *s, uint16_t file);
uint16_t indicator_set_n_files(const struct indicator_set *s);
const char *indicator_set_name_space(const struct indicator_set *s, uint16_t file);

/* What is compared: a file, a folder, a process.  Borrowed. */
struct indicator_subject {
	const char *path; /* "" for none */
	bool has_size;
	uint64_t size;
	const uint8_t *digests[INDICATOR_MAX_]; /* by type of hash; NULL: not known */
};

/* What matched.  Borrowed until the next call. */
struct indicator_hit {
	enum indicator_type type;
	const char *value;
	const char *name_space;
	uint32_t line;
	unsigned score;
	const char *details; /* see indicator_detail() */
	bool is_repeated;    /* in other lines or lists, too */
	bool is_combined;    /* and what else its tree asks for */
};
typedef void indicator_hit_fn(void *ctx, const struct indicator_hit *hit);

/* The detail of a hit: 'c' comment, 'i' id, 'e' event, 'r' reference; new, or NULL. */
char *indicator_detail(const struct indicator_hit *hit, char which);

/*
 * Compare; false when some expression of a name took too long, so that not all were.
 */
bool indicator_set_match(struct indicator_set *s, const struct indicator_subject *subject,
    indicator_hit_fn *on_hit, void *ctx) MH_CHECKED;
/* The other side of a socket. */
void indicator_set_match_socket(const struct indicator_set *s, uint8_t family,
    const uint8_t *address, uint16_t port, indicator_hit_fn *on_hit, void *ctx);

/* Bytes of the mapped table that are used. */
uint64_t indicator_set_table_bytes(const struct indicator_set *s);

#endif

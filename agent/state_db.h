/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_STATE_DB_H
#define MH_AGENT_STATE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/clean_table.h"
#include "base/buf.h"
#include "base/error.h"

/*
 * What the resident agent remembers beside its spool: what was clean, how far a
 * scan is, when the schedule was last served, floors of policies.  SQLite in
 * STATE/agent/state.db, mode 0600.
 *
 * It may lose its last seconds at a power failure (synchronous=NORMAL), never
 * become wrong: what is clean is put here after the spool has stored the verdict,
 * so a loss only means that something is read again.  A put that changes nothing
 * writes nothing to the disk.
 *
 * All functions may block for the disk.  Errors, where nothing else is said:
 * MH_ERR_FULL (disk), MH_ERR_CORRUPT (damaged: close, and open again),
 * MH_ERR_STORE; state_db_why() has SQLite's words.
 */
enum {
	STATE_ASIDE_MAX = 2,           /* databases that were set aside and are kept */
	STATE_NAME_MAX = 128,          /* bytes: of schedule entries, profiles, scans */
	STATE_KEY_ID_BYTES = 8,        /* of a minisign key */
	STATE_CURSOR_MAX = 128 * 1024, /* bytes: a path and which root it is below */
	/* Bytes of a coverage with COVERAGE_PATHS_MAX paths of ordinary length. */
	STATE_COVERAGE_MAX = 16 * 1024 * 1024,
};

struct state_db;

struct state_opening {
	char
	    *aside; /* where a database that was no good was put, or NULL; caller frees */
	bool was_later; /* it was written by a later version, not damaged */
	bool is_new;    /* floors of policies are not known: it was made now */
};

/*
 * Open or make the database.  One that is damaged, or that a later version wrote,
 * is renamed to PATH.damaged-TIME or PATH.later-TIME with its journal, and a new
 * one is begun; of these the newest STATE_ASIDE_MAX are kept.  max_clean: rows of
 * clean files, the oldest go first.  Errors also: MH_ERR_SYSTEM.
 */
mh_err state_db_open(const char *path, uint64_t max_clean, int64_t now_ms,
    struct state_db **ret, struct state_opening *ret_opening) MH_CHECKED;
void state_db_close(struct state_db *db);
MH_DEFINE_CLEANUP(struct state_db, state_db_close);
const char *state_db_why(const struct state_db *db);

/* The secret of clean tables, drawn when the database was made; borrowed. */
const uint8_t *state_db_secret(const struct state_db *db);

/*
 * Remember n hashes (clean_table_hash()) of that context as clean since day, in
 * one transaction.  Only after the spool stored the verdicts.
 */
mh_err state_clean_put(struct state_db *db, const uint8_t context[CLEAN_CONTEXT_BYTES],
    uint32_t day, const uint64_t *hashes, size_t n) MH_CHECKED;
/* Add what is remembered of that context to t; MH_ERR_FULL when t is too small. */
mh_err state_clean_load(struct state_db *db, const uint8_t context[CLEAN_CONTEXT_BYTES],
    struct clean_table *t) MH_CHECKED;
/* Forget what was read before that day: its term is over. */
mh_err state_clean_expire(struct state_db *db, uint32_t day) MH_CHECKED;
uint64_t state_clean_count(const struct state_db *db);

/*
 * A number by its name of at most STATE_NAME_MAX bytes (else MH_ERR_TOOBIG), as
 * "handled_ms/ENTRY" of the schedule or "paused_until_ms".  MH_ERR_NOTFOUND.
 */
mh_err state_number_put(struct state_db *db, const char *name, int64_t v) MH_CHECKED;
mh_err state_number_get(struct state_db *db, const char *name, int64_t *ret) MH_CHECKED;
mh_err state_number_drop(struct state_db *db, const char *name) MH_CHECKED;

/* The scan under way, of which there is one at most. */
struct state_running {
	char uid[STATE_NAME_MAX + 1], profile[STATE_NAME_MAX + 1];
	int64_t started_ms;
	int64_t since_ms; /* files that changed since; 0 for all */
	uint32_t phase;   /* the caller's */
	uint32_t n_restarts;
	struct buf *cursor; /* at most STATE_CURSOR_MAX; owned by the caller */
	struct buf
	    *coverage; /* coverage_encode(), at most STATE_COVERAGE_MAX; the same */
};

mh_err state_running_put(struct state_db *db, const struct state_running *r) MH_CHECKED;
/* Appends to cursor and coverage of ret, which the caller made.  MH_ERR_NOTFOUND. */
mh_err state_running_get(struct state_db *db, struct state_running *ret) MH_CHECKED;
mh_err state_running_drop(struct state_db *db) MH_CHECKED;

/*
 * The highest version of a policy that was accepted under a key; 0 for none.
 * Raising to a lower one is MH_ERR_EXPIRED and changes nothing.
 */
mh_err state_floor_get(struct state_db *db, const uint8_t key_id[STATE_KEY_ID_BYTES],
    uint64_t *ret) MH_CHECKED;
mh_err state_floor_raise(struct state_db *db, const uint8_t key_id[STATE_KEY_ID_BYTES],
    uint64_t version) MH_CHECKED;

#endif

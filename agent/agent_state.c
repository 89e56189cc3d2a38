/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent remembers beside its spool: which files were clean, and how far a
 * scan is.  Losing it costs work, never a finding.
 *
 * Runs in: agent.
 * Input: the state database, which is the agent's own.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "agent/state_db.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "build_info.h"

enum {
	DAY_MS = 86400 * 1000,
	PARTLY_MAX = 65536, /* files larger than scan.max_file_size */
};

/* A database that fails is closed, and opened again after a while. */
enum { STATE_RETRY_MS = 60 * 1000 };

static uint32_t
day_of(int64_t real_ms)
{
	return real_ms > 0 ? (uint32_t)(real_ms / DAY_MS) : 0;
}

static void
open_state(struct agent *a)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/agent/state.db", a->state);
	struct state_opening opening = { 0 };
	mh_err err = state_db_open(path, a->config.cache_max_entries, clock_real_ms(),
	    &a->db, &opening);

	if (opening.aside != NULL)
		log_err("state",
		    "the database %s and is kept as %s; what was clean is read again",
		    opening.was_later ? "was written by a later version" : "was damaged",
		    opening.aside);
	free(opening.aside);
	a->db_retry_ms = clock_monotonic_ms() + STATE_RETRY_MS;
	if (err == MH_OK)
		return;
	a->db = NULL;
	if (!a->is_db_trouble_told)
		log_err_r(err, "state", "%s: nothing is remembered", path);
	a->is_db_trouble_told = true;
}

/* After a failure: what is lost is work. */
static void
drop_state(struct agent *a, const char *what)
{
	log_warn("state", "%s: %s", what, state_db_why(a->db));
	state_db_close(a->db);
	a->db = NULL;
}

void
agent_state_open(struct agent *a)
{
	open_state(a);
}

void
agent_state_close(struct agent *a)
{
	clean_table_free(a->clean);
	clean_table_free(a->partly);
	a->clean = a->partly = NULL;
	state_db_close(a->db);
	a->db = NULL;
}

/* What results depend on: rules, scanner, and the options that change them. */
static void
context_of(const struct agent *a, uint8_t ret[CLEAN_CONTEXT_BYTES])
{
	const struct agent_config *c = &a->config;
	MH_CLEANUP(freep)
	char *options = xasprintf("%s %llu %llu %d", MH_VERSION,
	    (unsigned long long)c->scan_max_file_bytes,
	    (unsigned long long)c->scan_timeout_ms, c->scan_archives);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *engine = a->rules->facts.engine;

	memset(ret, 0, CLEAN_CONTEXT_BYTES);
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, a->rules->facts.id, sizeof(a->rules->facts.id)) != 1 ||
	    EVP_DigestUpdate(ctx, engine, strlen(engine)) != 1 ||
	    EVP_DigestUpdate(ctx, options, strlen(options)) != 1 ||
	    EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		memset(ret, 0, CLEAN_CONTEXT_BYTES);
	EVP_MD_CTX_free(ctx);
}

/*
 * For how many files the table is made: hashes lie in it by chance, so that all of its
 * pages are in memory soon, however few there are.
 */
static uint64_t
clean_room(const struct agent *a)
{
	uint64_t n = state_clean_count(a->db);
	uint64_t room = n + n / 2 + CLEAN_ROOM_MIN;

	return room < a->config.cache_max_entries ? room : a->config.cache_max_entries;
}

void
agent_clean_load(struct agent *a)
{
	uint32_t today = day_of(clock_real_ms());
	unsigned reread_days = (unsigned)(a->config.cache_reread_ms / (uint64_t)DAY_MS);

	clean_table_free(a->clean);
	clean_table_free(a->partly);
	a->clean = a->partly = NULL;
	if (!a->config.cache_enabled || a->db == NULL || !a->rules->is_ready)
		return;
	context_of(a, a->clean_context);
	a->clean_room = clean_room(a);
	mh_err err = clean_table_new(a->clean_room, reread_days, state_db_secret(a->db),
	    a->clean_context, &a->clean);
	if (err != MH_OK) {
		log_err_r(err, "state", "no table of clean files");
		return;
	}
	memcpy(a->partly_context, a->clean_context, sizeof(a->partly_context));
	a->partly_context[0] ^= 0xff;
	err = clean_table_new(PARTLY_MAX, reread_days, state_db_secret(a->db),
	    a->partly_context, &a->partly);
	if (err == MH_OK)
		err = state_clean_load(a->db, a->partly_context, a->partly);
	if (err == MH_OK && today > reread_days)
		err = state_clean_expire(a->db, today - reread_days);
	if (err == MH_OK)
		err = state_clean_load(a->db, a->clean_context, a->clean);
	if (err != MH_OK && err != MH_ERR_FULL)
		drop_state(a, "what was clean");
	else
		log_info("state", "%llu files are known as clean",
		    (unsigned long long)clean_table_count(a->clean));
}

int
agent_clean_fd(const struct agent *a)
{
	return a->clean != NULL ? clean_table_fd(a->clean) : -1;
}

bool
agent_clean_hash(const struct agent *a, const struct target *t, int64_t began_ms,
    uint64_t *ret)
{
	struct clean_key key = clean_key_of(t);

	if (a->clean == NULL || !clean_may_cache(t, began_ms * 1000000))
		return false;
	*ret = clean_table_hash(a->clean, &key, day_of(began_ms));
	return true;
}

void
agent_partly_add(struct agent *a, const struct target *t, int64_t began_ms)
{
	struct clean_key key = clean_key_of(t);

	if (a->partly == NULL || !clean_may_cache(t, began_ms * 1000000))
		return;
	uint32_t day = day_of(began_ms);
	uint64_t hash = clean_table_hash(a->partly, &key, day);

	if (clean_table_has_hash(a->partly, hash) ||
	    clean_table_add(a->partly, hash) != MH_OK)
		return;
	if (a->db != NULL &&
	    state_clean_put(a->db, a->partly_context, day, &hash, 1) != MH_OK)
		drop_state(a, "what was scanned in part");
}

bool
agent_partly_knows(const struct agent *a, const struct target *t)
{
	struct clean_key key = clean_key_of(t);

	return a->partly != NULL &&
	       clean_table_has(a->partly, &key, day_of(clock_real_ms()));
}

void
agent_clean_add(struct agent *a, const uint64_t *hashes, size_t n)
{
	if (a->clean == NULL || n == 0)
		return;
	bool is_full = false;

	for (size_t i = 0; i < n; i++)
		is_full |= clean_table_add(a->clean, hashes[i]) == MH_ERR_FULL;
	if (a->db != NULL && state_clean_put(a->db, a->clean_context,
				 day_of(clock_real_ms()), hashes, n) != MH_OK)
		drop_state(a, "what was clean");
	/* A larger one, with what the database knows; who has the old one reads again
	 * what is not in it. */
	else if (is_full && a->db != NULL &&
		 a->clean_room < a->config.cache_max_entries) {
		agent_clean_load(a);
		agent_watch_on_new_clean(a);
	}
}

void
agent_state_tick(struct agent *a, int64_t now_ms)
{
	if (a->db != NULL || now_ms < a->db_retry_ms)
		return;
	open_state(a);
	if (a->db == NULL)
		return;
	a->is_db_trouble_told = false;
	agent_clean_load(a);
}

void
agent_state_save_run(struct agent *a, const struct run *run,
    const struct scan_place *place, const struct coverage *coverage)
{
	MH_CLEANUP(buf_freep) struct buf *cursor = buf_new(STATE_CURSOR_MAX);
	MH_CLEANUP(buf_freep) struct buf *bytes = buf_new(STATE_COVERAGE_MAX);
	struct state_running r = {
		.started_ms = run->started_ms,
		.phase = place->is_in_files,
		.n_restarts = run->n_resumed,
		.cursor = cursor,
		.coverage = bytes,
	};

	if (a->db == NULL || strlen(run->name) > STATE_NAME_MAX)
		return;
	memcpy(r.uid, run->uid, sizeof(run->uid));
	memcpy(r.profile, run->name, strlen(run->name) + 1);
	buf_put(cursor, run->fingerprint, sizeof(run->fingerprint));
	buf_put_u64(cursor, run->due_ms > 0 ? (uint64_t)run->due_ms : 0);
	buf_put_u64(cursor, place->root);
	buf_put_string(cursor, place->cursor);
	coverage_encode(coverage, bytes);
	/* A place that does not fit is not kept: the scan would begin again. */
	if (buf_error(cursor) != MH_OK || buf_error(bytes) != MH_OK)
		return;
	if (state_running_put(a->db, &r) != MH_OK)
		drop_state(a, "the scan under way");
}

void
agent_state_drop_run(struct agent *a)
{
	if (a->db != NULL && state_running_drop(a->db) != MH_OK)
		drop_state(a, "the scan under way");
}

/* False: what is there is no place. */
static bool
decode_run(const struct state_running *r, struct saved_run *ret)
{
	struct reader at;
	struct reader seen;

	reader_init(&at, buf_data(r->cursor), buf_len(r->cursor));
	const uint8_t *mark = reader_raw(&at, sizeof(ret->fingerprint));

	if (mark != NULL)
		memcpy(ret->fingerprint, mark, sizeof(ret->fingerprint));
	ret->due_ms = (int64_t)reader_u64(&at);
	ret->place.root = reader_u64(&at);
	ret->place.cursor = reader_string(&at, PATH_BYTES_MAX);
	reader_init(&seen, buf_data(r->coverage), buf_len(r->coverage));
	coverage_decode(&seen, &ret->coverage);
	return reader_is_done(&at) && reader_is_done(&seen);
}

bool
agent_state_load_run(struct agent *a, struct saved_run *ret)
{
	MH_CLEANUP(buf_freep) struct buf *cursor = buf_new(STATE_CURSOR_MAX);
	MH_CLEANUP(buf_freep) struct buf *bytes = buf_new(STATE_COVERAGE_MAX);
	struct state_running r = { .cursor = cursor, .coverage = bytes };

	memset(ret, 0, sizeof(*ret));
	if (a->db == NULL || state_running_get(a->db, &r) != MH_OK)
		return false;
	ret->profile = xstrdup(r.profile);
	ret->started_ms = r.started_ms;
	ret->n_resumed = r.n_restarts;
	ret->place.is_in_files = r.phase != 0;
	if (strlen(r.uid) < sizeof(ret->uid) && decode_run(&r, ret)) {
		memcpy(ret->uid, r.uid, strlen(r.uid) + 1);
		return true;
	}
	saved_run_clear(ret);
	return false;
}

void
saved_run_clear(struct saved_run *s)
{
	free(s->profile);
	scan_place_clear(&s->place);
	coverage_clear(&s->coverage);
	memset(s, 0, sizeof(*s));
}

void
agent_schedule_secret(const struct agent *a, uint8_t ret[SCHEDULE_SECRET_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	/* Known to this machine alone where there is a database, its own in any case. */
	memset(ret, 0, SCHEDULE_SECRET_BYTES);
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    (a->db != NULL &&
		EVP_DigestUpdate(ctx, state_db_secret(a->db), SIPHASH_KEY_BYTES) != 1) ||
	    EVP_DigestUpdate(ctx, a->host.machine_id, strlen(a->host.machine_id)) != 1 ||
	    EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		memset(ret, 0, SCHEDULE_SECRET_BYTES);
	EVP_MD_CTX_free(ctx);
}

int64_t
agent_state_number(struct agent *a, const char *name)
{
	int64_t v = 0;

	if (a->db == NULL || state_number_get(a->db, name, &v) != MH_OK)
		return 0;
	return v;
}

void
agent_state_set_number(struct agent *a, const char *name, int64_t v)
{
	if (a->db != NULL && state_number_put(a->db, name, v) != MH_OK)
		drop_state(a, name);
}

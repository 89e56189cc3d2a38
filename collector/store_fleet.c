/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's half about agents, tokens and certificates. */
#include <string.h>

#include "collector/store_internal.h"

mh_err
store_token_add(struct store *st, const uint8_t digest[DIGEST_BYTES], const char *note,
    int64_t now_ms, int64_t expires_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_TOKEN_ADD);

	bind_blob(stmt, 1, digest, DIGEST_BYTES);
	bind_text(stmt, 2, note);
	bind_int(stmt, 3, now_ms);
	bind_int(stmt, 4, expires_ms);
	return store_run(st, stmt);
}

/* One token as it is stored. */
struct token_row {
	bool found;
	char agent[UUID_TEXT_LEN]; /* "" before it was bound */
	int64_t expires_ms, used_ms;
	unsigned labels; /* bits */
};

static mh_err
find_token(struct store *st, const uint8_t digest[DIGEST_BYTES], struct token_row *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_TOKEN_FIND);
	mh_err err = MH_OK;

	memset(ret, 0, sizeof(*ret));
	bind_blob(stmt, 1, digest, DIGEST_BYTES);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		ret->found = true;
		(void)strncpy(ret->agent, column_text(stmt, 0), UUID_TEXT_LEN - 1);
		ret->expires_ms = sqlite3_column_int64(stmt, 1);
		ret->used_ms = sqlite3_column_int64(stmt, 2);
		ret->labels = (unsigned)sqlite3_column_int(stmt, 3);
	} else if (rc != SQLITE_DONE) {
		err = store_err(st);
	}
	(void)sqlite3_reset(stmt);
	return err;
}

static enum token_state
judge_token(const struct token_row *t, enum certificate_label label, int64_t now_ms)
{
	if (!t->found)
		return TOKEN_UNKNOWN;
	if ((t->labels & 1u << label) != 0)
		return TOKEN_USED;
	if (now_ms >= t->expires_ms ||
	    (t->used_ms != 0 && now_ms >= t->used_ms + TOKEN_GRACE_MS))
		return TOKEN_EXPIRED;
	return TOKEN_GOOD;
}

static mh_err
bind_token(struct store *st, const uint8_t digest[DIGEST_BYTES], struct token_row *t)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_TOKEN_BIND);
	char agent[UUID_TEXT_LEN];

	uuid_new(agent);
	bind_blob(stmt, 1, digest, DIGEST_BYTES);
	bind_text(stmt, 2, agent);

	mh_err err = store_run(st, stmt);

	/* Whoever came first has bound it: read what it is now. */
	return err == MH_OK ? find_token(st, digest, t) : err;
}

mh_err
store_token_check(struct store *st, const uint8_t digest[DIGEST_BYTES],
    enum certificate_label label, int64_t now_ms, enum token_state *ret_state,
    char ret_agent[UUID_TEXT_LEN])
{
	struct token_row t;
	mh_err err = find_token(st, digest, &t);

	if (err == MH_OK && judge_token(&t, label, now_ms) == TOKEN_GOOD &&
	    t.agent[0] == 0)
		err = bind_token(st, digest, &t);
	if (err != MH_OK)
		return err;
	*ret_state = judge_token(&t, label, now_ms);
	if (*ret_state == TOKEN_GOOD)
		memcpy(ret_agent, t.agent, UUID_TEXT_LEN);
	return MH_OK;
}

static mh_err
use_token(struct store *st, const struct store_certificate *c, const uint8_t *digest)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_TOKEN_USE);

	bind_blob(stmt, 1, digest, DIGEST_BYTES);
	bind_int(stmt, 2, 1 << c->label);
	bind_int(stmt, 3, c->issued_ms);

	mh_err err = store_run(st, stmt);

	if (err == MH_OK && sqlite3_changes(st->db) == 0)
		return MH_ERR_EXISTS;
	return err;
}

static mh_err
add_agent(struct store *st, const struct store_certificate *c)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_ADD);

	bind_text(stmt, 1, c->agent);
	bind_int(stmt, 2, c->issued_ms);
	return store_run(st, stmt);
}

static mh_err
add_certificate(struct store *st, const struct store_certificate *c)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_CERTIFICATE_ADD);

	bind_text(stmt, 1, c->agent);
	bind_text(stmt, 2, certificate_label_name(c->label));
	bind_int(stmt, 3, c->issued_ms);
	bind_int(stmt, 4, c->not_after_ms);
	bind_blob(stmt, 5, c->der, c->len);
	return store_run(st, stmt);
}

mh_err
store_certificate_add(struct store *st, const struct store_certificate *c,
    const uint8_t *token_digest)
{
	mh_err err = store_save(st);

	if (err != MH_OK)
		return err;
	if (token_digest != NULL)
		err = use_token(st, c, token_digest);
	if (err == MH_OK)
		err = add_agent(st, c);
	if (err == MH_OK)
		err = add_certificate(st, c);
	return store_settle(st, err);
}

mh_err
store_certificates_since(struct store *st, const char *agent, int64_t since_ms,
    uint64_t *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_CERTIFICATES_SINCE);
	mh_err err = MH_OK;

	bind_text(stmt, 1, agent);
	bind_int(stmt, 2, since_ms);
	if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
	else
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_agent_revoke(struct store *st, const char *agent, int64_t now_ms)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_REVOKE);

	bind_text(stmt, 1, agent);
	bind_int(stmt, 2, now_ms);

	mh_err err = store_run(st, stmt);
	struct agent_past past;

	if (err == MH_OK && sqlite3_changes(st->db) == 0)
		return MH_ERR_NOTFOUND;
	/* Who may not report is not silent. */
	if (err == MH_OK)
		err = store_past_load(st, agent, "", &past);
	return err == MH_OK ? store_alarm_end(st, ALARM_SILENCE, past.id, "", 0, now_ms)
			    : err;
}

static mh_err
each_agent(struct store *st, sqlite3_stmt *stmt, store_agent_fn *fn, void *arg)
{
	int rc = SQLITE_ERROR;

	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct store_agent a = {
			.agent = column_text(stmt, 0),
			.enrolled_ms = sqlite3_column_int64(stmt, 1),
			.seen_ms = sqlite3_column_int64(stmt, 2),
			.revoked_ms = sqlite3_column_int64(stmt, 3),
			.hostname = column_text(stmt, 4),
			.os = column_text(stmt, 5),
			.version = column_text(stmt, 6),
			.n_reports = (uint64_t)sqlite3_column_int64(stmt, 7),
			.n_findings = (uint64_t)sqlite3_column_int64(stmt, 8),
			.n_alarms = (uint64_t)sqlite3_column_int64(stmt, 9),
			.alarms = column_text(stmt, 10),
		};

		fn(&a, arg);
	}

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_agents_each(struct store *st, store_agent_fn *fn, void *arg)
{
	return each_agent(st, store_statement(st, SQL_AGENTS), fn, arg);
}

mh_err
store_agent_find(struct store *st, const char *agent, store_agent_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_GET);

	bind_text(stmt, 1, agent);
	return each_agent(st, stmt, fn, arg);
}

mh_err
store_certificates_each(struct store *st, store_certificate_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_CERTIFICATES);
	int rc = SQLITE_ERROR;

	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct store_certificate c = {
			.agent = column_text(stmt, 1),
			.label = strcmp(column_text(stmt, 2),
				     certificate_label_name(LABEL_TLS)) == 0
				     ? LABEL_TLS
				     : LABEL_SIGNING,
			.der = sqlite3_column_blob(stmt, 4),
			.len = (size_t)sqlite3_column_bytes(stmt, 4),
			.not_after_ms = sqlite3_column_int64(stmt, 3),
		};

		fn(&c, arg);
	}

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

mh_err
store_revoked_each(struct store *st, store_revoked_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_REVOKED);
	int rc = SQLITE_ERROR;

	while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		fn(column_text(stmt, 0), arg);

	mh_err err = rc == SQLITE_DONE ? MH_OK : store_err(st);

	(void)sqlite3_reset(stmt);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: hostile until its signature is good, trusted then, but full of mistakes.
 */
#include "agent/policy.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"

/* The configuration comes first: rows and checks of it hold for both. */
struct policy_values {
	struct agent_config config;
	char *id, *issued, *expires;
	uint64_t version;
};

/* What a fleet may decide for its machines: names, and sections with a dot. */
static const char *const settable[] = { "policy.id", "policy.version", "policy.issued",
	"policy.expires", "overrides", "profiles", "schedule", "scan.exclude",
	"scan.max_file_size", "scan.timeout", "watch.", "pause.", "limits.memory" };

bool
policy_may_set(const struct setting *row)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(settable); i++) {
		size_t len = strlen(settable[i]);
		bool is_section = settable[i][len - 1] == '.';

		if (is_section ? strncmp(row->name, settable[i], len) == 0
			       : strcmp(row->name, settable[i]) == 0)
			return true;
	}
	return false;
}

static char *
check_id(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-");

	return text[len] == 0 ? NULL : xstrdup("letters, digits, and ._- only");
}

static char *
check_time(const char *text)
{
	int64_t unused = 0;

	return clock_parse(text, &unused) == MH_OK
		   ? NULL
		   : xstrdup("write a time in UTC as 2026-11-23T16:00:00Z");
}

#define AT(field) offsetof(struct policy_values, field)

static const struct setting own_rows[] = {
	{ "policy.id", SETTING_STRING, AT(id), .min = 1, .max = POLICY_ID_MAX,
	    .required = true, .check = check_id, .help = "Its name." },
	{ "policy.version", SETTING_INTEGER, AT(version), .min = 1, .max = INT64_MAX,
	    .required = true, .help = "Higher than of any policy before." },
	{ "policy.issued", SETTING_STRING, AT(issued), .min = 1, .max = 64,
	    .required = true, .check = check_time, .help = "When it was made." },
	{ "policy.expires", SETTING_STRING, AT(expires), .min = 1, .max = 64,
	    .required = true, .check = check_time,
	    .help = "From then on nobody has to take it any more." },
};

/* Those of the agent and our own.  rows is freed by the caller. */
static struct settings_schema
make_schema(struct setting **ret_rows)
{
	const struct settings_schema *agent = &agent_config_schema;
	struct setting *rows = xcalloc(agent->n + MH_ARRAY_LEN(own_rows), sizeof(*rows));

	memcpy(rows, agent->rows, agent->n * sizeof(*rows));
	memcpy(rows + agent->n, own_rows, sizeof(own_rows));
	*ret_rows = rows;
	return (struct settings_schema){ rows, agent->n + MH_ARRAY_LEN(own_rows),
		sizeof(struct policy_values), agent->check };
}

void
policy_facts_clear(struct policy_facts *f)
{
	free(f->id);
	memset(f, 0, sizeof(*f));
}

bool
policy_is_expired(const struct policy_facts *f, int64_t now_ms)
{
	return now_ms >= f->expires_ms;
}

static mh_err
check_signature(const struct policy_file *file, const struct minisign_key *key,
    char **ret_why)
{
	const struct minisign_signed s = { file->text, file->len, file->signature,
		file->signature_len };
	mh_err err = MH_OK;

	if (file->len > POLICY_BYTES_MAX) {
		*ret_why = xasprintf("policy: larger than %d bytes", POLICY_BYTES_MAX);
		return MH_ERR_TOOBIG;
	}
	err = minisign_verify(key, &s, NULL);
	if (err == MH_ERR_NOTFOUND)
		*ret_why = xstrdup("policy: signed with another key than policy.key");
	else if (err == MH_ERR_FORMAT)
		*ret_why = xstrdup("policy: what came beside it is no signature file");
	else if (err != MH_OK)
		*ret_why = xasprintf("policy: signature: %s", mh_strerror(err));
	return err;
}

static mh_err
check_version(const struct policy_facts *f, const struct policy_trust *trust,
    char **ret_why)
{
	if (f->version < trust->floor) {
		*ret_why = xasprintf("policy %s: version %" PRIu64
				     " is older than %" PRIu64 ", which was accepted",
		    f->id, f->version, trust->floor);
		return MH_ERR_DENIED;
	}
	if (f->version == trust->floor && trust->in_force != NULL &&
	    memcmp(f->sha256, trust->in_force, sizeof(f->sha256)) != 0) {
		*ret_why = xasprintf("policy %s: version %" PRIu64
				     " was accepted with another content: give a "
				     "change a higher version",
		    f->id, f->version);
		return MH_ERR_EXISTS;
	}
	return MH_OK;
}

static mh_err
check_times(const struct policy_facts *f, const struct policy_trust *trust,
    char **ret_why)
{
	char text[CLOCK_TEXT_LEN];

	if (trust->is_kept)
		return MH_OK;
	if (policy_is_expired(f, trust->now_ms)) {
		clock_format(f->expires_ms, text);
		*ret_why = xasprintf("policy %s: it expired at %s", f->id, text);
		return MH_ERR_EXPIRED;
	}
	if (f->issued_ms - POLICY_AHEAD_MAX_MS > trust->now_ms) {
		clock_format(f->issued_ms, text);
		*ret_why = xasprintf("policy %s: it was issued at %s, which is in the "
				     "future: is the clock right?",
		    f->id, text);
		return MH_ERR_AGAIN;
	}
	return MH_OK;
}

static mh_err
fill_facts(const struct policy_file *file, const struct policy_values *v,
    struct policy_facts *ret, char **ret_why)
{
	unsigned len = 0;
	mh_err err = clock_parse(v->issued, &ret->issued_ms);

	if (err == MH_OK)
		err = clock_parse(v->expires, &ret->expires_ms);
	if (err != MH_OK)
		return MH_ERR_INVALID; /* the rows have checked it */
	if (ret->expires_ms <= ret->issued_ms) {
		*ret_why = xasprintf("policy %s: it expires before it is issued", v->id);
		return MH_ERR_INVALID;
	}
	if (EVP_Digest(file->text, file->len, ret->sha256, &len, EVP_sha256(), NULL) !=
	    1) {
		*ret_why = xstrdup("policy: SHA-256 is not available");
		return MH_ERR_CRYPTO;
	}
	ret->version = v->version;
	ret->id = xstrdup(v->id);
	return MH_OK;
}

mh_err
policy_open(const struct policy_file *file, const struct policy_trust *trust,
    const struct agent_config *local, struct agent_config *ret_merged,
    struct policy_facts *ret_facts, char **ret_why)
{
	const struct policy_values base = { .config = *local };
	const struct settings_layer layer = { &base, policy_may_set,
		"may not be set by a policy: it stays with the machine" };
	struct policy_values values;
	struct policy_facts facts = { .id = NULL };
	MH_CLEANUP(freep) struct setting *rows = NULL;
	const struct settings_schema schema = make_schema(&rows);
	mh_err err = check_signature(file, trust->key, ret_why);

	if (err == MH_OK)
		err = settings_parse_over(&schema, "policy.yaml", file->text, file->len,
		    &layer, &values, ret_why);
	if (err != MH_OK)
		return err;
	err = fill_facts(file, &values, &facts, ret_why);
	if (err == MH_OK)
		err = check_version(&facts, trust, ret_why);
	if (err == MH_OK)
		err = check_times(&facts, trust, ret_why);
	if (err == MH_OK) {
		settings_copy(&agent_config_schema, &values.config, ret_merged);
		*ret_facts = facts;
	} else {
		policy_facts_clear(&facts);
	}
	settings_clear(&schema, &values);
	return err;
}

static const char *const names[] = { "policy.yaml", "policy.yaml.new" };
static_assert(MH_ARRAY_LEN(names) == POLICY_COPY_MAX_, "a name for each copy");

static char *
text_path(const char *folder, enum policy_copy copy)
{
	return xasprintf("%s/%s", folder, names[copy]);
}

static char *
signature_path(const char *folder, enum policy_copy copy)
{
	return xasprintf("%s/%s.minisig", folder, names[copy]);
}

static mh_err
write_copy(const char *folder, enum policy_copy copy, const struct policy_file *file)
{
	MH_CLEANUP(freep) char *text = text_path(folder, copy);
	MH_CLEANUP(freep) char *signature = signature_path(folder, copy);
	mh_err err = file_write_durably(text, file->text, file->len, 0600);

	if (err == MH_OK)
		err = file_write_durably(signature, file->signature, file->signature_len,
		    0600);
	return err;
}

static mh_err
remove_copy(const char *folder, enum policy_copy copy)
{
	MH_CLEANUP(freep) char *text = text_path(folder, copy);
	MH_CLEANUP(freep) char *signature = signature_path(folder, copy);

	if ((unlink(text) < 0 && errno != ENOENT) ||
	    (unlink(signature) < 0 && errno != ENOENT))
		return MH_ERR_SYSTEM;
	return MH_OK;
}

mh_err
policy_keep(const char *folder, const struct policy_file *file)
{
	mh_err err = write_copy(folder, POLICY_NEW, file);

	if (err == MH_OK)
		err = write_copy(folder, POLICY_KEPT, file);
	return err == MH_OK ? remove_copy(folder, POLICY_NEW) : err;
}

mh_err
policy_read(const char *folder, enum policy_copy copy, struct buf *text,
    struct buf *signature)
{
	MH_CLEANUP(freep) char *text_name = text_path(folder, copy);
	MH_CLEANUP(freep) char *signature_name = signature_path(folder, copy);
	mh_err err = file_read(text_name, text);

	return err == MH_OK ? file_read(signature_name, signature) : err;
}

mh_err
policy_drop(const char *folder)
{
	mh_err err = remove_copy(folder, POLICY_NEW);

	return err == MH_OK ? remove_copy(folder, POLICY_KEPT) : err;
}

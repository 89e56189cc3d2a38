/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fleet's policy in the resident agent: it is laid over the configuration
 * whenever that is read, and a new one is checked and kept.
 *
 * Runs in: agent.
 * Input: hostile until its signature is good: policies; the operator's public key.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "agent/policy.h"
#include "agent/state_db.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"

struct policy_side {
	struct policy_facts facts; /* of the one in force; id NULL: none */
	char *problem;             /* why none, or not the latest, is in force; owned */
};

static void
set_problem(struct policy_side *p, char *why)
{
	free(p->problem);
	p->problem = why;
}

/* The operator's key; false: there is none, or it is no good. */
static bool
load_key(struct agent *a, const struct agent_config *local, struct minisign_key *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(MINISIGN_FILE_MAX);
	mh_err err = MH_OK;

	if (local->policy_key[0] == 0)
		return false;
	err = file_read(local->policy_key, b);
	if (err == MH_OK)
		err = minisign_key_parse(buf_data(b), buf_len(b), ret);
	if (err == MH_OK)
		return true;
	set_problem(a->policy,
	    xasprintf("%s: no public key of minisign can be read there: %s",
		local->policy_key, mh_strerror(err)));
	return false;
}

/* The highest version that was accepted under the key. */
static uint64_t
floor_of(struct agent *a, const struct minisign_key *key)
{
	uint64_t floor = 0;

	if (a->db == NULL || state_floor_get(a->db, key->id, &floor) != MH_OK)
		return 0;
	return floor;
}

/* Lay one of the kept copies over local. */
static mh_err
merge_copy(struct agent *a, const struct minisign_key *key, enum policy_copy copy,
    const struct agent_config *local, struct agent_config *ret, char **ret_why)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", a->state);
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(POLICY_BYTES_MAX);
	MH_CLEANUP(buf_freep) struct buf *signature = buf_new(MINISIGN_FILE_MAX);
	struct policy_facts facts = { .id = NULL };
	mh_err err = policy_read(folder, copy, text, signature);

	if (err != MH_OK) {
		*ret_why = xasprintf("the policy that was kept cannot be read: %s",
		    mh_strerror(err));
		return err;
	}
	const struct policy_file file = { buf_data(text), buf_len(text),
		buf_data(signature), buf_len(signature) };
	const struct policy_trust trust = { .key = key,
		.floor = floor_of(a, key),
		.is_kept = true,
		.now_ms = clock_real_ms() };

	err = policy_open(&file, &trust, local, ret, &facts, ret_why);
	if (err != MH_OK)
		return err;
	policy_facts_clear(&a->policy->facts);
	a->policy->facts = facts;
	return MH_OK;
}

void
agent_policy_merge(struct agent *a, struct agent_config *config)
{
	struct policy_side *p = a->policy;
	struct agent_config merged;
	struct minisign_key key;
	char *why = NULL;

	policy_facts_clear(&p->facts);
	set_problem(p, NULL);
	if (!load_key(a, config, &key))
		return;
	mh_err err = merge_copy(a, &key, POLICY_KEPT, config, &merged, &why);
	if (err != MH_OK) {
		char *other = NULL;

		if (merge_copy(a, &key, POLICY_NEW, config, &merged, &other) == MH_OK)
			err = MH_OK;
		free(other);
	}
	if (err == MH_OK) {
		settings_clear(&agent_config_schema, config);
		*config = merged;
		log_notice("policy", "%s version %llu is in force", p->facts.id,
		    (unsigned long long)p->facts.version);
		free(why);
	} else if (err == MH_ERR_NOTFOUND) {
		free(why); /* none came yet */
	} else {
		log_err("policy", "%s; the configuration of this machine is used alone",
		    why);
		set_problem(p, why);
	}
}

mh_err
agent_policy_apply(struct agent *a, const struct policy_file *file, char **ret_why)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", a->state);
	const struct policy_facts *now = &a->policy->facts;
	struct policy_facts facts = { .id = NULL };
	struct agent_config local;
	struct agent_config merged;
	struct minisign_key key;
	mh_err err = agent_config_load(a->config_path, &local, ret_why);

	if (err != MH_OK)
		return err;
	if (!load_key(a, &local, &key)) {
		*ret_why = xstrdup(local.policy_key[0] == 0
				       ? "this machine takes no policy: policy.key is "
					 "not set in its configuration"
				       : a->policy->problem);
		settings_clear(&agent_config_schema, &local);
		return MH_ERR_NOTFOUND;
	}
	struct policy_trust trust = { .key = &key,
		.floor = floor_of(a, &key),
		.in_force = now->id != NULL ? now->sha256 : NULL,
		.now_ms = clock_real_ms() };

	/* A database that was lost does not make older ones welcome again. */
	if (now->id != NULL && now->version > trust.floor)
		trust.floor = now->version;
	err = policy_open(file, &trust, &local, &merged, &facts, ret_why);
	settings_clear(&agent_config_schema, &local);
	if (err != MH_OK)
		return err;
	settings_clear(&agent_config_schema, &merged);
	err = policy_keep(folder, file);
	/* What is kept is a floor itself: without the other it is in force all the same. */
	if (err == MH_OK && a->db != NULL &&
	    state_floor_raise(a->db, key.id, facts.version) != MH_OK)
		log_warn("policy", "its version could not be kept: %s",
		    state_db_why(a->db));
	if (err != MH_OK)
		*ret_why =
		    xasprintf("it is good, but cannot be kept: %s", mh_strerror(err));
	else
		log_notice("policy", "%s version %llu was accepted", facts.id,
		    (unsigned long long)facts.version);
	policy_facts_clear(&facts);
	if (err == MH_OK)
		agent_reload(a);
	return err;
}

const struct policy_facts *
agent_policy_facts(const struct agent *a)
{
	return a->policy->facts.id != NULL ? &a->policy->facts : NULL;
}

const char *
agent_policy_problem(const struct agent *a)
{
	return a->policy->problem;
}

void
agent_policy_init(struct agent *a)
{
	a->policy = xcalloc(1, sizeof(*a->policy));
}

void
agent_policy_clear(struct agent *a)
{
	if (a->policy == NULL)
		return;
	policy_facts_clear(&a->policy->facts);
	free(a->policy->problem);
	free(a->policy);
	a->policy = NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_POLICY_H
#define MH_AGENT_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/error.h"
#include "signatures/minisign.h"

/*
 * A fleet's policy: what its operator wants of all agents, signed by him
 * (docs/PROTOCOL.md, Policy).  It lies over the configuration of the machine: what
 * it says takes the place of what is there, what it does not say stays.  What
 * concerns the machine alone (rules, spool, control, log, the policy's key) it
 * cannot set.
 *
 * Nothing of it is parsed before its signature is good.
 */
enum {
	POLICY_BYTES_MAX = SETTINGS_FILE_MAX,
	POLICY_ID_MAX = 64,               /* bytes */
	POLICY_AHEAD_MAX_MS = 600 * 1000, /* issued ahead of our clock */
	POLICY_SHA256_BYTES = 32,
};

/* As it came: bytes, which are borrowed. */
struct policy_file {
	const uint8_t *text;
	size_t len;
	const uint8_t *signature; /* of minisign */
	size_t signature_len;
};

/* What the agent knows already.  Borrowed. */
struct policy_trust {
	const struct minisign_key *key;
	uint64_t floor;          /* the highest version that was accepted; 0: none */
	const uint8_t *in_force; /* SHA-256 of the text of that one, or NULL */
	bool is_kept;   /* it is the kept one: its times were checked when it came */
	int64_t now_ms; /* since 1970 */
};

struct policy_facts {
	char *id; /* owned */
	uint64_t version;
	int64_t issued_ms, expires_ms;       /* since 1970 */
	uint8_t sha256[POLICY_SHA256_BYTES]; /* of the text */
};

void policy_facts_clear(struct policy_facts *f);
/* It stays in force all the same: health and doctor tell. */
bool policy_is_expired(const struct policy_facts *f, int64_t now_ms);

/*
 * Check the policy and lay it over local.  *ret_merged is for
 * settings_clear(&agent_config_schema), *ret_facts for policy_facts_clear().
 *
 * Errors, in the order of the checks, each with a new sentence in *ret_why:
 * MH_ERR_TOOBIG; of the signature MH_ERR_FORMAT, MH_ERR_NOTFOUND (another key),
 * MH_ERR_SIGNATURE, MH_ERR_CRYPTO; MH_ERR_INVALID (its form or a value, with
 * file:line:column); MH_ERR_EXISTS (the same version with other bytes),
 * MH_ERR_DENIED (a lower version than the floor); MH_ERR_EXPIRED, MH_ERR_AGAIN
 * (issued in the future).  Nothing is changed then.
 */
mh_err policy_open(const struct policy_file *file, const struct policy_trust *trust,
    const struct agent_config *local, struct agent_config *ret_merged,
    struct policy_facts *ret_facts, char **ret_why) MH_CHECKED;

/* Whether a policy may set that row of agent_config_schema. */
bool policy_may_set(const struct setting *row);

/*
 * Keep an accepted policy in the folder: policy.yaml and policy.yaml.minisig.
 * First as policy.yaml.new: at each moment one of the two pairs is whole.  Raise
 * the floor afterwards, or what is kept would be below it.  Errors: MH_ERR_SYSTEM.
 */
mh_err policy_keep(const char *folder, const struct policy_file *file) MH_CHECKED;

/* Which pair: try the kept one, and the new one when it does not open. */
enum policy_copy { POLICY_KEPT, POLICY_NEW, POLICY_COPY_MAX_ };

/*
 * Append text and signature to the buffers, made with POLICY_BYTES_MAX and
 * MINISIGN_FILE_MAX.  Errors: MH_ERR_NOTFOUND, MH_ERR_TOOBIG, MH_ERR_SYSTEM.
 */
mh_err policy_read(const char *folder, enum policy_copy copy, struct buf *text,
    struct buf *signature) MH_CHECKED;
/* Forget both.  Errors: MH_ERR_SYSTEM. */
mh_err policy_drop(const char *folder) MH_CHECKED;

#endif

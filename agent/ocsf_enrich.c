/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: from the opener: databases of packages; names and command lines of
 * hostile processes.
 */
#include "agent/ocsf_enrich.h"

#include <inttypes.h>
#include <string.h>

#include "agent/ocsf_impl.h"
#include "records/target.h"

/* The object under that key, made when it is missing.  Borrowed. */
static json_t *
get_object(json_t *parent, const char *key)
{
	if (!json_is_object(json_object_get(parent, key)))
		set(parent, key, json_object());
	return json_object_get(parent, key);
}

static json_t *
get_evidence(json_t *finding)
{
	if (json_array_size(json_object_get(finding, "evidences")) == 0)
		set(finding, "evidences", json_pack("[{}]"));
	return json_array_get(json_object_get(finding, "evidences"), 0);
}

/* Whether the file is what the package brought; NULL when that is not known. */
static const char *
file_digest(enum package_digest algorithm, const char *md5, const char *sha256)
{
	if (algorithm == PACKAGE_DIGEST_MD5)
		return md5;
	return algorithm == PACKAGE_DIGEST_SHA256 ? sha256 : NULL;
}

static void
set_checksum(json_t *package, const struct package_facts *f, const char *md5,
    const char *sha256)
{
	const char *have = file_digest(f->algorithm, md5, sha256);

	set(package, "checksum_agrees", json_null());
	if (f->algorithm == PACKAGE_DIGEST_NONE) {
		set_text(package, "reason", "the database has no checksum of it");
		return;
	}
	MH_CLEANUP(freep)
	char *expected = text_hex(f->digest, package_digest_bytes(f->algorithm));

	set_text(package, "algorithm", package_digest_name(f->algorithm));
	set_text(package, "expected", expected);
	if (have != NULL)
		set(package, "checksum_agrees",
		    json_boolean(strcmp(have, expected) == 0));
	else if (f->algorithm == PACKAGE_DIGEST_MD5 ||
		 f->algorithm == PACKAGE_DIGEST_SHA256)
		set_text(package, "reason", "the file was not hashed");
	else
		set_text(package, "reason", "files are not hashed so");
}

void
finding_add_package(json_t *finding, const struct package_facts *facts, const char *md5,
    const char *sha256)
{
	json_t *package = json_object();

	if (facts->unknown == PACKAGE_UNKNOWN_NOT) {
		set_text(package, "name", facts->name);
		set_text(package, "version", facts->version);
		set_text(package, "architecture", facts->architecture);
		set_text(package, "database", package_database_name(facts->database));
		set(package, "is_config", json_boolean(facts->is_config));
		set_checksum(package, facts, md5, sha256);
	} else {
		set(package, "checksum_agrees", json_null());
		set_text(package, "reason", package_unknown_text(facts->unknown));
	}
	set(get_object(get_evidence(finding), "data"), "package", package);
}

/* The finding's own hash of that algorithm, or NULL.  Borrowed. */
static const char *
find_hash(const json_t *hashes, int algorithm_id)
{
	for (size_t i = 0; i < json_array_size(hashes); i++) {
		const json_t *hash = json_array_get(hashes, i);

		if (json_integer_value(json_object_get(hash, "algorithm_id")) ==
		    algorithm_id)
			return json_string_value(json_object_get(hash, "value"));
	}
	return NULL;
}

void
finding_add_package_facts(json_t *finding, const struct package_facts *facts)
{
	const json_t *file = json_object_get(get_evidence(finding), "file");
	const json_t *hashes = json_object_get(file, "hashes");

	finding_add_package(finding, facts, find_hash(hashes, HASH_MD5_ID),
	    find_hash(hashes, HASH_SHA256_ID));
}

static void
set_uid(json_t *process, const char *boot_id, int32_t pid, uint64_t start_ticks)
{
	MH_CLEANUP(freep) char *uid = NULL;

	if (start_ticks == 0 || boot_id == NULL || boot_id[0] == 0)
		return;
	uid = xasprintf("%s:%d:%" PRIu64, boot_id, (int)pid, start_ticks);
	set_text(process, "uid", uid);
}

static void
set_program(json_t *process, const char *path)
{
	json_t *file = NULL;

	if (path == NULL || path[0] != '/')
		return;
	file = json_object();
	set_text(file, "name", path_base(path));
	set_text(file, "path", path);
	set_int(file, "type_id", FILE_EXECUTABLE);
	set_text(process, "path", path);
	set(process, "file", file);
}

static json_t *
actor_process_json(const struct actor *a, const char *boot_id)
{
	json_t *process = json_object();
	json_t *user = json_object();
	MH_CLEANUP(freep) char *uid = xasprintf("%u", (unsigned)a->uid);

	set_int(process, "pid", a->pid);
	set_text(process, "name", a->comm);
	set_text(process, "cmd_line", a->command);
	set_uid(process, boot_id, a->pid, a->start_ticks);
	set_program(process, a->program);
	set_text(user, "name", a->owner);
	set_text(user, "uid", uid);
	set(process, "user", user);
	if (a->container != NULL && a->container[0] != 0)
		set(process, "container",
		    json_pack("{s:o}", "uid", text_json(a->container)));
	return process;
}

/* The nearest first: each in the one before. */
static void
nest_parents(json_t *process, const struct actor *a, const char *boot_id)
{
	for (uint32_t i = 0; i < a->n_parents && i < ACTOR_PARENTS_MAX; i++) {
		const struct actor_parent *p = &a->parents[i];
		json_t *parent = json_object();

		set_int(parent, "pid", p->pid);
		set_text(parent, "name", p->name != NULL ? path_base(p->name) : NULL);
		set_uid(parent, boot_id, p->pid, p->start_ticks);
		set_program(parent, p->name);
		set(process, "parent_process", parent);
		process = parent;
	}
}

void
finding_add_actor(json_t *finding, const struct actor *actor, const char *boot_id)
{
	json_t *evidence = get_evidence(finding);
	json_t *facts = json_object();
	json_t *process = actor_process_json(actor, boot_id);

	nest_parents(process, actor, boot_id);
	set(evidence, "actor", json_pack("{s:o}", "process", process));
	if (actor->start_ticks != 0)
		set_int(facts, "start_ticks", (int64_t)actor->start_ticks);
	if (actor->loginuid != UINT32_MAX)
		set_int(facts, "login_uid", actor->loginuid);
	set_text(facts, "cgroup", actor->cgroup);
	set(facts, "ended", json_boolean(actor->is_gone));
	set(get_object(evidence, "data"), "actor", facts);
}

void
finding_set_denied(json_t *finding, int64_t now_ms, uint64_t count)
{
	enum { ACTION_DENIED = 2, DISPOSITION_BLOCKED = 2 };

	set_int(finding, "activity_id", ACTIVITY_UPDATE);
	set_int(finding, "type_uid", CLASS_DETECTION_FINDING * 100 + ACTIVITY_UPDATE);
	set_int(finding, "action_id", ACTION_DENIED);
	set_int(finding, "disposition_id", DISPOSITION_BLOCKED);
	set_int(finding, "time", now_ms);
	set_int(finding, "count", (int64_t)count);
	set_int(get_object(finding, "finding_info"), "last_seen_time", now_ms);
}

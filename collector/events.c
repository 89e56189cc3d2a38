/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile, out of findings. */
#include "collector/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "collector/output.h"
#include "collector/report_index.h"

/* The same alarm has the same name, however often it changes. */
static char *
alarm_uid(const struct alarm_row *a)
{
	uint8_t digest[DIGEST_BYTES];
	MH_CLEANUP(freep)
	char *key = xasprintf("alarm|%s|%s|%s|%" PRIu64, a->agent,
	    alarm_kind_name(a->kind), a->epoch, a->sequence);

	digest_sha256(key, strlen(key), digest);
	return text_hex(digest, sizeof(digest));
}

static const char *
severity_title(int severity)
{
	static const char *const titles[] = { "Unknown", "Informational", "Low", "Medium",
		"High", "Critical", "Fatal" };

	return titles[severity >= 0 && severity < 7 ? severity : 0];
}

static json_t *
alarm_info(const struct alarm_row *a, const char *uid)
{
	MH_CLEANUP(freep)
	char *title = xasprintf("%s of agent %s", alarm_kind_name(a->kind), a->agent);
	MH_CLEANUP(freep) char *rule = xasprintf("alarm:%s", alarm_kind_name(a->kind));

	return json_pack("{s:s, s:s, s:[s], s:I, s:I, s:{s:i, s:s, s:s}}", "uid", uid,
	    "title", title, "types", "alarm", "first_seen_time", (json_int_t)a->first_ms,
	    "last_seen_time", (json_int_t)a->last_ms, "analytic", "type_id", 1, "name",
	    rule, "uid", rule);
}

static json_t *
alarm_facts(const struct alarm_row *a)
{
	MH_CLEANUP(freep)
	char *digest = text_hex(a->digest, a->digest != NULL ? DIGEST_BYTES : 0);

	return json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:s}", "id",
	    (json_int_t)a->id, "kind", alarm_kind_name(a->kind), "agent", a->agent,
	    "epoch", a->epoch, "sequence", (json_int_t)a->sequence, "sha256", digest,
	    "state", alarm_state_name(a->state), "closed", time_json(a->closed_ms),
	    "note", a->note);
}

json_t *
alarm_to_ocsf(const struct alarm_row *a)
{
	MH_CLEANUP(freep) char *uid = alarm_uid(a);
	bool closed = a->state == ALARM_CLOSED;
	int activity = closed ? 3 : a->count > 1 ? 2 : 1;
	int severity = alarm_kind_severity(a->kind);
	json_t *event = json_pack("{s:i, s:i, s:i, s:i, s:I, s:i, s:s, s:i, s:b, s:I, "
				  "s:s, s:o, s:o}",
	    "category_uid", 2, "class_uid", 2004, "activity_id", activity, "type_uid",
	    200400 + activity, "time", (json_int_t)a->last_ms, "severity_id", severity,
	    "severity", severity_title(severity), "status_id", closed ? 4 : 1, "is_alert",
	    !closed, "count", (json_int_t)a->count, "message", a->detail, "finding_info",
	    alarm_info(a, uid), "unmapped", json_pack("{s:o}", "alarm", alarm_facts(a)));

	/* A store that was changed may hold what is no text. */
	if (event == NULL)
		event = json_object();
	(void)json_object_set_new(event, "metadata",
	    json_pack("{s:s, s:s, s:[s], s:{s:s, s:s, s:s}}", "version", "1.8.0", "uid",
		uid, "profiles", "host", "product", "name", "molehunt-collector",
		"vendor_name", "Molehunt", "version", MH_VERSION));
	(void)json_object_set_new(event, "device",
	    json_pack("{s:i, s:s, s:s}", "type_id", 0, "hostname", a->hostname, "uid",
		a->agent));
	return event;
}

void
event_set_place(json_t *event, int64_t cursor, int64_t received_ms)
{
	json_t *metadata = json_object_get(event, "metadata");

	if (!json_is_object(metadata)) {
		metadata = json_object();
		(void)json_object_set_new(event, "metadata", metadata);
	}
	(void)json_object_set_new(metadata, "sequence", json_integer(cursor));
	(void)json_object_set_new(metadata, "processed_time", json_integer(received_ms));
}

/* Set to[key] if from[name] is there, and of the type that ECS wants. */
static void
copy_text(json_t *to, const char *key, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (json_is_string(value) && json_string_length(value) > 0)
		(void)json_object_set(to, key, value);
}

static void
copy_integer(json_t *to, const char *key, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (json_is_integer(value))
		(void)json_object_set(to, key, value);
}

/* Milliseconds since 1970 as ECS's date. */
static void
copy_time(json_t *to, const char *key, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (json_is_integer(value) && json_integer_value(value) > 0)
		(void)json_object_set_new(to, key, time_json(json_integer_value(value)));
}

/* Set to[key] to object, unless it is empty. */
static void
set_filled(json_t *to, const char *key, json_t *object)
{
	if (json_object_size(object) > 0 || json_array_size(object) > 0)
		(void)json_object_set_new(to, key, object);
	else
		json_decref(object);
}

static json_t *
hashes_to_ecs(const json_t *hashes)
{
	static const char *const names[] = { NULL, "md5", "sha1", "sha256", "sha512" };
	json_t *out = json_object();
	size_t i;
	json_t *hash;

	json_array_foreach(hashes, i, hash)
	{
		json_int_t id = json_integer_value(json_object_get(hash, "algorithm_id"));

		if (id > 0 && (size_t)id < MH_ARRAY_LEN(names))
			copy_text(out, names[id], hash, "value");
	}
	return out;
}

static json_t *
file_to_ecs(const json_t *file)
{
	json_t *out = json_object();
	const json_t *owner = json_object_get(file, "owner");

	copy_text(out, "path", file, "path");
	copy_text(out, "name", file, "name");
	copy_integer(out, "size", file, "size");
	copy_time(out, "mtime", file, "modified_time");
	copy_text(out, "owner", owner, "name");
	copy_text(out, "uid", owner, "uid");
	set_filled(out, "hash", hashes_to_ecs(json_object_get(file, "hashes")));
	return out;
}

/* A process and its parent; ECS has no more ancestors. */
static json_t *
process_to_ecs(const json_t *process, bool with_parent)
{
	json_t *out = json_object();
	json_t *user = json_object();

	copy_integer(out, "pid", process, "pid");
	copy_text(out, "name", process, "name");
	copy_text(out, "command_line", process, "cmd_line");
	copy_text(out, "executable", json_object_get(process, "file"), "path");
	copy_time(out, "start", process, "created_time");
	copy_text(user, "name", json_object_get(process, "user"), "name");
	copy_text(user, "id", json_object_get(process, "user"), "uid");
	set_filled(out, "user", user);
	if (with_parent)
		set_filled(out, "parent",
		    process_to_ecs(json_object_get(process, "parent_process"), false));
	return out;
}

static json_t *
rule_to_ecs(const json_t *info)
{
	const json_t *analytic = json_object_get(info, "analytic");
	json_t *out = json_object();

	copy_text(out, "name", analytic, "name");
	copy_text(out, "id", analytic, "uid");
	copy_text(out, "version", analytic, "version");
	copy_text(out, "description", analytic, "desc");
	copy_text(out, "category", analytic, "category");
	return out;
}

static json_t *
threat_to_ecs(const json_t *info)
{
	json_t *ids = json_array();
	json_t *out = json_object();
	size_t i;
	json_t *attack;

	json_array_foreach(json_object_get(info, "attacks"), i, attack)
	{
		json_t *id = json_object_get(json_object_get(attack, "technique"), "uid");

		if (json_is_string(id))
			(void)json_array_append(ids, id);
	}
	if (json_array_size(ids) > 0) {
		(void)json_object_set_new(out, "framework", json_string("MITRE ATT&CK"));
		(void)json_object_set_new(out, "technique",
		    json_pack("{s:O}", "id", ids));
	}
	json_decref(ids);
	return out;
}

static json_t *
host_to_ecs(const json_t *device)
{
	const json_t *from = json_object_get(device, "os");
	json_t *out = json_object();
	json_t *os = json_object();

	copy_text(out, "hostname", device, "hostname");
	copy_text(out, "name", device, "hostname");
	copy_text(out, "id", device, "uid");
	copy_text(os, "name", from, "name");
	copy_text(os, "version", from, "version");
	copy_text(os, "kernel", from, "kernel_release");
	set_filled(out, "os", os);
	return out;
}

static json_t *
ecs_event(const json_t *ocsf, const json_t *info, bool is_alarm)
{
	const json_t *metadata = json_object_get(ocsf, "metadata");
	json_t *out = json_pack("{s:s, s:[s], s:[s], s:s, s:s, s:s}", "kind", "alert",
	    "category", is_alarm ? "configuration" : "malware", "type", "info", "module",
	    "molehunt", "dataset", is_alarm ? "molehunt.alarm" : "molehunt.finding",
	    "provider", is_alarm ? "molehunt-collector" : "molehunt");
	json_t *score = json_object_get(json_object_get(ocsf, "unmapped"), "score");

	/* What an override suppresses is kept, and alerts nobody. */
	if (!is_alarm &&
	    json_integer_value(json_object_get(ocsf, "status_id")) == STATUS_SUPPRESSED) {
		(void)json_object_set_new(out, "kind", json_string("event"));
		copy_text(out, "reason", ocsf, "status_detail");
	}
	copy_text(out, "id", info, "uid");
	copy_integer(out, "severity", ocsf, "severity_id");
	copy_time(out, "start", info, "first_seen_time");
	copy_time(out, "created", ocsf, "time");
	copy_time(out, "ingested", metadata, "processed_time");
	copy_integer(out, "sequence", metadata, "sequence");
	if (json_is_integer(score))
		(void)json_object_set(out, "risk_score", score);
	return out;
}

json_t *
event_to_ecs(const json_t *ocsf, const char *agent)
{
	const json_t *info = json_object_get(ocsf, "finding_info");
	const json_t *evidence = json_array_get(json_object_get(ocsf, "evidences"), 0);
	const json_t *process = json_object_get(evidence, "process");
	const json_t *file = json_object_get(evidence, "file");
	const json_t *metadata = json_object_get(ocsf, "metadata");
	bool is_alarm =
	    json_object_get(json_object_get(ocsf, "unmapped"), "alarm") != NULL;
	json_t *out = json_pack("{s:{s:s}, s:o}", "ecs", "version", "8.11.0", "event",
	    ecs_event(ocsf, info, is_alarm));
	json_t *who = json_pack("{s:s, s:s}", "id", agent, "type", "molehunt");

	copy_text(who, "version", json_object_get(metadata, "product"), "version");
	copy_time(out, "@timestamp", ocsf, "time");
	copy_text(out, "message", ocsf, "message");
	set_filled(out, "agent", who);
	set_filled(out, "rule", rule_to_ecs(info));
	set_filled(out, "host", host_to_ecs(json_object_get(ocsf, "device")));
	set_filled(out, "file",
	    file_to_ecs(file != NULL ? file : json_object_get(process, "file")));
	set_filled(out, "process", process_to_ecs(process, true));
	set_filled(out, "threat", threat_to_ecs(info));
	return out;
}

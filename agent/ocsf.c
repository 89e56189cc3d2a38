/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from scan workers: bytes of any kind in names and values.
 */
#include "agent/ocsf_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "agent/ocsf_indicator.h"
#include "agent/ocsf_memory.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "records/check.h"

int
severity_id_of(unsigned score)
{
	/* Score bands of the packs: 0-39 very low, 40-59, 60-79, 80-100 high. */
	if (score >= 90)
		return 5;
	if (score >= 80)
		return 4;
	if (score >= 60)
		return 3;
	return score >= 40 ? 2 : 1;
}

const char *
severity_name(int severity_id)
{
	static const char *const names[] = { "Unknown", "Informational", "Low", "Medium",
		"High", "Critical" };

	assert(severity_id >= 0 && (size_t)severity_id < MH_ARRAY_LEN(names));
	return names[severity_id];
}

/* The version of a rule, which is part of a finding's name. */
static char *
rule_version(const struct match *m)
{
	const struct match_meta *meta = match_find_meta(m, "version");

	if (meta == NULL)
		return xstrdup("");
	if (meta->kind == META_TEXT)
		return xstrdup(meta->text);
	return xasprintf("%" PRId64, meta->number);
}

char *
hash_of_texts(const char *const *texts, size_t n)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert(md != NULL);
	(void)EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (size_t i = 0; i < n; i++)
		(void)EVP_DigestUpdate(md, texts[i], strlen(texts[i]) + 1);
	(void)EVP_DigestFinal_ex(md, digest, NULL);
	EVP_MD_CTX_free(md);
	return text_hex(digest, 32);
}

/* What tells the content of t: its hash, or its place and time where there is none. */
static char *
content_name(const struct target *t, const struct verdict *v)
{
	if (v->has_sha256)
		return text_hex(v->sha256, sizeof(v->sha256));
	/* The times of a folder change with every file in it. */
	if (t->kind == TARGET_NAME)
		return xasprintf("%" PRIu64 ":%" PRIu64, t->dev, t->ino);
	return xasprintf("%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRId64, t->dev, t->ino,
	    t->size, t->mtime_ns);
}

char *
finding_path(const struct target *t, const struct match *m)
{
	return xasprintf("%s%s", t->path, m->part_name != NULL ? m->part_name : "");
}

/* What tells the content that the rule ran over: that of t, or of its member. */
static char *
matched_content(const struct target *t, const struct verdict *v, const struct match *m)
{
	if (m->has_part_sha256)
		return text_hex(m->part_sha256, sizeof(m->part_sha256));
	return content_name(t, v);
}

static bool
is_of_process(const struct target *t)
{
	return t->kind == TARGET_MEMORY || t->kind == TARGET_PROCESS;
}

char *
finding_uid(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m)
{
	const struct target *t = answer->target;
	MH_CLEANUP(freep) char *version = rule_version(m);
	MH_CLEANUP(freep)
	char *content = is_of_process(t) ? memory_place(ctx, answer, m)
					 : matched_content(t, answer->verdict, m);
	MH_CLEANUP(freep) char *path = finding_path(t, m);
	const char *id = match_meta_text(m, "id");
	/* Copies of a rule keep its id: names tell them apart. */
	const char *texts[] = { ctx->device_uid, m->name_space, m->rule,
		id != NULL ? id : "", version, path, content };

	return hash_of_texts(texts, MH_ARRAY_LEN(texts));
}

char *
poisoned_uid(const struct finding_context *ctx, const struct scan_answer *answer)
{
	static const struct verdict none;
	static const struct match nowhere;
	const struct target *t = answer->target;
	MH_CLEANUP(freep)
	char *content = is_of_process(t) ? memory_place(ctx, answer, &nowhere)
					 : content_name(t, &none);
	MH_CLEANUP(freep) char *rules = text_hex(ctx->rules->id, sizeof(ctx->rules->id));
	const char *texts[] = { ctx->device_uid, "poisoned", rules, t->path, content };

	return hash_of_texts(texts, MH_ARRAY_LEN(texts));
}

static json_t *
device_json(const struct finding_context *ctx)
{
	json_t *device = json_object();
	json_t *os = json_object();

	set_int(device, "type_id", DEVICE_UNKNOWN);
	set_text(device, "hostname", ctx->host->hostname);
	set_text(device, "uid", ctx->device_uid);
	set_text(os, "name", ctx->host->os_name[0] != 0 ? ctx->host->os_name : "Linux");
	set_text(os, "version", ctx->host->os_version);
	set_int(os, "type_id", OS_LINUX);
	set_text(os, "kernel_release", ctx->host->kernel);
	set(device, "os", os);
	return device;
}

static json_t *
metadata_json(const struct finding_context *ctx, const char *uid)
{
	json_t *metadata = json_object();
	json_t *product = json_object();

	set_text(metadata, "version", OCSF_VERSION);
	set_text(metadata, "uid", uid);
	set(metadata, "profiles", json_pack("[ss]", "host", "security_control"));
	set_int(metadata, "logged_time", ctx->now_ms);
	set_text(product, "name", "molehunt");
	set_text(product, "vendor_name", "Molehunt");
	set_text(product, "version", MH_VERSION);
	set(metadata, "product", product);
	return metadata;
}

static void
add_hash(json_t *hashes, int algorithm_id, const char *algorithm, const void *p,
    size_t len)
{
	json_t *hash = json_object();

	set_int(hash, "algorithm_id", algorithm_id);
	set_text(hash, "algorithm", algorithm);
	set_hex(hash, "value", p, len);
	(void)json_array_append_new(hashes, hash);
}

static json_t *
hashes_json(const struct verdict *v)
{
	json_t *hashes = json_array();

	if (v->has_md5)
		add_hash(hashes, HASH_MD5_ID, "MD5", v->md5, sizeof(v->md5));
	if (v->has_sha1)
		add_hash(hashes, HASH_SHA1_ID, "SHA-1", v->sha1, sizeof(v->sha1));
	if (v->has_sha256)
		add_hash(hashes, HASH_SHA256_ID, "SHA-256", v->sha256, sizeof(v->sha256));
	return hashes;
}

/* OCSF's type of a file; names of what is no regular file are compared with indicators. */
static int
file_type_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return FILE_FOLDER;
	case S_IFCHR:
		return FILE_CHARACTER_DEVICE;
	case S_IFBLK:
		return FILE_BLOCK_DEVICE;
	case S_IFSOCK:
		return FILE_SOCKET;
	case S_IFIFO:
		return FILE_PIPE;
	case S_IFLNK:
		return FILE_LINK;
	default:
		return (mode & 0111) != 0 ? FILE_EXECUTABLE : FILE_REGULAR;
	}
}

static json_t *
file_json(const struct target *t, const struct verdict *v)
{
	json_t *file = json_object();
	json_t *owner = json_object();
	json_t *hashes = hashes_json(v);
	MH_CLEANUP(freep) char *uid = xasprintf("%u", (unsigned)t->uid);

	set(file, "name", text_json(path_base(t->path)));
	set(file, "path", text_json(t->path));
	set_int(file, "type_id", file_type_of(t->mode));
	set_int(file, "size", (int64_t)t->size);
	set_int(file, "modified_time", t->mtime_ns / 1000000);
	if (json_array_size(hashes) > 0)
		set(file, "hashes", hashes);
	else
		json_decref(hashes);
	set_text(owner, "name", t->owner);
	set_text(owner, "uid", uid);
	set(file, "owner", owner);
	return file;
}

/* Where it was loaded from: anybody may have written that. */
static json_t *
origin_json(const struct verdict *v)
{
	json_t *origin = json_object();

	set_text(origin, "url", v->origin_url);
	set_text(origin, "referrer", v->origin_referrer);
	return origin;
}

/* File facts that OCSF has no attribute for. */
static json_t *
file_facts_json(const struct target *t, const struct verdict *v)
{
	json_t *facts = json_object();
	MH_CLEANUP(freep) char *mode = xasprintf("%04o", t->mode & 07777u);

	set_int(facts, "dev", (int64_t)t->dev);
	set_int(facts, "ino", (int64_t)t->ino);
	set_int(facts, "nlink", t->nlink);
	set_int(facts, "gid", t->gid);
	set_text(facts, "mode", mode);
	set_int(facts, "changed_time", t->ctime_ns / 1000000);
	set_text(facts, "filetype", v->filetype);
	set_int(facts, "bytes_scanned", (int64_t)v->bytes_scanned);
	if (v->reason != REASON_NONE) {
		set_text(facts, "not_scanned", reason_name(v->reason));
		set(facts, "partly", json_boolean(v->partly));
	}
	if (v->origin_url != NULL || v->origin_referrer != NULL)
		set(facts, "origin", origin_json(v));
	/* The bytes of a name that is not UTF-8, as they are. */
	if (!text_is_utf8(t->path, strlen(t->path)))
		set_hex(facts, "path_hex", t->path, strlen(t->path));
	return facts;
}

static json_t *
strings_json(const struct match *m, bool is_memory)
{
	json_t *strings = json_array();

	for (uint32_t i = 0; i < m->n_strings; i++) {
		const struct match_string *s = &m->strings[i];
		json_t *string = json_object();

		set(string, "id", text_json(s->name));
		set_int(string, "offset", (int64_t)s->offset);
		set_int(string, "length", s->length);
		if (s->n_data > 0)
			set_hex(string, s->is_hash ? "sha256" : "hex", s->data,
			    s->n_data);
		if (is_memory)
			memory_string_to_json(m, s, string);
		(void)json_array_append_new(strings, string);
	}
	return strings;
}

/* Meta lines of equal name become a list: rules name several hashes so. */
json_t *
metas_to_json(const struct match *m)
{
	json_t *metas = json_object();

	for (uint32_t i = 0; i < m->n_metas; i++) {
		const struct match_meta *meta = &m->metas[i];
		MH_CLEANUP(freep) char *name = text_escape(meta->name);
		json_t *value = NULL;
		json_t *before = json_object_get(metas, name);

		if (meta->kind == META_TEXT)
			value = text_json(meta->text);
		else if (meta->kind == META_TRUTH)
			value = json_boolean(meta->number != 0);
		else
			value = json_integer(meta->number);
		if (before == NULL) {
			set(metas, name, value);
		} else if (json_is_array(before)) {
			(void)json_array_append_new(before, value);
		} else {
			json_t *list = json_array();

			(void)json_array_append(list, before);
			(void)json_array_append_new(list, value);
			set(metas, name, list);
		}
	}
	return metas;
}

static json_t *
yara_json(const struct finding_context *ctx, const struct match *m, bool is_memory)
{
	const char *license =
	    ctx->packs != NULL ? pack_list_license(ctx->packs, m->name_space) : NULL;
	json_t *yara = json_object();
	json_t *tags = json_array();

	set(yara, "rule", text_json(m->rule));
	set(yara, "namespace", text_json(m->name_space));
	for (uint32_t i = 0; i < m->n_tags; i++)
		(void)json_array_append_new(tags, text_json(m->tags[i]));
	set(yara, "tags", tags);
	set(yara, "meta", metas_to_json(m));
	/* Licences ask that they are named: by the rule, or by its pack. */
	if (license != NULL)
		set_text(yara, "pack_license", license);
	set(yara, "strings", strings_json(m, is_memory));
	set_int(yara, "n_strings", (int64_t)m->n_found);
	return yara;
}

json_t *
attacks_json(const char *list)
{
	json_t *attacks = json_array();

	while (list != NULL && *list != 0) {
		size_t len = strcspn(list, ", ");
		MH_CLEANUP(freep) char *uid = xstrndup(list, len);

		if (len > 0 && text_is_utf8(uid, len)) {
			json_t *technique = json_object();
			json_t *attack = json_object();

			set_text(technique, "uid", uid);
			set(attack, "technique", technique);
			(void)json_array_append_new(attacks, attack);
		}
		list += len;
		list += strspn(list, ", ");
	}
	return attacks;
}

json_t *
finding_info_json(const struct finding_context *ctx, const char *uid, const char *kind,
    const char *title, const struct finding_history *history)
{
	json_t *info = json_object();

	set_text(info, "uid", uid);
	set_text(info, "title", title);
	set(info, "types", json_pack("[ss]", kind, "file"));
	set(info, "data_sources", json_pack("[s]", "file"));
	set_int(info, "first_seen_time",
	    history->count > 0 ? history->first_ms : ctx->now_ms);
	set_int(info, "last_seen_time", ctx->now_ms);
	return info;
}

json_t *
finding_base(const struct finding_context *ctx, const char *uid, unsigned score,
    const struct finding_history *history)
{
	int activity = history->count > 0 ? ACTIVITY_UPDATE : ACTIVITY_CREATE;
	int severity = severity_id_of(score);
	json_t *f = json_object();

	set_int(f, "category_uid", CATEGORY_FINDINGS);
	set_int(f, "class_uid", CLASS_DETECTION_FINDING);
	set_int(f, "activity_id", activity);
	set_int(f, "type_uid", CLASS_DETECTION_FINDING * 100 + activity);
	set_int(f, "time", ctx->now_ms);
	set_int(f, "severity_id", severity);
	set_text(f, "severity", severity_name(severity));
	set_int(f, "status_id", STATUS_NEW);
	set(f, "is_alert", json_boolean(score >= 40));
	set_int(f, "confidence_id", score >= 80 ? 3 : score >= 60 ? 2 : 1);
	set_int(f, "action_id", ACTION_OBSERVED);
	set_int(f, "disposition_id", DISPOSITION_DETECTED);
	set_int(f, "count", (int64_t)history->count + 1);
	set(f, "metadata", metadata_json(ctx, uid));
	set(f, "device", device_json(ctx));
	return f;
}

json_t *
scan_info_json(const struct finding_context *ctx)
{
	json_t *scan = json_object();

	set_int(scan, "type_id", ctx->is_scheduled ? SCAN_SCHEDULED : SCAN_MANUAL);
	set_text(scan, "uid", ctx->scan_uid);
	return scan;
}

void
set_unmapped(json_t *f, const struct finding_context *ctx, unsigned score)
{
	json_t *unmapped = json_object();

	set_int(unmapped, "score", score);
	set_hex(unmapped, "rule_set", ctx->rules->id, sizeof(ctx->rules->id));
	set_text(unmapped, "engine", ctx->rules->engine);
	set(f, "unmapped", unmapped);
}

/* The kinds of malware that OCSF tells apart, as far as a rule's category says. */
static int
classification_of(const struct match *m)
{
	const char *category = match_meta_text(m, "category");

	if (category != NULL && strcasecmp(category, "WEBSHELL") == 0)
		return 20;
	return 0;
}

static json_t *
malware_json(const struct match *m, const char *path)
{
	const char *family = match_meta_text(m, "family");
	json_t *malware = json_object();

	set(malware, "name",
	    text_json(family != NULL && family[0] != 0 ? family : m->rule));
	set(malware, "classification_ids", json_pack("[i]", classification_of(m)));
	set(malware, "path", text_json(path));
	return json_pack("[o]", malware);
}

static json_t *
analytic_json(const struct match *m)
{
	json_t *analytic = json_object();
	const char *id = match_meta_text(m, "id");
	MH_CLEANUP(freep) char *version = rule_version(m);
	MH_CLEANUP(freep) char *uid = xasprintf("%s/%s", m->name_space, m->rule);

	set_int(analytic, "type_id", ANALYTIC_RULE);
	set_text(analytic, "type", "Rule");
	set_text(analytic, "category", "YARA");
	set(analytic, "name", text_json(m->rule));
	set_text(analytic, "uid", id != NULL ? id : uid);
	set_text(analytic, "version", version);
	set_text(analytic, "desc", match_meta_text(m, "description"));
	return analytic;
}

static void
add_observable(json_t *observables, const char *name, const uint8_t sha256[32])
{
	json_t *o = json_object();

	set_text(o, "name", name);
	set_int(o, "type_id", OBSERVABLE_HASH);
	set_text(o, "type", "Hash");
	set_hex(o, "value", sha256, 32);
	(void)json_array_append_new(observables, o);
}

static json_t *
observables_json(const struct verdict *v)
{
	json_t *observables = json_array();

	if (v->has_sha256)
		add_observable(observables, "evidences.file.hashes.value", v->sha256);
	return observables;
}

/* The member of an archive in which it was found. */
static json_t *
member_json(const struct match *m, const char *path)
{
	json_t *member = json_object();

	set(member, "path", text_json(path));
	set(member, "name", text_json(m->part_name));
	if (!text_is_utf8(m->part_name, strlen(m->part_name)))
		set_hex(member, "name_hex", m->part_name, strlen(m->part_name));
	set_int(member, "size", (int64_t)m->image_size);
	if (m->has_part_sha256)
		set_hex(member, "sha256", m->part_sha256, sizeof(m->part_sha256));
	return member;
}

/* A check is no signature: it says what was seen. */
static json_t *
check_analytic_json(const struct match *m)
{
	json_t *analytic = json_object();
	MH_CLEANUP(freep) char *uid = xasprintf("%s/%s", m->name_space, m->rule);

	set_int(analytic, "type_id", ANALYTIC_BEHAVIORAL);
	set_text(analytic, "type", "Behavioral");
	set_text(analytic, "name", m->rule);
	set_text(analytic, "uid", uid);
	set_text(analytic, "desc", match_meta_text(m, "description"));
	return analytic;
}

static json_t *
check_json(const struct match *m)
{
	json_t *check = json_object();

	set_text(check, "name", m->rule);
	set(check, "facts", metas_to_json(m));
	return check;
}

static char *
match_message(const struct match *m, const char *path)
{
	if (m->indicator != INDICATOR_NONE)
		return indicator_message(m, path);
	if (match_is_check(m))
		return xasprintf("%s: %s", match_meta_text(m, "description"), path);
	return xasprintf("YARA rule %s matched %s", m->rule, path);
}

/* Where it was found; m is NULL for a finding about the whole target. */
static json_t *
evidence_json(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m, json_t *data)
{
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;
	json_t *evidence = json_object();

	if (t->kind == TARGET_PROCESS) {
		process_to_evidence(ctx, answer, evidence, data);
	} else if (t->kind == TARGET_MEMORY) {
		memory_to_evidence(ctx, answer, m, evidence, data);
	} else {
		set_text(evidence, "name", "file");
		set(evidence, "file", file_json(t, v));
		set(data, "file", file_facts_json(t, v));
		if (v->origin_url != NULL)
			set(evidence, "url",
			    json_pack("{s:o}", "url_string", text_json(v->origin_url)));
	}
	if (answer->mapped != NULL)
		set(data, "mapped_by", mappers_to_json(answer));
	set(evidence, "data", data);
	return evidence;
}

/* finding_info of what was found in memory says so. */
static void
set_source(json_t *info, const char *kind, const struct target *t)
{
	if (t->kind == TARGET_PROCESS) {
		set(info, "types", json_pack("[ss]", kind, "process"));
		set(info, "data_sources", json_pack("[s]", "process"));
	}
	if (t->kind != TARGET_MEMORY)
		return;
	set(info, "types", json_pack("[ss]", kind, "process-memory"));
	set(info, "data_sources", json_pack("[s]", "process memory"));
}

json_t *
finding_to_ocsf(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m, const char *uid, const struct finding_history *history)
{
	const struct target *t = answer->target;
	bool is_check = match_is_check(m);
	bool is_indicator = m->indicator != INDICATOR_NONE;
	const char *kind = is_check ? "check" : is_indicator ? "indicator" : "yara";
	const char *word = is_check ? "Check" : is_indicator ? "Indicator" : "YARA";
	MH_CLEANUP(freep) char *path = finding_path(t, m);
	struct finding_score score;

	finding_score(ctx->overrides, m, path, ctx->now_ms, &score);

	json_t *f = finding_base(ctx, uid, score.score, history);
	MH_CLEANUP(freep) char *message = match_message(m, path);
	MH_CLEANUP(freep)
	char *title = xasprintf("%s: %s in %s", word, m->rule, path);
	json_t *info = finding_info_json(ctx, uid, kind, title, history);
	json_t *data = json_object();
	json_t *observables = observables_json(answer->verdict);

	set_text(f, "message", message);
	set_source(info, kind, t);
	set(info, "analytic",
	    is_check       ? check_analytic_json(m)
	    : is_indicator ? indicator_analytic_json(m)
			   : analytic_json(m));
	set(info, "attacks", attacks_json(match_meta_text(m, "attack")));
	set(f, "finding_info", info);
	if (!is_check && !is_indicator)
		set(f, "malware", malware_json(m, path));
	set(f, "malware_scan_info", scan_info_json(ctx));
	if (is_check)
		set(data, "check", check_json(m));
	else if (is_indicator)
		set(data, "indicator", metas_to_json(m));
	else
		set(data, "yara",
		    yara_json(ctx, m, t->kind == TARGET_MEMORY && m->part != PART_IMAGE));
	if (m->part == PART_MEMBER)
		set(data, "member", member_json(m, path));
	if (m->part == PART_MEMBER && m->has_part_sha256)
		add_observable(observables, "evidences.data.member.sha256",
		    m->part_sha256);
	set(f, "evidences", json_pack("[o]", evidence_json(ctx, answer, m, data)));
	set(f, "observables", observables);
	set_unmapped(f, ctx, score.score);
	score_to_json(ctx, &score, f);
	return f;
}

json_t *
poisoned_to_ocsf(const struct finding_context *ctx, const struct scan_answer *answer,
    const char *uid, const struct finding_history *history)
{
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;
	json_t *f = finding_base(ctx, uid, POISONED_SCORE, history);
	MH_CLEANUP(freep)
	char *title = xasprintf("Scan workers do not survive %s", t->path);
	json_t *info = finding_info_json(ctx, uid, "yara", title, history);
	json_t *analytic = json_object();

	set_text(f, "message", v->detail != NULL ? v->detail : title);
	set_source(info, "yara", t);
	set_int(analytic, "type_id", ANALYTIC_BEHAVIORAL);
	set_text(analytic, "name", "poisoned");
	set_text(analytic, "uid", "molehunt/poisoned");
	set(info, "analytic", analytic);
	set(f, "finding_info", info);
	set(f, "malware_scan_info", scan_info_json(ctx));
	set(f, "evidences",
	    json_pack("[o]", evidence_json(ctx, answer, NULL, json_object())));
	set(f, "observables", observables_json(v));
	set_unmapped(f, ctx, POISONED_SCORE);
	return f;
}

json_t *
file_to_json(const struct finding_context *ctx, const struct target *t,
    const struct verdict *v)
{
	json_t *record = json_object();

	set_text(record, "type", "file");
	set_int(record, "version", 1);
	set_text(record, "scan", ctx->scan_uid);
	set(record, "file", file_json(t, v));
	set(record, "facts", file_facts_json(t, v));
	return record;
}

static void
set_time(json_t *object, const char *key, int64_t real_ms)
{
	char text[CLOCK_TEXT_LEN];

	clock_format(real_ms, text);
	set_text(object, key, text);
}

static json_t *
by_reason_json(const struct coverage *c, bool is_missed)
{
	json_t *counts = json_object();

	for (unsigned i = 0; i < REASON_MAX_; i++) {
		enum reason reason = (enum reason)i;

		if (c->by_reason[i] > 0 && reason_is_missed(reason) == is_missed)
			set_int(counts, reason_name(reason), (int64_t)c->by_reason[i]);
	}
	return counts;
}

json_t *
summary_to_json(const struct finding_context *ctx, const struct coverage *c,
    int64_t started_ms, bool is_complete)
{
	json_t *s = json_object();
	json_t *rules = json_object();

	set_text(s, "type", "summary");
	set_int(s, "version", 1);
	set_text(s, "scan", ctx->scan_uid);
	set(s, "complete", json_boolean(is_complete));
	set_time(s, "started", started_ms);
	set_time(s, "ended", ctx->now_ms);
	set_int(s, "scanned", (int64_t)c->n_scanned);
	set_int(s, "partly", (int64_t)c->n_partly);
	set_int(s, "members", (int64_t)c->n_members);
	set_int(s, "bytes", (int64_t)c->bytes);
	set_int(s, "found", (int64_t)c->n_found);
	set_int(s, "findings", (int64_t)c->n_findings);
	set_int(s, "weak", (int64_t)c->n_weak);
	set_int(s, "processes", (int64_t)c->n_processes);
	set_int(s, "missed", (int64_t)c->n_missed);
	set(s, "not_scanned", by_reason_json(c, true));
	set(s, "passed_over", by_reason_json(c, false));
	set_hex(rules, "id", ctx->rules->id, sizeof(ctx->rules->id));
	set_int(rules, "rules",
	    ctx->rules->n_rules - ctx->rules->n_indicators[INDICATOR_DOMAIN]);
	set_int(rules, "files", ctx->rules->n_files);
	set_int(rules, "files_left_out", ctx->rules->n_left_out);
	set_text(rules, "engine", ctx->rules->engine);
	set(s, "rule_set", rules);
	set(s, "indicators", indicators_to_json(ctx->rules));
	set(s, "sandbox",
	    json_pack("{s:b, s:b}", "seccomp", ctx->rules->has_seccomp, "landlock",
		ctx->rules->has_landlock));
	return s;
}

json_t *
coverage_to_json(const struct finding_context *ctx, const struct coverage *c,
    size_t first, size_t n)
{
	json_t *record = json_object();
	json_t *paths = json_array();

	set_text(record, "type", "coverage");
	set_int(record, "version", 1);
	set_text(record, "scan", ctx->scan_uid);
	set_int(record, "first", (int64_t)first);
	for (size_t i = first; i < c->n_paths && i < first + n; i++) {
		const struct coverage_path *p = &c->paths[i];
		json_t *path = json_object();

		set(path, "path", text_json(p->path));
		if (!text_is_utf8(p->path, strlen(p->path)))
			set_hex(path, "path_hex", p->path, strlen(p->path));
		set_text(path, "reason", reason_name(p->reason));
		set(path, "partly", json_boolean(p->partly));
		set_text(path, "detail", p->detail);
		(void)json_array_append_new(paths, path);
	}
	set(record, "paths", paths);
	set_int(record, "unnamed", (int64_t)(c->n_missed - c->n_paths));
	return record;
}

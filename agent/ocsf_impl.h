/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OCSF_IMPL_H
#define MH_AGENT_OCSF_IMPL_H

#include <stdlib.h>
#include <string.h>

#include "agent/ocsf.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "base/text.h"

/* Shared by ocsf.c and ocsf_*.c. */

/* Numbers of OCSF 1.8.0 that we use, by their names there. */
enum {
	CLASS_DETECTION_FINDING = 2004,
	CATEGORY_FINDINGS = 2,
	ACTIVITY_CREATE = 1,
	ACTIVITY_UPDATE = 2,
	STATUS_NEW = 1,
	STATUS_SUPPRESSED = 3,
	ACTION_OBSERVED = 3,
	DISPOSITION_DETECTED = 15,
	ANALYTIC_RULE = 1,
	ANALYTIC_BEHAVIORAL = 2,
	ANALYTIC_FINGERPRINTING = 5,
	ANALYTIC_REGEX = 8,
	ANALYTIC_EXACT = 9,
	OS_LINUX = 200,
	DEVICE_UNKNOWN = 0,
	FILE_REGULAR = 1,
	FILE_FOLDER = 2,
	FILE_CHARACTER_DEVICE = 3,
	FILE_BLOCK_DEVICE = 4,
	FILE_SOCKET = 5,
	FILE_PIPE = 6,
	FILE_LINK = 7,
	FILE_EXECUTABLE = 8,
	HASH_MD5_ID = 1,
	HASH_SHA1_ID = 2,
	HASH_SHA256_ID = 3,
	SCAN_MANUAL = 1,
	SCAN_SCHEDULED = 2,
	OBSERVABLE_HASH = 8,
	POISONED_SCORE = 60,
};

/* A JSON string of any bytes: what is not printable UTF-8 is escaped as \xNN. */
static inline json_t *
text_json(const char *s)
{
	MH_CLEANUP(freep) char *safe = NULL;

	if (text_is_utf8(s, strlen(s)))
		return json_string(s);
	safe = text_escape(s);
	return json_string(safe);
}

static inline void
set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static inline void
set_text(json_t *object, const char *key, const char *value)
{
	if (value != NULL && value[0] != 0)
		set(object, key, text_json(value));
}

static inline void
set_int(json_t *object, const char *key, int64_t value)
{
	set(object, key, json_integer(value));
}

static inline void
set_hex(json_t *object, const char *key, const void *p, size_t len)
{
	MH_CLEANUP(freep) char *hex = text_hex(p, len);

	set(object, key, json_string(hex));
}

/* SHA-256 over strings, each with its end, in hexadecimal; freed by the caller. */
char *hash_of_texts(const char *const *texts, size_t n);

/* Metas of a match; those of equal name become a list. */
json_t *metas_to_json(const struct match *m);

/* "T1205.002" or several, with commas: OCSF's attacks. */
json_t *attacks_json(const char *list);

/* The part that every finding of ours has. */
json_t *finding_base(const struct finding_context *ctx, const char *uid, unsigned score,
    const struct finding_history *history);
/* finding_info of a file that matched; others set their types and data_sources. */
json_t *finding_info_json(const struct finding_context *ctx, const char *uid,
    const char *kind, const char *title, const struct finding_history *history);
json_t *scan_info_json(const struct finding_context *ctx);
/* Where the score came from, what the target has together, and what suppresses it. */
void score_to_json(const struct finding_context *ctx, const struct finding_score *s,
    json_t *f);
void set_unmapped(json_t *f, const struct finding_context *ctx, unsigned score);

#endif

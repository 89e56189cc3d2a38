/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of a report: what the index reads is what a whole JSON parser reads. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "collector/report_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const struct index_text *text, const json_t *object, const char *key)
{
	const char *want = json_string_value(json_object_get(object, key));
	size_t len = want != NULL ? strlen(want) : 0;

	assert(text->len <= INDEX_TEXT_MAX);
	assert(
	    text->len == len || (len > INDEX_TEXT_MAX && text->len + 4 > INDEX_TEXT_MAX));
	assert(text->len == 0 || memcmp(text->p, want, text->len) == 0);
}

static void
check(const json_t *finding, const struct index_finding *f)
{
	const json_t *info = json_object_get(finding, "finding_info");
	const json_t *evidence = json_array_get(json_object_get(finding, "evidences"), 0);
	const json_t *file = json_object_get(evidence, "file");
	json_int_t severity = json_integer_value(json_object_get(finding, "severity_id"));

	if (file == NULL)
		file = json_object_get(json_object_get(evidence, "process"), "file");
	check_text(&f->uid, info, "uid");
	check_text(&f->rule, json_object_get(info, "analytic"), "name");
	check_text(&f->path, file, "path");
	assert(f->time_ms == json_integer_value(json_object_get(finding, "time")));
	assert(f->is_suppressed ==
	       (json_integer_value(json_object_get(finding, "status_id")) == 3));
	assert(f->severity == (severity < 0 ? 0 : severity > 99 ? 99 : severity));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(buf_freep) struct buf *texts = buf_new(size + 1);
	struct index_finding f;
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	mh_err err = report_index_line((const char *)data, size, texts, &f);

	/* Whatever report_open() lets through is read, and read alike. */
	if (json_is_object(json)) {
		assert(err == MH_OK);
		check(json, &f);
	}
	json_decref(json);
	return 0;
}

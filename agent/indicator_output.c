/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from the zygote: texts of any kind.
 */
#include "agent/indicator_output.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ocsf_impl.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 1024 };

static void
add_count(struct buf *b, uint32_t n, const char *name, const char **separator)
{
	if (n == 0)
		return;
	buf_addf(b, "%s%u %s", *separator, n, name);
	*separator = ", ";
}

static char *
text_of(const struct buf *b)
{
	return xstrdup(buf_string(b));
}

static void
add_types(struct buf *b, const uint32_t *n)
{
	const char *separator = "";

	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		add_count(b, n[i], indicator_type_name((enum indicator_type)i),
		    &separator);
}

char *
indicator_result_text(const struct indicator_file_result *r)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(LINE_MAX_BYTES);
	const char *separator = "; ";

	add_types(b, r->n);
	if (r->n_exceptions > 0)
		buf_addf(b, "%s%u exception%s", buf_len(b) > 0 ? ", " : "",
		    r->n_exceptions, r->n_exceptions == 1 ? "" : "s");
	if (buf_len(b) == 0)
		buf_add(b, "nothing");
	if (r->n_combined > 0)
		buf_addf(b, " (%u of them with conditions)", r->n_combined);
	add_count(b, r->n_left_out, "left out", &separator);
	add_count(b, r->n_expired, "expired", &separator);
	add_count(b, r->n_revoked, "revoked", &separator);
	add_count(b, r->n_not_for_detection, "not for detection (to_ids)", &separator);
	add_count(b, r->n_other, "of other types", &separator);
	return text_of(b);
}

char *
indicator_facts_text(const struct ruleset_facts *facts)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(LINE_MAX_BYTES);

	if (facts->n_indicator_files == 0)
		return NULL;
	add_types(b, facts->n_indicators);
	buf_addf(b, "%s of %u file%s", buf_len(b) > 0 ? "" : "none",
	    facts->n_indicator_files, facts->n_indicator_files == 1 ? "" : "s");
	if (facts->n_exceptions > 0)
		buf_addf(b, ", less %u exception%s", facts->n_exceptions,
		    facts->n_exceptions == 1 ? "" : "s");
	return text_of(b);
}

json_t *
indicator_line_json(const struct indicator_file *file, unsigned line, const char *why)
{
	json_t *record = json_object();

	set_text(record, "type", "indicator_problem");
	set_int(record, "version", 1);
	set_text(record, "path", file->path);
	set_int(record, "line", line);
	set_text(record, "reason", why);
	return record;
}

json_t *
indicator_result_json(const struct indicator_file *file,
    const struct indicator_file_result *r)
{
	json_t *record = json_object();
	bool is_used = r->why == NULL || r->why[0] == 0;

	set_text(record, "type", "indicator_file");
	set_int(record, "version", 1);
	set_text(record, "path", file->path);
	set_text(record, "namespace", file->name_space);
	set(record, "used", json_boolean(is_used));
	set_text(record, "format",
	    indicator_format_name((enum indicator_format)r->format));
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		set_int(record, indicator_type_name((enum indicator_type)i), r->n[i]);
	set_int(record, "exceptions", r->n_exceptions);
	set_int(record, "combined", r->n_combined);
	set_int(record, "left_out", r->n_left_out);
	set_int(record, "expired", r->n_expired);
	set_int(record, "revoked", r->n_revoked);
	set_int(record, "not_for_detection", r->n_not_for_detection);
	set_int(record, "other", r->n_other);
	set_text(record, "reason", r->why);
	return record;
}

char *
indicator_line_text(const struct indicator_file *file, unsigned line, const char *why)
{
	MH_CLEANUP(freep) char *path = text_escape(file->path);
	MH_CLEANUP(freep) char *safe = text_escape(why);

	if (line == 0)
		return xasprintf("%s: %s", path, safe);
	return xasprintf("%s:%u: %s", path, line, safe);
}

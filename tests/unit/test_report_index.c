/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "collector/report_index.h"

#define INFO "\"finding_info\":{\"analytic\":{\"x\":[{}],\"name\":\"R\"},\"uid\":\"u\"}"

/* Compare a text of the index. */
static void
assert_text(const struct index_text *text, const char *want)
{
	assert_int_equal(text->len, strlen(want));
	assert_memory_equal(text->p, want, text->len);
}

static mh_err
read_line(const char *line, struct buf *texts, struct index_finding *ret)
{
	return report_index_line(line, strlen(line), texts, ret);
}

static void
fields_are_found_wherever_they_stand(void **state)
{
	static const struct {
		const char *line, *uid, *rule, *path;
		int64_t time_ms;
		int severity;
	} rows[] = {
		{ "{}", "", "", "", 0, 0 },
		{ " { \"time\" : 5 , \"severity_id\" : 4 , " INFO " } ", "u", "R", "", 5,
		    4 },
		{ "{" INFO ",\"evidences\":[{\"file\":{\"path\":\"/a\"}},{\"file\":{"
		  "\"path\":\"/b\"}}]}",
		    "u", "R", "/a", 0, 0 },
		{ "{\"evidences\":[{\"process\":{\"file\":{\"path\":\"/p\"}}}]}", "", "",
		    "/p", 0, 0 },
		/* The file goes before the process, in either order, also without a path. */
		{ "{\"evidences\":[{\"process\":{\"file\":{\"path\":\"/p\"}},"
		  "\"file\":{\"path\":\"/f\"}}]}",
		    "", "", "/f", 0, 0 },
		{ "{\"evidences\":[{\"file\":{\"path\":\"/f\"},\"process\":{\"file\":{"
		  "\"path\":\"/p\"}}}]}",
		    "", "", "/f", 0, 0 },
		{ "{\"evidences\":[{\"file\":{},\"process\":{\"file\":{\"path\":\"/"
		  "p\"}}}]"
		  "}",
		    "", "", "", 0, 0 },
		{ "{\"evidences\":[]}", "", "", "", 0, 0 },
		{ "{\"evidences\":[3,\"x\"],\"time\":7}", "", "", "", 7, 0 },
		{ "{\"evidences\":{},\"finding_info\":[],\"time\":\"5\"}", "", "", "", 0,
		    0 },
		{ "{\"time\":1.5,\"severity_id\":1e3}", "", "", "", 0, 0 },
		{ "{\"time\":-9223372036854775808,\"severity_id\":-1}", "", "", "",
		    INT64_MIN, 0 },
		{ "{\"time\":9223372036854775807,\"severity_id\":100}", "", "", "",
		    INT64_MAX, 99 },
		{ "{\"x\":\"}]{[,\\\"\",\"time\":3}", "", "", "", 3, 0 },
		/* Names and texts may be written in escapes. */
		{ "{\"\\u0074ime\":3,\"find\\u0069ng_info\":{\"uid\":\"\\u00e4\\\"\\\\\\n"
		  "\\ud83d\\ude00\"}}",
		    "\xc3\xa4\"\\\n\xf0\x9f\x98\x80", "", "", 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		struct buf *texts = buf_new(1000);
		struct index_finding f;

		assert_ok(read_line(rows[i].line, texts, &f));
		assert_text(&f.uid, rows[i].uid);
		assert_text(&f.rule, rows[i].rule);
		assert_text(&f.path, rows[i].path);
		assert_int_equal(f.time_ms, rows[i].time_ms);
		assert_int_equal(f.severity, rows[i].severity);
		buf_free(texts);
	}
}

static void
every_prefix_of_a_line_fails(void **state)
{
	static const char line[] =
	    "{\"time\":5,\"finding_info\":{\"uid\":\"\\u00e4\\ud83d\\ude00\"},"
	    "\"evidences\":[{\"file\":{\"path\":\"/x\"}},[{}]]}";
	struct buf *texts = buf_new(1000);
	struct index_finding f;

	(void)state;
	assert_ok(report_index_line(line, strlen(line), texts, &f));
	for (size_t len = 0; len < strlen(line); len++) {
		char *copy = xmemdup(line, len > 0 ? len : 1);

		buf_reset(texts);
		assert_err(report_index_line(copy, len, texts, &f), MH_ERR_FORMAT);
		free(copy);
	}
	buf_free(texts);
}

static void
what_is_no_text_is_refused(void **state)
{
	static const char *const lines[] = { "[]", "3", "{} x", "{\"a\" 3}",
		"{\"a\":1,}x", "{\"finding_info\":{\"uid\":\"\\u0000\"}}",
		"{\"finding_info\":{\"uid\":\"\\ud83d\"}}",
		"{\"finding_info\":{\"uid\":\"\\ude00\"}}",
		"{\"finding_info\":{\"uid\":\"\\x\"}}",
		"{\"finding_info\":{\"uid\":\"\\u12\"}}" };
	struct buf *texts = buf_new(1000);
	struct index_finding f;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(lines); i++) {
		buf_reset(texts);
		assert_err(read_line(lines[i], texts, &f), MH_ERR_FORMAT);
	}
	buf_free(texts);
}

/* A line whose path is n two-byte characters behind a prefix. */
static size_t
length_kept(const char *prefix, size_t n)
{
	struct buf *line = buf_new(64 * 1024);
	struct buf *texts = buf_new(64 * 1024);
	struct index_finding f;
	size_t len;

	buf_addf(line, "{\"evidences\":[{\"file\":{\"path\":\"%s", prefix);
	for (size_t i = 0; i < n; i++)
		buf_add(line, "\xc3\xa4");
	buf_add(line, "\"}}]}");
	assert_ok(report_index_line(buf_string(line), buf_len(line), texts, &f));
	len = f.path.len;
	buf_free(line);
	buf_free(texts);
	return len;
}

static void
a_long_text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_int_equal(length_kept("", INDEX_TEXT_MAX / 2), INDEX_TEXT_MAX);
	assert_int_equal(length_kept("", INDEX_TEXT_MAX / 2 + 1), INDEX_TEXT_MAX);
	assert_int_equal(length_kept("x", INDEX_TEXT_MAX / 2), INDEX_TEXT_MAX - 1);
	/* The same where the text has to be copied. */
	assert_int_equal(length_kept("\\u0078", INDEX_TEXT_MAX / 2), INDEX_TEXT_MAX - 1);
}

static void
texts_do_not_move_while_a_report_is_read(void **state)
{
	struct report report = { .lines_at = 0, .text = buf_new(1024 * 1024) };
	struct report_index *index = NULL;

	(void)state;
	report.header.n_findings = 1000;
	buf_add(report.text, "h\n");
	report.lines_at = 2;
	for (int i = 0; i < 1000; i++)
		buf_addf(report.text, "{\"finding_info\":{\"uid\":\"\\u0078%d\"}}\n", i);
	assert_ok(report_index_new(&report, &index));
	assert_int_equal(index->n_findings, 1000);
	assert_text(&index->findings[0].uid, "x0");
	assert_text(&index->findings[999].uid, "x999");
	report_index_free(index);
	/* Fewer lines than the header counts. */
	report.header.n_findings = 1001;
	index = NULL;
	assert_err(report_index_new(&report, &index), MH_ERR_FORMAT);
	report.header.n_findings = INDEX_FINDINGS_MAX + 1;
	assert_err(report_index_new(&report, &index), MH_ERR_TOOBIG);
	assert_null(index);
	buf_free(report.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_wherever_they_stand),
		cmocka_unit_test(every_prefix_of_a_line_fails),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(texts_do_not_move_while_a_report_is_read),
	};

	return cmocka_run_group_tests_name("report_index", tests, NULL, NULL);
}

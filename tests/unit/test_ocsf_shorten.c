/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <jansson.h>

#include "agent/ocsf.h"
#include "agent/ocsf_shorten.h"
#include "base/memory.h"

enum { LINE_MAX_BYTES = 256 * 1024, TEXT_BYTES = 4096 };

static json_t *
process_new(unsigned depth, char fill)
{
	char text[TEXT_BYTES + 1];
	json_t *process = json_object();

	memset(text, fill, TEXT_BYTES);
	text[TEXT_BYTES] = 0;
	(void)json_object_set_new(process, "cmd_line", json_string(text));
	(void)json_object_set_new(process, "uid", json_string("boot:1:2"));
	if (depth > 0)
		(void)json_object_set_new(process, "parent_process",
		    process_new(depth - 1, fill));
	return process;
}

/* A finding in a process whose ancestors have the longest command lines there are. */
static json_t *
finding_new(unsigned depth, char fill)
{
	return json_pack("{s:i, s:{s:s, s:{s:s}}, s:{s:i}, s:[{s:o}]}", "class_uid", 2004,
	    "finding_info", "uid", "the-finding", "analytic", "name", "the-rule",
	    "unmapped", "score", 80, "evidences", "process", process_new(depth, fill));
}

static void
one_that_fits_is_left_as_it_is(void **state)
{
	json_t *f = finding_new(3, 'a');
	char *plain = json_dumps(f, JSON_COMPACT);
	char *line = finding_to_line(f, strlen(plain));

	(void)state;
	assert_string_equal(line, plain);
	free(line);
	line = finding_to_line(f, strlen(plain) - 1);
	assert_true(strlen(line) < strlen(plain));
	assert_non_null(strstr(line, "\"shortened\":"));
	free(line);
	free(plain);
	json_decref(f);
}

static void
one_of_a_process_that_makes_itself_long_fits(void **state)
{
	static const char fills[] = { 'a', '\x01', '"' };

	(void)state;
	for (size_t i = 0; i < sizeof(fills); i++) {
		json_t *f = finding_new(64, fills[i]);
		MH_CLEANUP(freep) char *line = finding_to_line(f, LINE_MAX_BYTES);
		json_t *read = json_loads(line, 0, NULL);

		assert_true(strlen(line) <= LINE_MAX_BYTES);
		assert_non_null(read);
		assert_non_null(strstr(line, "\"uid\":\"the-finding\""));
		assert_non_null(strstr(line, "\"name\":\"the-rule\""));
		assert_non_null(strstr(line, "..."));
		json_decref(read);
		json_decref(f);
	}
}

static void
texts_are_cut_between_characters_and_lists_behind(void **state)
{
	json_t *list = json_array();
	json_t *f = json_object();
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64 * 1024);

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_add(b, "\xe2\x82\xac");
	for (int i = 0; i < 5000; i++)
		(void)json_array_append_new(list, json_integer(i));
	(void)json_object_set_new(f, "text", json_string(buf_string(b)));
	(void)json_object_set_new(f, "list", list);
	MH_CLEANUP(freep) char *line = finding_to_line(f, 8192);
	json_t *read = json_loads(line, 0, NULL);

	assert_non_null(read);
	assert_true(strlen(line) <= 8192);
	json_decref(read);
	json_decref(f);
}

static void
lines_of_coverage_hold_what_fits(void **state)
{
	struct coverage c = { 0 };
	struct host host;
	struct ruleset_facts rules = { 0 };
	const struct finding_context ctx = { .host = &host,
		.device_uid = "device",
		.scan_uid = "scan",
		.rules = &rules };
	MH_CLEANUP(freep) char *path = xcalloc(24 * 1024 + 1, 1);
	size_t first = 0;
	size_t n_lines = 0;

	(void)state;
	host_init(&host);
	assert_int_equal(coverage_paths_that_fit(&c, 0, 500, 1), 0);
	for (int i = 0; i < 600; i++) {
		/* Short ones, the longest, and such of bytes that are none of UTF-8. */
		memset(path, i % 3 == 0 ? 'a' : '\xff', 24 * 1024);
		path[i < 300 ? 20 : 24 * 1024] = 0;
		coverage_add_missed(&c, REASON_OPEN_HUNG, false, path, "why");
	}
	assert_int_equal(coverage_paths_that_fit(&c, 0, 100, LINE_MAX_BYTES), 100);
	while (first < c.n_paths) {
		size_t n = coverage_paths_that_fit(&c, first, 500, LINE_MAX_BYTES);
		json_t *record = coverage_to_json(&ctx, &c, first, n);
		MH_CLEANUP(freep) char *line = json_dumps(record, JSON_COMPACT);

		assert_true(n > 0);
		assert_true(strlen(line) <= LINE_MAX_BYTES);
		json_decref(record);
		first += n;
		n_lines++;
	}
	assert_int_equal(first, c.n_paths);
	assert_true(n_lines > 3);
	coverage_clear(&c);
	host_clear(&host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_fits_is_left_as_it_is),
		cmocka_unit_test(one_of_a_process_that_makes_itself_long_fits),
		cmocka_unit_test(texts_are_cut_between_characters_and_lists_behind),
		cmocka_unit_test(lines_of_coverage_hold_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

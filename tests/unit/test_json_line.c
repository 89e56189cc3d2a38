/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "transport/json_line.h"

static bool
read_text(const char *text, struct json_line *ret)
{
	return json_line_read(text, strlen(text), ret);
}

static void
class_and_type_of_the_outermost_object_are_read(void **state)
{
	struct json_line line;

	(void)state;
	assert_true(
	    read_text(" {\"x\":{\"class_uid\":1,\"type\":\"no\"},\"class_uid\":2004,"
		      "\"type\":\"coverage\"} ",
		&line));
	assert_int_equal(line.class_uid, 2004);
	assert_int_equal(line.type_len, 8);
	assert_memory_equal(line.type, "coverage", 8);
	assert_true(read_text("{\"class_uid\":2004.0,\"type\":[]}", &line));
	assert_int_equal(line.class_uid, 0);
	assert_null(line.type);
	assert_true(read_text("{}", &line));
}

static void
what_is_no_object_or_odd_is_left_to_jansson(void **state)
{
	static const char *const odd[] = { "", "[]", "{", "{\"a\":1}x", "{\"a\":1,}",
		"{\"a\":01}", "{\"a\":1e3}", "{\"a\":1,\"a\":2}", "{\"\\u0061\":1}",
		"{\"a\":\"\\ud800\"}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\x01\"}",
		"{\"a\":\"\xc0\xaf\"}", "{\"a\":truey}", "{\"a\":nul}",
		"{\"type\":\"\\u0061\"}", "{\"a\":1234567890123456789}" };
	struct json_line line;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(odd); i++)
		assert_false(read_text(odd[i], &line));
}

/* {"a":[[...]]} with so many brackets. */
static bool
nested_is_read(size_t n)
{
	MH_CLEANUP(freep) char *text = xcalloc(1, 2 * n + 16);
	struct json_line line;

	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', n);
	memset(text + 5 + n, ']', n);
	text[5 + 2 * n] = '}';
	return read_text(text, &line);
}

/* {"1":0,"2":0,...} with so many keys. */
static bool
wide_is_read(unsigned n)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1024 * 1024);
	struct json_line line;

	buf_add(b, "{");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%s\"%u\":0", i > 0 ? "," : "", i);
	buf_add(b, "}");
	return read_text(buf_string(b), &line);
}

static void
depth_and_keys_are_read_up_to_their_limits(void **state)
{
	(void)state;
	assert_true(nested_is_read(JSON_LINE_DEPTH - 1));
	assert_false(nested_is_read(JSON_LINE_DEPTH));
	assert_true(wide_is_read(JSON_LINE_KEYS));
	assert_false(wide_is_read(JSON_LINE_KEYS + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_and_type_of_the_outermost_object_are_read),
		cmocka_unit_test(what_is_no_object_or_odd_is_left_to_jansson),
		cmocka_unit_test(depth_and_keys_are_read_up_to_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <jansson.h>

#include "base/memory.h"
#include "collector/events.h"

#define AGENT "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d"

/* The text at a path of keys, "a.b.c"; "" when there is none. */
static const char *
text_at(const json_t *json, const char *path)
{
	char *copy = xstrdup(path);
	char *rest = copy;
	const char *text;

	for (char *key = strsep(&rest, "."); key != NULL; key = strsep(&rest, "."))
		json = json_object_get(json, key);
	text = json_string_value(json);
	free(copy);
	return text != NULL ? text : "";
}

static json_t *
to_ecs(const char *text)
{
	json_t *ocsf = json_loads(text, 0, NULL);
	json_t *ecs;

	assert_non_null(ocsf);
	ecs = event_to_ecs(ocsf, AGENT);
	json_decref(ocsf);
	assert_non_null(ecs);
	return ecs;
}

static void
what_is_suppressed_is_no_alert(void **state)
{
	json_t *ecs = to_ecs("{\"time\":1,\"severity_id\":4,\"status_id\":3,"
			     "\"status_detail\":\"ticket 7\",\"finding_info\":{}}");

	(void)state;
	assert_string_equal(text_at(ecs, "event.kind"), "event");
	assert_string_equal(text_at(ecs, "event.reason"), "ticket 7");
	json_decref(ecs);
}

static void
a_finding_in_a_process_is_mapped(void **state)
{
	json_t *ecs = to_ecs(
	    "{\"time\":1795400350123,\"severity_id\":4,\"message\":\"m\","
	    "\"metadata\":{\"product\":{\"version\":\"0.1.0\"},\"sequence\":7},"
	    "\"device\":{\"hostname\":\"ws\",\"os\":{\"name\":\"Debian\"}},"
	    "\"finding_info\":{\"uid\":\"u\",\"analytic\":{\"name\":\"R\"},\"attacks\":["
	    "{\"technique\":{\"uid\":\"T1055\"}}]},"
	    "\"unmapped\":{\"score\":85},"
	    "\"evidences\":[{\"process\":{\"pid\":5,\"name\":\"x\",\"cmd_line\":\"x -y\","
	    "\"file\":{\"path\":\"/"
	    "x\",\"hashes\":[{\"algorithm_id\":3,\"value\":\"ab\"}]},"
	    "\"parent_process\":{\"pid\":4,\"name\":\"sh\"}}}]}");

	(void)state;
	assert_string_equal(text_at(ecs, "@timestamp"), "2026-11-23T02:19:10.123Z");
	assert_string_equal(text_at(ecs, "event.kind"), "alert");
	assert_string_equal(text_at(ecs, "event.id"), "u");
	assert_string_equal(text_at(ecs, "rule.name"), "R");
	assert_string_equal(text_at(ecs, "agent.id"), AGENT);
	assert_string_equal(text_at(ecs, "agent.version"), "0.1.0");
	assert_string_equal(text_at(ecs, "host.hostname"), "ws");
	assert_string_equal(text_at(ecs, "host.os.name"), "Debian");
	assert_string_equal(text_at(ecs, "file.path"), "/x");
	assert_string_equal(text_at(ecs, "file.hash.sha256"), "ab");
	assert_string_equal(text_at(ecs, "process.command_line"), "x -y");
	assert_string_equal(text_at(ecs, "process.executable"), "/x");
	assert_string_equal(text_at(ecs, "process.parent.name"), "sh");
	assert_string_equal(text_at(ecs, "threat.framework"), "MITRE ATT&CK");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(ecs, "event"),
			     "risk_score")),
	    85);
	json_decref(ecs);
}

static void
what_has_another_type_is_left_out(void **state)
{
	static const char *const lines[] = { "{}",
		"{\"time\":\"x\",\"metadata\":[],\"device\":3,\"finding_info\":\"\","
		"\"unmapped\":[],\"evidences\":{}}",
		"{\"time\":-9223372036854775808,\"evidences\":[{\"file\":[],\"process\":"
		"1}]}",
		"{\"evidences\":[{\"file\":{\"hashes\":[3,{},{\"algorithm_id\":99,"
		"\"value\":\"x\"},{\"algorithm_id\":-1}]}}],\"finding_info\":{"
		"\"attacks\":[1,"
		"{},{\"technique\":{\"uid\":5}}]}}" };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(lines); i++) {
		json_t *ecs = to_ecs(lines[i]);

		assert_string_equal(text_at(ecs, "agent.id"), AGENT);
		assert_null(json_object_get(ecs, "file"));
		assert_null(json_object_get(ecs, "threat"));
		json_decref(ecs);
	}
}

static void
an_alarm_keeps_its_uid_while_it_changes(void **state)
{
	struct alarm_row a = { .id = 3,
		.agent = AGENT,
		.hostname = "ws",
		.epoch = "",
		.detail = "d",
		.note = "",
		.kind = ALARM_CLONE,
		.state = ALARM_OPEN,
		.count = 1,
		.first_ms = 1000,
		.last_ms = 1000 };
	json_t *first = alarm_to_ocsf(&a);
	json_t *closed;

	(void)state;
	a.state = ALARM_CLOSED;
	a.count = 2;
	closed = alarm_to_ocsf(&a);
	assert_string_equal(text_at(first, "finding_info.uid"),
	    text_at(closed, "finding_info.uid"));
	assert_string_equal(text_at(first, "finding_info.analytic.name"), "alarm:clone");
	assert_int_equal(json_integer_value(json_object_get(first, "activity_id")), 1);
	assert_int_equal(json_integer_value(json_object_get(closed, "activity_id")), 3);
	assert_int_equal(json_integer_value(json_object_get(closed, "type_uid")), 200403);
	event_set_place(first, 9, 8);
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(first, "metadata"),
				 "sequence")),
	    9);
	json_decref(first);
	json_decref(closed);
	/* Out of a store that was changed: what is no text. */
	a.detail = "\xff";
	first = alarm_to_ocsf(&a);
	assert_true(json_is_object(first));
	json_decref(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_in_a_process_is_mapped),
		cmocka_unit_test(what_is_suppressed_is_no_alert),
		cmocka_unit_test(what_has_another_type_is_left_out),
		cmocka_unit_test(an_alarm_keeps_its_uid_while_it_changes),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}

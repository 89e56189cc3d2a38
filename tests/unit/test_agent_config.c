/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/agent_config.h"
#include "base/attributes.h"

static mh_err
parse(const char *text, struct agent_config *ret, char **ret_why)
{
	return settings_parse(&agent_config_schema, "/a.yaml", text, strlen(text), ret,
	    ret_why);
}

static void
without_a_file_there_is_a_schedule_of_good_profiles(void **state)
{
	static const uint8_t secret[SCHEDULE_SECRET_BYTES] = { 0 };
	struct schedule *s = schedule_new(secret);
	struct agent_config c;
	struct profile p;
	char *why = NULL;

	(void)state;
	assert_ok(parse("", &c, &why));
	agent_config_schedule(&c, s);
	assert_int_equal(schedule_count(s), 2);
	assert_true(agent_config_profile(&c, "quick", &p));
	assert_true(p.has_processes && p.n_paths > 100);
	assert_int_equal(agent_config_governor(&c).least_percent, 5);
	settings_clear(&agent_config_schema, &c);
	schedule_free(s);
}

static void
an_own_profile_takes_the_place_of_a_built_in_one(void **state)
{
	struct agent_config c;
	struct profile p;
	char *why = NULL;

	(void)state;
	assert_ok(
	    parse("profiles:\n  - name: full\n    paths: [/srv, ~/work]\n", &c, &why));
	assert_true(agent_config_profile(&c, "full", &p));
	assert_int_equal(p.n_paths, 2);
	assert_false(p.has_processes);
	assert_false(agent_config_profile(&c, "slow", &p));
	settings_clear(&agent_config_schema, &c);
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "schedule:\n  - profile: slow\n    at: daily 03:00\n",
		    "/a.yaml:2:14: \"profile\": there is no profile slow" },
		{ "schedule:\n  - profile: full\n    at: daily 3\n",
		    "/a.yaml:3:9: \"at\" is \"daily 3\": a colon" },
		{ "schedule:\n  - at: hourly\n", "/a.yaml:2:5: \"profile\" is missing" },
		{ "profiles:\n  - name: a\n    paths: [x]\n",
		    "/a.yaml:3:13: \"paths\" is \"x\": a path has to begin with /" },
		{ "profiles:\n  - name: a\n",
		    "/a.yaml:2:5: \"profiles\": this profile looks" },
		{ "profiles:\n  - {name: a, processes: yes}\n  - name: a\n    processes: "
		  "yes\n",
		    "/a.yaml:3:11: \"name\": the profile a is given twice" },
		{ "profiles:\n  - name: A\n    processes: yes\n",
		    "/a.yaml:2:11: \"name\" is" },
		{ "control:\n  socket: x\n",
		    "/a.yaml:2:11: \"control.socket\" is \"x\"" },
		{ "pause:\n  cpu: 101\n", "/a.yaml:2:8: " },
		{ "watch:\n  exclude: [tmp/x]\n",
		    "/a.yaml:2:13: \"watch.exclude\" is \"tmp/x\": it has to match" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		struct agent_config c;
		char *why = NULL;

		assert_err(parse(rows[i].text, &c, &why), MH_ERR_INVALID);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			print_message("%s\n%s\n", rows[i].text, why);
		assert_memory_equal(why, rows[i].why,
		    strlen(rows[i].why) < strlen(why) ? strlen(rows[i].why)
						      : strlen(why));
		free(why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_there_is_a_schedule_of_good_profiles),
		cmocka_unit_test(an_own_profile_takes_the_place_of_a_built_in_one),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

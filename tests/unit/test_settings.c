/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/fd.h"
#include "base/memory.h"
#include "settings/settings.h"

struct config {
	char *name;
	char *state;
	struct setting_strings listen;
	bool strict;
	uint64_t body, wait_ms, workers;
	int level;
	uint64_t deep;
};

static const char *const levels[] = { "low", "high", NULL };

#define AT(field) offsetof(struct config, field)
static const struct setting rows[] = {
	{ "name", SETTING_STRING, AT(name), .max = 8, .min = 1, .help = "A name." },
	{ "state", SETTING_PATH, AT(state), "state", .help = "A folder." },
	{ "listen", SETTING_STRINGS, AT(listen), "a:1, b:2", .min = 1, .max = 3,
	    .help = "Addresses." },
	{ "strict", SETTING_BOOL, AT(strict), "yes", .help = "Strictness." },
	{ "limits.body", SETTING_SIZE, AT(body), "1M", .min = 1024, .max = 2 << 20,
	    .help = "A size." },
	{ "limits.wait", SETTING_DURATION, AT(wait_ms), "10s", .min = 1000, .max = 60000,
	    .help = "A wait." },
	{ "limits.workers", SETTING_INTEGER, AT(workers), "4", .min = 1, .max = 64,
	    .help = "A number." },
	{ "limits.level", SETTING_ENUM, AT(level), "low", .choices = levels,
	    .help = "A level." },
	{ "limits.more.deep", SETTING_INTEGER, AT(deep), "7", .help = "A deep one." },
};
static const struct settings_schema schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct config), NULL };

static const struct setting needy_rows[] = {
	{ "name", SETTING_STRING, AT(name), .required = true, .help = "A name." },
};
static const struct settings_schema needy = { needy_rows, 1, sizeof(struct config),
	NULL };

static mh_err
parse(const char *text, struct config *ret, char **ret_why)
{
	return settings_parse(&schema, "/etc/c.yaml", text, strlen(text), ret, ret_why);
}

static void
an_empty_file_gives_the_defaults(void **state)
{
	static const char *const empty[] = { "", "\n", "# nothing\n", "---\n" };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(empty); i++) {
		struct config c;
		char *why = NULL;

		assert_ok(parse(empty[i], &c, &why));
		assert_null(c.name);
		assert_string_equal(c.state, "/etc/state");
		assert_int_equal(c.listen.n, 2);
		assert_string_equal(c.listen.items[1], "b:2");
		assert_true(c.strict);
		assert_int_equal(c.body, 1 << 20);
		assert_int_equal(c.wait_ms, 10000);
		assert_int_equal(c.level, 0);
		assert_int_equal(c.deep, 7);
		settings_clear(&schema, &c);
	}
}

static void
every_type_is_read(void **state)
{
	struct config c;
	char *why = NULL;

	(void)state;
	assert_ok(parse("name: no\nstate: /var/x\nlisten: [\"[::]:1\"]\nstrict: off\n"
			"limits:\n  body: 64K\n  wait: 2s\n  workers: 64\n  level: high\n"
			"  more:\n    deep: 9\n",
	    &c, &why));
	assert_string_equal(c.name, "no");
	assert_string_equal(c.state, "/var/x");
	assert_int_equal(c.listen.n, 1);
	assert_string_equal(c.listen.items[0], "[::]:1");
	assert_false(c.strict);
	assert_int_equal(c.body, 65536);
	assert_int_equal(c.wait_ms, 2000);
	assert_int_equal(c.workers, 64);
	assert_int_equal(c.level, 1);
	assert_int_equal(c.deep, 9);
	settings_clear(&schema, &c);
}

static void
mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *text, *why;
	} rows_bad[] = {
		{ "strikt: yes\n", "/etc/c.yaml:1:1: unknown key \"strikt\"; known here: "
				   "name, state, listen, strict, limits" },
		{ "limits:\n  boby: 1\n",
		    "/etc/c.yaml:2:3: unknown key \"boby\" in \"limits\"; "
		    "known here: body, wait, workers, level, more" },
		{ "limits.body: 1M\n", "/etc/c.yaml:1:1: unknown key \"limits.body\"" },
		{ "strict: maybe\n",
		    "/etc/c.yaml:1:9: \"strict\" is \"maybe\", but has to be true "
		    "or false" },
		{ "limits: { body: 1023 }\n", "from 1KiB to 2MiB" },
		{ "limits: { body: 2097153 }\n", "/etc/c.yaml:1:17: \"limits.body\"" },
		{ "limits: { wait: 999ms }\n", "from 1s to 1m" },
		{ "limits: { workers: 0 }\n", "a whole number from 1 to 64" },
		{ "limits: { workers: 65 }\n", "a whole number from 1 to 64" },
		{ "limits: { level: mid }\n", "one of low, high" },
		{ "limits: 3\n", "\"limits\" is a section" },
		{ "name: ''\n", "text of 1 to 8 bytes" },
		{ "name: abcdefghi\n", "text of 1 to 8 bytes" },
		{ "name: \"a\\0b\"\n", "has to be text" },
		{ "name: [a]\n", "\"name\" has to be text" },
		{ "state:\n", "a path" },
		{ "listen: a\n", "a list of 1 to 3 texts" },
		{ "listen: []\n", "a list of 1 to 3 texts" },
		{ "listen: [a, b, c, d]\n", "a list of 1 to 3 texts" },
		{ "listen: [[a]]\n", "a list of 1 to 3 texts" },
		{ "name: a\nname: b\n", "/etc/c.yaml:2:1: \"name\" is given twice" },
		{ "limits: {}\nlimits: {}\n",
		    "/etc/c.yaml:2:1: section \"limits\" is given twice" },
		{ "name: &a b\n", "an anchor" },
		{ "name: *a\n", "an alias" },
		{ "name: !!str b\n", "a tag" },
		{ "name: a\n---\nname: b\n", "a second document" },
		{ "- a\n", "a configuration is a list of lines" },
		{ "? [a]\n: b\n", "a key has to be a word" },
		{ "name: a\n  x: b\n", "/etc/c.yaml:2:4: " },
		{ "name: \"\xff\"\n", "/etc/c.yaml:1:" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows_bad); i++) {
		struct config c = { .deep = 99 };
		char *why = NULL;

		assert_err(parse(rows_bad[i].text, &c, &why), MH_ERR_INVALID);
		if (strstr(why, rows_bad[i].why) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", rows_bad[i].text, why,
			    rows_bad[i].why);
		assert_int_equal(c.deep, 99);
		free(why);
	}
}

static void
a_required_key_is_missed(void **state)
{
	struct config c;
	char *why = NULL;

	(void)state;
	assert_err(settings_parse(&needy, "f", "", 0, &c, &why), MH_ERR_INVALID);
	assert_non_null(strstr(why, "\"name\" is missing"));
	free(why);
}

static void
a_value_of_any_length_is_named_with_its_place(void **state)
{
	enum { LONG = 70000 };
	char *text = xcalloc(1, LONG + 8);
	struct config c;
	char *why = NULL;

	(void)state;
	(void)snprintf(text, LONG, "name: ");
	memset(text + 6, 'x', LONG);
	assert_err(parse(text, &c, &why), MH_ERR_INVALID);
	assert_int_equal(strncmp(why, "/etc/c.yaml:1:7: ", 17), 0);
	free(why);
	free(text);
}

static void
every_prefix_ends_cleanly(void **state)
{
	static const char text[] =
	    "name: 'x'\nlisten:\n - a\n - b\nlimits:\n  more: {deep: 3}\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct config c;
		char *why = NULL;
		mh_err err = settings_parse(&schema, "f", text, n, &c, &why);

		if (err == MH_OK)
			settings_clear(&schema, &c);
		else
			assert_non_null(why);
		free(why);
	}
}

static void
what_is_printed_reads_back_the_same(void **state)
{
	struct buf *out = buf_new(65536);
	struct buf *again = buf_new(65536);
	struct config c;
	struct config d;
	char *why = NULL;

	(void)state;
	assert_ok(parse("name: 'a\"\\: #'\nlimits: {wait: 1500ms, more: {deep: 3}}\n", &c,
	    &why));
	settings_print(&schema, &c, out);
	assert_ok(parse(buf_string(out), &d, &why));
	settings_print(&schema, &d, again);
	assert_string_equal(buf_string(out), buf_string(again));
	assert_string_equal(d.name, "a\"\\: #");
	assert_int_equal(d.wait_ms, 1500);
	settings_clear(&schema, &c);
	settings_clear(&schema, &d);
	/* A new installation's file has every key, all commented out. */
	buf_reset(out);
	settings_print(&schema, NULL, out);
	assert_non_null(strstr(buf_string(out), "deep: 7"));
	assert_ok(parse(buf_string(out), &c, &why));
	assert_int_equal(c.deep, 7);
	settings_clear(&schema, &c);
	buf_free(out);
	buf_free(again);
}

static void
a_file_is_loaded_and_a_missing_or_huge_one_named(void **state)
{
	char *path = tmpdir_path(state, "c.yaml");
	char *big = xcalloc(1, SETTINGS_FILE_MAX + 1);
	struct config c;
	char *why = NULL;

	assert_err(settings_load(&schema, path, &c, &why), MH_ERR_NOTFOUND);
	assert_non_null(strstr(why, "c.yaml: there is no such file"));
	free(why);
	assert_ok(file_write_durably(path, "name: x\n", 8, 0600));
	assert_ok(settings_load(&schema, path, &c, &why));
	assert_string_equal(c.name, "x");
	settings_clear(&schema, &c);
	memset(big, '#', SETTINGS_FILE_MAX + 1);
	assert_ok(file_write_durably(path, big, SETTINGS_FILE_MAX, 0600));
	assert_ok(settings_load(&schema, path, &c, &why));
	settings_clear(&schema, &c);
	assert_ok(file_write_durably(path, big, SETTINGS_FILE_MAX + 1, 0600));
	assert_err(settings_load(&schema, path, &c, &why), MH_ERR_TOOBIG);
	free(why);
	free(big);
	free(path);
}

struct door {
	char *name;
	uint64_t width;
	struct setting_strings keys;
};
struct house {
	struct setting_tables doors;
	char *front;
};

static char *
check_name(const char *text)
{
	return text[0] == 'x' ? xstrdup("no name begins with x") : NULL;
}

static const struct setting door_rows[] = {
	{ "name", SETTING_STRING, offsetof(struct door, name), .min = 1, .required = true,
	    .check = check_name, .help = "A name." },
	{ "width", SETTING_INTEGER, offsetof(struct door, width), "90", .min = 50,
	    .max = 200, .help = "A width." },
	{ "keys", SETTING_STRINGS, offsetof(struct door, keys), .max = 2,
	    .help = "Keys." },
};
static const struct settings_schema door_schema = { door_rows, MH_ARRAY_LEN(door_rows),
	sizeof(struct door), NULL };
static const struct setting house_rows[] = {
	{ "doors", SETTING_TABLES, offsetof(struct house, doors),
	    "[{name: a}, {name: b, width: 100}]", .max = 3, .table = &door_schema,
	    .help = "Doors." },
	{ "front", SETTING_STRING, offsetof(struct house, front), "a", .help = "One." },
};

static const struct door *
door(const struct house *h, size_t i)
{
	return (const struct door *)h->doors.items + i;
}

static void
check_house(const void *values, struct settings_problem *ret)
{
	const struct house *h = values;

	for (size_t i = 0; i < h->doors.n; i++) {
		if (strcmp(door(h, i)->name, "trap") == 0) {
			ret->name = "doors";
			ret->item = i;
			ret->column = "name";
			ret->why = xstrdup("a trap is no door");
			return;
		}
	}
}

static const struct settings_schema house_schema = { house_rows, MH_ARRAY_LEN(house_rows),
	sizeof(struct house), check_house };

static mh_err
parse_house(const char *text, struct house *ret, char **ret_why)
{
	return settings_parse(&house_schema, "/h.yaml", text, strlen(text), ret, ret_why);
}

static const struct setting street_rows[] = {
	{ "doors", SETTING_TABLES, offsetof(struct house, doors), "[]",
	    .table = &door_schema, .help = "Doors." },
};
static const struct settings_schema street_schema = { street_rows,
	MH_ARRAY_LEN(street_rows), sizeof(struct house), NULL };

static void
a_list_without_a_maximum_of_its_own_has_one(void **state)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64 * 1024);
	struct house h;
	char *why = NULL;

	(void)state;
	buf_put(b, "doors:\n", 7);
	for (unsigned i = 0; i < SETTINGS_TABLES_MAX; i++)
		buf_put(b, "  - name: a\n", 12);
	assert_ok(
	    settings_parse(&street_schema, "/s.yaml", buf_data(b), buf_len(b), &h, &why));
	assert_int_equal(h.doors.n, SETTINGS_TABLES_MAX);
	settings_clear(&street_schema, &h);
	buf_put(b, "  - name: a\n", 12);
	assert_int_equal(settings_parse(&street_schema, "/s.yaml", buf_data(b),
			     buf_len(b), &h, &why),
	    MH_ERR_INVALID);
	assert_non_null(why);
	free(why);
}

static void
a_list_of_tables_is_read_with_the_defaults_of_each(void **state)
{
	struct house h;
	char *why = NULL;

	(void)state;
	assert_ok(parse_house("", &h, &why));
	assert_int_equal(h.doors.n, 2);
	assert_string_equal(door(&h, 1)->name, "b");
	assert_int_equal(door(&h, 1)->width, 100);
	settings_clear(&house_schema, &h);
	assert_ok(parse_house("doors: []\n", &h, &why));
	assert_int_equal(h.doors.n, 0);
	settings_clear(&house_schema, &h);
	assert_ok(parse_house("doors:\n  - name: c\n    keys: [x, y]\n  - name: d\n    "
			      "width: 50\n  - {name: e}\n",
	    &h, &why));
	assert_int_equal(h.doors.n, 3);
	assert_int_equal(door(&h, 0)->width, 90);
	assert_int_equal(door(&h, 0)->keys.n, 2);
	assert_int_equal(door(&h, 1)->width, 50);
	settings_clear(&house_schema, &h);
}

static void
an_error_in_a_table_names_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "doors: a\n", "/h.yaml:1:8: \"doors\" is \"a\", but has to be a" },
		{ "doors: [a]\n", "/h.yaml:1:9: \"doors\" is \"a\"" },
		{ "doors:\n  - width: 60\n", "/h.yaml:2:5: \"name\" is missing" },
		{ "doors:\n  - name: a\n    size: 1\n",
		    "/h.yaml:3:5: unknown key \"size\"; known here: name, width, keys" },
		{ "doors:\n  - name: a\n    name: b\n",
		    "/h.yaml:3:5: \"name\" is given twice" },
		{ "doors:\n  - name: a\n    width: 49\n",
		    "/h.yaml:3:12: \"width\" is \"49\"" },
		{ "doors:\n  - name: xx\n",
		    "/h.yaml:2:11: \"name\" is \"xx\": no name begins with x" },
		{ "doors:\n  - name: a\n  - name: trap\nfront: b\n",
		    "/h.yaml:3:11: \"name\": a trap is no door" },
		{ "doors: [{name: a}, {name: b}, {name: c}, {name: d}]\n",
		    "/h.yaml:1:42: " },
		{ "doors: [{name: a}]\ndoors: []\n",
		    "/h.yaml:2:1: \"doors\" is given twice" },
		{ "doors: [{name: a}\n", "/h.yaml:2:1: " },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(cases); i++) {
		struct house h;
		char *why = NULL;

		assert_err(parse_house(cases[i].text, &h, &why), MH_ERR_INVALID);
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].text, why);
		free(why);
	}
}

static void
printed_tables_read_back_the_same(void **state)
{
	struct buf *first = buf_new(SETTINGS_FILE_MAX);
	struct buf *second = buf_new(SETTINGS_FILE_MAX);
	struct house h;
	char *why = NULL;

	(void)state;
	assert_ok(
	    parse_house("doors: [{name: \"q\\\"\", keys: [a]}, {name: z}]\n", &h, &why));
	settings_print(&house_schema, &h, first);
	settings_clear(&house_schema, &h);
	assert_ok(parse_house(buf_string(first), &h, &why));
	settings_print(&house_schema, &h, second);
	assert_string_equal(buf_string(first), buf_string(second));
	settings_clear(&house_schema, &h);
	buf_free(second);
	second = buf_new(SETTINGS_FILE_MAX);
	settings_print(&house_schema, NULL, second);
	assert_non_null(strstr(buf_string(second), "#doors: [{name: \"a\", width: 90"));
	buf_free(first);
	buf_free(second);
}

static bool
may_set_limits(const struct setting *row)
{
	return strncmp(row->name, "limits.", 7) == 0;
}

static void
a_layer_changes_what_it_may_and_keeps_the_rest(void **state)
{
	static const char under[] = "name: n\nlisten: [x]\nlimits:\n  workers: 9\n";
	static const char over[] = "limits:\n  body: 2M\n  level: high\n";
	struct config base, c, copy;
	const struct settings_layer layer = { &base, may_set_limits, "is not yours" };
	char *why = NULL;

	(void)state;
	assert_ok(parse(under, &base, &why));
	assert_ok(settings_parse_over(&schema, "/o.yaml", over, strlen(over), &layer, &c,
	    &why));
	assert_string_equal(c.name, "n");
	assert_string_equal(c.state, base.state);
	assert_ptr_not_equal(c.state, base.state);
	assert_int_equal(c.listen.n, 1);
	assert_true(c.strict && c.body == 2 << 20 && c.workers == 9 && c.level == 1);
	settings_copy(&schema, &c, &copy);
	settings_clear(&schema, &c);
	assert_string_equal(copy.listen.items[0], "x");
	settings_clear(&schema, &copy);
	assert_err(settings_parse_over(&schema, "/o.yaml", "name: m\n", 8, &layer, &c,
		       &why),
	    MH_ERR_INVALID);
	assert_string_equal(why, "/o.yaml:1:1: \"name\" is not yours");
	free(why);
	assert_err(settings_parse_over(&schema, "/o.yaml", "nam: m\n", 7, &layer, &c,
		       &why),
	    MH_ERR_INVALID);
	assert_string_equal(why, "/o.yaml:1:1: unknown key \"nam\"; known here: limits");
	free(why);
	settings_clear(&schema, &base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_tables_is_read_with_the_defaults_of_each),
		cmocka_unit_test(a_list_without_a_maximum_of_its_own_has_one),
		cmocka_unit_test(an_error_in_a_table_names_its_place),
		cmocka_unit_test(printed_tables_read_back_the_same),
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(a_layer_changes_what_it_may_and_keeps_the_rest),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(a_required_key_is_missed),
		cmocka_unit_test(a_value_of_any_length_is_named_with_its_place),
		cmocka_unit_test(every_prefix_ends_cleanly),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test_setup_teardown(
		    a_file_is_loaded_and_a_missing_or_huge_one_named, tmpdir_setup,
		    tmpdir_teardown),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}

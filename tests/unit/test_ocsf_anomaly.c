/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "agent/ocsf_anomaly.h"
#include "agent/ocsf_process.h"
#include "base/memory.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

struct ground {
	struct host host;
	struct ruleset_facts rules;
	struct finding_context ctx;
	struct process parent, p;
	struct process_socket socket;
	struct anomaly a;
	json_t *json;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	host_init(&g->host);
	g->rules.engine = TEXT("libyara 4.2.3");
	g->ctx = (struct finding_context){ .host = &g->host,
		.device_uid = "device",
		.scan_uid = "scan",
		.rules = &g->rules,
		.now_ms = 1000 };
	g->socket = (struct process_socket){ .family = AF_INET,
		.protocol = IPPROTO_TCP,
		.state = TCP_ESTABLISHED,
		.local = { 127, 0, 0, 1 },
		.remote = { 10, 0, 0, 9 },
		.local_port = 4000,
		.remote_port = 443 };
	g->parent = (struct process){ .pid = 7,
		.start_ticks = 5,
		.comm = TEXT("bash"),
		.owner = TEXT("u") };
	g->p = (struct process){ .pid = 42,
		.parent = 7,
		.start_ticks = 99,
		.start_ms = 500,
		.uid = 1000,
		.owner = TEXT("u"),
		.comm = TEXT("x\xff"),
		.program = TEXT("/tmp/x (deleted)"),
		.command = TEXT("x -d"),
		.libraries = TEXT(""),
		.sockets = &g->socket,
		.n_sockets = 1,
		.n_sockets_seen = 3 };
	g->a = (struct anomaly){ .score = 80,
		.reason = TEXT("because"),
		.clue = { .kind = CLUE_CODE_CHANGED,
		    .address = 0x7f0000001000,
		    .length = 2,
		    .number = 0x1000,
		    .what = TEXT("read+0x4"),
		    .data = (uint8_t *)TEXT("\xe9\x01"),
		    .n_data = 2,
		    .expected = (uint8_t *)TEXT("\x55\x48"),
		    .n_expected = 2 } };
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	json_decref(g->json);
	host_clear(&g->host);
	free(g);
	return 0;
}

static const json_t *
make(struct ground *g)
{
	const struct process *ancestors[] = { &g->parent };
	const struct finding_history none = { 0 };

	json_decref(g->json);
	g->json = anomaly_to_ocsf(&g->ctx, &g->p, ancestors, 1, &g->a, "uid", &none);
	return g->json;
}

static const json_t *
evidence(struct ground *g, const char *key)
{
	return json_object_get(json_array_get(json_object_get(make(g), "evidences"), 0),
	    key);
}

static const json_t *
in(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);

	if (value == NULL)
		print_error("no %s\n", key);
	assert_non_null(value);
	return value;
}

static void
assert_text(const json_t *o, const char *key, const char *expected)
{
	assert_string_equal(json_string_value(in(o, key)), expected);
}

static void
an_anomaly_is_a_detection_finding(void **state)
{
	const json_t *f = make(*state);
	const json_t *info = in(f, "finding_info");
	const json_t *analytic = in(info, "analytic");

	assert_int_equal(json_integer_value(in(f, "class_uid")), 2004);
	assert_int_equal(json_integer_value(in(f, "severity_id")), 4);
	assert_true(json_is_true(in(f, "is_alert")));
	assert_int_equal(json_integer_value(in(analytic, "type_id")), 2);
	assert_text(analytic, "uid", "molehunt/anomaly/code-changed");
	assert_text(json_object_get(json_array_get(in(info, "attacks"), 0), "technique"),
	    "uid", "T1055");
	assert_int_equal(json_integer_value(in(in(f, "unmapped"), "score")), 80);
	assert_non_null(strstr(json_string_value(in(f, "message")), "because"));
}

static void
the_evidence_names_place_bytes_and_symbol(void **state)
{
	const json_t *data = in(evidence(*state, "data"), "anomaly");

	assert_text(data, "name", "code-changed");
	assert_text(data, "address", "0x7f0000001000");
	assert_text(data, "symbol", "read+0x4");
	assert_text(data, "seen", "e901");
	assert_text(data, "expected", "5548");
	assert_int_equal(json_integer_value(in(data, "file_offset")), 0x1000);
}

static void
the_evidence_names_the_process_and_its_ancestors(void **state)
{
	struct ground *g = *state;
	const json_t *process = evidence(g, "process");
	MH_CLEANUP(freep) char *uid = xasprintf("%s:42:99", g->host.boot_id);

	assert_int_equal(json_integer_value(in(process, "pid")), 42);
	assert_text(process, "name", "x\\xff");
	assert_text(process, "cmd_line", "x -d");
	assert_text(process, "path", "/tmp/x (deleted)");
	assert_text(process, "uid", uid);
	assert_text(in(process, "user"), "uid", "1000");
	assert_text(in(process, "parent_process"), "name", "bash");
}

static void
the_evidence_names_sockets(void **state)
{
	const json_t *facts = in(evidence(*state, "data"), "process");
	const json_t *socket = json_array_get(in(facts, "sockets"), 0);

	assert_text(socket, "protocol", "tcp");
	assert_text(socket, "state", "established");
	assert_text(socket, "local", "127.0.0.1:4000");
	assert_text(socket, "remote", "10.0.0.9:443");
	assert_int_equal(json_integer_value(in(facts, "n_sockets")), 3);
}

static void
a_filter_is_told_by_its_instructions(void **state)
{
	static const struct sock_filter filter[] = { { 0x28, 0, 0, 12 },
		{ 0x06, 0, 0, 0xffffffff } };
	struct ground *g = *state;
	const json_t *list = NULL;

	g->a.clue = (struct clue){ .kind = CLUE_PACKET_SOCKET,
		.number = 5,
		.what = TEXT("raw 0x0800"),
		.length = sizeof(filter),
		.data = (uint8_t *)(uintptr_t)filter,
		.n_data = sizeof(filter) };
	list = in(in(evidence(g, "data"), "anomaly"), "filter");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(list, 0), 3)),
	    12);
	assert_true(
	    json_integer_value(json_array_get(json_array_get(list, 1), 3)) == 0xffffffff);
}

static void
every_kind_of_clue_can_be_told(void **state)
{
	struct ground *g = *state;

	for (unsigned i = 0; i < CLUE_MAX_; i++) {
		g->a.clue.kind = (enum clue_kind)i;
		assert_text(in(evidence(g, "data"), "anomaly"), "name",
		    clue_name((enum clue_kind)i));
	}
}

static void
a_loop_of_ancestors_ends(void **state)
{
	struct ground *g = *state;
	const struct process *ancestors[PROCESS_ANCESTORS_MAX + 1];
	const json_t *at = NULL;
	size_t n = 0;

	for (size_t i = 0; i < PROCESS_ANCESTORS_MAX + 1; i++)
		ancestors[i] = &g->parent;
	g->json = process_to_json(&g->p, "boot", ancestors, PROCESS_ANCESTORS_MAX + 1);
	for (at = g->json; (at = json_object_get(at, "parent_process")) != NULL;)
		n++;
	assert_int_equal(n, PROCESS_ANCESTORS_MAX);
}

static void
assert_uids(struct ground *g, const struct process *other_p, const struct anomaly *other,
    bool is_same)
{
	MH_CLEANUP(freep) char *one = anomaly_uid(&g->ctx, &g->p, &g->a);
	MH_CLEANUP(freep) char *two = anomaly_uid(&g->ctx, other_p, other);

	assert_int_equal(strlen(one), 64);
	assert_true((strcmp(one, two) == 0) == is_same);
}

static void
the_uid_is_that_of_the_fact(void **state)
{
	struct ground *g = *state;
	struct anomaly other = g->a;
	struct process p = g->p;

	/* Score, words and symbols may change with a version of ours. */
	other.score = 10;
	other.reason = TEXT("else");
	other.clue.what = TEXT("read+4");
	assert_uids(g, &p, &other, true);
	other.clue.address++;
	assert_uids(g, &p, &other, false);
	other = g->a;
	other.clue.kind = CLUE_CODE_COPIED;
	assert_uids(g, &p, &other, false);
	p.start_ticks++;
	assert_uids(g, &p, &g->a, false);
}

static void
a_preload_file_is_one_fact_for_all_processes(void **state)
{
	struct ground *g = *state;
	struct process p = g->p;

	p.pid++;
	g->a.clue = (struct clue){ .kind = CLUE_PRELOAD_FILE,
		.number = 4,
		.what = TEXT("/x.so") };
	assert_uids(g, &p, &g->a, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_anomaly_is_a_detection_finding),
		TEST(the_evidence_names_place_bytes_and_symbol),
		TEST(the_evidence_names_the_process_and_its_ancestors),
		TEST(the_evidence_names_sockets),
		TEST(a_filter_is_told_by_its_instructions),
		TEST(every_kind_of_clue_can_be_told),
		TEST(a_loop_of_ancestors_ends),
		TEST(the_uid_is_that_of_the_fact),
		TEST(a_preload_file_is_one_fact_for_all_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

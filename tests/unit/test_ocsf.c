/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "agent/checks.h"
#include "agent/ocsf.h"
#include "agent/ocsf_enrich.h"
#include "base/memory.h"

enum { NOW_MS = 1800 * 1000 };

struct ground {
	struct host host;
	struct ruleset_facts rules;
	struct finding_context ctx;
	struct target t;
	struct verdict v;
	struct scan_answer answer;
	struct match *m;
	struct finding_history history;
	json_t *json;
};

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct match *m = xcalloc(1, sizeof(*m));

	host_init(&g->host);
	g->rules.engine = text("libyara 4.2.3");
	g->ctx = (struct finding_context){ .host = &g->host,
		.device_uid = "device",
		.scan_uid = "scan",
		.rules = &g->rules,
		.now_ms = NOW_MS };
	g->t = (struct target){ .path = text("/opt/x.exe"),
		.owner = text("root"),
		.dev = 1,
		.ino = 2,
		.size = 3,
		.mode = 0100755,
		.nlink = 1,
		.mtime_ns = 5000000000 };
	g->answer = (struct scan_answer){ .target = &g->t, .verdict = &g->v };
	g->v = (struct verdict){ .has_sha256 = true, .has_md5 = true, .n_matches = 1 };
	m->rule = xstrdup("rule_one");
	m->name_space = xstrdup("pack/file.yar");
	m->tags = xcalloc(1, sizeof(*m->tags));
	m->tags[m->n_tags++] = xstrdup("tag");
	m->metas = xcalloc(8, sizeof(*m->metas));
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("score"), META_NUMBER, NULL, 85 };
	m->metas[m->n_metas++] = (struct match_meta){ xstrdup("attack"), META_TEXT,
		xstrdup("T1205.002, T1014"), 0 };
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("hash"), META_TEXT, xstrdup("a"), 0 };
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("hash"), META_TEXT, xstrdup("b"), 0 };
	m->metas[m->n_metas++] =
	    (struct match_meta){ xstrdup("hash"), META_TEXT, xstrdup("c"), 0 };
	m->strings = xcalloc(1, sizeof(*m->strings));
	m->strings[m->n_strings++] = (struct match_string){ .name = xstrdup("$a"),
		.offset = 7,
		.length = 2,
		.n_data = 2,
		.data = xmemdup("\xff\x01", 2) };
	m->n_found = 4;
	g->m = m;
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	json_decref(g->json);
	match_free(g->m);
	host_clear(&g->host);
	free(g);
	return 0;
}

static void
make(struct ground *g)
{
	char *uid = finding_uid(&g->ctx, &g->answer, g->m);

	json_decref(g->json);
	g->json = finding_to_ocsf(&g->ctx, &g->answer, g->m, uid, &g->history);
	free(uid);
	assert_non_null(g->json);
}

/* What stands at a path like "evidences/0/file/path"; asserts that it is there. */
static const json_t *
at(const struct ground *g, const char *path)
{
	const json_t *v = g->json;
	char *copy = xstrdup(path);
	char *rest = copy;
	char *step;

	while ((step = strsep(&rest, "/")) != NULL && v != NULL)
		v = json_is_array(v) ? json_array_get(v, (size_t)(step[0] - '0'))
				     : json_object_get(v, step);
	free(copy);
	if (v == NULL)
		fail_msg("no %s in the finding", path);
	return v;
}

static void
assert_text(const struct ground *g, const char *path, const char *expected)
{
	assert_true(json_is_string(at(g, path)));
	assert_string_equal(json_string_value(at(g, path)), expected);
}

static void
assert_number(const struct ground *g, const char *path, long long expected)
{
	assert_true(json_is_integer(at(g, path)));
	assert_int_equal(json_integer_value(at(g, path)), expected);
}

static void
a_finding_has_what_the_class_requires(void **state)
{
	struct ground *g = *state;

	make(g);
	assert_number(g, "activity_id", 1);
	assert_number(g, "category_uid", 2);
	assert_number(g, "class_uid", 2004);
	assert_number(g, "type_uid", 200401);
	assert_number(g, "time", NOW_MS);
	assert_number(g, "severity_id", 4);
	assert_text(g, "severity", "High");
	assert_text(g, "metadata/version", "1.8.0");
	assert_text(g, "metadata/product/name", "molehunt");
	assert_text(g, "metadata/product/vendor_name", "Molehunt");
	assert_text(g, "finding_info/title", "YARA: rule_one in /opt/x.exe");
	assert_int_equal(strlen(json_string_value(at(g, "finding_info/uid"))), 64);
	assert_number(g, "device/type_id", 0);
	assert_text(g, "device/uid", "device");
	assert_number(g, "device/os/type_id", 200);
	assert_number(g, "action_id", 3);
	assert_number(g, "disposition_id", 15);
	assert_number(g, "malware/0/classification_ids/0", 0);
	assert_number(g, "malware_scan_info/type_id", 1);
	assert_number(g, "observables/0/type_id", 8);
	char *line = json_dumps(g->json, JSON_COMPACT);

	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	free(line);
}

static void
the_evidence_is_the_rule_and_the_file(void **state)
{
	struct ground *g = *state;

	make(g);
	assert_text(g, "evidences/0/file/path", "/opt/x.exe");
	assert_text(g, "evidences/0/file/name", "x.exe");
	assert_number(g, "evidences/0/file/type_id", 8);
	assert_number(g, "evidences/0/file/size", 3);
	assert_number(g, "evidences/0/file/modified_time", 5000);
	assert_text(g, "evidences/0/file/owner/name", "root");
	assert_text(g, "evidences/0/file/hashes/0/algorithm", "MD5");
	assert_number(g, "evidences/0/file/hashes/1/algorithm_id", 3);
	assert_text(g, "evidences/0/data/yara/rule", "rule_one");
	assert_text(g, "evidences/0/data/yara/namespace", "pack/file.yar");
	assert_text(g, "evidences/0/data/yara/tags/0", "tag");
	assert_text(g, "evidences/0/data/yara/meta/hash/2", "c");
	assert_number(g, "evidences/0/data/yara/strings/0/offset", 7);
	assert_text(g, "evidences/0/data/yara/strings/0/hex", "ff01");
	assert_number(g, "evidences/0/data/yara/n_strings", 4);
	assert_text(g, "evidences/0/data/file/mode", "0755");
	assert_text(g, "finding_info/attacks/1/technique/uid", "T1014");
	assert_null(json_object_get(at(g, "evidences/0/data/file"), "path_hex"));
	g->m->strings[0].is_hash = true;
	make(g);
	assert_text(g, "evidences/0/data/yara/strings/0/sha256", "ff01");
}

static void
a_file_tells_where_it_was_loaded_from(void **state)
{
	struct ground *g = *state;

	make(g);
	assert_null(json_object_get(at(g, "evidences/0"), "url"));
	assert_null(json_object_get(at(g, "evidences/0/data/file"), "origin"));
	g->v.origin_url = text("https://example.org/\xff");
	g->v.origin_referrer = text("https://example.org/page");
	make(g);
	assert_text(g, "evidences/0/url/url_string", "https://example.org/\\xff");
	assert_text(g, "evidences/0/data/file/origin/url", "https://example.org/\\xff");
	assert_text(g, "evidences/0/data/file/origin/referrer",
	    "https://example.org/page");
}

static void
assert_agrees(struct ground *g, const struct package_facts *f, const char *md5,
    const char *sha256, json_type expected)
{
	finding_add_package(g->json, f, md5, sha256);
	assert_int_equal(json_typeof(at(g, "evidences/0/data/package/checksum_agrees")),
	    expected);
	assert_int_equal(json_object_get(at(g, "evidences/0/data/package"), "reason") !=
			     NULL,
	    expected == JSON_NULL);
}

static void
a_package_is_told_with_whether_its_checksum_agrees(void **state)
{
	static const char zeros[] = "00000000000000000000000000000000";
	struct ground *g = *state;
	struct package_facts f = { .database = PACKAGE_DB_DPKG,
		.name = text("tool"),
		.version = text("2:3-4"),
		.architecture = text("all\xff"),
		.algorithm = PACKAGE_DIGEST_MD5,
		.is_config = true };

	make(g);
	assert_agrees(g, &f, zeros, NULL, JSON_TRUE);
	assert_text(g, "evidences/0/data/package/name", "tool");
	assert_text(g, "evidences/0/data/package/version", "2:3-4");
	assert_text(g, "evidences/0/data/package/architecture", "all\\xff");
	assert_text(g, "evidences/0/data/package/database", "dpkg");
	assert_text(g, "evidences/0/data/package/algorithm", "MD5");
	assert_text(g, "evidences/0/data/package/expected", zeros);
	assert_true(json_is_true(at(g, "evidences/0/data/package/is_config")));
	assert_agrees(g, &f, "01", zeros, JSON_FALSE);
	assert_agrees(g, &f, NULL, zeros, JSON_NULL);
	f.algorithm = PACKAGE_DIGEST_SHA256;
	assert_agrees(g, &f, zeros, zeros, JSON_FALSE);
	assert_agrees(g, &f, zeros, NULL, JSON_NULL);
	finding_add_package_facts(g->json, &f);
	assert_true(json_is_true(at(g, "evidences/0/data/package/checksum_agrees")));
	f.digest[31] = 1;
	finding_add_package_facts(g->json, &f);
	assert_true(json_is_false(at(g, "evidences/0/data/package/checksum_agrees")));
	f.algorithm = PACKAGE_DIGEST_SHA512;
	assert_agrees(g, &f, zeros, zeros, JSON_NULL);
	f.algorithm = PACKAGE_DIGEST_NONE;
	assert_agrees(g, &f, zeros, zeros, JSON_NULL);
}

static void
a_file_without_a_package_says_why(void **state)
{
	struct ground *g = *state;
	struct package_facts f = { .unknown = PACKAGE_UNKNOWN_UNSUPPORTED };

	make(g);
	assert_agrees(g, &f, NULL, NULL, JSON_NULL);
	assert_text(g, "evidences/0/data/package/reason",
	    "a database that is not read: Berkeley DB or ndb of rpm");
	assert_null(json_object_get(at(g, "evidences/0/data/package"), "name"));
	/* What was there stays. */
	assert_text(g, "evidences/0/data/yara/rule", "rule_one");
}

static void
an_actor_is_told_with_its_ancestors(void **state)
{
	struct ground *g = *state;
	struct actor_parent parents[] = { { 20, 3, text("/bin/sh") },
		{ 1, 0, text("init") } };
	struct actor a = { .pid = 21,
		.start_ticks = 5,
		.uid = 1000,
		.loginuid = 1001,
		.owner = text("kim"),
		.comm = text("dropper"),
		.program = text("/tmp/a\xff"),
		.command = text("./a -x"),
		.cgroup = text("/user.slice"),
		.container = text("c0ffee"),
		.parents = parents,
		.n_parents = 2 };

	make(g);
	finding_add_actor(g->json, &a, "boot");
	assert_number(g, "evidences/0/actor/process/pid", 21);
	assert_text(g, "evidences/0/actor/process/uid", "boot:21:5");
	assert_text(g, "evidences/0/actor/process/name", "dropper");
	assert_text(g, "evidences/0/actor/process/cmd_line", "./a -x");
	assert_text(g, "evidences/0/actor/process/path", "/tmp/a\\xff");
	assert_text(g, "evidences/0/actor/process/file/path", "/tmp/a\\xff");
	assert_number(g, "evidences/0/actor/process/file/type_id", 8);
	assert_text(g, "evidences/0/actor/process/user/name", "kim");
	assert_text(g, "evidences/0/actor/process/user/uid", "1000");
	assert_text(g, "evidences/0/actor/process/container/uid", "c0ffee");
	assert_text(g, "evidences/0/actor/process/parent_process/path", "/bin/sh");
	assert_text(g, "evidences/0/actor/process/parent_process/name", "sh");
	assert_text(g, "evidences/0/actor/process/parent_process/uid", "boot:20:3");
	assert_text(g, "evidences/0/actor/process/parent_process/parent_process/name",
	    "init");
	assert_null(json_object_get(
	    at(g, "evidences/0/actor/process/parent_process/parent_process"), "path"));
	assert_number(g, "evidences/0/data/actor/login_uid", 1001);
	assert_text(g, "evidences/0/data/actor/cgroup", "/user.slice");
	assert_true(json_is_false(at(g, "evidences/0/data/actor/ended")));
	a = (struct actor){ .is_gone = true, .pid = 3, .loginuid = UINT32_MAX };
	finding_add_actor(g->json, &a, "boot");
	assert_null(json_object_get(at(g, "evidences/0/actor/process"), "uid"));
	assert_null(json_object_get(at(g, "evidences/0/data/actor"), "login_uid"));
	assert_true(json_is_true(at(g, "evidences/0/data/actor/ended")));
}

static void
a_name_that_is_not_utf8_is_escaped_and_kept_in_bytes(void **state)
{
	struct ground *g = *state;

	g->t.path = text("/opt/a\xff\n");
	make(g);
	assert_text(g, "evidences/0/file/path", "/opt/a\\xff\\x0a");
	assert_text(g, "evidences/0/data/file/path_hex", "2f6f70742f61ff0a");
	assert_text(g, "message", "YARA rule rule_one matched /opt/a\\xff\\x0a");
	assert_text(g, "malware/0/path", "/opt/a\\xff\\x0a");
	free(g->m->metas[2].text);
	g->m->metas[2].text = xstrdup("\xfe");
	free(g->m->metas[2].name);
	g->m->metas[2].name = xstrdup("k\xfe");
	free(g->m->strings[0].name);
	g->m->strings[0].name = xstrdup("$\xfe");
	make(g);
	assert_text(g, "evidences/0/data/yara/meta/k\\xfe", "\\xfe");
	char *line = json_dumps(g->json, JSON_COMPACT);

	assert_non_null(line);
	free(line);
}

static void
the_uid_is_stable_and_differs_for_each_fact(void **state)
{
	struct ground *g = *state;
	char *first = finding_uid(&g->ctx, &g->answer, g->m);
	char *uids[8];

	g->ctx.now_ms++;
	g->ctx.scan_uid = "another scan";
	uids[0] = finding_uid(&g->ctx, &g->answer, g->m);
	assert_string_equal(uids[0], first);
	g->ctx.device_uid = "other";
	uids[1] = finding_uid(&g->ctx, &g->answer, g->m);
	g->t.path = text("/opt/y.exe");
	uids[2] = finding_uid(&g->ctx, &g->answer, g->m);
	g->v.sha256[0] = 1;
	uids[3] = finding_uid(&g->ctx, &g->answer, g->m);
	g->m->rule[0] = 'R';
	uids[4] = finding_uid(&g->ctx, &g->answer, g->m);
	g->m->name_space[0] = 'P';
	uids[5] = finding_uid(&g->ctx, &g->answer, g->m);
	g->m->metas[g->m->n_metas++] =
	    (struct match_meta){ xstrdup("version"), META_NUMBER, NULL, 2 };
	uids[6] = finding_uid(&g->ctx, &g->answer, g->m);
	g->v.has_sha256 = false;
	uids[7] = finding_uid(&g->ctx, &g->answer, g->m);
	for (size_t i = 1; i < MH_ARRAY_LEN(uids); i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(uids[i], uids[j]);
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(uids); i++)
		free(uids[i]);
	free(first);
}

static void
a_finding_in_a_member_names_the_archive_and_the_member(void **state)
{
	struct ground *g = *state;
	char *whole = finding_uid(&g->ctx, &g->answer, g->m);

	g->m->part = PART_MEMBER;
	g->m->part_name = xstrdup("!/a\xff!/x.so");
	g->m->image_size = 9;
	g->m->has_part_sha256 = true;
	make(g);
	assert_text(g, "evidences/0/file/path", "/opt/x.exe");
	assert_text(g, "evidences/0/data/member/path", "/opt/x.exe!/a\\xff!/x.so");
	assert_text(g, "evidences/0/data/member/name_hex", "212f61ff212f782e736f");
	assert_number(g, "evidences/0/data/member/size", 9);
	assert_text(g, "malware/0/path", "/opt/x.exe!/a\\xff!/x.so");
	assert_text(g, "observables/1/name", "evidences.data.member.sha256");
	char *first = finding_uid(&g->ctx, &g->answer, g->m);

	assert_string_not_equal(first, whole);
	g->m->part_sha256[0] = 1;
	char *second = finding_uid(&g->ctx, &g->answer, g->m);

	assert_string_not_equal(first, second);
	/* What stands around the member in the archive is of no account. */
	g->v.sha256[0] ^= 1;
	char *third = finding_uid(&g->ctx, &g->answer, g->m);

	assert_string_equal(second, third);
	free(whole);
	free(first);
	free(second);
	free(third);
}

static void
a_check_is_a_finding_without_a_rule(void **state)
{
	struct ground *g = *state;

	match_free(g->m);
	g->m = check_match_new(CHECK_DESIGN_FILES);
	check_match_add_number(g->m, "design_files", 12);
	assert_true(check_complete(g->m));
	make(g);
	assert_text(g, "finding_info/types/0", "check");
	assert_text(g, "finding_info/analytic/name", "design-files-in-staging-folder");
	assert_number(g, "finding_info/analytic/type_id", 2);
	assert_number(g, "evidences/0/data/check/facts/design_files", 12);
	assert_number(g, "unmapped/score", 60);
	assert_null(json_object_get(g->json, "malware"));
	assert_null(json_object_get(at(g, "evidences/0/data"), "yara"));
}

static void
a_recurring_finding_is_an_update_with_a_count(void **state)
{
	struct ground *g = *state;

	g->history = (struct finding_history){ .first_ms = 77, .count = 3 };
	make(g);
	assert_number(g, "activity_id", 2);
	assert_number(g, "type_uid", 200402);
	assert_number(g, "count", 4);
	assert_number(g, "finding_info/first_seen_time", 77);
	assert_number(g, "finding_info/last_seen_time", NOW_MS);
}

static void
severity_follows_the_bands_of_the_score(void **state)
{
	static const struct {
		unsigned score;
		int severity;
		const char *name;
	} table[] = { { 0, 1, "Informational" }, { 39, 1, "Informational" },
		{ 40, 2, "Low" }, { 59, 2, "Low" }, { 60, 3, "Medium" },
		{ 79, 3, "Medium" }, { 80, 4, "High" }, { 89, 4, "High" },
		{ 90, 5, "Critical" }, { 100, 5, "Critical" } };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		assert_int_equal(severity_id_of(table[i].score), table[i].severity);
		assert_string_equal(severity_name(table[i].severity), table[i].name);
	}
	assert_string_equal(severity_name(0), "Unknown");
}

static void
what_kills_workers_is_a_finding_of_its_own(void **state)
{
	struct ground *g = *state;
	char *uid = poisoned_uid(&g->ctx, &g->answer);

	g->v.detail = text("killed by signal 11");
	g->json = poisoned_to_ocsf(&g->ctx, &g->answer, uid, &g->history);
	assert_text(g, "finding_info/uid", uid);
	assert_text(g, "finding_info/analytic/uid", "molehunt/poisoned");
	assert_text(g, "message", "killed by signal 11");
	assert_number(g, "class_uid", 2004);
	g->rules.id[0] = 1;
	char *other = poisoned_uid(&g->ctx, &g->answer);

	assert_string_not_equal(uid, other);
	free(other);
	free(uid);
}

static void
coverage_comes_in_pieces_and_a_summary_counts_it_all(void **state)
{
	struct ground *g = *state;
	struct coverage c = { 0 };

	coverage_add_scanned(&c, 10, 1);
	coverage_add_missed(&c, REASON_DENIED, false, "/a", NULL);
	coverage_add_missed(&c, REASON_DENIED, false, "/b\xff", "why");
	coverage_add_missed(&c, REASON_TIMEOUT, true, "/c", NULL);
	coverage_add_count(&c, REASON_FIFO, 5);
	g->json = summary_to_json(&g->ctx, &c, 0, true);
	assert_text(g, "type", "summary");
	assert_number(g, "scanned", 1);
	assert_number(g, "missed", 3);
	assert_number(g, "not_scanned/permission", 2);
	assert_number(g, "passed_over/fifo", 5);
	assert_text(g, "started", "1970-01-01T00:00:00.000Z");
	json_decref(g->json);
	g->json = coverage_to_json(&g->ctx, &c, 1, 1);
	assert_text(g, "type", "coverage");
	assert_number(g, "first", 1);
	assert_int_equal(json_array_size(at(g, "paths")), 1);
	assert_text(g, "paths/0/path", "/b\\xff");
	assert_text(g, "paths/0/reason", "permission");
	assert_text(g, "paths/0/detail", "why");
	json_decref(g->json);
	g->json = coverage_to_json(&g->ctx, &c, 2, 100);
	assert_int_equal(json_array_size(at(g, "paths")), 1);
	coverage_clear(&c);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_finding_has_what_the_class_requires),
		with_ground(the_evidence_is_the_rule_and_the_file),
		with_ground(a_name_that_is_not_utf8_is_escaped_and_kept_in_bytes),
		with_ground(a_file_tells_where_it_was_loaded_from),
		with_ground(a_package_is_told_with_whether_its_checksum_agrees),
		with_ground(a_file_without_a_package_says_why),
		with_ground(an_actor_is_told_with_its_ancestors),
		with_ground(the_uid_is_stable_and_differs_for_each_fact),
		with_ground(a_finding_in_a_member_names_the_archive_and_the_member),
		with_ground(a_check_is_a_finding_without_a_rule),
		with_ground(a_recurring_finding_is_an_update_with_a_count),
		with_ground(severity_follows_the_bands_of_the_score),
		with_ground(what_kills_workers_is_a_finding_of_its_own),
		with_ground(coverage_comes_in_pieces_and_a_summary_counts_it_all),
	};

	return cmocka_run_group_tests_name("ocsf", tests, NULL, NULL);
}

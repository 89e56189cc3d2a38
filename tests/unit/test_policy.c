/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <inttypes.h>

#include "agent/policy.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_minisign.h"

#define HEAD                                   \
	"policy:\n  id: fleet\n  version: 7\n" \
	"  issued: 2026-11-25T12:00:00Z\n"     \
	"  expires: 2027-02-25T12:00:00Z\n"

struct ground {
	char *folder;
	struct mh_signer *signer;
	struct minisign_key key;
	struct agent_config local, merged;
	struct policy_facts facts;
	struct policy_trust trust;
	char *why;
};

static int64_t
time_of(const char *text)
{
	int64_t ms = 0;

	assert_ok(clock_parse(text, &ms));
	return ms;
}

static int
setup(void **state)
{
	static const char local[] = "scan:\n  jobs: 2\n  timeout: 40s\n"
				    "  exclude: [/local]\npause:\n  cpu: 50\n"
				    "profiles:\n  - {name: own, paths: [/srv]}\n";
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->signer = mh_signer_new(1);
	g->key = mh_signer_key(g->signer);
	g->trust = (struct policy_trust){ .key = &g->key,
		.now_ms = time_of("2026-12-01T00:00:00Z") };
	*state = g;
	return settings_parse(&agent_config_schema, "/a.yaml", local, strlen(local),
		   &g->local, &g->why) == MH_OK
		   ? 0
		   : -1;
}

static void
forget(struct ground *g)
{
	settings_clear(&agent_config_schema, &g->merged);
	policy_facts_clear(&g->facts);
	free(g->why);
	g->why = NULL;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	forget(g);
	settings_clear(&agent_config_schema, &g->local);
	mh_signer_free(g->signer);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

static mh_err
open_signed(struct ground *g, const char *text, size_t len, const char *signature)
{
	const struct policy_file file = { (const uint8_t *)text, len,
		(const uint8_t *)signature, strlen(signature) };

	forget(g);
	mh_err err =
	    policy_open(&file, &g->trust, &g->local, &g->merged, &g->facts, &g->why);

	assert_int_equal(err != MH_OK, g->why != NULL);
	assert_int_equal(err == MH_OK, g->facts.id != NULL);
	return err;
}

static mh_err
open_text(struct ground *g, const char *text)
{
	char *signature = mh_signer_sign(g->signer, text, strlen(text));
	mh_err err = open_signed(g, text, strlen(text), signature);

	free(signature);
	return err;
}

static void
what_it_says_lies_over_the_machines_own(void **state)
{
	struct ground *g = *state;
	struct profile p;

	assert_ok(open_text(g, HEAD "scan:\n  exclude: [/fleet, /two]\n"
				    "pause:\n  on_battery: no\n"
				    "schedule:\n  - {profile: own, at: hourly}\n"));
	assert_string_equal(g->facts.id, "fleet");
	assert_int_equal(g->facts.version, 7);
	assert_true(g->facts.issued_ms == time_of("2026-11-25T12:00:00Z"));
	assert_int_equal(g->merged.scan_exclude.n, 2);
	assert_string_equal(g->merged.scan_exclude.items[0], "/fleet");
	assert_false(g->merged.pause_on_battery);
	assert_int_equal(g->merged.schedule.n, 1);
	/* What it does not say stays, set there or not. */
	assert_int_equal(g->merged.scan_jobs, 2);
	assert_int_equal(g->merged.scan_timeout_ms, 40000);
	assert_int_equal(g->merged.pause_cpu, 50);
	assert_true(g->merged.watch_enabled);
	assert_string_equal(g->merged.control_socket, g->local.control_socket);
	assert_true(agent_config_profile(&g->merged, "own", &p));
	assert_string_equal(p.paths[0], "/srv");
	/* The machine's own is as it was. */
	assert_int_equal(g->local.scan_exclude.n, 1);
	assert_ok(open_text(g, HEAD));
	assert_int_equal(g->merged.schedule.n, g->local.schedule.n);
}

static void
each_setting_is_the_fleets_or_the_machines(void **state)
{
	static const char *const machines[] = { "packs", "groups", "indicators",
		"scan.jobs", "scan.archives", "scan.matched", "cache.enabled",
		"cache.max_entries", "cache.reread_after", "report.max_age",
		"spool.max_size", "spool.max_status", "spool.min_free", "control.socket",
		"control.group", "policy.key", "log.level", "delivery.collectors",
		"delivery.proxy", "delivery.proxy_password_file", "delivery.no_proxy",
		"delivery.replay_rate", "delivery.return_after", "metrics.listen" };
	static const char *const fleets[] = { "overrides", "profiles", "schedule",
		"scan.exclude", "scan.max_file_size", "scan.timeout", "limits.memory" };
	struct ground *g = *state;
	size_t n = 0;

	for (size_t i = 0; i < agent_config_schema.n; i++) {
		const struct setting *row = &agent_config_schema.rows[i];
		bool is_fleets = strncmp(row->name, "watch.", 6) == 0 ||
				 strncmp(row->name, "pause.", 6) == 0;

		for (size_t k = 0; k < MH_ARRAY_LEN(fleets); k++)
			is_fleets |= strcmp(row->name, fleets[k]) == 0;
		for (size_t k = 0; k < MH_ARRAY_LEN(machines); k++)
			n += strcmp(row->name, machines[k]) == 0;
		assert_int_equal(policy_may_set(row), is_fleets);
		n += is_fleets;
	}
	/* A new setting has to be put into one of the lists. */
	assert_int_equal(n, agent_config_schema.n);
	assert_err(open_text(g, HEAD "control:\n  socket: /x\n"), MH_ERR_INVALID);
	assert_string_equal(g->why,
	    "policy.yaml:7:3: \"control.socket\" may not be set by a policy: it stays "
	    "with the machine");
}

static void
nothing_is_read_before_the_signature_is_good(void **state)
{
	static const char broken[] = "[";
	struct ground *g = *state;
	struct mh_signer *other = mh_signer_new(2), *twin = mh_signer_new(1);
	char *good = mh_signer_sign(g->signer, HEAD, strlen(HEAD));
	char *others = mh_signer_sign(other, HEAD, strlen(HEAD));
	char *twins = mh_signer_sign(twin, HEAD, strlen(HEAD));

	assert_ok(open_signed(g, HEAD, strlen(HEAD), good));
	assert_err(open_signed(g, HEAD, strlen(HEAD) - 1, good), MH_ERR_SIGNATURE);
	assert_err(open_signed(g, HEAD "\n", strlen(HEAD) + 1, good), MH_ERR_SIGNATURE);
	assert_err(open_signed(g, broken, 1, good), MH_ERR_SIGNATURE);
	assert_err(open_signed(g, HEAD, strlen(HEAD), others), MH_ERR_NOTFOUND);
	assert_err(open_signed(g, HEAD, strlen(HEAD), twins), MH_ERR_SIGNATURE);
	assert_err(open_signed(g, HEAD, strlen(HEAD), ""), MH_ERR_FORMAT);
	assert_err(open_signed(g, HEAD, strlen(HEAD), "x\n"), MH_ERR_FORMAT);
	assert_err(open_text(g, broken), MH_ERR_INVALID);
	free(good);
	free(others);
	free(twins);
	mh_signer_free(other);
	mh_signer_free(twin);
}

static void
a_policy_has_at_most_so_many_bytes(void **state)
{
	struct ground *g = *state;
	char *text = xcalloc(POLICY_BYTES_MAX + 2, 1);

	memset(text, '\n', POLICY_BYTES_MAX + 1);
	memcpy(text, HEAD, strlen(HEAD));
	assert_err(open_text(g, text), MH_ERR_TOOBIG);
	text[POLICY_BYTES_MAX] = 0;
	assert_ok(open_text(g, text));
	free(text);
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "policy.yaml:1:1: \"policy.id\" is missing" },
		{ "policy: 7\n", "policy.yaml:1:9: \"policy\" is a section" },
		{ "policy:\n  id: a b\n", "policy.yaml:2:7: \"policy.id\" is \"a b\"" },
		{ "policy:\n  version: 0\n", "policy.yaml:2:12: \"policy.version\"" },
		{ "policy:\n  version: 9223372036854775808\n", "policy.yaml:2:12: " },
		{ "policy:\n  issued: yesterday\n", "policy.yaml:2:11: " },
		{ "policy:\n  expires: 2026-13-01T00:00:00Z\n", "policy.yaml:2:12: " },
		{ "policy:\n  key: /x\n",
		    "policy.yaml:2:3: \"policy.key\" may not be set by a policy" },
		{ HEAD "packs: [/x]\n", "policy.yaml:6:1: \"packs\" may not be set" },
		{ HEAD "spool:\n  max_size: 1MiB\n", "policy.yaml:7:3: \"spool.max" },
		{ HEAD "log:\n  level: debug\n", "policy.yaml:7:3: \"log.level\" may" },
		{ HEAD "pause:\n  cpu: 101\n", "policy.yaml:7:8: \"pause.cpu\" is" },
		{ HEAD "pause:\n  gpu: 1\n", "policy.yaml:7:3: unknown key \"gpu\"" },
		{ HEAD "schedule:\n  - {profile: none, at: hourly}\n",
		    "policy.yaml:7:15: \"profile\": there is no profile" },
		{ HEAD "limits:\n  memory: 512KiB\n", "policy.yaml:7:11: " },
		{ HEAD "pause: &a\n  cpu: 10\n", "policy.yaml:6:8: " },
		{ HEAD "---\n" HEAD, "policy.yaml:" },
		{ HEAD "pause:\n  cpu: 10\n  cpu: 20\n", "policy.yaml:8:3: " },
	};
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		assert_err(open_text(g, rows[i].text), MH_ERR_INVALID);
		if (strncmp(g->why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%s\n%s", rows[i].text, g->why);
	}
	assert_err(open_text(g,
		       "policy: {id: a, version: 1, issued: 2027-01-01T00:00:00Z, "
		       "expires: 2027-01-01T00:00:00Z}\n"),
	    MH_ERR_INVALID);
	assert_string_equal(g->why, "policy a: it expires before it is issued");
}

static void
a_version_never_goes_back(void **state)
{
	struct ground *g = *state;
	uint8_t in_force[POLICY_SHA256_BYTES];

	g->trust.floor = 8;
	assert_err(open_text(g, HEAD), MH_ERR_DENIED);
	assert_string_equal(g->why,
	    "policy fleet: version 7 is older than 8, which was accepted");
	g->trust.floor = 7;
	assert_ok(open_text(g, HEAD));
	memcpy(in_force, g->facts.sha256, sizeof(in_force));
	g->trust.in_force = in_force;
	assert_ok(open_text(g, HEAD));
	assert_err(open_text(g, HEAD "# changed\n"), MH_ERR_EXISTS);
	g->trust.floor = 6;
	assert_ok(open_text(g, HEAD "# changed\n"));
	/* Neither is what was kept believed once a later one was accepted. */
	g->trust.floor = 8;
	g->trust.is_kept = true;
	assert_err(open_text(g, HEAD), MH_ERR_DENIED);
}

static void
times_are_checked_when_it_comes_and_not_when_it_was_kept(void **state)
{
	struct ground *g = *state;
	int64_t issued = time_of("2026-11-25T12:00:00Z");
	int64_t expires = time_of("2027-02-25T12:00:00Z");

	g->trust.now_ms = issued - POLICY_AHEAD_MAX_MS;
	assert_ok(open_text(g, HEAD));
	g->trust.now_ms--;
	assert_err(open_text(g, HEAD), MH_ERR_AGAIN);
	g->trust.now_ms = expires - 1;
	assert_ok(open_text(g, HEAD));
	assert_false(policy_is_expired(&g->facts, expires - 1));
	g->trust.now_ms = expires;
	assert_err(open_text(g, HEAD), MH_ERR_EXPIRED);
	assert_string_equal(g->why,
	    "policy fleet: it expired at 2027-02-25T12:00:00.000Z");
	g->trust.is_kept = true;
	assert_ok(open_text(g, HEAD));
	assert_true(policy_is_expired(&g->facts, expires));
	g->trust.now_ms = 0;
	assert_ok(open_text(g, HEAD));
}

static void
assert_copy(const struct ground *g, enum policy_copy copy, const char *text)
{
	struct buf *t = buf_new(POLICY_BYTES_MAX), *s = buf_new(MINISIGN_FILE_MAX);
	mh_err err = policy_read(g->folder, copy, t, s);

	assert_err(err, text != NULL ? MH_OK : MH_ERR_NOTFOUND);
	if (text != NULL) {
		assert_string_equal(buf_string(t), text);
		assert_string_equal(buf_string(s), "signature");
	}
	buf_free(t);
	buf_free(s);
}

static void
what_is_kept_is_whole_at_each_moment(void **state)
{
	struct ground *g = *state;
	struct policy_file file = { (const uint8_t *)"one", 3,
		(const uint8_t *)"signature", 9 };
	char *blocked = xasprintf("%s/policy.yaml.minisig", g->folder);

	assert_copy(g, POLICY_KEPT, NULL);
	assert_ok(policy_keep(g->folder, &file));
	assert_copy(g, POLICY_KEPT, "one");
	assert_copy(g, POLICY_NEW, NULL);
	/* It ends between the two files of the pair: a folder cannot be replaced. */
	assert_int_equal(unlink(blocked), 0);
	assert_ok(folder_make(blocked, 0700));
	file.text = (const uint8_t *)"two";
	assert_err(policy_keep(g->folder, &file), MH_ERR_SYSTEM);
	assert_copy(g, POLICY_NEW, "two");
	assert_int_equal(rmdir(blocked), 0);
	assert_ok(policy_drop(g->folder));
	assert_copy(g, POLICY_KEPT, NULL);
	assert_copy(g, POLICY_NEW, NULL);
	assert_ok(policy_drop(g->folder));
	free(blocked);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(what_it_says_lies_over_the_machines_own),
		with_ground(each_setting_is_the_fleets_or_the_machines),
		with_ground(nothing_is_read_before_the_signature_is_good),
		with_ground(a_policy_has_at_most_so_many_bytes),
		with_ground(what_is_wrong_is_told_with_its_place),
		with_ground(a_version_never_goes_back),
		with_ground(times_are_checked_when_it_comes_and_not_when_it_was_kept),
		with_ground(what_is_kept_is_whole_at_each_moment),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Successors of a pair: written beside it, put in its place, and killed on the way. */
#include "tests/unit/mh_test.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/identity.h"

struct ground {
	struct fleet *fleet;
	char *folder;
	struct identity id; /* borrows from fleet */
	struct fleet_pair next;
	struct identity *loaded;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->fleet = fleet_new();
	g->id = (struct identity){ .agent = FLEET_AGENT,
		.collector = "https://collector.example:8443",
		.enrolled_ms = FLEET_NOW_MS,
		.machine_id = "0123456789abcdef0123456789abcdef",
		.key = g->fleet->signing.key,
		.cert = g->fleet->signing.cert,
		.ca = g->fleet->ca.cert };
	g->next =
	    fleet_issue(g->fleet, "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing",
		"emailProtection", FLEET_NOW_MS, FLEET_NOW_MS + 30 * FLEET_DAY_MS);
	if (identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1) !=
	    MH_OK)
		return -1;
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	identity_free(g->loaded);
	fleet_pair_clear(&g->next);
	fleet_free(g->fleet);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

static struct identity *
load(struct ground *g)
{
	const char *why = "";

	identity_free(g->loaded);
	g->loaded = NULL;
	assert_ok(identity_load(g->folder, IDENTITY_AGENT, &g->loaded, &why));
	return g->loaded;
}

static bool
is_there(const struct ground *g, const char *name)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", g->folder, name);

	return access(path, F_OK) == 0;
}

static void
a_successor_lies_beside_the_pair_until_it_has_worked(void **state)
{
	struct ground *g = *state;
	struct identity *id = load(g);
	struct identity_pair pair;

	assert_string_equal(id->machine_id, g->id.machine_id);
	assert_null(id->next_cert);
	assert_ok(identity_store_next(g->folder, IDENTITY_AGENT, id, g->next.key,
	    g->next.cert));
	assert_true(is_there(g, "signing.key.new") && is_there(g, "signing.pem.new"));
	id = load(g);
	assert_int_equal(X509_cmp(id->cert, g->id.cert), 0);
	pair = identity_pair_at(id, FLEET_NOW_MS);
	assert_true(pair.is_next);
	assert_int_equal(X509_cmp(pair.cert, g->next.cert), 0);
	/* Not valid by this clock: the old pair is used, and the successor stays. */
	pair = identity_pair_at(id, FLEET_NOW_MS - FLEET_DAY_MS);
	assert_false(pair.is_next);
	assert_ok(identity_promote(g->folder, IDENTITY_AGENT, id));
	assert_int_equal(X509_cmp(id->cert, g->next.cert), 0);
	assert_false(is_there(g, "signing.key.new") || is_there(g, "signing.pem.new"));
	id = load(g);
	assert_int_equal(X509_cmp(id->cert, g->next.cert), 0);
	assert_null(id->next_cert);
}

static void
a_successor_that_is_dropped_leaves_the_pair(void **state)
{
	struct ground *g = *state;
	struct identity *id = load(g);

	assert_ok(identity_store_next(g->folder, IDENTITY_AGENT, id, g->next.key,
	    g->next.cert));
	identity_drop_next(g->folder, IDENTITY_AGENT, id);
	assert_null(id->next_cert);
	assert_false(is_there(g, "signing.key.new") || is_there(g, "signing.pem.new"));
	assert_int_equal(X509_cmp(load(g)->cert, g->id.cert), 0);
}

static void
what_is_no_successor_is_refused_and_taken_away(void **state)
{
	struct ground *g = *state;
	struct identity *id = load(g);
	MH_CLEANUP(freep) char *key = xasprintf("%s/signing.key.new", g->folder);
	MH_CLEANUP(freep) char *other = xasprintf("%s/signing.key", g->folder);

	assert_err(identity_store_next(g->folder, IDENTITY_AGENT, id,
		       g->fleet->signing.key, g->next.cert),
	    MH_ERR_CERTIFICATE);
	assert_err(identity_store_next(g->folder, IDENTITY_AGENT, id, g->fleet->tls.key,
		       g->fleet->tls.cert),
	    MH_ERR_CERTIFICATE);
	assert_false(is_there(g, "signing.key.new"));
	/* A certificate beside a key that is not its own. */
	assert_ok(identity_store_next(g->folder, IDENTITY_AGENT, id, g->next.key,
	    g->next.cert));
	assert_int_equal(unlink(key), 0);
	assert_int_equal(link(other, key), 0);
	assert_null(load(g)->next_cert);
	assert_false(is_there(g, "signing.key.new") || is_there(g, "signing.pem.new"));
}

/* The whole renewal of files, as a process of its own. */
static void
renew(const struct ground *g)
{
	struct identity *id = NULL;
	const char *why = "";

	if (identity_load(g->folder, IDENTITY_AGENT, &id, &why) == MH_OK &&
	    (id->next_cert != NULL || identity_store_next(g->folder, IDENTITY_AGENT, id,
					  g->next.key, g->next.cert) == MH_OK))
		mh_ignore(identity_promote(g->folder, IDENTITY_AGENT, id));
	_exit(0);
}

/* Run renew() and kill it before its system call number n; false: it ended before. */
static bool
kill_at(const struct ground *g, unsigned n)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		renew(g);
	}
	(void)waitpid(pid, &status, 0);
	/* Each call stops twice: when it begins, and when it has been done. */
	for (unsigned i = 0; i < 2 * n && WIFSTOPPED(status); i++) {
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		(void)waitpid(pid, &status, 0);
	}
	if (!WIFSTOPPED(status))
		return false;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return true;
}

static void
killed_at_any_system_call_it_leaves_one_whole_pair(void **state)
{
	struct ground *g = *state;
	unsigned n = 1;
	unsigned n_old = 0;
	unsigned n_new = 0;

	for (; kill_at(g, n); n++) {
		const struct identity *id = load(g);
		bool is_old = X509_cmp(id->cert, g->id.cert) == 0;

		n_old += is_old;
		n_new += !is_old;
		assert_true(is_old || X509_cmp(id->cert, g->next.cert) == 0);
		assert_true(certificate_has_key(id->cert, id->key));
		if (id->next_cert != NULL)
			assert_true(certificate_has_key(id->next_cert, id->next_key));
		/* Back to the beginning, but for what was left lying. */
		assert_ok(identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1,
		    (gid_t)-1));
		identity_drop_next(g->folder, IDENTITY_AGENT, g->loaded);
	}
	print_message("killed at %u system calls: %u times the old pair, %u the new\n",
	    n - 1, n_old, n_new);
	assert_true(n_old > 10 && n_new > 0);
	assert_int_equal(X509_cmp(load(g)->cert, g->next.cert), 0);
}

static void
renewal_is_due_at_two_thirds_and_a_little_by_chance(void **state)
{
	const struct certificate_facts facts = { .not_before_ms = FLEET_NOW_MS,
		.not_after_ms = FLEET_NOW_MS + 30 * FLEET_DAY_MS };
	int64_t first = FLEET_NOW_MS + 20 * FLEET_DAY_MS;
	int64_t last = 0;

	(void)state;
	assert_int_equal(identity_renew_ms(&facts, 0), first);
	for (uint32_t chance = 1; chance < 5000; chance++) {
		int64_t at = identity_renew_ms(&facts, chance);

		assert_true(at >= first && at < first + 30 * FLEET_DAY_MS / 12);
		last = at > last ? at : last;
	}
	assert_true(last > first + 2 * FLEET_DAY_MS);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_successor_lies_beside_the_pair_until_it_has_worked),
		with_ground(a_successor_that_is_dropped_leaves_the_pair),
		with_ground(what_is_no_successor_is_refused_and_taken_away),
		with_ground(killed_at_any_system_call_it_leaves_one_whole_pair),
		cmocka_unit_test(renewal_is_due_at_two_thirds_and_a_little_by_chance),
	};

	return cmocka_run_group_tests_name("identity renewal", tests, NULL, NULL);
}

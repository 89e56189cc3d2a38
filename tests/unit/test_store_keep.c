/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "collector/store.h"
#include "tests/unit/mh_store.h"

enum { HOUR = 3600 * 1000, DAY = 24 * HOUR };
#define START (INT64_C(1000) * DAY)

struct ground {
	void *tmpdir;
	char *path;
	struct store *st;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup(&g->tmpdir) != 0)
		return -1;
	g->path = tmpdir_path(&g->tmpdir, "store.db");
	assert_ok(store_create(g->path));
	assert_ok(store_open(g->path, &g->st));
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;
	int result = 0;

	store_close(g->st);
	result = tmpdir_teardown(&g->tmpdir);
	free(g->path);
	free(g);
	return result;
}

/* Reports from..to, an hour apart. */
static void
put(struct ground *g, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		const struct store_report r = { .sequence = i,
			.fill = (uint8_t)i,
			.sealed_ms = START + (int64_t)i * HOUR,
			.received_ms = START + (int64_t)i * HOUR };

		assert_ok(store_report(g->st, &r));
	}
}

/* Prune all that was received before that hour; how many went. */
static unsigned
prune_before(struct ground *g, int hour, unsigned max)
{
	unsigned all = 0;
	unsigned n = 0;
	bool more = true;

	while (more) {
		assert_ok(store_prune(g->st, DAY, START + hour * (int64_t)HOUR + DAY, max,
		    &n, &more));
		assert_true(n <= max);
		all += n;
	}
	return all;
}

static mh_err
take_stub(const struct pruned_row *p, void *arg)
{
	struct pruned_row *ret = arg;

	assert_non_null(p->previous);
	assert_non_null(p->digest);
	*ret = *p;
	ret->previous = NULL;
	ret->digest = NULL;
	return MH_OK;
}

static void
on_fault(const struct store_fault *f, void *arg)
{
	(void)fprintf(stderr, "%s/%s/%llu: %s\n", f->agent, f->epoch,
	    (unsigned long long)f->sequence, f->what);
	(*(int *)arg)++;
}

static int
faults(struct store *st)
{
	int n = 0;

	assert_ok(store_check(st, on_fault, &n));
	return n;
}

static void
what_is_pruned_leaves_a_stub(void **state)
{
	struct ground *g = *state;
	struct pruned_row stub = { .first = 0 };

	put(g, 1, 50);
	assert_int_equal(prune_before(g, 21, 7), 20);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM reports"), 30);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM findings"), 30);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM pruned"), 1);
	assert_ok(store_pruned_each(g->st, take_stub, &stub));
	assert_int_equal(stub.first, 1);
	assert_int_equal(stub.last, 20);
	assert_int_equal(stub.n_findings, 20);
	assert_int_equal(stub.first_received_ms, START + HOUR);
	assert_int_equal(stub.last_received_ms, START + 20 * (int64_t)HOUR);
	assert_int_equal(faults(g->st), 0);
	/* The chain goes on behind it, and from nothing but it. */
	assert_int_equal(prune_before(g, 100, 100), 30);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM pruned"), 1);
	put(g, 51, 52);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM alarms"), 0);
	assert_int_equal(faults(g->st), 0);
}

static void
what_was_pruned_and_comes_again_is_no_alarm(void **state)
{
	struct ground *g = *state;

	put(g, 1, 10);
	assert_int_equal(prune_before(g, 9, 100), 8);
	put(g, 5, 5);
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM alarms"), 0);
	assert_int_equal(prune_before(g, 9, 100), 1);
	assert_int_equal(faults(g->st), 0);
}

static void
an_open_alarm_holds_its_epoch(void **state)
{
	struct ground *g = *state;
	struct store_report fork = { .sequence = 3, .fill = 99, .received_ms = START };

	put(g, 1, 10);
	assert_ok(store_report_again(g->st, &fork));
	assert_int_equal(prune_before(g, 100, 3), 0);
	assert_ok(store_alarm_close(g->st, 1, "", START + HOUR));
	assert_int_equal(prune_before(g, 100, 3), 10);
	/* The alarm is as old, and goes with them. */
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM alarms"), 0);
	assert_int_equal(faults(g->st), 0);
}

static void
space_is_given_back(void **state)
{
	struct ground *g = *state;
	int64_t before;
	unsigned n = 0;
	bool more = false;

	put(g, 1, 2000);
	before = store_ask(g->path, "PRAGMA page_count");
	(void)prune_before(g, 3000, 100);
	for (int i = 0; i < 20; i++)
		assert_ok(store_prune(g->st, DAY, START, 100, &n, &more));
	assert_true(store_ask(g->path, "PRAGMA page_count") < before / 2);
	assert_int_equal(store_ask(g->path, "PRAGMA freelist_count"), 0);
}

static void
a_copy_is_whole_and_one_file(void **state)
{
	struct ground *g = *state;
	char *copy = tmpdir_path(&g->tmpdir, "copy.db");
	char *wal = tmpdir_path(&g->tmpdir, "copy.db-wal");
	struct store *st = NULL;
	int64_t copied_ms = 9;

	put(g, 1, 10);
	assert_ok(store_backup(g->st, copy, NULL, NULL));
	assert_err(store_backup(g->st, copy, NULL, NULL), MH_ERR_EXISTS);
	assert_int_not_equal(access(wal, F_OK), 0);
	put(g, 11, 20);
	assert_int_equal(store_ask(copy, "SELECT count(*) FROM reports"), 10);
	assert_ok(store_serve(g->st, START, &copied_ms));
	assert_int_equal(copied_ms, 0);
	assert_ok(store_open(copy, &st));
	assert_int_equal(faults(st), 0);
	store_close(st);
	free(wal);
	free(copy);
}

static void
what_a_restored_copy_missed_is_its_own_loss(void **state)
{
	struct ground *g = *state;
	char *copy = tmpdir_path(&g->tmpdir, "copy.db");
	int64_t event;
	int64_t copied_ms = 0;

	put(g, 1, 10);
	assert_ok(store_backup(g->st, copy, NULL, NULL));
	put(g, 11, 20);
	event = store_ask(g->path, "SELECT value FROM numbers WHERE name = 'event'");
	store_close(g->st);
	assert_ok(store_open(copy, &g->st));
	assert_ok(store_serve(g->st, START + 20 * (int64_t)HOUR, &copied_ms));
	assert_true(copied_ms != 0);
	assert_ok(store_serve(g->st, START, &copied_ms));
	assert_int_equal(copied_ms, 0);
	/* In any order: what is missing before the first of them is the store's loss. */
	put(g, 23, 23);
	put(g, 22, 22);
	put(g, 21, 21);
	/* Who read the original to its end gets all that is new. */
	assert_true(store_ask(copy, "SELECT max(id) FROM reports") > event);
	assert_int_equal(store_ask(copy, "SELECT sequence FROM alarms WHERE kind ="
					 " 'restored' AND state = 0"),
	    21);
	assert_int_equal(store_ask(copy, "SELECT count(*) FROM alarms WHERE state < 3"),
	    1);
	/* What is missing after that is the agent's. */
	put(g, 25, 25);
	assert_int_equal(store_ask(copy,
			     "SELECT count(*) FROM alarms WHERE kind = 'gap'"),
	    1);
	free(copy);
}

/* The schema of version 1, as it was released. */
static const char version_1[] =
    "CREATE TABLE agents (agent TEXT PRIMARY KEY, enrolled_ms INTEGER NOT NULL,"
    " seen_ms INTEGER NOT NULL DEFAULT 0, revoked_ms INTEGER NOT NULL DEFAULT 0,"
    " hostname TEXT NOT NULL DEFAULT '', os TEXT NOT NULL DEFAULT '',"
    " version TEXT NOT NULL DEFAULT '') WITHOUT ROWID;"
    /* labels: bit n is set when the certificate of label n was issued. */
    "CREATE TABLE tokens (digest BLOB PRIMARY KEY, note TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, agent TEXT,"
    " used_ms INTEGER NOT NULL DEFAULT 0, labels INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID;"
    "CREATE TABLE certificates (id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
    " label TEXT NOT NULL, issued_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL,"
    " der BLOB NOT NULL);"
    "CREATE INDEX certificates_agent ON certificates (agent, issued_ms);"
    "CREATE TABLE reports (id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
    " epoch TEXT NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL,"
    " previous BLOB NOT NULL, sealed_ms INTEGER NOT NULL, received_ms INTEGER NOT "
    "NULL,"
    " findings INTEGER NOT NULL, coverage INTEGER NOT NULL, der BLOB NOT NULL,"
    " UNIQUE (agent, epoch, sequence));"
    "CREATE TABLE receipts (report INTEGER PRIMARY KEY REFERENCES reports, der BLOB "
    "NOT NULL);"
    "CREATE TABLE findings (id INTEGER PRIMARY KEY, report INTEGER NOT NULL"
    " REFERENCES reports, uid TEXT NOT NULL, agent TEXT NOT NULL, rule TEXT NOT NULL,"
    " severity INTEGER NOT NULL, path TEXT NOT NULL, time_ms INTEGER NOT NULL,"
    " json TEXT NOT NULL);"
    "CREATE INDEX findings_report ON findings (report);"
    "CREATE INDEX findings_uid ON findings (uid);"
    "CREATE INDEX findings_agent ON findings (agent, time_ms);"
    "CREATE INDEX findings_rule ON findings (rule, time_ms);"
    "CREATE INDEX findings_time ON findings (time_ms);"
    "CREATE TABLE coverage (id INTEGER PRIMARY KEY, report INTEGER NOT NULL"
    " REFERENCES reports, json TEXT NOT NULL);"
    "CREATE INDEX coverage_report ON coverage (report);"
    /* One row for each key and kind, however often it happens. */
    "CREATE TABLE alarms (kind TEXT NOT NULL, agent TEXT NOT NULL, epoch TEXT NOT "
    "NULL,"
    " sequence INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    " count INTEGER NOT NULL DEFAULT 1, digest BLOB, closed_ms INTEGER NOT NULL "
    "DEFAULT 0,"
    " PRIMARY KEY (agent, epoch, sequence, kind)) WITHOUT ROWID;";

/* What a store of version 1 held: two agents, a gap that closed, a chain that did not. */
static const char content_1[] =
    "PRAGMA user_version = 1;"
    "INSERT INTO agents VALUES ('" STORE_AGENT "', 5, 6000, 0, 'ws-12', 'Debian', '0.1'),"
    " ('00000000-0000-4000-8000-000000000000', 4, 0, 7, '', '', '');"
    "INSERT INTO tokens VALUES (zeroblob(32), 'note', 1, 2, NULL, 0, 0);"
    "INSERT INTO certificates VALUES (1, '" STORE_AGENT "', 'tls', 1, 2, x'00');"
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
    " INSERT INTO reports SELECT i, '" STORE_AGENT "', CASE WHEN i <= 150 THEN"
    " '" STORE_EPOCH "' ELSE '22222222-2222-4333-8444-555555555555' END,"
    " (i - 1) % 150 + 1, randomblob(32), randomblob(32), 5000 + i, 6000 + i, 3, 1,"
    " randomblob(2000) FROM n;"
    "INSERT INTO receipts SELECT id, randomblob(100) FROM reports;"
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 599)"
    " INSERT INTO findings SELECT NULL, i / 3 + 1, 'u' || i, '" STORE_AGENT "', 'R', 4,"
    " '/x' || i, 5000 + i, hex(randomblob(700)) FROM n;"
    "INSERT INTO coverage SELECT NULL, id, '{}' FROM reports;"
    "INSERT INTO alarms VALUES ('gap', '" STORE_AGENT "', '" STORE_EPOCH "', 3, 1, 1, 1,"
    " zeroblob(32), 9), ('chain', '" STORE_AGENT "', '" STORE_EPOCH "', 4, 1, 1, 1,"
    " zeroblob(32), 0);";

static char *
make_version_1(struct ground *g)
{
	char *path = tmpdir_path(&g->tmpdir, "old.db");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	(void)fclose(f);
	store_change(path, "PRAGMA journal_mode = WAL");
	store_change(path, version_1);
	store_change(path, content_1);
	return path;
}

/* All that was in it is in its new place. */
static void
check_migrated(const char *path)
{
	static const struct {
		const char *sql;
		int64_t n;
	} rows[] = {
		{ "PRAGMA user_version", 3 },
		{ "SELECT count(*) FROM agents", 2 },
		{ "SELECT reports * 1000 + findings FROM agents WHERE hostname = 'ws-12'",
		    200600 },
		{ "SELECT count(*) FROM agents WHERE revoked_ms = 7", 1 },
		{ "SELECT count(*) FROM tokens", 1 },
		{ "SELECT count(*) FROM certificates", 1 },
		{ "SELECT count(*) FROM epochs", 2 },
		{ "SELECT count(*) FROM epochs e JOIN reports r ON r.epoch = e.id AND"
		  " r.sequence = e.last_sequence AND r.digest = e.last_digest",
		    2 },
		{ "SELECT count(*) FROM reports WHERE length(der) = 2000 AND"
		  " length(receipt) = 100",
		    200 },
		{ "SELECT count(*) FROM findings", 600 },
		/* The 3rd finding of report 7 was the 21st of all. */
		{ "SELECT count(*) FROM findings WHERE id = (7 << 20) + 2 AND path ="
		  " '/x20' AND uid = 'u20' AND time_ms = 5020",
		    1 },
		{ "SELECT state FROM alarms WHERE kind = 'gap'", 2 },
		{ "SELECT state FROM alarms WHERE kind = 'chain'", 1 },
		{ "SELECT value FROM numbers WHERE name = 'event'", 202 },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++)
		assert_int_equal(store_ask(path, rows[i].sql), rows[i].n);
}

static void
a_store_of_version_1_is_migrated(void **state)
{
	struct ground *g = *state;
	char *path = make_version_1(g);
	struct store *st = NULL;

	assert_ok(store_open(path, &st));
	check_migrated(path);
	assert_int_equal(faults(st), 0);
	assert_int_equal(store_ask(path, "PRAGMA auto_vacuum"), 2);
	store_close(st);
	free(path);
}

static void
a_migration_that_is_killed_begins_anew(void **state)
{
	struct ground *g = *state;
	char *path = make_version_1(g);
	struct store *st = NULL;

	for (int ms = 0; ms < 40; ms += 2) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			mh_ignore(store_open(path, &st));
			_exit(0);
		}
		(void)usleep((useconds_t)ms * 1000);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_ok(store_open(path, &st));
	check_migrated(path);
	assert_int_equal(faults(st), 0);
	store_close(st);
	free(path);
}

#define with_store(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(what_is_pruned_leaves_a_stub),
		with_store(what_was_pruned_and_comes_again_is_no_alarm),
		with_store(an_open_alarm_holds_its_epoch),
		with_store(space_is_given_back),
		with_store(a_copy_is_whole_and_one_file),
		with_store(what_a_restored_copy_missed_is_its_own_loss),
		with_store(a_store_of_version_1_is_migrated),
		with_store(a_migration_that_is_killed_begins_anew),
	};

	return cmocka_run_group_tests_name("store_keep", tests, NULL, NULL);
}

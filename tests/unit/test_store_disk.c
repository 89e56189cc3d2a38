/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collector's store on a disk that forgets what was not synced, that is full, and
 * that fails: a report whose transaction was committed is there afterwards, once.
 */
#include "tests/unit/mh_test.h"
#include "tests/unit/mh_vfs.h"

#include "base/memory.h"
#include "collector/store.h"
#include "tests/unit/mh_store.h"

enum {
	POWER_CUTS = 200,
	OPERATIONS_MAX = 40, /* of the disk, until power is lost */
	BATCHES = 5,         /* transactions in one run */
	BATCH_REPORTS = 4,
	REPORTS_MAX = 40 * 1000,
	NOW_MS = 6000,
};

struct ground {
	void *tmpdir;
	char *path;
	struct store *st;
	uint64_t n;                    /* sequences that were tried */
	bool is_stored[REPORTS_MAX];   /* answered: it has to be there */
	bool is_doubtful[REPORTS_MAX]; /* not answered: there or not */
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup(&g->tmpdir) != 0)
		return -1;
	g->path = tmpdir_path(&g->tmpdir, "store.db");
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;
	int result = 0;

	mh_vfs_install(1);
	store_close(g->st);
	result = tmpdir_teardown(&g->tmpdir);
	free(g->path);
	free(g);
	return result;
}

static void
reopen(struct ground *g)
{
	store_close(g->st);
	g->st = NULL;
	assert_ok(store_open(g->path, &g->st));
}

/* As the writer does: reports that share a transaction, answered when it is committed. */
static void
store_batch(struct ground *g)
{
	uint64_t first = g->n + 1;
	mh_err err = store_begin(g->st);

	for (unsigned i = 0; i < BATCH_REPORTS; i++) {
		struct store_report r = { .sequence = ++g->n,
			.fill = (uint8_t)(g->n % 251 + 1),
			.sealed_ms = NOW_MS,
			.received_ms = NOW_MS };

		assert_true(g->n < REPORTS_MAX);
		g->is_doubtful[g->n] = true;
		if (err == MH_OK)
			err = store_report(g->st, &r);
	}
	if (err == MH_OK)
		err = store_commit(g->st);
	if (err != MH_OK) {
		store_rollback(g->st);
		return;
	}
	for (uint64_t s = first; s <= g->n; s++) {
		g->is_stored[s] = true;
		g->is_doubtful[s] = false;
	}
}

static void
check_all(struct ground *g)
{
	for (uint64_t s = 1; s <= g->n; s++) {
		struct report_key key = { STORE_AGENT, STORE_EPOCH, s };
		MH_CLEANUP(buf_freep) struct buf *receipt = buf_new(1000);
		uint8_t digest[DIGEST_BYTES];
		bool found = false;

		assert_ok(store_report_find(g->st, &key, &found, digest, receipt));
		if (g->is_doubtful[s]) {
			g->is_stored[s] = found;
			g->is_doubtful[s] = false;
		}
		if (found != g->is_stored[s])
			fail_msg("report %llu of %llu", (unsigned long long)s,
			    (unsigned long long)g->n);
		if (found)
			assert_int_equal(digest[0], (uint8_t)(s % 251 + 1));
	}
	/* Findings go with their reports. */
	assert_int_equal(store_ask(g->path, "SELECT count(*) FROM reports"),
	    store_ask(g->path, "SELECT count(*) FROM findings"));
	assert_int_equal(store_ask(g->path,
			     "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
	    1);
}

static void
what_was_committed_survives_power_loss(void **state)
{
	struct ground *g = *state;
	unsigned n_lost = 0;

	mh_vfs_install(20261126);
	assert_ok(store_create(g->path));
	for (unsigned round = 0; round < POWER_CUTS; round++) {
		reopen(g);
		mh_vfs_fail_at(round * 7 % OPERATIONS_MAX, MH_VFS_POWER, true);
		for (unsigned n = 0; n < BATCHES && !mh_vfs_has_failed(); n++)
			store_batch(g);
		n_lost += mh_vfs_has_failed();
		mh_vfs_lose_power();
		store_close(g->st);
		g->st = NULL;
		mh_vfs_come_back();
		reopen(g);
		check_all(g);
	}
	assert_in_range(n_lost, POWER_CUTS / 2, POWER_CUTS);
}

static void
try_each_operation(struct ground *g, enum mh_vfs_fault fault, bool is_lasting)
{
	bool has_failed = true;

	for (unsigned at = 0; has_failed; at++) {
		reopen(g);
		mh_vfs_fail_at(at, fault, is_lasting);
		for (unsigned n = 0; n < BATCHES; n++)
			store_batch(g);
		has_failed = mh_vfs_has_failed();
		/* The same connection goes on when the disk is sound again. */
		mh_vfs_fail_at(0, MH_VFS_NONE, false);
		store_batch(g);
		check_all(g);
	}
}

static void
a_full_or_failing_disk_at_any_write_loses_nothing(void **state)
{
	struct ground *g = *state;

	mh_vfs_install(3);
	assert_ok(store_create(g->path));
	try_each_operation(g, MH_VFS_FULL, false);
	try_each_operation(g, MH_VFS_FULL, true);
	try_each_operation(g, MH_VFS_EIO, false);
	try_each_operation(g, MH_VFS_EIO, true);
	assert_true(g->n > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_committed_survives_power_loss,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_full_or_failing_disk_at_any_write_loses_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

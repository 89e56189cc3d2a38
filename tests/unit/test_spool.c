/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "transport/spool.h"

#define AGENT "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d"

enum { NOW_MS = 1000 * 1000, KILL_ROUNDS = 12 };

struct ground {
	char *folder;
	char *path;
	struct spool *sp;
	struct spool_options options;
	struct spool_opening opening;
	bool is_mounted;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->path = xasprintf("%s/spool.db", g->folder);
	g->options.host_id = "host";
	*state = g;
	return 0;
}

static void
close_it(struct ground *g)
{
	spool_close(g->sp);
	g->sp = NULL;
	free(g->opening.damaged);
	g->opening.damaged = NULL;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	close_it(g);
	if (g->is_mounted)
		(void)umount2(g->folder, MNT_DETACH);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g->path);
	free(g);
	return 0;
}

static void
open_it(struct ground *g)
{
	close_it(g);
	assert_ok(spool_open(g->path, &g->options, NOW_MS, &g->sp, &g->opening));
}

/* One finding, one coverage line if asked, one target; texts are the caller's. */
static mh_err
store_one(struct spool *sp, const char *uid, size_t padding)
{
	MH_CLEANUP(freep)
	char *json = xasprintf("{\"class_uid\":2004,\"uid\":\"%s\",\"x\":\"%*s\"}", uid,
	    (int)padding, "");
	const struct spool_finding f = { .uid = uid,
		.rule = "r",
		.pack = "p",
		.severity = 4,
		.path = uid,
		.path_len = strlen(uid),
		.seen_ms = NOW_MS,
		.json = json,
		.json_len = strlen(json) };
	const struct spool_scanned s = { .path = uid,
		.path_len = strlen(uid),
		.size = 1 };
	const struct spool_batch b = { .findings = &f,
		.n_findings = 1,
		.scanned = &s,
		.n_scanned = 1,
		.now_ms = NOW_MS };

	return spool_store(sp, &b);
}

static struct spool_statistics
statistics(struct ground *g)
{
	struct spool_statistics s;

	assert_ok(spool_statistics(g->sp, &s));
	return s;
}

/* Seal all that is pending under a stand-in for an envelope. */
static void
seal_with(struct ground *g, const char *der, struct report_header *ret)
{
	struct spool_lines *lines = NULL;

	memset(ret, 0, sizeof(*ret));
	assert_ok(spool_pending_read(g->sp, true, &lines));
	assert_ok(spool_next_header(g->sp, ret));
	assert_ok(
	    spool_seal(g->sp, lines, lines->n, ret, (const uint8_t *)der, strlen(der)));
	spool_lines_free(lines);
}

static void
what_was_stored_is_there_after_reopening(void **state)
{
	struct ground *g = *state;
	struct spool_history h;
	struct stat st;

	open_it(g);
	assert_true(g->opening.is_new_epoch);
	assert_ok(store_one(g->sp, "a", 0));
	open_it(g);
	assert_false(g->opening.is_new_epoch);
	assert_null(g->opening.damaged);
	assert_int_equal(statistics(g).n_pending, 1);
	assert_int_equal(statistics(g).oldest_pending_ms, NOW_MS);
	assert_ok(spool_history_find(g->sp, "a", &h));
	assert_string_equal(h.rule, "r");
	assert_int_equal(h.count, 1);
	spool_history_clear(&h);
	assert_err(spool_history_find(g->sp, "b", &h), MH_ERR_NOTFOUND);
	assert_int_equal(stat(g->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
a_recurring_finding_counts_up(void **state)
{
	struct ground *g = *state;
	struct spool_history h;

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	assert_ok(store_one(g->sp, "a", 0));
	assert_ok(spool_history_find(g->sp, "a", &h));
	assert_int_equal(h.count, 2);
	spool_history_clear(&h);
	assert_int_equal(statistics(g).n_history, 1);
	assert_int_equal(statistics(g).n_pending, 2);
}

static bool
count_history(const struct spool_history *h, void *arg)
{
	unsigned *n = arg;

	assert_true(h->count > 0);
	return ++*n < 2;
}

static void
history_is_walked_until_told_to_stop(void **state)
{
	struct ground *g = *state;
	unsigned n = 0;

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	assert_ok(store_one(g->sp, "b", 0));
	assert_ok(store_one(g->sp, "c", 0));
	assert_ok(spool_history_each(g->sp, 0, 100, count_history, &n));
	assert_int_equal(n, 2);
	n = 0;
	assert_ok(spool_history_each(g->sp, 0, 1, count_history, &n));
	assert_int_equal(n, 1);
	n = 0;
	assert_ok(spool_history_each(g->sp, NOW_MS + 1, 100, count_history, &n));
	assert_int_equal(n, 0);
}

static void
a_target_is_scanned_only_as_it_was(void **state)
{
	struct ground *g = *state;
	struct spool_scanned t = { .path = "/a\xff\0b",
		.path_len = 5,
		.dev = 1,
		.ino = UINT64_MAX,
		.size = 3,
		.mtime_ns = -4,
		.ctime_ns = 5 };
	const struct spool_batch b = { .scanned = &t, .n_scanned = 1 };

	open_it(g);
	assert_ok(spool_store(g->sp, &b));
	assert_ok(spool_scanned_check(g->sp, &t));
	t.mtime_ns++;
	assert_err(spool_scanned_check(g->sp, &t), MH_ERR_NOTFOUND);
	t.mtime_ns--;
	t.rule_set[0] = 1;
	assert_err(spool_scanned_check(g->sp, &t), MH_ERR_NOTFOUND);
	t.rule_set[0] = 0;
	t.path_len = 4;
	assert_err(spool_scanned_check(g->sp, &t), MH_ERR_NOTFOUND);
}

static void
a_report_goes_from_pending_to_receipt(void **state)
{
	struct ground *g = *state;
	struct report_header first, second;
	struct spool_report r;
	struct receipt receipt = { .sequence = 1, .agent = AGENT };
	uint8_t digest[DIGEST_BYTES];

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	seal_with(g, "DER ONE", &first);
	assert_int_equal(first.sequence, 1);
	assert_int_equal(statistics(g).n_pending, 0);
	assert_ok(store_one(g->sp, "b", 0));
	open_it(g);
	seal_with(g, "DER TWO", &second);
	assert_int_equal(second.sequence, 2);
	digest_sha256("DER ONE", 7, digest);
	assert_memory_equal(second.previous, digest, DIGEST_BYTES);

	assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
	assert_int_equal(r.sequence, 1);
	assert_int_equal(r.len, 7);
	assert_memory_equal(r.digest, digest, DIGEST_BYTES);
	memcpy(receipt.epoch, r.epoch, sizeof(receipt.epoch));
	/* A receipt for other bytes removes nothing. */
	assert_err(spool_receipt(g->sp, &receipt, (const uint8_t *)"x", 1),
	    MH_ERR_NOTFOUND);
	assert_int_equal(statistics(g).n_sealed, 2);
	memcpy(receipt.digest, digest, sizeof(digest));
	assert_ok(spool_receipt(g->sp, &receipt, (const uint8_t *)"x", 1));
	assert_err(spool_receipt(g->sp, &receipt, (const uint8_t *)"x", 1),
	    MH_ERR_NOTFOUND);
	assert_int_equal(statistics(g).n_sealed, 1);
	assert_int_equal(statistics(g).n_receipts, 1);
	spool_report_clear(&r);
	assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
	assert_int_equal(r.sequence, 2);
	assert_err(spool_next_report(g->sp, r.id, NOW_MS, &r), MH_ERR_NOTFOUND);
	spool_report_clear(&r);
}

static void
a_refused_report_waits_until_its_time(void **state)
{
	struct ground *g = *state;
	struct report_header h;
	struct spool_report r;

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	seal_with(g, "DER", &h);
	assert_ok(spool_refused(g->sp, h.epoch, 1, "bad-content", NOW_MS + 10));
	assert_err(spool_next_report(g->sp, 0, NOW_MS + 9, &r), MH_ERR_NOTFOUND);
	assert_ok(spool_next_report(g->sp, 0, NOW_MS + 10, &r));
	assert_int_equal(r.tries, 1);
	assert_string_equal(r.last_refusal, "bad-content");
	spool_report_clear(&r);
	/* Noted by a clock that was ahead: nobody waits until that time comes. */
	assert_ok(spool_refused(g->sp, h.epoch, 1, "x", NOW_MS + SPOOL_RETRY_MAX_MS));
	assert_err(spool_next_report(g->sp, 0, NOW_MS, &r), MH_ERR_NOTFOUND);
	assert_ok(spool_refused(g->sp, h.epoch, 1, "x", NOW_MS + SPOOL_RETRY_MAX_MS + 1));
	assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
	spool_report_clear(&r);
	assert_ok(spool_next_report(g->sp, 0, INT64_MAX, &r));
	spool_report_clear(&r);
}

static void
sealing_under_another_sequence_changes_nothing(void **state)
{
	struct ground *g = *state;
	struct report_header h;
	struct spool_lines *lines = NULL;

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	assert_ok(spool_pending_read(g->sp, true, &lines));
	assert_ok(spool_next_header(g->sp, &h));
	h.sequence++;
	assert_err(spool_seal(g->sp, lines, 1, &h, (const uint8_t *)"x", 1),
	    MH_ERR_INVALID);
	spool_lines_free(lines);
	assert_int_equal(statistics(g).n_pending, 1);
	assert_int_equal(statistics(g).n_sealed, 0);
}

static void
a_line_too_large_for_a_report_is_set_aside(void **state)
{
	struct ground *g = *state;
	char *big = xcalloc(1, REPORT_LINE_MAX + 2);
	struct spool_text t = { big, REPORT_LINE_MAX + 1 };
	const struct spool_batch b = { .coverage = &t, .n_coverage = 1 };
	struct spool_lines *lines = NULL;

	memset(big, ' ', REPORT_LINE_MAX + 1);
	open_it(g);
	assert_ok(spool_store(g->sp, &b));
	assert_int_equal(statistics(g).n_aside, 1);
	assert_true(spool_has_aside(g->sp));
	assert_int_equal(statistics(g).n_pending, 0);
	t.len = REPORT_LINE_MAX;
	assert_ok(spool_store(g->sp, &b));
	assert_int_equal(statistics(g).n_pending, 1);
	assert_ok(spool_pending_read(g->sp, true, &lines));
	assert_ok(spool_set_aside(g->sp, lines, "why", NOW_MS));
	spool_lines_free(lines);
	assert_int_equal(statistics(g).n_aside, 2);
	assert_int_equal(statistics(g).n_pending, 0);
	t.len = SPOOL_JSON_MAX + 1;
	assert_err(spool_store(g->sp, &b), MH_ERR_TOOBIG);
	free(big);
}

static void
the_quota_is_kept_on_both_sides(void **state)
{
	struct ground *g = *state;
	struct report_header h;
	uint64_t one;

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	one = statistics(g).pending_bytes;
	g->options.max_bytes = 2 * one;
	open_it(g);
	assert_ok(store_one(g->sp, "b", 0));
	assert_err(store_one(g->sp, "c", 0), MH_ERR_FULL);
	assert_int_equal(statistics(g).n_pending, 2);
	assert_int_equal(statistics(g).n_scanned, 2);
	/* Sealing makes room: the stand-in is smaller than its lines. */
	seal_with(g, "x", &h);
	assert_ok(store_one(g->sp, "c", 0));
	assert_err(store_one(g->sp, "d", 0), MH_ERR_FULL);
}

static void
a_floor_of_free_space_is_kept(void **state)
{
	struct ground *g = *state;

	g->options.min_free_bytes = UINT64_MAX / 4;
	open_it(g);
	assert_err(store_one(g->sp, "a", 0), MH_ERR_FULL);
	assert_non_null(strstr(spool_why(g->sp), "room"));
	assert_int_equal(statistics(g).n_pending, 0);
}

/* A small file system of its own under the spool; needs root. */
static bool
mount_small(struct ground *g, const char *size)
{
	g->is_mounted = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			mount("tmpfs", g->folder, "tmpfs", 0, size) == 0;
	return g->is_mounted;
}

/* Take all the room that is left. */
static void
fill_up(struct ground *g)
{
	char *path = xasprintf("%s/filler", g->folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char page[512];

	memset(page, 1, sizeof(page));
	assert_true(fd >= 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	(void)close(fd);
	free(path);
}

static void
on_a_full_disk_reports_still_leave(void **state)
{
	struct ground *g = *state;
	struct report_header h;
	struct spool_report r;
	struct receipt receipt = { .agent = AGENT };
	char *der = NULL;
	mh_err err = MH_OK;

	if (!mount_small(g, "size=64m"))
		skip();
	der = xcalloc(1, 500001);
	memset(der, 'd', 500000);
	open_it(g);
	for (unsigned i = 0; i < 10; i++)
		assert_ok(store_one(g->sp, "a", 200000));
	fill_up(g);
	/* Some still fits into what the journal holds already. */
	for (unsigned i = 0; i < 1000 && err == MH_OK; i++)
		err = store_one(g->sp, "b", 200000);
	assert_err(err, MH_ERR_FULL);
	for (unsigned i = 0; i < 3; i++) {
		seal_with(g, der, &h);
		assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
		memcpy(receipt.epoch, r.epoch, sizeof(r.epoch));
		memcpy(receipt.digest, r.digest, sizeof(r.digest));
		receipt.sequence = r.sequence;
		assert_ok(spool_receipt(g->sp, &receipt, r.der, 1000));
		spool_report_clear(&r);
	}
	assert_int_equal(statistics(g).n_pending, 0);
	assert_ok(store_one(g->sp, "c", 10000));
	free(der);
}

static void
a_full_disk_loses_nothing_that_was_stored(void **state)
{
	struct ground *g = *state;
	unsigned stored = 0;
	mh_err err = MH_OK;

	if (!mount_small(g, "size=1m"))
		skip();
	open_it(g);
	for (; err == MH_OK && stored < 1000; stored++) {
		char uid[16];

		(void)snprintf(uid, sizeof(uid), "u%u", stored);
		err = store_one(g->sp, uid, 20000);
	}
	stored--;
	assert_err(err, MH_ERR_FULL);
	assert_true(stored > 3);
	assert_int_equal(statistics(g).n_pending, stored);
	assert_int_equal(statistics(g).n_scanned, stored);
	open_it(g);
	assert_null(g->opening.damaged);
	assert_false(g->opening.is_new_epoch);
	assert_int_equal(statistics(g).n_pending, stored);
	/* With room again it goes on. */
	assert_int_equal(mount("tmpfs", g->folder, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	assert_ok(store_one(g->sp, "after", 20000));
}

/* Store for ever and say each uid once it is durable. */
static void
store_for_ever(struct ground *g, int out, unsigned round)
{
	if (spool_open(g->path, &g->options, NOW_MS, &g->sp, &g->opening) != MH_OK)
		_exit(1);
	for (uint32_t i = 0;; i++) {
		char uid[32];

		(void)snprintf(uid, sizeof(uid), "%u-%u", round, i);
		if (store_one(g->sp, uid, 3000) != MH_OK ||
		    write(out, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
	}
}

static void
a_kill_in_mid_transaction_loses_nothing(void **state)
{
	struct ground *g = *state;
	uint64_t said = 0;

	for (unsigned round = 0; round < KILL_ROUNDS; round++) {
		int fds[2];
		uint32_t i;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			store_for_ever(g, fds[1], round);
		(void)close(fds[1]);
		/* The first word says that it runs; then any moment will do. */
		if (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
			said++;
		(void)usleep(1000 + round * 1700);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		while (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
			said++;
		(void)close(fds[0]);
		open_it(g);
		assert_null(g->opening.damaged);
		assert_int_equal(g->opening.is_new_epoch, false);
		assert_true(statistics(g).n_pending >= said);
		assert_true(statistics(g).n_pending <= said + round + 1);
		assert_int_equal(statistics(g).n_pending, statistics(g).n_scanned);
		assert_int_equal(statistics(g).n_pending, statistics(g).n_history);
		close_it(g);
	}
	assert_true(said >= KILL_ROUNDS);
}

static void
overwrite(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char junk[2048];

	memset(junk, 'x', sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	(void)close(fd);
}

static void
a_damaged_database_is_put_aside_and_a_new_epoch_begun(void **state)
{
	struct ground *g = *state;
	static const off_t places[] = { 0, 4096, 8192 };

	for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
		struct report_header before, after;

		open_it(g);
		assert_ok(store_one(g->sp, "a", 10000));
		assert_ok(spool_next_header(g->sp, &before));
		close_it(g);
		overwrite(g->path, places[i]);
		assert_ok(spool_open(g->path, &g->options, NOW_MS + (int64_t)i, &g->sp,
		    &g->opening));
		assert_non_null(g->opening.damaged);
		assert_int_equal(access(g->opening.damaged, R_OK), 0);
		assert_true(g->opening.is_new_epoch);
		assert_ok(spool_next_header(g->sp, &after));
		assert_string_not_equal(before.epoch, after.epoch);
		assert_ok(store_one(g->sp, "a", 0));
		/* And the line that tells of the damage, and what could be read. */
		assert_in_range(statistics(g).n_pending, 2, 2 + 2 * i + 1);
	}
}

static void
a_copy_draws_a_new_epoch_and_keeps_what_it_holds(void **state)
{
	struct ground *g = *state;
	struct report_header h, next;
	struct buf *b = buf_new(16 * 1024 * 1024);
	char *copy = xasprintf("%s/copy.db", g->folder);

	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	seal_with(g, "DER", &h);
	close_it(g);
	/* The original stays where it is, so that the inode cannot be the same. */
	assert_ok(file_read(g->path, b));
	assert_ok(file_write_durably(copy, buf_data(b), buf_len(b), 0600));
	buf_free(b);
	free(g->path);
	g->path = copy;
	open_it(g);
	assert_true(g->opening.is_new_epoch);
	assert_ok(spool_next_header(g->sp, &next));
	assert_int_equal(next.sequence, 1);
	assert_string_not_equal(next.epoch, h.epoch);
	assert_int_equal(statistics(g).n_sealed, 1);
	g->options.host_id = "another";
	open_it(g);
	assert_true(g->opening.is_new_epoch);
	open_it(g);
	assert_false(g->opening.is_new_epoch);
}

static void
a_reader_sees_history_and_changes_nothing(void **state)
{
	struct ground *g = *state;
	struct spool *reader = NULL;
	struct spool_history h;

	assert_err(spool_open_reader(g->path, &reader), MH_ERR_NOTFOUND);
	open_it(g);
	assert_ok(store_one(g->sp, "a", 0));
	assert_ok(spool_open_reader(g->path, &reader));
	assert_ok(spool_history_find(reader, "a", &h));
	spool_history_clear(&h);
	assert_err(store_one(reader, "b", 0), MH_ERR_STORE);
	spool_close(reader);
	assert_int_equal(statistics(g).n_pending, 1);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(what_was_stored_is_there_after_reopening),
		with_ground(a_recurring_finding_counts_up),
		with_ground(history_is_walked_until_told_to_stop),
		with_ground(a_target_is_scanned_only_as_it_was),
		with_ground(a_report_goes_from_pending_to_receipt),
		with_ground(a_refused_report_waits_until_its_time),
		with_ground(sealing_under_another_sequence_changes_nothing),
		with_ground(a_line_too_large_for_a_report_is_set_aside),
		with_ground(the_quota_is_kept_on_both_sides),
		with_ground(a_floor_of_free_space_is_kept),
		with_ground(a_kill_in_mid_transaction_loses_nothing),
		with_ground(a_damaged_database_is_put_aside_and_a_new_epoch_begun),
		with_ground(a_copy_draws_a_new_epoch_and_keeps_what_it_holds),
		with_ground(a_reader_sees_history_and_changes_nothing),
		/* Last: these move the program into mount namespaces of its own. */
		with_ground(on_a_full_disk_reports_still_leave),
		with_ground(a_full_disk_loses_nothing_that_was_stored),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}

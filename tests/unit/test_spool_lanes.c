/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool's two lanes, and what it does with what is damaged or sent in vain. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "transport/spool.h"

enum { NOW_MS = 1000 * 1000, KIB = 1024, PAGE = 4096 };

struct ground {
	char *folder;
	char *path;
	struct spool *sp;
	struct spool_options options;
	struct spool_opening opening;
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

static mh_err
store_finding(struct spool *sp, unsigned n, size_t padding)
{
	MH_CLEANUP(freep) char *uid = xasprintf("uid-%u", n);
	MH_CLEANUP(freep)
	char *json = xasprintf("{\"class_uid\":2004,\"uid\":\"%s\",\"x\":\"%*s\"}", uid,
	    (int)padding, "");
	const struct spool_finding f = { .uid = uid,
		.rule = "r",
		.pack = "p",
		.path = "/x",
		.path_len = 2,
		.seen_ms = NOW_MS,
		.json = json,
		.json_len = strlen(json) };
	const struct spool_batch b = { .findings = &f,
		.n_findings = 1,
		.now_ms = NOW_MS };

	return spool_store(sp, &b);
}

static mh_err
store_status(struct spool *sp, unsigned n, size_t padding, int64_t now_ms)
{
	MH_CLEANUP(freep)
	char *json = xasprintf("{\"type\":\"coverage\",\"n\":%u,\"x\":\"%*s\"}", n,
	    (int)padding, "");
	const struct spool_text t = { json, strlen(json) };
	const struct spool_batch b = { .coverage = &t,
		.n_coverage = 1,
		.now_ms = now_ms };

	return spool_store(sp, &b);
}

static struct spool_statistics
statistics(struct ground *g)
{
	struct spool_statistics s;

	assert_ok(spool_statistics(g->sp, &s));
	return s;
}

/* Whether a pending line has that text. */
static bool
is_pending(struct ground *g, const char *text)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;

	assert_ok(spool_pending_read(g->sp, true, &lines));
	return memmem(buf_data(lines->text), buf_len(lines->text), text, strlen(text)) !=
	       NULL;
}

static void
seal_all(struct ground *g, bool with_coverage, struct report_header *ret)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;

	memset(ret, 0, sizeof(*ret));
	assert_ok(spool_pending_read(g->sp, with_coverage, &lines));
	assert_ok(spool_next_header(g->sp, ret));
	assert_ok(spool_seal(g->sp, lines, lines->n, ret, buf_data(lines->text),
	    buf_len(lines->text)));
}

/* Run SQL on the closed database. */
static void
execute(struct ground *g, const char *text)
{
	sqlite3 *db = NULL;

	close_it(g);
	assert_int_equal(sqlite3_open(g->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
store_next(struct ground *g, unsigned *n)
{
	assert_ok(store_status(g->sp, *n, 99 * KIB, NOW_MS + *n));
	(*n)++;
}

static void
the_status_lane_drops_the_oldest_and_tells_how_much(void **state)
{
	struct ground *g = *state;
	unsigned n = 0;

	open_it(g); /* max_status_bytes 0: SPOOL_STATUS_MIN */
	while (statistics(g).status_bytes + 100 * KIB <= SPOOL_STATUS_MIN)
		store_next(g, &n);
	assert_int_equal(statistics(g).n_dropped, 0);
	store_next(g, &n);
	store_next(g, &n);
	assert_true(statistics(g).status_bytes <= SPOOL_STATUS_MIN);
	assert_in_range(statistics(g).n_dropped, 1, 2);

	uint64_t dropped = statistics(g).n_dropped;
	MH_CLEANUP(freep)
	char *told = xasprintf("{\"type\":\"dropped\",\"version\":1,\"lines\":%u,"
			       "\"bytes\":%llu,\"first\":\"1970-01-01T00:16:40.000Z\"",
	    (unsigned)dropped, (unsigned long long)statistics(g).dropped_bytes);

	open_it(g);
	assert_int_equal(statistics(g).n_dropped, dropped);
	assert_true(is_pending(g, told));
	assert_int_equal(statistics(g).n_dropped, 0);
	assert_false(is_pending(g, "\"n\":0,"));
	/* What tells of it is not dropped by the next ones. */
	for (unsigned i = 0; i < 30; i++)
		assert_ok(store_status(g->sp, n++, 99 * KIB, NOW_MS));
	assert_true(is_pending(g, told));
	assert_true(is_pending(g, "\"lines\":30,") || is_pending(g, "\"lines\":29,"));
}

static void
status_gives_way_to_findings_and_never_the_reverse(void **state)
{
	struct ground *g = *state;
	unsigned n = 0;

	g->options.max_bytes = 600 * KIB;
	open_it(g);
	for (unsigned i = 0; i < 5; i++)
		assert_ok(store_status(g->sp, i, 99 * KIB, NOW_MS));
	while (store_finding(g->sp, n, 49 * KIB) == MH_OK)
		n++;
	assert_int_equal(n, 12); /* of 600 KiB: no coverage is left */
	assert_int_equal(statistics(g).n_dropped, 5);
	assert_err(store_finding(g->sp, n, 49 * KIB), MH_ERR_FULL);
	/* Coverage has no place then, and takes none. */
	assert_ok(store_status(g->sp, 9, 99 * KIB, NOW_MS));
	assert_int_equal(statistics(g).n_dropped, 6);
	for (unsigned i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *uid = xasprintf("\"uid-%u\"", i);

		assert_true(is_pending(g, uid));
	}
}

static void
findings_alone_are_sealed_when_asked_for(void **state)
{
	struct ground *g = *state;
	struct report_header h;

	open_it(g);
	assert_ok(store_status(g->sp, 1, 10, NOW_MS));
	assert_ok(store_finding(g->sp, 1, 10));
	seal_all(g, false, &h);
	assert_int_equal(statistics(g).n_pending, 1);
	assert_true(is_pending(g, "\"n\":1,"));
	assert_true(statistics(g).status_bytes > 0);
	seal_all(g, true, &h);
	assert_int_equal(h.sequence, 2);
	assert_int_equal(statistics(g).n_pending, 0);
	assert_int_equal(statistics(g).status_bytes, 0);
}

static void
a_damaged_line_is_moved_aside_and_told(void **state)
{
	struct ground *g = *state;

	open_it(g);
	assert_ok(store_finding(g->sp, 1, 10));
	assert_ok(store_finding(g->sp, 2, 10));
	execute(g, "UPDATE pending SET line = replace(line, 'uid-1', 'uid-8')");
	open_it(g);
	assert_false(is_pending(g, "uid-8"));
	assert_true(is_pending(g, "uid-2"));
	assert_true(
	    is_pending(g, "{\"type\":\"damaged\",\"version\":1,\"what\":\"line\"}"));
	assert_int_equal(statistics(g).n_aside, 1);
}

static void
a_damaged_report_is_moved_aside_and_told(void **state)
{
	struct ground *g = *state;
	struct spool_report r;
	struct report_header h;

	open_it(g);
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(store_finding(g->sp, i, 10));
		seal_all(g, true, &h);
	}
	execute(g, "UPDATE sealed SET der = 'x' || substr(der, 2) WHERE sequence = 1");
	open_it(g);
	assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
	assert_int_equal(r.sequence, 2);
	spool_report_clear(&r);
	assert_true(
	    is_pending(g, "{\"type\":\"damaged\",\"version\":1,\"what\":\"report\""));
	assert_true(is_pending(g, "\"sequence\":1}"));
	assert_int_equal(statistics(g).n_aside, 1);
	assert_int_equal(statistics(g).n_sealed, 1);
}

static void
a_report_that_is_taken_back_is_sealed_again_in_a_new_epoch(void **state)
{
	struct ground *g = *state;
	struct report_header before, after;
	const struct report_line line = { LANE_FINDING, "{\"class_uid\":2004}", 18 };

	open_it(g);
	assert_ok(store_finding(g->sp, 1, 10));
	seal_all(g, true, &before);
	assert_err(spool_unseal(g->sp, before.epoch, 2, &line, 1, "fork", NOW_MS),
	    MH_ERR_NOTFOUND);
	assert_int_equal(statistics(g).n_pending, 0);
	assert_ok(spool_unseal(g->sp, before.epoch, 1, &line, 1, "fork", NOW_MS));
	assert_ok(spool_new_epoch(g->sp));
	assert_int_equal(statistics(g).n_sealed, 0);
	assert_int_equal(statistics(g).n_aside, 1);
	open_it(g);
	assert_false(g->opening.is_new_epoch);
	assert_true(is_pending(g, "{\"class_uid\":2004}"));
	seal_all(g, true, &after);
	assert_int_equal(after.sequence, 1);
	assert_string_not_equal(before.epoch, after.epoch);
}

/* A collector or a courier that refuses for ever must not fill the disk. */
static void
of_reports_that_were_taken_back_the_newest_are_kept(void **state)
{
	struct ground *g = *state;
	struct report_header h;
	const struct report_line line = { LANE_FINDING, "{\"class_uid\":2004}", 18 };

	open_it(g);
	execute(g,
	    "INSERT INTO aside (lane, stored_ms, why, line, what)"
	    " VALUES (0, 1, 'damaged', 'x', 'report'), (0, 1, 'long', 'x', 'line')");
	open_it(g);
	assert_ok(store_finding(g->sp, 1, 10));
	for (unsigned i = 1; i <= SPOOL_RETURNED_MAX + 2; i++) {
		seal_all(g, true, &h);
		assert_int_equal(h.sequence, i);
		assert_ok(spool_unseal(g->sp, h.epoch, i, &line, 1, "fork", NOW_MS));
		assert_int_equal(statistics(g).n_aside,
		    2 + (i < SPOOL_RETURNED_MAX ? i : SPOOL_RETURNED_MAX));
	}
	assert_int_equal(statistics(g).n_pending, 1);
}

/* Rows of findings and reports over many pages, then a page of junk. */
static void
fill(struct ground *g, unsigned n_sealed, unsigned n_pending)
{
	struct report_header h;

	open_it(g);
	for (unsigned i = 0; i < n_sealed; i++) {
		assert_ok(store_finding(g->sp, i, 3000));
		seal_all(g, true, &h);
	}
	for (unsigned i = 0; i < n_pending; i++)
		assert_ok(store_finding(g->sp, n_sealed + i, 3000));
	close_it(g);
}

static void
damage_page(const char *path, off_t page)
{
	MH_CLEANUP(freep) uint8_t *junk = xcalloc(1, PAGE);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	memset(junk, 0xa5, PAGE);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, PAGE, page * PAGE), PAGE);
	(void)close(fd);
}

static void
copy_file(const char *from, const char *to)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(16 * 1024 * KIB);
	MH_CLEANUP(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(fd_closep)
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_ok(fd_read_all(in, b));
	assert_int_equal(write(out, buf_data(b), buf_len(b)), (ssize_t)buf_len(b));
}

static void
what_a_damaged_page_leaves_is_read_into_the_new_spool(void **state)
{
	struct ground *g = *state;
	enum { SEALED = 20, PENDING = 40 };
	unsigned n_damaged = 0;
	uint64_t least = UINT64_MAX;
	struct stat st;

	fill(g, SEALED, PENDING);
	assert_int_equal(stat(g->path, &st), 0);
	MH_CLEANUP(freep) char *whole = xasprintf("%s/whole", g->folder);

	assert_int_equal(rename(g->path, whole), 0);
	/* Each page but the first, which names the tables. */
	for (off_t page = 1; page < st.st_size / PAGE; page++) {
		copy_file(whole, g->path);
		damage_page(g->path, page);
		g->options.host_id = "host";
		open_it(g);
		if (g->opening.damaged == NULL) {
			/* Text of a row: found when it is read. */
			close_it(g);
			assert_int_equal(unlink(g->path), 0);
			continue;
		}
		n_damaged++;
		assert_true(
		    is_pending(g, "\"what\":\"spool\",\"kept_as\":\"spool.db.damaged-"));
		assert_int_equal(access(g->opening.damaged, R_OK), 0);
		assert_int_equal(statistics(g).n_pending - 1,
		    g->opening.salvage.n_pending);

		uint64_t n = g->opening.salvage.n_pending + g->opening.salvage.n_sealed;

		least = n < least ? n : least;
		assert_true(n > 0);
		close_it(g);
		assert_int_equal(unlink(g->path), 0);
	}
	assert_true(n_damaged > 10);
	/* The worst page is the root of one of the two tables. */
	assert_true(least >= SEALED);
}

static void
a_crash_while_a_damaged_spool_is_replaced_is_mended(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *fresh = xasprintf("%s.new", g->path);

	/* Between the two renames: only the new one is there. */
	fill(g, 0, 3);
	assert_int_equal(rename(g->path, fresh), 0);
	open_it(g);
	assert_false(g->opening.is_new_epoch);
	assert_int_equal(statistics(g).n_pending, 3);
	close_it(g);
	/* Before them: a new one that was not finished. */
	assert_int_equal(creat(fresh, 0600) >= 0, true);
	open_it(g);
	assert_int_equal(statistics(g).n_pending, 3);
}

/* Its journal went aside, and then the machine died: the database came before. */
static void
a_crash_that_parts_a_damaged_spool_from_its_journal_is_mended(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *journal = xasprintf("%s-wal", g->path);
	MH_CLEANUP(freep) char *copy = xasprintf("%s/copy", g->folder);
	MH_CLEANUP(freep)
	char *aside = xasprintf("%s.damaged-2026-11-25T12:00:00.000Z-wal", g->path);
	struct report_header h, next = { .sequence = 0 };

	fill(g, 0, 3);
	open_it(g);
	seal_all(g, true, &h);
	assert_ok(store_finding(g->sp, 7, 10));
	/* What is only in the journal yet, as after a kill. */
	copy_file(g->path, copy);
	copy_file(journal, aside);
	close_it(g);
	assert_int_equal(rename(copy, g->path), 0);
	open_it(g);
	assert_int_not_equal(access(aside, F_OK), 0);
	assert_true(is_pending(g, "\"uid\":\"uid-7\""));
	assert_int_equal(statistics(g).n_sealed, 1);
	/* A journal aside whose database is there stays where it is. */
	close_it(g);
	copy_file(g->path, aside);
	aside[strlen(aside) - 4] = 0;
	copy_file(g->path, aside);
	open_it(g);
	assert_ok(spool_next_header(g->sp, &next));
	aside[strlen(aside)] = '-';
	assert_int_equal(access(aside, F_OK), 0);
}

/* As many receipts as are kept, less some; then two more by the way of a report. */
static void
check_receipts(struct ground *g, unsigned n_there, unsigned n_then)
{
	MH_CLEANUP(freep)
	char *text = xasprintf("DELETE FROM receipts; WITH RECURSIVE n (i) AS (SELECT 1"
			       " UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
			       " INSERT INTO receipts SELECT 'e', i, 'd', i, 'r' FROM n",
	    n_there);
	struct receipt receipt = { .received_ms = NOW_MS };
	struct spool_report r;
	struct report_header h;

	execute(g, text);
	open_it(g);
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(store_finding(g->sp, i, 10));
		seal_all(g, true, &h);
		assert_ok(spool_next_report(g->sp, 0, NOW_MS, &r));
		memcpy(receipt.epoch, r.epoch, sizeof(receipt.epoch));
		receipt.sequence = r.sequence;
		memcpy(receipt.digest, r.digest, DIGEST_BYTES);
		assert_ok(spool_receipt(g->sp, &receipt, (const uint8_t *)"r", 1));
		spool_report_clear(&r);
	}
	assert_int_equal(statistics(g).n_receipts, n_then);
}

static void
the_newest_receipts_are_kept_and_no_more(void **state)
{
	struct ground *g = *state;

	open_it(g);
	check_receipts(g, SPOOL_RECEIPTS_MAX - 2, SPOOL_RECEIPTS_MAX);
	check_receipts(g, SPOOL_RECEIPTS_MAX - 1, SPOOL_RECEIPTS_MAX);
	check_receipts(g, SPOOL_RECEIPTS_MAX + 7, SPOOL_RECEIPTS_MAX);
}

/* Version 1 as it was released, with a row in each table. */
static const char version_1[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE pending (id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL,"
    " stored_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, line BLOB NOT NULL);"
    "CREATE TABLE aside (id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL,"
    " stored_ms INTEGER NOT NULL, why TEXT NOT NULL, line BLOB NOT NULL);"
    "CREATE TABLE history (uid TEXT PRIMARY KEY, first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL, count INTEGER NOT NULL, rule TEXT NOT NULL,"
    " pack TEXT NOT NULL, severity INTEGER NOT NULL, path BLOB NOT NULL,"
    " json BLOB NOT NULL);"
    "CREATE INDEX history_last ON history (last_ms);"
    "CREATE TABLE scanned (path BLOB PRIMARY KEY, dev INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " ctime_ns INTEGER NOT NULL, rule_set BLOB NOT NULL, at_ms INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE sealed (id INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL,"
    " sequence INTEGER NOT NULL, digest BLOB NOT NULL, sealed_ms INTEGER NOT NULL,"
    " tries INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER NOT NULL DEFAULT 0,"
    " refusal TEXT, bytes INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE (epoch, sequence));"
    "CREATE TABLE receipts (epoch TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " digest BLOB NOT NULL, received_ms INTEGER NOT NULL, der BLOB NOT NULL,"
    " PRIMARY KEY (epoch, sequence)) WITHOUT ROWID;"
    "INSERT INTO pending (lane, stored_ms, bytes, line) VALUES"
    " (0, 7, 18, '{\"class_uid\":2004}'), (1, 7, 19, '{\"type\":\"coverage\"}');"
    "INSERT INTO aside (lane, stored_ms, why, line) VALUES (0, 7, 'why', 'x');"
    "INSERT INTO history VALUES ('u', 1, 2, 3, 'r', 'p', 4, '/x', '{}');"
    "INSERT INTO receipts VALUES ('e', 1, 'd', 5, 'r');"
    "PRAGMA user_version=1;";

static void
a_spool_of_version_1_is_taken_over(void **state)
{
	struct ground *g = *state;
	struct spool_history h;

	execute(g, version_1);
	open_it(g);
	assert_null(g->opening.damaged);
	assert_true(is_pending(g, "{\"class_uid\":2004}"));
	assert_true(is_pending(g, "{\"type\":\"coverage\"}"));
	assert_int_equal(statistics(g).n_aside, 1);
	assert_int_equal(statistics(g).n_receipts, 1);
	assert_int_equal(statistics(g).status_bytes, 19);
	assert_ok(spool_history_find(g->sp, "u", &h));
	assert_int_equal(h.count, 3);
	spool_history_clear(&h);
}

static void
a_spool_of_a_later_version_is_refused_and_left_alone(void **state)
{
	struct ground *g = *state;

	open_it(g);
	execute(g, "PRAGMA user_version=99");
	assert_err(spool_open(g->path, &g->options, NOW_MS, &g->sp, &g->opening),
	    MH_ERR_UNSUPPORTED);
	execute(g, "PRAGMA user_version=2");
	open_it(g);
	assert_null(g->opening.damaged);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_status_lane_drops_the_oldest_and_tells_how_much),
		CASE(status_gives_way_to_findings_and_never_the_reverse),
		CASE(findings_alone_are_sealed_when_asked_for),
		CASE(a_damaged_line_is_moved_aside_and_told),
		CASE(a_damaged_report_is_moved_aside_and_told),
		CASE(a_report_that_is_taken_back_is_sealed_again_in_a_new_epoch),
		CASE(of_reports_that_were_taken_back_the_newest_are_kept),
		CASE(what_a_damaged_page_leaves_is_read_into_the_new_spool),
		CASE(a_crash_while_a_damaged_spool_is_replaced_is_mended),
		CASE(a_crash_that_parts_a_damaged_spool_from_its_journal_is_mended),
		CASE(the_newest_receipts_are_kept_and_no_more),
		CASE(a_spool_of_version_1_is_taken_over),
		CASE(a_spool_of_a_later_version_is_refused_and_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool on a disk that forgets what was not synced, that is full, and that fails:
 * whatever was answered with MH_OK is there afterwards, once.
 */
#include "tests/unit/mh_test.h"
#include "tests/unit/mh_vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "transport/spool.h"

enum {
	POWER_CUTS = 400,
	OPERATIONS_MAX = 90, /* of the disk, until power is lost */
	STEPS = 14,          /* of the spool, in one run */
	LINES_MAX = 64 * 1024,
	NOW_MS = 1000 * 1000,
};

/* How a finding begins here; its number follows. */
static const char mark[] = "{\"class_uid\":2004,\"n\":";

enum state { UNUSED, PENDING, SEALED, DELIVERED };

/* A finding as the spool answered: where it has to be. */
struct line {
	enum state state;
	uint64_t sequence;
	bool is_open; /* the step that would have changed its state was not answered */
};

struct ground {
	char *folder;
	char *path;
	struct spool *sp;
	struct spool_opening opening;
	struct line lines[LINES_MAX];
	unsigned n_lines;
	uint64_t sequence; /* of the last answered seal */
	uint64_t rounds_with_loss;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->path = xasprintf("%s/spool.db", g->folder);
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

	mh_vfs_install(1);
	close_it(g);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g->path);
	free(g);
	return 0;
}

static void
open_it(struct ground *g)
{
	const struct spool_options options = { .host_id = "host" };

	close_it(g);
	assert_ok(spool_open(g->path, &options, NOW_MS, &g->sp, &g->opening));
	assert_null(g->opening.damaged);
}

static void
step_store(struct ground *g)
{
	MH_CLEANUP(freep)
	char *uid = xasprintf("u%u", g->n_lines);
	MH_CLEANUP(freep)
	char *json = xasprintf("{\"class_uid\":2004,\"n\":%u,\"x\":\"%*s\"}", g->n_lines,
	    (int)(g->n_lines * 37 % 900), "");
	const struct spool_finding f = { .uid = uid,
		.rule = "r",
		.pack = "p",
		.path = "/x",
		.path_len = 2,
		.seen_ms = NOW_MS,
		.json = json,
		.json_len = strlen(json) };
	const struct spool_text t = { "{\"type\":\"coverage\"}", 19 };
	const struct spool_batch b = { .findings = &f,
		.n_findings = 1,
		.coverage = &t,
		.n_coverage = g->n_lines % 3 == 0,
		.now_ms = NOW_MS };
	struct line *line = &g->lines[g->n_lines++];

	assert_true(g->n_lines < LINES_MAX);
	line->state = PENDING;
	line->is_open = spool_store(g->sp, &b) != MH_OK;
}

/* The digits there as a number. */
static unsigned
number_at(const char *digits)
{
	unsigned n = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		n = 10 * n + (unsigned)(*digits - '0');
	assert_true(n < LINES_MAX);
	return n;
}

/* A stand-in for an envelope: its lines, one after the other. */
static void
step_seal(struct ground *g)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;
	struct report_header header = { .sequence = 0 };

	if (spool_pending_read(g->sp, true, &lines) != MH_OK || lines->n == 0 ||
	    spool_next_header(g->sp, &header) != MH_OK)
		return;

	mh_err err = spool_seal(g->sp, lines, lines->n, &header, buf_data(lines->text),
	    buf_len(lines->text));

	for (size_t i = 0; i < lines->n; i++) {
		if (lines->lines[i].lane != LANE_FINDING)
			continue;

		unsigned n = number_at(lines->lines[i].text + strlen(mark));

		g->lines[n].sequence = header.sequence;
		if (err == MH_OK)
			g->lines[n].state = SEALED;
		else
			g->lines[n].is_open = true;
	}
	if (err == MH_OK)
		g->sequence = header.sequence;
}

static void
step_receipt(struct ground *g)
{
	struct spool_report report;
	struct receipt receipt = { .received_ms = NOW_MS };

	if (spool_next_report(g->sp, 0, NOW_MS, &report) != MH_OK)
		return;
	memcpy(receipt.epoch, report.epoch, sizeof(receipt.epoch));
	receipt.sequence = report.sequence;
	memcpy(receipt.digest, report.digest, DIGEST_BYTES);

	mh_err err = spool_receipt(g->sp, &receipt, (const uint8_t *)"receipt", 7);

	for (unsigned n = 0; n < g->n_lines; n++) {
		if (g->lines[n].state != SEALED ||
		    g->lines[n].sequence != report.sequence)
			continue;
		if (err == MH_OK)
			g->lines[n].state = DELIVERED;
		else
			g->lines[n].is_open = true;
	}
	spool_report_clear(&report);
}

static void
step(struct ground *g, unsigned n)
{
	if (n % 7 == 3)
		step_seal(g);
	else if (n % 7 == 6)
		step_receipt(g);
	else
		step_store(g);
}

/* How often each finding is in a text of lines. */
static void
count_in(const char *text, size_t len, unsigned *counts)
{
	const char *at = text;

	while ((at = memmem(at, len - (size_t)(at - text), mark, strlen(mark))) != NULL) {
		at += strlen(mark);
		counts[number_at(at)]++;
	}
}

static void
check_line(struct ground *g, unsigned n, unsigned in_pending, unsigned in_sealed)
{
	struct line *line = &g->lines[n];

	assert_true(in_pending + in_sealed <= 1);
	if (!line->is_open) {
		assert_int_equal(in_pending, line->state == PENDING);
		assert_int_equal(in_sealed, line->state == SEALED);
		return;
	}
	/* Not answered: the step was done or not, and was not done in part. */
	line->is_open = false;
	if (in_pending > 0)
		line->state = PENDING;
	else if (in_sealed > 0)
		line->state = SEALED;
	else if (line->state == SEALED)
		line->state = DELIVERED;
	else
		line->state = UNUSED;
}

/* Everything is where the answers said. */
static void
check_all(struct ground *g)
{
	MH_CLEANUP(freep) unsigned *pending = xcalloc(LINES_MAX, sizeof(*pending));
	MH_CLEANUP(freep) unsigned *sealed = xcalloc(LINES_MAX, sizeof(*sealed));
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;
	struct report_header header;
	struct spool_report report;
	int64_t after = 0;

	assert_ok(spool_pending_read(g->sp, true, &lines));
	count_in(buf_string(lines->text), buf_len(lines->text), pending);
	while (spool_next_report(g->sp, after, NOW_MS, &report) == MH_OK) {
		count_in((const char *)report.der, report.len, sealed);
		after = report.id;
		spool_report_clear(&report);
	}
	for (unsigned n = 0; n < g->n_lines; n++)
		check_line(g, n, pending[n], sealed[n]);
	assert_ok(spool_next_header(g->sp, &header));
	assert_in_range(header.sequence, g->sequence + 1, g->sequence + 2);
	g->sequence = header.sequence - 1;
}

/* So that the database stays small. */
static void
deliver_all(struct ground *g)
{
	struct spool_statistics st;

	do {
		step_seal(g);
		step_receipt(g);
		assert_ok(spool_statistics(g->sp, &st));
	} while (st.n_sealed > 0);
}

static void
what_was_answered_survives_power_loss(void **state)
{
	struct ground *g = *state;

	mh_vfs_install(20261125);
	for (unsigned round = 0; round < POWER_CUTS; round++) {
		open_it(g);
		assert_int_equal(g->opening.is_new_epoch, round == 0);
		mh_vfs_fail_at(round * 13 % OPERATIONS_MAX, MH_VFS_POWER, true);
		for (unsigned n = 0; n < STEPS && !mh_vfs_has_failed(); n++)
			step(g, n + round);
		g->rounds_with_loss += mh_vfs_has_failed();
		mh_vfs_lose_power();
		close_it(g);
		mh_vfs_come_back();
		open_it(g);
		check_all(g);
		if (round % 8 == 7)
			deliver_all(g);
	}
	assert_in_range(g->rounds_with_loss, POWER_CUTS / 2, POWER_CUTS);
}

/* Let the disk fail at each of its operations in turn, once or from then on. */
static void
try_each_operation(struct ground *g, enum mh_vfs_fault fault, bool is_lasting)
{
	unsigned n_failed = 0;

	for (unsigned at = 0;; at++) {
		open_it(g);
		mh_vfs_fail_at(at, fault, is_lasting);
		for (unsigned n = 0; n < STEPS; n++)
			step(g, n);

		bool has_failed = mh_vfs_has_failed();

		/* Without reopening: the disk is sound again. */
		mh_vfs_fail_at(0, MH_VFS_NONE, false);
		check_all(g);
		for (unsigned n = 0; n < STEPS; n++)
			step(g, n);
		check_all(g);
		close_it(g);
		open_it(g);
		check_all(g);
		deliver_all(g);
		if (!has_failed)
			break;
		n_failed++;
	}
	assert_in_range(n_failed, STEPS, 100 * STEPS);
}

static void
a_full_disk_at_any_write_loses_nothing(void **state)
{
	mh_vfs_install(1);
	try_each_operation(*state, MH_VFS_FULL, false);
	try_each_operation(*state, MH_VFS_FULL, true);
}

static void
a_failing_disk_at_any_write_loses_nothing(void **state)
{
	mh_vfs_install(2);
	try_each_operation(*state, MH_VFS_EIO, false);
	try_each_operation(*state, MH_VFS_EIO, true);
}

/* Junk over a page in the middle, once the journal is worked off. */
static void
damage(const char *path)
{
	uint8_t junk[4096];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	memset(junk, 0xa5, sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 8 * (off_t)sizeof(junk)),
	    sizeof(junk));
	(void)close(fd);
}

static void
a_damaged_spool_waits_for_room_to_be_read_out(void **state)
{
	struct ground *g = *state;
	const struct spool_options options = { .host_id = "host" };
	bool has_failed = true;

	mh_vfs_install(4);
	open_it(g);
	for (unsigned n = 0; n < 200; n++)
		step_store(g);
	close_it(g);
	damage(g->path);
	/* At each operation of reading it out; nothing is put aside before all is there. */
	for (unsigned at = 0; has_failed; at++) {
		mh_vfs_fail_at(at, MH_VFS_FULL, true);

		mh_err err = spool_open(g->path, &options, NOW_MS, &g->sp, &g->opening);

		has_failed = mh_vfs_has_failed();
		mh_vfs_fail_at(0, MH_VFS_NONE, false);
		if (err == MH_OK)
			break;
		/* The VFS has no errno of its own, by which a sync without room is told. */
		assert_true(err == MH_ERR_FULL || err == MH_ERR_STORE);
		assert_int_equal(access(g->path, F_OK), 0);
	}
	assert_non_null(g->opening.damaged);
	assert_int_equal(access(g->opening.damaged, F_OK), 0);
	assert_in_range(g->opening.salvage.n_history, 150, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_answered_survives_power_loss,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_at_any_write_loses_nothing,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_failing_disk_at_any_write_loses_nothing,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_damaged_spool_waits_for_room_to_be_read_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

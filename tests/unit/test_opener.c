/* SPDX-License-Identifier: BSD-2-Clause */
/* The opener's program, with a table of clean files from its agent. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/clean_table.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/memory.h"
#include "records/facts.h"
#include "records/messages.h"
#include "records/walk.h"
#include "tests/unit/mh_test.h"

enum { WAIT_MS = 10 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

static const uint8_t bytes[CLEAN_CONTEXT_BYTES] = { 1 };

struct opener_child {
	struct channel *channel;
	pid_t pid;
	char *folder;
	unsigned n_targets;
	struct walk_progress walked;
};

static int
setup(void **state)
{
	struct opener_child *o = xcalloc(1, sizeof(*o));
	char name[] = "molehunt-open";
	char *argv[] = { name, NULL };
	int fds[2] = { -1, -1 };

	if (tmpdir_setup((void **)&o->folder) != 0 || channel_pair(fds) != MH_OK ||
	    child_start(OPENER_PROGRAM, argv, fds[1], &o->pid) != MH_OK)
		return -1;
	o->channel = message_channel_new(fds[0], ROLE_AGENT, ROLE_OPENER);
	*state = o;
	return 0;
}

static int
teardown(void **state)
{
	struct opener_child *o = *state;

	channel_free(o->channel);
	(void)kill(o->pid, SIGKILL);
	(void)waitpid(o->pid, NULL, 0);
	walk_progress_clear(&o->walked);
	(void)tmpdir_teardown((void **)&o->folder);
	free(o);
	return 0;
}

static struct clean_key
make_file(const struct opener_child *o, const char *name)
{
	char *path = xasprintf("%s/%s", o->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	free(path);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	(void)close(fd);
	return (struct clean_key){ st.st_dev, st.st_ino, (uint64_t)st.st_size,
		st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec };
}

static void
ask_to_walk(struct opener_child *o, bool has_table, int fd)
{
	char *roots[] = { o->folder };
	char nothing[] = "";
	struct walk_request request = { .id = 1,
		.has_table = has_table,
		.resume = nothing,
		.roots = roots,
		.n_roots = 1 };
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	walk_request_encode(&request, b);
	assert_ok(channel_send(o->channel, MSG_WALK, buf_data(b), buf_len(b), &fd,
	    fd >= 0 ? 1 : 0));
	buf_free(b);
}

/* Until the opener is done with its walk (MH_OK) or gone. */
static mh_err
wait_for_end(struct opener_child *o)
{
	struct pollfd p = { .fd = channel_fd(o->channel), .events = POLLIN };
	struct message m;
	struct reader r;

	for (;;) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		mh_err err = channel_receive(o->channel, &m);
		if (err == MH_ERR_AGAIN)
			continue;
		if (err != MH_OK)
			return err;
		o->n_targets += m.type == MSG_TARGETS ? m.n_fds : 0;
		message_close_fds(&m);
		if (m.type != MSG_WALKED)
			continue;
		reader_init(&r, m.data, m.len);
		walk_progress_decode(&r, &o->walked);
		assert_true(reader_is_done(&r));
		return MH_OK;
	}
}

static void
what_the_table_knows_is_counted_and_not_opened(void **state)
{
	struct opener_child *o = *state;
	struct clean_key known = make_file(o, "known");
	uint32_t today = (uint32_t)(clock_real_ms() / DAY_MS);
	struct clean_table *t = NULL;

	(void)make_file(o, "other");
	assert_ok(clean_table_new(CLEAN_ENTRIES_MIN, 365, bytes, bytes, &t));
	/* Twice, for a test that runs over midnight. */
	assert_ok(clean_table_add(t, clean_table_hash(t, &known, today)));
	assert_ok(clean_table_add(t, clean_table_hash(t, &known, today + 1)));
	ask_to_walk(o, true, clean_table_fd(t));
	clean_table_free(t);
	assert_ok(wait_for_end(o));
	assert_int_equal(o->n_targets, 1);
	assert_int_equal(o->walked.n_files, 2);
	assert_int_equal(o->walked.skipped[REASON_UNCHANGED], 1);
}

static void
a_walk_without_the_table_that_it_speaks_of_ends_the_opener(void **state)
{
	ask_to_walk(*state, true, -1);
	assert_err(wait_for_end(*state), MH_ERR_CLOSED);
}

static void
a_table_that_nobody_spoke_of_ends_the_opener(void **state)
{
	struct clean_table *t = NULL;

	assert_ok(clean_table_new(CLEAN_ENTRIES_MIN, 1, bytes, bytes, &t));
	ask_to_walk(*state, false, clean_table_fd(t));
	clean_table_free(t);
	assert_err(wait_for_end(*state), MH_ERR_CLOSED);
}

static void
what_is_no_table_ends_the_opener(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ask_to_walk(*state, true, fd);
	(void)close(fd);
	assert_err(wait_for_end(*state), MH_ERR_CLOSED);
}

static void
ask_for_facts(struct opener_child *o, const char *path, uint32_t n)
{
	char *paths[FACTS_PATHS_MAX + 1];
	struct facts_request request = { .id = 77, .paths = paths, .n = n };
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	for (uint32_t i = 0; i < n; i++)
		paths[i] = (char *)(uintptr_t)(i == 0 ? "/molehunt/none" : path);
	facts_request_encode(&request, b);
	assert_ok(channel_send(o->channel, MSG_FACTS, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
}

/* The answer, or why there is none. */
static mh_err
wait_for_facts(struct opener_child *o, struct facts_answer *ret)
{
	struct pollfd p = { .fd = channel_fd(o->channel), .events = POLLIN };
	struct message m;
	struct reader r;

	for (;;) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		mh_err err = channel_receive(o->channel, &m);
		if (err == MH_ERR_AGAIN || (err == MH_OK && m.type == MSG_PULSE))
			continue;
		if (err != MH_OK)
			return err;
		assert_int_equal(m.type, MSG_FACTS_ARE);
		reader_init(&r, m.data, m.len);
		facts_answer_decode(&r, ret);
		assert_true(reader_is_done(&r));
		return MH_OK;
	}
}

static void
it_tells_which_packages_files_came_with(void **state)
{
	struct opener_child *o = *state;
	struct facts_answer answer;

	ask_for_facts(o, "/usr/bin/dpkg", 2);
	assert_ok(wait_for_facts(o, &answer));
	assert_true(answer.id == 77 && answer.n == 2);
	assert_int_not_equal(answer.items[0].unknown, PACKAGE_UNKNOWN_NOT);
	if (access("/var/lib/dpkg/info/dpkg.list", R_OK) == 0) {
		assert_int_equal(answer.items[1].unknown, PACKAGE_UNKNOWN_NOT);
		assert_int_equal(answer.items[1].database, PACKAGE_DB_DPKG);
		assert_string_equal(answer.items[1].name, "dpkg");
	}
	facts_answer_clear(&answer);
	ask_for_facts(o, "/usr/bin/dpkg", FACTS_PATHS_MAX);
	assert_ok(wait_for_facts(o, &answer));
	assert_int_equal(answer.n, FACTS_PATHS_MAX);
	facts_answer_clear(&answer);
	ask_for_facts(o, "/usr/bin/dpkg", FACTS_PATHS_MAX + 1);
	assert_err(wait_for_facts(o, &answer), MH_ERR_CLOSED);
}

#define with_opener(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_opener(what_the_table_knows_is_counted_and_not_opened),
		with_opener(it_tells_which_packages_files_came_with),
		with_opener(a_walk_without_the_table_that_it_speaks_of_ends_the_opener),
		with_opener(a_table_that_nobody_spoke_of_ends_the_opener),
		with_opener(what_is_no_table_ends_the_opener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

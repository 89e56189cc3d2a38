/* SPDX-License-Identifier: BSD-2-Clause */
/* A blocking opener, whole, over a tmpfs of the test's own. */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "records/messages.h"
#include "records/watch.h"
#include "tests/unit/mh_opener.h"

enum { SOON_MS = 5000, BEAT_MS = 300 };

struct given {
	void *tmpdir;
	bool is_mounted;
	char *bad, *good;
	struct mh_opener opener;
	unsigned n_denied; /* told, of bad */
	int32_t denied_pid;
};

static void
run_cp(const char *to)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/cp", "cp", "/bin/true", to, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int
setup(void **state)
{
	struct given *g = xcalloc(1, sizeof(*g));
	int err = tmpdir_setup(&g->tmpdir);

	*state = g;
	g->is_mounted = geteuid() == 0 && mh_private_tmpfs(g->tmpdir);
	g->bad = xasprintf("%s/bad", (char *)g->tmpdir);
	g->good = xasprintf("%s/good", (char *)g->tmpdir);
	run_cp(g->bad);
	run_cp(g->good);
	return err;
}

static int
teardown(void **state)
{
	struct given *g = *state;

	mh_opener_end(&g->opener);
	if (g->is_mounted)
		(void)umount2(g->tmpdir, MNT_DETACH);
	(void)tmpdir_teardown(&g->tmpdir);
	free(g->bad);
	free(g->good);
	free(g);
	return 0;
}

/* 0, or the errno of execve(2), of who tries to run it. */
static int
run(const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl(path, path, (char *)NULL);
		_exit(errno);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
on_blocked(struct given *g, const struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	assert_int_equal(reader_u32(&r), 0);
	while (r.left > 0) {
		struct blocked d;

		blocked_decode(&r, &d);
		assert_true(reader_is_ok(&r));
		if (strcmp(d.target.path, g->bad) == 0) {
			g->n_denied++;
			g->denied_pid = d.actor.pid;
		}
		blocked_clear(&d);
	}
}

/* Send a heartbeat, with key when it is not NULL, and await its answer. */
static void
beat(struct given *g, const struct block_key *key)
{
	struct block_request request = { .is_on = true,
		.keys = (struct block_key *)key,
		.n_keys = key != NULL ? 1 : 0 };
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct message m;

	block_request_encode(&request, b);
	assert_ok(
	    channel_send(g->opener.channel, MSG_BLOCK, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
	assert_true(mh_opener_receive(&g->opener, &m, SOON_MS));
	assert_int_equal(m.type, MSG_BLOCKED);
	on_blocked(g, &m);
}

static int64_t
in_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
block_bad(struct given *g)
{
	struct stat st;

	if (!g->is_mounted)
		skip();
	assert_int_equal(stat(g->bad, &st), 0);
	struct block_key key = { st.st_dev, st.st_ino, (uint64_t)st.st_size,
		in_ns(st.st_mtim), in_ns(st.st_ctim) };

	mh_opener_start(&g->opener, OPENER_PROGRAM);
	beat(g, &key);
}

static void
a_known_bad_file_is_denied_and_others_are_not(void **state)
{
	struct given *g = *state;

	block_bad(g);
	assert_int_equal(run(g->bad), EPERM);
	assert_int_equal(run(g->good), 0);
	beat(g, NULL);
	if (g->n_denied == 0)
		beat(g, NULL);
	assert_int_equal(g->n_denied, 1);
	assert_true(g->denied_pid > 0);
}

static void
a_bad_file_that_changed_is_allowed(void **state)
{
	struct given *g = *state;

	block_bad(g);
	assert_int_equal(run(g->bad), EPERM);
	assert_int_equal(chmod(g->bad, 0700), 0);
	assert_int_equal(run(g->bad), 0);
}

static void
without_a_heartbeat_all_is_allowed_soon(void **state)
{
	struct given *g = *state;
	struct message m;

	block_bad(g);
	int64_t from = clock_monotonic_ms();

	while (clock_monotonic_ms() - from < 2000) {
		assert_int_equal(run(g->bad), EPERM);
		(void)poll(NULL, 0, BEAT_MS);
	}
	while (run(g->bad) != 0 && clock_monotonic_ms() - from < 2 * SOON_MS)
		(void)poll(NULL, 0, 50);
	assert_in_range(clock_monotonic_ms() - from, 2000, 4000);
	while (mh_opener_receive(&g->opener, &m, 100))
		;
}

static void
when_it_is_killed_all_is_allowed_at_once(void **state)
{
	struct given *g = *state;

	block_bad(g);
	assert_int_equal(run(g->bad), EPERM);
	assert_int_equal(kill(g->opener.pid, SIGKILL), 0);
	(void)poll(NULL, 0, 50);
	assert_int_equal(run(g->bad), 0);
}

static void
when_it_is_told_to_stop_all_is_allowed(void **state)
{
	struct given *g = *state;
	struct block_request request = { .is_on = false };
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct message m;

	block_bad(g);
	block_request_encode(&request, b);
	assert_ok(
	    channel_send(g->opener.channel, MSG_BLOCK, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
	assert_false(mh_opener_receive(&g->opener, &m, SOON_MS));
	assert_int_equal(run(g->bad), 0);
}

int
main(void)
{
#define BLOCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		BLOCK_TEST(a_known_bad_file_is_denied_and_others_are_not),
		BLOCK_TEST(a_bad_file_that_changed_is_allowed),
		BLOCK_TEST(without_a_heartbeat_all_is_allowed_soon),
		BLOCK_TEST(when_it_is_killed_all_is_allowed_at_once),
		BLOCK_TEST(when_it_is_told_to_stop_all_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

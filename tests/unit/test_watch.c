/* SPDX-License-Identifier: BSD-2-Clause */
/* A watching opener, whole, over a tmpfs of the test's own. */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "records/messages.h"
#include "records/watch.h"
#include "tests/unit/mh_opener.h"

enum { SOON_MS = 5000, SEEN_MAX = 4096 };

/* What was heard, of files below the test's folder. */
struct heard {
	struct watch_event events[SEEN_MAX];
	size_t n;
	int fd;            /* of the last */
	uint64_t n_kernel; /* events of the kernel that those stand for */
	struct due_item due[SEEN_MAX];
	size_t n_due;
	struct watching state;
	unsigned n_states, n_lost;
	bool has_lost_place;
};

struct given {
	char *folder;
	void *tmpdir;
	bool is_mounted;
	struct mh_opener opener;
	struct heard heard;
};

static int
setup(void **state)
{
	struct given *g = xcalloc(1, sizeof(*g));
	int err = tmpdir_setup(&g->tmpdir);

	g->heard.fd = -1;
	g->folder = g->tmpdir;
	g->is_mounted = geteuid() == 0 && mh_private_tmpfs(g->folder);
	*state = g;
	return err;
}

static void
forget(struct heard *h)
{
	for (size_t i = 0; i < h->n; i++)
		watch_event_clear(&h->events[i]);
	if (h->n_states > 0)
		watching_clear(&h->state);
	fd_closep(&h->fd);
	memset(h, 0, sizeof(*h));
	h->fd = -1;
}

static int
teardown(void **state)
{
	struct given *g = *state;

	mh_opener_end(&g->opener);
	forget(&g->heard);
	if (g->is_mounted)
		(void)umount2(g->folder, MNT_DETACH);
	(void)tmpdir_teardown(&g->tmpdir);
	free(g);
	return 0;
}

static void
on_events(struct given *g, struct message *m)
{
	struct heard *h = &g->heard;
	size_t len = strlen(g->folder);
	struct reader r;

	reader_init(&r, m->data, m->len);
	for (unsigned i = 0; r.left > 0; i++) {
		struct watch_event e;

		watch_event_decode(&r, &e);
		assert_true(reader_is_ok(&r));
		if (strncmp(e.target.path, g->folder, len) == 0 && h->n < SEEN_MAX) {
			h->n_kernel += e.n_merged;
			h->events[h->n++] = e;
			fd_closep(&h->fd);
			h->fd = message_take_fd(m, i);
		} else {
			watch_event_clear(&e);
		}
	}
}

static void
on_due(struct heard *h, const struct message *m)
{
	struct due_list list;
	struct reader r;

	reader_init(&r, m->data, m->len);
	due_list_decode(&r, &list);
	assert_true(reader_is_done(&r));
	for (uint32_t i = 0; i < list.n && h->n_due < SEEN_MAX; i++)
		h->due[h->n_due++] = list.items[i];
	due_list_clear(&list);
}

static void
on_lost(struct given *g, const struct message *m)
{
	struct watch_lost lost;
	struct reader r;

	reader_init(&r, m->data, m->len);
	watch_lost_decode(&r, &lost);
	assert_true(reader_is_done(&r));
	g->heard.n_lost++;
	for (uint32_t i = 0; i < lost.n_paths; i++)
		g->heard.has_lost_place |= strcmp(lost.paths[i], g->folder) == 0;
	watch_lost_clear(&lost);
}

static void
on_watching(struct heard *h, const struct message *m)
{
	struct reader r;

	if (h->n_states++ > 0)
		watching_clear(&h->state);
	reader_init(&r, m->data, m->len);
	watching_decode(&r, &h->state);
	assert_true(reader_is_done(&r));
}

/* Take one message, if one comes. */
static bool
hear(struct given *g, int timeout_ms)
{
	struct message m;

	if (!mh_opener_receive(&g->opener, &m, timeout_ms))
		return false;
	if (m.type == MSG_EVENTS)
		on_events(g, &m);
	else if (m.type == MSG_DUE)
		on_due(&g->heard, &m);
	else if (m.type == MSG_LOST)
		on_lost(g, &m);
	else if (m.type == MSG_WATCHING)
		on_watching(&g->heard, &m);
	message_close_fds(&m);
	return true;
}

static void
hear_for(struct given *g, int ms)
{
	int64_t until = clock_monotonic_ms() + ms;

	while (clock_monotonic_ms() < until)
		(void)hear(g, (int)(until - clock_monotonic_ms()));
}

static void
ask(struct given *g, const struct watch_request *request)
{
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	watch_request_encode(request, b);
	assert_ok(
	    channel_send(g->opener.channel, MSG_WATCH, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
	unsigned before = g->heard.n_states;

	while (g->heard.n_states == before)
		assert_true(hear(g, SOON_MS));
}

static struct watch_request
quick_request(void)
{
	return (struct watch_request){ .id = 1,
		.debounce_ms = 50,
		.settle_max_ms = 200,
		.repeat_max_ms = 1000,
		.memory_after_ms = 300,
		.pending_max = 4096 };
}

static void
watch(struct given *g)
{
	struct watch_request request = quick_request();

	if (!g->is_mounted)
		skip();
	mh_opener_start(&g->opener, OPENER_PROGRAM);
	ask(g, &request);
	assert_string_equal(g->heard.state.trouble, "");
}

static const struct watch_event *
find(const struct given *g, const char *name)
{
	size_t len = strlen(g->folder);

	for (size_t i = g->heard.n; i > 0; i--) {
		if (strncmp(g->heard.events[i - 1].target.path + len + 1, name,
			strlen(name)) == 0)
			return &g->heard.events[i - 1];
	}
	return NULL;
}

static const struct watch_event *
await(struct given *g, const char *name)
{
	int64_t until = clock_monotonic_ms() + SOON_MS;
	const struct watch_event *e = NULL;

	while ((e = find(g, name)) == NULL && clock_monotonic_ms() < until)
		(void)hear(g, 100);
	assert_non_null(e);
	return e;
}

static char *
path_in(const struct given *g, const char *name)
{
	return xasprintf("%s/%s", g->folder, name);
}

static void
put_file(const struct given *g, const char *name, const char *text)
{
	char *path = path_in(g, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, text, strlen(text)));
	assert_int_equal(close(fd), 0);
	free(path);
}

static void
run_script(const char *script)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
every_event_is_accounted_for(const struct given *g)
{
	const struct watch_counters *c = &g->heard.state.counters;

	assert_int_equal(c->n_read, c->n_merged + c->n_sent + c->n_clean + c->n_excluded +
					c->n_own + c->n_gone + c->n_not_regular +
					c->n_dropped + c->n_pending);
}

static void
a_written_file_is_told_with_its_writer(void **state)
{
	struct given *g = *state;

	watch(g);
	put_file(g, "a", "hello");
	const struct watch_event *e = await(g, "a");

	assert_int_equal(e->kinds, EVENT_WRITTEN);
	assert_int_equal(e->target.size, 5);
	assert_false(e->actor.is_gone);
	assert_int_equal(e->actor.pid, getpid());
	assert_int_equal(e->actor.uid, 0);
	assert_string_equal(e->actor.comm, "test_watch");
	assert_true(e->actor.n_parents > 0);
	assert_int_equal(e->actor.parents[0].pid, getppid());
	assert_true(llabs(e->last_ms - clock_real_ms()) < SOON_MS);
}

static void
a_file_is_readable_though_it_was_deleted_meanwhile(void **state)
{
	struct given *g = *state;
	char text[8] = "";
	char *path = path_in(g, "b");

	watch(g);
	put_file(g, "b", "there");
	assert_int_equal(unlink(path), 0);
	free(path);
	const struct watch_event *e = await(g, "b (deleted)");

	assert_int_equal(e->target.nlink, 0);
	assert_int_equal(pread(g->heard.fd, text, sizeof(text), 0), 5);
	assert_string_equal(text, "there");
}

static void
a_file_is_told_by_the_name_that_it_has_now(void **state)
{
	struct given *g = *state;
	char *from = path_in(g, "x.tmp");
	char *to = path_in(g, "x");

	watch(g);
	put_file(g, "x.tmp", "1");
	assert_int_equal(rename(from, to), 0);
	free(from);
	free(to);
	(void)await(g, "x");
	assert_null(find(g, "x.tmp"));
}

static void
an_executed_file_is_told_at_once(void **state)
{
	struct given *g = *state;
	char *script = NULL;

	watch(g);
	script = xasprintf("cp /bin/sleep %s/prog", g->folder);
	run_script(script);
	free(script);
	(void)await(g, "prog");
	forget(&g->heard);
	script = xasprintf("%s/prog 0.5; :", g->folder);
	run_script(script);
	free(script);
	const struct watch_event *e = await(g, "prog");

	assert_true((e->kinds & EVENT_EXECUTED) != 0);
	assert_true(e->actor.pid > 0);
}

static bool
is_due(const struct given *g, pid_t pid, enum due_why why)
{
	for (size_t i = 0; i < g->heard.n_due; i++) {
		if (g->heard.due[i].pid == pid && g->heard.due[i].why == why)
			return true;
	}
	return false;
}

/* A copy of /bin/sleep in fd, run: fexecve(3). */
static pid_t
start_memfd(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		char *argv[] = { (char *)"sleep", (char *)"5", NULL };
		char *env[] = { NULL };
		int fd = memfd_create("prog", MFD_CLOEXEC);
		int from = open("/bin/sleep", O_RDONLY | O_CLOEXEC);
		char text[4096];
		ssize_t n = 0;

		while ((n = read(from, text, sizeof(text))) > 0) {
			if (write(fd, text, (size_t)n) != n)
				_exit(1);
		}
		(void)fexecve(fd, argv, env);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void
end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void
a_program_without_a_file_is_due_at_once_and_later(void **state)
{
	struct given *g = *state;

	watch(g);
	if (g->heard.state.processes_trouble[0] != 0)
		skip();
	pid_t pid = start_memfd();

	hear_for(g, 1000);
	end_child(pid);
	assert_true(is_due(g, pid, DUE_MEMFD));
	assert_true(is_due(g, pid, DUE_STARTED));
}

static void
a_program_run_by_its_loader_is_due_at_once(void **state)
{
	struct given *g = *state;
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2";

	watch(g);
	if (g->heard.state.processes_trouble[0] != 0 || access(loader, X_OK) < 0)
		skip();
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl(loader, loader, "/bin/sleep", "5", (char *)NULL);
		_exit(127);
	}
	hear_for(g, 700);
	end_child(pid);
	assert_true(is_due(g, pid, DUE_ODD_START));
}

static void
what_ended_before_its_memory_was_due_is_counted(void **state)
{
	struct given *g = *state;

	watch(g);
	if (g->heard.state.processes_trouble[0] != 0)
		skip();
	run_script("/bin/sleep 0.1; :");
	hear_for(g, 600);
	struct watch_request request = quick_request();

	ask(g, &request);
	assert_true(g->heard.state.counters.n_due_gone > 0);
}

static void
a_file_written_for_ever_is_told_less_and_less_often(void **state)
{
	struct given *g = *state;
	int64_t until = 0;

	watch(g);
	until = clock_monotonic_ms() + 2500;
	while (clock_monotonic_ms() < until) {
		put_file(g, "log", "x");
		(void)hear(g, 5);
	}
	put_file(g, "log", "the last");
	hear_for(g, 1500);
	/* 200, 400, 800, 1000 ms and the last: without growth it would be 12. */
	assert_in_range(g->heard.n, 3, 8);
	assert_int_equal(find(g, "log")->target.size, 8);
}

/* The counters, all events being read and told or waiting. */
static void
settle(struct given *g)
{
	struct watch_request request = quick_request();

	do {
		hear_for(g, 300);
		ask(g, &request);
	} while (g->heard.state.counters.n_pending > 64);
}

static void
a_storm_of_files_is_accounted_for(void **state)
{
	enum { FILES = 100000 };
	struct given *g = *state;
	char path[256];

	watch(g);
	uint64_t before = g->heard.state.counters.n_read;

	for (unsigned i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), "%s/%u", g->folder, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || close(fd) < 0 || unlink(path) < 0)
			fail();
	}
	settle(g);
	every_event_is_accounted_for(g);
	assert_true(g->heard.state.counters.n_read - before >= FILES);
	assert_int_equal(g->heard.state.counters.n_overflows, 0);
	/* More than may wait: told as lost, with the file system. */
	assert_true(g->heard.state.counters.n_dropped == 0 || g->heard.has_lost_place);
}

static void
events_while_the_watcher_stands_still_are_accounted_for(void **state)
{
	enum { FILES = 30000 };
	struct given *g = *state;
	char path[256];

	watch(g);
	uint64_t before = g->heard.state.counters.n_read;

	assert_int_equal(kill(g->opener.pid, SIGSTOP), 0);
	for (unsigned i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), "%s/%u", g->folder, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || close(fd) < 0)
			fail();
	}
	assert_int_equal(kill(g->opener.pid, SIGCONT), 0);
	settle(g);
	every_event_is_accounted_for(g);
	assert_true(g->heard.has_lost_place);
	if (g->heard.state.is_unlimited)
		assert_true(g->heard.state.counters.n_read - before >= FILES);
	else
		assert_true(g->heard.state.counters.n_overflows > 0);
}

static void
an_excluded_file_is_counted_and_not_told(void **state)
{
	struct given *g = *state;
	struct watch_request request = quick_request();
	char *pattern = path_in(g, "*.o");

	watch(g);
	request.excludes = &pattern;
	request.n_excludes = 1;
	ask(g, &request);
	put_file(g, "a.o", "x");
	put_file(g, "a.c", "x");
	(void)await(g, "a.c");
	hear_for(g, 200);
	free(pattern);
	assert_null(find(g, "a.o"));
	request = quick_request();
	ask(g, &request);
	assert_true(g->heard.state.counters.n_excluded > 0);
}

static const struct watch_place *
place_of(const struct given *g, const char *end)
{
	const struct watching *w = &g->heard.state;

	for (uint32_t i = 0; i < w->n_places; i++) {
		size_t len = strlen(w->places[i].path);

		if (len >= strlen(end) &&
		    strcmp(w->places[i].path + len - strlen(end), end) == 0)
			return &w->places[i];
	}
	return NULL;
}

static void
a_mount_that_appears_is_watched_and_one_that_vanishes_is_forgotten(void **state)
{
	struct given *g = *state;
	char *sub = path_in(g, "sub");

	watch(g);
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(mount("tmpfs", sub, "tmpfs", 0, NULL), 0);
	while (place_of(g, sub) == NULL)
		assert_true(hear(g, SOON_MS));
	put_file(g, "sub/f", "x");
	(void)await(g, "sub/f");
	fd_closep(&g->heard.fd);
	g->heard.fd = -1;
	hear_for(g, 100);
	assert_int_equal(umount(sub), 0);
	while (place_of(g, sub) != NULL)
		assert_true(hear(g, SOON_MS));
	free(sub);
}

/* Nobody answers behind it: whoever touched it would wait for ever. */
static void
a_dead_fuse_mount_is_told_and_not_touched(void **state)
{
	struct given *g = *state;
	char options[128];
	char *at = path_in(g, "fuse");
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	(void)snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (!g->is_mounted || fd < 0 || mkdir(at, 0755) < 0 ||
	    mount("dead", at, "fuse", 0, options) < 0) {
		free(at);
		fd_closep(&fd);
		skip();
	}
	watch(g);
	const struct watch_place *p = place_of(g, at);

	free(at);
	assert_non_null(p);
	assert_string_equal(p->trouble, "a network or FUSE file system");
	put_file(g, "beside", "x");
	(void)await(g, "beside");
	/* Its end wakes whoever waits for it. */
	(void)close(fd);
}

static void
our_own_writes_below_our_state_are_counted_and_not_told(void **state)
{
	struct given *g = *state;
	struct watch_request request = quick_request();
	char *own = path_in(g, "own");

	watch(g);
	request.state = g->folder;
	ask(g, &request);
	put_file(g, "others", "x");
	mh_opener_write(&g->opener, own);
	free(own);
	(void)await(g, "others");
	hear_for(g, 300);
	assert_null(find(g, "own"));
	ask(g, &request);
	assert_int_equal(g->heard.state.counters.n_own, 1);
	every_event_is_accounted_for(g);
}

static void
without_rights_it_says_what_it_cannot_see(void **state)
{
	struct given *g = *state;
	struct watch_request request = quick_request();

	if (!g->is_mounted)
		skip();
	g->opener.uid = 65534;
	mh_opener_start(&g->opener, OPENER_PROGRAM);
	ask(g, &request);
	assert_string_equal(g->heard.state.trouble, "watching files needs CAP_SYS_ADMIN");
	/* Executions anybody may hear of, from kernel 6.6 on. */
	assert_int_equal(g->heard.state.n_places, 0);
}

/* A shell in a mount namespace of its own, over an overlay that only it has. */
static void
what_is_written_in_another_mount_namespace_is_told(void **state)
{
	struct given *g = *state;

	watch(g);
	if (g->heard.state.processes_trouble[0] != 0)
		skip();
	char *script = xasprintf(
	    "cd %s && mkdir l u w m && unshare -m sh -c 'mount -t overlay overlay -o "
	    "lowerdir=l,upperdir=u,workdir=w m && sh -c \"sleep 1.3\"; sleep 0.3; "
	    "sh -c \"echo x >m/inside\"; sleep 0.5'",
	    g->folder);
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	free(script);
	bool is_watched = false;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		(void)hear(g, 100);
		const struct watch_place *p = place_of(g, "/m");

		is_watched |=
		    p != NULL && strcmp(p->type, "overlay") == 0 && p->trouble[0] == 0;
	}
	if (status != 0)
		skip();
	hear_for(g, 500);
	assert_true(is_watched);
	assert_non_null(find(g, "m/inside"));
}

static void
each_question_whether_it_lives_is_answered(void **state)
{
	static const uint8_t pace[PACE_BYTES] = { 0, 0 };
	struct given *g = *state;

	watch(g);
	for (unsigned i = 0; i < 3; i++) {
		unsigned before = g->heard.n_states;
		int64_t until =
		    clock_monotonic_ms() + 1000; /* it comes unasked after 5,000 */

		assert_ok(
		    channel_send(g->opener.channel, MSG_PACE, pace, PACE_BYTES, NULL, 0));
		while (g->heard.n_states == before && clock_monotonic_ms() < until)
			(void)hear(g, 100);
		assert_int_not_equal(g->heard.n_states, before);
	}
}

int
main(void)
{
#define WATCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WATCH_TEST(a_written_file_is_told_with_its_writer),
		WATCH_TEST(a_file_is_readable_though_it_was_deleted_meanwhile),
		WATCH_TEST(a_file_is_told_by_the_name_that_it_has_now),
		WATCH_TEST(an_executed_file_is_told_at_once),
		WATCH_TEST(a_program_without_a_file_is_due_at_once_and_later),
		WATCH_TEST(a_program_run_by_its_loader_is_due_at_once),
		WATCH_TEST(what_ended_before_its_memory_was_due_is_counted),
		WATCH_TEST(a_file_written_for_ever_is_told_less_and_less_often),
		WATCH_TEST(a_storm_of_files_is_accounted_for),
		WATCH_TEST(events_while_the_watcher_stands_still_are_accounted_for),
		WATCH_TEST(an_excluded_file_is_counted_and_not_told),
		WATCH_TEST(
		    a_mount_that_appears_is_watched_and_one_that_vanishes_is_forgotten),
		WATCH_TEST(without_rights_it_says_what_it_cannot_see),
		WATCH_TEST(a_dead_fuse_mount_is_told_and_not_touched),
		WATCH_TEST(our_own_writes_below_our_state_are_counted_and_not_told),
		WATCH_TEST(what_is_written_in_another_mount_namespace_is_told),
		WATCH_TEST(each_question_whether_it_lives_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

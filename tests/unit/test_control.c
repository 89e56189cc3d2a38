/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <event2/event.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/control_client.h"
#include "base/fd.h"
#include "base/memory.h"

enum { STRANGER = 65534, MEMBERS = 4321, SHORT_MS = 400 };

struct ground {
	char *folder, *path;
	struct event_base *base;
	struct control *control;
};

/* Says who asks; "much" answers more than fits, "no" is refused. */
static void
on_request(void *ctx, bool is_trusted, const json_t *request,
    struct control_answer *answer)
{
	const char *verb = json_string_value(json_object_get(request, "verb"));
	char filler[1024];

	(void)ctx;
	if (verb != NULL && strcmp(verb, "no") == 0) {
		control_refuse(answer, "denied", "for others");
		return;
	}
	(void)control_put(answer,
	    json_pack("{s:s, s:b}", "type", "who", "trusted", is_trusted));
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = 0;
	while (verb != NULL && strcmp(verb, "much") == 0 &&
	       control_put(answer,
		   json_pack("{s:s, s:s}", "type", "filler", "text", filler)))
		;
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	int fd = -1;

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	(void)chmod(g->folder, 0755);
	g->path = xasprintf("%s/run/control.sock", g->folder);
	assert_ok(control_listen(g->path, &fd));
	g->base = event_base_new();
	g->control = control_new(g->base, fd, MEMBERS, on_request, NULL);
	assert_non_null(g->control);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	control_free(g->control);
	event_base_free(g->base);
	free(g->path);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

struct heard {
	unsigned n;
	bool is_trusted;
};

static void
on_line(void *ctx, const json_t *record)
{
	struct heard *h = ctx;

	if (h->n++ == 0)
		h->is_trusted = json_is_true(json_object_get(record, "trusted"));
}

/* Serve while the child lives; its exit status. */
static int
serve_child(struct ground *g, pid_t pid)
{
	int status = 0;

	for (int i = 0; i < 2000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		const struct timeval moment = { .tv_usec = 5000 };

		(void)event_base_loopexit(g->base, &moment);
		(void)event_base_dispatch(g->base);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What a child does as that user, and a member of that group. */
static int
as_user(struct ground *g, uid_t uid, gid_t group, int (*body)(const struct ground *g))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(1, &group) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(99);
		_exit(body(g));
	}
	return serve_child(g, pid);
}

static int
as_self(struct ground *g, int (*body)(const struct ground *g))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(g));
	return serve_child(g, pid);
}

/* 1: trusted, 0: not, 2: an error. */
static int
ask_who(const struct ground *g)
{
	struct heard h = { 0, false };
	char *why = NULL;
	bool is_cut = false;

	if (control_ask(g->path, json_pack("{s:s}", "verb", "who"), on_line, &h, &is_cut,
		&why) != MH_OK ||
	    h.n != 1 || is_cut)
		return 2;
	return h.is_trusted;
}

static void
the_own_user_is_trusted(void **state)
{
	assert_int_equal(as_self(*state, ask_who), 1);
}

static void
others_are_known_by_the_kernels_word(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_user(*state, STRANGER, STRANGER, ask_who), 0);
	assert_int_equal(as_user(*state, STRANGER, MEMBERS, ask_who), 1);
}

static int
ask_no(const struct ground *g)
{
	struct heard h = { 0, false };
	char *why = NULL;
	bool is_cut = false;
	mh_err err = control_ask(g->path, json_pack("{s:s}", "verb", "no"), on_line, &h,
	    &is_cut, &why);

	return err == MH_ERR_DENIED && strcmp(why, "for others") == 0 && h.n == 0 ? 0 : 1;
}

static void
a_refusal_says_why(void **state)
{
	assert_int_equal(as_self(*state, ask_no), 0);
}

static int
ask_much(const struct ground *g)
{
	struct heard h = { 0, false };
	char *why = NULL;
	bool is_cut = false;
	mh_err err = control_ask(g->path, json_pack("{s:s}", "verb", "much"), on_line, &h,
	    &is_cut, &why);

	return err == MH_OK && is_cut && h.n > CONTROL_ANSWER_MAX / 2048 ? 0 : 1;
}

static void
an_answer_that_is_too_long_says_that_it_is_cut(void **state)
{
	assert_int_equal(as_self(*state, ask_much), 0);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/* 0: closed without an answer, 1: an error record, 2: something else. */
static int
send_raw(const struct ground *g, const char *text, size_t len, size_t times)
{
	char answer[256] = { 0 };
	int fd = connect_to(g->path);

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < times; i++) {
		if (write(fd, text, len) < 0)
			return 0;
	}
	ssize_t n = read(fd, answer, sizeof(answer) - 1);

	if (n <= 0)
		return 0;
	return strstr(answer, "\"error\"") != NULL ? 1 : 2;
}

static int
send_nonsense(const struct ground *g)
{
	static const char *const lines[] = { "\n", "{\n", "[]\n", "\"status\"\n",
		"{\"a\":1,\"a\":2}\n", "\xff\xfe\n", "{}{}\n" };

	for (size_t i = 0; i < MH_ARRAY_LEN(lines); i++) {
		if (send_raw(g, lines[i], strlen(lines[i]), 1) != 1)
			return (int)i + 10;
	}
	return 0;
}

static void
nonsense_is_refused(void **state)
{
	assert_int_equal(as_self(*state, send_nonsense), 0);
}

static int
send_too_much(const struct ground *g)
{
	char piece[1024];

	memset(piece, 'x', sizeof(piece));
	return send_raw(g, piece, sizeof(piece),
	    CONTROL_REQUEST_MAX / sizeof(piece) + 64);
}

static int
send_almost_too_much(const struct ground *g)
{
	char *text = xcalloc(1, CONTROL_REQUEST_MAX);
	size_t len = CONTROL_REQUEST_MAX - 1;

	memset(text, ' ', len);
	text[0] = '{';
	text[len - 2] = '}';
	text[len - 1] = '\n';
	return send_raw(g, text, len, 1);
}

static void
a_request_has_a_largest_size(void **state)
{
	assert_int_equal(as_self(*state, send_too_much), 0);
	assert_int_equal(as_self(*state, send_almost_too_much), 2);
}

/* How many of n connections are answered. */
static int
open_many(const struct ground *g, int n)
{
	int fds[CONTROL_PEERS_MAX + 8];
	int n_answered = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < n; i++)
		fds[i] = connect_to(g->path);
	/* They are all accepted, or closed, by now. */
	(void)usleep(300 * 1000);
	for (int i = 0; i < n; i++) {
		char answer[256];

		if (write(fds[i], "{}\n", 3) == 3 &&
		    read(fds[i], answer, sizeof(answer)) > 0)
			n_answered++;
	}
	return n_answered;
}

static int
open_as_one_stranger(const struct ground *g)
{
	return open_many(g, CONTROL_UID_MAX + 2);
}

/* Each of as many users as have no more than their share. */
static int
open_as_strangers(const struct ground *g)
{
	enum { N_USERS = CONTROL_STRANGERS_MAX / CONTROL_UID_MAX + 1 };
	pid_t pids[N_USERS];
	int n_answered = 0;

	for (int i = 0; i < N_USERS; i++) {
		uid_t uid = (uid_t)(STRANGER - i);

		pids[i] = fork();
		if (pids[i] == 0)
			_exit(setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
				      setresuid(uid, uid, uid) < 0
				  ? 99
				  : open_many(g, CONTROL_UID_MAX));
	}
	for (int i = 0; i < N_USERS; i++) {
		int status = 0;

		(void)waitpid(pids[i], &status, 0);
		n_answered += WEXITSTATUS(status);
	}
	return n_answered;
}

static int
open_as_friend(const struct ground *g)
{
	return open_many(g, CONTROL_PEERS_MAX + 4);
}

static void
there_is_a_largest_number_of_peers(void **state)
{
	assert_int_equal(as_self(*state, open_as_friend), CONTROL_PEERS_MAX);
	if (geteuid() == 0)
		assert_int_equal(as_self(*state, open_as_strangers),
		    CONTROL_STRANGERS_MAX);
}

static void
a_stranger_has_a_share_of_the_peers(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_user(*state, STRANGER, STRANGER, open_as_one_stranger),
	    CONTROL_UID_MAX);
	assert_int_equal(as_user(*state, STRANGER, MEMBERS, open_as_friend),
	    CONTROL_PEERS_MAX);
}

/* A byte each tenth of its time, n of them, then the end: whether it is answered. */
static int
drip(const struct ground *g, int n)
{
	char answer[256];
	int fd = connect_to(g->path);

	(void)signal(SIGPIPE, SIG_IGN);
	if (write(fd, "{", 1) != 1)
		return 9;
	for (int i = 0; i < n; i++) {
		(void)usleep(SHORT_MS * 1000 / 10);
		if (write(fd, " ", 1) != 1)
			return 0;
	}
	return write(fd, "}\n", 2) == 2 && read(fd, answer, sizeof(answer)) > 0;
}

static int
drip_for_long(const struct ground *g)
{
	return drip(g, 20);
}

static int
drip_a_little(const struct ground *g)
{
	return drip(g, 5);
}

static void
a_request_has_a_deadline_that_bytes_do_not_renew(void **state)
{
	struct ground *g = *state;

	control_set_peer_ms(g->control, SHORT_MS);
	assert_int_equal(as_self(g, drip_for_long), 0);
	assert_int_equal(as_self(g, drip_a_little), 1);
}

/* Take a long answer, a piece each so many microseconds: whether it came whole. */
static int
sip(const struct ground *g, unsigned pause_us)
{
	static char piece[256 * 1024];
	size_t n_taken = 0;
	ssize_t n;
	int fd = connect_to(g->path);

	if (write(fd, "{\"verb\":\"much\"}\n", 16) != 16)
		return 9;
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		n_taken += (size_t)n;
		(void)usleep(pause_us);
	}
	return n_taken > CONTROL_ANSWER_MAX - 4096;
}

static int
sip_slowly(const struct ground *g)
{
	return sip(g, SHORT_MS * 1000 / 10);
}

static int
sip_at_once(const struct ground *g)
{
	return sip(g, 0);
}

static void
an_answer_has_a_deadline_that_taking_some_does_not_renew(void **state)
{
	struct ground *g = *state;

	control_set_peer_ms(g->control, SHORT_MS);
	assert_int_equal(as_self(g, sip_slowly), 0);
	control_set_peer_ms(g->control, CONTROL_PEER_MS);
	assert_int_equal(as_self(g, sip_at_once), 1);
}

static void
a_dead_socket_is_replaced_and_a_living_one_is_not(void **state)
{
	struct ground *g = *state;
	int fd = -1;

	assert_int_equal(control_listen(g->path, &fd), MH_ERR_EXISTS);
	control_free(g->control);
	g->control = NULL;
	assert_ok(control_listen(g->path, &fd));
	(void)close(fd);
}

static void
a_path_has_a_largest_length(void **state)
{
	struct ground *g = *state;
	struct sockaddr_un address;
	char path[sizeof(address.sun_path) + 1];
	int fd = -1;

	memset(path, 'x', sizeof(path));
	memcpy(path, g->folder, strlen(g->folder));
	path[strlen(g->folder)] = '/';
	path[sizeof(address.sun_path)] = 0;
	assert_int_equal(control_listen(path, &fd), MH_ERR_TOOBIG);
	path[sizeof(address.sun_path) - 1] = 0;
	assert_ok(control_listen(path, &fd));
	(void)close(fd);
}

static void
nobody_there_is_told(void **state)
{
	struct ground *g = *state;
	struct heard h = { 0, false };
	MH_CLEANUP(freep) char *path = xasprintf("%s/nothing", g->folder);
	MH_CLEANUP(freep) char *why = NULL;
	bool is_cut = false;

	assert_int_equal(control_ask(path, json_pack("{}"), on_line, &h, &is_cut, &why),
	    MH_ERR_NOTFOUND);
	assert_non_null(strstr(why, "is the agent running?"));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(the_own_user_is_trusted),
		with_ground(others_are_known_by_the_kernels_word),
		with_ground(a_refusal_says_why),
		with_ground(an_answer_that_is_too_long_says_that_it_is_cut),
		with_ground(nonsense_is_refused),
		with_ground(a_request_has_a_largest_size),
		with_ground(there_is_a_largest_number_of_peers),
		with_ground(a_stranger_has_a_share_of_the_peers),
		with_ground(a_request_has_a_deadline_that_bytes_do_not_renew),
		with_ground(an_answer_has_a_deadline_that_taking_some_does_not_renew),
		with_ground(a_dead_socket_is_replaced_and_a_living_one_is_not),
		with_ground(a_path_has_a_largest_length),
		with_ground(nobody_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

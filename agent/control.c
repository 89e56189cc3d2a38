/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: hostile: requests of local users.
 */
#include "agent/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

enum { BACKLOG = 16, GROUPS_MAX = 65536 };

struct peer {
	TAILQ_ENTRY(peer) entry;
	struct control *control;
	struct bufferevent *io;
	struct event *deadline;
	uid_t uid;
	bool is_trusted;
	bool is_answered;
};

struct control {
	struct event_base *base;
	struct event *accepting;
	int fd;
	gid_t gid;
	control_fn *fn;
	void *ctx;
	TAILQ_HEAD(, peer) peers;
	unsigned n_peers, n_strangers;
	unsigned peer_ms;
};

struct control_answer {
	struct evbuffer *out;
	bool is_full, is_refused;
};

/* Whether somebody answers at this address. */
static bool
is_alive(const struct sockaddr_un *address)
{
	MH_CLEANUP(fd_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* A full backlog is somebody, too. */
	return fd >= 0 &&
	       (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		   errno == EAGAIN);
}

static void
make_folder(const char *path)
{
	MH_CLEANUP(freep) char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');

	if (slash == NULL || slash == folder)
		return;
	*slash = 0;
	if (mkdir(folder, 0755) == 0)
		(void)chmod(folder, 0755); /* whatever the umask is */
}

mh_err
control_listen(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	MH_CLEANUP(fd_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return MH_ERR_TOOBIG;
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0)
		return MH_ERR_SYSTEM;
	make_folder(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EADDRINUSE)
			return MH_ERR_SYSTEM;
		if (is_alive(&address))
			return MH_ERR_EXISTS;
		if (unlink(path) < 0 ||
		    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
			return MH_ERR_SYSTEM;
	}
	/* Anyone may ask how it is; each verb looks at who asks. */
	if (chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)
		return MH_ERR_SYSTEM;
	*ret_fd = fd;
	fd = -1;
	return MH_OK;
}

static bool
is_member(int fd, gid_t primary, gid_t wanted)
{
	MH_CLEANUP(freep) gid_t *groups = NULL;
	socklen_t len = 0;

	if (wanted == (gid_t)-1)
		return false;
	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE || len > GROUPS_MAX * sizeof(*groups))
		return false;
	groups = xcalloc(1, len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(*groups); i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

static bool
is_trusted(int fd, const struct ucred *who, gid_t gid)
{
	return who->uid == 0 || who->uid == geteuid() || is_member(fd, who->gid, gid);
}

static unsigned
strangers_of(const struct control *c, uid_t uid)
{
	const struct peer *p;
	unsigned n = 0;

	TAILQ_FOREACH(p, &c->peers, entry)
	n += !p->is_trusted && p->uid == uid;
	return n;
}

static bool
is_room(const struct control *c, bool is_friend, uid_t uid)
{
	if (c->n_peers >= CONTROL_PEERS_MAX)
		return false;
	return is_friend || (c->n_strangers < CONTROL_STRANGERS_MAX &&
				strangers_of(c, uid) < CONTROL_UID_MAX);
}

static void
peer_free(struct peer *p)
{
	TAILQ_REMOVE(&p->control->peers, p, entry);
	p->control->n_peers--;
	p->control->n_strangers -= !p->is_trusted;
	if (p->deadline != NULL)
		event_free(p->deadline);
	bufferevent_free(p->io);
	free(p);
}

bool
control_put(struct control_answer *answer, json_t *record)
{
	MH_CLEANUP(freep) char *text = json_dumps(record, JSON_COMPACT);

	json_decref(record);
	if (answer->is_full || text == NULL)
		return false;
	if (evbuffer_get_length(answer->out) + strlen(text) > CONTROL_ANSWER_MAX) {
		answer->is_full = true;
		return false;
	}
	(void)evbuffer_add_printf(answer->out, "%s\n", text);
	return true;
}

void
control_refuse(struct control_answer *answer, const char *code, const char *sentence)
{
	answer->is_refused = true;
	(void)control_put(answer, json_pack("{s:s, s:s, s:s}", "type", "error", "code",
				      code, "text", sentence));
}

/* Too slow, with the request or with taking the answer. */
static void
on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	peer_free(ctx);
}

/* From now on. */
static bool
set_deadline(struct peer *p)
{
	const struct timeval patience = { .tv_sec = p->control->peer_ms / 1000,
		.tv_usec = (suseconds_t)(p->control->peer_ms % 1000) * 1000 };

	return evtimer_add(p->deadline, &patience) == 0;
}

static void
answer_request(struct peer *p, const char *line, size_t len)
{
	struct control_answer answer = { bufferevent_get_output(p->io), false, false };
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	p->is_answered = true;
	if (!json_is_object(request))
		control_refuse(&answer, "malformed", "a request is one object of JSON");
	else
		p->control->fn(p->control->ctx, p->is_trusted, request, &answer);
	json_decref(request);
	/* Without this line an answer is not whole. */
	if (!answer.is_refused) {
		bool is_cut = answer.is_full;

		answer.is_full = false;
		(void)evbuffer_add_printf(answer.out, "{\"type\":\"end\",\"cut\":%s}\n",
		    is_cut ? "true" : "false");
	}
	(void)bufferevent_disable(p->io, EV_READ);
	(void)set_deadline(p);
}

static void
on_read(struct bufferevent *io, void *ctx)
{
	struct peer *p = ctx;
	struct evbuffer *in = bufferevent_get_input(io);
	size_t len = 0;
	MH_CLEANUP(freep) char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);

	if (line != NULL && !p->is_answered)
		answer_request(p, line, len);
	else if (evbuffer_get_length(in) >= CONTROL_REQUEST_MAX)
		peer_free(p);
}

/* All was taken. */
static void
on_written(struct bufferevent *io, void *ctx)
{
	struct peer *p = ctx;

	(void)io;
	if (p->is_answered)
		peer_free(p);
}

static void
on_end(struct bufferevent *io, short what, void *ctx)
{
	(void)io;
	(void)what;
	peer_free(ctx);
}

/* Takes io. */
static void
add_peer(struct control *c, struct bufferevent *io, uid_t uid, bool is_friend)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->control = c;
	p->io = io;
	p->uid = uid;
	p->is_trusted = is_friend;
	TAILQ_INSERT_TAIL(&c->peers, p, entry);
	c->n_peers++;
	c->n_strangers += !is_friend;
	p->deadline = evtimer_new(c->base, on_deadline, p);
	if (p->deadline == NULL || !set_deadline(p)) {
		peer_free(p);
		return;
	}
	bufferevent_setcb(io, on_read, on_written, on_end, p);
	bufferevent_setwatermark(io, EV_READ, 0, CONTROL_REQUEST_MAX);
	(void)bufferevent_enable(io, EV_READ | EV_WRITE);
}

static void
on_accept(evutil_socket_t listener, short what, void *ctx)
{
	struct control *c = ctx;
	struct bufferevent *io = NULL;
	struct ucred who;
	socklen_t len = sizeof(who);
	bool is_friend = false;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
		is_friend = is_trusted(fd, &who, c->gid);
		if (is_room(c, is_friend, who.uid))
			io = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (io == NULL)
		(void)close(fd);
	else
		add_peer(c, io, who.uid, is_friend);
}

struct control *
control_new(struct event_base *base, int fd, gid_t gid, control_fn *fn, void *ctx)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->fd = fd;
	c->gid = gid;
	c->fn = fn;
	c->ctx = ctx;
	c->peer_ms = CONTROL_PEER_MS;
	TAILQ_INIT(&c->peers);
	c->accepting = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, c);
	if (c->accepting == NULL || event_add(c->accepting, NULL) < 0) {
		control_free(c);
		return NULL;
	}
	return c;
}

void
control_set_peer_ms(struct control *c, unsigned peer_ms)
{
	c->peer_ms = peer_ms;
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->peers))
		peer_free(TAILQ_FIRST(&c->peers));
	if (c->accepting != NULL)
		event_free(c->accepting);
	(void)close(c->fd);
	free(c);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the authority, which reads what strangers send. */
#include "collector/authority_link.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"

enum {
	ASKED_MAX = CHANNEL_WINDOW, /* questions under way: what the channel holds */
	RESTART_MS = 1000,
};

/* One question without an answer; fn is NULL in a free slot. */
struct asked {
	uint64_t id;
	authority_fn *fn;
	void *arg;
};

struct authority_link {
	struct event_base *base;
	char *folder;
	uint64_t life_ms;
	pid_t pid; /* -1: not running */
	struct channel *channel;
	struct event *readable, *writable, *restart;
	uint64_t last_id;
	struct asked asked[ASKED_MAX];
};

static void
stop(struct authority_link *l)
{
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->writable != NULL)
		event_free(l->writable);
	l->readable = NULL;
	l->writable = NULL;
	channel_free(l->channel);
	l->channel = NULL;
	if (l->pid > 0) {
		(void)kill(l->pid, SIGKILL);
		(void)waitpid(l->pid, NULL, 0);
	}
	l->pid = -1;
	for (size_t i = 0; i < ASKED_MAX; i++) {
		struct asked a = l->asked[i];

		l->asked[i].fn = NULL;
		if (a.fn != NULL)
			a.fn(NULL, a.arg);
	}
}

static void
fail(struct authority_link *l, mh_err err)
{
	struct timeval later = { RESTART_MS / 1000, (RESTART_MS % 1000) * 1000 };

	log_err_r(err, "authority", "the certificate authority ended; starting it again");
	stop(l);
	(void)event_add(l->restart, &later);
}

static mh_err
deliver(struct authority_link *l, const struct message *msg)
{
	struct issued answer;
	mh_err err = issued_read(msg->data, msg->len, &answer);

	if (err != MH_OK)
		return err;
	for (size_t i = 0; i < ASKED_MAX; i++) {
		struct asked a = l->asked[i];

		if (a.fn == NULL || a.id != answer.id)
			continue;
		l->asked[i].fn = NULL;
		a.fn(&answer, a.arg);
		return MH_OK;
	}
	return MH_ERR_PROTOCOL; /* an answer to no question */
}

static void
watch_output(struct authority_link *l)
{
	if (channel_wants_write(l->channel))
		(void)event_add(l->writable, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct authority_link *l = arg;
	struct message msg;
	mh_err err = MH_OK;

	(void)fd;
	(void)what;
	while (err == MH_OK) {
		err = channel_receive(l->channel, &msg);
		if (err == MH_OK)
			err = deliver(l, &msg);
	}
	if (err != MH_ERR_AGAIN)
		fail(l, err);
	else
		watch_output(l);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct authority_link *l = arg;
	mh_err err = channel_flush(l->channel);

	(void)fd;
	(void)what;
	if (err != MH_OK)
		fail(l, err);
	else
		watch_output(l);
}

static mh_err
start(struct authority_link *l)
{
	MH_CLEANUP(freep) char *programs = child_program_folder();
	MH_CLEANUP(freep) char *path = xasprintf("%s/molehunt-authority", programs);
	char life[24];
	char name[] = "molehunt-authority";
	char *argv[] = { name, l->folder, life, NULL };
	int fds[2];
	mh_err err = channel_pair(fds);

	if (err != MH_OK)
		return err;
	(void)snprintf(life, sizeof(life), "%" PRIu64, l->life_ms);
	err = child_start(path, argv, fds[1], &l->pid);
	if (err != MH_OK) {
		log_err_r(err, "authority", "%s", path);
		(void)close(fds[0]);
		(void)close(fds[1]);
		return err;
	}
	l->channel = message_channel_new(fds[0], ROLE_COLLECTOR, ROLE_AUTHORITY);
	l->readable = event_new(l->base, channel_fd(l->channel), EV_READ | EV_PERSIST,
	    on_readable, l);
	l->writable =
	    event_new(l->base, channel_fd(l->channel), EV_WRITE, on_writable, l);
	(void)event_add(l->readable, NULL);
	return MH_OK;
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct authority_link *l = arg;
	mh_err err = start(l);

	(void)fd;
	(void)what;
	if (err != MH_OK)
		fail(l, err);
}

mh_err
authority_link_new(struct event_base *base, const char *folder, uint64_t life_ms,
    struct authority_link **ret)
{
	MH_CLEANUP(authority_link_freep)
	struct authority_link *l = xcalloc(1, sizeof(*l));
	mh_err err = MH_OK;

	l->base = base;
	l->folder = xstrdup(folder);
	l->life_ms = life_ms;
	l->pid = -1;
	l->restart = evtimer_new(base, on_restart, l);
	err = start(l);
	if (err == MH_OK)
		*ret = MH_TAKE(l);
	return err;
}

void
authority_link_free(struct authority_link *l)
{
	if (l == NULL)
		return;
	stop(l);
	event_free(l->restart);
	free(l->folder);
	free(l);
}

mh_err
authority_ask(struct authority_link *l, struct issue *ask, authority_fn *fn, void *arg)
{
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(CHANNEL_PAYLOAD_MAX);
	struct asked *slot = NULL;

	if (l->channel == NULL)
		return MH_ERR_CLOSED;
	for (size_t i = 0; i < ASKED_MAX && slot == NULL; i++)
		slot = l->asked[i].fn == NULL ? &l->asked[i] : NULL;
	if (slot == NULL || !channel_can_send(l->channel))
		return MH_ERR_FULL;
	ask->id = ++l->last_id;
	issue_put(ask, out);

	mh_err err =
	    channel_send(l->channel, MSG_ISSUE, buf_data(out), buf_len(out), NULL, 0);

	if (err != MH_OK)
		return err;
	*slot = (struct asked){ ask->id, fn, arg };
	watch_output(l);
	return MH_OK;
}

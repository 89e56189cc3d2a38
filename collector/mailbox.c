/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

struct mailbox {
	pthread_mutex_t lock; /* guards letters */
	STAILQ_HEAD(letters, mail) letters;
	int fd; /* eventfd(2): readable when there may be letters */
	struct event *readable;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count = 0;

	(void)what;
	/* Before the letters: what is posted after this makes it readable again. */
	(void)!read(fd, &count, sizeof(count));
	mailbox_drain(arg);
}

struct mailbox *
mailbox_new(struct event_base *base)
{
	struct mailbox *mb = xcalloc(1, sizeof(*mb));

	STAILQ_INIT(&mb->letters);
	(void)pthread_mutex_init(&mb->lock, NULL);
	mb->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mb->fd < 0)
		abort(); /* out of descriptors at the start */
	mb->readable = event_new(base, mb->fd, EV_READ | EV_PERSIST, on_readable, mb);
	(void)event_add(mb->readable, NULL);
	return mb;
}

void
mailbox_free(struct mailbox *mb)
{
	if (mb == NULL)
		return;
	event_free(mb->readable);
	(void)close(mb->fd);
	(void)pthread_mutex_destroy(&mb->lock);
	free(mb);
}

void
mailbox_post(struct mailbox *mb, struct mail *mail)
{
	const uint64_t one = 1;
	bool was_empty = false;

	(void)pthread_mutex_lock(&mb->lock);
	was_empty = STAILQ_EMPTY(&mb->letters);
	STAILQ_INSERT_TAIL(&mb->letters, mail, link);
	(void)pthread_mutex_unlock(&mb->lock);
	/* Only the first of several has to wake the loop. */
	if (was_empty)
		(void)!write(mb->fd, &one, sizeof(one));
}

void
mailbox_drain(struct mailbox *mb)
{
	struct letters now = STAILQ_HEAD_INITIALIZER(now);
	struct mail *mail = NULL;

	(void)pthread_mutex_lock(&mb->lock);
	STAILQ_CONCAT(&now, &mb->letters);
	(void)pthread_mutex_unlock(&mb->lock);
	while ((mail = STAILQ_FIRST(&now)) != NULL) {
		STAILQ_REMOVE_HEAD(&now, link);
		mail->deliver(mail);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_MAILBOX_H
#define MH_COLLECTOR_MAILBOX_H

#include <event2/event.h>
#include <sys/queue.h>

/*
 * Work for the thread of an event loop, from any other thread.  Nothing of a
 * loop is touched but by its own thread (libevent's HTTP server allows no
 * more), so what others have to say to it comes as mail.
 *
 *	struct job { struct mail mail; ... };           the first member
 *	mailbox_post(loop_mailbox, &job->mail);
 */
struct mail {
	STAILQ_ENTRY(mail) link;
	void (*deliver)(struct mail *mail); /* owns the mail; in the loop's thread */
};

struct mailbox;

/* Delivers in the loop of base.  Caller frees when nobody posts any more. */
struct mailbox *mailbox_new(struct event_base *base);
void mailbox_free(struct mailbox *mb);

/* From any thread; never blocks.  Mail is delivered in the order of posting. */
void mailbox_post(struct mailbox *mb, struct mail *mail);

/* Deliver what is there now, in the loop's thread or when it has ended. */
void mailbox_drain(struct mailbox *mb);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: what is scanned; messages come from the agent.
 */
#include "scanners/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"
#include "scanners/file_scan.h"
#include "scanners/indicator_scan.h"
#include "scanners/memory_scan.h"

/* Room that the largest verdict needs in a message. */
enum { VERDICT_RECORD_MAX = DETAIL_BYTES_MAX + 2 * ORIGIN_BYTES_MAX + 512 };

struct worker {
	struct channel *channel;
	struct file_scanner *scanner;
	struct memory_scanner *memory;
	struct indicator_scanner *indicators; /* NULL: there are none */
	struct buf *verdicts;                 /* encoded, not yet sent */
	int64_t sent_ms;                      /* when something was last sent */
	struct message next; /* that came while something waited to be sent */
	uint8_t *next_data;  /* its data, owned; NULL: there is none */
};

/*
 * The agent hands over the next targets while these are being scanned: they
 * wait.  It never hands over more.
 */
static void
keep_next(struct worker *w, const struct message *m)
{
	if (m->type != MSG_SCAN || w->next_data != NULL) {
		log_err("worker", "%s while verdicts are waiting", message_name(m->type));
		_exit(1);
	}
	w->next = *m;
	w->next_data = xmemdup(m->data, m->len);
	w->next.data = w->next_data;
}

/* Send, waiting for the agent to take what it has; exits when it is gone. */
static void
send_waiting(struct worker *w, enum message_name type, const struct buf *b)
{
	mh_err err = MH_ERR_FULL;

	while ((err = channel_send(w->channel, (uint16_t)type, buf_data(b), buf_len(b),
		    NULL, 0)) == MH_ERR_FULL) {
		/* Credits arrive as messages without content: wait for them. */
		struct pollfd p = { .fd = channel_fd(w->channel), .events = POLLIN };
		struct message m;

		(void)poll(&p, 1, -1);
		err = channel_receive(w->channel, &m);
		if (err == MH_OK)
			keep_next(w, &m);
		else if (err != MH_ERR_AGAIN)
			_exit(0);
	}
	if (err != MH_OK)
		_exit(0);
	w->sent_ms = clock_monotonic_ms();
}

static void
flush_verdicts(struct worker *w)
{
	send_waiting(w, MSG_VERDICTS, w->verdicts);
	buf_reset(w->verdicts);
}

/* Between the scans of a long search: the agent's watchdog sees life. */
static void
on_pulse(void *ctx)
{
	struct worker *w = ctx;

	if (clock_monotonic_ms() - w->sent_ms > WORKER_FLUSH_MS)
		flush_verdicts(w);
}

static void
send_matches(struct worker *w, const struct target *t, const struct match_outcome *o)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	for (uint32_t i = 0; i < o->n_matches; i++) {
		o->matches[i]->target = t->id;
		buf_reset(b);
		match_encode(o->matches[i], b);
		send_waiting(w, MSG_FOUND, b);
	}
}

/* What could not be scanned of t. */
static void
send_notes(struct worker *w, const struct target *t, struct note_list *list)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	note_list_finish(list);
	for (uint32_t i = 0; i < list->n; i++) {
		list->notes[i].target = t->id;
		buf_reset(b);
		note_encode(&list->notes[i], b);
		send_waiting(w, MSG_NOTED, b);
	}
}

static void
send_clues(struct worker *w, const struct target *t, const struct match_outcome *o)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	for (uint32_t i = 0; i < o->n_clues; i++) {
		buf_reset(b);
		buf_put_u64(b, t->id);
		clue_encode(&o->clues[i], b);
		send_waiting(w, MSG_CLUE, b);
	}
}

static void
scan_target(struct worker *w, const struct target *t, const int *fds)
{
	struct verdict v;
	struct match_outcome o;

	if (t->kind == TARGET_MEMORY)
		memory_scan(w->memory, t, fds, &v, &o);
	else if (t->kind == TARGET_NAME || t->kind == TARGET_PROCESS)
		indicator_scan_facts(w->indicators, t, &v, &o);
	else
		file_scan(w->scanner, t, fds[0], &v, &o);
	if (v.detail != NULL && strlen(v.detail) > DETAIL_BYTES_MAX)
		v.detail[DETAIL_BYTES_MAX] = 0;
	send_matches(w, t, &o);
	send_notes(w, t, &o.notes);
	send_clues(w, t, &o);
	v.n_matches = o.n_matches;
	v.n_notes = o.notes.n;
	v.n_clues = o.n_clues;
	v.n_members = o.n_members;
	verdict_encode(&v, w->verdicts);
	match_outcome_clear(&o);
	verdict_clear(&v);
	if (buf_room(w->verdicts) < VERDICT_RECORD_MAX)
		flush_verdicts(w);
	else
		on_pulse(w);
}

static void
on_scan(struct worker *w, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	for (unsigned i = 0; r.left > 0;) {
		struct target t;

		target_decode(&r, &t);
		if (!reader_is_ok(&r) || t.n_fds > m->n_fds - i) {
			log_err("worker", "malformed target from the agent");
			_exit(1);
		}
		scan_target(w, &t, m->fds + i);
		i += t.n_fds;
		target_clear(&t);
	}
	message_close_fds(m);
	flush_verdicts(w);
}

struct worker *
worker_new(int fd, struct ruleset *rs, struct indicator_set *indicators,
    const struct scan_setup *setup)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->sent_ms = clock_monotonic_ms();
	w->channel = message_channel_new(fd, ROLE_WORKER, ROLE_AGENT);
	w->verdicts = buf_new(CHANNEL_PAYLOAD_MAX);
	w->scanner = file_scanner_new(rs, setup, on_pulse, w);
	if (w->scanner == NULL) {
		log_err("worker",
		    "no scanner: out of memory, or libcrypto without SHA-256");
		return NULL;
	}
	if (indicators != NULL)
		w->indicators =
		    indicator_scanner_new(indicators, file_scanner_hasher(w->scanner));
	file_scanner_use(w->scanner, w->indicators);
	w->memory = memory_scanner_new(rs, file_scanner_matcher(w->scanner),
	    file_scanner_hasher(w->scanner), setup);
	return w;
}

/*
 * Scan what one message brings.  Its data is copied: while verdicts wait to be
 * sent, the channel takes the next message into the place of this one.
 */
static void
scan_message(struct worker *w, struct message *m)
{
	uint8_t *data = xmemdup(m->data, m->len);
	struct message now = *m;

	while (data != NULL) {
		now.data = data;
		on_scan(w, &now);
		free(data);
		/* What came meanwhile; it is a copy already. */
		data = MH_TAKE(w->next_data);
		now = w->next;
	}
}

int
worker_run(struct worker *w)
{
	struct message m;

	for (;;) {
		mh_err err = channel_receive(w->channel, &m);

		if (err == MH_OK) {
			scan_message(w, &m);
		} else if (err == MH_ERR_AGAIN) {
			struct pollfd p = { .fd = channel_fd(w->channel),
				.events = POLLIN };

			if (channel_wants_write(w->channel))
				p.events |= POLLOUT;
			(void)poll(&p, 1, -1);
		} else {
			return err == MH_ERR_CLOSED ? 0 : 1;
		}
	}
}

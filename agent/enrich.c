/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: from the opener, which read databases of packages.
 */
#include "agent/enrich.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "records/messages.h"

struct question {
	char *path; /* owned */
	void *tag;
	int64_t since_ms;
	struct question *next;
};

struct enricher {
	enrich_fn *on_facts;
	void *ctx;
	struct question *first, **end; /* the oldest first; owned */
	size_t n;
	size_t n_asked; /* of these, the first: in one message, without an answer */
	uint32_t id;    /* of it */
};

struct enricher *
enricher_new(enrich_fn *on_facts, void *ctx)
{
	struct enricher *e = xcalloc(1, sizeof(*e));

	e->on_facts = on_facts;
	e->ctx = ctx;
	e->end = &e->first;
	return e;
}

/* Answer the oldest question. */
static void
answer_first(struct enricher *e, const struct package_facts *facts)
{
	struct question *q = e->first;
	void *tag = q->tag;

	e->first = q->next;
	if (e->first == NULL)
		e->end = &e->first;
	e->n--;
	if (e->n_asked > 0)
		e->n_asked--;
	free(q->path);
	free(q);
	e->on_facts(e->ctx, tag, facts);
}

static void
answer_unknown(struct enricher *e, size_t n, enum package_unknown unknown)
{
	const struct package_facts facts = { .unknown = unknown };

	while (n-- > 0)
		answer_first(e, &facts);
}

void
enricher_free(struct enricher *e)
{
	if (e == NULL)
		return;
	answer_unknown(e, e->n, PACKAGE_UNKNOWN_NOT_ASKED);
	free(e);
}

void
enricher_ask(struct enricher *e, const char *path, void *tag, int64_t now_ms)
{
	const struct package_facts unasked = { .unknown = PACKAGE_UNKNOWN_NOT_ASKED };
	struct question *q = NULL;

	if (e->n == ENRICH_WAITING_MAX || path[0] != '/' ||
	    strlen(path) > PATH_BYTES_MAX) {
		e->on_facts(e->ctx, tag, &unasked);
		return;
	}
	q = xcalloc(1, sizeof(*q));
	q->path = xstrdup(path);
	q->tag = tag;
	q->since_ms = now_ms;
	*e->end = q;
	e->end = &q->next;
	e->n++;
}

size_t
enricher_waiting(const struct enricher *e)
{
	return e->n;
}

/* As many of the oldest as fit in a message. */
static void
encode_questions(const struct enricher *e, struct buf *b, uint32_t *ret_n)
{
	char *paths[FACTS_PATHS_MAX];
	struct facts_request request = { .id = e->id, .paths = paths };
	const struct question *q = e->first;

	for (; q != NULL && request.n < FACTS_PATHS_MAX; q = q->next)
		paths[request.n++] = q->path;
	facts_request_encode(&request, b);
	while (buf_error(b) != MH_OK) { /* one path alone always fits */
		request.n /= 2;
		buf_reset(b);
		facts_request_encode(&request, b);
	}
	*ret_n = request.n;
}

static mh_err
send_questions(struct enricher *e, struct channel *opener)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	uint32_t n = 0;
	mh_err err = MH_OK;

	if (e->n_asked > 0 || e->n == 0 || !channel_can_send(opener))
		return MH_OK;
	e->id++;
	encode_questions(e, b, &n);
	err = channel_send(opener, MSG_FACTS, buf_data(b), buf_len(b), NULL, 0);
	if (err == MH_OK)
		e->n_asked = n;
	return err == MH_ERR_FULL ? MH_OK : err;
}

static bool
take_answer(struct enricher *e, const struct message *m)
{
	struct facts_answer answer;
	struct reader r;

	reader_init(&r, m->data, m->len);
	facts_answer_decode(&r, &answer);
	bool is_good = reader_is_done(&r) && e->n_asked > 0 && answer.id == e->id &&
		       answer.n == e->n_asked;

	for (uint32_t i = 0; is_good && i < answer.n; i++)
		answer_first(e, &answer.items[i]);
	facts_answer_clear(&answer);
	return is_good;
}

/* All that it has said: answers, and signs of life. */
static mh_err
listen(struct enricher *e, struct channel *opener)
{
	for (;;) {
		struct message m;
		mh_err err = channel_receive(opener, &m);

		if (err != MH_OK)
			return err == MH_ERR_AGAIN ? MH_OK : err;
		bool is_good = m.type == MSG_PULSE ||
			       (m.type == MSG_FACTS_ARE && take_answer(e, &m));

		message_close_fds(&m);
		if (!is_good)
			return MH_ERR_PROTOCOL;
	}
}

/* Whether the oldest has waited for too long. */
static bool
is_late(const struct enricher *e, int64_t now_ms)
{
	return e->first != NULL && now_ms - e->first->since_ms >= ENRICH_WAIT_MS;
}

enum enrich_next
enricher_step(struct enricher *e, struct channel *opener, int64_t now_ms)
{
	mh_err err = opener != NULL ? listen(e, opener) : MH_OK;

	if (err == MH_OK && is_late(e, now_ms) && e->n_asked > 0)
		return ENRICH_HUNG;
	while (e->n_asked == 0 && is_late(e, now_ms))
		answer_unknown(e, 1, PACKAGE_UNKNOWN_NOT_ANSWERED);
	if (err == MH_OK && opener != NULL)
		err = send_questions(e, opener);
	if (err == MH_OK && opener != NULL)
		err = channel_flush(opener);
	return err == MH_OK ? ENRICH_OK : ENRICH_BROKEN;
}

void
enricher_lost(struct enricher *e)
{
	answer_unknown(e, e->n_asked, PACKAGE_UNKNOWN_NOT_ANSWERED);
}

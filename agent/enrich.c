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
	struct question *first, **end; /* not asked yet, the oldest first; owned */
	size_t n;                      /* without an answer, asked or not */
	struct question *asked[FACTS_PATHS_MAX]; /* NULL: answered for; owned */
	uint32_t n_asked; /* of the message under way; 0: there is none */
	uint32_t id;      /* of it */
	int64_t heard_ms; /* since then the opener said nothing */
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

/* Take the oldest from those that were not asked yet. */
static struct question *
take_first(struct enricher *e)
{
	struct question *q = e->first;

	e->first = q->next;
	if (e->first == NULL)
		e->end = &e->first;
	return q;
}

/* The answer to q, which is freed and of which nobody else knows any more. */
static void
answer(struct enricher *e, struct question *q, const struct package_facts *facts)
{
	void *tag = q->tag;

	e->n--;
	free(q->path);
	free(q);
	e->on_facts(e->ctx, tag, facts);
}

static void
answer_asked(struct enricher *e, uint32_t i, const struct package_facts *facts)
{
	struct question *q = e->asked[i];

	e->asked[i] = NULL;
	if (q != NULL)
		answer(e, q, facts);
}

void
enricher_lost(struct enricher *e)
{
	const struct package_facts facts = { .unknown = PACKAGE_UNKNOWN_NOT_ANSWERED };
	uint32_t n = e->n_asked;

	e->n_asked = 0;
	for (uint32_t i = 0; i < n; i++)
		answer_asked(e, i, &facts);
}

void
enricher_flush(struct enricher *e)
{
	const struct package_facts facts = { .unknown = PACKAGE_UNKNOWN_NOT_ANSWERED };

	for (uint32_t i = 0; i < e->n_asked; i++)
		answer_asked(e, i, &facts);
	while (e->first != NULL)
		answer(e, take_first(e), &facts);
}

void
enricher_free(struct enricher *e)
{
	if (e == NULL)
		return;
	enricher_flush(e);
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
static uint32_t
encode_questions(const struct enricher *e, struct buf *b)
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
	return request.n;
}

static mh_err
send_questions(struct enricher *e, struct channel *opener, int64_t now_ms)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	mh_err err = MH_OK;

	if (e->n_asked > 0 || e->first == NULL || !channel_can_send(opener))
		return MH_OK;
	e->id++;
	uint32_t n = encode_questions(e, b);

	err = channel_send(opener, MSG_FACTS, buf_data(b), buf_len(b), NULL, 0);
	if (err != MH_OK)
		return err;
	for (uint32_t i = 0; i < n; i++)
		e->asked[i] = take_first(e);
	e->n_asked = n;
	e->heard_ms = now_ms;
	return MH_OK;
}

static bool
take_answer(struct enricher *e, const struct message *m)
{
	struct facts_answer a;
	struct reader r;

	reader_init(&r, m->data, m->len);
	facts_answer_decode(&r, &a);
	bool is_good =
	    reader_is_done(&r) && e->n_asked > 0 && a.id == e->id && a.n == e->n_asked;

	if (is_good) {
		e->n_asked = 0;
		for (uint32_t i = 0; i < a.n; i++)
			answer_asked(e, i, &a.items[i]);
	}
	facts_answer_clear(&a);
	return is_good;
}

/* All that it has said: answers, and signs of life. */
static mh_err
listen(struct enricher *e, struct channel *opener, int64_t now_ms)
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
		e->heard_ms = now_ms;
	}
}

/* Who has waited for too long waits no more; the place of what was asked stays. */
static void
answer_late(struct enricher *e, int64_t now_ms)
{
	const struct package_facts facts = { .unknown = PACKAGE_UNKNOWN_NOT_ANSWERED };
	int64_t since_ms = now_ms - ENRICH_WAIT_MS;

	for (uint32_t i = 0; i < e->n_asked; i++) {
		if (e->asked[i] != NULL && e->asked[i]->since_ms <= since_ms)
			answer_asked(e, i, &facts);
	}
	while (e->first != NULL && e->first->since_ms <= since_ms)
		answer(e, take_first(e), &facts);
}

enum enrich_next
enricher_step(struct enricher *e, struct channel *opener, int64_t now_ms)
{
	mh_err err = opener != NULL ? listen(e, opener, now_ms) : MH_OK;

	answer_late(e, now_ms);
	if (err == MH_OK && opener != NULL && e->n_asked > 0 &&
	    now_ms - e->heard_ms >= ENRICH_HUNG_MS)
		return ENRICH_HUNG;
	if (err == MH_OK && opener != NULL)
		err = send_questions(e, opener, now_ms);
	if (err == MH_OK && opener != NULL)
		err = channel_flush(opener);
	return err == MH_OK ? ENRICH_OK : ENRICH_BROKEN;
}

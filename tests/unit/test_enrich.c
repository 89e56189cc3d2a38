/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about packages, with the test as the opener. */
#include "tests/unit/mh_test.h"

#include "agent/enrich.h"
#include "base/memory.h"
#include "records/messages.h"

struct ground {
	struct enricher *e;
	struct channel *mine, *openers;
	unsigned n_known, n_not_asked, n_not_answered;
	void *last;        /* tag */
	const char *again; /* ask about this from within an answer */
};

static void
on_facts(void *ctx, void *tag, const struct package_facts *facts)
{
	struct ground *g = ctx;
	const char *again = g->again;

	g->last = tag;
	if (facts->unknown == PACKAGE_UNKNOWN_NOT)
		g->n_known++;
	else if (facts->unknown == PACKAGE_UNKNOWN_NOT_ASKED)
		g->n_not_asked++;
	else if (facts->unknown == PACKAGE_UNKNOWN_NOT_ANSWERED)
		g->n_not_answered++;
	g->again = NULL;
	if (again != NULL)
		enricher_ask(g->e, again, NULL, 0);
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	int fds[2];

	if (channel_pair(fds) != MH_OK)
		return -1;
	g->mine = message_channel_new(fds[0], ROLE_AGENT, ROLE_OPENER);
	g->openers = message_channel_new(fds[1], ROLE_OPENER, ROLE_AGENT);
	g->e = enricher_new(on_facts, g);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	enricher_free(g->e);
	channel_free(g->mine);
	channel_free(g->openers);
	free(g);
	return 0;
}

/* What the opener was asked; 0 paths: nothing. */
static uint32_t
hear(struct ground *g, uint32_t *ret_id)
{
	struct facts_request request;
	struct message m;
	struct reader r;

	if (channel_receive(g->openers, &m) != MH_OK)
		return 0;
	assert_int_equal(m.type, MSG_FACTS);
	reader_init(&r, m.data, m.len);
	facts_request_decode(&r, &request);
	assert_true(reader_is_done(&r));
	uint32_t n = request.n;

	*ret_id = request.id;
	facts_request_clear(&request);
	return n;
}

static void
answer(struct ground *g, uint32_t id, uint32_t n)
{
	struct package_facts items[FACTS_PATHS_MAX];
	struct facts_answer a = { id, items, n };
	struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	for (size_t i = 0; i < MH_ARRAY_LEN(items); i++)
		items[i] = (struct package_facts){ .database = PACKAGE_DB_DPKG };
	facts_answer_encode(&a, b);
	assert_ok(
	    channel_send(g->openers, MSG_FACTS_ARE, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
}

static void
all_questions_are_answered_in_their_order(void **state)
{
	struct ground *g = *state;
	uint32_t id = 0;
	char tags[FACTS_PATHS_MAX + 3];

	for (size_t i = 0; i < sizeof(tags); i++)
		enricher_ask(g->e, "/bin/x", &tags[i], 0);
	assert_int_equal(enricher_step(g->e, g->mine, 1), ENRICH_OK);
	assert_int_equal(hear(g, &id), FACTS_PATHS_MAX);
	assert_int_equal(enricher_step(g->e, g->mine, 1), ENRICH_OK);
	assert_int_equal(hear(g, &id), 0); /* one message at a time */
	answer(g, id, FACTS_PATHS_MAX);
	assert_int_equal(enricher_step(g->e, g->mine, 2), ENRICH_OK);
	assert_int_equal(g->n_known, FACTS_PATHS_MAX);
	assert_ptr_equal(g->last, &tags[FACTS_PATHS_MAX - 1]);
	assert_int_equal(hear(g, &id), 3);
	g->again = "/bin/y";
	answer(g, id, 3);
	assert_int_equal(enricher_step(g->e, g->mine, 3), ENRICH_OK);
	assert_int_equal(g->n_known, FACTS_PATHS_MAX + 3);
	assert_int_equal(enricher_waiting(g->e), 1);
	assert_int_equal(hear(g, &id), 1);
}

static void
an_opener_that_hangs_holds_nothing_up(void **state)
{
	struct ground *g = *state;
	uint32_t id = 0;

	enricher_ask(g->e, "/bin/x", NULL, 0);
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_OK);
	assert_int_equal(hear(g, &id), 1);
	enricher_ask(g->e, "/bin/y", NULL, 10);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS - 1), ENRICH_OK);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS), ENRICH_HUNG);
	enricher_lost(g->e);
	assert_int_equal(g->n_not_answered, 1);
	/* The other one waits for the next opener, but not for ever. */
	assert_int_equal(enricher_step(g->e, NULL, ENRICH_WAIT_MS + 9), ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 1);
	assert_int_equal(enricher_step(g->e, NULL, ENRICH_WAIT_MS + 10), ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 0);
	assert_int_equal(g->n_not_answered, 2);
}

static void
signs_of_life_are_no_answers_and_nonsense_is_told(void **state)
{
	struct ground *g = *state;
	uint32_t id = 0;

	enricher_ask(g->e, "/bin/x", NULL, 0);
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_OK);
	assert_int_equal(hear(g, &id), 1);
	assert_ok(channel_send(g->openers, MSG_PULSE, "", 0, NULL, 0));
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_OK);
	answer(g, id, 2);
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_BROKEN);
	answer(g, id + 1, 1);
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_BROKEN);
	answer(g, id, 1);
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_OK);
	answer(g, id, 1); /* nobody asked */
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_BROKEN);
	channel_free(g->openers);
	g->openers = NULL;
	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_BROKEN);
	assert_int_equal(g->n_known, 1);
}

static void
what_cannot_be_asked_is_answered_at_once(void **state)
{
	struct ground *g = *state;
	char *path = xcalloc(PATH_BYTES_MAX + 2, 1);

	enricher_ask(g->e, "memfd:x", NULL, 0);
	assert_int_equal(g->n_not_asked, 1);
	memset(path, '/', PATH_BYTES_MAX + 1);
	enricher_ask(g->e, path, NULL, 0);
	assert_int_equal(g->n_not_asked, 2);
	path[PATH_BYTES_MAX] = 0;
	while (enricher_waiting(g->e) < ENRICH_WAITING_MAX)
		enricher_ask(g->e, enricher_waiting(g->e) < 5 ? path : "/x", NULL, 0);
	assert_int_equal(g->n_not_asked, 2);
	enricher_ask(g->e, "/x", NULL, 0);
	assert_int_equal(g->n_not_asked, 3);
	/* Long paths go in smaller messages. */
	uint32_t id = 0;

	assert_int_equal(enricher_step(g->e, g->mine, 0), ENRICH_OK);
	assert_int_equal(hear(g, &id), 2);
	enricher_free(g->e);
	g->e = NULL;
	assert_int_equal(g->n_not_asked, 3 + ENRICH_WAITING_MAX);
	free(path);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(all_questions_are_answered_in_their_order),
		with_ground(an_opener_that_hangs_holds_nothing_up),
		with_ground(signs_of_life_are_no_answers_and_nonsense_is_told),
		with_ground(what_cannot_be_asked_is_answered_at_once),
	};

	return cmocka_run_group_tests_name("enrich", tests, NULL, NULL);
}

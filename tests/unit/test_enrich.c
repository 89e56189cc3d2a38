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
	bool last_config;  /* of its facts: answers alternate */
	const char *again; /* ask about this from within an answer */
};

static void
on_facts(void *ctx, void *tag, const struct package_facts *facts)
{
	struct ground *g = ctx;
	const char *again = g->again;

	g->last = tag;
	g->last_config = facts->is_config;
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
		items[i] = (struct package_facts){ .database = PACKAGE_DB_DPKG,
			.is_config = i % 2 == 1 };
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
	assert_int_equal(enricher_step(g->e, g->mine, 5), ENRICH_OK);
	assert_int_equal(hear(g, &id), 1);
	enricher_ask(g->e, "/bin/y", NULL, 10);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS - 1), ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 2);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS), ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 1);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS + 10), ENRICH_OK);
	assert_int_equal(g->n_not_answered, 2);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_HUNG_MS + 4), ENRICH_OK);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_HUNG_MS + 5), ENRICH_HUNG);
	enricher_lost(g->e);
	/* The next one is asked anew, and without one nobody waits for ever. */
	enricher_ask(g->e, "/bin/z", NULL, ENRICH_HUNG_MS);
	assert_int_equal(enricher_step(g->e, NULL, ENRICH_HUNG_MS + ENRICH_WAIT_MS - 1),
	    ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 1);
	assert_int_equal(enricher_step(g->e, NULL, ENRICH_HUNG_MS + ENRICH_WAIT_MS),
	    ENRICH_OK);
	assert_int_equal(enricher_waiting(g->e), 0);
	assert_int_equal(g->n_not_answered, 3);
}

static void
an_answer_that_comes_late_goes_to_those_that_still_wait(void **state)
{
	struct ground *g = *state;
	uint32_t id = 0;
	char tags[3];

	enricher_ask(g->e, "/bin/x", &tags[0], 0);
	enricher_ask(g->e, "/bin/y", &tags[1], 1);
	assert_int_equal(enricher_step(g->e, g->mine, 1), ENRICH_OK);
	assert_int_equal(hear(g, &id), 2);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS), ENRICH_OK);
	assert_ptr_equal(g->last, &tags[0]);
	/* The second of two answers is the second question's. */
	answer(g, id, 2);
	assert_int_equal(enricher_step(g->e, g->mine, ENRICH_WAIT_MS), ENRICH_OK);
	assert_ptr_equal(g->last, &tags[1]);
	assert_int_equal(g->last_config, 1);
	assert_true(g->n_known == 1 && g->n_not_answered == 1);
	/* What an opener was asked that is lost is not asked again. */
	enricher_ask(g->e, "/bin/z", &tags[2], 0);
	assert_int_equal(enricher_step(g->e, g->mine, 1), ENRICH_OK);
	assert_int_equal(hear(g, &id), 1);
	enricher_lost(g->e);
	assert_ptr_equal(g->last, &tags[2]);
	assert_int_equal(enricher_waiting(g->e), 0);
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
	enricher_flush(g->e);
	assert_int_equal(enricher_waiting(g->e), 0);
	assert_int_equal(g->n_not_answered, ENRICH_WAITING_MAX);
	free(path);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(all_questions_are_answered_in_their_order),
		with_ground(an_opener_that_hangs_holds_nothing_up),
		with_ground(an_answer_that_comes_late_goes_to_those_that_still_wait),
		with_ground(signs_of_life_are_no_answers_and_nonsense_is_told),
		with_ground(what_cannot_be_asked_is_answered_at_once),
	};

	return cmocka_run_group_tests_name("enrich", tests, NULL, NULL);
}

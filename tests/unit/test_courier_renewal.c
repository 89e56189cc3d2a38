/* SPDX-License-Identifier: BSD-2-Clause */
/* Renewal by the courier: its own pair, and the agent's certificate. */
#include "tests/unit/mh_test.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/unit/mh_courier.h"
#include "transport/identity.h"

/* A certificate of 30 days of which five are left: it is due. */
static struct fleet_pair
due_pair(const struct ground *g)
{
	int64_t now = clock_real_ms();

	return fleet_issue(g->fleet, "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls",
	    "clientAuth", now - 25 * FLEET_DAY_MS, now + 5 * FLEET_DAY_MS);
}

static struct identity *
load(struct ground *g)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/courier", g->folder);
	struct identity *id = NULL;
	const char *why = "";

	assert_ok(identity_load(folder, IDENTITY_COURIER, &id, &why));
	return id;
}

static struct delivery_link
await_trouble(struct ground *g)
{
	struct delivery_link link = { .state = 0 };
	struct message m;

	while (link.trouble[0] == 0) {
		ground_await(g, MSG_LINK, &m);
		assert_ok(delivery_link_parse(m.data, m.len, &link));
	}
	return link;
}

static void
a_due_pair_is_replaced_by_one_that_works(void **state)
{
	struct ground *g = *state;
	struct fleet_pair old = due_pair(g);
	struct delivery_link link = { .state = 0 };
	struct identity *id;
	struct message m;

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &old, "127.0.0.1");
	ground_start_courier(g);
	while (link.n_connections < 2 ||
	       link.not_after_ms > clock_real_ms() + 2 * FLEET_DAY_MS) {
		ground_await(g, MSG_LINK, &m);
		assert_ok(delivery_link_parse(m.data, m.len, &link));
	}
	/* The probe's answer follows; then a report goes under the new pair. */
	ground_send_report(g, 1, "A", 1);
	ground_await_receipt(g, 1, "A", 1);
	id = load(g);
	assert_null(id->next_cert);
	assert_int_not_equal(X509_cmp(id->cert, old.cert), 0);
	assert_false(certificate_has_key(id->cert, old.key));
	identity_free(id);
	fleet_pair_clear(&old);
}

static void
answers_that_do_not_fit_change_nothing(void **state)
{
	struct ground *g = *state;
	static const struct {
		enum server_fault fault;
		const char *says;
	} table[] = {
		{ SERVER_RENEWS_KEY, "another key" },
		{ SERVER_RENEWS_AGENT, "another agent's" },
		{ SERVER_RENEWS_USE, "not one for this use" },
		{ SERVER_RENEWS_CA, "not of the fleet's CA" },
		{ SERVER_RENEWS_NOTHING, "no certificates today" },
		{ SERVER_RENEWS_LATER, "answers 503 busy: no certificates today" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct fleet_pair old = due_pair(g);
		struct identity *id;

		g->server = server_start(g->fleet, &g->tls, table[i].fault);
		ground_write_identity(g, &old, "127.0.0.1");
		ground_start_courier(g);
		assert_non_null(strstr(await_trouble(g).trouble, table[i].says));
		/* And delivery goes on. */
		ground_send_report(g, 1, "A", 1);
		ground_await_receipt(g, 1, "A", 1);
		id = load(g);
		assert_null(id->next_cert);
		assert_int_equal(X509_cmp(id->cert, old.cert), 0);
		identity_free(id);
		ground_stop_courier(g);
		server_stop(&g->server);
		fleet_pair_clear(&old);
	}
}

static void
a_successor_that_is_refused_leaves_the_old_pair_in_use(void **state)
{
	struct ground *g = *state;
	struct fleet_pair old = due_pair(g);
	struct identity *id;

	g->server = server_start(g->fleet, &g->tls, SERVER_RENEWS_IN_VAIN);
	ground_write_identity(g, &old, "127.0.0.1");
	ground_start_courier(g);
	assert_non_null(strstr(await_trouble(g).trouble, "not accepted"));
	ground_send_report(g, 1, "A", 1);
	ground_await_receipt(g, 1, "A", 1);
	id = load(g);
	assert_int_equal(X509_cmp(id->cert, old.cert), 0);
	assert_non_null(id->next_cert); /* it is tried again, later */
	identity_free(id);
	fleet_pair_clear(&old);
}

/* The clock a year ahead, or back: our certificate is past its end, or not begun. */
static void
a_clock_that_is_wrong_costs_no_key(void **state)
{
	struct ground *g = *state;
	static const int from_days[] = { -370, 335 };

	for (size_t i = 0; i < MH_ARRAY_LEN(from_days); i++) {
		int64_t from = clock_real_ms() + from_days[i] * FLEET_DAY_MS;
		struct fleet_pair pair = fleet_issue(g->fleet,
		    "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls", "clientAuth",
		    from, from + 30 * FLEET_DAY_MS);
		struct delivery_link link;
		struct identity *id;

		g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
		ground_write_identity(g, &pair, "127.0.0.1");
		ground_start_courier(g);
		link = ground_await_link(g, LINK_DOWN);
		assert_int_equal(link.not_before_ms / 1000, from / 1000);
		/* And again, and again. */
		link = ground_await_link(g, LINK_UP);
		link = ground_await_link(g, LINK_DOWN);
		assert_true(link.n_failures >= 2);
		id = load(g);
		assert_int_equal(X509_cmp(id->cert, pair.cert), 0);
		assert_true(certificate_has_key(id->cert, id->key));
		identity_free(id);
		ground_stop_courier(g);
		server_stop(&g->server);
		fleet_pair_clear(&pair);
	}
}

static void
the_agents_request_is_carried(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(message_table[MSG_RENEW].max_bytes);
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	struct delivery_renew ask = { .len = 0 };
	struct delivery_renewed m;
	struct message msg;

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	assert_ok(identity_key_new(&key));
	assert_ok(identity_request_new(key, &der, &ask.len));
	ask.request = der;
	delivery_renew_put(&ask, b);
	assert_ok(channel_send(g->channel, MSG_RENEW, buf_data(b), buf_len(b), NULL, 0));
	ground_await(g, MSG_RENEWED, &msg);
	assert_ok(delivery_renewed_parse(msg.data, msg.len, &m));
	assert_non_null(m.certificate);
	const unsigned char *p = m.certificate;
	X509 *cert = d2i_X509(NULL, &p, (long)m.len);

	assert_non_null(cert);
	assert_true(certificate_has_key(cert, key));
	X509_free(cert);
	EVP_PKEY_free(key);
	free(der);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, ground_setup, ground_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_due_pair_is_replaced_by_one_that_works),
		with_ground(answers_that_do_not_fit_change_nothing),
		with_ground(a_successor_that_is_refused_leaves_the_old_pair_in_use),
		with_ground(a_clock_that_is_wrong_costs_no_key),
		with_ground(the_agents_request_is_carried),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("courier renewal", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The courier's program and the enrolment, against a stand-in for the collector. */
#include "tests/unit/mh_test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_courier.h"
#include "transport/certificate.h"
#include "transport/identity.h"

static void
reports_bring_their_receipts_in_order(void **state)
{
	struct ground *g = *state;
	uint8_t *big = xcalloc(1, CMS_ENVELOPE_MAX);

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	(void)ground_await_link(g, LINK_UP);
	for (uint64_t i = 1; i <= 12; i++)
		ground_send_report(g, i, &i, sizeof(i));
	for (uint64_t i = 1; i <= 12; i++)
		ground_await_receipt(g, i, &i, sizeof(i));
	/* More than a window in all, and the largest there is. */
	for (uint64_t i = 13; i <= 40; i++) {
		ground_send_report(g, i, big, CMS_ENVELOPE_MAX);
		ground_await_receipt(g, i, big, CMS_ENVELOPE_MAX);
	}
	free(big);
}

static void
a_name_is_looked_up_and_checked(void **state)
{
	struct ground *g = *state;

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "localhost");
	ground_start_courier(g);
	(void)ground_await_link(g, LINK_UP);
}

static void
a_wrong_name_is_said_and_nothing_sent(void **state)
{
	struct ground *g = *state;
	struct fleet_pair other = fleet_issue(g->fleet,
	    "DNS:other.example,URI:urn:molehunt:collector", "serverAuth",
	    clock_real_ms() - FLEET_DAY_MS, clock_real_ms() + FLEET_DAY_MS);

	g->server = server_start(g->fleet, &other, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	assert_non_null(
	    strstr(ground_await_link(g, LINK_DOWN).sentence, "not for this name"));
	fleet_pair_clear(&other);
}

static void
servers_that_are_no_collector_are_refused(void **state)
{
	struct ground *g = *state;
	int64_t now = clock_real_ms();
	struct fleet *foreign = fleet_new_at(now);
	struct fleet_pair strange =
	    fleet_issue(foreign, "IP:127.0.0.1,URI:urn:molehunt:collector", "serverAuth",
		now - FLEET_DAY_MS, now + FLEET_DAY_MS);
	static const struct {
		const char *san;
		int from_days, to_days;
		const char *says;
	} table[] = {
		{ "IP:127.0.0.1", -1, 1, "not a collector's" },
		{ "IP:127.0.0.1,URI:urn:molehunt:collector", -2, -1, "expired" },
		{ "IP:127.0.0.1,URI:urn:molehunt:collector", 1, 2, "not yet valid" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct fleet_pair pair = fleet_issue(g->fleet, table[i].san, "serverAuth",
		    now + table[i].from_days * FLEET_DAY_MS,
		    now + table[i].to_days * FLEET_DAY_MS);

		g->server = server_start(g->fleet, &pair, SERVER_GOOD);
		ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
		ground_start_courier(g);
		assert_non_null(
		    strstr(ground_await_link(g, LINK_DOWN).sentence, table[i].says));
		ground_stop_courier(g);
		server_stop(&g->server);
		fleet_pair_clear(&pair);
	}
	g->server = server_start(foreign, &strange, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	assert_non_null(
	    strstr(ground_await_link(g, LINK_DOWN).sentence, "does not verify"));
	fleet_pair_clear(&strange);
	fleet_free(foreign);
}

static void
an_expired_certificate_of_ours_is_explained(void **state)
{
	struct ground *g = *state;
	int64_t now = clock_real_ms();
	struct fleet_pair old =
	    fleet_issue(g->fleet, "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls",
		"clientAuth", now - 2 * FLEET_DAY_MS, now - FLEET_DAY_MS);

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &old, "127.0.0.1");
	ground_start_courier(g);
	assert_non_null(strstr(ground_await_link(g, LINK_DOWN).sentence,
	    "has expired: enrol it again"));
	fleet_pair_clear(&old);
}

static void
a_busy_collector_is_asked_again(void **state)
{
	struct ground *g = *state;
	struct delivery_receipt r;
	struct message m;

	g->server = server_start(g->fleet, &g->tls, SERVER_BUSY_ONCE);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	ground_send_report(g, 1, "DER", 3);
	assert_non_null(strstr(ground_await_link(g, LINK_BUSY).sentence, "busy (503)"));
	ground_await(g, MSG_RECEIPT, &m);
	assert_ok(delivery_receipt_parse(m.data, m.len, &r));
	assert_int_equal(r.key.sequence, 1);
}

static void
a_refusal_reaches_the_agent_in_the_collectors_words(void **state)
{
	struct ground *g = *state;
	struct delivery_refused r;
	struct message m;

	g->server = server_start(g->fleet, &g->tls, SERVER_REFUSES);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	ground_send_report(g, 1, "DER", 3);
	ground_await(g, MSG_REFUSED, &m);
	assert_ok(delivery_refused_parse(m.data, m.len, &r));
	assert_int_equal(r.status, 409);
	assert_string_equal(r.code, "fork");
	assert_string_equal(r.detail, "stored with other bytes");
}

static void
a_lost_answer_is_asked_for_again(void **state)
{
	struct ground *g = *state;
	static const enum server_fault faults[] = { SERVER_HANGS_UP, SERVER_CHUNKS };
	struct message m;

	for (size_t i = 0; i < MH_ARRAY_LEN(faults); i++) {
		g->server = server_start(g->fleet, &g->tls, faults[i]);
		ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
		ground_start_courier(g);
		ground_send_report(g, 1, "DER", 3);
		(void)ground_await_link(g, LINK_DOWN);
		ground_await(g, MSG_RECEIPT, &m);
		ground_stop_courier(g);
		server_stop(&g->server);
	}
}

static void
a_collector_that_is_away_is_waited_for(void **state)
{
	struct ground *g = *state;

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	server_stop(&g->server);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
	assert_non_null(
	    strstr(ground_await_link(g, LINK_DOWN).sentence, "Connection refused"));
	g->server = server_start(g->fleet, &g->tls, SERVER_NO_TLS);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	assert_non_null(strstr(ground_await_link(g, LINK_DOWN).sentence, "TLS failed"));
	server_stop(&g->server);
	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	(void)ground_await_link(g, LINK_UP);
}

static void
without_an_identity_it_says_so_and_ends_with_its_agent(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *folder = xasprintf("%s/courier", g->folder);
	int status = 0;

	assert_ok(folder_make(folder, 0700));
	ground_start_courier(g);
	assert_non_null(strstr(ground_await_link(g, LINK_DOWN).sentence, "not enrolled"));
	channel_free(g->channel);
	g->channel = NULL;
	assert_int_equal(waitpid(g->courier, &status, 0), g->courier);
	g->courier = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct enroll_options
enrolment(struct ground *g)
{
	struct enroll_options o = { .state = g->folder };

	(void)snprintf(o.url.host, sizeof(o.url.host), "127.0.0.1");
	(void)snprintf(o.url.port, sizeof(o.url.port), "%u", g->server.port);
	o.url.is_address = true;
	memcpy(o.token.secret, SERVER_SECRET, TOKEN_SECRET_LEN + 1);
	assert_ok(certificate_pin(g->fleet->ca.cert, o.token.pin));
	return o;
}

static bool
is_enrolled(struct ground *g)
{
	static const struct {
		const char *name;
		enum identity_kind kind;
	} both[] = { { "agent", IDENTITY_AGENT }, { "courier", IDENTITY_COURIER } };
	unsigned n = 0;

	for (size_t i = 0; i < 2; i++) {
		char *folder = xasprintf("%s/%s", g->folder, both[i].name);
		struct identity *id = NULL;
		const char *why = "";

		n += identity_load(folder, both[i].kind, &id, &why) == MH_OK;
		identity_free(id);
		free(folder);
	}
	assert_int_not_equal(n, 1);
	return n == 2;
}

static void
enrolment_makes_both_identities_once(void **state)
{
	struct ground *g = *state;
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	o = enrolment(g);
	assert_ok(enroll(&o, agent, g->why));
	assert_string_equal(agent, FLEET_AGENT);
	assert_true(is_enrolled(g));
	assert_err(enroll(&o, agent, g->why), MH_ERR_EXISTS);
	assert_non_null(strstr(g->why, "--force"));
	o.is_forced = true;
	assert_ok(enroll(&o, agent, g->why));
	assert_true(is_enrolled(g));
	/* A forced one that fails keeps what is there. */
	o.token.secret[0] = 'x';
	assert_err(enroll(&o, agent, g->why), MH_ERR_DENIED);
	assert_true(is_enrolled(g));
	/* And the courier works with it. */
	ground_start_courier(g);
	(void)ground_await_link(g, LINK_UP);
}

static void
enrolment_says_that_the_clocks_differ(void **state)
{
	struct ground *g = *state;
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";

	g->server = server_start(g->fleet, &g->tls, SERVER_IS_BEHIND);
	o = enrolment(g);
	assert_ok(enroll(&o, agent, g->why));
	assert_non_null(strstr(g->why, " ahead of the collector's"));
	server_stop(&g->server);
	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	o = enrolment(g);
	o.is_forced = true;
	assert_ok(enroll(&o, agent, g->why));
	assert_string_equal(g->why, "");
}

static void
one_that_was_killed_in_the_middle_is_undone_first(void **state)
{
	struct ground *g = *state;
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";
	static const char *const moved[] = { "agent/identity.json", "agent/signing.key",
		"agent/signing.pem", "agent/ca.pem", "courier/courier.json" };

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	o = enrolment(g);
	assert_ok(enroll(&o, agent, g->why));
	/* Half of it was put aside, and nothing written yet. */
	for (size_t i = 0; i < MH_ARRAY_LEN(moved); i++) {
		MH_CLEANUP(freep) char *from = xasprintf("%s/%s", g->folder, moved[i]);
		MH_CLEANUP(freep) char *to = xasprintf("%s.old", from);

		assert_int_equal(rename(from, to), 0);
	}
	assert_err(enroll(&o, agent, g->why), MH_ERR_EXISTS);
	assert_true(is_enrolled(g));
}

static void
an_undoing_that_was_cut_short_itself_is_ended(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *in_the_way = xasprintf("%s/agent/signing.key", g->folder);
	static const char *const moved[] = { "agent/identity.json",
		"courier/courier.json", "agent/signing.key", "agent/signing.pem" };
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	o = enrolment(g);
	assert_ok(enroll(&o, agent, g->why));
	for (size_t i = 0; i < MH_ARRAY_LEN(moved); i++) {
		MH_CLEANUP(freep) char *from = xasprintf("%s/%s", g->folder, moved[i]);
		MH_CLEANUP(freep) char *to = xasprintf("%s.old", from);

		assert_int_equal(rename(from, to), 0);
	}
	/* Nothing can be put there. */
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	o.token.secret[0] = 'x';
	assert_err(enroll(&o, agent, g->why), MH_ERR_DENIED);
	assert_int_equal(rmdir(in_the_way), 0);
	assert_err(enroll(&o, agent, g->why), MH_ERR_EXISTS);
	assert_true(is_enrolled(g));
}

static void
enrolment_that_fails_leaves_nothing(void **state)
{
	struct ground *g = *state;
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	o = enrolment(g);
	o.token.secret[0] = 'x';
	assert_err(enroll(&o, agent, g->why), MH_ERR_DENIED);
	assert_non_null(strstr(g->why, "the token is not known"));
	o = enrolment(g);
	o.token.pin[0] ^= 1;
	assert_err(enroll(&o, agent, g->why), MH_ERR_CERTIFICATE);
	assert_non_null(strstr(g->why, "pin"));
	o = enrolment(g);
	(void)snprintf(o.url.host, sizeof(o.url.host), "127.0.0.2");
	server_stop(&g->server);
	assert_err(enroll(&o, agent, g->why), MH_ERR_SYSTEM);
	assert_non_null(strstr(g->why, "cannot connect"));
	g->server = server_start(g->fleet, &g->tls, SERVER_TWO_AGENTS);
	o = enrolment(g);
	assert_err(enroll(&o, agent, g->why), MH_ERR_CERTIFICATE);
	assert_non_null(strstr(g->why, "two agents"));
	assert_false(is_enrolled(g));
}

static void
enrolment_checks_the_name_under_the_pin(void **state)
{
	struct ground *g = *state;
	struct fleet_pair other = fleet_issue(g->fleet,
	    "DNS:other.example,URI:urn:molehunt:collector", "serverAuth",
	    clock_real_ms() - FLEET_DAY_MS, clock_real_ms() + FLEET_DAY_MS);
	struct enroll_options o;
	char agent[UUID_TEXT_LEN] = "";

	g->server = server_start(g->fleet, &other, SERVER_GOOD);
	o = enrolment(g);
	assert_err(enroll(&o, agent, g->why), MH_ERR_CERTIFICATE);
	assert_non_null(strstr(g->why, "not for this name"));
	fleet_pair_clear(&other);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, ground_setup, ground_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(reports_bring_their_receipts_in_order),
		with_ground(a_name_is_looked_up_and_checked),
		with_ground(a_wrong_name_is_said_and_nothing_sent),
		with_ground(servers_that_are_no_collector_are_refused),
		with_ground(an_expired_certificate_of_ours_is_explained),
		with_ground(a_busy_collector_is_asked_again),
		with_ground(a_refusal_reaches_the_agent_in_the_collectors_words),
		with_ground(a_lost_answer_is_asked_for_again),
		with_ground(a_collector_that_is_away_is_waited_for),
		with_ground(without_an_identity_it_says_so_and_ends_with_its_agent),
		with_ground(enrolment_makes_both_identities_once),
		with_ground(enrolment_says_that_the_clocks_differ),
		with_ground(one_that_was_killed_in_the_middle_is_undone_first),
		with_ground(an_undoing_that_was_cut_short_itself_is_ended),
		with_ground(enrolment_that_fails_leaves_nothing),
		with_ground(enrolment_checks_the_name_under_the_pin),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}

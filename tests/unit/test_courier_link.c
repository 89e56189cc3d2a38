/* SPDX-License-Identifier: BSD-2-Clause */
/* How the courier connects: sessions, several collectors, waiting, redirects. */
#include "tests/unit/mh_test.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/mh_courier.h"

static void
start(struct ground *g, enum server_fault fault)
{
	g->server = server_start(g->fleet, &g->tls, fault);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	ground_start_courier(g);
}

static void
add_collector(struct ground *g, unsigned short port)
{
	char *url = g->settings.collectors[g->settings.n_collectors++];

	(void)snprintf(url, DELIVERY_URL_MAX, "https://127.0.0.1:%u", port);
}

/* Links until that many connections were made. */
static struct delivery_link
await_connections(struct ground *g, uint64_t n)
{
	struct delivery_link link = { .state = 0 };
	struct message m;

	while (link.n_connections < n) {
		ground_await(g, MSG_LINK, &m);
		assert_ok(delivery_link_parse(m.data, m.len, &link));
	}
	return link;
}

/* The last that is told of the link before that many receipts have come. */
static struct delivery_link
await_receipts(struct ground *g, unsigned n)
{
	struct delivery_link link = { .state = 0 };
	struct message m;

	while (n > 0) {
		mh_err err = channel_receive(g->channel, &m);
		struct pollfd p = { channel_fd(g->channel), POLLIN, 0 };

		if (err == MH_ERR_AGAIN)
			assert_true(poll(&p, 1, PATIENCE_MS) == 1);
		else
			assert_ok(err);
		if (err == MH_OK && m.type == MSG_LINK)
			assert_ok(delivery_link_parse(m.data, m.len, &link));
		n -= err == MH_OK && m.type == MSG_RECEIPT;
	}
	return link;
}

static void
a_later_connection_resumes_the_session(void **state)
{
	struct ground *g = *state;
	struct delivery_link link;
	uint64_t before;

	/* Each request has a connection of its own. */
	start(g, SERVER_CLOSES);
	ground_send_report(g, 1, "A", 1);
	ground_send_report(g, 2, "B", 1);
	link = await_receipts(g, 2);
	assert_true(link.n_connections >= 2 && link.n_resumed >= 1);
	/* Another identity of the same agent begins anew. */
	struct fleet_pair other = fleet_issue(g->fleet,
	    "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls", "clientAuth",
	    clock_real_ms() - FLEET_DAY_MS, clock_real_ms() + FLEET_DAY_MS);

	before = link.n_resumed;
	ground_write_identity(g, &other, "127.0.0.1");
	ground_send_settings(g);
	link = await_connections(g, link.n_connections + 1);
	assert_int_equal(link.n_resumed, before);
	fleet_pair_clear(&other);
}

static void
a_redirect_is_not_followed(void **state)
{
	struct ground *g = *state;
	struct delivery_refused r;
	struct message m;

	start(g, SERVER_REDIRECTS);
	ground_send_report(g, 1, "DER", 3);
	ground_await(g, MSG_REFUSED, &m);
	assert_ok(delivery_refused_parse(m.data, m.len, &r));
	assert_int_equal(r.status, 302);
	assert_string_equal(r.code, "unknown");
}

static void
a_date_to_come_back_at_is_the_servers(void **state)
{
	struct ground *g = *state;
	int64_t begin = clock_monotonic_ms();

	start(g, SERVER_BUSY_DATE);
	ground_send_report(g, 1, "DER", 3);
	/* Its clock is an hour behind, and it means two seconds. */
	assert_non_null(strstr(ground_await_link(g, LINK_BUSY).sentence, "for 2 s"));
	ground_await(g, MSG_RECEIPT, &(struct message){ .type = 0 });
	assert_true(clock_monotonic_ms() - begin >= 1000);
}

static void
another_collector_takes_over(void **state)
{
	struct ground *g = *state;
	struct server second = server_start(g->fleet, &g->tls, SERVER_GOOD);
	struct delivery_link link = { .state = 0 };

	add_collector(g, second.port);
	start(g, SERVER_GOOD);
	ground_send_report(g, 1, "A", 1);
	ground_await_receipt(g, 1, "A", 1);
	server_stop(&g->server);
	/* What is under way goes to the next one, after both failures of the first. */
	ground_send_report(g, 2, "B", 1);
	while (link.state != LINK_UP || strstr(link.collector, "127.0.0.1") == NULL ||
	       link.n_failures < 2)
		link = ground_await_link(g, LINK_UP);
	ground_await(g, MSG_RECEIPT, &(struct message){ .type = 0 });
	server_stop(&second);
}

static void
the_first_collector_is_returned_to(void **state)
{
	struct ground *g = *state;
	struct server second = server_start(g->fleet, &g->tls, SERVER_GOOD);
	struct delivery_link link = { .state = 0 };
	unsigned short port;
	char first[64];

	add_collector(g, second.port);
	g->settings.return_ms = 1000;
	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	port = g->server.port;
	(void)snprintf(first, sizeof(first), "https://127.0.0.1:%u", port);
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	server_stop(&g->server);
	ground_start_courier(g);
	link = ground_await_link(g, LINK_UP);
	assert_string_equal(link.collector, g->settings.collectors[0]);
	ground_send_report(g, 1, "A", 1);
	ground_await(g, MSG_RECEIPT, &(struct message){ .type = 0 });
	/* It is still away: the one that works is used on, at once. */
	(void)poll(NULL, 0, 1100);
	ground_send_report(g, 2, "B", 1);
	link = ground_await_link(g, LINK_DOWN);
	assert_string_equal(link.collector, first);
	link = ground_await_link(g, LINK_UP);
	assert_string_equal(link.collector, g->settings.collectors[0]);
	ground_await(g, MSG_RECEIPT, &(struct message){ .type = 0 });
	g->server = server_start_at(g->fleet, &g->tls, SERVER_GOOD, port);
	(void)poll(NULL, 0, 1100);
	ground_send_report(g, 3, "C", 1);
	link = ground_await_link(g, LINK_UP);
	assert_string_equal(link.collector, first);
	ground_await(g, MSG_RECEIPT, &(struct message){ .type = 0 });
	server_stop(&second);
}

/* Connections to the address hang, as behind a firewall: its queue is full. */
static bool
make_deaf(unsigned short port, int fds[4])
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(port) };

	fds[0] = socket(AF_INET6, SOCK_STREAM, 0);
	if (fds[0] < 0 || bind(fds[0], (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fds[0], 0) < 0)
		return false;
	for (int i = 1; i < 4; i++) {
		fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&at, sizeof(at));
	}
	return true;
}

/* Whether localhost is ::1 first, and 127.0.0.1 too. */
static bool
localhost_is_both(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	bool is_both;

	if (getaddrinfo("localhost", "1", &hints, &list) != 0)
		return false;
	is_both = list->ai_family == AF_INET6 && list->ai_next != NULL;
	freeaddrinfo(list);
	return is_both;
}

static void
an_address_that_does_not_answer_costs_a_moment(void **state)
{
	struct ground *g = *state;
	int fds[4] = { -1, -1, -1, -1 };
	int64_t begin;

	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	if (!localhost_is_both() || !make_deaf(g->server.port, fds))
		skip();
	ground_write_identity(g, &g->fleet->tls, "localhost");
	ground_start_courier(g);
	begin = clock_monotonic_ms();
	(void)ground_await_link(g, LINK_UP);
	assert_in_range(clock_monotonic_ms() - begin, 200, 3000);
	for (int i = 0; i < 4; i++)
		(void)close(fds[i]);
}

/* What was kept during an outage goes at the pace of the settings, behind a few. */
static void
a_replay_after_an_outage_is_paced(void **state)
{
	struct ground *g = *state;
	struct server away;
	int64_t begin;
	int64_t took;

	g->settings.replay_rate = 4;
	g->server = server_start(g->fleet, &g->tls, SERVER_GOOD);
	away = g->server;
	ground_write_identity(g, &g->fleet->tls, "127.0.0.1");
	server_stop(&g->server);
	ground_start_courier(g);
	(void)ground_await_link(g, LINK_DOWN);
	(void)poll(NULL, 0, 31 * 1000);
	g->server = server_start_at(g->fleet, &g->tls, SERVER_GOOD, away.port);
	/* It may have backed off for half a minute; settings have it try at once. */
	ground_send_settings(g);
	for (uint64_t i = 1; i <= 15; i++)
		ground_send_report(g, i, &i, sizeof(i));
	begin = 0;
	for (uint64_t i = 1; i <= 15; i++) {
		ground_await_receipt(g, i, &i, sizeof(i));
		if (i == 1)
			begin = clock_monotonic_ms();
	}
	took = clock_monotonic_ms() - begin;
	/* Eight at once, and the others at four a second. */
	assert_true(took >= 1200 && took < 6000);
}

static void
the_clocks_difference_is_told(void **state)
{
	struct ground *g = *state;
	struct delivery_link link = { .state = 0 };

	start(g, SERVER_BUSY_DATE);
	ground_send_report(g, 1, "DER", 3);
	while (!link.knows_clock)
		link = ground_await_link(g, LINK_BUSY);
	assert_in_range(link.clock_ahead_ms, 3590 * 1000, 3610 * 1000);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, ground_setup, ground_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_later_connection_resumes_the_session),
		with_ground(a_redirect_is_not_followed),
		with_ground(a_date_to_come_back_at_is_the_servers),
		with_ground(another_collector_takes_over),
		with_ground(the_first_collector_is_returned_to),
		with_ground(an_address_that_does_not_answer_costs_a_moment),
		with_ground(the_clocks_difference_is_told),
		with_ground(a_replay_after_an_outage_is_paced),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("courier link", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "tests/unit/mh_courier.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "transport/identity.h"
#include "transport/receipt.h"

int
ground_setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	int64_t now = clock_real_ms();

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->fleet = fleet_new_at(now);
	g->tls =
	    fleet_issue(g->fleet, "IP:127.0.0.1,DNS:localhost,URI:urn:molehunt:collector",
		"serverAuth", now - FLEET_DAY_MS, now + FLEET_DAY_MS);
	*state = g;
	return 0;
}

void
ground_stop_courier(struct ground *g)
{
	channel_free(g->channel);
	g->channel = NULL;
	if (g->courier > 0)
		(void)kill(g->courier, SIGKILL);
	if (g->courier > 0)
		(void)waitpid(g->courier, NULL, 0);
	g->courier = 0;
}

int
ground_teardown(void **state)
{
	struct ground *g = *state;

	ground_stop_courier(g);
	server_stop(&g->server);
	fleet_pair_clear(&g->tls);
	fleet_free(g->fleet);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

void
ground_write_identity(struct ground *g, const struct fleet_pair *pair, const char *host)
{
	char *folder = xasprintf("%s/courier", g->folder);
	struct identity id = { .agent = FLEET_AGENT,
		.key = pair->key,
		.cert = pair->cert,
		.ca = g->fleet->ca.cert };

	(void)snprintf(id.collector, sizeof(id.collector), "https://%s:%u", host,
	    g->server.port);
	assert_ok(folder_make(folder, 0700));
	assert_ok(identity_store(folder, IDENTITY_COURIER, &id, (uid_t)-1, (gid_t)-1));
	free(folder);
}

void
ground_send_settings(struct ground *g)
{
	struct buf *b = buf_new(message_table[MSG_SETTINGS].max_bytes);

	if (g->settings.replay_rate == 0)
		g->settings.replay_rate = DELIVERY_RATE_MAX;
	if (g->settings.return_ms == 0)
		g->settings.return_ms = 600 * 1000;
	delivery_settings_put(&g->settings, b);
	assert_ok(
	    channel_send(g->channel, MSG_SETTINGS, buf_data(b), buf_len(b), NULL, 0));
	buf_free(b);
}

void
ground_start_courier(struct ground *g)
{
	char *folder = xasprintf("%s/courier", g->folder);
	static char name[] = "molehunt-courier";
	static char option[] = "--state";
	char *argv[] = { name, option, folder, NULL };
	int fds[2];

	assert_ok(channel_pair(fds));
	assert_ok(child_start(COURIER_PROGRAM, argv, fds[1], &g->courier));
	g->channel = message_channel_new(fds[0], ROLE_AGENT, ROLE_COURIER);
	free(folder);
	ground_send_settings(g);
}

void
ground_send_report(struct ground *g, uint64_t sequence, const void *der, size_t len)
{
	struct buf *b = buf_new(256);
	struct delivery_report m = { .key = { FLEET_EPOCH, sequence } };
	int fd = -1;

	digest_sha256(der, len, m.digest);
	delivery_report_put(&m, b);
	assert_ok(fd_from_bytes("report", der, len, &fd));
	assert_ok(channel_send(g->channel, MSG_REPORT, buf_data(b), buf_len(b), &fd, 1));
	buf_free(b);
}

/* The next message of that type; others are let pass. */
void
ground_await(struct ground *g, unsigned type, struct message *ret)
{
	int64_t end = clock_monotonic_ms() + PATIENCE_MS;

	for (;;) {
		mh_err err = channel_receive(g->channel, ret);

		if (err == MH_OK && ret->type == type)
			return;
		if (err == MH_OK)
			continue;
		assert_err(err, MH_ERR_AGAIN);
		struct pollfd p = { channel_fd(g->channel), POLLIN, 0 };

		assert_true(clock_monotonic_ms() < end);
		(void)poll(&p, 1, 1000);
	}
}

struct delivery_link
ground_await_link(struct ground *g, enum delivery_link_state state)
{
	struct delivery_link link = { .state = 0 };
	struct message m;

	do {
		ground_await(g, MSG_LINK, &m);
		assert_ok(delivery_link_parse(m.data, m.len, &link));
	} while (link.state != state);
	return link;
}

void
ground_await_receipt(struct ground *g, uint64_t sequence, const void *der, size_t len)
{
	struct delivery_receipt r;
	struct receipt receipt;
	struct message m;
	const char *why = "";
	uint8_t digest[DIGEST_BYTES];

	ground_await(g, MSG_RECEIPT, &m);
	assert_ok(delivery_receipt_parse(m.data, m.len, &r));
	assert_int_equal(r.key.sequence, sequence);
	assert_ok(
	    receipt_open(r.der, r.len, g->fleet->store, clock_real_ms(), &receipt, &why));
	digest_sha256(der, len, digest);
	assert_memory_equal(receipt.digest, digest, DIGEST_BYTES);
}

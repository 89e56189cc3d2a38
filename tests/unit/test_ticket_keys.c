/* SPDX-License-Identifier: BSD-2-Clause */
/* Real handshakes over memory: what is resumed, and for how long. */
#include "tests/unit/mh_test.h"

#include <openssl/err.h>
#include <stdbool.h>

#include "collector/ticket_keys.h"
#include "tests/unit/mh_fleet.h"

struct ground {
	struct fleet *fleet;
	struct ticket_keys *keys;
	SSL_CTX *server, *client;
	SSL_SESSION *session; /* the newest ticket */
};

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct ground *g = SSL_get_app_data(ssl);

	SSL_SESSION_free(g->session);
	g->session = session;
	return 1; /* taken */
}

static SSL_CTX *
server_new(struct ground *g)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, g->fleet->tls.cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, g->fleet->tls.key), 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	ticket_keys_use(g->keys, ctx);
	return ctx;
}

static int
setup(void **state)
{
	static struct ground g;

	g = (struct ground){ .fleet = fleet_new(), .keys = ticket_keys_new(0) };
	g.server = server_new(&g);
	g.client = SSL_CTX_new(TLS_client_method());
	(void)SSL_CTX_set_session_cache_mode(g.client, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(g.client, on_session);
	*state = &g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	SSL_SESSION_free(g->session);
	SSL_CTX_free(g->server);
	SSL_CTX_free(g->client);
	ticket_keys_free(g->keys);
	fleet_free(g->fleet);
	return 0;
}

/* One connection with the newest ticket; whether it was resumed. */
static bool
connect_once(struct ground *g)
{
	SSL *server = SSL_new(g->server);
	SSL *client = SSL_new(g->client);
	BIO *ends[2];
	char byte;
	bool resumed = false;

	assert_int_equal(BIO_new_bio_pair(&ends[0], 0, &ends[1], 0), 1);
	SSL_set_bio(server, ends[0], ends[0]);
	SSL_set_bio(client, ends[1], ends[1]);
	(void)SSL_set_app_data(client, g);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	if (g->session != NULL)
		assert_int_equal(SSL_set_session(client, g->session), 1);
	for (int i = 0; i < 10; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
		(void)SSL_read(client, &byte, 1); /* tickets come behind */
	}
	assert_int_equal(SSL_is_init_finished(client), 1);
	resumed = SSL_session_reused(server) == 1;
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(server);
	SSL_free(client);
	ERR_clear_error();
	return resumed;
}

static void
a_ticket_resumes_also_after_a_reload(void **state)
{
	struct ground *g = *state;

	assert_false(connect_once(g));
	assert_true(connect_once(g));
	SSL_CTX_free(g->server);
	g->server = server_new(g);
	assert_true(connect_once(g));
}

static void
the_key_before_still_reads_and_the_one_before_that_does_not(void **state)
{
	struct ground *g = *state;
	SSL_SESSION *old = NULL;

	assert_false(connect_once(g));
	old = g->session;
	assert_int_equal(SSL_SESSION_up_ref(old), 1);
	ticket_keys_rotate(g->keys, TICKET_ROTATE_MS - 1); /* too early */
	ticket_keys_rotate(g->keys, TICKET_ROTATE_MS);
	assert_true(connect_once(g));
	ticket_keys_rotate(g->keys, INT64_C(2) * TICKET_ROTATE_MS);
	SSL_SESSION_free(g->session);
	g->session = old;
	assert_false(connect_once(g));
}

static void
after_a_long_pause_no_older_key_is_kept(void **state)
{
	struct ground *g = *state;

	assert_false(connect_once(g));
	ticket_keys_rotate(g->keys, INT64_C(3) * TICKET_ROTATE_MS);
	assert_false(connect_once(g));
	assert_true(connect_once(g));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_ticket_resumes_also_after_a_reload,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_key_before_still_reads_and_the_one_before_that_does_not, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(after_a_long_pause_no_older_key_is_kept,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

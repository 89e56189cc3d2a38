/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/identity.h"
#include "transport/token.h"
#include "transport/url.h"

struct ground {
	struct fleet *fleet;
	char *folder;
	struct identity id; /* borrows from fleet */
	struct identity *loaded;
	const char *why;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	g->fleet = fleet_new();
	g->id = (struct identity){ .agent = FLEET_AGENT,
		.collector = "https://collector.example:8443",
		.enrolled_ms = FLEET_NOW_MS,
		.key = g->fleet->signing.key,
		.cert = g->fleet->signing.cert,
		.ca = g->fleet->ca.cert };
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	fleet_free(g->fleet);
	identity_free(g->loaded);
	(void)tmpdir_teardown((void **)&g->folder);
	free(g);
	return 0;
}

static mh_err
load(struct ground *g, enum identity_kind kind)
{
	identity_free(g->loaded);
	g->loaded = NULL;
	return identity_load(g->folder, kind, &g->loaded, &g->why);
}

static void
write_file(struct ground *g, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", g->folder, name);

	assert_ok(file_write_durably(path, text, strlen(text), 0600));
	free(path);
}

static void
what_was_stored_loads_and_is_private(void **state)
{
	struct ground *g = *state;
	char *key = xasprintf("%s/signing.key", g->folder);
	struct stat st;

	assert_err(load(g, IDENTITY_AGENT), MH_ERR_NOTFOUND);
	assert_non_null(strstr(g->why, "not enrolled"));
	assert_ok(
	    identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1));
	assert_ok(load(g, IDENTITY_AGENT));
	assert_string_equal(g->loaded->agent, FLEET_AGENT);
	assert_string_equal(g->loaded->collector, "https://collector.example:8443");
	assert_int_equal(g->loaded->enrolled_ms, FLEET_NOW_MS);
	assert_int_equal(g->loaded->facts.uses, CERTIFICATE_SIGNING);
	assert_int_equal(g->loaded->facts.not_before_ms,
	    FLEET_NOW_MS - 15 * FLEET_DAY_MS);
	assert_int_equal(g->loaded->facts.not_after_ms, FLEET_NOW_MS + 15 * FLEET_DAY_MS);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(key);
	g->id.key = g->fleet->tls.key;
	g->id.cert = g->fleet->tls.cert;
	assert_ok(
	    identity_store(g->folder, IDENTITY_COURIER, &g->id, (uid_t)-1, (gid_t)-1));
	assert_ok(load(g, IDENTITY_COURIER));
	assert_int_equal(g->loaded->enrolled_ms, 0);
}

static void
parts_that_do_not_fit_are_refused(void **state)
{
	struct ground *g = *state;
	const struct identity good = g->id;

	g->id.key = g->fleet->tls.key;
	assert_ok(
	    identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1));
	assert_err(load(g, IDENTITY_AGENT), MH_ERR_CERTIFICATE);
	g->id.cert = g->fleet->tls.cert;
	assert_ok(
	    identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1));
	assert_err(load(g, IDENTITY_AGENT), MH_ERR_CERTIFICATE);
	g->id = good;
	memcpy(g->id.agent, FLEET_OTHER_AGENT, UUID_TEXT_LEN);
	assert_ok(
	    identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1));
	assert_err(load(g, IDENTITY_AGENT), MH_ERR_CERTIFICATE);
	assert_non_null(strstr(g->why, "belong together"));
}

static void
a_damaged_file_is_named(void **state)
{
	struct ground *g = *state;
	static const char *const names[] = { "identity.json", "signing.key",
		"signing.pem", "ca.pem" };

	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		assert_ok(identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1,
		    (gid_t)-1));
		write_file(g, names[i], "nonsense\n");
		assert_err(load(g, IDENTITY_AGENT), MH_ERR_FORMAT);
		assert_non_null(strstr(g->why, names[i]));
	}
	assert_ok(
	    identity_store(g->folder, IDENTITY_AGENT, &g->id, (uid_t)-1, (gid_t)-1));
	write_file(g, "identity.json",
	    "{\"version\":2,\"agent\":\"" FLEET_AGENT
	    "\",\"collector\":\"https://x\",\"enrolled\":\"2026-11-23T16:00:00Z\"}");
	assert_err(load(g, IDENTITY_AGENT), MH_ERR_FORMAT);
}

static void
a_request_proves_its_key_and_names_nobody(void **state)
{
	struct ground *g = *state;
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	size_t len = 0;
	const unsigned char *p;
	X509_REQ *request;

	(void)g;
	assert_ok(identity_key_new(&key));
	assert_true(key_is_p256(key));
	assert_ok(identity_request_new(key, &der, &len));
	p = der;
	request = d2i_X509_REQ(NULL, &p, (long)len);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	free(der);
}

static void
validity_includes_both_ends(void **state)
{
	const struct certificate_facts f = { .not_before_ms = 1000,
		.not_after_ms = 2000 };

	(void)state;
	assert_false(certificate_is_valid_at(&f, 999));
	assert_true(certificate_is_valid_at(&f, 1000));
	assert_true(certificate_is_valid_at(&f, 2999));
	assert_false(certificate_is_valid_at(&f, 3000));
}

static void
a_token_is_read_as_it_was_made(void **state)
{
	struct token token, parsed;
	char text[TOKEN_LEN + 1];
	char pasted[TOKEN_LEN + 8];

	(void)state;
	token_secret_new(token.secret);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		token.pin[i] = (uint8_t)(i * 37);
	token_format(&token, text);
	assert_int_equal(strlen(text), TOKEN_LEN);
	assert_ok(token_parse(text, &parsed));
	assert_string_equal(parsed.secret, token.secret);
	assert_memory_equal(parsed.pin, token.pin, DIGEST_BYTES);
	(void)snprintf(pasted, sizeof(pasted), "  %s\n", text);
	assert_ok(token_parse(pasted, &parsed));
	(void)snprintf(pasted, sizeof(pasted), "%s x", text);
	assert_err(token_parse(pasted, &parsed), MH_ERR_FORMAT);
	for (size_t len = 0; len < TOKEN_LEN; len++) {
		char c = text[len];

		text[len] = 0;
		assert_err(token_parse(text, &parsed), MH_ERR_FORMAT);
		text[len] = '!';
		assert_err(token_parse(text, &parsed), MH_ERR_FORMAT);
		text[len] = c;
	}
	/* The last character carries two bits that have to be zero. */
	text[TOKEN_LEN - 1] = '_';
	assert_err(token_parse(text, &parsed), MH_ERR_FORMAT);
}

static void
a_url_is_a_host_and_a_port(void **state)
{
	static const struct {
		const char *text, *host, *port, *again; /* host NULL: refused */
		bool is_address;
	} table[] = {
		{ "https://c.example:8443", "c.example", "8443", "https://c.example:8443",
		    false },
		{ "HTTPS://c.example/", "c.example", "443", "https://c.example:443",
		    false },
		{ "https://127.0.0.1:1", "127.0.0.1", "1", "https://127.0.0.1:1", true },
		{ "https://[::1]:65535/", "::1", "65535", "https://[::1]:65535", true },
		{ "http://c.example", NULL, NULL, NULL, false },
		{ "https://", NULL, NULL, NULL, false },
		{ "https://c.example:0", NULL, NULL, NULL, false },
		{ "https://c.example:65536", NULL, NULL, NULL, false },
		{ "https://c.example:", NULL, NULL, NULL, false },
		{ "https://c.example/path", NULL, NULL, NULL, false },
		{ "https://user@c.example", NULL, NULL, NULL, false },
		{ "https://[::1", NULL, NULL, NULL, false },
		{ "https://[c.example:1]", NULL, NULL, NULL, false },
		{ "https://c.exa mple", NULL, NULL, NULL, false },
		{ "https://c\r\nHost: x", NULL, NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct url url;
		const char *why = NULL;
		char *again;

		if (table[i].host == NULL) {
			assert_err(url_parse(table[i].text, &url, &why), MH_ERR_FORMAT);
			assert_non_null(why);
			continue;
		}
		assert_ok(url_parse(table[i].text, &url, &why));
		assert_string_equal(url.host, table[i].host);
		assert_string_equal(url.port, table[i].port);
		assert_int_equal(url.is_address, table[i].is_address);
		again = url_format(&url);
		assert_string_equal(again, table[i].again);
		free(again);
	}
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(what_was_stored_loads_and_is_private),
		with_ground(parts_that_do_not_fit_are_refused),
		with_ground(a_damaged_file_is_named),
		with_ground(a_request_proves_its_key_and_names_nobody),
		cmocka_unit_test(validity_includes_both_ends),
		cmocka_unit_test(a_token_is_read_as_it_was_made),
		cmocka_unit_test(a_url_is_a_host_and_a_port),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the collector, whose CA the token pins; hostile until then. */
#include "transport/enroll.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/role_folder.h"
#include "base/text.h"
#include "transport/est.h"
#include "transport/http.h"
#include "transport/identity.h"
#include "transport/tls.h"

/* One enrolment under way. */
struct enrolling {
	const struct enroll_options *options;
	char *why; /* ENROLL_WHY_MAX bytes, the caller's */
	int fd;
	SSL *ssl;
	X509 *ca;
	struct identity agent, courier;
	int64_t ahead_ms; /* our clock, of the collector's; 0: not known */
};

static mh_err MH_PRINTF(3, 4) fail(struct enrolling *e, mh_err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->why, ENROLL_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/*
 * In place of OpenSSL's own verification: the one certificate in the server's
 * chain that has the token's pin is the trust anchor, and then everything is
 * checked as ever, the name included.
 */
static int
verify_pinned(X509_STORE_CTX *ctx, void *arg)
{
	const struct enrolling *e = arg;
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	STACK_OF(X509) *trusted = sk_X509_new_null();
	int result = 0;

	for (int i = 0; trusted != NULL && i < sk_X509_num(sent); i++) {
		uint8_t pin[DIGEST_BYTES];
		X509 *cert = sk_X509_value(sent, i);

		if (certificate_pin(cert, pin) == MH_OK &&
		    memcmp(pin, e->options->token.pin, DIGEST_BYTES) == 0)
			(void)sk_X509_push(trusted, cert);
	}
	if (sk_X509_num(trusted) > 0) {
		X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
		result = X509_verify_cert(ctx);
	} else {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
	}
	/* The chain that was built holds references of its own. */
	X509_STORE_CTX_set0_trusted_stack(ctx, NULL);
	sk_X509_free(trusted);
	return result == 1;
}

static int
connect_one(const struct addrinfo *a)
{
	const struct timeval tv = { .tv_sec = ENROLL_STEP_S };
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	/* The send timeout bounds connect(2) too (socket(7)). */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	int saved = errno == EINPROGRESS ? ETIMEDOUT : errno;

	(void)close(fd);
	errno = saved;
	return -1;
}

static const char *
advice_for(int reason)
{
	if (reason == ECONNREFUSED)
		return "; nothing listens there: check the port, and that the collector "
		       "runs";
	if (reason == ETIMEDOUT || reason == EHOSTUNREACH || reason == ENETUNREACH)
		return "; a firewall drops it, or the way leads through a proxy "
		       "(--proxy)";
	return "";
}

/* Have the proxy connect us on. */
static mh_err
ask_proxy(struct enrolling *e)
{
	const struct url_proxy *proxy = e->options->proxy;
	MH_CLEANUP(freep) char *authority = url_authority(&e->options->url);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(HTTP_HEAD_MAX);
	char credentials[(URL_USER_MAX + URL_PASSWORD_MAX) * 3 / 2];
	int64_t deadline = clock_monotonic_ms() + ENROLL_TOTAL_MS;
	const char *why = "it closed the connection";
	unsigned status = 0;
	size_t used = 0;
	mh_err err;

	http_basic(proxy->user, proxy->password, credentials, sizeof(credentials));
	http_connect_put(authority, proxy->user[0] != 0 ? credentials : NULL, b);
	explicit_bzero(credentials, sizeof(credentials));
	err = fd_write_all(e->fd, buf_data(b), buf_len(b));
	explicit_bzero((void *)(uintptr_t)buf_data(b), buf_len(b));
	buf_reset(b);
	if (err == MH_OK)
		err = MH_ERR_AGAIN;
	while (err == MH_ERR_AGAIN && clock_monotonic_ms() < deadline) {
		/* One byte at a time: what follows the head is the server's. */
		char c;
		ssize_t n = recv(e->fd, &c, 1, 0);

		if (n <= 0)
			return fail(e, MH_ERR_PROTOCOL, "proxy %s port %s: %s",
			    proxy->at.host, proxy->at.port,
			    n < 0 ? strerror(errno) : why);
		buf_put(b, &c, 1);
		err = http_proxy_parse(buf_string(b), buf_len(b), &status, &used, &why);
	}
	if (err != MH_OK)
		return fail(e, MH_ERR_PROTOCOL, "proxy %s port %s: %s", proxy->at.host,
		    proxy->at.port, err == MH_ERR_AGAIN ? "it takes too long" : why);
	if (status >= 300)
		return fail(e, MH_ERR_DENIED, "proxy %s port %s: %s (%u)", proxy->at.host,
		    proxy->at.port, http_proxy_meaning(status), status);
	return MH_OK;
}

static mh_err
connect_tcp(struct enrolling *e)
{
	const struct url *url =
	    e->options->proxy != NULL ? &e->options->proxy->at : &e->options->url;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int result = getaddrinfo(url->host, url->port, &hints, &list);

	if (result != 0)
		return fail(e, MH_ERR_NOTFOUND,
		    "cannot look up %s: %s; check the name in the URL, and the name "
		    "servers of this host",
		    url->host, gai_strerror(result));
	for (const struct addrinfo *a = list; a != NULL && e->fd < 0; a = a->ai_next)
		e->fd = connect_one(a);
	int saved = errno;

	freeaddrinfo(list);
	if (e->fd < 0)
		return fail(e, MH_ERR_SYSTEM, "cannot connect to %s port %s: %s%s",
		    url->host, url->port, strerror(saved), advice_for(saved));
	return e->options->proxy != NULL ? ask_proxy(e) : MH_OK;
}

static mh_err
fail_tls(struct enrolling *e)
{
	char why[200];
	int saved = errno;

	if (SSL_get_verify_result(e->ssl) == X509_V_ERR_CERT_UNTRUSTED)
		return fail(e, MH_ERR_CERTIFICATE,
		    "%s is not the collector of this token: no certificate of its chain "
		    "has the"
		    " pin in the token",
		    e->options->url.host);
	tls_explain(e->ssl, 0, saved, why, sizeof(why));
	return fail(e,
	    SSL_get_verify_result(e->ssl) != X509_V_OK ? MH_ERR_CERTIFICATE
						       : MH_ERR_PROTOCOL,
	    "%s", why);
}

static mh_err
connect_tls(struct enrolling *e)
{
	MH_CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = NULL;
	mh_err err = tls_context_new(NULL, NULL, NULL, &ctx);

	if (err != MH_OK)
		return fail(e, err, "TLS cannot be set up");
	SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, e);
	err = tls_connection_new(ctx, &e->options->url, &e->ssl);
	if (err != MH_OK || SSL_set_fd(e->ssl, e->fd) != 1)
		return fail(e, MH_ERR_CRYPTO, "TLS cannot be set up");
	if (SSL_connect(e->ssl) != 1)
		return fail_tls(e);
	if (!tls_peer_is_collector(e->ssl))
		return fail(e, MH_ERR_CERTIFICATE,
		    "the server's certificate is not a collector's "
		    "(urn:molehunt:collector)");
	return MH_OK;
}

/* Read until an answer is whole; it borrows from in. */
static mh_err
read_response(struct enrolling *e, struct buf *in, struct http_response *ret)
{
	int64_t deadline = clock_monotonic_ms() + ENROLL_TOTAL_MS;
	const char *why = "";
	size_t used = 0;
	mh_err err = MH_ERR_AGAIN;

	while (err == MH_ERR_AGAIN) {
		char part[4096];
		int n = SSL_read(e->ssl, part, sizeof(part));

		if (clock_monotonic_ms() > deadline || (n <= 0 && errno == EAGAIN))
			return fail(e, MH_ERR_TIMEOUT,
			    "the collector's answer took too long");
		if (n <= 0)
			return fail_tls(e);
		buf_put(in, part, (size_t)n);
		if (buf_error(in) != MH_OK)
			return fail(e, MH_ERR_PROTOCOL,
			    "the collector's answer is too large");
		err = http_response_parse(buf_string(in), buf_len(in), ret, &used, &why);
	}
	return err == MH_OK ? MH_OK : fail(e, MH_ERR_PROTOCOL, "%s", why);
}

/* Say what another status than 200 means. */
static mh_err
fail_status(struct enrolling *e, const struct http_response *response)
{
	char code[64];
	char detail[256];

	http_error_parse(response, code, sizeof(code), detail, sizeof(detail));
	if (detail[0] == 0)
		(void)snprintf(detail, sizeof(detail), "HTTP status %u",
		    response->status);
	if (response->status == 401)
		return fail(e, MH_ERR_DENIED,
		    "the collector does not accept the token: %s; have a new one made: "
		    "molehunt-collector token DIR",
		    detail);
	if (response->status == 429 || response->status == 503)
		return fail(e, MH_ERR_AGAIN, "the collector is busy, try again later: %s",
		    detail);
	return fail(e, MH_ERR_PROTOCOL, "the collector refuses: %s", detail);
}

/* One request and its answer, which has to be a 200. */
static mh_err
ask(struct enrolling *e, const struct http_request *request, struct buf *in,
    struct http_response *ret)
{
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(HTTP_RESPONSE_MAX);
	mh_err err;

	http_request_put(request, out);
	if (buf_error(out) != MH_OK)
		return fail(e, MH_ERR_CRYPTO, "the request is too large");
	errno = 0;
	if (SSL_write(e->ssl, buf_data(out), (int)buf_len(out)) <= 0)
		return fail_tls(e);
	buf_reset(in);
	err = read_response(e, in, ret);
	if (err == MH_OK && ret->date_ms != 0)
		e->ahead_ms = clock_real_ms() - ret->date_ms;
	if (err == MH_OK && ret->status != 200)
		err = fail_status(e, ret);
	return err;
}

static mh_err
fetch_ca(struct enrolling *e, const char *host)
{
	MH_CLEANUP(buf_freep) struct buf *in = buf_new(HTTP_RESPONSE_MAX + 4096);
	const struct http_request request = { .method = "GET",
		.path = "/.well-known/est/cacerts",
		.host = host };
	struct http_response response;
	uint8_t pin[DIGEST_BYTES];
	mh_err err = ask(e, &request, in, &response);

	if (err != MH_OK)
		return err;
	e->ca = est_certificate(response.body, response.body_len);
	if (e->ca == NULL)
		return fail(e, MH_ERR_PROTOCOL, "the collector sent no CA certificate");
	if (certificate_pin(e->ca, pin) != MH_OK ||
	    memcmp(pin, e->options->token.pin, DIGEST_BYTES) != 0 ||
	    X509_check_ca(e->ca) != 1)
		return fail(e, MH_ERR_CERTIFICATE,
		    "the collector's CA certificate has another pin than the token");
	return MH_OK;
}

/* Say that the clocks differ, if they do: most troubles of certificates are that. */
static bool
note_clock(struct enrolling *e)
{
	bool is_ahead = e->ahead_ms > 0;
	MH_CLEANUP(freep)
	char *by = text_duration((uint64_t)(is_ahead ? e->ahead_ms : -e->ahead_ms));

	if (e->ahead_ms < ENROLL_CLOCK_MS && e->ahead_ms > -ENROLL_CLOCK_MS)
		return false;
	(void)fail(e, MH_OK,
	    "this machine's clock is %s %s the collector's: have it set from the network "
	    "(NTP), or the other's",
	    by, is_ahead ? "ahead of" : "behind");
	return true;
}

/* Whether a new certificate is what was asked for. */
static mh_err
check_certificate(struct enrolling *e, struct identity *id, enum certificate_use use)
{
	const struct est_wish wish = { e->ca, id->key, use, "" };
	const char *why = "";
	mh_err err = est_check(id->cert, &wish, &id->facts, &why);

	if (err != MH_OK && note_clock(e))
		return err;
	return err == MH_OK ? MH_OK : fail(e, err, "%s", why);
}

static mh_err
post_request(struct enrolling *e, const char *host, const char *path, const char *body,
    X509 **ret)
{
	MH_CLEANUP(buf_freep) struct buf *in = buf_new(HTTP_RESPONSE_MAX + 4096);
	char credentials[160];
	struct http_response response;
	mh_err err;

	http_basic("molehunt", e->options->token.secret, credentials,
	    sizeof(credentials));
	const struct http_request request = { .method = "POST",
		.path = path,
		.host = host,
		.content_type = "application/pkcs10",
		.authorization = credentials,
		.body = body,
		.body_len = strlen(body) };

	err = ask(e, &request, in, &response);
	explicit_bzero(credentials, sizeof(credentials));
	if (err != MH_OK)
		return err;
	*ret = est_certificate(response.body, response.body_len);
	if (*ret == NULL)
		return fail(e, MH_ERR_PROTOCOL, "the collector sent no certificate");
	return MH_OK;
}

/* A new key and its certificate under a label. */
static mh_err
certify(struct enrolling *e, const char *host, const char *path, struct identity *id,
    enum certificate_use use)
{
	MH_CLEANUP(freep) uint8_t *der = NULL;
	size_t len = 0;
	mh_err err = identity_key_new(&id->key);

	if (err == MH_OK)
		err = identity_request_new(id->key, &der, &len);
	if (err != MH_OK)
		return fail(e, err, "a key cannot be made");
	MH_CLEANUP(freep) char *body = est_request(der, len);

	err = post_request(e, host, path, body, &id->cert);
	if (err == MH_OK)
		err = check_certificate(e, id, use);
	return err;
}

static mh_err
certify_both(struct enrolling *e)
{
	MH_CLEANUP(freep) char *host = url_authority(&e->options->url);
	MH_CLEANUP(freep) char *url = url_format(&e->options->url);
	mh_err err = fetch_ca(e, host);

	if (err == MH_OK)
		err = certify(e, host, "/.well-known/est/signing/simpleenroll", &e->agent,
		    CERTIFICATE_SIGNING);
	if (err == MH_OK)
		err = certify(e, host, "/.well-known/est/tls/simpleenroll", &e->courier,
		    CERTIFICATE_TLS);
	if (err != MH_OK)
		return err;
	if (strcmp(e->agent.facts.agent, e->courier.facts.agent) != 0)
		return fail(e, MH_ERR_CERTIFICATE,
		    "the collector gave the two certificates to two agents");
	for (int i = 0; i < 2; i++) {
		struct identity *id = i == 0 ? &e->agent : &e->courier;

		id->ca = e->ca;
		(void)X509_up_ref(e->ca);
		memcpy(id->agent, e->agent.facts.agent, UUID_TEXT_LEN);
		(void)snprintf(id->collector, sizeof(id->collector), "%s", url);
		id->enrolled_ms = clock_real_ms();
		if (e->options->machine_id != NULL)
			(void)snprintf(id->machine_id, sizeof(id->machine_id), "%s",
			    e->options->machine_id);
	}
	return MH_OK;
}

/* Without these nothing of an identity is loaded; the first of the files. */
enum { JSON_FILES = 2 };

/* The files of both identities under STATE, successors of a renewal too. */
static const char *const files[] = { "agent/identity.json", "courier/courier.json",
	"agent/signing.key", "agent/signing.pem", "agent/ca.pem", "courier/tls.key",
	"courier/tls.pem", "courier/ca.pem", "agent/signing.key.new",
	"agent/signing.pem.new", "courier/tls.key.new", "courier/tls.pem.new" };

/* Put each file that is there aside. */
static void
put_aside(const char *state)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(files); i++) {
		MH_CLEANUP(freep) char *name = xasprintf("%s/%s", state, files[i]);
		MH_CLEANUP(freep) char *old = xasprintf("%s.old", name);

		(void)rename(name, old);
	}
}

/*
 * The JSON files last: as long as one is missing it is known that the rest may be, too,
 * when this is cut short itself.
 */
static void
bring_back(const char *state)
{
	for (size_t i = MH_ARRAY_LEN(files); i-- > 0;) {
		MH_CLEANUP(freep) char *name = xasprintf("%s/%s", state, files[i]);
		MH_CLEANUP(freep) char *old = xasprintf("%s.old", name);

		if (rename(old, name) < 0 && errno != ENOENT)
			return;
	}
}

static void
remove_all(const char *state, const char *suffix)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(files); i++) {
		MH_CLEANUP(freep)
		char *path = xasprintf("%s/%s%s", state, files[i], suffix);

		(void)unlink(path);
	}
}

static mh_err
store_one(const char *state, const char *name, enum identity_kind kind,
    const struct identity *id)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/%s", state, name);
	struct stat st;

	if (stat(folder, &st) < 0)
		return MH_ERR_SYSTEM;
	/* Only root can and has to hand the files to the role's user. */
	return geteuid() == 0 ? identity_store(folder, kind, id, st.st_uid, st.st_gid)
			      : identity_store(folder, kind, id, (uid_t)-1, (gid_t)-1);
}

static mh_err
store_both(struct enrolling *e)
{
	const char *state = e->options->state;
	mh_err err;

	put_aside(state);
	err = store_one(state, "agent", IDENTITY_AGENT, &e->agent);
	if (err == MH_OK)
		err = store_one(state, "courier", IDENTITY_COURIER, &e->courier);
	if (err == MH_OK) {
		remove_all(state, ".old");
		return MH_OK;
	}
	int saved = errno;

	remove_all(state, "");
	bring_back(state);
	errno = saved;
	return fail(e, err, "the identity cannot be written under %s: %s", state,
	    err == MH_ERR_SYSTEM ? strerror(saved) : mh_strerror(err));
}

/*
 * Somebody was killed in store_both(): while an old JSON file is there and not its
 * successor, the old files are all there, and are the identity again.
 */
static void
undo_what_was_cut_short(const char *state)
{
	bool is_half = false;

	for (size_t i = 0; i < JSON_FILES; i++) {
		MH_CLEANUP(freep) char *json = xasprintf("%s/%s", state, files[i]);
		MH_CLEANUP(freep) char *old = xasprintf("%s.old", json);

		is_half |= access(json, F_OK) < 0 && access(old, F_OK) == 0;
	}
	if (is_half)
		bring_back(state);
	else
		remove_all(state, ".old");
}

/* Everything local that would make the token's use a waste. */
static mh_err
check_state(struct enrolling *e)
{
	static const struct {
		const char *name, *user;
	} folders[] = { { "agent", "molehunt" }, { "courier", "molehunt-courier" } };
	const char *state = e->options->state;

	for (size_t i = 0; i < MH_ARRAY_LEN(folders); i++) {
		MH_CLEANUP(freep)
		char *folder = xasprintf("%s/%s", state, folders[i].name);
		mh_err err = role_folder_make(state, folders[i].name, folders[i].user);

		if (err == MH_OK && access(folder, W_OK) < 0)
			err = MH_ERR_SYSTEM;
		if (err != MH_OK)
			return fail(e, err, "%s: %s", folder, strerror(errno));
	}
	undo_what_was_cut_short(state);
	for (size_t i = 0; !e->options->is_forced && i < JSON_FILES; i++) {
		MH_CLEANUP(freep) char *json = xasprintf("%s/%s", state, files[i]);

		if (access(json, F_OK) == 0)
			return fail(e, MH_ERR_EXISTS,
			    "this host is enrolled already (%s); --force replaces its "
			    "identity",
			    json);
	}
	return MH_OK;
}

static void
clear(struct enrolling *e)
{
	struct identity *both[] = { &e->agent, &e->courier };

	for (size_t i = 0; i < MH_ARRAY_LEN(both); i++) {
		EVP_PKEY_free(both[i]->key);
		X509_free(both[i]->cert);
		X509_free(both[i]->ca);
	}
	X509_free(e->ca);
	SSL_free(e->ssl);
	if (e->fd >= 0)
		(void)close(e->fd);
}

mh_err
enroll(const struct enroll_options *options, char ret_agent[UUID_TEXT_LEN],
    char ret_why[ENROLL_WHY_MAX])
{
	struct enrolling e = { .options = options, .why = ret_why, .fd = -1 };
	mh_err err = check_state(&e);

	if (err == MH_OK)
		err = connect_tcp(&e);
	if (err == MH_OK)
		err = connect_tls(&e);
	if (err == MH_OK)
		err = certify_both(&e);
	if (err == MH_OK)
		err = store_both(&e);
	if (err == MH_OK) {
		memcpy(ret_agent, e.agent.agent, UUID_TEXT_LEN);
		ret_why[0] = 0;
		(void)note_clock(&e);
	}
	clear(&e);
	return err;
}

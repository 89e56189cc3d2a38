/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "transport/receipt.h"

enum { REQUEST_MAX = 2 * 1024 * 1024 };

struct serving {
	const struct fleet *fleet;
	enum server_fault fault;
	unsigned n_reports, n_enrolled;
	X509 *renewed; /* the last TLS certificate that a renewal gave; NULL */
	SSL *ssl;
	struct buf *in;
	const char *body;
	size_t body_len;
};

static void
reply(struct serving *s, const char *status, const char *extra, const void *body,
    size_t len)
{
	struct buf *out = buf_new(REQUEST_MAX);
	char date[64] = "";
	time_t at = time(NULL) - 3600;
	struct tm tm;

	if (s->fault == SERVER_IS_BEHIND)
		(void)strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
		    gmtime_r(&at, &tm));
	buf_addf(out, "HTTP/1.1 %s\r\n%s%s%sContent-Length: %zu\r\n\r\n", status, date,
	    s->fault == SERVER_CLOSES ? "Connection: close\r\n" : "", extra, len);
	buf_put(out, body, len);
	(void)SSL_write(s->ssl, buf_data(out), (int)buf_len(out));
	buf_free(out);
}

static void
reply_certificate(struct serving *s, X509 *cert)
{
	PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	unsigned char text[8192];
	int len;

	(void)PKCS7_set_type(p7, NID_pkcs7_signed);
	(void)PKCS7_content_new(p7, NID_pkcs7_data);
	(void)PKCS7_set_detached(p7, 1);
	(void)PKCS7_add_certificate(p7, cert);
	len = i2d_PKCS7(p7, &der);
	if (len <= 0 || len > 4096)
		abort();
	len = EVP_EncodeBlock(text, der, len);
	reply(s, "200 OK", "Content-Type: application/pkcs7-mime\r\n", text, (size_t)len);
	OPENSSL_free(der);
	PKCS7_free(p7);
}

static void
serve_enrolment(struct serving *s, bool is_signing)
{
	static const char want[] =
	    "Authorization: Basic "
	    "bW9sZWh1bnQ6MDEyMzQ1Njc4OWFiY2RlZmdoaWpBQkNERUZHSElKLV8=";
	static const char denial[] =
	    "{\"error\":\"token\",\"detail\":\"the token is not known\"}";
	unsigned char der[4096];
	const unsigned char *p = der;
	bool is_other = s->fault == SERVER_TWO_AGENTS && !is_signing;
	const struct fleet_leaf leaf = {
		is_signing ? "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing"
		: is_other ? "URI:urn:uuid:" FLEET_OTHER_AGENT ",URI:urn:molehunt:tls"
			   : "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls",
		is_signing ? "emailProtection" : "clientAuth",
		clock_real_ms() - FLEET_DAY_MS, clock_real_ms() + FLEET_DAY_MS
	};
	int len;

	if (strstr(buf_string(s->in), want) == NULL) {
		reply(s, "401 Unauthorized", "", denial, strlen(denial));
		return;
	}
	len = EVP_DecodeBlock(der, (const unsigned char *)s->body, (int)s->body_len);
	X509_REQ *request = d2i_X509_REQ(NULL, &p, len);
	X509 *cert = fleet_certify(s->fleet, X509_REQ_get0_pubkey(request), &leaf);

	reply_certificate(s, cert);
	X509_free(cert);
	X509_REQ_free(request);
}

/* A renewal: for the connection's agent, whatever the fault makes of it. */
static void
serve_renewal(struct serving *s, bool is_signing)
{
	static const char denial[] =
	    "{\"error\":\"busy\",\"detail\":\"no certificates today\"}";
	unsigned char der[4096];
	const unsigned char *p = der;
	bool is_signing_use = is_signing != (s->fault == SERVER_RENEWS_USE);
	struct fleet *other =
	    s->fault == SERVER_RENEWS_CA ? fleet_new_at(clock_real_ms()) : NULL;
	char san[200];
	const struct fleet_leaf leaf = { san,
		is_signing_use ? "emailProtection" : "clientAuth",
		clock_real_ms() - 60 * 1000, clock_real_ms() + FLEET_DAY_MS };
	int len;

	(void)snprintf(san, sizeof(san), "URI:urn:uuid:%s,URI:urn:molehunt:%s",
	    s->fault == SERVER_RENEWS_AGENT ? FLEET_OTHER_AGENT : FLEET_AGENT,
	    is_signing_use ? "signing" : "tls");
	if (s->fault == SERVER_RENEWS_NOTHING) {
		reply(s, "400 Bad Request", "", denial, strlen(denial));
		return;
	}
	if (s->fault == SERVER_RENEWS_LATER) {
		reply(s, "503 Service Unavailable", "Retry-After: 1\r\n", denial,
		    strlen(denial));
		return;
	}
	len = EVP_DecodeBlock(der, (const unsigned char *)s->body, (int)s->body_len);
	X509_REQ *request = d2i_X509_REQ(NULL, &p, len);
	EVP_PKEY *key = s->fault == SERVER_RENEWS_KEY ? s->fleet->tls.key
						      : X509_REQ_get0_pubkey(request);
	X509 *cert = fleet_certify(other != NULL ? other : s->fleet, key, &leaf);

	reply_certificate(s, cert);
	X509_free(s->renewed);
	s->renewed = cert;
	X509_REQ_free(request);
	fleet_free(other);
}

/* The receipt that the collector would give, for whatever came. */
static void
reply_receipt(struct serving *s)
{
	struct receipt r = { .agent = FLEET_AGENT,
		.epoch = FLEET_EPOCH,
		.sequence = s->n_reports,
		.received_ms = clock_real_ms() };
	uint8_t *der = NULL;
	size_t len = 0;

	digest_sha256(s->body, s->body_len, r.digest);
	if (receipt_seal(s->fleet->receipt.key, s->fleet->receipt.cert, &r, &der, &len) !=
	    MH_OK)
		abort();
	reply(s, "200 OK", "", der, len);
	free(der);
}

/* Retry-After as a date, by a clock that is an hour behind. */
static void
reply_busy_until(struct serving *s, int seconds)
{
	char date[64];
	char later[64];
	char fields[256];
	time_t at = time(NULL) - 3600;
	struct tm tm;

	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime_r(&at, &tm));
	at += seconds;
	(void)strftime(later, sizeof(later), "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime_r(&at, &tm));
	(void)snprintf(fields, sizeof(fields), "Date: %s\r\nRetry-After: %s\r\n", date,
	    later);
	reply(s, "503 Busy", fields, "", 0);
}

/* False to hang up. */
static bool
serve_report(struct serving *s)
{
	static const char busy[] = "{\"error\":\"busy\",\"detail\":\"later\"}";
	static const char fork_seen[] =
	    "{\"error\":\"fork\",\"detail\":\"stored with other bytes\"}";
	static const char chunked[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

	s->n_reports++;
	if (s->fault == SERVER_BUSY_DATE && s->n_reports == 1) {
		reply_busy_until(s, 2);
	} else if (s->fault == SERVER_REDIRECTS) {
		reply(s, "302 Found", "Location: https://127.0.0.1:1/\r\n", "", 0);
	} else if (s->fault == SERVER_BUSY_ONCE && s->n_reports == 1) {
		reply(s, "503 Busy", "Retry-After: 1\r\n", busy, strlen(busy));
	} else if (s->fault == SERVER_REFUSES) {
		reply(s, "409 Conflict", "", fork_seen, strlen(fork_seen));
	} else if (s->fault == SERVER_HANGS_UP && s->n_reports == 1) {
		return false;
	} else if (s->fault == SERVER_CHUNKS && s->n_reports == 1) {
		(void)SSL_write(s->ssl, chunked, sizeof(chunked) - 1);
	} else {
		reply_receipt(s);
	}
	return true;
}

static bool
serve_request(struct serving *s)
{
	const char *head = buf_string(s->in);
	X509 *peer = SSL_get0_peer_certificate(s->ssl);
	static const char denial[] =
	    "{\"error\":\"certificate\",\"detail\":\"not this one\"}";

	if (s->fault == SERVER_RENEWS_IN_VAIN && s->renewed != NULL && peer != NULL &&
	    X509_cmp(peer, s->renewed) == 0) {
		reply(s, "403 Forbidden", "", denial, strlen(denial));
		return true;
	}
	if (peer != NULL &&
	    strncmp(head, "POST /.well-known/est/signing/simplereenroll ", 45) == 0)
		serve_renewal(s, true);
	else if (peer != NULL &&
		 strncmp(head, "POST /.well-known/est/tls/simplereenroll ", 41) == 0)
		serve_renewal(s, false);
	else if (strncmp(head, "GET /.well-known/est/cacerts ", 29) == 0)
		reply_certificate(s, s->fleet->ca.cert);
	else if (strncmp(head, "POST /.well-known/est/signing/simpleenroll ", 43) == 0)
		serve_enrolment(s, true);
	else if (strncmp(head, "POST /.well-known/est/tls/simpleenroll ", 39) == 0)
		serve_enrolment(s, false);
	else if (strncmp(head, "POST /v1/reports ", 17) == 0 &&
		 SSL_get0_peer_certificate(s->ssl) != NULL)
		return serve_report(s);
	else
		reply(s, "404 Not Found", "", "", 0);
	return true;
}

/* Read one request; false at the end. */
static bool
read_request(struct serving *s)
{
	buf_reset(s->in);
	for (;;) {
		char part[16384];
		int n = SSL_read(s->ssl, part, sizeof(part));

		if (n <= 0)
			return false;
		buf_put(s->in, part, (size_t)n);
		const char *end = memmem(buf_data(s->in), buf_len(s->in), "\r\n\r\n", 4);
		const char *field =
		    end != NULL ? strstr(buf_string(s->in), "Content-Length: ") : NULL;
		size_t length = 0;

		if (end == NULL)
			continue;
		for (field = field != NULL ? field + 16 : "";
		     *field >= '0' && *field <= '9'; field++)
			length = length * 10 + (size_t)(*field - '0');
		s->body = end + 4;
		s->body_len = length;
		if (buf_len(s->in) >= (size_t)(end + 4 - buf_string(s->in)) + length)
			return true;
	}
}

static void
serve(struct serving *s, int listener, const struct fleet_pair *tls)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	(void)SSL_CTX_use_certificate(ctx, tls->cert);
	(void)SSL_CTX_use_PrivateKey(ctx, tls->key);
	(void)SSL_CTX_add1_chain_cert(ctx, s->fleet->ca.cert);
	(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), s->fleet->ca.cert);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* Without it a session that is resumed ends the handshake. */
	(void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
	s->in = buf_new(REQUEST_MAX);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (s->fault == SERVER_NO_TLS)
			(void)!write(fd, "220 hello\r\n", 11);
		s->ssl = SSL_new(ctx);
		(void)SSL_set_fd(s->ssl, fd);
		if (SSL_accept(s->ssl) == 1)
			while (read_request(s) && serve_request(s) &&
			       s->fault != SERVER_CLOSES)
				;
		(void)SSL_shutdown(s->ssl);
		SSL_free(s->ssl);
		(void)close(fd);
	}
}

struct server
server_start(const struct fleet *fleet, const struct fleet_pair *tls,
    enum server_fault fault)
{
	return server_start_at(fleet, tls, fault, 0);
}

struct server
server_start_at(const struct fleet *fleet, const struct fleet_pair *tls,
    enum server_fault fault, unsigned short port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int one = 1;
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct serving s = { .fleet = fleet, .fault = fault };
	struct server server;

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) < 0 ||
	    listen(listener, 8) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0)
		abort();
	server.port = ntohs(at.sin_port);
	server.pid = fork();
	if (server.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		serve(&s, listener, tls);
	}
	(void)close(listener);
	return server;
}

void
server_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

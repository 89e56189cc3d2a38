/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve.
 * Input: hostile (anybody may ask; requests are parsed by the authority only).
 */
#include "collector/enrol.h"

#include <event2/buffer.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "collector/connections.h"
#include "collector/reply.h"
#include "transport/certificate.h"
#include "transport/token.h"

static const char est_prefix[] = "/.well-known/est/";
static const char user_prefix[] = "molehunt:";
static const char pkcs7_type[] = "application/pkcs7-mime; smime-type=certs-only";

enum {
	BASE64_MAX = 16 * 1024, /* characters of a request's body */
	FAILURE_SLOTS =
	    1024, /* addresses share a slot by chance, which only slows them */
	MINUTE_MS = 60 * 1000,
	HOUR_MS = 60 * MINUTE_MS,
};

MH_DEFINE_CLEANUP(PKCS7, PKCS7_free);

/* Failed attempts from the addresses of one slot in the current minute. */
struct failures {
	int64_t since_ms;
	uint64_t count;
};

struct enrol {
	const struct config *config;
	struct store *st;
	struct ingest *in;
	struct authority_link *link;
	X509 *ca;
	uint64_t salt; /* so that a stranger cannot choose whom to share a slot with */
	struct failures failures[FAILURE_SLOTS];
};

/* One enrolment that waits for the authority. */
struct asking {
	struct enrol *enrol;
	struct evhttp_request *req;
	enum certificate_label label;
	char agent[UUID_TEXT_LEN];
	bool has_token;
	uint8_t token[DIGEST_BYTES];
};

struct enrol *
enrol_new(const struct config *config, struct store *st, struct ingest *in,
    struct authority_link *link, X509 *ca)
{
	struct enrol *e = xcalloc(1, sizeof(*e));

	e->config = config;
	e->st = st;
	e->in = in;
	e->link = link;
	e->ca = ca;
	if (RAND_bytes((unsigned char *)&e->salt, sizeof(e->salt)) != 1)
		abort(); /* no randomness: nothing here would be safe */
	return e;
}

void
enrol_free(struct enrol *e)
{
	free(e);
}

bool
enrol_has_path(const char *path)
{
	return strncmp(path, est_prefix, strlen(est_prefix)) == 0;
}

static void
refuse(struct evhttp_request *req, int status, const char *code, const char *detail)
{
	connections_on_reply(req);
	reply_error(req, status, code, detail);
}

static struct failures *
failures_of(struct enrol *e, struct evhttp_request *req)
{
	char *address = NULL;
	ev_uint16_t port = 0;
	uint64_t hash = e->salt;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
	for (const char *p = address; p != NULL && *p != 0; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);

	struct failures *f = &e->failures[(hash >> 32) % FAILURE_SLOTS];
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - f->since_ms >= MINUTE_MS)
		*f = (struct failures){ .since_ms = now_ms };
	return f;
}

/* Base64 with or without line ends (RFC 8951), as new bytes; NULL when it is none. */
static uint8_t *
decode(const char *text, size_t len, size_t *ret_len)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	uint8_t *out = xcalloc(1, len + 4);
	int n = 0;
	int rest = 0;

	if (ctx == NULL)
		abort(); /* out of memory */
	EVP_DecodeInit(ctx);
	if (EVP_DecodeUpdate(ctx, out, &n, (const unsigned char *)text, (int)len) < 0 ||
	    EVP_DecodeFinal(ctx, out + n, &rest) != 1 || n + rest == 0) {
		free(out);
		out = NULL;
	}
	EVP_ENCODE_CTX_free(ctx);
	*ret_len = (size_t)(n + rest);
	return out;
}

/* Answer with a certs-only PKCS#7 that holds cert, in base64. */
static void
reply_certificate(struct evhttp_request *req, X509 *cert)
{
	MH_CLEANUP(PKCS7_freep) PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	int len = -1;

	if (p7 != NULL && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 &&
	    PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
	    PKCS7_add_certificate(p7, cert) == 1) {
		(void)PKCS7_set_detached(p7, 1);
		len = i2d_PKCS7(p7, &der);
	}
	if (len <= 0) {
		refuse(req, 503, "busy", "the certificate cannot be encoded");
		return;
	}
	MH_CLEANUP(freep) char *text = xcalloc(1, (size_t)len * 4 / 3 + 8);
	int n = EVP_EncodeBlock((unsigned char *)text, der, len);

	OPENSSL_free(der);
	(void)evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Transfer-Encoding", "base64");
	connections_on_reply(req);
	reply_bytes(req, pkcs7_type, text, (size_t)n);
}

/* Keep the new certificate, which is durable before it is handed out. */
static mh_err
keep(const struct asking *a, const struct issued *answer, X509 *cert)
{
	struct certificate_facts facts;
	struct store_certificate c = { .agent = a->agent,
		.label = a->label,
		.der = answer->certificate,
		.len = answer->certificate_len,
		.issued_ms = clock_real_ms() };
	mh_err err = certificate_read(cert, &facts);

	if (err != MH_OK)
		return err;
	c.not_after_ms = facts.not_after_ms;
	/* Its own transaction: what waits in the batch must not undo it. */
	ingest_flush(a->enrol->in);
	return store_certificate_add(a->enrol->st, &c, a->has_token ? a->token : NULL);
}

static void
hand_out(const struct asking *a, const struct issued *answer)
{
	const unsigned char *at = answer->certificate;
	MH_CLEANUP(X509_freep)
	X509 *cert = d2i_X509(NULL, &at, (long)answer->certificate_len);
	mh_err err = cert != NULL ? keep(a, answer, cert) : MH_ERR_FORMAT;

	if (err == MH_ERR_EXISTS) {
		refuse(a->req, 401, "token", "this token is used");
		return;
	}
	if (err != MH_OK) {
		log_err_r(err, "enrol", "certificate for agent %s (%s)", a->agent,
		    store_why(a->enrol->st));
		refuse(a->req, 503, "busy",
		    "the certificate cannot be stored at the moment");
		return;
	}
	log_notice("enrol", "agent %s: new %s certificate", a->agent,
	    certificate_label_name(a->label));
	reply_certificate(a->req, cert);
}

static void
on_issued(const struct issued *answer, void *arg)
{
	MH_CLEANUP(freep) struct asking *a = arg;

	if (answer == NULL)
		refuse(a->req, 503, "busy",
		    "the certificate authority is being started again");
	else if (answer->certificate == NULL)
		refuse(a->req, 400, "request", answer->why);
	else
		hand_out(a, answer);
}

static void
ask(struct enrol *e, struct evhttp_request *req, const struct asking *about)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct issue m = { .label = (uint8_t)about->label };

	if (len > 0 && len <= BASE64_MAX)
		der =
		    decode((const char *)evbuffer_pullup(body, -1), len, &m.request_len);
	if (der == NULL || m.request_len > ISSUE_REQUEST_MAX) {
		refuse(req, 400, "request",
		    "the body is not a certificate request in base64");
		return;
	}
	memcpy(m.agent, about->agent, UUID_TEXT_LEN);
	m.request = der;

	struct asking *a = xmemdup(about, sizeof(*about));

	if (authority_ask(e->link, &m, on_issued, a) == MH_OK)
		return;
	free(a);
	refuse(req, 503, "busy", "the certificate authority has too much to do");
}

/* The secret of "Authorization: Basic base64(molehunt:SECRET)"; false: none. */
static bool
read_secret(struct evhttp_request *req, uint8_t ret_digest[DIGEST_BYTES])
{
	const char *header =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");
	size_t len = 0;

	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0 ||
	    strlen(header) > 256)
		return false;
	MH_CLEANUP(freep) uint8_t *pair = decode(header + 6, strlen(header + 6), &len);
	size_t skip = strlen(user_prefix);
	bool ok = pair != NULL && len > skip && memcmp(pair, user_prefix, skip) == 0;

	if (ok)
		digest_sha256(pair + skip, len - skip, ret_digest);
	if (pair != NULL)
		explicit_bzero(pair, len);
	return ok;
}

static const char *
token_detail(enum token_state state)
{
	switch (state) {
	case TOKEN_UNKNOWN:
		return "this collector does not know the token";
	case TOKEN_USED:
		return "this token is used";
	case TOKEN_EXPIRED:
		return "this token is expired";
	case TOKEN_GOOD:
		break;
	}
	return "";
}

static void
enrol_with_token(struct enrol *e, struct evhttp_request *req,
    enum certificate_label label)
{
	struct asking a = { .enrol = e, .req = req, .label = label, .has_token = true };
	struct failures *failures = failures_of(e, req);
	enum token_state state = TOKEN_UNKNOWN;
	mh_err err = MH_OK;

	if (failures->count >= e->config->failures_per_minute) {
		refuse(req, 429, "busy", "too many failed enrolments from this address");
		return;
	}
	ingest_flush(e->in);
	if (read_secret(req, a.token))
		err = store_token_check(e->st, a.token, label, clock_real_ms(), &state,
		    a.agent);
	if (err != MH_OK) {
		log_err_r(err, "enrol", "token (%s)", store_why(e->st));
		refuse(req, 503, "busy",
		    "the collector cannot look the token up at the moment");
		return;
	}
	if (state != TOKEN_GOOD) {
		failures->count++;
		refuse(req, 401, "token", token_detail(state));
		return;
	}
	ask(e, req, &a);
}

static void
renew(struct enrol *e, struct evhttp_request *req, enum certificate_label label,
    const char *agent)
{
	struct asking a = { .enrol = e, .req = req, .label = label };
	uint64_t n = 0;

	if (agent == NULL) {
		refuse(req, 403, "certificate",
		    "a renewal needs the agent's TLS certificate");
		return;
	}
	if (store_certificates_since(e->st, agent, clock_real_ms() - HOUR_MS, &n) !=
		MH_OK ||
	    n >= RENEWALS_PER_HOUR) {
		refuse(req, 429, "busy",
		    "too many certificates for this agent in an hour");
		return;
	}
	memcpy(a.agent, agent, UUID_TEXT_LEN);
	ask(e, req, &a);
}

void
enrol_on_request(struct enrol *e, struct evhttp_request *req, const char *path,
    const char *agent)
{
	const char *rest = path + strlen(est_prefix);
	const char *slash = strchr(rest, '/');
	unsigned label =
	    slash != NULL ? certificate_label_find(rest, (size_t)(slash - rest)) : 0;
	bool is_get = evhttp_request_get_command(req) == EVHTTP_REQ_GET;

	if (strcmp(rest, "cacerts") == 0 && is_get)
		reply_certificate(req, e->ca);
	else if (label != 0 && !is_get && strcmp(slash, "/simpleenroll") == 0)
		enrol_with_token(e, req, (enum certificate_label)label);
	else if (label != 0 && !is_get && strcmp(slash, "/simplereenroll") == 0)
		renew(e, req, (enum certificate_label)label, agent);
	else
		refuse(req, 404, "not-found", "there is nothing at this path");
}

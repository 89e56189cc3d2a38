/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector serve: event loops, main thread and writer, as said
 * at each function.
 * Input: hostile (anybody may ask; requests are parsed by the authority only).
 */
#include "collector/enrol.h"

#include <event2/buffer.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
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
	struct enrol_setup setup;
	uint64_t salt; /* so that a stranger cannot choose whom to share a slot with */
	pthread_mutex_t lock; /* guards failures */
	struct failures failures[FAILURE_SLOTS];
};

/* One enrolment on its way through the threads. */
struct asking {
	struct work work; /* the first member */
	struct enrol *enrol;
	struct evhttp_request *req; /* for the thread of its loop only */
	struct mailbox *home;       /* of that loop */
	unsigned *n_under_way;
	size_t slot; /* of the address, in failures */
	enum certificate_label label;
	char agent[UUID_TEXT_LEN];
	bool has_token;
	uint8_t token[DIGEST_BYTES];
	uint8_t *request; /* PKCS#10, owned */
	size_t request_len;
	uint8_t *cert; /* DER, owned; NULL until it is issued */
	size_t cert_len;
	/* The answer, unless it is the certificate: code is static, NULL for none. */
	int status;
	const char *code;
	char detail[ISSUE_WHY_MAX + 1];
};

struct enrol *
enrol_new(const struct enrol_setup *setup)
{
	struct enrol *e = xcalloc(1, sizeof(*e));

	e->setup = *setup;
	(void)pthread_mutex_init(&e->lock, NULL);
	if (RAND_bytes((unsigned char *)&e->salt, sizeof(e->salt)) != 1)
		abort(); /* no randomness: nothing here would be safe */
	return e;
}

void
enrol_free(struct enrol *e)
{
	if (e == NULL)
		return;
	(void)pthread_mutex_destroy(&e->lock);
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

/* The slot of the peer's address.  In the request's loop. */
static size_t
slot_of(const struct enrol *e, struct evhttp_request *req)
{
	char *address = NULL;
	ev_uint16_t port = 0;
	uint64_t hash = e->salt;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
	for (const char *p = address; p != NULL && *p != 0; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return (size_t)(hash >> 32) % FAILURE_SLOTS;
}

/* Failures of the slot in this minute, and count of them more. */
static uint64_t
count_failures(struct enrol *e, size_t slot, uint64_t more)
{
	struct failures *f = &e->failures[slot];
	int64_t now_ms = clock_monotonic_ms();
	uint64_t count = 0;

	(void)pthread_mutex_lock(&e->lock);
	if (now_ms - f->since_ms >= MINUTE_MS)
		*f = (struct failures){ .since_ms = now_ms };
	f->count += more;
	count = f->count;
	(void)pthread_mutex_unlock(&e->lock);
	return count;
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

static void
set_answer(struct asking *a, int status, const char *code, const char *detail)
{
	a->status = status;
	a->code = code;
	(void)snprintf(a->detail, sizeof(a->detail), "%s", detail);
}

/* In the request's loop, whose connection may be gone meanwhile. */
static void
on_home(struct mail *mail)
{
	struct asking *a = (struct asking *)(void *)mail;
	const unsigned char *at = a->cert;
	MH_CLEANUP(X509_freep)
	X509 *cert = a->code == NULL && a->cert != NULL
			 ? d2i_X509(NULL, &at, (long)a->cert_len)
			 : NULL;

	(*a->n_under_way)--;
	if (cert != NULL) {
		metrics_add(a->enrol->setup.metrics, METRIC_CERTIFICATES, 1);
		reply_certificate(a->req, cert);
	} else {
		metrics_add(a->enrol->setup.metrics, METRIC_ENROLMENTS_REFUSED, 1);
		refuse(a->req, a->code != NULL ? a->status : 503,
		    a->code != NULL ? a->code : "busy", a->detail);
	}
	free(a->request);
	free(a->cert);
	free(a);
}

static void
go_home(struct asking *a)
{
	a->work.mail.deliver = on_home;
	mailbox_post(a->home, &a->work.mail);
}

/* Keep the new certificate, which is durable before it is handed out. */
static mh_err
keep(const struct asking *a, struct store *st)
{
	const unsigned char *at = a->cert;
	MH_CLEANUP(X509_freep) X509 *cert = d2i_X509(NULL, &at, (long)a->cert_len);
	struct certificate_facts facts;
	struct store_certificate c = { .agent = a->agent,
		.label = a->label,
		.der = a->cert,
		.len = a->cert_len,
		.issued_ms = clock_real_ms() };
	mh_err err = cert != NULL ? certificate_read(cert, &facts) : MH_ERR_FORMAT;

	if (err != MH_OK)
		return err;
	c.not_after_ms = facts.not_after_ms;
	return store_certificate_add(st, &c, a->has_token ? a->token : NULL);
}

/* In the writer; then home. */
static void
run_keep(struct work *work, struct store *st)
{
	struct asking *a = (struct asking *)(void *)work;
	mh_err err = keep(a, st);

	work->mail.deliver = on_home;
	work->home = a->home;
	if (err == MH_ERR_EXISTS) {
		set_answer(a, 401, "token", "this token is used");
	} else if (err != MH_OK) {
		log_err_r(err, "enrol", "certificate for agent %s (%s)", a->agent,
		    store_why(st));
		set_answer(a, 503, "busy",
		    "the certificate cannot be stored at the moment");
	} else {
		log_notice("enrol", "agent %s: new %s certificate", a->agent,
		    certificate_label_name(a->label));
	}
}

/* In the main thread. */
static void
on_issued(const struct issued *answer, void *arg)
{
	struct asking *a = arg;

	if (answer == NULL) {
		set_answer(a, 503, "busy",
		    "the certificate authority is being started again");
	} else if (answer->certificate == NULL) {
		set_answer(a, 400, "request", answer->why);
	} else {
		a->cert = xmemdup(answer->certificate, answer->certificate_len);
		a->cert_len = answer->certificate_len;
		a->work.run = run_keep;
		writer_call(a->enrol->setup.writer, &a->work);
		return;
	}
	go_home(a);
}

/* In the main thread: the store knows the asker, or a->code says why not. */
static void
on_looked_up(struct mail *mail)
{
	struct asking *a = (struct asking *)(void *)mail;
	struct issue m = { .label = (uint8_t)a->label,
		.request = a->request,
		.request_len = a->request_len };

	if (a->code == NULL) {
		memcpy(m.agent, a->agent, UUID_TEXT_LEN);
		if (authority_ask(a->enrol->setup.link, &m, on_issued, a) == MH_OK)
			return;
		set_answer(a, 503, "busy",
		    "the certificate authority has too much to do");
	}
	go_home(a);
}

/* The request's body into a; false when it was answered.  In the request's loop. */
static bool
read_body(struct evhttp_request *req, struct asking *a)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);

	if (len > 0 && len <= BASE64_MAX)
		a->request =
		    decode((const char *)evbuffer_pullup(body, -1), len, &a->request_len);
	if (a->request != NULL && a->request_len <= ISSUE_REQUEST_MAX)
		return true;
	free(a->request);
	refuse(req, 400, "request", "the body is not a certificate request in base64");
	return false;
}

/* Let the writer look it up, and go on in the main thread. */
static void
look_up(const struct asking *about, void (*run)(struct work *work, struct store *st))
{
	struct asking *a = xmemdup(about, sizeof(*about));

	(*a->n_under_way)++;
	a->work.run = run;
	a->work.home = a->enrol->setup.main;
	a->work.mail.deliver = on_looked_up;
	writer_call(a->enrol->setup.writer, &a->work);
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

/* In the writer. */
static void
run_token(struct work *work, struct store *st)
{
	struct asking *a = (struct asking *)(void *)work;
	enum token_state state = TOKEN_UNKNOWN;
	mh_err err = MH_OK;

	if (a->has_token)
		err = store_token_check(st, a->token, a->label, clock_real_ms(), &state,
		    a->agent);
	if (err != MH_OK) {
		log_err_r(err, "enrol", "token (%s)", store_why(st));
		set_answer(a, 503, "busy",
		    "the collector cannot look the token up at the moment");
	} else if (state != TOKEN_GOOD) {
		(void)count_failures(a->enrol, a->slot, 1);
		set_answer(a, 401, "token", token_detail(state));
	}
}

/* In the writer. */
static void
run_renewals(struct work *work, struct store *st)
{
	struct asking *a = (struct asking *)(void *)work;
	uint64_t n = 0;

	if (store_certificates_since(st, a->agent, clock_real_ms() - HOUR_MS, &n) !=
		MH_OK ||
	    n >= RENEWALS_PER_HOUR)
		set_answer(a, 429, "busy",
		    "too many certificates for this agent in an hour");
}

static void
enrol_with_token(struct asking *a)
{
	struct enrol *e = a->enrol;

	a->slot = slot_of(e, a->req);
	if (count_failures(e, a->slot, 0) >= e->setup.config->failures_per_minute) {
		refuse(a->req, 429, "busy",
		    "too many failed enrolments from this address");
		return;
	}
	a->has_token = read_secret(a->req, a->token);
	if (read_body(a->req, a))
		look_up(a, run_token);
}

static void
renew(struct asking *a, const char *agent)
{
	if (agent[0] == 0) {
		refuse(a->req, 403, "certificate",
		    "a renewal needs the agent's TLS certificate");
		return;
	}
	memcpy(a->agent, agent, UUID_TEXT_LEN);
	if (read_body(a->req, a))
		look_up(a, run_renewals);
}

void
enrol_on_request(struct enrol *e, struct evhttp_request *req, const char *path,
    const char *agent, struct mailbox *home, unsigned *n_under_way)
{
	const char *rest = path + strlen(est_prefix);
	const char *slash = strchr(rest, '/');
	unsigned label =
	    slash != NULL ? certificate_label_find(rest, (size_t)(slash - rest)) : 0;
	bool is_get = evhttp_request_get_command(req) == EVHTTP_REQ_GET;
	struct asking a = { .enrol = e,
		.req = req,
		.home = home,
		.n_under_way = n_under_way,
		.label = (enum certificate_label)label };

	if (strcmp(rest, "cacerts") == 0 && is_get)
		reply_certificate(req, e->setup.ca);
	else if (label != 0 && !is_get && strcmp(slash, "/simpleenroll") == 0)
		enrol_with_token(&a);
	else if (label != 0 && !is_get && strcmp(slash, "/simplereenroll") == 0)
		renew(&a, agent);
	else
		refuse(req, 404, "not-found", "there is nothing at this path");
}

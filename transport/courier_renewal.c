/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renewal (docs/PROTOCOL.md, "Renewal"): the courier's own TLS pair, and the
 * certificate for the agent's signing key, which it only carries.
 *
 * Runs in: courier.
 * Input: from the collector, over a connection that is verified.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "transport/courier_link.h"
#include "transport/est.h"

#define AREA "renewal"

static void on_renew(evutil_socket_t fd, short what, void *arg);

bool
courier_renewal_init(struct courier *co)
{
	co->renew = evtimer_new(co->base, on_renew, co);
	co->renewed = buf_new(message_table[MSG_RENEWED].max_bytes);
	co->chance = (uint32_t)courier_chance(UINT16_MAX);
	return co->renew != NULL;
}

void
courier_renewal_clear(struct courier *co)
{
	event_free(co->renew);
	EVP_PKEY_free(co->new_key);
	free(co->signing_request);
	buf_free(co->renewed);
}

/* The certificate that counts: the successor's once there is one. */
static const struct certificate_facts *
latest(const struct courier *co)
{
	return co->identity->next_cert != NULL ? &co->identity->next_facts
					       : &co->identity->facts;
}

/* Milliseconds until our certificate is due; at most until the next look. */
static int64_t
until_due(const struct courier *co)
{
	int64_t left = identity_renew_ms(latest(co), co->chance) - clock_real_ms();
	int64_t retry = co->renew_retry_ms - clock_monotonic_ms();

	if (left < 0)
		left = 0;
	if (co->renew_retry_ms != 0 && retry > left)
		left = retry;
	return left < RENEW_LOOK_MAX_MS ? left : RENEW_LOOK_MAX_MS;
}

static void
set_timer(struct courier *co)
{
	int64_t ms = until_due(co) + 100; /* so that it is due, and not just before */
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(co->renew, &tv);
}

static void
on_renew(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	if (co->identity != NULL)
		set_timer(co);
	courier_pump(co);
}

static void
say_trouble(struct courier *co, const char *why)
{
	if (strcmp(co->link.trouble, why) == 0)
		return;
	delivery_text_copy(co->link.trouble, sizeof(co->link.trouble), why);
	co->link_changed = true;
	if (why[0] != 0)
		log_warn(AREA, "%s", why);
}

void
courier_renewal_on_identity(struct courier *co)
{
	const struct certificate_facts *facts = courier_renewal_pair(co).facts;

	if (co->link.not_after_ms != facts->not_after_ms)
		co->link_changed = true;
	co->link.not_before_ms = facts->not_before_ms;
	co->link.not_after_ms = facts->not_after_ms;
	if (co->identity->is_key_exposed)
		say_trouble(co,
		    "tls.key may be read by others than its owner: chmod 600, or enrol "
		    "again if somebody did read it");
	else if (co->renew_failures == 0)
		say_trouble(co, "");
	set_timer(co);
}

/* Between attempts: doubled, with full jitter, and shorter for short lives. */
static int64_t
retry_ms(const struct courier *co)
{
	const struct certificate_facts *facts = &co->identity->facts;
	int64_t most = (facts->not_after_ms - facts->not_before_ms) / 40;
	int64_t least = most < RENEW_RETRY_MIN_MS ? most : RENEW_RETRY_MIN_MS;
	unsigned steps = co->renew_failures < 10 ? co->renew_failures : 10;
	int64_t up_to = least << steps;

	if (most > RENEW_RETRY_MAX_MS)
		most = RENEW_RETRY_MAX_MS;
	if (up_to > most)
		up_to = most;
	return least + courier_chance(up_to > least ? up_to - least : 0);
}

static void
fail_own(struct courier *co, const char *why)
{
	char sentence[DELIVERY_SENTENCE_MAX];

	EVP_PKEY_free(co->new_key);
	co->new_key = NULL;
	co->renew_retry_ms = clock_monotonic_ms() + retry_ms(co);
	co->renew_failures++;
	(void)snprintf(sentence, sizeof(sentence),
	    "the TLS certificate could not be renewed (%u times): %s; the one in use "
	    "stays",
	    co->renew_failures, why);
	say_trouble(co, sentence);
	set_timer(co);
}

static bool
is_own_due(const struct courier *co)
{
	return co->identity != NULL && co->identity->next_cert == NULL &&
	       until_due(co) == 0;
}

enum errand
courier_renewal_wants(struct courier *co)
{
	if (is_own_due(co))
		return ERRAND_RENEW_TLS;
	if (co->signing_request != NULL)
		return ERRAND_RENEW_SIGNING;
	/* A successor is shown to the collector at once, whether or not there is a
	 * report: what it is worth should be known while the old pair is good. */
	if (co->identity != NULL && courier_renewal_pair(co).is_next)
		return ERRAND_PROBE;
	return ERRAND_NONE;
}

struct identity_pair
courier_renewal_pair(const struct courier *co)
{
	const struct identity *id = co->identity;
	int64_t now_ms = clock_real_ms();

	if (clock_monotonic_ms() < co->successor_retry_ms &&
	    certificate_is_valid_at(&id->facts, now_ms))
		return (struct identity_pair){ id->key, id->cert, &id->facts, false };
	return identity_pair_at(id, now_ms);
}

/* The body of our own request, with a new key; NULL: it could not be made. */
static char *
make_own_request(struct courier *co)
{
	MH_CLEANUP(freep) uint8_t *der = NULL;
	size_t len = 0;
	mh_err err;

	EVP_PKEY_free(co->new_key);
	co->new_key = NULL;
	err = identity_key_new(&co->new_key);
	if (err == MH_OK)
		err = identity_request_new(co->new_key, &der, &len);
	return err == MH_OK ? est_request(der, len) : NULL;
}

bool
courier_renewal_send(struct courier *co, enum errand errand)
{
	bool is_own = errand == ERRAND_RENEW_TLS;
	MH_CLEANUP(freep)
	char *body = is_own ? make_own_request(co)
			    : est_request(co->signing_request, co->signing_request_len);

	if (body == NULL) {
		fail_own(co, "no key can be made");
		return false;
	}
	const struct http_request request = { .method = "POST",
		.path = is_own ? "/.well-known/est/tls/simplereenroll"
			       : "/.well-known/est/signing/simplereenroll",
		.content_type = "application/pkcs10",
		.body = body,
		.body_len = strlen(body) };

	http_client_send(co->client, &request);
	return true;
}

/* What the collector says in place of a certificate. */
static void
read_refusal(const struct http_response *response, char *ret, size_t size)
{
	char code[DELIVERY_CODE_MAX + 1];
	char detail[512];

	http_error_parse(response, code, sizeof(code), detail, sizeof(detail));
	(void)snprintf(ret, size, "the collector answers %u %s: %s", response->status,
	    code, detail);
}

/* The new certificate of ours came: it is kept when it is what was asked for. */
static const char *
take_own(struct courier *co, const struct http_response *response)
{
	MH_CLEANUP(X509_freep)
	X509 *cert = est_certificate(response->body, response->body_len);
	const struct est_wish wish = { co->identity->ca, co->new_key, CERTIFICATE_TLS,
		co->identity->agent };
	struct certificate_facts facts;
	const char *why = "the collector sent no certificate";
	mh_err err = cert != NULL ? est_check(cert, &wish, &facts, &why) : MH_ERR_FORMAT;

	if (err != MH_OK)
		return why;
	err = identity_store_next(co->folder, IDENTITY_COURIER, co->identity, co->new_key,
	    cert);
	return err == MH_OK ? NULL : "it cannot be written";
}

static void
on_own_response(struct courier *co, const struct http_response *response)
{
	char refusal[DELIVERY_SENTENCE_MAX];
	const char *why = refusal;

	if (response->status == 200)
		why = take_own(co, response);
	else
		read_refusal(response, refusal, sizeof(refusal));
	if (why != NULL) {
		fail_own(co, why);
		return;
	}
	log_notice(AREA, "a new TLS certificate is there; it is tried now");
	EVP_PKEY_free(co->new_key);
	co->new_key = NULL;
	co->successor_failures = 0;
	co->successor_retry_ms = 0;
	co->must_reload = true;
	set_timer(co);
}

static void
on_signing_response(struct courier *co, const struct http_response *response)
{
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	struct delivery_renewed m = { .why = "" };
	unsigned char *der = NULL;
	int len = 0;

	if (response->status == 200)
		cert = est_certificate(response->body, response->body_len);
	if (cert != NULL)
		len = i2d_X509(cert, &der);
	if (len > 0 && len <= DELIVERY_CERTIFICATE_MAX) {
		m.certificate = der;
		m.len = (size_t)len;
	} else if (response->status == 200) {
		(void)snprintf(m.why, sizeof(m.why), "the collector sent no certificate");
	} else {
		read_refusal(response, m.why, sizeof(m.why));
	}
	buf_reset(co->renewed);
	delivery_renewed_put(&m, co->renewed);
	OPENSSL_free(der);
	free(co->signing_request);
	co->signing_request = NULL;
}

void
courier_renewal_on_response(struct courier *co, enum errand errand,
    const struct http_response *response)
{
	if (errand == ERRAND_RENEW_TLS)
		on_own_response(co, response);
	else if (errand == ERRAND_RENEW_SIGNING)
		on_signing_response(co, response);
}

void
courier_renewal_on_accepted(struct courier *co)
{
	mh_err err;

	if (!co->is_next) {
		/* The old pair works and the successor does not, again and again. */
		if (co->successor_failures < SUCCESSOR_TRIES ||
		    co->identity->next_cert == NULL)
			return;
		identity_drop_next(co->folder, IDENTITY_COURIER, co->identity);
		co->successor_failures = 0;
		fail_own(co, "the collector does not accept what it issued");
		return;
	}
	err = identity_promote(co->folder, IDENTITY_COURIER, co->identity);
	if (err != MH_OK) {
		log_err_r(err, AREA, "%s: the new pair cannot take the place of the old",
		    co->folder);
		co->must_reload = true;
		return;
	}
	log_notice(AREA,
	    "the new TLS certificate works and has taken the old one's place");
	co->is_next = false;
	co->renew_failures = 0;
	/* A collector that issues what is due at once makes no loop. */
	co->renew_retry_ms = clock_monotonic_ms() + retry_ms(co);
	co->successor_failures = 0;
	courier_renewal_on_identity(co);
}

void
courier_renewal_on_refused(struct courier *co, const char *why)
{
	char sentence[DELIVERY_SENTENCE_MAX];

	if (!co->is_next)
		return;
	unsigned steps = co->successor_failures < 10 ? co->successor_failures : 10;

	co->successor_failures++;
	co->successor_retry_ms = clock_monotonic_ms() + (retry_ms(co) << steps);
	(void)snprintf(sentence, sizeof(sentence),
	    "the new TLS certificate is not accepted: %s; the old one is used meanwhile",
	    why);
	say_trouble(co, sentence);
}

mh_err
courier_renewal_ask(struct courier *co, const struct delivery_renew *m)
{
	if (co->signing_request != NULL || buf_len(co->renewed) > 0)
		return MH_ERR_PROTOCOL;
	co->signing_request = xmemdup(m->request, m->len);
	co->signing_request_len = m->len;
	return MH_OK;
}

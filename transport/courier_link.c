/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The courier's connection: which collector, when, and what its answers mean.
 *
 * Runs in: courier.
 * Input: network: hostile until TLS is up.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "transport/courier_link.h"
#include "transport/tls.h"

#define AREA "courier"

static const char idle_sentence[] = "good; there is nothing to send";

void
courier_say(struct courier *co, enum delivery_link_state state, const char *sentence)
{
	char text[DELIVERY_SENTENCE_MAX + 1];

	delivery_text_copy(text, sizeof(text), sentence);
	if (co->link.state == state && strcmp(co->link.sentence, text) == 0)
		return;
	co->link.state = state;
	memcpy(co->link.sentence, text, sizeof(text));
	co->link_changed = true;
	if (state == LINK_UP || state == LINK_IDLE)
		log_info(AREA, "%s", sentence);
	else
		log_warn(AREA, "%s", sentence);
}

static void
hold_back(struct courier *co, int64_t ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	co->is_held_back = true;
	(void)event_add(co->timer, &tv);
}

int64_t
courier_chance(int64_t max)
{
	uint32_t r = 0;

	(void)!getrandom(&r, sizeof(r), 0);
	return (int64_t)(r % ((uint64_t)max + 1));
}

/* Full jitter: a fleet that lost its collector must not come back as one. */
static int64_t
back_off_ms(unsigned failures)
{
	unsigned steps = failures < 9 ? failures : 9;
	int64_t most = (int64_t)BACKOFF_MIN_MS << steps;

	return BACKOFF_MIN_MS +
	       courier_chance(
		   (most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) - BACKOFF_MIN_MS);
}

/* How often all collectors were tried in vain: one alone is one more each time. */
static unsigned
rounds(const struct courier *co)
{
	size_t each =
	    co->n_collectors > 1 ? co->n_collectors * FAILURES_PER_COLLECTOR : 1;

	return co->failures / (unsigned)each;
}

static void
go_to(struct courier *co, size_t to)
{
	co->current = to;
	co->failures_here = 0;
	if (to == 0)
		co->left_ms = 0;
	else if (co->left_ms == 0)
		co->left_ms = clock_monotonic_ms();
}

/* After a failure: the next collector, when this one failed often enough. */
static void
choose_another(struct courier *co)
{
	if (co->returning_from != 0) {
		/* The one that works is still there: no reason to wait. */
		go_to(co, co->returning_from);
		co->left_ms = clock_monotonic_ms();
		co->returning_from = 0;
	} else if (co->n_collectors > 1 && co->failures_here >= FAILURES_PER_COLLECTOR) {
		go_to(co, (co->current + 1) % co->n_collectors);
		log_notice(AREA, "%s is tried now", co->collectors[co->current].text);
	}
}

static void
note_clock(struct courier *co, const struct http_response *response)
{
	int64_t ahead = clock_real_ms() - response->date_ms;
	int64_t change = ahead - co->link.clock_ahead_ms;

	if (response->date_ms == 0)
		return;
	if (!co->link.knows_clock || change > 5000 || change < -5000)
		co->link_changed = true;
	co->link.knows_clock = true;
	co->link.clock_ahead_ms = ahead;
}

/* The collector has no time now: keep the report and wait as long as it asks. */
static void
wait_as_asked(struct courier *co, const struct http_response *response)
{
	int64_t asked = http_retry_s(response, clock_real_ms());
	int64_t s = asked < BUSY_MIN_S ? BUSY_MIN_S : asked;
	int64_t ms = s * 1000;
	char sentence[128];

	(void)snprintf(sentence, sizeof(sentence),
	    "the collector is busy (%u) and asks to wait for %lld s", response->status,
	    (long long)s);
	courier_say(co, LINK_BUSY, sentence);
	if (co->outage_ms == 0)
		co->outage_ms = clock_monotonic_ms();
	hold_back(co,
	    ms + courier_chance(ms / 4) + back_off_ms(co->failures++) - BACKOFF_MIN_MS);
}

static void
answer_report(struct courier *co, const struct http_response *response)
{
	const struct delivery_receipt m = { .key = co->queue[0].report.key,
		.der = (const uint8_t *)response->body,
		.len = response->body_len };
	char code[DELIVERY_CODE_MAX + 1];
	char detail[DELIVERY_SENTENCE_MAX + 1];

	assert(co->n_queue > 0);
	if (response->status != 200) {
		http_error_parse(response, code, sizeof(code), detail, sizeof(detail));
		courier_refuse_oldest(co, response->status,
		    code[0] != 0 ? code : "unknown", detail);
	} else if (m.len == 0 || m.len > DELIVERY_RECEIPT_MAX) {
		courier_refuse_oldest(co, 200, "receipt",
		    "the collector's receipt is not of a receipt's size");
	} else {
		buf_reset(co->answer);
		delivery_receipt_put(&m, co->answer);
		co->answer_type = MSG_RECEIPT;
		courier_drop_oldest(co);
	}
}

/*
 * The collector answered, and what: 403 to what anybody may ask is about our
 * certificate, or about us.  False: so it was.
 */
static bool
judge_identity(struct courier *co, enum errand errand,
    const struct http_response *response)
{
	char code[DELIVERY_CODE_MAX + 1];
	char detail[512];
	char sentence[DELIVERY_SENTENCE_MAX + 1];

	http_error_parse(response, code, sizeof(code), detail, sizeof(detail));
	if (response->status != 403) {
		co->wants_probe = false;
		courier_say(co, LINK_UP, "connected to the collector");
		courier_renewal_on_accepted(co);
		return true;
	}
	if (errand == ERRAND_REPORT && strcmp(code, "revoked") != 0 &&
	    strcmp(code, "connection") != 0)
		return true; /* it is about the report */
	(void)snprintf(sentence, sizeof(sentence),
	    "the collector refuses this agent (%s): %s", code,
	    detail[0] != 0 ? detail : "it does not say why");
	courier_say(co, LINK_DOWN, sentence);
	courier_renewal_on_refused(co, detail);
	hold_back(co, back_off_ms(co->failures++));
	return errand == ERRAND_REPORT;
}

/* An outage that is over: a fleet comes back with all that it kept meanwhile. */
static void
end_outage(struct courier *co)
{
	int64_t now_ms = clock_monotonic_ms();

	if (co->outage_ms != 0 && now_ms - co->outage_ms >= OUTAGE_MIN_MS) {
		co->is_replaying = true;
		co->tokens = REPLAY_BURST;
		co->tokens_ms = now_ms;
	}
	co->outage_ms = 0;
	co->failures = 0;
	co->failures_here = 0;
	co->returning_from = 0;
}

static void
on_response(void *arg, const struct http_response *response)
{
	struct courier *co = arg;
	enum errand errand = co->errand;

	assert(errand != ERRAND_NONE);
	co->errand = ERRAND_NONE;
	co->has_answered = true;
	note_clock(co, response);
	if (response->status == 429 || response->status >= 500) {
		/* A renewal waits for its own time then: else nothing but it would be
		 * tried, and an authority that is away would hold up all reports. */
		courier_renewal_on_response(co, errand, response);
		wait_as_asked(co, response);
		courier_pump(co);
		return;
	}
	if (response->status != 403 || errand == ERRAND_REPORT)
		end_outage(co);
	if (judge_identity(co, errand, response) && errand == ERRAND_REPORT)
		answer_report(co, response);
	else
		courier_renewal_on_response(co, errand, response);
	courier_pump(co);
}

static void
on_up(void *arg, bool is_resumed)
{
	struct courier *co = arg;

	co->has_answered = false;
	co->link.n_connections++;
	co->link.n_resumed += is_resumed;
	co->link_changed = true;
	courier_say(co, LINK_UP, "connected to the collector");
	/* A server that does not take our certificate says so now, in an alert that a
	 * request on its way to a closed socket would cost us. */
	if (co->wants_probe || co->failures > 0)
		hold_back(co, SETTLE_MS);
	courier_pump(co);
}

static void
on_session(void *arg, SSL_SESSION *session)
{
	struct courier *co = arg;
	struct collector *c = &co->collectors[co->current];

	SSL_SESSION_free(c->session);
	c->session = session;
	/* It comes behind the handshake: the server took our certificate. */
	if (!co->has_answered && co->is_held_back) {
		(void)event_del(co->timer);
		event_active(co->timer, EV_TIMEOUT, 0);
	}
}

static void
on_down(void *arg, enum http_fault fault, const char *why)
{
	struct courier *co = arg;

	co->errand = ERRAND_NONE;
	(void)event_del(co->idle);
	if (fault == HTTP_FAULT_CLOSED && co->has_answered) {
		courier_say(co, LINK_IDLE,
		    "good; the collector ended an idle connection");
		courier_pump(co);
		return;
	}
	if (fault == HTTP_FAULT_REFUSED)
		courier_renewal_on_refused(co, why);
	if (co->outage_ms == 0)
		co->outage_ms = clock_monotonic_ms();
	co->link.n_failures++;
	co->failures_here++;
	courier_say(co, LINK_DOWN, why);
	choose_another(co);
	hold_back(co, back_off_ms(rounds(co)));
	co->failures++;
	courier_pump(co);
}

static void
drop_sessions(struct courier *co)
{
	for (size_t i = 0; i < co->n_collectors; i++) {
		SSL_SESSION_free(co->collectors[i].session);
		co->collectors[i].session = NULL;
	}
}

static void
add_collector(struct courier *co, const char *text)
{
	struct collector *c = &co->collectors[co->n_collectors];
	const char *why = "";

	for (size_t i = 0; i < co->n_collectors; i++)
		if (strcmp(co->collectors[i].text, text) == 0)
			return;
	if (url_parse(text, &c->url, &why) != MH_OK) {
		log_err(AREA, "collector %s: %s", text, why);
		return;
	}
	delivery_text_copy(c->text, sizeof(c->text), text);
	co->n_collectors++;
}

/* The collectors of enrolment and settings; the one in use stays if it is there. */
static void
list_collectors(struct courier *co)
{
	MH_CLEANUP(freep)
	char *current =
	    co->n_collectors > 0 ? xstrdup(co->collectors[co->current].text) : NULL;

	drop_sessions(co);
	co->n_collectors = 0;
	memset(co->collectors, 0, sizeof(co->collectors));
	add_collector(co, co->identity->collector);
	for (size_t i = 0; i < co->settings.n_collectors; i++)
		add_collector(co, co->settings.collectors[i]);
	co->returning_from = 0;
	for (size_t i = 0; current != NULL && i < co->n_collectors; i++) {
		if (strcmp(co->collectors[i].text, current) != 0)
			continue;
		go_to(co, i);
		return;
	}
	go_to(co, 0);
}

static void
read_proxy(struct courier *co)
{
	co->proxy_why = NULL;
	co->has_proxy = co->settings.proxy[0] != 0;
	if (co->has_proxy &&
	    url_proxy_parse(co->settings.proxy, &co->proxy, &co->proxy_why) != MH_OK)
		return;
	if (co->settings.proxy_password[0] != 0)
		memcpy(co->proxy.password, co->settings.proxy_password,
		    sizeof(co->proxy.password));
}

/*
 * The identity is read for each connection: it may have been replaced.  Sessions
 * were made under the one before, and go with it.
 */
static mh_err
read_identity(struct courier *co, const char **ret_why)
{
	struct identity *id = NULL;
	mh_err err = identity_load(co->folder, IDENTITY_COURIER, &id, ret_why);
	bool is_same = err == MH_OK && co->identity != NULL &&
		       strcmp(id->collector, co->identity->collector) == 0 &&
		       X509_cmp(id->ca, co->identity->ca) == 0 &&
		       X509_cmp(id->cert, co->identity->cert) == 0;

	identity_free(co->identity);
	co->identity = id;
	if (err != MH_OK)
		return err;
	if (!is_same || co->must_reload)
		list_collectors(co);
	co->must_reload = false;
	courier_renewal_on_identity(co);
	return co->n_collectors > 0 ? MH_OK : MH_ERR_FORMAT;
}

static bool
is_beside_proxy(const struct courier *co, const char *host)
{
	for (size_t i = 0; i < co->settings.n_no_proxy; i++)
		if (url_host_matches(host, co->settings.no_proxy[i]))
			return true;
	return false;
}

/* Whether it is time to see if the preferred collector is there again. */
static bool
may_return(const struct courier *co)
{
	return co->current != 0 && co->left_ms != 0 && co->failures == 0 &&
	       clock_monotonic_ms() - co->left_ms >= (int64_t)co->settings.return_ms;
}

static mh_err
connect_now(struct courier *co, const char **ret_why)
{
	MH_CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = NULL;
	mh_err err = read_identity(co, ret_why);

	if (err == MH_OK && co->proxy_why != NULL) {
		*ret_why = co->proxy_why;
		err = MH_ERR_INVALID;
	}
	if (err != MH_OK)
		return err;
	if (may_return(co)) {
		co->returning_from = co->current;
		go_to(co, 0);
	}

	struct collector *c = &co->collectors[co->current];
	struct identity_pair pair = courier_renewal_pair(co);
	MH_CLEANUP(SSL_SESSION_freep) SSL_SESSION *session = MH_TAKE(c->session);

	/* A session says who we were, not who we are now. */
	if (pair.is_next != co->is_next) {
		SSL_SESSION_free(session);
		session = NULL;
	}
	err = tls_context_new(co->identity->ca, pair.cert, pair.key, &ctx);
	if (err != MH_OK)
		return err;
	co->is_next = pair.is_next;
	memcpy(co->link.collector, c->text, sizeof(c->text));
	const struct http_route route = { .url = c->url,
		.ctx = ctx,
		.session = session,
		.proxy = co->has_proxy && !is_beside_proxy(co, c->url.host) ? &co->proxy
									    : NULL };

	http_client_connect(co->client, &route);
	return MH_OK;
}

/* Read the oldest report's bytes.  What is not as the agent said is not sent. */
static const char *
read_oldest(const struct courier *co, struct buf *b)
{
	const struct carried *c = &co->queue[0];
	uint8_t digest[DIGEST_BYTES];

	if (lseek(c->fd, 0, SEEK_SET) < 0 || fd_read_all(c->fd, b) != MH_OK)
		return "the report cannot be read or is over 1 MiB";
	digest_sha256(buf_data(b), buf_len(b), digest);
	if (memcmp(digest, c->report.digest, sizeof(digest)) != 0)
		return "the report's bytes are not those that the agent named";
	return NULL;
}

static void
send_oldest(struct courier *co)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CMS_ENVELOPE_MAX);
	const char *why = read_oldest(co, b);

	if (why != NULL) {
		courier_refuse_oldest(co, 400, "local", why);
		return;
	}
	const struct http_request request = { .method = "POST",
		.path = "/v1/reports",
		.content_type = "application/pkcs7-mime; smime-type=signed-data",
		.body = buf_data(b),
		.body_len = buf_len(b) };

	co->errand = ERRAND_REPORT;
	http_client_send(co->client, &request);
}

/* Whether a report may go now; if not, it is held back until it may. */
static bool
is_within_pace(struct courier *co)
{
	int64_t now_ms = clock_monotonic_ms();
	double rate = (double)co->settings.replay_rate;

	if (!co->is_replaying)
		return true;
	co->tokens += (double)(now_ms - co->tokens_ms) * rate / 1000;
	co->tokens_ms = now_ms;
	if (co->tokens > REPLAY_BURST)
		co->tokens = REPLAY_BURST;
	if (co->tokens < 1) {
		hold_back(co, (int64_t)((1 - co->tokens) * 1000 / rate) + 1);
		return false;
	}
	co->tokens -= 1;
	return true;
}

static enum errand
next_errand(struct courier *co)
{
	enum errand errand = courier_renewal_wants(co);

	if (errand == ERRAND_NONE && co->n_queue > 0 && buf_len(co->answer) == 0)
		errand = ERRAND_REPORT;
	if (errand == ERRAND_NONE && co->wants_probe)
		errand = ERRAND_PROBE;
	return errand;
}

static void
run_errand(struct courier *co, enum errand errand)
{
	static const struct http_request probe = { .method = "GET",
		.path = "/.well-known/est/cacerts" };

	(void)event_del(co->idle);
	if (errand == ERRAND_REPORT) {
		if (is_within_pace(co))
			send_oldest(co);
		return;
	}
	co->errand = errand;
	if (errand == ERRAND_PROBE)
		http_client_send(co->client, &probe);
	else if (!courier_renewal_send(co, errand))
		co->errand = ERRAND_NONE;
}

static void
start_idling(struct courier *co)
{
	int64_t ms = IDLE_MS + courier_chance(IDLE_MS / 2);
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (!event_pending(co->idle, EV_TIMEOUT, NULL))
		(void)event_add(co->idle, &tv);
}

/* Whether the connection is not the one that would be made now. */
static bool
is_outdated(const struct courier *co)
{
	return co->must_reload || co->identity == NULL ||
	       courier_renewal_pair(co).is_next != co->is_next;
}

void
courier_link_step(struct courier *co)
{
	const char *why = "TLS cannot be set up";
	enum errand errand;

	if (!co->has_settings || co->is_held_back || co->is_stopping)
		return;
	errand = next_errand(co);
	if (http_client_is_ready(co->client) &&
	    (is_outdated(co) || (errand != ERRAND_NONE && may_return(co))))
		http_client_close(co->client);
	if (http_client_is_ready(co->client)) {
		if (errand != ERRAND_NONE)
			run_errand(co, errand);
		else
			start_idling(co);
	} else if (http_client_is_down(co->client) &&
		   (errand != ERRAND_NONE || co->must_reload)) {
		(void)event_del(co->idle);
		if (connect_now(co, &why) != MH_OK) {
			courier_say(co, LINK_DOWN, why);
			hold_back(co, NOT_ENROLLED_MS);
		}
	} else if (http_client_is_down(co->client) && co->link.state == LINK_UP) {
		courier_say(co, LINK_IDLE, idle_sentence);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	co->is_held_back = false;
	courier_pump(co);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	if (!http_client_is_ready(co->client) || next_errand(co) != ERRAND_NONE)
		return;
	co->is_replaying = false;
	http_client_close(co->client);
	courier_say(co, LINK_IDLE, idle_sentence);
	courier_pump(co);
}

void
courier_link_reload(struct courier *co)
{
	(void)event_del(co->timer);
	co->is_held_back = false;
	co->must_reload = true;
	co->wants_probe = true;
	co->failures = 0;
	read_proxy(co);
}

bool
courier_link_init(struct courier *co)
{
	static const struct http_client_events events = { on_up, on_down, on_response,
		on_session };

	co->client = http_client_new(co->base, &events, co);
	co->timer = evtimer_new(co->base, on_timer, co);
	co->idle = evtimer_new(co->base, on_idle, co);
	return co->timer != NULL && co->idle != NULL;
}

void
courier_link_clear(struct courier *co)
{
	http_client_free(co->client);
	drop_sessions(co);
	event_free(co->timer);
	event_free(co->idle);
	identity_free(co->identity);
	explicit_bzero(&co->proxy, sizeof(co->proxy));
	explicit_bzero(&co->settings, sizeof(co->settings));
}

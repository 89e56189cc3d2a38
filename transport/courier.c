/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-courier: carries sealed reports to the collector and its receipts
 * back.  It can delay a report, never forge or drop one: the agent checks every
 * receipt.
 *
 * Runs in: courier.
 * Input: channel: from the agent; network: hostile until TLS is up.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/role_folder.h"
#include "records/delivery.h"
#include "records/messages.h"
#include "transport/courier_sandbox.h"
#include "transport/http_client.h"
#include "transport/identity.h"
#include "transport/tls.h"

#define AREA "courier"

enum {
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 5 * 60 * 1000,
	/* Without an identity only a person can help, who then waits for us. */
	NOT_ENROLLED_MS = 10 * 1000,
	BUSY_MIN_S = 1, /* when the collector asks to wait and does not say how long */
};

/* A report on its way. */
struct carried {
	struct delivery_report report;
	int fd; /* the sealed memfd with the DER */
};

struct courier {
	const char *folder; /* STATE/courier */
	struct event_base *base;
	struct channel *channel;
	struct event *on_readable, *on_writable;
	struct event *timer; /* until the next attempt, to connect or to send */
	struct http_client *client;
	struct carried queue[DELIVERY_UNANSWERED_MAX]; /* oldest first */
	size_t n_queue;
	unsigned failures;  /* since the last answer */
	bool is_held_back;  /* the timer runs */
	struct buf *answer; /* to the oldest report; empty when there is none */
	enum message_name answer_type;
	struct delivery_link link;
	bool link_changed;
};

static void pump(struct courier *co);

static void
say_link(struct courier *co, enum delivery_link_state state, const char *sentence)
{
	struct delivery_link link = { .state = state };

	delivery_text_copy(link.sentence, sizeof(link.sentence), sentence);
	if (co->link.state == state && strcmp(co->link.sentence, link.sentence) == 0)
		return;
	co->link = link;
	co->link_changed = true;
	if (state == LINK_UP)
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

/* A number of milliseconds in [0, max]. */
static int64_t
random_up_to(int64_t max)
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
	       random_up_to(
		   (most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) - BACKOFF_MIN_MS);
}

static void
drop_oldest(struct courier *co)
{
	(void)close(co->queue[0].fd);
	co->n_queue--;
	memmove(&co->queue[0], &co->queue[1], co->n_queue * sizeof(co->queue[0]));
}

static void
answer_refused(struct courier *co, unsigned status, const char *code, const char *detail)
{
	struct delivery_refused m = { .key = co->queue[0].report.key,
		.status = (uint16_t)status };

	delivery_text_copy(m.code, sizeof(m.code), code);
	delivery_text_copy(m.detail, sizeof(m.detail), detail);
	buf_reset(co->answer);
	delivery_refused_put(&m, co->answer);
	co->answer_type = MSG_REFUSED;
	drop_oldest(co);
}

static void
answer_receipt(struct courier *co, const struct http_response *response)
{
	const struct delivery_receipt m = { .key = co->queue[0].report.key,
		.der = (const uint8_t *)response->body,
		.len = response->body_len };

	if (m.len == 0 || m.len > DELIVERY_RECEIPT_MAX) {
		answer_refused(co, 200, "receipt",
		    "the collector's receipt is not of a receipt's size");
		return;
	}
	buf_reset(co->answer);
	delivery_receipt_put(&m, co->answer);
	co->answer_type = MSG_RECEIPT;
	drop_oldest(co);
}

/* The collector has no time now: keep the report and wait as long as it asks. */
static void
wait_as_asked(struct courier *co, const struct http_response *response)
{
	int64_t s =
	    response->retry_after_s < BUSY_MIN_S ? BUSY_MIN_S : response->retry_after_s;
	int64_t ms = s * 1000;
	char sentence[128];

	(void)snprintf(sentence, sizeof(sentence),
	    "the collector is busy (%u) and asks to wait for %lld s", response->status,
	    (long long)s);
	say_link(co, LINK_BUSY, sentence);
	hold_back(co,
	    ms + random_up_to(ms / 4) + back_off_ms(co->failures++) - BACKOFF_MIN_MS);
}

static void
on_response(void *arg, const struct http_response *response)
{
	struct courier *co = arg;
	char code[DELIVERY_CODE_MAX + 1];
	char detail[DELIVERY_SENTENCE_MAX + 1];

	assert(co->n_queue > 0);
	if (response->status == 429 || response->status >= 500) {
		wait_as_asked(co, response);
		pump(co);
		return;
	}
	co->failures = 0;
	say_link(co, LINK_UP, "connected to the collector");
	if (response->status == 200) {
		answer_receipt(co, response);
	} else {
		http_error_parse(response, code, sizeof(code), detail, sizeof(detail));
		answer_refused(co, response->status, code[0] != 0 ? code : "unknown",
		    detail);
	}
	pump(co);
}

static void
on_up(void *arg)
{
	struct courier *co = arg;

	say_link(co, LINK_UP, "connected to the collector");
	pump(co);
}

static void
on_down(void *arg, const char *why)
{
	struct courier *co = arg;

	say_link(co, LINK_DOWN, why);
	hold_back(co, back_off_ms(co->failures++));
	pump(co);
}

/* The identity is read for each connection: it may have been renewed. */
static void
connect_to_collector(struct courier *co)
{
	MH_CLEANUP(identity_freep) struct identity *id = NULL;
	MH_CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = NULL;
	struct url url;
	const char *why = "TLS cannot be set up";
	mh_err err = identity_load(co->folder, IDENTITY_COURIER, &id, &why);

	if (err == MH_OK)
		err = url_parse(id->collector, &url, &why);
	if (err == MH_OK)
		err = tls_context_new(id->ca, id->cert, id->key, &ctx);
	if (err != MH_OK) {
		say_link(co, LINK_DOWN, why);
		hold_back(co, NOT_ENROLLED_MS);
		return;
	}
	http_client_connect(co->client, &url, ctx);
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
		answer_refused(co, 400, "local", why);
		return;
	}
	const struct http_request request = { .method = "POST",
		.path = "/v1/reports",
		.content_type = "application/pkcs7-mime; smime-type=signed-data",
		.body = buf_data(b),
		.body_len = buf_len(b) };

	http_client_send(co->client, &request);
}

/* Tell the agent what there is to tell, as far as the channel takes it. */
static mh_err
tell_agent(struct courier *co)
{
	mh_err err = MH_OK;

	if (buf_len(co->answer) > 0 && channel_can_send(co->channel)) {
		err = channel_send(co->channel, co->answer_type, buf_data(co->answer),
		    buf_len(co->answer), NULL, 0);
		buf_reset(co->answer);
	}
	if (err == MH_OK && co->link_changed && channel_can_send(co->channel)) {
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);

		delivery_link_put(&co->link, b);
		err =
		    channel_send(co->channel, MSG_LINK, buf_data(b), buf_len(b), NULL, 0);
		co->link_changed = false;
	}
	if (err == MH_OK && channel_wants_write(co->channel))
		(void)event_add(co->on_writable, NULL);
	return err;
}

/* Do whatever can be done now; called after every change. */
static void
pump(struct courier *co)
{
	mh_err err = tell_agent(co);

	while (err == MH_OK && !co->is_held_back && co->n_queue > 0 &&
	       buf_len(co->answer) == 0 && http_client_is_ready(co->client)) {
		send_oldest(co);
		err = tell_agent(co);
	}
	if (err == MH_OK && !co->is_held_back && http_client_is_down(co->client)) {
		connect_to_collector(co);
		err = tell_agent(co);
	}
	if (err != MH_OK)
		(void)event_base_loopbreak(co->base);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	co->is_held_back = false;
	pump(co);
}

static mh_err
courier_on_report(struct courier *co, struct message *m)
{
	struct carried c = { .fd = -1 };
	mh_err err = delivery_report_parse(m->data, m->len, &c.report);

	if (err == MH_OK && (m->n_fds != 1 || co->n_queue == DELIVERY_UNANSWERED_MAX))
		err = MH_ERR_PROTOCOL;
	if (err != MH_OK)
		return err;
	c.fd = message_take_fd(m, 0);
	co->queue[co->n_queue++] = c;
	return MH_OK;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;
	mh_err err = MH_OK;
	struct message m;

	(void)fd;
	if ((what & EV_WRITE) != 0)
		err = channel_flush(co->channel);
	while (err == MH_OK) {
		err = channel_receive(co->channel, &m);
		if (err != MH_OK)
			break;
		/* The table lets nothing but REPORT through from the agent. */
		err = courier_on_report(co, &m);
		message_close_fds(&m);
	}
	if (err == MH_ERR_AGAIN) {
		pump(co);
		return;
	}
	if (err != MH_ERR_CLOSED)
		log_err_r(err, AREA, "channel to the agent");
	(void)event_base_loopbreak(co->base);
}

/* The loop's own way out; reports that were under way are the agent's again. */
static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(co->base);
}

static const struct http_client_events client_events = { on_up, on_down, on_response };

static mh_err
run(const char *folder)
{
	struct courier co = { .folder = folder };
	struct event *on_term;

	co.base = event_base_new();
	co.channel = message_channel_new(CHILD_CHANNEL_FD, ROLE_COURIER, ROLE_AGENT);
	if (co.base == NULL || co.channel == NULL)
		return MH_ERR_MEMORY;
	co.answer = buf_new(message_table[MSG_RECEIPT].max_bytes);
	co.client = http_client_new(co.base, &client_events, &co);
	co.timer = evtimer_new(co.base, on_timer, &co);
	co.on_readable = event_new(co.base, channel_fd(co.channel), EV_READ | EV_PERSIST,
	    on_channel, &co);
	co.on_writable =
	    event_new(co.base, channel_fd(co.channel), EV_WRITE, on_channel, &co);
	on_term = evsignal_new(co.base, SIGTERM, on_signal, &co);
	(void)event_add(co.on_readable, NULL);
	(void)event_add(on_term, NULL);
	pump(&co);
	(void)event_base_dispatch(co.base);

	while (co.n_queue > 0)
		drop_oldest(&co);
	http_client_free(co.client);
	event_free(on_term);
	event_free(co.on_readable);
	event_free(co.on_writable);
	event_free(co.timer);
	channel_free(co.channel);
	buf_free(co.answer);
	event_base_free(co.base);
	return MH_OK;
}

static void
libevent_log(int severity, const char *msg)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent", "%s", msg);
	else
		log_debug("libevent", "%s", msg);
}

struct courier_options {
	const char *state;
};

static bool
parse_options(int argc, char **argv, struct courier_options *ret)
{
	static const struct option longs[] = {
		{ "state", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			ret->state = optarg;
		else if (c == 'd')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return false;
	}
	return ret->state != NULL && optind == argc;
}

int
main(int argc, char **argv)
{
	struct courier_options options = { .state = NULL };
	struct stat st;
	mh_err err;

	log_init("molehunt-courier", LOG_LEVEL_INFO);
	if (!parse_options(argc, argv, &options)) {
		(void)fprintf(stderr, "usage: molehunt-courier --state DIR\n"
				      "Becomes the owner of DIR.  Started by molehuntd "
				      "or the agent, with its channel as"
				      " descriptor 3.\n");
		return 2;
	}
	if (fstat(CHILD_CHANNEL_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		log_err(AREA,
		    "descriptor 3 is no channel: this program is started by molehuntd");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close_range(CHILD_CHANNEL_FD + 1, ~0u, 0);
	event_set_log_callback(libevent_log);
	err = role_folder_become_owner(options.state);
	if (err != MH_OK) {
		log_err_r(err, AREA, "becoming the owner of %s", options.state);
		return 2;
	}
	err = courier_sandbox();
	if (err != MH_OK) {
		log_err_r(err, AREA, "sandbox");
		return 2;
	}
	err = run(options.state);
	if (err != MH_OK)
		log_err_r(err, AREA, "start");
	return err == MH_OK ? 0 : 2;
}

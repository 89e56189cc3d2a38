/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_COURIER_LINK_H
#define MH_TRANSPORT_COURIER_LINK_H

#include <event2/event.h>
#include <stdint.h>

#include "base/channel.h"
#include "records/delivery.h"
#include "records/messages.h"
#include "transport/http_client.h"
#include "transport/identity.h"

/*
 * Inside of the courier, shared by
 *
 *	courier.c          process, channel to the agent, what is done next
 *	courier_link.c     which collector, when, and what its answers mean
 *	courier_metrics.c  the listener where the agent's numbers can be asked for
 *	courier_renewal.c  certificates: our own, and the agent's on its behalf
 */
enum {
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 5 * 60 * 1000,
	/* Without an identity only a person can help, who then waits for us. */
	NOT_ENROLLED_MS = 10 * 1000,
	BUSY_MIN_S = 1, /* when the collector asks to wait and does not say how long */
	/*
	 * A connection on which nothing was sent for so long (and up to half as much,
	 * by chance) is closed: reports come by the hour, and a collector that held
	 * 10,000 idle connections, or saw them all end at its own idle deadline
	 * (120 s) and come back, would pay more than one resumed handshake for each.
	 */
	IDLE_MS = 60 * 1000,
	/* For the server's word about our certificate, before the first request. */
	SETTLE_MS = 500,
	/* Failures in a row after which the next collector is tried. */
	FAILURES_PER_COLLECTOR = 2,
	/* An outage that is over after less made no crowd that has to be spread. */
	OUTAGE_MIN_MS = 30 * 1000,
	/* Reports that go at once before delivery.replay_rate counts. */
	REPLAY_BURST = 8,
	/* Renewal: between attempts, doubled each time, at least so long. */
	RENEW_RETRY_MIN_MS = 60 * 1000,
	RENEW_RETRY_MAX_MS = 60 * 60 * 1000,
	RENEW_LOOK_MAX_MS = 10 * 60 * 1000, /* the real clock may be set */
	METRICS_ASKERS_MAX = 8,             /* at once; more are turned away */
	METRICS_MS = 10 * 1000,             /* for the whole of a question */
	/* So long the agent's answer is handed out again: anybody may ask as often as
	 * he likes, and must not cost the agent more than one answer a second. */
	METRICS_FRESH_MS = 1000,
	/* A successor that is refused so often while the old pair works is given up. */
	SUCCESSOR_TRIES = 3,
};

/* A report on its way. */
struct carried {
	struct delivery_report report;
	int fd; /* the sealed memfd with the DER */
};

/* What the request under way is for. */
enum errand {
	ERRAND_NONE,
	ERRAND_REPORT,
	ERRAND_RENEW_TLS,     /* our own certificate */
	ERRAND_RENEW_SIGNING, /* the agent's */
	ERRAND_PROBE,         /* shows that an answer comes: of a successor, of a clock */
};

/* One collector, in the order of preference. */
struct collector {
	struct url url;
	char text[DELIVERY_URL_MAX + 1];
	SSL_SESSION *session; /* the last one it gave, never used twice; NULL */
};

struct courier {
	const char *folder; /* STATE/courier */
	struct event_base *base;
	struct channel *channel;
	struct event *on_readable, *on_writable;
	struct carried queue[DELIVERY_UNANSWERED_MAX]; /* oldest first */
	size_t n_queue;
	struct buf *answer; /* to the oldest report; empty when there is none */
	enum message_name answer_type;
	struct delivery_link link;
	bool link_changed;
	bool has_settings;
	struct delivery_settings settings;
	bool is_stopping;

	/* courier_link.c */
	struct http_client *client;
	struct event *timer; /* until the next attempt, to connect or to send */
	struct event *idle;  /* until the connection is closed */
	enum errand errand;
	bool is_held_back; /* the timer runs */
	unsigned failures; /* since the last answer */
	bool wants_probe;  /* nobody knows whether the collector answers us */
	bool has_answered; /* the collector, on this connection */
	bool must_reload;  /* identity and collectors, when nothing is under way */
	int64_t outage_ms; /* monotonic: of the first failure since the last answer; 0 */
	bool is_replaying; /* after an outage: reports go at delivery.replay_rate */
	struct identity *identity; /* NULL: none; read for each connection */
	bool is_next;              /* the connection shows the successor */
	struct collector collectors[DELIVERY_COLLECTORS_MAX + 1];
	size_t n_collectors, current;
	unsigned failures_here; /* in a row, at the current one */
	int64_t left_ms;        /* monotonic: when the preferred one was left; 0 */
	size_t returning_from;  /* the one that works, while the preferred is tried; 0 */
	bool has_proxy;
	struct url_proxy proxy;
	const char *proxy_why; /* what is wrong with the setting; NULL */
	double tokens;         /* reports that may go at once */
	int64_t tokens_ms;     /* monotonic: as of then */

	struct metrics *metrics; /* courier_metrics.c; NULL before the settings */

	/* courier_renewal.c */
	struct event *renew;         /* until our certificate is due */
	uint32_t chance;             /* of this process: spreads renewals */
	EVP_PKEY *new_key;           /* ours, while its certificate is asked for */
	int64_t renew_retry_ms;      /* monotonic; 0: no attempt failed */
	unsigned renew_failures;     /* in a row */
	unsigned successor_failures; /* in a row, of the successor */
	int64_t successor_retry_ms;  /* monotonic: not to be shown before */
	uint8_t *signing_request;    /* PKCS#10 of the agent; NULL: none */
	size_t signing_request_len;
	struct buf *renewed; /* the answer to that; empty when there is none */
};

/* Do whatever can be done now; called after every change. */
void courier_pump(struct courier *co);
/* A number in [0, max], by chance. */
int64_t courier_chance(int64_t max);
/* The oldest report was answered with what stands in co->answer. */
void courier_drop_oldest(struct courier *co);
void courier_refuse_oldest(struct courier *co, unsigned status, const char *code,
    const char *detail);

/* The client, and timers.  False: out of memory. */
bool courier_link_init(struct courier *co);
void courier_link_clear(struct courier *co);
/* New settings, or a new identity: everything is read again. */
void courier_link_reload(struct courier *co);
/* Send the next request, connect or close, as far as it can be now. */
void courier_link_step(struct courier *co);
void courier_say(struct courier *co, enum delivery_link_state state,
    const char *sentence);

/* Listen where the settings say, or nowhere. */
void courier_metrics_reload(struct courier *co);
/* Whether the agent is to be asked now; then it counts as asked. */
bool courier_metrics_wants(struct courier *co);
void courier_metrics_on_text(struct courier *co, const void *text, size_t len);
void courier_metrics_clear(struct courier *co);

bool courier_renewal_init(struct courier *co);
void courier_renewal_clear(struct courier *co);
/* The identity was read: what is to be known of it is told, and the timer set. */
void courier_renewal_on_identity(struct courier *co);
/* The errand that renewal wants now; ERRAND_NONE. */
enum errand courier_renewal_wants(struct courier *co);
/* Which pair the next connection shows. */
struct identity_pair courier_renewal_pair(const struct courier *co);
/* Send the request of that errand; false: it could not be made. */
bool courier_renewal_send(struct courier *co, enum errand errand);
void courier_renewal_on_response(struct courier *co, enum errand errand,
    const struct http_response *response);
/* The pair of the connection was accepted, or refused: by an answer, or an alert. */
void courier_renewal_on_accepted(struct courier *co);
void courier_renewal_on_refused(struct courier *co, const char *why);
/* The agent wants its signing key certified.  MH_ERR_PROTOCOL: one is under way. */
mh_err courier_renewal_ask(struct courier *co, const struct delivery_renew *m) MH_CHECKED;

#endif

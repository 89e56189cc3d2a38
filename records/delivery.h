/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_DELIVERY_H
#define MH_RECORDS_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"

/*
 * What agent and courier tell each other (records/messages.h, "Delivery";
 * docs/PROTOCOL.md, "Messages").  The _put functions append a payload to a
 * buffer of at most the message's size.  The _parse functions read one from a
 * process that may be taken over: MH_ERR_FORMAT for anything that _put would
 * not have written, with *ret untouched.
 */
enum {
	DELIVERY_UNANSWERED_MAX = 32,    /* REPORTs that the courier holds at once */
	DELIVERY_DIGEST_BYTES = 32,      /* SHA-256 */
	DELIVERY_RECEIPT_MAX = 8 * 1024, /* bytes of a receipt's DER */
	DELIVERY_CODE_MAX = 32,          /* bytes of a refusal's code */
	DELIVERY_SENTENCE_MAX = 1024,    /* bytes of a sentence for people */
	DELIVERY_URL_MAX = 1024,         /* bytes of a collector's or proxy's URL */
	DELIVERY_COLLECTORS_MAX = 8,     /* beside the one of the enrolment */
	DELIVERY_NO_PROXY_MAX = 64,      /* names that are reached without the proxy */
	DELIVERY_HOST_MAX = 253,         /* bytes of one of them (RFC 1035) */
	DELIVERY_SECRET_MAX = 256,       /* bytes of a proxy's password */
	DELIVERY_LISTEN_MAX = 64,        /* bytes of ADDRESS:PORT */
	DELIVERY_RATE_MAX = 1000,        /* reports a second */
	DELIVERY_REQUEST_MAX = 4096,     /* bytes of PKCS#10; a P-256 one has 300 */
	DELIVERY_CERTIFICATE_MAX = 8192, /* bytes of DER; ours have 600 */
};

/* Which report: within one agent, epoch and sequence name it. */
struct delivery_key {
	char epoch[UUID_TEXT_LEN];
	uint64_t sequence; /* >= 1 */
};

/*
 * REPORT: carry this one.  It is answered by a RECEIPT or a REFUSED, in the
 * order of the REPORTs; at most DELIVERY_UNANSWERED_MAX may wait for that.  Its
 * DER is in the sealed memfd that comes along.
 */
struct delivery_report {
	struct delivery_key key;
	uint8_t digest[DELIVERY_DIGEST_BYTES]; /* of the DER */
};

/* RECEIPT: the collector's answer, not verified by the courier. */
struct delivery_receipt {
	struct delivery_key key;
	const uint8_t *der; /* borrowed from the payload */
	size_t len;         /* 1..DELIVERY_RECEIPT_MAX */
};

/* REFUSED: the collector does not take it; code and detail are its words. */
struct delivery_refused {
	struct delivery_key key;
	uint16_t status; /* of HTTP, 100..599 */
	char code[DELIVERY_CODE_MAX + 1];
	char detail[DELIVERY_SENTENCE_MAX + 1]; /* UTF-8 */
};

/* LINK: how the connection is. */
enum delivery_link_state {
	LINK_DOWN = 1,
	LINK_UP,
	LINK_BUSY, /* up, but the collector asked to wait */
	LINK_IDLE, /* closed, for there is nothing to send; it was good */
};
struct delivery_link {
	enum delivery_link_state state;
	char sentence[DELIVERY_SENTENCE_MAX + 1]; /* why, for people; UTF-8 */
	char collector[DELIVERY_URL_MAX + 1];     /* the one in use; "": none yet */
	/* Of the TLS certificate in use, ms since 1970; 0: there is none. */
	int64_t not_before_ms, not_after_ms;
	char trouble[DELIVERY_SENTENCE_MAX + 1]; /* with that identity; "": none */
	bool knows_clock;
	int64_t clock_ahead_ms; /* how far our clock is ahead of the collector's */
	uint64_t n_connections, n_resumed, n_failures; /* since the courier's start */
};

/*
 * SETTINGS: how to deliver.  The first is waited for; each later one, also an
 * equal one, makes the courier read its identity again.  Texts are UTF-8.
 */
struct delivery_settings {
	/* In the order of preference, after the one of the enrolment. */
	char collectors[DELIVERY_COLLECTORS_MAX][DELIVERY_URL_MAX + 1];
	size_t n_collectors;
	char proxy[DELIVERY_URL_MAX + 1];             /* http://...; "": none */
	char proxy_password[DELIVERY_SECRET_MAX + 1]; /* in place of the URL's; "" */
	char no_proxy[DELIVERY_NO_PROXY_MAX][DELIVERY_HOST_MAX + 1];
	size_t n_no_proxy;
	uint32_t replay_rate; /* reports a second, 1..DELIVERY_RATE_MAX */
	uint32_t return_ms;   /* on another collector, until the first is tried again */
	char metrics_listen[DELIVERY_LISTEN_MAX + 1]; /* of loopback; "": nowhere */
};

/*
 * RENEW: have this certified for the agent's signing key.  Answered by one
 * RENEWED; until then no other is sent.
 */
struct delivery_renew {
	const uint8_t *request; /* PKCS#10 in DER; borrowed from the payload */
	size_t len;             /* 1..DELIVERY_REQUEST_MAX */
};

/* RENEWED: the certificate, not judged by the courier, or why there is none. */
struct delivery_renewed {
	const uint8_t *certificate; /* DER, borrowed; NULL: refused */
	size_t len;
	char why[DELIVERY_SENTENCE_MAX + 1]; /* "" with a certificate */
};

void delivery_report_put(const struct delivery_report *m, struct buf *out);
mh_err delivery_report_parse(const void *p, size_t len, struct delivery_report *ret)
    MH_CHECKED;

void delivery_receipt_put(const struct delivery_receipt *m, struct buf *out);
mh_err delivery_receipt_parse(const void *p, size_t len, struct delivery_receipt *ret)
    MH_CHECKED;

void delivery_refused_put(const struct delivery_refused *m, struct buf *out);
mh_err delivery_refused_parse(const void *p, size_t len, struct delivery_refused *ret)
    MH_CHECKED;

void delivery_link_put(const struct delivery_link *m, struct buf *out);
mh_err delivery_link_parse(const void *p, size_t len, struct delivery_link *ret)
    MH_CHECKED;

void delivery_settings_put(const struct delivery_settings *m, struct buf *out);
mh_err delivery_settings_parse(const void *p, size_t len, struct delivery_settings *ret)
    MH_CHECKED;

void delivery_renew_put(const struct delivery_renew *m, struct buf *out);
mh_err delivery_renew_parse(const void *p, size_t len, struct delivery_renew *ret)
    MH_CHECKED;

void delivery_renewed_put(const struct delivery_renewed *m, struct buf *out);
mh_err delivery_renewed_parse(const void *p, size_t len, struct delivery_renewed *ret)
    MH_CHECKED;

/* Copy what fits of s into a sentence or code of size bytes, cut at a character. */
void delivery_text_copy(char *to, size_t size, const char *s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_DELIVERY_H
#define MH_RECORDS_DELIVERY_H

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
};
struct delivery_link {
	enum delivery_link_state state;
	char sentence[DELIVERY_SENTENCE_MAX + 1]; /* why, for people; UTF-8 */
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

/* Copy what fits of s into a sentence or code of size bytes, cut at a character. */
void delivery_text_copy(char *to, size_t size, const char *s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_REPORT_H
#define MH_TRANSPORT_REPORT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "transport/cms.h"
#include "transport/limits.h"
#include "transport/signers.h"

/*
 * Reports: a signed, compressed batch of findings and coverage from one agent
 * (docs/PROTOCOL.md, "Report").  The agent seals them; the collector and
 * `molehunt verify` open them.
 */

/* Where the agent runs.  Texts are UTF-8 of at most REPORT_TEXT_MAX bytes. */
struct report_host {
	char hostname[REPORT_TEXT_MAX + 1];
	char machine_id[33]; /* 32 hexadecimal digits, or "" where there is none */
	char boot_id[UUID_TEXT_LEN]; /* or "" */
	char os[REPORT_TEXT_MAX + 1];
	char kernel[REPORT_TEXT_MAX + 1];
};

/* The first line of a report. */
struct report_header {
	char agent[UUID_TEXT_LEN];
	char epoch[UUID_TEXT_LEN];
	uint64_t sequence;              /* from 1 within the epoch */
	uint8_t previous[DIGEST_BYTES]; /* of the DER before, zeros for sequence 1 */
	int64_t sealed_ms;              /* real time */
	uint32_t n_findings;            /* lines that follow, findings first */
	uint32_t n_coverage;
	char rule_set[65]; /* 64 hexadecimal digits */
	struct report_host host;
	char product[REPORT_TEXT_MAX + 1];
	char product_version[REPORT_TEXT_MAX + 1];
};

/* One line after the header. */
enum report_lane {
	LANE_FINDING,
	LANE_COVERAGE, /* also summaries */
	LANE_MAX_
};
struct report_line {
	enum report_lane lane;
	const char
	    *text;  /* one JSON object without newline; borrowed, not NUL-terminated */
	size_t len; /* bytes, <= REPORT_LINE_MAX */
};

/*
 * Why a report is refused.  code is one of docs/PROTOCOL.md, "Delivery"
 * ("bad-envelope", "bad-signature", "bad-content", "certificate", "too-big");
 * static.  detail is a sentence for people without a period.
 */
struct refusal {
	const char *code;
	char detail[192];
};

/* A report that was opened, that is verified and found whole. */
struct report {
	struct report_header header;
	uint8_t digest[DIGEST_BYTES]; /* SHA-256 of its DER: what the receipt names */
	X509 *signer;     /* owned; NULL when the signer was known (signers.h) */
	struct buf *text; /* owned: the NDJSON, header included */
	size_t lines_at;  /* offset in text of the first line after the header */
};

/*
 * Open a report from a stranger: verify the envelope and the signer (chain to
 * ca, urn:molehunt:signing, the header's agent, valid at the header's
 * `sealed`), unpack at most REPORT_UNPACKED_MAX, check the header and that each
 * line is one JSON object of its lane, as many as the header counts.
 *
 * der and ca are borrowed.  now_ms is the real time of the judgement: `sealed`
 * may be at most REPORT_AHEAD_MAX_MS past it.  A certificate that expired
 * between `sealed` and now_ms is good.  Uses no clock and keeps nothing.
 * Caller frees *ret with report_free().
 *
 * Errors, each with *ret_refusal set: MH_ERR_FORMAT, MH_ERR_TOOBIG,
 * MH_ERR_SIGNATURE, MH_ERR_CERTIFICATE, MH_ERR_EXPIRED (not valid at `sealed`).
 */
mh_err report_open(const uint8_t *der, size_t len, X509_STORE *ca, int64_t now_ms,
    struct report **ret, struct refusal *ret_refusal) MH_CHECKED;
/* The same, with certificates remembered that were verified before: signers.h. */
struct report_trust {
	X509_STORE *ca;
	struct signers *signers; /* NULL: none */
};
mh_err report_open_trusting(const uint8_t *der, size_t len,
    const struct report_trust *trust, int64_t now_ms, struct report **ret,
    struct refusal *ret_refusal) MH_CHECKED;

void report_free(struct report *report);
MH_DEFINE_CLEANUP(struct report, report_free);

/*
 * Open a report out of our own spool, to seal its lines anew: form and content are
 * checked as above, but neither the signature nor who the signer is, whose CA may
 * have gone with an enrolment.  Never for a stranger's.  Errors: those of form.
 */
mh_err report_read(const uint8_t *der, size_t len, struct report **ret,
    struct refusal *ret_refusal) MH_CHECKED;

/* Where a reader of lines stands; all zeros before the first. */
struct report_cursor {
	size_t at;      /* offset in text */
	uint32_t index; /* lines handed out */
};

/*
 * The next line of an opened report; false when there are no more.  The line
 * is borrowed from the report.
 */
bool report_next_line(const struct report *report, struct report_cursor *cursor,
    struct report_line *ret);

/*
 * Read a header line strictly: exactly the keys of version 1.  *ret_why is a
 * static sentence on MH_ERR_FORMAT.  Input: hostile.
 */
mh_err report_header_parse(const char *line, size_t len, struct report_header *ret,
    const char **ret_why) MH_CHECKED;

/* Append the header line with its newline to out. */
void report_header_put(const struct report_header *header, struct buf *out);

/*
 * Seal lines[0..n) or as many of them, from the front, as one report takes.
 *
 * n >= 1.  header is complete but for n_findings and n_coverage, which are set
 * here; key and cert are the agent's signing pair; all borrowed.  *ret_taken is
 * how many lines went in (>= 1), *ret_der is malloc(3)ed, the caller's, at most
 * CMS_ENVELOPE_MAX.  Signing puts the time into the envelope too, so sealing
 * twice gives two different reports: seal once.
 *
 * Errors: MH_ERR_TOOBIG (the first line alone is larger than REPORT_LINE_MAX
 * or does not fit), MH_ERR_CRYPTO.
 */
mh_err report_seal(EVP_PKEY *key, X509 *cert, struct report_header *header,
    const struct report_line *lines, size_t n, size_t *ret_taken, uint8_t **ret_der,
    size_t *ret_len) MH_CHECKED;

#endif

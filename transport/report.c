/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of report_open(): hostile. */
#include "transport/report.h"

#include <assert.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "transport/certificate.h"
#include "transport/gzip.h"
#include "transport/json_line.h"

enum { CLASS_DETECTION_FINDING = 2004 }; /* OCSF 1.8.0 */

MH_DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free);

static mh_err
refuse(struct refusal *r, mh_err err, const char *code, const char *detail)
{
	r->code = code;
	(void)snprintf(r->detail, sizeof(r->detail), "%s", detail);
	return err;
}

/* Translate what cms_verify() says into the protocol's words. */
static mh_err
refuse_envelope(struct refusal *r, mh_err err, const char *why)
{
	const char *code = err == MH_ERR_TOOBIG      ? "too-big"
			   : err == MH_ERR_SIGNATURE ? "bad-signature"
			   : err == MH_ERR_FORMAT    ? "bad-envelope"
						     : "certificate";

	return refuse(r, err, code, why);
}

/* The start of the embedded certificate's life; only a hint, nothing is verified. */
static bool
peek_not_before(const uint8_t *der, size_t len, int64_t *ret_ms)
{
	const unsigned char *p = der;
	MH_CLEANUP(CMS_ContentInfo_freep)
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	STACK_OF(X509) *certs = cms != NULL ? CMS_get1_certs(cms) : NULL;
	struct certificate_facts facts;
	bool found = sk_X509_num(certs) == 1 &&
		     certificate_read(sk_X509_value(certs, 0), &facts) == MH_OK;

	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	if (found)
		*ret_ms = facts.not_before_ms;
	return found;
}

/* Whether cert may sign reports of the header's agent, at the header's time. */
static mh_err
check_signer(const struct certificate_facts *facts, const struct report_header *header,
    struct refusal *r)
{
	if ((facts->uses & CERTIFICATE_SIGNING) == 0)
		return refuse(r, MH_ERR_CERTIFICATE, "certificate",
		    "the signer's certificate is not one for reports "
		    "(urn:molehunt:signing)");
	if (strcmp(facts->agent, header->agent) != 0)
		return refuse(r, MH_ERR_CERTIFICATE, "certificate",
		    "the signer's certificate is another agent's than the header's");
	if (!certificate_is_valid_at(facts, header->sealed_ms))
		return refuse(r, MH_ERR_EXPIRED, "certificate",
		    "the signer's certificate was not valid when the report was sealed");
	return MH_OK;
}

/* docs/PROTOCOL.md, "Coverage" and "Gaps of the status lane". */
static const char *const coverage_types[] = { "coverage", "summary", "dropped",
	"damaged" };

static bool
is_coverage(const char *type, size_t len)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(coverage_types); i++) {
		if (strlen(coverage_types[i]) == len &&
		    memcmp(type, coverage_types[i], len) == 0)
			return true;
	}
	return false;
}

/* One JSON object of its lane: a finding's class or a coverage line's type. */
static bool
read_odd_lane(const char *text, size_t len, enum report_lane *ret)
{
	MH_CLEANUP(json_decrefp)
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(json, "type"));

	if (!json_is_object(json))
		return false;
	if (json_integer_value(json_object_get(json, "class_uid")) ==
	    CLASS_DETECTION_FINDING) {
		*ret = LANE_FINDING;
		return true;
	}
	*ret = LANE_COVERAGE;
	return type != NULL && is_coverage(type, strlen(type));
}

/* The same without a tree, for lines as agents write them. */
static bool
read_lane(const char *text, size_t len, enum report_lane *ret)
{
	struct json_line line;

	if (!json_line_read(text, len, &line))
		return read_odd_lane(text, len, ret);
	*ret = line.class_uid == CLASS_DETECTION_FINDING ? LANE_FINDING : LANE_COVERAGE;
	return *ret == LANE_FINDING || is_coverage(line.type, line.type_len);
}

/* The next line of text from *at on; false at the end or when its end is missing. */
static bool
split_line(const struct buf *text, size_t *at, const char **ret, size_t *ret_len)
{
	const char *start = buf_string(text) + *at;
	const char *end = memchr(start, '\n', buf_len(text) - *at);

	if (end == NULL)
		return false;
	*ret = start;
	*ret_len = (size_t)(end - start);
	*at += *ret_len + 1;
	return true;
}

static mh_err
check_lines(const struct report *report, struct refusal *r)
{
	size_t at = report->lines_at;
	uint32_t n[LANE_MAX_] = { 0 };
	struct report_line line;

	while (split_line(report->text, &at, &line.text, &line.len)) {
		if (line.len > REPORT_LINE_MAX)
			return refuse(r, MH_ERR_TOOBIG, "bad-content",
			    "a line is over 256 KiB");
		if (!read_lane(line.text, line.len, &line.lane))
			return refuse(r, MH_ERR_FORMAT, "bad-content",
			    "a line is neither a finding nor coverage in JSON");
		if (line.lane == LANE_FINDING && n[LANE_COVERAGE] > 0)
			return refuse(r, MH_ERR_FORMAT, "bad-content",
			    "a finding stands behind coverage");
		n[line.lane]++;
		if (n[LANE_FINDING] > report->header.n_findings ||
		    n[LANE_COVERAGE] > report->header.n_coverage)
			break;
	}
	if (n[LANE_FINDING] != report->header.n_findings ||
	    n[LANE_COVERAGE] != report->header.n_coverage)
		return refuse(r, MH_ERR_FORMAT, "bad-content",
		    "the header counts other lines than there are");
	if (at != buf_len(report->text))
		return refuse(r, MH_ERR_FORMAT, "bad-content",
		    "the last line has no end");
	return MH_OK;
}

/* Unpack what was signed and read the header; the signer is not yet looked at. */
static mh_err
read_content(const struct buf *packed, struct report *report, struct refusal *r)
{
	const char *line;
	size_t len;
	const char *why = NULL;
	mh_err err = gzip_unpack(buf_data(packed), buf_len(packed), report->text);

	if (err == MH_ERR_TOOBIG)
		return refuse(r, err, "bad-content",
		    "the content unpacks to more than 16 MiB");
	if (err != MH_OK)
		return refuse(r, MH_ERR_FORMAT, "bad-content",
		    "the content is not one gzip member");
	if (!split_line(report->text, &report->lines_at, &line, &len) ||
	    len > REPORT_LINE_MAX)
		return refuse(r, MH_ERR_FORMAT, "bad-content",
		    "the first line has no end");
	err = report_header_parse(line, len, &report->header, &why);
	if (err != MH_OK)
		return refuse(r, err, "bad-content", why);
	return MH_OK;
}

/*
 * The time at which the chain has to be good stands inside of what the chain
 * protects.  While the certificate lives, its chain is checked for now, and
 * check_signer() compares `sealed` with its life.  Else the content is read as
 * of the certificate's first second, and the chain is then checked anew for
 * `sealed`.
 */
static mh_err
open_envelope(const uint8_t *der, size_t len, X509_STORE *ca, int64_t now_ms,
    struct report *report, struct refusal *r)
{
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_ENVELOPE_MAX);
	MH_CLEANUP(buf_freep) struct buf *again = buf_new(CMS_ENVELOPE_MAX);
	MH_CLEANUP(X509_freep) X509 *second = NULL;
	int64_t at_ms = now_ms;
	const char *why = "";
	mh_err err = cms_verify(der, len, ca, now_ms, packed, &report->signer, &why);

	if (err == MH_ERR_EXPIRED && peek_not_before(der, len, &at_ms))
		err = cms_verify(der, len, ca, at_ms, packed, &report->signer, &why);
	if (err != MH_OK)
		return refuse_envelope(r, err, why);
	err = read_content(packed, report, r);
	if (err != MH_OK || at_ms == now_ms)
		return err;
	err = cms_verify(der, len, ca, report->header.sealed_ms, again, &second, &why);
	if (err == MH_ERR_EXPIRED)
		why = "the signer's certificate was not valid when the report was sealed";
	return err == MH_OK ? MH_OK : refuse_envelope(r, err, why);
}

/* Verify in full, and remember the signer for the next report. */
static mh_err
open_unknown(const uint8_t *der, size_t len, const struct report_trust *trust,
    int64_t now_ms, struct report *report, struct certificate_facts *ret,
    struct refusal *r)
{
	mh_err err = open_envelope(der, len, trust->ca, now_ms, report, r);

	if (err != MH_OK)
		return err;
	if (certificate_read(report->signer, ret) != MH_OK)
		return refuse(r, MH_ERR_CERTIFICATE, "certificate",
		    "the signer's certificate is not of an agent's form");
	if (trust->signers != NULL)
		signers_add(trust->signers, der, len, report->signer, ret);
	return MH_OK;
}

static mh_err
open_any(const uint8_t *der, size_t len, const struct report_trust *trust, int64_t now_ms,
    struct report *report, struct certificate_facts *ret, struct refusal *r)
{
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_ENVELOPE_MAX);

	if (trust->signers == NULL ||
	    !signers_verify(trust->signers, der, len, now_ms, packed, ret))
		return open_unknown(der, len, trust, now_ms, report, ret, r);
	return read_content(packed, report, r);
}

mh_err
report_open(const uint8_t *der, size_t len, X509_STORE *ca, int64_t now_ms,
    struct report **ret, struct refusal *ret_refusal)
{
	const struct report_trust trust = { .ca = ca };

	return report_open_trusting(der, len, &trust, now_ms, ret, ret_refusal);
}

mh_err
report_open_trusting(const uint8_t *der, size_t len, const struct report_trust *trust,
    int64_t now_ms, struct report **ret, struct refusal *ret_refusal)
{
	struct certificate_facts signer;
	MH_CLEANUP(report_freep) struct report *report = xcalloc(1, sizeof(*report));
	mh_err err;

	if (len > CMS_ENVELOPE_MAX)
		return refuse(ret_refusal, MH_ERR_TOOBIG, "too-big",
		    "the report is over 1 MiB");
	report->text = buf_new(REPORT_UNPACKED_MAX);
	err = open_any(der, len, trust, now_ms, report, &signer, ret_refusal);
	if (err != MH_OK)
		return err;
	err = check_signer(&signer, &report->header, ret_refusal);
	if (err != MH_OK)
		return err;
	if (report->header.sealed_ms > now_ms + REPORT_AHEAD_MAX_MS)
		return refuse(ret_refusal, MH_ERR_FORMAT, "bad-content",
		    "the report was sealed in the future: one of the two clocks is "
		    "wrong");
	err = check_lines(report, ret_refusal);
	if (err != MH_OK)
		return err;
	digest_sha256(der, len, report->digest);
	*ret = MH_TAKE(report);
	return MH_OK;
}

/* What was signed, and by whom it says; nothing is verified. */
static bool
read_envelope(const uint8_t *der, size_t len, struct buf *ret_packed, X509 **ret_signer)
{
	const unsigned char *p = der;
	MH_CLEANUP(CMS_ContentInfo_freep)
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	ASN1_OCTET_STRING **content = cms != NULL ? CMS_get0_content(cms) : NULL;
	STACK_OF(X509) *certs = cms != NULL ? CMS_get1_certs(cms) : NULL;
	bool is_good = content != NULL && *content != NULL && sk_X509_num(certs) == 1;

	if (is_good) {
		buf_put(ret_packed, ASN1_STRING_get0_data(*content),
		    (size_t)ASN1_STRING_length(*content));
		*ret_signer = sk_X509_shift(certs);
	}
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return is_good && buf_error(ret_packed) == MH_OK;
}

mh_err
report_read(const uint8_t *der, size_t len, struct report **ret,
    struct refusal *ret_refusal)
{
	MH_CLEANUP(report_freep) struct report *report = xcalloc(1, sizeof(*report));
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_ENVELOPE_MAX);
	mh_err err;

	report->text = buf_new(REPORT_UNPACKED_MAX);
	if (len > CMS_ENVELOPE_MAX || !read_envelope(der, len, packed, &report->signer))
		return refuse(ret_refusal, MH_ERR_FORMAT, "bad-envelope",
		    "this is not an envelope with one certificate");
	err = read_content(packed, report, ret_refusal);
	if (err == MH_OK)
		err = check_lines(report, ret_refusal);
	if (err != MH_OK)
		return err;
	digest_sha256(der, len, report->digest);
	*ret = MH_TAKE(report);
	return MH_OK;
}

void
report_free(struct report *report)
{
	if (report == NULL)
		return;
	X509_free(report->signer);
	buf_free(report->text);
	free(report);
}

bool
report_next_line(const struct report *report, struct report_cursor *cursor,
    struct report_line *ret)
{
	if (cursor->at == 0)
		cursor->at = report->lines_at;
	if (!split_line(report->text, &cursor->at, &ret->text, &ret->len))
		return false;
	/* report_open() has found the lanes in order and their counts right. */
	ret->lane =
	    cursor->index < report->header.n_findings ? LANE_FINDING : LANE_COVERAGE;
	cursor->index++;
	return true;
}

/* The header and the first n lines, findings before coverage. */
static void
put_text(struct report_header *header, const struct report_line *lines, size_t n,
    struct buf *out)
{
	header->n_findings = 0;
	for (size_t i = 0; i < n; i++)
		header->n_findings += lines[i].lane == LANE_FINDING;
	header->n_coverage = (uint32_t)n - header->n_findings;
	buf_reset(out);
	report_header_put(header, out);
	for (int lane = 0; lane < LANE_MAX_; lane++) {
		for (size_t i = 0; i < n; i++) {
			if (lines[i].lane != (enum report_lane)lane)
				continue;
			buf_put(out, lines[i].text, lines[i].len);
			buf_add(out, "\n");
		}
	}
}

/* How many lines from the front keep the text at the target; at least one. */
static size_t
count_lines(const struct report_line *lines, size_t n)
{
	size_t bytes = 0;
	size_t i = 0;

	for (; i < n && i < REPORT_LINES_MAX; i++) {
		if (lines[i].len > REPORT_LINE_MAX)
			break;
		bytes += lines[i].len + 1;
		if (i > 0 && bytes > REPORT_SEAL_TARGET)
			break;
	}
	return i;
}

mh_err
report_seal(EVP_PKEY *key, X509 *cert, struct report_header *header,
    const struct report_line *lines, size_t n, size_t *ret_taken, uint8_t **ret_der,
    size_t *ret_len)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(REPORT_UNPACKED_MAX);
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_CONTENT_MAX);
	size_t take = count_lines(lines, n);
	mh_err err = MH_ERR_TOOBIG;

	assert(n > 0);
	for (; take > 0; take /= 2) {
		put_text(header, lines, take, text);
		buf_reset(packed);
		err = buf_error(text);
		if (err == MH_OK)
			err = gzip_pack(buf_data(text), buf_len(text), packed);
		if (err == MH_OK)
			err = cms_sign(key, cert, buf_data(packed), buf_len(packed),
			    ret_der, ret_len);
		if (err == MH_OK)
			*ret_taken = take;
		if (err != MH_ERR_TOOBIG)
			return err;
	}
	return err;
}

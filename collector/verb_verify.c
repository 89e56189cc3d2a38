/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector verify: is what is stored what was signed?
 *
 * Runs in: molehunt-collector, a person's shell, offline.
 * Input: hostile (the store may have been changed by anybody).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "collector/output.h"
#include "collector/verb.h"
#include "transport/certificate.h"
#include "transport/receipt.h"

/* One run; the last report is kept for the chain of hashes. */
struct check {
	struct store *st;
	X509_STORE *ca;
	bool ndjson;
	uint64_t n_reports, n_findings, n_wrong, n_notes;
	const struct report_row *row; /* the one that is looked at */
	char agent[UUID_TEXT_LEN], epoch[UUID_TEXT_LEN];
	uint64_t sequence; /* 0: none yet in this epoch */
	uint8_t digest[DIGEST_BYTES];
};

static void say(struct check *c, bool is_wrong, const char *fmt, ...) MH_PRINTF(3, 4);

static void
say(struct check *c, bool is_wrong, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	c->n_wrong += is_wrong;
	c->n_notes += !is_wrong;

	MH_CLEANUP(freep) char *agent = text_escape(c->row->key.agent);
	MH_CLEANUP(freep) char *epoch = text_escape(c->row->key.epoch);

	if (c->ndjson)
		print_json(json_pack("{s:s, s:s, s:s, s:I, s:s}", "type",
		    is_wrong ? "wrong" : "note", "agent", agent, "epoch", epoch,
		    "sequence", (json_int_t)c->row->key.sequence, "detail", text));
	else
		(void)printf("%s: %s/%s/%" PRIu64 ": %s\n", is_wrong ? "WRONG" : "note",
		    agent, epoch, c->row->key.sequence, text);
}

/* Walks the signed lines beside the stored texts. */
struct comparison {
	const struct report *report;
	struct report_cursor cursor;
	bool differs;
};

static void
compare_text(enum report_lane lane, const char *text, size_t len, void *arg)
{
	struct comparison *cmp = arg;
	struct report_line line;

	if (cmp->differs)
		return;
	cmp->differs = !report_next_line(cmp->report, &cmp->cursor, &line) ||
		       line.lane != lane || line.len != len ||
		       memcmp(line.text, text, len) != 0;
}

static void
check_texts(struct check *c, const struct report *report)
{
	struct comparison cmp = { .report = report };
	struct report_line line;

	if (store_report_texts_each(c->st, c->row->id, compare_text, &cmp) != MH_OK)
		say(c, true, "its findings cannot be read: %s", store_why(c->st));
	else if (cmp.differs || report_next_line(report, &cmp.cursor, &line))
		say(c, true,
		    "the stored findings or coverage are not those that were signed");
	c->n_findings += report->header.n_findings;
}

static void
check_header(struct check *c, const struct report *report)
{
	const struct report_header *h = &report->header;
	const struct report_row *r = c->row;

	if (strcmp(h->agent, r->key.agent) != 0 || strcmp(h->epoch, r->key.epoch) != 0 ||
	    h->sequence != r->key.sequence)
		say(c, true, "the signed report is another one: %s/%s/%" PRIu64, h->agent,
		    h->epoch, h->sequence);
	if (h->sealed_ms != r->sealed_ms || h->n_findings != r->n_findings ||
	    h->n_coverage != r->n_coverage || r->previous == NULL ||
	    memcmp(h->previous, r->previous, DIGEST_BYTES) != 0)
		say(c, true,
		    "the stored times or counts are not those of the signed header");
	if (r->digest == NULL || memcmp(report->digest, r->digest, DIGEST_BYTES) != 0)
		say(c, true, "the stored SHA-256 is not that of the signed bytes");
}

static void
check_receipt(struct check *c, const struct report *report)
{
	const struct report_row *r = c->row;
	const struct report_header *h = &report->header;
	struct receipt receipt;
	const char *why = NULL;

	if (r->receipt == NULL) {
		say(c, true, "there is no receipt");
		return;
	}
	if (receipt_open(r->receipt, r->receipt_len, c->ca, r->received_ms, &receipt,
		&why) != MH_OK)
		say(c, true, "receipt: %s", why);
	else if (!receipt_is_for(&receipt, h->agent, h->epoch, h->sequence,
		     report->digest))
		say(c, true, "the receipt is for another report");
	else if (receipt.received_ms != r->received_ms)
		say(c, true, "the stored time of receipt is not the one that was signed");
}

/* Rows come in the order of agent, epoch, sequence. */
static void
check_chain(struct check *c, const struct report *report)
{
	static const uint8_t zeros[DIGEST_BYTES];
	const struct report_header *h = &report->header;
	bool same = strcmp(c->agent, h->agent) == 0 && strcmp(c->epoch, h->epoch) == 0;
	uint64_t before = same ? c->sequence : 0;
	/* What was noticed and kept as an alarm at ingest is no damage to the store. */
	bool is_wrong = !c->row->has_alarm;

	if (h->sequence != before + 1)
		say(c, is_wrong,
		    "sequences %" PRIu64 " to %" PRIu64 " are missing before it",
		    before + 1, h->sequence - 1);
	else if (memcmp(h->previous, same ? c->digest : zeros, DIGEST_BYTES) != 0)
		say(c, is_wrong, "it does not name the report before it (previous hash)");
	memcpy(c->agent, h->agent, UUID_TEXT_LEN);
	memcpy(c->epoch, h->epoch, UUID_TEXT_LEN);
	memcpy(c->digest, report->digest, DIGEST_BYTES);
	c->sequence = h->sequence;
}

static mh_err
check_report(const struct report_row *r, void *arg)
{
	struct check *c = arg;
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal = { .code = "" };

	c->n_reports++;
	c->row = r;
	if (report_open(r->der, r->der_len, c->ca, r->received_ms, &report, &refusal) !=
	    MH_OK) {
		say(c, true, "%s: %s", refusal.code, refusal.detail);
		return MH_OK;
	}
	check_header(c, report);
	check_receipt(c, report);
	check_chain(c, report);
	check_texts(c, report);
	return MH_OK;
}

static int
conclude(const struct check *c)
{
	if (c->ndjson)
		print_json(json_pack("{s:s, s:I, s:I, s:I, s:I}", "type", "summary",
		    "reports", (json_int_t)c->n_reports, "findings",
		    (json_int_t)c->n_findings, "wrong", (json_int_t)c->n_wrong, "notes",
		    (json_int_t)c->n_notes));
	else
		(void)printf("%" PRIu64 " report(s) with %" PRIu64
			     " finding(s) checked: %" PRIu64 " wrong, %" PRIu64
			     " note(s).\n",
		    c->n_reports, c->n_findings, c->n_wrong, c->n_notes);
	return c->n_wrong > 0 ? EXIT_TROUBLE : EXIT_GOOD;
}

int
verb_verify(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	MH_CLEANUP(X509_freep) X509 *ca = NULL;
	MH_CLEANUP(X509_STORE_freep) X509_STORE *anchors = NULL;
	struct row_filter all = { .agent = NULL };
	struct check c = { .ndjson = o->ndjson };

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;

	MH_CLEANUP(freep) char *path = config_path(&config, FILE_CA);
	mh_err err = certificate_load(path, &ca);

	if (err != MH_OK)
		return complain("verify: %s: %s", path, mh_strerror(err));
	anchors = certificate_store_new(ca);
	c.st = st;
	c.ca = anchors;
	err = store_reports_each(st, &all, true, check_report, &c);
	if (err != MH_OK)
		return complain("verify: %s (%s)", mh_strerror(err), store_why(st));
	return conclude(&c);
}

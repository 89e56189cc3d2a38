/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: molehunt-collector, a person's shell, offline.
 * Input: hostile (the store may have been changed by anybody).
 */
#include "collector/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "collector/report_index.h"
#include "transport/certificate.h"
#include "transport/receipt.h"

/* What the last report of an agent said of it: its row has to say the same. */
struct last_words {
	int64_t id; /* of the report, 0: none */
	int64_t received_ms;
	char hostname[REPORT_TEXT_MAX + 1], os[REPORT_TEXT_MAX + 1];
	char version[REPORT_TEXT_MAX + 1];
};

/* One run; the last report is kept for the chain of hashes. */
struct check {
	struct store *st;
	X509_STORE *ca;
	const struct verify_callbacks *cb;
	struct verify_counts counts;
	char agent[UUID_TEXT_LEN], epoch[UUID_TEXT_LEN];
	struct report_key at; /* what is looked at */
	uint64_t sequence;    /* of the report before, 0: none yet in this epoch */
	bool is_known;        /* its digest */
	uint8_t digest[DIGEST_BYTES];
	struct last_words last;
};

static void say(struct check *c, bool is_wrong, const char *fmt, ...) MH_PRINTF(3, 4);

static void
say(struct check *c, bool is_wrong, const char *fmt, ...)
{
	char text[512];
	va_list args;
	const struct verify_problem p = { is_wrong, c->at.agent, c->at.epoch,
		c->at.sequence, text };

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	c->counts.n_wrong += is_wrong;
	c->counts.n_notes += !is_wrong;
	c->cb->on_problem(&p, c->cb->arg);
}

/* Walks the signed findings beside those that are kept. */
struct comparison {
	const struct report_index *index;
	int64_t first_id;
	size_t n;
	bool differs;
};

static bool
is_same(const struct index_text *a, const struct index_text *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static void
compare_finding(int64_t id, const struct index_finding *f, void *arg)
{
	struct comparison *cmp = arg;
	const struct index_finding *signed_one;

	if (cmp->n >= cmp->index->n_findings) {
		cmp->differs = true;
		return;
	}
	signed_one = &cmp->index->findings[cmp->n];
	cmp->differs |= id != cmp->first_id + (int64_t)cmp->n ||
			f->severity != signed_one->severity ||
			f->is_suppressed != signed_one->is_suppressed ||
			f->time_ms != signed_one->time_ms ||
			!is_same(&f->uid, &signed_one->uid) ||
			!is_same(&f->rule, &signed_one->rule) ||
			!is_same(&f->path, &signed_one->path);
	cmp->n++;
}

static void
check_findings(struct check *c, const struct report_row *r, const struct report *report)
{
	MH_CLEANUP(report_index_freep) struct report_index *index = NULL;
	struct comparison cmp = { .first_id = r->id << 20 };

	if (report_index_new(report, &index) != MH_OK) {
		say(c, true, "its findings cannot be read");
		return;
	}
	cmp.index = index;
	c->counts.n_findings += index->n_findings;
	if (store_kept_each(c->st, r->id, compare_finding, &cmp) != MH_OK)
		say(c, true, "what is kept of its findings cannot be read: %s",
		    store_why(c->st));
	else if (cmp.n < index->n_findings)
		say(c, true, "%zu of its %zu findings are missing",
		    index->n_findings - cmp.n, index->n_findings);
	else if (cmp.differs)
		say(c, true, "what is kept of its findings is not what was signed");
}

static void
check_header(struct check *c, const struct report_row *r, const struct report *report)
{
	const struct report_header *h = &report->header;

	if (strcmp(h->agent, r->key.agent) != 0 || strcmp(h->epoch, r->key.epoch) != 0 ||
	    h->sequence != r->key.sequence)
		say(c, true, "the signed report is another one: %s/%s/%" PRIu64, h->agent,
		    h->epoch, h->sequence);
	if (h->sealed_ms != r->sealed_ms || h->n_findings != r->n_findings ||
	    h->n_coverage != r->n_coverage || r->previous == NULL ||
	    memcmp(h->previous, r->previous, DIGEST_BYTES) != 0)
		say(c, true,
		    "the stored times, counts or hash are not those of the signed "
		    "header");
	if (r->digest == NULL || memcmp(report->digest, r->digest, DIGEST_BYTES) != 0)
		say(c, true, "the stored SHA-256 is not that of the signed bytes");
}

static void
check_receipt(struct check *c, const struct report_row *r, const struct report *report)
{
	const struct report_header *h = &report->header;
	struct receipt receipt;
	const char *why = NULL;

	if (r->receipt == NULL || r->receipt_len == 0) {
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

/* The next stub; behind the report that is looked at it says nothing yet. */
static mh_err
pass_pruned(const struct pruned_row *p, void *arg)
{
	struct check *c = arg;

	if (p->first >= c->at.sequence)
		return MH_OK;
	if (p->previous == NULL || p->digest == NULL) {
		say(c, true, "what stands for pruned reports is damaged");
		return MH_OK;
	}
	if (p->first > c->sequence + 1)
		say(c, false,
		    "sequences %" PRIu64 " to %" PRIu64
		    " were missing when those behind them were pruned",
		    c->sequence + 1, p->first - 1);
	else if (c->is_known && memcmp(p->previous, c->digest, DIGEST_BYTES) != 0)
		say(c, true,
		    "the pruned reports %" PRIu64 " to %" PRIu64
		    " do not go on from the report before them",
		    p->first, p->last);
	c->sequence = p->last;
	c->is_known = true;
	memcpy(c->digest, p->digest, DIGEST_BYTES);
	return MH_OK;
}

/* Rows come in the order of agent, epoch, sequence. */
static mh_err
check_chain(struct check *c, const struct report_row *r)
{
	/* What was noticed and kept as an alarm at ingest is no damage to the store. */
	bool is_wrong = !r->has_alarm;
	uint64_t before = 0;
	mh_err err = MH_OK;

	do {
		before = c->sequence;
		if (before + 1 < r->key.sequence)
			err = store_pruned_from(c->st, r->epoch_id, before + 1,
			    pass_pruned, c);
	} while (err == MH_OK && c->sequence > before);
	if (c->sequence >= r->key.sequence)
		say(c, false, "it is kept, though it was pruned before");
	else if (c->sequence + 1 < r->key.sequence)
		say(c, is_wrong,
		    "sequences %" PRIu64 " to %" PRIu64 " are missing before it",
		    c->sequence + 1, r->key.sequence - 1);
	else if (c->is_known && (r->previous == NULL ||
				    memcmp(r->previous, c->digest, DIGEST_BYTES) != 0))
		say(c, is_wrong, "it does not name the report before it (previous hash)");
	c->sequence = r->key.sequence > c->sequence ? r->key.sequence : c->sequence;
	c->is_known = r->digest != NULL;
	if (c->is_known)
		memcpy(c->digest, r->digest, DIGEST_BYTES);
	return err;
}

static void
compare_agent(const struct store_agent *a, void *arg)
{
	struct check *c = arg;

	if (strcmp(a->hostname, c->last.hostname) != 0 ||
	    strcmp(a->os, c->last.os) != 0 || strcmp(a->version, c->last.version) != 0 ||
	    a->seen_ms != c->last.received_ms)
		say(c, true,
		    "what is kept of the agent is not what its last report says");
}

/* All of an agent's reports have passed. */
static mh_err
end_agent(struct check *c)
{
	mh_err err = MH_OK;

	c->at = (struct report_key){ c->agent, "", 0 };
	if (c->last.id != 0)
		err = store_agent_find(c->st, c->agent, compare_agent, c);
	c->last.id = 0;
	return err;
}

static void
remember(struct check *c, const struct report_row *r, const struct report_header *h)
{
	struct last_words *last = &c->last;

	if (r->id < last->id)
		return;
	last->id = r->id;
	last->received_ms = r->received_ms;
	memcpy(last->hostname, h->host.hostname, sizeof(last->hostname));
	memcpy(last->os, h->host.os, sizeof(last->os));
	memcpy(last->version, h->product_version, sizeof(last->version));
}

static mh_err
begin_chain(struct check *c, const struct report_row *r)
{
	bool same_agent = strncmp(c->agent, r->key.agent, sizeof(c->agent)) == 0;
	mh_err err = MH_OK;

	if (same_agent && strncmp(c->epoch, r->key.epoch, sizeof(c->epoch)) == 0)
		return MH_OK;
	if (!same_agent && c->agent[0] != 0)
		err = end_agent(c);
	(void)snprintf(c->agent, sizeof(c->agent), "%s", r->key.agent);
	(void)snprintf(c->epoch, sizeof(c->epoch), "%s", r->key.epoch);
	c->sequence = 0;
	c->is_known = true; /* before the first: zeros */
	memset(c->digest, 0, sizeof(c->digest));
	return err;
}

static mh_err
check_report(const struct report_row *r, void *arg)
{
	struct check *c = arg;
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal = { .code = "" };
	mh_err err = begin_chain(c, r);

	c->at = r->key;
	c->counts.n_reports++;
	if (err == MH_OK)
		err = check_chain(c, r);
	if (report_open(r->der, r->der_len, c->ca, r->received_ms, &report, &refusal) !=
	    MH_OK) {
		say(c, true, "%s: %s", refusal.code, refusal.detail);
		c->counts.n_findings += r->n_findings;
	} else {
		check_header(c, r, report);
		check_receipt(c, r, report);
		check_findings(c, r, report);
		remember(c, r, &report->header);
	}
	if (c->cb->on_report != NULL)
		c->cb->on_report(c->counts.n_reports, c->cb->arg);
	return err;
}

static mh_err
note_pruned(const struct pruned_row *p, void *arg)
{
	struct check *c = arg;
	uint64_t n = p->last - p->first + 1;

	c->at = (struct report_key){ p->agent, p->epoch, p->first };
	c->counts.n_pruned += n;
	if (!store_pruned_is_sound(c->st, p))
		say(c, true, "what stands for pruned reports was changed");
	say(c, false,
	    "%" PRIu64 " report(s) to %" PRIu64 " with %" PRIu64
	    " finding(s) were pruned when they were old",
	    n, p->last, p->n_findings);
	return MH_OK;
}

static mh_err
check_alarm(const struct alarm_row *a, void *arg)
{
	struct check *c = arg;

	c->at = (struct report_key){ a->agent, a->epoch, a->sequence };
	c->counts.n_alarms++;
	if (!a->is_sound)
		say(c, true, "the alarm %" PRId64 " (%s) was changed", a->id,
		    alarm_kind_name(a->kind));
	return MH_OK;
}

static void
on_fault(const struct store_fault *f, void *arg)
{
	struct check *c = arg;

	c->at = (struct report_key){ f->agent, f->epoch, f->sequence };
	say(c, true, "%s", f->what);
}

/* Chain to the CA, at its own beginning: it may have expired since. */
static bool
is_issued(struct check *c, X509 *cert)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct certificate_facts facts;
	bool good = ctx != NULL && certificate_read(cert, &facts) == MH_OK &&
		    X509_STORE_CTX_init(ctx, c->ca, cert, NULL) == 1;

	if (good) {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)(facts.not_before_ms / 1000));
		good = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	return good;
}

static void
check_certificate(const struct store_certificate *row, void *arg)
{
	struct check *c = arg;
	const unsigned char *p = row->der;
	MH_CLEANUP(X509_freep) X509 *cert = d2i_X509(NULL, &p, (long)row->len);
	struct certificate_facts facts;
	unsigned use = row->label == LABEL_TLS ? CERTIFICATE_TLS : CERTIFICATE_SIGNING;

	c->at = (struct report_key){ row->agent, "", 0 };
	if (cert == NULL || certificate_read(cert, &facts) != MH_OK ||
	    !is_issued(c, cert))
		say(c, true, "an issued certificate is not of this fleet's authority");
	else if (strcmp(facts.agent, row->agent) != 0 || (facts.uses & use) == 0 ||
		 facts.not_after_ms / 1000 != row->not_after_ms / 1000)
		say(c, true, "an issued certificate is not the one that its row tells");
}

mh_err
verify_store(struct store *st, X509_STORE *ca, const struct verify_callbacks *cb,
    struct verify_counts *ret)
{
	struct row_filter all = { .agent = NULL };
	struct check c = { .st = st, .ca = ca, .cb = cb };
	uint64_t n = 0;
	mh_err err = store_check(st, on_fault, &c);

	if (err == MH_OK)
		err = store_reports_each(st, &all, true, check_report, &c);
	if (err == MH_OK && c.agent[0] != 0)
		err = end_agent(&c);
	if (err == MH_OK)
		err = store_report_count(st, &n);
	c.at = (struct report_key){ "", "", 0 };
	if (err == MH_OK && n != c.counts.n_reports)
		say(&c, true, "%" PRIu64 " report(s) belong to no agent",
		    n - c.counts.n_reports);
	if (err == MH_OK)
		err = store_pruned_each(st, note_pruned, &c);
	if (err == MH_OK)
		err = store_alarms_all(st, check_alarm, &c);
	if (err == MH_OK)
		err = store_certificates_each(st, check_certificate, &c);
	*ret = c.counts;
	return err;
}

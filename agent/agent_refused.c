/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports that the collector does not take as they are, and never will: their lines
 * are sealed anew, the report itself is kept aside (docs/PROTOCOL.md, "Refused").
 *
 * Runs in: agent.
 * Input: from the courier, which may be taken over: a refusal can cost time, and
 * report a finding twice, but loses none.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

/* The sealed report of that key; false: it is not there. */
static bool
find(struct agent *a, const struct delivery_key *key, struct spool_report *ret)
{
	int64_t after = 0;

	while (spool_next_report(a->spool, after, INT64_MAX, ret) == MH_OK) {
		if (ret->sequence == key->sequence && strcmp(ret->epoch, key->epoch) == 0)
			return true;
		after = ret->id;
		spool_report_clear(ret);
	}
	return false;
}

/* What makes it a lost case; NULL: it is kept as it is. */
static const char *
judge(struct agent *a, const struct delivery_refused *note,
    const struct spool_report *sealed, const struct report *report)
{
	if (strcmp(report->header.agent, a->identity->agent) != 0)
		return "it was sealed under the identity before: sealed anew";
	/* Twice, so that one slip of somebody costs no epoch. */
	if (strcmp(note->code, "fork") == 0 && sealed->tries > 0)
		return "its place in the chain is taken at the collector: sealed anew in "
		       "a new epoch";
	/* By our clock of now, which was set since: it would be refused for as long. */
	if (strcmp(note->code, "bad-content") == 0 &&
	    report->header.sealed_ms > clock_real_ms() + REPORT_AHEAD_MAX_MS)
		return "it was sealed while the clock was ahead: sealed anew";
	if (strcmp(note->code, "certificate") != 0)
		return NULL;
	if (a->identity->next_cert != NULL &&
	    X509_cmp(report->signer, a->identity->next_cert) == 0)
		return "the collector does not accept the new signing certificate: "
		       "sealed "
		       "anew with the old one";
	if (sealed->tries >= RESEAL_TRIES)
		return "the collector does not accept its signer: sealed anew";
	return NULL;
}

/* An epoch that must not go on: another agent's, or one that is forked. */
static mh_err
leave_epoch(struct agent *a, const char *epoch)
{
	struct report_header next;
	mh_err err = spool_next_header(a->spool, &next);

	if (err != MH_OK || strcmp(next.epoch, epoch) != 0)
		return err;
	return spool_new_epoch(a->spool);
}

static mh_err
unseal(struct agent *a, const struct report *report, const char *why)
{
	const struct report_header *h = &report->header;
	size_t n = (size_t)h->n_findings + h->n_coverage;
	MH_CLEANUP(freep) struct report_line *lines = xcalloc(n + 1, sizeof(*lines));
	struct report_cursor cursor = { 0, 0 };
	size_t i = 0;

	while (i < n && report_next_line(report, &cursor, &lines[i]))
		i++;
	return spool_unseal(a->spool, h->epoch, h->sequence, lines, i, why,
	    clock_real_ms());
}

static bool
mend(struct agent *a, const struct delivery_refused *note,
    const struct spool_report *sealed)
{
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal;
	const char *why = NULL;
	mh_err err = report_read(sealed->der, sealed->len, &report, &refusal);

	if (err == MH_OK)
		why = judge(a, note, sealed, report);
	if (why == NULL)
		return false;
	if (a->identity->next_cert != NULL &&
	    X509_cmp(report->signer, a->identity->next_cert) == 0)
		agent_identity_drop_next(a, "the collector does not accept what it "
					    "issued");
	/* A chain with a hole looks like an attack: what follows is another chain. */
	err = leave_epoch(a, report->header.epoch);
	if (err == MH_OK)
		err = unseal(a, report, why);
	if (err != MH_OK) {
		log_err_r(err, "delivery", "report %llu cannot be sealed anew",
		    (unsigned long long)sealed->sequence);
		return false;
	}
	log_warn("delivery", "report %llu was refused (%u %s): %s",
	    (unsigned long long)sealed->sequence, (unsigned)note->status, note->code,
	    why);
	agent_delivery_count(a, clock_monotonic_ms());
	return true;
}

bool
agent_refused_mend(struct agent *a, const struct delivery_refused *note)
{
	struct spool_report sealed;
	bool is_mended;

	static const char *const codes[] = { "fork", "certificate", "wrong-agent",
		"bad-content" };
	bool is_known = false;

	for (size_t i = 0; i < MH_ARRAY_LEN(codes); i++)
		is_known |= strcmp(note->code, codes[i]) == 0;
	if (!is_known)
		return false;
	if (a->identity == NULL || !find(a, &note->key, &sealed))
		return false;
	is_mended = mend(a, note, &sealed);
	spool_report_clear(&sealed);
	return is_mended;
}

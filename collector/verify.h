/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_VERIFY_H
#define MH_COLLECTOR_VERIFY_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/store.h"

/*
 * Is what is stored what was signed, and is it all there?
 *
 * For each report: its signature and signer, valid at `sealed`; the columns
 * beside it; its receipt; its place in the chain of hashes and sequences, where
 * stubs stand for what was pruned and alarms for what was missing at once; and
 * that what is kept of its findings is what the signed bytes say.  Then what the
 * tables say of each other (store_check()), certificates, and alarms.
 *
 * One report is held at a time: memory does not grow with the store.
 */
struct verify_problem {
	bool is_wrong;             /* else a note: known before, or done on purpose */
	const char *agent, *epoch; /* "" when it is not about one; borrowed, hostile */
	uint64_t sequence;
	const char *what; /* a sentence without a period; borrowed, hostile */
};

struct verify_counts {
	uint64_t n_reports, n_findings, n_alarms, n_pruned, n_wrong, n_notes;
};

struct verify_callbacks {
	void (*on_problem)(const struct verify_problem *p, void *arg);
	void (*on_report)(uint64_t done, void *arg); /* behind each; NULL for none */
	void *arg;
};

/* ca is borrowed.  Errors are the store's: what was found before stands. */
mh_err verify_store(struct store *st, X509_STORE *ca, const struct verify_callbacks *cb,
    struct verify_counts *ret) MH_CHECKED;

#endif

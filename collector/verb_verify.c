/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector verify: is what is stored what was signed?
 *
 * Runs in: molehunt-collector, a person's shell, offline.
 * Input: hostile (the store may have been changed by anybody).
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/output.h"
#include "collector/verb.h"
#include "collector/verify.h"
#include "transport/certificate.h"

enum { PROGRESS_MS = 250 };

struct telling {
	bool ndjson;
	bool has_terminal; /* standard error: progress goes there */
	uint64_t total;
	int64_t told_ms;
};

/* Take the line of progress away. */
static void
clear_line(const struct telling *t)
{
	if (t->has_terminal && t->told_ms != 0)
		(void)fputs("\r\033[K", stderr);
}

static void
on_problem(const struct verify_problem *p, void *arg)
{
	const struct telling *t = arg;
	MH_CLEANUP(freep) char *agent = text_escape(p->agent);
	MH_CLEANUP(freep) char *epoch = text_escape(p->epoch);
	MH_CLEANUP(freep) char *what = text_escape(p->what);
	const char *word = p->is_wrong ? "wrong" : "note";

	clear_line(t);
	if (t->ndjson) {
		print_json(json_pack("{s:s, s:s, s:s, s:I, s:s}", "type", word, "agent",
		    agent, "epoch", epoch, "sequence", (json_int_t)p->sequence, "detail",
		    what));
		return;
	}
	if (p->is_wrong)
		word = "WRONG";
	if (agent[0] == 0)
		(void)printf("%s: store: %s\n", word, what);
	else if (epoch[0] == 0)
		(void)printf("%s: %s: %s\n", word, agent, what);
	else
		(void)printf("%s: %s/%s/%" PRIu64 ": %s\n", word, agent, epoch,
		    p->sequence, what);
}

static void
on_report(uint64_t done, void *arg)
{
	struct telling *t = arg;
	int64_t now_ms = clock_monotonic_ms();

	if (!t->has_terminal || now_ms < t->told_ms + PROGRESS_MS)
		return;
	t->told_ms = now_ms;
	(void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " reports", done, t->total);
	(void)fflush(stderr);
}

static void
conclude(const struct telling *t, const struct verify_counts *n)
{
	clear_line(t);
	if (t->ndjson)
		print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "type",
		    "summary", "reports", (json_int_t)n->n_reports, "findings",
		    (json_int_t)n->n_findings, "alarms", (json_int_t)n->n_alarms,
		    "pruned", (json_int_t)n->n_pruned, "wrong", (json_int_t)n->n_wrong,
		    "notes", (json_int_t)n->n_notes));
	else
		(void)printf("%" PRIu64 " report(s) with %" PRIu64
			     " finding(s) and %" PRIu64 " alarm(s) checked: %" PRIu64
			     " wrong, %" PRIu64 " note(s).\n",
		    n->n_reports, n->n_findings, n->n_alarms, n->n_wrong, n->n_notes);
}

int
verify_and_tell(const char *who, struct store *st, const struct config *config,
    bool ndjson)
{
	MH_CLEANUP(X509_freep) X509 *ca = NULL;
	MH_CLEANUP(X509_STORE_freep) X509_STORE *anchors = NULL;
	MH_CLEANUP(freep) char *path = config_path(config, FILE_CA);
	struct telling t = { .ndjson = ndjson,
		.has_terminal = isatty(STDERR_FILENO) == 1 };
	const struct verify_callbacks callbacks = { on_problem, on_report, &t };
	struct verify_counts counts;
	mh_err err = certificate_load(path, &ca);

	if (err != MH_OK)
		return complain("%s: %s: %s", who, path, mh_strerror(err));
	anchors = certificate_store_new(ca);
	if (t.has_terminal)
		mh_ignore(store_report_count(st, &t.total));
	err = verify_store(st, anchors, &callbacks, &counts);
	conclude(&t, &counts);
	if (err != MH_OK)
		return complain("%s: not all could be checked: %s (%s)", who,
		    mh_strerror(err), store_why(st));
	return counts.n_wrong > 0 ? EXIT_TROUBLE : EXIT_GOOD;
}

int
verb_verify(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	mh_err err = config_load(o->args[0], &config);

	if (err != MH_OK)
		return EXIT_TROUBLE;

	MH_CLEANUP(freep)
	char *path =
	    o->store != NULL ? xstrdup(o->store) : config_path(&config, FILE_STORE);

	err = store_open(path, &st);
	if (err != MH_OK)
		return complain("verify: %s: %s", path, store_open_text(err));
	return verify_and_tell("verify", st, &config, o->ndjson);
}

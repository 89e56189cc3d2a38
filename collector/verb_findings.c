/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "collector/events.h"
#include "collector/output.h"
#include "collector/verb.h"

struct listing {
	bool ndjson;
	uint64_t n;
};

enum { DETAIL_INDENT = 4 }; /* columns */

/*
 * Lines of at most 80 columns but for paths, which are not cut:
 *
 *	2026-11-23 16:00:00  critical  ws-12             Linux_Rule_Name
 *	    /usr/bin/.x
 */
static void
print_row(const struct finding_row *f)
{
	char time[TIME_TEXT_LEN];
	const struct alarm_row *a = f->alarm;
	MH_CLEANUP(freep) char *rule = text_escape(f->rule);
	MH_CLEANUP(freep) char *path = text_escape(f->path);
	MH_CLEANUP(freep)
	char *host = text_escape(f->hostname[0] != 0 ? f->hostname : f->agent);

	time_text(f->time_ms, time);
	(void)printf("%s  %s%-8s%s  %-16.16s  ", time, colour_of_severity(f->severity),
	    severity_name(f->severity), colour_end(), host);
	if (a == NULL) {
		(void)printf("%s%s\n    %s\n", rule,
		    f->is_suppressed ? " (suppressed)" : "", path);
		return;
	}
	(void)printf("ALARM %lld: %s%s", (long long)a->id, rule,
	    a->state == ALARM_CLOSED ? " (closed)" : "");
	if (a->count > 1)
		(void)printf(" (%llu times)", (unsigned long long)a->count);
	(void)putchar('\n');
	print_below(f->path, DETAIL_INDENT);
}

static mh_err
print_finding(const struct finding_row *f, void *arg)
{
	struct listing *l = arg;

	l->n++;
	if (!l->ndjson)
		print_row(f);
	else if (f->alarm != NULL)
		print_json(alarm_to_ocsf(f->alarm));
	else /* the agent's own line, as it was signed */
		(void)printf("%.*s\n", (int)f->json_len, f->json);
	return MH_OK;
}

int
verb_findings(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	struct listing l = { .ndjson = o->ndjson };

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;

	output_gather();

	mh_err err = store_findings_each(st, &o->filter, o->ndjson, print_finding, &l);

	if (err != MH_OK)
		return complain("findings: %s (%s)", mh_strerror(err), store_why(st));
	if (!l.ndjson && l.n == 0)
		(void)puts("No findings that fit.");
	return EXIT_GOOD;
}

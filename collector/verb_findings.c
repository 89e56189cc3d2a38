/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "collector/output.h"
#include "collector/verb.h"

struct listing {
	bool ndjson;
	uint64_t n;
};

static void
print_finding(const struct finding_row *f, void *arg)
{
	struct listing *l = arg;
	char time[TIME_TEXT_LEN];

	l->n++;
	if (l->ndjson) {
		/* The agent's own line, as it was signed. */
		(void)puts(f->json);
		return;
	}
	MH_CLEANUP(freep) char *rule = text_escape(f->rule);
	MH_CLEANUP(freep) char *path = text_escape(f->path);
	MH_CLEANUP(freep)
	char *host = text_escape(f->hostname[0] != 0 ? f->hostname : f->agent);

	time_text(f->time_ms, time);
	(void)printf("%s  %s%-8s%s  %-16.16s  %s\n    %s\n", time,
	    colour_of_severity(f->severity), severity_name(f->severity), colour_end(),
	    host, rule, path);
}

int
verb_findings(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	struct listing l = { .ndjson = o->ndjson };

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;

	mh_err err = store_findings_each(st, &o->filter, print_finding, &l);

	if (err != MH_OK)
		return complain("findings: %s (%s)", mh_strerror(err), store_why(st));
	if (!l.ndjson && l.n == 0)
		(void)puts("No findings that fit.");
	return EXIT_GOOD;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "collector/output.h"
#include "collector/verb.h"

static const struct column columns[] = {
	{ "AGENT", 36 },
	{ "LAST REPORT", 16 },
	{ "REPORTS", 7 },
	{ "HOST", 0 },
};

static void
print_agent(const struct store_agent *a, void *arg)
{
	const bool *ndjson = arg;
	char seen[TIME_TEXT_LEN];
	char reports[24];

	if (*ndjson) {
		print_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I}",
		    "agent", a->agent, "hostname", a->hostname, "os", a->os, "version",
		    a->version, "enrolled", time_json(a->enrolled_ms), "seen",
		    time_json(a->seen_ms), "revoked", time_json(a->revoked_ms), "reports",
		    (json_int_t)a->n_reports, "findings", (json_int_t)a->n_findings,
		    "alarms", (json_int_t)a->n_alarms));
		return;
	}
	time_text(a->seen_ms, seen);
	(void)snprintf(reports, sizeof(reports), "%" PRIu64, a->n_reports);

	MH_CLEANUP(freep)
	char *host = xasprintf("%s%s%s%s%s", a->hostname,
	    a->revoked_ms != 0 ? " (revoked)" : "", a->n_alarms != 0 ? " (alarm: " : "",
	    a->alarms, a->n_alarms != 0 ? ")" : "");

	table_row(columns, MH_ARRAY_LEN(columns),
	    (const char *[]){ a->agent, seen, reports, host });
}

static int
revoke(struct store *st, const char *agent)
{
	mh_err err = store_agent_revoke(st, agent, clock_real_ms());

	if (err == MH_ERR_NOTFOUND)
		return complain(
		    "agents: %s: no such agent; `molehunt-collector agents DIR` lists "
		    "them",
		    agent);
	if (err != MH_OK)
		return complain("agents: %s (%s)", mh_strerror(err), store_why(st));
	(void)printf("Revoked %s: its reports and renewals are refused from now on.\n",
	    agent);
	return EXIT_GOOD;
}

int
verb_agents(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	bool ndjson = o->ndjson;

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;
	if (o->n_args == 3 && strcmp(o->args[1], "revoke") == 0)
		return revoke(st, o->args[2]);
	if (o->n_args != 1)
		return complain(
		    "agents: either `agents DIR` or `agents DIR revoke UUID`");
	output_gather();
	if (!ndjson)
		table_head(columns, MH_ARRAY_LEN(columns));

	mh_err err = store_agents_each(st, print_agent, &ndjson);

	return err == MH_OK
		   ? EXIT_GOOD
		   : complain("agents: %s (%s)", mh_strerror(err), store_why(st));
}

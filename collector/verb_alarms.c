/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/events.h"
#include "collector/output.h"
#include "collector/verb.h"

enum { DETAIL_INDENT = 8 }; /* columns */

static const struct column columns[] = {
	{ "ID", 6 },
	{ "KIND", 8 },
	{ "STATE", 6 },
	{ "LAST", 19 },
	{ "COUNT", 6 },
	{ "HOST", 0 },
};

static mh_err
print_alarm(const struct alarm_row *a, void *arg)
{
	const bool *ndjson = arg;
	char last[TIME_TEXT_LEN];
	char id[24];
	char count[24];

	if (*ndjson) {
		print_json(alarm_to_ocsf(a));
		return MH_OK;
	}
	time_text(a->last_ms, last);
	(void)snprintf(id, sizeof(id), "%" PRId64, a->id);
	(void)snprintf(count, sizeof(count), "%" PRIu64, a->count);
	table_row(columns, MH_ARRAY_LEN(columns),
	    (const char *[]){ id, alarm_kind_name(a->kind), alarm_state_name(a->state),
		last, count, a->hostname[0] != 0 ? a->hostname : a->agent });

	MH_CLEANUP(freep) char *note = text_escape(a->note);

	print_below(a->detail, DETAIL_INDENT);
	if (a->sequence != 0)
		(void)printf("%*sreport %s/%s/%" PRIu64 "\n", DETAIL_INDENT, "", a->agent,
		    a->epoch, a->sequence);
	if (note[0] != 0)
		(void)printf("%*sclosed: %s\n", DETAIL_INDENT, "", note);
	return MH_OK;
}

static int
close_alarm(struct store *st, const char *text, const char *note)
{
	uint64_t id = 0;
	mh_err err = MH_ERR_NOTFOUND;

	if (parse_u64(text, 1, INT64_MAX, &id) == MH_OK)
		err = store_alarm_close(st, (int64_t)id, note, clock_real_ms());
	if (err == MH_ERR_NOTFOUND)
		return complain("alarms: %s: no such alarm; `molehunt-collector alarms "
				"DIR` lists them",
		    text);
	if (err == MH_ERR_EXISTS)
		return complain("alarms: %s: it is closed already", text);
	if (err != MH_OK)
		return complain("alarms: %s (%s)", mh_strerror(err), store_why(st));
	(void)printf("Closed alarm %s; it opens again when it happens again.\n", text);
	return EXIT_GOOD;
}

int
verb_alarms(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	bool ndjson = o->ndjson;

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;
	if (o->n_args == 3 && strcmp(o->args[1], "close") == 0)
		return close_alarm(st, o->args[2],
		    o->note != NULL ? o->note : "by a person");
	if (o->n_args != 1)
		return complain("alarms: either `alarms DIR` or `alarms DIR close ID`");
	output_gather();
	if (!ndjson)
		table_head(columns, MH_ARRAY_LEN(columns));

	mh_err err = store_alarms_each(st, &o->filter, print_alarm, &ndjson);

	return err == MH_OK
		   ? EXIT_GOOD
		   : complain("alarms: %s (%s)", mh_strerror(err), store_why(st));
}

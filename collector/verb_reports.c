/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/output.h"
#include "collector/verb.h"

static const struct column columns[] = {
	{ "AGENT", 8 },
	{ "EPOCH", 8 },
	{ "SEQUENCE", 8 },
	{ "RECEIVED", 19 },
	{ "FINDINGS", 8 },
	{ "COVERAGE", 8 },
	{ "", 0 },
};

/* What to do with each report. */
struct listing {
	const struct options *options;
	uint64_t n;               /* exported */
	const char *file;         /* for the one report that is wanted */
	struct row_filter filter; /* of the options, or its key */
};

static mh_err
print_report(const struct report_row *r, void *arg)
{
	const struct listing *l = arg;
	char received[TIME_TEXT_LEN];
	char numbers[3][24];

	if (l->options->ndjson) {
		MH_CLEANUP(freep)
		char *digest = text_hex(r->digest, r->digest != NULL ? DIGEST_BYTES : 0);

		print_json(json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:I, s:I, s:b}",
		    "agent", r->key.agent, "epoch", r->key.epoch, "sequence",
		    (json_int_t)r->key.sequence, "sha256", digest, "sealed",
		    time_json(r->sealed_ms), "received", time_json(r->received_ms),
		    "findings", (json_int_t)r->n_findings, "coverage",
		    (json_int_t)r->n_coverage, "alarm", (int)r->has_alarm));
		return MH_OK;
	}
	time_text(r->received_ms, received);
	(void)snprintf(numbers[0], 24, "%" PRIu64, r->key.sequence);
	(void)snprintf(numbers[1], 24, "%" PRIu64, r->n_findings);
	(void)snprintf(numbers[2], 24, "%" PRIu64, r->n_coverage);
	table_row(columns, MH_ARRAY_LEN(columns),
	    (const char *[]){ r->key.agent, r->key.epoch, numbers[0], received,
		numbers[1], numbers[2], r->has_alarm ? "ALARM" : "" });
	return MH_OK;
}

static mh_err
write_pair(const struct report_row *r, const char *path)
{
	MH_CLEANUP(freep) char *receipt = xasprintf("%s.receipt", path);
	mh_err err = file_write_durably(path, r->der, r->der_len, 0600);

	if (err == MH_OK)
		err = file_write_durably(receipt, r->receipt, r->receipt_len, 0600);
	if (err != MH_OK)
		(void)complain("reports: %s: %s", path, strerror(errno));
	return err;
}

static mh_err
export_report(const struct report_row *r, void *arg)
{
	struct listing *l = arg;

	l->n++;
	if (l->file != NULL)
		return write_pair(r, l->file);

	/* The key is our own column, checked at ingest; nothing else may name a file. */
	if (!uuid_is_valid(r->key.agent) || !uuid_is_valid(r->key.epoch))
		return MH_ERR_CORRUPT;

	MH_CLEANUP(freep)
	char *path = xasprintf("%s/%s_%s_%" PRIu64 ".p7m", l->options->out, r->key.agent,
	    r->key.epoch, r->key.sequence);

	return write_pair(r, path);
}

/* AGENT/EPOCH/SEQUENCE; copy holds the texts that the filter borrows. */
static bool
parse_key(char *copy, struct row_filter *ret)
{
	char *rest = copy;
	const char *sequence;

	ret->agent = strsep(&rest, "/");
	ret->epoch = strsep(&rest, "/");
	sequence = strsep(&rest, "/");
	return sequence != NULL && rest == NULL && uuid_is_valid(ret->agent) &&
	       uuid_is_valid(ret->epoch) &&
	       parse_u64(sequence, 1, INT64_MAX, &ret->sequence) == MH_OK;
}

static int
run(const struct options *o, struct store *st, struct listing *l, bool exporting)
{
	mh_err err = MH_OK;

	if (o->out != NULL)
		err = folder_make(o->out, 0700);
	if (err != MH_OK)
		return complain("reports: %s: %s", o->out, strerror(errno));
	err = store_reports_each(st, &l->filter, exporting,
	    exporting ? export_report : print_report, l);
	if (err != MH_OK)
		return complain("reports: %s (%s)", mh_strerror(err), store_why(st));
	if (l->file != NULL && l->n == 0)
		return complain("reports: %s: there is no such report", o->export_key);
	return EXIT_GOOD;
}

int
verb_reports(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	MH_CLEANUP(freep)
	char *key = xstrdup(o->export_key != NULL ? o->export_key : "");
	struct listing l = { .options = o, .filter = o->filter };
	bool exporting = o->out != NULL || o->export_key != NULL;

	if ((o->export_key != NULL) != (o->n_args == 2))
		return complain("reports: to export one: reports DIR --export "
				"AGENT/EPOCH/SEQUENCE FILE");
	if (o->export_key != NULL && !parse_key(key, &l.filter))
		return complain("reports: \"%s\" is not AGENT/EPOCH/SEQUENCE",
		    o->export_key);
	if (o->export_key != NULL)
		l.file = o->args[1];
	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;
	output_gather();
	if (!exporting && !o->ndjson)
		table_head(columns, MH_ARRAY_LEN(columns));

	int status = run(o, st, &l, exporting);

	if (status == EXIT_GOOD && exporting)
		(void)printf("Wrote %" PRIu64
			     " report(s), each with its receipt beside it.\n",
		    l.n);
	return status;
}

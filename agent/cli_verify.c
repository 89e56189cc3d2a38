/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `molehunt verify`: check reports without the collector.
 *
 * Input: hostile.
 */
#include "agent/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "transport/certificate.h"
#include "transport/report.h"

#define DEFAULT_CA "/var/lib/molehunt/agent/ca.pem"

struct verify_options {
	const char *ca;
	int64_t at_ms;
	bool is_ndjson;
	bool wants_help;
};

/* What is said of one file. */
struct judgement {
	const char *path;
	const struct report *report; /* NULL when it is not good */
	const char *code;
	const char *detail;
};

static int
complain(const char *subject, const char *what)
{
	(void)fprintf(stderr, "molehunt verify: %s%s%s\n", subject,
	    subject[0] != 0 ? ": " : "", what);
	return 2;
}

static void
print_json(const struct judgement *j)
{
	MH_CLEANUP(freep) char *path = text_escape(j->path);
	MH_CLEANUP(json_decrefp)
	json_t *json = json_pack("{s:s, s:s}", "path", path, "verdict",
	    j->report != NULL ? "good" : "bad");

	if (j->report == NULL) {
		(void)json_object_set_new(json, "code", json_string(j->code));
		(void)json_object_set_new(json, "detail", json_string(j->detail));
	} else {
		const struct report_header *h = &j->report->header;
		char sealed[CLOCK_TEXT_LEN];
		MH_CLEANUP(freep)
		char *digest = text_hex(j->report->digest, DIGEST_BYTES);

		clock_format(h->sealed_ms, sealed);
		(void)json_object_update_new(json,
		    json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:s}", "agent", h->agent,
			"epoch", h->epoch, "sequence", (json_int_t)h->sequence, "sealed",
			sealed, "findings", (json_int_t)h->n_findings, "coverage",
			(json_int_t)h->n_coverage, "sha256", digest));
	}
	MH_CLEANUP(freep) char *line = json_dumps(json, JSON_COMPACT);

	(void)printf("%s\n", line != NULL ? line : "{}");
}

static void
print_text(const struct judgement *j)
{
	MH_CLEANUP(freep) char *path = text_escape(j->path);
	char sealed[CLOCK_TEXT_LEN];

	if (j->report == NULL) {
		(void)printf("%s: NOT GOOD (%s): %s\n", path, j->code, j->detail);
		return;
	}
	const struct report_header *h = &j->report->header;
	MH_CLEANUP(freep) char *host = text_escape(h->host.hostname);

	clock_format(h->sealed_ms, sealed);
	(void)printf("%s: good\n  agent %s (%s)\n  epoch %s, sequence %" PRIu64
		     "\n  sealed %s\n  findings %" PRIu32 ", coverage lines %" PRIu32
		     "\n",
	    path, h->agent, host, h->epoch, h->sequence, sealed, h->n_findings,
	    h->n_coverage);
}

static bool
verify_file(const char *path, X509_STORE *store, const struct verify_options *options)
{
	MH_CLEANUP(buf_freep) struct buf *der = buf_new(CMS_ENVELOPE_MAX);
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal = { .code = "unreadable" };
	mh_err err = file_read(path, der);

	if (err == MH_ERR_TOOBIG)
		refusal = (struct refusal){ "too-big", "the file is over 1 MiB" };
	else if (err != MH_OK)
		(void)snprintf(refusal.detail, sizeof(refusal.detail), "%s",
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	else
		err = report_open(buf_data(der), buf_len(der), store, options->at_ms,
		    &report, &refusal);
	const struct judgement j = { path, report, refusal.code, refusal.detail };

	if (options->is_ndjson)
		print_json(&j);
	else
		print_text(&j);
	return err == MH_OK;
}

static const char help[] =
    "usage: molehunt verify [OPTION...] REPORT...\n"
    "\n"
    "Checks signed reports without a collector: that nobody changed a byte, and that\n"
    "the signer was an agent of the fleet when it sealed them. openssl can do the\n"
    "same: openssl cms -verify -inform DER -CAfile ca.pem -in REPORT\n"
    "\n"
    "  --ca FILE        the fleet's CA certificate (default: this agent's)\n"
    "  --at TIME        judge as of that time, such as 2026-11-23T16:00:00Z\n"
    "  --format FORMAT  text (default), or ndjson\n"
    "\n"
    "Exit status: 0 all are good, 2 at least one is not.\n";

static const char *
parse_options(int argc, char **argv, struct verify_options *ret)
{
	static const struct option longs[] = {
		{ "ca", required_argument, NULL, 'c' },
		{ "at", required_argument, NULL, 'a' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const char usage[] =
	    "a REPORT is needed; molehunt verify --help tells more";
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'c')
			ret->ca = optarg;
		else if (c == 'a' && clock_parse(optarg, &ret->at_ms) != MH_OK)
			return "--at takes a time such as 2026-11-23T16:00:00Z";
		else if (c == 'f' && strcmp(optarg, "text") != 0 &&
			 strcmp(optarg, "ndjson") != 0)
			return "--format takes text or ndjson";
		else if (c == 'f')
			ret->is_ndjson = strcmp(optarg, "ndjson") == 0;
		else if (c == 'h')
			ret->wants_help = true;
		else if (c == '?')
			return usage;
	}
	return ret->wants_help || optind < argc ? NULL : usage;
}

int
cli_verify(int argc, char **argv)
{
	struct verify_options options = { .ca = DEFAULT_CA, .at_ms = clock_real_ms() };
	MH_CLEANUP(X509_freep) X509 *ca = NULL;
	MH_CLEANUP(X509_STORE_freep) X509_STORE *store = NULL;
	const char *why = parse_options(argc, argv, &options);
	bool all_good = true;
	mh_err err;

	if (why != NULL)
		return complain("", why);
	if (options.wants_help) {
		(void)fputs(help, stdout);
		return 0;
	}
	err = certificate_load(options.ca, &ca);
	if (err != MH_OK)
		return complain(options.ca,
		    err == MH_ERR_SYSTEM ? strerror(errno)
		    : err == MH_ERR_NOTFOUND
			? "there is no such file; --ca names the fleet's CA"
			: "this is not a certificate in PEM");
	store = certificate_store_new(ca);
	for (int i = optind; i < argc; i++)
		all_good = verify_file(argv[i], store, &options) && all_good;
	return all_good ? 0 : 2;
}

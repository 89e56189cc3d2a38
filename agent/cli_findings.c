/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt findings: the resident agent's local history.
 *
 * Runs in: the caller's process, who asks the agent, or may read the spool itself.
 * Input: the agent's answer; the spool.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/control_client.h"
#include "agent/ocsf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "transport/spool.h"

enum { FINDINGS_DEFAULT = 100 };

static const char help[] =
    "usage: molehunt findings [OPTION...]\n"
    "\n"
    "What the resident agent found on this machine, the latest first. For root and the\n"
    "group molehunt.\n"
    "\n"
    "  --socket PATH    of the agent, default " CONTROL_SOCKET_DEFAULT "\n"
    "  --state FOLDER   read this folder of state itself, also without an agent\n"
    "  --since TIME     found again in the last TIME, such as 24h or 7d\n"
    "  --limit N        at most so many (default 100)\n"
    "  --format FORMAT  text (default), or ndjson: the whole findings\n";

struct listing {
	bool is_ndjson;
	uint64_t n;
};

/* finding may be NULL; path is safe to show. */
static void
print_row(struct listing *l, int64_t last_ms, int severity, uint64_t count,
    const char *rule, const char *path, const json_t *finding)
{
	char last[CLOCK_TEXT_LEN];
	MH_CLEANUP(freep) char *safe_rule = text_escape(rule);

	clock_format(last_ms, last);
	last[19] = 'Z';
	last[20] = 0;
	if (l->n == 1)
		(void)printf("%-20s  %-8s  %5s  %s\n", "LAST SEEN", "SEVERITY", "COUNT",
		    "RULE AND FILE");
	(void)printf("%-20s  %-8s  %5" PRIu64 "  %s%s\n%39s%s\n", last,
	    severity_name(severity), count, safe_rule,
	    finding_is_suppressed(finding) ? " (suppressed)" : "", "", path);
}

static bool
print_one(const struct spool_history *h, void *arg)
{
	struct listing *l = arg;
	MH_CLEANUP(freep) char *path = text_escape_bytes(h->path, h->path_len);

	l->n++;
	if (l->is_ndjson) {
		(void)printf("%s\n", h->json);
		return true;
	}
	json_t *finding = json_loads(h->json, 0, NULL);

	print_row(l, h->last_ms, h->severity, h->count, h->rule, path, finding);
	json_decref(finding);
	return true;
}

static void
print_record(void *ctx, const json_t *record)
{
	struct listing *l = ctx;
	const char *rule = json_string_value(json_object_get(record, "rule"));
	const char *path = json_string_value(json_object_get(record, "path"));
	const char *last = json_string_value(json_object_get(record, "last"));
	int64_t last_ms = 0;

	if (rule == NULL || path == NULL || last == NULL ||
	    clock_parse(last, &last_ms) != MH_OK)
		return;
	l->n++;
	if (l->is_ndjson) {
		MH_CLEANUP(freep)
		char *line = json_dumps(json_object_get(record, "finding"), JSON_COMPACT);

		(void)printf("%s\n", line != NULL ? line : "{}");
		return;
	}
	print_row(l, last_ms,
	    (int)json_integer_value(json_object_get(record, "severity")),
	    (uint64_t)json_integer_value(json_object_get(record, "count")), rule, path,
	    json_object_get(record, "finding"));
}

static int
ask_findings(const char *socket, int64_t since_ms, uint64_t limit, bool is_ndjson)
{
	struct listing l = { is_ndjson, 0 };
	MH_CLEANUP(freep) char *why = NULL;
	bool is_cut = false;
	mh_err err = control_ask(socket,
	    json_pack("{s:s, s:I, s:I}", "verb", "findings", "since_ms",
		(json_int_t)since_ms, "limit", (json_int_t)limit),
	    print_record, &l, &is_cut, &why);

	if (err != MH_OK) {
		(void)fprintf(stderr, "molehunt findings: %s\n", why);
		return EXIT_ERROR;
	}
	if (is_cut)
		(void)fprintf(stderr,
		    "molehunt findings: there are more: see --since and --limit\n");
	if (l.n == 0 && !is_ndjson)
		(void)printf("Nothing was found so far.\n");
	return EXIT_CLEAN;
}

static int
list_findings(const char *state, int64_t since_ms, uint64_t limit, bool is_ndjson)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/agent/spool.db", state);
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	struct listing l = { is_ndjson, 0 };
	mh_err err = spool_open_reader(path, &sp);

	if (err == MH_OK)
		err = spool_history_each(sp, since_ms, limit, print_one, &l);
	if (err == MH_ERR_NOTFOUND) {
		(void)fprintf(stderr,
		    "molehunt findings: %s: the agent has not run yet, or this user may "
		    "not look\n",
		    path);
		return EXIT_ERROR;
	}
	if (err != MH_OK) {
		(void)fprintf(stderr, "molehunt findings: %s: %s\n", path,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
		return EXIT_ERROR;
	}
	if (l.n == 0 && !is_ndjson)
		(void)printf("Nothing was found so far.\n");
	return EXIT_CLEAN;
}

int
cli_findings(int argc, char **argv)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "socket", required_argument, NULL, 'k' },
		{ "since", required_argument, NULL, 't' },
		{ "limit", required_argument, NULL, 'l' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket = CONTROL_SOCKET_DEFAULT;
	const char *state = NULL;
	uint64_t limit = FINDINGS_DEFAULT;
	uint64_t since = 0;
	bool is_ndjson = false;
	int code = 0;

	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		bool is_good = true;

		if (code == 's') {
			state = optarg;
		} else if (code == 'k') {
			socket = optarg;
		} else if (code == 't') {
			is_good =
			    parse_duration(optarg, 1, UINT64_MAX / 2, &since) == MH_OK;
		} else if (code == 'l') {
			is_good = parse_u64(optarg, 1, UINT32_MAX, &limit) == MH_OK;
		} else if (code == 'f') {
			is_ndjson = strcmp(optarg, "ndjson") == 0;
			is_good = is_ndjson || strcmp(optarg, "text") == 0;
		} else {
			(void)fputs(help, code == 'h' ? stdout : stderr);
			return code == 'h' ? EXIT_CLEAN : EXIT_ERROR;
		}
		if (!is_good) {
			(void)fprintf(stderr,
			    "molehunt findings: '%s' is not what is needed here\n%s",
			    optarg, help);
			return EXIT_ERROR;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "molehunt findings: what is '%s'? See --help\n",
		    argv[optind]);
		return EXIT_ERROR;
	}
	int64_t since_ms = since > 0 ? clock_real_ms() - (int64_t)since : 0;

	return state != NULL ? list_findings(state, since_ms, limit, is_ndjson)
			     : ask_findings(socket, since_ms, limit, is_ndjson);
}

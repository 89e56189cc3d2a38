/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector: the table of verbs and of their options.
 *
 * Runs in: molehunt-collector.  Input: trusted (the command line).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "build_info.h"
#include "collector/output.h"
#include "collector/verb.h"

/* Which options a verb takes, as the letters of option_rows. */
static const struct verb {
	const char *name;
	int min_args, max_args;
	const char *letters;
	verb_fn *run;
	const char *usage; /* behind the name */
	const char *summary;
	const char *help; /* what --help teaches beyond that */
} verbs[] = {
	{ "init", 1, 1, "N", verb_init, "DIR --name HOST[,HOST|ADDRESS...]",
	    "make a new collector in DIR",
	    "Makes the fleet's certificate authority, the collector's keys and "
	    "certificates, a\n"
	    "commented configuration (DIR/collector.yaml) and an empty database, and "
	    "prints what\n"
	    "to do next.  An existing collector is never changed.\n\n"
	    "  --name NAMES   names and addresses that agents use in the collector's "
	    "URL\n\n"
	    "Example:\n  molehunt-collector init /var/lib/molehunt-collector --name "
	    "hunt.example.org\n" },
	{ "serve", 0, 1, "cn", verb_serve, "DIR | --config FILE [-n]",
	    "accept agents and their reports",
	    "Listens for agents (TLS 1.3), enrols them, stores and receipts their "
	    "reports.  Prints\n"
	    "\"listening on ADDRESS:PORT\" when it is ready.  SIGTERM ends it after the "
	    "replies\n"
	    "that are under way, SIGHUP reads the certificates again.\n\n"
	    "  --config FILE  the configuration, instead of DIR/collector.yaml\n"
	    "  -n             only check the configuration and say what is wrong\n" },
	{ "token", 1, 1, "tN", verb_token, "DIR [--ttl 24h] [--name NOTE]",
	    "print a one-time token that enrols one agent",
	    "The token is shown once and stored as a hash only.  It enrols one agent, "
	    "within its\n"
	    "life, and carries the fingerprint by which the agent knows this "
	    "collector.\n\n"
	    "  --ttl TIME     its life, from 1m to 30d (24h unless said otherwise)\n"
	    "  --name NOTE    whom it is for; kept with it\n\n"
	    "Example:\n  molehunt enroll https://HOST:8443 $(molehunt-collector token "
	    "DIR)\n" },
	{ "agents", 1, 3, "f", verb_agents, "DIR [revoke UUID] [--format text|ndjson]",
	    "list the agents, or shut one out",
	    "With `revoke UUID` that agent's reports, connections and renewals are "
	    "refused from\n"
	    "then on, also by a collector that is running.\n\n"
	    "  --format FORM  text, or ndjson: one JSON object per line\n" },
	{ "findings", 1, 1, "arpsvlf", verb_findings,
	    "DIR [FILTERS] [--format text|ndjson]",
	    "list what was found, and alarms, the newest first",
	    "What came last is first.  Alarms of the collector's own stand between the "
	    "findings\n"
	    "(see `alarms`); their rule is alarm:KIND.\n\n"
	    "  --agent UUID   of this agent only\n"
	    "  --rule GLOB    of rules with such a name: 'Linux_*', 'alarm:*'\n"
	    "  --path GLOB    in files with such a path: '/home/*'\n"
	    "  --since TIME   found since then: 24h, 7d, or 2026-11-23T16:00:00Z\n"
	    "  --severity S   at least low, medium, high, critical, fatal\n"
	    "  --limit N      at most so many\n"
	    "  --format FORM  text, or ndjson: the findings as the agents signed them "
	    "(OCSF)\n" },
	{ "alarms", 1, 3, "arslfN", verb_alarms,
	    "DIR [close ID [--name NOTE]] [--format text|ndjson]",
	    "list what the collector noticed about its agents, or close it",
	    "Kinds: gap, chain, fork, rollback, clone, silence, clock, restored; what "
	    "each means,\n"
	    "what may cause it innocently and what to do stands in docs/PROTOCOL.md, "
	    "\"Alarms\".\n\n"
	    "  --agent UUID   of this agent only\n"
	    "  --rule GLOB    of such a kind: 'alarm:fork'\n"
	    "  --since TIME   that happened since then\n"
	    "  --limit N      at most so many\n"
	    "  --name NOTE    why it is closed; kept with it\n"
	    "  --format FORM  text, or ndjson: OCSF Detection Findings\n" },
	{ "reports", 1, 2, "aselof", verb_reports,
	    "DIR [--export AGENT/EPOCH/SEQUENCE FILE | --save FOLDER]",
	    "list the stored reports, or write them as files",
	    "A written report is the agent's signed bytes, with the collector's receipt "
	    "beside it;\n"
	    "anybody with the fleet's ca.pem can check it:\n"
	    "  openssl cms -verify -inform DER -CAfile ca.pem -in FILE | gunzip\n"
	    "  molehunt verify --ca ca.pem FILE\n\n"
	    "  --agent UUID   of this agent only\n"
	    "  --since TIME   received since then: 24h, or 2026-11-23T16:00:00Z\n"
	    "  --limit N      at most so many\n"
	    "  --export KEY   write this report to FILE\n"
	    "  --save FOLDER  write all of them to FOLDER (--out is the same)\n"
	    "  --format FORM  text, or ndjson: one JSON object per line\n" },
	{ "export", 1, 1, "aiuCFf", verb_export,
	    "DIR [--cursor FILE | --since-id N] [--follow] [--format ndjson|ecs]",
	    "write findings and alarms as JSON lines, each once",
	    "In the order in which they were stored.  metadata.sequence of an event "
	    "(event.sequence\n"
	    "in ECS) is the number to go on from; an alarm comes again when it "
	    "changes.\n\n"
	    "  --cursor FILE  go on from the number in FILE, and keep it there when what "
	    "is before\n"
	    "                 it was written: at least once, and exactly once for who "
	    "keeps the\n"
	    "                 number with the events\n"
	    "  --since-id N   go on behind N\n"
	    "  --follow       wait for more\n"
	    "  --coverage     also the lines about what was scanned\n"
	    "  --agent UUID   of this agent only\n"
	    "  --format FORM  ndjson: OCSF 1.8.0 (without it, too); ecs: Elastic Common "
	    "Schema 8.11\n" },
	{ "verify", 1, 1, "fS", verb_verify, "DIR [--store FILE] [--format text|ndjson]",
	    "check everything that is stored against its signatures",
	    "Checks each report's signature, its receipt, the chain of hashes and "
	    "sequences, that\n"
	    "what is kept of findings is what was signed, the alarms, the counts, and "
	    "the database\n"
	    "itself.  Works offline, also on a copy.  Exit status 0: all is well; 2: "
	    "something is\n"
	    "wrong, and it says what and where.\n\n"
	    "  --store FILE   this database (a backup) instead of DIR/store.db\n"
	    "  --format FORM  text, or ndjson: one JSON object per line\n" },
	{ "backup", 2, 2, "fV", verb_backup, "DIR FILE [--no-verify]",
	    "copy the database, also while the collector serves",
	    "The copy is one file, as of the moment at which the copying began; it is "
	    "verified.\n"
	    "Keys and certificates are not in it: what else to keep is said.\n\n"
	    "  --no-verify    do not check the copy\n"
	    "  --format FORM  of what is said about the copy: text or ndjson\n" },
	{ "doctor", 1, 1, "f", verb_doctor, "DIR [--format text|ndjson]",
	    "look for the usual troubles and say how to mend them",
	    "Names, certificates, permissions, disk, clock, address, database, "
	    "authority.\n"
	    "Exit status 0: nothing is wrong; 2: something is.\n\n"
	    "  --format FORM  text, or ndjson: one JSON object per line\n" },
};

static const struct option option_rows[] = {
	{ "name", required_argument, NULL, 'N' },
	{ "config", required_argument, NULL, 'c' },
	{ "ttl", required_argument, NULL, 't' },
	{ "agent", required_argument, NULL, 'a' },
	{ "rule", required_argument, NULL, 'r' },
	{ "path", required_argument, NULL, 'p' },
	{ "since", required_argument, NULL, 's' },
	{ "severity", required_argument, NULL, 'v' },
	{ "limit", required_argument, NULL, 'l' },
	{ "format", required_argument, NULL, 'f' },
	{ "export", required_argument, NULL, 'e' },
	{ "out", required_argument, NULL, 'o' },
	{ "save", required_argument, NULL, 'o' },
	{ "cursor", required_argument, NULL, 'u' },
	{ "since-id", required_argument, NULL, 'i' },
	{ "follow", no_argument, NULL, 'F' },
	{ "coverage", no_argument, NULL, 'C' },
	{ "store", required_argument, NULL, 'S' },
	{ "no-verify", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
complain(const char *fmt, ...)
{
	va_list args;

	(void)fputs("molehunt-collector: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return EXIT_TROUBLE;
}

mh_err
open_collector(const struct options *o, struct config *ret_config,
    struct store **ret_store)
{
	mh_err err = config_load(o->config != NULL ? o->config : o->args[0], ret_config);

	if (err != MH_OK)
		return err;

	MH_CLEANUP(freep) char *path = config_path(ret_config, FILE_STORE);

	err = store_open(path, ret_store);
	if (err != MH_OK)
		(void)complain("%s: %s", path, store_open_text(err));
	return err;
}

static void
print_help(const struct verb *only)
{
	if (only != NULL) {
		(void)printf("molehunt-collector %s %s\n\n%s.\n\n%s", only->name,
		    only->usage, only->summary, only->help);
		return;
	}
	(void)printf("molehunt-collector " MH_VERSION
		     ": receives, checks and keeps what Molehunt's "
		     "agents find.\n\n");
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++)
		(void)printf("  %-9s %s\n", verbs[i].name, verbs[i].summary);
	(void)printf("\nStart with `molehunt-collector init DIR --name HOST`.  "
		     "`molehunt-collector\n"
		     "VERB --help` explains a verb.\n");
}

static bool
split_names(const char *text, struct setting_strings *names)
{
	MH_CLEANUP(freep) char *copy = xstrdup(text);
	char *rest = copy;

	for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
		if (item[0] == 0)
			return false;
		names->items = xreallocarray(names->items, names->n + 1, sizeof(char *));
		names->items[names->n++] = xstrdup(item);
	}
	return true;
}

static bool
parse_since(const char *text, int64_t *ret_ms)
{
	uint64_t ago_ms = 0;

	if (parse_duration(text, 0, INT64_MAX / 2, &ago_ms) == MH_OK) {
		*ret_ms = clock_real_ms() - (int64_t)ago_ms;
		return true;
	}
	return clock_parse(text, ret_ms) == MH_OK;
}

/* Take one option; false when its value is not good. */
static bool
take_option(struct options *o, int letter, const char *value)
{
	switch (letter) {
	case 'N':
		o->note = value;
		return split_names(value, &o->names);
	case 'c':
		o->config = value;
		return true;
	case 't':
		return parse_duration(value, 60000, UINT64_C(30) * 86400000,
			   &o->ttl_ms) == MH_OK;
	case 'a':
		o->filter.agent = value;
		return uuid_is_valid(value);
	case 'r':
		o->filter.rule = value;
		return true;
	case 'p':
		o->filter.path = value;
		return true;
	case 's':
		return parse_since(value, &o->filter.since_ms);
	case 'v':
		o->filter.severity_min = severity_find(value);
		return o->filter.severity_min >= 0;
	case 'l':
		return parse_u64(value, 1, INT64_MAX, &o->filter.limit) == MH_OK;
	case 'f':
		o->ndjson = strcmp(value, "ndjson") == 0;
		o->ecs = strcmp(value, "ecs") == 0;
		return o->ndjson || o->ecs || strcmp(value, "text") == 0;
	case 'i':
		return parse_u64(value, 0, INT64_MAX, &o->since_id) == MH_OK;
	case 'u':
		o->cursor_file = value;
		return true;
	case 'S':
		o->store = value;
		return true;
	case 'F':
		o->follow = true;
		return true;
	case 'C':
		o->coverage = true;
		return true;
	case 'V':
		o->no_verify = true;
		return true;
	case 'e':
		o->export_key = value;
		return true;
	case 'o':
		o->out = value;
		return true;
	case 'n':
		o->check_only = true;
		return true;
	default:
		return false;
	}
}

static const char *
option_name(int letter)
{
	for (size_t i = 0; option_rows[i].name != NULL; i++) {
		if (option_rows[i].val == letter)
			return option_rows[i].name;
	}
	return "n";
}

static int
run_verb(const struct verb *verb, int argc, char **argv)
{
	struct options o = { .args = NULL, .since_id = OPTION_NONE };
	int letter = 0;
	int status = EXIT_TROUBLE;

	while ((letter = getopt_long(argc, argv, "nh", option_rows, NULL)) != -1) {
		if (letter == 'h') {
			print_help(verb);
			return EXIT_GOOD;
		}
		if (letter == '?')
			return EXIT_TROUBLE; /* getopt has said what is wrong */
		if (strchr(verb->letters, letter) == NULL)
			return complain("%s: takes no --%s; see --help", verb->name,
			    option_name(letter));
		if (!take_option(&o, letter, optarg))
			return complain("%s: --%s: \"%s\" is not possible; see --help",
			    verb->name, option_name(letter), optarg);
	}
	o.args = argv + optind;
	o.n_args = argc - optind;

	if (o.ecs && verb->run != verb_export)
		return complain("%s: --format ecs is for export", verb->name);
	if (o.n_args < verb->min_args || o.n_args > verb->max_args)
		status =
		    complain("usage: molehunt-collector %s %s", verb->name, verb->usage);
	else
		status = verb->run(&o);
	for (size_t i = 0; i < o.names.n; i++)
		free(o.names.items[i]);
	free(o.names.items);
	return status;
}

int
main(int argc, char **argv)
{
	log_init("molehunt-collector", LOG_LEVEL_INFO);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(NULL);
		return argc < 2 ? EXIT_TROUBLE : EXIT_GOOD;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("molehunt-collector " MH_VERSION);
		return EXIT_GOOD;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_verb(&verbs[i], argc - 1, argv + 1);
	}
	return complain("\"%s\": no such verb; see molehunt-collector --help", argv[1]);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt status, doctor, schedule: asking the resident agent, and telling it.
 *
 * Runs in: the caller's process.
 * Input: the agent's answers.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/control_client.h"
#include "base/attributes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

enum {
	LABEL_CELLS = 12,
	CHECK_INDENT = 24, /* cells: level and name of a check */
	CHECK_WIDTH = 80 - CHECK_INDENT,
	FOLLOW_MS = 1000,
	SHOWN_MAX = 60, /* cells of a path beside its label */
};

struct asking {
	const char *verb; /* of the command line, for messages */
	const char *socket;
	bool is_ndjson;
	bool has_colour;
	int status;
	unsigned n;
	bool is_scanning; /* a scan of a profile runs */
};

static const char *
colour(const struct asking *q, const char *code)
{
	return q->has_colour ? code : "";
}

static const char *
text_of(const json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(record, name));

	return text != NULL ? text : "";
}

static int64_t
number_of(const json_t *record, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(record, name));
}

static bool
is_true(const json_t *record, const char *name)
{
	return json_is_true(json_object_get(record, name));
}

/* One labelled line; what the agent says is shown safely. */
static void __attribute__((format(printf, 2, 3)))
line(const char *label, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)printf("%-*s", LABEL_CELLS, label);
	(void)vprintf(format, args);
	(void)printf("\n");
	va_end(args);
}

/* "Wed 25 Nov 14:03" here, from the agent's time in UTC; "never" for none. */
static char *
local_time(const json_t *record, const char *name)
{
	int64_t ms = 0;
	struct tm tm;
	char text[64];

	if (clock_parse(text_of(record, name), &ms) != MH_OK)
		return xstrdup("never");
	time_t s = (time_t)(ms / 1000);

	if (localtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%a %d %b %H:%M", &tm) == 0)
		return xstrdup("?");
	return xstrdup(text);
}

static void
show_health(struct asking *q, const json_t *r)
{
	const char *health = text_of(r, "health");
	bool is_good = strcmp(health, "good") == 0;
	MH_CLEANUP(freep) char *safe = text_escape(health);
	MH_CLEANUP(freep) char *since = local_time(r, "started");
	const json_t *reasons = json_object_get(r, "reasons");
	size_t i = 0;
	const json_t *reason = NULL;

	line("Molehunt", "%s%s%s, version %s, since %s",
	    colour(q, is_good ? GREEN : YELLOW), safe, colour(q, PLAIN),
	    text_of(r, "product"), since);
	json_array_foreach(reasons, i, reason)
	{
		MH_CLEANUP(freep) char *text = text_escape(json_string_value(reason));

		line("", "%s- %s%s", colour(q, YELLOW), text, colour(q, PLAIN));
	}
	if (strcmp(health, "failing") == 0)
		q->status = EXIT_INCOMPLETE;
}

static void
show_rules(struct asking *q, const json_t *r)
{
	line("Rules", "%" PRId64 " rules of %" PRId64 " files, %" PRId64 " left out%s",
	    number_of(r, "rules"), number_of(r, "files"), number_of(r, "files_left_out"),
	    is_true(r, "is_loading") ? "; others are being loaded" : "");
	if (text_of(r, "problem")[0] != 0) {
		MH_CLEANUP(freep) char *why = text_escape(text_of(r, "problem"));

		line("", "%sthe last reload changed nothing:%s %s", colour(q, YELLOW),
		    colour(q, PLAIN), why);
	}
}

static void
show_scan(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *profile = text_escape(text_of(r, "profile"));
	MH_CLEANUP(freep) char *state = text_escape(text_of(r, "state"));
	MH_CLEANUP(freep) char *since = local_time(r, "started");
	MH_CLEANUP(freep) char *bytes = text_size((uint64_t)number_of(r, "bytes"));
	const char *path = text_of(r, "path");

	q->is_scanning = true;
	line("Scan", "%s since %s%s: %s%s%s", profile, since,
	    number_of(r, "resumed") > 0 ? ", resumed" : "", colour(q, GREEN), state,
	    colour(q, PLAIN));
	line("",
	    "%" PRId64 " targets met, %" PRId64 " unchanged, %" PRId64
	    " scanned, %s, %" PRId64 " not scanned",
	    number_of(r, "met"), number_of(r, "unchanged"), number_of(r, "scanned"),
	    bytes, number_of(r, "missed"));
	if (json_object_get(r, "findings") != NULL)
		line("", "%s%" PRId64 " findings%s",
		    number_of(r, "findings") > 0 ? colour(q, RED) : "",
		    number_of(r, "findings"), colour(q, PLAIN));
	if (path[0] != 0) {
		MH_CLEANUP(freep) char *safe = text_escape(path);
		size_t len = strlen(safe);

		line("", "at %s%s", len > SHOWN_MAX ? "..." : "",
		    len > SHOWN_MAX ? safe + len - SHOWN_MAX : safe);
	}
}

static void
show_last(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *profile = text_escape(text_of(r, "profile"));
	MH_CLEANUP(freep) char *ended = local_time(r, "ended");

	line("Last scan", "%s, ended %s: %" PRId64 " scanned, %" PRId64 " unchanged,",
	    profile, ended, number_of(r, "scanned"), number_of(r, "unchanged"));
	if (json_object_get(r, "findings") != NULL)
		line("", "%" PRId64 " not scanned, %s%" PRId64 " findings%s",
		    number_of(r, "missed"),
		    number_of(r, "findings") > 0 ? colour(q, RED) : "",
		    number_of(r, "findings"), colour(q, PLAIN));
	else
		line("", "%" PRId64 " not scanned", number_of(r, "missed"));
}

/* What was given up to whom: "2 h 05 m to processors in use". */
static void
show_resources(struct asking *q, const json_t *r)
{
	const json_t *given = json_object_get(r, "given_up");
	size_t i = 0;
	const json_t *row = NULL;

	(void)q;
	if (text_of(r, "now")[0] != 0) {
		MH_CLEANUP(freep) char *now = text_escape(text_of(r, "now"));

		line("Resources", "%s", now);
	}
	json_array_foreach(given, i, row)
	{
		MH_CLEANUP(freep) char *to = text_escape(text_of(row, "to"));
		MH_CLEANUP(freep)
		char *time = text_duration((uint64_t)number_of(row, "ms"));

		line(i == 0 ? "Given up" : "", "%s %s", time, to);
	}
}

static void
show_watch(struct asking *q, const json_t *r)
{
	if (!is_true(r, "is_on")) {
		MH_CLEANUP(freep) char *why = text_escape(text_of(r, "why"));

		line("Watching", "%soff%s: %s", colour(q, YELLOW), colour(q, PLAIN), why);
		return;
	}
	line("Watching",
	    "%" PRId64 " file systems, %" PRId64 " not; %" PRId64 " events, %" PRId64
	    " of them to scan",
	    number_of(r, "watched"), number_of(r, "unwatched"), number_of(r, "read"),
	    number_of(r, "sent"));
	if (number_of(r, "overflows") > 0)
		line("",
		    "%s%" PRId64 " times events were lost; what they were about was "
		    "looked for%s",
		    colour(q, YELLOW), number_of(r, "overflows"), colour(q, PLAIN));
}

static void
show_delivery(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *state = text_escape(text_of(r, "state"));

	line("Delivery", "%s%s%s", is_true(r, "is_good") ? "" : colour(q, YELLOW), state,
	    colour(q, PLAIN));
	if (json_object_get(r, "waiting") != NULL)
		line("",
		    "%" PRId64 " lines and %" PRId64 " reports wait, %" PRId64
		    " reports are safe",
		    number_of(r, "waiting"), number_of(r, "sealed"),
		    number_of(r, "receipts"));
	if (json_object_get(r, "signing_until") != NULL) {
		MH_CLEANUP(freep) char *signing = local_time(r, "signing_until");
		MH_CLEANUP(freep) char *tls = local_time(r, "tls_until");

		line("", "certificates until %s (signing), %s (TLS)", signing,
		    json_object_get(r, "tls_until") != NULL ? tls : "?");
	}
	if (json_object_get(r, "trouble") != NULL) {
		MH_CLEANUP(freep) char *trouble = text_escape(text_of(r, "trouble"));

		line("", "%s%s%s", colour(q, YELLOW), trouble, colour(q, PLAIN));
	}
}

static void
show_cache(struct asking *q, const json_t *r)
{
	(void)q;
	line("Unchanged", "%" PRId64 " files are known as clean under these rules",
	    number_of(r, "entries"));
}

static void
show_policy(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *id = text_escape(text_of(r, "id"));
	MH_CLEANUP(freep) char *why = text_escape(text_of(r, "problem"));
	MH_CLEANUP(freep) char *until = local_time(r, "expires");

	if (id[0] != 0)
		line("Policy", "%s version %" PRId64 ", until %s", id,
		    number_of(r, "version"), until);
	else
		line("Policy", "none: the configuration of this machine alone");
	if (why[0] != 0)
		line("", "%s%s%s", colour(q, YELLOW), why, colour(q, PLAIN));
}

static void
show_schedule(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *profile = text_escape(text_of(r, "profile"));
	MH_CLEANUP(freep) char *at = text_escape(text_of(r, "at"));
	MH_CLEANUP(freep) char *next = local_time(r, "next");
	MH_CLEANUP(freep) char *last = local_time(r, "last");

	if (q->n == 1)
		(void)printf("%-12s  %-24s  %-18s  %s\n", "PROFILE", "AT", "NEXT",
		    "LAST");
	(void)printf("%-12s  %-24s  %-18s  %s\n", profile, at, next, last);
}

static void
show_paused(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *until = local_time(r, "until");

	line("Paused", "%sby hand%s, %s%s", colour(q, YELLOW), colour(q, PLAIN),
	    json_object_get(r, "until") != NULL ? "until " : "until resumed",
	    json_object_get(r, "until") != NULL ? until : "");
}

/* At a terminal's width: each further line begins where the first did. */
static void
put_wrapped(const char *text)
{
	MH_CLEANUP(freep) char *lines = text_wrap(text, CHECK_WIDTH, CHECK_INDENT);

	(void)printf("%s\n", lines);
}

static void
show_check(struct asking *q, const json_t *r)
{
	const char *level = text_of(r, "level");
	bool is_good = strcmp(level, "good") == 0;
	bool is_error = strcmp(level, "error") == 0;
	MH_CLEANUP(freep) char *name = text_escape(text_of(r, "name"));
	MH_CLEANUP(freep) char *text = text_escape(text_of(r, "text"));
	MH_CLEANUP(freep) char *advice = text_escape(text_of(r, "advice"));

	(void)printf("%s%-8s%s %-14s ",
	    colour(q, is_good    ? GREEN
		      : is_error ? RED
				 : YELLOW),
	    is_good    ? "good"
	    : is_error ? "error"
		       : "weaker",
	    colour(q, PLAIN), name);
	put_wrapped(text);
	if (advice[0] != 0) {
		(void)printf("%*s", CHECK_INDENT, "");
		put_wrapped(advice);
	}
	if (is_error)
		q->status = EXIT_INCOMPLETE;
}

static void
show_done(struct asking *q, const json_t *r)
{
	MH_CLEANUP(freep) char *text = text_escape(text_of(r, "text"));

	(void)q;
	(void)printf("%s\n", text);
}

static const struct {
	const char *type;
	void (*show)(struct asking *q, const json_t *record);
} shows[] = {
	{ "status", show_health },
	{ "paused", show_paused },
	{ "rules", show_rules },
	{ "scan", show_scan },
	{ "last", show_last },
	{ "resources", show_resources },
	{ "watch", show_watch },
	{ "cache", show_cache },
	{ "delivery", show_delivery },
	{ "policy", show_policy },
	{ "schedule", show_schedule },
	{ "check", show_check },
	{ "done", show_done },
};

static void
on_line(void *ctx, const json_t *record)
{
	struct asking *q = ctx;
	const char *type = text_of(record, "type");

	q->n++;
	if (q->is_ndjson) {
		MH_CLEANUP(freep) char *text = json_dumps(record, JSON_COMPACT);

		(void)printf("%s\n", text);
		q->is_scanning = q->is_scanning || strcmp(type, "scan") == 0;
		return;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(shows); i++) {
		if (strcmp(type, shows[i].type) == 0)
			shows[i].show(q, record);
	}
}

/* request is taken. */
static int
ask(struct asking *q, json_t *request)
{
	MH_CLEANUP(freep) char *why = NULL;
	bool is_cut = false;

	q->n = 0;
	q->status = EXIT_CLEAN;
	q->is_scanning = false;
	mh_err err = control_ask(q->socket, request, on_line, q, &is_cut, &why);
	(void)fflush(stdout);
	if (err != MH_OK) {
		(void)fprintf(stderr, "%s: %s\n", q->verb, why);
		return EXIT_ERROR;
	}
	if (is_cut)
		(void)fprintf(stderr, "%s: the answer was too long, and is cut\n",
		    q->verb);
	return q->status;
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "format", required_argument, NULL, 'f' },
	{ "follow", no_argument, NULL, 'w' },
	{ "for", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct wishes {
	bool is_following;
	uint64_t pause_ms;
};

/* -1: go on; else the exit status. */
static int
take_options(struct asking *q, struct wishes *w, const char *help, int argc, char **argv)
{
	int code = 0;

	*q = (struct asking){ .verb = argv[0], .socket = CONTROL_SOCKET_DEFAULT };
	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		bool is_good = true;

		if (code == 's') {
			q->socket = optarg;
		} else if (code == 'f') {
			q->is_ndjson = strcmp(optarg, "ndjson") == 0;
			is_good = q->is_ndjson || strcmp(optarg, "text") == 0;
		} else if (code == 'w') {
			w->is_following = true;
		} else if (code == 't') {
			is_good = parse_duration(optarg, 1000, 366ull * 86400000,
				      &w->pause_ms) == MH_OK;
		} else {
			(void)fputs(help, code == 'h' ? stdout : stderr);
			return code == 'h' ? EXIT_CLEAN : EXIT_ERROR;
		}
		if (!is_good) {
			(void)fprintf(stderr, "%s: '%s' is not what is needed here\n%s",
			    q->verb, optarg, help);
			return EXIT_ERROR;
		}
	}
	q->has_colour =
	    !q->is_ndjson && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	return -1;
}

static int
refuse(const struct asking *q, const char *what)
{
	(void)fprintf(stderr, "%s: what is '%s'? See --help\n", q->verb, what);
	return EXIT_ERROR;
}

static const char status_help[] =
    "usage: molehunt status [OPTION...]\n"
    "\n"
    "How the resident agent is: what it scans with, what it does now, what it gave up\n"
    "to others, what waits for delivery. Every user may ask; paths and numbers of\n"
    "findings are for root and the group molehunt.\n"
    "\n"
    "  --follow         again every second, until interrupted\n"
    "  --format FORMAT  text (default), or ndjson: one record a line\n"
    "  --socket PATH    default " CONTROL_SOCKET_DEFAULT "\n"
    "\n"
    "Exit status: 0 it works, 3 it fails in something, 2 no agent answers.\n";

/* Again and again, in the same place of a terminal. */
static int
follow(struct asking *q)
{
	const struct timespec nap = { .tv_sec = FOLLOW_MS / 1000 };
	int status = EXIT_CLEAN;

	do {
		if (q->has_colour)
			(void)printf("\033[H\033[J");
		status = ask(q, json_pack("{s:s}", "verb", "status"));
		(void)nanosleep(&nap, NULL);
	} while (status != EXIT_ERROR);
	return status;
}

int
cli_status(int argc, char **argv)
{
	struct asking q;
	struct wishes w = { false, 0 };
	int status = take_options(&q, &w, status_help, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return refuse(&q, argv[optind]);
	return w.is_following ? follow(&q)
			      : ask(&q, json_pack("{s:s}", "verb", "status"));
}

static const char doctor_help[] =
    "usage: molehunt doctor [OPTION...]\n"
    "\n"
    "What is weaker on this machine than it could be, or fails, and how to mend it.\n"
    "\n"
    "  --format FORMAT  text (default), or ndjson: one record a line\n"
    "  --socket PATH    default " CONTROL_SOCKET_DEFAULT "\n"
    "\n"
    "Exit status: 0 nothing fails, 3 something does, 2 no agent answers.\n";

int
cli_doctor(int argc, char **argv)
{
	struct asking q;
	struct wishes w = { false, 0 };
	int status = take_options(&q, &w, doctor_help, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return refuse(&q, argv[optind]);
	return ask(&q, json_pack("{s:s}", "verb", "doctor"));
}

static const char schedule_help[] =
    "usage: molehunt schedule list\n"
    "       molehunt schedule run PROFILE [--follow]\n"
    "       molehunt schedule pause [--for TIME]\n"
    "       molehunt schedule resume\n"
    "\n"
    "When the resident agent scans what. Profiles are quick, full, memory, and those of\n"
    "molehunt.yaml(5). A pause stops scans where they are, not watching. For root and\n"
    "the group molehunt.\n"
    "\n"
    "  --follow         of run: show its progress until it ends\n"
    "  --for TIME       of pause: such as 2h; without it until resumed\n"
    "  --format FORMAT  text (default), or ndjson: one record a line\n"
    "  --socket PATH    default " CONTROL_SOCKET_DEFAULT "\n";

/* Until no scan of a profile runs. */
static int
follow_scan(struct asking *q)
{
	const struct timespec nap = { .tv_sec = FOLLOW_MS / 1000 };
	int status = EXIT_CLEAN;

	do {
		(void)nanosleep(&nap, NULL);
		if (q->has_colour)
			(void)printf("\033[H\033[J");
		status = ask(q, json_pack("{s:s}", "verb", "status"));
	} while (status != EXIT_ERROR && q->is_scanning);
	return status;
}

static json_t *
schedule_request(const struct wishes *w, int argc, char **argv)
{
	const char *what = optind < argc ? argv[optind] : "";
	int n_left = argc - optind;

	if (strcmp(what, "list") == 0 && n_left == 1)
		return json_pack("{s:s}", "verb", "schedule-list");
	if (strcmp(what, "run") == 0 && n_left == 2)
		return json_pack("{s:s, s:s}", "verb", "schedule-run", "profile",
		    argv[optind + 1]);
	if (strcmp(what, "pause") == 0 && n_left == 1)
		return json_pack("{s:s, s:I}", "verb", "schedule-pause", "ms",
		    (json_int_t)w->pause_ms);
	if (strcmp(what, "resume") == 0 && n_left == 1)
		return json_pack("{s:s}", "verb", "schedule-resume");
	return NULL;
}

int
cli_schedule(int argc, char **argv)
{
	struct asking q;
	struct wishes w = { false, 0 };
	int status = take_options(&q, &w, schedule_help, argc, argv);

	if (status >= 0)
		return status;
	json_t *request = schedule_request(&w, argc, argv);

	if (request == NULL) {
		(void)fputs(schedule_help, stderr);
		return EXIT_ERROR;
	}
	status = ask(&q, request);
	if (status == EXIT_CLEAN && q.n == 0 && !q.is_ndjson)
		(void)printf("Nothing is scheduled: see schedule in molehunt.yaml(5).\n");
	return status == EXIT_CLEAN && w.is_following ? follow_scan(&q) : status;
}

static const char policy_help[] =
    "usage: molehunt policy show\n"
    "       molehunt policy apply FILE\n"
    "\n"
    "The fleet's policy, which its operator signed (minisign): schedule, profiles and\n"
    "limits that lie over the configuration of this machine. apply takes FILE and\n"
    "FILE.minisig, for root and the group molehunt; the agent checks the signature with\n"
    "the key of policy.key, see molehunt.yaml(5), and refuses older versions.\n"
    "\n"
    "  --format FORMAT  text (default), or ndjson: one record a line\n"
    "  --socket PATH    default " CONTROL_SOCKET_DEFAULT "\n";

/* The request to apply the policy at path; NULL: told. */
static json_t *
apply_request(const struct asking *q, const char *path)
{
	enum { POLICY_FILE_MAX = 200 * 1024 }; /* with its signature in one request */
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(POLICY_FILE_MAX);
	MH_CLEANUP(buf_freep) struct buf *signature = buf_new(POLICY_FILE_MAX);
	MH_CLEANUP(freep) char *other = xasprintf("%s.minisig", path);
	const char *at = path;
	mh_err err = file_read(path, text);

	if (err == MH_OK) {
		at = other;
		err = file_read(other, signature);
	}
	if (err != MH_OK) {
		(void)fprintf(stderr, "%s: %s: %s\n", q->verb, at,
		    err == MH_ERR_NOTFOUND ? "there is no such file" : mh_strerror(err));
		return NULL;
	}
	json_t *request =
	    json_pack("{s:s, s:s%, s:s%}", "verb", "policy-apply", "text", buf_data(text),
		buf_len(text), "signature", buf_data(signature), buf_len(signature));

	if (request == NULL)
		(void)fprintf(stderr, "%s: %s: it is no text in UTF-8\n", q->verb, path);
	return request;
}

int
cli_policy(int argc, char **argv)
{
	struct asking q;
	struct wishes w = { false, 0 };
	int status = take_options(&q, &w, policy_help, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind == 1 && strcmp(argv[optind], "show") == 0)
		return ask(&q, json_pack("{s:s}", "verb", "policy-show"));
	if (argc - optind == 2 && strcmp(argv[optind], "apply") == 0) {
		json_t *request = apply_request(&q, argv[optind + 1]);

		return request != NULL ? ask(&q, request) : EXIT_ERROR;
	}
	(void)fputs(policy_help, stderr);
	return EXIT_ERROR;
}

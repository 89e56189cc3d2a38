/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/delivery/load_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

void
load_die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(2);
}

unsigned
load_number(const char *text)
{
	uint64_t n = 0;

	if (parse_u64(text, 0, 100 * 1000 * 1000, &n) != MH_OK)
		load_die("a number is wrong");
	return (unsigned)n;
}

static void
take(int letter, const char *value, struct load_options *o)
{
	switch (letter) {
	case 'd':
		o->folder = value;
		break;
	case 'p':
		(void)snprintf(o->url.port, sizeof(o->url.port), "%s", value);
		break;
	case 'c':
		o->connections = load_number(value);
		break;
	case 'r':
		o->reports = load_number(value);
		break;
	case 'f':
		o->findings = load_number(value);
		break;
	case 'a':
		o->at_once = load_number(value);
		break;
	case 't':
		o->time_s = load_number(value);
		break;
	case 'j':
		o->journal = value;
		break;
	case 'T':
		o->trust = value;
		break;
	case 'P':
		o->path = value;
		break;
	case 'A':
		o->any_answer = true;
		break;
	case 'n':
		o->no_retry = true;
		break;
	case 'R':
		o->resume = true;
		break;
	default:
		exit(2);
	}
}

void
load_options_parse(int argc, char **argv, struct load_options *o)
{
	static const struct option names[] = {
		{ "collector", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },
		{ "connections", required_argument, NULL, 'c' },
		{ "reports", required_argument, NULL, 'r' },
		{ "findings", required_argument, NULL, 'f' },
		{ "at-once", required_argument, NULL, 'a' },
		{ "time", required_argument, NULL, 't' },
		{ "journal", required_argument, NULL, 'j' },
		{ "trust", required_argument, NULL, 'T' },
		{ "path", required_argument, NULL, 'P' },
		{ "any-answer", no_argument, NULL, 'A' },
		{ "no-retry", no_argument, NULL, 'n' },
		{ "resume", no_argument, NULL, 'R' },
		{ NULL, 0, NULL, 0 },
	};
	int letter = 0;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(letter, optarg, o);
	if (optind != argc - 1 || o->folder == NULL || o->url.port[0] == 0)
		load_die(
		    "usage: delivery_load send|storm|idle --collector DIR --port N ...");
	o->mode = argv[optind];
}

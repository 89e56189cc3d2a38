/* SPDX-License-Identifier: BSD-2-Clause */
/* `molehunt enroll URL TOKEN [--state DIR] [--force]` */
#include "agent/cli_enroll.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "transport/enroll.h"

#define DEFAULT_STATE "/var/lib/molehunt"

static int
complain(const char *what)
{
	(void)fprintf(stderr, "molehunt enroll: %s\n", what);
	return 2;
}

static bool
parse_options(int argc, char **argv, struct enroll_options *ret)
{
	static const struct option longs[] = {
		{ "state", required_argument, NULL, 's' },
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			ret->state = optarg;
		else if (c == 'f')
			ret->is_forced = true;
		else
			return false;
	}
	return argc - optind == 2;
}

int
cli_enroll(int argc, char **argv)
{
	struct enroll_options options = { .state = DEFAULT_STATE };
	char agent[UUID_TEXT_LEN];
	char why[ENROLL_WHY_MAX] = "";
	const char *url_why = "";
	mh_err err;

	if (!parse_options(argc, argv, &options))
		return complain(
		    "usage: molehunt enroll URL TOKEN [--state DIR] [--force]");
	if (url_parse(argv[optind], &options.url, &url_why) != MH_OK)
		return complain(url_why);
	if (token_parse(argv[optind + 1], &options.token) != MH_OK)
		return complain(
		    "this is not a token: it is 76 characters with a dot in them, as"
		    " `molehunt-collector token` prints it");
	/* A collector that goes away in mid-write is an error, not an end. */
	(void)signal(SIGPIPE, SIG_IGN);
	err = enroll(&options, agent, why);
	explicit_bzero(&options.token, sizeof(options.token));
	if (err != MH_OK)
		return complain(why[0] != 0 ? why : mh_strerror(err));
	(void)printf("Enrolled as %s with https://%s port %s.\n", agent, options.url.host,
	    options.url.port);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* `molehunt enroll URL TOKEN [--state DIR] [--force]` */
#include "agent/cli.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/host.h"
#include "transport/enroll.h"

#define DEFAULT_STATE "/var/lib/molehunt"

static const char help[] =
    "usage: molehunt enroll [OPTION...] URL TOKEN\n"
    "\n"
    "Joins this machine to the collector at URL: makes two keys, which never leave\n"
    "this machine, and has the collector certify them. TOKEN is what\n"
    "`molehunt-collector token` printed; it works once and carries the fleet's pin,\n"
    "so the collector is known from the first contact. Run it as root.\n"
    "\n"
    "  --state FOLDER   default /var/lib/molehunt\n"
    "  --force          replace the identity that is there by a new agent id; what was\n"
    "                   not delivered yet is delivered under the new one\n"
    "  --proxy URL      go through an HTTP proxy, http://[USER[:PASSWORD]@]HOST:PORT;\n"
    "                   the agent then needs delivery.proxy in molehunt.yaml(5)\n"
    "\n"
    "  molehunt enroll https://collector.example:8443 TOKEN\n";

static int
complain(const char *what)
{
	(void)fprintf(stderr, "molehunt enroll: %s\n", what);
	return 2;
}

static bool
parse_options(int argc, char **argv, struct enroll_options *ret, const char **ret_proxy,
    bool *ret_help)
{
	static const struct option longs[] = {
		{ "state", required_argument, NULL, 's' },
		{ "force", no_argument, NULL, 'f' },
		{ "proxy", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 's')
			ret->state = optarg;
		else if (c == 'f')
			ret->is_forced = true;
		else if (c == 'p')
			*ret_proxy = optarg;
		else if (c == 'h')
			*ret_help = true;
		else
			return false;
	}
	return *ret_help || argc - optind == 2;
}

int
cli_enroll(int argc, char **argv)
{
	struct enroll_options options = { .state = DEFAULT_STATE };
	char agent[UUID_TEXT_LEN];
	char why[ENROLL_WHY_MAX] = "";
	const char *url_why = "";
	const char *proxy_text = NULL;
	struct url_proxy proxy;
	struct host host;
	bool wants_help = false;
	mh_err err;

	if (!parse_options(argc, argv, &options, &proxy_text, &wants_help))
		return complain(
		    "URL and TOKEN are needed; molehunt enroll --help tells more");
	if (wants_help) {
		(void)fputs(help, stdout);
		return 0;
	}
	if (url_parse(argv[optind], &options.url, &url_why) != MH_OK)
		return complain(url_why);
	if (proxy_text != NULL && url_proxy_parse(proxy_text, &proxy, &url_why) != MH_OK)
		return complain(url_why);
	if (proxy_text != NULL)
		options.proxy = &proxy;
	if (token_parse(argv[optind + 1], &options.token) != MH_OK)
		return complain(
		    "this is not a token: it is 76 characters with a dot in them, as"
		    " `molehunt-collector token` prints it");
	/* A collector that goes away in mid-write is an error, not an end. */
	(void)signal(SIGPIPE, SIG_IGN);
	host_init(&host);
	options.machine_id = host.machine_id;
	err = enroll(&options, agent, why);
	host_clear(&host);
	explicit_bzero(&options.token, sizeof(options.token));
	explicit_bzero(&proxy, sizeof(proxy));
	if (err != MH_OK)
		return complain(why[0] != 0 ? why : mh_strerror(err));
	if (why[0] != 0)
		(void)complain(why);
	(void)printf("Enrolled as %s with https://%s port %s.\n", agent, options.url.host,
	    options.url.port);
	return 0;
}

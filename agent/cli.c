/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt: the command line.
 *
 * Runs in: the caller's process.
 * Input: arguments.
 */
#include "agent/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/log.h"
#include "base/memory.h"
#include "build_info.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "scan", cli_scan, "scan files and folders now, and print what is found" },
	{ "rules", cli_rules, "check, test, list, explain and measure packs of rules" },
	{ "ioc", cli_ioc, "check files of indicators: what is read, what is left out" },
	{ "status", cli_status, "how the resident agent is, and what it does now" },
	{ "findings", cli_findings, "what the resident agent found on this machine" },
	{ "schedule", cli_schedule, "when it scans what; run, pause and resume scans" },
	{ "policy", cli_policy,
	    "the fleet's signed policy: which is in force, apply one" },
	{ "doctor", cli_doctor,
	    "what is weaker here than it could be, and how to mend it" },
	{ "enroll", cli_enroll, "join this machine to a collector, once, with a token" },
	{ "verify", cli_verify, "check a signed report, without a collector" },
};

static void
print_help(FILE *out)
{
	(void)fprintf(out, "Molehunt finds the implants that are planted on engineering "
			   "workstations to\n"
			   "steal designs.\n\nusage: molehunt VERB [OPTION...]\n\n");
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++)
		(void)fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	(void)fprintf(out,
	    "\nmolehunt VERB --help tells more.  For a start:  molehunt scan ~\n");
}

int
main(int argc, char **argv)
{
	log_init("molehunt", LOG_LEVEL_WARN);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_ERROR;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_CLEAN;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("molehunt %s\n", MH_VERSION);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0) {
			/* getopt(3) puts this in front of what it complains of. */
			MH_CLEANUP(freep) char *name = xasprintf("molehunt %s", argv[1]);

			argv[1] = name;
			return verbs[i].run(argc - 1, argv + 1);
		}
	}
	(void)fprintf(stderr, "molehunt: no verb '%s'; see: molehunt --help\n", argv[1]);
	return EXIT_ERROR;
}

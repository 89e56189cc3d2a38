/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_DELIVERY_LOAD_OPTIONS_H
#define MH_TESTS_DELIVERY_LOAD_OPTIONS_H

#include <stdbool.h>

#include "transport/url.h"

/* What delivery_load is told to do; texts are borrowed from argv. */
struct load_options {
	const char *mode, *folder, *journal, *path;
	struct url url;
	unsigned connections, reports, findings, at_once;
	unsigned time_s;   /* the whole run takes at most so long */
	bool any_answer;   /* whatever is answered will do: another server or path */
	bool no_retry;     /* 429, 503 and broken connections end the agent's work */
	bool resume;       /* storm: connect once before, keep the ticket */
	const char *trust; /* PEM of the server's CA, when it is another */
};

#define LOAD_OPTIONS_USUAL                                                  \
	{                                                                   \
		.connections = 64, .findings = 100, .at_once = 1000 * 1000, \
		.time_s = 600, .path = "/v1/reports",                       \
		.url = {.host = "localhost" }                               \
	}

/* Read the command line into o; ends the program when it is wrong. */
void load_options_parse(int argc, char **argv, struct load_options *o);

/* A decimal number; ends the program when it is none. */
unsigned load_number(const char *text);

/* Say what is wrong and end the program. */
void load_die(const char *what) __attribute__((noreturn));

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/memory.h"

static const char *const levels[] = { "error", "warning", "notice", "info", "debug",
	NULL };
static_assert(MH_ARRAY_LEN(levels) == LOG_LEVEL_MAX_ + 1, "one word for each level");

#define AT(field) offsetof(struct config, field)
#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (UINT64_C(24) * HOUR)

static const struct setting rows[] = {
	{ "state", SETTING_PATH, AT(state), ".",
	    .help = "Folder of the certificates, the keys and the database." },
	{ "listen", SETTING_STRINGS, AT(listen), "[::]:8443", .min = 1, .max = 16,
	    .help = "Addresses and ports to accept agents on; port 0 takes a free one." },
	{ "names", SETTING_STRINGS, AT(names), .max = 16,
	    .help = "Names of this collector in its certificate; the first is shown in "
		    "URLs." },
	{ "log.level", SETTING_ENUM, AT(log_level), "info", .choices = levels,
	    .help = "The finest messages shown." },
	{ "store.max_size", SETTING_SIZE, AT(store_max_bytes), "0",
	    .max = UINT64_C(1) << 46,
	    .help = "Largest database file; 0 means as the disk allows." },
	{ "store.commit_delay", SETTING_DURATION, AT(commit_delay_ms), "5ms",
	    .max = SECOND,
	    .help = "How long a report waits for others to become durable together." },
	{ "store.commit_reports", SETTING_INTEGER, AT(commit_reports), "200", .min = 1,
	    .max = 10000, .help = "At most so many reports become durable together." },
	{ "threads.loops", SETTING_INTEGER, AT(loops), "0", .max = 64,
	    .help = "Event loops that serve connections; 0 means one for each "
		    "processor, at most 8." },
	{ "threads.verifiers", SETTING_INTEGER, AT(verifiers), "0", .max = 64,
	    .help = "Threads that verify reports; 0 means one for each processor." },
	{ "queue.reports", SETTING_INTEGER, AT(queue_reports), "2000", .min = 1,
	    .max = 1000000,
	    .help = "Reports that wait to be verified; more are told to come back "
		    "later." },
	{ "queue.size", SETTING_SIZE, AT(queue_bytes), "64MiB", .min = 1024 * 1024,
	    .max = UINT64_C(1) << 36, .help = "The same in bytes." },
	{ "limits.agent_reports", SETTING_INTEGER, AT(agent_reports), "1200",
	    .max = 1000000,
	    .help = "Reports of one agent in a minute; 0 means without limit." },
	{ "limits.agent_bytes", SETTING_SIZE, AT(agent_bytes), "256MiB",
	    .max = UINT64_C(1) << 36, .help = "The same in bytes." },
	{ "limits.uploads", SETTING_SIZE, AT(uploads_bytes), "256MiB", .min = 1024 * 1024,
	    .max = UINT64_C(1) << 40,
	    .help = "Bytes of requests under way, of all connections together." },
	{ "limits.handshakes", SETTING_INTEGER, AT(handshakes_max), "512", .min = 1,
	    .max = 100000,
	    .help = "TLS handshakes under way; who comes then waits for a turn." },
	{ "metrics.listen", SETTING_STRINGS, AT(metrics_listen), .max = 4,
	    .help = "Addresses and ports where Prometheus finds /metrics, for instance "
		    "127.0.0.1:9464; none: nowhere." },
	{ "metrics.remote", SETTING_BOOL, AT(metrics_remote), "no",
	    .help = "Whether metrics may listen on other addresses than loopback: they "
		    "are shown to anybody, without TLS." },
	{ "store.keep", SETTING_DURATION, AT(store_keep_ms), "0s", .max = 36500 * DAY,
	    .help = "How long reports and findings are kept; 0s means for good." },
	{ "alarms.silence", SETTING_DURATION, AT(silence_ms), "2d", .max = 3650 * DAY,
	    .help =
		"An agent without a report for so long is an alarm; 0s means never." },
	{ "limits.connections", SETTING_INTEGER, AT(connections_max), "8000", .min = 1,
	    .max = 1000000,
	    .help = "More connections than this are told to come back later." },
	{ "limits.enrolment_failures", SETTING_INTEGER, AT(failures_per_minute), "20",
	    .min = 1, .max = 100000,
	    .help = "Failed enrolments per minute and address before a pause." },
	{ "deadlines.handshake", SETTING_DURATION, AT(handshake_ms), "10s", .min = SECOND,
	    .max = 10 * MINUTE, .help = "For the TLS handshake." },
	{ "deadlines.headers", SETTING_DURATION, AT(headers_ms), "10s", .min = SECOND,
	    .max = 10 * MINUTE,
	    .help = "For the head of a request, from its first byte." },
	{ "deadlines.body", SETTING_DURATION, AT(body_ms), "60s", .min = SECOND,
	    .max = 10 * MINUTE, .help = "For the body of a request." },
	{ "deadlines.reply", SETTING_DURATION, AT(reply_ms), "30s", .min = SECOND,
	    .max = 10 * MINUTE, .help = "For the agent to take the answer." },
	{ "deadlines.idle", SETTING_DURATION, AT(idle_ms), "120s", .min = SECOND,
	    .max = 24 * HOUR, .help = "For a connection without a request." },
	{ "deadlines.lifetime", SETTING_DURATION, AT(lifetime_ms), "1h", .min = SECOND,
	    .max = 7 * 24 * HOUR, .help = "For a connection in all." },
	{ "certificates.agent_life", SETTING_DURATION, AT(agent_life_ms), "30d",
	    .min = MINUTE, .max = UINT64_C(398) * 24 * HOUR,
	    .help = "Life of an agent's certificates; they are renewed at two thirds." },
};

const struct settings_schema config_schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct config), NULL };

mh_err
config_load(const char *file_or_folder, struct config *ret)
{
	MH_CLEANUP(freep) char *path = NULL;
	MH_CLEANUP(freep) char *why = NULL;
	struct stat st;

	if (stat(file_or_folder, &st) == 0 && S_ISDIR(st.st_mode))
		path = xasprintf("%s/" FILE_CONFIG, file_or_folder);
	else
		path = xstrdup(file_or_folder);

	mh_err err = settings_load(&config_schema, path, ret, &why);

	if (err == MH_ERR_NOTFOUND)
		(void)fprintf(stderr,
		    "%s: not there; `molehunt-collector init DIR --name HOST` "
		    "makes a collector\n",
		    path);
	else if (err != MH_OK)
		(void)fprintf(stderr, "%s\n", why);
	return err;
}

void
config_clear(struct config *config)
{
	settings_clear(&config_schema, config);
}

char *
config_path(const struct config *config, const char *name)
{
	return xasprintf("%s/%s", config->state, name);
}

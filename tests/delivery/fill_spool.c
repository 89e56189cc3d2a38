/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an agent has in its spool after a week without its collector: fill_spool STATE
 * REPORTS seals so many reports of one finding each under the identity in STATE, as the
 * agent does.  Their paths are /week/1, /week/2 and so on.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "transport/identity.h"
#include "transport/spool.h"

enum { REPORTS_MAX = 100 * 1000, MACHINE_ID_LEN = 32 };

static void
fail(const char *what, mh_err err)
{
	(void)fprintf(stderr, "fill_spool: %s: %s\n", what, mh_strerror(err));
	exit(1);
}

static void
store_finding(struct spool *sp, uint64_t n, int64_t now_ms)
{
	MH_CLEANUP(freep) char *path = xasprintf("/week/%llu", (unsigned long long)n);
	MH_CLEANUP(freep)
	char *json =
	    xasprintf("{\"class_uid\":2004,\"activity_id\":1,\"severity_id\":4,"
		      "\"time\":%lld,\"finding_info\":{\"uid\":\"week-%llu\","
		      "\"analytic\":{\"type_id\":1,\"name\":\"mark\"}},"
		      "\"evidences\":[{\"file\":{\"name\":\"%llu\",\"path\":\"%s\","
		      "\"type_id\":1}}]}",
		(long long)now_ms, (unsigned long long)n, (unsigned long long)n, path);
	const struct spool_finding f = { .uid = path,
		.rule = "mark",
		.pack = "test",
		.severity = 4,
		.path = path,
		.path_len = strlen(path),
		.seen_ms = now_ms,
		.json = json,
		.json_len = strlen(json) };
	const struct spool_batch b = { .findings = &f,
		.n_findings = 1,
		.now_ms = now_ms };
	mh_err err = spool_store(sp, &b);

	if (err != MH_OK)
		fail("storing", err);
}

static void
seal(struct spool *sp, const struct identity *id, const char *machine_id, int64_t now_ms)
{
	MH_CLEANUP(spool_lines_freep) struct spool_lines *lines = NULL;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct report_header h = { .sealed_ms = now_ms };
	size_t taken = 0;
	size_t len = 0;
	mh_err err = spool_pending_read(sp, true, &lines);

	memcpy(h.agent, id->agent, sizeof(h.agent));
	memset(h.rule_set, '0', sizeof(h.rule_set) - 1);
	(void)snprintf(h.host.hostname, sizeof(h.host.hostname), "ws-12");
	(void)snprintf(h.host.machine_id, sizeof(h.host.machine_id), "%s", machine_id);
	(void)snprintf(h.product, sizeof(h.product), "molehunt");
	(void)snprintf(h.product_version, sizeof(h.product_version), "test");
	if (err == MH_OK)
		err = spool_next_header(sp, &h);
	if (err == MH_OK)
		err = report_seal(id->key, id->cert, &h, lines->lines, lines->n, &taken,
		    &der, &len);
	if (err == MH_OK)
		err = spool_seal(sp, lines, taken, &h, der, len);
	if (err != MH_OK)
		fail("sealing", err);
}

/* As the agent reads it: a spool of another machine would begin a new epoch. */
static void
read_machine_id(char ret[MACHINE_ID_LEN + 1])
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);
	MH_CLEANUP(fd_closep) int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

	ret[0] = 0;
	if (fd >= 0 && fd_read_all(fd, b) == MH_OK && buf_len(b) >= MACHINE_ID_LEN) {
		memcpy(ret, buf_data(b), MACHINE_ID_LEN);
		ret[MACHINE_ID_LEN] = 0;
	}
}

int
main(int argc, char **argv)
{
	MH_CLEANUP(identity_freep) struct identity *id = NULL;
	MH_CLEANUP(spool_closep) struct spool *sp = NULL;
	struct spool_opening opening = { .damaged = NULL };
	char machine_id[MACHINE_ID_LEN + 1];
	struct spool_options options = { .host_id = machine_id };
	const char *why = NULL;
	uint64_t n = 0;

	if (argc != 3 || parse_u64(argv[2], 1, REPORTS_MAX, &n) != MH_OK) {
		(void)fprintf(stderr, "usage: fill_spool STATE REPORTS\n");
		return 2;
	}
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", argv[1]);
	MH_CLEANUP(freep) char *path = xasprintf("%s/spool.db", folder);
	mh_err err = identity_load(folder, IDENTITY_AGENT, &id, &why);

	if (err != MH_OK)
		fail(why, err);
	read_machine_id(machine_id);
	err = spool_open(path, &options, clock_real_ms(), &sp, &opening);
	if (err != MH_OK)
		fail(path, err);
	for (uint64_t i = 1; i <= n; i++) {
		store_finding(sp, i, clock_real_ms());
		seal(sp, id, machine_id, clock_real_ms());
	}
	return 0;
}

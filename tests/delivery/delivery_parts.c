/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one report costs the collector, part by part, in microseconds of CPU:
 *
 *	delivery_parts DIR FINDINGS ROUNDS SCRATCH
 *
 * DIR is a collector's folder, SCRATCH a folder for a database.  Prints JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/store.h"
#include "tests/delivery/load_agents.h"
#include "transport/gzip.h"
#include "transport/json_line.h"
#include "transport/receipt.h"

enum { BATCH = 64 }; /* as 64 agents that wait for their receipts make them */

struct parts {
	struct load_fleet fleet;
	struct load_agent agent;
	struct signers *signers;
	struct report_trust trust;
	struct load_report one;
	struct report *report; /* one, opened */
	struct buf *packed;    /* its content, packed */
	struct store *st;
	unsigned n_findings, rounds;
};

static double
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
must(mh_err err, const char *what)
{
	if (err == MH_OK)
		return;
	(void)fprintf(stderr, "delivery_parts: %s: %s\n", what, mh_strerror(err));
	exit(2);
}

static void
open_known(struct parts *p)
{
	struct refusal why;
	struct report *report = NULL;

	must(report_open_trusting(p->one.der, p->one.len, &p->trust, clock_real_ms(),
		 &report, &why),
	    "report");
	report_free(report);
}

static void
open_unknown(struct parts *p)
{
	struct refusal why;
	struct report *report = NULL;

	must(report_open(p->one.der, p->one.len, p->fleet.anchors, clock_real_ms(),
		 &report, &why),
	    "report");
	report_free(report);
}

static void
check_signature(struct parts *p)
{
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_CONTENT_MAX);
	struct certificate_facts facts;

	if (!signers_verify(p->signers, p->one.der, p->one.len, clock_real_ms(), packed,
		&facts))
		must(MH_ERR_SIGNATURE, "known signer");
}

static void
unpack(struct parts *p)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(REPORT_UNPACKED_MAX);

	must(gzip_unpack(buf_data(p->packed), buf_len(p->packed), text), "gzip");
}

static void
read_lines(struct parts *p)
{
	struct report_cursor cursor = { 0, 0 };
	struct report_line line;
	struct json_line json;

	while (report_next_line(p->report, &cursor, &line)) {
		if (!json_line_read(line.text, line.len, &json))
			must(MH_ERR_FORMAT, "a line");
	}
}

static void
make_index(struct parts *p)
{
	struct report_index *index = NULL;

	must(report_index_new(p->report, &index), "index");
	report_index_free(index);
}

static void
seal(struct parts *p)
{
	/* The agent's key: what it signs with costs the same. */
	struct receipt receipt = { .sequence = 1, .received_ms = clock_real_ms() };
	uint8_t *der = NULL;
	size_t len = 0;

	memcpy(receipt.agent, p->agent.id, UUID_TEXT_LEN);
	memcpy(receipt.epoch, p->agent.epoch, UUID_TEXT_LEN);
	must(receipt_seal(p->agent.key, p->agent.signing, &receipt, &der, &len),
	    "receipt");
	free(der);
}

static double
measure(struct parts *p, void (*fn)(struct parts *p))
{
	double start = cpu_us();

	for (unsigned i = 0; i < p->rounds; i++)
		fn(p);
	return (cpu_us() - start) / p->rounds;
}

/* The store, in batches as the writer makes them; reports are opened before. */
static double
measure_store(struct parts *p)
{
	double used = 0;

	for (unsigned i = 0; i < p->rounds; i++) {
		struct load_report sealed;
		struct report *report = NULL;
		struct refusal why;
		double start;

		load_report_seal(&p->agent, p->n_findings, &sealed);
		must(report_open_trusting(sealed.der, sealed.len, &p->trust,
			 clock_real_ms(), &report, &why),
		    "report");
		MH_CLEANUP(report_index_freep) struct report_index *index = NULL;

		must(report_index_new(report, &index), "index");
		struct stored_report r = { .report = report,
			.index = index,
			.der = sealed.der,
			.der_len = sealed.len,
			.receipt = sealed.der,
			.receipt_len = 1300,
			.received_ms = clock_real_ms() };

		start = cpu_us();
		if (!store_is_in_transaction(p->st))
			must(store_begin(p->st), "begin");
		must(store_report_put(p->st, &r), "put");
		if (i % BATCH == BATCH - 1 || i == p->rounds - 1)
			must(store_commit(p->st), "commit");
		used += cpu_us() - start;
		report_free(report);
		free(sealed.der);
	}
	return used / p->rounds;
}

static void
set_up(struct parts *p, char **argv)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/parts.db", argv[4]);
	struct refusal why;
	struct certificate_facts facts;
	uint64_t n = 0;

	must(parse_u64(argv[2], 1, 10000, &n), argv[2]);
	p->n_findings = (unsigned)n;
	must(parse_u64(argv[3], 1, 1000000, &n), argv[3]);
	p->rounds = (unsigned)n;
	load_fleet_open(argv[1], &p->fleet);
	load_agent_make(&p->fleet, &p->agent);
	p->signers = signers_new(p->fleet.ca, 16);
	p->trust = (struct report_trust){ p->fleet.anchors, p->signers };
	load_report_seal(&p->agent, p->n_findings, &p->one);
	must(report_open_trusting(p->one.der, p->one.len, &p->trust, clock_real_ms(),
		 &p->report, &why),
	    "report");
	p->packed = buf_new(CMS_CONTENT_MAX);
	if (!signers_verify(p->signers, p->one.der, p->one.len, clock_real_ms(),
		p->packed, &facts))
		must(MH_ERR_SIGNATURE, "known signer");
	must(store_create(path), path);
	must(store_open(path, &p->st), path);
}

int
main(int argc, char **argv)
{
	struct parts p = { .rounds = 0 };

	if (argc != 5) {
		(void)fprintf(stderr,
		    "usage: delivery_parts DIR FINDINGS ROUNDS SCRATCH\n");
		return 2;
	}
	set_up(&p, argv);
	(void)printf("{\"findings\":%u,\"bytes\":%zu,\"unpacked\":%zu,"
		     "\"open_unknown\":%.1f,\"open_known\":%.1f,\"signature\":%.1f,"
		     "\"unpack\":%.1f,\"json\":%.1f,\"index\":%.1f,\"receipt\":%.1f,"
		     "\"store\":%.1f}\n",
	    p.n_findings, p.one.len, buf_len(p.report->text), measure(&p, open_unknown),
	    measure(&p, open_known), measure(&p, check_signature), measure(&p, unpack),
	    measure(&p, read_lines), measure(&p, make_index), measure(&p, seal),
	    measure_store(&p));
	store_close(p.st);
	report_free(p.report);
	buf_free(p.packed);
	free(p.one.der);
	signers_free(p.signers);
	load_agent_clear(&p.agent);
	load_fleet_close(&p.fleet);
	return 0;
}
